/*
 * tests/onnx_reader/test_shared.c: every ONNX file that real exporters wrote for the shared test
 * data is read, its functions are expanded and each of its tensors is found.
 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "loaders/source_file.h"
#include "tests/common/shared.h"
#include "tests/onnx_reader/make.h"

enum { MIN_FILES = 46 };

static void read_model(const char *path)
{
    struct deit_source *source = NULL;
    struct deit_onnx *onnx = NULL;
    struct deit_error err = { 0 };
    enum deit_status status = deit_source_open_file(path, &source, &err);
    if (status == DEIT_OK)
        status = deit_onnx_read(source, path, NULL, &onnx, &err);
    deit_source_release(source);
    if (status != DEIT_OK)
        fail_msg("%s", err.message);
    assert_in_range(onnx->opset, DEIT_ONNX_MIN_OPSET, DEIT_ONNX_MAX_OPSET);
    assert_true(onnx->model->graph->n_output > 0);

    size_t n = resolve_all(onnx, &err, &status);
    if (status != DEIT_OK)
        fail_msg("%s", err.message);
    assert_true(n > 20);
    if (deit_onnx_inline(onnx, &err) != DEIT_OK)
        fail_msg("%s", err.message);
    for (size_t i = 0; i < onnx->model->graph->n_node; i++) {
        const DeitOnnx__NodeProto *node = onnx->model->graph->node[i];
        assert_null(deit_onnx_function(onnx, node->domain, node->op_type, node->overload));
        assert_true(deit_onnx_node_opset(onnx, node) > 0);
    }
    deit_onnx_free(onnx);
}

static size_t read_folder(const char *path, int depth)
{
    DIR *folder = opendir(path);
    assert_non_null(folder);
    size_t n = 0;
    struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        char inside[1024];
        struct stat st;
        snprintf(inside, sizeof inside, "%s/%s", path, entry->d_name);
        size_t length = strlen(entry->d_name);
        if (entry->d_name[0] == '.' || stat(inside, &st))
            continue;
        if (S_ISDIR(st.st_mode) && depth == 0) {
            n += read_folder(inside, depth + 1);
        } else if (length > 5 && !strcmp(entry->d_name + length - 5, ".onnx")) {
            read_model(inside);
            n++;
        }
    }
    closedir(folder);
    return n;
}

static void test_all(void **state)
{
    (void)state;
    char exports[1024], pairs[1024];
    size_t n = read_folder(deit_test_shared(exports, sizeof exports, "exports"), 0) +
               read_folder(deit_test_shared(pairs, sizeof pairs, "pairs"), 0);
    assert_true(n >= MIN_FILES);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_all) };
    return cmocka_run_group_tests_name("onnx_shared", tests, NULL, NULL);
}
