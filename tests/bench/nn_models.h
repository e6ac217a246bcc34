/* The models that the engine's benchmarks train, at the sizes of the published configurations:
 * CascadeGAN's three stages (CAIDA: batch 128, width 512, 200 steps), DoppelGANger as NetShare
 * trains it, and a small U-Net. Each builder returns a compiled program and says how its stages
 * make one fit step. */
#ifndef WEIR_BENCH_NN_MODELS_H
#define WEIR_BENCH_NN_MODELS_H

#include <math.h>
#include <stdlib.h>

#include <weir/nn.h>

#define SHAPE(...)                                                                                 \
    (const int64_t[])                                                                              \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

typedef struct model {
    nn_graph *graph;
    nn_program *program;
    int stages;
    int repeat[3]; /* runs of each stage in one fit step */
    const char *unit;
} model;

static inline nn_node *join(int axis, nn_node *a, nn_node *b)
{
    return nn_concat(axis, 2, (nn_node *[]){a, b});
}

/* (Linear, GELU) x layers, Linear 1. */
static inline nn_node *critic(nn_node *x, int layers, int64_t width, bool gelu, const char *name)
{
    nn_graph *g = nn_graph_of(x);
    for (int i = 0; i < layers; i++) {
        x = nn_linear(x, width, nn_namef(g, "%s.%d", name, i));
        x = gelu ? nn_gelu(x) : nn_relu(x);
    }
    return nn_linear(x, 1, nn_namef(g, "%s.%d", name, layers));
}

/* (Linear, batch norm, GELU) x 2, Linear. */
static inline nn_node *generator(nn_node *x, int64_t width, int64_t out, const char *name)
{
    nn_graph *g = nn_graph_of(x);
    for (int i = 0; i < 2; i++) {
        x = nn_linear(x, width, nn_namef(g, "%s.%d", name, i));
        x = nn_gelu(nn_batch_norm(x, 0, 0, nn_namef(g, "%s.norm%d", name, i)));
    }
    return nn_linear(x, out, nn_namef(g, "%s.2", name));
}

/* Fake batch, five critic steps, one generator step: what all of CascadeGAN's stages are. context
 * is what the critic sees beside the sample. */
static inline model wgan(nn_graph *g, nn_node *context, nn_node *real, nn_node *fake)
{
    nn_node *mixed = nn_mix(real, fake, "mix");
    nn_node *on_real = critic(join(1, context, real), 4, 512, true, "critic");
    nn_node *on_fake = critic(join(1, context, fake), 4, 512, true, "critic");
    nn_node *on_mixed = critic(join(1, context, mixed), 4, 512, true, "critic");
    nn_node *penalty = nn_gradient_penalty(on_mixed, 1, &mixed, 0);
    nn_node *loss = nn_add(nn_wgan_critic(on_real, on_fake), nn_scale(penalty, 10));
    nn_node *generator_loss = nn_wgan_generator(on_fake);
    nn_adam_options adam = {.rate = 1e-4};
    nn_node *first[] = {fake, nn_updates(g, "generator")};
    nn_node *second[] = {loss, nn_adam(loss, "critic.", &adam)};
    nn_node *third[] = {generator_loss, nn_adam(generator_loss, "generator", &adam)};
    const nn_stage stage[] = {{"fake", 2, first}, {"critic", 2, second}, {"generator", 2, third}};
    return (model){g, nn_compile(g, 3, stage), 3, {1, 5, 1}, "fit step"};
}

static inline model cascade_flow(nn_graph *g)
{
    nn_node *condition = nn_input(g, "condition", 2, SHAPE(128, 9));
    nn_node *real = nn_input(g, "real", 2, SHAPE(128, 158));
    nn_node *noise = nn_noise_normal(g, "noise", 2, SHAPE(128, 100));
    nn_node *raw = generator(join(1, condition, noise), 512, 158, "generator");
    int64_t pairs[64];
    for (int i = 0; i < 64; i++)
        pairs[i] = 2;
    nn_node *fake = join(1, nn_softmax_groups(nn_slice(raw, 1, 0, 128), 64, pairs),
                         nn_tanh(nn_slice(raw, 1, 128, 30)));
    return wgan(g, condition, real, fake);
}

static inline model cascade_field(nn_graph *g)
{
    nn_node *info = nn_input(g, "info", 2, SHAPE(128, 255));
    nn_node *real = nn_input(g, "real", 2, SHAPE(128, 9));
    nn_node *noise = nn_noise_normal(g, "noise", 2, SHAPE(128, 100));
    nn_node *raw = generator(join(1, info, noise), 512, 9, "generator");
    nn_node *part[] = {nn_sigmoid(nn_slice(raw, 1, 0, 3)), nn_softmax(nn_slice(raw, 1, 3, 3), 1),
                       nn_sigmoid(nn_slice(raw, 1, 6, 3))};
    return wgan(g, info, real, nn_concat(1, 3, part));
}

/* The masks of specs E.1.3: values are zero where nothing was sent and after the flow's end; the
 * first step always counts. x [batch][steps][8]. */
static inline nn_node *masked(nn_node *x)
{
    nn_graph *g = nn_graph_of(x);
    int64_t batch = nn_size(x, 0), steps = nn_size(x, 1);
    nn_node *first = nn_pad(nn_broadcast(nn_scalar(g, 1), 3, SHAPE(batch, 1, 1)), 1, 0, steps - 1);
    nn_node *sent = nn_step(nn_sub(nn_slice(x, 2, 4, 1), nn_slice(x, 2, 5, 1)));
    nn_node *alive = nn_step(nn_sub(nn_slice(x, 2, 6, 1), nn_slice(x, 2, 7, 1)));
    sent = nn_max(sent, first);
    alive = nn_max(alive, first);
    /* Alive without a break: the number of dead steps so far is zero. */
    double *lower = calloc((size_t)(steps * steps), sizeof *lower);
    if (!lower)
        abort();
    for (int64_t i = 0; i < steps; i++)
        for (int64_t j = 0; j <= i; j++)
            lower[i * steps + j] = 1;
    nn_node *sum = nn_array(g, 2, SHAPE(steps, steps), lower);
    free(lower);
    nn_node *dead = nn_reshape(nn_shift(nn_neg(alive), 1), 2, SHAPE(batch, steps));
    alive = nn_step(nn_shift(nn_neg(nn_matmul(dead, sum, false, true)), 0.5));
    alive = nn_stop(nn_reshape(alive, 3, SHAPE(batch, steps, 1)));
    sent = nn_stop(sent);
    nn_node *part[] = {nn_mul(nn_slice(x, 2, 0, 4), nn_mul(sent, alive)),
                       nn_mul(nn_slice(x, 2, 4, 2), alive), nn_slice(x, 2, 6, 2)};
    return nn_concat(2, 3, part);
}

static inline model cascade_rate(nn_graph *g, int64_t length)
{
    int64_t batch = 128, steps = (length + 4) / 5;
    nn_node *context = nn_input(g, "context", 2, SHAPE(batch, 167));
    nn_node *real = nn_input(g, "real", 2, SHAPE(batch, length * 8));
    nn_recurrent in = {.sequence = nn_noise_normal(g, "noise", 3, SHAPE(steps, batch, 100)),
                       .constant = context,
                       .h = nn_noise_normal(g, "h", 2, SHAPE(batch, 512)),
                       .c = nn_noise_normal(g, "c", 2, SHAPE(batch, 512)),
                       .hidden = 512};
    nn_node *hidden = nn_lstm(&in, "generator.lstm").outputs; /* [steps][batch][512] */
    nn_node *raw = nn_linear(hidden, 40, "generator.head");
    raw = nn_reshape(raw, 4, SHAPE(steps, batch, 5, 8));
    nn_node *part[] = {nn_sigmoid(nn_slice(raw, 3, 0, 4)), nn_softmax(nn_slice(raw, 3, 4, 2), 3),
                       nn_softmax(nn_slice(raw, 3, 6, 2), 3)};
    nn_node *series = nn_permute(nn_concat(3, 3, part), (const int[]){1, 0, 2, 3});
    series = nn_slice(nn_reshape(series, 3, SHAPE(batch, steps * 5, 8)), 1, 0, length);
    nn_node *fake = nn_reshape(masked(series), 2, SHAPE(batch, length * 8));
    return wgan(g, context, real, fake);
}

/* DoppelGANger with NetShare's sizes (specs E.2.2, E.2.3): 159 attributes, 11 features a packet, 10
 * packets a step, 13 steps, batch 100; per round both critics, each with its penalty. The round
 * draws new first states, the attributes stay. */
static inline model netshare(nn_graph *g)
{
    enum { BATCH = 100, ATTRIBUTES = 159, FEATURES = 11, GROUP = 10, STEPS = 13 };
    nn_node *real_attributes = nn_input(g, "attributes", 2, SHAPE(BATCH, ATTRIBUTES));
    nn_node *real_features = nn_input(g, "features", 2, SHAPE(BATCH, STEPS * GROUP * FEATURES));
    nn_node *x = nn_noise_normal(g, "attribute_noise", 2, SHAPE(BATCH, 5));
    for (int i = 0; i < 4; i++) {
        x = nn_relu(nn_linear(x, 512, nn_namef(g, "generator.attribute.%d", i)));
        x = nn_batch_norm(x, 0.9, 0, nn_namef(g, "generator.attribute.norm%d", i));
    }
    x = nn_linear(x, ATTRIBUTES, "generator.attribute.head");
    nn_node *bits = nn_softmax(nn_reshape(nn_slice(x, 1, 0, 128), 3, SHAPE(BATCH, 64, 2)), 2);
    nn_node *swapped = join(2, nn_slice(bits, 2, 1, 1), nn_slice(bits, 2, 0, 1));
    nn_node *hard = nn_step(nn_sub(bits, swapped)); /* one-hot of the likelier */
    nn_node *rest = join(1, nn_tanh(nn_slice(x, 1, 128, 30)), nn_sigmoid(nn_slice(x, 1, 158, 1)));
    nn_node *attributes = join(1, nn_reshape(bits, 2, SHAPE(BATCH, 128)), rest);
    nn_node *discrete = nn_stop(join(1, nn_reshape(hard, 2, SHAPE(BATCH, 128)), rest));
    nn_recurrent in = {.sequence = nn_noise_normal(g, "feature_noise", 3, SHAPE(STEPS, BATCH, 5)),
                       .constant = discrete,
                       .h = nn_noise_normal(g, "h", 2, SHAPE(BATCH, 100)),
                       .c = nn_noise_normal(g, "c", 2, SHAPE(BATCH, 100)),
                       .hidden = 100};
    nn_node *hidden = nn_lstm(&in, "generator.lstm").outputs;
    nn_node *raw = nn_reshape(nn_linear(hidden, GROUP * FEATURES, "generator.head"), 4,
                              SHAPE(STEPS, BATCH, GROUP, FEATURES));
    nn_node *part[] = {nn_sigmoid(nn_slice(raw, 3, 0, 4)), nn_softmax(nn_slice(raw, 3, 4, 3), 3),
                       nn_sigmoid(nn_slice(raw, 3, 7, 2)), nn_softmax(nn_slice(raw, 3, 9, 2), 3)};
    nn_node *made = nn_concat(3, 4, part); /* [steps][batch][group][features] */
    /* A step counts while no packet of an earlier step has said that the flow ends. */
    nn_node *ends = nn_step(nn_shift(nn_neg(nn_slice(made, 3, 9, 1)), 0.5));
    nn_node *ended = nn_reshape(nn_sum(ends, 1u << 2), 2, SHAPE(STEPS, BATCH));
    double earlier[STEPS * STEPS] = {0};
    for (int i = 0; i < STEPS; i++)
        for (int j = 0; j < i; j++)
            earlier[i * STEPS + j] = 1;
    nn_node *before = nn_matmul(nn_array(g, 2, SHAPE(STEPS, STEPS), earlier), ended, false, false);
    nn_node *alive = nn_stop(nn_step(nn_shift(nn_neg(before), 0.5)));
    made = nn_mul(made, nn_reshape(alive, 4, SHAPE(STEPS, BATCH, 1, 1)));
    nn_node *features = nn_reshape(nn_permute(made, (const int[]){1, 0, 2, 3}), 2,
                                   SHAPE(BATCH, STEPS * GROUP * FEATURES));

    nn_node *fake_all = join(1, features, attributes);
    nn_node *real_all = join(1, real_features, real_attributes);
    nn_node *mixed_all = nn_mix(real_all, fake_all, "mix");
    nn_node *mixed_attributes = nn_mix(real_attributes, attributes, "attribute_mix");
    nn_node *on_fake = critic(fake_all, 4, 512, false, "critic");
    nn_node *on_mixed = critic(mixed_all, 4, 512, false, "critic");
    nn_node *on_attributes = critic(attributes, 4, 512, false, "attribute_critic");
    nn_node *on_mixed_attributes = critic(mixed_attributes, 4, 512, false, "attribute_critic");
    nn_node *loss = nn_add(nn_wgan_critic(critic(real_all, 4, 512, false, "critic"), on_fake),
                           nn_scale(nn_gradient_penalty(on_mixed, 1, &mixed_all, 1e-8), 10));
    nn_node *attribute_loss = nn_add(
        nn_wgan_critic(critic(real_attributes, 4, 512, false, "attribute_critic"), on_attributes),
        nn_scale(nn_gradient_penalty(on_mixed_attributes, 1, &mixed_attributes, 1e-8), 10));
    nn_node *generator_loss = nn_add(nn_wgan_generator(on_fake), nn_wgan_generator(on_attributes));
    nn_adam_options adam = {.rate = 1e-4, .beta1 = 0.5, .beta2 = 0.999};
    nn_node *first[] = {attributes, nn_updates(g, "generator")};
    nn_node *second[] = {loss, attribute_loss, nn_adam(loss, "critic.", &adam),
                         nn_adam(attribute_loss, "attribute_critic.", &adam)};
    nn_node *third[] = {generator_loss, nn_adam(generator_loss, "generator.", &adam)};
    const nn_stage stage[] = {
        {"attributes", 2, first}, {"critics", 4, second}, {"generator", 2, third}};
    return (model){g, nn_compile(g, 3, stage), 3, {1, 5, 1}, "iteration"};
}

/* One residual block: group norm, SiLU, convolution, time; twice. */
static inline nn_node *residual(nn_node *x, nn_node *time, int64_t out, const char *name)
{
    nn_graph *g = nn_graph_of(x);
    nn_node *h = nn_silu(nn_group_norm(x, 8, 0, nn_namef(g, "%s.n1", name)));
    h = nn_conv(h, out, 3, 1, 1, nn_namef(g, "%s.c1", name));
    nn_node *shift = nn_linear(nn_silu(time), out, nn_namef(g, "%s.t", name));
    h = nn_add(h, nn_reshape(shift, 4, SHAPE(nn_size(x, 0), 1, 1, out)));
    h = nn_silu(nn_group_norm(h, 8, 0, nn_namef(g, "%s.n2", name)));
    h = nn_conv(h, out, 3, 1, 1, nn_namef(g, "%s.c2", name));
    if (nn_size(x, 3) != out)
        x = nn_conv(x, out, 1, 1, 0, nn_namef(g, "%s.s", name));
    return nn_add(h, x);
}

static inline nn_node *pixels_attention(nn_node *x, const char *name)
{
    nn_graph *g = nn_graph_of(x);
    int64_t batch = nn_size(x, 0), pixels = nn_size(x, 1) * nn_size(x, 2), width = nn_size(x, 3);
    nn_node *h = nn_reshape(nn_group_norm(x, 8, 0, nn_namef(g, "%s.n", name)), 3,
                            SHAPE(batch, pixels, width));
    h = nn_attention(h, 1, false, name);
    return nn_add(x, nn_reshape(h, 4, SHAPE(batch, nn_size(x, 1), nn_size(x, 2), width)));
}

/* A U-Net of five levels that predicts the noise in x [batch][size][size][1] at diffusion step t.
 */
static inline nn_node *unet(nn_node *x, nn_node *t)
{
    static const int64_t width[] = {32, 64, 128, 128, 256};
    enum { LEVELS = 5 };
    nn_graph *g = nn_graph_of(x);
    nn_node *time = nn_time_embedding(t, width[0]);
    time =
        nn_linear(nn_silu(nn_linear(time, width[0] * 4, "net.time0")), width[0] * 4, "net.time1");
    x = nn_conv(x, width[0], 3, 1, 1, "net.in");
    nn_node *kept[LEVELS];
    for (int i = 0; i < LEVELS; i++) {
        kept[i] = x = residual(x, time, width[i], nn_namef(g, "net.down%d", i));
        if (i < LEVELS - 1)
            x = nn_conv(x, width[i], 3, 2, 1, nn_namef(g, "net.smaller%d", i));
    }
    x = residual(x, time, width[LEVELS - 1], "net.middle0");
    x = pixels_attention(x, "net.attention");
    x = residual(x, time, width[LEVELS - 1], "net.middle1");
    for (int i = LEVELS - 1; i >= 0; i--) {
        x = residual(join(3, x, kept[i]), time, width[i], nn_namef(g, "net.up%d", i));
        if (i)
            x = nn_conv(nn_upsample(x, 2), width[i - 1], 3, 1, 1, nn_namef(g, "net.larger%d", i));
    }
    x = nn_silu(nn_group_norm(x, 8, 0, "net.n"));
    return nn_conv(x, 1, 3, 1, 1, "net.out");
}

static inline model unet_training(nn_graph *g, int64_t size)
{
    nn_node *x = nn_input(g, "image", 4, SHAPE(32, size, size, 1));
    nn_node *t = nn_floor(nn_scale(nn_noise_uniform(g, "t", 1, SHAPE(32)), 1000));
    nn_node *noise = nn_noise_normal(g, "noise", 4, SHAPE(32, size, size, 1));
    double kept[1000], product = 1;
    for (int i = 0; i < 1000; i++)
        kept[i] = product *= 1 - (1e-4 + (0.02 - 1e-4) * i / 999);
    nn_node *level = nn_gather(nn_array(g, 2, SHAPE(1000, 1), kept), t);
    level = nn_reshape(level, 4, SHAPE(32, 1, 1, 1));
    nn_node *noisy =
        nn_add(nn_mul(nn_sqrt(level), x), nn_mul(nn_sqrt(nn_shift(nn_neg(level), 1)), noise));
    nn_node *loss = nn_mse(unet(noisy, t), noise);
    nn_node *out[] = {loss, nn_adam(loss, "net.", &(nn_adam_options){.rate = 2e-4})};
    return (model){g, nn_compile(g, 1, &(nn_stage){"step", 2, out}), 1, {1}, "training step"};
}

/* One step of ancestral sampling at diffusion step 500. */
static inline model unet_sampling(nn_graph *g, int64_t size)
{
    nn_training(g, false);
    nn_node *x = nn_state(g, "x", 4, SHAPE(32, size, size, 1), nn_init_normal(0, 1));
    nn_node *t = nn_broadcast(nn_scalar(g, 500), 1, SHAPE(32));
    double kept = 1, beta = 0;
    for (int i = 0; i <= 500; i++)
        kept *= 1 - (beta = 1e-4 + (0.02 - 1e-4) * i / 999);
    nn_node *mean = nn_sub(x, nn_scale(unet(x, t), beta / sqrt(1 - kept)));
    nn_node *noise = nn_noise_normal(g, "noise", 4, SHAPE(32, size, size, 1));
    nn_node *next = nn_add(nn_scale(mean, 1 / sqrt(1 - beta)), nn_scale(noise, sqrt(beta)));
    nn_node *out[] = {nn_assign(x, next)};
    return (model){g, nn_compile(g, 1, &(nn_stage){"step", 1, out}), 1, {1}, "sampling step"};
}

#endif
