/* flow_series: a flow as a series of steps: counts, bytes, where in the step, what is empty, where
 * it ends. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <weir/sampling.h>

struct options {
    int64_t steps;
    bool zero_inflation;
    bool adjust;
};

static const weir_option options[] = {
    WEIR_INT(struct options, steps, 200, 1, 10000, "steps that the trace's duration is cut into"),
    WEIR_BOOL(struct options, zero_inflation, true,
              "a pair of values says whether a step is empty"),
    WEIR_BOOL(struct options, adjust, true,
              "a flow's series begins with its first packet, not with the trace"),
    WEIR_END};

/* Sums of a step, in the order of their columns: rows, then the schema's volumes. */
#define MOST_SUMS 3
/* Of log(1 + sum): expm1 of it is a u64. */
#define GREATEST 44.36

static const struct schema {
    uint32_t sums;
    const char *from[MOST_SUMS]; /* column that is summed; NULL: rows are counted */
    const char *to[MOST_SUMS];   /* column that decode writes */
} packets = {2, {NULL, "pkt_len"}, {"step_packets", "step_bytes"}},
  records = {3, {NULL, "pkt", "byt"}, {"step_records", "step_packets", "step_bytes"}};

struct state {
    bool netflow, zero_inflation, adjust;
    uint32_t steps;
    double width;                           /* of a step, ns */
    double low[MOST_SUMS], high[MOST_SUMS]; /* of log(1 + sum) */
};

/* What a step of a flow holds. */
struct step {
    uint32_t at; /* the step's number */
    uint64_t sums[MOST_SUMS];
    double median, span; /* of positions in the step */
};

static const struct schema *schema_of(const struct state *self)
{
    return self->netflow ? &records : &packets;
}

/* Values a step: sums, median, span, then the pairs. */
static uint32_t plain_of(const struct state *self)
{
    return schema_of(self)->sums + 2;
}

static uint32_t wide_of(const struct state *self)
{
    return plain_of(self) + (self->zero_inflation ? 4 : 2);
}

/* The data's columns that are summed. */
struct source {
    weir_steps steps;
    const weir_flows *flows;
    const uint16_t *lengths;
    const uint64_t *volumes[2];
};

static int open_source(weir_job *job, const struct state *self, const weir_dataset *data,
                       struct source *source)
{
    const weir_table *table = weir_dataset_table(data);

    *source = (struct source){0};
    if (weir_steps_of(job, data, self->width, self->steps, &source->steps) != WEIR_OK)
        return weir_job_error(job)->status;
    if ((weir_dataset_schema(data) == WEIR_NETFLOW) != self->netflow)
        return weir_fail(job, WEIR_EDATA, "it was fitted to %s, and these are %s",
                         self->netflow ? "netflow" : "packets",
                         self->netflow ? "packets" : "netflow");
    if (self->netflow) {
        source->volumes[0] = weir_u64(table, "pkt");
        source->volumes[1] = weir_u64(table, "byt");
    } else {
        source->lengths = weir_u16(table, "pkt_len");
    }
    source->flows = weir_dataset_flows(data, weir_job_error(job));
    return source->flows ? WEIR_OK : weir_job_error(job)->status;
}

/* Takes the step that begins at rows[0] of n; returns how many rows it has. */
static uint32_t take_step(const struct source *source, const uint32_t *rows, uint32_t n,
                          struct step *step)
{
    uint32_t length = weir_step_run(&source->steps, rows, n, &step->at), half = length / 2;
    double first, last, middle, before;

    step->sums[0] = length;
    step->sums[1] = step->sums[2] = 0;
    for (uint32_t i = 0; i < length; i++) {
        if (source->lengths) {
            step->sums[1] += source->lengths[rows[i]];
            continue;
        }
        for (int v = 0; v < 2; v++) { /* what does not fit counts as the greatest that does */
            uint64_t sum = step->sums[v + 1] + source->volumes[v][rows[i]];

            step->sums[v + 1] = sum < step->sums[v + 1] ? UINT64_MAX : sum;
        }
    }
    weir_step_of(&source->steps, rows[0], &first);
    weir_step_of(&source->steps, rows[length - 1], &last);
    weir_step_of(&source->steps, rows[half], &middle);
    before = middle;
    if (length % 2 == 0)
        weir_step_of(&source->steps, rows[half - 1], &before);
    step->median = (before + middle) / 2;
    step->span = last - first;
    return length;
}

static int add_layout(weir_job *job, const struct state *self)
{
    char name[32];

    for (uint32_t t = 0; t < self->steps; t++) {
        snprintf(name, sizeof name, "%u.values", t);
        if (weir_layout_add(job, name, plain_of(self), WEIR_SIGMOID) != WEIR_OK)
            return weir_job_error(job)->status;
        snprintf(name, sizeof name, "%u.some", t);
        if (self->zero_inflation && weir_layout_add(job, name, 2, WEIR_SOFTMAX) != WEIR_OK)
            return weir_job_error(job)->status;
        snprintf(name, sizeof name, "%u.active", t);
        if (weir_layout_add(job, name, 2, WEIR_SOFTMAX) != WEIR_OK)
            return weir_job_error(job)->status;
    }
    return WEIR_OK;
}

static int fit(weir_job *job, const weir_dataset *train, void *state)
{
    const struct options *opt = weir_options(job);
    struct state *self = state;
    struct source source;

    self->netflow = weir_dataset_schema(train) == WEIR_NETFLOW;
    self->zero_inflation = opt->zero_inflation;
    self->adjust = opt->adjust;
    self->steps = (uint32_t)opt->steps;
    if (open_source(job, self, train, &source) != WEIR_OK)
        return weir_job_error(job)->status;
    self->width = source.steps.width;
    for (uint32_t s = 0; s < MOST_SUMS; s++)
        self->low[s] = self->zero_inflation ? INFINITY : 0;
    for (uint32_t f = 0; f < source.flows->count; f++) {
        uint32_t at = source.flows->offsets[f], end = source.flows->offsets[f + 1];
        struct step step;

        if (f % 4096 == 0 && weir_progress(job, f, source.flows->count) != WEIR_OK)
            return WEIR_ECANCEL;
        while (at < end) {
            at += take_step(&source, source.flows->rows + at, end - at, &step);
            for (uint32_t s = 0; s < MOST_SUMS; s++) {
                double x = fmin(log1p((double)step.sums[s]), GREATEST);

                self->low[s] = fmin(self->low[s], x);
                self->high[s] = fmax(self->high[s], x);
            }
        }
    }
    return add_layout(job, self);
}

static float scaled(const struct state *self, uint32_t sum, uint64_t value)
{
    double low = self->low[sum], high = self->high[sum];

    if (!(high > low))
        return 0;
    return (float)fmin(fmax((log1p((double)value) - low) / (high - low), 0), 1);
}

/* A flow's series; behind its end nothing but [0, 1] in the last pair. */
static void encode_flow(const struct state *self, const struct source *source, const uint32_t *rows,
                        uint32_t n, float *out)
{
    uint32_t sums = schema_of(self)->sums, plain = plain_of(self), wide = wide_of(self);
    uint32_t start = 0, done = 0;
    struct step step;

    memset(out, 0, (size_t)self->steps * wide * sizeof *out);
    if (self->adjust)
        start = weir_step_of(&source->steps, rows[0], NULL);
    for (uint32_t at = 0; at < n;) {
        float *to;

        at += take_step(source, rows + at, n - at, &step);
        for (; done <= step.at - start; done++) { /* empty ones, and this one */
            out[done * wide + wide - 2] = 1;
            if (self->zero_inflation)
                out[done * wide + plain + 1] = 1;
        }
        to = out + (size_t)(step.at - start) * wide;
        to[0] = scaled(self, 0, step.sums[0]);
        to[1] = (float)step.median;
        to[2] = (float)step.span;
        for (uint32_t s = 1; s < sums; s++)
            to[s + 2] = scaled(self, s, step.sums[s]);
        if (self->zero_inflation) {
            to[plain] = 1;
            to[plain + 1] = 0;
        }
    }
    for (; done < self->steps; done++)
        out[done * wide + wide - 1] = 1;
}

static int encode(weir_job *job, const void *state, const weir_dataset *data, const uint32_t *rows,
                  size_t n, float *out)
{
    const struct state *self = state;
    size_t width = (size_t)self->steps * wide_of(self);
    struct source source;

    if (n == 0)
        return WEIR_OK;
    if (open_source(job, self, data, &source) != WEIR_OK)
        return weir_job_error(job)->status;
    for (size_t i = 0; i < n; i++) {
        uint32_t at = source.flows->offsets[rows[i]], end = source.flows->offsets[rows[i] + 1];

        if (i % 1024 == 1023 && weir_progress(job, (int64_t)i, (int64_t)n) != WEIR_OK)
            return WEIR_ECANCEL;
        encode_flow(self, &source, source.flows->rows + at, end - at, out + i * width);
    }
    return WEIR_OK;
}

/* A column of out of one value a step, or a row; NULL on failure. */
static void *column_of(weir_job *job, weir_table *out, const char *name, weir_type type,
                       size_t width)
{
    int at = weir_table_find(out, name);
    weir_type has = type;
    size_t wide = width;

    if (at >= 0)
        weir_table_column(out, (size_t)at, &has, &wide);
    else if (weir_table_add(out, name, type, width, weir_job_error(job)) != WEIR_OK)
        return NULL;
    if (has != type || wide != width) {
        weir_fail(job, WEIR_EDATA, "column '%s' of the table is %s of width %zu, not %s of %zu",
                  name, weir_type_name(has), wide, weir_type_name(type), width);
        return NULL;
    }
    return weir_table_data(out, name, type);
}

static double sum_of(const struct state *self, uint32_t sum, float value)
{
    double x = fmin(fmax((double)value, 0), 1);

    return rint(expm1(self->low[sum] + x * (self->high[sum] - self->low[sum])));
}

struct columns {
    uint32_t *length, *rows;
    float *median, *half;
    uint64_t *volumes[2];
};

static void decode_flow(const struct state *self, const float *in, size_t at,
                        const struct columns *to)
{
    uint32_t plain = plain_of(self), wide = wide_of(self), length = 1;
    size_t base = at * self->steps;

    while (length < self->steps &&
           in[(size_t)length * wide + wide - 2] > in[(size_t)length * wide + wide - 1])
        length++;
    to->length[at] = length;
    for (uint32_t t = 0; t < self->steps; t++, in += wide) {
        bool first = self->adjust && t == 0; /* is never empty */
        bool some = t < length && (first || !self->zero_inflation || in[plain] > in[plain + 1]);
        double rows = some ? sum_of(self, 0, in[0]) : 0;

        if (some && (first || self->zero_inflation))
            rows = fmax(rows, 1);
        some = rows > 0;
        to->rows[base + t] = (uint32_t)rows;
        to->median[base + t] = some ? fminf(fmaxf(in[1], 0), 1) : 0;
        to->half[base + t] = some ? fminf(fmaxf(in[2], 0), 1) / 2 : 0;
        for (uint32_t v = 0; v + 1 < schema_of(self)->sums; v++)
            to->volumes[v][base + t] = some ? (uint64_t)sum_of(self, v + 1, in[v + 3]) : 0;
    }
}

static int decode(weir_job *job, const void *state, const float *in, size_t n, weir_table *out)
{
    const struct state *self = state;
    const struct schema *schema = schema_of(self);
    struct columns to = {0};

    to.length = column_of(job, out, "steps", WEIR_U32, 1);
    if (to.length)
        to.rows = column_of(job, out, schema->to[0], WEIR_U32, self->steps);
    if (to.rows)
        to.median = column_of(job, out, "step_median", WEIR_F32, self->steps);
    if (to.median)
        to.half = column_of(job, out, "step_half", WEIR_F32, self->steps);
    for (uint32_t v = 0; v + 1 < schema->sums && weir_job_error(job)->status == WEIR_OK; v++)
        to.volumes[v] = column_of(job, out, schema->to[v + 1], WEIR_U64, self->steps);
    if (weir_job_error(job)->status != WEIR_OK)
        return weir_job_error(job)->status;
    for (size_t i = 0; i < n; i++) {
        if (i % 1024 == 1023 && weir_progress(job, (int64_t)i, (int64_t)n) != WEIR_OK)
            return WEIR_ECANCEL;
        decode_flow(self, in + i * self->steps * wide_of(self), i, &to);
    }
    return WEIR_OK;
}

static int save(weir_job *job, const void *state, weir_archive *to)
{
    const struct state *self = state;
    const uint64_t sums = schema_of(self)->sums;

    if (weir_put_number(to, "steps", self->steps) != WEIR_OK ||
        weir_put_number(to, "width", self->width) != WEIR_OK ||
        weir_put_number(to, "netflow", self->netflow) != WEIR_OK ||
        weir_put_number(to, "zero_inflation", self->zero_inflation) != WEIR_OK ||
        weir_put_number(to, "adjust", self->adjust) != WEIR_OK ||
        weir_put_array(to, "low", WEIR_F64, 1, &sums, self->low) != WEIR_OK)
        return weir_job_error(job)->status;
    return weir_put_array(to, "high", WEIR_F64, 1, &sums, self->high);
}

static int load(weir_job *job, void *state, const weir_archive *from)
{
    struct state *self = state;
    double steps, netflow, zero_inflation, adjust;
    const double *low, *high;
    uint64_t sums;

    if (weir_get_number(from, "steps", &steps) != WEIR_OK ||
        weir_get_number(from, "width", &self->width) != WEIR_OK ||
        weir_get_number(from, "netflow", &netflow) != WEIR_OK ||
        weir_get_number(from, "zero_inflation", &zero_inflation) != WEIR_OK ||
        weir_get_number(from, "adjust", &adjust) != WEIR_OK)
        return weir_job_error(job)->status;
    if (!(steps >= 1 && steps <= 10000) || !(self->width > 0))
        return weir_fail(job, WEIR_EDATA, "%g steps of %g ns", steps, self->width);
    self->steps = (uint32_t)steps;
    self->netflow = netflow != 0;
    self->zero_inflation = zero_inflation != 0;
    self->adjust = adjust != 0;
    sums = schema_of(self)->sums;
    low = weir_get_array(from, "low", WEIR_F64, 1, &sums);
    high = low ? weir_get_array(from, "high", WEIR_F64, 1, &sums) : NULL;
    if (!high)
        return weir_job_error(job)->status;
    for (uint32_t s = 0; s < sums; s++) {
        double most = s == 0 ? log1p(UINT32_MAX) : GREATEST;

        if (!(low[s] >= 0 && low[s] <= high[s] && high[s] <= most))
            return weir_fail(job, WEIR_EDATA, "'%s' is scaled from %g to %g",
                             schema_of(self)->to[s], low[s], high[s]);
        self->low[s] = low[s];
        self->high[s] = high[s];
    }
    return WEIR_OK;
}

WEIR_ENCODER(flow_series, .summary = "A flow as a series of counts, bytes and places in time",
             .reference = "CascadeNet: Generating Network Traffic with High-Fidelity Temporal "
                          "Patterns (CascadeGAN)",
             .options = options, .options_size = sizeof(struct options),
             .state_size = sizeof(struct state), .accepts = WEIR_PACKETS | WEIR_NETFLOW,
             .deterministic = true, .unit = WEIR_PER_FLOW, .fit = fit, .encode = encode,
             .decode = decode, .save = save, .load = load);
