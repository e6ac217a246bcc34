/* products [THREADS [ROUNDS]]: the engine's matrix products at the shapes of its models, in
 * GFLOP/s, against oneDNN's: its matmul primitive with the weights in the order that it likes best
 * (when ours are packed too), or as they are. One JSON line a shape; ratio above 1: ours is faster.
 * Both take turns; each figure is the median of the rounds. */
#include "nn/cpu/product.h"
#include <omp.h>
#include <oneapi/dnnl/dnnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_ROUNDS = 99 };

typedef struct shape {
    int64_t batch, m, n, k;
    bool transpose_a, transpose_b, packed;
} shape;

static const shape shapes[] = {
    {1, 128, 512, 512, false, true, true},    {1, 128, 512, 512, false, true, false},
    {1, 128, 512, 512, false, false, true},   {1, 128, 512, 512, false, false, false},
    {1, 384, 512, 512, false, true, true},    {1, 512, 512, 128, true, false, false},
    {1, 512, 512, 512, true, false, false},   {1, 128, 512, 1767, false, true, true},
    {1, 512, 1767, 128, true, false, false},  {1, 128, 2048, 512, false, true, true},
    {1, 128, 512, 2048, false, false, true},  {1, 5120, 2048, 100, false, true, false},
    {1, 2048, 512, 5120, true, false, false}, {1, 100, 512, 159, false, true, true},
    {1, 100, 400, 100, false, true, true},    {1, 128, 1, 512, false, true, false},
    {1, 1, 512, 128, true, false, false},     {1, 128, 512, 1, false, false, false},
    {64, 64, 64, 64, false, true, false},     {64, 64, 64, 64, false, false, false}};

typedef struct peer {
    dnnl_primitive_t primitive;
    dnnl_stream_t stream;
    dnnl_exec_arg_t argument[3];
} peer;

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static float *numbers(size_t count)
{
    float *values = aligned_alloc(64, (count * sizeof *values + 63) / 64 * 64 + 64);

    if (!values) {
        fprintf(stderr, "products: out of memory\n");
        exit(1);
    }
    for (size_t i = 0; i < count; i++)
        values[i] = (float)(i * 7919 % 97) * .01f - .5f;
    return values;
}

static void need(dnnl_status_t status, const char *what)
{
    if (status == dnnl_success)
        return;
    fprintf(stderr, "products: oneDNN, %s: status %d\n", what, (int)status);
    exit(1);
}

/* oneDNN's product of the same operands; packed weights hold other numbers, which cost the same. */
static void make_peer(peer *p, dnnl_engine_t engine, const shape *s, float *a, float *b, float *c)
{
    dnnl_memory_desc_t da, db, dc;
    dnnl_matmul_desc_t product;
    dnnl_primitive_desc_t description;
    dnnl_memory_t ma, mb, mc;
    const dnnl_dims_t sa = {s->batch, s->m, s->k}, sb = {s->batch, s->k, s->n},
                      sc = {s->batch, s->m, s->n};
    const int skip = s->batch == 1; /* two axes, or three */

    need(dnnl_memory_desc_init_by_tag(&da, 3 - skip, sa + skip, dnnl_f32,
                                      skip ? (s->transpose_a ? dnnl_ba : dnnl_ab)
                                           : (s->transpose_a ? dnnl_acb : dnnl_abc)),
         "a");
    need(dnnl_memory_desc_init_by_tag(&db, 3 - skip, sb + skip, dnnl_f32,
                                      s->packed ? dnnl_format_tag_any
                                      : skip    ? (s->transpose_b ? dnnl_ba : dnnl_ab)
                                                : (s->transpose_b ? dnnl_acb : dnnl_abc)),
         "b");
    need(
        dnnl_memory_desc_init_by_tag(&dc, 3 - skip, sc + skip, dnnl_f32, skip ? dnnl_ab : dnnl_abc),
        "c");
    need(dnnl_matmul_desc_init(&product, &da, &db, NULL, &dc), "a product");
    need(dnnl_primitive_desc_create(&description, &product, NULL, engine, NULL), "a description");
    const dnnl_memory_desc_t *wanted =
        dnnl_primitive_desc_query_md(description, dnnl_query_weights_md, 0);
    if (s->packed)
        b = numbers(dnnl_memory_desc_get_size(wanted) / sizeof *b);
    need(dnnl_memory_create(&ma, &da, engine, a), "memory");
    need(dnnl_memory_create(&mb, wanted, engine, b), "memory");
    need(dnnl_memory_create(&mc, &dc, engine, c), "memory");
    need(dnnl_primitive_create(&p->primitive, description), "a primitive");
    p->argument[0] = (dnnl_exec_arg_t){DNNL_ARG_SRC, ma};
    p->argument[1] = (dnnl_exec_arg_t){DNNL_ARG_WEIGHTS, mb};
    p->argument[2] = (dnnl_exec_arg_t){DNNL_ARG_DST, mc};
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, order);
    return values[count / 2];
}

int main(int argc, char **argv)
{
    int threads = argc > 1 ? atoi(argv[1]) : omp_get_max_threads();
    int rounds = argc > 2 ? atoi(argv[2]) : 21;
    nn_isa isa;
    weir_error error = {0};
    dnnl_engine_t engine;
    dnnl_stream_t stream;

    if (threads < 1 || rounds < 1 || rounds > MOST_ROUNDS || nn_isa_choose(&isa, &error)) {
        fprintf(stderr, "usage: products [THREADS [ROUNDS]] %s\n", error.text);
        return 2;
    }
    omp_set_num_threads(threads);
    need(dnnl_engine_create(&engine, dnnl_cpu, 0), "an engine");
    need(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags), "a stream");
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const shape *s = &shapes[i];
        nn_product product = {.batch = {1, 1, s->batch}, .m = s->m, .n = s->n, .k = s->k};
        nn_product_plan plan;
        peer other;
        double ours[MOST_ROUNDS], theirs[MOST_ROUNDS];
        double work = 2e-9 * (double)s->batch * (double)s->m * (double)s->n * (double)s->k;

        product.a = (nn_matrix){.row = s->transpose_a ? s->m : s->k,
                                .batch = {0, 0, s->m * s->k},
                                .transposed = s->transpose_a};
        product.b = (nn_matrix){.row = s->transpose_b ? s->k : s->n,
                                .batch = {0, 0, s->k * s->n},
                                .transposed = s->transpose_b};
        product.c = (nn_matrix){.row = s->n, .batch = {0, 0, s->m * s->n}};
        nn_product_plan_make(&plan, &product, isa, threads);
        float *a = numbers((size_t)(s->batch * s->m * s->k));
        float *b = numbers((size_t)(s->batch * s->k * s->n));
        float *c = numbers((size_t)(s->batch * s->m * s->n));
        float *packed = s->packed ? numbers(nn_product_packed(&plan)) : NULL;
        float *scratch = numbers(nn_product_scratch(&plan));
        if (packed)
            nn_product_pack(&plan, b, packed);
        make_peer(&other, engine, s, a, b, c);
        int times = (int)(0.05 / work) + 1;
        if (times > 2000)
            times = 2000;
        for (int r = 0; r < rounds; r++) {
            nn_product_run(&plan, a, b, packed, NULL, c, scratch);
            double start = now();
            for (int t = 0; t < times; t++)
                nn_product_run(&plan, a, b, packed, NULL, c, scratch);
            ours[r] = work * times / (now() - start);
            need(dnnl_primitive_execute(other.primitive, stream, 3, other.argument), "running");
            start = now();
            for (int t = 0; t < times; t++)
                need(dnnl_primitive_execute(other.primitive, stream, 3, other.argument), "running");
            need(dnnl_stream_wait(stream), "waiting");
            theirs[r] = work * times / (now() - start);
        }
        double mine = median(ours, rounds), his = median(theirs, rounds);
        printf(
            "{\"name\":\"product_%s%lldx%lldx%lld_%c%c%s\",\"ours\":%.4g,\"peer\":%.4g,"
            "\"peer_name\":\"oneDNN matmul%s, %d threads\",\"unit\":\"GFLOP/s\",\"ratio\":%.4g}\n",
            s->batch > 1 ? "64x" : "", (long long)s->m, (long long)s->n, (long long)s->k,
            s->transpose_a ? 'T' : 'N', s->transpose_b ? 'T' : 'N', s->packed ? "_packed" : "",
            mine, his, s->packed ? ", packed weights" : "", threads, mine / his);
        fflush(stdout);
        free(a);
        free(b);
        free(c);
        free(packed);
        free(scratch);
    }
    return 0;
}
