/*
 * bench/peak_scalar.c: the best that code without instruction set flags can do.
 *
 * "Scalar" kernels are plain loops, and a compiler turns those into the vectors that every
 * machine of the architecture has: four floats on x86-64.  They have no fused multiply-add: a
 * product and a sum are two instructions that compete for the same units.  Seven chains of each,
 * not tied to each other, keep those busier than fourteen chains of both.  Two units: 4 lanes x
 * 2 instructions x clock.
 */
#include "bench/peak.h"

typedef float vector __attribute__((vector_size(16)));

enum { PAIRS = 7, LANES = 4 };

static inline vector set(float value)
{
    return (vector){ value, value, value, value };
}

/* Each starts elsewhere: equal chains could be computed once. */
static void run(size_t turns)
{
    static volatile float x_ = -1.0f, y_ = 0.001f; /* constants could be folded */
    const vector x = set(x_), y = set(y_);
    vector p0 = set(1.0f), p1 = set(2.0f), p2 = set(3.0f), p3 = set(4.0f), p4 = set(5.0f),
           p5 = set(6.0f), p6 = set(7.0f);
    vector s0 = set(0.0f), s1 = set(1.0f), s2 = set(2.0f), s3 = set(3.0f), s4 = set(4.0f),
           s5 = set(5.0f), s6 = set(6.0f);

    for (size_t turn = 0; turn < turns; turn++) {
        p0 *= x;
        s0 += y;
        p1 *= x;
        s1 += y;
        p2 *= x;
        s2 += y;
        p3 *= x;
        s3 += y;
        p4 *= x;
        s4 += y;
        p5 *= x;
        s5 += y;
        p6 *= x;
        s6 += y;
    }
    vector sum = ((p0 + p1) + (p2 + p3)) + ((p4 + p5) + p6);
    sum += ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + s6);
    volatile float kept = sum[0] + sum[1] + sum[2] + sum[3]; /* or the work could be dropped */
    (void)kept;
}

const struct deit_peak_loop deit_peak_f32_scalar = {
    .instruction = "mulps, addps", .level = DEIT_LEVEL_SCALAR, .type = DEIT_PEAK_F32,
    .per_turn = 2 * PAIRS, .ops = LANES, .run = run
};
