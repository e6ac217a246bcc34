/* Whole training steps, optimisers and schedules against PyTorch in float64. */
#include "golden_nn.h"

/* ---- WGAN-GP ---- */
static nn_node *critic(nn_node *condition, nn_node *x)
{
    nn_node *h = nn_concat(1, 2, (nn_node *[]){condition, x});

    for (int i = 0; i < 8; i += 2)
        h = nn_gelu(nn_linear(h, 16, nn_namef(nn_graph_of(x), "critic.%d", i)));
    return nn_linear(h, 1, "critic.8");
}

static nn_node *generator(nn_node *condition, nn_node *noise)
{
    nn_node *h = nn_concat(1, 2, (nn_node *[]){condition, noise}), *parts[3];

    h = nn_gelu(nn_batch_norm(nn_linear(h, 16, "generator.0"), 0, 0, "generator.1"));
    h = nn_gelu(nn_batch_norm(nn_linear(h, 16, "generator.3"), 0, 0, "generator.4"));
    h = nn_linear(h, 8, "generator.6");
    parts[0] = nn_softmax_groups(nn_slice(h, 1, 0, 4), 2, (int64_t[]){2, 2});
    parts[1] = nn_tanh(nn_slice(h, 1, 4, 2));
    parts[2] = nn_sigmoid(nn_slice(h, 1, 6, 2));
    return nn_concat(1, 3, parts);
}

/* Stage 0 is the critic's step, stage 1 the generator's, which reads the new critic. */
static void run_wgan(golden *c)
{
    const nn_adam_options adam = {.rate = 1e-2, .beta1 = 0.5, .beta2 = 0.9, .epsilon = 1e-3};
    nn_node *condition = golden_input(c, "condition"), *mix = golden_input(c, "mix");
    nn_node *real = golden_input(c, "real");
    nn_node *fake = generator(condition, golden_input(c, "noise")), *fixed = nn_stop(fake);
    nn_node *between = nn_add(nn_mul(mix, real), nn_mul(nn_shift(nn_neg(mix), 1), fixed));
    nn_node *score = critic(condition, between), *slope = NULL;
    nn_node *penalty = nn_gradient_penalty(score, 1, &between, 0);
    nn_node *distance = nn_wgan_critic(critic(condition, real), critic(condition, fixed));
    nn_node *loss = nn_add(distance, nn_scale(penalty, 10));
    nn_node *outputs[2][GOLDEN_MOST];
    nn_program *program;
    int n[2] = {0}, first;

    golden_expect(c, fake, "out.fake");
    golden_check_status(c, nn_grad(score, 1, &between, &slope));
    golden_expect(c, slope, "out.slope");
    golden_expect(c, penalty, "out.penalty");
    golden_expect(c, distance, "out.distance");
    golden_expect(c, loss, "out.critic_loss");
    assert_int_equal(golden_expect_gradients(c, loss, "grad.", "critic."), 10);
    first = c->expected;
    while (n[0] < first) {
        outputs[0][n[0]] = c->expect[n[0]].node;
        n[0]++;
    }
    outputs[0][n[0]++] = nn_adam(loss, "critic.", &adam);

    loss = nn_wgan_generator(critic(condition, fake));
    golden_expect(c, loss, "out.generator_loss");
    assert_int_equal(golden_expect_gradients(c, loss, "grad.", "generator."), 10);
    for (int i = first; i < c->expected; i++)
        outputs[1][n[1]++] = c->expect[i].node;
    outputs[1][n[1]++] = nn_adam(loss, "generator.", &adam);
    outputs[1][n[1]++] = nn_updates(c->g, "generator.");

    program = nn_compile(
        c->g, 2, (nn_stage[]){{"critic", n[0], outputs[0]}, {"generator", n[1], outputs[1]}});
    if (!program)
        fail_msg("%s", nn_error(c->g)->text);
    golden_set(c);
    golden_check_status(c, nn_run(program, 0));
    for (int i = 0; i < first; i++)
        golden_read(c, program, c->expect[i].node, c->expect[i].tensor);
    golden_after(c, "after.", "critic.");
    golden_check_status(c, nn_run(program, 1));
    for (int i = first; i < c->expected; i++)
        golden_read(c, program, c->expect[i].node, c->expect[i].tensor);
    golden_after(c, "after.", "");
}

static void wgan_steps(void **state)
{
    (void)state;
    golden_each(run_wgan, "wgan");
}

static void run_penalty(golden *c)
{
    nn_node *inputs[2] = {golden_input(c, "a"), golden_input(c, "b")};
    nn_node *h = nn_tanh(nn_linear(nn_concat(1, 2, inputs), 9, "net.0"));
    nn_node *score = nn_linear(nn_silu(nn_linear(h, 9, "net.2")), 1, "net.4");
    nn_node *loss = nn_gradient_penalty(score, 2, inputs, 0);

    golden_expect(c, loss, "out.loss");
    golden_expect_gradient(c, loss, inputs[0], "grad.a");
    golden_expect_gradient(c, loss, inputs[1], "grad.b");
    assert_int_equal(golden_expect_gradients(c, loss, "grad.", "net."), 6);
    golden_run(c, NULL);
}

static void penalty_of_two_inputs(void **state)
{
    (void)state;
    golden_each(run_penalty, "penalty");
}

/* ---- optimisers ---- */
static nn_node *regression(golden *c)
{
    nn_node *h = nn_tanh(nn_linear(golden_input(c, "x"), 6, "net.0"));

    return nn_mse(nn_linear(h, 2, "net.2"), golden_input(c, "target"));
}

static void check_number(const golden *c, nn_program *program, nn_node *node, const char *name,
                         int step)
{
    nn_real value = 0;

    golden_check_status(c, nn_read(program, node, &value));
    golden_compare(c, &value, golden_values(c, name) + step, 1, name);
}

/* Ten steps: each loss, each norm of the gradient (norm may be NULL), and the weights after the
 * last.
 */
static void ten_steps(golden *c, const char *name, nn_node *loss, nn_node *update, nn_node *norm)
{
    nn_node *outputs[] = {loss, update, norm};
    nn_program *program = nn_compile(c->g, 1, &(nn_stage){name, norm ? 3 : 2, outputs});

    if (!program)
        fail_msg("%s: %s", name, nn_error(c->g)->text);
    golden_set(c);
    for (int i = 0; i < 10; i++) {
        golden_check_status(c, nn_run(program, 0));
        check_number(c, program, loss, nn_namef(c->g, "out.%s.loss", name), i);
        if (norm)
            check_number(c, program, norm, nn_namef(c->g, "out.%s.norm", name), i);
    }
    golden_after(c, nn_namef(c->g, "after.%s.", name), "net.");
}

static const nn_adam_options adam_options = {
    .rate = 0.05, .beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-6};

static void run_sgd(golden *c)
{
    nn_node *loss = regression(c);

    ten_steps(c, "sgd", loss, nn_sgd(loss, "net.", &(nn_sgd_options){.rate = 0.05}), NULL);
}

static void run_momentum(golden *c)
{
    nn_node *loss = regression(c);

    ten_steps(c, "momentum", loss,
              nn_sgd(loss, "net.", &(nn_sgd_options){.rate = 0.05, .momentum = 0.9}), NULL);
}

static void run_sgd_decay(golden *c)
{
    nn_node *loss = regression(c);
    const nn_sgd_options options = {.rate = 0.05, .momentum = 0.9, .weight_decay = 0.1};

    ten_steps(c, "sgd_decay", loss, nn_sgd(loss, "net.", &options), NULL);
}

static void run_clipped(golden *c)
{
    nn_node *loss = regression(c), *norm = NULL, *update;
    const nn_sgd_options options = {
        .rate = 0.3, .momentum = 0.5, .update = {.clip = 1, .norm = &norm}};

    update = nn_sgd(loss, "net.", &options);
    assert_non_null(norm);
    ten_steps(c, "clipped", loss, update, norm);
}

static void run_adam(golden *c)
{
    nn_node *loss = regression(c);

    ten_steps(c, "adam", loss, nn_adam(loss, "net.", &adam_options), NULL);
}

static void run_adam_default(golden *c)
{
    nn_node *loss = regression(c);

    ten_steps(c, "adam_default", loss, nn_adam(loss, "net.", &(nn_adam_options){.rate = 0.01}),
              NULL);
}

static void run_adam_decay(golden *c)
{
    nn_node *loss = regression(c);
    nn_adam_options options = adam_options;

    options.weight_decay = 0.1;
    ten_steps(c, "adam_decay", loss, nn_adam(loss, "net.", &options), NULL);
}

static void run_adamw(golden *c)
{
    nn_node *loss = regression(c);
    nn_adam_options options = adam_options;

    options.weight_decay = 0.1;
    ten_steps(c, "adamw", loss, nn_adamw(loss, "net.", &options), NULL);
}

static void run_cosine(golden *c)
{
    nn_node *loss = regression(c), *counting = NULL, *both[2];
    nn_adam_options options = adam_options;

    options.update.rate = nn_schedule_cosine(nn_counter(c->g, "steps", &counting), 0.05, 0.01, 10);
    both[0] = nn_adam(loss, "net.", &options);
    both[1] = counting;
    ten_steps(c, "cosine", loss, nn_group(c->g, 2, both), NULL);
}

/* The average sees a step's weights in the next run: eleven runs are PyTorch's ten steps. */
static void run_ema(golden *c)
{
    nn_node *loss = regression(c), *both[2] = {nn_adam(loss, "net.", &adam_options)};
    nn_program *program;

    both[1] = nn_ema(c->g, "net.", 0.9);
    program = nn_compile(c->g, 1, &(nn_stage){"ema", 2, both});
    if (!program)
        fail_msg("%s", nn_error(c->g)->text);
    golden_set(c);
    for (int i = 0; i < 11; i++)
        golden_check_status(c, nn_run(program, 0));
    golden_after(c, "after.", "ema.");
}

static void optimisers(void **state)
{
    static void (*const runs[])(golden * c) = {
        run_sgd,          run_momentum,   run_sgd_decay, run_clipped, run_adam,
        run_adam_default, run_adam_decay, run_adamw,     run_cosine,  run_ema};

    (void)state;
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++)
        golden_each(runs[i], "optimisers");
}

/* ---- noise ---- */
static void run_gumbel(golden *c)
{
    static const char *const names[] = {"soft", "hard"};
    const int64_t shape[] = {3, 5};
    nn_node *x = golden_input(c, "x"), *by = golden_input(c, "by"), *outputs[6];
    const char *of[6] = {"out.soft",  "grad.soft",   "out.hard",
                         "grad.hard", "out.uniform", "out.normal"};
    nn_program *program;

    for (int i = 0; i < 2; i++) {
        outputs[2 * i] = nn_gumbel_softmax(x, 0.7, i == 1, names[i]);
        golden_check_status(
            c, nn_grad(nn_total(nn_mul(outputs[2 * i], by)), 1, &x, &outputs[2 * i + 1]));
    }
    outputs[4] = nn_noise_uniform(c->g, "uniform", 2, shape);
    outputs[5] = nn_noise_normal(c->g, "normal", 2, shape);
    program = nn_compile(c->g, 1, &(nn_stage){"gumbel", 6, outputs});
    if (!program)
        fail_msg("%s", nn_error(c->g)->text);
    golden_set(c);
    for (int draw = 0; draw < 2; draw++) {
        golden_check_status(c, nn_run(program, 0));
        for (int i = 0; i < 6; i++)
            golden_read(c, program, outputs[i],
                        golden_tensor(c, nn_namef(c->g, "%s.%d", of[i], draw)));
    }
}

static void gumbel_softmax(void **state)
{
    (void)state;
    golden_each(run_gumbel, "gumbel");
}

/* ---- schedules, initial values ---- */
static void run_schedules(golden *c)
{
    nn_node *counting = NULL, *t = nn_counter(c->g, "t", &counting);
    nn_node *outputs[] = {nn_schedule_step(t, 0.2, 0.6, 5), nn_schedule_cosine(t, 0.2, 0.01, 24),
                          nn_schedule_warmup(t, nn_scalar(c->g, 0.2), 8), counting};
    static const char *const names[] = {"out.step", "out.cosine", "out.warmup"};
    nn_program *program = nn_compile(c->g, 1, &(nn_stage){"schedules", 4, outputs});

    if (!program)
        fail_msg("%s", nn_error(c->g)->text);
    for (int step = 0; step < 24; step++) {
        golden_check_status(c, nn_run(program, 0));
        for (int i = 0; i < 3; i++)
            check_number(c, program, outputs[i], names[i], step);
    }
}

static void schedules(void **state)
{
    (void)state;
    golden_each(run_schedules, "schedules");
}

static void assert_uniform(nn_init init, double bound)
{
    assert_int_equal(init.kind, NN_UNIFORM);
    assert_near(init.a, -bound, 1e-12);
    assert_near(init.b, bound, 1e-12);
}

static void initial_bounds(void **state)
{
    golden c;
    const double *fans;

    (void)state;
    golden_open(&c, "schedules", 0, 1);
    fans = golden_values(&c, "in.fans");
    for (int i = 0; i < 3; i++) {
        int64_t in = (int64_t)fans[2 * i], out = (int64_t)fans[2 * i + 1];
        assert_uniform(nn_init_fan_in(in), golden_values(&c, "out.fan_in")[i]);
        assert_uniform(nn_init_xavier(in, out, 5.0 / 3), golden_values(&c, "out.xavier")[i]);
        assert_uniform(nn_init_kaiming(in, 0.2), golden_values(&c, "out.kaiming")[i]);
    }
    golden_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wgan_steps), cmocka_unit_test(penalty_of_two_inputs),
        cmocka_unit_test(optimisers), cmocka_unit_test(gumbel_softmax),
        cmocka_unit_test(schedules),  cmocka_unit_test(initial_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
