/*
 * cli/common/npy_read.c: reads NumPy's .npy files of 32-bit floats.
 *
 * The header is the text of a Python dictionary.  It is parsed as such, strictly and in any
 * order of keys, and not searched for known substrings: files come from many writers, and a
 * header that is understood by luck gives wrong numbers instead of an error.
 */
#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/common/npy.h"
#include "cli/common/report.h"

/* NumPy itself refuses to read longer ones. */
enum { MAX_HEADER_BYTES = 65536 };

struct header {
    bool has_descr, has_order, has_shape;
    char descr[32];
    bool is_fortran;
    uint32_t rank;
    int64_t dims[DEIT_MAX_RANK];
};

char *deit_npy_shape(uint32_t rank, const int64_t *dims, char *text)
{
    size_t at = 0;
    text[at++] = '(';
    for (uint32_t i = 0; i < rank && i < DEIT_MAX_RANK; i++)
        at += (size_t)snprintf(text + at, DEIT_NPY_SHAPE_BYTES - at, "%s%lld", i ? ", " : "",
                               (long long)dims[i]);
    snprintf(text + at, DEIT_NPY_SHAPE_BYTES - at, "%s)", rank == 1 ? "," : "");
    return text;
}

static void skip_space(const char **s)
{
    while (**s == ' ' || **s == '\t' || **s == '\n' || **s == '\r')
        ++*s;
}

/* Takes 'c', and space on both sides of it. */
static bool take(const char **s, char c)
{
    skip_space(s);
    if (**s != c)
        return false;
    ++*s;
    skip_space(s);
    return true;
}

/* Takes a string in single or double quotes; escapes have no place in these headers. */
static bool take_string(const char **s, char *text, size_t room)
{
    char quote = **s;
    if (quote != '\'' && quote != '"')
        return false;
    const char *end = strchr(*s + 1, quote);
    if (!end || (size_t)(end - *s) > room || memchr(*s, '\\', (size_t)(end - *s)))
        return false;
    size_t length = (size_t)(end - *s) - 1;
    memcpy(text, *s + 1, length);
    text[length] = '\0';
    *s = end + 1;
    return true;
}

static bool take_word(const char **s, const char *word)
{
    size_t length = strlen(word);
    if (strncmp(*s, word, length) != 0 || isalnum((unsigned char)(*s)[length]))
        return false;
    *s += length;
    return true;
}

static bool take_bool(const char **s, bool *value)
{
    *value = **s == 'T';
    return take_word(s, "True") || take_word(s, "False");
}

/* Takes "(2, 3,)"; Python 2 wrote an L behind long numbers. */
static bool take_shape(const char **s, struct header *header)
{
    if (!take(s, '('))
        return false;
    while (!take(s, ')')) {
        int64_t dim = 0;
        if (header->rank == DEIT_MAX_RANK || !isdigit((unsigned char)**s))
            return false;
        for (; isdigit((unsigned char)**s); ++*s) {
            if (dim > (INT64_MAX - 9) / 10)
                return false;
            dim = dim * 10 + (**s - '0');
        }
        if (**s == 'L')
            ++*s;
        header->dims[header->rank++] = dim;
        if (!take(s, ',')) {
            skip_space(s);
            if (**s != ')' || header->rank == 1) /* "(2)" is a number, not a shape */
                return false;
        }
    }
    return true;
}

static bool take_entry(const char **s, struct header *header)
{
    char key[32];
    if (!take_string(s, key, sizeof key) || !take(s, ':'))
        return false;

    bool *has;
    bool is_good;
    if (strcmp(key, "descr") == 0) {
        has = &header->has_descr;
        is_good = !*has && take_string(s, header->descr, sizeof header->descr);
    } else if (strcmp(key, "fortran_order") == 0) {
        has = &header->has_order;
        is_good = !*has && take_bool(s, &header->is_fortran);
    } else if (strcmp(key, "shape") == 0) {
        has = &header->has_shape;
        is_good = !*has && take_shape(s, header);
    } else {
        return false;
    }
    *has = true;
    return is_good;
}

static bool parse_header(const char *text, struct header *header)
{
    const char *s = text;
    *header = (struct header){ .rank = 0 };

    if (!take(&s, '{'))
        return false;
    while (!take(&s, '}')) {
        if (!take_entry(&s, header))
            return false;
        if (!take(&s, ',') && *s != '}')
            return false;
    }
    return *s == '\0' && header->has_descr && header->has_order && header->has_shape;
}

/* Reads the length field of 'version'; returns 0 if it is not there. */
static size_t read_header_length(FILE *file, int version)
{
    unsigned char bytes[4] = { 0 };
    if (fread(bytes, version == 1 ? 2 : 4, 1, file) != 1)
        return 0;
    return (size_t)bytes[0] | (size_t)bytes[1] << 8 | (size_t)bytes[2] << 16
           | (size_t)bytes[3] << 24;
}

static enum deit_status read_header(FILE *file, const char *path, struct header *header,
                                    uint64_t *header_bytes, struct deit_error *err)
{
    unsigned char magic[8];
    if (fread(magic, sizeof magic, 1, file) != 1) {
        if (ferror(file))
            return deit_report_fail(err, DEIT_ERR_IO, "%s: %s", path, strerror(errno));
        return deit_report_fail(err, DEIT_ERR_FORMAT, "%s: shorter than an NPY header", path);
    }
    if (memcmp(magic, "\x93NUMPY", 6) != 0)
        return deit_report_fail(err, DEIT_ERR_FORMAT, "%s: not an NPY file", path);
    int version = magic[6];
    if (version < 1 || version > 3 || magic[7] != 0)
        return deit_report_fail(err, DEIT_ERR_UNSUPPORTED, "%s: NPY version %d.%d, not 1.0 to 3.0",
                                path, version, magic[7]);

    size_t length = read_header_length(file, version);
    if (length > MAX_HEADER_BYTES)
        return deit_report_fail(err, DEIT_ERR_FORMAT, "%s: NPY header of %zu bytes, limit %d",
                                path, length, MAX_HEADER_BYTES);
    char *text = calloc(1, length + 1);
    if (!text)
        return deit_report_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", path);
    bool is_whole = length > 0 && fread(text, length, 1, file) == 1;
    bool is_good = is_whole && strlen(text) == length && parse_header(text, header);
    free(text);
    if (!is_good)
        return deit_report_fail(err, DEIT_ERR_FORMAT, "%s: %s NPY header", path,
                                is_whole ? "damaged" : "truncated");
    *header_bytes = sizeof magic + (version == 1 ? 2 : 4) + length;
    return DEIT_OK;
}

/* Type, order and rank are what we read, and the sizes do not overflow. */
static enum deit_status check_header(const char *path, const struct header *header,
                                     struct deit_npy_reader *reader, struct deit_error *err)
{
    if (strcmp(header->descr, "<f4") != 0)
        return deit_report_fail(err, DEIT_ERR_UNSUPPORTED,
                                "%s: array of type '%s', but f32 ('<f4') is needed", path,
                                header->descr);
    if (header->is_fortran)
        return deit_report_fail(err, DEIT_ERR_UNSUPPORTED,
                                "%s: array in Fortran order, but C order is needed", path);
    if (header->rank == 0)
        return deit_report_fail(err, DEIT_ERR_FORMAT, "%s: a single number, not an array", path);

    uint64_t elements = 1;
    for (uint32_t i = header->rank; i-- > 0;) {
        if (i == 0)
            reader->row_elements = elements;
        if (__builtin_mul_overflow(elements, (uint64_t)header->dims[i], &elements)
            || elements > INT64_MAX / sizeof(float))
            return deit_report_fail(err, DEIT_ERR_FORMAT, "%s: array is too large", path);
    }
    reader->rank = header->rank;
    memcpy(reader->dims, header->dims, sizeof reader->dims);
    reader->rows_left = (uint64_t)header->dims[0];
    return DEIT_OK;
}

static enum deit_status check_file_size(struct deit_npy_reader *reader, uint64_t header_bytes,
                                        struct deit_error *err)
{
    struct stat info;
    if (fstat(fileno(reader->file), &info) != 0 || !S_ISREG(info.st_mode))
        return DEIT_OK; /* reading will show */
    reader->is_regular = true;
    reader->modified = info.st_mtim;

    uint64_t wanted = header_bytes + reader->rows_left * reader->row_elements * sizeof(float);
    char shape[DEIT_NPY_SHAPE_BYTES];
    if ((uint64_t)info.st_size != wanted)
        return deit_report_fail(err, DEIT_ERR_FORMAT,
                                "%s: %llu bytes, but shape %s needs %llu", reader->path,
                                (unsigned long long)info.st_size,
                                deit_npy_shape(reader->rank, reader->dims, shape),
                                (unsigned long long)wanted);
    return DEIT_OK;
}

enum deit_status deit_npy_open(const char *path, struct deit_npy_reader *reader,
                               struct deit_error *err)
{
    struct deit_npy_reader opened = { .path = strdup(path) };
    struct header header;
    uint64_t header_bytes = 0;
    if (!opened.path)
        return deit_report_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", path);

    enum deit_status status;
    opened.file = fopen(path, "rbe");
    if (!opened.file) {
        status = deit_report_fail(err, DEIT_ERR_IO, "%s: %s", path, strerror(errno));
        goto fail;
    }
    status = read_header(opened.file, path, &header, &header_bytes, err);
    if (status != DEIT_OK)
        goto fail;
    status = check_header(path, &header, &opened, err);
    if (status != DEIT_OK)
        goto fail;
    status = check_file_size(&opened, header_bytes, err);
    if (status != DEIT_OK)
        goto fail;
    *reader = opened;
    return DEIT_OK;
fail:
    deit_npy_close(&opened);
    return status;
}

static bool has_changed(const struct deit_npy_reader *reader)
{
    struct stat info;
    return reader->is_regular && fstat(fileno(reader->file), &info) == 0
           && (info.st_mtim.tv_sec != reader->modified.tv_sec
               || info.st_mtim.tv_nsec != reader->modified.tv_nsec);
}

enum deit_status deit_npy_read(struct deit_npy_reader *reader, uint64_t n_rows, float *rows,
                               struct deit_error *err)
{
    size_t wanted = (size_t)(n_rows * reader->row_elements);
    if (fread(rows, sizeof(float), wanted, reader->file) != wanted) {
        if (ferror(reader->file))
            return deit_report_fail(err, DEIT_ERR_IO, "%s: %s", reader->path, strerror(errno));
        return deit_report_fail(err, DEIT_ERR_FORMAT, "%s: ends before its last row",
                                reader->path);
    }
    if (has_changed(reader))
        return deit_report_fail(err, DEIT_ERR_IO, "%s: the file was changed while it was read",
                                reader->path);
    reader->rows_left -= n_rows;
    return DEIT_OK;
}

void deit_npy_close(struct deit_npy_reader *reader)
{
    if (reader->file)
        fclose(reader->file);
    free(reader->path);
    *reader = (struct deit_npy_reader){ .file = NULL };
}
