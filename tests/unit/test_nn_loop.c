/* Loops on the CPU against a plain interpretation in double: random descriptions with all kinds of
 * strides, steps, several results, in place and not, on every instruction set of this machine and
 * with one to three threads, which must give equal bytes again and again.
 * Covers: core/nn/cpu/loop.c, core/nn/cpu/plan.c, core/nn/cpu/join.c. */
#include "nn/cpu/isa.h"
#include "nn/cpu/loop.h"
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { VIEWS = 6, STEPS = 14, RESULTS = 4, MOST = 60000, CASES = 150 };

/* A description with its memory: buffer i of the program is view i's, unless it is in place. */
typedef struct world {
    nn_kernel kernel;
    nn_view read[VIEWS];
    nn_real constant[3];
    nn_instruction step[STEPS];
    nn_result result[RESULTS];
    nn_buffer buffer[VIEWS + RESULTS + 1];
    int64_t length[VIEWS + RESULTS + 1]; /* elements */
    int lies_on[VIEWS + RESULTS];        /* the buffer, + 1, whose memory it has; 0: its own */
    nn_program program;
    nn_real *before; /* the arena at first */
    double *expected, *bound;
    size_t elements;
} world;

static uint64_t state = 1;

static uint64_t next(void)
{
    state += 0x9E3779B97F4A7C15u;
    uint64_t z = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static int below(int n)
{
    return (int)(next() % (uint64_t)n);
}

/* Axes in a random order with room between them; zero strides where `flat` says. */
static int64_t lay_out(const nn_loop *loop, nn_view *view, unsigned flat)
{
    int order[NN_MAX_RANK];
    int64_t at = 1;

    for (int a = 0; a < loop->rank; a++)
        order[a] = loop->rank - 1 - a;
    for (int a = 0; a < loop->rank && below(2) == 0; a++) {
        int other = below(loop->rank), was = order[a];
        order[a] = order[other];
        order[other] = was;
    }
    for (int i = 0; i < loop->rank; i++) {
        int a = order[i];
        view->stride[a] = flat >> a & 1 ? 0 : at;
        if (!(flat >> a & 1))
            at *= loop->shape[a] + (below(4) == 0 ? below(3) : 0);
        if (i == 0 && below(8) == 0)
            at *= 2;
    }
    view->offset = below(3);
    return at + view->offset;
}

static void choose_shape(nn_loop *loop)
{
    static const int sizes[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 100, 127, 300, 700};
    int64_t total = 1;

    loop->rank = 1 + below(NN_MAX_RANK);
    for (int a = 0; a < loop->rank; a++) {
        loop->shape[a] = sizes[below((int)(sizeof sizes / sizeof sizes[0]))];
        if (total * loop->shape[a] > MOST)
            loop->shape[a] = MOST / total > 2 ? 2 : 1;
        total *= loop->shape[a];
    }
    if (below(4) == 0) {
        int a = below(loop->rank);
        loop->shape[a] *= MOST / total;
    }
}

static void choose_steps(nn_loop *loop)
{
    static const nn_op tame[] = {NN_OP_TANH, NN_OP_SIGMOID, NN_OP_ERF, NN_OP_SIN,
                                 NN_OP_COS,  NN_OP_ABS,     NN_OP_ADD, NN_OP_SUB,
                                 NN_OP_MUL,  NN_OP_MAX,     NN_OP_MUL, NN_OP_ADD};
    static const nn_op wild[] = {NN_OP_EXP,   NN_OP_EXPM1, NN_OP_LOG,  NN_OP_LOG1P, NN_OP_SQRT,
                                 NN_OP_RECIP, NN_OP_DIV,   NN_OP_STEP, NN_OP_FLOOR, NN_OP_SELECT};
    int first = loop->reads + loop->constants;

    loop->steps = below(STEPS + 1);
    for (int i = 0; i < loop->steps; i++) {
        nn_instruction *step = &loop->step[i];
        bool calm = below(4) != 0;
        step->op = calm ? tame[below(12)] : wild[below(10)];
        /* Wild operations see the reads and constants alone, whose range is known. */
        step->a = below(calm && i > 0 && below(3) ? first + i : first);
        step->b = below(calm && step->op != NN_OP_MUL ? first + i : first);
        step->c = below(first);
    }
}

static void choose_results(world *w, nn_loop *loop)
{
    int registers = loop->reads + loop->constants + loop->steps;
    unsigned taken = 0;

    loop->results = 1 + below(RESULTS);
    for (int r = 0; r < loop->results; r++) {
        nn_result *result = &loop->result[r];
        int on = loop->reads > 0 ? below(loop->reads) : 0, buffer = VIEWS + r;
        unsigned flat = 0;
        bool covers = loop->reads > 0;
        result->value = registers - 1 - below(registers < 4 ? registers : below(3) ? 3 : registers);
        result->combine = below(2) ? NN_STORE : below(3) ? NN_COMBINE_SUM : NN_COMBINE_PEAK;
        for (int a = 0; covers && a < loop->rank; a++)
            covers = loop->read[on].stride[a] != 0 || loop->shape[a] == 1;
        /* In place: a result may lie on a read of the same view, as a result that the description
         * names the same buffer, or one that the memory plan has put there. */
        if (loop->reads > 0 && covers == (result->combine == NN_STORE) && !(taken >> on & 1) &&
            below(3) == 0) {
            result->view = loop->read[on];
            taken |= 1u << on;
            if (below(2)) {
                result->view.buffer = buffer;
                w->lies_on[buffer] = on + 1;
            }
            continue;
        }
        if (result->combine != NN_STORE)
            while (flat == 0)
                flat = (unsigned)below(1 << loop->rank);
        result->view.buffer = buffer;
        w->length[buffer] = lay_out(loop, &result->view, flat);
    }
}

static int64_t place_of(const nn_view *view, int rank, const int64_t *index)
{
    int64_t at = view->offset;

    for (int a = 0; a < rank; a++)
        at += index[a] * view->stride[a];
    return at;
}

/* Element `at` of a buffer in the arrays of the whole arena. */
static size_t in_arena(const world *w, int buffer, int64_t at)
{
    return w->buffer[buffer].offset / sizeof(nn_real) + (size_t)at;
}

static void interpret(world *w)
{
    const nn_loop *loop = &w->kernel.loop;
    double value[VIEWS + 3 + STEPS];
    bool *seen = calloc(w->elements, 1);
    int64_t index[NN_MAX_RANK] = {0};
    int first = loop->reads + loop->constants, axis;

    assert_non_null(seen);
    for (size_t i = 0; i < w->elements; i++)
        w->expected[i] = (double)w->before[i];
    do {
        double most = 1;
        for (int r = 0; r < loop->reads; r++)
            value[r] = (double)w->before[in_arena(w, loop->read[r].buffer,
                                                  place_of(&loop->read[r], loop->rank, index))];
        for (int c = 0; c < loop->constants; c++)
            value[loop->reads + c] = (double)loop->constant[c];
        for (int s = 0; s < loop->steps; s++) {
            const nn_instruction *step = &loop->step[s];
            value[first + s] =
                nn_evaluate(step->op, value[step->a], value[step->b], value[step->c]);
        }
        for (int i = 0; i < first + loop->steps; i++)
            most = fabs(value[i]) > most ? fabs(value[i]) : most;
        for (int r = 0; r < loop->results; r++) {
            const nn_result *result = &loop->result[r];
            size_t at =
                in_arena(w, result->view.buffer, place_of(&result->view, loop->rank, index));
            double v = value[result->value];
            if (result->combine == NN_STORE || !seen[at])
                w->expected[at] = v;
            else if (result->combine == NN_COMBINE_SUM)
                w->expected[at] += v;
            else if (v > w->expected[at])
                w->expected[at] = v;
            if (result->combine == NN_COMBINE_SUM)
                w->bound[at] += most;
            else if (most > w->bound[at])
                w->bound[at] = most;
            seen[at] = true;
        }
        for (axis = loop->rank - 1; axis >= 0; axis--) {
            if (++index[axis] < loop->shape[axis])
                break;
            index[axis] = 0;
        }
    } while (axis >= 0);
    free(seen);
}

static void make(world *w)
{
    nn_loop *loop = &w->kernel.loop;
    size_t at = 0;

    memset(w, 0, sizeof *w);
    w->kernel.kind = NN_KERNEL_LOOP;
    loop->read = w->read;
    loop->constant = w->constant;
    loop->step = w->step;
    loop->result = w->result;
    choose_shape(loop);
    loop->reads = below(VIEWS);
    loop->constants = loop->reads == 0 ? 1 : below(3);
    for (int r = 0; r < loop->reads; r++) {
        loop->read[r].buffer = r;
        w->length[r] =
            lay_out(loop, &loop->read[r], below(2) ? 0 : (unsigned)below(1 << loop->rank));
    }
    for (int c = 0; c < loop->constants; c++)
        loop->constant[c] = (nn_real)(1 + below(3)) / 2;
    choose_steps(loop);
    choose_results(w, loop);
    for (int b = 0; b < VIEWS + RESULTS; b++) {
        if (w->lies_on[b] > 0) {
            w->buffer[b].offset = w->buffer[w->lies_on[b] - 1].offset;
            continue;
        }
        w->buffer[b].offset = at * sizeof(nn_real);
        at += (size_t)(w->length[b] + 31) / 16 * 16;
    }
    w->elements = at;
    w->before = malloc(at * sizeof *w->before);
    w->expected = calloc(at, sizeof *w->expected);
    w->bound = calloc(at, sizeof *w->bound);
    assert_true(w->before && w->expected && w->bound);
    for (size_t i = 0; i < at; i++)
        w->before[i] = (nn_real)(0.5 + 1.5 * (double)(next() >> 40) / 16777216.0);
    interpret(w);
}

static void unmake(world *w)
{
    free(w->before);
    free(w->expected);
    free(w->bound);
}

/* Runs the description in an arena of its own. */
static nn_real *compute(world *w, const nn_vector *vector, int threads)
{
    nn_loop_plan *plan = nn_loop_plan_new(&w->kernel.loop, vector, threads);
    size_t bytes = w->elements * sizeof(nn_real), scratch, whole;
    nn_real *arena;
    void *work[8];

    assert_non_null(plan);
    scratch = (size_t)plan->scratch_elements * sizeof(nn_real);
    whole = (bytes + scratch + 127) / 64 * 64;
    arena = aligned_alloc(64, whole);
    assert_non_null(arena);
    memset(arena, 0xff, whole); /* NaN where nothing was written */
    memcpy(arena, w->before, bytes);
    w->kernel.scratch = VIEWS + RESULTS;
    w->buffer[w->kernel.scratch].offset = (bytes + 63) / 64 * 64;
    w->program.buffer = w->buffer;
    w->program.buffers = VIEWS + RESULTS + 1;
    w->program.arena = arena;
    assert_true(plan->parts <= threads && plan->parts <= 8);
    for (int t = 0; t < plan->parts; t++) {
        work[t] = aligned_alloc(64, (plan->work + 63) / 64 * 64);
        assert_non_null(work[t]);
        memset(work[t], 0xff, plan->work);
    }
    nn_loop_plan_bind(plan, &w->program, &w->kernel);
    nn_loop_run(plan, work);
    for (int t = 0; t < plan->parts; t++)
        free(work[t]);
    free(plan);
    return arena;
}

static void check(const world *w, const nn_real *arena, int number, const char *name, int threads)
{
    const double precision = sizeof(nn_real) == 4 ? 3e-5 : 1e-12;

    for (size_t i = 0; i < w->elements; i++) {
        double got = (double)arena[i], error = fabs(got - w->expected[i]);
        if (!(error <= precision * w->bound[i]))
            fail_msg("case %d, %s, %d threads: element %zu is %.9g, not %.9g", number, name,
                     threads, i, got, w->expected[i]);
    }
}

static const nn_vector *vector_of(nn_isa isa)
{
#if defined __x86_64__
    if (isa == NN_ISA_AVX512)
        return &nn_vector_avx512;
    if (isa == NN_ISA_AVX2)
        return &nn_vector_avx2;
#endif
    return isa == NN_ISA_BASELINE ? &nn_vector_baseline : NULL;
}

static void random_loops_agree(void **unused)
{
    int divided = 0, placed = 0;

    (void)unused;
    for (int i = 0; i <= CASES; i++) {
        int number = i < CASES ? i : 546; /* a sum on a number that another result repeats */
        world w;
        state = (uint64_t)number + 1;
        make(&w);
        for (nn_isa isa = NN_ISA_BASELINE; isa < NN_ISA_COUNT; isa++) {
            if (!nn_isa_available(isa))
                continue;
            for (int threads = 1; threads <= 3; threads++) {
                const nn_vector *vector = vector_of(isa);
                nn_real *once = compute(&w, vector, threads), *again = compute(&w, vector, threads);
                check(&w, once, number, vector->name, threads);
                assert_memory_equal(once, again, w.elements * sizeof *once);
                free(once);
                free(again);
                nn_loop_plan *plan = nn_loop_plan_new(&w.kernel.loop, vector, threads);
                assert_non_null(plan);
                divided += plan->parts > 1;
                for (int r = 0; r < plan->results; r++)
                    placed += plan->result[r].divided;
                free(plan);
            }
        }
        unmake(&w);
    }
    /* The cases do reach what they are for. */
    assert_true(divided > CASES / 4);
    assert_true(placed > 10);
}

/* A sum of a million equal numbers: added one by one in float it would be 0.1 % off. */
static void long_sums_are_accurate(void **unused)
{
    enum { N = 1 << 20, COLUMNS = 16 };
    const int64_t shapes[][2] = {{1, N}, {N, 1}, {N / COLUMNS, COLUMNS}};
    const int64_t strides[][2] = {{0, 0}, {0, 0}, {0, 1}};

    (void)unused;
    for (int i = 0; i < 3; i++) {
        world w = {.length = {N}};
        nn_loop *loop = &w.kernel.loop;
        int columns = i == 2 ? COLUMNS : 1;
        w.kernel.kind = NN_KERNEL_LOOP;
        loop->rank = 2;
        memcpy(loop->shape, shapes[i], sizeof shapes[i]);
        loop->reads = loop->results = 1;
        loop->read = w.read;
        loop->result = w.result;
        w.read[0] = (nn_view){.buffer = 0, .stride = {loop->shape[1], 1}};
        w.result[0] = (nn_result){.view = {.buffer = 1, .stride = {strides[i][0], strides[i][1]}},
                                  .combine = NN_COMBINE_SUM};
        w.elements = N + 64;
        w.buffer[1].offset = N * sizeof(nn_real);
        w.before = malloc(w.elements * sizeof *w.before);
        assert_non_null(w.before);
        for (size_t e = 0; e < w.elements; e++)
            w.before[e] = NN_C(0.1);
        for (int threads = 1; threads <= 2; threads++) {
            nn_real *arena = compute(&w, &nn_vector_baseline, threads);
            double exact = (double)NN_C(0.1) * N / columns;
            for (int c = 0; c < columns; c++)
                if (!(fabs((double)arena[N + c] - exact) < 2e-6 * exact))
                    fail_msg("shape %d, column %d: %.9g, not %.9g", i, c, (double)arena[N + c],
                             exact);
            free(arena);
        }
        free(w.before);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_loops_agree),
        cmocka_unit_test(long_sums_are_accurate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
