/*
 * runtime/weight_store.c: reading weights straight into packed blocks.
 *
 * One mutex guards the list and is held while blocks are filled: a second session of the model
 * that is created meanwhile waits and then finds them ready.  Work is cut into pieces of about
 * a megabyte, so that small and large tensors keep all threads busy and the buffers on the way
 * stay small.
 */
#include "runtime/weight_store.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

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
    float *data;
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
            p->n_elements != q->n_elements)
            return false;
    }
    return true;
}

static struct deit_weight *find(struct deit_weight_store *store,
                                const struct deit_constant *constant,
                                struct deit_weight_layout layout)
{
    struct deit_weight *w = store->first;
    while (w && !(w->layout.rows == layout.rows && w->layout.k == layout.k &&
                  w->layout.nr == layout.nr && same_constant(&w->constant, constant)))
        w = w->next;
    return w;
}

static struct deit_weight *make(struct deit_weight_store *store, const struct deit_value *value,
                                struct deit_weight_layout layout)
{
    struct deit_weight *weight = calloc(1, sizeof *weight);
    if (!weight)
        return NULL;
    weight->layout = layout;
    weight->bytes = sizeof(float) * (layout.nr ? deit_linear_packed_count(layout.rows, layout.k,
                                                                          layout.nr)
                                               : layout.rows * layout.k);
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

const float *deit_weight_data(const struct deit_weight *weight)
{
    return weight->data;
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

/* Rows [begin, end) of one weight; panels are never cut. */
struct piece {
    struct deit_weight *weight;
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

static bool all_finite(const float *x, size_t n)
{
    uint32_t bad = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        bad |= (bits & 0x7f800000u) == 0x7f800000u;
    }
    return !bad;
}

static enum deit_status read_finite(const struct fill *fill, const struct deit_weight *weight,
                                    size_t first, size_t n, float *dst, struct deit_error *err)
{
    enum deit_status status =
        deit_constant_read(&weight->constant, weight->name, first, n, dst, err);
    if (status == DEIT_OK && !fill->allow_nonfinite && !all_finite(dst, n))
        return deit_fail(err, DEIT_ERR_NONFINITE, "%s: has elements that are NaN or infinite",
                         weight->name);
    return status;
}

static enum deit_status fill_piece(const struct fill *fill, const struct piece *piece,
                                   struct deit_error *err)
{
    const struct deit_weight *weight = piece->weight;
    const struct deit_weight_layout *layout = &weight->layout;
    size_t first = piece->begin * layout->k, n = (piece->end - piece->begin) * layout->k;
    if (!layout->nr)
        return read_finite(fill, weight, first, n, weight->data + first, err);

    float *rows = malloc(n * sizeof *rows);
    if (!rows)
        return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", weight->name);
    enum deit_status status = read_finite(fill, weight, first, n, rows, err);
    for (size_t r = piece->begin; status == DEIT_OK && r < piece->end; r += layout->nr) {
        size_t count = piece->end - r < layout->nr ? piece->end - r : layout->nr;
        fill->kernels.pack_f32(count, layout->k, rows + (r - piece->begin) * layout->k, layout->k,
                               layout->nr, weight->data + r * layout->k);
    }
    free(rows);
    return status;
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

/* Cuts a weight into pieces; with 'pieces' NULL only counts them. */
static size_t cut(struct deit_weight *weight, struct piece *pieces)
{
    const struct deit_weight_layout *layout = &weight->layout;
    size_t unit = layout->nr ? layout->nr : 1, n = 0;
    size_t rows = PIECE_ELEMENTS / (layout->k ? layout->k : 1) / unit * unit;
    if (rows < unit)
        rows = unit;
    for (size_t r = 0; r < layout->rows; r += rows, n++)
        if (pieces)
            pieces[n] = (struct piece){ weight, r,
                                        layout->rows - r < rows ? layout->rows : r + rows };
    return n;
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
        if (!weights[i]->is_filled)
            count += cut(weights[i], fill->pieces + count);

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
