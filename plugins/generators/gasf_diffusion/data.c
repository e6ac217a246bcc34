/* What the model learns from series besides its network: labels, lengths, ranges; series as images
 * or lines, and back. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

uint32_t label_count(const struct model *model)
{
    return weir_category_count(model->labels, "label");
}

size_t pixel_count(const struct design *d)
{
    return (size_t)(d->height * d->width * d->channels);
}

/* ---- Scale ----------------------------------------------------------------------------------- */

#define WIDE 1000 /* the largest value over the least above 0, from which on logarithms pay */

static bool logarithmic(const struct model *m, const struct channel *c)
{
    return m->logarithmic && !c->direction && c->least > 0 && c->largest > WIDE * c->least;
}

/* What an image shows of a value, and back. */
static double bent(const struct model *m, const struct channel *c, double v)
{
    return logarithmic(m, c) ? log1p(v / (double)c->least) : v;
}

static double straight(const struct model *m, const struct channel *c, double u)
{
    return logarithmic(m, c) ? expm1(u) * (double)c->least : u;
}

/* ---- Learning ---------------------------------------------------------------------------------*/

/* What becomes of the rows of a training set. */
struct account {
    uint64_t empty, cut, padded, unlabelled;
};

/* The rows that can be used, their number in *n, and the longest of their lengths. */
static uint32_t *usable(weir_job *job, const weir_table *table, size_t *n, uint32_t *longest,
                        struct account *account)
{
    const weir_series_shape *shape = weir_table_series(table);
    const uint32_t *lengths = weir_u32(table, "length");
    size_t rows = weir_table_rows(table);
    uint32_t *used = weir_alloc(job, rows + 1, sizeof *used);

    *n = *longest = 0;
    for (size_t i = 0; used && i < rows; i++) {
        uint32_t length = lengths[i] < shape->steps ? lengths[i] : shape->steps;
        if (length == 0) {
            account->empty++;
        } else {
            used[(*n)++] = (uint32_t)i;
            *longest = length > *longest ? length : *longest;
        }
    }
    return used;
}

/* One channel of a row of `length` steps. */
static void learn_steps(struct channel *c, const float *values, size_t stride, uint32_t length,
                        bool *other)
{
    for (uint32_t k = 0; k < length; k++) {
        float v = values[k * stride];
        uint32_t at = 0;

        c->low = fminf(c->low, v);
        c->high = fmaxf(c->high, v);
        c->largest = fmaxf(c->largest, v);
        if (v > 0 && (!(c->least > 0) || v < c->least))
            c->least = v;
        c->whole &= floorf(v) == v;
        *other |= v != 0 && fabsf(v) != 1;
        if (c->choices > MOST_CHOICES)
            continue;
        while (at < c->choices && c->values[at] < v)
            at++;
        if (at < c->choices && c->values[at] == v)
            continue;
        if (c->choices < MOST_CHOICES) {
            memmove(c->values + at + 1, c->values + at, (c->choices - at) * sizeof *c->values);
            c->values[at] = v;
        }
        c->choices++;
    }
}

static int refuse_negative(weir_job *job, const weir_table *table, const uint32_t *used, size_t n,
                           uint32_t channel)
{
    const weir_series_shape *shape = weir_table_series(table);
    const float *values = weir_f32(table, "values");

    for (size_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < shape->steps; k++) {
            float v = values[((size_t)used[i] * shape->steps + k) * shape->channels + channel];
            if (v < 0)
                return weir_fail(job, WEIR_EDATA,
                                 "series %u, step %u: %s is %g; only a direction, whose values are "
                                 "all 1, -1 or 0, may be negative",
                                 used[i] + 1, k + 1, shape->names[channel], (double)v);
        }
    return WEIR_OK;
}

static int learn_channels(weir_job *job, const weir_table *table, const uint32_t *used, size_t n,
                          struct model *m)
{
    const weir_series_shape *shape = weir_table_series(table);
    const float *values = weir_f32(table, "values");
    const uint32_t *lengths = weir_u32(table, "length");
    int status = WEIR_OK;

    for (uint32_t c = 0; status == WEIR_OK && c < shape->channels; c++) {
        struct channel *channel = &m->channels[c];
        bool other = false;

        *channel = (struct channel){.low = INFINITY, .high = -INFINITY, .whole = 1};
        for (size_t i = 0; i < n; i++) {
            uint32_t length = lengths[used[i]] < m->steps ? lengths[used[i]] : m->steps;
            learn_steps(channel, values + (size_t)used[i] * shape->steps * shape->channels + c,
                        shape->channels, length, &other);
        }
        if (channel->choices > MOST_CHOICES)
            channel->choices = 0;
        channel->direction = channel->low < 0 && !other;
        if (channel->low < 0 && other)
            status = refuse_negative(job, table, used, n, c);
    }
    return status;
}

static void bend(const struct model *m, float *values, size_t count)
{
    for (size_t i = 0; i < count; i++)
        values[i] = (float)bent(m, &m->channels[i % m->channel_count], (double)values[i]);
}

/* The series that are used, cut to m->steps, with zeros behind their ends. */
static int keep_series(struct training *t, const weir_table *table, const uint32_t *used, size_t n,
                       struct account *account)
{
    struct model *m = t->model;
    weir_error *error = weir_job_error(t->job);
    weir_series_shape shape = *weir_table_series(table);
    size_t from_each = (size_t)shape.steps * shape.channels, each;
    const uint32_t *lengths = weir_u32(table, "length"), *codes = weir_codes(table, "label");
    const float *values = weir_f32(table, "values");
    uint32_t *drawn = weir_alloc(t->job, 2 * n, sizeof *drawn);
    weir_table *kept;

    shape.steps = m->steps;
    each = (size_t)shape.steps * shape.channels;
    m->owned = weir_table_new_series(&shape, 0, error);
    kept = m->owned && drawn ? weir_table_new_series(&shape, n, error) : NULL;
    if (!kept)
        return error->status;
    m->labels = m->owned;
    m->drawn = drawn;
    m->series = n;
    for (size_t i = 0; i < n; i++) {
        const char *text = weir_category_text(table, "label", codes[used[i]]);
        uint32_t length = lengths[used[i]], label;
        account->cut += length > m->steps;
        account->padded += length < m->steps;
        account->unlabelled += !text || !*text;
        length = length < m->steps ? length : m->steps;
        label = weir_category_add(m->owned, "label", text ? text : "", error);
        drawn[2 * i] = label;
        drawn[2 * i + 1] = length;
        weir_u32_out(kept, "length")[i] = length;
        if (label == UINT32_MAX ||
            weir_category_add(kept, "label", text ? text : "", error) == UINT32_MAX)
            break;
        weir_codes_out(kept, "label")[i] = label;
        memcpy(weir_f32_out(kept, "values") + i * each, values + used[i] * from_each,
               (size_t)length * shape.channels * sizeof *values);
    }
    bend(m, weir_f32_out(kept, "values"), n * each);
    if (error->status != WEIR_OK) {
        weir_table_free(kept);
        return error->status;
    }
    t->kept = weir_dataset_new(kept, error);
    return t->kept ? WEIR_OK : error->status;
}

static void tell(weir_job *job, const struct account *a, const struct model *m, size_t rows)
{
    const struct {
        uint64_t count;
        const char *what;
    } lines[] = {{a->empty, "have no steps and are left out"},
                 {a->cut, "are longer and were cut"},
                 {a->padded, "are shorter and end in zeros"},
                 {a->unlabelled, "have no label and are a class of their own"}};

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (lines[i].count)
            weir_log(job, "images of %u steps: %llu of %zu series %s", m->steps,
                     (unsigned long long)lines[i].count, rows, lines[i].what);
    if (label_count(m) == 1)
        weir_log(job, "all series have one label: there is no class to condition on");
}

int learn(weir_job *job, const weir_dataset *train, struct model *model, struct training *training)
{
    const struct options *o = weir_options(job);
    const weir_table *table = weir_dataset_table(train);
    size_t rows = weir_table_rows(table), n;
    struct account account = {0};
    uint32_t longest, *used = usable(job, table, &n, &longest, &account);
    int status;

    *training = (struct training){.job = job, .model = model};
    if (!used)
        return weir_job_error(job)->status;
    if (n == 0)
        return weir_fail(job, WEIR_EDATA, "%s",
                         rows ? "no series of the training set has a step"
                              : "the training set has no rows");
    model->channel_count = weir_table_series(table)->channels;
    model->logarithmic = o->scale == LOGARITHMIC;
    model->steps = o->length && o->length < (int64_t)longest ? (uint32_t)o->length : longest;
    status = learn_channels(job, table, used, n, model);
    if (status == WEIR_OK)
        status = keep_series(training, table, used, n, &account);
    if (status == WEIR_OK)
        tell(job, &account, model, rows);
    return status;
}

/* ---- The network's plan -----------------------------------------------------------------------*/

static int read_numbers(weir_job *job, weir_list list, const char *option, int64_t most,
                        int64_t *out, size_t room, size_t *count)
{
    if (list.count > room)
        return weir_fail(job, WEIR_EOPTION, "%s: %zu numbers; at most %zu", option, list.count,
                         room);
    for (size_t i = 0; i < list.count; i++) {
        char *end;
        long value = strtol(list.items[i], &end, 10);
        if (*end || end == list.items[i] || value < 1 || value > most)
            return weir_fail(job, WEIR_EOPTION, "%s: '%s' is no whole number from 1 to %lld",
                             option, list.items[i], (long long)most);
        out[i] = value;
    }
    *count = list.count;
    return WEIR_OK;
}

int plan(weir_job *job, struct model *m, int64_t side)
{
    const struct options *o = weir_options(job);
    struct design *d = &m->design;
    int64_t attends[MOST_LEVELS], unit;
    size_t levels, sides;

    *d = (struct design){.line = o->dimension == 1,
                         .height = side,
                         .width = side,
                         .channels = m->channel_count,
                         .labels = label_count(m),
                         .base = o->width,
                         .blocks = o->blocks,
                         .heads = o->heads,
                         .dropout = o->dropout};
    if (read_numbers(job, o->multiples, "multiples", 64, d->multiple, MOST_LEVELS, &levels) ||
        read_numbers(job, o->attention, "attention", 4096, attends, MOST_LEVELS, &sides))
        return weir_job_error(job)->status;
    if (levels == 0)
        return weir_fail(job, WEIR_EOPTION, "multiples: none; one for each level is needed");
    /* as many levels as halve the side without a rest, to 2 pixels or more */
    for (d->levels = 1; d->levels < (int64_t)levels; d->levels++)
        if (side >> d->levels < 2 || side % (INT64_C(1) << d->levels))
            break;
    for (int64_t i = 0; i < d->levels; i++)
        for (size_t k = 0; k < sides; k++)
            d->attends[i] |= attends[k] == side >> i;
    unit = INT64_C(1) << (d->levels - 1);
    if (d->line) {
        d->height = 1;
        d->width = ((int64_t)m->steps + unit - 1) / unit * unit;
    }
    return WEIR_OK;
}

/* ---- Images and lines -------------------------------------------------------------------------*/

/* A series as a line: in [-1, 1], bent as the image's diagonal is by its gamma. */
static void line_of(const struct model *m, double gamma, const float *values, float *out)
{
    size_t channels = m->channel_count, steps = (size_t)m->design.width;

    for (size_t c = 0; c < channels; c++) {
        const struct channel *channel = &m->channels[c];
        for (size_t k = 0; k < steps; k++) {
            double v = k < m->steps ? (double)values[k * channels + c] : 0, unit = 0;
            if (channel->direction)
                unit = (v + 1) / 2;
            else if (channel->largest > 0)
                unit = v / bent(m, channel, (double)channel->largest);
            out[k * channels + c] = (float)(2 * pow(unit, 2 * gamma) - 1);
        }
    }
}

static void values_of_line(const struct model *m, double gamma, const float *line, float *values)
{
    size_t channels = m->channel_count;

    for (size_t c = 0; c < channels; c++) {
        const struct channel *channel = &m->channels[c];
        for (size_t k = 0; k < m->steps; k++) {
            double part = ((double)line[k * channels + c] + 1) / 2;
            double unit = pow(fmin(fmax(part, 0), 1), 1 / (2 * gamma));
            double largest = bent(m, channel, (double)channel->largest);
            double least = bent(m, channel, (double)channel->least);
            double v = channel->direction ? 2 * unit - 1 : unit * largest;
            values[k * channels + c] = !channel->direction && v < least / 2 ? 0 : (float)v;
        }
    }
}

int images_of(const struct training *t, const uint32_t *rows, size_t n, float *out)
{
    const struct model *m = t->model;
    const struct options *o = weir_options(t->job);
    const float *values = weir_f32(weir_dataset_table(t->kept), "values");
    size_t pixels = pixel_count(&m->design);

    if (!t->encoder) {
        for (size_t i = 0; i < n; i++)
            line_of(m, o->gamma, values + (size_t)rows[i] * m->steps * m->channel_count,
                    out + i * pixels);
        return WEIR_OK;
    }
    if (weir_encode(t->encoder, t->kept, rows, n, out) != WEIR_OK)
        return weir_job_error(t->job)->status;
    for (size_t i = 0; i < n * pixels; i++)
        out[i] = 2 * out[i] - 1;
    return WEIR_OK;
}

int series_of(weir_job *job, const struct model *m, weir_encoder *encoder, float *images, size_t n,
              weir_table *scratch)
{
    const struct options *o = weir_options(job);
    size_t pixels = pixel_count(&m->design), each = (size_t)m->steps * m->channel_count;

    if (!encoder) {
        for (size_t i = 0; i < n; i++)
            values_of_line(m, o->gamma, images + i * pixels,
                           weir_f32_out(scratch, "values") + i * each);
        return WEIR_OK;
    }
    for (size_t i = 0; i < n * pixels; i++)
        images[i] = fminf(fmaxf((images[i] + 1) / 2, 0), 1);
    return weir_decode(encoder, images, n, scratch);
}

float legal(const struct model *m, uint32_t channel, float shown, weir_random *ties)
{
    const struct channel *c = &m->channels[channel];
    float best = INFINITY, chosen = c->low, value = (float)straight(m, c, (double)shown);

    if (!c->choices) {
        value = c->whole ? rintf(value) : value;
        return fminf(fmaxf(value, c->low), c->high);
    }
    for (uint32_t i = 0; i < c->choices; i++) {
        float away = fabsf(c->values[i] - value);
        /* half-way: either */
        if (away < best || (away <= best && weir_random_below(ties, 2))) {
            best = away;
            chosen = c->values[i];
        }
    }
    return chosen;
}
