/* What the tests of layers, losses and optimisers share: values by the slow evaluator of
 * nn_reference.h, which a compiled program of the same nodes must agree with, and derivatives of
 * the first and second order against finite differences. Include after <cmocka.h>. */
#ifndef WEIR_TESTS_NN_CHECK_H
#define WEIR_TESTS_NN_CHECK_H

#include "unit/nn_reference.h"
#include <weir/random.h>

#ifdef NN_DOUBLE
#define CHECK_STEP 1e-5      /* of finite differences */
#define CHECK_GRADIENT 2e-7  /* their error, by the gradient's largest */
#define CHECK_COMPILED 1e-11 /* a program's error, by the value's largest */
#else
#define CHECK_STEP 0x1p-10
#define CHECK_GRADIENT 2e-4
#define CHECK_COMPILED 1e-4
#endif
#define SHAPE(...) ((const int64_t[]){__VA_ARGS__})

static inline nn_graph *check_graph(void)
{
    nn_graph *g = nn_graph_new(&(nn_settings){.seed = 7, .device = "cpu", .threads = 1});
    assert_non_null(g);
    return g;
}

static inline void check_free(nn_graph *g)
{
    if (nn_status(g) != WEIR_OK)
        fail_msg("%s", nn_error(g)->text);
    nn_graph_free(g);
}

/* Ends a graph whose error must have both words. */
static inline void check_fails(nn_graph *g, const char *word, const char *other)
{
    if (nn_status(g) == WEIR_OK)
        fail_msg("no error about %s", word);
    if (!strstr(nn_error(g)->text, word) || !strstr(nn_error(g)->text, other))
        fail_msg("\"%s\" does not say \"%s\" and \"%s\"", nn_error(g)->text, word, other);
    nn_graph_free(g);
}

static inline void check_write(nn_node *leaf, const double *values)
{
    int64_t count = nn_count(leaf);
    nn_real *to = malloc((size_t)count * sizeof *to);
    assert_non_null(to);
    for (int64_t i = 0; i < count; i++)
        to[i] = (nn_real)values[i];
    if (nn_write(leaf, to))
        fail_msg("%s", nn_error(nn_graph_of(leaf))->text);
    free(to);
}

static inline void check_near(double found, double expected, double tolerance)
{
    if (!(fabs(found - expected) <= tolerance))
        fail_msg("%.12g is not %.12g within %g", found, expected, tolerance);
}

/* N(0, deviation), by the leaf's name. */
static inline void check_fill(nn_node *leaf, double deviation)
{
    int64_t count = nn_count(leaf);
    double *values = malloc((size_t)count * sizeof *values);
    weir_random random = weir_random_new(99, leaf->name);
    assert_non_null(values);
    for (int64_t i = 0; i < count; i++)
        values[i] = deviation * weir_random_normal(&random);
    check_write(leaf, values);
    free(values);
}

/* An input of N(0, deviation). */
static inline nn_node *check_input(nn_graph *g, const char *name, int rank, const int64_t *shape,
                                   double deviation)
{
    nn_node *x = nn_input(g, name, rank, shape);
    if (nn_status(g))
        fail_msg("%s", nn_error(g)->text);
    check_fill(x, deviation);
    return x;
}

static inline void check_close(const char *what, const double *a, const double *b, int64_t n,
                               double tolerance)
{
    double scale = 1e-3, worst = 0;
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(a[i]) || !isfinite(b[i]))
            fail_msg("%s: element %lld is %g and %g", what, (long long)i, a[i], b[i]);
        scale = fmax(scale, fabs(b[i]));
        worst = fmax(worst, fabs(a[i] - b[i]));
    }
    if (worst > tolerance * scale)
        fail_msg("%s: differs by %.3g of %.3g", what, worst, scale);
}

/* What a run of these effects would assign, by the evaluator. */
static inline void check_assign(nn_reference *r, nn_node *effect, bool write)
{
    for (int i = 0; effect->op == NN_OP_GROUP && i < effect->inputs; i++)
        check_assign(r, effect->input[i], write);
    if (effect->op != NN_OP_ASSIGN)
        return;
    const double *value = nn_reference_value(r, effect);
    assert_non_null(value);
    if (write)
        check_write(effect->input[0], value);
}

/* Runs effects some times, as a program or by the evaluator. */
static inline void check_run(nn_graph *g, nn_node *effect, int times, bool compiled)
{
    if (!compiled) {
        for (int i = 0; i < times; i++) {
            nn_reference r = {0};
            check_assign(&r, effect, false); /* all values before any is set */
            check_assign(&r, effect, true);
            nn_reference_free(&r);
        }
    } else {
        nn_program *program = nn_compile(g, 1, &(nn_stage){"step", 1, &effect});
        for (int i = 0; program && i < times; i++)
            nn_run(program, 0);
        nn_program_free(program);
    }
    if (nn_status(g))
        fail_msg("%s", nn_error(g)->text);
}

/* A program of nodes that have values, with some of the compiler's parts left out, against the
 * evaluator. */
static inline void check_compiled(nn_graph *g, unsigned debug, int n, nn_node *const *node)
{
    nn_reference r = {0};
    for (int i = 0; i < n; i++)
        nn_reference_value(&r, node[i]); /* before the run draws anew */
    unsigned before = g->settings.debug;
    g->settings.debug |= debug;
    nn_program *program = nn_compile(g, 1, &(nn_stage){"check", n, node});
    g->settings.debug = before;
    if (!program || nn_run(program, 0))
        fail_msg("%s", nn_error(g)->text);
    for (int i = 0; i < n; i++) {
        int64_t count = nn_count(node[i]);
        nn_real *read = malloc((size_t)count * sizeof *read);
        double *wide = malloc((size_t)count * sizeof *wide);
        char what[64];
        assert_non_null(read);
        assert_non_null(wide);
        if (nn_read(program, node[i], read))
            fail_msg("%s", nn_error(g)->text);
        for (int64_t k = 0; k < count; k++)
            wide[k] = (double)read[k];
        snprintf(what, sizeof what, "compiled with %u: output %d", debug, i);
        check_close(what, wide, nn_reference_value(&r, node[i]), count, CHECK_COMPILED);
        free(read);
        free(wide);
    }
    nn_program_free(program);
    nn_reference_free(&r);
}

/* Values of nodes by the evaluator, nn_count numbers each, freed by check_release. Programs of
 * them, compiled with everything, without fusion, without reuse, without views and plainly, must
 * agree. */
static inline void check_values(nn_graph *g, int n, nn_node *const *node, double **value)
{
    static const unsigned debug[] = {0, NN_NO_FUSION, NN_NO_REUSE, NN_NO_VIEWS,
                                     NN_NO_REWRITE | NN_NO_FUSION | NN_NO_REUSE | NN_NO_VIEWS};
    nn_reference r = {0};
    for (int i = 0; i < n; i++) {
        const double *found = nn_reference_value(&r, node[i]);
        size_t bytes = (size_t)nn_count(node[i]) * sizeof(double);
        value[i] = malloc(bytes);
        if (!found || !value[i])
            fail_msg("output %d has no value: %s", i, nn_error(g)->text);
        memcpy(value[i], found, bytes);
    }
    nn_reference_free(&r);
    for (size_t i = 0; i < sizeof debug / sizeof debug[0]; i++)
        check_compiled(g, debug[i], n, node);
}

static inline void check_release(int n, double **value)
{
    for (int i = 0; i < n; i++)
        free(value[i]);
}

/* A node has these values, compiled or not. */
static inline void check_equal(nn_node *node, const double *expected, double tolerance)
{
    double *value;
    if (nn_status(nn_graph_of(node)))
        fail_msg("%s", nn_error(nn_graph_of(node))->text);
    check_values(nn_graph_of(node), 1, &node, &value);
    check_close("value", value, expected, nn_count(node), tolerance);
    free(value);
}

/* One value of a scalar node. */
static inline double check_number(nn_node *node)
{
    double *value, number;
    check_values(nn_graph_of(node), 1, &node, &value);
    number = *value;
    free(value);
    return number;
}

static inline void check_shape(nn_node *node, int rank, const int64_t *shape)
{
    if (nn_status(nn_graph_of(node)))
        fail_msg("%s", nn_error(nn_graph_of(node))->text);
    assert_int_equal(nn_rank(node), rank);
    for (int i = 0; i < rank; i++)
        assert_int_equal(nn_size(node, i), shape[i]);
}

static inline double reference_number(nn_node *node)
{
    nn_reference r = {0};
    const double *value = nn_reference_value(&r, node);
    double number = value ? *value : NAN;
    nn_reference_free(&r);
    return number;
}

/* gradient[i] of the scalar by leaf[i] against central differences of the evaluator. */
static inline void check_differences(nn_node *scalar, int n, nn_node *const *leaf,
                                     double *const *gradient, const char *what)
{
    double *found = NULL;
    for (int i = 0; i < n; i++) {
        int64_t count = nn_count(leaf[i]);
        nn_real *values = malloc((size_t)count * sizeof *values);
        found = realloc(found, (size_t)count * sizeof *found);
        assert_non_null(values);
        assert_non_null(found);
        assert_int_equal(nn_value(leaf[i], values), WEIR_OK);
        for (int64_t k = 0; k < count; k++) {
            volatile nn_real old = values[k], above = old + (nn_real)CHECK_STEP,
                             below = old - (nn_real)CHECK_STEP;
            values[k] = above;
            nn_write(leaf[i], values);
            double high = reference_number(scalar);
            values[k] = below;
            nn_write(leaf[i], values);
            double low = reference_number(scalar);
            values[k] = old;
            found[k] = (high - low) / ((double)above - (double)below);
        }
        nn_write(leaf[i], values);
        char text[128];
        snprintf(text, sizeof text, "%s by %s", what, leaf[i]->name);
        check_close(text, gradient[i], found, count, CHECK_GRADIENT);
        free(values);
    }
    free(found);
}

/* sum over elements of x times an arbitrary constant each: no symmetry hides a mistake. */
static inline nn_node *check_weighed(nn_node *x, double phase)
{
    int64_t count = nn_count(x);
    double *weight = malloc((size_t)count * sizeof *weight);
    assert_non_null(weight);
    for (int64_t i = 0; i < count; i++)
        weight[i] = cos(phase + 1.7 * (double)i) + 0.3;
    nn_node *sum = nn_total(nn_mul(x, nn_array(nn_graph_of(x), nn_rank(x), x->shape, weight)));
    free(weight);
    return sum;
}

enum { CHECK_MOST = 12 };

/* Derivatives of y (any shape) by leaves: first order, and second order along a direction. Noise
 * stays the draw that it is. */
static inline void check_gradients(nn_node *y, int n, nn_node *const *leaf)
{
    nn_graph *g = nn_graph_of(y);
    nn_node *gradient[2 * CHECK_MOST], *loss = check_weighed(y, 0.4), *along = nn_scalar(g, 0);
    double *value[2 * CHECK_MOST] = {NULL};
    assert_true(n <= CHECK_MOST);
    nn_grad(loss, n, leaf, gradient);
    for (int i = 0; i < n; i++)
        along = nn_add(along, check_weighed(gradient[i], i));
    nn_grad(along, n, leaf, gradient + n);
    if (nn_status(g))
        fail_msg("%s", nn_error(g)->text);
    nn_reference r = {0};
    for (int i = 0; i < 2 * n; i++) {
        size_t bytes = (size_t)nn_count(gradient[i]) * sizeof(double);
        value[i] = malloc(bytes);
        assert_non_null(value[i]);
        memcpy(value[i], nn_reference_value(&r, gradient[i]), bytes);
    }
    nn_reference_free(&r);
    check_differences(loss, n, leaf, value, "first derivative");
    check_differences(along, n, leaf, value + n, "second derivative");
    check_release(2 * n, value);
    check_values(g, 2 * n, gradient, value);
    check_release(2 * n, value);
}

/* y by an input and by all parameters, which get values off their starts. */
static inline void check_layer(nn_node *y, nn_node *input)
{
    nn_graph *g = nn_graph_of(y);
    nn_node *leaf[CHECK_MOST];
    if (nn_status(g))
        fail_msg("%s", nn_error(g)->text);
    int n = nn_parameters(g, "", CHECK_MOST - 1, leaf);
    assert_true(n < CHECK_MOST);
    for (int i = 0; i < n; i++)
        check_fill(leaf[i], 0.5);
    leaf[n++] = input;
    check_gradients(y, n, leaf);
}

#endif
