/* Earth mover's distances between the distributions of a real and a synthetic trace: the temporal
 * and statistical features of CascadeNet, the timestamps of NetShare. README.md defines each. */
#include "samples.h"
#include <string.h>

static const weir_option options[] = {
    WEIR_CHOICE(struct options, variant, "fix|ref",
                "fix: the definition; ref: what the papers' code computes, defects included"),
    WEIR_LIST(struct options, features, "", "features to compute; empty: all"),
    WEIR_INT(struct options, bins, 400, 16, 100000, "bins of the window, for BU and LD"),
    WEIR_INT(struct options, min_bins, 20, 2, 100000,
             "LD takes flows that occupy at least so many bins (variant ref: always 2)"),
    WEIR_CHOICE(struct options, throughput, "variant|span|precedence",
                "AT: bytes / (last - first), or bytes / last - first as in ref (Q-AT)"),
    WEIR_BOOL(struct options, whole_seconds, false,
              "TD: durations rounded to seconds first, as NetShare does for CIDDS"),
    WEIR_PRESET("netflow", "features=IT,FIT,FD,TS,TD,PKT,BYT", "the features of flow records"),
    WEIR_PRESET("ugr16", "features=TS,TD,PKT,BYT", "those that NetShare reports for UGR'16"),
    WEIR_PRESET("cidds", "features=TS,TD,PKT,BYT whole_seconds=true", "the same for CIDDS-001"),
    WEIR_PRESET("ton", "features=TS,TD,PKT,BYT", "the same for TON_IoT"),
    WEIR_END};

#define TIMES WEIR_TIMESTAMPS
#define FLOWS (WEIR_TIMESTAMPS | WEIR_FLOWS)
#define COPY WEIR_SEES_COPY
#define SHUFFLE WEIR_SEES_TIME_SHUFFLE
#define MARGINALS WEIR_SEES_MARGINALS
#define UNIFORM WEIR_SEES_UNIFORM

static const weir_feature features[] = {
    {"IT", "interarrival time", "s",
     "EMD between the times from each packet (netflow: record) to the next of the trace. "
     "CascadeNet.",
     WEIR_LOWER, WEIR_PACKETS | WEIR_NETFLOW, TIMES, NULL, WEIR_CEILING_UNIFORM, COPY | UNIFORM},
    {"FIT", "flow interarrival time", "s",
     "EMD between the times from each packet (netflow: record) to the next of its flow, all flows "
     "together; a flow of one packet has none. CascadeNet.",
     WEIR_LOWER, WEIR_PACKETS | WEIR_NETFLOW, FLOWS, NULL, WEIR_CEILING_MARGINALS, COPY | SHUFFLE},
    {"FD", "flow duration", "s",
     "EMD between the times from first to last packet (netflow: start of record) of each flow; a "
     "flow of one packet counts as 0. CascadeNet.",
     WEIR_LOWER, WEIR_PACKETS | WEIR_NETFLOW, FLOWS, NULL, WEIR_CEILING_MARGINALS,
     COPY | SHUFFLE | MARGINALS | UNIFORM},
    {"AT", "average throughput of flows", "bytes/s",
     "EMD between the bytes of each flow over its duration, of flows whose duration is not 0. "
     "CascadeNet.",
     WEIR_LOWER, WEIR_PACKETS, FLOWS, NULL, WEIR_CEILING_MARGINALS, COPY | SHUFFLE},
    {"BU", "burstiness of flows", "",
     "EMD between, for each flow, standard deviation over mean of its packets in each of 400 bins "
     "of the real trace's window, empty bins included. CascadeNet.",
     WEIR_LOWER, WEIR_PACKETS, FLOWS, NULL, WEIR_CEILING_MARGINALS,
     COPY | SHUFFLE | MARGINALS | UNIFORM},
    {"LD", "long-range dependence of flows", "",
     "EMD between the Hurst exponents of each flow's packets in the bins of BU, of flows that "
     "occupy at least min_bins of them: rescaled range, Anis-Lloyd-Peters correction, least "
     "squares. CascadeNet, nolds.",
     WEIR_LOWER, WEIR_PACKETS, FLOWS, NULL, WEIR_CEILING_MARGINALS, COPY | SHUFFLE},
    {"OUT", "packets outside the window", "",
     "Share of the synthetic packets that lie later after their trace's start than the real "
     "trace's last packet after its own; BU and LD leave them out.",
     WEIR_LOWER, WEIR_PACKETS, TIMES, NULL, WEIR_CEILING_NONE, COPY},
    {"TS", "time since the trace's start", "s",
     "EMD between the times of all packets (netflow: records), each since its trace's first. "
     "NetShare.",
     WEIR_LOWER, WEIR_PACKETS | WEIR_NETFLOW, TIMES, NULL, WEIR_CEILING_UNIFORM, COPY | UNIFORM},
    {"PL", "packet length", "bytes",
     "EMD between the IPv4 total lengths of all packets. CascadeNet, NetShare.", WEIR_LOWER,
     WEIR_PACKETS, 0, NULL, WEIR_CEILING_UNIFORM, COPY | UNIFORM},
    {"TTL", "time to live", "", "EMD between the TTL of all packets. CascadeNet.", WEIR_LOWER,
     WEIR_PACKETS, 0, "ttl", WEIR_CEILING_UNIFORM, COPY | UNIFORM},
    {"NPF", "packets a flow", "packets",
     "EMD between the numbers of packets of each flow. CascadeNet; NetShare's flow size.",
     WEIR_LOWER, WEIR_PACKETS, WEIR_FLOWS, NULL, WEIR_CEILING_MARGINALS,
     COPY | MARGINALS | UNIFORM},
    {"NBF", "bytes a flow", "bytes",
     "EMD between the sums of the packet lengths of each flow. CascadeNet.", WEIR_LOWER,
     WEIR_PACKETS, WEIR_FLOWS, NULL, WEIR_CEILING_MARGINALS, COPY | MARGINALS | UNIFORM},
    {"TD", "duration of records", "s",
     "EMD between the durations of all records. Variant ref cuts them to whole seconds. "
     "CascadeNet, NetShare.",
     WEIR_LOWER, WEIR_NETFLOW, 0, NULL, WEIR_CEILING_UNIFORM, COPY | UNIFORM},
    {"PKT", "packets a record", "packets",
     "EMD between the packet counts of all records. CascadeNet, NetShare.", WEIR_LOWER,
     WEIR_NETFLOW, 0, NULL, WEIR_CEILING_UNIFORM, COPY | UNIFORM},
    {"BYT", "bytes a record", "bytes",
     "EMD between the byte counts of all records. CascadeNet, NetShare.", WEIR_LOWER, WEIR_NETFLOW,
     0, NULL, WEIR_CEILING_UNIFORM, COPY | UNIFORM},
    {0}};

/* How each feature's sample is taken; OUT compares no samples. empty: why there may be none. */
static const struct {
    const char *label;
    sampler *take;
    const char *empty;
} samplers[] = {
    {"IT", sample_interarrivals, "fewer than two rows"},
    {"FIT", sample_flow_interarrivals, "no flow of two packets"},
    {"FD", sample_durations, "no flow"},
    {"AT", sample_throughputs, "no flow that lasts"},
    {"BU", sample_burstiness, "no flow in a window of more than 0 s"},
    {"LD", sample_hurst, "no flow that occupies enough bins (option min_bins; variant ref: two)"},
    {"TS", sample_timestamps, "no rows"},
    {"PL", sample_lengths, "no packets"},
    {"TTL", sample_ttl, "no packets"},
    {"NPF", sample_flow_packets, "no flow"},
    {"NBF", sample_flow_bytes, "no flow"},
    {"TD", sample_record_durations, "no records"},
    {"PKT", sample_record_packets, "no records"},
    {"BYT", sample_record_bytes, "no records"},
};
#define SAMPLERS (sizeof samplers / sizeof samplers[0])
#define CDF_POINTS 200
#define RATE_POINTS 100

static int artefact_cdf(weir_job *job, const char *label, const double *real, size_t n_real,
                        const double *synthetic, size_t n_synthetic)
{
    char name[32] = "cdf_";
    weir_table *table =
        weir_cdf_table(real, n_real, synthetic, n_synthetic, CDF_POINTS, weir_job_error(job));
    int status;

    if (!table)
        return weir_job_error(job)->status;
    strncat(name, label, sizeof name - 5);
    status = weir_artefact(job, name, WEIR_CURVE, table);
    weir_table_free(table);
    return status;
}

/* Packets a second over the real trace's window. */
static int artefact_rate(weir_job *job, const struct side *real, const struct side *synthetic)
{
    weir_error *error = weir_job_error(job);
    double part = (double)real->window / 1e9 / RATE_POINTS;
    weir_table *table = weir_table_new(0, RATE_POINTS, error);
    int status = WEIR_OK;

    if (!table || weir_table_add(table, "time", WEIR_F64, 1, error) ||
        weir_table_add(table, "real", WEIR_F64, 1, error) ||
        weir_table_add(table, "synthetic", WEIR_F64, 1, error)) {
        weir_table_free(table);
        return error->status;
    }
    side_rate(real, real->window, weir_f64_out(table, "real"), RATE_POINTS);
    side_rate(synthetic, real->window, weir_f64_out(table, "synthetic"), RATE_POINTS);
    for (size_t i = 0; i < RATE_POINTS; i++) {
        weir_f64_out(table, "time")[i] = ((double)i + 0.5) * part;
        weir_f64_out(table, "real")[i] /= part;
        weir_f64_out(table, "synthetic")[i] /= part;
    }
    status = weir_artefact(job, "rate", WEIR_CURVE, table);
    weir_table_free(table);
    return status;
}

static int score_feature(weir_job *job, size_t at, struct side *real, struct side *synthetic)
{
    const char *label = samplers[at].label;
    weir_error *error = weir_job_error(job);
    size_t n_real = 0, n_synthetic = 0;
    double distance;

    if (samplers[at].take(job, real, &n_real) || samplers[at].take(job, synthetic, &n_synthetic))
        return error->status;
    if (!n_real || !n_synthetic)
        return weir_score_na(job, label, "%s has %s", n_real ? synthetic->name : real->name,
                             samplers[at].empty);
    if (weir_sort(real->sample, n_real, error) || weir_sort(synthetic->sample, n_synthetic, error))
        return error->status;
    distance = weir_emd_sorted(real->sample, n_real, synthetic->sample, n_synthetic);
    if (weir_score(job, label, distance, n_real, n_synthetic))
        return error->status;
    return artefact_cdf(job, label, real->sample, n_real, synthetic->sample, n_synthetic);
}

static int score_outside(weir_job *job, const struct side *real, const struct side *synthetic)
{
    if (synthetic->options->variant == VARIANT_REF)
        return weir_score_na(job, "OUT", "variant ref gives each trace a window of its own");
    if (!real->rows || !synthetic->rows)
        return weir_score_na(job, "OUT", "%s has no packets",
                             real->rows ? synthetic->name : real->name);
    return weir_score(job, "OUT", (double)side_outside(synthetic) / (double)synthetic->rows,
                      real->rows, synthetic->rows);
}

static int score(weir_job *job, const weir_dataset *real_data, const weir_dataset *synthetic_data)
{
    struct side real = {0}, synthetic = {0};
    bool ref = ((const struct options *)weir_options(job))->variant == VARIANT_REF;
    bool timed = weir_dataset_holds(real_data) & weir_dataset_holds(synthetic_data) & TIMES;

    if (side_open(job, &real, real_data, "the real trace") ||
        side_open(job, &synthetic, synthetic_data, "the synthetic trace"))
        return weir_job_error(job)->status;
    side_window(&real, &real);
    side_window(&synthetic, ref ? &synthetic : &real);

    real.total = synthetic.total = SAMPLERS;
    for (size_t i = 0; i < SAMPLERS; i++) {
        real.done = synthetic.done = (int64_t)i;
        if (weir_progress(job, real.done, real.total))
            return WEIR_ECANCEL;
        if (weir_wanted(job, samplers[i].label) && score_feature(job, i, &real, &synthetic))
            return weir_job_error(job)->status;
    }
    if (weir_wanted(job, "OUT") && score_outside(job, &real, &synthetic))
        return weir_job_error(job)->status;
    if (timed && real.window && synthetic.rows && artefact_rate(job, &real, &synthetic))
        return weir_job_error(job)->status;
    return WEIR_OK;
}

WEIR_METRIC(emd, .summary = "earth mover's distances of times, sizes and flows",
            .reference = "CascadeNet (CascadeGAN); Yin et al., NetShare, SIGCOMM 2022",
            .options = options, .options_size = sizeof(struct options),
            .accepts = WEIR_PACKETS | WEIR_NETFLOW, .deterministic = true, .features = features,
            .score = score);
