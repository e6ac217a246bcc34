/* Classes of flows: how many are elephants or mice, long or short, and how far the shares are from
 * the real trace's or from those that were asked for. README.md defines each feature. */
#include <math.h>
#include <weir/sampling.h>

struct options {
    const char *weights;
    int64_t elephant;
    double lasting;
};

static const weir_option options[] = {
    WEIR_TEXT(struct options, weights, "",
              "shares that were asked for, \"elephants=0.2,long=0.5\"; empty: the real trace's"),
    WEIR_INT(struct options, elephant, 0, 0, 4294967295.0,
             "packets of the least elephant; 0: learnt from the real trace"),
    WEIR_REAL(struct options, lasting, -1, -1, 1e9,
              "duration of the shortest long flow; below 0: learnt from the real trace"),
    WEIR_END};

#define BOTH (WEIR_PACKETS | WEIR_NETFLOW)
#define NEEDS (WEIR_TIMESTAMPS | WEIR_FLOWS)
static const weir_feature features[] = {
    {"SIZES", "shares of elephants and mice", "",
     "Total variation distance between the shares of elephants and mice among the synthetic flows "
     "and those of the real trace or of option weights. An elephant has as many packets (netflow: "
     "records) as the least of the fewest, largest flows with 80% of the real trace's, or more.",
     WEIR_LOWER, BOTH, WEIR_FLOWS, NULL, WEIR_CEILING_MARGINALS,
     WEIR_SEES_COPY | WEIR_SEES_MARGINALS | WEIR_SEES_UNIFORM},
    {"TIMES", "shares of long and short flows", "",
     "The same of long and short flows. A long one lasts as long as the shortest of the fewest, "
     "longest flows with 80% of all durations of the real trace together, or longer.",
     WEIR_LOWER, BOTH, NEEDS, NULL, WEIR_CEILING_MARGINALS,
     WEIR_SEES_COPY | WEIR_SEES_MARGINALS | WEIR_SEES_UNIFORM},
    {"CLASSES", "shares of the four classes", "",
     "The same of the four classes: long elephants, short elephants, long mice, short mice. n/a "
     "with weights, which say nothing of them.",
     WEIR_LOWER, BOTH, NEEDS, NULL, WEIR_CEILING_MARGINALS,
     WEIR_SEES_COPY | WEIR_SEES_MARGINALS | WEIR_SEES_UNIFORM},
    {"ELEPHANTS", "elephants", "", "Share of elephants among the synthetic flows.", WEIR_NEITHER,
     BOTH, WEIR_FLOWS, NULL, WEIR_CEILING_NONE, 0},
    {"ELEPHANTS_REAL", "elephants, real", "",
     "Share of elephants among the real flows, or what weights ask for.", WEIR_NEITHER, BOTH, 0,
     NULL, WEIR_CEILING_NONE, 0},
    {"LONG", "long flows", "", "Share of long flows among the synthetic flows.", WEIR_NEITHER, BOTH,
     NEEDS, NULL, WEIR_CEILING_NONE, 0},
    {"LONG_REAL", "long flows, real", "",
     "Share of long flows among the real flows, or what weights ask for.", WEIR_NEITHER, BOTH, 0,
     NULL, WEIR_CEILING_NONE, 0},
    {0}};

/* The shares of the classes among the flows. */
static int shares_of(weir_job *job, const weir_dataset *data, const weir_classes *classes,
                     double shares[WEIR_CLASSES], size_t *n)
{
    const char *column = weir_time_column(weir_dataset_schema(data));
    const int64_t *times = weir_i64(weir_dataset_table(data), column);
    const weir_flows *flows = weir_dataset_flows(data, weir_job_error(job));

    if (!flows)
        return weir_job_error(job)->status;
    *n = flows->count;
    for (uint32_t f = 0; f < flows->count; f++) {
        const uint32_t *rows = flows->rows + flows->offsets[f];
        uint32_t count = flows->offsets[f + 1] - flows->offsets[f];
        double lasts = (double)((uint64_t)times[rows[count - 1]] - (uint64_t)times[rows[0]]);

        shares[weir_class_of(classes, count, lasts)] += 1;
        if (f % 65536 == 0 && weir_progress(job, f, flows->count) != WEIR_OK)
            return WEIR_ECANCEL;
    }
    for (uint32_t k = 0; k < WEIR_CLASSES; k++)
        shares[k] /= fmax(flows->count, 1);
    return WEIR_OK;
}

static double share_with(const double shares[WEIR_CLASSES], uint32_t flag)
{
    double sum = 0;

    for (uint32_t k = 0; k < WEIR_CLASSES; k++)
        sum += k & flag ? shares[k] : 0;
    return sum;
}

/* One feature, if it is wanted. */
static int give(weir_job *job, const char *feature, double value, size_t n_real, size_t n)
{
    if (!weir_wanted(job, feature))
        return WEIR_OK;
    if (n == 0 || n_real == 0)
        return weir_score_na(job, feature, "there are no flows");
    return weir_score(job, feature, value, n_real, n);
}

static int give_all(weir_job *job, const double real[WEIR_CLASSES], const double made[WEIR_CLASSES],
                    const double asked[2], size_t n_real, size_t n)
{
    double elephants = asked[0] >= 0 ? asked[0] : share_with(real, WEIR_ELEPHANT);
    double longs = asked[1] >= 0 ? asked[1] : share_with(real, WEIR_LONG), apart = 0;
    double made_elephants = share_with(made, WEIR_ELEPHANT),
           made_long = share_with(made, WEIR_LONG);
    bool weighted = asked[0] >= 0 || asked[1] >= 0;

    for (uint32_t k = 0; k < WEIR_CLASSES; k++)
        apart += fabs(real[k] - made[k]) / 2;
    give(job, "SIZES", fabs(made_elephants - elephants), n_real, n);
    give(job, "TIMES", fabs(made_long - longs), n_real, n);
    if (weighted && weir_wanted(job, "CLASSES"))
        weir_score_na(job, "CLASSES", "weights say nothing of the four classes");
    else
        give(job, "CLASSES", apart, n_real, n);
    give(job, "ELEPHANTS", made_elephants, n_real, n);
    give(job, "ELEPHANTS_REAL", elephants, n_real, n);
    give(job, "LONG", made_long, n_real, n);
    give(job, "LONG_REAL", longs, n_real, n);
    return weir_job_error(job)->status;
}

static int score(weir_job *job, const weir_dataset *real, const weir_dataset *synthetic)
{
    const struct options *opt = weir_options(job);
    double real_shares[WEIR_CLASSES] = {0}, shares[WEIR_CLASSES] = {0}, asked[2];
    size_t n_real = 0, n = 0;
    weir_classes classes = {1, 0};
    int status = weir_class_shares(opt->weights, asked, weir_job_error(job));

    if (status == WEIR_OK && weir_dataset_rows(real) > 0)
        status = weir_classes_learn(real, &classes, weir_job_error(job));
    if (status != WEIR_OK)
        return status;
    if (opt->elephant > 0)
        classes.packets = (uint64_t)opt->elephant;
    if (opt->lasting >= 0)
        classes.duration = llrint(opt->lasting * 1e9);
    weir_log(job, "elephants have %llu packets or more, long flows last %.9g s or more",
             (unsigned long long)classes.packets, 1e-9 * (double)classes.duration);
    if (shares_of(job, real, &classes, real_shares, &n_real) != WEIR_OK ||
        shares_of(job, synthetic, &classes, shares, &n) != WEIR_OK)
        return weir_job_error(job)->status ? weir_job_error(job)->status : WEIR_ECANCEL;
    return give_all(job, real_shares, shares, asked, n_real, n);
}

WEIR_METRIC(flow_classes, .summary = "shares of elephants and mice, of long and short flows",
            .reference = "after Papagiannaki et al., A pragmatic definition of elephants in "
                         "Internet backbone traffic, IMW 2002",
            .options = options, .options_size = sizeof(struct options), .accepts = BOTH,
            .deterministic = true, .features = features, .score = score);
