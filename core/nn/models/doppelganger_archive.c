/* DoppelGANger in a model's archive, and back. */
#include "nn/models/dg.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME = 160, MOST_SEGMENTS = 1 << 20 };

static const char *member(char text[NAME], const char *name, const char *suffix)
{
    snprintf(text, NAME, "%s.%s", name, suffix);
    return text;
}

/* ---- Put --------------------------------------------------------------------------------------*/

/* Widths and activations as [segments][2]. */
static int put_layout(weir_job *job, weir_archive *to, const weir_layout *layout, const char *name)
{
    uint64_t shape[] = {layout->count, 2};
    uint32_t *pairs = calloc(layout->count, 2 * sizeof *pairs);
    int status;

    if (!pairs)
        return weir_error_memory(weir_job_error(job), shape[0] * 8, "a layout");
    for (uint32_t i = 0; i < layout->count; i++) {
        pairs[2 * i] = layout->segments[i].width;
        pairs[2 * i + 1] = (uint32_t)layout->segments[i].activation;
    }
    status = weir_put_array(to, name, WEIR_U32, 2, shape, pairs);
    free(pairs);
    return status;
}

static int put_cost(weir_archive *to, const nn_doppelganger_cost *cost, const char *name)
{
    const nn_mechanism *m = &cost->mechanism[0];
    const struct {
        const char *name;
        double value;
    } numbers[] = {{"spent.epsilon", cost->epsilon}, {"spent.delta", cost->delta},
                   {"spent.clip", cost->clip},       {"spent.noise", m->noise},
                   {"spent.rate", m->rate},          {"spent.rounds", (double)m->steps}};
    char text[NAME];
    int status = weir_put_number(to, member(text, name, "private"), cost->private);

    for (size_t i = 0; cost->private && status == WEIR_OK && i < 6; i++)
        status = weir_put_number(to, member(text, name, numbers[i].name), numbers[i].value);
    return status;
}

static int put_settings(weir_archive *to, const nn_doppelganger *model, const char *name)
{
    char text[NAME];
    int status = weir_put_number(to, member(text, name, "mixing"), model->settings.mixing);

    for (const dg_number *n = dg_numbers; status == WEIR_OK && n->name; n++)
        status =
            weir_put_number(to, member(text, name, n->name), dg_number_of(&model->settings, n));
    return status;
}

static int put_order(weir_archive *to, const dg_order *order, const char *name)
{
    uint64_t n = order->count, one = 1;
    char text[NAME];
    int status = weir_put_array(to, member(text, name, "order"), WEIR_U32, 1, &n, order->rows);

    return status == WEIR_OK
               ? weir_put_array(to, member(text, name, "order_at"), WEIR_U32, 1, &one, &order->at)
               : status;
}

int nn_doppelganger_put(weir_job *job, weir_archive *to, const nn_doppelganger *model,
                        const char *name, bool critics)
{
    char text[NAME];
    bool has = model->graph && nn_find(model->graph, "critic.0.weight");
    int status;

    if (!model->graph)
        return weir_fail(job, WEIR_EBUG, "a model that was not trained is saved");
    critics = critics && has && !model->in_training;
    if ((status = put_settings(to, model, name)) != WEIR_OK ||
        (status = put_cost(to, &model->cost, name)) != WEIR_OK ||
        (status = put_layout(job, to, &model->attributes, member(text, name, "attributes"))) !=
            WEIR_OK ||
        (status = put_layout(job, to, &model->records, member(text, name, "records"))) != WEIR_OK)
        return status;
    status = weir_put_number(to, member(text, name, "critics"), critics || model->in_training);
    if (status == WEIR_OK)
        status = weir_put_number(to, member(text, name, "unfinished"), model->in_training);
    if (status == WEIR_OK && model->in_training && model->order.rows)
        status = put_order(to, &model->order, name);
    if (status == WEIR_OK)
        status = nn_put(job, to, model->graph, model->in_training ? "" : "generator.", name);
    if (status == WEIR_OK && critics)
        status = nn_put(job, to, model->graph, "critic.", member(text, name, "of"));
    if (status == WEIR_OK && critics)
        status = nn_put(job, to, model->graph, "attribute_critic.", member(text, name, "with"));
    return status;
}

/* ---- Get --------------------------------------------------------------------------------------*/

static int get_layout(weir_job *job, const weir_archive *from, weir_layout *layout,
                      const char *name)
{
    uint64_t shape[] = {0, 2}, width = 0;
    const uint32_t *pairs = weir_get_array(from, name, WEIR_U32, 2, shape);
    weir_segment *segments;

    if (!pairs)
        return weir_job_error(job)->status;
    if (shape[0] < 1 || shape[0] > MOST_SEGMENTS)
        return weir_fail(job, WEIR_EDATA, "'%s' has %llu segments, must be 1 to %d", name,
                         (unsigned long long)shape[0], MOST_SEGMENTS);
    segments = calloc(shape[0], sizeof *segments);
    if (!segments)
        return weir_error_memory(weir_job_error(job), shape[0] * sizeof *segments, "a layout");
    *layout = (weir_layout){.count = (uint32_t)shape[0], .segments = segments};
    for (uint64_t i = 0; i < shape[0]; i++) {
        segments[i].width = pairs[2 * i];
        segments[i].activation = (weir_activation)pairs[2 * i + 1];
        width += pairs[2 * i];
        if (pairs[2 * i] < 1 || width > MOST_SEGMENTS || pairs[2 * i + 1] > WEIR_SOFTMAX)
            return weir_fail(job, WEIR_EDATA, "segment %llu of '%s' is damaged",
                             (unsigned long long)i, name);
    }
    layout->width = (uint32_t)width;
    return WEIR_OK;
}

static int get_number(weir_job *job, const weir_archive *from, const char *name, const char *suffix,
                      double *value)
{
    char text[NAME];

    *value = 0;
    return weir_get_number(from, member(text, name, suffix), value) == WEIR_OK
               ? WEIR_OK
               : weir_job_error(job)->status;
}

static int get_settings(weir_job *job, const weir_archive *from, nn_doppelganger *model,
                        const char *name)
{
    nn_doppelganger_settings *s = &model->settings;
    double value;

    *s = nn_doppelganger_defaults(1);
    for (const dg_number *n = dg_numbers; n->name; n++) {
        char *at = (char *)s + n->offset;
        if (get_number(job, from, name, n->name, &value) != WEIR_OK)
            return weir_job_error(job)->status;
        if (!(value >= n->low && value <= n->high) || (n->whole && value != floor(value)))
            return weir_fail(job, WEIR_EDATA, "'%s.%s' is %g, must be from %g to %g", name, n->name,
                             value, n->low, n->high);
        if (n->whole)
            *(int64_t *)at = (int64_t)value;
        else
            *(double *)at = value;
    }
    if (get_number(job, from, name, "mixing", &value) != WEIR_OK)
        return weir_job_error(job)->status;
    s->mixing = value == NN_MIXING_ONE ? NN_MIXING_ONE : NN_MIXING_UNIFORM;
    return dg_check(job, s);
}

static int get_cost(weir_job *job, const weir_archive *from, nn_doppelganger *model,
                    const char *name)
{
    nn_doppelganger_cost *cost = &model->cost;
    nn_mechanism *m = &cost->mechanism[0];
    double value, rounds;
    int status = get_number(job, from, name, "private", &value);

    if (status != WEIR_OK || value == 0)
        return status;
    cost->private = true;
    if ((status = get_number(job, from, name, "spent.epsilon", &cost->epsilon)) != WEIR_OK ||
        (status = get_number(job, from, name, "spent.delta", &cost->delta)) != WEIR_OK ||
        (status = get_number(job, from, name, "spent.clip", &cost->clip)) != WEIR_OK ||
        (status = get_number(job, from, name, "spent.noise", &m->noise)) != WEIR_OK ||
        (status = get_number(job, from, name, "spent.rate", &m->rate)) != WEIR_OK ||
        (status = get_number(job, from, name, "spent.rounds", &rounds)) != WEIR_OK)
        return status;
    if (!(rounds >= 0 && rounds < 1e15)) /* 0: a budget ended it before its first step */
        return weir_fail(job, WEIR_EDATA, "'%s.spent.rounds' is %g, must be 0 or more", name,
                         rounds);
    m->steps = (int64_t)rounds;
    cost->mechanism[1] = *m;
    return WEIR_OK;
}

/* The graph of what the archive has: the generator, perhaps its averaged weights, perhaps the
 * critics. */
static int get_weights(weir_job *job, const weir_archive *from, nn_doppelganger *model,
                       const char *name)
{
    nn_graph *g = model->graph = nn_graph_for(job);
    double critics, unfinished;
    char text[NAME];
    int status;

    if (!g)
        return weir_job_error(job)->status;
    if ((status = get_number(job, from, name, "critics", &critics)) != WEIR_OK ||
        (status = get_number(job, from, name, "unfinished", &unfinished)) != WEIR_OK)
        return status;
    dg_attributes made = dg_make_attributes(g, model, 2, "archive");
    dg_make_records(made.chosen, model, "archive");
    if (unfinished != 0 && model->settings.ema > 0)
        nn_ema(g, "generator.", model->settings.ema);
    if ((status = nn_get(job, from, g, "", name)) != WEIR_OK)
        return status;
    if (unfinished != 0 && model->settings.ema > 0 &&
        (nn_ema_swap(g, "generator.") != WEIR_OK || dg_calibrate(job, model) != WEIR_OK))
        return nn_report(job, g);
    if (critics == 0 || unfinished != 0)
        return WEIR_OK;
    int64_t width = model->attributes.width, all = dg_records(model) * model->records.width;
    dg_critic(nn_input(g, "any", 2, (int64_t[]){2, all + width}), model, "critic");
    dg_critic(nn_input(g, "any.attributes", 2, (int64_t[]){2, width}), model, "attribute_critic");
    status = nn_get(job, from, g, "critic.", member(text, name, "of"));
    return status == WEIR_OK ? nn_get(job, from, g, "attribute_critic.", member(text, name, "with"))
                             : status;
}

nn_doppelganger *nn_doppelganger_get(weir_job *job, const weir_archive *from, const char *name)
{
    nn_doppelganger *model = calloc(1, sizeof *model);
    char text[NAME];

    if (!model || !(model->name = calloc(1, strlen(name) + 1))) {
        nn_doppelganger_free(model);
        weir_error_memory(weir_job_error(job), sizeof *model, "a model");
        return NULL;
    }
    strcpy(model->name, name);
    model->archive = from;
    if (get_settings(job, from, model, name) == WEIR_OK &&
        get_cost(job, from, model, name) == WEIR_OK &&
        get_layout(job, from, &model->attributes, member(text, name, "attributes")) == WEIR_OK &&
        get_layout(job, from, &model->records, member(text, name, "records")) == WEIR_OK) {
        if (model->records.width < 3 ||
            model->records.segments[model->records.count - 1].width != 2)
            weir_fail(job, WEIR_EDATA, "'%s.records' has no flag at its end", name);
        else if (get_weights(job, from, model, name) == WEIR_OK)
            return model;
    }
    nn_doppelganger_free(model);
    return NULL;
}
