/* Sampling: conditions of what is asked for, made into flows block by block until it is there.
 * README.md says what each request means. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "sampler.h"

/* Flows in a row without a new 5-tuple before a request for flows is given up. */
#define FRUITLESS 256
/* Conditions that are drawn at once, at most. */
#define MOST_DRAWN ((size_t)1 << 20)

/* ---- Conditions of the request ---------------------------------------------------------------*/

static bool counted(const struct cascade_sampling *s)
{
    return s->request->flows > 0 || s->request->packets > 0;
}

/* Where a flow's trace begins, if time is asked for and a number too: anywhere in that time. */
static int64_t place_flow(struct cascade_sampling *s, struct cascade_wanted *flow)
{
    double at = weir_random_uniform(s->random) * ((double)s->length / (double)s->window);
    int64_t offset = (int64_t)floor(at) * s->window, rest = s->length - offset;
    double *x = flow->x, by = x[COND_END] - x[COND_START];

    if (x[COND_START] >= (double)rest) { /* not in what is left of the last one */
        x[COND_START] = floor(weir_random_uniform(s->random) * (double)rest);
        x[COND_END] = x[COND_START] + by;
    }
    return offset;
}

/* A trace's worth of flows, those of them that begin in time. */
static void place_window(struct cascade_sampling *s)
{
    int64_t offset = (int64_t)s->windows * s->window;
    size_t kept = 0, earliest = 0;

    for (size_t i = 0; i < s->queued; i++) {
        if (s->queue[i].x[COND_START] < s->queue[earliest].x[COND_START])
            earliest = i;
        if (s->queue[i].x[COND_START] < (double)(s->length - offset)) {
            s->queue[kept] = s->queue[i];
            s->offsets[kept++] = offset;
        }
    }
    if (kept == 0 && s->windows == 0) { /* no flow is so early: one at the begin */
        double *x = s->queue[0].x;

        s->queue[0] = s->queue[earliest];
        x[COND_END] -= x[COND_START];
        x[COND_START] = 0;
        s->offsets[kept++] = 0;
    }
    s->queued = kept;
    s->windows++;
}

/* How many flows to draw next; 0: all there are have been drawn. */
static size_t draw_size(const struct cascade_sampling *s)
{
    const weir_request *request = s->request;
    double n = s->model->flows;

    if (request->flows > 0) {
        n = (double)request->flows - weir_tuples_count(s->tuples);
    } else if (request->packets > 0) {
        double rows = s->counts.flows > 0 ? (double)s->used : (double)s->model->rows;
        double flows = s->counts.flows > 0 ? (double)s->counts.flows : (double)s->model->flows;

        n = fmin(ceil((double)(request->packets - (int64_t)s->used) * flows / fmax(rows, 1)), n);
    } else if (request->duration > 0) {
        n = (int64_t)s->windows * s->window < s->length ? n : 0;
    } else {
        n = s->windows > 0 ? 0 : n;
    }
    return (size_t)fmin(n, (double)MOST_DRAWN);
}

/* Draws conditions when there are none left. */
static int refill(struct cascade_sampling *s)
{
    size_t n;
    int status;

    if (s->next < s->queued)
        return WEIR_OK;
    free(s->queue);
    free(s->offsets);
    s->queue = NULL;
    s->offsets = NULL;
    s->next = s->queued = 0;
    n = draw_size(s);
    if (n == 0)
        return WEIR_OK;
    s->queue = malloc(n * sizeof *s->queue);
    s->offsets = calloc(n, sizeof *s->offsets);
    if (!s->queue || !s->offsets)
        return weir_error_memory(weir_job_error(s->job), n * sizeof *s->queue, "conditions");
    status = cascade_source_next(&s->source, n, s->queue);
    if (status != WEIR_OK)
        return status;
    s->queued = n;
    if (!counted(s) && s->request->duration > 0)
        place_window(s);
    else
        s->windows++;
    for (size_t i = 0; i < n && counted(s) && s->request->duration > 0; i++)
        s->offsets[i] = place_flow(s, &s->queue[i]);
    return cascade_block_plan(s);
}

/* ---- The whole -------------------------------------------------------------------------------*/

static bool met(const struct cascade_sampling *s)
{
    if (s->request->flows > 0)
        return weir_tuples_count(s->tuples) >= (uint64_t)s->request->flows;
    if (s->request->packets > 0)
        return s->used >= (uint64_t)s->request->packets;
    return draw_size(s) == 0;
}

static int make_all(struct cascade_sampling *s)
{
    int status = WEIR_OK;

    while (status == WEIR_OK && (s->next < s->queued || !met(s))) {
        if (s->request->packets > 0 && met(s))
            break;
        status = refill(s);
        if (status == WEIR_OK && s->next < s->queued)
            status = cascade_block_add(s);
        if (status == WEIR_OK && s->request->flows > 0 && s->fruitless > FRUITLESS)
            status = weir_fail(s->job, WEIR_EOPTION,
                               "%lld flows are asked for, and the model does not get beyond %u "
                               "different 5-tuples",
                               (long long)s->request->flows, weir_tuples_count(s->tuples));
        if (status == WEIR_OK)
            status = weir_progress(s->job, (int64_t)s->counts.flows,
                                   (int64_t)(s->counts.flows + s->queued - s->next));
    }
    if (status == WEIR_OK && s->request->packets > 0 && s->used > (uint64_t)s->request->packets)
        s->used = (size_t)s->request->packets;
    if (status == WEIR_OK)
        status = cascade_block_finish(s);
    return status == WEIR_OK ? weir_table_resize(s->out, s->used, weir_job_error(s->job)) : status;
}

static void report(const struct cascade_sampling *s)
{
    const struct cascade_counts *counts = &s->counts;

    weir_log(s->job, "%" PRIu64 " flows, %zu rows, %u different 5-tuples", counts->flows, s->used,
             weir_tuples_count(s->tuples));
    if (counts->merged)
        weir_log(s->job,
                 "%" PRIu64 " flows have the 5-tuple of another one after %d draws and are merged "
                 "with it",
                 counts->merged, CASCADE_TUPLE_DRAWS);
    if (counts->redrawn)
        weir_log(s->job, "%" PRIu64 " 5-tuples were drawn again", counts->redrawn);
    if (counts->moved)
        weir_log(s->job, "%" PRIu64 " flows were moved to lie in the trace", counts->moved);
    if (counts->capped)
        weir_log(s->job,
                 "%" PRIu64 " flows had more packets than any of training: %" PRIu64
                 " packets less are made",
                 counts->capped, counts->capped_rows);
    if (counts->late)
        weir_log(s->job, "%" PRIu64 " rows behind the time asked for are left out", counts->late);
}

/* The time asked for. */
static int time_line(struct cascade_sampling *s)
{
    const struct cascade_model *m = s->model;
    const int64_t ends[] = {m->first, m->last};
    bool point = m->first == m->last;
    weir_tiling tiling;
    double mean, rows;

    if (weir_tiling_init(&tiling, ends, point ? 1 : 2, s->request->duration,
                         weir_job_error(s->job)) != WEIR_OK)
        return weir_job_error(s->job)->status;
    s->length = tiling.length;
    /* From one repetition to the next: one mean gap behind the last row. */
    mean = (double)(m->last - m->first) / fmax((double)m->rows - 1, 1);
    s->window = m->last - m->first + llrint(mean) + 1;
    rows = (double)m->rows * ((double)s->length / (double)s->window);
    if (!counted(s) && rows > UINT32_MAX - 1.0)
        return weir_fail(s->job, WEIR_EOPTION, "%g s at the trace's rate are more than %u rows",
                         s->request->duration, UINT32_MAX - 1);
    return WEIR_OK;
}

static void close_all(struct cascade_sampling *s)
{
    cascade_sampler_close(&s->nets);
    weir_tuples_free(s->tuples);
    weir_table_free(s->shapes);
    weir_table_free(s->heads);
    weir_table_free(s->fields);
    free(s->queue);
    free(s->offsets);
    free(s->encoded);
    free(s->tuple);
    free(s->series);
    free(s->drawn);
    free(s->first);
    free(s->shares);
    free(s->items);
    free(s->values);
    free(s->planned);
    free(s->made_tuples);
    free(s->made_fields);
    free(s->raw);
    free(s->times);
}

static int run_conditions(void *context, size_t n, float *numbers)
{
    return cascade_run_conditions(context, n, numbers);
}

int cascade_sample(weir_job *job, const void *model, const weir_request *request, weir_table *out)
{
    struct cascade_sampling s = {.job = job, .model = model, .request = request, .out = out};
    weir_error *error = weir_job_error(job);
    int status = weir_request_check(request, s.model->schema, error);

    if (status == WEIR_OK)
        status = time_line(&s);
    if (status == WEIR_OK)
        status = weir_table_match(out, s.model->names, error);
    if (status != WEIR_OK)
        return status;
    s.time = weir_time_column(s.model->schema);
    s.random = weir_stream(job, "places");
    status = cascade_sampler_open(job, model, &s.nets);
    if (status == WEIR_OK)
        status = cascade_source_open(job, model, run_conditions, &s.nets, &s.source);
    if (status == WEIR_OK)
        status = cascade_block_open(&s);
    if (status == WEIR_OK)
        status = make_all(&s);
    if (status == WEIR_OK)
        report(&s);
    close_all(&s);
    return status;
}
