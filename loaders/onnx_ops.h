/*
 * loaders/onnx_ops.h: the operators that are understood, one function each.
 *
 * A function reads the node that the builder holds, adds nodes of the runtime's kinds and says
 * which values are the outputs.  Where versions of an operator differ, it looks at the opset.
 */
#ifndef DEIT_LOADERS_ONNX_OPS_H
#define DEIT_LOADERS_ONNX_OPS_H

#include "loaders/onnx_build.h"

typedef void deit_onnx_op_fn(struct deit_build *b);

struct deit_onnx_op {
    const char *name;
    bool is_microsoft; /* of com.microsoft, else of the default domain */
    size_t least_inputs, most_inputs, most_outputs;
    deit_onnx_op_fn *import;
    int argument;
};

enum { DEIT_ONNX_VARIADIC = 1 << 30 }; /* inputs or outputs without a limit */

/*
 * The row of a node's operator.  DEIT_ERR_UNSUPPORTED names node, operator, domain and opset
 * if there is none, and says so if the operator computes with quantised numbers.
 */
enum deit_status deit_onnx_op_find(const struct deit_onnx *onnx, const DeitOnnx__NodeProto *node,
                                   const struct deit_onnx_op **op, struct deit_error *err);

/* Remembers a failure if the node has too few or too many inputs or outputs. */
void deit_onnx_op_check(struct deit_build *b, const struct deit_onnx_op *op);

#define DEIT_AI_OP(name, least, most, outputs, function, argument) \
    deit_onnx_op_fn deit_onnx_op_##function;
#define DEIT_MS_OP DEIT_AI_OP
#include "loaders/onnx_ops.inc"
#undef DEIT_AI_OP
#undef DEIT_MS_OP

/* ------------------------------------------------------------------ shared by operators */

/* erf form, tanh form. */
int deit_onnx_gelu(struct deit_build *b, int x, bool is_tanh);

/*
 * (x - mean) / sqrt(variance + eps) * gamma + beta over the axes from 'axis' on; of 'is_rms'
 * the mean is taken for 0.  gamma and beta may be -1.  '*mean' and '*inverse', if not NULL,
 * receive the statistics.
 */
struct deit_onnx_norm {
    int x, gamma, beta;
    int64_t axis;
    float eps;
    bool is_rms;
};
int deit_onnx_norm(struct deit_build *b, const struct deit_onnx_norm *norm, int *mean,
                   int *inverse);

/* Attention on (batch, heads, tokens, head dim). */
struct deit_onnx_attention {
    int q, k, v;
    float scale;      /* 0: 1 / sqrt(head dim) */
    int mask;         /* added to the scores, or -1 */
    bool is_causal;   /* row i sees columns up to i + n_past */
    int n_past;       /* int64 of rank 0 or 1, or -1: 0 */
    float softcap;    /* 0: none */
    int scores[4];    /* out: before the mask, with it, with the cap, after softmax */
};
int deit_onnx_attention(struct deit_build *b, struct deit_onnx_attention *attention);

/* (batch, tokens, heads x d) -> (batch, heads, tokens, d) and back. */
int deit_onnx_split_heads(struct deit_build *b, int x, int64_t n_heads);
int deit_onnx_join_heads(struct deit_build *b, int x);

/* A mask as summands: where it is true 0, else 'otherwise'. */
int deit_onnx_mask(struct deit_build *b, int mask, float otherwise);

/* The same node imported by another operator's function, with Conv's or Gemm's inputs alone. */
int deit_onnx_conv(struct deit_build *b);
int deit_onnx_gemm(struct deit_build *b);
int deit_onnx_matmul(struct deit_build *b, int x, int y, bool swap_x, bool swap_y);

/* The nodes of a subgraph; 'outputs' receives (n) values. */
void deit_onnx_import_branch(struct deit_build *b, DeitOnnx__GraphProto *graph, size_t n,
                             int *outputs);

#endif
