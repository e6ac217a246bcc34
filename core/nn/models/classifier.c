/* Classifiers of images: training, and use in chunks of a batch. */
#include "nn/models/classify.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <weir/nn_plugin.h>

struct weir_classifier {
    weir_classifier_settings settings;
    size_t pixels; /* numbers of an image */
    uint32_t height, width, channels, classes;
    nn_graph *graph;
    nn_node *image, *label, *seen; /* inputs; the images in units of the training's deviation */
    nn_node *features, *probability;
    nn_program *program;              /* for use: features, then probabilities */
    nn_real *images, *labels, *found; /* a batch of each, and of what comes out */
};

/* ---- Checks -----------------------------------------------------------------------------------*/

static bool in_range(const weir_classifier_settings *s)
{
    return (s->kind == WEIR_CNN || s->kind == WEIR_MLP) && s->steps >= 1 && s->batch >= 2 &&
           s->batch <= 1 << 16 && s->rate > 0 && s->rate <= 1 && s->weight_decay >= 0 &&
           s->dropout >= 0 && s->dropout < 1 && s->levels >= 1 && s->levels <= 10 && s->base >= 1 &&
           s->base <= 1 << 10 && s->width >= 1 && s->width <= 1 << 16;
}

static int check(weir_job *job, const weir_classifier_settings *s, const weir_examples *train)
{
    size_t pixels = (size_t)train->height * train->width * train->channels;

    if (!in_range(s))
        return weir_fail(
            job, WEIR_EOPTION,
            "a classifier cannot be trained with %lld steps, batches of %lld, rate %g, "
            "weight decay %g, dropout %g, %lld levels, base %lld and width %lld",
            (long long)s->steps, (long long)s->batch, s->rate, s->weight_decay, s->dropout,
            (long long)s->levels, (long long)s->base, (long long)s->width);
    if (!train->count || !pixels || !train->classes)
        return weir_fail(
            job, WEIR_EDATA, "nothing to learn from: %zu images of %u x %u x %u, %u classes",
            train->count, train->height, train->width, train->channels, train->classes);
    for (size_t i = 0; i < train->count; i++) {
        if (train->label[i] >= train->classes)
            return weir_fail(job, WEIR_EDATA, "image %zu has label %u of %u classes", i + 1,
                             train->label[i], train->classes);
        for (size_t k = 0; k < pixels; k++)
            if (!isfinite(train->x[i * pixels + k]))
                return weir_fail(job, WEIR_EDATA, "image %zu holds a value that is not finite",
                                 i + 1);
    }
    return WEIR_OK;
}

/* ---- Building ---------------------------------------------------------------------------------*/

/* Mean and inverse deviation of each channel, as states: every image is seen in these units. A
 * channel of one value is shifted only. */
static int standardise(weir_job *job, weir_classifier *c, const weir_examples *train)
{
    const int64_t channels = c->channels;
    size_t n = c->channels, each = train->count * c->pixels / n;
    nn_node *mean = nn_state(c->graph, "input.mean", 1, &channels, nn_init_constant(0));
    nn_node *scale = nn_state(c->graph, "input.scale", 1, &channels, nn_init_constant(1));
    double *sum = calloc(2 * n, sizeof *sum);
    nn_real *value = calloc(2 * n, sizeof *value);

    if (sum && value) {
        for (size_t i = 0; i < each * n; i++)
            sum[i % n] += (double)train->x[i] / (double)each;
        for (size_t i = 0; i < each * n; i++) {
            double off = (double)train->x[i] - sum[i % n];

            sum[n + i % n] += off * off / (double)each;
        }
        for (size_t i = 0; i < n; i++) {
            value[i] = (nn_real)sum[i];
            value[n + i] = (nn_real)(sum[n + i] > 1e-12 ? 1 / sqrt(sum[n + i]) : 1);
        }
        nn_write(mean, value);
        nn_write(scale, value + n);
        c->seen = nn_mul(nn_sub(c->image, mean), scale);
    } else {
        weir_fail(job, WEIR_ENOMEM, "out of memory for a classifier of %zu channels", n);
    }
    free(sum);
    free(value);
    return c->seen ? nn_report(job, c->graph) : weir_job_error(job)->status;
}

static weir_classifier *new_classifier(weir_job *job, weir_random *random,
                                       const weir_classifier_settings *settings,
                                       const weir_examples *train)
{
    weir_classifier *c = calloc(1, sizeof *c);
    const int64_t batch = settings->batch;
    const int64_t shape[] = {batch, train->height, train->width, train->channels};
    size_t pixels = (size_t)train->height * train->width * train->channels, out;

    if (c) {
        *c = (weir_classifier){.settings = *settings,
                               .pixels = pixels,
                               .height = train->height,
                               .width = train->width,
                               .channels = train->channels,
                               .classes = train->classes};
        out = c->classes > (size_t)settings->width ? c->classes : (size_t)settings->width;
        c->images = calloc((size_t)batch * pixels, sizeof *c->images);
        c->labels = calloc((size_t)batch, sizeof *c->labels);
        c->found = calloc((size_t)batch * out, sizeof *c->found);
        c->graph = nn_graph_new(&(nn_settings){.seed = weir_random_u64(random),
                                               .device = weir_device(job),
                                               .threads = weir_threads(job)});
    }
    if (!c || !c->images || !c->labels || !c->found || !c->graph) {
        weir_fail(job, WEIR_ENOMEM, "out of memory for a classifier of images of %u x %u x %u",
                  train->height, train->width, train->channels);
        weir_classifier_free(c);
        return NULL;
    }
    c->image = nn_input(c->graph, "image", 4, shape);
    c->label = nn_input(c->graph, "label", 1, &batch);
    return c;
}

void weir_classifier_free(weir_classifier *c)
{
    if (!c)
        return;
    nn_graph_free(c->graph);
    free(c->images);
    free(c->labels);
    free(c->found);
    free(c);
}

/* ---- Training ---------------------------------------------------------------------------------*/

/* Examples in an order that is drawn anew for each pass over them. */
struct draws {
    weir_random *random;
    uint32_t *order; /* [count] */
    size_t count, at;
};

static int next_batch(weir_classifier *c, struct draws *draws, const weir_examples *train)
{
    for (int64_t i = 0; i < c->settings.batch; i++, draws->at++) {
        uint32_t row;

        if (draws->at == draws->count) {
            weir_random_shuffle(draws->random, draws->order, draws->count);
            draws->at = 0;
        }
        row = draws->order[draws->at];
        for (size_t k = 0; k < c->pixels; k++)
            c->images[(size_t)i * c->pixels + k] = (nn_real)train->x[row * c->pixels + k];
        c->labels[i] = (nn_real)train->label[row];
    }
    nn_write(c->image, c->images);
    return nn_write(c->label, c->labels);
}

static int run_steps(weir_job *job, weir_classifier *c, nn_program *program, nn_node *loss,
                     struct draws *draws, const weir_examples *train)
{
    const weir_classifier_settings *s = &c->settings;
    nn_real value = 0;

    for (int64_t step = 0; step < s->steps; step++) {
        if (weir_progress(job, s->before + step, s->all ? s->all : s->steps))
            return WEIR_ECANCEL;
        if (next_batch(c, draws, train) || nn_run(program, 0) || nn_read(program, loss, &value))
            return nn_report(job, c->graph);
        if (!isfinite(value))
            return weir_fail(job, WEIR_EDIVERGE,
                             "the loss of a classifier is %g in step %lld; its rate is %g",
                             (double)value, (long long)step + 1, s->rate);
    }
    return WEIR_OK;
}

static int train_it(weir_job *job, weir_classifier *c, weir_random *random,
                    const weir_examples *train)
{
    const weir_classifier_settings *s = &c->settings;
    struct draws draws = {random, malloc(train->count * sizeof *draws.order), train->count,
                          train->count};
    nn_node *count, *t = nn_counter(c->graph, "step", &count);
    nn_adam_options adam = {
        .weight_decay = s->weight_decay,
        .update = {.rate = nn_schedule_cosine(t, s->rate, 0, (double)s->steps)}};
    nn_node *logits = cl_logits(cl_features(c->seen, s), c->classes, s);
    nn_node *loss = nn_cross_entropy(logits, c->label);
    nn_node *out[] = {loss, nn_adamw(loss, "net.", &adam), nn_updates(c->graph, "net."), count};
    nn_program *program = nn_compile(c->graph, 1, &(nn_stage){"step", 4, out});
    int status = nn_report(job, c->graph);

    if (!draws.order)
        status =
            weir_fail(job, WEIR_ENOMEM, "out of memory for an order of %zu images", train->count);
    for (size_t i = 0; status == WEIR_OK && i < train->count; i++)
        draws.order[i] = (uint32_t)i;
    if (status == WEIR_OK)
        status = run_steps(job, c, program, loss, &draws, train);
    nn_program_free(program);
    free(draws.order);
    return status;
}

static int prepare_use(weir_job *job, weir_classifier *c)
{
    nn_training(c->graph, false);
    c->features = cl_features(c->seen, &c->settings);
    c->probability = nn_softmax(cl_logits(c->features, c->classes, &c->settings), -1);
    c->program = nn_compile(
        c->graph, 2,
        (nn_stage[]){{"features", 1, &c->features}, {"probability", 1, &c->probability}});
    return nn_report(job, c->graph);
}

weir_classifier *weir_classifier_fit(weir_job *job, const char *stream,
                                     const weir_classifier_settings *settings,
                                     const weir_examples *train)
{
    weir_random *random = weir_stream(job, stream);
    weir_classifier *c;

    if (check(job, settings, train))
        return NULL;
    c = new_classifier(job, random, settings, train);
    if (!c)
        return NULL;
    if (standardise(job, c, train) || train_it(job, c, random, train) || prepare_use(job, c)) {
        weir_classifier_free(c);
        return NULL;
    }
    return c;
}

/* ---- Use --------------------------------------------------------------------------------------*/

/* The n images through the stages 0 … last, whose output has `width` numbers an image. */
static int use(weir_job *job, weir_classifier *c, const float *x, size_t n, int last, size_t width,
               float *out)
{
    size_t batch = (size_t)c->settings.batch;
    nn_node *output = last ? c->probability : c->features;

    for (size_t done = 0, count; done < n; done += count) {
        count = n - done < batch ? n - done : batch;
        if (weir_progress(job, (int64_t)done, (int64_t)n))
            return WEIR_ECANCEL;
        memset(c->images, 0, batch * c->pixels * sizeof *c->images);
        for (size_t i = 0; i < count * c->pixels; i++)
            c->images[i] = (nn_real)x[done * c->pixels + i];
        nn_write(c->image, c->images);
        for (int stage = 0; stage <= last; stage++)
            nn_run(c->program, stage);
        if (nn_read(c->program, output, c->found))
            return nn_report(job, c->graph);
        for (size_t i = 0; i < count * width; i++)
            out[done * width + i] = (float)c->found[i];
    }
    return WEIR_OK;
}

int weir_classifier_predict(weir_job *job, weir_classifier *c, const float *x, size_t n,
                            float *probability)
{
    return use(job, c, x, n, 1, c->classes, probability);
}

uint32_t weir_classifier_width(const weir_classifier *c)
{
    return (uint32_t)c->settings.width;
}

int weir_classifier_features(weir_job *job, weir_classifier *c, const float *x, size_t n,
                             float *out)
{
    return use(job, c, x, n, 0, (size_t)c->settings.width, out);
}
