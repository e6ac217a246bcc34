/* Calibration: a number's distribution over the packets of a sample is brought to that of training
 * by a map that keeps the order of its values, and so what numbers have to do with each other. What
 * is made is known from the sample; of small samples from what the trained networks made of
 * training flows. */
#include <stdlib.h>
#include <string.h>

#include "calibrate.h"
#include "sampler.h"

/* Points of a map, at equal shares of the packets. */
#define KNOTS 2048
/* Values of a distribution, about: tuples or packets drawn for it. */
#define DRAWS 32768

struct cascade_map {
    uint32_t at; /* in a tuple, or in a packet's fields */
    bool field;
    const float *knots; /* [2][KNOTS]: made by the network, right; both ascending */
};

struct cascade_calibration {
    uint32_t count;
    struct cascade_map *maps;
};

/* ---- Which numbers ---------------------------------------------------------------------------*/

static const int roles[] = {ROLE_ADDRESSES, ROLE_PORTS, ROLE_FIELDS};

/* The numbers that stand for themselves: vectors and categories are left alone. */
static struct cascade_calibration *list_numbers(weir_job *job, const struct cascade_model *model)
{
    struct cascade_calibration *self = weir_alloc(job, 1, sizeof *self);
    uint32_t most = 0;

    for (int r = 0; r < 3; r++)
        most += weir_encoder_layout(model->encoder[roles[r]])->count;
    if (self)
        self->maps = weir_alloc(job, most, sizeof *self->maps);
    if (!self || !self->maps)
        return NULL;
    for (int r = 0; r < 3; r++) {
        const weir_layout *layout = weir_encoder_layout(model->encoder[roles[r]]);
        uint32_t at = roles[r] == ROLE_PORTS ? (uint32_t)model->addresses : 0;

        for (uint32_t i = 0; i < layout->count; at += layout->segments[i++].width)
            if (layout->segments[i].width == 1 && layout->segments[i].activation != WEIR_SOFTMAX)
                self->maps[self->count++] =
                    (struct cascade_map){.at = at, .field = roles[r] == ROLE_FIELDS};
    }
    return self;
}

/* ---- Learning --------------------------------------------------------------------------------*/

static int ascending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;

    return x < y ? -1 : x > y;
}

/* Knots of one column of values [n][width], which are equally likely. values are put in order. */
static void set_knots(const float *values, size_t n, size_t width, float *column, float *knots)
{
    for (size_t i = 0; i < n; i++)
        column[i] = values[i * width];
    qsort(column, n, sizeof *column, ascending);
    for (size_t k = 0; k < KNOTS; k++)
        knots[k] = column[k * (n - 1) / (KNOTS - 1)];
}

/* Maps of tuples or of fields from n of them, made and right. */
static int set_maps(weir_job *job, struct cascade_calibration *self, bool field, const float *made,
                    const float *right, size_t n, size_t width)
{
    float *column = malloc(n * sizeof *column);

    if (!column)
        return weir_error_memory(weir_job_error(job), n * sizeof *column, "calibration");
    for (uint32_t i = 0; i < self->count; i++) {
        struct cascade_map *map = &self->maps[i];
        float *knots;

        if (map->field != field)
            continue;
        knots = weir_alloc(job, 2 * KNOTS, sizeof *knots);
        if (!knots)
            break;
        set_knots(made + map->at, n, width, column, knots);
        set_knots(right + map->at, n, width, column, knots + KNOTS);
        map->knots = knots;
    }
    free(column);
    return weir_job_error(job)->status;
}

struct pilot {
    weir_job *job;
    const struct cascade_data *data;
    struct cascade_sampler nets;
    weir_random *random;
    float *made, *right, *conditions, *tuples, *series;
    uint32_t *at; /* places in flows->rows */
    struct cascade_item *items;
};

static uint32_t flow_at(const struct cascade_data *data, uint32_t at)
{
    return data->flows->flow_of[data->flows->rows[at]];
}

/* Tuples for the flows of packets drawn at random. */
static int pilot_tuples(struct pilot *p, struct cascade_calibration *self)
{
    const struct cascade_model *m = p->data->model;
    size_t in = (size_t)m->conditions, width = (size_t)m->tuple;
    int status;

    for (size_t i = 0; i < DRAWS; i++) {
        uint32_t flow = flow_at(p->data, (uint32_t)weir_random_below(p->random, m->rows));

        memcpy(p->conditions + i * in, p->data->conditions + flow * in, in * sizeof(float));
        memcpy(p->right + i * width, p->data->tuples + flow * width, width * sizeof(float));
    }
    status = cascade_run_flows(&p->nets, p->conditions, DRAWS, p->made);
    return status == WEIR_OK ? set_maps(p->job, self, false, p->made, p->right, DRAWS, width)
                             : status;
}

/* A packet drawn at random, or a step of a flow with all of its packets, at most `most` of them. */
static struct cascade_item pilot_item(struct pilot *p, uint32_t most)
{
    const struct cascade_data *data = p->data;
    struct cascade_item item = {.count = 1, .of = 1};
    uint32_t rows = (uint32_t)data->model->rows, bin;

    if (!data->bins) {
        p->at[0] = (uint32_t)weir_random_below(p->random, rows);
        return item;
    }
    bin = (uint32_t)weir_random_below(p->random, data->bin_count);
    p->at[0] = data->bins[bin];
    item.of = (bin + 1 < data->bin_count ? data->bins[bin + 1] : rows) - data->bins[bin];
    item.count = item.of < most ? item.of : most;
    for (uint32_t k = 1; k < item.count; k++)
        p->at[k] = p->at[0] + k;
    return item;
}

/* Packets of training steps, in their context: as many as fit into a batch of items. */
static int pilot_some(struct pilot *p, size_t batch, size_t room, size_t *packets)
{
    const struct cascade_data *data = p->data;
    const struct cascade_model *m = data->model;
    size_t all = (size_t)(m->steps * m->step_width), width = (size_t)m->fields, n = 0, made = 0;
    uint32_t *first = p->at;
    float *right = p->right + *packets * width;
    int status = WEIR_OK;

    for (; n < batch && made < room; n++) {
        struct cascade_item item = pilot_item(p, (uint32_t)(room - made));
        uint32_t flow = flow_at(data, p->at[0]);

        item.condition = data->conditions + flow * (size_t)m->conditions;
        item.tuple = data->tuples + flow * (size_t)m->tuple;
        item.series = p->series + n * all;
        item.step = (uint32_t)cascade_data_step(data, data->flows->rows[p->at[0]]);
        cascade_data_series(data, flow, p->series + n * all);
        p->items[n] = item;
        p->at += item.count;
        made += item.count;
    }
    p->at = first;
    for (size_t i = 0; i < made && status == WEIR_OK; i++) /* one after another: any length */
        status = weir_encode(m->encoder[ROLE_FIELDS], data->set, &data->flows->rows[p->at[i]], 1,
                             right + i * width);
    if (status == WEIR_OK)
        status = cascade_run_fields(&p->nets, p->items, n, p->made + *packets * width);
    *packets += made;
    return status;
}

static int pilot_fields(struct pilot *p, struct cascade_calibration *self)
{
    const size_t batch = 256;
    size_t packets = 0;
    int status = WEIR_OK;

    while (packets < DRAWS && status == WEIR_OK) {
        status = pilot_some(p, batch, DRAWS - packets, &packets);
        if (status == WEIR_OK)
            status = weir_progress(p->job, (int64_t)packets, DRAWS);
    }
    return status == WEIR_OK ? set_maps(p->job, self, true, p->made, p->right, DRAWS,
                                        (size_t)p->data->model->fields)
                             : status;
}

static int run_pilot(struct pilot *p, struct cascade_calibration *self)
{
    const struct cascade_model *m = p->data->model;
    size_t wide = (size_t)(m->tuple > m->fields ? m->tuple : m->fields);
    size_t all = (size_t)(m->steps * m->step_width);
    int status;

    p->random = weir_stream(p->job, "calibration");
    p->made = malloc(DRAWS * wide * sizeof *p->made);
    p->right = malloc(DRAWS * wide * sizeof *p->right);
    p->conditions = malloc(DRAWS * (size_t)m->conditions * sizeof *p->conditions);
    p->series = malloc(256 * all * sizeof *p->series);
    p->at = malloc(DRAWS * sizeof *p->at);
    p->items = malloc(256 * sizeof *p->items);
    if (!p->made || !p->right || !p->conditions || !p->series || !p->at || !p->items)
        return weir_error_memory(weir_job_error(p->job), DRAWS * wide * sizeof *p->made,
                                 "calibration");
    status = cascade_sampler_open(p->job, m, &p->nets);
    if (status == WEIR_OK)
        status = pilot_tuples(p, self);
    return status == WEIR_OK ? pilot_fields(p, self) : status;
}

int cascade_calibrate(weir_job *job, const struct cascade_data *data, struct cascade_model *model)
{
    struct cascade_calibration *self = list_numbers(job, model);
    struct pilot pilot = {.job = job, .data = data};
    int status;

    if (!self)
        return weir_job_error(job)->status;
    status = self->count > 0 ? run_pilot(&pilot, self) : WEIR_OK;
    cascade_sampler_close(&pilot.nets);
    free(pilot.made);
    free(pilot.right);
    free(pilot.conditions);
    free(pilot.series);
    free(pilot.at);
    free(pilot.items);
    model->calibration = self;
    return status;
}

/* ---- Using -----------------------------------------------------------------------------------*/

/* Of ascending values; the middle one where all differ. */
static float commonest(const float *values, uint32_t n)
{
    uint32_t longest = 1;
    float value = values[(n - 1) / 2];

    for (uint32_t i = 0, next; i < n; i = next) {
        for (next = i + 1; next < n && values[next] <= values[i];)
            next++;
        if (next - i > longest) {
            longest = next - i;
            value = values[i];
        }
    }
    return value;
}

/* Between two knots as far on as x is, but not where the right values have a gap between them.
 * Where several knots are x, as of a flow of many packets, the value that most of these packets
 * have. */
static float right_for(const float *made, const float *right, float x)
{
    uint32_t below = 0, above = KNOTS; /* knots less than x; knots up to x */
    float part;

    for (uint32_t high = KNOTS; below < high;) {
        uint32_t middle = below + (high - below) / 2;

        if (made[middle] < x)
            below = middle + 1;
        else
            high = middle;
    }
    for (uint32_t low = below; low < above;) {
        uint32_t middle = low + (above - low) / 2;

        if (made[middle] <= x)
            low = middle + 1;
        else
            above = middle;
    }
    if (above > below)
        return commonest(right + below, above - below);
    if (below == 0 || below == KNOTS)
        return right[below == 0 ? 0 : KNOTS - 1];
    part = (x - made[below - 1]) / (made[below] - made[below - 1]);
    if (right[below] - right[below - 1] > 2.0f / KNOTS)
        return part < 0.5f ? right[below - 1] : right[below];
    return right[below - 1] + part * (right[below] - right[below - 1]);
}

void cascade_set_right(const struct cascade_model *model, const float *made, bool field,
                       float *values, size_t n)
{
    const struct cascade_calibration *self = model->calibration;
    size_t width = (size_t)(field ? model->fields : model->tuple);

    for (uint32_t k = 0; self && k < self->count; k++) {
        const struct cascade_map *map = &self->maps[k];
        const float *from = made ? made + (size_t)k * KNOTS : map->knots;

        for (size_t i = 0; map->field == field && i < n; i++)
            values[i * width + map->at] =
                right_for(from, map->knots + KNOTS, values[i * width + map->at]);
    }
}

struct weighed {
    float value;
    double weight;
};

static int by_value(const void *a, const void *b)
{
    return ascending(&((const struct weighed *)a)->value, &((const struct weighed *)b)->value);
}

int cascade_made(weir_job *job, const struct cascade_model *model, bool field, const float *values,
                 size_t n, const double *weights, float **made)
{
    const struct cascade_calibration *self = model->calibration;
    size_t width = (size_t)(field ? model->fields : model->tuple);
    struct weighed *column;

    if (!self || self->count == 0)
        return WEIR_OK;
    column = malloc(n * sizeof *column);
    *made = *made ? *made : malloc(self->count * KNOTS * sizeof **made);
    if (!column || !*made) {
        free(column);
        return weir_error_memory(weir_job_error(job), n * sizeof *column, "calibration");
    }
    for (uint32_t m = 0; m < self->count; m++) {
        double sum = 0, before = 0;
        size_t i = 0;

        if (self->maps[m].field != field)
            continue;
        for (size_t k = 0; k < n; k++) {
            column[k] =
                (struct weighed){values[k * width + self->maps[m].at], weights ? weights[k] : 1};
            sum += column[k].weight;
        }
        qsort(column, n, sizeof *column, by_value);
        for (uint32_t k = 0; k < KNOTS; k++) {
            double share = sum * k / (KNOTS - 1);

            while (i + 1 < n && before + column[i].weight <= share)
                before += column[i++].weight;
            (*made)[m * (size_t)KNOTS + k] = column[i].value;
        }
    }
    free(column);
    return WEIR_OK;
}

/* ---- In an archive ---------------------------------------------------------------------------*/

int cascade_calibration_save(weir_job *job, const struct cascade_model *model, weir_archive *to)
{
    const struct cascade_calibration *self = model->calibration;
    const uint64_t shape[] = {self ? self->count : 0, 2, KNOTS};
    size_t each = 2 * KNOTS;
    float *all;
    int status;

    if (!self || self->count == 0)
        return WEIR_OK;
    all = malloc(self->count * each * sizeof *all);
    if (!all)
        return weir_error_memory(weir_job_error(job), self->count * each * sizeof *all,
                                 "calibration");
    for (uint32_t i = 0; i < self->count; i++)
        memcpy(all + i * each, self->maps[i].knots, each * sizeof *all);
    status = weir_put_array(to, "calibration", WEIR_F32, 3, shape, all);
    free(all);
    return status;
}

int cascade_calibration_load(weir_job *job, const weir_archive *from, struct cascade_model *model)
{
    struct cascade_calibration *self = list_numbers(job, model);
    uint64_t shape[] = {self ? self->count : 0, 2, KNOTS};
    const float *all;

    if (!self)
        return weir_job_error(job)->status;
    if (self->count == 0)
        return WEIR_OK;
    all = weir_get_array(from, "calibration", WEIR_F32, 3, shape);
    if (!all)
        return weir_job_error(job)->status;
    for (uint32_t i = 0; i < self->count; i++)
        self->maps[i].knots = all + i * (size_t)(2 * KNOTS);
    model->calibration = self;
    return WEIR_OK;
}
