/*
 * runtime/kind_resize_positions.c: a position table for another grid of patches.
 *
 * It depends on shapes alone, so it is computed once when a session is made.  Two published
 * rules exist: timm resizes with antialiasing (Keys' cubic with a = -0.5, support widened when
 * shrinking), Hugging Face without (a = -0.75, four taps, edges repeated).  Both treat pixel
 * centres as half-integers.
 */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/constant.h"
#include "runtime/error.h"
#include "runtime/kind.h"

enum { TABLE, IMAGE };

struct grid {
    size_t height, width;
};

static struct grid wanted_grid(const struct deit_graph *graph, const struct deit_node *node)
{
    const struct deit_resize_positions_attrs *attrs = &node->attrs.resize_positions;
    const struct deit_shape *image = deit_input_shape(graph, node, IMAGE);
    return (struct grid){ (size_t)image->dims[2] / attrs->patch_height,
                          (size_t)image->dims[3] / attrs->patch_width };
}

static enum deit_status infer(struct deit_graph *graph, const struct deit_node *node,
                              struct deit_error *err)
{
    const struct deit_resize_positions_attrs *attrs = &node->attrs.resize_positions;
    const struct deit_shape *image = deit_input_shape(graph, node, IMAGE);
    int64_t d = deit_input_shape(graph, node, TABLE)->dims[1];
    int64_t rows = (int64_t)attrs->n_prefix + (int64_t)attrs->grid_height * attrs->grid_width;
    if (image->rank != 4 || image->dims[2] < attrs->patch_height ||
        image->dims[3] < attrs->patch_width)
        return deit_fail(err, DEIT_ERR_ARGUMENT, "%s: patches of %u x %u do not fit into the image",
                         node->name, attrs->patch_height, attrs->patch_width);
    struct grid grid = wanted_grid(graph, node);
    bool is_own = image->dims[2] == attrs->image_height && image->dims[3] == attrs->image_width;
    if (!is_own && (image->dims[2] % attrs->patch_height || image->dims[3] % attrs->patch_width))
        return deit_fail(err, DEIT_ERR_ARGUMENT,
                         "%s: an image of %lld x %lld is neither the model's %u x %u "
                         "nor a multiple of its patches of %u x %u",
                         node->name, (long long)image->dims[2], (long long)image->dims[3],
                         attrs->image_height, attrs->image_width, attrs->patch_height,
                         attrs->patch_width);
    int64_t resized = attrs->n_prefix + (int64_t)(grid.height * grid.width);
    deit_set_output(graph, node, 0, DEIT_F32, deit_shape_of(2, resized, d));
    return deit_expect_shape(graph, node, TABLE, deit_shape_of(2, rows, d), err);
}

static double cubic(double x, double a)
{
    x = fabs(x);
    if (x < 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    if (x < 2)
        return (((x - 5) * x + 8) * x - 4) * a;
    return 0;
}

/* weights[o * n_in + i]: what input i gives to output o. */
static void fill_weights(size_t n_in, size_t n_out, bool antialias, double *weights)
{
    double scale = (double)n_in / (double)n_out;
    double stretch = antialias && scale > 1 ? scale : 1;
    double a = antialias ? -0.5 : -0.75;
    long last = (long)n_in - 1;

    memset(weights, 0, n_in * n_out * sizeof *weights);
    for (size_t o = 0; o < n_out; o++) {
        double *row = weights + o * n_in, sum = 0;
        double centre = ((double)o + 0.5) * scale - 0.5;
        long end = (long)ceil(centre + 2 * stretch);
        for (long i = (long)floor(centre - 2 * stretch); i <= end; i++) {
            double w = cubic(((double)i - centre) / stretch, a);
            if (antialias && (i < 0 || i > last))
                continue; /* beyond the edge: left out, the rest is normalised */
            row[i < 0 ? 0 : i > last ? last : i] += w;
            sum += w;
        }
        for (size_t i = 0; i < n_in; i++)
            row[i] /= sum;
    }
}

/* out (n_out, stride) = weights (n_out, n_in) times in (n_in, stride). */
static void apply(size_t n_out, size_t n_in, size_t stride, const double *weights,
                  const double *in, double *out)
{
    for (size_t o = 0; o < n_out; o++)
        for (size_t c = 0; c < stride; c++) {
            double sum = 0;
            for (size_t i = 0; i < n_in; i++)
                sum += weights[o * n_in + i] * in[i * stride + c];
            out[o * stride + c] = sum;
        }
}

static bool resize(const float *table, struct grid from, struct grid to, size_t d, bool antialias,
                   float *result)
{
    size_t n_from = from.height * from.width * d, n_half = from.height * to.width * d;
    size_t n_to = to.height * to.width * d;
    double *in = malloc((n_from + n_half + n_to) * sizeof *in);
    double *weights =
        malloc((from.width * to.width + from.height * to.height) * sizeof *weights);
    bool ok = in && weights;
    if (ok) {
        double *half = in + n_from, *out = half + n_half;
        for (size_t i = 0; i < n_from; i++)
            in[i] = (double)table[i];
        fill_weights(from.width, to.width, antialias, weights);
        for (size_t y = 0; y < from.height; y++)
            apply(to.width, from.width, d, weights, in + y * from.width * d,
                  half + y * to.width * d);
        fill_weights(from.height, to.height, antialias, weights);
        apply(to.height, from.height, to.width * d, weights, half, out);
        for (size_t i = 0; i < n_to; i++)
            result[i] = (float)out[i];
    }
    free(weights);
    free(in);
    return ok;
}

static enum deit_status fold(struct deit_graph *graph, int index, bool *done,
                             struct deit_error *err)
{
    const struct deit_node *node = &graph->nodes[index];
    const struct deit_resize_positions_attrs *attrs = &node->attrs.resize_positions;
    const struct deit_value *table = deit_input_value(graph, node, TABLE);
    struct grid from = { attrs->grid_height, attrs->grid_width }, to = wanted_grid(graph, node);
    size_t d = (size_t)table->shape.dims[1], n_prefix = attrs->n_prefix * d;
    size_t n_in = (size_t)table->shape.dims[0] * d;
    size_t n_out = n_prefix + to.height * to.width * d;

    *done = true;
    if (to.height == from.height && to.width == from.width) {
        deit_graph_replace_uses(graph, node->outputs[0], node->inputs[TABLE]);
        graph->nodes[index].is_dead = true;
        return DEIT_OK;
    }
    float *stored = malloc((n_in + n_out) * sizeof *stored);
    if (!stored)
        return deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", node->name);
    float *resized = stored + n_in;
    enum deit_status status = deit_constant_read(&table->constant, table->name, DEIT_F32, 0, n_in,
                                                 stored, err);
    if (status == DEIT_OK) {
        memcpy(resized, stored, n_prefix * sizeof *resized);
        if (!resize(stored + n_prefix, from, to, d, attrs->antialias, resized + n_prefix))
            status = deit_fail(err, DEIT_ERR_MEMORY, "%s: out of memory", node->name);
    }
    if (status == DEIT_OK)
        status = deit_fold_replace(graph, index, resized, err);
    free(stored);
    return status;
}

const struct deit_kind deit_kind_resize_positions = { .infer = infer, .fold = fold };
