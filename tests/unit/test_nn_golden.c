/* Layers, losses and derivatives of the second order against PyTorch in float64. */
#include "golden_nn.h"

static const char *join(const golden *c, const char *a, const char *b)
{
    return nn_namef(c->g, "%s.%s", a, b);
}

/* The sum of y * by. */
static nn_node *weighted(nn_node *y, nn_node *by)
{
    return nn_total(nn_mul(y, by));
}

static void recurrent(golden *c, bool lstm)
{
    nn_recurrent in = {.sequence = golden_input(c, "sequence"),
                       .constant = golden_input(c, "constant"),
                       .h = golden_input(c, "h"),
                       .c = lstm ? golden_input(c, "c") : NULL,
                       .hidden = 6};
    nn_recurrent_result out = lstm ? nn_lstm(&in, "net") : nn_gru(&in, "net");
    nn_node *loss = nn_add(weighted(out.outputs, golden_input(c, "by.outputs")),
                           weighted(out.h, golden_input(c, "by.h")));

    if (lstm)
        loss = nn_add(loss, weighted(out.c, golden_input(c, "by.c")));
    golden_expect(c, out.outputs, "out.outputs");
    golden_expect(c, out.h, "out.h");
    golden_expect(c, loss, "out.loss");
    golden_expect_gradient(c, loss, in.sequence, "grad.sequence");
    golden_expect_gradient(c, loss, in.constant, "grad.constant");
    golden_expect_gradient(c, loss, in.h, "grad.h");
    if (lstm) {
        golden_expect(c, out.c, "out.c");
        golden_expect_gradient(c, loss, in.c, "grad.c");
    }
    assert_int_equal(golden_expect_gradients(c, loss, "grad.", "net."), 4);
    golden_run(c, NULL);
}

static void run_lstm(golden *c)
{
    recurrent(c, true);
}

/* The same step by step. */
static void run_lstm_steps(golden *c)
{
    nn_node *sequence = golden_input(c, "sequence"), *constant = golden_input(c, "constant");
    nn_node *h = golden_input(c, "h"), *cell = golden_input(c, "c"), *outputs[5], *loss;

    for (int t = 0; t < 5; t++) {
        nn_node *x = nn_reshape(nn_slice(sequence, 0, t, 1), 2, (int64_t[]){4, 3});
        nn_lstm_step(nn_concat(1, 2, (nn_node *[]){constant, x}), &h, &cell, "net");
        outputs[t] = nn_reshape(h, 3, (int64_t[]){1, 4, 6});
    }
    loss = weighted(nn_concat(0, 5, outputs), golden_input(c, "by.outputs"));
    loss = nn_add(loss, weighted(h, golden_input(c, "by.h")));
    loss = nn_add(loss, weighted(cell, golden_input(c, "by.c")));
    golden_expect(c, loss, "out.loss");
    golden_expect_gradient(c, loss, sequence, "grad.sequence");
    golden_expect_gradient(c, loss, constant, "grad.constant");
    assert_int_equal(golden_expect_gradients(c, loss, "grad.", "net."), 4);
    golden_run(c, NULL);
}

static void lstm(void **state)
{
    (void)state;
    golden_each(run_lstm, "lstm");
    golden_each(run_lstm_steps, "lstm");
}

static void run_gru(golden *c)
{
    recurrent(c, false);
}

static void gru(void **state)
{
    (void)state;
    golden_each(run_gru, "gru");
}

/* Three batches in training mode, then one with the running statistics. */
static void batch_norm_of(golden *c, const char *name, double momentum, double epsilon)
{
    nn_node *x = golden_input(c, join(c, name, "x0")), *by = golden_input(c, join(c, name, "by0"));
    nn_program *program[2];
    nn_node *y[2], *gradient[2][3];

    for (int mode = 0; mode < 2; mode++) {
        nn_node *wrt[3] = {x}, *outputs[5], *loss;
        nn_training(c->g, mode == 0);
        y[mode] = nn_batch_norm(x, momentum, epsilon, name);
        loss = weighted(y[mode], by);
        wrt[1] = nn_find(c->g, join(c, name, "weight"));
        wrt[2] = nn_find(c->g, join(c, name, "bias"));
        assert_true(wrt[1] && wrt[2]);
        golden_check_status(c, nn_grad(loss, 3, wrt, gradient[mode]));
        outputs[0] = y[mode];
        for (int i = 0; i < 3; i++)
            outputs[1 + i] = gradient[mode][i];
        if (mode == 0)
            outputs[4] = nn_updates(c->g, join(c, name, ""));
        program[mode] = nn_compile(c->g, 1, &(nn_stage){name, mode == 0 ? 5 : 4, outputs});
        if (!program[mode])
            fail_msg("%s", nn_error(c->g)->text);
    }
    nn_training(c->g, true);
    for (int i = 0; i < 4; i++) {
        int mode = i == 3;
        golden_write(c, x, golden_tensor(c, nn_namef(c->g, "in.%s.x%d", name, i)));
        golden_write(c, by, golden_tensor(c, nn_namef(c->g, "in.%s.by%d", name, i)));
        golden_check_status(c, nn_run(program[mode], 0));
        golden_read(c, program[mode], y[mode],
                    golden_tensor(c, nn_namef(c->g, "out.%s.y%d", name, i)));
        golden_read(c, program[mode], gradient[mode][0],
                    golden_tensor(c, nn_namef(c->g, "grad.%s.x%d", name, i)));
        golden_read(c, program[mode], gradient[mode][1],
                    golden_tensor(c, nn_namef(c->g, "grad.%s.%d.weight", name, i)));
        golden_read(c, program[mode], gradient[mode][2],
                    golden_tensor(c, nn_namef(c->g, "grad.%s.%d.bias", name, i)));
    }
    golden_after(c, "after.", join(c, name, ""));
}

static void run_batch_norm(golden *c)
{
    const int64_t rows[] = {7, 5}, images[] = {2, 3, 4, 3};

    /* The variables of both exist before they are set. */
    nn_batch_norm(nn_input(c->g, "first_rows", 2, rows), 0, 0, "rows");
    nn_batch_norm(nn_input(c->g, "first_images", 4, images), 0.4, 1e-3, "images");
    golden_set(c);
    batch_norm_of(c, "rows", 0, 0);
    batch_norm_of(c, "images", 0.4, 1e-3);
}

static void batch_norm(void **state)
{
    (void)state;
    golden_each(run_batch_norm, "batch_norm");
}

static void norm_of(golden *c, const char *name, nn_node *x, nn_node *y)
{
    nn_node *loss = weighted(y, golden_input(c, join(c, name, "by"))), *gradient = NULL, *second;

    golden_expect(c, y, nn_namef(c->g, "out.%s.y", name));
    golden_check_status(c, nn_grad(loss, 1, &x, &gradient));
    golden_expect(c, gradient, nn_namef(c->g, "grad.%s.x", name));
    assert_int_equal(golden_expect_gradients(c, loss, "grad.", nn_namef(c->g, "%s.", name)), 2);
    second = weighted(gradient, golden_input(c, join(c, name, "again")));
    golden_expect_gradient(c, second, x, nn_namef(c->g, "second.%s.x", name));
    golden_expect_gradient(c, second, nn_find(c->g, join(c, name, "weight")),
                           nn_namef(c->g, "second.%s.weight", name));
}

static void run_norms(golden *c)
{
    nn_node *x = golden_input(c, "layer.x"), *images = golden_input(c, "group.x");

    norm_of(c, "layer", x, nn_layer_norm(x, 0, "layer"));
    norm_of(c, "group", images, nn_group_norm(images, 4, 0, "group"));
    golden_run(c, NULL);
}

static void layer_and_group_norm(void **state)
{
    (void)state;
    golden_each(run_norms, "norms");
}

static void run_attention(golden *c)
{
    static const char *const names[] = {"causal", "full"};

    for (int i = 0; i < 2; i++) {
        nn_node *x = golden_input(c, join(c, names[i], "x"));
        nn_node *y = nn_attention(x, 2, i == 0, names[i]);
        nn_node *loss = weighted(y, golden_input(c, join(c, names[i], "by")));
        golden_expect(c, y, nn_namef(c->g, "out.%s.y", names[i]));
        golden_expect(c, loss, nn_namef(c->g, "out.%s.loss", names[i]));
        golden_expect_gradient(c, loss, x, nn_namef(c->g, "grad.%s.x", names[i]));
        assert_int_equal(golden_expect_gradients(c, loss, "grad.", nn_namef(c->g, "%s.", names[i])),
                         4);
    }
    golden_run(c, NULL);
}

static void attention(void **state)
{
    (void)state;
    golden_each(run_attention, "attention");
}

static void run_embedding(golden *c)
{
    nn_node *y = nn_embedding(golden_input(c, "index"), 7, 4, "net");
    nn_node *loss = weighted(nn_square(y), golden_input(c, "by"));

    golden_expect(c, y, "out.y");
    golden_expect(c, loss, "out.loss");
    assert_int_equal(golden_expect_gradients(c, loss, "grad.", "net."), 1);
    golden_run(c, NULL);
}

static void embedding(void **state)
{
    (void)state;
    golden_each(run_embedding, "embedding");
}

static nn_node *first_softmax(nn_node *x)
{
    return nn_softmax(x, 0);
}

static nn_node *last_softmax(nn_node *x)
{
    return nn_softmax(x, -1);
}

static nn_node *log_softmax(nn_node *x)
{
    return nn_log_softmax(x, 1);
}

static nn_node *softmax_groups(nn_node *x)
{
    return nn_softmax_groups(x, 4, (int64_t[]){2, 2, 1, 1});
}

static nn_node *leaky_relu(nn_node *x)
{
    return nn_leaky_relu(x, 0.2);
}

static void run_losses(golden *c)
{
    static const struct {
        const char *name;
        nn_node *(*of)(nn_node *x);
    } activations[] = {{"softmax", last_softmax},
                       {"softmax_first", first_softmax},
                       {"log_softmax", log_softmax},
                       {"softmax_groups", softmax_groups},
                       {"relu", nn_relu},
                       {"leaky_relu", leaky_relu},
                       {"elu", nn_elu},
                       {"gelu", nn_gelu},
                       {"silu", nn_silu},
                       {"softplus", nn_softplus}};
    nn_node *logits = golden_input(c, "logits"), *x = golden_input(c, "x");
    nn_node *target = golden_input(c, "target"), *by = golden_input(c, "by");
    nn_node *loss = nn_cross_entropy(logits, golden_input(c, "index"));

    golden_expect(c, loss, "out.cross_entropy");
    golden_expect_gradient(c, loss, logits, "grad.logits");
    loss = nn_mse(x, target);
    golden_expect(c, loss, "out.mse");
    golden_expect_gradient(c, loss, x, "grad.mse");
    loss = nn_binary_cross_entropy(x, target);
    golden_expect(c, loss, "out.binary_cross_entropy");
    golden_expect_gradient(c, loss, x, "grad.binary_cross_entropy");
    for (size_t i = 0; i < sizeof activations / sizeof activations[0]; i++) {
        nn_node *y = activations[i].of(x);
        golden_expect(c, y, join(c, "out", activations[i].name));
        golden_expect_gradient(c, weighted(y, by), x, join(c, "grad", activations[i].name));
    }
    golden_run(c, NULL);
}

static void losses_and_activations(void **state)
{
    (void)state;
    golden_each(run_losses, "losses");
}

/* The derivative of <gradient, v> by everything: a Hessian-vector product of a whole MLP. */
static void run_second_order(golden *c)
{
    static const struct {
        const char *name;
        nn_node *(*of)(nn_node *x);
    } activations[] = {{"gelu", nn_gelu},         {"tanh", nn_tanh}, {"sigmoid", nn_sigmoid},
                       {"softplus", nn_softplus}, {"erf", nn_erf},   {"silu", nn_silu},
                       {"sin", nn_sin},           {"elu", nn_elu}};
    enum { AT = 7 };

    for (size_t i = 0; i < sizeof activations / sizeof activations[0]; i++) {
        const char *name = activations[i].name;
        nn_node *at[AT], *gradient[AT], *second[AT], *h, *loss, *along = nn_scalar(c->g, 0);
        for (int k = 0; k < AT; k++)
            at[k] = golden_input(c, nn_namef(c->g, "%s.%d", name, k));
        h = at[0];
        for (int k = 1; k < AT; k += 2) {
            h = nn_add(nn_matmul(h, at[k], false, true), at[k + 1]);
            h = k + 2 < AT ? activations[i].of(h) : h;
        }
        loss = nn_total(nn_square(h));
        golden_expect(c, loss, nn_namef(c->g, "out.%s.loss", name));
        golden_check_status(c, nn_grad(loss, AT, at, gradient));
        for (int k = 0; k < AT; k++) {
            nn_node *v = golden_input(c, nn_namef(c->g, "%s.v%d", name, k));
            golden_expect(c, gradient[k], nn_namef(c->g, "grad.%s.%d", name, k));
            along = nn_add(along, weighted(gradient[k], v));
        }
        golden_check_status(c, nn_grad(along, AT, at, second));
        for (int k = 0; k < AT; k++)
            golden_expect(c, second[k], nn_namef(c->g, "second.%s.%d", name, k));
    }
    golden_run(c, NULL);
}

static void second_order(void **state)
{
    (void)state;
    golden_each(run_second_order, "second_order");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lstm),
        cmocka_unit_test(gru),
        cmocka_unit_test(batch_norm),
        cmocka_unit_test(layer_and_group_norm),
        cmocka_unit_test(attention),
        cmocka_unit_test(embedding),
        cmocka_unit_test(losses_and_activations),
        cmocka_unit_test(second_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
