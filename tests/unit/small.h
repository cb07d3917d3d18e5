/*
 * tests/unit/small.h: the small distilled model: two heads, a rectangle, mixed types.
 */
#ifndef DEIT_TESTS_UNIT_SMALL_H
#define DEIT_TESTS_UNIT_SMALL_H

#include "runtime/session.h"

enum { HEIGHT = 40, WIDTH = 24, PIXELS = 3 * HEIGHT * WIDTH, CLASSES = 7, MOST = 7 };

extern float pixels[MOST * PIXELS];

/* A group's setup: the same noise each time. */
int fill_pixels(void **state);

/* Each fails the test, with the message, where it cannot do its work. */
deit_model *open_model(const struct deit_model_options *options);
deit_session *make(deit_model *model, const struct deit_session_options *options,
                   const struct deit_session_hooks *hooks);

struct deit_tensor input(size_t batch, float *data);

/* Logits of the first n pictures, 'batch' in a run. */
void run_all(deit_session *session, size_t n, size_t batch, float *logits);

#endif
