/* record_fields: what a packet or flow record holds besides its 5-tuple, and where it lies in its
 * step of time. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <weir/sampling.h>

struct options {
    weir_list columns;
    int64_t steps;
    bool position;
    int ranges;
    bool log;
    int64_t limit, pieces;
};

enum { RANGES_FIXED, RANGES_LEARNT, RANGES_RANKS };

static const weir_option options[] = {
    WEIR_LIST(struct options, columns, "",
              "fields to encode, in this order; empty: all that there are"),
    WEIR_INT(struct options, steps, 200, 1, 1000000, "steps that the trace's duration is cut into"),
    WEIR_BOOL(struct options, position, true, "also where a row lies in its step"),
    WEIR_CHOICE(struct options, ranges, "fixed|learnt|ranks",
                "tos, id, off and ttl fill [0, 1] with all that their bits allow, or with the "
                "training range; ranks: all numbers by the share of training rows below them"),
    WEIR_BOOL(struct options, log, true, "td, pkt and byt by log(1 + x)"),
    WEIR_INT(struct options, limit, 32, 2, 1024, "most places of a one-hot column"),
    WEIR_INT(struct options, pieces, 256, 2, 65536, "of the ranks of a number, about"),
    WEIR_END};

/* The fields there are. */
static const struct known {
    const char *name;
    bool netflow;  /* of netflow, else of packets */
    bool placed;   /* one-hot, else scaled */
    bool amount;   /* scaled by its logarithm */
    uint64_t most; /* what its bits allow; 0: the range is learnt */
} known[] = {
    {.name = "pkt_len"},
    {.name = "tos", .most = 255},
    {.name = "id", .most = 65535},
    {.name = "flag", .placed = true},
    {.name = "off", .most = 8191},
    {.name = "ttl", .most = 255},
    {.name = "tcp_flags", .placed = true},
    {.name = "td", .netflow = true, .amount = true},
    {.name = "pkt", .netflow = true, .amount = true},
    {.name = "byt", .netflow = true, .amount = true},
    {.name = "type", .netflow = true, .placed = true},
    {.name = "label", .netflow = true, .placed = true},
};
#define KNOWN (sizeof known / sizeof *known)

enum { SCALED, SCALED_LOG, RANKED, PLACED };

struct field {
    int how;
    struct weir_scaled scaled;
    weir_margin margin;
    weir_places places;
};

struct state {
    struct field fields[KNOWN];
    size_t count;
    size_t width; /* values a row */
    bool netflow, position;
    uint32_t steps;
    double step; /* ns */
};

static const struct known *find_known(const char *name, bool netflow)
{
    for (size_t i = 0; i < KNOWN; i++)
        if (known[i].netflow == netflow && strcmp(known[i].name, name) == 0)
            return &known[i];
    return NULL;
}

static const char *name_of(const struct field *field)
{
    return field->how == PLACED   ? field->places.name
           : field->how == RANKED ? field->margin.name
                                  : field->scaled.name;
}

static size_t width_of(const struct field *field)
{
    return field->how == PLACED ? field->places.width : 1;
}

static int add_field(weir_job *job, const weir_table *table, const struct known *what,
                     struct state *self)
{
    const struct options *opt = weir_options(job);
    struct field *field = &self->fields[self->count++];

    field->how = what->placed                  ? PLACED
                 : opt->ranges == RANGES_RANKS ? RANKED
                 : what->amount && opt->log    ? SCALED_LOG
                                               : SCALED;
    if (field->how == PLACED) {
        if (weir_places_learn(job, table, what->name, (uint32_t)opt->limit, WEIR_RARE_NEAREST,
                              &field->places) != WEIR_OK)
            return weir_job_error(job)->status;
    } else if (field->how == RANKED) {
        if (weir_margin_learn(job, table, what->name, (uint32_t)opt->pieces, &field->margin) !=
            WEIR_OK)
            return weir_job_error(job)->status;
    } else {
        if (weir_scaled_learn(job, table, what->name, &field->scaled) != WEIR_OK)
            return weir_job_error(job)->status;
        if (what->most > 0 && opt->ranges == RANGES_FIXED) {
            field->scaled.range.low.u = 0;
            field->scaled.range.high.u = what->most;
        }
    }
    self->width += width_of(field);
    return weir_layout_add(job, what->name, (uint32_t)width_of(field),
                           what->placed ? WEIR_SOFTMAX : WEIR_SIGMOID);
}

/* A field that the option names. */
static int add_named(weir_job *job, const weir_table *table, const char *name, struct state *self)
{
    const struct known *what = find_known(name, self->netflow);

    if (!what)
        return weir_fail(job, WEIR_EOPTION, "there is no field '%s' of %s; there are %s", name,
                         self->netflow ? "netflow" : "packets",
                         self->netflow ? "td, pkt, byt, type and label"
                                       : "pkt_len, tos, id, flag, off, ttl and tcp_flags");
    for (size_t f = 0; f < self->count; f++)
        if (strcmp(name_of(&self->fields[f]), name) == 0)
            return weir_fail(job, WEIR_EOPTION, "field '%s' is named twice", name);
    return add_field(job, table, what, self);
}

static int fit(weir_job *job, const weir_dataset *train, void *state)
{
    const struct options *opt = weir_options(job);
    const weir_table *table = weir_dataset_table(train);
    struct state *self = state;
    weir_steps steps;
    int status;

    self->netflow = weir_dataset_schema(train) == WEIR_NETFLOW;
    self->position = opt->position;
    self->steps = (uint32_t)opt->steps;
    status = weir_steps_of(job, train, 0, self->steps, &steps);
    self->step = steps.width;
    for (size_t i = 0; i < opt->columns.count && status == WEIR_OK; i++)
        status = add_named(job, table, opt->columns.items[i], self);
    for (size_t i = 0; opt->columns.count == 0 && i < KNOWN && status == WEIR_OK; i++) {
        if (known[i].netflow == self->netflow && weir_table_find(table, known[i].name) >= 0)
            status = add_field(job, table, &known[i], self);
        if (status == WEIR_OK)
            status = weir_progress(job, (int64_t)i, KNOWN);
    }
    if (status != WEIR_OK || !self->position)
        return status;
    self->width++;
    return weir_layout_add(job, "position", 1, WEIR_SIGMOID);
}

static int encode(weir_job *job, const void *state, const weir_dataset *data, const uint32_t *rows,
                  size_t n, float *out)
{
    const struct state *self = state;
    int status = WEIR_OK;
    weir_steps steps;

    if (n == 0)
        return WEIR_OK;
    for (size_t f = 0; f < self->count && status == WEIR_OK; f++) {
        const struct field *field = &self->fields[f];

        if (field->how == PLACED)
            status = weir_places_encode(job, &field->places, data, rows, n, out, self->width);
        else if (field->how == RANKED)
            status = weir_margin_encode(job, &field->margin, data, rows, n, out, self->width);
        else
            status = weir_scaled_encode(job, &field->scaled, field->how == SCALED_LOG, data, rows,
                                        n, out, self->width);
        out += width_of(field);
    }
    if (status == WEIR_OK && self->position)
        status = weir_steps_of(job, data, self->step, self->steps, &steps);
    if (status != WEIR_OK || !self->position)
        return status;
    for (size_t i = 0; i < n; i++) {
        double position;

        weir_step_of(&steps, rows[i], &position);
        out[i * self->width] = (float)position;
    }
    return weir_progress(job, (int64_t)n, (int64_t)n);
}

static int decode(weir_job *job, const void *state, const float *in, size_t n, weir_table *out)
{
    const struct state *self = state;
    int status = WEIR_OK;
    float *positions;

    for (size_t f = 0; f < self->count && status == WEIR_OK; f++) {
        const struct field *field = &self->fields[f];

        if (field->how == PLACED)
            status = weir_places_decode(job, &field->places, in, self->width, n, out);
        else if (field->how == RANKED)
            status = weir_margin_decode(job, &field->margin, in, self->width, n, out);
        else
            status = weir_scaled_decode(job, &field->scaled, field->how == SCALED_LOG, in,
                                        self->width, n, out);
        in += width_of(field);
    }
    if (status != WEIR_OK || !self->position)
        return status;
    positions = weir_column_out(job, out, "step_position", WEIR_F32, n);
    for (size_t i = 0; positions && i < n; i++)
        positions[i] = fminf(fmaxf(in[i * self->width], 0), 1);
    return positions ? weir_progress(job, (int64_t)n, (int64_t)n)
                     : (int)weir_job_error(job)->status;
}

static int save(weir_job *job, const void *state, weir_archive *to)
{
    const struct state *self = state;
    int status = WEIR_OK;

    if (weir_put_number(to, "fields", (double)self->count) != WEIR_OK ||
        weir_put_number(to, "netflow", self->netflow) != WEIR_OK ||
        weir_put_number(to, "position", self->position) != WEIR_OK ||
        weir_put_number(to, "steps", self->steps) != WEIR_OK ||
        weir_put_number(to, "step", self->step) != WEIR_OK)
        return weir_job_error(job)->status;
    for (size_t f = 0; f < self->count && status == WEIR_OK; f++) {
        const struct field *field = &self->fields[f];
        char name[32];

        snprintf(name, sizeof name, "how.%zu", f);
        status = weir_put_number(to, name, field->how);
        if (status == WEIR_OK)
            status = field->how == PLACED   ? weir_places_save(&field->places, f, to)
                     : field->how == RANKED ? weir_margin_save(&field->margin, f, to)
                                            : weir_scaled_save(&field->scaled, f, to);
    }
    return status;
}

static int load_field(weir_job *job, struct state *self, const weir_archive *from)
{
    size_t f = self->count++;
    struct field *field = &self->fields[f];
    double how;
    char name[32];

    snprintf(name, sizeof name, "how.%zu", f);
    if (weir_get_number(from, name, &how) != WEIR_OK)
        return weir_job_error(job)->status;
    if (!(how >= SCALED && how <= PLACED))
        return weir_fail(job, WEIR_EDATA, "field %zu is encoded in an unknown way", f + 1);
    field->how = (int)how;
    if ((field->how == PLACED   ? weir_places_load(job, &field->places, f, from)
         : field->how == RANKED ? weir_margin_load(job, &field->margin, f, from)
                                : weir_scaled_load(job, &field->scaled, f, from)) != WEIR_OK)
        return weir_job_error(job)->status;
    self->width += width_of(field);
    return WEIR_OK;
}

static int load(weir_job *job, void *state, const weir_archive *from)
{
    struct state *self = state;
    double count, netflow, position, steps;

    if (weir_get_number(from, "fields", &count) != WEIR_OK ||
        weir_get_number(from, "netflow", &netflow) != WEIR_OK ||
        weir_get_number(from, "position", &position) != WEIR_OK ||
        weir_get_number(from, "steps", &steps) != WEIR_OK ||
        weir_get_number(from, "step", &self->step) != WEIR_OK)
        return weir_job_error(job)->status;
    if (!(count >= 0 && count <= KNOWN) || !(steps >= 1 && steps <= 1000000) || !(self->step > 0))
        return weir_fail(job, WEIR_EDATA, "%g fields, %g steps of %g ns", count, steps, self->step);
    self->netflow = netflow != 0;
    self->position = position != 0;
    self->steps = (uint32_t)steps;
    while (self->count < (size_t)count)
        if (load_field(job, self, from) != WEIR_OK)
            return weir_job_error(job)->status;
    self->width += self->position;
    return WEIR_OK;
}

static void release(weir_job *job, void *state)
{
    struct state *self = state;

    (void)job;
    for (size_t f = 0; f < self->count; f++)
        weir_places_free(&self->fields[f].places);
}

WEIR_ENCODER(record_fields,
             .summary = "A packet's or record's fields besides its 5-tuple, and its place in time",
             .reference = "CascadeNet: Generating Network Traffic with High-Fidelity Temporal "
                          "Patterns (CascadeGAN)",
             .options = options, .options_size = sizeof(struct options),
             .state_size = sizeof(struct state), .accepts = WEIR_PACKETS | WEIR_NETFLOW,
             .deterministic = true, .unit = WEIR_PER_ROW, .fit = fit, .encode = encode,
             .decode = decode, .save = save, .load = load, .free = release);
