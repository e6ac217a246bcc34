/* The graph: equal nodes are one, names, errors that stick and say what was wrong, limits, leaves
 * and their first values.
 * Covers: core/nn/graph.c core/nn/elementwise.c core/nn/contract.c core/nn/movement.c
 * Covers: core/nn/leaves.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "nn/graph.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static nn_graph *new_graph(void)
{
    nn_graph *g = nn_graph_new(&(nn_settings){.seed = 9, .device = "null"});

    assert_non_null(g);
    return g;
}

static nn_node *input(nn_graph *g, const char *name, int64_t a, int64_t b)
{
    return nn_input(g, name, 2, (int64_t[]){a, b});
}

static void equal_nodes_are_one(void **state)
{
    (void)state;
    nn_graph *g = new_graph();
    nn_node *x = input(g, "x", 3, 4), *y = input(g, "y", 3, 4);

    assert_ptr_equal(nn_tanh(x), nn_tanh(x));
    assert_ptr_equal(nn_add(x, y), nn_add(y, x));
    assert_ptr_not_equal(nn_sub(x, y), nn_sub(y, x));
    assert_ptr_equal(nn_scale(x, 3), nn_mul(nn_scalar(g, 3), x));
    assert_ptr_not_equal(nn_slice(x, 0, 0, 1), nn_slice(x, 0, 1, 1));
    assert_ptr_not_equal(nn_matmul(x, y, true, false), nn_matmul(x, y, false, true));
    assert_ptr_equal(nn_array(g, 1, (int64_t[]){2}, (double[]){1, 2}),
                     nn_array(g, 1, (int64_t[]){2}, (double[]){1, 2}));
    assert_ptr_not_equal(nn_array(g, 1, (int64_t[]){2}, (double[]){1, 2}),
                         nn_array(g, 1, (int64_t[]){2}, (double[]){1, 3}));
    assert_ptr_not_equal(nn_noise_uniform(g, "a", 1, (int64_t[]){2}),
                         nn_noise_uniform(g, "b", 1, (int64_t[]){2}));
    assert_int_equal(nn_status(g), WEIR_OK);
    for (int i = 0; i < g->count; i++) /* inputs come first */
        for (int k = 0; k < g->nodes[i]->inputs; k++)
            assert_true(g->nodes[i]->input[k]->id < i);
    nn_graph_free(g);
}

static void variables_have_names(void **state)
{
    (void)state;
    nn_graph *g = new_graph();
    nn_init none = {0};
    nn_node *a = nn_parameter(g, "net.a", 1, (int64_t[]){2}, none), *out[2] = {NULL, NULL};

    assert_ptr_equal(a, nn_parameter(g, "net.a", 1, (int64_t[]){2}, none));
    nn_state(g, "net.mean", 1, (int64_t[]){2}, none);
    nn_parameter(g, "other", 0, NULL, none);
    nn_parameter(g, "net.b", 1, (int64_t[]){2}, none);
    assert_ptr_equal(nn_find(g, "net.a"), a);
    assert_null(nn_find(g, "net"));
    assert_int_equal(nn_parameters(g, "net.", 1, out), 2);
    assert_ptr_equal(out[0], a);
    assert_null(out[1]);
    assert_int_equal(nn_parameters(g, "", 0, NULL), 3);
    assert_string_equal(nn_namef(g, "critic.%d", 7), "critic.7");
    assert_string_equal(nn_label(nn_exp(a), "grown")->name, "grown");
    assert_int_equal(nn_status(g), WEIR_OK);
    nn_graph_free(g);
}

/* One mistake a graph: the text must contain what is named. */
typedef nn_node *mistake(nn_graph *g, nn_node *x, nn_node *w);

#define MISTAKE(name, expression)                                                                  \
    static nn_node *name(nn_graph *g, nn_node *x, nn_node *w)                                      \
    {                                                                                              \
        (void)g, (void)x, (void)w;                                                                 \
        return expression;                                                                         \
    }
MISTAKE(product, nn_matmul(x, w, false, false))
MISTAKE(product_rank, nn_matmul(x, nn_scalar(g, 1), false, false))
MISTAKE(sum_of_two, nn_add(x, w))
MISTAKE(three, nn_select(x, w, x))
MISTAKE(missing, nn_mul(x, NULL))
MISTAKE(rank, nn_broadcast(x, 6, (int64_t[]){1, 1, 1, 1, 3, 4}))
MISTAKE(stretch, nn_broadcast(x, 2, (int64_t[]){3, 5}))
MISTAKE(nothing, nn_input(g, "none", 1, (int64_t[]){0}))
MISTAKE(huge, nn_input(g, "huge", 3, (int64_t[]){INT64_MAX, INT64_MAX, 4}))
MISTAKE(huge_pad, nn_pad(x, 0, INT64_MAX / 5, 0))
MISTAKE(elements, nn_reshape(x, 2, (int64_t[]){-1, 5}))
MISTAKE(two_open, nn_reshape(x, 2, (int64_t[]){-1, -1}))
MISTAKE(axes, nn_permute(x, (int[]){0, 0}))
MISTAKE(beyond, nn_slice(x, 1, 2, 3))
MISTAKE(no_axis, nn_slice(x, 2, 0, 1))
MISTAKE(parts, nn_concat(0, 2, (nn_node *[]){x, w}))
MISTAKE(mask, nn_sum(x, 4))
MISTAKE(table, nn_gather(nn_sum(nn_reshape(x, 1, (int64_t[]){12}), 1), x))
MISTAKE(rows, nn_scatter(x, w, 3))
MISTAKE(channels, nn_conv2d(nn_reshape(x, 4, (int64_t[]){1, 3, 4, 1}),
                            nn_reshape(w, 4, (int64_t[]){1, 5, 2, 1}), 1, 0))
MISTAKE(window, nn_conv2d(nn_reshape(x, 4, (int64_t[]){1, 3, 4, 1}),
                          nn_reshape(w, 4, (int64_t[]){1, 1, 5, 2}), 1, 0))
MISTAKE(stride, nn_conv2d(nn_reshape(x, 4, (int64_t[]){1, 3, 4, 1}),
                          nn_reshape(w, 4, (int64_t[]){1, 1, 2, 5}), 0, 0))
MISTAKE(twice, input(g, "x", 3, 4))
MISTAKE(name, input(g, "a b", 3, 4))
MISTAKE(other_shape, nn_parameter(g, "w", 1, (int64_t[]){2}, (nn_init){0}))
MISTAKE(other_role, nn_state(g, "w", 2, (int64_t[]){2, 5}, (nn_init){0}))
MISTAKE(init, nn_parameter(g, "v", 1, (int64_t[]){2}, (nn_init){NN_NORMAL, NAN, 1}))
MISTAKE(number, nn_scale(x, INFINITY))
MISTAKE(assigned, nn_assign(x, x))
MISTAKE(assigned_shape, nn_assign(w, x))
MISTAKE(effect, nn_exp(nn_assign(w, nn_neg(w))))

static const struct {
    mistake *make;
    const char *says[3];
} mistakes[] = {
    {product, {"matmul: ", "x [3][4] and b w [2][5]", "4 and 2 differ"}},
    {product_rank, {"matmul: ", "two axes", "[]"}},
    {sum_of_two, {"add: ", "x [3][4] and w [2][5]", "stretch"}},
    {three, {"select: ", "x [3][4], w [2][5] and x [3][4]", "stretch"}},
    {missing, {"mul: ", "operand 2", "NULL"}},
    {rank, {"broadcast: ", "rank 6", "5"}},
    {stretch, {"broadcast: ", "x [3][4]", "[3][5]"}},
    {nothing, {"none: input: ", "axis 0", "size 0"}},
    {huge, {"huge: input: ", "elements", "9223372036854775807"}},
    {huge_pad, {"pad: ", "elements", ""}},
    {elements, {"reshape: ", "x [3][4] has 12", "[-1][5]"}},
    {two_open, {"reshape: ", "size -1", "axis 1"}},
    {axes, {"permute: ", "x [3][4]", "axis 1"}},
    {beyond, {"slice: ", "3 elements from 2 on axis 1", "which has 4"}},
    {no_axis, {"slice: ", "x [3][4]", "no axis 2"}},
    {parts, {"concat: ", "w [2][5] (part 2)", "axis 0"}},
    {mask, {"sum: ", "x [3][4]", "0x4"}},
    {table, {"gather: ", "[1]", "[rows][width]"}},
    {rows, {"scatter: ", "x [3][4]", "w [2][5]"}},
    {channels, {"conv2d: ", "1 and 5 channels differ", "[1][5][2][1]"}},
    {window, {"conv2d: ", "exceeds", "[1][1][5][2]"}},
    {stride, {"conv2d: ", "stride 0", ""}},
    {twice, {"input(x)", "an input of this name", ""}},
    {name, {"input: ", "\"a b\"", "[A-Za-z0-9_.]+"}},
    {other_shape, {"parameter(w)", "asked for as [2]", "made as [2][5]"}},
    {other_role, {"state(w)", "a parameter of this name", ""}},
    {init, {"parameter(v)", "initial values", "nan"}},
    {number, {"scale: ", "inf", "finite"}},
    {assigned, {"assign: ", "x [3][4]", "no variable but input"}},
    {assigned_shape, {"assign: ", "w [2][5]", "x [3][4]"}},
    {effect, {"exp: ", "effect (assign)", "no value"}},
};

static void errors_say_what_was_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        nn_graph *g = new_graph();
        nn_node *x = input(g, "x", 3, 4);
        nn_node *w = nn_parameter(g, "w", 2, (int64_t[]){2, 5}, (nn_init){0});
        nn_node *made = mistakes[i].make(g, x, w);
        const char *text = nn_error(g)->text;
        assert_int_equal(nn_status(g), WEIR_EOPTION);
        assert_ptr_equal(made, g->poison);
        for (int k = 0; k < 3; k++)
            if (!strstr(text, mistakes[i].says[k]))
                fail_msg("\"%s\" lacks \"%s\"", text, mistakes[i].says[k]);
        nn_graph_free(g);
    }
}

static void the_first_error_sticks(void **state)
{
    (void)state;
    nn_graph *g = new_graph();
    nn_node *x = input(g, "x", 3, 4), *bad = nn_slice(x, 0, 0, 9), *grad[1];
    char first[1024];

    snprintf(first, sizeof first, "%s", nn_error(g)->text);
    assert_ptr_equal(nn_concat(0, 2, (nn_node *[]){x, nn_tanh(nn_add(bad, x))}), bad);
    assert_ptr_equal(nn_matmul(x, bad, false, true), bad);
    assert_ptr_equal(nn_mean(bad), bad);
    assert_ptr_equal(nn_mean_over(bad, 1), bad);
    assert_ptr_equal(nn_permute(bad, (int[]){0}), bad);
    assert_ptr_equal(nn_conv2d_weight(x, bad, 1, 1, 1, 0), bad);
    assert_ptr_equal(nn_assign(bad, x), bad);
    assert_ptr_equal(nn_stop(bad), bad);
    assert_ptr_equal(nn_label(bad, "label"), bad);
    assert_int_equal(nn_grad(bad, 1, &x, grad), WEIR_EOPTION);
    assert_ptr_equal(grad[0], bad);
    assert_int_equal(nn_write(bad, (nn_real[]){1}), WEIR_EOPTION);
    assert_string_equal(nn_error(g)->text, first);
    nn_graph_free(g);

    /* And nothing at all does no harm. */
    assert_null(nn_add(NULL, NULL));
    assert_null(nn_select(NULL, NULL, NULL));
    assert_null(nn_matmul(NULL, NULL, true, true));
    assert_null(nn_conv2d_data(NULL, NULL, 1, 1, 1, 0));
    assert_null(nn_mean(NULL));
    assert_null(nn_concat(0, 0, NULL));
    assert_null(nn_gather(NULL, NULL));
    assert_null(nn_scalar(NULL, 1));
    assert_null(nn_input(NULL, "x", 0, NULL));
    assert_null(nn_updates(NULL, NULL));
    assert_null(nn_group(NULL, 0, NULL));
    assert_int_equal(nn_grad(NULL, 0, NULL, NULL), WEIR_EOPTION);
    assert_int_equal(nn_value(NULL, NULL), WEIR_EOPTION);
    assert_int_not_equal(nn_status(NULL), WEIR_OK);
    nn_graph_free(NULL);
}

static void graphs_are_not_mixed(void **state)
{
    (void)state;
    nn_graph *g = new_graph(), *other = new_graph();
    nn_node *x = input(g, "x", 3, 4), *y = input(other, "y", 3, 4), *grad;

    assert_int_equal(nn_grad(nn_total(x), 1, &y, &grad), WEIR_EOPTION);
    assert_non_null(strstr(nn_error(g)->text, "two graphs"));
    assert_ptr_equal(nn_add(y, x), other->poison);
    assert_non_null(strstr(nn_error(other)->text, "another graph"));
    nn_graph_free(g);
    nn_graph_free(other);
}

static void first_values_depend_on_seed_and_name(void **state)
{
    (void)state;
    enum { N = 2000 };
    nn_real a[N], b[N], c[N];
    nn_graph *g = new_graph(), *again = new_graph();
    int64_t shape[] = {N};
    nn_init uniform = {NN_UNIFORM, -2, 1}, normal = {NN_NORMAL, 3, 0.5};
    double mean = 0, square = 0;

    nn_parameter(again, "first", 1, shape, uniform);
    nn_value(nn_parameter(g, "u", 1, shape, uniform), a);
    nn_value(nn_parameter(again, "u", 1, shape, uniform), b);
    nn_value(nn_parameter(again, "first", 1, shape, uniform), c);
    assert_memory_equal(a, b, sizeof a);
    assert_memory_not_equal(a, c, sizeof a);
    for (int i = 0; i < N; i++) {
        assert_true(a[i] >= -2 && a[i] <= 1);
        mean += (double)a[i] / N;
    }
    assert_true(fabs(mean + 0.5) < 0.1);
    nn_value(nn_state(g, "n", 1, shape, normal), a);
    mean = 0;
    for (int i = 0; i < N; i++) {
        mean += (double)a[i] / N;
        square += (double)a[i] * (double)a[i] / N;
    }
    assert_true(fabs(mean - 3) < 0.1 && fabs(sqrt(square - mean * mean) - 0.5) < 0.05);
    nn_value(nn_state(g, "c", 0, NULL, (nn_init){NN_CONSTANT, 7, 0}), a);
    assert_true(a[0] == 7);
    a[0] = 5;
    assert_int_equal(nn_write(nn_find(g, "c"), a), WEIR_OK);
    assert_int_equal(nn_value(nn_find(g, "c"), b), WEIR_OK);
    assert_true(b[0] == 5);
    assert_int_equal(nn_status(g), WEIR_OK);
    assert_string_equal(nn_device(g), "null");
    nn_graph_free(g);
    nn_graph_free(again);
}

static void orthogonal_values_are(void **state)
{
    (void)state;
    for (int wide = 0; wide < 2; wide++) {
        enum { FEW = 5, MANY = 12 };
        nn_graph *g = new_graph();
        int64_t rows = wide ? FEW : MANY, columns = wide ? MANY : FEW;
        nn_real w[FEW * MANY];
        nn_value(
            nn_parameter(g, "w", 2, (int64_t[]){rows, columns}, (nn_init){NN_ORTHOGONAL, 2, 0}), w);
        for (int a = 0; a < FEW; a++)
            for (int b = 0; b < FEW; b++) {
                double dot = 0;
                for (int k = 0; k < MANY; k++)
                    dot += wide ? (double)w[a * MANY + k] * (double)w[b * MANY + k]
                                : (double)w[k * FEW + a] * (double)w[k * FEW + b];
                assert_true(fabs(dot - (a == b ? 4 : 0)) < 1e-5);
            }
        nn_graph_free(g);
    }
}

static void devices_have_names(void **state)
{
    (void)state;
    nn_graph *g = nn_graph_new(&(nn_settings){.device = "abacus"});

    assert_int_equal(nn_graph_open(g), WEIR_EOPTION);
    assert_non_null(strstr(nn_error(g)->text, "abacus"));
    assert_non_null(strstr(nn_error(g)->text, "cpu"));
    assert_string_equal(nn_device(g), "none");
    nn_graph_free(g);
}

static void updates_are_chosen_by_prefix(void **state)
{
    (void)state;
    nn_graph *g = new_graph();
    nn_node *a = nn_state(g, "a.mean", 0, NULL, (nn_init){0}), *group;
    nn_node *b = nn_state(g, "b.mean", 0, NULL, (nn_init){0});
    nn_node *set_a = nn_assign(a, nn_shift(a, 1)), *set_b = nn_assign(b, nn_shift(b, 1));

    nn_update_add(set_a);
    nn_update_add(set_b);
    nn_update_add(set_a);
    nn_update_add(NULL);
    group = nn_updates(g, "");
    assert_int_equal(group->inputs, 2);
    group = nn_updates(g, "b.");
    assert_int_equal(group->inputs, 1);
    assert_ptr_equal(group->input[0], set_b);
    assert_int_equal(nn_updates(g, "c.")->inputs, 0);
    nn_graph_free(g);
}

/* A recurrent net of 2,000 steps with its gradient and that one's: nodes are made in constant time.
 */
static void large_graphs_are_quick(void **state)
{
    (void)state;
    enum { STEPS = 2000 };
    nn_graph *g = new_graph();
    nn_node *x = nn_input(g, "x", 2, (int64_t[]){STEPS, 8}), *h = nn_slice(x, 0, 0, 1), *grad[2];
    nn_node *w = nn_parameter(g, "w", 2, (int64_t[]){8, 8}, (nn_init){0}), *parts[STEPS];
    clock_t start = clock();

    for (int t = 0; t < STEPS; t++)
        parts[t] = h = nn_tanh(nn_add(nn_matmul(h, w, false, true), nn_slice(x, 0, t, 1)));
    h = nn_mean(nn_square(nn_concat(0, STEPS, parts)));
    assert_int_equal(nn_grad(h, 2, (nn_node *[]){w, x}, grad), WEIR_OK);
    assert_int_equal(nn_grad(nn_total(nn_square(grad[1])), 1, &w, grad), WEIR_OK);
    assert_true(g->count > 20 * STEPS && g->count < 100 * STEPS);
    assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 5);
    nn_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_nodes_are_one),
        cmocka_unit_test(variables_have_names),
        cmocka_unit_test(errors_say_what_was_wrong),
        cmocka_unit_test(the_first_error_sticks),
        cmocka_unit_test(graphs_are_not_mixed),
        cmocka_unit_test(first_values_depend_on_seed_and_name),
        cmocka_unit_test(orthogonal_values_are),
        cmocka_unit_test(devices_have_names),
        cmocka_unit_test(updates_are_chosen_by_prefix),
        cmocka_unit_test(large_graphs_are_quick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
