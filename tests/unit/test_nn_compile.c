/* Programs do what their graphs say: every primitive, random graphs, stages; and they do no more.
 * Covers: core/nn/compile/compile.c core/nn/compile/stages.c core/nn/compile/places.c
 * Covers: core/nn/compile/fits.c core/nn/compile/fuse.c core/nn/compile/order.c
 * Covers: core/nn/compile/lower.c core/nn/compile/lower_loop.c core/nn/compile/view.c
 * Covers: core/nn/compile/pool.c */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nn_interpreter.h"
#include "nn_random_graph.h"

/* What a random graph's program gives: its outputs after each run, and its variables. */
typedef struct record {
    size_t count;
    nn_real value[1 << 16];
} record;

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
    nn_graph *graph = interpreter_graph(seed, debug);
    random_graph r = random_graph_make(graph, seed, 60 + (int)(seed % 5) * 40);
    nn_node *output[3][RANDOM_OUTPUTS];
    int outputs[3];
    for (int s = 0; s < 3; s++) {
        outputs[s] = 1 + random_below(&r, 8);
        for (int i = 0; i < outputs[s]; i++)
            output[s][i] = random_node(&r);
        for (int i = s; i < r.variables; i += 2 + random_below(&r, 2)) {
            nn_node *value = random_node(&r);
            for (int tries = 0; tries < 50 && nn_count(value) != nn_count(r.variable[i]); tries++)
                value = random_node(&r);
            if (nn_count(value) == nn_count(r.variable[i]) && outputs[s] < RANDOM_OUTPUTS)
                output[s][outputs[s]++] = nn_assign(
                    r.variable[i], nn_reshape(value, r.variable[i]->rank, r.variable[i]->shape));
        }
    }
    const nn_stage stage[3] = {
        {"a", outputs[0], output[0]}, {"b", outputs[1], output[1]}, {"c", outputs[2], output[2]}};
    nn_program *program = nn_compile(graph, 3, stage);
    if (!program)
        fail_msg("seed %llu: %s", (unsigned long long)seed, nn_error(graph)->text);
    to->count = 0;
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        write_inputs(&r, seed + i);
        assert_int_equal(nn_run(program, runs[i]), WEIR_OK);
        for (int j = 0; j < outputs[runs[i]]; j++) {
            nn_node *node = output[runs[i]][j];
            if (node->op == NN_OP_ASSIGN)
                continue;
            assert_true(to->count + (size_t)nn_count(node) <= 1 << 16);
            assert_int_equal(nn_read(program, node, to->value + to->count), WEIR_OK);
            to->count += (size_t)nn_count(node);
        }
    }
    for (int i = 0; i < r.variables; i++) {
        assert_int_equal(nn_value(r.variable[i], to->value + to->count), WEIR_OK);
        to->count += (size_t)nn_count(r.variable[i]);
    }
    nn_graph_free(graph);
}

static void test_flags_change_nothing(void **state)
{
    static record plain, other;
    (void)state;
    for (uint64_t seed = 1; seed <= 600; seed++) {
        run_random(seed, NN_NO_REWRITE | NN_NO_FUSION | NN_NO_REUSE | NN_NO_VIEWS, &plain);
        for (unsigned flags = 0; flags < 8; flags++) {
            run_random(seed, NN_NO_REWRITE | flags << 1, &other);
            assert_int_equal(plain.count, other.count);
            for (size_t i = 0; i < plain.count; i++)
                if (memcmp(&plain.value[i], &other.value[i], sizeof(nn_real)))
                    fail_msg("seed %d, flags %u: number %zu is %.17g, not %.17g", (int)seed,
                             flags << 1, i, (double)other.value[i], (double)plain.value[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flags_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
