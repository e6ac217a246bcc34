/* Noise on the CPU: philox.h's blocks, each thread its own range of them. */
#include "nn/cpu/cpu.h"
#include <omp.h>

enum { PIECE = 256, PARALLEL = 16384 }; /* elements; a piece is a whole number of blocks */

int nn_draw_threads(const nn_draw *draw, int threads)
{
    return draw->count < PARALLEL ? 1 : threads;
}

void nn_draw_run(const nn_draw *draw, const nn_vector *vector, uint64_t *counter, nn_real *result,
                 int threads)
{
    int64_t pieces = (draw->count + PIECE - 1) / PIECE;

#pragma omp parallel num_threads(threads) if (threads > 1)
    {
        int64_t part = omp_get_thread_num(), parts = omp_get_num_threads();
        int64_t first = pieces * part / parts * PIECE, last = pieces * (part + 1) / parts * PIECE;
        if (last > draw->count)
            last = draw->count;
        if (first < last)
            vector->draw(draw->kind, draw->key, *counter, (uint64_t)first / 4, last - first,
                         result + first);
    }
    ++*counter;
}
