/* dgan_step [--threads N] [--steps N] [--length L] [--sample N] [--published 1] [--device D]: times
 * one iteration of DoppelGANger's training at NetShare's sizes (159 attributes, 9 features and the
 * flag, 130 records made 10 at a time) through the code that generators call, preparation of data
 * included, and prints one JSON line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "plugin/job.h"
#include <weir/doppelganger.h>

enum { SEQUENCES = 4000, ATTRIBUTES = 159, FEATURES = 9, MOST = 4000 };

/* Ragged storage, as a generator keeps its encoded flows. */
static struct {
    uint32_t length;
    float attributes[SEQUENCES][ATTRIBUTES];
    uint32_t offsets[SEQUENCES + 1];
    float *features;
} data;

static double begun[MOST], cpu[MOST]; /* of each iteration, seconds; cpu: of all threads */
static int iterations;

static double clock_of(clockid_t which)
{
    struct timespec t;
    clock_gettime(which, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int attributes(void *context, const uint32_t *rows, size_t n, float *out)
{
    (void)context;
    if (iterations < MOST) { /* once an iteration */
        cpu[iterations] = clock_of(CLOCK_PROCESS_CPUTIME_ID);
        begun[iterations++] = clock_of(CLOCK_MONOTONIC);
    }
    for (size_t i = 0; i < n; i++)
        memcpy(out + i * ATTRIBUTES, data.attributes[rows[i]], sizeof data.attributes[0]);
    return WEIR_OK;
}

static int features(void *context, const uint32_t *rows, size_t n, float *out, uint32_t *lengths)
{
    (void)context;
    for (size_t i = 0; i < n; i++) {
        uint32_t first = data.offsets[rows[i]];
        lengths[i] = data.offsets[rows[i] + 1] - first;
        memcpy(out + i * data.length * FEATURES, data.features + (size_t)first * FEATURES,
               (size_t)lengths[i] * FEATURES * sizeof *out);
    }
    return WEIR_OK;
}

static int make_data(uint32_t length)
{
    weir_random random = weir_random_new(1, "data");

    data.length = length;
    data.features = calloc((size_t)SEQUENCES * length * FEATURES, sizeof *data.features);
    for (uint32_t i = 0; data.features && i < SEQUENCES; i++) {
        uint32_t records = 1 + (uint32_t)weir_random_below(&random, length);
        float *to = data.features + (size_t)data.offsets[i] * FEATURES;
        for (int k = 0; k < ATTRIBUTES; k++)
            data.attributes[i][k] = (float)weir_random_uniform(&random);
        for (uint32_t k = 0; k < records * FEATURES; k++)
            to[k] = (float)weir_random_uniform(&random);
        data.offsets[i + 1] = data.offsets[i] + records;
    }
    return data.features != NULL;
}

static int order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int nothing(weir_job *job, const weir_dataset *train, void *model)
{
    (void)job, (void)train, (void)model;
    return WEIR_OK;
}

int main(int argc, char **argv)
{
    static const weir_generator generator = {
        .abi = WEIR_ABI, .kind = WEIR_KIND_GENERATOR, .name = "bench", .fit = nothing};
    weir_job_setup setup = {.plugin = (const weir_plugin *)&generator,
                            .seed = 1,
                            .threads = 2,
                            .device = "cpu",
                            .log_fd = -1,
                            .status_fd = -1};
    weir_segment attribute[68], feature[8];
    int steps = 40, n = 0;
    uint32_t length = 130;
    nn_doppelganger_settings settings = nn_doppelganger_defaults(0);

    for (int i = 1; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--threads"))
            setup.threads = atoi(argv[i + 1]);
        else if (!strcmp(argv[i], "--steps"))
            steps = atoi(argv[i + 1]);
        else if (!strcmp(argv[i], "--length"))
            length = (uint32_t)atoi(argv[i + 1]);
        else if (!strcmp(argv[i], "--sample"))
            settings.sample_len = atoi(argv[i + 1]);
        else if (!strcmp(argv[i], "--published") && atoi(argv[i + 1]))
            settings.mixing = NN_MIXING_ONE;
        else if (!strcmp(argv[i], "--device"))
            setup.device = argv[i + 1];
    }
    settings.length = length;
    for (int i = 0; i < 68; i++)
        attribute[i] = i < 64   ? (weir_segment){"bit", 2, WEIR_SOFTMAX}
                       : i < 67 ? (weir_segment){"word", 10, WEIR_TANH}
                                : (weir_segment){"start", 1, WEIR_SIGMOID};
    for (int i = 0; i < 7; i++)
        feature[i] = i == 4 ? (weir_segment){"flag", 3, WEIR_SOFTMAX}
                            : (weir_segment){"field", 1, WEIR_SIGMOID};
    weir_error error = {0};
    weir_job *job = weir_job_new(&setup, &error);
    const weir_layout layouts[] = {{ATTRIBUTES, 68, attribute}, {FEATURES, 7, feature}};
    nn_doppelganger *model =
        job ? nn_doppelganger_new(job, &settings, &layouts[0], &layouts[1]) : NULL;
    nn_doppelganger_training training = {
        .data = {.count = SEQUENCES, .attributes = attributes, .features = features},
        .steps = steps + 4};
    if (!model || !make_data(length) || nn_doppelganger_train(job, model, &training) != WEIR_OK) {
        fprintf(stderr, "dgan_step: %s\n", job ? weir_job_error(job)->text : error.text);
        return 1;
    }
    static double taken[MOST];
    for (int i = 3; i + 1 < iterations; i++, n++) { /* the first ones warm up */
        taken[n] = (begun[i + 1] - begun[i]) * 1e3;
        cpu[n] = (cpu[i + 1] - cpu[i]) * 1e3;
    }
    qsort(taken, (size_t)n, sizeof *taken, order);
    qsort(cpu, (size_t)n, sizeof *cpu, order);
    printf("{\"name\": \"netshare\", \"unit\": \"ms an iteration\", \"median\": %.3f, \"least\": "
           "%.3f, \"most\": %.3f, \"cpu\": %.3f, \"n\": %d, \"length\": %u}\n",
           taken[n / 2], taken[0], taken[n - 1], cpu[n / 2], n, length);
    nn_doppelganger_free(model);
    weir_job_free(job);
    free(data.features);
    return 0;
}
