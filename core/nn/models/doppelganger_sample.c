/* Sampling from DoppelGANger: the generator with batch norm's running statistics, in blocks. */
#include "nn/models/dg.h"
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 256 };

struct nn_doppelganger_sampler {
    weir_job *job;
    const nn_doppelganger *model;
    nn_graph *graph;
    size_t block;
    nn_node *made, *given, *records;
    nn_program *attributes, *features;
    nn_real *room_attributes; /* [block][attributes] */
    nn_real *room_records;    /* [block][records][features + 2] */
};

static int build(nn_doppelganger_sampler *s, const char *name)
{
    const nn_doppelganger *model = s->model;
    int64_t block = (int64_t)s->block, width = model->attributes.width;
    nn_graph *g = s->graph = nn_graph_for(s->job);

    if (!g)
        return weir_job_error(s->job)->status;
    if (!model->graph)
        return weir_fail(s->job, WEIR_EBUG, "a model that was not trained is sampled from");
    nn_training(g, false);
    s->made = dg_make_attributes(g, model, block, name).chosen;
    s->given = nn_input(g, "given", 2, (int64_t[]){block, width});
    s->records = dg_make_records(s->given, model, name).records;
    nn_copy(g, model->graph, "generator.");
    s->attributes = nn_compile(g, 1, &(nn_stage){"attributes", 1, &s->made});
    s->features = nn_compile(g, 1, &(nn_stage){"records", 1, &s->records});
    return nn_report(s->job, g);
}

nn_doppelganger_sampler *nn_doppelganger_sampler_new(weir_job *job, const nn_doppelganger *model,
                                                     int64_t block, const char *name)
{
    nn_doppelganger_sampler *s = calloc(1, sizeof *s);

    if (!s) {
        weir_error_memory(weir_job_error(job), sizeof *s, "a sampler");
        return NULL;
    }
    s->job = job;
    s->model = model;
    s->block = block > 0 ? (size_t)block : BLOCK;
    s->room_attributes = calloc(s->block * model->attributes.width, sizeof(nn_real));
    s->room_records =
        calloc(s->block * (size_t)dg_records(model) * model->records.width, sizeof(nn_real));
    if (!s->room_attributes || !s->room_records)
        weir_error_memory(weir_job_error(job), s->block * sizeof(nn_real), "a block of sequences");
    else if (build(s, name) == WEIR_OK)
        return s;
    nn_doppelganger_sampler_free(s);
    return NULL;
}

void nn_doppelganger_sampler_free(nn_doppelganger_sampler *sampler)
{
    if (!sampler)
        return;
    nn_graph_free(sampler->graph);
    free(sampler->room_attributes);
    free(sampler->room_records);
    free(sampler);
}

/* Of equally likely choices the first. */
static void choose(const weir_layout *layout, nn_real *values)
{
    for (uint32_t i = 0; i < layout->count; values += layout->segments[i++].width) {
        uint32_t width = layout->segments[i].width, best = 0;
        if (layout->segments[i].activation != WEIR_SOFTMAX)
            continue;
        for (uint32_t k = 1; k < width; k++)
            if (values[k] > values[best])
                best = k;
        for (uint32_t k = 0; k < width; k++)
            values[k] = k == best;
    }
}

int nn_doppelganger_attributes(nn_doppelganger_sampler *s, size_t n, nn_real *out)
{
    const weir_layout *layout = &s->model->attributes;
    size_t width = layout->width;

    for (size_t first = 0, here; first < n; first += here) {
        here = n - first < s->block ? n - first : s->block;
        nn_run(s->attributes, 0);
        if (nn_read(s->attributes, s->made, s->room_attributes) != WEIR_OK)
            return nn_report(s->job, s->graph);
        memcpy(out + first * width, s->room_attributes, here * width * sizeof *out);
        for (size_t i = 0; i < here; i++)
            choose(layout, out + (first + i) * width);
    }
    return nn_report(s->job, s->graph);
}

/* records [records][width + 2] to out [length][width]: up to the first that is not followed. */
static uint32_t take(const nn_doppelganger *model, const nn_real *records, nn_real *out)
{
    size_t most = (size_t)model->settings.length, width = model->records.width - 2, t = 0;

    memset(out, 0, most * width * sizeof *out);
    do
        memcpy(out + t * width, records + t * (width + 2), width * sizeof *out);
    while (records[t * (width + 2) + width] > (nn_real)0.5 && ++t < most);
    return (uint32_t)(t < most ? t + 1 : most);
}

int nn_doppelganger_features(nn_doppelganger_sampler *s, size_t n, const nn_real *attributes,
                             nn_real *out, uint32_t *lengths)
{
    const nn_doppelganger *model = s->model;
    size_t width = model->attributes.width;
    size_t features = (size_t)model->settings.length * (model->records.width - 2);
    size_t records = (size_t)dg_records(model) * model->records.width;

    for (size_t first = 0, here; first < n; first += here) {
        here = n - first < s->block ? n - first : s->block;
        memset(s->room_attributes, 0, s->block * width * sizeof(nn_real));
        memcpy(s->room_attributes, attributes + first * width, here * width * sizeof(nn_real));
        nn_write(s->given, s->room_attributes);
        nn_run(s->features, 0);
        if (nn_read(s->features, s->records, s->room_records) != WEIR_OK)
            return nn_report(s->job, s->graph);
        for (size_t i = 0; i < here; i++)
            lengths[first + i] =
                take(model, s->room_records + i * records, out + (first + i) * features);
    }
    return nn_report(s->job, s->graph);
}
