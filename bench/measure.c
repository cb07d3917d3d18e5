/* bench/measure.c: what all measurements share. */
#include "bench/measure.h"

#include "cli/common/report.h"

enum deit_status deit_bench_add(const struct deit_bench_sink *sink,
                                const struct deit_record *record, struct deit_error *err)
{
    if (sink->add(sink->ctx, record, NULL))
        return DEIT_OK;
    return deit_report_fail(err, DEIT_ERR_IO, "nobody reads the results");
}

enum deit_status deit_bench_fail_memory(struct deit_error *err)
{
    return deit_report_fail(err, DEIT_ERR_MEMORY, "out of memory");
}
