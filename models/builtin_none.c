/* models/builtin_none.c: in place of the built-in model in a build that has none. */
#include "models/builtin.h"

bool deit_builtin_get(struct deit_builtin *builtin)
{
    (void)builtin;
    return false;
}
