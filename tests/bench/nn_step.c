/* nn_step MODEL [--threads N] [--seconds S] [--list FILE]: times one fit step of a model of
 * nn_models.h and prints one JSON line: milliseconds (median, least, most), rate of the products,
 * compile time, memory. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "nn_models.h"

static double clock_of(clockid_t which)
{
    struct timespec t;
    clock_gettime(which, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double now(void)
{
    return clock_of(CLOCK_MONOTONIC);
}

static int order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int fit_step(const model *m)
{
    for (int s = 0; s < m->stages; s++)
        for (int i = 0; i < m->repeat[s]; i++)
            if (nn_run(m->program, s))
                return 1;
    return 0;
}

/* Uniform numbers into the inputs of this name that the model has. */
static int fill(nn_graph *g, const char *name)
{
    nn_node *node = nn_find(g, name);
    if (!node)
        return 0;
    int64_t count = nn_count(node);
    nn_real *values = malloc((size_t)count * sizeof *values);
    if (!values)
        return 1;
    uint32_t state = 1;
    for (int64_t i = 0; i < count; i++) {
        state = state * 1664525u + 1013904223u;
        values[i] = (nn_real)(state >> 8) / (nn_real)(1 << 24);
    }
    int status = nn_write(node, values);
    free(values);
    return status;
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "", *list = NULL;
    nn_settings settings = {.seed = 1, .device = "cpu"};
    double seconds = 5;
    for (int i = 2; i + 1 < argc; i += 2) {
        if (!strcmp(argv[i], "--threads"))
            settings.threads = atoi(argv[i + 1]);
        else if (!strcmp(argv[i], "--seconds"))
            seconds = atof(argv[i + 1]);
        else if (!strcmp(argv[i], "--device"))
            settings.device = argv[i + 1];
        else if (!strcmp(argv[i], "--list"))
            list = argv[i + 1];
    }
    nn_graph *g = nn_graph_new(&settings);
    if (!g)
        return 1;
    double begun = now();
    model m = {0};
    if (!strcmp(name, "flow"))
        m = cascade_flow(g);
    else if (!strcmp(name, "rate"))
        m = cascade_rate(g, 200);
    else if (!strcmp(name, "field"))
        m = cascade_field(g);
    else if (!strcmp(name, "netshare"))
        m = netshare(g);
    else if (!strcmp(name, "unet"))
        m = unet_training(g, 32);
    else if (!strcmp(name, "unet_sample"))
        m = unet_sampling(g, 32);
    else {
        fputs("usage: nn_step flow|rate|field|netshare|unet|unet_sample [--threads N] [--seconds "
              "S] [--device D]"
              " [--list FILE]\n",
              stderr);
        nn_graph_free(g);
        return 2;
    }
    double built = now() - begun;
    static const char *const inputs[] = {"condition",  "context",  "info", "real",
                                         "attributes", "features", "image"};
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs && !nn_status(g); i++)
        fill(g, inputs[i]);
    if (list && m.program)
        nn_program_print(m.program, list);
    enum { MOST = 4000 };
    static double taken[MOST], cpu[MOST]; /* milliseconds; cpu: of all threads, spinning included */
    int n = 0;
    for (int i = 0; i < 3 && !nn_status(g) && m.program; i++)
        fit_step(&m);
    for (double start = now();
         n < MOST && (n < 5 || now() - start < seconds) && !nn_status(g) && m.program; n++) {
        double t = now(), c = clock_of(CLOCK_PROCESS_CPUTIME_ID);
        fit_step(&m);
        cpu[n] = (clock_of(CLOCK_PROCESS_CPUTIME_ID) - c) * 1e3;
        taken[n] = (now() - t) * 1e3;
    }
    if (nn_status(g)) {
        fprintf(stderr, "nn_step: %s\n", nn_error(g)->text);
        nn_graph_free(g);
        return 1;
    }
    qsort(cpu, (size_t)n, sizeof *cpu, order);
    qsort(taken, (size_t)n, sizeof *taken, order);
    double operations = 0;
    for (int s = 0; s < m.stages; s++)
        operations += m.repeat[s] * nn_stage_operations(m.program, s);
    nn_program_facts facts = nn_program_info(m.program);
    printf("{\"name\": \"nn_%s\", \"device\": \"%s\", \"unit\": \"ms a %s\", \"median\": %.3f, "
           "\"least\": %.3f, "
           "\"most\": %.3f, \"cpu\": %.3f, \"n\": %d, \"gflop\": %.2f, \"gflops\": %.1f, "
           "\"built_seconds\": %.3f, "
           "\"kernels\": %d, \"arena\": %zu, \"without_reuse\": %zu}\n",
           name, nn_device(g), m.unit, taken[n / 2], taken[0], taken[n - 1], cpu[n / 2], n,
           operations / 1e9, operations / taken[n / 2] / 1e6, built, facts.kernels, facts.arena,
           facts.without_reuse);
    nn_graph_free(g);
    return 0;
}
