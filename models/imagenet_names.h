/* models/imagenet_names.h: the 1000 classes that DeiT was trained for. */
#ifndef DEIT_MODELS_IMAGENET_NAMES_H
#define DEIT_MODELS_IMAGENET_NAMES_H

enum { DEIT_IMAGENET_CLASSES = 1000 };

extern const char *const deit_imagenet_names[DEIT_IMAGENET_CLASSES];

#endif
