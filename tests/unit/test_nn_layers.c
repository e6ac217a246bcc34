/* Layers: names, shapes and first values of their parameters, values against plain loops, and
 * derivatives to second order.
 * Covers: core/nn/layers/dense.c core/nn/layers/convolution.c core/nn/layers/norm.c
 * Covers: core/nn/layers/recurrent.c core/nn/layers/attention.c core/nn/layers/init.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "unit/nn_check.h"

/* The values of a leaf, to be freed. */
static double *values_of(nn_node *leaf)
{
    int64_t count = nn_count(leaf);
    nn_real *read = malloc((size_t)count * sizeof *read);
    double *values = malloc((size_t)count * sizeof *values);
    assert_non_null(leaf);
    assert_non_null(read);
    assert_non_null(values);
    assert_int_equal(nn_value(leaf, read), WEIR_OK);
    for (int64_t i = 0; i < count; i++)
        values[i] = (double)read[i];
    free(read);
    return values;
}

/* The parameter has this shape and uniform first values within ±bound, or is constant. */
static void check_parameter(nn_graph *g, const char *name, int rank, const int64_t *shape,
                            double bound, double constant)
{
    nn_node *p = nn_find(g, name);
    if (!p)
        fail_msg("there is no %s", name);
    check_shape(p, rank, shape);
    double *values = values_of(p), largest = 0;
    for (int64_t i = 0; i < nn_count(p); i++) {
        if (bound == 0)
            check_near(values[i], constant, 0);
        largest = fmax(largest, fabs(values[i]));
    }
    if (bound > 0 && (largest > bound * 1.000001 || largest < bound * 0.7))
        fail_msg("%s: the largest is %g, the bound %g", name, largest, bound);
    free(values);
}

static void initial_values(void **state)
{
    (void)state;
    nn_init init = nn_init_fan_in(16);
    assert_int_equal(init.kind, NN_UNIFORM);
    check_near(init.a, -0.25, 1e-15);
    check_near(init.b, 0.25, 1e-15);
    init = nn_init_xavier(2, 4, 3);
    check_near(init.b, 3, 1e-15); /* 3 sqrt(6 / 6) */
    init = nn_init_kaiming(3, 1);
    check_near(init.b, 1, 1e-15); /* sqrt(6 / (2 x 3)) */
    init = nn_init_normal(1, 2);
    assert_int_equal(init.kind, NN_NORMAL);
    check_near(init.b, 2, 0);
    init = nn_init_uniform(-1, 3);
    check_near(init.a, -1, 0);
    init = nn_init_orthogonal(2);
    assert_int_equal(init.kind, NN_ORTHOGONAL);
    init = nn_init_constant(5);
    assert_int_equal(init.kind, NN_CONSTANT);
    nn_graph *g = check_graph();
    nn_node *p = nn_parameter(g, "p", 2, SHAPE(3, 5), nn_init_orthogonal(2));
    double *rows = values_of(p);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            double dot = 0;
            for (int k = 0; k < 5; k++)
                dot += rows[i * 5 + k] * rows[j * 5 + k];
            check_near(dot, i == j ? 4 : 0, 1e-5);
        }
    free(rows);
    check_free(g);
}

static void linear(void **state)
{
    (void)state;
    nn_graph *g = check_graph();
    nn_node *x = check_input(g, "x", 3, SHAPE(2, 3, 4), 1), *y = nn_linear(x, 5, "a.0");
    check_shape(y, 3, SHAPE(2, 3, 5));
    check_parameter(g, "a.0.weight", 2, SHAPE(5, 4), 0.5, 0);
    check_parameter(g, "a.0.bias", 1, SHAPE(5), 0.5, 0);
    assert_ptr_equal(nn_linear(x, 5, "a.0"), y);
    double *in = values_of(x), *w = values_of(nn_find(g, "a.0.weight"));
    double *b = values_of(nn_find(g, "a.0.bias")), expected[30];
    for (int row = 0; row < 6; row++)
        for (int o = 0; o < 5; o++) {
            expected[row * 5 + o] = b[o];
            for (int i = 0; i < 4; i++)
                expected[row * 5 + o] += in[row * 4 + i] * w[o * 4 + i];
        }
    check_equal(y, expected, 1e-5);
    free(in);
    free(w);
    free(b);
    check_layer(y, x);
    check_shape(nn_linear(nn_reshape(x, 1, SHAPE(24)), 2, "b"), 1, SHAPE(2));
    nn_init one = nn_init_constant(1), two = nn_init_constant(2);
    nn_linear_with(x, 3, "c", &(nn_linear_options){.weight = &one, .bias = &two});
    check_parameter(g, "c.weight", 2, SHAPE(3, 4), 0, 1);
    check_parameter(g, "c.bias", 1, SHAPE(3), 0, 2);
    nn_parameter(g, "own.weight", 2, SHAPE(3, 4), nn_init_constant(7)); /* before the layer */
    nn_linear(x, 3, "own");
    check_parameter(g, "own.weight", 2, SHAPE(3, 4), 0, 7);
    nn_linear_with(x, 3, "d", &(nn_linear_options){.no_bias = true});
    assert_non_null(nn_find(g, "d.weight"));
    assert_null(nn_find(g, "d.bias"));
    check_free(g);

    g = check_graph();
    nn_linear(nn_input(g, "x", 2, SHAPE(2, 3)), 4, "one two");
    check_fails(g, "one two.weight", "[A-Za-z0-9_.]");
    g = check_graph();
    nn_linear(nn_input(g, "x", 2, SHAPE(2, 3)), 0, "net.7");
    check_fails(g, "linear(net.7)", "0 outputs");
    g = check_graph();
    x = nn_input(g, "x", 2, SHAPE(2, 3));
    nn_linear(nn_linear(x, 4, "same"), 3, "same");
    check_fails(g, "same.weight", "[4][3]");
    assert_null(nn_linear(NULL, 3, "none"));
}

static void embedding(void **state)
{
    (void)state;
    nn_graph *g = check_graph();
    nn_node *index = nn_input(g, "index", 2, SHAPE(2, 2));
    nn_node *y = nn_embedding(index, 50, 3, "e"), *weight = nn_find(g, "e.weight");
    check_shape(y, 3, SHAPE(2, 2, 3));
    check_shape(weight, 2, SHAPE(50, 3));
    check_write(index, (double[]){4, 0, 50, 4});
    double *w = values_of(weight), square = 0, expected[12] = {0};
    for (int i = 0; i < 150; i++)
        square += w[i] * w[i] / 150;
    assert_true(square > 0.7 && square < 1.4); /* N(0, 1) */
    memcpy(expected, w + 12, 3 * sizeof *w);
    memcpy(expected + 3, w, 3 * sizeof *w);
    memcpy(expected + 9, w + 12, 3 * sizeof *w);
    check_equal(y, expected, 1e-6);
    free(w);
    check_gradients(nn_mul(y, nn_square(y)), 1, &weight);
    check_free(g);
}

static void dropout(void **state)
{
    (void)state;
    nn_graph *g = check_graph();
    nn_node *x = check_input(g, "x", 2, SHAPE(40, 50), 1);
    nn_node *out[] = {nn_dropout(x, 0.25, "drop"), nn_dropout(x, 0.25, "drop"), x};
    double *value[3], kept = 0, differ = 0;
    check_values(g, 3, out, value);
    for (int i = 0; i < 2000; i++) {
        bool here = value[0][i] != 0;
        if (here)
            check_near(value[0][i], value[2][i] / 0.75, 1e-6);
        kept += here;
        differ += here != (value[1][i] != 0);
    }
    assert_true(kept > 1400 && kept < 1600);
    assert_true(differ > 600 && differ < 900); /* 2 x 0.25 x 0.75 */
    check_release(3, value);
    check_gradients(nn_square(out[0]), 0, NULL);
    assert_ptr_equal(nn_dropout(x, 0, "never"), x);
    nn_training(g, false);
    assert_ptr_equal(nn_dropout(x, 0.25, "drop"), x);
    check_free(g);
    g = check_graph();
    nn_dropout(nn_input(g, "x", 1, SHAPE(4)), 1, "all");
    check_fails(g, "dropout(all)", "[0, 1)");
}

static void convolution(void **state)
{
    (void)state;
    nn_graph *g = check_graph();
    nn_node *x = check_input(g, "x", 4, SHAPE(2, 5, 4, 3), 1), *y = nn_conv(x, 2, 3, 2, 1, "c");
    check_shape(y, 4, SHAPE(2, 3, 2, 2));
    check_parameter(g, "c.weight", 4, SHAPE(2, 3, 3, 3), 1 / sqrt(27), 0);
    check_shape(nn_find(g, "c.bias"), 1, SHAPE(2));
    double *in = values_of(x), *w = values_of(nn_find(g, "c.weight"));
    double *b = values_of(nn_find(g, "c.bias")), expected[24];
    for (int i = 0; i < 24; i++) {
        int out = i % 2, column = i / 2 % 2 * 2 - 1, row = i / 4 % 3 * 2 - 1, batch = i / 12;
        expected[i] = b[out];
        for (int k = 0; k < 27; k++) { /* weights are [in][row][column] */
            int h = row + k / 3 % 3, v = column + k % 3;
            if (h >= 0 && h < 5 && v >= 0 && v < 4)
                expected[i] += w[out * 27 + k] * in[((batch * 5 + h) * 4 + v) * 3 + k / 9];
        }
    }
    check_equal(y, expected, 1e-5);
    free(in);
    free(w);
    free(b);
    check_layer(nn_mul(y, nn_square(y)), x);
    check_free(g);
    g = check_graph();
    nn_conv(nn_input(g, "x", 3, SHAPE(2, 5, 4)), 2, 3, 1, 1, "c.1");
    check_fails(g, "conv(c.1)", "[2][5][4]");
    g = check_graph();
    nn_conv(nn_input(g, "x", 4, SHAPE(2, 5, 4, 1)), 2, 3, 0, 1, "c.2");
    check_fails(g, "conv(c.2)", "stride 0");
}

static void sizes(void **state)
{
    (void)state;
    nn_graph *g = check_graph();
    nn_node *x = nn_input(g, "x", 4, SHAPE(1, 2, 2, 2)), *up = nn_upsample(x, 2);
    check_write(x, (double[]){1, 10, 2, 20, 3, 30, 4, 40});
    check_shape(up, 4, SHAPE(1, 4, 4, 2));
    double expected[32];
    for (int i = 0; i < 32; i++)
        expected[i] = (1 + i / 2 % 4 / 2 + 2 * (i / 16)) * (i % 2 ? 10 : 1);
    check_equal(up, expected, 1e-6);
    check_equal(nn_downsample(x, 2), (double[]){2.5, 25}, 1e-6);
    check_equal(nn_downsample(up, 2), (double[]){1, 10, 2, 20, 3, 30, 4, 40}, 1e-6);
    check_gradients(nn_square(up), 1, &x);
    check_gradients(nn_square(nn_downsample(x, 2)), 1, &x);
    check_free(g);
    g = check_graph();
    nn_downsample(nn_input(g, "x", 4, SHAPE(1, 4, 3, 1)), 2);
    check_fails(g, "downsample", "3");
    g = check_graph();
    nn_upsample(nn_input(g, "x", 4, SHAPE(1, 4, 3, 1)), 0);
    check_fails(g, "upsample", "0");
}

static void batch_norm(void **state)
{
    (void)state;
    nn_graph *g = check_graph();
    nn_node *x = nn_input(g, "x", 2, SHAPE(3, 2)), *y = nn_batch_norm(x, 0.5, 1e-9, "n");
    nn_node *mean = nn_find(g, "n.running_mean"), *variance = nn_find(g, "n.running_var");
    check_parameter(g, "n.weight", 1, SHAPE(2), 0, 1);
    check_parameter(g, "n.bias", 1, SHAPE(2), 0, 0);
    check_parameter(g, "n.running_mean", 1, SHAPE(2), 0, 0);
    check_parameter(g, "n.running_var", 1, SHAPE(2), 0, 1);
    check_write(x, (double[]){1, 1000, 2, 1010, 6, 1050});
    /* means 3 and 1020; biased variances 14/3 and 1400/3, unbiased 7 and 700 */
    double a = sqrt(14. / 3);
    check_equal(y, (double[]){-2 / a, -2 / a, -1 / a, -1 / a, 3 / a, 3 / a}, 1e-4);
    check_run(g, nn_updates(g, "n."), 1, true);
    double *r = values_of(mean), *v = values_of(variance);
    check_near(r[0], 1.5, 1e-5);
    check_near(r[1], 510, 1e-3);
    check_near(v[0], 4, 1e-5);
    check_near(v[1], 350.5, 1e-2);
    free(r);
    free(v);
    nn_training(g, false);
    nn_node *still = nn_batch_norm(x, 0.5, 1e-9, "n");
    double by[2] = {2, sqrt(350.5)};
    check_equal(
        still,
        (double[]){-0.5 / by[0], 490 / by[1], 0.5 / by[0], 500 / by[1], 4.5 / by[0], 540 / by[1]},
        1e-4);
    nn_node *none = nn_updates(g, "other.");
    assert_int_equal(none->inputs, 0);
    check_free(g);

    g = check_graph(); /* derivatives in both modes; built twice, updated once */
    x = check_input(g, "x", 3, SHAPE(3, 2, 2), 1);
    nn_node *z = check_input(g, "z", 3, SHAPE(2, 2, 2), 1);
    nn_batch_norm(z, 0, 0, "n");
    y = nn_batch_norm(x, 0, 0, "n");
    check_layer(y, x);
    assert_int_equal(nn_updates(g, "n")->inputs, 2);
    nn_training(g, false);
    check_layer(nn_square(nn_batch_norm(x, 0, 0, "n")), x);
    check_free(g);
    g = check_graph();
    nn_batch_norm(nn_input(g, "x", 2, SHAPE(1, 4)), 0, 0, "n.0");
    check_fails(g, "batch_norm(n.0)", "2 rows");
    g = check_graph();
    nn_batch_norm(nn_input(g, "x", 2, SHAPE(3, 4)), 1.5, 0, "n.0");
    check_fails(g, "batch_norm(n.0)", "1.5");
}

static void other_norms(void **state)
{
    (void)state;
    nn_graph *g = check_graph();
    nn_node *x = check_input(g, "x", 3, SHAPE(2, 2, 4), 3), *y = nn_layer_norm(x, 0, "n");
    double *value;
    check_parameter(g, "n.weight", 1, SHAPE(4), 0, 1);
    check_values(g, 1, &y, &value);
    for (int row = 0; row < 4; row++) {
        double sum = 0, squares = 0;
        for (int i = 0; i < 4; i++) {
            sum += value[row * 4 + i];
            squares += value[row * 4 + i] * value[row * 4 + i];
        }
        check_near(sum, 0, 1e-5);
        check_near(squares, 4, 1e-2);
    }
    free(value);
    check_layer(y, x);
    check_free(g);

    g = check_graph();
    x = check_input(g, "x", 4, SHAPE(2, 3, 2, 4), 3);
    y = nn_group_norm(x, 2, 0, "n");
    check_parameter(g, "n.bias", 1, SHAPE(4), 0, 0);
    check_shape(y, 4, SHAPE(2, 3, 2, 4));
    check_values(g, 1, &y, &value);
    for (int part = 0; part < 4; part++) { /* example, group */
        double sum = 0, squares = 0;
        for (int i = 0; i < 12; i++) {
            double z = value[part / 2 * 24 + i / 2 * 4 + part % 2 * 2 + i % 2];
            sum += z;
            squares += z * z;
        }
        check_near(sum, 0, 1e-5);
        check_near(squares, 12, 1e-2);
    }
    free(value);
    check_layer(y, x);
    check_free(g);
    g = check_graph();
    nn_group_norm(nn_input(g, "x", 2, SHAPE(2, 6)), 4, 0, "n.9");
    check_fails(g, "group_norm(n.9)", "6 channels");
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

enum { TIME = 3, BATCH = 2, FIXED = 2, IN = 3, HIDDEN = 2 };

/* One step of either cell in plain C: x [FIXED + IN] of one example. */
static void cell_step(bool lstm, const double *const w[4], int in, const double *x, double *h,
                      double *c)
{
    double mine[4 * HIDDEN], theirs[4 * HIDDEN];
    for (int i = 0; i < (lstm ? 4 : 3) * HIDDEN; i++) {
        mine[i] = w[2][i];
        theirs[i] = w[3][i];
        for (int k = 0; k < in; k++)
            mine[i] += w[0][i * in + k] * x[k];
        for (int k = 0; k < HIDDEN; k++)
            theirs[i] += w[1][i * HIDDEN + k] * h[k];
    }
    for (int i = 0; i < HIDDEN; i++) {
        double gate[4];
        for (int k = 0; k < 4; k++)
            gate[k] =
                mine[(k % (lstm ? 4 : 3)) * HIDDEN + i] + theirs[(k % (lstm ? 4 : 3)) * HIDDEN + i];
        if (lstm) {
            c[i] = sigmoid(gate[1]) * c[i] + sigmoid(gate[0]) * tanh(gate[2]);
            h[i] = sigmoid(gate[3]) * tanh(c[i]);
        } else {
            double n = tanh(mine[2 * HIDDEN + i] + sigmoid(gate[0]) * theirs[2 * HIDDEN + i]);
            h[i] = (1 - sigmoid(gate[1])) * n + sigmoid(gate[1]) * h[i];
        }
    }
}

/* A cell with some of its inputs against the plain steps, and its derivatives. */
static void recurrent(bool lstm, bool sequence, bool fixed, bool first)
{
    nn_graph *g = check_graph();
    nn_recurrent in = {.steps = sequence ? 0 : TIME, .hidden = HIDDEN};
    double *s = NULL, *f = NULL, *h0 = NULL, *c0 = NULL, expected[TIME * BATCH * HIDDEN];
    if (sequence)
        s = values_of(in.sequence = check_input(g, "s", 3, SHAPE(TIME, BATCH, IN), 1));
    if (fixed)
        f = values_of(in.constant = check_input(g, "f", 2, SHAPE(BATCH, FIXED), 1));
    if (first)
        h0 = values_of(in.h = check_input(g, "h", 2, SHAPE(BATCH, HIDDEN), 1));
    if (first && lstm)
        c0 = values_of(in.c = check_input(g, "c", 2, SHAPE(BATCH, HIDDEN), 1));
    nn_recurrent_result y = lstm ? nn_lstm(&in, "r") : nn_gru(&in, "r");
    int width = (fixed ? FIXED : 0) + (sequence ? IN : 0), rows = (lstm ? 4 : 3) * HIDDEN;
    static const char *const names[] = {"r.weight_ih_l0", "r.weight_hh_l0", "r.bias_ih_l0",
                                        "r.bias_hh_l0"};
    check_shape(y.outputs, 3, SHAPE(TIME, BATCH, HIDDEN));
    check_parameter(g, names[0], 2, SHAPE(rows, width), 1 / sqrt(HIDDEN), 0);
    check_parameter(g, names[1], 2, SHAPE(rows, HIDDEN), 1 / sqrt(HIDDEN), 0);
    check_shape(nn_find(g, names[2]), 1, SHAPE(rows));
    check_shape(nn_find(g, names[3]), 1, SHAPE(rows));
    double *w[4];
    for (int i = 0; i < 4; i++)
        w[i] = values_of(nn_find(g, names[i]));
    double h[BATCH][HIDDEN] = {{0}}, c[BATCH][HIDDEN] = {{0}}, x[FIXED + IN];
    if (h0)
        memcpy(h, h0, sizeof h);
    if (c0)
        memcpy(c, c0, sizeof c);
    for (int t = 0; t < TIME; t++)
        for (int b = 0; b < BATCH; b++) {
            int n = 0;
            for (int i = 0; f && i < FIXED; i++)
                x[n++] = f[b * FIXED + i];
            for (int i = 0; s && i < IN; i++)
                x[n++] = s[(t * BATCH + b) * IN + i];
            cell_step(lstm, (const double *const *)w, width, x, h[b], c[b]);
            memcpy(&expected[(t * BATCH + b) * HIDDEN], h[b], sizeof h[b]);
        }
    check_equal(y.outputs, expected, 1e-5);
    check_equal(y.h, &h[0][0], 1e-5);
    if (lstm)
        check_equal(y.c, &c[0][0], 1e-5);
    else
        assert_null(y.c);
    nn_node *both = nn_add(nn_sum(y.outputs, 1), nn_reshape(y.h, 3, SHAPE(1, BATCH, HIDDEN)));
    if (lstm)
        both = nn_mul(both, nn_reshape(y.c, 3, SHAPE(1, BATCH, HIDDEN)));
    check_layer(both, in.sequence ? in.sequence : in.constant);
    if (in.constant)
        check_gradients(both, 1, &in.constant);
    if (in.h)
        check_gradients(both, 1, &in.h);
    if (in.c)
        check_gradients(both, 1, &in.c);
    for (int i = 0; i < 4; i++)
        free(w[i]);
    free(s);
    free(f);
    free(h0);
    free(c0);
    check_free(g);
}

static void lstm(void **state)
{
    (void)state;
    recurrent(true, true, true, true);
    recurrent(true, true, false, true);
    recurrent(true, false, true, true);
    recurrent(true, true, true, false);
    recurrent(true, false, true, false);
}

static void gru(void **state)
{
    (void)state;
    recurrent(false, true, true, true);
    recurrent(false, true, false, false);
    recurrent(false, false, true, true);
}

static void lstm_step(void **state)
{
    (void)state;
    nn_graph *g = check_graph();
    nn_node *x = check_input(g, "x", 3, SHAPE(2, 3, 4), 1);
    nn_node *h = check_input(g, "h", 2, SHAPE(3, 5), 1),
            *c = check_input(g, "c", 2, SHAPE(3, 5), 1);
    nn_recurrent_result all =
        nn_lstm(&(nn_recurrent){.sequence = x, .h = h, .c = c, .hidden = 5}, "r");
    for (int t = 0; t < 2; t++)
        nn_lstm_step(nn_reshape(nn_slice(x, 0, t, 1), 2, SHAPE(3, 4)), &h, &c, "r");
    nn_node *out[] = {all.h, all.c, h, c};
    double *value[4];
    check_values(g, 4, out, value);
    check_close("h", value[2], value[0], 15, 1e-5);
    check_close("c", value[3], value[1], 15, 1e-5);
    check_release(4, value);
    check_free(g);
    g = check_graph();
    x = nn_input(g, "x", 2, SHAPE(3, 4));
    h = c = nn_input(g, "h", 2, SHAPE(2, 5));
    nn_lstm_step(x, &h, &c, "r");
    check_fails(g, "lstm_step(r)", "[batch][hidden]");
    g = check_graph();
    nn_lstm(&(nn_recurrent){.constant = nn_input(g, "f", 2, SHAPE(3, 4)), .hidden = 5}, "r.1");
    check_fails(g, "lstm(r.1)", "steps");
    g = check_graph();
    nn_lstm(&(nn_recurrent){.h = nn_input(g, "h", 2, SHAPE(3, 5)), .hidden = 5}, "r.1");
    check_fails(g, "lstm(r.1)", "neither");
    g = check_graph();
    x = nn_input(g, "x", 3, SHAPE(3, 4, 2));
    nn_gru(
        &(nn_recurrent){.sequence = x, .constant = nn_input(g, "f", 2, SHAPE(3, 4)), .hidden = 5},
        "r.2");
    check_fails(g, "gru(r.2)", "batch");
    assert_null(nn_lstm(&(nn_recurrent){.hidden = 5}, "r").outputs);
}

static void attention(void **state)
{
    (void)state;
    enum { T = 4, W = 4 };
    nn_graph *g = check_graph();
    nn_node *x = check_input(g, "x", 3, SHAPE(2, T, W), 1), *y = nn_attention(x, 2, true, "a");
    check_shape(y, 3, SHAPE(2, T, W));
    check_parameter(g, "a.in_proj_weight", 2, SHAPE(3 * W, W), sqrt(6. / (4 * W)), 0);
    check_parameter(g, "a.in_proj_bias", 1, SHAPE(3 * W), 0, 0);
    check_parameter(g, "a.out_proj.weight", 2, SHAPE(W, W), 0.5, 0);
    check_parameter(g, "a.out_proj.bias", 1, SHAPE(W), 0, 0);
    check_layer(y, x);
    /* What step 2 sees: itself and what was before. */
    nn_node *gradient, *second = nn_slice(y, 1, 2, 1);
    double *value;
    nn_grad(nn_square(second), 1, &x, &gradient);
    check_values(g, 1, &gradient, &value);
    for (int t = 0; t < T; t++) {
        double sum = 0;
        for (int i = 0; i < W; i++)
            sum += fabs(value[t * W + i]);
        if (t == 3)
            check_near(sum, 0, 0);
        else
            assert_true(sum > 1e-6);
    }
    free(value);
    check_layer(nn_attention(x, 1, false, "a"), x);
    check_free(g);
    g = check_graph();
    nn_attention(nn_input(g, "x", 3, SHAPE(2, 3, 4)), 3, false, "a.3");
    check_fails(g, "attention(a.3)", "3 heads");
    g = check_graph();
    nn_attention(nn_input(g, "x", 2, SHAPE(2, 3)), 3, false, "a.4");
    check_fails(g, "attention(a.4)", "[2][3]");
}

static void time_embedding(void **state)
{
    (void)state;
    nn_graph *g = check_graph();
    nn_node *t = nn_input(g, "t", 1, SHAPE(2)), *y = nn_time_embedding(t, 6);
    check_write(t, (double[]){0, 30});
    check_equal(
        y,
        (double[]){0, 0, 0, 1, 1, 1, sin(30), sin(0.3), sin(0.003), cos(30), cos(0.3), cos(0.003)},
        1e-5);
    check_gradients(y, 1, &t);
    check_equal(nn_time_embedding(t, 2), (double[]){0, 1, sin(30), cos(30)}, 1e-5);
    check_free(g);
    g = check_graph();
    nn_time_embedding(nn_input(g, "t", 1, SHAPE(2)), 5);
    check_fails(g, "time_embedding", "5");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(initial_values), cmocka_unit_test(linear),
        cmocka_unit_test(embedding),      cmocka_unit_test(dropout),
        cmocka_unit_test(convolution),    cmocka_unit_test(sizes),
        cmocka_unit_test(batch_norm),     cmocka_unit_test(other_norms),
        cmocka_unit_test(lstm),           cmocka_unit_test(gru),
        cmocka_unit_test(lstm_step),      cmocka_unit_test(attention),
        cmocka_unit_test(time_embedding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
