/*
 * bench/machine.c: on what a measurement was made.
 *
 * Asked of the system and not of CPUID: a guest may see a name that its host made up, and the
 * system's is the one that people know the machine by.
 */
#include "bench/machine.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#if defined(__clang__)
#define COMPILER "clang"
#define COMPILER_VERSION __clang_major__, __clang_minor__, __clang_patchlevel__
#else
#define COMPILER "gcc"
#define COMPILER_VERSION __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__
#endif

static void copy_line(char *to, size_t room, const char *from)
{
    snprintf(to, room, "%.*s", (int)strcspn(from, "\n"), from);
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

static void read_governor(char *name, size_t room)
{
    char line[64];
    FILE *file = fopen("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "re");
    if (file && fgets(line, sizeof line, file))
        copy_line(name, room, line);
    if (file)
        fclose(file);
}

void deit_bench_machine_init(struct deit_bench_machine *machine)
{
    *machine = (struct deit_bench_machine){ 0 };
    read_cpu(machine->cpu, sizeof machine->cpu);
    read_governor(machine->governor, sizeof machine->governor);
    snprintf(machine->compiler, sizeof machine->compiler, COMPILER " %d.%d.%d", COMPILER_VERSION);
}
