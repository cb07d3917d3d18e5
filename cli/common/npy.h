/*
 * cli/common/npy.h: NumPy's .npy files of 32-bit floats, read and written row by row.
 *
 * A row is one index of the first axis.  Neither side ever holds the whole array, so that a
 * million rows need no more memory than one.
 */
#ifndef DEIT_CLI_NPY_H
#define DEIT_CLI_NPY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include "deit.h"

/* Enough for any shape as "(1, 2, 3)". */
enum { DEIT_NPY_SHAPE_BYTES = 256 };

struct deit_npy_reader {
    FILE *file;
    char *path;
    uint32_t rank;
    int64_t dims[DEIT_MAX_RANK];
    uint64_t row_elements; /* product of dims[1...] */
    uint64_t rows_left;
    bool is_regular;
    struct timespec modified; /* of a regular file, when it was opened */
};

/*
 * deit_npy_open() reads the header of a file of versions 1 to 3: little-endian f32, C order,
 * rank 1 to 8.  A regular file must be exactly as long as its header says, and stay as it is
 * until the last row is read.
 *
 * Returns DEIT_ERR_IO, DEIT_ERR_FORMAT, DEIT_ERR_UNSUPPORTED for another type or order, or
 * DEIT_ERR_MEMORY.
 */
enum deit_status deit_npy_open(const char *path, struct deit_npy_reader *reader,
                               struct deit_error *err);

/* Reads the next 'n_rows' rows, at most rows_left, to 'rows': n_rows x row_elements floats. */
enum deit_status deit_npy_read(struct deit_npy_reader *reader, uint64_t n_rows, float *rows,
                               struct deit_error *err);

/* A reader that is all zero is fine. */
void deit_npy_close(struct deit_npy_reader *reader);

/* Writes a shape as Python does to 'text', of DEIT_NPY_SHAPE_BYTES; returns 'text'. */
char *deit_npy_shape(uint32_t rank, const int64_t *dims, char *text);

struct deit_npy_writer;

/*
 * deit_npy_create() begins an array whose rows have 'row_rank' axes of 'row_dims'.
 *
 * The array is written to a new file beside 'path' that takes its place only at the end, so a
 * run that fails leaves nothing behind; what is not a regular file (a pipe, a device) is
 * written directly.  'n_rows' is the expected number of rows, 0 if it is not known: the header
 * is rewritten at the end, but where that is impossible it must be right.
 */
enum deit_status deit_npy_create(const char *path, uint32_t row_rank, const int64_t *row_dims,
                                 uint64_t n_rows, struct deit_npy_writer **writer,
                                 struct deit_error *err);

/* Appends one row. */
enum deit_status deit_npy_write(struct deit_npy_writer *writer, const float *row,
                                struct deit_error *err);

/* Appends a row of NaN: an input without an answer. */
enum deit_status deit_npy_write_nan(struct deit_npy_writer *writer, struct deit_error *err);

/* Writes what is left, completes the header and closes the file, still under its other name. */
enum deit_status deit_npy_finish(struct deit_npy_writer *writer, struct deit_error *err);

/* Gives a finished file its name. */
enum deit_status deit_npy_publish(struct deit_npy_writer *writer, struct deit_error *err);

/* Frees the writer, and removes the file if it was not published.  NULL is fine. */
void deit_npy_free(struct deit_npy_writer *writer);

#endif
