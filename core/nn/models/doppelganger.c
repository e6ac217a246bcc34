/* DoppelGANger as an object: settings, layouts, what privacy costs. */
#include "nn/models/dg.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

nn_doppelganger_settings nn_doppelganger_defaults(int64_t length)
{
    return (nn_doppelganger_settings){.length = length,
                                      .sample_len = 10,
                                      .attribute_noise = 5,
                                      .feature_noise = 5,
                                      .attribute_layers = 4,
                                      .attribute_width = 512,
                                      .lstm = 100,
                                      .critic_layers = 4,
                                      .critic_width = 512,
                                      .momentum = 0.1,
                                      .batch = 100,
                                      .critic_steps = 5,
                                      .generator_steps = 1,
                                      .rate = 1e-4,
                                      .beta1 = 0.5,
                                      .beta2 = 0.999,
                                      .penalty = 10,
                                      .attribute_weight = 1,
                                      .mixing = NN_MIXING_UNIFORM,
                                      .privacy = {.clip = 1}};
}

const dg_number dg_numbers[] = {
#define COUNT(member, low, high)                                                                   \
    {                                                                                              \
#member, offsetof(nn_doppelganger_settings, member), true, low, high                       \
    }
#define REAL(member, low, high)                                                                    \
    {                                                                                              \
#member, offsetof(nn_doppelganger_settings, member), false, low, high                      \
    }
    COUNT(length, 1, 1 << 20),
    COUNT(sample_len, 1, 1 << 16),
    COUNT(attribute_noise, 1, 1 << 16),
    COUNT(feature_noise, 1, 1 << 16),
    COUNT(attribute_layers, 1, 64),
    COUNT(attribute_width, 1, 1 << 16),
    COUNT(lstm, 1, 1 << 16),
    COUNT(critic_layers, 1, 64),
    COUNT(critic_width, 1, 1 << 16),
    REAL(momentum, 1e-6, 1),
    COUNT(batch, 2, 1 << 20),
    COUNT(critic_steps, 1, 1000),
    COUNT(generator_steps, 1, DG_GENERATOR_STEPS),
    REAL(rate, 1e-300, 1e30),
    REAL(beta1, 0, 1),
    REAL(beta2, 0, 1),
    REAL(penalty, 0, 1e30),
    REAL(attribute_weight, 0, 1e30),
    REAL(ema, 0, 1),
    REAL(privacy.noise, 0, 1e30),
    REAL(privacy.epsilon, 0, 1e30),
    REAL(privacy.delta, 0, 1),
    REAL(privacy.clip, 1e-30, 1e30),
#undef COUNT
#undef REAL
    {NULL, 0, false, 0, 0}};

double dg_number_of(const nn_doppelganger_settings *settings, const dg_number *number)
{
    const char *at = (const char *)settings + number->offset;

    return number->whole ? (double)*(const int64_t *)at : *(const double *)at;
}

int dg_check(weir_job *job, const nn_doppelganger_settings *settings)
{
    const nn_doppelganger_privacy *p = &settings->privacy;

    for (const dg_number *n = dg_numbers; n->name; n++) {
        double value = dg_number_of(settings, n);
        if (!(value >= n->low && value <= n->high))
            return weir_fail(job, WEIR_EOPTION, "%s is %g; it must be from %g to %g", n->name,
                             value, n->low, n->high);
    }
    if (settings->beta1 >= 1 || settings->beta2 >= 1 || settings->ema >= 1 || p->delta >= 1)
        return weir_fail(job, WEIR_EOPTION, "beta1, beta2, ema and delta must be below 1");
    if (p->noise > 0 && p->epsilon > 0)
        return weir_fail(job, WEIR_EOPTION,
                         "noise %g and epsilon %g: one follows from the other, so one must be 0",
                         p->noise, p->epsilon);
    return WEIR_OK;
}

/* ---- The model --------------------------------------------------------------------------------*/

/* A copy of `from` with room for one segment more. */
static int copy_layout(weir_job *job, weir_layout *to, const weir_layout *from)
{
    weir_segment *segments = calloc((size_t)from->count + 1, sizeof *segments);
    uint64_t sum = 0;

    if (!segments)
        return weir_error_memory(weir_job_error(job), from->count * sizeof *segments, "a layout");
    for (uint32_t i = 0; i < from->count; i++)
        sum += (segments[i] = from->segments[i]).width;
    *to = (weir_layout){.width = from->width, .count = from->count, .segments = segments};
    if (sum != from->width || sum == 0)
        return weir_fail(job, WEIR_EDATA,
                         "a layout of %u segments has a width of %u, which must be the sum of "
                         "theirs (%llu) and at least 1",
                         from->count, from->width, (unsigned long long)sum);
    return WEIR_OK;
}

static void add_flag(weir_layout *records)
{
    weir_segment *segments = (weir_segment *)records->segments;

    segments[records->count++] =
        (weir_segment){.name = "more", .width = 2, .activation = WEIR_SOFTMAX};
    records->width += 2;
}

nn_doppelganger *nn_doppelganger_new(weir_job *job, const nn_doppelganger_settings *settings,
                                     const weir_layout *attributes, const weir_layout *features)
{
    nn_doppelganger *model;

    if (dg_check(job, settings) != WEIR_OK)
        return NULL;
    model = calloc(1, sizeof *model);
    if (!model) {
        weir_error_memory(weir_job_error(job), sizeof *model, "a model");
        return NULL;
    }
    model->settings = *settings;
    if (copy_layout(job, &model->attributes, attributes) != WEIR_OK ||
        copy_layout(job, &model->records, features) != WEIR_OK) {
        nn_doppelganger_free(model);
        return NULL;
    }
    add_flag(&model->records);
    return model;
}

nn_doppelganger *nn_doppelganger_copy(weir_job *job, const nn_doppelganger *from)
{
    nn_doppelganger *model = calloc(1, sizeof *model);
    nn_graph *g;

    if (!model) {
        weir_error_memory(weir_job_error(job), sizeof *model, "a model");
        return NULL;
    }
    model->settings = from->settings;
    model->cost = from->cost;
    if (!from->graph)
        weir_fail(job, WEIR_EBUG, "a model that was not trained is copied");
    else if (copy_layout(job, &model->attributes, &from->attributes) == WEIR_OK &&
             copy_layout(job, &model->records, &from->records) == WEIR_OK &&
             (g = model->graph = nn_graph_for(job))) {
        dg_make_records(dg_make_attributes(g, model, 2, "copy").chosen, model, "copy");
        nn_copy(g, from->graph, "generator.");
        if (nn_report(job, g) == WEIR_OK)
            return model;
    }
    nn_doppelganger_free(model);
    return NULL;
}

void nn_doppelganger_free(nn_doppelganger *model)
{
    if (!model)
        return;
    nn_graph_free(model->graph);
    dg_order_free(&model->order);
    free((void *)(uintptr_t)model->attributes.segments);
    free((void *)(uintptr_t)model->records.segments);
    free(model->name);
    free(model);
}

const nn_doppelganger_settings *nn_doppelganger_about(const nn_doppelganger *model)
{
    return &model->settings;
}

static bool alike(const weir_layout *a, const weir_layout *b, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (a->segments[i].width != b->segments[i].width ||
            a->segments[i].activation != b->segments[i].activation)
            return false;
    return true;
}

bool nn_doppelganger_suits(const nn_doppelganger *model, int64_t length,
                           const weir_layout *attributes, const weir_layout *features)
{
    return model->settings.length == length && attributes->count == model->attributes.count &&
           features->count + 1 == model->records.count &&
           alike(attributes, &model->attributes, attributes->count) &&
           alike(features, &model->records, features->count);
}

int64_t dg_steps(const nn_doppelganger *model)
{
    const nn_doppelganger_settings *s = &model->settings;

    return (s->length + s->sample_len - 1) / s->sample_len;
}

int64_t dg_records(const nn_doppelganger *model)
{
    return dg_steps(model) * model->settings.sample_len;
}

int64_t nn_doppelganger_steps(const nn_doppelganger_settings *settings, uint64_t sequences,
                              double epochs)
{
    double steps = ceil(epochs * (double)sequences / (double)settings->batch);

    return steps >= 1 ? steps < 1e15 ? (int64_t)steps : (int64_t)1e15 : 1;
}

/* ---- Privacy ----------------------------------------------------------------------------------*/

int dg_cost(weir_job *job, const nn_doppelganger_settings *settings, uint32_t sequences,
            int64_t steps, nn_doppelganger_cost *cost)
{
    const nn_doppelganger_privacy *p = &settings->privacy;
    double rate = (double)settings->batch / (double)sequences, factor = 1;
    nn_mechanism each = {p->epsilon > 0 ? 1 : p->noise, rate < 1 ? rate : 1,
                         steps * settings->critic_steps};
    nn_doppelganger_cost made = {.private = true,
                                 .delta = p->delta > 0 ? p->delta : 1 / (double)sequences,
                                 .clip = p->clip,
                                 .mechanism = {each, each}};
    weir_error *error = weir_job_error(job);

    *cost = (nn_doppelganger_cost){0};
    if (!(p->noise > 0) && !(p->epsilon > 0))
        return WEIR_OK;
    if (!(made.delta < 1))
        return weir_fail(job, WEIR_EDATA,
                         "one sequence cannot be learnt privately: delta would be 1");
    if (p->epsilon > 0 && nn_privacy_noise(2, made.mechanism, made.delta, p->epsilon, NN_CONVERT,
                                           &factor, error) != WEIR_OK)
        return error->status;
    made.mechanism[0].noise *= factor;
    made.mechanism[1].noise *= factor;
    if (nn_privacy_epsilon(2, made.mechanism, made.delta, NN_CONVERT, &made.epsilon, NULL, error) !=
        WEIR_OK)
        return error->status;
    *cost = made;
    return WEIR_OK;
}

int dg_cost_of(weir_job *job, nn_doppelganger *model, int64_t steps)
{
    nn_doppelganger_cost *cost = &model->cost;

    for (int i = 0; i < 2; i++)
        cost->mechanism[i].steps = steps * model->settings.critic_steps;
    return nn_privacy_epsilon(2, cost->mechanism, cost->delta, NN_CONVERT, &cost->epsilon, NULL,
                              weir_job_error(job));
}

nn_doppelganger_cost nn_doppelganger_spent(const nn_doppelganger *model)
{
    return model->cost;
}
