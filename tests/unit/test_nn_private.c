/* Private steps: clipped per-example gradients against a loop over batches of one, for every kind
 * of layer; masks, noise, sums over micro-batches; Poisson samples.
 * Covers: core/nn/train/private.c core/nn/train/lift.c core/nn/train/poisson.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <weir/nn.h>

#include "nn/train/lift.h"
#include "nn_reference.h"

enum { EXAMPLES = 5, MOST = 16 };

static nn_graph *new_graph(void)
{
    return nn_graph_new(&(nn_settings){.seed = 11, .device = "null", .threads = 1});
}

/* ---- Models of one example: the loss --------------------------------------------------------- */

static nn_node *perceptron(nn_graph *g)
{
    nn_node *x = nn_input(g, "x", 2, (int64_t[]){1, 6});
    nn_node *h = nn_layer_norm(nn_tanh(nn_linear(x, 7, "m.0")), 0, "m.norm");
    return nn_mean(nn_square(nn_linear(h, 2, "m.1")));
}

/* A gradient inside the loss, whose gradient is then of second order. */
static nn_node *critic(nn_graph *g)
{
    nn_node *real = nn_input(g, "real", 2, (int64_t[]){1, 5});
    nn_node *fake = nn_input(g, "fake", 2, (int64_t[]){1, 5});
    nn_node *both = nn_concat(0, 2, (nn_node *[]){real, fake});
    nn_node *scores = nn_linear(nn_gelu(nn_linear(both, 8, "m.0")), 1, "m.1");
    nn_node *mixed = nn_scale(nn_add(real, nn_scale(fake, 3)), 0.25);
    nn_node *score = nn_linear(nn_gelu(nn_linear(mixed, 8, "m.0")), 1, "m.1");
    nn_node *loss = nn_wgan_critic(nn_slice(scores, 0, 0, 1), nn_slice(scores, 0, 1, 1));
    return nn_add(loss, nn_scale(nn_gradient_penalty(score, 1, &mixed, 0), 10));
}

static nn_node *recurrent(nn_graph *g)
{
    nn_node *sequence = nn_input(g, "x", 3, (int64_t[]){4, 1, 3});
    nn_node *constant = nn_input(g, "c", 2, (int64_t[]){1, 2});
    nn_recurrent_result l =
        nn_lstm(&(nn_recurrent){.sequence = sequence, .constant = constant, .hidden = 4}, "m.lstm");
    nn_recurrent_result r = nn_gru(&(nn_recurrent){.sequence = l.outputs, .hidden = 3}, "m.gru");
    return nn_mean(nn_square(nn_linear(r.outputs, 2, "m.out")));
}

static nn_node *convolution(nn_graph *g)
{
    nn_node *x = nn_input(g, "x", 4, (int64_t[]){1, 6, 6, 2});
    nn_node *h = nn_silu(nn_conv(x, 4, 3, 1, 1, "m.0"));
    h = nn_upsample(nn_conv(h, 3, 3, 2, 1, "m.1"), 2);
    return nn_mse(nn_conv(h, 2, 3, 1, 1, "m.2"), x);
}

static nn_node *attention(nn_graph *g)
{
    nn_node *x = nn_input(g, "x", 3, (int64_t[]){1, 3, 4});
    return nn_mean(nn_square(nn_attention(x, 2, true, "m.attention")));
}

static nn_node *embedding(nn_graph *g)
{
    nn_node *index = nn_input(g, "index", 2, (int64_t[]){1, 3});
    nn_node *h = nn_embedding(index, 6, 4, "m.words");
    nn_node *logits = nn_linear(nn_tanh(h), 6, "m.out");
    return nn_cross_entropy(logits, index);
}

static nn_node *joined(nn_graph *g)
{
    nn_node *x = nn_input(g, "x", 1, (int64_t[]){6});
    nn_node *w = nn_parameter(g, "m.w", 2, (int64_t[]){3, 4}, (nn_init){NN_UNIFORM, -1, 1});
    nn_node *v = nn_parameter(g, "m.v", 1, (int64_t[]){6}, (nn_init){NN_UNIFORM, -1, 1});
    nn_node *parts[] = {nn_slice(x, 0, 0, 2), nn_pad(nn_slice(x, 0, 2, 3), 0, 1, 0)};
    nn_node *column = nn_reshape(nn_mul(nn_concat(0, 2, parts), v), 2, (int64_t[]){3, 2});
    nn_node *square = nn_matmul(w, column, true, false); /* [4][2] */
    nn_node *turned = nn_permute(square, (int[]){1, 0});
    nn_node *top = nn_peak(nn_stop(turned), 1u << 1);
    return nn_total(nn_exp(nn_sub(turned, top)));
}

typedef struct model {
    const char *name;
    nn_node *(*loss)(nn_graph *g);
} model;

static const model models[] = {{"perceptron", perceptron}, {"critic", critic},
                               {"recurrent", recurrent},   {"convolution", convolution},
                               {"attention", attention},   {"embedding", embedding},
                               {"joined", joined}};

/* ---- The loop over batches of one -------------------------------------------------------------
 */

static double number(int example, int64_t i, bool index)
{
    uint32_t h = (uint32_t)(example * 7919 + i * 104729 + 12345) * 2654435761u;

    h ^= h >> 15;
    return index ? h % 6 : (double)(h % 2000) / 500 - 2;
}

static void fill(nn_node *input, int first, int examples)
{
    int64_t each = nn_count(input) / examples;
    nn_real *values = malloc((size_t)nn_count(input) * sizeof *values);

    for (int e = 0; e < examples; e++)
        for (int64_t i = 0; i < each; i++)
            values[e * each + i] =
                (nn_real)number(first + e, i, strstr(input->name, "index") != NULL);
    assert_int_equal(nn_write(input, values), WEIR_OK);
    free(values);
}

static void fill_all(nn_graph *g, bool lifted, int first, int examples)
{
    for (int i = 0; i < g->count; i++) {
        nn_node *node = g->nodes[i];
        bool each = node->op == NN_OP_INPUT && strstr(node->name, ".each");
        if (node->op == NN_OP_INPUT && !strstr(node->name, "private.") && each == lifted)
            fill(node, first, examples);
    }
}

/* The clipped sum over the examples that mask allows, one after the other; norms[EXAMPLES]. */
static double *sum_of_loop(const model *m, double clip, const nn_real *mask, double *norms)
{
    nn_graph *g = new_graph();
    nn_node *loss = m->loss(g), *parameter[MOST], *gradient[MOST];
    int n = nn_parameters(g, "m.", MOST, parameter);
    double *sum = calloc(4096, sizeof *sum);

    assert_true(n > 0 && n <= MOST);
    assert_int_equal(nn_grad(loss, n, parameter, gradient), WEIR_OK);
    for (int e = 0; e < EXAMPLES; e++) {
        nn_reference r = {0};
        double squares = 0, factor;
        size_t at = 0;
        fill_all(g, false, e, 1);
        for (int p = 0; p < n; p++)
            for (int64_t i = 0; i < nn_count(gradient[p]); i++)
                squares += pow(nn_reference_value(&r, gradient[p])[i], 2);
        norms[e] = sqrt(squares);
        factor = norms[e] > clip ? clip / norms[e] : 1;
        for (int p = 0; p < n; p++)
            for (int64_t i = 0; i < nn_count(gradient[p]); i++, at++)
                sum[at] += mask[e] != 0 ? factor * nn_reference_value(&r, gradient[p])[i] : 0;
        assert_true(at < 4096);
        nn_reference_free(&r);
    }
    if (nn_status(g) != WEIR_OK)
        fail_msg("%s: %s", m->name, nn_error(g)->text);
    nn_graph_free(g);
    return sum;
}

static void assert_near(const char *what, double value, double expected, double scale)
{
    double tolerance = sizeof(nn_real) == 8 ? 1e-10 : 1e-5;

    if (!(fabs(value - expected) <= tolerance * scale))
        fail_msg("%s: %.12g instead of %.12g", what, value, expected);
}

static nn_private_options options_of(double clip)
{
    return (nn_private_options){.examples = EXAMPLES, .clip = clip, .expected = 4, .rate = 1};
}

static void clipping_is_that_of_a_loop(void **state)
{
    const nn_real mask[EXAMPLES] = {1, 1, 0, 1, 1};

    (void)state;
    for (size_t k = 0; k < sizeof models / sizeof models[0]; k++) {
        for (int tight = 0; tight < 2; tight++) {
            double norms[EXAMPLES], clip = tight ? 0.3 : 1e6, largest = 1e-30;
            double *expected = sum_of_loop(&models[k], clip, mask, norms);
            nn_graph *g = new_graph();
            nn_private_options options = options_of(clip);
            nn_private dp = nn_private_step(models[k].loss(g), "m.", &options);
            nn_reference r = {0};
            size_t at = 0;
            if (nn_status(g) != WEIR_OK)
                fail_msg("%s: %s", models[k].name, nn_error(g)->text);
            fill_all(g, true, 0, EXAMPLES);
            nn_write(dp.mask, mask);
            for (int e = 0; e < EXAMPLES; e++)
                assert_near(models[k].name, nn_reference_value(&r, dp.norms)[e], norms[e],
                            norms[e]);
            for (size_t i = 0; i < 4096; i++)
                largest = fmax(largest, fabs(expected[i]));
            for (int p = 0; p < dp.accumulate->inputs; p++) {
                nn_node *assign = dp.accumulate->input[p];
                assert_int_equal(assign->op, NN_OP_ASSIGN);
                for (int64_t i = 0; i < nn_count(assign->input[0]); i++, at++)
                    assert_near(assign->input[0]->name, nn_reference_value(&r, assign)[i],
                                expected[at], largest);
            }
            assert_true(at > 0);
            nn_reference_free(&r);
            nn_graph_free(g);
            free(expected);
        }
    }
}

/* What a masked row holds does not matter, even if it is no number. */
static void masked_rows_leave_no_trace(void **state)
{
    nn_graph *g = new_graph();
    nn_private_options options = options_of(0.5);
    nn_private dp = nn_private_step(perceptron(g), "m.", &options);
    nn_node *x = dp.input[0];
    nn_real values[EXAMPLES * 6], none[EXAMPLES] = {0};
    nn_reference r = {0};

    (void)state;
    assert_int_equal(dp.inputs, 1);
    assert_string_equal(x->name, "x.each");
    for (int i = 0; i < EXAMPLES * 6; i++)
        values[i] = (nn_real)NAN;
    nn_write(x, values);
    nn_write(dp.mask, none);
    for (int p = 0; p < dp.accumulate->inputs; p++) {
        nn_node *assign = dp.accumulate->input[p];
        for (int64_t i = 0; i < nn_count(assign->input[0]); i++)
            assert_true(nn_reference_value(&r, assign)[i] == 0);
    }
    nn_reference_free(&r);
    nn_graph_free(g);
}

/* ---- The step ---------------------------------------------------------------------------------
 */

static nn_node *assign_to(const nn_node *group, const char *name)
{
    for (int i = 0; i < group->inputs; i++)
        if (group->input[i]->op == NN_OP_ASSIGN && !strcmp(group->input[i]->input[0]->name, name))
            return group->input[i];
    return NULL;
}

static void noise_mean_and_descent(void **state)
{
    nn_graph *g = new_graph();
    nn_private_options options = options_of(0.5);
    nn_node *step, *clear, *noise = NULL, *weight;
    nn_reference r = {0};
    nn_real sum[42], value[42];
    nn_private dp;

    (void)state;
    options.noise = 1.5;
    options.rate = 0.1;
    dp = nn_private_step(perceptron(g), "m.", &options);
    assert_int_equal(nn_status(g), WEIR_OK);
    weight = nn_find(g, "m.0.weight");
    step = assign_to(dp.apply, "m.0.weight");
    clear = assign_to(dp.apply, "m.private.m.0.weight");
    for (int i = 0; i < g->count; i++)
        if (g->nodes[i]->op == NN_OP_NOISE && strstr(g->nodes[i]->name, "m.0.weight"))
            noise = g->nodes[i];
    assert_true(step && clear && noise && nn_count(weight) == 42);
    for (int i = 0; i < 42; i++)
        sum[i] = (nn_real)i / 8;
    nn_write(nn_find(g, "m.private.m.0.weight"), sum);
    nn_value(weight, value);
    for (int i = 0; i < 42; i++) {
        double z = nn_reference_value(&r, noise)[i];
        assert_near("step", nn_reference_value(&r, step)[i],
                    value[i] - 0.1 * ((double)sum[i] + 1.5 * 0.5 * z) / 4, 1);
        assert_true(nn_reference_value(&r, clear)[i] == 0);
    }
    nn_reference_free(&r);
    nn_graph_free(g);
}

/* A compiled fit: two micro-batches, then the step, which leaves the sums empty. */
static void micro_batches_make_one_step(void **state)
{
    const nn_real all[EXAMPLES] = {1, 1, 1, 1, 1}, first[EXAMPLES] = {1, 1, 1, 0, 0},
                  rest[EXAMPLES] = {0, 0, 0, 1, 1};

    (void)state;
    for (size_t k = 0; k < sizeof models / sizeof models[0]; k++) {
        nn_graph *g = nn_graph_new(&(nn_settings){.seed = 11, .device = "cpu", .threads = 2});
        nn_private_options options = options_of(0.3);
        nn_private dp = nn_private_step(models[k].loss(g), "m.", &options);
        nn_node *output[] = {dp.accumulate, dp.losses, dp.apply};
        nn_stage stages[] = {{"add", 2, output}, {"step", 1, output + 2}};
        nn_program *program = nn_compile(g, 2, stages);
        double norms[EXAMPLES], *sum = sum_of_loop(&models[k], 0.3, all, norms);
        nn_node *parameter[MOST];
        nn_real before[MOST][256], after[256];
        int n = nn_parameters(g, "m.", MOST, parameter);
        size_t at = 0;

        if (!program)
            fail_msg("%s: %s", models[k].name, nn_error(g)->text);
        for (int p = 0; p < n; p++)
            nn_value(parameter[p], before[p]);
        fill_all(g, true, 0, EXAMPLES);
        nn_write(dp.mask, first);
        nn_run(program, 0);
        nn_write(dp.mask, rest);
        nn_run(program, 0);
        nn_run(program, 1);
        for (int p = 0; p < n; p++) {
            char sums[200];
            nn_value(parameter[p], after);
            for (int64_t i = 0; i < nn_count(parameter[p]); i++, at++)
                assert_near(parameter[p]->name, (double)after[i],
                            (double)before[p][i] - sum[at] / 4, 1);
            snprintf(sums, sizeof sums, "m.private.%s", parameter[p]->name);
            nn_value(nn_find(g, sums), after);
            for (int64_t i = 0; i < nn_count(parameter[p]); i++)
                assert_true(after[i] == 0);
        }
        if (nn_status(g) != WEIR_OK)
            fail_msg("%s: %s", models[k].name, nn_error(g)->text);
        free(sum);
        nn_graph_free(g);
    }
}

/* Each parameter has noise of its own, and without noise there is none. */
static void noise_is_of_every_parameter(void **state)
{
    (void)state;
    for (int with = 0; with < 2; with++) {
        nn_graph *g = new_graph();
        nn_private_options options = options_of(1);
        int noises = 0;
        options.noise = with;
        nn_private_step(perceptron(g), "m.", &options);
        for (int i = 0; i < g->count; i++)
            noises += g->nodes[i]->op == NN_OP_NOISE;
        assert_int_equal(noises, with ? nn_parameters(g, "m.", 0, NULL) : 0);
        nn_graph_free(g);
    }
}

/* Dropout draws for each example: their losses differ though the examples are equal. */
static void examples_draw_their_own_noise(void **state)
{
    nn_graph *g = new_graph();
    nn_node *x = nn_input(g, "x", 2, (int64_t[]){1, 40}), *all, *one, *out;
    nn_real ones[EXAMPLES * 40];
    nn_reference r = {0};
    const double *value;

    (void)state;
    all = nn_input(g, "all", 3, (int64_t[]){EXAMPLES, 1, 40});
    one = nn_dropout(x, 0.5, "drop");
    assert_int_equal(nn_lift(g, EXAMPLES, 1, &x, &all, 1, &one, &out), WEIR_OK);
    for (int i = 0; i < EXAMPLES * 40; i++)
        ones[i] = 1;
    nn_write(all, ones);
    value = nn_reference_value(&r, out);
    assert_true(memcmp(value, value + 40, 40 * sizeof *value) != 0);
    nn_reference_free(&r);
    nn_graph_free(g);
}

static void refused(nn_graph *g, const char *why)
{
    assert_int_equal(nn_status(g), WEIR_EOPTION);
    if (!strstr(nn_error(g)->text, why))
        fail_msg("'%s' does not say '%s'", nn_error(g)->text, why);
    nn_graph_free(g);
}

static void what_is_refused(void **state)
{
    nn_private_options good = options_of(1), bad = good;
    nn_graph *g = new_graph();
    nn_node *x = nn_input(g, "x", 3, (int64_t[]){1, 5, 4});

    (void)state;
    nn_private_step(nn_mean(nn_square(nn_batch_norm(nn_linear(x, 3, "m.0"), 0, 0, "m.n"))), "m.",
                    &good);
    refused(g, "use layer or group norm");
    g = new_graph();
    nn_private_step(perceptron(g), "other.", &good);
    refused(g, "no parameter's name begins with 'other.'");
    g = new_graph();
    bad.clip = 0;
    nn_private_step(perceptron(g), "m.", &bad);
    refused(g, "clip 0");
    g = new_graph();
    bad = good;
    bad.examples = 0;
    nn_private_step(perceptron(g), "m.", &bad);
    refused(g, "");
    g = new_graph();
    x = nn_input(g, "x", 2, (int64_t[]){1, 4});
    nn_private_step(nn_linear(x, 3, "m.0"), "m.", &good);
    refused(g, "must be one number");
    g = new_graph();
    x = nn_input(g, "x", 5, (int64_t[]){1, 1, 1, 1, 4});
    nn_private_step(nn_mean(nn_linear(x, 3, "m.0")), "m.", &good);
    refused(g, "no axis left");
}

static void micro_batches_fit_their_memory(void **state)
{
    nn_graph *g = new_graph();
    size_t each;

    (void)state;
    perceptron(g); /* 42 + 7 + 7 + 7 + 14 + 2 parameters */
    each = 79 * sizeof(nn_real);
    assert_int_equal(nn_private_examples(g, "m.", 64, 10 * each), 10);
    assert_int_equal(nn_private_examples(g, "m.", 64, 1), 1);
    assert_int_equal(nn_private_examples(g, "m.", 64, SIZE_MAX), 64);
    nn_graph_free(g);
}

/* ---- Poisson samples ---------------------------------------------------------------------------
 */

static void samples_are_poisson(void **state)
{
    enum { N = 500, ROUNDS = 4000 };
    weir_random random = weir_random_new(5, "sample");
    uint64_t max = nn_poisson_max(N, 0.02), total = 0, square = 0, drawn;
    uint32_t indices[N], often[N] = {0};
    nn_real mask[N];

    (void)state;
    assert_true(max >= 25 && max <= 45);
    for (int k = 0; k < ROUNDS; k++) {
        assert_int_equal(nn_poisson_sample(&random, N, 0.02, max, indices, mask, &drawn, NULL),
                         WEIR_OK);
        for (uint64_t i = 0; i < max; i++) {
            assert_true(mask[i] == (i < drawn));
            assert_true(indices[i] < N && (i == 0 || i >= drawn || indices[i] > indices[i - 1]));
            often[indices[i]] += i < drawn;
        }
        total += drawn;
        square += drawn * drawn;
    }
    /* 10 a sample, variance 9.8; each record 80 times, deviation 9 */
    assert_true(fabs((double)total / ROUNDS - 10) < 0.25);
    assert_true(fabs((double)square / ROUNDS - pow((double)total / ROUNDS, 2) - 9.8) < 1);
    for (int i = 0; i < N; i++)
        assert_true(often[i] > 35 && often[i] < 130);
}

static void room_is_enough_and_want_of_it_an_error(void **state)
{
    weir_random random = weir_random_new(5, "sample");
    uint32_t indices[100];
    nn_real mask[100];
    weir_error error = {0};
    uint64_t drawn = 7;

    (void)state;
    assert_int_equal(nn_poisson_max(60000, 0), 0);
    assert_int_equal(nn_poisson_max(60000, 1), 60000);
    /* scipy.stats.binom.isf(1e-9, 60000, 256 / 60000) = 356 */
    assert_in_range(nn_poisson_max(60000, 256.0 / 60000), 356, 357);
    assert_int_equal(nn_poisson_sample(&random, 100, 1, 100, indices, mask, &drawn, &error),
                     WEIR_OK);
    assert_int_equal(drawn, 100);
    assert_int_equal(indices[99], 99);
    assert_int_equal(nn_poisson_sample(&random, 100, 0, 0, indices, mask, &drawn, &error), WEIR_OK);
    assert_int_equal(drawn, 0);
    assert_int_equal(nn_poisson_sample(&random, 100, 1, 99, indices, mask, &drawn, &error),
                     WEIR_EOPTION);
    assert_non_null(strstr(error.text, "more than 99 of 100"));
    error = (weir_error){0};
    assert_int_equal(nn_poisson_sample(&random, 100, NAN, 99, indices, mask, &drawn, &error),
                     WEIR_EOPTION);
}

/* ---- All of it --------------------------------------------------------------------------------
 */

/* target = 2 a - b from 400 records, privately: samples of 40, micro-batches of 16. */
static void a_private_fit_learns(void **state)
{
    enum { RECORDS = 400, MICRO = 16, STEPS = 250 };
    nn_graph *g = nn_graph_new(&(nn_settings){.seed = 2, .device = "cpu", .threads = 1});
    nn_node *x = nn_input(g, "x", 2, (int64_t[]){1, 2}),
            *t = nn_input(g, "t", 2, (int64_t[]){1, 1});
    nn_node *loss = nn_mse(nn_linear(x, 1, "m"), t);
    nn_adam_options adam = {.rate = 0.05};
    nn_private_options options = {
        .examples = MICRO, .clip = 1, .noise = 1, .expected = 40, .adam = &adam};
    nn_private dp = nn_private_step(loss, "m.", &options);
    nn_stage stages[] = {{"add", 1, &dp.accumulate}, {"step", 1, &dp.apply}};
    nn_program *program = nn_compile(g, 2, stages);
    nn_mechanism mechanism = {1, 0.1, STEPS};
    weir_random random = weir_random_new(4, "records");
    uint64_t max = nn_poisson_max(RECORDS, 0.1), drawn;
    nn_real records[RECORDS][3], mask[RECORDS + MICRO] = {0}, weight[2];
    uint32_t indices[RECORDS];
    double epsilon;

    (void)state;
    if (!program)
        fail_msg("%s", nn_error(g)->text);
    assert_string_equal(dp.input[0]->name, "x.each");
    assert_string_equal(dp.input[1]->name, "t.each");
    for (int i = 0; i < RECORDS; i++) {
        for (int k = 0; k < 2; k++)
            records[i][k] = (nn_real)(2 * weir_random_uniform(&random) - 1);
        records[i][2] = 2 * records[i][0] - records[i][1];
    }
    for (int step = 0; step < STEPS; step++) {
        assert_int_equal(nn_poisson_sample(&random, RECORDS, 0.1, max, indices, mask, &drawn, NULL),
                         WEIR_OK);
        for (uint64_t first = 0; first == 0 || first < drawn; first += MICRO) {
            nn_real xs[MICRO][2] = {0}, ts[MICRO] = {0};
            for (uint64_t i = first; i < first + MICRO && i < drawn; i++) {
                memcpy(xs[i - first], records[indices[i]], sizeof xs[0]);
                ts[i - first] = records[indices[i]][2];
            }
            nn_write(dp.input[0], xs[0]);
            nn_write(dp.input[1], ts);
            nn_write(dp.mask, mask + first);
            nn_run(program, 0);
        }
        assert_int_equal(nn_run(program, 1), WEIR_OK);
    }
    assert_int_equal(nn_value(nn_find(g, "m.weight"), weight), WEIR_OK);
    assert_true(fabs((double)weight[0] - 2) < 0.25);
    assert_true(fabs((double)weight[1] + 1) < 0.25);
    nn_privacy_epsilon(1, &mechanism, 1e-5, NN_CONVERT, &epsilon, NULL, NULL);
    assert_true(epsilon > 5 && epsilon < 15);
    nn_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clipping_is_that_of_a_loop),
        cmocka_unit_test(masked_rows_leave_no_trace),
        cmocka_unit_test(noise_mean_and_descent),
        cmocka_unit_test(micro_batches_make_one_step),
        cmocka_unit_test(noise_is_of_every_parameter),
        cmocka_unit_test(examples_draw_their_own_noise),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(micro_batches_fit_their_memory),
        cmocka_unit_test(samples_are_poisson),
        cmocka_unit_test(room_is_enough_and_want_of_it_an_error),
        cmocka_unit_test(a_private_fit_learns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
