/*
 * runtime/weight_store.c: reading weights straight into packed blocks.
 *
 * One mutex guards the list and is held while blocks are filled: a second session of the model
 * that is created meanwhile waits and then finds them ready.  Work is cut into pieces of about
 * a megabyte, so that small and large tensors keep all threads busy and the buffers on the way
 * stay small.  What is stored (k, n) is read along its rows too, a few k for all n, and spread
 * over the panels: columns of a file would be read in crumbs.
 */
#include "runtime/weight_store.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "ops/bf16.h"
#include "ops/kernels.h"
#include "ops/linear.h"
#include "runtime/constant.h"
#include "runtime/error.h"
#include "runtime/memory.h"

enum { PIECE_ELEMENTS = 256 * 1024 };

struct deit_weight {
    struct deit_weight *next;
    struct deit_constant constant; /* the key, with the layout */
    struct deit_weight_layout layout;
    char *name;
    size_t references;
    size_t bytes;
    void *data;
    bool is_filled;
};

struct deit_weight_store {
    pthread_mutex_t mutex;
    struct deit_weight *first;
    struct deit_allocator hooks;
    bool allow_nonfinite;
};

enum deit_status deit_weight_store_create(const struct deit_model_options *options,
                                          struct deit_weight_store **out, struct deit_error *err)
{
    struct deit_weight_store *store = calloc(1, sizeof *store);
    if (!store)
        return deit_fail(err, DEIT_ERR_MEMORY, "out of memory");
    pthread_mutex_init(&store->mutex, NULL);
    if (options->allocator)
        store->hooks = *options->allocator;
    store->allow_nonfinite = options->allow_nonfinite;
    *out = store;
    return DEIT_OK;
}

static void free_weight(struct deit_weight_store *store, struct deit_weight *weight)
{
    deit_block_free(&store->hooks, weight->data, weight->bytes);
    deit_constant_done(&weight->constant);
    free(weight->name);
    free(weight);
}

void deit_weight_store_free(struct deit_weight_store *store)
{
    if (!store)
        return;
    while (store->first) {
        struct deit_weight *weight = store->first;
        store->first = weight->next;
        free_weight(store, weight);
    }
    pthread_mutex_destroy(&store->mutex);
    free(store);
}

static bool same_constant(const struct deit_constant *a, const struct deit_constant *b)
{
    if (a->n_parts != b->n_parts)
        return false;
    for (size_t i = 0; i < a->n_parts; i++) {
        const struct deit_constant_part *p = &a->parts[i], *q = &b->parts[i];
        if (p->source != q->source || p->offset != q->offset || p->dtype != q->dtype ||
            p->n_elements != q->n_elements || p->is_k_major != q->is_k_major ||
            p->k_stride != q->k_stride)
            return false;
    }
    return true;
}

static bool same_layout(const struct deit_weight_layout *a, const struct deit_weight_layout *b)
{
    return a->dtype == b->dtype && a->rows == b->rows && a->k == b->k && a->nr == b->nr &&
           a->n_parts == b->n_parts && a->k_major == b->k_major && a->allows == b->allows;
}

static struct deit_weight *find(struct deit_weight_store *store,
                                const struct deit_constant *constant,
                                struct deit_weight_layout layout)
{
    struct deit_weight *w = store->first;
    while (w && !(same_layout(&w->layout, &layout) && same_constant(&w->constant, constant)))
        w = w->next;
    return w;
}

static size_t packed_bytes(const struct deit_weight_layout *layout)
{
    if (layout->n_parts)
        return sizeof(uint16_t) * deit_bf16_packed_count(layout->rows, layout->k, layout->nr,
                                                         layout->n_parts);
    size_t count = layout->nr ? deit_linear_packed_count(layout->rows, layout->k, layout->nr)
                              : layout->rows * layout->k;
    return count * deit_dtype_bytes(layout->dtype);
}

static struct deit_weight *make(struct deit_weight_store *store, const struct deit_value *value,
                                struct deit_weight_layout layout)
{
    struct deit_weight *weight = calloc(1, sizeof *weight);
    if (!weight)
        return NULL;
    weight->layout = layout;
    weight->bytes = packed_bytes(&layout);
    weight->name = strdup(value->name);
    weight->data = deit_block_alloc(&store->hooks, weight->bytes);
    if (!weight->name || !weight->data) {
        free_weight(store, weight);
        return NULL;
    }
    weight->constant = value->constant;
    for (size_t i = 0; i < weight->constant.n_parts; i++)
        deit_source_retain(weight->constant.parts[i].source);
    weight->next = store->first;
    store->first = weight;
    return weight;
}

enum deit_status deit_weight_acquire(struct deit_weight_store *store,
                                     const struct deit_value *value,
                                     struct deit_weight_layout layout, struct deit_weight **out,
                                     struct deit_error *err)
{
    pthread_mutex_lock(&store->mutex);
    struct deit_weight *weight = find(store, &value->constant, layout);
    if (!weight)
        weight = make(store, value, layout);
    if (weight)
        weight->references++;
    pthread_mutex_unlock(&store->mutex);
    if (!weight)
        return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory for %zu x %zu weights",
                         value->name, layout.rows, layout.k);
    *out = weight;
    return DEIT_OK;
}

void deit_weight_release(struct deit_weight_store *store, struct deit_weight *weight)
{
    pthread_mutex_lock(&store->mutex);
    if (--weight->references == 0) {
        struct deit_weight **link = &store->first;
        while (*link != weight)
            link = &(*link)->next;
        *link = weight->next;
        free_weight(store, weight);
    }
    pthread_mutex_unlock(&store->mutex);
}

const void *deit_weight_data(const struct deit_weight *weight)
{
    return weight->data;
}

size_t deit_weight_bytes(const struct deit_weight *weight)
{
    return weight->bytes;
}

size_t deit_weight_store_bytes(struct deit_weight_store *store)
{
    size_t bytes = 0;
    pthread_mutex_lock(&store->mutex);
    for (const struct deit_weight *w = store->first; w; w = w->next)
        bytes += w->bytes;
    pthread_mutex_unlock(&store->mutex);
    return bytes;
}

/* ------------------------------------------------------------------ filling */

/*
 * What is read at once.  Of a weight that is stored (n, k) throughout: rows [begin, end), and
 * panels are never cut.  Else: of one run of its elements (struct run), stored rows
 * [begin, end), which are rows of the weight or k.
 */
struct piece {
    struct deit_weight *weight;
    size_t run;
    size_t begin, end;
};

struct fill {
    struct piece *pieces;
    size_t n_pieces;
    bool allow_nonfinite;
    struct deit_kernels kernels;
    pthread_mutex_t mutex; /* of what follows */
    enum deit_status status;
    struct deit_error error;
};

static bool all_allowed(const float *x, size_t n, enum deit_finite allows)
{
    const uint32_t exponent = 0x7f800000u, minus_infinity = 0xff800000u;
    /* What is allowed beside finite numbers; 0 is one, so that it changes nothing. */
    const uint32_t but = allows == DEIT_FINITE_OR_MASK ? minus_infinity : 0;
    uint32_t bad = 0;
    for (size_t i = 0; allows != DEIT_ANY_FLOAT && i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        bad |= (bits & exponent) == exponent && bits != but;
    }
    return !bad;
}

static enum deit_status read_finite(const struct fill *fill, const struct deit_weight *weight,
                                    const struct deit_constant *constant, size_t first, size_t n,
                                    void *dst, struct deit_error *err)
{
    enum deit_dtype dtype = weight->layout.dtype;
    enum deit_status status =
        deit_constant_read(constant, weight->name, dtype, first, n, dst, err);
    if (status == DEIT_OK && dtype == DEIT_F32 && !fill->allow_nonfinite &&
        !all_allowed(dst, n, weight->layout.allows))
        return deit_fail(err, DEIT_ERR_NONFINITE, "%s: has elements that are NaN or infinite",
                         weight->name);
    return status;
}

/* The panel that begins with row 'r', from its 'count' rows. */
static void pack_panel(const struct fill *fill, const struct deit_weight *weight, size_t r,
                       size_t count, const float *rows)
{
    const struct deit_weight_layout *layout = &weight->layout;
    const size_t k = layout->k, depth = deit_bf16_padded(k);
    if (layout->n_parts)
        fill->kernels.pack_bf16(count, k, rows, k, layout->nr, layout->n_parts, depth,
                                (uint16_t *)weight->data + r * layout->n_parts * depth);
    else
        fill->kernels.pack_f32(count, k, rows, k, layout->nr, (float *)weight->data + r * k);
}

/* Panels of rows that are stored (n, k). */
static enum deit_status fill_rows(const struct fill *fill, const struct piece *piece,
                                  struct deit_error *err)
{
    const struct deit_weight *weight = piece->weight;
    const struct deit_weight_layout *layout = &weight->layout;
    size_t first = piece->begin * layout->k, n = (piece->end - piece->begin) * layout->k;
    if (!layout->nr)
        return read_finite(fill, weight, &weight->constant, first, n,
                           (char *)weight->data + first * deit_dtype_bytes(layout->dtype), err);

    float *rows = malloc(n * sizeof *rows);
    if (!rows)
        return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", weight->name);
    enum deit_status status = read_finite(fill, weight, &weight->constant, first, n, rows, err);
    for (size_t r = piece->begin; status == DEIT_OK && r < piece->end; r += layout->nr) {
        size_t count = piece->end - r < layout->nr ? piece->end - r : layout->nr;
        pack_panel(fill, weight, r, count, rows + (r - piece->begin) * layout->k);
    }
    free(rows);
    return status;
}

/* ------------------------------------------------------------------ stored (k, n) */

/* Rows [first_row, first_row + n_rows) of a weight, which are stored in one way. */
struct run {
    struct deit_constant constant; /* their elements, as they are stored */
    size_t first_row, n_rows;
    bool is_k_major;
    size_t k_stride; /* 0: they are all that is stored of each k */
};

static bool has_k_major(const struct deit_weight *weight)
{
    bool is = weight->layout.k_major;
    for (size_t i = 0; i < weight->constant.n_parts; i++)
        is |= weight->constant.parts[i].is_k_major;
    return is;
}

/* A weight whose layout says (k, n) is one run, whatever its parts; else each part is one. */
static size_t n_runs(const struct deit_weight *weight)
{
    return weight->layout.k_major ? 1 : weight->constant.n_parts;
}

static struct run run_of(const struct deit_weight *weight, size_t index)
{
    const struct deit_weight_layout *layout = &weight->layout;
    if (layout->k_major)
        return (struct run){ weight->constant, 0, layout->rows, true };
    struct run run = { .constant = { .n_parts = 1 } };
    for (size_t i = 0; i <= index; i++) {
        const struct deit_constant_part *part = &weight->constant.parts[i];
        run.first_row += run.n_rows;
        run.n_rows = layout->k ? part->n_elements / layout->k : 0;
        run.is_k_major = part->is_k_major;
        run.k_stride = part->k_stride == run.n_rows ? 0 : part->k_stride;
        run.constant.parts[0] = *part;
        run.constant.parts[0].is_k_major = false;
    }
    return run;
}

/* Row r, element i of a weight stands at src[r * row_stride + i * k_stride]. */
struct placement {
    size_t row, n_rows, k, n_k; /* where in the weight */
    const float *src;
    size_t row_stride, k_stride;
};

/* Writes lanes of panels; who writes the last row also clears the lanes behind it. */
static void place(const struct deit_weight_layout *layout, const struct placement *at,
                  float *panels)
{
    size_t nr = layout->nr ? layout->nr : 1, end = at->row + at->n_rows;
    for (size_t r = at->row, next; r < end; r = next) {
        size_t lane = r % nr, n = end - r < nr - lane ? end - r : nr - lane;
        size_t padding = r + n == layout->rows ? nr - lane - n : 0;
        const float *src = at->src + (r - at->row) * at->row_stride;
        float *dst = panels + (r - lane) * layout->k + at->k * nr + lane;
        for (size_t i = 0; i < at->n_k; i++, dst += nr, src += at->k_stride) {
            if (at->row_stride == 1)
                memcpy(dst, src, n * sizeof *dst);
            else
                for (size_t j = 0; j < n; j++)
                    dst[j] = src[j * at->row_stride];
            if (padding)
                memset(dst + n, 0, padding * sizeof *dst);
        }
        next = r + n;
    }
}

/* Stored rows [begin, end) of a run, 'width' elements each, one behind the other. */
static enum deit_status read_run(const struct fill *fill, const struct piece *piece,
                                 const struct run *run, size_t width, float *buffer,
                                 struct deit_error *err)
{
    if (!run->k_stride)
        return read_finite(fill, piece->weight, &run->constant, piece->begin * width,
                           width * (piece->end - piece->begin), buffer, err);
    enum deit_status status = DEIT_OK;
    for (size_t k = piece->begin; status == DEIT_OK && k < piece->end; k++, buffer += width) {
        struct deit_constant row = run->constant;
        row.parts[0].offset +=
            (uint64_t)k * run->k_stride * deit_dtype_bytes(row.parts[0].dtype);
        status = read_finite(fill, piece->weight, &row, 0, width, buffer, err);
    }
    return status;
}

/*
 * The same of bf16 parts.  Whole panel rows from pairs of k are one kernel; else a line of the
 * source is split and its elements are spread.  Both round by the same instruction.
 */
static enum deit_status place_bf16(const struct fill *fill, const struct deit_weight *weight,
                                   const struct placement *at, struct deit_error *err)
{
    const struct deit_weight_layout *layout = &weight->layout;
    uint16_t *panels = weight->data;
    const size_t nr = layout->nr, end = at->row + at->n_rows, depth = deit_bf16_padded(layout->k);
    const size_t panel_size = nr * depth * layout->n_parts;
    if (at->row_stride == 1 && at->row % nr == 0 && (end % nr == 0 || end == layout->rows)) {
        for (size_t r = at->row; r < end; r += nr)
            fill->kernels.interleave_bf16(at->n_k, end - r < nr ? end - r : nr,
                                          at->src + (r - at->row), at->k_stride, nr,
                                          layout->n_parts, nr * depth,
                                          panels + r / nr * panel_size + at->k * nr);
        return DEIT_OK;
    }
    const bool is_row = at->k_stride == 1;
    const size_t n_lines = is_row ? at->n_rows : at->n_k, width = is_row ? at->n_k : at->n_rows;
    uint16_t *line = malloc(layout->n_parts * width * sizeof *line);
    if (!line)
        return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", weight->name);
    for (size_t i = 0; i < n_lines; i++) {
        const struct deit_split_bf16_args args = {
            .k = width, .k_padded = width, .n_parts = layout->n_parts,
            .src = at->src + i * (is_row ? at->row_stride : at->k_stride),
            .dst = line, .part_stride = width,
        };
        fill->kernels.split_bf16(1, &args);
        for (size_t j = 0; j < width; j++) {
            const size_t r = at->row + (is_row ? i : j), k = at->k + (is_row ? j : i);
            uint16_t *dst = panels + r / nr * panel_size + (k - k % 2) * nr + r % nr * 2 + k % 2;
            for (size_t p = 0; p < layout->n_parts; p++)
                dst[p * nr * depth] = line[p * width + j];
        }
    }
    free(line);
    return DEIT_OK;
}

/* A piece of a weight that is stored (k, n), or of which some parts are. */
static enum deit_status fill_run(const struct fill *fill, const struct piece *piece,
                                 struct deit_error *err)
{
    const struct deit_weight *weight = piece->weight;
    const struct deit_weight_layout *layout = &weight->layout;
    struct run run = run_of(weight, piece->run);
    size_t width = run.is_k_major ? run.n_rows : layout->k, height = piece->end - piece->begin;
    if (!width || !height)
        return DEIT_OK;
    float *buffer = malloc(width * height * sizeof *buffer);
    if (!buffer)
        return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", weight->name);

    enum deit_status status = read_run(fill, piece, &run, width, buffer, err);
    struct placement at = { .row = run.first_row, .n_rows = run.n_rows, .k = piece->begin,
                            .n_k = height, .src = buffer, .row_stride = 1, .k_stride = width };
    if (!run.is_k_major)
        at = (struct placement){ .row = run.first_row + piece->begin, .n_rows = height, .k = 0,
                                 .n_k = layout->k, .src = buffer, .row_stride = width,
                                 .k_stride = 1 };
    if (status == DEIT_OK && layout->n_parts)
        status = place_bf16(fill, weight, &at, err);
    else if (status == DEIT_OK)
        place(layout, &at, weight->data);
    free(buffer);
    return status;
}

static enum deit_status fill_piece(const struct fill *fill, const struct piece *piece,
                                   struct deit_error *err)
{
    return has_k_major(piece->weight) ? fill_run(fill, piece, err) : fill_rows(fill, piece, err);
}

static void run_piece(void *arg, size_t index)
{
    struct fill *fill = arg;
    struct deit_error error = { 0 };
    enum deit_status status = fill_piece(fill, &fill->pieces[index], &error);
    if (status == DEIT_OK)
        return;
    pthread_mutex_lock(&fill->mutex);
    fill->status = status;
    fill->error = error;
    pthread_mutex_unlock(&fill->mutex);
}

/* Cuts n stored rows of 'width' elements into pieces; with 'pieces' NULL only counts them. */
static size_t cut_rows(struct deit_weight *weight, size_t run, size_t n, size_t width, size_t unit,
                       struct piece *pieces)
{
    size_t rows = PIECE_ELEMENTS / (width ? width : 1) / unit * unit, count = 0;
    if (rows < unit)
        rows = unit;
    for (size_t r = 0; r < n; r += rows, count++)
        if (pieces)
            pieces[count] = (struct piece){ weight, run, r, n - r < rows ? n : r + rows };
    return count;
}

static size_t cut(struct deit_weight *weight, struct piece *pieces)
{
    const struct deit_weight_layout *layout = &weight->layout;
    size_t n = 0;
    if (!has_k_major(weight))
        return cut_rows(weight, 0, layout->rows, layout->k, layout->nr ? layout->nr : 1, pieces);
    for (size_t i = 0; i < n_runs(weight); i++) {
        struct run run = run_of(weight, i);
        n += cut_rows(weight, i, run.is_k_major ? layout->k : run.n_rows,
                      run.is_k_major ? run.n_rows : layout->k, layout->n_parts ? 2 : 1,
                      pieces ? pieces + n : NULL);
    }
    return n;
}

/* Parts of what is stored (k, n) are spread element by element, which leaves padding out. */
static void clear_padding(struct deit_weight *weight)
{
    const struct deit_weight_layout *layout = &weight->layout;
    if (layout->n_parts && has_k_major(weight) &&
        (layout->rows % layout->nr || layout->k != deit_bf16_padded(layout->k)))
        memset(weight->data, 0, weight->bytes);
}

static enum deit_status fill_all(struct fill *fill, struct deit_weight **weights, size_t n,
                                 struct deit_team *team, struct deit_error *err)
{
    for (size_t i = 0; i < n; i++)
        if (!weights[i]->is_filled)
            fill->n_pieces += cut(weights[i], NULL);
    if (!fill->n_pieces)
        return DEIT_OK;
    fill->pieces = calloc(fill->n_pieces, sizeof *fill->pieces);
    if (!fill->pieces)
        return deit_fail(err, DEIT_ERR_MEMORY, "out of memory");
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        if (!weights[i]->is_filled) {
            clear_padding(weights[i]);
            count += cut(weights[i], fill->pieces + count);
        }

    deit_team_for(team, fill->n_pieces, run_piece, fill);
    free(fill->pieces);
    if (fill->status != DEIT_OK) {
        if (err)
            *err = fill->error;
        return fill->status;
    }
    for (size_t i = 0; i < n; i++)
        weights[i]->is_filled = true;
    return DEIT_OK;
}

enum deit_status deit_weights_fill(struct deit_weight_store *store, struct deit_weight **weights,
                                   size_t n, struct deit_team *team, struct deit_error *err)
{
    struct fill fill = { .allow_nonfinite = store->allow_nonfinite };
    deit_kernels_init(&fill.kernels, deit_cpu_level());
    pthread_mutex_init(&fill.mutex, NULL);
    pthread_mutex_lock(&store->mutex);
    enum deit_status status = fill_all(&fill, weights, n, team, err);
    pthread_mutex_unlock(&store->mutex);
    pthread_mutex_destroy(&fill.mutex);
    return status;
}
