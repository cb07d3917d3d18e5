/*
 * tests/onnx_import/text.h: ONNX models written as text, for tests that fit in a table.
 *
 * Statements are separated by ';' or line ends:
 *
 *     x: f32(2, 3) 1 2 3 4 5 6            an initializer; f16, i64, i32, bool, u8 too
 *     image? f32(-1, 3, 8, 8)             a graph input, -1: an open dim
 *     a, b = Split(x, , s) axis=1 @name   a node; com.microsoft.Gelu(x) for another domain
 *     -> a b                              the graph's outputs
 *
 * Attributes are 1, 1.5, [1, 2], [1.5, 2.], 'text', f32(1) 7 (a tensor) or {a graph}; those of a
 * tensor or a graph come last.  What cannot be read fails the test.
 */
#ifndef DEIT_TESTS_ONNX_IMPORT_TEXT_H
#define DEIT_TESTS_ONNX_IMPORT_TEXT_H

#include "loaders/onnx_arena.h"
#include "loaders/onnx_import.h"

struct text_model {
    unsigned char *file; /* the packed model */
    size_t bytes;
};

void text_model_init(struct text_model *m, int64_t opset, const char *text);
void text_model_done(struct text_model *m);

/* Reads and imports; '*imported' is set on success alone. */
enum deit_status text_import(const struct text_model *m, struct deit_onnx_imported *imported,
                             struct deit_error *err);

/*
 * Fails the test unless every initializer of 'expected' is, after folding, a constant output of
 * 'graph' with that name, type, shape and, up to 2e-5 of the largest, these elements.
 */
void text_expect(struct deit_graph *graph, const char *expected);

#endif
