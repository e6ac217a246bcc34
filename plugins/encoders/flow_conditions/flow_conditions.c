/* flow_conditions: nine numbers that say what a flow is like, each divided by its greatest value.
 */
#include <math.h>
#include <string.h>
#include <weir/sampling.h>

struct options {
    weir_list conditions;
    int64_t steps;
};

static const weir_option options[] = {
    WEIR_LIST(struct options, conditions,
              "packets,duration,active,peak,mean,deviation,gap,start,end",
              "conditions to encode, in this order"),
    WEIR_INT(struct options, steps, 200, 1, 65536, "steps that the trace's duration is cut into"),
    WEIR_END};

enum { PACKETS, DURATION, ACTIVE, PEAK, MEAN, DEVIATION, GAP, START, END, CONDITIONS };

static const struct condition {
    const char *name;   /* in the option and the layout */
    const char *column; /* that decode writes */
    bool logarithmic;   /* log(1 + x) is what is scaled */
    bool whole;         /* u64; else f64 */
    uint64_t least;     /* of a flow */
} conditions[CONDITIONS] = {
    [PACKETS] = {"packets", "flow_packets", true, true, 1},
    [DURATION] = {"duration", "flow_duration", false, true, 1},
    [ACTIVE] = {"active", "flow_active", false, true, 1},
    [PEAK] = {"peak", "flow_peak", true, true, 1},
    [MEAN] = {"mean", "flow_mean", true, false, 1},
    [DEVIATION] = {"deviation", "flow_deviation", true, false, 0},
    [GAP] = {"gap", "flow_gap", false, false, 0},
    [START] = {"start", "flow_start", false, true, 0},
    [END] = {"end", "flow_end", false, true, 0},
};

struct state {
    uint32_t chosen[CONDITIONS]; /* in the order of the encoding */
    uint32_t count;
    uint32_t steps;
    double width; /* of a step, ns */
    double greatest[CONDITIONS];
};

/* A u64 holds it, whatever the times are. */
#define LONGEST 1.8e19

/* ns from the trace's first row. */
static double since(const weir_steps *steps, uint32_t row)
{
    return fmin((double)((uint64_t)steps->times[row] - (uint64_t)steps->first), LONGEST);
}

/* A flow's conditions, before they are scaled. */
static void measure(const weir_steps *steps, const uint32_t *rows, uint32_t n,
                    double out[CONDITIONS])
{
    double squares = 0, gap = 0, mean;
    uint32_t first = weir_step_of(steps, rows[0], NULL), last = first, active = 0, gaps = 0;
    uint32_t peak = 0, length;

    for (uint32_t at = 0; at < n; at += length) {
        uint32_t step;

        length = weir_step_run(steps, rows + at, n - at, &step);
        if (step > last + 1) {
            gap += step - last - 1;
            gaps++;
        }
        last = step;
        active++;
        peak = length > peak ? length : peak;
    }
    mean = (double)n / active;
    for (uint32_t at = 0; at < n; at += length) {
        uint32_t step;

        length = weir_step_run(steps, rows + at, n - at, &step);
        squares += (length - mean) * (length - mean);
    }
    out[PACKETS] = n;
    out[DURATION] = last - first + 1;
    out[ACTIVE] = active;
    out[PEAK] = peak;
    out[MEAN] = mean;
    out[DEVIATION] = sqrt(squares / active);
    out[GAP] = gaps ? gap / gaps : 0;
    out[START] = since(steps, rows[0]);
    out[END] = since(steps, rows[n - 1]);
    for (int c = 0; c < CONDITIONS; c++)
        if (conditions[c].logarithmic)
            out[c] = log1p(out[c]);
}

static int choose(weir_job *job, struct state *self)
{
    const weir_list names = ((const struct options *)weir_options(job))->conditions;

    if (names.count == 0)
        return weir_fail(job, WEIR_EOPTION, "option 'conditions' names no condition");
    for (size_t i = 0; i < names.count; i++) {
        uint32_t c = 0;

        while (c < CONDITIONS && strcmp(conditions[c].name, names.items[i]) != 0)
            c++;
        if (c == CONDITIONS)
            return weir_fail(job, WEIR_EOPTION,
                             "there is no condition '%s'; there are packets, duration, active, "
                             "peak, mean, deviation, gap, start and end",
                             names.items[i]);
        for (uint32_t k = 0; k < self->count; k++)
            if (self->chosen[k] == c)
                return weir_fail(job, WEIR_EOPTION, "condition '%s' is named twice",
                                 names.items[i]);
        self->chosen[self->count++] = c;
        if (weir_layout_add(job, conditions[c].name, 1, WEIR_SIGMOID) != WEIR_OK)
            return weir_job_error(job)->status;
    }
    return WEIR_OK;
}

static int fit(weir_job *job, const weir_dataset *train, void *state)
{
    const struct options *opt = weir_options(job);
    struct state *self = state;
    const weir_flows *flows;
    weir_steps steps;

    if (choose(job, self) != WEIR_OK)
        return weir_job_error(job)->status;
    self->steps = (uint32_t)opt->steps;
    if (weir_steps_of(job, train, 0, self->steps, &steps) != WEIR_OK)
        return weir_job_error(job)->status;
    self->width = steps.width;
    flows = weir_dataset_flows(train, weir_job_error(job));
    if (!flows)
        return weir_job_error(job)->status;
    for (uint32_t f = 0; f < flows->count; f++) {
        double values[CONDITIONS];

        if (f % 4096 == 0 && weir_progress(job, f, flows->count) != WEIR_OK)
            return WEIR_ECANCEL;
        measure(&steps, flows->rows + flows->offsets[f], flows->offsets[f + 1] - flows->offsets[f],
                values);
        for (int c = 0; c < CONDITIONS; c++)
            self->greatest[c] = fmax(self->greatest[c], values[c]);
    }
    return WEIR_OK;
}

static int encode(weir_job *job, const void *state, const weir_dataset *data, const uint32_t *rows,
                  size_t n, float *out)
{
    const struct state *self = state;
    const weir_flows *flows;
    weir_steps steps;

    if (n == 0)
        return WEIR_OK;
    if (weir_steps_of(job, data, self->width, self->steps, &steps) != WEIR_OK)
        return weir_job_error(job)->status;
    flows = weir_dataset_flows(data, weir_job_error(job));
    if (!flows)
        return weir_job_error(job)->status;
    for (size_t i = 0; i < n; i++) {
        uint32_t at = flows->offsets[rows[i]], length = flows->offsets[rows[i] + 1] - at;
        double values[CONDITIONS];

        if (i % 4096 == 4095 && weir_progress(job, (int64_t)i, (int64_t)n) != WEIR_OK)
            return WEIR_ECANCEL;
        measure(&steps, flows->rows + at, length, values);
        for (uint32_t k = 0; k < self->count; k++) {
            uint32_t c = self->chosen[k];
            double x = self->greatest[c] > 0 ? values[c] / self->greatest[c] : 0;

            out[i * self->count + k] = (float)fmin(x, 1);
        }
    }
    return WEIR_OK;
}

static int decode(weir_job *job, const void *state, const float *in, size_t n, weir_table *out)
{
    const struct state *self = state;

    for (uint32_t k = 0; k < self->count; k++) {
        const struct condition *condition = &conditions[self->chosen[k]];
        double greatest = self->greatest[self->chosen[k]];
        void *column =
            weir_column_out(job, out, condition->column, condition->whole ? WEIR_U64 : WEIR_F64, n);

        if (!column)
            return weir_job_error(job)->status;
        for (size_t i = 0; i < n; i++) {
            double x = fmin(fmax((double)in[i * self->count + k], 0), 1) * greatest;

            if (condition->logarithmic)
                x = expm1(x);
            x = fmax(x, (double)condition->least);
            if (condition->whole)
                ((uint64_t *)column)[i] = (uint64_t)rint(x);
            else
                ((double *)column)[i] = x;
        }
        if (weir_progress(job, k, self->count) != WEIR_OK)
            return WEIR_ECANCEL;
    }
    return WEIR_OK;
}

static int save(weir_job *job, const void *state, weir_archive *to)
{
    const struct state *self = state;
    const uint64_t count = self->count, all = CONDITIONS;

    (void)job;
    if (weir_put_number(to, "steps", self->steps) != WEIR_OK ||
        weir_put_number(to, "width", self->width) != WEIR_OK ||
        weir_put_array(to, "chosen", WEIR_U32, 1, &count, self->chosen) != WEIR_OK)
        return weir_job_error(job)->status;
    return weir_put_array(to, "greatest", WEIR_F64, 1, &all, self->greatest);
}

static int load(weir_job *job, void *state, const weir_archive *from)
{
    struct state *self = state;
    uint64_t count = 0, all = CONDITIONS;
    const uint32_t *chosen = weir_get_array(from, "chosen", WEIR_U32, 1, &count);
    const double *greatest = weir_get_array(from, "greatest", WEIR_F64, 1, &all);
    double steps;

    if (!chosen || !greatest || weir_get_number(from, "steps", &steps) != WEIR_OK ||
        weir_get_number(from, "width", &self->width) != WEIR_OK)
        return weir_job_error(job)->status;
    if (!(steps >= 1 && steps <= 65536) || !(self->width > 0) || count < 1 || count > CONDITIONS)
        return weir_fail(job, WEIR_EDATA, "%llu conditions, %g steps of %g ns",
                         (unsigned long long)count, steps, self->width);
    self->steps = (uint32_t)steps;
    self->count = (uint32_t)count;
    for (uint32_t k = 0; k < self->count; k++) {
        if (chosen[k] >= CONDITIONS)
            return weir_fail(job, WEIR_EDATA, "'chosen' names condition %u of %d", chosen[k],
                             CONDITIONS);
        self->chosen[k] = chosen[k];
    }
    for (int c = 0; c < CONDITIONS; c++) {
        double most = conditions[c].logarithmic ? 43 : LONGEST;

        if (!(greatest[c] >= 0 && greatest[c] <= most))
            return weir_fail(job, WEIR_EDATA, "the greatest %s is %g", conditions[c].name,
                             greatest[c]);
        self->greatest[c] = greatest[c];
    }
    return WEIR_OK;
}

WEIR_ENCODER(flow_conditions,
             .summary = "Nine numbers that say what a flow is like, scaled to [0, 1]",
             .reference = "CascadeNet: Generating Network Traffic with High-Fidelity Temporal "
                          "Patterns (CascadeGAN)",
             .options = options, .options_size = sizeof(struct options),
             .state_size = sizeof(struct state), .accepts = WEIR_PACKETS | WEIR_NETFLOW,
             .deterministic = true, .unit = WEIR_PER_FLOW, .fit = fit, .encode = encode,
             .decode = decode, .save = save, .load = load);
