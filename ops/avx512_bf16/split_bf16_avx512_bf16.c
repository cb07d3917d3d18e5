/*
 * ops/avx512_bf16/split_bf16_avx512_bf16.c: rows of f32 to rows of bf16 parts, 32 at a time.
 */
#include "ops/avx512_bf16/avx512_bf16.h"
#include "ops/avx512_bf16/vector_avx512_bf16.h"

enum { STEP = 2 * LANES };

void deit_split_bf16_avx512_bf16(size_t rows, const struct deit_split_bf16_args *args)
{
    const size_t k = args->k;
    for (size_t r = 0; r < rows; r++) {
        const float *src = args->src + r * args->src_stride;
        uint16_t *dst = args->dst + r * args->dst_stride;
        size_t i = 0;
        for (; i + STEP <= k && args->n_parts == 1; i += STEP) {
            const struct row32 x = { _mm512_loadu_ps(src + i), _mm512_loadu_ps(src + i + LANES) };
            _mm512_storeu_si512(dst + i, round32(&x));
        }
        for (; i < args->k_padded; i += STEP) {
            struct row32 x = load32(src + i, i < k ? k - i : 0);
            const __mmask32 mask = tail_mask32(args->k_padded - i);
            for (size_t p = 0; p < args->n_parts; p++) {
                const __m512i part = round32(&x);
                _mm512_mask_storeu_epi16(dst + p * args->part_stride + i, mask, part);
                subtract32(&x, part);
            }
        }
    }
}
