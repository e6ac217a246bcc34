/* Sampling: from noise down to an image in so many strides, then the series that it stands for. */
#include <math.h>
#include <string.h>
#include <weir/sampling.h>

#include "model.h"

#define SHAPE(...) ((const int64_t[]){__VA_ARGS__})

enum { BLOCK = 32, FACTORS = 5 };

/* The graph of a stride, and what is drawn from it. */
struct sampler {
    weir_job *job;
    const struct model *model;
    weir_encoder *encoder; /* NULL for lines */
    nn_graph *graph;
    int64_t block;
    nn_node *image, *level, *factors, *label, *length;
    nn_program *begin, *down;
    struct stride *strides;
    int64_t count;          /* strides */
    const uint32_t *wanted; /* [n][2]: label and length */
    float *room;            /* [block][pixels] */
    nn_real *condition;     /* [2][block]: labels, lengths */
    weir_table *scratch;
};

/* ---- The graph --------------------------------------------------------------------------------*/

static nn_node *factor(const struct sampler *s, int which)
{
    return nn_slice(s->factors, 0, which, 1);
}

/* The noise in the image, or its velocity; guided: as it is without a label, and from there
 * `guidance` times the way to that with it (Ho, Salimans 2021). */
static nn_node *found(const struct sampler *s)
{
    const struct options *o = weir_options(s->job);
    const struct design *d = &s->model->design;
    nn_node *t = nn_broadcast(s->level, 1, &s->block), *with, *without;
    nn_node *none =
        nn_broadcast(nn_reshape(nn_scalar(s->graph, (double)d->labels), 1, SHAPE(1)), 1, &s->block);

    with = o->guidance != 0 ? unet(d, s->image, t, s->label, s->length) : NULL;
    if (o->guidance == 1)
        return with;
    without = unet(d, s->image, t, none, s->length);
    return with ? nn_add(without, nn_scale(nn_sub(with, without), o->guidance)) : without;
}

static int build(struct sampler *s)
{
    const struct design *d = &s->model->design;
    const int64_t shape[] = {s->block, d->height, d->width, d->channels};
    nn_graph *g = s->graph = nn_graph_for(s->job);
    nn_node *clean, *next, *begin, *down;

    if (!g)
        return weir_job_error(s->job)->status;
    nn_training(g, false);
    s->image = nn_state(g, "image", 4, shape, nn_init_constant(0));
    s->level = nn_input(g, "level", 1, SHAPE(1));
    s->factors = nn_input(g, "factors", 1, SHAPE(FACTORS));
    s->label = nn_input(g, "label", 1, &s->block);
    s->length = nn_input(g, "length", 1, &s->block);
    begin = nn_assign(s->image, nn_noise_normal(g, "sampling.begin", 4, shape));
    clean = nn_sub(nn_mul(s->image, factor(s, 0)), nn_mul(found(s), factor(s, 1)));
    clean = nn_max(clean, nn_scalar(g, -1));
    clean = nn_neg(nn_max(nn_neg(clean), nn_scalar(g, -1)));
    next = nn_add(nn_mul(clean, factor(s, 2)), nn_mul(s->image, factor(s, 3)));
    next = nn_add(next, nn_mul(nn_noise_normal(g, "sampling.fresh", 4, shape), factor(s, 4)));
    down = nn_assign(s->image, next);
    nn_copy(g, s->model->graph, "net.");
    s->begin = nn_compile(g, 1, &(nn_stage){"begin", 1, &begin});
    s->down = nn_compile(g, 1, &(nn_stage){"down", 1, &down});
    return nn_report(s->job, g);
}

static int plan_strides(struct sampler *s)
{
    const struct options *o = weir_options(s->job);
    int64_t steps = o->diffusion_steps, n = o->sampling_steps;
    double *left = weir_alloc(s->job, (size_t)steps, sizeof *left);

    s->count = n == 0 || n > steps ? steps : n;
    s->strides = weir_alloc(s->job, (size_t)s->count, sizeof *s->strides);
    if (!left || !s->strides)
        return weir_job_error(s->job)->status;
    schedule(o->schedule, steps, left);
    strides(left, steps, s->count, o->sampler, o->variance, o->eta, s->strides);
    if (o->predict == VELOCITY)
        by_velocity(left, s->count, s->strides);
    return WEIR_OK;
}

/* ---- Labels and lengths -----------------------------------------------------------------------*/

/* How many of n series each label is to have: as in training, the largest remainders rounded up. */
static int quotas(weir_job *job, const struct model *m, size_t n, uint64_t *quota)
{
    uint32_t labels = label_count(m);
    double *rest = weir_alloc(job, labels, sizeof *rest), each = (double)n / (double)m->series;
    size_t given = 0;

    if (!rest)
        return weir_job_error(job)->status;
    for (uint64_t i = 0; i < m->series; i++)
        rest[m->drawn[2 * i]] += each;
    for (uint32_t i = 0; i < labels; i++) {
        quota[i] = (uint64_t)floor(rest[i] + 1e-9 * (double)n);
        rest[i] -= (double)quota[i];
        given += quota[i];
    }
    for (; given < n; given++) {
        uint32_t most = 0;
        for (uint32_t i = 1; i < labels; i++)
            if (rest[i] > rest[most])
                most = i;
        quota[most]++;
        rest[most] = -1;
    }
    return WEIR_OK;
}

/* Lengths are those of the label's training series in a random order, again and again. */
static int draw_wanted(struct sampler *s, size_t n)
{
    const struct model *m = s->model;
    uint32_t labels = label_count(m);
    uint64_t *quota = weir_alloc(s->job, labels, sizeof *quota);
    uint32_t *lengths = weir_alloc(s->job, (size_t)m->series, sizeof *lengths);
    uint32_t *wanted = weir_alloc(s->job, 2 * n, sizeof *wanted);
    size_t at = 0;

    if (!quota || !lengths || !wanted || quotas(s->job, m, n, quota) != WEIR_OK)
        return weir_job_error(s->job)->status;
    for (uint32_t label = 0; label < labels; label++) {
        size_t count = 0;
        for (uint64_t i = 0; i < m->series; i++)
            if (m->drawn[2 * i] == label)
                lengths[count++] = m->drawn[2 * i + 1];
        weir_random_shuffle(weir_stream(s->job, "lengths"), lengths, count);
        for (uint64_t i = 0; i < quota[label]; i++, at++) {
            wanted[2 * at] = label;
            wanted[2 * at + 1] = lengths[i % count];
        }
    }
    s->wanted = wanted;
    return WEIR_OK;
}

/* ---- Blocks -----------------------------------------------------------------------------------*/

static int draw_images(struct sampler *s, size_t first, size_t here, size_t n)
{
    const struct model *m = s->model;
    int64_t total = s->count * (((int64_t)n + s->block - 1) / s->block);
    int64_t done = s->count * ((int64_t)first / s->block);
    int status = WEIR_OK;

    for (size_t i = 0; i < (size_t)s->block;
         i++) { /* a last block's rest repeats its first series */
        const uint32_t *wanted = s->wanted + 2 * (first + (i < here ? i : 0));
        s->condition[i] = (nn_real)wanted[0];
        s->condition[(size_t)s->block + i] = (nn_real)wanted[1] / (nn_real)m->steps;
    }
    nn_write(s->label, s->condition);
    nn_write(s->length, s->condition + s->block);
    nn_run(s->begin, 0);
    for (int64_t i = 0; status == WEIR_OK && i < s->count; i++) {
        const struct stride *stride = &s->strides[i];
        nn_real level = (nn_real)stride->level;
        nn_real factors[FACTORS] = {(nn_real)stride->clean[0], (nn_real)stride->clean[1],
                                    (nn_real)stride->toward, (nn_real)stride->keep,
                                    (nn_real)stride->fresh};
        nn_write(s->level, &level);
        nn_write(s->factors, factors);
        nn_run(s->down, 0);
        status = weir_progress(s->job, done + i + 1, total);
    }
    nn_value(s->image, s->room);
    return status == WEIR_OK ? nn_report(s->job, s->graph) : status;
}

static int put_series(struct sampler *s, size_t first, size_t here, weir_table *out)
{
    const struct model *m = s->model;
    size_t channels = m->channel_count, row = (size_t)weir_table_series(out)->steps * channels;
    weir_random *ties = weir_stream(s->job, "ties");
    int status;

    for (size_t i = 0; i < here; i++) /* the encoder may use that it is known */
        weir_u32_out(s->scratch, "length")[i] = s->wanted[2 * (first + i) + 1];
    status = series_of(s->job, m, s->encoder, s->room, here, s->scratch);
    for (size_t i = 0; status == WEIR_OK && i < here; i++) {
        const uint32_t *wanted = s->wanted + 2 * (first + i);
        const char *text = weir_category_text(m->labels, "label", wanted[0]);
        const float *from = weir_f32(s->scratch, "values") + i * m->steps * channels;
        float *to = weir_f32_out(out, "values") + (first + i) * row;

        for (size_t k = 0; k < wanted[1] * channels; k++)
            to[k] = legal(m, (uint32_t)(k % channels), from[k], ties);
        weir_u32_out(out, "length")[first + i] = wanted[1];
        weir_codes_out(out, "label")[first + i] =
            weir_category_add(out, "label", text ? text : "", weir_job_error(s->job));
        status = weir_job_error(s->job)->status;
    }
    return status;
}

static int draw(struct sampler *s, size_t n, weir_table *out)
{
    size_t block = (size_t)s->block;
    int status;

    s->room = weir_alloc(s->job, block * pixel_count(&s->model->design), sizeof *s->room);
    s->condition = weir_alloc(s->job, 2 * block, sizeof *s->condition);
    s->scratch =
        weir_table_new_series(weir_table_series(s->model->labels), block, weir_job_error(s->job));
    if (!s->room || !s->condition || !s->scratch)
        return weir_job_error(s->job)->status;
    status = s->wanted ? WEIR_OK : draw_wanted(s, n);
    for (size_t first = 0; status == WEIR_OK && first < n; first += block) {
        size_t here = n - first < block ? n - first : block;
        status = draw_images(s, first, here, n);
        if (status == WEIR_OK)
            status = put_series(s, first, here, out);
    }
    return status;
}

int draw_series(weir_job *job, const struct model *m, const uint32_t *wanted, size_t n,
                weir_table *out)
{
    struct sampler s = {
        .job = job, .model = m, .block = n < BLOCK ? (int64_t)n : BLOCK, .wanted = wanted};
    int64_t side;
    int status = m->design.line ? WEIR_OK : open_images(job, m, &s.encoder, &side);

    if (status == WEIR_OK)
        status = plan_strides(&s);
    if (status == WEIR_OK)
        status = build(&s);
    if (status == WEIR_OK)
        status = draw(&s, n, out);
    weir_table_free(s.scratch);
    nn_graph_free(s.graph);
    return status;
}

int sample(weir_job *job, const void *model, const weir_request *request, weir_table *out)
{
    const struct model *m = model;
    size_t n = request->series > 0 ? (size_t)request->series : m->series;
    weir_error *error = weir_job_error(job);

    if (m->flows)
        return sample_packets(job, m, request, out);
    if (weir_request_check(request, WEIR_SERIES, error) != WEIR_OK ||
        weir_table_resize(out, n, error) != WEIR_OK)
        return error->status;
    if (weir_table_series(out)->channels != m->channel_count ||
        weir_table_series(out)->steps < m->steps)
        return weir_fail(job, WEIR_EDATA,
                         "the table has %u channels of %u steps, the model %u of %u",
                         weir_table_series(out)->channels, weir_table_series(out)->steps,
                         m->channel_count, m->steps);
    return draw_series(job, m, NULL, n, out);
}
