/* Fitting markov: flows to classes of a protocol, service and direction, sizes to bins. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fit.h"

/* Packets that an address sends at least for its TTL to be kept. */
#define HOST_ROWS 4
/* Kinds of like numbers of packets that differ in load, about, at most. */
#define LOAD_PARTS 4

/* ---- Classes --------------------------------------------------------------------------------- */

/* The service of a flow: its well-known port if it has one, else the one that more flows use. */
static void find_service(struct flow *flow, uint16_t source, uint16_t destination,
                         const uint32_t *uses)
{
    bool to_destination;

    if (source == 0 && destination == 0) {
        flow->side = SIDE_NONE;
        return;
    }
    if ((source < 1024) != (destination < 1024))
        to_destination = destination < 1024;
    else if (uses[source] != uses[destination])
        to_destination = uses[destination] > uses[source];
    else
        to_destination = destination <= source;
    flow->side = to_destination ? SIDE_DESTINATION : SIDE_SOURCE;
    flow->service = to_destination ? destination : source;
    flow->client = to_destination ? source : destination;
}

static int by_key(const void *a, const void *b)
{
    const struct flow *x = a, *y = b;

    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    if (x->rows != y->rows)
        return x->rows < y->rows ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

static size_t class_end(const struct fitting *f, size_t at)
{
    size_t end = at + 1;

    while (end < f->of->count && f->flows[end].key == f->flows[at].key)
        end++;
    return end;
}

struct group {
    size_t at, flows;
};

static int largest_first(const void *a, const void *b)
{
    const struct group *x = a, *y = b;

    if (x->flows != y->flows)
        return x->flows > y->flows ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

/* Gives the flows of all but the `most` largest groups of min_flows or more the key that `merge`
 * makes of theirs, and sorts again. */
static int merge_small(struct fitting *f, size_t most, uint64_t (*merge)(uint64_t key))
{
    struct group *groups = malloc(f->of->count * sizeof *groups);
    size_t n = 0;

    if (!groups)
        return weir_error_memory(weir_job_error(f->job), f->of->count * sizeof *groups, "classes");
    for (size_t at = 0, end; at < f->of->count; at = end) {
        end = class_end(f, at);
        groups[n++] = (struct group){at, end - at};
    }
    qsort(groups, n, sizeof *groups, largest_first);
    for (size_t g = 0; g < n; g++)
        for (size_t i = 0; i < groups[g].flows; i++) {
            struct flow *flow = &f->flows[groups[g].at + i];

            if (g >= most || groups[g].flows < (size_t)f->opt->min_flows)
                flow->key = merge(flow->key);
        }
    free(groups);
    qsort(f->flows, f->of->count, sizeof *f->flows, by_key);
    return WEIR_OK;
}

/* Keys: 1 for service classes, 2 for a protocol and direction, 3 for all that is left. */
static uint64_t without_service(uint64_t key)
{
    return key >> 60 == 1
               ? (uint64_t)2 << 60 | (key & ~(uint64_t)0xffff & (((uint64_t)1 << 60) - 1))
               : key;
}

static uint64_t without_proto(uint64_t key)
{
    return key >> 60 == 1 ? key : (uint64_t)3 << 60;
}

static double load_of(const struct fitting *f, const struct flow *flow)
{
    const uint16_t *lengths = weir_u16(f->table, "pkt_len");
    double load = 0;

    for (uint32_t k = 0; k < flow->rows; k++)
        load += markov_load(lengths, lengths ? lengths[markov_row_of(f, flow, k)] : 0);
    return load;
}

static int make_classes(struct fitting *f)
{
    const uint16_t *srcport = weir_u16(f->table, "srcport"),
                   *dstport = weir_u16(f->table, "dstport");
    const uint8_t *proto = weir_u8(f->table, "proto");
    uint32_t *uses = weir_alloc(f->job, 65536, sizeof *uses);
    int status;

    if (!uses)
        return weir_job_error(f->job)->status;
    for (uint32_t i = 0; i < f->of->count; i++) {
        uint32_t row = f->of->rows[f->of->offsets[i]];

        uses[srcport[row]]++;
        uses[dstport[row]]++;
    }
    for (uint32_t i = 0; i < f->of->count; i++) {
        struct flow *flow = &f->flows[i];
        uint32_t row = f->of->rows[f->of->offsets[i]];

        *flow = (struct flow){
            .number = i, .rows = f->of->offsets[i + 1] - f->of->offsets[i], .proto = proto[row]};
        flow->load = load_of(f, flow);
        find_service(flow, srcport[row], dstport[row], uses);
        flow->key = (uint64_t)1 << 60 | (uint64_t)flow->proto << 24 | (uint64_t)flow->side << 16 |
                    flow->service;
    }
    qsort(f->flows, f->of->count, sizeof *f->flows, by_key);
    status = merge_small(f, (size_t)f->opt->classes, without_service);
    if (status == WEIR_OK)
        status = merge_small(f, SIZE_MAX, without_proto);
    for (size_t at = 0; status == WEIR_OK && at < f->of->count; at = class_end(f, at))
        f->model->classes++;
    return status;
}

/* ---- Sizes ----------------------------------------------------------------------------------- */

static void read_marks(const struct fitting *f, double *marks)
{
    size_t rows = weir_table_rows(f->table);
    const uint16_t *lengths = weir_u16(f->table, "pkt_len");
    const uint64_t *bytes = weir_u64(f->table, "byt");

    for (size_t i = 0; i < rows; i++)
        marks[i] = lengths ? (double)lengths[i] : (double)bytes[i];
}

static int ascending_codes(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

/* Size bins: quantiles of all rows' sizes, but a frequent size has a bin of its own. */
static void make_bins(struct fitting *f)
{
    size_t rows = weir_table_rows(f->table), most = (size_t)f->opt->size_bins;
    double edges[256]; /* greatest value of each bin */
    uint32_t bins = 0;

    read_marks(f, f->values);
    qsort(f->values, rows, sizeof *f->values, ascending);
    for (size_t at = 0; at < rows && bins < most; bins++) {
        size_t end = at + (rows - at + most - bins - 1) / (most - bins), run = end;

        while (run > at && f->values[run - 1] == f->values[end - 1])
            run--;
        /* Keep the run that the border falls into whole: with what is before it if it is short. */
        if (run > at && end - run > (end - at) / 2)
            end = run;
        else
            while (end < rows && f->values[end] == f->values[end - 1])
                end++;
        edges[bins] = f->values[end - 1];
        at = end;
    }
    edges[bins - 1] = f->values[rows - 1];
    f->model->bins = bins;
    read_marks(f, f->values);
    for (size_t i = 0; i < rows; i++) {
        uint32_t low = 0, high = bins - 1;

        while (low < high) {
            uint32_t middle = (low + high) / 2;

            if (f->values[i] <= edges[middle])
                high = middle;
            else
                low = middle + 1;
        }
        f->bin[i] = (uint8_t)low;
    }
}

/* ---- The whole --------------------------------------------------------------------------------
 */

static int fit_arrivals(struct fitting *f)
{
    struct model *m = f->model;

    m->arrivals = weir_alloc(f->job, ARRIVAL_STEPS + 1, sizeof *m->arrivals);
    if (!m->arrivals)
        return weir_job_error(f->job)->status;
    for (uint32_t i = 0; i < f->of->count; i++) {
        double at = (double)(markov_start_of(f, &f->flows[i]) - m->first) / (double)m->length;

        /* of a span of centuries the quotient may round to 1 */
        m->arrivals[1 + (size_t)fmin(at * ARRIVAL_STEPS, ARRIVAL_STEPS - 1)] += 1 / m->flows;
    }
    for (int step = 1; step <= ARRIVAL_STEPS; step++)
        m->arrivals[step] = fmin(m->arrivals[step] + m->arrivals[step - 1], 1);
    return WEIR_OK;
}

/* The commonest TTL of each address that sends HOST_ROWS packets or more. */
static int fit_ttls(struct fitting *f)
{
    const uint32_t *srcip = weir_u32(f->table, "srcip");
    const uint8_t *ttl = weir_u8(f->table, "ttl");
    size_t rows = ttl ? weir_table_rows(f->table) : 0;
    struct model *m = f->model;

    for (size_t i = 0; i < rows; i++)
        f->codes[i] = (uint64_t)srcip[i] << 8 | ttl[i];
    qsort(f->codes, rows, sizeof *f->codes, ascending_codes);
    /* Twice: to count them, and to note them. */
    for (int pass = 0; pass < 2; pass++) {
        m->hosts = 0;
        for (size_t at = 0, end; at < rows; at = end) {
            size_t most = 0;
            uint64_t commonest = 0;

            for (end = at; end < rows && f->codes[end] >> 8 == f->codes[at] >> 8;) {
                size_t from = end;

                while (end < rows && f->codes[end] == f->codes[from])
                    end++;
                if (end - from > most) {
                    most = end - from;
                    commonest = f->codes[from];
                }
            }
            if (end - at < HOST_ROWS)
                continue;
            if (pass)
                m->host_ttl[m->hosts] = commonest;
            m->hosts++;
        }
        if (!pass)
            m->host_ttl = weir_alloc(f->job, m->hosts + (size_t)1, sizeof *m->host_ttl);
        if (!m->host_ttl)
            return weir_job_error(f->job)->status;
    }
    return WEIR_OK;
}

/* Flow records: the range of their numbers of packets. */
static void fit_packets(struct fitting *f)
{
    const uint64_t *packets = weir_u64(f->table, "pkt");
    struct model *m = f->model;

    for (size_t i = 0; packets && i < weir_table_rows(f->table); i++) {
        m->least_packets = i ? fmin(m->least_packets, (double)packets[i]) : (double)packets[i];
        m->most_packets = fmax(m->most_packets, (double)packets[i]);
    }
}

/* ---- Kinds ------------------------------------------------------------------------------------
 */

/* Where the first part of n flows, ascending by rows, ends: at half of them, without parting
 * equals; at all, if a part would have fewer than min_flows. So kinds get finer where flows get
 * longer. */
static size_t part_end(const struct fitting *f, const struct flow *flows, size_t n)
{
    size_t least = (size_t)f->opt->min_flows, end = n / 2;

    if (n < 2 * least)
        return n;
    while (end < n && flows[end].rows == flows[end - 1].rows)
        end++;
    return n - end < least ? n : end;
}

static int by_load(const void *a, const void *b)
{
    const struct flow *x = a, *y = b;

    if (x->load < y->load || x->load > y->load)
        return x->load < y->load ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

/* Numbers the kinds of a class of flows: by rows, and a part of like rows by load, in up to
 * LOAD_PARTS of min_flows or more, without parting equals. */
static void make_kinds(struct fitting *f, struct flow *flows, size_t n)
{
    size_t least = (size_t)f->opt->min_flows;

    for (size_t at = 0, part; at < n; at += part) {
        struct flow *of = flows + at;
        size_t quarter;

        part = part_end(f, of, n - at);
        quarter = (part + LOAD_PARTS - 1) / LOAD_PARTS;
        quarter = quarter > least ? quarter : least;
        qsort(of, part, sizeof *of, by_load);
        for (size_t from = 0, to; from < part; from = to, f->model->kinds++) {
            to = part - from < quarter + least ? part : from + quarter;
            while (to < part && of[to].load <= of[to - 1].load)
                to++;
            if (part - to < least)
                to = part;
            for (size_t i = from; i < to; i++)
                of[i].kind = f->model->kinds;
        }
    }
}

static int make_room(struct fitting *f)
{
    struct model *m = f->model;
    size_t classes = m->classes, kinds = 0;

    for (size_t at = 0, end; at < f->of->count; at = end) {
        end = class_end(f, at);
        make_kinds(f, f->flows + at, end - at);
    }
    kinds = m->kinds;
    m->class_spans = weir_alloc(f->job, classes * CLASS_SPANS, sizeof *m->class_spans);
    m->bin_spans = weir_alloc(f->job, classes * m->bins * BIN_SPANS, sizeof *m->bin_spans);
    m->kind_spans = weir_alloc(f->job, kinds * KIND_SPANS, sizeof *m->kind_spans);
    m->first_kind = weir_alloc(f->job, classes + 1, sizeof *m->first_kind);
    m->class_numbers = weir_alloc(f->job, classes * CLASS_NUMBERS, sizeof *m->class_numbers);
    m->kind_numbers = weir_alloc(f->job, kinds * KIND_NUMBERS, sizeof *m->kind_numbers);
    m->chain = weir_alloc(f->job, kinds * (m->bins + 1) * m->bins, sizeof *m->chain);
    f->chain = weir_alloc(f->job, (size_t)(m->bins + 1) * m->bins, sizeof *f->chain);
    f->names = weir_alloc(f->job, (size_t)f->opt->hosts + 1, sizeof *f->names);
    return weir_job_error(f->job)->status;
}

static int fit_all(struct fitting *f)
{
    struct model *m = f->model;
    uint32_t class = 0, kind = 0;
    int status = make_classes(f);

    if (status != WEIR_OK)
        return status;
    make_bins(f);
    status = make_room(f);
    if (status == WEIR_OK)
        status = fit_arrivals(f);
    if (status == WEIR_OK)
        status = fit_ttls(f);
    for (size_t at = 0, end; status == WEIR_OK && at < f->of->count; at = end, class ++) {
        end = class_end(f, at);
        status = markov_fit_class(f, f->flows + at, end - at, class, &kind);
        m->class_numbers[(size_t) class * CLASS_NUMBERS + CLASS_END] =
            (double)end / (double)f->of->count;
        if (status == WEIR_OK)
            status = weir_progress(f->job, (int64_t)end, (int64_t)f->of->count);
    }
    if (status == WEIR_OK)
        m->first_kind[m->classes] = kind;
    return status;
}

int markov_fit(weir_job *job, const weir_dataset *train, void *model)
{
    struct fitting f = {.job = job, .opt = weir_options(job), .model = model};
    weir_error *error = weir_job_error(job);
    size_t rows = weir_dataset_rows(train);
    struct model *m = model;
    weir_tiling tiling;
    int status;

    if (rows == 0)
        return weir_fail(job, WEIR_EDATA, "the training set has no rows");
    f.table = weir_dataset_table(train);
    f.times = weir_i64(f.table, weir_time_column(weir_dataset_schema(train)));
    f.of = weir_dataset_flows(train, error);
    m->names = m->owned = weir_table_select(f.table, NULL, 0, error);
    if (!f.of || !m->names || weir_tiling_init(&tiling, f.times, rows, 0, error) != WEIR_OK)
        return error->status;
    m->flows = f.of->count;
    fit_packets(&f);
    m->first = tiling.first;
    m->window = tiling.window;
    m->length = tiling.length;
    f.flows = malloc(f.of->count * sizeof *f.flows);
    f.bin = malloc(rows);
    f.values = malloc((rows + 1) * sizeof *f.values);
    f.gaps = malloc((rows + 1) * sizeof *f.gaps);
    f.codes = malloc((rows + 1) * sizeof *f.codes);
    f.order = malloc(rows * sizeof *f.order);
    if (f.flows && f.bin && f.values && f.gaps && f.codes && f.order)
        status = fit_all(&f);
    else
        status = weir_error_memory(error, rows * 40, "the flows in work");
    free(f.flows);
    free(f.bin);
    free(f.values);
    free(f.gaps);
    free(f.codes);
    free(f.order);
    if (status == WEIR_OK)
        weir_log(job, "%u classes, %u kinds, %u size bins, %zu pieces, %zu codes: %.1f kB",
                 m->classes, m->kinds, m->bins, m->pool.piece_count, m->pool.entry_count,
                 ((double)m->pool.piece_count * 32 + (double)m->pool.entry_count * 16 +
                  (double)m->kinds * (m->bins + 1) * m->bins * 8 + (double)m->hosts * 8) /
                     1000);
    return status;
}
