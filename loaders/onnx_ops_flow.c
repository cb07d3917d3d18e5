/*
 * loaders/onnx_ops_flow.c: operators that compute nothing: constants, names and choices.
 *
 * Training is over when a model comes here: Dropout is its input, and of an If one branch is
 * left, which must be known when the file is read.
 */
#include <string.h>

#include "loaders/onnx_ops.h"
#include "loaders/onnx_tensor.h"

/* ------------------------------------------------------------------ constants */

static int constant_tensor(struct deit_build *b)
{
    const DeitOnnx__TensorProto *tensor = NULL;
    b->status = deit_onnx_attr_tensor(b->onnx, b->node, "value", &tensor, b->err);
    const char *name = b->node->n_output ? deit_onnx_text(b->node->output[0]) : b->title;
    return tensor ? deit_build_tensor(b, tensor, name) : -1;
}

static int constant_value(struct deit_build *b, const char *name)
{
    size_t n;
    if (!strcmp(name, "value"))
        return constant_tensor(b);
    if (!strcmp(name, "value_float"))
        return deit_build_float(b, deit_build_attr_float(b, name, 0.0F));
    if (!strcmp(name, "value_int"))
        return deit_build_int(b, deit_build_attr_int(b, name, 0));
    if (!strcmp(name, "value_floats")) {
        const float *values = deit_build_attr_floats(b, name, &n);
        return deit_build_floats(b, n, values);
    }
    if (!strcmp(name, "value_ints")) {
        const int64_t *values = deit_build_attr_ints(b, name, &n);
        return deit_build_ints(b, n, values);
    }
    deit_build_fail(b, DEIT_ERR_UNSUPPORTED, "a constant by '%s' is not supported", name);
    return -1;
}

void deit_onnx_op_constant(struct deit_build *b)
{
    if (b->node->n_attribute != 1) {
        deit_build_fail(b, DEIT_ERR_FORMAT, "%zu attributes, exactly 1 holds the value",
                        b->node->n_attribute);
        return;
    }
    const char *name = deit_onnx_text(b->node->attribute[0]->name);
    deit_build_output(b, 0, constant_value(b, name));
}

/* ------------------------------------------------------------------ identities */

void deit_onnx_op_identity(struct deit_build *b)
{
    deit_build_output(b, 0, deit_build_input(b, 0));
}

/* Since opset 12 the ratio and the mode are inputs; in training mode a ratio of 0 drops none. */
void deit_onnx_op_dropout(struct deit_build *b)
{
    int x = deit_build_input(b, 0), ratio = deit_build_input(b, 1);
    int training = b->opset >= 12 ? deit_build_input(b, 2) : -1;
    double is_training = 0, rate = 0.5;
    if (training >= 0 && !deit_build_evaluate(b, training, &is_training))
        deit_build_fail(b, DEIT_ERR_UNSUPPORTED, "a training_mode that is not constant");
    if (is_training != 0 && ratio >= 0 && !deit_build_evaluate(b, ratio, &rate))
        deit_build_fail(b, DEIT_ERR_UNSUPPORTED, "a ratio that is not constant");
    if (is_training != 0 && rate != 0)
        deit_build_fail(b, DEIT_ERR_UNSUPPORTED, "training_mode is on, with a ratio of %g", rate);
    deit_build_output(b, 0, x);
    if (deit_build_wants(b, 1)) {
        int shape = deit_build_shape(b, x, 0, INT32_MAX);
        deit_build_output(b, 1, deit_build_expand(b, deit_build_bool(b, true), shape));
    }
}

/* ------------------------------------------------------------------ choices */

/* The branch that is not taken is not imported: exporters leave nonsense in them. */
void deit_onnx_op_if(struct deit_build *b)
{
    double condition;
    DeitOnnx__GraphProto *branch = NULL;
    size_t n = b->node->n_output;
    int *outputs = NULL;
    if (!deit_build_evaluate(b, deit_build_input(b, 0), &condition)) {
        deit_build_fail(b, DEIT_ERR_UNSUPPORTED, "the condition depends on the input");
        return;
    }
    const char *name = condition != 0 ? "then_branch" : "else_branch";
    deit_build_need_attr(b, name);
    if (deit_build_ok(b))
        b->status = deit_onnx_attr_graph(b->onnx, b->node, name, &branch, b->err);
    if (deit_build_ok(b))
        outputs = deit_onnx_arena_alloc(&b->onnx->arena, n * sizeof *outputs);
    if (deit_build_ok(b) && !outputs)
        b->status = deit_onnx_arena_fail(&b->onnx->arena, b->onnx->name, b->err);
    if (deit_build_ok(b))
        deit_onnx_import_branch(b, branch, n, outputs);
    for (size_t i = 0; deit_build_ok(b) && i < n; i++)
        deit_build_output(b, i, outputs[i]);
}
