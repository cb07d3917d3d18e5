/*
 * loaders/onnx_ops.c: from a node's operator to the function that imports it, or the refusal.
 */
#include "loaders/onnx_ops.h"

#include <string.h>

#include "runtime/error.h"

static const struct deit_onnx_op ops[] = {
#define DEIT_AI_OP(name, least, most, outputs, function, argument) \
    { #name, false, least, most, outputs, deit_onnx_op_##function, argument },
#define DEIT_MS_OP(name, least, most, outputs, function, argument) \
    { #name, true, least, most, outputs, deit_onnx_op_##function, argument },
#include "loaders/onnx_ops.inc"
#undef DEIT_AI_OP
#undef DEIT_MS_OP
};

static bool begins(const char *text, const char *with)
{
    return !strncmp(text, with, strlen(with));
}

/* Operators on quantised numbers, of both domains. */
static bool is_quantised(const char *op)
{
    static const char *const parts[] = { "QLinear", "QOrdered", "QGemm", "QAttention", "QMoE",
                                         "QEmbed",  "MatMulInteger", "ConvInteger",
                                         "MatMulNBits", "MatMulBnb4", "MatMulFpQ4",
                                         "DynamicQuantize", "QuantizeLinear",
                                         "DequantizeLinear", "QuantizeWith", "DequantizeWith",
                                         "GatherBlockQuantized" };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (begins(op, parts[i]))
            return true;
    return false;
}

enum deit_status deit_onnx_op_find(const struct deit_onnx *onnx, const DeitOnnx__NodeProto *node,
                                   const struct deit_onnx_op **op, struct deit_error *err)
{
    const char *domain = deit_onnx_text(node->domain);
    bool is_standard = deit_onnx_same_domain(domain, "");
    bool is_microsoft = !strcmp(domain, "com.microsoft");
    for (size_t i = 0; (is_standard || is_microsoft) && i < sizeof ops / sizeof *ops; i++)
        if (ops[i].is_microsoft == is_microsoft && !strcmp(ops[i].name, node->op_type)) {
            *op = &ops[i];
            return DEIT_OK;
        }
    long long opset = (long long)deit_onnx_node_opset(onnx, node);
    if ((is_standard || is_microsoft) && is_quantised(node->op_type))
        return deit_onnx_node_fail(onnx, node, err, DEIT_ERR_UNSUPPORTED,
                                   "quantised operator %s (domain '%s', opset %lld) is not "
                                   "supported; give the float model", node->op_type, domain,
                                   opset);
    return deit_onnx_node_fail(onnx, node, err, DEIT_ERR_UNSUPPORTED,
                               "operator %s (domain '%s', opset %lld) is not supported",
                               node->op_type, domain, opset);
}

void deit_onnx_op_check(struct deit_build *b, const struct deit_onnx_op *op)
{
    size_t n_inputs = b->node->n_input, n_outputs = b->node->n_output;
    if (n_inputs < op->least_inputs || n_inputs > op->most_inputs) {
        size_t limit = n_inputs < op->least_inputs ? op->least_inputs : op->most_inputs;
        deit_build_fail(b, DEIT_ERR_FORMAT, "%zu inputs, at %s are %zu", n_inputs,
                        n_inputs < limit ? "least" : "most", limit);
    }
    if (n_outputs < 1 || n_outputs > op->most_outputs)
        deit_build_fail(b, DEIT_ERR_FORMAT, "%zu outputs, it has 1 to %zu", n_outputs,
                        op->most_outputs);
    for (size_t i = 0; deit_build_ok(b) && i < op->least_inputs; i++)
        if (b->inputs[i] < 0)
            deit_build_fail(b, DEIT_ERR_FORMAT, "input %zu is absent, %zu are needed", i,
                            op->least_inputs);
}
