/* What programs do not do: loops, copies and work of other stages that nobody needs. And what
 * assigning means.
 * Covers: core/nn/compile/fuse.c core/nn/compile/levels.c */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/nn_interpreter.h"

#define SHAPE(...) ((const int64_t[]){__VA_ARGS__})

static nn_program *compile(nn_graph *graph, int n, nn_node *const *output)
{
    nn_program *program = nn_compile(graph, 1, &(nn_stage){"only", n, output});
    if (!program)
        fail_msg("%s", nn_error(graph)->text);
    return program;
}

/* Loops that only move numbers. */
static int copies(const nn_program *program)
{
    int count = 0;
    for (int i = 0; i < program->kernels; i++) {
        const nn_kernel *kernel = &program->kernel[i];
        count += kernel->kind == NN_KERNEL_LOOP && !kernel->loop.steps && kernel->loop.reads &&
                 kernel->loop.result[0].combine == NN_STORE;
    }
    return count;
}

static nn_node *weights(nn_graph *g, const char *name, int64_t rows, int64_t columns)
{
    return nn_parameter(g, name, 2, SHAPE(rows, columns), (nn_init){NN_UNIFORM, -1, 1});
}

/* ---- fusion ---- */

/* Value, derivative and their uses: one product and one loop a layer, forwards and backwards. */
static void test_layers_are_a_product_and_a_loop(void **state)
{
    (void)state;
    nn_graph *g = interpreter_graph(1, 0);
    nn_node *x = nn_input(g, "x", 2, SHAPE(16, 8));
    for (int i = 0; i < 3; i++)
        x = nn_gelu(nn_linear(x, 8, nn_namef(g, "net.%d", i)));
    nn_program_facts facts = nn_program_info(compile(g, 1, &x));
    assert_int_equal(facts.products, 3);
    assert_int_equal(facts.loops, 3);
    nn_node *grad, *in = nn_find(g, "net.0.weight");
    assert_int_equal(nn_grad(nn_total(x), 1, &in, &grad), WEIR_OK);
    facts = nn_program_info(compile(g, 1, &grad));
    assert_int_equal(facts.products, 6); /* the first x is not differentiated */
    assert_int_equal(facts.loops, 5);    /* the third layer's value is not needed */
    nn_graph_free(g);
    g = interpreter_graph(1, NN_NO_FUSION);
    x = nn_gelu(nn_linear(nn_input(g, "x", 2, SHAPE(16, 8)), 8, "net"));
    assert_true(nn_program_info(compile(g, 1, &x)).loops > 3);
    nn_graph_free(g);
}

/* Reductions are part of the loop that makes what they reduce. */
static void test_reductions_end_their_loop(void **state)
{
    (void)state;
    nn_graph *g = interpreter_graph(1, 0);
    nn_node *x = nn_input(g, "x", 2, SHAPE(6, 5));
    nn_node *y = nn_exp(x);
    nn_node *columns[] = {nn_sum(y, 1), nn_sum(nn_square(y), 1), y};
    assert_int_equal(nn_program_info(compile(g, 3, columns)).loops, 1);
    nn_node *rows[] = {nn_sum(y, 2), nn_peak(y, 2), nn_total(y)};
    assert_int_equal(nn_program_info(compile(g, 3, rows)).loops, 1);
    /* Rows and columns in one loop would be slow for every back end. */
    nn_node *both[] = {nn_sum(y, 1), nn_sum(y, 2)};
    assert_int_equal(nn_program_info(compile(g, 2, both)).loops, 2);
    nn_graph_free(g);
}

/* A group norm walks in whole rows, although its groups are short: it sums down the columns first,
 * and what it has found for a group is repeated for each channel. */
static void test_group_norms_have_long_rows(void **state)
{
    nn_real values[2 * 144 * 8], expected[2 * 144 * 8];
    (void)state;
    for (int i = 0; i < 2 * 144 * 8; i++)
        values[i] = (nn_real)(i * 37 % 101) / 50 - 1;
    for (int plain = 1; plain >= 0; plain--) {
        nn_graph *g = interpreter_graph(1, plain ? NN_NO_VIEWS | NN_NO_FUSION : 0);
        nn_node *x = nn_input(g, "x", 4, SHAPE(2, 12, 12, 8));
        nn_node *y = nn_group_norm(x, 2, 0, "norm");
        nn_program *program = compile(g, 1, &y);
        assert_int_equal(nn_write(x, values), WEIR_OK);
        assert_int_equal(nn_run(program, 0), WEIR_OK);
        assert_int_equal(nn_read(program, y, plain ? expected : values), WEIR_OK);
        for (int i = 0; i < program->kernels && !plain; i++) {
            const nn_loop *loop = &program->kernel[i].loop;
            if (loop->rank > 1 && loop->shape[0] * loop->shape[1] > 200)
                assert_true(loop->shape[loop->rank - 1] >= 8);
        }
        nn_graph_free(g);
    }
    assert_memory_equal(values, expected, sizeof values);
}

static nn_node *recurrent(nn_graph *g, int steps)
{
    nn_node *outputs = nn_lstm(&(nn_recurrent){.sequence = nn_input(g, "x", 3, SHAPE(steps, 4, 3)),
                                               .h = nn_input(g, "h", 2, SHAPE(4, 6)),
                                               .c = nn_input(g, "c", 2, SHAPE(4, 6)),
                                               .hidden = 6},
                               "lstm")
                           .outputs;
    return nn_total(nn_square(outputs));
}

/* A step of an LSTM is one product and one loop, forwards and backwards: the gates are read where
 * the product has left them, and their gradients written where the next one reads them. */
static void test_recurrent_steps_copy_nothing(void **state)
{
    int loops[2], products[2];
    (void)state;
    for (int i = 0; i < 2; i++) {
        nn_graph *g = interpreter_graph(1, 0);
        nn_node *loss = recurrent(g, 4 + 4 * i), *weight = nn_find(g, "lstm.weight_hh_l0"), *grad;
        if (nn_grad(loss, 1, &weight, &grad))
            fail_msg("%s", nn_error(g)->text);
        nn_node *output[] = {loss, grad};
        nn_program *program = compile(g, 2, output);
        nn_program_facts facts = nn_program_info(program);
        loops[i] = facts.loops;
        products[i] = facts.products;
        assert_int_equal(copies(program), 0);
        nn_graph_free(g);
    }
    assert_int_equal(products[1] - products[0], 8);
    assert_int_equal(loops[1] - loops[0], 8);
    nn_graph *g = interpreter_graph(1, NN_NO_VIEWS | NN_NO_FUSION);
    nn_node *loss = recurrent(g, 4);
    assert_true(copies(compile(g, 1, &loss)) > 8);
    nn_graph_free(g);
}

/* ---- stages ---- */

static bool touches(const nn_program *program, int stage, const char *prefix)
{
    for (int i = program->start[stage]; i < program->start[stage + 1]; i++) {
        const nn_kernel *kernel = &program->kernel[i];
        const nn_loop *loop = &kernel->loop;
        const nn_product *product = &kernel->product;
        int buffer[64], n = 0;
        if (kernel->kind == NN_KERNEL_LOOP) {
            for (int r = 0; r < loop->reads && n < 32; r++)
                buffer[n++] = loop->read[r].buffer;
            for (int r = 0; r < loop->results && n < 64; r++)
                buffer[n++] = loop->result[r].view.buffer;
        } else if (kernel->kind == NN_KERNEL_PRODUCT) {
            buffer[n++] = product->a.buffer;
            buffer[n++] = product->b.buffer;
        }
        for (int b = 0; b < n; b++) {
            const nn_node *leaf = program->buffer[buffer[b]].leaf;
            if (leaf && leaf->name && !strncmp(leaf->name, prefix, strlen(prefix)))
                return true;
        }
    }
    return false;
}

static void test_critic_and_generator_are_apart(void **state)
{
    (void)state;
    nn_graph *g = interpreter_graph(1, 0);
    nn_node *real = nn_input(g, "real", 2, SHAPE(8, 4));
    nn_node *fake =
        nn_linear(nn_tanh(nn_linear(nn_noise_normal(g, "z", 2, SHAPE(8, 3)), 5, "g.0")), 4, "g.1");
    nn_node *mixed = nn_mix(real, fake, "mix"), *scored[3] = {real, fake, mixed};
    for (int i = 0; i < 3; i++)
        scored[i] = nn_linear(nn_gelu(nn_linear(scored[i], 6, "d.0")), 1, "d.1");
    nn_node *loss =
        nn_add(nn_wgan_critic(scored[0], scored[1]), nn_gradient_penalty(scored[2], 1, &mixed, 0));
    nn_node *against = nn_wgan_generator(scored[1]);
    nn_node *first[] = {fake}, *second[] = {loss, nn_adam(loss, "d.", NULL)};
    nn_node *third[] = {against, nn_adam(against, "g.", NULL)};
    const nn_stage stage[] = {{"fake", 1, first}, {"critic", 2, second}, {"generator", 2, third}};
    nn_program *program = nn_compile(g, 3, stage);
    assert_non_null(program);
    assert_true(touches(program, 0, "g."));
    assert_false(touches(program, 0, "d."));
    assert_true(touches(program, 1, "d."));
    assert_false(touches(program, 1, "g."));
    assert_true(touches(program, 2, "g."));
    assert_false(touches(program, 2, "adam.d."));
    /* Forwards once: the noise is an operand of a product in the first stage only there, and of
     * the weights' gradient in the last. */
    assert_true(nn_stage_operations(program, 0) == 2 * 8 * (3 * 5 + 5 * 4));
    nn_graph_free(g);
}

/* ---- variables ---- */

/* One loop an update: it reads the gradient and sets the parameter and both moments. */
static void test_adam_is_one_loop(void **state)
{
    (void)state;
    nn_graph *g = interpreter_graph(1, 0);
    nn_node *x = nn_input(g, "x", 2, SHAPE(4, 3)), *w = weights(g, "net.w", 3, 2);
    nn_node *loss = nn_mean(nn_square(nn_matmul(x, w, false, false)));
    nn_node *update = nn_adam(loss, "net.", NULL);
    nn_program *program = compile(g, 1, &update);
    int setting = 0;
    for (int i = 0; i < program->kernels; i++) {
        const nn_kernel *kernel = &program->kernel[i];
        int set = 0;
        bool parameter = false;
        for (int r = 0; kernel->kind == NN_KERNEL_LOOP && r < kernel->loop.results; r++) {
            const nn_node *leaf = program->buffer[kernel->loop.result[r].view.buffer].leaf;
            set += leaf != NULL;
            parameter = parameter || leaf == w;
        }
        if (!parameter)
            continue;
        setting++;
        assert_int_equal(set, 3);
        assert_int_equal(kernel->loop.results, 3);
    }
    assert_int_equal(setting, 1);
    nn_graph_free(g);
}

/* Every reader has the old value: whoever reads a variable reads it before it is set. */
static void test_a_stage_reads_old_values(void **state)
{
    (void)state;
    for (unsigned flags = 0; flags < 8; flags++) {
        nn_graph *g = interpreter_graph(1, flags << 1);
        nn_node *a = nn_state(g, "a", 2, SHAPE(2, 2), (nn_init){NN_CONSTANT, 1, 0});
        nn_node *b = nn_state(g, "b", 2, SHAPE(2, 2), (nn_init){NN_CONSTANT, 2, 0});
        nn_node *c = nn_state(g, "c", 2, SHAPE(2, 2), (nn_init){NN_CONSTANT, 0, 0});
        nn_node *turned = nn_permute(c, (int[]){1, 0});
        nn_node *out[] = {nn_assign(a, b), nn_assign(b, a),
                          nn_assign(c, nn_add(nn_scale(turned, 2),
                                              nn_array(g, 2, SHAPE(2, 2), (double[]){1, 2, 3, 4}))),
                          nn_matmul(a, nn_tanh(nn_matmul(b, b, false, false)), false, false), a};
        nn_program *program = compile(g, 5, out);
        nn_real got[4];
        for (int run = 0; run < 3; run++) {
            assert_int_equal(nn_run(program, 0), WEIR_OK);
            assert_int_equal(nn_read(program, a, got), WEIR_OK);
            assert_true(got[0] == (nn_real)(run % 2 ? 2 : 1));
            assert_int_equal(nn_value(a, got), WEIR_OK);
            assert_true(got[3] == (nn_real)(run % 2 ? 1 : 2));
            assert_int_equal(nn_value(b, got), WEIR_OK);
            assert_true(got[3] == (nn_real)(run % 2 ? 2 : 1));
        }
        /* c <- 2 c' + d three times from 0: 5 d + 2 d'. */
        assert_int_equal(nn_value(c, got), WEIR_OK);
        assert_true(got[0] == 7 && got[1] == 16 && got[2] == 19 && got[3] == 28);
        nn_graph_free(g);
    }
}

static void test_two_assigns_are_an_error(void **state)
{
    (void)state;
    nn_graph *g = interpreter_graph(1, 0);
    nn_node *v = nn_state(g, "v", 1, SHAPE(3), (nn_init){NN_CONSTANT, 1, 0});
    nn_node *once = nn_assign(v, nn_scale(v, 2)), *again = nn_assign(v, nn_scale(v, 3));
    nn_node *twice[] = {once, nn_group(g, 1, (nn_node *[]){once})};
    assert_non_null(nn_compile(g, 1, &(nn_stage){"same", 2, twice}));
    nn_node *first[] = {once}, *second[] = {again};
    const nn_stage apart[] = {{"a", 1, first}, {"b", 1, second}};
    assert_non_null(nn_compile(g, 2, apart));
    nn_node *both[] = {once, again};
    assert_null(nn_compile(g, 1, &(nn_stage){"both", 2, both}));
    assert_int_equal(nn_status(g), WEIR_EOPTION);
    assert_non_null(strstr(nn_error(g)->text, "\"v\""));
    nn_graph_free(g);
}

static void test_wrong_outputs_are_errors(void **state)
{
    (void)state;
    for (int wrong = 0; wrong < 3; wrong++) {
        nn_graph *g = interpreter_graph(1, 0), *other = interpreter_graph(1, 0);
        nn_node *x = nn_input(wrong == 1 ? other : g, "x", 1, SHAPE(3));
        nn_node *output[] = {wrong == 2 ? NULL : x};
        assert_null(nn_compile(g, wrong ? 1 : 0, &(nn_stage){"only", 1, output}));
        assert_int_equal(nn_status(g), WEIR_EOPTION);
        nn_graph_free(g);
        nn_graph_free(other);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layers_are_a_product_and_a_loop),
        cmocka_unit_test(test_reductions_end_their_loop),
        cmocka_unit_test(test_group_norms_have_long_rows),
        cmocka_unit_test(test_recurrent_steps_copy_nothing),
        cmocka_unit_test(test_critic_and_generator_are_apart),
        cmocka_unit_test(test_adam_is_one_loop),
        cmocka_unit_test(test_a_stage_reads_old_values),
        cmocka_unit_test(test_two_assigns_are_an_error),
        cmocka_unit_test(test_wrong_outputs_are_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
