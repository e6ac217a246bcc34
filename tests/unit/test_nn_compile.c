/* Programs do what their graphs say, on random graphs of every primitive and by the rules of
 * stages, and nothing that a switch of the compiler changes.
 * Covers: core/nn/compile/compile.c core/nn/compile/stages.c core/nn/compile/places.c
 * Covers: core/nn/compile/fits.c core/nn/compile/levels.c core/nn/compile/fuse.c
 * Covers: core/nn/compile/order.c core/nn/compile/lower.c core/nn/compile/lower_loop.c
 * Covers: core/nn/compile/view.c core/nn/compile/pool.c core/nn/compile/rewrite_slices.c */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/nn_interpreter.h"
#include "unit/nn_random_graph.h"
#include "unit/nn_reference.h"

enum { STAGES = 3, MOST = 1 << 16 };

typedef struct random_program {
    random_graph r;
    int outputs[STAGES];
    nn_node *output[STAGES][RANDOM_OUTPUTS];
    nn_program *program;
} random_program;

/* What a program gives: its outputs after each run, and its variables at last. */
typedef struct record {
    size_t count;
    nn_real value[MOST];
} record;

static void add_assigns(random_program *p, int s)
{
    random_graph *r = &p->r;
    for (int i = s; i < r->variables; i += 2 + random_below(r, 2)) {
        nn_node *variable = r->variable[i], *value = random_node(r);
        for (int tries = 0; tries < 50 && nn_count(value) != nn_count(variable); tries++)
            value = random_node(r);
        if (nn_count(value) == nn_count(variable))
            p->output[s][p->outputs[s]++] =
                nn_assign(variable, nn_reshape(value, variable->rank, variable->shape));
    }
}

static const char *device; /* where programs run; NULL: on the interpreter */

static random_program make_program(uint64_t seed, unsigned debug)
{
    random_program p = {.outputs = {0}};
    nn_graph *graph = interpreter_graph(seed, debug);
    if (device) {
        nn_graph_free(graph);
        graph = nn_graph_new(&(nn_settings){seed, device, 2, false, debug});
    }
    assert_non_null(graph);
    p.r = random_graph_make(graph, seed, 60 + (int)(seed % 5) * 40);
    for (int s = 0; s < STAGES; s++) {
        p.outputs[s] = 1 + random_below(&p.r, RANDOM_OUTPUTS - 5);
        for (int i = 0; i < p.outputs[s]; i++)
            p.output[s][i] = random_node(&p.r);
        add_assigns(&p, s);
    }
    const nn_stage stage[STAGES] = {{"a", p.outputs[0], p.output[0]},
                                    {"b", p.outputs[1], p.output[1]},
                                    {"c", p.outputs[2], p.output[2]}};
    p.program = nn_compile(p.r.graph, STAGES, stage);
    if (!p.program)
        fail_msg("seed %d: %s", (int)seed, nn_error(p.r.graph)->text);
    return p;
}

static void write_inputs(random_graph *r, uint64_t seed)
{
    nn_real values[400];
    for (int i = 0; i < r->inputs; i++) {
        for (int64_t j = 0; j < nn_count(r->input[i]); j++)
            values[j] = (nn_real)(random_bits(&seed) >> 40) / (nn_real)(1 << 23) - 1;
        assert_int_equal(nn_write(r->input[i], values), WEIR_OK);
    }
}

static void run_random(uint64_t seed, unsigned debug, record *to)
{
    static const int runs[] = {0, 1, 1, 1, 2, 0, 0, 1, 2, 2};
    random_program p = make_program(seed, debug);
    to->count = 0;
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        write_inputs(&p.r, seed + i);
        assert_int_equal(nn_run(p.program, runs[i]), WEIR_OK);
        for (int j = 0; j < p.outputs[runs[i]]; j++) {
            nn_node *node = p.output[runs[i]][j];
            if (node->op == NN_OP_ASSIGN)
                continue;
            assert_true(to->count + (size_t)nn_count(node) <= MOST);
            assert_int_equal(nn_read(p.program, node, to->value + to->count), WEIR_OK);
            to->count += (size_t)nn_count(node);
        }
    }
    for (int i = 0; i < p.r.variables; i++) {
        assert_int_equal(nn_value(p.r.variable[i], to->value + to->count), WEIR_OK);
        to->count += (size_t)nn_count(p.r.variable[i]);
    }
    nn_graph_free(p.r.graph);
}

/* Fusion, reuse of memory and views are all or none the same bits. */
static void test_switches_change_no_bit(void **state)
{
    static record plain, other;
    (void)state;
    for (uint64_t seed = 1; seed <= 400; seed++) {
        run_random(seed, NN_NO_REWRITE | NN_NO_FUSION | NN_NO_REUSE | NN_NO_VIEWS, &plain);
        for (unsigned flags = 0; flags < 7; flags++) {
            run_random(seed, NN_NO_REWRITE | flags << 1, &other);
            assert_int_equal(plain.count, other.count);
            for (size_t i = 0; i < plain.count; i++)
                if (memcmp(&plain.value[i], &other.value[i], sizeof(nn_real)))
                    fail_msg("seed %d, flags %u: number %zu is %.17g, not %.17g", (int)seed,
                             flags << 1, i, (double)other.value[i], (double)plain.value[i]);
        }
    }
}

/* ---- the rules of stages, spelled out ---- */

/* What earlier stages have left for the next one to use. */
typedef struct rules {
    nn_reference left[STAGES + 1]; /* when stage s begins */
} rules;

static bool rearranges_leaf(const nn_node *node)
{
    while (node->op == NN_OP_RESHAPE || node->op == NN_OP_PERMUTE || node->op == NN_OP_SLICE ||
           node->op == NN_OP_BROADCAST || node->op == NN_OP_STOP)
        node = node->input[0];
    return nn_op_class(node->op) == NN_LEAF_CLASS && node->op != NN_OP_NOISE;
}

static void copy_reference(const nn_graph *graph, const nn_reference *from, nn_reference *to)
{
    nn_reference_free(to);
    if (!from->count)
        return;
    *to = (nn_reference){calloc((size_t)from->count, sizeof(double *)), from->count};
    assert_non_null(to->value);
    for (int id = 0; id < from->count; id++) {
        if (!from->value[id])
            continue;
        size_t bytes = (size_t)nn_count(graph->nodes[id]) * sizeof(double);
        to->value[id] = malloc(bytes ? bytes : 1);
        assert_non_null(to->value[id]);
        memcpy(to->value[id], from->value[id], bytes);
    }
}

/* After the stage: leaves are read anew, and what depends on the variables that it has set. */
static void forget(random_program *p, int s, nn_reference *left)
{
    nn_graph *graph = p->r.graph;
    bool *stale = calloc((size_t)graph->count, sizeof *stale);
    assert_non_null(stale);
    for (int j = 0; j < p->outputs[s]; j++)
        if (p->output[s][j]->op == NN_OP_ASSIGN)
            stale[p->output[s][j]->input[0]->id] = true;
    for (int id = 0; id < left->count; id++) {
        const nn_node *node = graph->nodes[id];
        for (int i = 0; i < node->inputs; i++)
            stale[id] |= stale[node->input[i]->id];
        if (stale[id] || rearranges_leaf(node)) {
            free(left->value[id]);
            left->value[id] = NULL;
        }
    }
    free(stale);
}

static double difference(const double *expected, const nn_real *got, int64_t count)
{
    double most = 0;
    for (int64_t i = 0; i < count; i++) {
        if (expected[i] == (double)got[i] || (isnan(expected[i]) && isnan((double)got[i])))
            continue; /* infinities too */
        double d = fabs(expected[i] - (double)got[i]) / fmax(1, fabs(expected[i]));
        most = d > most || isnan(d) ? (isnan(d) ? INFINITY : d) : most;
    }
    return most;
}

/* Runs stage s and evaluates it beside. */
static double run_by_rules(random_program *p, rules *by, int s)
{
    nn_real got[400];
    double most = 0;
    nn_reference *now = &by->left[s + 1];
    if (!s)
        nn_reference_free(&by->left[0]);
    copy_reference(p->r.graph, &by->left[s], now);
    for (int j = 0; j < p->outputs[s]; j++)
        assert_non_null(nn_reference_value(now, p->output[s][j]));
    assert_int_equal(nn_run(p->program, s), WEIR_OK);
    for (int j = 0; j < p->outputs[s]; j++) {
        nn_node *node = p->output[s][j];
        if (node->op == NN_OP_ASSIGN)
            assert_int_equal(nn_value(node->input[0], got), WEIR_OK);
        else
            assert_int_equal(nn_read(p->program, node, got), WEIR_OK);
        int64_t count = nn_count(node->op == NN_OP_ASSIGN ? node->input[0] : node);
        most = fmax(most, difference(nn_reference_value(now, node), got, count));
    }
    forget(p, s, now);
    return most;
}

static void check_rules(uint64_t seed, unsigned debug, const int *run, int runs, bool rewrite)
{
    random_program p = make_program(seed, debug);
    rules by = {0};
    for (int i = 0; i < runs; i++) {
        if (!rewrite || !run[i])
            write_inputs(&p.r, seed + (uint64_t)i);
        double most = run_by_rules(&p, &by, run[i]);
        if (!(most < 1e-9))
            fail_msg("seed %d: run %d (stage %d) is off by %g", (int)seed, i, run[i], most);
    }
    for (int s = 0; s <= STAGES; s++)
        nn_reference_free(&by.left[s]);
    nn_graph_free(p.r.graph);
}

/* In double only: a step or a floor of a rounded number may be another. */
static void test_stages_follow_the_rules(void **state)
{
    static const int repeated[] = {0, 1, 1, 1, 2, 0, 0, 1, 2, 2};
    static const int in_turn[] = {0, 1, 2, 0, 1, 2};
    (void)state;
    if (sizeof(nn_real) != sizeof(double))
        skip();
    for (uint64_t seed = 1001; seed <= 1300; seed++) {
        check_rules(seed, NN_NO_REWRITE, repeated, 10, false);
        check_rules(seed, 0, in_turn, 6, true);
    }
}

/* The same on the processor, whose kernels are another reading of the descriptions. */
static void test_the_cpu_follows_the_rules(void **state)
{
    static const int run[] = {0, 1, 1, 2, 0, 1, 2, 2};
    (void)state;
    if (sizeof(nn_real) != sizeof(double))
        skip();
    device = "cpu";
    for (uint64_t seed = 2001; seed <= 2100; seed++)
        check_rules(seed, NN_NO_REWRITE, run, 8, false);
    device = NULL;
}

/* The random graphs mean something: every primitive is in them. */
static void test_random_graphs_have_all_primitives(void **state)
{
    int seen[NN_OP_COUNT] = {0};
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        random_program p = make_program(seed, 0);
        for (int id = 0; id < p.r.graph->count; id++)
            seen[p.r.graph->nodes[id]->op]++;
        nn_graph_free(p.r.graph);
    }
    for (int op = 0; op < NN_OP_COUNT; op++)
        if (!seen[op] && op != NN_OP_POISON && op != NN_OP_GROUP)
            fail_msg("no random graph has %s", nn_op_name((nn_op)op));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_switches_change_no_bit),
        cmocka_unit_test(test_stages_follow_the_rules),
        cmocka_unit_test(test_the_cpu_follows_the_rules),
        cmocka_unit_test(test_random_graphs_have_all_primitives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
