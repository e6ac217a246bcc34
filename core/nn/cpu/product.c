/* How a matrix product is cut into blocks and among threads. */
#include "nn/cpu/product.h"
#include "nn/cpu/gemm.h"
#include <omp.h>
#include <string.h>

/* Blocks: `DEPTH` of k and two vectors of columns of b stay in the first cache, `HEIGHT` rows of a
 * by DEPTH in the second. APART keeps the rows of a copied block out of each other's cache sets. */
enum { DEPTH = 384, HEIGHT = 392, APART = 16 };
/* Multiplications below which starting a second thread costs more than it saves. */
enum { SMALL = 200000 };
/* Bytes of b that stay in the first cache, of c that no cache holds. */
enum { NEAR = 24 << 10, FAR = 1 << 20 };

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t parts(int64_t whole, int64_t part)
{
    return (whole + part - 1) / part;
}

static int64_t matrices(const nn_product *product)
{
    return product->batch[0] * product->batch[1] * product->batch[2];
}

static const nn_gemm *gemm_of(nn_isa isa)
{
#if defined __x86_64__
    if (isa == NN_ISA_AVX512)
        return &nn_gemm_avx512;
    if (isa == NN_ISA_AVX2)
        return &nn_gemm_avx2;
#else
    (void)isa;
#endif
    return &nn_gemm_baseline;
}

/* Rough time of one of the units when each c is cut into cut_m by cut_n: the tiles, and bringing
 * its part of a and b into order, which every unit does for itself. */
static double unit_cost(const nn_product_plan *plan, int64_t cut_m, int64_t cut_n)
{
    const nn_product *product = &plan->product;
    int64_t columns = plan->gemm->columns, rows = plan->gemm->rows;
    int64_t panels = parts(parts(product->n, columns), cut_n), m = parts(product->m, cut_m);
    double k = (double)product->k;
    double tiles = (double)(panels * parts(m, rows)) * (k * (double)rows + 40);
    double pack_b = (double)panels * k * (product->b.transposed ? 10 : 4);
    double pack_a = plan->copy_a ? (double)m * k / 4 : 0;

    return tiles + pack_b + pack_a;
}

/* As many units as divide evenly among the threads, cut where that costs least. */
static void cut(nn_product_plan *plan)
{
    const nn_product *product = &plan->product;
    int64_t batch = matrices(product), a = batch, b = plan->threads;

    while (b) {
        int64_t rest = a % b;

        a = b;
        b = rest;
    }
    int64_t cuts = plan->threads / a; /* a: the greatest common divisor */
    double best = 0;

    for (int64_t cut_m = 1; cut_m <= cuts; cut_m++)
        if (cuts % cut_m == 0) {
            double cost = unit_cost(plan, cut_m, cuts / cut_m);

            if (cut_m == 1 || cost < best) {
                best = cost;
                plan->cut_m = cut_m;
                plan->cut_n = cuts / cut_m;
            }
        }
    plan->units = batch * cuts;
}

void nn_product_plan_make(nn_product_plan *plan, const nn_product *product, nn_isa isa, int threads)
{
    double work =
        (double)matrices(product) * (double)product->m * (double)product->n * (double)product->k;

    *plan = (nn_product_plan){.product = *product, .gemm = gemm_of(isa)};
    plan->threads = threads > 1 && work >= SMALL ? threads : 1;
    plan->vector = product->m == 1 || product->n == 1;
    if (plan->vector) {
        plan->scratch = (size_t)product->k;
        plan->cut_m = plan->cut_n = 1;
        plan->threads = (int)smaller(plan->threads, matrices(product));
        plan->units = matrices(product);
    } else {
        int64_t depth = parts(product->k, parts(product->k, DEPTH));

        plan->depth = smaller((depth + 15) / 16 * 16, product->k);
        /* Rows a power of two apart fall into the same sets of the first cache. */
        plan->copy_a = product->a.transposed ||
                       (product->m > 8 && product->a.row * (int64_t)sizeof(nn_real) % 4096 == 0);
        plan->near_b = product->k * product->b.row * (int64_t)sizeof(nn_real) <= NEAR;
        plan->far_c = product->m * product->c.row * (int64_t)sizeof(nn_real) >= FAR;
        cut(plan);
        int64_t m = parts(product->m, plan->cut_m);

        plan->height = parts(m, parts(m, HEIGHT));
        int64_t columns = plan->gemm->columns;
        bool block_is_small = product->n * plan->depth * (int64_t)sizeof(nn_real) <= FAR;

        if (block_is_small && plan->far_c && product->k <= plan->depth)
            plan->height = smaller(plan->height, 2 * plan->gemm->rows);
        plan->whole_b = block_is_small && m > plan->height && !plan->near_b;
        if (plan->whole_b)
            columns = parts(product->n, columns) * columns;
        plan->scratch = (size_t)(plan->depth * columns);
        if (plan->copy_a)
            plan->scratch += (size_t)(plan->height * (plan->depth + APART) + plan->gemm->columns +
                                      plan->gemm->rows);
    }
    plan->scratch = (plan->scratch + 15) / 16 * 16;
}

size_t nn_product_scratch(const nn_product_plan *plan)
{
    return plan->scratch * (size_t)plan->threads;
}

/* How many different b there are: batch axes along which it does not move hold one. */
static int64_t matrices_of_b(const nn_product *product)
{
    int64_t count = 1;

    for (int i = 0; i < 3; i++)
        if (product->b.batch[i])
            count *= product->batch[i];
    return count;
}

static int64_t packed_size(const nn_product_plan *plan)
{
    int64_t columns = plan->gemm->columns;

    return parts(plan->product.n, columns) * columns * plan->product.k;
}

size_t nn_product_packed(const nn_product_plan *plan)
{
    if (plan->vector)
        return 0;
    return (size_t)(packed_size(plan) * matrices_of_b(&plan->product));
}

bool nn_product_same_b(const nn_product *one, const nn_product *other)
{
    const nn_matrix *a = &one->b, *b = &other->b;
    bool vectors = (one->m == 1 || one->n == 1) == (other->m == 1 || other->n == 1);

    return vectors && one->n == other->n && one->k == other->k && a->buffer == b->buffer &&
           a->offset == b->offset && a->row == b->row && a->transposed == b->transposed &&
           !memcmp(a->batch, b->batch, sizeof a->batch) &&
           !memcmp(one->batch, other->batch, sizeof one->batch);
}

/* The indices of matrix u along the batch axes. */
static void batch_index(const nn_product *product, int64_t u, int64_t index[3])
{
    for (int i = 2; i >= 0; i--) {
        index[i] = u % product->batch[i];
        u /= product->batch[i];
    }
}

static int64_t place(const int64_t index[3], const int64_t stride[3])
{
    return index[0] * stride[0] + index[1] * stride[1] + index[2] * stride[2];
}

/* Which of the different b index means. */
static int64_t packed_index(const nn_product *product, const int64_t index[3])
{
    int64_t at = 0;

    for (int i = 0; i < 3; i++)
        if (product->b.batch[i])
            at = at * product->batch[i] + index[i];
    return at;
}

/* Where column j of b begins, and element (p, j). */
static int64_t b_offset(const nn_matrix *b, int64_t p, int64_t j)
{
    return b->transposed ? j * b->row + p : p * b->row + j;
}

void nn_product_pack(const nn_product_plan *plan, const nn_real *b, nn_real *packed)
{
    const nn_product *product = &plan->product;
    const nn_gemm *gemm = plan->gemm;
    int64_t panels = parts(product->n, gemm->columns), count = matrices_of_b(product);
    int64_t size = packed_size(plan);
    int threads = (double)count * (double)size >= SMALL / 8 ? plan->threads : 1;

    if (plan->vector)
        return;
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int64_t u = 0; u < count * panels; u++) {
        int64_t rest = u / panels, j = u % panels * gemm->columns, at = 0;

        for (int i = 2; i >= 0; i--)
            if (product->b.batch[i]) {
                at += rest % product->batch[i] * product->b.batch[i];
                rest /= product->batch[i];
            }
        gemm->pack_b(smaller(gemm->columns, product->n - j), product->k,
                     b + at + b_offset(&product->b, 0, j), product->b.row, product->b.transposed,
                     packed + u / panels * size + j * product->k);
    }
}

/* The operands of one product, of one matrix of the batch. */
typedef struct operands {
    const nn_real *a, *b, *packed, *bias;
    nn_real *c;
} operands;

/* A block of a, rows from m of height, columns from p of depth, into order at `to`. */
static void copy_a(const nn_product_plan *plan, const nn_real *a, int64_t m, int64_t height,
                   int64_t p, int64_t depth, nn_real *to)
{
    int64_t row = plan->product.a.row;

    if (plan->product.a.transposed) {
        plan->gemm->pack_a(height, depth, a + p * row + m, row, to);
        return;
    }
    for (int64_t i = 0; i < height; i++)
        memcpy(to + i * (plan->depth + APART), a + (m + i) * row + p,
               (size_t)depth * sizeof(nn_real));
}

/* Rows m0 … m1 - 1 and columns n0 … n1 - 1 of c. k is outermost: what is beside a block of a or b
 * in memory is read next. */
static void part_of(const nn_product_plan *plan, const operands *of, int64_t m0, int64_t m1,
                    int64_t n0, int64_t n1, nn_real *scratch)
{
    const nn_product *product = &plan->product;
    const nn_gemm *gemm = plan->gemm;
    int64_t wide = plan->whole_b ? parts(product->n, gemm->columns) * gemm->columns : gemm->columns;
    nn_real *b_block = scratch, *a_block = scratch + plan->depth * wide;
    bool whole_b = plan->whole_b && !of->packed;
    nn_panel panel = {.c_row = product->c.row, .far = plan->far_c};

    for (int64_t p = 0; p < product->k; p += panel.k) {
        panel.k = smaller(plan->depth, product->k - p);
        panel.accumulate = product->accumulate || p > 0;
        for (int64_t n = n0; whole_b && n < n1; n += gemm->columns)
            gemm->pack_b(smaller(gemm->columns, n1 - n), panel.k,
                         of->b + b_offset(&product->b, p, n), product->b.row, product->b.transposed,
                         b_block + (n - n0) * panel.k);
        for (int64_t m = m0; m < m1; m += panel.m) {
            panel.m = smaller(plan->height, m1 - m);
            if (plan->copy_a) {
                copy_a(plan, of->a, m, panel.m, p, panel.k, a_block);
                panel.a = a_block;
                panel.a_row = product->a.transposed ? 0 : plan->depth + APART;
            } else {
                panel.a = of->a + m * product->a.row + p;
                panel.a_row = product->a.row;
            }
            for (int64_t n = n0; n < n1; n += panel.n) {
                const nn_real *b = of->b + b_offset(&product->b, p, n);

                panel.n = smaller(gemm->columns, n1 - n);
                panel.b_row = gemm->columns;
                if (of->packed) {
                    panel.b = of->packed + n * product->k + p * gemm->columns;
                } else if (whole_b) {
                    panel.b = b_block + (n - n0) * panel.k;
                } else if (!product->b.transposed && panel.n == gemm->columns &&
                           (panel.m <= gemm->rows || plan->near_b)) {
                    panel.b = b;
                    panel.b_row = product->b.row;
                } else {
                    gemm->pack_b(panel.n, panel.k, b, product->b.row, product->b.transposed,
                                 b_block);
                    panel.b = b_block;
                }
                panel.c = of->c + m * product->c.row + n;
                panel.bias = of->bias && !panel.accumulate ? of->bias + n : NULL;
                gemm->panel(&panel);
            }
        }
    }
}

/* A bias on top of sums that began with what c held. */
static void add_bias(const nn_product_plan *plan, const operands *of, int64_t m0, int64_t m1,
                     int64_t n0, int64_t n1)
{
    for (int64_t m = m0; m < m1; m++)
        for (int64_t n = n0; n < n1; n++)
            of->c[m * plan->product.c.row + n] += of->bias[n];
}

/* m or n is 1: every element of c is the product of a row, or a column, and a vector. */
static void vector_product(const nn_product_plan *plan, const operands *of, nn_real *scratch)
{
    const nn_product *product = &plan->product;
    const nn_matrix *a = &product->a, *b = &product->b, *c = &product->c;
    bool row = product->m == 1; /* c is a row: b is the matrix, a the vector */
    const nn_real *matrix = row ? of->b : of->a, *x = row ? of->a : of->b;
    const nn_matrix *by = row ? a : b;
    int64_t count = row ? product->n : product->m, c_step = row ? 1 : c->row;
    int64_t x_step = row == by->transposed ? by->row : 1;
    bool rows = row ? b->transposed : !a->transposed; /* the matrix holds k next to each other */

    if (x_step != 1 && product->k > 1) {
        for (int64_t p = 0; p < product->k; p++)
            scratch[p] = x[p * x_step];
        x = scratch;
    }
    (rows ? plan->gemm->dot : plan->gemm->sweep)(count, product->k, matrix, row ? b->row : a->row,
                                                 x, of->c, c_step, product->accumulate);
    if (of->bias)
        for (int64_t i = 0; i < count; i++)
            of->c[i * c_step] += of->bias[row ? i : 0];
}

static void unit(const nn_product_plan *plan, const operands *all, int64_t u, nn_real *scratch)
{
    const nn_product *product = &plan->product;
    int64_t columns = plan->gemm->columns, panels = parts(product->n, columns);
    int64_t cuts = plan->cut_m * plan->cut_n, index[3];

    batch_index(product, u / cuts, index);
    operands of = {
        .a = all->a + place(index, product->a.batch),
        .b = all->b + place(index, product->b.batch),
        .c = all->c + place(index, product->c.batch),
        .bias = all->bias ? all->bias + place(index, product->bias.batch) : NULL,
        .packed =
            all->packed ? all->packed + packed_index(product, index) * packed_size(plan) : NULL,
    };
    if (plan->vector) {
        vector_product(plan, &of, scratch);
        return;
    }
    int64_t i = u % cuts / plan->cut_n, j = u % plan->cut_n;
    int64_t m0 = product->m * i / plan->cut_m, m1 = product->m * (i + 1) / plan->cut_m;
    int64_t n0 = panels * j / plan->cut_n * columns;
    int64_t n1 = smaller(panels * (j + 1) / plan->cut_n * columns, product->n);

    part_of(plan, &of, m0, m1, n0, n1, scratch);
    if (of.bias && product->accumulate)
        add_bias(plan, &of, m0, m1, n0, n1);
}

void nn_product_run(const nn_product_plan *plan, const nn_real *a, const nn_real *b,
                    const nn_real *packed, const nn_real *bias, nn_real *c, nn_real *scratch)
{
    operands all = {.a = a, .b = b, .packed = plan->vector ? NULL : packed, .bias = bias, .c = c};

    if (plan->threads == 1) {
        for (int64_t u = 0; u < plan->units; u++)
            unit(plan, &all, u, scratch);
        return;
    }
#pragma omp parallel num_threads(plan->threads)
    {
        nn_real *own = scratch + (size_t)omp_get_thread_num() * plan->scratch;

#pragma omp for schedule(static)
        for (int64_t u = 0; u < plan->units; u++)
            unit(plan, &all, u, own);
    }
}
