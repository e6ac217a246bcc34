/* The CPU's back end as a whole: instruction sets and threads agree, a run allocates nothing and
 * leaves the processor's state as it was, lookups, noise, packed operands, the table of times.
 * Covers: core/nn/cpu/backend.c, core/nn/cpu/lower.c, core/nn/cpu/lookup.c.
 * Covers: core/nn/cpu/draw.c, core/nn/cpu/profile.c. */
#include "nn/cpu/cpu.h"
#include <math.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weir/nn.h>
#if defined __x86_64__
#include <immintrin.h>
#endif

#include <cmocka.h>

/* ---- Counting allocations -------------------------------------------------------------------- */

#if !defined __SANITIZE_ADDRESS__
static atomic_long allocations;
static atomic_bool counting;

static void count(void)
{
    if (atomic_load(&counting))
        atomic_fetch_add(&allocations, 1);
}

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

void *malloc(size_t size)
{
    count();
    return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    count();
    return __libc_calloc(n, size);
}

void *realloc(void *old, size_t size)
{
    count();
    return __libc_realloc(old, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    count();
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **to, size_t alignment, size_t size)
{
    count();
    *to = __libc_memalign(alignment, size);
    return *to ? 0 : 12;
}
#endif

/* ---- A model that uses everything but convolutions --------------------------------------------
 */

enum { BATCH = 24, TIME = 5, IN = 7, HIDDEN = 40, ROWS = 11, WIDTH = 6 };

typedef struct model {
    nn_graph *graph;
    nn_program *program;
    nn_node *loss, *noise, *table;
} model;

static model build(const char *isa, int threads, unsigned debug)
{
    model m = {0};
    nn_node *steps[TIME], *x, *hidden, *loss, *outputs[5];
    nn_real data[BATCH * TIME * IN], index[BATCH];

    if (isa)
        setenv("WEIR_CPU", isa, 1);
    m.graph = nn_graph_new(
        &(nn_settings){.seed = 5, .device = "cpu", .threads = threads, .debug = debug});
    assert_non_null(m.graph);
    x = nn_input(m.graph, "x", 3, (int64_t[]){BATCH, TIME, IN});
    nn_node *which = nn_input(m.graph, "which", 1, (int64_t[]){BATCH});
    m.table =
        nn_parameter(m.graph, "net.table", 2, (int64_t[]){ROWS, WIDTH}, (nn_init){NN_NORMAL, 0, 1});
    m.noise = nn_noise_normal(m.graph, "noise", 2, (int64_t[]){BATCH, HIDDEN});
    /* A recurrence whose weight is used in every step, and so packed. */
    hidden = m.noise;
    for (int t = 0; t < TIME; t++) {
        nn_node *now = nn_reshape(nn_slice(x, 1, t, 1), 2, (int64_t[]){BATCH, IN});
        nn_node *both = nn_concat(1, 3, (nn_node *[]){now, hidden, nn_gather(m.table, which)});
        hidden = nn_tanh(nn_linear(both, HIDDEN, "net.cell"));
        steps[t] = hidden;
    }
    loss = nn_mean(nn_square(nn_linear(nn_concat(0, TIME, steps), 1, "net.out")));
    m.loss = loss;
    outputs[0] = loss;
    outputs[1] = nn_adam(loss, "net.", &(nn_adam_options){.rate = 1e-2});
    outputs[2] = m.noise;
    m.program = nn_compile(m.graph, 1, &(nn_stage){"step", 3, outputs});
    if (!m.program)
        fail_msg("%s", nn_error(m.graph)->text);
    unsetenv("WEIR_CPU");
    for (int i = 0; i < BATCH * TIME * IN; i++)
        data[i] = (nn_real)((i * 37 % 101) - 50) / 50;
    for (int i = 0; i < BATCH; i++)
        index[i] = (nn_real)(i == 3 ? ROWS : i == 4 ? -1 : i * 5 % ROWS);
    assert_int_equal(nn_write(x, data), WEIR_OK);
    assert_int_equal(nn_write(which, index), WEIR_OK);
    return m;
}

/* Losses of some steps, and the table after them. */
static void train(const model *m, int steps, nn_real *losses, nn_real table[ROWS * WIDTH])
{
    for (int i = 0; i < steps; i++) {
        assert_int_equal(nn_run(m->program, 0), WEIR_OK);
        assert_int_equal(nn_read(m->program, m->loss, &losses[i]), WEIR_OK);
    }
    assert_int_equal(nn_value(m->table, table), WEIR_OK);
}

static void instruction_sets_and_threads_agree(void **unused)
{
    enum { STEPS = 6 };
    const double precision = sizeof(nn_real) == 4 ? 1e-4 : 1e-9;
    nn_real first[STEPS], losses[STEPS], again[STEPS], table[ROWS * WIDTH], other[ROWS * WIDTH],
        base[ROWS * WIDTH];
    char description[64];

    (void)unused;
    for (nn_isa isa = NN_ISA_BASELINE; isa < NN_ISA_COUNT; isa++)
        for (int threads = 1; nn_isa_available(isa) && threads <= 3; threads++) {
            model m = build(nn_isa_name(isa), threads, 0),
                  twin = build(nn_isa_name(isa), threads, 0);
            snprintf(description, sizeof description, "cpu, %s, %d thread%s", nn_isa_name(isa),
                     threads, threads > 1 ? "s" : "");
            assert_string_equal(nn_device(m.graph), description);
            train(&m, STEPS, losses, table);
            train(&twin, STEPS, again, other);
            assert_memory_equal(losses, again, sizeof losses);
            assert_memory_equal(table, other, sizeof table);
            if (isa == NN_ISA_BASELINE && threads == 1) {
                memcpy(first, losses, sizeof losses);
                memcpy(base, table, sizeof table);
                assert_true(losses[STEPS - 1] != losses[0]);
            }
            for (int i = 0; i < STEPS; i++)
                assert_true(fabs((double)(losses[i] - first[i])) <=
                            precision * fabs((double)first[i]));
            for (int i = 0; i < ROWS * WIDTH; i++)
                assert_true(fabs((double)(table[i] - base[i])) <= 50 * precision);
            nn_graph_free(m.graph);
            nn_graph_free(twin.graph);
        }
    setenv("WEIR_CPU", "sse9", 1);
    nn_graph *graph = nn_graph_new(&(nn_settings){.device = "cpu"});
    nn_node *x = nn_input(graph, "x", 0, NULL);
    assert_null(nn_compile(graph, 1, &(nn_stage){"s", 1, &x}));
    assert_non_null(strstr(nn_error(graph)->text, "sse9"));
    nn_graph_free(graph);
    unsetenv("WEIR_CPU");
}

#if !defined __SANITIZE_ADDRESS__
/* Allocations while each stage of the program is run some times. */
static long allocations_of(nn_program *program, int stages)
{
    void *volatile probe;

    for (int s = 0; s < stages; s++) /* OpenMP starts its threads */
        assert_int_equal(nn_run(program, s), WEIR_OK);
    atomic_store(&allocations, 0);
    atomic_store(&counting, true);
    probe = malloc(1); /* so that a count that cannot count is noticed */
    for (int i = 0; i < 5; i++)
        for (int s = 0; s < stages; s++)
            nn_run(program, s);
    atomic_store(&counting, false);
    free(probe);
    return atomic_load(&allocations) - 1;
}

/* A Wasserstein GAN whose generator is an LSTM with batch norm: stages that share values, second
 * derivatives. */
static nn_program *recurrent_gan(nn_graph *g)
{
    nn_node *real = nn_input(g, "real", 2, (int64_t[]){32, 4 * 8});
    nn_recurrent in = {.sequence = nn_noise_normal(g, "z", 3, (int64_t[]){4, 32, 6}),
                       .constant = nn_input(g, "context", 2, (int64_t[]){32, 5}),
                       .hidden = 48};
    nn_node *made = nn_linear(nn_lstm(&in, "generator.lstm").outputs, 8, "generator.head");
    made = nn_batch_norm(made, 0, 0, "generator.norm");
    made = nn_reshape(nn_permute(made, (const int[]){1, 0, 2}), 2, (int64_t[]){32, 32});
    nn_node *mixed = nn_mix(real, made, "mix"), *seen[] = {real, made, mixed}, *score[3];
    for (int i = 0; i < 3; i++)
        score[i] = nn_linear(nn_gelu(nn_linear(seen[i], 64, "critic.0")), 1, "critic.1");
    nn_node *loss =
        nn_add(nn_wgan_critic(score[0], score[1]), nn_gradient_penalty(score[2], 1, &mixed, 0));
    nn_node *first[] = {made, nn_updates(g, "generator.")};
    nn_node *second[] = {loss, nn_adam(loss, "critic.", &(nn_adam_options){0})};
    nn_node *third = nn_adam(nn_wgan_generator(score[1]), "generator.", &(nn_adam_options){0});
    return nn_compile(
        g, 3,
        (const nn_stage[]){{"fake", 2, first}, {"critic", 2, second}, {"generator", 1, &third}});
}
#endif

static void a_run_allocates_nothing(void **unused)
{
    (void)unused;
#if defined __SANITIZE_ADDRESS__
    skip();
#else
    model m = build(NULL, 2, 0);
    assert_int_equal(allocations_of(m.program, 1), 0);
    nn_graph_free(m.graph);

    nn_graph *g = nn_graph_new(&(nn_settings){.device = "cpu", .threads = 2});
    nn_program *gan = recurrent_gan(g);
    assert_non_null(gan);
    assert_int_equal(allocations_of(gan, 3), 0);
    assert_int_equal(nn_status(g), WEIR_OK);
    nn_graph_free(g);
#endif
}

static void a_shared_operand_is_packed(void **unused)
{
    model m = build(NULL, 1, NN_NO_REWRITE);
    int packs = 0, packed = 0;

    (void)unused;
    for (int k = 0; k < m.program->kernels; k++) {
        const nn_kernel *kernel = &m.program->kernel[k];
        packs += kernel->kind == NN_KERNEL_PACK;
        packed += kernel->kind == NN_KERNEL_PRODUCT && kernel->product.packed >= 0;
    }
    assert_true(sizeof(nn_real) == 8 || (packs > 0 && packed >= 2 * packs));
    nn_graph_free(m.graph);
}

static void the_processor_stays_as_it_was(void **unused)
{
#if defined __x86_64__
    nn_graph *graph = nn_graph_new(&(nn_settings){.device = "cpu", .threads = 2});
    nn_node *x = nn_input(graph, "x", 1, (int64_t[]){40000});
    nn_node *y = nn_mul(x, x);
    nn_program *program = nn_compile(graph, 1, &(nn_stage){"s", 1, &y});
    const nn_real tiny = sizeof(nn_real) == 4 ? NN_C(1e-20) : (nn_real)1e-160;
    nn_real *values = malloc(40000 * sizeof *values);
    unsigned before = _mm_getcsr();
    cpu_set_t cpus, after;

    (void)unused;
    assert_int_equal(sched_getaffinity(0, sizeof cpus, &cpus), 0);
    assert_non_null(values);
    assert_non_null(program);
    for (int i = 0; i < 40000; i++)
        values[i] = tiny;
    assert_int_equal(nn_write(x, values), WEIR_OK);
    assert_int_equal(nn_run(program, 0), WEIR_OK);
    assert_int_equal(_mm_getcsr() & 0xffc0, before & 0xffc0);
    assert_int_equal(sched_getaffinity(0, sizeof after, &after), 0);
    assert_true(CPU_EQUAL(&cpus, &after));
    assert_int_equal(nn_read(program, y, values), WEIR_OK);
    for (int i = 0; i < 40000; i++)
        assert_true(values[i] == 0); /* a denormal number otherwise */
    free(values);
    nn_graph_free(graph);
#else
    (void)unused;
    skip();
#endif
}

static void lookups_match_loops(void **unused)
{
    enum { COUNT = 3000, TABLE = 50, COLUMNS = 9 };
    nn_real *values = malloc(COUNT * COLUMNS * sizeof *values), index[COUNT];
    nn_real *got = malloc(COUNT * COLUMNS * sizeof *got), first[TABLE * COLUMNS];
    double sums[TABLE * COLUMNS] = {0};

    (void)unused;
    assert_true(values && got);
    for (int i = 0; i < COUNT; i++)
        index[i] = (nn_real)(i * 7919 % (TABLE + 2) - 1); /* -1 and TABLE: outside */
    index[5] = (nn_real)NAN;
    for (int i = 0; i < COUNT * COLUMNS; i++) {
        int row = i / COLUMNS == 5 ? -1 : (int)index[i / COLUMNS];
        values[i] = (nn_real)(i % 97) / 97;
        if (row >= 0 && row < TABLE)
            sums[row * COLUMNS + i % COLUMNS] += (double)values[i];
    }
    for (int threads = 1; threads <= 3; threads++) {
        nn_graph *graph = nn_graph_new(&(nn_settings){.device = "cpu", .threads = threads});
        nn_node *v = nn_input(graph, "v", 2, (int64_t[]){COUNT, COLUMNS});
        nn_node *i = nn_input(graph, "i", 1, (int64_t[]){COUNT});
        nn_node *out[2] = {nn_scatter(v, i, TABLE), NULL};
        out[1] = nn_gather(nn_slice(v, 0, 0, TABLE), i);
        nn_program *program = nn_compile(graph, 1, &(nn_stage){"s", 2, out});
        assert_non_null(program);
        assert_int_equal(nn_write(v, values), WEIR_OK);
        assert_int_equal(nn_write(i, index), WEIR_OK);
        assert_int_equal(nn_run(program, 0), WEIR_OK);
        assert_int_equal(nn_read(program, out[0], got), WEIR_OK);
        for (int k = 0; k < TABLE * COLUMNS; k++)
            assert_true(fabs((double)got[k] - sums[k]) < 1e-3);
        if (threads == 1)
            memcpy(first, got, sizeof first);
        assert_memory_equal(got, first, sizeof first);
        assert_int_equal(nn_read(program, out[1], got), WEIR_OK);
        for (int k = 0; k < COUNT * COLUMNS; k++) {
            double row = (double)index[k / COLUMNS];
            nn_real expected =
                row >= 0 && row < TABLE ? values[(int)row * COLUMNS + k % COLUMNS] : 0;
            assert_true(got[k] == expected);
        }
        nn_graph_free(graph);
    }
    free(values);
    free(got);
}

static void each_run_draws_anew(void **unused)
{
    enum { N = 20001 };
    nn_real *a = malloc(N * sizeof *a), *b = malloc(N * sizeof *b), *c = malloc(N * sizeof *c);

    (void)unused;
    assert_true(a && b && c);
    for (int threads = 1; threads <= 2; threads++) {
        nn_graph *graph =
            nn_graph_new(&(nn_settings){.seed = 9, .device = "cpu", .threads = threads});
        nn_node *u = nn_noise_uniform(graph, "u", 1, (int64_t[]){N});
        nn_program *program = nn_compile(graph, 1, &(nn_stage){"s", 1, &u});
        double mean = 0;
        assert_non_null(program);
        nn_run(program, 0);
        assert_int_equal(nn_read(program, u, b), WEIR_OK);
        nn_run(program, 0);
        assert_int_equal(nn_read(program, u, c), WEIR_OK);
        assert_memory_not_equal(b, c, N * sizeof *b);
        for (int i = 0; i < N; i++)
            mean += (double)b[i] / N;
        assert_true(fabs(mean - 0.5) < 0.01);
        if (threads == 1)
            memcpy(a, c, N * sizeof *a);
        assert_memory_equal(a, c, N * sizeof *a); /* whatever the threads */
        nn_graph_free(graph);
    }
    free(a);
    free(b);
    free(c);
}

static void times_are_told_on_request(void **unused)
{
    char text[20000];
    FILE *file = tmpfile();
    int kept = dup(2);
    size_t n;

    (void)unused;
    assert_non_null(file);
    setenv("WEIR_NN_PROFILE", "1", 1);
    model m = build(NULL, 1, 0);
    unsetenv("WEIR_NN_PROFILE");
    for (int i = 0; i < 3; i++)
        nn_run(m.program, 0);
    fflush(stderr);
    dup2(fileno(file), 2);
    nn_graph_free(m.graph);
    fflush(stderr);
    dup2(kept, 2);
    close(kept);
    rewind(file);
    n = fread(text, 1, sizeof text - 1, file);
    text[n] = '\0';
    fclose(file);
    assert_non_null(strstr(text, "stage step"));
    assert_non_null(strstr(text, " 3 runs"));
    assert_non_null(strstr(text, "GFLOP/s"));
    assert_non_null(strstr(text, "scatter"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(instruction_sets_and_threads_agree),
        cmocka_unit_test(a_run_allocates_nothing),
        cmocka_unit_test(a_shared_operand_is_packed),
        cmocka_unit_test(the_processor_stays_as_it_was),
        cmocka_unit_test(lookups_match_loops),
        cmocka_unit_test(each_run_draws_anew),
        cmocka_unit_test(times_are_told_on_request),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
