/* The algebra at the making of nodes: every rule leaves the value and makes the graph smaller. Each
 * case is built twice: plainly, and with every intermediate result behind a stop and every number
 * in a variable, so that no rule applies.
 * Covers: core/nn/simplify.c core/nn/simplify_movement.c core/nn/fold.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "unit/nn_reference.h"
#include <weir/random.h>

typedef struct build {
    nn_graph *g;
    bool plain;
    nn_node *x, *y; /* [2][3][4], [2][3][4] */
    nn_node *m, *n; /* [3][4], [1][4] */
    int numbers;
} build;

/* An intermediate result. */
static nn_node *then(build *t, nn_node *node)
{
    return t->plain ? node : nn_stop(node);
}

static nn_node *num(build *t, double value)
{
    if (t->plain)
        return nn_scalar(t->g, value);
    return nn_state(t->g, nn_namef(t->g, "number.%d", t->numbers++), 0, NULL,
                    (nn_init){NN_CONSTANT, value, 0});
}

#define CASE(name, expression)                                                                     \
    static nn_node *name(build *t)                                                                 \
    {                                                                                              \
        return expression;                                                                         \
    }
#define S(node, axis, first, count) then(t, nn_slice(node, axis, first, count))
#define MUL(a, b) then(t, nn_mul(a, b))
#define ADD(a, b) then(t, nn_add(a, b))
#define SUB(a, b) then(t, nn_sub(a, b))
#define BIG(node) then(t, nn_broadcast(node, 3, (int64_t[]){2, 3, 4}))
#define PERM(node, ...) then(t, nn_permute(node, (int[]){__VA_ARGS__}))
#define SHAPE(node, rank, ...) then(t, nn_reshape(node, rank, (int64_t[]){__VA_ARGS__}))
#define PAD(node, axis, before, after) then(t, nn_pad(node, axis, before, after))

CASE(add_zero, nn_add(t->x, num(t, 0)))
CASE(zero_add, nn_add(num(t, 0), t->x))
CASE(sub_zero, nn_sub(t->x, num(t, 0)))
CASE(mul_one, nn_mul(num(t, 1), t->x))
CASE(mul_zero, nn_mul(t->x, num(t, 0)))
CASE(div_one, nn_div(t->x, num(t, 1)))
CASE(div_number, nn_div(t->x, num(t, 8)))
CASE(one_div, nn_div(num(t, 1), t->x))
CASE(mul_chain, nn_mul(num(t, 3), MUL(MUL(t->x, num(t, 2)), num(t, 0.25))))
CASE(add_chain, nn_add(SUB(ADD(t->x, num(t, 2)), num(t, 1)), num(t, 4)))
CASE(from_chain, nn_sub(num(t, 5), SUB(num(t, 2), t->x)))
CASE(from_add, nn_sub(num(t, 5), ADD(num(t, 2), t->x)))
CASE(add_from, nn_add(num(t, 5), SUB(num(t, 2), t->x)))
CASE(zero_sub, nn_sub(num(t, 0), t->x))
CASE(add_negative, nn_add(t->x, MUL(t->y, num(t, -1))))
CASE(negative_add, nn_add(MUL(t->y, num(t, -1)), t->x))
CASE(sub_negative, nn_sub(t->x, MUL(t->y, num(t, -1))))
CASE(negative_sub, nn_mul(SUB(t->x, t->y), num(t, -1)))
CASE(mul_of_scaled, nn_mul(MUL(t->x, num(t, 2)), MUL(t->y, num(t, 4))))
CASE(max_same, nn_max(t->x, t->x))
CASE(select_same, nn_select(t->y, t->x, t->x))
CASE(select_true, nn_select(num(t, 2), t->x, t->y))
CASE(select_false, nn_select(num(t, 0), t->x, t->y))
CASE(abs_abs, nn_abs(then(t, nn_abs(t->x))))
CASE(abs_negative, nn_abs(MUL(t->x, num(t, -1))))
CASE(step_step, nn_step(then(t, nn_step(t->x))))
CASE(step_square, nn_mul(then(t, nn_step(t->x)), then(t, nn_step(t->x))))
CASE(floor_floor, nn_floor(then(t, nn_floor(t->x))))
CASE(folded, nn_mul(t->x, then(t, nn_exp(ADD(num(t, 1), then(t, nn_sqrt(num(t, 4))))))))
CASE(hoisted, nn_exp(BIG(t->n)))
CASE(hoisted_two, nn_mul(BIG(t->n), BIG(then(t, nn_sin(t->n)))))
CASE(reshape_reshape, SHAPE(SHAPE(t->x, 2, 6, 4), 1, 24))
CASE(reshape_back, SHAPE(SHAPE(t->x, 2, 6, 4), 3, 2, 3, 4))
CASE(permute_permute, PERM(PERM(t->x, 2, 0, 1), 0, 2, 1))
CASE(permute_back, PERM(PERM(t->x, 2, 0, 1), 1, 2, 0))
CASE(permute_one, PERM(SHAPE(t->x, 3, 6, 1, 4), 1, 0, 2))
CASE(broadcast_same, BIG(t->x))
CASE(broadcast_twice, BIG(then(t, nn_broadcast(t->n, 2, (int64_t[]){3, 4}))))
CASE(broadcast_ones, then(t, nn_broadcast(t->m, 3, (int64_t[]){1, 3, 4})))
CASE(broadcast_reshape, BIG(SHAPE(t->m, 3, 1, 3, 4)))
CASE(slice_all, S(t->x, 1, 0, 3))
CASE(slice_slice, S(S(t->x, 2, 1, 3), 2, 1, 2))
CASE(slice_axes, S(S(t->x, 2, 1, 3), 1, 1, 2))
CASE(slice_concat, S(then(t, nn_concat(1, 2, (nn_node *[]){t->x, t->y})), 1, 4, 2))
CASE(slice_concat_part, S(then(t, nn_concat(1, 2, (nn_node *[]){t->x, t->y})), 1, 3, 3))
CASE(slice_pad_in, S(PAD(t->x, 1, 2, 2), 1, 2, 3))
CASE(slice_pad_out, S(PAD(t->x, 1, 2, 2), 1, 5, 2))
CASE(slice_pad_across, S(PAD(t->x, 1, 2, 2), 1, 1, 3))
CASE(slice_broadcast, S(BIG(t->n), 1, 0, 2))
CASE(slice_broadcast_in, S(BIG(t->m), 1, 1, 2))
CASE(pad_none, PAD(t->x, 0, 0, 0))
CASE(pad_pad, PAD(PAD(t->x, 1, 2, 1), 1, 1, 3))
CASE(concat_one, nn_concat(0, 1, &t->x))
CASE(concat_slices,
     nn_concat(2, 3, (nn_node *[]){S(t->x, 2, 0, 1), S(t->x, 2, 1, 2), S(t->x, 2, 3, 1)}))
CASE(concat_some, nn_concat(2, 2, (nn_node *[]){S(t->x, 2, 1, 1), S(t->x, 2, 2, 2)}))
CASE(add_pads, nn_add(PAD(t->x, 1, 3, 0), PAD(t->y, 1, 0, 3)))
CASE(sum_ones, nn_sum(t->n, 1))
CASE(sum_sum, nn_sum(then(t, nn_sum(t->x, 1)), 4))
CASE(sum_broadcast, nn_sum(BIG(t->m), 1))
CASE(sum_broadcast_both, nn_sum(BIG(t->n), 6))
CASE(sum_scaled, nn_sum(MUL(t->x, num(t, 2)), 2))
CASE(peak_peak, nn_peak(then(t, nn_peak(t->x, 1)), 2))
CASE(matmul_transposed, nn_matmul(PERM(t->m, 1, 0), t->m, false, false))
CASE(matmul_transposed_back, nn_matmul(t->x, PERM(t->y, 0, 2, 1), false, false))
CASE(matmul_zero, nn_matmul(t->m, MUL(t->m, num(t, 0)), false, true))
CASE(matmul_number_nn,
     nn_matmul(then(t, nn_broadcast(num(t, 2), 2, (int64_t[]){5, 3})), t->m, false, false))
CASE(matmul_number_nt,
     nn_matmul(then(t, nn_broadcast(num(t, 2), 2, (int64_t[]){5, 4})), t->m, false, true))
CASE(matmul_by_number,
     nn_matmul(t->m, then(t, nn_broadcast(num(t, 2), 2, (int64_t[]){4, 5})), false, false))
CASE(matmul_by_number_tt,
     nn_matmul(t->m, then(t, nn_broadcast(num(t, 2), 2, (int64_t[]){5, 3})), true, true))
CASE(matmul_row,
     nn_matmul(then(t, nn_broadcast(num(t, 2), 2, (int64_t[]){5, 1})), t->n, false, false))
CASE(add_same, nn_add(MUL(t->x, num(t, 3)), MUL(t->x, num(t, 3))))
CASE(stop_stop, nn_stop(then(t, nn_stop(t->x))))

/* The operation at the top, and how many nodes the value needs; numbers are not counted. */
static const struct {
    const char *name;
    nn_node *(*build)(build *t);
    nn_op op;
    int nodes;
} cases[] = {
#define ROW(name, op, nodes)                                                                       \
    {                                                                                              \
#name, name, NN_OP_##op, nodes                                                             \
    }
    ROW(add_zero, VARIABLE, 1),
    ROW(zero_add, VARIABLE, 1),
    ROW(sub_zero, VARIABLE, 1),
    ROW(mul_one, VARIABLE, 1),
    ROW(mul_zero, BROADCAST, 0),
    ROW(div_one, VARIABLE, 1),
    ROW(div_number, MUL, 2),
    ROW(one_div, RECIP, 2),
    ROW(mul_chain, MUL, 2),
    ROW(add_chain, ADD, 2),
    ROW(from_chain, ADD, 2),
    ROW(from_add, SUB, 2),
    ROW(add_from, SUB, 2),
    ROW(zero_sub, MUL, 2),
    ROW(add_negative, SUB, 3),
    ROW(negative_add, SUB, 3),
    ROW(sub_negative, ADD, 3),
    ROW(negative_sub, SUB, 3),
    ROW(mul_of_scaled, MUL, 4),
    ROW(max_same, VARIABLE, 1),
    ROW(select_same, VARIABLE, 1),
    ROW(select_true, VARIABLE, 1),
    ROW(select_false, VARIABLE, 1),
    ROW(abs_abs, ABS, 2),
    ROW(abs_negative, ABS, 2),
    ROW(step_step, STEP, 2),
    ROW(step_square, STEP, 2),
    ROW(floor_floor, FLOOR, 2),
    ROW(folded, MUL, 2),
    ROW(hoisted, BROADCAST, 3),
    ROW(hoisted_two, BROADCAST, 4),
    ROW(reshape_reshape, RESHAPE, 2),
    ROW(reshape_back, VARIABLE, 1),
    ROW(permute_permute, PERMUTE, 2),
    ROW(permute_back, VARIABLE, 1),
    ROW(permute_one, RESHAPE, 2),
    ROW(broadcast_same, VARIABLE, 1),
    ROW(broadcast_twice, BROADCAST, 2),
    ROW(broadcast_ones, RESHAPE, 2),
    ROW(broadcast_reshape, BROADCAST, 2),
    ROW(slice_all, VARIABLE, 1),
    ROW(slice_slice, SLICE, 2),
    ROW(slice_axes, SLICE, 2),
    ROW(slice_concat, SLICE, 2),
    ROW(slice_concat_part, VARIABLE, 1),
    ROW(slice_pad_in, VARIABLE, 1),
    ROW(slice_pad_out, BROADCAST, 0),
    ROW(slice_pad_across, PAD, 3),
    ROW(slice_broadcast, BROADCAST, 2),
    ROW(slice_broadcast_in, BROADCAST, 3),
    ROW(pad_none, VARIABLE, 1),
    ROW(pad_pad, PAD, 2),
    ROW(concat_one, VARIABLE, 1),
    ROW(concat_slices, VARIABLE, 1),
    ROW(concat_some, SLICE, 2),
    ROW(add_pads, CONCAT, 3),
    ROW(sum_ones, VARIABLE, 1),
    ROW(sum_sum, SUM, 2),
    ROW(sum_broadcast, RESHAPE, 3),
    ROW(sum_broadcast_both, BROADCAST, 4),
    ROW(sum_scaled, MUL, 3),
    ROW(peak_peak, PEAK, 2),
    ROW(matmul_transposed, MATMUL, 2),
    ROW(matmul_transposed_back, MATMUL, 3),
    ROW(matmul_zero, BROADCAST, 0),
    ROW(matmul_number_nn, BROADCAST, 4),
    ROW(matmul_number_nt, BROADCAST, 5),
    ROW(matmul_by_number, BROADCAST, 4),
    ROW(matmul_by_number_tt, BROADCAST, 5),
    ROW(matmul_row, BROADCAST, 3),
    ROW(add_same, MUL, 2),
    ROW(stop_stop, STOP, 2),
#undef ROW
};

/* How many nodes a value needs, numbers aside. */
static int needed(const nn_node *node, bool *seen)
{
    int n = 1;

    if (seen[node->id] || nn_is_constant(node, NULL))
        return 0;
    seen[node->id] = true;
    for (int i = 0; i < node->inputs; i++)
        n += needed(node->input[i], seen);
    return n;
}

static nn_node *random_leaf(nn_graph *g, const char *name, int rank, const int64_t *shape)
{
    return nn_parameter(g, name, rank, shape, (nn_init){NN_NORMAL, 0.1, 1});
}

static void check(size_t i)
{
    nn_graph *g = nn_graph_new(&(nn_settings){.seed = 4, .device = "null"});
    build plain = {.g = g, .plain = true}, literal;
    nn_node *simple, *full;
    nn_reference r = {0};
    const double *a, *b;
    bool *seen;
    int nodes;

    plain.x = random_leaf(g, "x", 3, (int64_t[]){2, 3, 4});
    plain.y = random_leaf(g, "y", 3, (int64_t[]){2, 3, 4});
    plain.m = random_leaf(g, "m", 2, (int64_t[]){3, 4});
    plain.n = random_leaf(g, "n", 2, (int64_t[]){1, 4});
    literal = plain;
    literal.plain = false;
    simple = cases[i].build(&plain);
    full = cases[i].build(&literal);
    if (nn_status(g) != WEIR_OK)
        fail_msg("%s: %s", cases[i].name, nn_error(g)->text);
    seen = calloc((size_t)g->count, sizeof *seen);
    nodes = needed(simple, seen);
    free(seen);
    if (simple->op != cases[i].op || nodes != cases[i].nodes)
        fail_msg("%s: %s of %d nodes, not %s of %d", cases[i].name, nn_op_name(simple->op), nodes,
                 nn_op_name(cases[i].op), cases[i].nodes);
    assert_true(nn_same_shape(simple, full));
    a = nn_reference_value(&r, simple);
    b = nn_reference_value(&r, full);
    for (int64_t k = 0; k < nn_count(simple); k++)
        if (!(fabs(a[k] - b[k]) <= 1e-12 * (1 + fabs(b[k])) * (sizeof(nn_real) == 8 ? 1 : 1e6)))
            fail_msg("%s: element %lld is %g, not %g", cases[i].name, (long long)k, a[k], b[k]);
    nn_reference_free(&r);
    nn_graph_free(g);
}

static void every_rule_keeps_the_value(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(i);
}

static void numbers_are_folded(void **state)
{
    (void)state;
    nn_graph *g = nn_graph_new(&(nn_settings){.device = "null"});
    nn_node *two = nn_scalar(g, 2), *array;
    double value;

    assert_true(nn_is_constant(nn_sub(nn_exp(two), nn_scalar(g, 1)), &value));
    assert_true(fabs(value - (exp(2) - 1)) < 1e-15);
    assert_ptr_equal(nn_array(g, 1, (int64_t[]){3}, (double[]){2, 2, 2}),
                     nn_broadcast(two, 1, (int64_t[]){3}));
    array = nn_mul(nn_array(g, 1, (int64_t[]){3}, (double[]){1, 2, 3}), two);
    assert_int_equal(array->op, NN_OP_CONSTANT);
    assert_true(array->values[2] == 6);
    /* Of every operation on numbers. */
    assert_true(nn_evaluate(NN_OP_MAX, -1, -2, 0) == -1);
    assert_true(nn_evaluate(NN_OP_SELECT, 0, 1, 7) == 7);
    assert_true(nn_evaluate(NN_OP_SIGMOID, -800, 0, 0) == 0);
    assert_true(nn_evaluate(NN_OP_SIGMOID, 800, 0, 0) == 1);
    assert_true(nn_evaluate(NN_OP_STEP, 0, 0, 0) == 0);
    nn_graph_free(g);
}

/* The gradient of T slices of one tensor is one concatenation, and takes time linear in T. */
static void slices_are_joined(void **state)
{
    (void)state;
    enum { STEPS = 200 };
    nn_graph *g = nn_graph_new(&(nn_settings){.device = "null"});
    nn_node *x = nn_input(g, "x", 2, (int64_t[]){STEPS + 2, 3}), *sum = NULL, *grad;
    int before;

    for (int i = 0; i < STEPS; i++) {
        nn_node *term = nn_tanh(nn_slice(x, 0, i + 1, 1));
        sum = sum ? nn_add(sum, term) : term;
    }
    before = g->count;
    assert_int_equal(nn_grad(sum, 1, &x, &grad), WEIR_OK);
    assert_int_equal(grad->op, NN_OP_CONCAT);
    assert_int_equal(grad->inputs, STEPS + 2); /* with the zeros before and after */
    assert_true(g->count - before < 5 * STEPS);
    nn_graph_free(g);
}

static void no_gradient_that_nobody_asked_for(void **state)
{
    (void)state;
    nn_graph *g = nn_graph_new(&(nn_settings){.device = "null"});
    nn_node *x = nn_input(g, "x", 2, (int64_t[]){4, 3}), *w, *u, *fake, *y, *grad[2];
    int before;

    w = nn_parameter(g, "w", 2, (int64_t[]){3, 3}, (nn_init){0});
    u = nn_parameter(g, "u", 2, (int64_t[]){3, 1}, (nn_init){0});
    fake = nn_tanh(nn_matmul(x, w, false, false));
    y = nn_total(nn_matmul(fake, u, false, false));
    before = g->count;
    assert_int_equal(nn_grad(y, 1, &u, grad), WEIR_OK);
    for (int i = before; i < g->count; i++)
        assert_int_not_equal(g->nodes[i]->op, NN_OP_SUB); /* of tanh's derivative */
    assert_int_equal(nn_grad(nn_stop(y), 2, (nn_node *[]){w, u}, grad), WEIR_OK);
    assert_true(nn_is_constant(grad[0], NULL) && nn_is_constant(grad[1], NULL));
    assert_true(nn_same_shape(grad[0], w));
    nn_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rule_keeps_the_value),
        cmocka_unit_test(numbers_are_folded),
        cmocka_unit_test(slices_are_joined),
        cmocka_unit_test(no_gradient_that_nobody_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
