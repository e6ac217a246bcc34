/* A Wasserstein GAN with gradient penalty (Gulrajani et al. 2017) that learns points on a ring. */
#include <math.h>
#include <stdio.h>
#include <weir/nn.h>
#include <weir/random.h>

enum { BATCH = 128, NOISE = 4, WIDTH = 64, STEPS = 1000, CRITIC_STEPS = 5, SAMPLES = 20 };

static nn_node *network(nn_node *x, int64_t out, const char *name)
{
    nn_graph *g = nn_graph_of(x);
    x = nn_gelu(nn_linear(x, WIDTH, nn_namef(g, "%s.0", name)));
    x = nn_gelu(nn_linear(x, WIDTH, nn_namef(g, "%s.1", name)));
    return nn_linear(x, out, nn_namef(g, "%s.2", name));
}

int main(void)
{
    nn_graph *g = nn_graph_new(&(nn_settings){.seed = 1, .threads = 1});
    nn_node *real = nn_input(g, "real", 2, (int64_t[]){BATCH, 2});
    nn_node *noise = nn_noise_normal(g, "noise", 2, (int64_t[]){BATCH, NOISE});
    nn_node *fake = network(noise, 2, "generator");
    nn_node *mixed = nn_mix(real, fake, "mix");
    nn_node *on_fake = network(fake, 1, "critic"); /* the same weights three times */
    nn_node *on_mixed = network(mixed, 1, "critic");
    nn_node *distance = nn_wgan_critic(network(real, 1, "critic"), on_fake);
    nn_node *penalty = nn_gradient_penalty(on_mixed, 1, &mixed, 0);
    nn_node *loss = nn_add(distance, nn_scale(penalty, 10));
    nn_node *generator_loss = nn_wgan_generator(on_fake);

    nn_adam_options adam = {.rate = 5e-4, .beta1 = 0.5, .beta2 = 0.9};
    nn_node *critic[] = {loss, nn_adam(loss, "critic.", &adam)};
    nn_node *generator = nn_adam(generator_loss, "generator.", &adam);
    const nn_stage stage[] = {{"critic", 2, critic}, {"generator", 1, &generator}};
    nn_program *train = nn_compile(g, 2, stage); /* the second takes the first's fake batch */
    nn_program *sample = nn_compile(g, 1, &(nn_stage){"sample", 1, &fake});

    weir_random random = weir_random_new(1, "ring");
    nn_real batch[BATCH][2];
    for (int step = 0; step < STEPS; step++) {
        for (int k = 0; k < CRITIC_STEPS; k++) {
            for (int i = 0; i < BATCH; i++) {
                double angle = 6.2831853 * weir_random_uniform(&random);
                double radius = 2 + 0.1 * weir_random_normal(&random);
                batch[i][0] = (nn_real)(radius * cos(angle));
                batch[i][1] = (nn_real)(radius * sin(angle));
            }
            nn_write(real, batch[0]);
            nn_run(train, 0);
        }
        nn_run(train, 1);
    }

    double radius = 0, quarter[4] = {0};
    for (int i = 0; i < SAMPLES * BATCH; i++) {
        if (i % BATCH == 0 && (nn_run(sample, 0) || nn_read(sample, fake, batch[0])))
            break;
        double x = (double)batch[i % BATCH][0], y = (double)batch[i % BATCH][1];
        radius += sqrt(x * x + y * y) / (SAMPLES * BATCH);
        quarter[(x > 0) + 2 * (y > 0)] += 1. / (SAMPLES * BATCH);
    }
    if (nn_status(g)) /* sticky: one check for all of the above */
        fprintf(stderr, "%s\n", nn_error(g)->text);
    printf("radius %.3f quarters %.3f %.3f %.3f %.3f\n", radius, quarter[0], quarter[1], quarter[2],
           quarter[3]);
    int status = nn_status(g);
    nn_graph_free(g); /* programs too */
    return status != WEIR_OK;
}
