/* The conditions of a sample: what is learnt for them, and flows drawn anew, from the training
 * flows, or as they are given. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "conditions.h"

const struct cascade_condition cascade_condition[CONDITIONS] = {
    [COND_PACKETS] = {"packets", "flow_packets", true, true},
    [COND_DURATION] = {"duration", "flow_duration", false, true},
    [COND_ACTIVE] = {"active", "flow_active", false, true},
    [COND_PEAK] = {"peak", "flow_peak", true, true},
    [COND_MEAN] = {"mean", "flow_mean", true, false},
    [COND_DEVIATION] = {"deviation", "flow_deviation", true, false},
    [COND_GAP] = {"gap", "flow_gap", false, false},
    [COND_START] = {"start", "flow_start", false, true},
    [COND_END] = {"end", "flow_end", false, true},
};

/* Flows that are decoded or encoded at once. */
#define BLOCK 4096
/* Flows of a draw for shares or for a part of a table, at least: their order is what is learnt. */
#define POOL 4096
/* Flows that one with something missing is like: any of so many nearest. */
#define NEAREST 5

/* ---- Encoded and in natural units ------------------------------------------------------------*/

static int find_conditions(weir_job *job, const struct cascade_model *model,
                           struct cascade_conditions *self)
{
    const weir_layout *layout = weir_encoder_layout(model->encoder[ROLE_CONDITIONS]);

    for (int c = 0; c < CONDITIONS; c++)
        self->at[c] = -1;
    self->count = layout->width;
    for (uint32_t i = 0; i < layout->count; i++) {
        int c = 0;

        while (c < CONDITIONS && strcmp(layout->segments[i].name, cascade_condition[c].name) != 0)
            c++;
        if (c == CONDITIONS || layout->segments[i].width != 1)
            return weir_fail(job, WEIR_EOPTION,
                             "the encoder of role 'conditions' has a segment '%s', which is no "
                             "condition that flows can be made of; flow_conditions has none such",
                             layout->segments[i].name);
        self->at[c] = (int)i;
    }
    if (self->at[COND_START] < 0 || self->at[COND_END] < 0)
        return weir_fail(job, WEIR_EOPTION,
                         "option 'conditions' lacks start and end: they place a flow in the trace");
    return WEIR_OK;
}

/* flows[n] of what is encoded. */
static int decode(weir_job *job, const struct cascade_model *model,
                  const struct cascade_conditions *self, const float *encoded, size_t n,
                  struct cascade_wanted *flows)
{
    weir_error *error = weir_job_error(job);
    weir_table *table = weir_table_new(0, n < BLOCK ? n : BLOCK, error);
    int status = table ? WEIR_OK : error->status;

    for (size_t at = 0; at < n && status == WEIR_OK; at += BLOCK) {
        size_t count = n - at < BLOCK ? n - at : BLOCK;

        status =
            weir_decode(model->encoder[ROLE_CONDITIONS], encoded + at * self->count, count, table);
        for (int c = 0; c < CONDITIONS && status == WEIR_OK; c++) {
            const struct cascade_condition *what = &cascade_condition[c];
            const uint64_t *whole = weir_u64(table, what->column);
            const double *real = weir_f64(table, what->column);

            if (self->at[c] >= 0 && !whole && !real)
                status = weir_fail(job, WEIR_EDATA,
                                   "the encoder of role 'conditions' decodes no "
                                   "column '%s'",
                                   what->column);
            for (size_t i = 0; i < count; i++)
                flows[at + i].x[c] = self->at[c] < 0 ? NAN : whole ? (double)whole[i] : real[i];
        }
        for (size_t i = 0; i < count; i++) {
            double *x = flows[at + i].x;

            x[COND_END] = fmax(x[COND_END], x[COND_START]);
            if (self->at[COND_DURATION] < 0)
                x[COND_DURATION] = cascade_duration(self, x[COND_START], x[COND_END]);
        }
    }
    weir_table_free(table);
    return status;
}

void cascade_encode(const struct cascade_conditions *self, const struct cascade_wanted *flows,
                    size_t n, float *out)
{
    for (int c = 0; c < CONDITIONS; c++) {
        bool bent = cascade_condition[c].logarithmic;
        double most = bent ? log1p(self->greatest[c]) : self->greatest[c];

        for (size_t i = 0; i < n && self->at[c] >= 0; i++) {
            double x = flows[i].x[c];

            x = most > 0 ? (bent ? log1p(x) : x) / most : 0;
            out[i * self->count + (size_t)self->at[c]] = (float)fmin(fmax(x, 0), 1);
        }
    }
}

/* The greatest values: what ones decode to. Other encoders of these names would not be inverted by
 * cascade_encode: that is looked at. */
static int learn_scale(weir_job *job, const struct cascade_model *model,
                       struct cascade_conditions *self, const float *encoded)
{
    float ones[CONDITIONS], again[CONDITIONS];
    struct cascade_wanted most, first;
    int status;

    for (uint32_t i = 0; i < self->count; i++)
        ones[i] = 1;
    status = decode(job, model, self, ones, 1, &most);
    if (status == WEIR_OK)
        status = decode(job, model, self, encoded, 1, &first);
    if (status != WEIR_OK)
        return status;
    for (int c = 0; c < CONDITIONS; c++)
        self->greatest[c] = isnan(most.x[c]) ? INFINITY : most.x[c];
    self->greatest[COND_PACKETS] = fmax(self->greatest[COND_PACKETS], 1);
    cascade_encode(self, &first, 1, again);
    for (int c = 0; c < CONDITIONS; c++)
        if (self->at[c] >= 0 && c != COND_START && c != COND_END &&
            fabsf(again[self->at[c]] - encoded[self->at[c]]) > 0.01f && most.x[c] > 1)
            return weir_fail(job, WEIR_EOPTION,
                             "the encoder of role 'conditions' scales '%s' otherwise than "
                             "flow_conditions does",
                             cascade_condition[c].name);
    return WEIR_OK;
}

/* ---- Fit, save, load -------------------------------------------------------------------------*/

static bool keeps_flows(const struct cascade_model *model)
{
    return model->options->conditions_from == FROM_REAL ||
           model->options->conditions_from == FROM_BOOTSTRAP;
}

static bool gives_flows(const struct cascade_model *model)
{
    return model->options->conditions_from == FROM_GIVEN && model->options->given;
}

static int keep_flows(weir_job *job, const float *encoded, struct cascade_conditions *self)
{
    size_t values = (size_t)self->flows * self->count;
    float *kept = weir_alloc(job, values, sizeof *kept);

    if (!kept)
        return weir_job_error(job)->status;
    memcpy(kept, encoded, values * sizeof *kept);
    self->kept = kept;
    return WEIR_OK;
}

static void log_size(weir_job *job, const struct cascade_conditions *self)
{
    uint32_t pieces = self->piece_offsets[1 + self->bins * CONDITIONS];
    uint64_t bytes = pieces * sizeof *self->pieces + 2 * self->bins * sizeof *self->bin_least;

    if (self->kept)
        weir_log(job,
                 "conditions: those of all %u training flows are in the model, %" PRIu64
                 " bytes, and %" PRIu64 " bytes of their distributions",
                 self->flows, (uint64_t)self->flows * self->count * sizeof(float), bytes);
    else
        weir_log(job,
                 "conditions: %u pieces of their distributions are in the model, %" PRIu64
                 " bytes, and no training flow",
                 pieces, bytes);
    weir_log(job,
             "classes: elephants have %" PRIu64 " packets or more, long flows last %.9g s "
             "or more",
             self->classes.packets, 1e-9 * (double)self->classes.duration);
}

int cascade_conditions_fit(weir_job *job, const weir_dataset *train, const float *encoded,
                           struct cascade_model *model)
{
    struct cascade_conditions *self = weir_alloc(job, 1, sizeof *self);
    struct cascade_wanted *flows;
    weir_steps steps;
    int status;

    if (!self)
        return weir_job_error(job)->status;
    model->source = self;
    self->steps = (uint32_t)model->options->steps;
    self->flows = model->flows;
    self->length = (double)((uint64_t)model->last - (uint64_t)model->first);
    status = find_conditions(job, model, self);
    if (status == WEIR_OK)
        status = weir_steps_of(job, train, 0, self->steps, &steps);
    if (status == WEIR_OK)
        status = weir_classes_learn(train, &self->classes, weir_job_error(job));
    if (status != WEIR_OK)
        return status;
    self->width = steps.width;
    flows = malloc(self->flows * sizeof *flows);
    if (!flows)
        return weir_error_memory(weir_job_error(job), self->flows * sizeof *flows, "conditions");
    status = learn_scale(job, model, self, encoded);
    if (status == WEIR_OK)
        status = decode(job, model, self, encoded, self->flows, flows);
    if (status == WEIR_OK)
        status = cascade_exact_times(job, self, train, &steps, flows);
    if (status == WEIR_OK)
        status = cascade_margins_learn(job, self, flows, self->flows);
    free(flows);
    if (status == WEIR_OK && keeps_flows(model))
        status = keep_flows(job, encoded, self);
    if (status == WEIR_OK)
        log_size(job, self);
    if (status == WEIR_OK && gives_flows(model))
        status = cascade_given_read(job, self, model->options->given);
    if (status == WEIR_OK) { /* what is wrong with options is said before hours of training */
        struct cascade_source source;

        status = cascade_source_open(job, model, NULL, NULL, &source);
    }
    return status;
}

int cascade_conditions_ranks(weir_job *job, const struct cascade_model *model, const float *encoded,
                             size_t n, float *out)
{
    const struct cascade_conditions *self = model->source;
    weir_random *random = weir_stream(job, "ranks");
    struct cascade_wanted flows[64];
    int status = WEIR_OK;

    for (size_t at = 0; at < n && status == WEIR_OK; at += 64) {
        size_t count = n - at < 64 ? n - at : 64;

        status = decode(job, model, self, encoded + at * self->count, count, flows);
        for (size_t i = 0; i < count && status == WEIR_OK; i++) {
            double ranks[CONDITIONS];

            cascade_ranks_of(self, &flows[i], random, ranks);
            for (int c = 0; c < CONDITIONS; c++)
                if (self->at[c] >= 0)
                    out[(at + i) * self->count + (size_t)self->at[c]] = (float)ranks[c];
        }
    }
    return status;
}

int cascade_conditions_save(weir_job *job, const struct cascade_model *model, weir_archive *to)
{
    const struct cascade_conditions *self = model->source;
    const uint64_t conditions = CONDITIONS, bins = self ? self->bins : 0;
    const uint64_t offsets = 2 + bins * CONDITIONS,
                   kept[2] = {self ? self->flows : 0, self ? self->count : 0};

    if (!self)
        return WEIR_OK;
    if (weir_put_number(to, "conditions.length", self->length) != WEIR_OK ||
        weir_put_number(to, "conditions.width", self->width) != WEIR_OK ||
        weir_put_number(to, "conditions.elephant", (double)self->classes.packets) != WEIR_OK ||
        weir_put_number(to, "conditions.long", (double)self->classes.duration) != WEIR_OK ||
        weir_put_array(to, "conditions.greatest", WEIR_F64, 1, &conditions, self->greatest) !=
            WEIR_OK ||
        weir_put_array(to, "conditions.bins", WEIR_F64, 1, &bins, self->bin_least) != WEIR_OK ||
        weir_put_array(to, "conditions.gaps", WEIR_F64, 1, &bins, self->bin_gap) != WEIR_OK)
        return weir_job_error(job)->status;
    if (weir_put_array(to, "conditions.offsets", WEIR_U32, 1, &offsets, self->piece_offsets) !=
            WEIR_OK ||
        weir_put_array(to, "conditions.pieces", WEIR_F32, 2,
                       (const uint64_t[]){self->piece_offsets[offsets - 1], 3},
                       self->pieces) != WEIR_OK)
        return weir_job_error(job)->status;
    if (self->kept)
        return weir_put_array(to, "conditions.kept", WEIR_F32, 2, kept, self->kept);
    if (self->given)
        return weir_put_array(to, "conditions.given", WEIR_F64, 2,
                              (const uint64_t[]){self->rows, CONDITIONS}, self->given);
    return WEIR_OK;
}

static int check_loaded(weir_job *job, const struct cascade_conditions *self, uint64_t pieces)
{
    uint32_t offsets = 2 + self->bins * CONDITIONS;

    if (!(self->length >= 0 && self->length < 1.9e19 && self->width > 0) || self->flows == 0)
        return weir_fail(job, WEIR_EDATA, "the model's conditions are of %u flows in %g ns",
                         self->flows, self->length);
    for (uint32_t i = 0; i < offsets; i++)
        if (self->piece_offsets[i] > pieces ||
            (i > 0 && self->piece_offsets[i] < self->piece_offsets[i - 1]))
            return weir_fail(job, WEIR_EDATA, "the model's conditions are cut into no pieces");
    for (uint32_t i = 0; i < self->bins; i++)
        if (!(self->bin_gap[i] >= 0 && self->bin_gap[i] <= self->length))
            return weir_fail(job, WEIR_EDATA, "the model's least gap is %g ns", self->bin_gap[i]);
    for (int c = 0; c < CONDITIONS; c++)
        if (!(self->greatest[c] >= 0) || (self->at[c] >= 0 && !isfinite(self->greatest[c])))
            return weir_fail(job, WEIR_EDATA, "the model's greatest %s is %g",
                             cascade_condition[c].name, self->greatest[c]);
    for (uint64_t i = 0; i < pieces; i++) {
        const struct cascade_piece *piece = &self->pieces[i];

        if (!(piece->low >= 0 && piece->low <= piece->high && piece->high <= 1))
            return weir_fail(job, WEIR_EDATA, "the model has a piece from %g to %g",
                             (double)piece->low, (double)piece->high);
    }
    return WEIR_OK;
}

int cascade_conditions_load(weir_job *job, const weir_archive *from, struct cascade_model *model)
{
    struct cascade_conditions *self = weir_alloc(job, 1, sizeof *self);
    uint64_t conditions = CONDITIONS, bins = 0, offsets, pieces[2] = {0, 3}, kept[2];
    uint64_t given[2] = {0, CONDITIONS};
    const double *greatest;
    double elephant, lasting;

    if (!self || find_conditions(job, model, self) != WEIR_OK)
        return weir_job_error(job)->status;
    model->source = self;
    self->steps = (uint32_t)model->options->steps;
    self->flows = model->flows;
    if (weir_get_number(from, "conditions.length", &self->length) != WEIR_OK ||
        weir_get_number(from, "conditions.width", &self->width) != WEIR_OK ||
        weir_get_number(from, "conditions.elephant", &elephant) != WEIR_OK ||
        weir_get_number(from, "conditions.long", &lasting) != WEIR_OK)
        return weir_job_error(job)->status;
    if (!(elephant >= 0 && elephant < 1e19 && lasting >= 0 && lasting < 9.2e18))
        return weir_fail(job, WEIR_EDATA, "the model's elephants have %g packets", elephant);
    self->classes = (weir_classes){(uint64_t)elephant, (int64_t)lasting};
    greatest = weir_get_array(from, "conditions.greatest", WEIR_F64, 1, &conditions);
    self->bin_least = weir_get_array(from, "conditions.bins", WEIR_F64, 1, &bins);
    self->bin_gap = weir_get_array(from, "conditions.gaps", WEIR_F64, 1, &bins);
    if (!greatest || !self->bin_least || !self->bin_gap)
        return weir_job_error(job)->status;
    memcpy(self->greatest, greatest, sizeof self->greatest);
    if (bins < 1 || bins > 64)
        return weir_fail(job, WEIR_EDATA, "the model's conditions have %" PRIu64 " bins", bins);
    self->bins = (uint32_t)bins;
    offsets = 2 + bins * CONDITIONS;
    self->piece_offsets = weir_get_array(from, "conditions.offsets", WEIR_U32, 1, &offsets);
    self->pieces = weir_get_array(from, "conditions.pieces", WEIR_F32, 2, pieces);
    kept[0] = self->flows;
    kept[1] = self->count;
    if (keeps_flows(model))
        self->kept = weir_get_array(from, "conditions.kept", WEIR_F32, 2, kept);
    if (!self->piece_offsets || !self->pieces || (keeps_flows(model) && !self->kept))
        return weir_job_error(job)->status;
    if (gives_flows(model) &&
        !(self->given = weir_get_array(from, "conditions.given", WEIR_F64, 2, given)))
        return weir_job_error(job)->status;
    self->rows = given[0];
    if (check_loaded(job, self, pieces[0]) != WEIR_OK)
        return weir_job_error(job)->status;
    return cascade_given_check(job, self);
}

/* ---- Sources ---------------------------------------------------------------------------------*/

/* The training flows in their order, over and over. */
static int draw_real(struct cascade_source *source, size_t n, struct cascade_wanted *flows)
{
    const struct cascade_conditions *self = source->self;
    int status = WEIR_OK;

    for (size_t at = 0; at < n && status == WEIR_OK;) {
        size_t begin = (size_t)(source->next % self->flows), count = self->flows - begin;

        count = count < n - at ? count : n - at;
        status = decode(source->job, source->model, self, self->kept + begin * self->count, count,
                        flows + at);
        source->next += count;
        at += count;
    }
    return status;
}

struct sized {
    float packets;
    uint32_t flow;
};

static int by_size(const void *a, const void *b)
{
    const struct sized *x = a, *y = b;

    if (x->packets != y->packets)
        return x->packets < y->packets ? -1 : 1;
    return (x->flow > y->flow) - (x->flow < y->flow);
}

/* Noise on the scale on which a rank's distance to 0 and 1 is what counts. */
static double smoothed(double rank, double by, weir_random *random)
{
    double x = fmin(fmax(rank, 1e-9), 1 - 1e-9);

    x = log(x / (1 - x)) + by * weir_random_normal(random);
    return 1 / (1 + exp(-x));
}

static void smooth(struct cascade_source *source, struct cascade_wanted *flow)
{
    double ranks[CONDITIONS], by = source->model->options->smoothing;

    if (!(by > 0))
        return;
    cascade_ranks_of(source->self, flow, source->random, ranks);
    for (int c = 0; c < CONDITIONS; c++)
        ranks[c] = smoothed(ranks[c], by, source->random);
    cascade_flow_of(source->self, ranks, flow);
}

/* Training flows with replacement, four of each four neighbours in order of size: the few large
 * ones make the traffic, and their number should not be left to chance. Then in any order. */
static int draw_bootstrap(struct cascade_source *source, size_t n, struct cascade_wanted *flows)
{
    const struct cascade_conditions *self = source->self;
    int size_at = self->at[COND_PACKETS] >= 0 ? self->at[COND_PACKETS] : 0;
    struct sized *sizes = malloc(self->flows * sizeof *sizes);
    uint32_t *places = malloc(n * sizeof *places + 1);
    float *encoded = malloc(n * self->count * sizeof *encoded + 1);
    int status = WEIR_OK;

    if (!sizes || !places || !encoded) {
        status = weir_error_memory(weir_job_error(source->job), n * sizeof *places, "draws");
        goto done;
    }
    for (uint32_t f = 0; f < self->flows; f++)
        sizes[f] = (struct sized){self->kept[(size_t)f * self->count + (size_t)size_at], f};
    qsort(sizes, self->flows, sizeof *sizes, by_size);
    for (size_t i = 0; i < n; i++)
        places[i] = (uint32_t)i;
    weir_random_shuffle(source->random, places, n);
    for (size_t i = 0; i < n; i++) {
        double begin = (double)(i / 4 * 4), end = fmin(begin + 4, (double)n);
        double at = begin + (end - begin) * weir_random_uniform(source->random);
        size_t chosen = (size_t)(at / (double)n * self->flows);

        chosen = sizes[chosen < self->flows ? chosen : self->flows - 1].flow;
        memcpy(encoded + places[i] * (size_t)self->count, self->kept + chosen * self->count,
               self->count * sizeof *encoded);
    }
    status = decode(source->job, source->model, self, encoded, n, flows);
    for (size_t i = 0; i < n && status == WEIR_OK; i++) {
        smooth(source, &flows[i]);
        if (i % 1024 == 0)
            status = weir_progress(source->job, 0, 0);
    }
done:
    free(sizes);
    free(places);
    free(encoded);
    return status;
}

static int draw_generated(struct cascade_source *source, size_t n, struct cascade_wanted *flows)
{
    size_t values = n * source->self->count;
    float *numbers = malloc(values * sizeof *numbers + 1);
    int status;

    if (!numbers)
        return weir_error_memory(weir_job_error(source->job), values * sizeof *numbers,
                                 "conditions");
    status = source->numbers(source->context, n, numbers);
    if (status == WEIR_OK)
        status =
            cascade_flows_of_order(source->job, source->self, numbers, n, source->random, flows);
    free(numbers);
    return status;
}

/* What a flow of the table lacks is that of one of the nearest of the drawn: by what both have,
 * each condition as it is encoded. The search begins anywhere, for those that are equally near. */
static void fill_in(const struct cascade_source *source, const struct cascade_wanted *drawn,
                    const float *encoded, size_t n, struct cascade_wanted *flow)
{
    const struct cascade_conditions *self = source->self;
    size_t nearest[NEAREST] = {0}, found = 0, from = (size_t)weir_random_below(source->random, n);
    double far[NEAREST];
    float values[CONDITIONS];

    cascade_encode(self, flow, 1, values);
    for (size_t k = 0; k < n; k++) {
        size_t i = (from + k) % n, at;
        double distance = 0;

        for (int c = 0; c < CONDITIONS; c++)
            if (self->at[c] >= 0 && !isnan(flow->x[c])) {
                double by = (double)values[self->at[c]] -
                            (double)encoded[i * self->count + (size_t)self->at[c]];

                distance += by * by;
            }
        if (found == NEAREST && distance >= far[NEAREST - 1])
            continue;
        found += found < NEAREST;
        for (at = found - 1; at > 0 && far[at - 1] > distance; at--) {
            far[at] = far[at - 1];
            nearest[at] = nearest[at - 1];
        }
        far[at] = distance;
        nearest[at] = i;
    }
    cascade_complete(self, &drawn[nearest[weir_random_below(source->random, found)]], flow);
}

/* The table's flows in their order, over and over. */
static int draw_table(struct cascade_source *source, size_t n, struct cascade_wanted *flows)
{
    const struct cascade_conditions *self = source->self;
    size_t pool = source->drawn ? POOL : 0;
    struct cascade_wanted *drawn = malloc(pool * sizeof *drawn + 1);
    float *encoded = malloc(pool * self->count * sizeof *encoded + 1);
    int status = WEIR_OK;

    if (!drawn || !encoded)
        status = weir_error_memory(weir_job_error(source->job), pool * sizeof *drawn, "conditions");
    if (status == WEIR_OK && source->drawn)
        status = draw_generated(source, pool, drawn);
    if (status == WEIR_OK && source->drawn)
        cascade_encode(self, drawn, pool, encoded);
    for (size_t i = 0; i < n && status == WEIR_OK; i++) {
        flows[i] = self->given[source->next++ % self->rows];
        if (source->drawn)
            fill_in(source, drawn, encoded, pool, &flows[i]);
        else
            cascade_complete(self, &flows[i], &flows[i]);
        if (i % 64 == 0)
            status = weir_progress(source->job, 0, 0);
    }
    free(drawn);
    free(encoded);
    return status;
}

static int draw(struct cascade_source *source, size_t n, struct cascade_wanted *flows)
{
    switch (source->model->options->conditions_from) {
    case FROM_REAL:
        return draw_real(source, n, flows);
    case FROM_BOOTSTRAP:
        return draw_bootstrap(source, n, flows);
    default:
        return source->self->given ? draw_table(source, n, flows)
                                   : draw_generated(source, n, flows);
    }
}

int cascade_source_open(weir_job *job, const struct cascade_model *model, cascade_numbers *numbers,
                        void *context, struct cascade_source *source)
{
    const struct cascade_options *o = model->options;
    int status = WEIR_OK;

    *source = (struct cascade_source){.job = job,
                                      .model = model,
                                      .self = model->source,
                                      .random = weir_stream(job, "conditions"),
                                      .numbers = numbers,
                                      .context = context};
    status = weir_class_shares(o->weights, source->shares, weir_job_error(job));
    if (status == WEIR_OK && o->weights[0] && o->conditions_from == FROM_REAL)
        return weir_fail(job, WEIR_EOPTION,
                         "weights ask for other shares than the training flows have, and "
                         "conditions_from=real takes those as they are; generated, bootstrap and "
                         "given follow weights");
    if (status == WEIR_OK && o->given && o->conditions_from != FROM_GIVEN)
        return weir_fail(job, WEIR_EOPTION,
                         "option 'given' names a file; conditions_from=given reads it");
    if (status == WEIR_OK && o->conditions_from == FROM_GIVEN && !o->given && !o->weights[0])
        return weir_fail(job, WEIR_EOPTION,
                         "conditions_from=given needs a file (option 'given') or weights");
    source->drawn = cascade_given_lacks(source->self);
    return status;
}

int cascade_source_next(struct cascade_source *source, size_t n, struct cascade_wanted *flows)
{
    if (source->shares[0] >= 0 || source->shares[1] >= 0)
        return cascade_weighted(source, n, flows, draw);
    return draw(source, n, flows);
}
