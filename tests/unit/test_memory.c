/* Planning of memory on programs made by hand: every value survives until its last reader, in any
 * order in which stages may run; what may and what may not take over a place; how small it gets.
 * Covers: core/nn/compile/memory.c */
#include "nn/compile/compile.h"
#include "unit/golden.h"
#include <stdio.h>
#include <string.h>
#include <weir/random.h>

enum { KERNELS = 600, BUFFERS = 700, VIEWS = 6000 };

/* A program whose kernels are loops of rank 1 over parts of buffers. */
typedef struct maker {
    nn_graph graph;
    nn_program program;
    nn_kernel kernel[KERNELS];
    nn_buffer buffer[BUFFERS];
    nn_view read[VIEWS];
    nn_result result[VIEWS];
    int reads, results, start[8];
} maker;

static maker m;

static void begin(int stages, unsigned debug)
{
    memset(&m, 0, sizeof m);
    m.graph.settings.debug = debug;
    m.program = (nn_program){.graph = &m.graph,
                             .stages = stages,
                             .start = m.start,
                             .kernel = m.kernel,
                             .buffer = m.buffer,
                             .last_stage = -1};
}

static int add_buffer(size_t elements)
{
    assert_true(m.program.buffers < BUFFERS);
    m.buffer[m.program.buffers] = (nn_buffer){.elements = elements};
    return m.program.buffers++;
}

/* A kernel over n points; reads and results are added to it. */
static void add_kernel(int stage, int64_t n)
{
    assert_true(m.program.kernels < KERNELS);
    nn_kernel *kernel = &m.kernel[m.program.kernels++];
    *kernel = (nn_kernel){.kind = NN_KERNEL_LOOP, .stage = stage, .scratch = -1};
    kernel->loop = (nn_loop){
        .rank = 1, .shape = {n}, .read = &m.read[m.reads], .result = &m.result[m.results]};
    for (int s = stage + 1; s <= m.program.stages; s++)
        m.start[s] = m.program.kernels;
}

static nn_loop *last_loop(void)
{
    return &m.kernel[m.program.kernels - 1].loop;
}

static void add_read(int buffer, int64_t offset, int64_t stride)
{
    assert_true(m.reads < VIEWS);
    m.read[m.reads++] = (nn_view){.buffer = buffer, .offset = offset, .stride = {stride}};
    last_loop()->reads++;
}

static void add_result(int buffer, int64_t offset, nn_combine combine)
{
    assert_true(m.results < VIEWS);
    int64_t stride = combine == NN_STORE;
    m.result[m.results++] = (nn_result){
        .view = {.buffer = buffer, .offset = offset, .stride = {stride}}, .combine = combine};
    last_loop()->results++;
}

/* n points of one buffer from the whole of another. */
static void add_step(int stage, int64_t n, int from, int to)
{
    add_kernel(stage, n);
    if (from >= 0)
        add_read(from, 0, 1);
    add_result(to, 0, NN_STORE);
}

static void plan(void)
{
    assert_int_equal(nn_plan_memory(&m.program), WEIR_OK);
    for (int b = 0; b < m.program.buffers; b++) {
        assert_true(m.buffer[b].offset % 64 == 0);
        if (!m.buffer[b].leaf && m.buffer[b].first >= 0)
            assert_true(m.buffer[b].offset + m.buffer[b].elements * sizeof(nn_real) <=
                        m.program.facts.arena);
    }
    assert_true(m.program.facts.arena <= m.program.facts.without_reuse);
}

static bool same_place(int a, int b)
{
    return m.buffer[a].offset == m.buffer[b].offset;
}

/* ---- running with marks ---- */

/* What is where: each element holds the number of the buffer that wrote it last, plus one. */
static int *arena;

static bool holds(int b, int64_t offset, int64_t count)
{
    int *at = arena + m.buffer[b].offset / sizeof(nn_real) + offset;
    for (int64_t i = 0; i < count; i++)
        if (at[i] != b + 1)
            return false;
    return true;
}

static int64_t extent(const nn_loop *loop, const nn_view *view)
{
    return view->stride[0] ? loop->shape[0] : 1;
}

static int run_stage(int stage)
{
    int broken = 0;
    for (int k = m.start[stage]; k < m.start[stage + 1]; k++) {
        const nn_loop *loop = &m.kernel[k].loop;
        for (int i = 0; i < loop->reads; i++) {
            const nn_view *view = &loop->read[i];
            if (!m.buffer[view->buffer].leaf)
                broken += !holds(view->buffer, view->offset, extent(loop, view));
        }
        for (int i = 0; i < loop->results; i++) {
            const nn_view *view = &loop->result[i].view;
            int *at = arena + m.buffer[view->buffer].offset / sizeof(nn_real) + view->offset;
            for (int64_t j = 0; j < extent(loop, view); j++)
                at[j] = view->buffer + 1;
        }
    }
    return broken;
}

/* Random stages in an order that is allowed, many times. Returns how many reads and outputs found
 * something else than they should. */
static int run_anyhow(weir_random *random)
{
    int broken = 0, stage = 0, reached = 0;
    arena = test_calloc(m.program.facts.arena / sizeof(nn_real) + 1, sizeof *arena);
    for (int run = 0; run < 40; run++) {
        broken += run_stage(stage);
        if (stage > reached)
            reached = stage;
        for (int b = 0; b < m.program.buffers; b++)
            if (m.buffer[b].kept && m.buffer[b].last >= 0)
                for (int k = 0; k < m.start[reached + 1]; k++)
                    for (int i = 0; i < m.kernel[k].loop.results; i++) {
                        const nn_view *view = &m.kernel[k].loop.result[i].view;
                        if (view->buffer == b)
                            broken += !holds(b, view->offset, extent(&m.kernel[k].loop, view));
                    }
        uint64_t next = weir_random_below(random, 3);
        if (next == 1 && stage + 1 < m.program.stages)
            stage++;
        else if (next == 2)
            stage = 0;
    }
    test_free(arena);
    return broken;
}

/* Kernels that read what is there already, whole or in part, at the same points or others. */
static void make_random(weir_random *random, int stages, int kernels)
{
    for (int k = 0; k < kernels; k++) {
        int stage = k * stages / kernels;
        int64_t n = 1 + (int64_t)weir_random_below(random, 200);
        int known = m.program.buffers;
        add_kernel(stage, n);
        for (uint64_t r = weir_random_below(random, 4); r > 0 && known; r--) {
            bool recent = weir_random_below(random, 4) > 0;
            int from =
                recent ? known - 1 - (int)weir_random_below(random, known < 5 ? (uint64_t)known : 5)
                       : (int)weir_random_below(random, (uint64_t)known);
            int64_t size = (int64_t)m.buffer[from].elements;
            if (size >= n)
                add_read(from, (int64_t)weir_random_below(random, 2) * (size - n), 1);
            else
                add_read(from, 0, 0);
        }
        int written = 1 + (int)weir_random_below(random, 2);
        for (int w = 0; w < written; w++) {
            bool sum = !weir_random_below(random, 8);
            int to = add_buffer(sum ? 1 : (size_t)n);
            add_result(to, 0, sum ? NN_COMBINE_SUM : NN_STORE);
            m.buffer[to].kept = !weir_random_below(random, 20);
        }
    }
}

static void random_programs_keep_their_values(void **state)
{
    (void)state;
    weir_random random = weir_random_new(3, "memory");
    size_t arena_sum = 0, whole_sum = 0;
    for (int trial = 0; trial < 60; trial++) {
        begin(1 + trial % 4, 0);
        make_random(&random, 1 + trial % 4, 5 + trial * 4);
        plan();
        assert_int_equal(run_anyhow(&random), 0);
        arena_sum += m.program.facts.arena;
        whole_sum += m.program.facts.without_reuse;
    }
    assert_true(arena_sum < whole_sum / 2);
}

static void without_reuse_nothing_is_shared(void **state)
{
    (void)state;
    weir_random random = weir_random_new(4, "memory");
    begin(3, NN_NO_REUSE);
    make_random(&random, 3, 80);
    plan();
    assert_int_equal(run_anyhow(&random), 0);
    assert_true(m.program.facts.arena == m.program.facts.without_reuse);
    for (int a = 0; a < m.program.buffers; a++)
        for (int b = 0; b < a; b++)
            assert_false(same_place(a, b));
}

/* The check itself: a place that is given away too early is seen. */
static void a_wrong_plan_is_noticed(void **state)
{
    (void)state;
    weir_random random = weir_random_new(5, "memory");
    begin(1, 0);
    int a = add_buffer(16), b = add_buffer(16), c = add_buffer(16);
    add_step(0, 16, -1, a);
    add_step(0, 16, -1, b);
    add_kernel(0, 16);
    add_read(a, 0, 1);
    add_read(b, 0, 1);
    add_result(c, 0, NN_STORE);
    plan();
    assert_int_equal(run_anyhow(&random), 0);
    m.buffer[b].offset = m.buffer[a].offset;
    assert_true(run_anyhow(&random) > 0);
}

static void a_result_takes_over_a_read_that_ends(void **state)
{
    (void)state;
    begin(1, 0);
    int a = add_buffer(100), b = add_buffer(100), c = add_buffer(100);
    add_step(0, 100, -1, a);
    add_step(0, 100, a, b);
    add_step(0, 100, b, c);
    plan();
    assert_true(same_place(a, b) && same_place(b, c));
    assert_true(m.program.facts.arena == 100 * sizeof(nn_real) + (64 - 400 % 64) % 64 ||
                sizeof(nn_real) != 4);
}

/* One kernel from `a` to `b` after `a` was written; what = how it reads and writes. */
static bool takes_over(int64_t read_offset, int64_t stride, bool twice, bool later, bool kept,
                       nn_combine combine)
{
    begin(1, 0);
    int a = add_buffer(200), b = add_buffer(100), c = add_buffer(1);
    m.buffer[b].kept = kept;
    add_step(0, 200, -1, a);
    add_kernel(0, 100);
    add_read(a, read_offset, stride);
    if (twice)
        add_read(a, 100, 1);
    add_result(b, 0, combine);
    add_kernel(0, 100);
    add_read(later ? a : b, 0, 1);
    add_read(b, 0, combine == NN_STORE);
    add_result(c, 0, NN_COMBINE_SUM);
    plan();
    return same_place(a, b);
}

static void a_result_takes_over_nothing_else(void **state)
{
    (void)state;
    assert_true(takes_over(0, 1, false, false, false, NN_STORE));
    assert_false(takes_over(100, 1, false, false, false, NN_STORE)); /* other elements */
    assert_false(takes_over(0, 2, false, false, false, NN_STORE));   /* another order */
    assert_false(takes_over(0, 0, false, false, false, NN_STORE));   /* a broadcast */
    assert_false(takes_over(0, 1, true, false, false, NN_STORE));    /* read in two ways */
    assert_false(takes_over(0, 1, false, true, false, NN_STORE));    /* read again later */
    assert_false(takes_over(0, 1, false, false, true, NN_STORE));    /* an output */
    assert_false(takes_over(0, 1, false, false, false, NN_COMBINE_SUM));
}

static void a_read_is_taken_over_once(void **state)
{
    (void)state;
    begin(1, 0);
    int a = add_buffer(64), b = add_buffer(64), c = add_buffer(64), d = add_buffer(64);
    add_step(0, 64, -1, a);
    add_kernel(0, 64);
    add_read(a, 0, 1);
    add_result(b, 0, NN_STORE);
    add_result(c, 0, NN_STORE);
    add_kernel(0, 64);
    add_read(b, 0, 1);
    add_read(c, 0, 1);
    add_result(d, 0, NN_STORE);
    plan();
    assert_false(same_place(b, c));
    assert_true(same_place(a, b) || same_place(a, c));
    weir_random random = weir_random_new(6, "memory");
    assert_int_equal(run_anyhow(&random), 0);
}

/* A value that a later stage reads lasts to this stage's end, since it may run again; one that only
 * its own stage reads does not. */
static void values_cross_stages(void **state)
{
    (void)state;
    begin(3, 0);
    int a = add_buffer(64), b = add_buffer(64), c = add_buffer(64), d = add_buffer(64);
    add_step(0, 64, -1, a);
    add_step(1, 64, a, b);
    add_step(1, 64, b, c);
    add_step(2, 64, -1, d);
    plan();
    assert_int_equal(m.buffer[a].last, 2);
    assert_false(same_place(a, b));
    assert_false(same_place(a, c));
    assert_true(same_place(b, c));
    assert_true(same_place(a, d));
    weir_random random = weir_random_new(7, "memory");
    assert_int_equal(run_anyhow(&random), 0);
}

static void outputs_share_nothing(void **state)
{
    (void)state;
    begin(2, 0);
    int a = add_buffer(64), b = add_buffer(64), c = add_buffer(64);
    m.buffer[b].kept = true;
    add_step(0, 64, -1, a);
    add_step(0, 64, a, b);
    add_step(1, 64, -1, c);
    plan();
    assert_false(same_place(b, a));
    assert_false(same_place(b, c));
    assert_true(same_place(a, c));
}

/* Read before anything has written it: what an earlier run has left. */
static void a_value_read_first_lasts(void **state)
{
    (void)state;
    begin(1, 0);
    int a = add_buffer(64), b = add_buffer(64), c = add_buffer(64);
    add_step(0, 64, a, b);
    add_step(0, 64, b, a);
    add_step(0, 64, -1, c);
    plan();
    assert_false(same_place(a, b));
    assert_false(same_place(a, c));
}

static void leaves_and_unused_buffers_have_no_place(void **state)
{
    (void)state;
    nn_node leaf = {.op = NN_OP_VARIABLE};
    begin(1, 0);
    int a = add_buffer(64), b = add_buffer(64), c = add_buffer(1000);
    m.buffer[a].leaf = &leaf;
    add_step(0, 64, a, b);
    plan();
    assert_true(m.program.facts.arena == 64 * sizeof(nn_real));
    assert_int_equal(m.buffer[c].first, -1);
}

static void a_product_reads_what_it_adds_to(void **state)
{
    (void)state;
    begin(1, 0);
    int a = add_buffer(64), b = add_buffer(64), c = add_buffer(64);
    add_step(0, 64, -1, a);
    add_step(0, 64, -1, b);
    add_step(0, 64, -1, c);
    nn_kernel *kernel = &m.kernel[m.program.kernels++];
    *kernel = (nn_kernel){.kind = NN_KERNEL_PRODUCT, .scratch = -1};
    kernel->product = (nn_product){.batch = {1, 1, 1},
                                   .m = 8,
                                   .n = 8,
                                   .k = 8,
                                   .a = {.buffer = a},
                                   .b = {.buffer = b},
                                   .c = {.buffer = c},
                                   .bias = {.buffer = -1},
                                   .accumulate = true,
                                   .packed = -1};
    m.start[1] = m.program.kernels;
    plan();
    assert_false(same_place(a, c));
    assert_false(same_place(b, c));
    kernel->product.accumulate = false;
    plan();
    assert_int_equal(m.buffer[c].first, 2);
}

static void too_much_is_an_error(void **state)
{
    (void)state;
    begin(1, 0);
    int a = add_buffer(SIZE_MAX / sizeof(nn_real) / 4), b = add_buffer(m.buffer[a].elements);
    int c = add_buffer(m.buffer[a].elements);
    add_step(0, 1, -1, a);
    add_step(0, 1, -1, b);
    add_step(0, 1, -1, c);
    assert_int_equal(nn_plan_memory(&m.program), WEIR_ENOMEM);
    assert_non_null(strstr(m.graph.error.text, "memory"));
}

/* An LSTM's forward over time that keeps gates and states for the backward: gates 4, cell and
 * hidden 1 wide a step; the backward turns the gates into their gradients. */
static void a_recurrent_chain_needs_half(void **state)
{
    (void)state;
    enum { STEPS = 40, WIDTH = 512 };
    int input[STEPS], gates[STEPS], cell[STEPS], hidden[STEPS], dcell = -1, dhidden = -1;
    begin(1, 0);
    for (int t = 0; t < STEPS; t++) {
        input[t] = add_buffer(4 * WIDTH);
        gates[t] = add_buffer(4 * WIDTH);
        cell[t] = add_buffer(WIDTH);
        hidden[t] = add_buffer(WIDTH);
        add_step(0, 4 * WIDTH, t ? hidden[t - 1] : -1, input[t]);
        last_loop()->read[0].stride[0] = 0;
        add_step(0, 4 * WIDTH, input[t], gates[t]);
        add_kernel(0, WIDTH);
        add_read(gates[t], 0, 1);
        if (t)
            add_read(cell[t - 1], 0, 1);
        add_result(cell[t], 0, NN_STORE);
        add_result(hidden[t], 0, NN_STORE);
    }
    for (int t = STEPS - 1; t >= 0; t--) {
        int dgates = add_buffer(4 * WIDTH), next = add_buffer(WIDTH), to = add_buffer(WIDTH);
        int slope = add_buffer(4 * WIDTH);
        add_step(0, 4 * WIDTH, gates[t], slope);
        add_kernel(0, WIDTH);
        add_read(slope, 0, 4);
        add_read(cell[t], 0, 1);
        if (dcell >= 0) {
            add_read(dcell, 0, 1);
            add_read(dhidden, 0, 1);
        }
        add_result(dgates, 0, NN_STORE);
        add_result(next, 0, NN_STORE);
        add_kernel(0, WIDTH);
        add_read(dgates, 0, 1);
        add_read(hidden[t], 0, 1);
        add_result(to, 0, NN_STORE);
        dcell = next;
        dhidden = to;
    }
    plan();
    assert_true(m.program.facts.arena * 2 <= m.program.facts.without_reuse);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_programs_keep_their_values),
        cmocka_unit_test(without_reuse_nothing_is_shared),
        cmocka_unit_test(a_wrong_plan_is_noticed),
        cmocka_unit_test(a_result_takes_over_a_read_that_ends),
        cmocka_unit_test(a_result_takes_over_nothing_else),
        cmocka_unit_test(a_read_is_taken_over_once),
        cmocka_unit_test(values_cross_stages),
        cmocka_unit_test(outputs_share_nothing),
        cmocka_unit_test(a_value_read_first_lasts),
        cmocka_unit_test(leaves_and_unused_buffers_have_no_place),
        cmocka_unit_test(a_product_reads_what_it_adds_to),
        cmocka_unit_test(too_much_is_an_error),
        cmocka_unit_test(a_recurrent_chain_needs_half),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
