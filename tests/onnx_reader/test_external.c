/*
 * tests/onnx_reader/test_external.c: tensors in files beside the model, and all the places where
 * such a file must not be.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "loaders/source_file.h"
#include "runtime/constant.h"
#include "tests/onnx_reader/make.h"

/*
 * base/outside.bin      16 bytes
 * base/beside/other.bin 16 bytes
 * base/model/           where the model lies; data.bin has 64 bytes, sub/deep.bin 16
 */
static char base[512];

static const char *in_base(const char *name)
{
    static char path[2][1024];
    static int turn;
    turn ^= 1;
    snprintf(path[turn], sizeof path[turn], "%s/%s", base, name);
    return path[turn];
}

static void write_file(const char *name, size_t n)
{
    FILE *file = fopen(in_base(name), "wb");
    assert_non_null(file);
    for (size_t i = 0; i < n; i++)
        fputc((int)i, file);
    assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
    (void)state;
    const char *tmp = getenv("TMPDIR");
    snprintf(base, sizeof base, "%s/deit-onnx-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(base) || mkdir(in_base("model"), 0700) || mkdir(in_base("model/sub"), 0700) ||
        mkdir(in_base("beside"), 0700) || mkdir(in_base("model2"), 0700))
        return -1;
    write_file("outside.bin", 16);
    write_file("beside/other.bin", 16);
    write_file("model2/other.bin", 16);
    write_file("model/data.bin", 64);
    write_file("model/sub/deep.bin", 16);
    write_file("model/short.bin", 0);
    return symlink("../outside.bin", in_base("model/link_out")) ||
           symlink("../beside", in_base("model/folder_out")) ||
           symlink("../model2/other.bin", in_base("model/link_sibling")) ||
           symlink("../data.bin", in_base("model/sub/link_in")) ||
           symlink("nowhere", in_base("model/dangling")) ||
           symlink("loop", in_base("model/loop")) ||
           symlink("model", in_base("model_link")) ||
           link(in_base("outside.bin"), in_base("model/hard")) ||
           mkfifo(in_base("model/fifo"), 0600);
}

static void remove_all(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    while (folder && (entry = readdir(folder)) != NULL) {
        char inside[2048];
        struct stat st;
        snprintf(inside, sizeof inside, "%s/%s", path, entry->d_name);
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..") || lstat(inside, &st))
            continue;
        if (S_ISDIR(st.st_mode))
            remove_all(inside);
        else
            unlink(inside);
    }
    if (folder)
        closedir(folder);
    rmdir(path);
}

static int tear_down(void **state)
{
    (void)state;
    remove_all(base);
    return 0;
}

/* ------------------------------------------------------------------ one tensor */

struct place {
    const char *location, *offset, *length; /* NULL: without the key */
    const char *extra;                      /* another key, with value "x" */
};

/* A tensor of n bytes. */
static struct bytes make_external(const char *name, int64_t n, const struct place *place)
{
    struct bytes tensor = make_tensor(name, UINT8, 1, &n);
    const char *const keys[] = { "location", "offset", "length", place->extra };
    const char *const values[] = { place->location, place->offset, place->length,
                                   place->extra ? "x" : NULL };
    for (int i = 0; i < 4; i++) {
        if (!values[i])
            continue;
        struct bytes entry = { 0 };
        put_text(&entry, 1, keys[i]);
        put_text(&entry, 2, values[i]);
        put_message(&tensor, TENSOR_EXTERNAL, &entry);
    }
    put_int(&tensor, TENSOR_LOCATION, 1);
    return tensor;
}

/* Writes 'folder'/model.onnx and reads it. */
static struct deit_onnx *open_model(struct bytes *graph, const char *folder, bool follow_links)
{
    struct bytes file = make_model(graph);
    char path[1100];
    snprintf(path, sizeof path, "%s/model.onnx", in_base(folder));
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(file.data, 1, file.n, out), file.n);
    fclose(out);
    bytes_done(&file);

    struct deit_source *source = NULL;
    struct deit_onnx *onnx = NULL;
    struct deit_error err = { 0 };
    struct deit_model_options options = { .size = sizeof options, .follow_links = follow_links };
    enum deit_status status = deit_source_open_file(path, &source, &err);
    if (status == DEIT_OK)
        status = deit_onnx_read(source, path, &options, &onnx, &err);
    deit_source_release(source);
    if (status != DEIT_OK)
        fail_msg("%s", err.message);
    return onnx;
}

static enum deit_status resolve(int64_t n, const struct place *place, const char *folder,
                                bool follow_links, unsigned char *data, struct deit_error *err)
{
    struct bytes graph = make_graph(), tensor = make_external("w", n, place);
    put_message(&graph, GRAPH_INITIALIZER, &tensor);
    struct deit_onnx *onnx = open_model(&graph, folder, follow_links);
    struct deit_onnx_tensor t;
    enum deit_status status =
        deit_onnx_tensor(onnx, onnx->model->graph->initializer[0], NULL, &t, err);
    deit_onnx_free(onnx);
    if (status != DEIT_OK)
        return status;
    const struct deit_constant_part *part = &t.constant.parts[0];
    if (n)
        status = deit_source_read(part->source, part->offset, (size_t)n, data, err);
    deit_constant_done(&t.constant);
    return status;
}

/* The first byte of each file is its offset. */
static void accept(int64_t n, struct place place, const char *folder, bool follow_links,
                   unsigned char first)
{
    unsigned char data[64] = { 0xee };
    struct deit_error err = { 0 };
    if (resolve(n, &place, folder, follow_links, data, &err) != DEIT_OK)
        fail_msg("%s: %s", place.location, err.message);
    assert_int_equal(data[0], first);
}

static void refuse(int64_t n, struct place place, enum deit_status status, const char *says)
{
    unsigned char data[64];
    struct deit_error err = { 0 };
    must_say(resolve(n, &place, "model", false, data, &err), &err, status, says);
}

static void test_ranges(void **state)
{
    (void)state;
    accept(64, (struct place){ "data.bin" }, "model", false, 0);
    accept(8, (struct place){ "data.bin", "56", "8" }, "model", false, 56);
    accept(8, (struct place){ "data.bin", "0000000000000000000000000001" }, "model", false, 1);
    accept(8, (struct place){ "data.bin", .extra = "checksum" }, "model", false, 0);
    accept(8, (struct place){ "./data.bin" }, "model", false, 0);
    accept(8, (struct place){ "sub//deep.bin", "4" }, "model", false, 4);
    accept(0, (struct place){ "not_there" }, "model", false, 0xee);

    refuse(65, (struct place){ "data.bin" }, DEIT_ERR_FORMAT,
           "65 bytes at offset 0 of 'data.bin', which has 64");
    refuse(8, (struct place){ "data.bin", "57" }, DEIT_ERR_FORMAT, "8 bytes at offset 57");
    refuse(8, (struct place){ "data.bin", "18446744073709551615" }, DEIT_ERR_FORMAT,
           "at offset 18446744073709551615");
    refuse(8, (struct place){ "data.bin", "18446744073709551616" }, DEIT_ERR_FORMAT,
           "offset '18446744073709551616' is not a number of bytes");
    refuse(8, (struct place){ "data.bin", "-1" }, DEIT_ERR_FORMAT, "offset '-1' is not a number");
    refuse(8, (struct place){ "data.bin", " 1" }, DEIT_ERR_FORMAT, "is not a number");
    refuse(8, (struct place){ "data.bin", "" }, DEIT_ERR_FORMAT, "is not a number");
    refuse(8, (struct place){ "data.bin", "0x8" }, DEIT_ERR_FORMAT, "is not a number");
    refuse(8, (struct place){ "data.bin", NULL, "9" }, DEIT_ERR_FORMAT,
           "external data of 9 bytes, its shape and type need 8");
    refuse(8, (struct place){ NULL, "0" }, DEIT_ERR_FORMAT, "external data without a location");
    refuse(8, (struct place){ "" }, DEIT_ERR_FORMAT, "external data without a location");
    refuse(8, (struct place){ "data.bin", .extra = "location" }, DEIT_ERR_FORMAT,
           "key 'location' is there twice");
    refuse(8, (struct place){ "short.bin" }, DEIT_ERR_FORMAT, "which has 0");
}

static void test_containment(void **state)
{
    (void)state;
    refuse(8, (struct place){ "/etc/passwd" }, DEIT_ERR_FORMAT, "an absolute path");
    refuse(8, (struct place){ "../outside.bin" }, DEIT_ERR_FORMAT, "a path with '..'");
    refuse(8, (struct place){ "sub/../data.bin" }, DEIT_ERR_FORMAT, "a path with '..'");
    refuse(8, (struct place){ "sub/.." }, DEIT_ERR_FORMAT, "a path with '..'");
    refuse(8, (struct place){ "not_there" }, DEIT_ERR_IO, "'not_there': No such file");
    refuse(8, (struct place){ "dangling" }, DEIT_ERR_IO, "No such file");
    refuse(8, (struct place){ "loop" }, DEIT_ERR_IO, "symbolic links");
    refuse(8, (struct place){ "sub" }, DEIT_ERR_IO, "not a regular file");
    refuse(8, (struct place){ "." }, DEIT_ERR_IO, "not a regular file");
    refuse(8, (struct place){ "fifo" }, DEIT_ERR_IO, "not a regular file");
    refuse(8, (struct place){ "link_out" }, DEIT_ERR_FORMAT,
           "a symbolic link leads out of the model's folder; --follow-links");
    refuse(8, (struct place){ "folder_out/other.bin" }, DEIT_ERR_FORMAT, "--follow-links");
    refuse(8, (struct place){ "link_sibling" }, DEIT_ERR_FORMAT, "--follow-links");
    accept(8, (struct place){ "hard" }, "model", false, 0);
    accept(8, (struct place){ "sub/link_in", "9" }, "model", false, 9);
    refuse(8, (struct place){ "...data" }, DEIT_ERR_IO, "No such file"); /* not '..' */
}

static void test_follow_links(void **state)
{
    (void)state;
    accept(8, (struct place){ "link_out", "1" }, "model", true, 1);
    accept(8, (struct place){ "folder_out/other.bin", "2" }, "model", true, 2);
    /* the folder itself may be reached by a link */
    accept(8, (struct place){ "data.bin", "3" }, "model_link", false, 3);
    unsigned char data[64];
    struct deit_error err = { 0 };
    struct place place = { "../outside.bin" };
    must_say(resolve(8, &place, "model", true, data, &err), &err, DEIT_ERR_FORMAT, "'..'");
}

static void test_both_kinds(void **state)
{
    (void)state;
    struct place place = { "data.bin" };
    struct bytes graph = make_graph(), tensor = make_external("w", 8, &place);
    put_run(&tensor, TENSOR_RAW, "12345678", 8);
    put_message(&graph, GRAPH_INITIALIZER, &tensor);
    struct deit_onnx *onnx = open_model(&graph, "model", false);
    struct deit_onnx_tensor t;
    struct deit_error err = { 0 };
    must_say(deit_onnx_tensor(onnx, onnx->model->graph->initializer[0], NULL, &t, &err), &err,
             DEIT_ERR_FORMAT, "tensor 'w': has external data and raw_data");
    deit_onnx_free(onnx);
}

static void test_from_memory(void **state)
{
    (void)state;
    struct place place = { "data.bin" };
    struct bytes graph = make_graph(), tensor = make_external("w", 8, &place);
    put_message(&graph, GRAPH_INITIALIZER, &tensor);
    struct bytes file = make_model(&graph);
    struct deit_onnx *onnx = must_read(&file);
    struct deit_onnx_tensor t;
    struct deit_error err = { 0 };
    must_say(deit_onnx_tensor(onnx, onnx->model->graph->initializer[0], NULL, &t, &err), &err,
             DEIT_ERR_UNSUPPORTED, "a model in memory has no files beside it");
    deit_onnx_free(onnx);
    bytes_done(&file);
}

/* All tensors of a file share one descriptor. */
static void test_shared_source(void **state)
{
    (void)state;
    static const struct place places[] = {
        { "data.bin", "0" }, { "sub/deep.bin", "1" }, { "data.bin", "8" },
        { "data.bin", "60", "4" },
    };
    struct bytes graph = make_graph();
    for (int i = 0; i < 4; i++) {
        char name[8];
        snprintf(name, sizeof name, "w%d", i);
        struct bytes tensor = make_external(name, 4, &places[i]);
        put_message(&graph, GRAPH_INITIALIZER, &tensor);
    }
    struct deit_onnx *onnx = open_model(&graph, "model", false);
    struct deit_onnx_tensor t[4];
    struct deit_error err;
    for (int i = 0; i < 4; i++)
        assert_int_equal(
            deit_onnx_tensor(onnx, onnx->model->graph->initializer[i], NULL, &t[i], &err), DEIT_OK);
    assert_int_equal(onnx->n_externals, 2);
    assert_ptr_equal(t[0].constant.parts[0].source, t[3].constant.parts[0].source);
    assert_ptr_not_equal(t[0].constant.parts[0].source, t[1].constant.parts[0].source);
    deit_onnx_free(onnx);
    for (int i = 0; i < 4; i++)
        deit_constant_done(&t[i].constant);
}

/* A file that shrinks while it is read is an error of its own. */
static void test_shrinking_file(void **state)
{
    (void)state;
    struct bytes graph = make_graph(), file = make_model(&graph);
    write_file("model/shrinks.onnx", 70000);
    FILE *out = fopen(in_base("model/shrinks.onnx"), "r+b");
    assert_non_null(out);
    assert_int_equal(fwrite(file.data, 1, file.n, out), file.n);
    fclose(out);
    bytes_done(&file);
    struct deit_source *source = NULL;
    struct deit_onnx *onnx = NULL;
    struct deit_error err = { 0 };
    assert_int_equal(deit_source_open_file(in_base("model/shrinks.onnx"), &source, &err), DEIT_OK);
    assert_int_equal(truncate(in_base("model/shrinks.onnx"), 1000), 0);
    must_say(deit_onnx_read(source, NULL, NULL, &onnx, &err), &err, DEIT_ERR_IO,
             "the file shrank while it was read");
    deit_source_release(source);
}

/* Each name of a file takes a descriptor, and one file has endless names. */
static void test_many_files(void **state)
{
    (void)state;
    enum { MAX_FILES = 768 };
    struct bytes graph = make_graph();
    for (int i = 0; i <= MAX_FILES; i++) {
        char location[2 * MAX_FILES + 16] = "", name[16];
        for (int k = 0; k < i; k++)
            memcpy(location + 2 * k, "./", 3);
        memcpy(location + 2 * i, "data.bin", sizeof "data.bin");
        snprintf(name, sizeof name, "w%d", i);
        struct place place = { location };
        struct bytes tensor = make_external(name, 4, &place);
        put_message(&graph, GRAPH_INITIALIZER, &tensor);
    }
    struct deit_onnx *onnx = open_model(&graph, "model", false);
    struct deit_error err = { 0 };
    enum deit_status status;
    resolve_all(onnx, &err, &status);
    if (status == DEIT_ERR_IO) /* the system's own limit came first */
        must_say(status, &err, DEIT_ERR_IO, "Too many open files");
    else
        must_say(status, &err, DEIT_ERR_LIMIT, "file 769 of external data, at most 768");
    deit_onnx_free(onnx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranges),        cmocka_unit_test(test_containment),
        cmocka_unit_test(test_follow_links),  cmocka_unit_test(test_both_kinds),
        cmocka_unit_test(test_from_memory),   cmocka_unit_test(test_shared_source),
        cmocka_unit_test(test_shrinking_file), cmocka_unit_test(test_many_files),
    };
    return cmocka_run_group_tests_name("onnx_external", tests, set_up, tear_down);
}
