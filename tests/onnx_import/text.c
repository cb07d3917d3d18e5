/*
 * tests/onnx_import/text.c: a reader of the tests' own notation, and the comparison.
 *
 * Files are packed by protobuf-c, so what a test means and what the library reads back meet in
 * the standard's format alone.
 */
#include "tests/onnx_import/text.h"

#include <ctype.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/constant.h"
#include "runtime/kind.h"

enum { ROOM = 48 }; /* of each list in a message */

struct reader {
    const char *text, *p;
    struct deit_onnx_arena arena;
};

static void *take(struct reader *r, size_t bytes)
{
    void *block = deit_onnx_arena_alloc(&r->arena, bytes);
    assert_non_null(block);
    return block;
}

#define new_message(r, type, NAME) \
    (*(type *)memcpy(take(r, sizeof(type)), &(type)NAME##__INIT, sizeof(type)))

/* Appends to a list of ROOM pointers. */
#define append(r, list, n, item) \
    do { \
        assert_true((n) < ROOM); \
        if (!(list)) \
            (list) = take(r, ROOM * sizeof *(list)); \
        (list)[(n)++] = (item); \
    } while (0)

static _Noreturn void stop(const struct reader *r, const char *what)
{
    fail_msg("%s at '%.40s' of: %s", what, r->p, r->text);
    abort();
}

/* ------------------------------------------------------------------ words */

static void blanks(struct reader *r)
{
    while (*r->p == ' ')
        r->p++;
}

static bool next_is(struct reader *r, const char *text)
{
    blanks(r);
    size_t n = strlen(text);
    if (strncmp(r->p, text, n) != 0)
        return false;
    r->p += n;
    return true;
}

static void need(struct reader *r, const char *text)
{
    if (!next_is(r, text))
        stop(r, text);
}

static char *word(struct reader *r)
{
    blanks(r);
    const char *start = r->p;
    while (isalnum((unsigned char)*r->p) || (*r->p && strchr("_./", *r->p)))
        r->p++;
    char *copy = take(r, (size_t)(r->p - start) + 1);
    memcpy(copy, start, (size_t)(r->p - start));
    return copy;
}

static bool number_follows(struct reader *r)
{
    blanks(r);
    return isdigit((unsigned char)*r->p) || (*r->p && strchr("-.", *r->p)) ||
           !strncmp(r->p, "nan", 3) || !strncmp(r->p, "inf", 3);
}

static double number(struct reader *r, bool *is_float)
{
    char *end;
    const char *start = r->p;
    double value = strtod(r->p, &end);
    if (end == r->p)
        stop(r, "no number");
    r->p = end;
    for (; is_float && start < end; start++)
        *is_float |= *start == '.' || *start == 'e' || *start == 'n';
    return value;
}

/* ------------------------------------------------------------------ tensors */

struct type {
    const char *name;
    int32_t number;
};

static int32_t type_follows(struct reader *r)
{
    static const struct type types[] = { { "f32(", 1 }, { "u8(", 2 },   { "i32(", 6 },
                                         { "i64(", 7 }, { "bool(", 9 }, { "f16(", 10 },
                                         { "text(", 8 } };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (next_is(r, types[i].name))
            return types[i].number;
    return 0;
}

static size_t dims(struct reader *r, int64_t out[8])
{
    size_t n = 0;
    while (!next_is(r, ")")) {
        assert_true(n < 8);
        out[n++] = (int64_t)number(r, NULL);
        next_is(r, ",");
    }
    return n;
}

/* Behind "type(": dims and elements. */
static DeitOnnx__TensorProto *tensor(struct reader *r, int32_t type)
{
    enum { MOST = 512 };
    DeitOnnx__TensorProto *t = &new_message(r, DeitOnnx__TensorProto, DEIT_ONNX__TENSOR_PROTO);
    t->has_data_type = 1;
    t->data_type = type;
    t->dims = take(r, 8 * sizeof *t->dims);
    t->n_dims = dims(r, t->dims);
    t->float_data = take(r, MOST * sizeof *t->float_data);
    t->int64_data = take(r, MOST * sizeof *t->int64_data);
    t->int32_data = take(r, MOST * sizeof *t->int32_data);
    while (number_follows(r)) {
        double value = number(r, NULL);
        assert_true(t->n_float_data + t->n_int64_data + t->n_int32_data < MOST);
        if (type == 1)
            t->float_data[t->n_float_data++] = (float)value;
        else if (type == 7)
            t->int64_data[t->n_int64_data++] = (int64_t)value;
        else
            t->int32_data[t->n_int32_data++] = (int32_t)value;
    }
    return t;
}

static DeitOnnx__ValueInfoProto *value_info(struct reader *r, char *name, int32_t type)
{
    int64_t list[8];
    DeitOnnx__ValueInfoProto *v =
        &new_message(r, DeitOnnx__ValueInfoProto, DEIT_ONNX__VALUE_INFO_PROTO);
    v->name = name;
    if (!type)
        return v;
    v->type = &new_message(r, DeitOnnx__TypeProto, DEIT_ONNX__TYPE_PROTO);
    DeitOnnx__TensorTypeProto *t = v->type->tensor_type =
        &new_message(r, DeitOnnx__TensorTypeProto, DEIT_ONNX__TENSOR_TYPE_PROTO);
    t->has_elem_type = 1;
    t->elem_type = type;
    t->shape = &new_message(r, DeitOnnx__TensorShapeProto, DEIT_ONNX__TENSOR_SHAPE_PROTO);
    size_t n = dims(r, list);
    for (size_t i = 0; i < n; i++) {
        DeitOnnx__DimensionProto *d =
            &new_message(r, DeitOnnx__DimensionProto, DEIT_ONNX__DIMENSION_PROTO);
        d->has_dim_value = list[i] >= 0;
        d->dim_value = list[i];
        append(r, t->shape->dim, t->shape->n_dim, d);
    }
    return v;
}

/* ------------------------------------------------------------------ nodes */

static DeitOnnx__GraphProto *graph(struct reader *r, const char *end);

static void list(struct reader *r, DeitOnnx__AttributeProto *a)
{
    bool is_float = false;
    double values[ROOM];
    size_t n = 0;
    while (!next_is(r, "]")) {
        assert_true(n < ROOM);
        blanks(r);
        values[n++] = number(r, &is_float);
        next_is(r, ",");
    }
    a->type = is_float ? 6 : 7;
    a->floats = take(r, ROOM * sizeof *a->floats);
    a->ints = take(r, ROOM * sizeof *a->ints);
    for (size_t i = 0; i < n; i++) {
        if (is_float)
            a->floats[a->n_floats++] = (float)values[i];
        else
            a->ints[a->n_ints++] = (int64_t)values[i];
    }
}

static void text_attribute(struct reader *r, DeitOnnx__AttributeProto *a)
{
    const char *end = strchr(r->p, '\'');
    if (!end)
        stop(r, "no end of the text");
    a->type = 3;
    a->has_s = 1;
    a->s.len = (size_t)(end - r->p);
    a->s.data = take(r, a->s.len + 1);
    memcpy(a->s.data, r->p, a->s.len);
    r->p = end + 1;
}

static DeitOnnx__AttributeProto *attribute(struct reader *r)
{
    bool is_float = false;
    DeitOnnx__AttributeProto *a =
        &new_message(r, DeitOnnx__AttributeProto, DEIT_ONNX__ATTRIBUTE_PROTO);
    a->name = word(r);
    need(r, "=");
    a->has_type = 1;
    int32_t type = type_follows(r);
    if (type) {
        a->type = 4;
        a->t = tensor(r, type);
    } else if (next_is(r, "[")) {
        list(r, a);
    } else if (next_is(r, "'")) {
        text_attribute(r, a);
    } else if (next_is(r, "{")) {
        a->type = 5;
        a->g = graph(r, "}");
    } else {
        double value = number(r, &is_float);
        a->type = is_float ? 1 : 2;
        a->has_f = is_float;
        a->has_i = !is_float;
        a->f = is_float ? (float)value : 0.0F;
        a->i = is_float ? 0 : (int64_t)value;
    }
    return a;
}

static bool statement_ends(struct reader *r)
{
    blanks(r);
    return !*r->p || *r->p == ';' || *r->p == '\n' || *r->p == '}';
}

/* Behind its outputs and '='. */
static void node(struct reader *r, DeitOnnx__NodeProto *n)
{
    char *name = word(r);
    char *dot = strrchr(name, '.');
    n->op_type = dot ? dot + 1 : name;
    if (dot) {
        *dot = '\0';
        n->domain = name;
    }
    need(r, "(");
    while (!next_is(r, ")")) {
        append(r, n->input, n->n_input, word(r));
        if (next_is(r, ","))
            continue;
        need(r, ")");
        break;
    }
    while (!statement_ends(r)) {
        if (next_is(r, "@"))
            n->name = word(r);
        else
            append(r, n->attribute, n->n_attribute, attribute(r));
    }
}

static void statement(struct reader *r, DeitOnnx__GraphProto *g)
{
    if (next_is(r, "->")) {
        while (!statement_ends(r))
            append(r, g->output, g->n_output, value_info(r, word(r), 0));
        return;
    }
    char *name = word(r);
    if (next_is(r, "?")) {
        append(r, g->input, g->n_input, value_info(r, name, type_follows(r)));
    } else if (next_is(r, ":")) {
        DeitOnnx__TensorProto *t = tensor(r, type_follows(r));
        t->name = name;
        append(r, g->initializer, g->n_initializer, t);
    } else {
        DeitOnnx__NodeProto *n = &new_message(r, DeitOnnx__NodeProto, DEIT_ONNX__NODE_PROTO);
        append(r, n->output, n->n_output, name);
        while (next_is(r, ","))
            append(r, n->output, n->n_output, word(r));
        need(r, "=");
        node(r, n);
        append(r, g->node, g->n_node, n);
    }
}

static DeitOnnx__GraphProto *graph(struct reader *r, const char *end)
{
    DeitOnnx__GraphProto *g = &new_message(r, DeitOnnx__GraphProto, DEIT_ONNX__GRAPH_PROTO);
    for (;;) {
        while (next_is(r, ";") || next_is(r, "\n"))
            ;
        if (*end ? next_is(r, end) : !*r->p)
            return g;
        statement(r, g);
    }
}

static void reader_init(struct reader *r, const char *text)
{
    *r = (struct reader){ .text = text, .p = text };
    deit_onnx_arena_init(&r->arena, 64 << 20);
}

/* ------------------------------------------------------------------ models */

static DeitOnnx__OperatorSetIdProto *import(struct reader *r, const char *domain, int64_t version)
{
    DeitOnnx__OperatorSetIdProto *o =
        &new_message(r, DeitOnnx__OperatorSetIdProto, DEIT_ONNX__OPERATOR_SET_ID_PROTO);
    o->domain = strcpy(take(r, 32), domain);
    o->has_version = 1;
    o->version = version;
    return o;
}

void text_model_init(struct text_model *m, int64_t opset, const char *text)
{
    struct reader r;
    reader_init(&r, text);
    DeitOnnx__ModelProto *model = &new_message(&r, DeitOnnx__ModelProto, DEIT_ONNX__MODEL_PROTO);
    model->has_ir_version = 1;
    model->ir_version = 8;
    append(&r, model->opset_import, model->n_opset_import, import(&r, "", opset));
    append(&r, model->opset_import, model->n_opset_import, import(&r, "com.microsoft", 1));
    model->graph = graph(&r, "");
    m->bytes = deit_onnx__model_proto__get_packed_size(model);
    m->file = malloc(m->bytes + 1);
    assert_non_null(m->file);
    deit_onnx__model_proto__pack(model, m->file);
    deit_onnx_arena_done(&r.arena);
}

void text_model_done(struct text_model *m)
{
    free(m->file);
}

enum deit_status text_import(const struct text_model *m, struct deit_onnx_imported *imported,
                             struct deit_error *err)
{
    struct deit_source *source = NULL;
    struct deit_onnx *onnx = NULL;
    enum deit_status status =
        deit_source_open_memory(m->file, m->bytes, "made.onnx", &source, err);
    if (status == DEIT_OK)
        status = deit_onnx_read(source, NULL, NULL, &onnx, err);
    if (status == DEIT_OK)
        status = deit_onnx_import(onnx, imported, err);
    deit_onnx_free(onnx);
    deit_source_release(source);
    return status;
}

/* ------------------------------------------------------------------ comparison */

static const struct deit_value *find_output(const struct deit_graph *g, const char *name)
{
    for (size_t i = 0; i < g->n_outputs; i++)
        if (!strcmp(g->values[g->outputs[i]].name, name))
            return &g->values[g->outputs[i]];
    fail_msg("no output '%s'", name);
    return NULL;
}

static double element(const DeitOnnx__TensorProto *t, size_t i)
{
    if (t->data_type == 1)
        return (double)t->float_data[i];
    return t->data_type == 7 ? (double)t->int64_data[i] : (double)t->int32_data[i];
}

static double computed(enum deit_dtype dtype, const void *data, size_t i)
{
    if (dtype == DEIT_F32)
        return (double)((const float *)data)[i];
    return dtype == DEIT_I64 ? (double)((const int64_t *)data)[i]
                             : (double)((const uint8_t *)data)[i];
}

static void compare(const struct deit_value *v, const DeitOnnx__TensorProto *t)
{
    char shape[128];
    struct deit_error err;
    size_t n = 0;
    if (v->origin != DEIT_FROM_CONSTANT || !deit_shape_count(&v->shape, &n))
        fail_msg("'%s' %s could not be computed", v->name, deit_shape_print(&v->shape, shape));
    assert_int_equal(v->dtype, t->data_type == 1 ? DEIT_F32
                               : t->data_type == 7 ? DEIT_I64 : DEIT_BOOL);
    struct deit_shape wanted = { .rank = (uint32_t)t->n_dims };
    memcpy(wanted.dims, t->dims, t->n_dims * sizeof *t->dims);
    if (!deit_shape_equal(&v->shape, &wanted))
        fail_msg("'%s' is %s", v->name, deit_shape_print(&v->shape, shape));
    assert_int_equal(n, t->n_float_data + t->n_int64_data + t->n_int32_data);

    void *data = malloc(n * sizeof(int64_t) + 1);
    assert_non_null(data);
    double largest = 1;
    for (size_t i = 0; i < n; i++)
        largest = fabs(element(t, i)) > largest ? fabs(element(t, i)) : largest;
    if (deit_constant_read(&v->constant, v->name, v->dtype, 0, n, data, &err) != DEIT_OK)
        fail_msg("%s", err.message);
    for (size_t i = 0; i < n; i++) {
        double is = computed(v->dtype, data, i), should = element(t, i);
        if (!(fabs(is - should) <= 2e-5 * (isfinite(largest) ? largest : 1)) && is != should &&
            !(isnan(is) && isnan(should)))
            fail_msg("'%s'[%zu] is %.9g instead of %.9g", v->name, i, is, should);
    }
    free(data);
}

void text_expect(struct deit_graph *g, const char *expected)
{
    struct reader r;
    struct deit_error err;
    if (deit_graph_fold(g, SIZE_MAX / 4, &err) != DEIT_OK)
        fail_msg("%s", err.message);
    reader_init(&r, expected);
    const DeitOnnx__GraphProto *wanted = graph(&r, "");
    assert_true(wanted->n_initializer > 0);
    for (size_t i = 0; i < wanted->n_initializer; i++)
        compare(find_output(g, wanted->initializer[i]->name), wanted->initializer[i]);
    deit_onnx_arena_done(&r.arena);
}
