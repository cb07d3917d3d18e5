/* runtime/answers.c: from logits to what people read. */
#include <math.h>

#include "runtime/include/deit.h"

/* NaN sorts last, so that a total order exists whatever the caller passes. */
static int comes_first(const float *logits, size_t a, size_t b)
{
    float x = logits[a], y = logits[b];
    if (isnan(x) || isnan(y))
        return isnan(x) && isnan(y) ? a < b : !isnan(x);
    return x > y || (x == y && a < b);
}

size_t deit_top_k(size_t n, const float *logits, size_t k, size_t *index)
{
    size_t count = 0;
    if (k > n)
        k = n;
    for (size_t i = 0; i < n && k; i++) {
        if (count == k && !comes_first(logits, i, index[k - 1]))
            continue;
        size_t place = count < k ? count++ : k - 1;
        for (; place > 0 && comes_first(logits, i, index[place - 1]); place--)
            index[place] = index[place - 1];
        index[place] = i;
    }
    return count;
}

void deit_softmax(size_t n, const float *logits, float *probabilities)
{
    float largest = -INFINITY;
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        if (logits[i] > largest)
            largest = logits[i];
    for (size_t i = 0; i < n; i++)
        sum += exp((double)logits[i] - (double)largest);
    for (size_t i = 0; i < n; i++)
        probabilities[i] = (float)(exp((double)logits[i] - (double)largest) / sum);
}
