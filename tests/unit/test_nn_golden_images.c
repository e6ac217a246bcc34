/* Convolutions to the second order, sampling, and a whole U-Net step against PyTorch in float64. */
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

static void run_convolution(golden *c)
{
    static const struct {
        const char *name;
        int64_t stride, pad;
    } cases[] = {{"same", 1, 1}, {"half", 2, 1}, {"odd", 2, 1}, {"point", 1, 0}, {"valid", 1, 0}};
    nn_node *image = golden_input(c, "image");

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *name = cases[i].name;
        nn_node *at[2] = {golden_input(c, join(c, name, "x")), golden_input(c, join(c, name, "w"))};
        nn_node *y = nn_conv2d(at[0], at[1], cases[i].stride, cases[i].pad), *gradient[2], *second;
        nn_node *loss = weighted(nn_mul(y, nn_square(y)), golden_input(c, join(c, name, "by")));
        golden_expect(c, y, nn_namef(c->g, "out.%s.y", name));
        golden_check_status(c, nn_grad(loss, 2, at, gradient));
        golden_expect(c, gradient[0], nn_namef(c->g, "grad.%s.x", name));
        golden_expect(c, gradient[1], nn_namef(c->g, "grad.%s.w", name));
        second = nn_add(weighted(gradient[0], golden_input(c, join(c, name, "v"))),
                        weighted(gradient[1], golden_input(c, join(c, name, "u"))));
        golden_expect_gradient(c, second, at[0], nn_namef(c->g, "second.%s.x", name));
        golden_expect_gradient(c, second, at[1], nn_namef(c->g, "second.%s.w", name));
    }
    for (int i = 0; i < 2; i++) {
        nn_node *y = i ? nn_downsample(image, 2) : nn_upsample(image, 2);
        golden_expect(c, y, i ? "out.down" : "out.up");
        golden_expect_gradient(c, nn_total(nn_mul(y, nn_square(y))), image,
                               i ? "grad.down" : "grad.up");
    }
    golden_run(c, NULL);
}

static void convolution_and_sampling(void **state)
{
    (void)state;
    golden_each(run_convolution, "convolution");
}

static nn_node *residual(nn_node *x, nn_node *time, int64_t channels, const char *name)
{
    nn_graph *g = nn_graph_of(x);
    nn_node *h = nn_silu(nn_group_norm(x, 2, 0, nn_namef(g, "%s.norm1", name)));
    nn_node *shift = nn_linear(nn_silu(time), channels, nn_namef(g, "%s.time", name));

    h = nn_conv(h, channels, 3, 1, 1, nn_namef(g, "%s.conv1", name));
    h = nn_add(h, nn_reshape(shift, 4, (int64_t[]){nn_size(shift, 0), 1, 1, channels}));
    h = nn_silu(nn_group_norm(h, 2, 0, nn_namef(g, "%s.norm2", name)));
    h = nn_conv(h, channels, 3, 1, 1, nn_namef(g, "%s.conv2", name));
    if (nn_size(x, 3) != channels)
        x = nn_conv(x, channels, 1, 1, 0, nn_namef(g, "%s.skip", name));
    return nn_add(h, x);
}

static nn_node *unet_model(nn_node *x, nn_node *embedded)
{
    static const int64_t channels[3] = {4, 6, 8};
    nn_graph *g = nn_graph_of(x);
    nn_node *time = nn_linear(nn_silu(nn_linear(embedded, 12, "net.embed0")), 12, "net.embed1");
    nn_node *kept[3], *tokens;
    int64_t height;

    x = nn_conv(x, channels[0], 3, 1, 1, "net.first");
    for (int i = 0; i < 3; i++) {
        kept[i] = x = residual(x, time, channels[i], nn_namef(g, "net.down.%d", i));
        if (i < 2)
            x = nn_conv(x, channels[i], 3, 2, 1, nn_namef(g, "net.shrink.%d", i));
    }
    height = nn_size(x, 1);
    tokens = nn_reshape(nn_group_norm(x, 2, 0, "net.norm"), 3, (int64_t[]){2, -1, channels[2]});
    tokens = nn_attention(tokens, 2, false, "net.attention");
    x = nn_add(x, nn_reshape(tokens, 4, (int64_t[]){2, height, -1, channels[2]}));
    x = residual(x, time, channels[2], "net.middle");
    for (int i = 0; i < 3; i++) {
        x = nn_concat(3, 2, (nn_node *[]){x, kept[2 - i]});
        x = residual(x, time, channels[2 - i], nn_namef(g, "net.up.%d", i));
        if (i < 2)
            x = nn_conv(nn_upsample(x, 2), channels[1 - i], 3, 1, 1, nn_namef(g, "net.grow.%d", i));
    }
    return nn_conv(nn_silu(nn_group_norm(x, 2, 0, "net.last_norm")), 1, 3, 1, 1, "net.last");
}

static void run_unet(golden *c)
{
    nn_node *x = golden_input(c, "x"), *noise = golden_input(c, "noise");
    nn_node *share = nn_reshape(golden_input(c, "share"), 4, (int64_t[]){2, 1, 1, 1});
    nn_node *embedded = nn_time_embedding(golden_input(c, "time"), 8), *guess, *loss;

    x = nn_add(nn_mul(nn_sqrt(share), x), nn_mul(nn_sqrt(nn_shift(nn_neg(share), 1)), noise));
    guess = unet_model(x, embedded);
    loss = nn_mse(guess, noise);
    golden_expect(c, embedded, "out.embedded");
    golden_expect(c, guess, "out.guess");
    golden_expect(c, loss, "out.loss");
    assert_true(golden_expect_gradients(c, loss, "grad.", "net.") > 90);
    golden_run(c, nn_adam(loss, "net.", &(nn_adam_options){.rate = 1e-2, .epsilon = 1e-3}));
    golden_after(c, "after.", "net.");
}

static void unet_step(void **state)
{
    (void)state;
    golden_each(run_unet, "unet");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolution_and_sampling),
        cmocka_unit_test(unet_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
