/*
 * tests/check/harness.c: counting, random numbers, and memory that notices.
 *
 * A page that cannot be touched stops a read or write right at the first byte past the end, but
 * only there; canaries notice writes elsewhere.  Checks alternate between the two.
 */
#include "tests/check/check.h"

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { CANARY_BYTES = 256, FILL = 0xff, MAX_PRINTED = 10 };

void expect(struct check *c, bool is_ok, const char *format, ...)
{
    c->n_checks++;
    if (is_ok)
        return;
    c->n_failed++;
    if (c->is_quiet || c->n_failed > MAX_PRINTED)
        return;
    va_list args;
    va_start(args, format);
    printf("FAILED %s %s: ", c->level, c->kernel);
    vprintf(format, args);
    printf("\n");
    va_end(args);
    if (c->n_failed == MAX_PRINTED)
        printf("FAILED %s: further failures are counted only\n", c->level);
}

void run_check(struct check *c, const struct named_check *check, uint64_t seed)
{
    c->kernel = check->name;
    c->random = seed;
    check->run(c);
}

/* Memory */

static size_t round_up(size_t n, size_t unit)
{
    return (n + unit - 1) / unit * unit;
}

void buffer_init(struct buffer *b, size_t bytes, bool is_tight)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    b->bytes = bytes;
    b->canary_after = is_tight ? 0 : CANARY_BYTES;
    /* Without the inaccessible page the data starts aligned for all. */
    const size_t body = is_tight ? bytes : round_up(bytes, 64);
    const size_t accessible = round_up(CANARY_BYTES + body + b->canary_after, page);
    b->map_bytes = accessible + page;
    b->map = mmap(NULL, b->map_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (b->map == MAP_FAILED || mprotect(b->map + accessible, page, PROT_NONE)) {
        perror("kernel_check: mmap");
        exit(2);
    }
    memset(b->map, FILL, accessible);
    b->data = b->map + accessible - b->canary_after - body;
    if (!is_tight)
        b->canary_after += body - bytes;
}

void buffer_done(struct buffer *b)
{
    munmap(b->map, b->map_bytes);
}

static bool is_filled(const unsigned char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (bytes[i] != FILL)
            return false;
    return true;
}

bool buffer_is_intact(const struct buffer *b)
{
    const unsigned char *data = b->data;
    return is_filled(data - CANARY_BYTES, CANARY_BYTES) &&
           is_filled(data + b->bytes, b->canary_after);
}

float *buffer_init_random(struct check *c, struct buffer *b, size_t n, float size, bool is_tight)
{
    buffer_init(b, n * sizeof(float), is_tight);
    float *data = b->data;
    for (size_t i = 0; i < n; i++)
        data[i] = size * random_float(c);
    return data;
}

static sigjmp_buf after_fault;

static void on_fault(int signal_number)
{
    (void)signal_number;
    siglongjmp(after_fault, 1);
}

bool survives(struct check *c, void (*call)(void *context), void *context)
{
    struct sigaction action = { .sa_handler = on_fault }, old_segv, old_bus;
    sigemptyset(&action.sa_mask);
    sigaction(SIGSEGV, &action, &old_segv);
    sigaction(SIGBUS, &action, &old_bus);
    volatile bool is_alive = true;
    if (sigsetjmp(after_fault, 1))
        is_alive = false;
    else
        call(context);
    sigaction(SIGSEGV, &old_segv, NULL);
    sigaction(SIGBUS, &old_bus, NULL);
    if (!is_alive)
        expect(c, false, "touches memory beyond its arguments");
    return is_alive;
}

/* Numbers */

uint64_t random_bits(struct check *c)
{
    /* A Weyl sequence through a mixer. */
    c->random += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = c->random;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

size_t random_below(struct check *c, size_t n)
{
    return (size_t)(random_bits(c) % n);
}

float random_float(struct check *c)
{
    return (float)((int32_t)(random_bits(c) >> 40) - (1 << 23)) * 0x1p-23f;
}

float random_normal(struct check *c)
{
    float sum = 0.0f;
    for (int i = 0; i < 12; i++)
        sum += 0.5f * random_float(c);
    return sum;
}

double ulp(double x)
{
    x = fabs(x);
    if (!(x > 0x1p-126))
        return 0x1p-149;
    return ldexp(1.0, ilogb(x) - 23);
}

bool same_float(float a, float b)
{
    return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0;
}
