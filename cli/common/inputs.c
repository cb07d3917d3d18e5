/*
 * cli/common/inputs.c: the files that operands and a list of names stand for, in order.
 *
 * Files are handed out one at a time and not collected, so memory does not grow with their
 * number; a folder is one step of the way, whose names alone are held.
 */
#include "cli/common/inputs.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/common/lines.h"
#include "cli/common/report.h"
#include "cli/common/walk.h"

struct deit_inputs {
    struct deit_inputs_options options;
    size_t next_operand;
    struct deit_lines *lines; /* NULL without a list */
    struct deit_walk *walk;   /* through a folder, or NULL */
    /* What the walk gives next: whether there is more decides if a batch can wait for it. */
    char *ahead;
    enum deit_status ahead_status;
    struct deit_error ahead_err;
};

enum deit_status deit_inputs_open(const struct deit_inputs_options *options,
                                  struct deit_inputs **out, struct deit_error *err)
{
    struct deit_inputs *inputs = calloc(1, sizeof *inputs);
    if (!inputs)
        return deit_report_fail(err, DEIT_ERR_MEMORY, "out of memory");
    inputs->options = *options;
    if (options->list) {
        enum deit_status status = deit_lines_open(options->list, options->stop_fd,
                                                  &inputs->lines, err);
        if (status != DEIT_OK) {
            deit_inputs_close(inputs);
            return status;
        }
    }
    *out = inputs;
    return DEIT_OK;
}

static void leave_folder(struct deit_inputs *inputs)
{
    deit_walk_close(inputs->walk);
    free(inputs->ahead);
    inputs->walk = NULL;
    inputs->ahead = NULL;
}

/* Takes the next step of the walk, and leaves the folder behind the last. */
static void look_ahead(struct deit_inputs *inputs)
{
    inputs->ahead_status = deit_walk_next(inputs->walk, &inputs->ahead, &inputs->ahead_err);
    if (inputs->ahead_status == DEIT_OK && !inputs->ahead)
        leave_folder(inputs);
}

static enum deit_status enter_folder(struct deit_inputs *inputs, const char *path,
                                     struct deit_error *err)
{
    const struct deit_inputs_options *options = &inputs->options;
    enum deit_status status = deit_walk_open(path, options->is_recursive, options->follows_links,
                                             &inputs->walk, err);
    if (status != DEIT_OK)
        return status;
    look_ahead(inputs);
    if (inputs->walk)
        return DEIT_OK;
    return deit_report_fail(err, DEIT_ERR_IO, "no .jpg, .jpeg or .png file in this folder%s",
                            options->is_recursive ? " or below" : " (--recursive looks below it)");
}

static enum deit_status next_in_folder(struct deit_inputs *inputs, char **path,
                                       struct deit_error *err)
{
    enum deit_status status = inputs->ahead_status;
    *path = inputs->ahead;
    inputs->ahead = NULL;
    if (status != DEIT_OK && err)
        *err = inputs->ahead_err;
    look_ahead(inputs);
    return status;
}

/* The next operand or line; '*name' is NULL behind the last. */
static enum deit_status next_name(struct deit_inputs *inputs, const char **name,
                                  struct deit_error *err)
{
    *name = NULL;
    if (inputs->next_operand < inputs->options.n_operands) {
        *name = inputs->options.operands[inputs->next_operand++];
        return DEIT_OK;
    }
    if (!inputs->lines)
        return DEIT_OK;
    enum deit_status status = deit_lines_next(inputs->lines, name, err);
    if (status != DEIT_OK && !*name)
        *name = inputs->options.list;
    return status;
}

enum deit_status deit_inputs_next(struct deit_inputs *inputs, char **path,
                                  struct deit_error *err)
{
    *path = NULL;
    if (inputs->walk)
        return next_in_folder(inputs, path, err);

    const char *name;
    struct stat info;
    enum deit_status status = next_name(inputs, &name, err);
    if (!name)
        return DEIT_OK;
    if (status == DEIT_OK && stat(name, &info) == 0 && S_ISDIR(info.st_mode)) {
        status = enter_folder(inputs, name, err);
        if (status == DEIT_OK)
            return next_in_folder(inputs, path, err);
    }
    *path = strdup(name); /* a file that is missing fails when it is opened */
    return *path ? status : deit_report_fail(err, DEIT_ERR_MEMORY, "out of memory");
}

bool deit_inputs_is_ready(const struct deit_inputs *inputs)
{
    if (inputs->walk || inputs->next_operand < inputs->options.n_operands || !inputs->lines)
        return true;
    return deit_lines_is_ready(inputs->lines);
}

size_t deit_inputs_count(const struct deit_inputs_options *options)
{
    struct deit_inputs *inputs;
    size_t count = 0;
    if (options->list || deit_inputs_open(options, &inputs, NULL) != DEIT_OK)
        return 0;
    char *path;
    while (deit_inputs_next(inputs, &path, NULL), path) {
        free(path);
        count++;
    }
    deit_inputs_close(inputs);
    return count;
}

void deit_inputs_close(struct deit_inputs *inputs)
{
    if (!inputs)
        return;
    leave_folder(inputs);
    deit_lines_close(inputs->lines);
    free(inputs);
}
