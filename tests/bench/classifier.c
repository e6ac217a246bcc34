/* classifier FILE SIDE SEED KIND [KEY=VALUE …]: accuracy, loss and time of a classifier (cnn, mlp)
 * on images of series. 80 % of each label's series are learnt, the others told; keys are the
 * members of the settings, and each=N learns N of a label. */
#include "data/source.h"
#include "plugin/job.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <weir/classifier.h>
#include <weir/gasf.h>

static double now(clockid_t which)
{
    struct timespec t;
    clock_gettime(which, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int quit(const char *text)
{
    fprintf(stderr, "classifier: %s\n", text);
    return 1;
}

static weir_dataset *open_part(const char *file, int seed, const char *part)
{
    weir_error error = {0};
    json_t *source = json_pack("{s:[s],s:[{s:s,s:f,s:i,s:s}]}", "files", file, "split", "by",
                               "label", "test", 0.2, "seed", seed, "part", part);
    weir_dataset *data = weir_source_open(source, NULL, &error);
    if (!data)
        quit(error.text);
    json_decref(source);
    return data;
}

/* Up to `each` series of a label as examples; 0: all. */
static int images_of(weir_job *job, const weir_gasf *gasf, const weir_dataset *data, uint32_t each,
                     weir_examples *examples)
{
    size_t n = weir_dataset_rows(data), kept = 0, pixels = (size_t)gasf->side * gasf->side;
    const uint32_t *label = weir_codes(weir_dataset_table(data), "label");
    uint32_t *rows = calloc(n, sizeof *rows), *labels = calloc(n, sizeof *labels);
    uint32_t count[4096] = {0};
    float *x = malloc(n * pixels * gasf->channels * sizeof *x);
    if (!rows || !labels || !x)
        return quit("out of memory");
    for (uint32_t i = 0; i < n; i++)
        if (label[i] < 4096 && (!each || count[label[i]] < each)) {
            count[label[i]]++;
            labels[kept] = label[i];
            rows[kept++] = i;
        }
    if (weir_gasf_encode(job, gasf, data, rows, kept, x))
        return quit(weir_job_error(job)->text);
    *examples = (weir_examples){kept,
                                gasf->side,
                                gasf->side,
                                gasf->channels,
                                (uint32_t)weir_category_count(weir_dataset_table(data), "label"),
                                x,
                                labels};
    free(rows);
    return 0;
}

static bool set(weir_classifier_settings *s, const char *key, double value)
{
    struct {
        const char *name;
        int64_t *to;
    } whole[] = {{"steps", &s->steps},
                 {"batch", &s->batch},
                 {"levels", &s->levels},
                 {"base", &s->base},
                 {"width", &s->width}};
    struct {
        const char *name;
        double *to;
    } real[] = {{"rate", &s->rate}, {"weight_decay", &s->weight_decay}, {"dropout", &s->dropout}};
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
        if (!strcmp(key, whole[i].name))
            return *whole[i].to = (int64_t)value, true;
    for (size_t i = 0; i < sizeof real / sizeof *real; i++)
        if (!strcmp(key, real[i].name))
            return *real[i].to = value, true;
    return false;
}

static void told(weir_job *job, weir_classifier *c, const weir_examples *e, double *right,
                 double *loss)
{
    float *probability = malloc(e->count * e->classes * sizeof *probability);
    *right = *loss = 0;
    if (!probability || weir_classifier_predict(job, c, e->x, e->count, probability))
        return;
    for (size_t i = 0; i < e->count; i++) {
        const float *p = probability + i * e->classes;
        uint32_t best = 0;
        for (uint32_t k = 1; k < e->classes; k++)
            best = p[k] > p[best] ? k : best;
        *right += (best == e->label[i]) / (double)e->count;
        *loss -= log(fmax((double)p[e->label[i]], 1e-12)) / (double)e->count;
    }
    free(probability);
}

int main(int count, char **word)
{
    weir_error error = {0};
    weir_gasf gasf = {.gamma = 0.25, .amplitude = 1};
    weir_examples train, test;
    uint32_t each = 0;
    if (count < 5)
        return quit("FILE SIDE SEED KIND [KEY=VALUE …]");
    weir_job *job =
        weir_job_new(&(weir_job_setup){.plugin = &(weir_plugin){.abi = WEIR_ABI, .name = "bench"},
                                       .seed = (uint64_t)atoi(word[3]),
                                       .threads = 1,
                                       .device = "cpu",
                                       .log_fd = -1,
                                       .status_fd = -1},
                     &error);
    weir_dataset *learnt = open_part(word[1], atoi(word[3]), "train");
    weir_dataset *held = open_part(word[1], atoi(word[3]), "test");
    if (!job || !learnt || !held)
        return quit(error.text);
    for (int i = 5; i < count; i++)
        if (!strncmp(word[i], "each=", 5))
            each = (uint32_t)atoi(word[i] + 5);
    gasf.side = (uint32_t)atoi(word[2]);
    if (weir_gasf_learn(job, &gasf, learnt))
        return quit(weir_job_error(job)->text);
    if (images_of(job, &gasf, learnt, each, &train) || images_of(job, &gasf, held, 0, &test))
        return 1;
    weir_classifier_settings s =
        weir_classifier_defaults(strcmp(word[4], "mlp") ? WEIR_CNN : WEIR_MLP, &train);
    for (int i = 5; i < count; i++) {
        char *value = strchr(word[i], '=');
        if (!value)
            return quit("KEY=VALUE is needed");
        *value++ = 0;
        if (!set(&s, word[i], atof(value)) && strcmp(word[i], "each") != 0)
            return quit(word[i]);
    }
    double wall = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID), right[2], loss[2];
    weir_classifier *c = weir_classifier_fit(job, "classifier", &s, &train);
    if (!c)
        return quit(weir_job_error(job)->text);
    wall = now(CLOCK_MONOTONIC) - wall;
    cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    told(job, c, &train, &right[0], &loss[0]);
    told(job, c, &test, &right[1], &loss[1]);
    printf("{\"learnt\":%zu,\"steps\":%lld,\"levels\":%lld,\"wall\":%.2f,\"cpu\":%.2f,"
           "\"train\":[%.4f,%.4f],\"test\":[%.4f,%.4f]}\n",
           train.count, (long long)s.steps, (long long)s.levels, wall, cpu, right[0], loss[0],
           right[1], loss[1]);
    weir_classifier_free(c);
    free((void *)(uintptr_t)train.x);
    free((void *)(uintptr_t)train.label);
    free((void *)(uintptr_t)test.x);
    free((void *)(uintptr_t)test.label);
    weir_dataset_free(learnt);
    weir_dataset_free(held);
    weir_job_free(job);
    return 0;
}
