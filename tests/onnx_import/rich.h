/* tests/onnx_import/rich.h: graphs that together use every operator, to be damaged. */
#ifndef DEIT_TESTS_ONNX_IMPORT_RICH_H
#define DEIT_TESTS_ONNX_IMPORT_RICH_H

#include <stdint.h>

/* The last one has no graph. */
extern const struct rich {
    int64_t opset;
    const char *graph;
} rich_graphs[];

#endif
