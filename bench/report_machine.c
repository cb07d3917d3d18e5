/* bench/report_machine.c: the machine, for people above a table and for programs in JSON. */
#include <stdio.h>

#include "bench/report.h"
#include "cli/common/text.h"

/* ------------------------------------------------------------------ text */

static void write_line(const char *name, const char *value)
{
    printf("%-10s", name);
    deit_text_write(stdout, value);
    fputc('\n', stdout);
}

/* The same loop on all CPUs; NULL if there is one CPU. */
static const struct deit_machine_peak *on_all(const struct deit_bench_machine *machine,
                                              const struct deit_machine_peak *peak)
{
    for (size_t i = 0; i < machine->n_peaks; i++)
        if (machine->peaks[i].loop == peak->loop && machine->peaks[i].threads > 1)
            return &machine->peaks[i];
    return NULL;
}

static void write_peaks(const struct deit_bench_machine *machine)
{
    printf("\n%-14s  %-4s  %10s  %8s  %6s", "peak", "type", "GFLOP/s", "a cycle", "GHz");
    if (machine->cpus > 1)
        printf("  %3u threads  %8s  %6s", machine->cpus, "a cycle", "GHz");
    fputc('\n', stdout);
    for (size_t i = 0; i < machine->n_peaks; i++) {
        const struct deit_machine_peak *p = &machine->peaks[i];
        if (p->threads > 1)
            continue;
        printf("%-14s  %-4s  %10.1f  %8.3f  %6.2f", p->loop->instruction,
               deit_peak_type_name(p->loop->type), p->peak.gflops, p->peak.per_cycle,
               p->peak.ghz);
        const struct deit_machine_peak *all = on_all(machine, p);
        if (all)
            printf("  %11.1f  %8.3f  %6.2f", all->peak.gflops, all->peak.per_cycle,
                   all->peak.ghz);
        fputc('\n', stdout);
    }
}

static void write_memory(const struct deit_bench_machine *machine)
{
    printf("\nmemory    %zu MB a thread, beyond L2 but perhaps in a shared L3:",
           machine->memory_bytes >> 20);
    for (size_t i = 0; i < machine->n_memory; i++)
        printf("%s %u thread%s read %.1f, copy %.1f GB/s", i ? ";" : "",
               machine->memory[i].threads, machine->memory[i].threads > 1 ? "s" : "",
               machine->memory[i].is.read_gbs, machine->memory[i].is.copy_gbs);
    fputc('\n', stdout);
}

void deit_bench_report_machine(const struct deit_bench_machine *machine)
{
    char cpus[160];
    if (*machine->affinity)
        snprintf(cpus, sizeof cpus, "%u (affinity %s)", machine->cpus, machine->affinity);
    else
        snprintf(cpus, sizeof cpus, "%u", machine->cpus);
    write_line("CPU", machine->cpu);
    write_line("ISA", machine->isa);
    write_line("compiler", machine->compiler);
    write_line("CPUs", cpus);
    write_line("governor", *machine->governor ? machine->governor : "not told");
    write_line("caches", *machine->caches ? machine->caches : "not told");
    write_peaks(machine);
    write_memory(machine);
}

/* ------------------------------------------------------------------ JSON */

static void write_string(const char *key, const char *value)
{
    printf(", \"%s\": ", key);
    deit_text_write_json(stdout, value);
}

void deit_bench_report_machine_json(const struct deit_bench_machine *machine)
{
    write_string("version", deit_version());
    write_string("cpu", machine->cpu);
    write_string("compiler", machine->compiler);
    printf(", \"cpus\": %u", machine->cpus);
    if (*machine->affinity)
        write_string("affinity", machine->affinity);
    if (*machine->governor)
        write_string("governor", machine->governor);
    if (*machine->caches)
        write_string("caches", machine->caches);

    fputs(", \"peaks\": [", stdout);
    for (size_t i = 0; i < machine->n_peaks; i++) {
        const struct deit_machine_peak *p = &machine->peaks[i];
        printf("%s{\"instruction\": \"%s\", \"isa\": \"%s\", \"type\": \"%s\", \"threads\": %u, "
               "\"gflops\": %.9g, \"per_cycle\": %.9g, \"ghz\": %.9g}",
               i ? ", " : "", p->loop->instruction, deit_isa_name((enum deit_isa)p->loop->level),
               deit_peak_type_name(p->loop->type), p->threads, p->peak.gflops, p->peak.per_cycle,
               p->peak.ghz);
    }
    fputs("], \"memory\": [", stdout);
    for (size_t i = 0; i < machine->n_memory; i++)
        printf("%s{\"threads\": %u, \"bytes\": %zu, \"read_gbs\": %.9g, \"copy_gbs\": %.9g}",
               i ? ", " : "", machine->memory[i].threads, machine->memory_bytes,
               machine->memory[i].is.read_gbs, machine->memory[i].is.copy_gbs);
    fputc(']', stdout);
}
