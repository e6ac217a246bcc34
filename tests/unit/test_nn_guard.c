/* The watch over a training: curves, the last good state, and what is said of a divergence.
 * Covers: core/nn/train/guard.c */
#include <math.h>

#include "nn/graph.h"
#include "nn_files.h"

typedef struct training {
    nn_graph *g;
    nn_node *x, *loss, *scale;
    nn_program *step;
    nn_guard *guard;
} training;

/* Least squares of x [4][3] onto 1; a penalty that trains nothing. */
static training start(double rate, int64_t every)
{
    training t = {.g = nn_graph_new(&(nn_settings){.seed = 3, .device = "cpu", .threads = 1})};
    nn_node *noise, *out[3];

    t.x = nn_input(t.g, "x", 2, (int64_t[]){4, 3});
    noise = nn_scale(nn_noise_normal(t.g, "z", 2, (int64_t[]){4, 3}), 0.01);
    t.loss = nn_mean(nn_square(
        nn_shift(nn_linear(nn_tanh(nn_linear(nn_add(t.x, noise), 4, "net.0")), 1, "net.1"), -1)));
    t.scale = nn_mean(nn_square(t.x));
    out[0] = t.loss;
    out[1] = t.scale;
    out[2] = nn_sgd(t.loss, "net.", &(nn_sgd_options){.rate = rate, .momentum = 0.5});
    t.step = nn_compile(t.g, 1, &(nn_stage){"step", 3, out});
    t.guard = nn_guard_new(t.step, 2,
                           (nn_term[]){{"fit", t.loss, "net."}, {"scale", t.scale, NULL}}, every);
    if (!t.guard)
        fail_msg("%s", nn_error(t.g)->text);
    return t;
}

static void end(training *t)
{
    nn_guard_free(t->guard);
    nn_graph_free(t->g);
}

static int one_step(training *t, int64_t number, double bad, weir_error *error)
{
    nn_real x[12];

    for (int i = 0; i < 12; i++)
        x[i] = (nn_real)sin((double)(number * 12 + i));
    if (bad != 0)
        x[7] = (nn_real)bad;
    nn_write(t->x, x);
    assert_int_equal(nn_run(t->step, 0), WEIR_OK);
    return nn_guard_step(t->guard, number, error);
}

static void good_steps_leave_a_curve(void **state)
{
    training t = start(0.05, 4);
    weir_error error = {0};
    const double *losses;
    const nn_term *terms;
    int64_t n;

    (void)state;
    for (int i = 1; i <= 1030; i++) { /* more than the first room for losses */
        assert_int_equal(one_step(&t, i, 0, &error), WEIR_OK);
        if (i == 6)
            assert_int_equal(nn_guard_good(t.guard), 4);
    }
    losses = nn_guard_losses(t.guard, 0, &n);
    assert_int_equal(n, 1030);
    assert_true(losses[1029] < 0.2 * losses[0]);
    assert_non_null(nn_guard_losses(t.guard, 1, &n));
    assert_null(nn_guard_losses(t.guard, 2, &n));
    assert_int_equal(nn_guard_terms(t.guard, &terms), 2);
    assert_string_equal(terms[1].name, "scale");
    assert_int_equal(nn_guard_good(t.guard), 1028);
    end(&t);
}

static void says(const weir_error *error, const char *text)
{
    if (!strstr(error->text, text))
        fail_msg("'%s' does not say '%s'", error->text, text);
}

/* A run of 13 steps whose 13th is bad goes back to what it was after 10, noise too: from there it
 * is the run that had never seen it. */
static void a_loss_that_is_not_finite(void **state)
{
    training a = start(0.05, 5), b = start(0.05, 5);
    weir_error error = {0};

    (void)state;
    for (int i = 1; i <= 12; i++)
        assert_int_equal(one_step(&a, i, 0, &error), WEIR_OK);
    for (int i = 1; i <= 10; i++)
        assert_int_equal(one_step(&b, i, 0, &error), WEIR_OK);
    assert_int_equal(one_step(&a, 13, NAN, &error), WEIR_EDIVERGE);
    says(&error, "step 13: a loss is not finite (fit ");
    says(&error, "nan, scale ");
    says(&error, "after step 10, the last good ones, which are kept");
    says(&error, "the largest gradient is that of fit by 'net.");
    says(&error, "of norm ");
    assert_int_equal(nn_status(a.g), WEIR_OK); /* the graph is as good as before */
    assert_same_value(a.g, b.g, "net.0.weight");
    assert_same_value(a.g, b.g, "net.1.bias");
    assert_int_equal(nn_save(a.g, "net.", in_folder("good.safetensors")), WEIR_OK);
    {
        training late = start(0.05, 5); /* a fit that goes on from step 40 */
        error = (weir_error){0};
        assert_int_equal(one_step(&late, 41, 0, &error), WEIR_OK);
        assert_int_equal(nn_guard_good(late.guard), 40);
        end(&late);
    }
    error = (weir_error){0};
    assert_int_equal(one_step(&a, 11, 0, &error), WEIR_OK);
    assert_int_equal(one_step(&b, 11, 0, &error), WEIR_OK);
    assert_same_value(a.g, b.g, "net.0.weight");
    end(&a);
    end(&b);
}

/* Steps much too large: the named gradient is a number, and the largest of them. */
static void steps_that_grow(void **state)
{
    training t = start(1e12, 1000), same;
    weir_error error = {0};
    int status = WEIR_OK;
    double norm;

    (void)state;
    for (int i = 1; i <= 50 && status == WEIR_OK; i++)
        status = one_step(&t, i, 0, &error);
    assert_int_equal(status, WEIR_EDIVERGE);
    says(&error, "after step 0, the last good ones");
    norm = strtod(strstr(error.text, "of norm ") + 8, NULL);
    assert_true(norm > 1e-3 && norm < 100);
    same = start(1, 1);
    assert_same_value(t.g, same.g, "net.0.weight");
    end(&same);
    end(&t);
}

/* A state that is not finite is never kept as good, even if no loss shows it. */
static void a_variable_that_is_not_finite(void **state)
{
    training t = start(0.05, 5);
    weir_error error = {0};
    nn_real bad = (nn_real)INFINITY, value;

    (void)state;
    nn_state(t.g, "elsewhere", 0, NULL, from(0, 0));
    for (int i = 1; i <= 9; i++)
        assert_int_equal(one_step(&t, i, 0, &error), WEIR_OK);
    nn_write(nn_find(t.g, "elsewhere"), &bad);
    assert_int_equal(one_step(&t, 10, 0, &error), WEIR_EDIVERGE);
    says(&error, "step 10: 'elsewhere' is not finite any more (losses: fit ");
    says(&error, "after step 5");
    nn_value(nn_find(t.g, "elsewhere"), &value);
    assert_true(value == 0);
    end(&t);
}

static void nonsense_is_refused(void **state)
{
    training t = start(0.05, 5);

    (void)state;
    assert_null(nn_guard_new(NULL, 1, NULL, 0));
    assert_null(nn_guard_new(t.step, 1, &(nn_term){"x", t.x, NULL}, 0));
    says(nn_error(t.g), "'x' must be one number");
    end(&t);
    t = start(0.05, 5);
    assert_null(nn_guard_new(t.step, 0, NULL, 0));
    says(nn_error(t.g), "0 terms");
    end(&t);
    nn_guard_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_steps_leave_a_curve), cmocka_unit_test(a_loss_that_is_not_finite),
        cmocka_unit_test(steps_that_grow),          cmocka_unit_test(a_variable_that_is_not_finite),
        cmocka_unit_test(nonsense_is_refused),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
