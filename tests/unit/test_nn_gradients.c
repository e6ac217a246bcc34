/* nn_grad against central differences of the reference evaluator: every primitive and composites of
 * them, to first and second order. The double build checks to 1e-6; the float build only to what
 * the rounding of the points it differences leaves.
 * Covers: core/nn/grad.c core/nn/grad_rules.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "unit/nn_reference.h"
#include <weir/random.h>

enum { MAX_INPUTS = 3, MAX_ELEMENTS = 96 };

/* A function of up to three tensors, whose values are drawn from [low, high] (on a grid that keeps
 * them off the kinks at 0 and between each other where `apart`). */
typedef struct gradient_case {
    const char *name;
    nn_node *(*build)(nn_node *const *x);
    int inputs;
    int rank[MAX_INPUTS];
    int64_t shape[MAX_INPUTS][NN_MAX_RANK];
    double low, high;
    bool apart;
} gradient_case;

#define UNARY(name)                                                                                \
    static nn_node *op_##name(nn_node *const *x)                                                   \
    {                                                                                              \
        return nn_##name(x[0]);                                                                    \
    }
UNARY(exp)
UNARY(expm1)
UNARY(log)
UNARY(log1p)
UNARY(sqrt)
UNARY(recip)
UNARY(tanh)
UNARY(sigmoid)
UNARY(erf)
UNARY(sin)
UNARY(cos)
UNARY(abs)
UNARY(square)
UNARY(neg)
UNARY(total)
UNARY(mean)
#undef UNARY

#define BINARY(name)                                                                               \
    static nn_node *op_##name(nn_node *const *x)                                                   \
    {                                                                                              \
        return nn_##name(x[0], x[1]);                                                              \
    }
BINARY(add)
BINARY(sub)
BINARY(mul)
BINARY(div)
BINARY(max)
#undef BINARY

static nn_node *select_by_sign(nn_node *const *x)
{
    return nn_select(nn_step(x[0]), nn_mul(x[0], x[1]), nn_square(x[1]));
}

static nn_node *matmul_nn(nn_node *const *x)
{
    return nn_matmul(x[0], x[1], false, false);
}

static nn_node *matmul_nt(nn_node *const *x)
{
    return nn_matmul(x[0], x[1], false, true);
}

static nn_node *matmul_tn(nn_node *const *x)
{
    return nn_matmul(x[0], x[1], true, false);
}

static nn_node *matmul_tt(nn_node *const *x)
{
    return nn_matmul(x[0], x[1], true, true);
}

static nn_node *conv(nn_node *const *x)
{
    return nn_conv2d(x[0], x[1], 1, 1);
}

static nn_node *conv_stride(nn_node *const *x)
{
    return nn_conv2d(x[0], x[1], 2, 1);
}

static nn_node *conv_data(nn_node *const *x)
{
    return nn_conv2d_data(x[0], x[1], 4, 5, 2, 1);
}

static nn_node *conv_weight(nn_node *const *x)
{
    return nn_conv2d_weight(x[0], x[1], 3, 2, 2, 1);
}

static nn_node *sum_middle(nn_node *const *x)
{
    return nn_sum(x[0], 2);
}

static nn_node *mean_outer(nn_node *const *x)
{
    return nn_mean_over(x[0], 5);
}

static nn_node *broadcast(nn_node *const *x)
{
    return nn_broadcast(x[0], 3, (int64_t[]){2, 4, 3});
}

static nn_node *reshape(nn_node *const *x)
{
    return nn_reshape(x[0], 2, (int64_t[]){-1, 4});
}

static nn_node *permute(nn_node *const *x)
{
    return nn_permute(x[0], (int[]){2, 0, 1});
}

static nn_node *slice(nn_node *const *x)
{
    return nn_slice(nn_slice(x[0], 1, 1, 2), 0, 0, 1);
}

static nn_node *pad(nn_node *const *x)
{
    return nn_pad(x[0], 1, 2, 1);
}

static nn_node *concat(nn_node *const *x)
{
    return nn_concat(1, 3, (nn_node *[]){x[0], x[1], x[0]});
}

/* Slices that overlap, leave gaps and repeat. */
static nn_node *slices(nn_node *const *x)
{
    nn_node *a = nn_slice(x[0], 1, 0, 2), *b = nn_slice(x[0], 1, 1, 2),
            *c = nn_slice(x[0], 1, 4, 2);
    nn_node *row = nn_slice(nn_slice(x[0], 0, 1, 1), 1, 3, 2), *again = nn_slice(x[0], 1, 3, 2);

    return nn_add(nn_mul(nn_mul(a, b), nn_exp(c)), nn_mul(row, again));
}

static nn_node *lookup(nn_graph *g)
{
    return nn_array(g, 2, (int64_t[]){2, 3}, (double[]){2, 0, 2, 1, 7, -1});
}

static nn_node *gather(nn_node *const *x)
{
    return nn_gather(x[0], lookup(nn_graph_of(x[0])));
}

static nn_node *scatter(nn_node *const *x)
{
    return nn_scatter(x[0], lookup(nn_graph_of(x[0])), 4);
}

/* x d/dx of what is stopped must not be seen. */
static nn_node *stopped(nn_node *const *x)
{
    return nn_mul(x[0], nn_stop(nn_scalar(nn_graph_of(x[0]), 2)));
}

static nn_node *two_layers(nn_node *const *x)
{
    nn_node *h = nn_tanh(nn_matmul(x[0], x[1], false, true));

    return nn_sigmoid(nn_matmul(h, x[2], false, false));
}

/* WGAN-GP's penalty: itself with a gradient inside. */
static nn_node *penalty(nn_node *const *x)
{
    nn_node *grad, *score = two_layers(x), *norm;

    nn_grad(score, 1, &x[0], &grad);
    norm = nn_sqrt(nn_shift(nn_sum(nn_square(grad), 2), 1e-3));
    return nn_mean(nn_square(nn_shift(norm, -1)));
}

static nn_node *softmax(nn_node *const *x)
{
    nn_node *e = nn_exp(nn_sub(x[0], nn_peak(x[0], 2)));

    return nn_mul(nn_div(e, nn_sum(e, 2)), x[1]);
}

static nn_node *gelu(nn_node *const *x)
{
    return nn_scale(nn_mul(x[0], nn_shift(nn_erf(nn_scale(x[0], 0.7071067811865476)), 1)), 0.5);
}

static nn_node *normalised(nn_node *const *x)
{
    nn_node *centred = nn_sub(x[0], nn_mean_over(x[0], 1));
    nn_node *variance = nn_mean_over(nn_square(centred), 1);

    return nn_mul(nn_div(centred, nn_sqrt(nn_shift(variance, 1e-2))), x[1]);
}

static nn_node *recurrent(nn_node *const *x)
{
    nn_node *h = nn_slice(x[0], 0, 0, 2), *parts[3];

    for (int t = 0; t < 3; t++)
        parts[t] = h =
            nn_tanh(nn_add(nn_matmul(h, x[1], false, false), nn_slice(x[0], 0, 2 * t, 2)));
    return nn_concat(0, 3, parts);
}

static const gradient_case cases[] = {
    {"exp", op_exp, 1, {2}, {{3, 4}}, -1, 1, false},
    {"expm1", op_expm1, 1, {2}, {{3, 4}}, -1, 1, false},
    {"log", op_log, 1, {2}, {{3, 4}}, 0.5, 3, false},
    {"log1p", op_log1p, 1, {2}, {{3, 4}}, -0.5, 3, false},
    {"sqrt", op_sqrt, 1, {2}, {{3, 4}}, 0.5, 3, false},
    {"recip", op_recip, 1, {2}, {{3, 4}}, 0.5, 3, false},
    {"tanh", op_tanh, 1, {2}, {{3, 4}}, -2, 2, false},
    {"sigmoid", op_sigmoid, 1, {2}, {{3, 4}}, -3, 3, false},
    {"erf", op_erf, 1, {2}, {{3, 4}}, -2, 2, false},
    {"sin", op_sin, 1, {2}, {{3, 4}}, -3, 3, false},
    {"cos", op_cos, 1, {2}, {{3, 4}}, -3, 3, false},
    {"abs", op_abs, 1, {2}, {{3, 4}}, -2, 2, true},
    {"square", op_square, 1, {2}, {{3, 4}}, -2, 2, false},
    {"neg", op_neg, 1, {2}, {{3, 4}}, -2, 2, false},
    {"total", op_total, 1, {3}, {{2, 3, 4}}, -2, 2, false},
    {"mean", op_mean, 1, {3}, {{2, 3, 4}}, -2, 2, false},
    {"add", op_add, 2, {2, 1}, {{3, 4}, {4}}, -2, 2, false},
    {"sub", op_sub, 2, {2, 3}, {{3, 4}, {2, 1, 4}}, -2, 2, false},
    {"mul", op_mul, 2, {2, 2}, {{3, 1}, {1, 4}}, -2, 2, false},
    {"div", op_div, 2, {2, 1}, {{3, 4}, {1}}, 0.5, 3, false},
    {"max", op_max, 2, {2, 2}, {{3, 4}, {3, 4}}, -2, 2, true},
    {"select", select_by_sign, 2, {2, 2}, {{3, 4}, {3, 4}}, -2, 2, true},
    {"matmul", matmul_nn, 2, {2, 2}, {{2, 3}, {3, 4}}, -1, 1, false},
    {"matmul nt", matmul_nt, 2, {2, 2}, {{2, 3}, {4, 3}}, -1, 1, false},
    {"matmul tn", matmul_tn, 2, {2, 2}, {{3, 2}, {3, 4}}, -1, 1, false},
    {"matmul tt", matmul_tt, 2, {2, 2}, {{3, 2}, {4, 3}}, -1, 1, false},
    {"matmul batch", matmul_nn, 2, {3, 3}, {{2, 2, 3}, {2, 3, 4}}, -1, 1, false},
    {"matmul batch tt", matmul_tt, 2, {4, 3}, {{2, 2, 3, 2}, {2, 4, 3}}, -1, 1, false},
    {"matmul rows", matmul_nt, 2, {3, 2}, {{2, 2, 3}, {4, 3}}, -1, 1, false},
    {"matmul one for all", matmul_tn, 2, {3, 2}, {{2, 3, 2}, {3, 4}}, -1, 1, false},
    {"conv2d", conv, 2, {4, 4}, {{2, 4, 3, 2}, {2, 2, 3, 3}}, -1, 1, false},
    {"conv2d stride", conv_stride, 2, {4, 4}, {{2, 4, 5, 1}, {2, 1, 3, 2}}, -1, 1, false},
    {"conv2d_data", conv_data, 2, {4, 4}, {{2, 2, 3, 2}, {2, 1, 3, 2}}, -1, 1, false},
    {"conv2d_weight", conv_weight, 2, {4, 4}, {{2, 4, 5, 1}, {2, 2, 3, 2}}, -1, 1, false},
    {"sum", sum_middle, 1, {3}, {{2, 3, 4}}, -2, 2, false},
    {"mean_over", mean_outer, 1, {3}, {{2, 3, 4}}, -2, 2, false},
    {"broadcast", broadcast, 1, {2}, {{4, 1}}, -2, 2, false},
    {"reshape", reshape, 1, {3}, {{2, 3, 4}}, -2, 2, false},
    {"permute", permute, 1, {3}, {{2, 3, 4}}, -2, 2, false},
    {"slice", slice, 1, {2}, {{3, 4}}, -2, 2, false},
    {"pad", pad, 1, {2}, {{3, 4}}, -2, 2, false},
    {"concat", concat, 2, {2, 2}, {{3, 2}, {3, 3}}, -2, 2, false},
    {"slices", slices, 1, {2}, {{2, 7}}, -1, 1, false},
    {"gather", gather, 1, {2}, {{3, 2}}, -2, 2, false},
    {"scatter", scatter, 1, {3}, {{2, 3, 2}}, -2, 2, false},
    {"stop", stopped, 1, {1}, {{3}}, -2, 2, false},
    {"two layers", two_layers, 3, {2, 2, 2}, {{3, 4}, {5, 4}, {5, 1}}, -1, 1, false},
    {"penalty", penalty, 3, {2, 2, 2}, {{3, 4}, {5, 4}, {5, 1}}, -1, 1, false},
    {"softmax", softmax, 2, {2, 2}, {{3, 4}, {3, 4}}, -1, 1, true},
    {"gelu", gelu, 1, {2}, {{3, 4}}, -2, 2, false},
    {"normalised", normalised, 2, {2, 1}, {{5, 3}, {3}}, -1, 1, false},
    {"recurrent", recurrent, 2, {2, 2}, {{6, 3}, {3, 3}}, -1, 1, false},
};

/* The sum of y's elements, each times a fixed random number. */
static nn_node *projection(nn_node *y, const char *name)
{
    double weights[512];
    weir_random random = weir_random_new(5, name);

    assert_true(nn_count(y) <= 512);
    for (int64_t i = 0; i < nn_count(y); i++)
        weights[i] = weir_random_uniform(&random) - 0.3;
    return nn_total(nn_mul(y, nn_array(nn_graph_of(y), y->rank, y->shape, weights)));
}

static double evaluated(nn_node *scalar)
{
    nn_reference r = {0};
    const double *value = nn_reference_value(&r, scalar);
    double result = value ? *value : NAN;

    nn_reference_free(&r);
    return result;
}

/* max |gradient - difference| / max |difference| over all elements of x[0 … n - 1]. */
static double gradient_error(nn_node *y, int n, nn_node *const *x, double step)
{
    nn_node *grad[MAX_INPUTS];
    double worst = 0, largest = 1e-2;

    assert_int_equal(nn_grad(y, n, x, grad), WEIR_OK);
    for (int i = 0; i < n; i++) {
        nn_real at[MAX_ELEMENTS];
        nn_reference r = {0};
        const double *derivative = nn_reference_value(&r, grad[i]);
        assert_non_null(derivative);
        assert_true(nn_same_shape(grad[i], x[i]));
        assert_int_equal(nn_value(x[i], at), WEIR_OK);
        for (int64_t k = 0; k < nn_count(x[i]); k++) {
            nn_real centre = at[k], low, high;
            double below, above, difference;
            at[k] = low = (nn_real)(centre - (nn_real)step);
            nn_write(x[i], at);
            below = evaluated(y);
            at[k] = high = (nn_real)(centre + (nn_real)step);
            nn_write(x[i], at);
            above = evaluated(y);
            at[k] = centre;
            nn_write(x[i], at);
            difference = (above - below) / ((double)high - (double)low);
            worst = fmax(worst, fabs(difference - derivative[k]));
            if (isnan(difference - derivative[k]))
                worst = INFINITY;
            largest = fmax(largest, fabs(difference));
        }
        nn_reference_free(&r);
    }
    return worst / largest;
}

static void check_case(const gradient_case *c)
{
    nn_graph *g = nn_graph_new(&(nn_settings){.seed = 3, .device = "null"});
    nn_node *x[MAX_INPUTS], *grad[MAX_INPUTS], *y, *second;
    weir_random random = weir_random_new(11, c->name);
    double step = sizeof(nn_real) == 8 ? 1e-5 : 1e-3, bound = sizeof(nn_real) == 8 ? 1e-6 : 1e-4;
    double error;
    int drawn = 0;

    for (int i = 0; i < c->inputs; i++) {
        nn_real values[MAX_ELEMENTS];
        x[i] = nn_parameter(g, nn_namef(g, "x.%d", i), c->rank[i], c->shape[i], (nn_init){0});
        assert_int_equal(nn_status(g), WEIR_OK);
        assert_true(nn_count(x[i]) <= MAX_ELEMENTS);
        for (int64_t k = 0; k < nn_count(x[i]); k++, drawn++) {
            double u = weir_random_uniform(&random);
            if (c->apart) /* a place of its own in a scattered order, none of them 0 */
                u = (drawn * 37 % 101 + 0.5) / 101 + 1e-3 * u;
            values[k] = (nn_real)(c->low + (c->high - c->low) * u);
        }
        assert_int_equal(nn_write(x[i], values), WEIR_OK);
    }
    y = projection(c->build(x), c->name);
    if (nn_status(g) != WEIR_OK)
        fail_msg("%s: %s", c->name, nn_error(g)->text);
    error = gradient_error(y, c->inputs, x, step);
    if (!(error <= bound))
        fail_msg("%s: the gradient is off by %g", c->name, error);
    assert_int_equal(nn_grad(y, c->inputs, x, grad), WEIR_OK);
    second = NULL;
    for (int i = 0; i < c->inputs; i++) {
        nn_node *part = projection(nn_square(grad[i]), nn_namef(g, "second.%d", i));
        second = second ? nn_add(second, part) : part;
    }
    error = gradient_error(second, c->inputs, x, step);
    if (!(error <= bound * 10))
        fail_msg("%s: the gradient of the gradient is off by %g", c->name, error);
    nn_graph_free(g);
}

static void every_gradient_is_that_of_differences(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_case(&cases[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_gradient_is_that_of_differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
