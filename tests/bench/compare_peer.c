/* What weir compare computes by default, in plain C with libc's qsort, every flow's series written
 * out: the peer of tests/bench/compare.sh. Reading and grouping into flows is libweir's, without
 * its cache.   compare_peer REAL.pcap SYNTHETIC.pcap */
#include "data/trace.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/stats.h>

#define BINS 400
#define LEAST 20

struct trace {
    const weir_table *table;
    const weir_flows *flows;
    const int64_t *times;
    const uint16_t *lengths;
    size_t rows;
    double *sample;
};

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double since_start(const struct trace *t, size_t row)
{
    return (double)(t->times[row] - t->times[0]) / 1e9;
}

typedef size_t taker(struct trace *t, double window);

static size_t interarrivals(struct trace *t, double window)
{
    (void)window;
    for (size_t i = 1; i < t->rows; i++)
        t->sample[i - 1] = since_start(t, i) - since_start(t, i - 1);
    return t->rows - 1;
}

static size_t flow_interarrivals(struct trace *t, double window)
{
    size_t n = 0;

    (void)window;
    for (uint32_t f = 0; f < t->flows->count; f++)
        for (uint32_t k = t->flows->offsets[f] + 1; k < t->flows->offsets[f + 1]; k++)
            t->sample[n++] =
                since_start(t, t->flows->rows[k]) - since_start(t, t->flows->rows[k - 1]);
    return n;
}

static double duration(const struct trace *t, uint32_t f)
{
    return since_start(t, t->flows->rows[t->flows->offsets[f + 1] - 1]) -
           since_start(t, t->flows->rows[t->flows->offsets[f]]);
}

static size_t durations(struct trace *t, double window)
{
    (void)window;
    for (uint32_t f = 0; f < t->flows->count; f++)
        t->sample[f] = duration(t, f);
    return t->flows->count;
}

static size_t sizes(struct trace *t, double window)
{
    (void)window;
    for (uint32_t f = 0; f < t->flows->count; f++)
        t->sample[f] = t->flows->offsets[f + 1] - t->flows->offsets[f];
    return t->flows->count;
}

static size_t bytes(struct trace *t, double window)
{
    (void)window;
    for (uint32_t f = 0; f < t->flows->count; f++) {
        t->sample[f] = 0;
        for (uint32_t k = t->flows->offsets[f]; k < t->flows->offsets[f + 1]; k++)
            t->sample[f] += t->lengths[t->flows->rows[k]];
    }
    return t->flows->count;
}

static size_t throughputs(struct trace *t, double window)
{
    size_t n = 0, flows = bytes(t, window);

    for (uint32_t f = 0; f < flows; f++)
        if (duration(t, f) > 0)
            t->sample[n++] = t->sample[f] / duration(t, f);
    return n;
}

static size_t occupied_bins(const struct trace *t, uint32_t f, double window, double series[BINS])
{
    size_t occupied = 0;

    memset(series, 0, BINS * sizeof *series);
    for (uint32_t k = t->flows->offsets[f]; k < t->flows->offsets[f + 1]; k++) {
        double at = since_start(t, t->flows->rows[k]) / window * BINS;

        if (at <= BINS)
            series[at < BINS ? (size_t)at : BINS - 1]++;
    }
    for (size_t i = 0; i < BINS; i++)
        occupied += series[i] > 0;
    return occupied;
}

static size_t burstiness(struct trace *t, double window)
{
    double series[BINS];
    size_t n = 0;

    for (uint32_t f = 0; f < t->flows->count; f++) {
        double squares = 0, mean = 0;

        if (!occupied_bins(t, f, window, series))
            continue;
        for (size_t i = 0; i < BINS; i++)
            mean += series[i] / BINS;
        for (size_t i = 0; i < BINS; i++)
            squares += (series[i] - mean) * (series[i] - mean) / BINS;
        t->sample[n++] = sqrt(squares) / mean;
    }
    return n;
}

static size_t hurst(struct trace *t, double window)
{
    double series[BINS];
    size_t n = 0;

    for (uint32_t f = 0; f < t->flows->count; f++)
        if (occupied_bins(t, f, window, series) >= LEAST)
            t->sample[n++] = weir_hurst_rs(series, BINS);
    return n;
}

static size_t timestamps(struct trace *t, double window)
{
    (void)window;
    for (size_t i = 0; i < t->rows; i++)
        t->sample[i] = since_start(t, i);
    return t->rows;
}

static size_t packet_lengths(struct trace *t, double window)
{
    (void)window;
    for (size_t i = 0; i < t->rows; i++)
        t->sample[i] = t->lengths[i];
    return t->rows;
}

static size_t column(struct trace *t, const char *name)
{
    if (weir_table_doubles(t->table, name, t->sample, NULL))
        exit(1);
    return t->rows;
}

static struct trace open_trace(const char *path)
{
    weir_error error = {0};
    weir_read_options options = {0};
    weir_dataset *data = weir_trace_read(&path, 1, &options, NULL, &error);
    struct trace t;

    if (!data) {
        fprintf(stderr, "compare_peer: %s\n", error.text);
        exit(1);
    }
    t = (struct trace){weir_dataset_table(data),
                       weir_dataset_flows(data, &error),
                       weir_i64(weir_dataset_table(data), "time"),
                       weir_u16(weir_dataset_table(data), "pkt_len"),
                       weir_dataset_rows(data),
                       malloc(weir_dataset_rows(data) * sizeof(double))};
    if (!t.flows || !t.sample)
        exit(1);
    return t;
}

static void compare(const char *name, struct trace *a, size_t n_a, struct trace *b, size_t n_b)
{
    if (!n_a || !n_b)
        return;
    qsort(a->sample, n_a, sizeof(double), compare_doubles);
    qsort(b->sample, n_b, sizeof(double), compare_doubles);
    printf("%s %.17g\n", name, weir_emd_sorted(a->sample, n_a, b->sample, n_b));
}

/* Jensen-Shannon distance of two sorted samples. */
static void compare_codes(const char *name, struct trace *a, struct trace *b)
{
    size_t i = 0, j = 0;
    double sum = 0;

    column(a, name);
    column(b, name);
    qsort(a->sample, a->rows, sizeof(double), compare_doubles);
    qsort(b->sample, b->rows, sizeof(double), compare_doubles);
    while (i < a->rows || j < b->rows) {
        double code = i == a->rows || (j < b->rows && b->sample[j] < a->sample[i]) ? b->sample[j]
                                                                                   : a->sample[i];
        size_t from_i = i, from_j = j;
        double p, q;

        while (i < a->rows && a->sample[i] <= code)
            i++;
        while (j < b->rows && b->sample[j] <= code)
            j++;
        p = (double)(i - from_i) / (double)a->rows;
        q = (double)(j - from_j) / (double)b->rows;
        sum += (p > 0 ? p * log(2 * p / (p + q)) : 0) + (q > 0 ? q * log(2 * q / (p + q)) : 0);
    }
    printf("%s %.17g\n", name, sqrt(sum / 2));
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        taker *take;
    } all[] = {{"IT", interarrivals}, {"FIT", flow_interarrivals}, {"FD", durations},
               {"AT", throughputs},   {"BU", burstiness},          {"LD", hurst},
               {"TS", timestamps},    {"PL", packet_lengths},      {"NPF", sizes},
               {"NBF", bytes}};
    static const char *const codes[] = {"srcip", "dstip", "srcport", "dstport", "proto"};
    struct trace real, synthetic;
    double window;

    if (argc != 3)
        return 2;
    real = open_trace(argv[1]);
    synthetic = open_trace(argv[2]);
    window = since_start(&real, real.rows - 1);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        compare(all[i].name, &real, all[i].take(&real, window), &synthetic,
                all[i].take(&synthetic, window));
    compare("TTL", &real, column(&real, "ttl"), &synthetic, column(&synthetic, "ttl"));
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        compare_codes(codes[i], &real, &synthetic);
    return 0;
}
