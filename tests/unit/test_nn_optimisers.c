/* Optimisers against plain loops over ten steps, clipping, schedules, averages of weights, and what
 * they refuse.
 * Covers: core/nn/train/optimisers.c core/nn/train/schedules.c core/nn/train/average.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "unit/nn_check.h"

#ifdef NN_DOUBLE
#define CLOSE 1e-10
#else
#define CLOSE 2e-5
#endif

enum { N = 5, STEPS = 10 };

/* A bowl in two parameters, "net.a" [3] and "net.b" [2]: sum of scale (p - centre)^4 / 4. */
typedef struct bowl {
    nn_graph *g;
    nn_node *a, *b, *loss;
} bowl;

static const double start[N] = {1, -2, 0.5, 3, -1}, centre[N] = {0, 0.5, 0.25, 1, 1},
                    steep[N] = {1, 0.5, 2, 0.25, 4};

static bowl new_bowl(void)
{
    nn_graph *g = check_graph();
    nn_node *a = nn_parameter(g, "net.a", 1, SHAPE(3), nn_init_constant(0));
    nn_node *b = nn_parameter(g, "net.b", 1, SHAPE(2), nn_init_constant(0));
    nn_parameter(g, "net.unused", 1, SHAPE(2), nn_init_constant(3));
    check_write(a, start);
    check_write(b, start + 3);
    nn_node *all = nn_concat(0, 2, (nn_node *[]){a, b});
    nn_node *away = nn_square(nn_sub(all, nn_array(g, 1, SHAPE(N), centre)));
    nn_node *loss = nn_total(nn_mul(nn_square(away), nn_array(g, 1, SHAPE(N), steep)));
    return (bowl){g, a, b, nn_scale(loss, 0.25)};
}

static void bowl_gradient(const double *p, double *gradient)
{
    for (int i = 0; i < N; i++)
        gradient[i] = steep[i] * pow(p[i] - centre[i], 3);
}

static bool compiled; /* whether this pass runs programs or the evaluator */

static int by_evaluator(void **state)
{
    (void)state;
    compiled = false;
    return 0;
}

static int by_program(void **state)
{
    (void)state;
    compiled = true;
    return 0;
}

static void read_leaf(nn_node *leaf, double *to)
{
    nn_real values[N];
    assert_non_null(leaf);
    assert_true(nn_count(leaf) <= N);
    assert_int_equal(nn_value(leaf, values), WEIR_OK);
    for (int64_t i = 0; i < nn_count(leaf); i++)
        to[i] = (double)values[i];
}

static double read_scalar(nn_graph *g, const char *name)
{
    double value[N];
    if (!nn_find(g, name))
        fail_msg("there is no %s", name);
    read_leaf(nn_find(g, name), value);
    return value[0];
}

/* Ten runs of the effect lead to p; what the loss does not depend on stays. */
static void check_steps(const bowl *b, nn_node *effect, const double *p)
{
    double found[N], unused[N];
    check_run(b->g, effect, STEPS, compiled);
    read_leaf(b->a, found);
    read_leaf(b->b, found + 3);
    check_close("parameters", found, p, N, CLOSE);
    read_leaf(nn_find(b->g, "net.unused"), unused);
    check_near(unused[0], 3, 0);
    check_near(unused[1], 3, 0);
    check_free(b->g);
}

static void sgd(double momentum, double decay, double clip)
{
    bowl b = new_bowl();
    double p[N], m[N] = {0}, g[N];
    memcpy(p, start, sizeof p);
    for (int t = 0; t < STEPS; t++) {
        double norm = 0;
        bowl_gradient(p, g);
        for (int i = 0; i < N; i++)
            norm += g[i] * g[i];
        norm = sqrt(norm);
        for (int i = 0; i < N; i++) {
            if (clip > 0)
                g[i] *= fmin(1, clip / norm);
            m[i] = momentum * m[i] + g[i] + decay * p[i];
            p[i] -= 0.02 * m[i];
        }
    }
    check_steps(&b,
                nn_sgd(b.loss, "net.",
                       &(nn_sgd_options){.rate = 0.02,
                                         .momentum = momentum,
                                         .weight_decay = decay,
                                         .update = {.clip = clip}}),
                p);
}

static void sgd_steps(void **state)
{
    (void)state;
    sgd(0, 0, 0);
    sgd(0.9, 0, 0);
    sgd(0.9, 0.1, 0);
    sgd(0.5, 0, 1.5);
}

static void adam(const nn_adam_options *o, double beta1, double beta2, double epsilon,
                 bool decoupled)
{
    bowl b = new_bowl();
    double p[N], m[N] = {0}, v[N] = {0}, g[N], rate = o->rate > 0 ? o->rate : 1e-3;
    memcpy(p, start, sizeof p);
    for (int t = 1; t <= STEPS; t++) {
        bowl_gradient(p, g);
        for (int i = 0; i < N; i++) {
            if (decoupled)
                p[i] *= 1 - rate * o->weight_decay;
            else
                g[i] += o->weight_decay * p[i];
            m[i] = beta1 * m[i] + (1 - beta1) * g[i];
            v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
            p[i] -=
                rate * m[i] / (1 - pow(beta1, t)) / (sqrt(v[i] / (1 - pow(beta2, t))) + epsilon);
        }
    }
    check_steps(&b, decoupled ? nn_adamw(b.loss, "net.", o) : nn_adam(b.loss, "net.", o), p);
}

static void adam_steps(void **state)
{
    (void)state;
    adam(&(nn_adam_options){0}, 0.9, 0.999, 1e-8, false);
    adam(&(nn_adam_options){.rate = 0.1, .beta1 = 0.5, .epsilon = 1e-3}, 0.5, 0.999, 1e-3, false);
    adam(&(nn_adam_options){.rate = 0.1, .beta1 = -1, .beta2 = 0.9}, 0, 0.9, 1e-8, false);
    adam(&(nn_adam_options){.rate = 0.1, .weight_decay = 0.3}, 0.9, 0.999, 1e-8, false);
    adam(&(nn_adam_options){.rate = 0.1, .weight_decay = 0.3}, 0.9, 0.999, 1e-8, true);
    bowl b = new_bowl(); /* options NULL */
    nn_node *plain = nn_adam(b.loss, "net.", NULL);
    assert_ptr_equal(plain, nn_adam(b.loss, "net.", &(nn_adam_options){.rate = 1e-3}));
    check_free(b.g);
}

/* Names of state; two optimisers in one stage; one that is asked for twice goes on. */
static void states(void **state)
{
    (void)state;
    bowl b = new_bowl();
    nn_adam_options o = {.rate = 0.1};
    nn_node *two[] = {nn_adam(b.loss, "net.a", &o),
                      nn_sgd(b.loss, "net.b", &(nn_sgd_options){.rate = 0.02, .momentum = 0.5})};
    double before[N], after[N];
    read_leaf(b.a, before);
    check_run(b.g, nn_group(b.g, 2, two), 2, compiled);
    read_leaf(b.a, after);
    assert_true(fabs(before[0] - after[0]) > 0.1);
    check_near(read_scalar(b.g, "adam.net.a.step"), 2, 0);
    assert_non_null(nn_find(b.g, "adam.net.a.m"));
    assert_non_null(nn_find(b.g, "sgd.net.b.m"));
    check_run(b.g, nn_adam(nn_scale(b.loss, 2), "net.a", &o), 1, compiled);
    check_near(read_scalar(b.g, "adam.net.a.step"), 3, 0);
    nn_adam(b.loss, "net.", &o);
    assert_non_null(nn_find(b.g, "adam.net.v.b"));
    nn_adam(b.loss, "", &o);
    assert_non_null(nn_find(b.g, "adam.v.net.b"));
    assert_non_null(nn_find(b.g, "adam.step"));
    nn_adamw(b.loss, "net.", &o);
    assert_non_null(nn_find(b.g, "adamw.net.step"));
    assert_null(nn_find(b.g, "adam.net.m.unused"));
    assert_int_equal(nn_parameters(b.g, "", 0, NULL), 3); /* state is no parameter */
    check_free(b.g);
}

static void given_gradients(void **state)
{
    (void)state;
    bowl b = new_bowl(), other = new_bowl();
    nn_node *p[] = {b.a, b.b}, *gradient[2];
    nn_adam_options o = {.rate = 0.1};
    nn_grad(b.loss, 2, p, gradient);
    check_run(b.g, nn_adam_apply(b.g, 2, p, gradient, "net.", &o), 3, compiled);
    check_run(other.g, nn_adam(other.loss, "net.", &o), 3, compiled);
    double one[N], two[N];
    read_leaf(b.a, one);
    read_leaf(other.a, two);
    check_close("a", one, two, 3, 0);
    nn_adam_apply(b.g, 1, p, gradient + 1, "net.", &o);
    check_fails(b.g, "adam_apply(net.)", "net.a is [2]");
    check_free(other.g);
}

static void norm_and_rate(void **state)
{
    (void)state;
    bowl b = new_bowl();
    nn_node *norm, *update, *t = nn_counter(b.g, "t", &update);
    nn_node *rate = nn_schedule_step(t, 0.04, 0.5, 2);
    nn_node *both[] = {
        update, nn_sgd(b.loss, "net.", &(nn_sgd_options){.update = {.norm = &norm, .rate = rate}})};
    double p[N], g[N], squares = 0;
    bowl_gradient(start, g);
    for (int i = 0; i < N; i++)
        squares += g[i] * g[i];
    check_near(check_number(norm) / sqrt(squares), 1, 1e-6);
    memcpy(p, start, sizeof p);
    for (int k = 0; k < STEPS; k++) {
        bowl_gradient(p, g);
        for (int i = 0; i < N; i++)
            p[i] -= 0.04 * pow(0.5, k / 2) * g[i];
    }
    check_steps(&b, nn_group(b.g, 2, both), p);
}

static void schedules(void **state)
{
    (void)state;
    nn_graph *g = check_graph();
    nn_node *t = nn_input(g, "t", 0, NULL);
    nn_node *out[] = {nn_schedule_step(t, 0.2, 0.1, 7), nn_schedule_cosine(t, 0.2, 0.02, 10),
                      nn_schedule_warmup(t, nn_scalar(g, 0.2), 4)};
    for (int i = 0; i < 30; i++) {
        double *value[3];
        check_write(t, (double[]){i});
        check_values(g, 3, out, value);
        check_near(value[0][0], 0.2 * pow(0.1, i / 7), 1e-7);
        check_near(value[1][0], 0.02 + 0.09 * (1 + cos(acos(-1) * fmin(i, 10) / 10)), 1e-7);
        check_near(value[2][0], 0.2 * fmin(1, (i + 1) / 4.), 1e-7);
        check_release(3, value);
    }
    check_free(g);
    g = check_graph();
    nn_schedule_step(nn_input(g, "t", 0, NULL), 0.1, -1, 3);
    check_fails(g, "schedule_step", "-1");
    g = check_graph();
    nn_schedule_cosine(nn_input(g, "t", 1, SHAPE(2)), 0.1, 0, 3);
    check_fails(g, "schedule_cosine", "[2]");
    g = check_graph();
    nn_schedule_warmup(nn_input(g, "t", 0, NULL), nn_scalar(g, 1), 0);
    check_fails(g, "schedule_warmup", "0 steps");
}

static void averages(void **state)
{
    (void)state;
    bowl b = new_bowl();
    nn_node *step = nn_sgd(b.loss, "net.", &(nn_sgd_options){.rate = 0.02});
    nn_node *average = nn_ema(b.g, "net.", 0.75);
    double p[N], ema[N], g[N], found[N];
    memcpy(p, start, sizeof p);
    for (int t = 0; t < STEPS; t++) {
        check_run(b.g, step, 1, compiled);
        check_run(b.g, average, 1, compiled);
        bowl_gradient(p, g);
        for (int i = 0; i < N; i++) {
            p[i] -= 0.02 * g[i];
            ema[i] = t ? 0.75 * ema[i] + 0.25 * p[i] : p[i];
        }
    }
    nn_node *kept = nn_find(b.g, "ema.net.a");
    read_leaf(kept, found);
    check_close("average", found, ema, 3, CLOSE);
    for (int twice = 0; twice < 2; twice++) {
        assert_int_equal(nn_ema_swap(b.g, "net."), WEIR_OK);
        read_leaf(b.a, found);
        check_close("swapped", found, twice ? p : ema, 3, CLOSE);
        read_leaf(kept, found);
        check_close("swapped", found, twice ? ema : p, 3, CLOSE);
    }
    check_free(b.g);
    b = new_bowl();
    assert_int_not_equal(nn_ema_swap(b.g, "net."), WEIR_OK);
    check_fails(b.g, "ema_swap(net.)", "no average yet");
    b = new_bowl();
    nn_ema(b.g, "net.", 1);
    check_fails(b.g, "ema(net.)", "[0, 1)");
    b = new_bowl();
    nn_ema(b.g, "nothing.", 0.5);
    check_fails(b.g, "ema", "nothing.");
}

static void refused(void **state)
{
    (void)state;
    bowl b = new_bowl();
    nn_adam(b.loss, "other.", NULL);
    check_fails(b.g, "adam", "\"other.\"");
    b = new_bowl();
    nn_adam(b.loss, "net.unused", NULL);
    check_fails(b.g, "adam(net.unused)", "depends on no parameter");
    b = new_bowl();
    nn_adam(nn_square(b.a), "net.", NULL);
    check_fails(b.g, "adam(net.)", "no scalar");
    b = new_bowl();
    nn_sgd(b.loss, "net.", NULL);
    check_fails(b.g, "sgd(net.)", "rate");
    b = new_bowl();
    nn_adam(b.loss, "net.", &(nn_adam_options){.beta1 = 1});
    check_fails(b.g, "adam(net.)", "beta1");
    b = new_bowl();
    nn_adamw(b.loss, "net.", &(nn_adam_options){.update = {.rate = b.a}});
    check_fails(b.g, "adamw(net.)", "rate is no scalar");
    b = new_bowl();
    nn_sgd(b.loss, "net.", &(nn_sgd_options){.rate = 1, .update = {.clip = -1}});
    check_fails(b.g, "sgd(net.)", "clip");
    assert_null(nn_adam(NULL, "net.", NULL));
}

int main(void)
{
#define BOTH(test)                                                                                 \
    cmocka_unit_test_setup(test, by_evaluator), cmocka_unit_test_setup(test, by_program)
    const struct CMUnitTest tests[] = {
        BOTH(sgd_steps),
        BOTH(adam_steps),
        BOTH(states),
        BOTH(given_gradients),
        BOTH(norm_and_rate),
        BOTH(averages),
        cmocka_unit_test(schedules),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
