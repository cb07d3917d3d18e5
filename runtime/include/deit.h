/*
 * deit.h: inference for DeiT and plain vision transformers on CPUs.
 *
 * A model is opened from a file, is immutable and may be shared by any number of threads.  A
 * session is one plan for one model: it owns the memory and the threads of a run, and serves
 * one thread of the caller at a time.  Sessions of one model share its packed weights.
 *
 *     deit_model *model;
 *     deit_session *session;
 *     deit_image image;
 *     float logits[1000];
 *
 *     deit_model_open("model.safetensors", NULL, &model, NULL);
 *     deit_session_create(model, NULL, &session, NULL);
 *     deit_image_open("photo.jpg", NULL, &image, NULL);
 *     deit_session_classify(session, 1, (const deit_image *const[]){ &image }, logits, NULL);
 *
 * Conventions
 *   - Options structs start with their size; a field that is zero means the default, and a NULL
 *     pointer to options means all defaults.  Initialise with
 *     'struct deit_session_options o = { .size = sizeof o };'.
 *   - A function that can fail returns a status.  On failure its outputs are untouched and
 *     'err', if not NULL, holds one line that names the place and the numbers.
 *   - The library prints nothing, never exits and reads no environment variable.
 *   - Strings are UTF-8.  Those that a model returns live as long as the model.
 *
 * fork: a child may use the models and sessions of its parent, but its runs use one thread,
 * because the parent's worker threads do not exist there.  Sessions created in the child are
 * free of this.
 *
 * N sessions of M threads each start N x M threads when they run at once; give each session
 * its share with 'threads', or one pool for all with 'parallel_for'.
 *
 * Static linking: the library needs libm, libpng, zlib, libjpeg, jansson, protobuf-c and OpenMP;
 * 'pkg-config --static --libs deit' names them.  With shared linking nothing but deit_ symbols
 * is visible.
 */
#ifndef DEIT_H
#define DEIT_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32) || !defined(__GNUC__)
#define DEIT_API
#else
#define DEIT_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define DEIT_VERSION "0.1.0"

/* The version of the library that runs, "major.minor.patch"; DEIT_VERSION is the header's. */
DEIT_API const char *deit_version(void);

/* ------------------------------------------------------------------ failure */

enum deit_status {
    DEIT_OK = 0,
    DEIT_ERR_ARGUMENT,    /* the caller passed something that cannot be */
    DEIT_ERR_MEMORY,      /* an allocation failed */
    DEIT_ERR_IO,          /* a file could not be opened or read */
    DEIT_ERR_FORMAT,      /* a file breaks its format's rules, or contradicts itself */
    DEIT_ERR_UNSUPPORTED, /* right, but not something this build or this model can do */
    DEIT_ERR_LIMIT,       /* right, but above a limit that an option sets */
    DEIT_ERR_INTERRUPTED, /* the caller's interrupt() asked to stop */
    DEIT_ERR_NONFINITE    /* weights, or the answer for at least one row, are NaN or infinite */
};

struct deit_error {
    enum deit_status status;
    char message[1024]; /* one line, no newline, always terminated */
};

/* "ok", "argument", "memory", ...; "unknown" for a number that is no status. */
DEIT_API const char *deit_status_name(enum deit_status status);

/* ------------------------------------------------------------------ tensors */

enum deit_dtype {
    DEIT_F32 = 1,
    DEIT_F16,
    DEIT_BF16,
    DEIT_F64,
    DEIT_I64,
    DEIT_I32,
    DEIT_U8,
    DEIT_I8,
    DEIT_BOOL
};

/* "f32", "f16", ...; "?" for a number that is no type. */
DEIT_API const char *deit_dtype_name(enum deit_dtype dtype);

#define DEIT_MAX_RANK 8

/* A dense C-order tensor.  'bytes' is the room behind 'data'; the caller owns the memory. */
struct deit_tensor {
    void *data;
    size_t bytes;
    enum deit_dtype dtype;
    uint32_t rank;
    int64_t dims[DEIT_MAX_RANK];
};

/* What an input or output is. */
struct deit_port {
    const char *name;
    enum deit_dtype dtype;
    uint32_t rank;
    int64_t dims[DEIT_MAX_RANK];
};

/* ------------------------------------------------------------------ images */

enum deit_pixel_format { DEIT_RGB8 = 1, DEIT_BGR8, DEIT_RGBA8, DEIT_GREY8 };

/*
 * Rows of 8-bit pixels.  'stride' is bytes from one row to the next.  Fill it with
 * deit_image_open() or deit_image_wrap(), and give the opened ones back to deit_image_close().
 */
typedef struct deit_image {
    enum deit_pixel_format format;
    uint32_t width, height;
    size_t stride;
    const uint8_t *pixels;
    void *owned; /* the library's: what deit_image_close() frees, NULL for borrowed pixels */
} deit_image;

struct deit_image_options {
    size_t size;
    uint64_t max_pixels; /* width x height at most; default 100,000,000 */
    uint64_t max_memory; /* bytes that a decoder may use; default 400,000,000 */
};

/*
 * deit_image_open() decodes a JPEG or PNG file into RGB8, told apart by content, not by name.
 *
 * The bytes are those of Pillow's Image.open(path).convert("RGB"): transparency is dropped,
 * EXIF orientation and colour profiles are ignored.
 *
 * Returns DEIT_ERR_IO, DEIT_ERR_FORMAT for a damaged file, DEIT_ERR_UNSUPPORTED for another
 * format (named in the message), DEIT_ERR_LIMIT, DEIT_ERR_MEMORY.
 */
DEIT_API enum deit_status deit_image_open(const char *path,
                                          const struct deit_image_options *options,
                                          deit_image *image, struct deit_error *err);

/*
 * deit_image_open_memory() is deit_image_open() for 'bytes' bytes of a file at 'data', which
 * are not needed afterwards.  'name' stands for the path in messages; NULL: "image".
 */
DEIT_API enum deit_status deit_image_open_memory(const void *data, size_t bytes, const char *name,
                                                 const struct deit_image_options *options,
                                                 deit_image *image, struct deit_error *err);

/*
 * deit_image_wrap() describes the caller's pixels: no copy is made, and they must stay as long
 * as 'image' is used.  Alpha is dropped.  'stride' 0 means rows without a gap.
 *
 * Returns DEIT_ERR_ARGUMENT for a zero side, a NULL pointer or a stride shorter than a row.
 */
DEIT_API enum deit_status deit_image_wrap(deit_image *image, enum deit_pixel_format format,
                                          uint32_t width, uint32_t height, size_t stride,
                                          const void *pixels, struct deit_error *err);

/* Frees an opened image's pixels and empties the struct; wrapped and NULL images are fine. */
DEIT_API void deit_image_close(deit_image *image);

/* ------------------------------------------------------------------ models */

typedef struct deit_model deit_model;

/*
 * Memory hooks for the two big blocks, packed weights and the session's arena.  Both functions
 * may be called from any thread that calls the library.  'alignment' is a power of two.
 */
struct deit_allocator {
    void *ctx;
    void *(*alloc)(void *ctx, size_t bytes, size_t alignment);
    void (*free)(void *ctx, void *block, size_t bytes);
};

struct deit_model_options {
    size_t size;
    int allow_nonfinite;  /* 1: weights may hold NaN or infinity */
    int follow_links;     /* 1: external data may be reached through a link out of the folder */
    uint64_t max_memory;  /* bytes for one image's arena at most; default 512 MB */
    const struct deit_allocator *allocator; /* copied; NULL: the C library's */
};

/*
 * deit_model_open() opens a .safetensors file, a .safetensors.index.json, an .onnx file, or a
 * folder that holds one (model.safetensors, its index, model.onnx, onnx/model.onnx, else the
 * only such file).
 *
 * The architecture is found from the tensors, or from the graph's structure; config.json and
 * preprocessor_config.json beside the file, and one level above a folder named onnx, are read.
 * Weights are read and packed by the first session, from the same open file.  ONNX graphs of
 * opsets 9 to 24 are taken as exporters write them; what is no part of a transformer runs by
 * plainer kernels.
 *
 * Returns DEIT_ERR_IO, DEIT_ERR_FORMAT (a rule of the format broken, a tensor missing or
 * misshapen, a config that contradicts the tensors), DEIT_ERR_ARGUMENT (a folder with several
 * models, which the message lists), DEIT_ERR_UNSUPPORTED, DEIT_ERR_LIMIT (a JSON file above the
 * size that such files have), DEIT_ERR_MEMORY.
 */
DEIT_API enum deit_status deit_model_open(const char *path,
                                          const struct deit_model_options *options,
                                          deit_model **model, struct deit_error *err);

/*
 * deit_model_open_memory() is deit_model_open() for the bytes of one safetensors file.  They
 * are borrowed until the model and all of its sessions are gone.  'name' stands for the path
 * in messages; NULL: "model".
 */
DEIT_API enum deit_status deit_model_open_memory(const void *data, size_t bytes, const char *name,
                                                 const struct deit_model_options *options,
                                                 deit_model **model, struct deit_error *err);

/*
 * deit_model_open_builtin() opens the model that is linked into the library: a small distilled
 * DeiT for the ten CIFAR-10 classes.  Returns DEIT_ERR_UNSUPPORTED in a build without it.
 */
DEIT_API enum deit_status deit_model_open_builtin(const struct deit_model_options *options,
                                                  deit_model **model, struct deit_error *err);

/*
 * deit_model_open_random() makes a model of a named architecture with seeded random weights,
 * for measuring: "deit_tiny_patch16_224", "deit_small_distilled_patch16_224",
 * "deit_base_patch16_384", "deit3_large_patch16_224", ...  The same seed gives the same bits.
 *
 * Returns DEIT_ERR_ARGUMENT for an unknown name; the message lists the known ones.
 */
DEIT_API enum deit_status deit_model_open_random(const char *architecture, uint64_t seed,
                                                 const struct deit_model_options *options,
                                                 deit_model **model, struct deit_error *err);

/* Drops the caller's reference; sessions keep theirs.  NULL is fine. */
DEIT_API void deit_model_close(deit_model *model);

struct deit_model_info {
    size_t size;              /* set by the caller */
    const char *name;         /* path, architecture name or "built-in" */
    const char *format;       /* "safetensors", "onnx", "random" */
    const char *architecture; /* one line: family, width, depth, heads, patch */
    uint32_t channels, height, width; /* of the input the weights were trained for */
    uint32_t n_classes;       /* 0: headless */
    uint32_t n_heads_out;     /* classifiers: 0, 1, or 2 (class and distillation) */
    uint32_t n_features;      /* width of a "features" row */
    uint64_t n_parameters;
    uint64_t weight_bytes;    /* as stored */
    size_t n_unused_tensors;  /* in the file, but not needed */
    double gflop;             /* 2 x multiply-adds of one image at the default size / 1e9 */
    size_t fixed_batch;       /* that a graph insists on: sessions have it as maximum; 0: any */
    size_t n_inputs, n_outputs;
    const char *producer;     /* program that wrote the file, and its version; NULL: not said */
    int64_t opset, ir_version; /* of ONNX; else 0 */
    uint64_t bytes_of[16];    /* as stored, by enum deit_dtype, of the tensors that are needed */
};

/* Fills 'info' up to the size that it says. */
DEIT_API void deit_model_info(const deit_model *model, struct deit_model_info *info);

/* The name of unused tensor 'index', NULL beyond the last. */
DEIT_API const char *deit_model_unused_tensor(const deit_model *model, size_t index);

/*
 * What the model takes and can give; a session may be asked for other outputs, too.  A dim that
 * a session fixes is -1, and so is the rank, UINT32_MAX, where even that is open.  Return
 * DEIT_ERR_ARGUMENT beyond the last one.
 */
DEIT_API enum deit_status deit_model_input(const deit_model *model, size_t index,
                                           struct deit_port *port);
DEIT_API enum deit_status deit_model_output(const deit_model *model, size_t index,
                                            struct deit_port *port);

/* Receives pieces of text in order; non-zero stops the dump. */
typedef int deit_write_fn(void *ctx, const char *text, size_t bytes);

enum deit_dump_format { DEIT_DUMP_TEXT = 1, DEIT_DUMP_DOT, DEIT_DUMP_JSON };

enum deit_dump_detail {
    DEIT_DUMP_NODES = 0, /* every node, with its inputs and outputs */
    DEIT_DUMP_COUNTS     /* how many there are of each kind; dot has nodes all the same */
};

struct deit_dump_options {
    size_t size;
    enum deit_dump_format format; /* default text */
    enum deit_dump_detail detail;
    const char *stage;      /* which graph, see below; default "final" */
    size_t batch;           /* default the model's own, else 1 */
    uint32_t height, width; /* of the input; default the model's own */
};

/*
 * deit_model_dump() writes the model's graph.
 *
 * A session rewrites the graph step by step, and each step has a name.  "loaded" is what the
 * file or the architecture says, before any size is fixed; "folded" what is left when the size
 * is fixed and what depends on it alone is computed.  Then each pass has its name, as
 * "raise_attention"; by ".2" and so on where it runs again.  "final" is what is planned.
 * "all" asks for "loaded", "folded", each pass that changed something, and "final".
 *
 * JSON is one object whose "stages" have name, changes, n_nodes, macs (null while shapes are
 * open), kinds, and for DEIT_DUMP_NODES nodes and outputs.
 *
 * Returns DEIT_ERR_ARGUMENT (an unknown stage lists the known ones), DEIT_ERR_INTERRUPTED if
 * 'write' stopped it, DEIT_ERR_MEMORY, or what deit_session_create() would say of that size.
 */
DEIT_API enum deit_status deit_model_dump(const deit_model *model,
                                          const struct deit_dump_options *options,
                                          deit_write_fn *write, void *ctx,
                                          struct deit_error *err);

/* ------------------------------------------------------------------ labels */

typedef struct deit_labels deit_labels;

/*
 * deit_labels_open() reads class names: text with one name per line, or JSON, either an array
 * of strings or an object with "id2label" or "label_names".
 */
DEIT_API enum deit_status deit_labels_open(const char *path, deit_labels **labels,
                                           struct deit_error *err);
DEIT_API void deit_labels_close(deit_labels *labels);

/*
 * The names that come with a model: from its config, else ImageNet-1k's for 1000 classes.
 * NULL if there are none.  Belongs to the model; do not close it.
 */
DEIT_API const deit_labels *deit_model_labels(const deit_model *model);

/* How many classes the list speaks of, gaps included; 0 for NULL. */
DEIT_API size_t deit_labels_count(const deit_labels *labels);

/* The name of a class, NULL beyond the last or where the file has a gap. */
DEIT_API const char *deit_labels_get(const deit_labels *labels, size_t index);

/* ------------------------------------------------------------------ preprocessing */

enum deit_recipe_kind { DEIT_RECIPE_AUTO = 0, DEIT_RECIPE_TIMM, DEIT_RECIPE_FB, DEIT_RECIPE_HF };

enum deit_resize {
    DEIT_RESIZE_NONE = 1,   /* crop only */
    DEIT_RESIZE_SHORT_SIDE, /* aspect kept, the side that is shorter by its target fits it;
                               resize_width 0: as resize_height */
    DEIT_RESIZE_SQUASH      /* to resize_height x resize_width, aspect lost */
};

enum deit_filter {
    DEIT_FILTER_BOX = 1,
    DEIT_FILTER_BILINEAR,
    DEIT_FILTER_HAMMING,
    DEIT_FILTER_BICUBIC,
    DEIT_FILTER_LANCZOS
};

/*
 * How an image becomes a model's input: resize as Pillow does, centre crop, then
 * (byte / divisor - mean) / std per channel.
 */
struct deit_recipe {
    enum deit_recipe_kind kind; /* what it was made from */
    enum deit_resize resize;
    uint32_t resize_height, resize_width;
    enum deit_filter filter;
    uint32_t height, width; /* of the crop, and so of the output */
    float divisor;
    float mean[3], std[3];
    int pillow; /* whose pass order: 12 or 13 */
};

/*
 * deit_recipe_init() fills in a model's recipe.  DEIT_RECIPE_AUTO is what the model's folder
 * says, else timm's or Hugging Face's by the names of the tensors.  'height' and 'width' are
 * those of the session's input; 0 means the model's own.
 *
 * Returns DEIT_ERR_UNSUPPORTED for a filter or a mode that the folder's config names and this
 * library lacks, or if the model does not take three channels.
 */
DEIT_API enum deit_status deit_recipe_init(const deit_model *model, enum deit_recipe_kind kind,
                                           uint32_t height, uint32_t width,
                                           struct deit_recipe *recipe, struct deit_error *err);

/*
 * deit_preprocess() turns an image of any size into 'input', (3, height, width) f32 of the
 * recipe.  Returns DEIT_ERR_ARGUMENT for a recipe that cannot be, DEIT_ERR_MEMORY.
 */
DEIT_API enum deit_status deit_preprocess(const deit_image *image,
                                          const struct deit_recipe *recipe, float *input,
                                          struct deit_error *err);

/* ------------------------------------------------------------------ sessions */

typedef struct deit_session deit_session;

/*
 * How linears, attention and the patch projection multiply.  A bf16 precision holds both
 * operands as one, two or three bf16 parts and adds one, three or six products of them in f32;
 * all else (sums, softmax, LayerNorm, GELU, the residual stream, classifiers, and nodes of a
 * graph that is not a DeiT) is f32 in every precision.  Without the instruction of a precision
 * plain C runs in its place, which is slow: see product_isa.
 */
enum deit_precision {
    DEIT_PRECISION_AUTO = 0, /* f32 */
    DEIT_PRECISION_F32,
    DEIT_PRECISION_BF16X3, /* two parts */
    DEIT_PRECISION_BF16X6, /* three parts */
    DEIT_PRECISION_BF16,   /* one part */
    DEIT_PRECISION_INT8    /* not in this version */
};

enum deit_isa {
    DEIT_ISA_AUTO = 0, /* the best that the CPU has */
    DEIT_ISA_SCALAR,
    DEIT_ISA_AVX2,
    DEIT_ISA_AVX512,
    DEIT_ISA_AVX512_BF16,
    DEIT_ISA_AMX,
    DEIT_ISA_NEON
};

/* "scalar", "avx2", ...; NULL for a number that is no ISA. */
DEIT_API const char *deit_isa_name(enum deit_isa isa);

/*
 * Runs fn(arg, 0) ... fn(arg, n - 1), in any order and on any threads, and returns when all
 * are done.
 */
typedef void deit_parallel_for_fn(void *ctx, size_t n, void (*fn)(void *arg, size_t index),
                                  void *arg);

struct deit_session_options {
    size_t size;
    size_t max_batch;       /* images per run at most; default 1, or the graph's fixed batch */
    uint32_t height, width; /* of the input; default the model's own */
    enum deit_precision precision;
    enum deit_isa max_isa;  /* no instruction beyond this level is used */
    unsigned threads;       /* default: the CPUs this process may use, cut by its cgroup's quota */
    deit_parallel_for_fn *parallel_for; /* the caller's pool in place of the library's threads */
    void *parallel_ctx;
    size_t n_outputs;       /* wanted outputs by name, 'n_outputs' of them: "logits", */
    const char *const *outputs; /* "logits.cls", "logits.dist", "features", "blocks.3", ...; */
                            /* default: "logits", or "features" of a headless model */
    const struct deit_recipe *recipe; /* for classify(); copied; default DEIT_RECIPE_AUTO */
    int (*interrupt)(void *ctx); /* polled before each step; non-zero stops the run */
    void (*on_step)(void *ctx, const char *name, uint64_t ns); /* after each step */
    void *ctx;              /* for interrupt() and on_step() */
};

/*
 * deit_session_create() plans a model for one input size and one maximum batch, allocates all
 * that runs will need, and packs the weights unless another session of the model has.
 *
 * The session holds a reference on the model.  After the first run, which starts the threads,
 * runs allocate nothing.  Answers are the same bits for any number of threads, any batch and
 * any set of outputs, on one ISA and precision.
 *
 * Returns DEIT_ERR_ARGUMENT (an unknown output lists the known ones), DEIT_ERR_UNSUPPORTED for
 * a precision or ISA that this build lacks, DEIT_ERR_IO or DEIT_ERR_FORMAT if the weights
 * cannot be read any more, DEIT_ERR_NONFINITE naming the tensor, DEIT_ERR_LIMIT,
 * DEIT_ERR_MEMORY.
 */
DEIT_API enum deit_status deit_session_create(deit_model *model,
                                              const struct deit_session_options *options,
                                              deit_session **session, struct deit_error *err);
DEIT_API void deit_session_free(deit_session *session);

struct deit_session_info {
    size_t size;           /* set by the caller */
    const char *precision; /* that runs: "f32", "bf16", "bf16x3", "bf16x6" */
    const char *isa;       /* the highest that runs: "avx512" */
    unsigned threads;
    size_t max_batch;
    uint32_t height, width;
    size_t n_inputs, n_outputs;
    size_t n_steps;
    uint64_t weight_bytes; /* packed, shared between the model's sessions */
    uint64_t arena_bytes;
    double gflop;          /* of one image, as the model is written */
    double gflop_executed; /* of one image, as the plan runs it */
    const char *product_isa; /* of matrix products: as 'isa', or lower where that has none */
};

/* Fills 'info' up to the size that it says. */
DEIT_API void deit_session_info(const deit_session *session, struct deit_session_info *info);

/* dims[0] is the maximum batch.  Return DEIT_ERR_ARGUMENT beyond the last one. */
DEIT_API enum deit_status deit_session_input(const deit_session *session, size_t index,
                                             struct deit_port *port);
DEIT_API enum deit_status deit_session_output(const deit_session *session, size_t index,
                                              struct deit_port *port);

/* The recipe that deit_session_classify() uses; NULL if the model has none. */
DEIT_API const struct deit_recipe *deit_session_recipe(const deit_session *session);

/*
 * deit_session_run() computes the outputs for the inputs.
 *
 * 'in' holds one tensor per input, (n, ...) with 1 <= n <= max_batch, f32; 'out' one per
 * wanted output, in the order of the options, of at least n rows.  out[i].rank and dims are
 * not read but set to what was written.  The caller owns all memory; nothing is kept.
 *
 * Returns DEIT_ERR_ARGUMENT for a wrong count, type or size (the message has both sizes),
 * DEIT_ERR_INTERRUPTED, or DEIT_ERR_NONFINITE if an answer is NaN or infinite: only then are
 * the outputs written though it is a failure, and deit_session_row_status() tells the good rows.
 */
DEIT_API enum deit_status deit_session_run(deit_session *session, size_t n_in,
                                           const struct deit_tensor *in, size_t n_out,
                                           struct deit_tensor *out, struct deit_error *err);

/*
 * deit_session_classify() gives logits for up to the session's maximum batch of images.
 *
 * 'images' holds n_images images of any size; each is resized, cropped and normalised by the
 * session's recipe, several at a time if the session has threads.  'logits' receives
 * (n_images, classes) f32: the session's first output, which must have rank 2.  The caller owns
 * both; neither is kept.
 *
 * Returns as deit_session_run() does, and DEIT_ERR_ARGUMENT if 'n_images' is 0 or too large.
 */
DEIT_API enum deit_status deit_session_classify(deit_session *session, size_t n_images,
                                                const deit_image *const *images, float *logits,
                                                struct deit_error *err);

/*
 * deit_session_parallel_for() runs fn(arg, 0) ... fn(arg, n - 1) on the session's threads, in
 * any order, and returns when all are done.  So images can be decoded by the threads that will
 * run the model on them, with no others in their way.  'fn' uses the session for nothing.
 */
DEIT_API void deit_session_parallel_for(deit_session *session, size_t n,
                                        void (*fn)(void *arg, size_t index), void *arg);

/* Of row 'row' of the last run: DEIT_OK, or DEIT_ERR_NONFINITE. */
DEIT_API enum deit_status deit_session_row_status(const deit_session *session, size_t row);

/*
 * deit_session_dump() writes the plan: steps with their kernels, tiles and packed weights, and
 * the arena with the offset and the life span of each buffer.
 *
 * Life spans are in nodes of the graph, both ends included; the inputs are there from node 0
 * on, outputs until behind the last node.  Buffers that share memory, one in place of another,
 * say so.  As dot it is the graph that was planned.
 *
 * Returns DEIT_ERR_ARGUMENT, DEIT_ERR_INTERRUPTED if 'write' stopped it, DEIT_ERR_MEMORY.
 */
DEIT_API enum deit_status deit_session_dump(const deit_session *session,
                                            enum deit_dump_format format, deit_write_fn *write,
                                            void *ctx, struct deit_error *err);

/* ------------------------------------------------------------------ answers */

/*
 * deit_top_k() writes the indices of the 'k' largest of 'n' logits to 'index', largest first,
 * ties by lower index.  Returns how many it wrote: the smaller of k and n.
 */
DEIT_API size_t deit_top_k(size_t n, const float *logits, size_t k, size_t *index);

/* deit_softmax() turns 'n' logits into probabilities; the two may be the same array. */
DEIT_API void deit_softmax(size_t n, const float *logits, float *probabilities);

#ifdef __cplusplus
}
#endif
#endif
