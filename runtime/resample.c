/*
 * runtime/resample.c: separable resampling with Pillow's arithmetic.
 *
 * Weights are computed in double, rounded to 22-bit fixed point, and each pass rounds its
 * result to 8 bits, so the order of the two passes is visible in the answer.  The resized
 * picture is never built: a 1 x 1000 photo becomes 256 x 256000, of which 224 rows matter.
 * Pictures so wide or so tall that a pass would need a large table are cut into column strips.
 */
#include "runtime/resample.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/error.h"
#include "runtime/image.h"

enum {
    BLOCK_ROWS = 8,         /* that go through the horizontal pass together */
    STRIP_BYTES = 16 << 20, /* of one strip's weights, or of its intermediate rows */
};

/* ------------------------------------------------------------------ filters */

static double box(double x)
{
    return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
}

static double bilinear(double x)
{
    x = fabs(x);
    return x < 1.0 ? 1.0 - x : 0.0;
}

static double sinc(double x)
{
    if (x == 0.0)
        return 1.0;
    x *= M_PI;
    return sin(x) / x;
}

/* Pillow keeps the window's two constants in single precision. */
static double hamming(double x)
{
    x = fabs(x);
    if (x == 0.0)
        return 1.0;
    if (x >= 1.0)
        return 0.0;
    return sinc(x) * ((double)0.54f + (double)0.46f * cos(x * M_PI));
}

/* Keys' kernel with a = -1/2. */
static double bicubic(double x)
{
    x = fabs(x);
    if (x < 1.0)
        return (1.5 * x - 2.5) * x * x + 1.0;
    if (x < 2.0)
        return (((x - 5.0) * x + 8.0) * x - 4.0) * -0.5;
    return 0.0;
}

static double lanczos(double x)
{
    return x >= -3.0 && x < 3.0 ? sinc(x) * sinc(x / 3.0) : 0.0;
}

/* Indexed by enum deit_filter; support is the half width. */
static const struct filter {
    double (*weight)(double x);
    double support;
} filters[] = {
    [DEIT_FILTER_BOX] = { box, 0.5 },           [DEIT_FILTER_BILINEAR] = { bilinear, 1.0 },
    [DEIT_FILTER_HAMMING] = { hamming, 1.0 },   [DEIT_FILTER_BICUBIC] = { bicubic, 2.0 },
    [DEIT_FILTER_LANCZOS] = { lanczos, 3.0 },
};

/* ------------------------------------------------------------------ one axis */

struct axis {
    const struct filter *filter;
    uint32_t in;
    bool is_needed; /* the size changes */
    double scale, support;
    double inverse; /* of what a downscaling stretches the filter by */
    size_t taps; /* of any output at most */
};

/* The source pixels start ... start + count - 1 that make one output pixel. */
struct span {
    int32_t start, count;
};

static struct axis axis_init(enum deit_filter filter, uint32_t in, uint64_t out)
{
    struct axis axis = { .filter = &filters[filter], .in = in, .is_needed = in != out };
    axis.scale = (double)in / (double)out;
    double stretch = axis.scale < 1.0 ? 1.0 : axis.scale;
    axis.support = axis.filter->support * stretch;
    axis.inverse = 1.0 / stretch;
    double taps = ceil(axis.support) * 2.0 + 1.0;
    axis.taps = taps < (double)in ? (size_t)taps : in;
    return axis;
}

/* The groups of four that 'taps' coefficients take. */
static size_t fours_of(size_t taps)
{
    return (taps + 3) / 4;
}

static double axis_centre(const struct axis *axis, uint64_t index)
{
    return ((double)index + 0.5) * axis->scale;
}

static struct span axis_span(const struct axis *axis, uint64_t index)
{
    if (!axis->is_needed)
        return (struct span){ (int32_t)index, 1 };
    double centre = axis_centre(axis, index);
    double first = centre - axis->support + 0.5, end = centre + axis->support + 0.5;
    int32_t start = first < 0.0 ? 0 : (int32_t)first;
    int32_t stop = end > (double)axis->in ? (int32_t)axis->in : (int32_t)end;
    return (struct span){ start, stop - start };
}

/* Tables of more weights than this are not kept: they would outgrow the image. */
enum { MOST_WEIGHTS = 1 << 20 };

static double weight_of(const struct axis *axis, struct span span, int32_t i, double centre)
{
    return axis->filter->weight((i + span.start - centre + 0.5) * axis->inverse);
}

/*
 * 'weights' is room for the span's, or NULL: then they are evaluated twice, for their sum and
 * for themselves.  All of 'coeff', (fours), is written.
 */
static void axis_coefficients(const struct axis *axis, uint64_t index, struct span span,
                              double *weights, struct deit_coeff4 *coeff)
{
    double centre = axis_centre(axis, index);
    double sum = 0.0;
    for (int32_t i = 0; i < span.count; i++) {
        double weight = weight_of(axis, span, i, centre);
        if (weights)
            weights[i] = weight;
        sum += weight;
    }
    memset(coeff, 0, fours_of(axis->taps) * sizeof *coeff);
    for (int32_t i = 0; i < span.count; i++) {
        double weight = weights ? weights[i] : weight_of(axis, span, i, centre);
        if (sum != 0.0)
            weight /= sum;
        double fixed = weight * (double)(1 << DEIT_COEFF_BITS);
        deit_coeff_set(coeff, (size_t)i, (int32_t)(weight < 0.0 ? fixed - 0.5 : fixed + 0.5));
    }
}

/* ------------------------------------------------------------------ passes */

/* Horizontal weights of some columns; their source starts at column 'first'. */
struct columns {
    struct deit_resample_x args;
    uint32_t first;
    int32_t *start, *count; /* where args points, writable */
    struct deit_coeff4 *coeff;
};

static bool columns_init(struct columns *columns, const struct axis *axis, size_t room)
{
    *columns = (struct columns){ .args.fours = fours_of(axis->taps) };
    columns->start = malloc(room * sizeof(int32_t));
    columns->count = malloc(room * sizeof(int32_t));
    columns->coeff = malloc(room * columns->args.fours * sizeof *columns->coeff);
    columns->args.start = columns->start;
    columns->args.count = columns->count;
    columns->args.coeff = columns->coeff;
    return columns->start && columns->count && columns->coeff;
}

static void columns_done(struct columns *columns)
{
    free(columns->start);
    free(columns->count);
    free(columns->coeff);
}

/* Fills in output columns x ... x + n - 1.  An axis that keeps its size needs no weights. */
static void columns_set(struct columns *columns, const struct axis *axis, uint64_t x, size_t n,
                        double *weights)
{
    struct span last = axis_span(axis, x + n - 1);
    columns->first = (uint32_t)axis_span(axis, x).start;
    columns->args.n = n;
    columns->args.src_width = (size_t)(last.start + last.count) - columns->first;
    for (size_t i = 0; i < n && axis->is_needed; i++) {
        struct span span = axis_span(axis, x + i);
        columns->start[i] = span.start - (int32_t)columns->first;
        columns->count[i] = span.count;
        axis_coefficients(axis, x + i, span, weights, columns->coeff + i * columns->args.fours);
    }
}

struct job {
    const struct deit_kernels *kernels;
    const deit_image *image;
    const struct deit_resample *resample;
    struct axis horizontal, vertical;
    size_t dst_stride;
    /* work space */
    struct columns columns;
    double *weights;               /* (taps of either axis) */
    struct deit_coeff4 *row_coeff; /* (fours of the vertical axis) */
    uint8_t *raw;                  /* one source row in the image's layout */
    size_t block_rows;
    uint8_t *block; /* (block_rows, source columns, 3) */
    uint8_t *rows;  /* (source rows, columns, 3): the horizontal pass's result */
};

/* One output row of the vertical pass over 'n' bytes of rows 'stride' apart, row 0 at 'src'. */
static void vertical_row(struct job *job, uint64_t y, size_t n, const uint8_t *src,
                         size_t stride, uint8_t *dst)
{
    struct span span = axis_span(&job->vertical, y);
    axis_coefficients(&job->vertical, y, span, job->weights, job->row_coeff);
    job->kernels->resample_y_u8(n, (size_t)span.count, job->row_coeff, src, stride, dst);
}

/* RGB rows of the source columns, 'stride' bytes apart. */
struct rgb_rows {
    const uint8_t *rows;
    size_t stride;
};

/* Source rows as they are, from 'top' on; n_rows <= block_rows unless the image is RGB8. */
static struct rgb_rows source_rows(struct job *job, uint32_t top, size_t n_rows)
{
    const deit_image *image = job->image;
    uint32_t first = job->columns.first;
    size_t width = job->columns.args.src_width;
    if (image->format == DEIT_RGB8)
        return (struct rgb_rows){ deit_image_at(image, first, top), image->stride };
    for (size_t i = 0; i < n_rows; i++)
        deit_pixels_to_rgb(image->format, width,
                           deit_image_at(image, first, (uint32_t)(top + i)),
                           job->block + i * 3 * width);
    return (struct rgb_rows){ job->block, 3 * width };
}

/*
 * Output rows of the vertical pass, y ... y + n_rows - 1.  It treats every byte alike, so it
 * runs on the image's own layout, and what becomes RGB is its result.
 */
static struct rgb_rows vertical_rows(struct job *job, uint64_t y, size_t n_rows)
{
    const deit_image *image = job->image;
    size_t width = job->columns.args.src_width;
    for (size_t i = 0; i < n_rows; i++) {
        uint8_t *rgb = job->block + i * 3 * width;
        uint8_t *row = image->format == DEIT_RGB8 ? rgb : job->raw;
        uint32_t top = (uint32_t)axis_span(&job->vertical, y + i).start;
        vertical_row(job, y + i, width * deit_pixel_bytes(image->format),
                     deit_image_at(image, job->columns.first, top), image->stride, row);
        if (row != rgb)
            deit_pixels_to_rgb(image->format, width, row, rgb);
    }
    return (struct rgb_rows){ job->block, 3 * width };
}

/* Vertical, then horizontal, some rows at a time. */
static void run_by_rows(struct job *job, size_t n, uint8_t *dst)
{
    size_t n_rows = job->resample->crop_height;
    for (size_t done = 0; done < n_rows; done += job->block_rows) {
        uint64_t y = job->resample->y + done;
        size_t some = n_rows - done < job->block_rows ? n_rows - done : job->block_rows;
        struct rgb_rows rgb = job->vertical.is_needed ? vertical_rows(job, y, some)
                                                      : source_rows(job, (uint32_t)y, some);
        uint8_t *to = dst + done * job->dst_stride;
        if (job->horizontal.is_needed)
            job->kernels->resample_x_u8(&job->columns.args, some, rgb.rows, rgb.stride, to,
                                        job->dst_stride);
        else
            for (size_t i = 0; i < some; i++)
                memcpy(to + i * job->dst_stride, rgb.rows + i * rgb.stride, 3 * n);
    }
}

/* Horizontal over the source rows that the part needs, then vertical over the result. */
static void run_by_columns(struct job *job, size_t n, uint8_t *dst)
{
    const struct deit_resample *resample = job->resample;
    uint32_t top = (uint32_t)axis_span(&job->vertical, resample->y).start;
    struct span last = axis_span(&job->vertical, resample->y + resample->crop_height - 1);
    size_t n_rows = (size_t)(last.start + last.count) - top;
    for (size_t done = 0; done < n_rows; done += job->block_rows) {
        size_t some = n_rows - done < job->block_rows ? n_rows - done : job->block_rows;
        struct rgb_rows rgb = source_rows(job, (uint32_t)(top + done), some);
        job->kernels->resample_x_u8(&job->columns.args, some, rgb.rows, rgb.stride,
                                    job->rows + done * 3 * n, 3 * n);
    }
    for (size_t i = 0; i < resample->crop_height; i++, dst += job->dst_stride) {
        uint64_t y = resample->y + i;
        size_t offset = (size_t)axis_span(&job->vertical, y).start - top;
        vertical_row(job, y, 3 * n, job->rows + offset * 3 * n, 3 * n, dst);
    }
}

/* ------------------------------------------------------------------ the whole */

/* Columns per strip: all of them, unless weights or intermediate rows would be large. */
static size_t strip_columns(const struct job *job, size_t n_rows)
{
    size_t n = job->resample->crop_width;
    size_t per_column = fours_of(job->horizontal.taps) * sizeof(struct deit_coeff4);
    if (per_column < 3 * n_rows)
        per_column = 3 * n_rows;
    size_t most = STRIP_BYTES / per_column;
    if (most < 1)
        most = 1;
    return n < most ? n : most;
}

static bool job_init(struct job *job, size_t strip, size_t n_rows)
{
    const struct deit_resample *resample = job->resample;
    if (!columns_init(&job->columns, &job->horizontal, strip))
        return false;

    struct span last = axis_span(&job->horizontal, resample->x + resample->crop_width - 1);
    size_t width = (size_t)(last.start + last.count)
                 - (size_t)axis_span(&job->horizontal, resample->x).start;
    size_t across = job->horizontal.taps, down = job->vertical.taps;
    size_t block_rows = STRIP_BYTES / (3 * width);
    job->block_rows = block_rows < 1 ? 1 : block_rows < BLOCK_ROWS ? block_rows : BLOCK_ROWS;
    size_t most = across > down ? across : down;
    job->weights = most <= MOST_WEIGHTS ? malloc(most * sizeof *job->weights) : NULL;
    job->row_coeff = malloc(fours_of(down) * sizeof *job->row_coeff);
    job->raw = malloc(width * deit_pixel_bytes(job->image->format));
    job->block = malloc(job->block_rows * width * 3);
    job->rows = malloc(n_rows * 3 * strip + 1);
    return (job->weights || most > MOST_WEIGHTS) && job->row_coeff && job->raw && job->block &&
           job->rows;
}

static void job_done(struct job *job)
{
    columns_done(&job->columns);
    free(job->weights);
    free(job->row_coeff);
    free(job->raw);
    free(job->block);
    free(job->rows);
}

bool deit_resample_is_vertical_first(int pillow, uint32_t w, uint32_t h, uint64_t width,
                                     uint64_t height)
{
    int64_t less_rows = (int64_t)h - (int64_t)height, less_columns = (int64_t)w - (int64_t)width;
    return pillow >= 13 && less_rows > 0 && less_rows > 2 * less_columns;
}

enum deit_status deit_resample_run(const struct deit_kernels *kernels, const deit_image *image,
                                   const struct deit_resample *resample, uint8_t *dst,
                                   size_t dst_stride, struct deit_error *err)
{
    assert(resample->x + resample->crop_width <= resample->width);
    assert(resample->y + resample->crop_height <= resample->height);

    struct job job = {
        .kernels = kernels, .image = image, .resample = resample,
        .horizontal = axis_init(resample->filter, image->width, resample->width),
        .vertical = axis_init(resample->filter, image->height, resample->height),
        .dst_stride = dst_stride,
    };
    bool by_columns = job.horizontal.is_needed && job.vertical.is_needed
                   && !resample->is_vertical_first;
    size_t n_rows = 0; /* that the horizontal pass leaves behind */
    if (by_columns) {
        struct span last = axis_span(&job.vertical, resample->y + resample->crop_height - 1);
        n_rows = (size_t)(last.start + last.count)
               - (size_t)axis_span(&job.vertical, resample->y).start;
    }
    size_t strip = strip_columns(&job, n_rows);
    if (!job_init(&job, strip, n_rows)) {
        job_done(&job);
        return deit_fail(err, DEIT_ERR_MEMORY, "image: out of memory resizing %u x %u",
                         image->width, image->height);
    }

    for (size_t done = 0; done < resample->crop_width; done += strip) {
        size_t n = resample->crop_width - done < strip ? resample->crop_width - done : strip;
        columns_set(&job.columns, &job.horizontal, resample->x + done, n, job.weights);
        if (by_columns)
            run_by_columns(&job, n, dst + 3 * done);
        else
            run_by_rows(&job, n, dst + 3 * done);
    }
    job_done(&job);
    return DEIT_OK;
}
