/* markov: an ON/OFF and size chain per flow, with parameters fitted by class. This file: the
 * descriptor, and the model in an archive. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model.h"

static const weir_option options[] = {
    WEIR_INT(struct options, classes, 64, 1, 4096,
             "most classes of a protocol, service port and direction of their own"),
    WEIR_INT(struct options, min_flows, 20, 2, 1000000, "fewest flows of a class and of a kind"),
    WEIR_INT(struct options, size_bins, 12, 1, 64, "states of the size chain"),
    WEIR_INT(struct options, pieces, 32, 1, 4096, "most pieces of a distribution, about"),
    WEIR_INT(struct options, hosts, 512, 1, 65536,
             "most names of a distribution of addresses, pairs or services; the rest by prefix"),
    WEIR_CHOICE(struct options, gaps, "quantile|lognormal", "how gaps are distributed in a state"),
    WEIR_END};

static int put_reals(weir_archive *to, const char *name, size_t rows, size_t columns,
                     const double *data)
{
    uint64_t shape[2] = {rows, columns};

    return weir_put_array(to, name, WEIR_F64, 2, shape, data);
}

static int put_spans(weir_archive *to, const char *name, size_t n, const struct span *spans)
{
    uint64_t shape[2] = {n, 2};

    return weir_put_array(to, name, WEIR_U32, 2, shape, spans);
}

static int save(weir_job *job, const void *model, weir_archive *to)
{
    const struct model *m = model;
    const int64_t times[] = {m->first, m->window, m->length};
    uint64_t three[1] = {3}, codes[1] = {m->pool.entry_count}, firsts[1] = {m->classes + 1u},
             hosts[1] = {m->hosts};
    size_t classes = m->classes, kinds = m->kinds;
    int status = weir_put_table(to, "columns", m->names);

    (void)job;
#define THEN(call)                                                                                 \
    if (status == WEIR_OK)                                                                         \
        status = (call);
    THEN(weir_put_number(to, "flows", m->flows))
    THEN(weir_put_number(to, "least_packets", m->least_packets))
    THEN(weir_put_number(to, "most_packets", m->most_packets))
    THEN(weir_put_array(to, "times", WEIR_I64, 1, three, times))
    THEN(weir_put_number(to, "classes", m->classes))
    THEN(weir_put_number(to, "kinds", m->kinds))
    THEN(weir_put_number(to, "bins", m->bins))
    THEN(put_reals(to, "pieces", m->pool.piece_count, 4, (const double *)m->pool.pieces))
    THEN(weir_put_array(to, "codes", WEIR_U64, 1, codes, m->pool.codes))
    THEN(weir_put_array(to, "host_ttl", WEIR_U64, 1, hosts, m->host_ttl))
    THEN(weir_put_array(to, "ends", WEIR_F64, 1, codes, m->pool.ends))
    THEN(put_reals(to, "arrivals", 1, ARRIVAL_STEPS + 1, m->arrivals))
    THEN(put_spans(to, "class_spans", classes * CLASS_SPANS, m->class_spans))
    THEN(put_spans(to, "bin_spans", classes * m->bins * BIN_SPANS, m->bin_spans))
    THEN(put_spans(to, "kind_spans", kinds * KIND_SPANS, m->kind_spans))
    THEN(weir_put_array(to, "first_kind", WEIR_U32, 1, firsts, m->first_kind))
    THEN(put_reals(to, "class_numbers", classes, CLASS_NUMBERS, m->class_numbers))
    THEN(put_reals(to, "kind_numbers", kinds, KIND_NUMBERS, m->kind_numbers))
    THEN(put_reals(to, "chain", kinds * (m->bins + 1), m->bins, m->chain))
#undef THEN
    return status;
}

/* A whole number between 1 and most. */
static int get_count(weir_job *job, const weir_archive *from, const char *name, double most,
                     uint32_t *count)
{
    double value;

    if (weir_get_number(from, name, &value) != WEIR_OK)
        return weir_job_error(job)->status;
    if (!(value >= 1 && value <= most) || floor(value) != value)
        return weir_fail(job, WEIR_EDATA, "'%s' is %g, must be from 1 to %g", name, value, most);
    *count = (uint32_t)value;
    return WEIR_OK;
}

/* An array of that shape, read-only in fact; the model has one type for fit and load. */
static void *get(weir_job *job, const weir_archive *from, const char *name, weir_type type,
                 size_t rows, size_t columns)
{
    uint64_t shape[2] = {rows, columns};
    const void *data = weir_get_array(from, name, type, columns ? 2 : 1, shape);
    size_t n = (size_t)(columns ? shape[0] * shape[1] : shape[0]);
    union {
        const void *from;
        void *to;
    } cast = {.from = data};

    for (size_t i = 0; data && type == WEIR_F64 && i < n; i++)
        if (!isfinite(((const double *)data)[i])) {
            weir_fail(job, WEIR_EDATA, "'%s' has a value that is not finite", name);
            return NULL;
        }
    return cast.to;
}

static int check_spans(weir_job *job, const struct span *spans, size_t n, size_t per, size_t split,
                       size_t split_end, const struct pool *pool)
{
    for (size_t i = 0; i < n; i++) {
        bool entries = i % per >= split && i % per < split_end;
        size_t limit = entries ? pool->entry_count : pool->piece_count;
        size_t least = entries ? 0 : 1; /* a log-normal is one piece, its count 0 */
        size_t count = spans[i].count > least ? spans[i].count : least;

        if (spans[i].at > limit || count > limit - spans[i].at)
            return weir_fail(job, WEIR_EDATA, "a distribution lies outside its pool");
        for (uint32_t k = 0; !entries && k < spans[i].count; k++) {
            const struct piece *piece = &pool->pieces[spans[i].at + k];

            if (!(piece->low <= piece->mean && piece->mean <= piece->high) ||
                !(piece->end >= 0 && piece->end <= 1))
                return weir_fail(job, WEIR_EDATA,
                                 "a piece of a distribution has its mean or its "
                                 "probability outside its range");
        }
    }
    return WEIR_OK;
}

/* `columns` numbers from the first of each of n rows: probabilities, or at least not negative. */
static int check_numbers(weir_job *job, const char *name, const double *numbers, size_t n,
                         size_t stride, size_t columns, double most)
{
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < columns; c++) {
            double value = numbers[i * stride + c];

            if (!(value >= 0 && value <= most))
                return weir_fail(job, WEIR_EDATA, "'%s' has %g in row %zu, must be from 0 to %g",
                                 name, value, i, most);
        }
    return WEIR_OK;
}

/* Codes of categories are followed into the tables of strings: they must be there. */
static int check_labels(weir_job *job, const struct model *m)
{
    uint32_t labels = weir_category_count(m->names, "label");
    uint32_t types = weir_category_count(m->names, "type");

    for (size_t i = 0; i < (size_t)m->classes * 2; i++) {
        struct span span =
            m->class_spans[i / 2 * CLASS_SPANS + (i % 2 ? VARYING : CONSTANT) + CARRY_LABEL];

        for (uint32_t k = 0; k < span.count; k++) {
            uint64_t code = m->pool.codes[span.at + k];

            if ((labels && (uint32_t)code >= labels) || (types && code >> 32 >= types))
                return weir_fail(job, WEIR_EDATA, "a label has no name");
        }
    }
    return WEIR_OK;
}

static int check_all_numbers(weir_job *job, const struct model *m)
{
    size_t kinds = m->kinds, classes = m->classes;

    if (check_numbers(job, "ends", m->pool.ends, m->pool.entry_count, 1, 1, 1) == WEIR_OK &&
        check_numbers(job, "arrivals", m->arrivals, ARRIVAL_STEPS + 1, 1, 1, 1) == WEIR_OK &&
        check_numbers(job, "class_numbers", m->class_numbers, classes, CLASS_NUMBERS, CLASS_NUMBERS,
                      1) == WEIR_OK &&
        check_numbers(job, "kind_numbers", m->kind_numbers, kinds, KIND_NUMBERS, KIND_FASTEST, 1) ==
            WEIR_OK &&
        check_numbers(job, "kind_numbers", m->kind_numbers + KIND_FASTEST, kinds, KIND_NUMBERS,
                      KIND_NUMBERS - KIND_FASTEST, 9.3e18) == WEIR_OK)
        return check_numbers(job, "chain", m->chain, kinds * (m->bins + 1), m->bins, m->bins, 1);
    return weir_job_error(job)->status;
}

static int check(weir_job *job, const struct model *m)
{
    size_t classes = m->classes;

    if (m->window < 1 || m->length < 1 || m->length > m->window || m->window > INT64_MAX / 2 ||
        m->first > INT64_MAX - m->window || !(m->flows >= 1 && m->flows <= UINT32_MAX) ||
        !(m->least_packets >= 0 && m->most_packets <= 1.8e19))
        return weir_fail(job, WEIR_EDATA, "the model's times or counts make no sense");
    if (weir_table_schema(m->names) != WEIR_PACKETS && weir_table_schema(m->names) != WEIR_NETFLOW)
        return weir_fail(job, WEIR_EDATA, "the model's columns are neither packets nor netflow");
    for (uint32_t i = 0; i < m->classes; i++)
        if (m->first_kind[i] >= m->first_kind[i + 1] || m->first_kind[i + 1] > m->kinds)
            return weir_fail(job, WEIR_EDATA, "class %u has no kinds", i);
    if (check_spans(job, m->class_spans, classes * CLASS_SPANS, CLASS_SPANS, 0, CLASS_ENTRIES,
                    &m->pool) != WEIR_OK ||
        check_spans(job, m->bin_spans, classes * m->bins * BIN_SPANS, BIN_SPANS, FLAGS, BIN_SPANS,
                    &m->pool) != WEIR_OK)
        return weir_job_error(job)->status;
    if (check_spans(job, m->kind_spans, (size_t)m->kinds * KIND_SPANS, KIND_SPANS, 0, KIND_ENTRIES,
                    &m->pool) != WEIR_OK)
        return weir_job_error(job)->status;
    if (check_all_numbers(job, m) != WEIR_OK)
        return weir_job_error(job)->status;
    return check_labels(job, m);
}

static int load(weir_job *job, void *model, const weir_archive *from)
{
    struct model *m = model;
    weir_error *error = weir_job_error(job);
    uint64_t any[2] = {0, 4}, entries[1] = {0}, hosts[1] = {0};
    const int64_t *times = get(job, from, "times", WEIR_I64, 3, 0);

    m->names = weir_get_table(from, "columns");
    if (!times || !m->names || weir_get_number(from, "flows", &m->flows) != WEIR_OK ||
        weir_get_number(from, "least_packets", &m->least_packets) != WEIR_OK ||
        weir_get_number(from, "most_packets", &m->most_packets) != WEIR_OK ||
        get_count(job, from, "classes", 1e6, &m->classes) != WEIR_OK ||
        get_count(job, from, "kinds", 1e7, &m->kinds) != WEIR_OK ||
        get_count(job, from, "bins", 64, &m->bins) != WEIR_OK)
        return error->status;
    m->first = times[0];
    m->window = times[1];
    m->length = times[2];
    if (!weir_get_array(from, "pieces", WEIR_F64, 2, any) ||
        !weir_get_array(from, "codes", WEIR_U64, 1, entries))
        return error->status;
    m->pool.piece_count = (size_t)any[0];
    m->pool.entry_count = (size_t)entries[0];
    m->pool.pieces = get(job, from, "pieces", WEIR_F64, m->pool.piece_count, 4);
    m->pool.codes = get(job, from, "codes", WEIR_U64, m->pool.entry_count, 0);
    m->pool.ends = get(job, from, "ends", WEIR_F64, m->pool.entry_count, 0);
    if (weir_get_array(from, "host_ttl", WEIR_U64, 1, hosts))
        m->host_ttl = get(job, from, "host_ttl", WEIR_U64, (size_t)hosts[0], 0);
    m->hosts = (uint32_t)hosts[0];
    m->arrivals = get(job, from, "arrivals", WEIR_F64, 1, ARRIVAL_STEPS + 1);
    m->class_spans = get(job, from, "class_spans", WEIR_U32, (size_t)m->classes * CLASS_SPANS, 2);
    m->bin_spans =
        get(job, from, "bin_spans", WEIR_U32, (size_t)m->classes * m->bins * BIN_SPANS, 2);
    m->kind_spans = get(job, from, "kind_spans", WEIR_U32, (size_t)m->kinds * KIND_SPANS, 2);
    m->first_kind = get(job, from, "first_kind", WEIR_U32, m->classes + (size_t)1, 0);
    m->class_numbers = get(job, from, "class_numbers", WEIR_F64, m->classes, CLASS_NUMBERS);
    m->kind_numbers = get(job, from, "kind_numbers", WEIR_F64, m->kinds, KIND_NUMBERS);
    m->chain = get(job, from, "chain", WEIR_F64, (size_t)m->kinds * (m->bins + 1), m->bins);
    return error->status == WEIR_OK ? check(job, m) : error->status;
}

static void release(weir_job *job, void *model)
{
    struct model *m = model;

    (void)job;
    weir_table_free(m->owned);
}

WEIR_GENERATOR(markov, .summary = "ON/OFF gaps and a Markov chain of sizes in each flow, by class",
               .reference = "after Sommers and Barford, Self-configuring network traffic "
                            "generation, IMC 2004 (Harpoon)",
               .options = options, .options_size = sizeof(struct options),
               .state_size = sizeof(struct model), .accepts = WEIR_PACKETS | WEIR_NETFLOW,
               .produces = WEIR_TIMESTAMPS | WEIR_FLOWS | WEIR_LABELS, .fit = markov_fit,
               .sample = markov_sample, .save = save, .load = load, .free = release);
