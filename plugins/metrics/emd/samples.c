/* Samples: what is taken of a trace for each feature, in both variants. */
#include "samples.h"
#include <math.h>

int side_open(weir_job *job, struct side *side, const weir_dataset *data, const char *name)
{
    size_t room, bins;

    side->name = name;
    side->options = weir_options(job);
    side->table = weir_dataset_table(data);
    side->rows = weir_dataset_rows(data);
    side->times = weir_i64(side->table, weir_dataset_schema(data) == WEIR_PACKETS ? "time" : "ts");
    side->flows = weir_dataset_flows(data, weir_job_error(job));
    if (!side->flows)
        return weir_job_error(job)->status;
    room = side->rows ? side->rows : 1;
    bins = (size_t)side->options->bins;
    side->plan = weir_hurst_prepare(bins);
    side->sample = weir_alloc(job, room, sizeof *side->sample);
    side->at = weir_alloc(job, bins, sizeof *side->at);
    side->counts = weir_alloc(job, bins, sizeof *side->counts);
    side->tally = weir_alloc(job, 65536, sizeof *side->tally);
    if (!side->sample || !side->at || !side->counts || !side->tally)
        return weir_job_error(job)->status;
    if (side->options->variant == VARIANT_FIX)
        return WEIR_OK;

    side->seconds = weir_alloc(job, room, sizeof *side->seconds);
    if (!side->seconds)
        return weir_job_error(job)->status;
    for (size_t i = 0; i < side->rows; i++) {
        int64_t ns = side->times[i];

        /* Whole microseconds, what the reference's files hold, divide with one rounding. */
        side->seconds[i] = ns % 1000 ? (double)ns / 1e9 : (double)(ns / 1000) / 1e6;
    }
    for (size_t i = side->rows; i-- > 0;)
        side->seconds[i] -= side->seconds[0];
    return WEIR_OK;
}

/* Nanoseconds from row a to the later row b. */
static uint64_t between(const struct side *side, size_t a, size_t b)
{
    return (uint64_t)side->times[b] - (uint64_t)side->times[a];
}

/* Seconds from row a to the later row b. */
static double elapsed(const struct side *side, size_t a, size_t b)
{
    return side->seconds ? side->seconds[b] - side->seconds[a] : (double)between(side, a, b) / 1e9;
}

void side_window(struct side *side, const struct side *window_of)
{
    double points = (double)side->options->bins;

    side->window = window_of->rows ? between(window_of, 0, window_of->rows - 1) : 0;
    side->width = (double)side->window / 1e9 / points;
    if (side->seconds && side->rows)
        side->width = side->seconds[side->rows - 1] / points;
}

/* The part of n equal ones of the window that an offset from the trace's start lies in (the last is
 * closed), or n where it is outside. */
static size_t part_of(uint64_t window, uint64_t offset, size_t n)
{
    size_t part;

    if (offset > window)
        return n;
    part = (size_t)((double)offset * (double)n / (double)window);
    return part < n ? part : n - 1;
}

size_t side_outside(const struct side *side)
{
    size_t outside = 0;

    for (size_t i = side->rows; i > 0 && between(side, 0, i - 1) > side->window; i--)
        outside++;
    return outside;
}

void side_rate(const struct side *side, uint64_t window, double *packets, size_t n)
{
    for (size_t i = 0; i < side->rows; i++) {
        size_t part = part_of(window, between(side, 0, i), n);

        if (part < n)
            packets[part]++;
    }
}

/* ---- Times ----------------------------------------------------------------------------------- */

int sample_timestamps(weir_job *job, struct side *side, size_t *n)
{
    (void)job;
    for (size_t i = 0; i < side->rows; i++)
        side->sample[i] = elapsed(side, 0, i);
    *n = side->rows;
    return WEIR_OK;
}

int sample_interarrivals(weir_job *job, struct side *side, size_t *n)
{
    (void)job;
    *n = 0;
    for (size_t i = 1; i < side->rows; i++)
        side->sample[(*n)++] = elapsed(side, i - 1, i);
    return WEIR_OK;
}

int sample_flow_interarrivals(weir_job *job, struct side *side, size_t *n)
{
    const weir_flows *flows = side->flows;

    (void)job;
    *n = 0;
    for (uint32_t flow = 0; flow < flows->count; flow++)
        for (uint32_t k = flows->offsets[flow] + 1; k < flows->offsets[flow + 1]; k++)
            side->sample[(*n)++] = elapsed(side, flows->rows[k - 1], flows->rows[k]);
    return WEIR_OK;
}

/* ---- Flows ----------------------------------------------------------------------------------- */

static uint32_t first_row(const weir_flows *flows, uint32_t flow)
{
    return flows->rows[flows->offsets[flow]];
}

static uint32_t last_row(const weir_flows *flows, uint32_t flow)
{
    return flows->rows[flows->offsets[flow + 1] - 1];
}

int sample_durations(weir_job *job, struct side *side, size_t *n)
{
    (void)job;
    *n = side->flows->count;
    for (uint32_t flow = 0; flow < side->flows->count; flow++)
        side->sample[flow] =
            elapsed(side, first_row(side->flows, flow), last_row(side->flows, flow));
    return WEIR_OK;
}

int sample_flow_packets(weir_job *job, struct side *side, size_t *n)
{
    (void)job;
    *n = side->flows->count;
    for (uint32_t flow = 0; flow < side->flows->count; flow++)
        side->sample[flow] = side->flows->offsets[flow + 1] - side->flows->offsets[flow];
    return WEIR_OK;
}

int sample_flow_bytes(weir_job *job, struct side *side, size_t *n)
{
    const uint16_t *lengths = weir_u16(side->table, "pkt_len");

    (void)job;
    *n = side->flows->count;
    for (size_t flow = 0; flow < *n; flow++)
        side->sample[flow] = 0;
    for (size_t i = 0; i < side->rows; i++)
        side->sample[side->flows->flow_of[i]] += lengths[i];
    return WEIR_OK;
}

int sample_throughputs(weir_job *job, struct side *side, size_t *n)
{
    const struct options *options = side->options;
    bool precedence =
        options->throughput == THROUGHPUT_PRECEDENCE ||
        (options->throughput == THROUGHPUT_VARIANT && options->variant == VARIANT_REF);
    size_t flows, kept = 0;
    int status = sample_flow_bytes(job, side, &flows);

    for (uint32_t flow = 0; flow < flows && !status; flow++) {
        uint32_t first = first_row(side->flows, flow), last = last_row(side->flows, flow);
        double bytes = side->sample[flow];

        if (elapsed(side, first, last) <= 0)
            continue;
        /* The reference forgot parentheses (Q-AT): sum / max - min, both since the trace's start.
         */
        side->sample[kept++] = precedence ? bytes / elapsed(side, 0, last) - elapsed(side, 0, first)
                                          : bytes / elapsed(side, first, last);
    }
    *n = kept;
    return status;
}

/* ---- Flows over the bins of the window ------------------------------------------------------- */

/* The bin of a row, or the number of bins where it is outside the window. */
static size_t bin_of(const struct side *side, size_t row)
{
    size_t bins = (size_t)side->options->bins, bin;

    if (!side->seconds)
        return part_of(side->window, between(side, 0, row), bins);
    /* Floor of the exact quotient, as Python's // gives it: one less where the division rounded up.
     */
    bin = (size_t)(side->seconds[row] / side->width);
    if (bin && fma((double)bin, side->width, -side->seconds[row]) > 0)
        bin--;
    return bin < bins ? bin : bins - 1;
}

/* The occupied bins of a flow into side->at and side->counts; how many. */
static size_t occupied_bins(struct side *side, uint32_t flow)
{
    size_t bins = (size_t)side->options->bins, occupied = 0;

    for (uint32_t k = side->flows->offsets[flow]; k < side->flows->offsets[flow + 1]; k++) {
        size_t bin = bin_of(side, side->flows->rows[k]);

        if (bin == bins)
            break;
        if (!occupied || side->at[occupied - 1] != bin) {
            side->at[occupied] = (uint32_t)bin;
            side->counts[occupied++] = 0;
        }
        side->counts[occupied - 1]++;
    }
    return occupied;
}

int sample_burstiness(weir_job *job, struct side *side, size_t *n)
{
    double bins = (double)side->options->bins;

    (void)job;
    *n = 0;
    for (uint32_t flow = 0; flow < side->flows->count && side->width > 0; flow++) {
        size_t occupied = occupied_bins(side, flow);
        double sum = 0, squares = 0;

        for (size_t i = 0; i < occupied; i++) {
            sum += side->counts[i];
            squares += side->counts[i] * side->counts[i];
        }
        /* Deviation over mean, both of all bins; the counts are whole, so nothing cancels below
         * 2^53. */
        if (occupied)
            side->sample[(*n)++] = sqrt(fmax(bins * squares - sum * sum, 0)) / sum;
    }
    return WEIR_OK;
}

int sample_hurst(weir_job *job, struct side *side, size_t *n)
{
    bool ref = side->options->variant == VARIANT_REF;
    size_t least = ref ? 2 : (size_t)side->options->min_bins;

    *n = 0;
    for (uint32_t flow = 0; flow < side->flows->count && side->width > 0; flow++) {
        uint32_t packets = side->flows->offsets[flow + 1] - side->flows->offsets[flow];
        size_t occupied;
        double hurst;

        if (flow % 4096 == 0 && weir_progress(job, side->done, side->total))
            return WEIR_ECANCEL;
        if (packets < least)
            continue;
        occupied = occupied_bins(side, flow);
        if (occupied < least)
            continue;
        hurst = weir_hurst_counts(&side->plan, side->at, side->counts, occupied);
        if (!isnan(hurst))
            side->sample[(*n)++] = hurst;
    }
    return WEIR_OK;
}

/* ---- Columns --------------------------------------------------------------------------------- */

/* Values below 65536, ascending, by counting them. */
static int tally(struct side *side, const uint8_t *narrow, const uint16_t *wide, size_t *n)
{
    size_t at = 0;

    for (size_t value = 0; value < 65536; value++)
        side->tally[value] = 0;
    for (size_t i = 0; i < side->rows; i++)
        side->tally[narrow ? narrow[i] : wide[i]]++;
    for (size_t value = 0; value < 65536; value++)
        for (uint32_t k = 0; k < side->tally[value]; k++)
            side->sample[at++] = (double)value;
    *n = at;
    return WEIR_OK;
}

int sample_lengths(weir_job *job, struct side *side, size_t *n)
{
    (void)job;
    return tally(side, NULL, weir_u16(side->table, "pkt_len"), n);
}

int sample_ttl(weir_job *job, struct side *side, size_t *n)
{
    (void)job;
    return tally(side, weir_u8(side->table, "ttl"), NULL, n);
}

static int column(weir_job *job, struct side *side, const char *name, size_t *n)
{
    *n = side->rows;
    return weir_table_doubles(side->table, name, side->sample, weir_job_error(job));
}

int sample_record_durations(weir_job *job, struct side *side, size_t *n)
{
    int status = column(job, side, "td", n);

    if (side->options->variant == VARIANT_REF || side->options->whole_seconds)
        for (size_t i = 0; i < side->rows && !status; i++)
            side->sample[i] =
                side->options->whole_seconds ? nearbyint(side->sample[i]) : trunc(side->sample[i]);
    return status;
}

int sample_record_packets(weir_job *job, struct side *side, size_t *n)
{
    return column(job, side, "pkt", n);
}

int sample_record_bytes(weir_job *job, struct side *side, size_t *n)
{
    return column(job, side, "byt", n);
}
