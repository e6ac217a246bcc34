/* A diffusion model (Ho et al. 2020) of points around the four corners (±1, ±1). */
#include <math.h>
#include <stdio.h>
#include <weir/nn.h>
#include <weir/random.h>

enum { BATCH = 256, WIDTH = 64, LEVELS = 40, STEPS = 2000, SAMPLES = 8 };

/* The noise in x [batch][2] at level t [batch]. */
static nn_node *denoiser(nn_node *x, nn_node *t)
{
    nn_node *time = nn_linear(nn_time_embedding(t, 16), WIDTH, "net.time");
    nn_node *h = nn_silu(nn_add(nn_linear(x, WIDTH, "net.in"), time));
    h = nn_add(h, nn_silu(nn_linear(h, WIDTH, "net.0")));
    h = nn_add(h, nn_silu(nn_linear(h, WIDTH, "net.1")));
    return nn_linear(h, 2, "net.out");
}

int main(void)
{
    double beta[LEVELS], left[LEVELS], product = 1; /* left: of the signal's power at a level */
    for (int i = 0; i < LEVELS; i++)
        left[i] = product *= 1 - (beta[i] = 0.002 + 0.25 * i / LEVELS);

    nn_graph *g = nn_graph_new(&(nn_settings){.seed = 1, .threads = 1});
    const int64_t shape[] = {BATCH, 2};
    nn_node *x = nn_input(g, "x", 2, shape), *noise = nn_noise_normal(g, "noise", 2, shape);
    nn_node *t = nn_floor(nn_scale(nn_noise_uniform(g, "t", 1, shape), LEVELS));
    nn_node *power = nn_gather(nn_array(g, 2, (int64_t[]){LEVELS, 1}, left), t); /* [batch][1] */
    nn_node *noisy =
        nn_add(nn_mul(nn_sqrt(power), x), nn_mul(nn_sqrt(nn_shift(nn_neg(power), 1)), noise));
    nn_node *loss = nn_mse(denoiser(noisy, t), noise);
    nn_node *step[] = {loss, nn_adam(loss, "net.", &(nn_adam_options){.rate = 2e-3})};
    nn_node *average = nn_ema(g, "net.", 0.99);
    const nn_stage stage[] = {{"step", 2, step}, {"average", 1, &average}};
    nn_program *train = nn_compile(g, 2, stage);

    /* One level of sampling as a program: the state goes from level to level - 1. */
    nn_node *state = nn_state(g, "sample", 2, shape, nn_init_constant(0));
    nn_node *start = nn_assign(state, nn_noise_normal(g, "start", 2, shape));
    nn_node *level = nn_input(g, "level", 1, (int64_t[]){1});
    nn_node *factor =
        nn_input(g, "factor", 1, (int64_t[]){3}); /* of noise found, all, fresh noise */
    nn_node *found = denoiser(state, nn_broadcast(level, 1, shape));
    nn_node *mean =
        nn_mul(nn_sub(state, nn_mul(found, nn_slice(factor, 0, 0, 1))), nn_slice(factor, 0, 1, 1));
    nn_node *fresh = nn_mul(nn_noise_normal(g, "fresh", 2, shape), nn_slice(factor, 0, 2, 1));
    nn_node *down = nn_assign(state, nn_add(mean, fresh));
    nn_program *begin = nn_compile(g, 1, &(nn_stage){"begin", 1, &start});
    nn_program *sample = nn_compile(g, 1, &(nn_stage){"down", 1, &down});

    weir_random random = weir_random_new(1, "corners");
    nn_real points[BATCH][2];
    for (int k = 0; k < STEPS; k++) {
        for (int i = 0; i < 2 * BATCH; i++)
            points[i / 2][i % 2] = (nn_real)((weir_random_uniform(&random) < 0.5 ? -1 : 1) +
                                             0.1 * weir_random_normal(&random));
        nn_write(x, points[0]);
        nn_run(train, 0);
        nn_run(train, 1);
    }

    double near = 0, corner[4] = {0};
    nn_ema_swap(g, "net."); /* the averaged weights */
    for (int s = 0; s < SAMPLES && nn_status(g) == WEIR_OK; s++) {
        nn_run(begin, 0);
        for (int i = LEVELS - 1; i >= 0; i--) {
            nn_real now = (nn_real)i, factors[] = {(nn_real)(beta[i] / sqrt(1 - left[i])),
                                                   (nn_real)(1 / sqrt(1 - beta[i])),
                                                   (nn_real)(i ? sqrt(beta[i]) : 0)};
            nn_write(level, &now);
            nn_write(factor, factors);
            nn_run(sample, 0);
        }
        nn_value(state, points[0]);
        for (int i = 0; i < BATCH; i++) {
            double a = (double)points[i][0], b = (double)points[i][1];
            near += (hypot(fabs(a) - 1, fabs(b) - 1) < 0.4) / (double)(SAMPLES * BATCH);
            corner[(a > 0) + 2 * (b > 0)] += 1. / (SAMPLES * BATCH);
        }
    }
    if (nn_status(g))
        fprintf(stderr, "%s\n", nn_error(g)->text);
    printf("near %.3f corners %.3f %.3f %.3f %.3f\n", near, corner[0], corner[1], corner[2],
           corner[3]);
    int status = nn_status(g);
    nn_graph_free(g);
    return status != WEIR_OK;
}
