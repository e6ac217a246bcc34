/* The generator gasf_diffusion: its schedules of noise and its samplers against closed forms.
 * Covers: plugins/generators/gasf_diffusion/diffusion.c */
#include "generator_test.h"
#include <math.h>

#include "../../plugins/generators/gasf_diffusion/diffusion.c"

enum { STEPS = 1000 };

static void near(double a, double b, double within)
{
    if (!(fabs(a - b) <= within))
        fail_msg("%.12g instead of %.12g", a, b);
}

static void schedules_are_the_closed_forms(void **state)
{
    double left[STEPS], product = 1;

    (void)state;
    schedule(LINEAR, STEPS, left);
    for (int i = 0; i < STEPS; i++)
        near(left[i], product *= 1 - (1e-4 + (0.02 - 1e-4) * i / 999), 1e-12);
    near(log(left[STEPS - 1]), -10.1168, 1e-3); /* of 1000 steps from 1e-4 to 0.02 */
    schedule(COSINE, STEPS, left);
    for (int i = 0; i < STEPS - 1; i++) { /* the last beta is the bound */
        double f = cos(((i + 1) / 1000. + 0.008) / 1.008 * acos(0)),
               f0 = cos(0.008 / 1.008 * acos(0));
        near(left[i], f * f / (f0 * f0), 1e-12);
    }
    near(left[STEPS - 1] / left[STEPS - 2], 0.001, 1e-12);
    for (int kind = LINEAR; kind <= COSINE; kind++)
        for (int64_t n = 1; n <= 100; n += 9) {
            schedule(kind, n, left);
            for (int64_t i = 0; i < n; i++)
                assert_true(left[i] > 0 && left[i] < (i ? left[i - 1] : 1));
        }
}

/* Mean and variance of noised images are those of the schedule. */
static void noise_has_its_statistics(void **state)
{
    enum { BATCH = 3, COUNT = 64 * 64 };
    static nn_real x[BATCH * COUNT], noisy[BATCH * COUNT];
    static const nn_real at[BATCH] = {0, 250, 999};
    const int64_t shape[] = {BATCH, 64, 64, 1}, batch[] = {BATCH};
    double left[STEPS];
    nn_graph *g = nn_graph_new(&(nn_settings){.seed = 4, .threads = 1, .device = "cpu"});
    nn_node *image = nn_input(g, "image", 4, shape), *t = nn_input(g, "t", 1, batch), *out;
    nn_program *program;

    (void)state;
    schedule(LINEAR, STEPS, left);
    out = noised(image, t, nn_noise_normal(g, "noise", 4, shape), left, STEPS);
    program = nn_compile(g, 1, &(nn_stage){"noise", 1, &out});
    for (size_t i = 0; i < BATCH * COUNT; i++)
        x[i] = 0.5f;
    nn_write(image, x);
    nn_write(t, at);
    assert_int_equal(nn_run(program, 0), WEIR_OK);
    nn_read(program, out, noisy);
    for (size_t i = 0; i < BATCH; i++) {
        double sum = 0, squares = 0, kept = left[(int)at[i]], deviation = sqrt(1 - kept);
        for (size_t k = 0; k < COUNT; k++)
            sum += (double)noisy[i * COUNT + k] / COUNT;
        for (size_t k = 0; k < COUNT; k++)
            squares += pow((double)noisy[i * COUNT + k] - sum, 2) / COUNT;
        near(sum, 0.5 * sqrt(kept), 5 * deviation / 64);
        near(squares, 1 - kept, 0.12 * (1 - kept)); /* 5 deviations: sqrt(2 / 4096) each */
    }
    nn_graph_free(g);
}

/* Of normal data of deviation s the noise is known, a multiple of x: the variance that a sampler
 * ends with. */
static double variance_after(const double *left, int64_t n, int sampler, int variance, double eta,
                             double s)
{
    struct stride stride[STEPS];
    double v = 1;

    strides(left, STEPS, n, sampler, variance, eta, stride);
    for (int64_t i = 0; i < n; i++) {
        double now = left[stride[i].level];
        double noise = sqrt(1 - now) / (now * s * s + 1 - now);
        double factor =
            stride[i].toward * (stride[i].clean[0] - stride[i].clean[1] * noise) + stride[i].keep;
        v = factor * factor * v + stride[i].fresh * stride[i].fresh;
    }
    return v;
}

static void samplers_end_at_the_data(void **state)
{
    double left[STEPS];

    (void)state;
    for (int kind = LINEAR; kind <= COSINE; kind++) {
        schedule(kind, STEPS, left);
        for (double s = 0.25; s < 3; s *= 2) {
            near(variance_after(left, STEPS, DDPM, LARGE, 0, s), s * s, 0.05 * s * s);
            near(variance_after(left, STEPS, DDPM, SMALL, 0, s), s * s, 0.05 * s * s);
            near(variance_after(left, STEPS, DDIM, LARGE, 0, s), s * s, 0.05 * s * s);
            near(variance_after(left, 100, DDIM, LARGE, 0, s), s * s, 0.1 * s * s);
        }
    }
}

/* What is left of an image and its velocity give the image again, and the rates of both add up. */
static void velocities_give_the_image(void **state)
{
    const int64_t shape[] = {2, 1, 1, 1}, batch = 2;
    const double image[] = {0.5, -0.7}, noise[] = {1.2, 0.3}, steps[] = {0, STEPS - 1};
    nn_graph *g = nn_graph_new(&(nn_settings){.seed = 4, .threads = 1, .device = "cpu"});
    nn_node *x = nn_array(g, 4, shape, image), *e = nn_array(g, 4, shape, noise);
    nn_node *t = nn_array(g, 1, &batch, steps), *out[2];
    struct stride stride[STEPS];
    double left[STEPS];
    nn_real seen[2], told[2];
    nn_program *program;

    (void)state;
    schedule(COSINE, STEPS, left);
    out[0] = noised(x, t, e, left, STEPS);
    out[1] = velocity(x, t, e, left, STEPS);
    program = nn_compile(g, 1, &(nn_stage){"both", 2, out});
    assert_int_equal(nn_run(program, 0), WEIR_OK);
    nn_read(program, out[0], seen);
    nn_read(program, out[1], told);
    strides(left, STEPS, STEPS, DDPM, SMALL, 0, stride);
    by_velocity(left, STEPS, stride);
    for (int i = 0; i < 2; i++) {
        const struct stride *s = &stride[i ? 0 : STEPS - 1];
        assert_int_equal(s->level, (int64_t)steps[i]);
        near(s->clean[0] * (double)seen[i] - s->clean[1] * (double)told[i], image[i], 1e-5);
    }
    nn_graph_free(g);
}

/* ddim with eta 1 is ddpm with the posterior's variance; with eta 0 it draws nothing, and where the
 * noise is known it goes back to the image, in however many strides. */
static void ddim_has_ddpm_as_its_limit(void **state)
{
    static const int64_t counts[] = {1, 2, 50, STEPS};
    struct stride a[STEPS], b[STEPS], plain[STEPS];
    double left[STEPS];

    (void)state;
    schedule(LINEAR, STEPS, left);
    for (int k = 0; k < 4; k++) {
        int64_t n = counts[k];
        double x;
        strides(left, STEPS, n, DDPM, SMALL, 0, a);
        strides(left, STEPS, n, DDIM, LARGE, 1, b);
        strides(left, STEPS, n, DDIM, SMALL, 0, plain);
        assert_int_equal(plain[0].level, STEPS - 1);
        x = sqrt(left[STEPS - 1]) * 0.7 - sqrt(1 - left[STEPS - 1]) * 1.3;
        for (int64_t i = 0; i < n; i++) {
            double now = left[plain[i].level], noise = (x - sqrt(now) * 0.7) / sqrt(1 - now);
            double clean = plain[i].clean[0] * x - plain[i].clean[1] * noise;
            assert_int_equal(a[i].level, b[i].level);
            assert_true(i == 0 || plain[i].level < plain[i - 1].level);
            near(a[i].toward, b[i].toward, 1e-9);
            near(a[i].keep, b[i].keep, 1e-9);
            near(a[i].fresh, b[i].fresh, 1e-9);
            near(plain[i].fresh, 0, 0);
            near(clean, 0.7, 1e-9);
            near(noise, -1.3, 1e-6);
            x = plain[i].toward * clean + plain[i].keep * x;
        }
        near(x, 0.7, 1e-9);
        near(a[n - 1].fresh, 0, 0);
        assert_int_equal(plain[n - 1].level, n > 1 ? 0 : STEPS - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(schedules_are_the_closed_forms),
        cmocka_unit_test(noise_has_its_statistics),
        cmocka_unit_test(samplers_end_at_the_data),
        cmocka_unit_test(velocities_give_the_image),
        cmocka_unit_test(ddim_has_ddpm_as_its_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
