/* loaders/labels.h: class names in JSON. */
#ifndef DEIT_LOADERS_LABELS_H
#define DEIT_LOADERS_LABELS_H

#include "loaders/json.h"

/*
 * An array of strings, or an object of "index": "name".  'file' and 'key' stand for the place
 * in messages.
 */
enum deit_status deit_labels_from_json(const json_t *value, const char *file, const char *key,
                                       deit_labels **out, struct deit_error *err);

#endif
