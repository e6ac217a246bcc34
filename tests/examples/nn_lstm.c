/* An LSTM learns to continue waves of unknown frequency and phase, and then does so on its own. */
#include <math.h>
#include <stdio.h>
#include <weir/nn.h>
#include <weir/random.h>

enum { BATCH = 64, TIME = 32, HIDDEN = 32, STEPS = 600, AHEAD = 8 };

/* wave[t][i][0] of BATCH waves, for t up to times. */
static void draw_waves(weir_random *random, int times, nn_real *wave)
{
    for (int i = 0; i < BATCH; i++) {
        double speed = 0.2 + 0.4 * weir_random_uniform(random);
        double phase = 6.2831853 * weir_random_uniform(random);
        for (int t = 0; t < times; t++)
            wave[t * BATCH + i] = (nn_real)sin(phase + speed * t);
    }
}

int main(void)
{
    nn_graph *g = nn_graph_new(&(nn_settings){.seed = 1, .threads = 1});
    nn_node *wave = nn_input(g, "wave", 3, (int64_t[]){TIME + 1, BATCH, 1});
    nn_node *seen = nn_slice(wave, 0, 0, TIME), *next = nn_slice(wave, 0, 1, TIME);
    nn_recurrent_result lstm =
        nn_lstm(&(nn_recurrent){.sequence = seen, .hidden = HIDDEN}, "net.lstm");
    nn_node *loss = nn_mse(nn_linear(lstm.outputs, 1, "net.head"), next);

    nn_node *count, *t = nn_counter(g, "steps", &count);
    nn_adam_options adam = {
        .update = {.clip = 1, .rate = nn_schedule_cosine(t, 1e-2, 1e-3, STEPS)}};
    nn_node *step[] = {loss, nn_adam(loss, "net.", &adam), count};
    nn_program *train = nn_compile(g, 1, &(nn_stage){"train", 3, step});

    /* From the last state on, each prediction is the next input. */
    nn_node *h = lstm.h, *c = lstm.c, *made[AHEAD];
    for (int k = 0; k < AHEAD; k++) {
        if (k)
            nn_lstm_step(made[k - 1], &h, &c, "net.lstm");
        made[k] = nn_linear(h, 1, "net.head"); /* [batch][1] */
    }
    nn_node *ahead = nn_concat(1, AHEAD, made);
    nn_program *go_on = nn_compile(g, 1, &(nn_stage){"ahead", 1, &ahead});

    weir_random random = weir_random_new(1, "waves");
    nn_real waves[(TIME + AHEAD) * BATCH], predicted[BATCH][AHEAD], first = 0, last = 0;
    for (int k = 0; k < STEPS; k++) {
        draw_waves(&random, TIME + 1, waves);
        nn_write(wave, waves);
        nn_run(train, 0);
        if (nn_read(train, loss, k ? &last : &first))
            break;
    }
    draw_waves(&random, TIME + AHEAD, waves);
    nn_write(wave, waves);
    double error = 0;
    if (nn_run(go_on, 0) == WEIR_OK && nn_read(go_on, ahead, predicted[0]) == WEIR_OK)
        for (int i = 0; i < BATCH * AHEAD; i++) {
            double miss = (double)(predicted[i / AHEAD][i % AHEAD] -
                                   waves[(TIME + i % AHEAD) * BATCH + i / AHEAD]);
            error += miss * miss / (BATCH * AHEAD);
        }
    if (nn_status(g))
        fprintf(stderr, "%s\n", nn_error(g)->text);
    printf("loss %.5f to %.5f ahead %.5f\n", (double)first, (double)last, error);
    int status = nn_status(g);
    nn_graph_free(g);
    return status != WEIR_OK;
}
