/*
 * bench/machine.c: on what a measurement is made, and what that can do.
 *
 * Asked of the system and not of CPUID: a guest may see a name that its host made up, and the
 * system's is the one that people know the machine by.
 */
#include "bench/machine.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "ops/kernels.h"
#include "runtime/os.h"

#if defined(__clang__)
#define COMPILER "clang"
#define COMPILER_VERSION __clang_major__, __clang_minor__, __clang_patchlevel__
#else
#define COMPILER "gcc"
#define COMPILER_VERSION __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__
#endif

#define PEAK_NS 30000000u

/* A core's own cache is left far behind; a large last level, shared by the cores, is not. */
enum { MEMORY_FACTOR = 16, MEMORY_MIN = 32 << 20, MEMORY_MAX = 1 << 30 /* of all threads */ };

/* ------------------------------------------------------------------ what the system says */

static void copy_line(char *to, size_t room, const char *from)
{
    snprintf(to, room, "%.*s", (int)strcspn(from, "\n"), from);
}

/* The first line of a file below 'folder'; false if there is none. */
static bool read_line(const char *folder, const char *name, char *line, size_t room)
{
    char path[256], text[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "re");
    bool has = file && fgets(text, sizeof text, file) != NULL;
    if (has)
        copy_line(line, room, text);
    if (file)
        fclose(file);
    return has;
}

static void read_cpu(char *name, size_t room)
{
    static const char key[] = "model name";
    char line[512];
    struct utsname system;

    FILE *file = fopen("/proc/cpuinfo", "re");
    while (file && !*name && fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        if (colon && colon[1] && strncmp(line, key, sizeof key - 1) == 0)
            copy_line(name, room, colon + 2);
    }
    if (file)
        fclose(file);
    if (!*name && uname(&system) == 0)
        copy_line(name, room, system.machine);
}

static void read_caches(char *text, size_t room)
{
    for (int i = 0; i < 8; i++) {
        char folder[64], level[8], type[16], size[16];
        snprintf(folder, sizeof folder, "/sys/devices/system/cpu/cpu0/cache/index%d", i);
        if (!read_line(folder, "level", level, sizeof level)
            || !read_line(folder, "type", type, sizeof type)
            || !read_line(folder, "size", size, sizeof size))
            break;
        const char *side = *type == 'D' ? "d" : *type == 'I' ? "i" : "";
        size_t length = strlen(text);
        snprintf(text + length, room - length, "%sL%s%s %s", length > 0 ? ", " : "", level, side,
                 size);
    }
}

static void read_affinity(char *text, size_t room)
{
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        int last = cpu;
        if (!CPU_ISSET(cpu, &set))
            continue;
        while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, &set))
            last++;
        size_t length = strlen(text);
        snprintf(text + length, room - length, last > cpu ? "%s%d-%d" : "%s%d",
                 length > 0 ? "," : "", cpu, last);
        cpu = last;
    }
#else
    (void)text;
    (void)room;
#endif
}

static enum deit_level highest_level(enum deit_isa max_isa)
{
    struct deit_kernels kernels;
    deit_kernels_init(&kernels,
                      max_isa == DEIT_ISA_AUTO ? deit_cpu_level() : (enum deit_level)max_isa);
    return kernels.level;
}

void deit_bench_machine_init(struct deit_bench_machine *machine, enum deit_isa max_isa)
{
    *machine = (struct deit_bench_machine){ .cpus = deit_os_cpu_count() };
    read_cpu(machine->cpu, sizeof machine->cpu);
    copy_line(machine->isa, sizeof machine->isa,
              deit_isa_name((enum deit_isa)highest_level(max_isa)));
    snprintf(machine->compiler, sizeof machine->compiler, COMPILER " %d.%d.%d", COMPILER_VERSION);
    read_line("/sys/devices/system/cpu/cpu0/cpufreq", "scaling_governor", machine->governor,
              sizeof machine->governor);
    read_affinity(machine->affinity, sizeof machine->affinity);

    read_caches(machine->caches, sizeof machine->caches);

    size_t most = MEMORY_MAX / machine->cpus, bytes = MEMORY_FACTOR * deit_os_l2_bytes();
    if (bytes < MEMORY_MIN)
        bytes = MEMORY_MIN;
    machine->memory_bytes = bytes < most ? bytes : most;
}

/* ------------------------------------------------------------------ what it can do */

static void measure_on(struct deit_bench_machine *machine, unsigned threads,
                       enum deit_level max_level)
{
    size_t n;
    const struct deit_peak_loop *const *loops = deit_peak_loops(max_level, &n);
    for (size_t i = 0; i < n && machine->n_peaks < DEIT_MACHINE_PEAKS; i++)
        machine->peaks[machine->n_peaks++] = (struct deit_machine_peak){
            .loop = loops[i],
            .threads = threads,
            .peak = deit_peak_measure(loops[i], threads, PEAK_NS),
        };
    machine->memory[machine->n_memory].threads = threads;
    machine->memory[machine->n_memory++].is =
        deit_bench_bandwidth(threads, machine->memory_bytes);
}

void deit_bench_machine_measure(struct deit_bench_machine *machine, enum deit_isa max_isa)
{
    enum deit_level max_level =
        max_isa == DEIT_ISA_AUTO ? deit_cpu_level() : (enum deit_level)max_isa;
    measure_on(machine, 1, max_level);
    if (machine->cpus > 1)
        measure_on(machine, machine->cpus, max_level);
}

const char *deit_peak_type_name(enum deit_peak_type type)
{
    static const char *const names[] = { "f32", "bf16", "int8" };
    return names[type];
}
