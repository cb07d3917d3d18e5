/* models/config.c: the end of a config. */
#include "models/config.h"

#include <stdlib.h>

void deit_config_done(struct deit_config *config)
{
    free(config->file);
    deit_labels_close(config->labels);
    *config = (struct deit_config){ 0 };
}
