/*
 * bench/peak_amx.c: products of tiles of bf16 and of bytes.
 *
 * tdpbf16ps multiplies 16 rows of 32 bf16 with 16 columns: 16 x 16 x 32 x 2 operations;
 * tdpbssd rows of 64 bytes: twice as many.  A product occupies the unit for sixteen cycles, one
 * for each row, and its sum is there after some fifty, so six sums keep it busy; the other two
 * of the eight tiles are the operands.  So a loop has to reach 1/16 instruction a cycle.
 *
 * Each call sets the tiles up and gives them back: a thread that keeps them makes every task
 * switch save eight kilobytes.
 */
#include "bench/peak.h"

#include <stdint.h>

enum { ROWS = 16, ROW_BYTES = 64, N_TILES = 8, N_ACCUMULATORS = 6 };

/* As ldtilecfg reads it. */
struct config {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
};

#define ACCUMULATORS "0, 1, 2, 3, 4, 5"

/* Each pair of products cancels out: no sum grows. */
#define LOOP(instruction, turns, a, b, config) \
    __asm__ volatile("ldtilecfg %1\n\t" \
                     "tileloadd (%2, %4), %%tmm6\n\t" \
                     "tileloadd (%3, %4), %%tmm7\n\t" \
                     ".irp acc, " ACCUMULATORS "\n\t" \
                     "tilezero %%tmm\\acc\n\t" \
                     ".endr\n" \
                     "1:\n\t" \
                     ".irp acc, " ACCUMULATORS "\n\t" \
                     instruction " %%tmm7, %%tmm6, %%tmm\\acc\n\t" \
                     ".endr\n\t" \
                     "dec %0\n\t" \
                     "jnz 1b\n\t" \
                     "tilerelease" \
                     : "+r"(turns) \
                     : "m"(config), "r"(a), "r"(b), "r"((size_t)ROW_BYTES) \
                     : "cc", "memory")

static void configure(struct config *config)
{
    *config = (struct config){ .palette = 1 };
    for (size_t i = 0; i < N_TILES; i++) {
        config->row_bytes[i] = ROW_BYTES;
        config->rows[i] = ROWS;
    }
}

static void fill(uint32_t *tile, uint32_t value)
{
    for (size_t i = 0; i < ROWS * ROW_BYTES / sizeof *tile; i++)
        tile[i] = value;
}

static void run_bf16(size_t turns)
{
    _Alignas(64) uint32_t a[ROWS * ROW_BYTES / 4], b[ROWS * ROW_BYTES / 4];
    struct config config;
    configure(&config);
    fill(a, 0x3f403f40); /* 0.75 0.75 */
    fill(b, 0xbf803f80); /* -1 1 */
    LOOP("tdpbf16ps", turns, a, b, config);
}

static void run_int8(size_t turns)
{
    _Alignas(64) uint32_t a[ROWS * ROW_BYTES / 4], b[ROWS * ROW_BYTES / 4];
    struct config config;
    configure(&config);
    fill(a, 0x5b5b5b5b); /* 91 */
    fill(b, 0xb34db34d); /* 77 -77 */
    LOOP("tdpbssd", turns, a, b, config);
}

const struct deit_peak_loop deit_peak_bf16_amx = {
    .instruction = "tdpbf16ps", .level = DEIT_LEVEL_AMX, .type = DEIT_PEAK_BF16,
    .per_turn = N_ACCUMULATORS, .ops = 2 * ROWS * ROWS * ROW_BYTES / 2, .run = run_bf16
};

const struct deit_peak_loop deit_peak_int8_amx = {
    .instruction = "tdpbssd", .level = DEIT_LEVEL_AMX, .type = DEIT_PEAK_INT8,
    .per_turn = N_ACCUMULATORS, .ops = 2 * ROWS * ROWS * ROW_BYTES, .run = run_int8
};
