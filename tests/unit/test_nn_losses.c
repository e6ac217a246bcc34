/* Activations and losses: values against libm, at the extremes too, and derivatives to second
 * order. Covers: core/nn/layers/activations.c core/nn/layers/losses.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "unit/nn_check.h"

static nn_node *leaky(nn_node *x)
{
    return nn_leaky_relu(x, 0.2);
}

static nn_node *softmax(nn_node *x)
{
    return nn_softmax(x, 0);
}

static nn_node *log_softmax(nn_node *x)
{
    return nn_log_softmax(x, -1);
}

static double relu_of(double x)
{
    return x > 0 ? x : 0;
}

static double leaky_of(double x)
{
    return x > 0 ? x : 0.2 * x;
}

static double elu_of(double x)
{
    return x > 0 ? x : expm1(x);
}

static double gelu_of(double x)
{
    return 0.5 * x * erfc(-x / sqrt(2));
}

static double silu_of(double x)
{
    return x / (1 + exp(-x));
}

static double softplus_of(double x)
{
    return fmax(x, 0) + log1p(exp(-fabs(x)));
}

/* Name, graph, number, derivative at 0. */
static const struct {
    const char *name;
    nn_node *(*node)(nn_node *);
    double (*number)(double);
    double at_zero;
} activations[] = {{"relu", nn_relu, relu_of, 0},   {"leaky_relu", leaky, leaky_of, 0.2},
                   {"elu", nn_elu, elu_of, 1},      {"gelu", nn_gelu, gelu_of, 0.5},
                   {"silu", nn_silu, silu_of, 0.5}, {"softplus", nn_softplus, softplus_of, 0.5}};
enum { ACTIVATIONS = sizeof activations / sizeof activations[0] };

static void activation_values(void **state)
{
    (void)state;
    const double at[] = {-80, -3, -1, -0.25, 0, 0.25, 1, 3, 80};
    enum { N = sizeof at / sizeof at[0] };
    for (int i = 0; i < ACTIVATIONS; i++) {
        nn_graph *g = check_graph();
        nn_node *x = nn_input(g, "x", 1, SHAPE(N)), *out[3] = {activations[i].node(x)};
        double *value[3];
        check_write(x, at);
        nn_grad(out[0], 1, &x, &out[1]);
        nn_grad(out[1], 1, &x, &out[2]);
        check_values(g, 3, out, value);
        for (int k = 0; k < N; k++) {
            double expected = activations[i].number(at[k]);
            if (fabs(value[0][k] - expected) > 1e-6 * fmax(1, fabs(expected)))
                fail_msg("%s(%g) is %.9g, not %.9g", activations[i].name, at[k], value[0][k],
                         expected);
            if (!isfinite(value[1][k]) || !isfinite(value[2][k]))
                fail_msg("%s at %g has derivatives %g, %g", activations[i].name, at[k], value[1][k],
                         value[2][k]);
        }
        if (fabs(value[1][4] - activations[i].at_zero) > 1e-6)
            fail_msg("%s'(0) is %g", activations[i].name, value[1][4]);
        check_release(3, value);
        check_free(g);
    }
}

static void activation_derivatives(void **state)
{
    (void)state;
    for (int i = 0; i < ACTIVATIONS; i++) {
        nn_graph *g = check_graph();
        nn_node *x = nn_input(g, "x", 1, SHAPE(6));
        check_write(x, (double[]){-2.5, -1, -0.3, 0.2, 0.9, 2.2});
        check_gradients(activations[i].node(x), 1, &x);
        check_free(g);
    }
}

static void softmaxes(void **state)
{
    (void)state;
    nn_graph *g = check_graph();
    nn_node *x = nn_input(g, "x", 2, SHAPE(2, 3)), *y = nn_softmax(x, -1);
    check_write(x, (double[]){1000, 1000 + log(2), 1000, -1000, 0, 1000});
    check_equal(y, (double[]){.25, .5, .25, 0, 0, 1}, 1e-4);
    check_equal(log_softmax(x), (double[]){-log(4), -log(2), -log(4), -2000, -1000, 0}, 1e-6);
    check_fill(x, 1.5);
    check_gradients(y, 1, &x);
    check_gradients(softmax(x), 1, &x);
    check_gradients(log_softmax(x), 1, &x);
    check_free(g);
    g = check_graph();
    nn_softmax(nn_input(g, "x", 2, SHAPE(2, 3)), 2);
    check_fails(g, "softmax", "axis 2");
}

static void groups(void **state)
{
    (void)state;
    nn_graph *g = check_graph();
    nn_node *x = check_input(g, "x", 3, SHAPE(2, 2, 8), 1.5);
    nn_node *y = nn_softmax_groups(x, 4, SHAPE(2, 2, 3, 1));
    nn_node *part[] = {nn_softmax(nn_slice(x, 2, 0, 2), 2), nn_softmax(nn_slice(x, 2, 2, 2), 2),
                       nn_softmax(nn_slice(x, 2, 4, 3), 2), nn_softmax(nn_slice(x, 2, 7, 1), 2)};
    double *value;
    nn_node *separate = nn_concat(2, 4, part);
    check_values(g, 1, &separate, &value);
    check_shape(y, 3, SHAPE(2, 2, 8));
    check_equal(y, value, 1e-6);
    free(value);
    check_gradients(y, 1, &x);
    check_free(g);
    g = check_graph();
    nn_softmax_groups(nn_input(g, "x", 2, SHAPE(2, 8)), 2, SHAPE(4, 3));
    check_fails(g, "softmax_groups", "[2][8]");
    g = check_graph();
    nn_softmax_groups(nn_input(g, "x", 2, SHAPE(2, 8)), 2, SHAPE(8, 0));
    check_fails(g, "softmax_groups", "width 1 is 0");
}

static void gumbel(void **state)
{
    (void)state;
    enum { ROWS = 4000, CLASSES = 3 };
    nn_graph *g = check_graph();
    nn_node *x = nn_input(g, "x", 2, SHAPE(ROWS, CLASSES)), *out[3];
    double *values = malloc(ROWS * CLASSES * sizeof *values), *value[3], counts[CLASSES] = {0};
    assert_non_null(values);
    for (int i = 0; i < ROWS * CLASSES; i++)
        values[i] = log(1 + i % CLASSES); /* probabilities 1/6, 2/6, 3/6 */
    check_write(x, values);
    free(values);
    out[0] = nn_gumbel_softmax(x, 0.5, true, "draw");
    nn_grad(check_weighed(out[0], 0), 1, &x, &out[1]);
    out[2] = nn_gumbel_softmax(x, 0.5, false, "draw");
    check_values(g, 3, out, value);
    for (int i = 0; i < ROWS; i++) {
        double sum = 0;
        for (int k = 0; k < CLASSES; k++) {
            double hard = value[0][i * CLASSES + k], soft = value[2][i * CLASSES + k];
            assert_true(hard == 0 || hard == 1);
            assert_true(soft >= 0 && soft <= 1);
            counts[k] += hard;
            sum += hard;
        }
        check_near(sum, 1, 0);
    }
    for (int k = 0; k < CLASSES; k++)
        check_near(counts[k] / ROWS, (k + 1) / 6., 0.03);
    double slope = 0;
    for (int i = 0; i < ROWS * CLASSES; i++)
        slope = fmax(slope, fabs(value[1][i]));
    assert_true(slope > 0.1); /* that of the soft sample */
    check_release(3, value);
    check_free(g);

    g = check_graph();
    x = check_input(g, "x", 2, SHAPE(3, 2), 1);
    check_gradients(nn_gumbel_softmax(x, 0.7, false, "draw"), 1, &x);
    check_free(g);
    g = check_graph();
    nn_gumbel_softmax(nn_input(g, "x", 2, SHAPE(3, 2)), 0, true, "draw.0");
    check_fails(g, "gumbel_softmax(draw.0)", "temperature");
}

static void squares(void **state)
{
    (void)state;
    nn_graph *g = check_graph();
    nn_node *x = nn_input(g, "x", 1, SHAPE(2)), *t = nn_input(g, "t", 1, SHAPE(2));
    check_write(x, (double[]){1, 5});
    check_write(t, (double[]){2, 2});
    nn_node *loss = nn_mse(x, t);
    check_shape(loss, 0, NULL);
    check_near(check_number(loss), 5, 1e-6);
    check_gradients(loss, 2, (nn_node *[]){x, t});
    check_free(g);
    g = check_graph();
    nn_mse(nn_input(g, "x", 1, SHAPE(2)), nn_input(g, "t", 2, SHAPE(1, 2)));
    check_fails(g, "mse", "[2] and [1][2]");
    g = check_graph();
    nn_mse(nn_input(g, "x", 1, SHAPE(2)), NULL);
    check_fails(g, "mse", "NULL");
}

static void cross_entropy(void **state)
{
    (void)state;
    nn_graph *g = check_graph();
    nn_node *x = check_input(g, "x", 3, SHAPE(2, 2, 3), 2), *t = nn_input(g, "t", 2, SHAPE(2, 2));
    nn_node *loss = nn_cross_entropy(x, t), *log_p = nn_log_softmax(x, -1);
    double *p;
    check_write(t, (double[]){2, 0, 1, 1});
    check_values(g, 1, &log_p, &p);
    check_shape(loss, 0, NULL);
    check_near(check_number(loss), -(p[2] + p[3] + p[7] + p[10]) / 4, 1e-6);
    check_gradients(loss, 1, &x);
    check_write(t, (double[]){2, -1, 3, 1}); /* two of no class */
    check_near(check_number(loss), -(p[2] + p[10]) / 2, 1e-6);
    check_write(t, (double[]){-1, -1, -1, -1});
    check_near(check_number(loss), 0, 0);
    check_free(g);
    free(p);
    g = check_graph(); /* far apart */
    x = nn_input(g, "x", 1, SHAPE(2));
    loss = nn_cross_entropy(x, nn_scalar(g, 1));
    check_write(x, (double[]){1000, -1000});
    check_near(check_number(loss), 2000, 1e-3);
    check_free(g);
    g = check_graph();
    nn_cross_entropy(nn_input(g, "x", 2, SHAPE(2, 3)), nn_input(g, "t", 1, SHAPE(3)));
    check_fails(g, "cross_entropy", "[2][3] by index [3]");
}

static void binary_cross_entropy(void **state)
{
    (void)state;
    nn_graph *g = check_graph();
    nn_node *x = nn_input(g, "x", 1, SHAPE(4)), *t = nn_input(g, "t", 1, SHAPE(4)), *slope;
    nn_node *loss = nn_binary_cross_entropy(x, t);
    check_write(x, (double[]){20, -20, 500, -500});
    check_write(t, (double[]){1, 0, 0, 1});
    double tail = log1p(exp(-20));
    check_near(check_number(loss), (2 * tail + 1000) / 4, 1e-4);
    check_write(t, (double[]){1, 0, 1, 0}); /* all right: nothing but tails */
    check_near(check_number(loss) / (tail / 2), 1, 1e-4);
    check_write(x, (double[]){0, 0, 0, 0});
    nn_grad(loss, 1, &x, &slope);
    check_equal(slope, (double[]){-.125, .125, -.125, .125}, 1e-6);
    check_write(x, (double[]){-1.5, -0.3, 0.4, 2});
    check_write(t, (double[]){0.1, 0.9, 0.4, 0});
    check_gradients(loss, 2, (nn_node *[]){x, t});
    check_free(g);
}

static void wgan(void **state)
{
    (void)state;
    nn_graph *g = check_graph();
    nn_node *real = nn_input(g, "real", 2, SHAPE(2, 1)),
            *fake = nn_input(g, "fake", 2, SHAPE(2, 1));
    check_write(real, (double[]){4, 6});
    check_write(fake, (double[]){1, 3});
    check_near(check_number(nn_wgan_critic(real, fake)), -3, 1e-6);
    check_near(check_number(nn_wgan_generator(fake)), -2, 1e-6);
    check_free(g);
}

static void mix(void **state)
{
    (void)state;
    nn_graph *g = check_graph();
    nn_node *zero = nn_input(g, "zero", 2, SHAPE(50, 2)),
            *one = nn_input(g, "one", 2, SHAPE(50, 2));
    nn_node *other = nn_input(g, "other", 3, SHAPE(50, 2, 1)), *out[3];
    double ones[100], *value[3], mean = 0;
    for (int i = 0; i < 100; i++)
        ones[i] = 1;
    check_write(one, ones);
    check_write(other, ones);
    out[0] = nn_mix(one, zero, "e"); /* e itself */
    out[1] = nn_mix(nn_scale(other, 0), other, "e");
    out[2] = nn_mix(one, zero, "f");
    check_values(g, 3, out, value);
    for (int i = 0; i < 100; i++) {
        check_near(value[0][i], value[0][i / 2 * 2], 0); /* one an example */
        check_near(value[1][i], 1 - value[0][i], 1e-6);  /* by its name the same */
        mean += value[0][i] / 100;
    }
    assert_true(mean > 0.3 && mean < 0.7);
    assert_true(value[2][0] != value[0][0]);
    check_release(3, value);
    check_free(g);
    g = check_graph();
    nn_mix(nn_input(g, "a", 1, SHAPE(2)), nn_input(g, "b", 1, SHAPE(3)), "e");
    check_fails(g, "mix", "[2] and [3]");
    g = check_graph();
    one = nn_input(g, "a", 1, SHAPE(2));
    nn_noise_normal(g, "e", 1, SHAPE(2));
    nn_mix(one, one, "e");
    check_fails(g, "mix(e)", "uniform");
}

static void penalty(void **state)
{
    (void)state;
    nn_graph *g = check_graph(); /* a linear score: the norm is known */
    nn_node *x = check_input(g, "x", 2, SHAPE(3, 2), 1),
            *y = check_input(g, "y", 2, SHAPE(3, 1), 1);
    nn_node *w = nn_array(g, 2, SHAPE(1, 2), (double[]){2, 3}), *in[] = {x, y};
    nn_node *score = nn_add(nn_sum(nn_mul(x, w), 2), nn_scale(y, 6)); /* |(2, 3, 6)| = 7 */
    check_near(check_number(nn_gradient_penalty(score, 2, in, 0)), 36, 1e-4);
    double two = sqrt(13) - 1, near = sqrt(14) - 1;
    check_near(check_number(nn_gradient_penalty(score, 1, in, 0)), two * two, 1e-4);
    check_near(check_number(nn_gradient_penalty(score, 1, in, 1)), near * near, 1e-4);
    check_free(g);

    g = check_graph(); /* of a network, by its weights: what WGAN-GP does */
    x = check_input(g, "x", 2, SHAPE(3, 2), 1);
    y = check_input(g, "y", 3, SHAPE(3, 2, 1), 1);
    in[0] = x;
    in[1] = y;
    nn_node *both[] = {x, nn_reshape(y, 2, SHAPE(3, 2))}, *leaf[8], *slope;
    nn_node *h = nn_gelu(nn_linear(nn_concat(1, 2, both), 3, "c.0"));
    score = nn_linear(h, 1, "c.1");
    int n = nn_parameters(g, "c.", 8, leaf);
    assert_int_equal(n, 4);
    for (int i = 0; i < n; i++)
        check_fill(leaf[i], 1);
    leaf[n++] = x;
    leaf[n++] = y;
    check_gradients(nn_gradient_penalty(score, 2, in, 0), n, leaf);
    check_gradients(nn_gradient_penalty(score, 2, in, 0.1), n, leaf);
    check_free(g);

    g = check_graph(); /* a score that is flat: norm 0, and no NaN from its root */
    x = nn_input(g, "x", 2, SHAPE(3, 2));
    score = nn_sum(nn_mul(nn_square(x), nn_linear(x, 2, "c")), 2);
    nn_node *value[] = {nn_gradient_penalty(score, 1, &x, 0), NULL};
    nn_grad(value[0], 1, &x, &slope);
    value[1] = slope;
    double *number[2];
    check_values(g, 2, value, number);
    check_near(number[0][0], 1, 1e-6);
    for (int i = 0; i < 6; i++)
        check_near(number[1][i], 0, 0);
    check_release(2, number);
    check_free(g);
    g = check_graph();
    x = nn_input(g, "x", 2, SHAPE(3, 2));
    nn_gradient_penalty(x, 1, &x, -1);
    check_fails(g, "gradient_penalty", "-1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(activation_values),
        cmocka_unit_test(activation_derivatives),
        cmocka_unit_test(softmaxes),
        cmocka_unit_test(groups),
        cmocka_unit_test(gumbel),
        cmocka_unit_test(squares),
        cmocka_unit_test(cross_entropy),
        cmocka_unit_test(binary_cross_entropy),
        cmocka_unit_test(wgan),
        cmocka_unit_test(mix),
        cmocka_unit_test(penalty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
