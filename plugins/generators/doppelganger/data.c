/* Series as DoppelGANger's sequences, and back: labels, ranges, choices, each series' own scale. */
#include <math.h>
#include <stdlib.h>

#include "model.h"

uint32_t label_count(const struct model *model)
{
    return weir_category_count(model->labels, "label");
}

/* ---- Learning ---------------------------------------------------------------------------------*/

/* The labels that rows with steps have, numbered in their order. */
static int learn_labels(struct training *t)
{
    struct model *m = t->model;
    weir_job *job = t->job;
    weir_error *error = weir_job_error(job);
    const uint32_t *lengths = weir_u32(t->table, "length"), *codes = weir_codes(t->table, "label");
    size_t rows = weir_table_rows(t->table), empty = 0;

    t->rows = weir_alloc(job, rows, sizeof *t->rows);
    t->label_of = weir_alloc(job, rows, sizeof *t->label_of);
    m->owned = weir_table_new_series(weir_table_series(t->table), 0, error);
    if (!t->rows || !t->label_of || !m->owned)
        return error->status;
    m->labels = m->owned;
    m->series = 0;
    m->length = 0;
    for (size_t i = 0; i < rows; i++) {
        const char *text = weir_category_text(t->table, "label", codes[i]);
        if (lengths[i] == 0) {
            empty++;
            continue;
        }
        t->rows[m->series] = (uint32_t)i;
        t->label_of[m->series] = weir_category_add(m->owned, "label", text ? text : "", error);
        if (t->label_of[m->series++] == UINT32_MAX)
            return error->status;
        if (lengths[i] > m->length)
            m->length = lengths[i];
    }
    if (m->series == 0)
        return weir_fail(job, WEIR_EDATA,
                         rows ? "no series of the training set has a step"
                              : "the training set has no rows");
    if (empty)
        weir_log(job, "%zu of %zu series have no steps and are left out", empty, rows);
    m->counts = weir_alloc(job, label_count(m), sizeof *m->counts);
    for (uint64_t i = 0; m->counts && i < m->series; i++)
        m->counts[t->label_of[i]]++;
    return error->status;
}

/* Puts a value among the channel's choices, which stay in order; none are left when it has too
 * many. */
static void add_choice(struct channel *c, float value, uint32_t most)
{
    uint32_t at = 0;

    while (at < c->choices && c->values[at] < value)
        at++;
    if (at < c->choices && c->values[at] == value)
        return;
    for (uint32_t i = c->choices < most ? c->choices : most - 1; i > at; i--)
        c->values[i] = c->values[i - 1];
    if (at < most)
        c->values[at] = value;
    c->choices++;
}

static void learn_channel(struct training *t, uint32_t which, uint32_t most)
{
    struct channel *c = &t->model->channels[which];
    const weir_series_shape *shape = weir_table_series(t->table);
    const float *values = weir_f32(t->table, "values");
    const uint32_t *lengths = weir_u32(t->table, "length");
    bool few = true;

    *c = (struct channel){.low = INFINITY, .high = -INFINITY, .whole = 1};
    for (uint64_t i = 0; i < t->model->series; i++) {
        const float *series = values + (size_t)t->rows[i] * shape->steps * shape->channels;
        for (uint32_t k = 0; k < lengths[t->rows[i]]; k++) {
            float v = series[k * shape->channels + which];
            c->low = fminf(c->low, v);
            c->high = fmaxf(c->high, v);
            c->whole &= floorf(v) == v;
            if (few)
                add_choice(c, v, most);
            few = c->choices <= most;
        }
    }
    if (!few)
        c->choices = 0;
}

int learn(weir_job *job, const weir_dataset *train, struct model *model, struct training *training)
{
    const struct options *o = weir_options(job);
    const weir_table *table = weir_dataset_table(train);
    int status;

    *training = (struct training){.job = job, .model = model, .table = table};
    model->channel_count = weir_table_series(table)->channels;
    model->by_series = o->normalise == BY_SERIES;
    model->logarithmic = o->scale == LOGARITHMIC;
    status = learn_labels(training);
    for (uint32_t c = 0; status == WEIR_OK && c < model->channel_count; c++)
        learn_channel(training, c, (uint32_t)o->choices);
    return status;
}

/* ---- Layouts ----------------------------------------------------------------------------------*/

int layouts(weir_job *job, const struct model *model, weir_layout *attributes,
            weir_layout *features)
{
    uint32_t n = model->channel_count;
    weir_segment *a = weir_alloc(job, 1 + 2 * (size_t)n, sizeof *a);
    weir_segment *f = weir_alloc(job, n, sizeof *f);
    weir_layout of_all = {label_count(model), 1, a}, of_each = {0, n, f};

    if (!a || !f)
        return weir_job_error(job)->status;
    a[0] = (weir_segment){"label", label_count(model), WEIR_SOFTMAX};
    for (uint32_t c = 0; c < n; c++) {
        uint32_t choices = model->channels[c].choices;
        f[c] = choices ? (weir_segment){"choice", choices, WEIR_SOFTMAX}
                       : (weir_segment){"value", 1, WEIR_SIGMOID};
        of_each.width += f[c].width;
        if (!choices && model->by_series) {
            a[of_all.count++] = (weir_segment){"middle", 1, WEIR_SIGMOID};
            a[of_all.count++] = (weir_segment){"extent", 1, WEIR_SIGMOID};
            of_all.width += 2;
        }
    }
    *attributes = of_all;
    *features = of_each;
    return WEIR_OK;
}

/* ---- To sequences -----------------------------------------------------------------------------*/

static double bent(const struct model *model, double v)
{
    return model->logarithmic ? copysign(log1p(fabs(v)), v) : v;
}

static double straight(const struct model *model, double u)
{
    return model->logarithmic ? copysign(expm1(fabs(u)), u) : u;
}

/* A value in [0, 1] of its channel's range. */
static double scaled(const struct model *model, const struct channel *c, float v)
{
    double low = bent(model, (double)c->low), high = bent(model, (double)c->high);

    return (bent(model, (double)v) - low) / (high - low);
}

/* The least and the greatest scaled value of a series. */
static void extremes(const struct model *model, const struct channel *c, const float *series,
                     size_t stride, uint32_t steps, double *low, double *high)
{
    *low = 1;
    *high = 0;
    for (uint32_t k = 0; k < steps; k++) {
        double u = scaled(model, c, series[k * stride]);
        *low = fmin(*low, u);
        *high = fmax(*high, u);
    }
}

static const float *series_of(const struct training *t, uint32_t number, uint32_t *steps)
{
    const weir_series_shape *shape = weir_table_series(t->table);

    *steps = weir_u32(t->table, "length")[t->rows[number]];
    return weir_f32(t->table, "values") + (size_t)t->rows[number] * shape->steps * shape->channels;
}

int give_attributes(void *context, const uint32_t *rows, size_t n, nn_real *out)
{
    const struct training *t = context;
    const struct model *m = t->model;

    for (size_t i = 0; i < n; i++) {
        uint32_t steps;
        const float *series = series_of(t, rows[i], &steps);
        out[t->label_of[rows[i]]] = 1;
        out += label_count(m);
        for (uint32_t c = 0; m->by_series && c < m->channel_count; c++) {
            double low, high;
            if (m->channels[c].choices)
                continue;
            extremes(m, &m->channels[c], series + c, m->channel_count, steps, &low, &high);
            *out++ = (nn_real)((low + high) / 2);
            *out++ = (nn_real)(high - low);
        }
    }
    return WEIR_OK;
}

static uint32_t choice_of(const struct channel *c, float v)
{
    uint32_t at = 0;

    while (at + 1 < c->choices && c->values[at] < v)
        at++;
    return at;
}

int give_features(void *context, const uint32_t *rows, size_t n, nn_real *out, uint32_t *lengths)
{
    const struct training *t = context;
    const struct model *m = t->model;
    size_t width = 0, channels = m->channel_count;

    for (size_t c = 0; c < channels; c++)
        width += m->channels[c].choices ? m->channels[c].choices : 1;
    for (size_t i = 0; i < n; i++, out += m->length * width) {
        const float *series = series_of(t, rows[i], &lengths[i]);
        size_t at = 0;
        for (uint32_t c = 0; c < channels; c++) {
            const struct channel *channel = &m->channels[c];
            double low = 0, high = 1;
            if (!channel->choices && m->by_series)
                extremes(m, channel, series + c, channels, lengths[i], &low, &high);
            for (uint32_t k = 0; k < lengths[i]; k++) {
                float v = series[k * channels + c];
                nn_real *to = out + k * width + at;
                if (channel->choices)
                    to[choice_of(channel, v)] = 1;
                else /* a series of one value lies in the middle of its own range */
                    *to =
                        (nn_real)(high > low ? (scaled(m, channel, v) - low) / (high - low) : 0.5);
            }
            at += channel->choices ? channel->choices : 1;
        }
    }
    return WEIR_OK;
}

/* ---- From sequences ---------------------------------------------------------------------------*/

static uint32_t likeliest(const nn_real *p, uint32_t n)
{
    uint32_t best = 0;

    for (uint32_t i = 1; i < n; i++)
        if (p[i] > p[best])
            best = i;
    return best;
}

/* u in [0, 1] of the channel's range; what comes out is inside it. */
static float value_of(const struct model *model, const struct channel *c, double u)
{
    double low = bent(model, (double)c->low), high = bent(model, (double)c->high);
    double v = straight(model, low + fmin(fmax(u, 0), 1) * (high - low));

    return fminf(fmaxf((float)(c->whole ? rint(v) : v), c->low), c->high);
}

void decode(const struct model *model, const nn_real *attributes, const nn_real *features,
            uint32_t steps, float *values)
{
    size_t channels = model->channel_count, width = 0, at = 0;
    const nn_real *own = attributes + label_count(model);

    for (size_t c = 0; c < channels; c++)
        width += model->channels[c].choices ? model->channels[c].choices : 1;
    for (size_t c = 0; c < channels; c++) {
        const struct channel *channel = &model->channels[c];
        double low = 0, extent = 1;
        if (!channel->choices && model->by_series) {
            extent = (double)own[1];
            low = (double)own[0] - extent / 2;
            own += 2;
        }
        for (uint32_t k = 0; k < steps; k++) {
            const nn_real *from = features + k * width + at;
            values[k * channels + c] = channel->choices
                                           ? channel->values[likeliest(from, channel->choices)]
                                           : value_of(model, channel, low + (double)*from * extent);
        }
        at += channel->choices ? channel->choices : 1;
    }
}
