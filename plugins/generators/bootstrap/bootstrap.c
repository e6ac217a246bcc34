/* bootstrap: whole flows drawn with replacement and shifted in time. */
#include <math.h>
#include <stdlib.h>
#include <weir/sampling.h>

struct options {
    int start;
    double shift;
    bool distinct;
};

enum { START_SHIFT, START_UNIFORM, START_EMPIRICAL };

static const weir_option options[] = {
    WEIR_CHOICE(struct options, start, "shift|uniform|empirical",
                "where a drawn flow starts: its own start plus a shift; anywhere; the start of "
                "another flow"),
    WEIR_REAL(struct options, shift, 0.02, 0, 1,
              "largest shift either way, as a fraction of the trace's duration"),
    WEIR_BOOL(struct options, distinct, true,
              "a flow drawn again gets a new ephemeral port, so that it stays a flow of its own"),
    WEIR_END};

/* Ports below are services and are never changed. */
#define FIRST_EPHEMERAL 1024

/* The training set by flows, and where their packets go. */
struct flows {
    uint32_t count;
    uint32_t *offsets; /* [count + 1] into rows */
    uint32_t *rows;    /* by flow, by time within a flow */
    int64_t *starts;   /* [count] ascending, since flows are numbered by their first row */
};

struct pick {
    uint32_t flow;
    uint32_t rows; /* of the flow, from its first */
    int64_t start; /* ns */
    weir_tuple tuple;
};

struct plan {
    struct pick *picks;
    size_t count, room;
    uint64_t rows;
    weir_tuples *tuples; /* of the picks */
};

static weir_tuple tuple_of(const weir_table *train, uint32_t row)
{
    return (weir_tuple){weir_u32(train, "srcip")[row], weir_u32(train, "dstip")[row],
                        weir_u16(train, "srcport")[row], weir_u16(train, "dstport")[row],
                        weir_u8(train, "proto")[row]};
}

static int group(weir_job *job, const weir_table *train, struct flows *flows)
{
    weir_error *error = weir_job_error(job);
    size_t rows = weir_table_rows(train);
    const int64_t *times = weir_i64(train, weir_time_column(weir_table_schema(train)));
    uint32_t *flow_of = weir_alloc(job, rows, sizeof *flow_of);
    weir_tuples *tuples = weir_tuples_new(error);

    flows->rows = weir_alloc(job, rows, sizeof *flows->rows);
    for (size_t i = 0; error->status == WEIR_OK && i < rows; i++) {
        weir_tuple tuple = tuple_of(train, (uint32_t)i);

        weir_tuples_add(tuples, &tuple, &flow_of[i], error);
    }
    if (tuples)
        flows->count = weir_tuples_count(tuples);
    weir_tuples_free(tuples);
    flows->offsets = weir_alloc(job, flows->count + (size_t)1, sizeof *flows->offsets);
    flows->starts = weir_alloc(job, flows->count, sizeof *flows->starts);
    if (error->status != WEIR_OK)
        return error->status;
    for (size_t i = 0; i < rows; i++)
        flows->offsets[flow_of[i]]++;
    for (uint32_t f = 1; f <= flows->count; f++)
        flows->offsets[f] += flows->offsets[f - 1];
    /* Backwards, so that rows stay in order and offsets end at the flows' beginnings. */
    for (size_t i = rows; i-- > 0;)
        flows->rows[--flows->offsets[flow_of[i]]] = (uint32_t)i;
    for (uint32_t f = 0; f < flows->count; f++)
        flows->starts[f] = times[flows->rows[flows->offsets[f]]];
    return WEIR_OK;
}

/* The port of a tuple that a client chose: the greater one, unless it is a service too. */
static uint16_t *ephemeral(weir_tuple *tuple)
{
    uint16_t *port = tuple->srcport >= tuple->dstport ? &tuple->srcport : &tuple->dstport;

    return *port >= FIRST_EPHEMERAL ? port : NULL;
}

/* Gives a tuple that was drawn before another ephemeral port: one of another flow of the protocol,
 * or else any. Leaves it as it is if it has none, or all seem taken: then the flows are one. */
static void make_distinct(weir_random *random, const weir_table *train, const struct flows *flows,
                          const weir_tuples *taken, weir_tuple *tuple)
{
    uint16_t *port = ephemeral(tuple), own;
    bool source = port == &tuple->srcport;

    if (!port || !weir_tuples_has(taken, tuple))
        return;
    own = *port;
    for (int attempt = 0; attempt < 96; attempt++) {
        weir_tuple other = *tuple;
        uint16_t *from = NULL;

        if (attempt < 32) {
            uint32_t flow = (uint32_t)weir_random_below(random, flows->count);

            other = tuple_of(train, flows->rows[flows->offsets[flow]]);
            from = ephemeral(&other);
            if (!from || other.proto != tuple->proto || (from == &other.srcport) != source)
                continue;
            *port = *from;
        } else {
            *port =
                (uint16_t)(FIRST_EPHEMERAL + weir_random_below(random, 65536 - FIRST_EPHEMERAL));
        }
        if (!weir_tuples_has(taken, tuple))
            return;
    }
    *port = own;
}

/* Where a flow that began `at` ns into the tiling starts now, ns from the first time. room: the
 * latest start that keeps the whole flow inside. */
static int64_t new_start(weir_random *random, const struct options *opt, const weir_tiling *starts,
                         int64_t at, int64_t room)
{
    if (opt->start == START_UNIFORM)
        return (int64_t)weir_random_below(random, (uint64_t)room + 1);
    if (opt->start == START_EMPIRICAL)
        at = weir_tiling_time(starts, weir_random_below(random, starts->count)) - starts->first;
    else if (opt->shift > 0)
        at += llrint((2 * weir_random_uniform(random) - 1) * opt->shift * (double)starts->window);
    at %= room + 1;
    return at < 0 ? at + room + 1 : at;
}

/* How many of a flow's rows, of which there are n, lie less than `length` ns after its first. */
static uint32_t rows_within(const int64_t *times, const uint32_t *rows, uint32_t n, int64_t length)
{
    uint32_t low = 1, high = n;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (times[rows[middle]] - times[rows[0]] < length)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int add_pick(weir_job *job, const weir_table *train, const struct flows *flows,
                    const weir_tiling *starts, struct plan *plan)
{
    const struct options *opt = weir_options(job);
    const int64_t *times = weir_i64(train, weir_time_column(weir_table_schema(train)));
    uint64_t at = weir_random_below(weir_stream(job, "flows"), starts->count);
    struct pick pick = {.flow = (uint32_t)(at % flows->count)};
    const uint32_t *rows = flows->rows + flows->offsets[pick.flow];
    int64_t begin = flows->starts[pick.flow], room;
    uint32_t index;

    pick.rows = flows->offsets[pick.flow + 1] - flows->offsets[pick.flow];
    pick.rows = rows_within(times, rows, pick.rows, starts->length);
    room = starts->length - 1 - (times[rows[pick.rows - 1]] - begin);
    pick.start = starts->first + new_start(weir_stream(job, "starts"), opt, starts,
                                           weir_tiling_time(starts, at) - starts->first, room);
    pick.tuple = tuple_of(train, rows[0]);
    if (opt->distinct)
        make_distinct(weir_stream(job, "ports"), train, flows, plan->tuples, &pick.tuple);
    if (plan->count == plan->room) {
        size_t more = plan->room ? 2 * plan->room : 1024;
        struct pick *picks = realloc(plan->picks, more * sizeof *picks);

        if (!picks)
            return weir_error_memory(weir_job_error(job), more * sizeof *picks, "drawn flows");
        plan->picks = picks;
        plan->room = more;
    }
    plan->picks[plan->count++] = pick;
    plan->rows += pick.rows;
    if (plan->rows > UINT32_MAX - 1)
        return weir_fail(job, WEIR_EOPTION, "so many flows have more than %u packets",
                         UINT32_MAX - 1);
    return weir_tuples_add(plan->tuples, &pick.tuple, &index, weir_job_error(job));
}

static int make_plan(weir_job *job, const weir_table *train, const struct flows *flows,
                     const weir_tiling *starts, const weir_request *request, struct plan *plan)
{
    uint64_t goal = request->flows > 0     ? (uint64_t)request->flows
                    : request->packets > 0 ? (uint64_t)request->packets
                                           : starts->count;
    uint64_t patience = 64 * (uint64_t)flows->count + 1000000, fruitless = 0;

    for (uint64_t reached = 0; reached < goal;) {
        uint32_t before = weir_tuples_count(plan->tuples);
        int status = add_pick(job, train, flows, starts, plan);

        if (status != WEIR_OK)
            return status;
        fruitless = weir_tuples_count(plan->tuples) > before ? 0 : fruitless + 1;
        if (request->flows > 0 && fruitless > patience)
            return weir_fail(job, WEIR_EOPTION,
                             "%llu flows are asked for, and no more than %u different ones can be "
                             "made of the %u of the training set%s",
                             (unsigned long long)goal, before, flows->count,
                             ((const struct options *)weir_options(job))->distinct
                                 ? ""
                                 : " (option distinct is off)");
        reached = request->flows > 0     ? weir_tuples_count(plan->tuples)
                  : request->packets > 0 ? plan->rows
                                         : plan->count;
        if (plan->count % 256 == 0 &&
            weir_progress(job, (int64_t)(reached / 2), (int64_t)goal) != WEIR_OK)
            return WEIR_ECANCEL;
    }
    if (request->packets > 0) {
        plan->picks[plan->count - 1].rows -= (uint32_t)(plan->rows - goal);
        plan->rows = goal;
    }
    return WEIR_OK;
}

/* Copies the rows of the picks, in order; then times and ports, in which they differ. */
static int carry_out(weir_job *job, const weir_table *train, const struct flows *flows,
                     const struct plan *plan, weir_table *out)
{
    weir_error *error = weir_job_error(job);
    const char *column = weir_time_column(weir_table_schema(train));
    uint32_t rows[WEIR_DRAW_BLOCK];
    size_t used = 0, at = 0;
    int64_t *times;
    uint16_t *srcport, *dstport;

    if (weir_table_match(out, train, error) != WEIR_OK ||
        weir_table_resize(out, (size_t)plan->rows, error) != WEIR_OK)
        return error->status;
    times = weir_i64_out(out, column);
    srcport = weir_u16_out(out, "srcport");
    dstport = weir_u16_out(out, "dstport");
    for (size_t p = 0; p < plan->count; p++)
        for (uint32_t i = 0; i < plan->picks[p].rows; i++) {
            rows[used++] = flows->rows[flows->offsets[plan->picks[p].flow] + i];
            if (used < WEIR_DRAW_BLOCK && at + used < plan->rows)
                continue;
            if (weir_table_copy(out, at, train, NULL, rows, used, error) != WEIR_OK)
                return error->status;
            at += used;
            used = 0;
            if (weir_progress(job, (int64_t)(plan->rows + at), (int64_t)(2 * plan->rows)) !=
                WEIR_OK)
                return WEIR_ECANCEL;
        }
    at = 0;
    for (size_t p = 0; p < plan->count; p++) {
        const struct pick *pick = &plan->picks[p];

        for (uint32_t i = 0; i < pick->rows; i++, at++) {
            times[at] += pick->start - flows->starts[pick->flow];
            srcport[at] = pick->tuple.srcport;
            dstport[at] = pick->tuple.dstport;
        }
    }
    return WEIR_OK;
}

static int resample_series(weir_job *job, const weir_table *train, size_t n, weir_table *out)
{
    weir_random *random = weir_stream(job, "series");
    weir_error *error = weir_job_error(job);
    uint32_t rows[64];

    if (weir_table_match(out, train, error) != WEIR_OK ||
        weir_table_resize(out, n, error) != WEIR_OK)
        return error->status;
    for (size_t at = 0; at < n; at += 64) {
        size_t block = n - at < 64 ? n - at : 64;

        for (size_t i = 0; i < block; i++)
            rows[i] = (uint32_t)weir_random_below(random, weir_table_rows(train));
        if (weir_table_copy(out, at, train, NULL, rows, block, error) != WEIR_OK)
            return error->status;
        if (weir_progress(job, (int64_t)at, (int64_t)n) != WEIR_OK)
            return WEIR_ECANCEL;
    }
    return WEIR_OK;
}

static int sample(weir_job *job, const void *model, const weir_request *request, weir_table *out)
{
    const weir_table *train = ((const weir_kept *)model)->train;
    const char *column = weir_time_column(weir_table_schema(train));
    weir_error *error = weir_job_error(job);
    weir_tiling trace, starts;
    struct flows flows = {0};
    struct plan plan = {0};
    int status = weir_request_check(request, weir_table_schema(train), error);

    if (status != WEIR_OK)
        return status;
    if (!column)
        return resample_series(
            job, train, request->series > 0 ? (size_t)request->series : weir_table_rows(train),
            out);
    if (weir_tiling_init(&trace, weir_i64(train, column), weir_table_rows(train), request->duration,
                         error) != WEIR_OK ||
        group(job, train, &flows) != WEIR_OK ||
        weir_tiling_of(&starts, &trace, flows.starts, flows.count, error) != WEIR_OK)
        return error->status;
    plan.tuples = weir_tuples_new(error);
    status = plan.tuples ? make_plan(job, train, &flows, &starts, request, &plan) : error->status;
    weir_tuples_free(plan.tuples);
    if (status == WEIR_OK)
        status = carry_out(job, train, &flows, &plan, out);
    free(plan.picks);
    return status;
}

WEIR_GENERATOR(bootstrap, .summary = "Whole flows drawn with replacement and shifted in time",
               .reference = "Efron, Bootstrap methods: another look at the jackknife, Annals of "
                            "Statistics, 1979 (applied to flows)",
               .options = options, .options_size = sizeof(struct options),
               .state_size = sizeof(weir_kept), .accepts = WEIR_ANY_SCHEMA,
               .produces = WEIR_TIMESTAMPS | WEIR_FLOWS | WEIR_LABELS | WEIR_SERIES,
               .fit = weir_kept_fit, .sample = sample, .save = weir_kept_save,
               .load = weir_kept_load, .free = weir_kept_free);
