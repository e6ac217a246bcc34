/* The samples whose distributions emd compares: one of each trace a feature. */
#ifndef EMD_SAMPLES_H
#define EMD_SAMPLES_H

#include <weir/plugin.h>
#include <weir/stats.h>

enum variant { VARIANT_FIX, VARIANT_REF };
enum throughput { THROUGHPUT_VARIANT, THROUGHPUT_SPAN, THROUGHPUT_PRECEDENCE };

struct options {
    int variant;
    weir_list features;
    int64_t bins;
    int64_t min_bins;
    int throughput;
    bool whole_seconds;
};

/* One of the two traces, and room for one sample of it at a time. */
struct side {
    const char *name; /* "the real trace" */
    const struct options *options;
    const weir_table *table;
    const weir_flows *flows;
    const int64_t *times; /* ascending */
    size_t rows;
    /* The reference's clock: seconds since the first row, of times that were rounded to doubles as
     * seconds since the epoch. NULL in variant fix, which subtracts nanoseconds. */
    double *seconds;
    uint64_t window; /* ns: what the bins cover */
    double width;    /* s: of a bin, in variant ref */
    double *sample;
    uint32_t *at; /* occupied bins of a flow, and the packets in them */
    double *counts;
    uint32_t *tally;     /* of 65536 values */
    int64_t done, total; /* features, for long samples to report */
    weir_hurst_plan plan;
};

/* Prepares a side; its window is that of `window_of` (the real trace, or in variant ref itself). */
int side_open(weir_job *job, struct side *side, const weir_dataset *data, const char *name);
void side_window(struct side *side, const struct side *window_of);

/* Packets outside the window. */
size_t side_outside(const struct side *side);
/* Packets in each of n equal parts of a window (ns). */
void side_rate(const struct side *side, uint64_t window, double *packets, size_t n);

/* Fills side->sample; n is 0 where the trace has nothing to take. An error is recorded in job. */
typedef int sampler(weir_job *job, struct side *side, size_t *n);
sampler sample_timestamps, sample_interarrivals, sample_flow_interarrivals, sample_durations,
    sample_throughputs, sample_burstiness, sample_hurst, sample_lengths, sample_ttl,
    sample_flow_packets, sample_flow_bytes, sample_record_durations, sample_record_packets,
    sample_record_bytes;

#endif
