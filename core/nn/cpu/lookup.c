/* Gather and scatter on the CPU. A scatter's threads own rows of the result, and each adds what
 * belongs to its rows in the order of the indices: no atomics, and equal bytes for any threads. */
#include "nn/cpu/cpu.h"
#include <omp.h>
#include <string.h>

enum { PARALLEL = 16384 }; /* elements */

int nn_lookup_threads(const nn_lookup *lookup, int threads)
{
    return lookup->count * lookup->width < PARALLEL ? 1 : threads;
}

/* The row that an index names, or -1. */
static int64_t row_of(nn_real index, int64_t rows)
{
    return index >= 0 && index < (nn_real)rows ? (int64_t)index : -1;
}

static void gather(const nn_lookup *lookup, const nn_real *source, const nn_real *index,
                   nn_real *result, int64_t first, int64_t last)
{
    size_t bytes = (size_t)lookup->width * sizeof *result;

    for (int64_t i = first; i < last; i++) {
        int64_t row = row_of(index[i], lookup->rows);
        nn_real *to = result + i * lookup->result_row;
        if (row < 0)
            memset(to, 0, bytes);
        else
            memcpy(to, source + row * lookup->source_row, bytes);
    }
}

/* Rows first … last - 1 of the result. */
static void scatter(const nn_lookup *lookup, const nn_real *source, const nn_real *index,
                    nn_real *result, int64_t first, int64_t last)
{
    for (int64_t r = first; r < last; r++)
        memset(result + r * lookup->result_row, 0, (size_t)lookup->width * sizeof *result);
    for (int64_t i = 0; i < lookup->count; i++) {
        int64_t row = row_of(index[i], lookup->rows);
        nn_real *to = result + row * lookup->result_row;
        const nn_real *from = source + i * lookup->source_row;
        if (row < first || row >= last)
            continue;
        for (int64_t j = 0; j < lookup->width; j++)
            to[j] += from[j];
    }
}

void nn_lookup_run(const nn_lookup *lookup, const nn_real *source, const nn_real *index,
                   nn_real *result, int threads)
{
    int64_t all = lookup->op == NN_OP_GATHER ? lookup->count : lookup->rows;

#pragma omp parallel num_threads(threads) if (threads > 1)
    {
        int64_t part = omp_get_thread_num(), parts = omp_get_num_threads();
        int64_t first = all * part / parts, last = all * (part + 1) / parts;
        if (lookup->op == NN_OP_GATHER)
            gather(lookup, source, index, result, first, last);
        else
            scatter(lookup, source, index, result, first, last);
    }
}
