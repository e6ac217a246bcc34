/* Each feature sees what its descriptor says: a copy is at distance 0, or overlaps wholly, and each
 * bad generator it names scores worse than two flow-disjoint halves of the real trace do, over five
 * splits. On the sample data, with emd, jsd, overlap, burst, validity, series_emd and frechet. */
#include "data/source.h"
#include "unit/generator_test.h"
#include "unit/metric.h"

static const char *const canaries[] = {"copy", "time_shuffle", "marginals", "uniform"};
static const uint32_t bits[] = {WEIR_SEES_COPY, WEIR_SEES_TIME_SHUFFLE, WEIR_SEES_MARGINALS,
                                WEIR_SEES_UNIFORM};
#define CANARIES 4
#define SPLITS 5

/* The sample data, whole (seed 0) or one half of a split. */
static weir_dataset *open_part(const char *file, int seed, const char *part)
{
    char path[512];
    weir_error error = {0};
    weir_dataset *data;
    json_t *source;

    snprintf(path, sizeof path, "%s/experiments/data/%s", WEIR_SOURCE_DIR, file);
    source = json_pack("{s:[s]}", "files", path);
    if (seed)
        json_object_set_new(source, "split",
                            json_pack("[{s:s, s:f, s:i, s:s}]", "by",
                                      strstr(file, "series") ? "label" : "flow", "test", 0.5,
                                      "seed", seed, "part", part));
    data = weir_source_open(source, NULL, &error);
    json_decref(source);
    if (!data)
        fail_msg("%s: %s", file, error.text);
    return data;
}

static json_t *score_canary(const char *plugin, const char *settings, const char *canary,
                            const weir_dataset *real)
{
    weir_error error = {0};
    weir_dataset *synthetic =
        weir_dataset_new(generate(canary, NULL, real, (weir_request){0}, 1), &error);
    json_t *rows;

    if (!synthetic)
        fail_msg("%s: %s", canary, error.text);
    rows = metric_run(plugin, settings, real, synthetic);
    weir_dataset_free(synthetic);
    return rows;
}

static json_t *score_halves(const char *plugin, const char *settings, const char *file, int seed)
{
    weir_dataset *a = open_part(file, seed, "train"), *b = open_part(file, seed, "test");
    json_t *rows = metric_run(plugin, settings, a, b);

    weir_dataset_free(a);
    weir_dataset_free(b);
    return rows;
}

/* Mean of the splits where the feature has a value. */
static double floor_of(json_t *const *halves, const char *feature)
{
    double sum = 0, n = 0;

    for (size_t i = 0; i < SPLITS; i++) {
        const json_t *value = json_object_get(metric_row(halves[i], feature), "value");

        sum += json_is_number(value) ? json_number_value(value) : 0;
        n += json_is_number(value);
    }
    return n > 0 ? sum / n : 0;
}

static void check_feature(const weir_feature *f, json_t *const *scores, json_t *const *halves)
{
    double floor = floor_of(halves, f->label);

    for (size_t i = 0; i < CANARIES; i++) {
        double value;
        bool seen, copied;

        if (!(f->sees & bits[i]))
            continue;
        value = metric_value(scores[i], f->label);
        seen = f->better == WEIR_HIGHER ? value < floor : value > floor;
        /* a distance of 0; or, where neither is better, an overlap of 1, which halves do not have
         */
        copied = value == 0 || (f->better != WEIR_LOWER && value == 1);
        copied = copied && (f->better != WEIR_NEITHER || fabs(value - floor) > 0);
        if (bits[i] == WEIR_SEES_COPY ? !copied : !seen)
            fail_msg("%s does not see %s: %g, where real halves have %g", f->label, canaries[i],
                     value, floor);
    }
}

/* Checks the plugin's features of a schema; those that `but` has too are left out. */
static void check_plugin(const char *plugin, const char *settings, const char *file,
                         uint32_t schema, uint32_t but)
{
    const weir_plugin *loaded = metric_find(plugin)->plugin;
    const weir_feature *features = loaded->kind == WEIR_KIND_METRIC
                                       ? ((const weir_metric *)loaded)->features
                                       : ((const weir_downstream *)loaded)->features;
    weir_dataset *real = open_part(file, 0, NULL);
    json_t *scores[CANARIES], *halves[SPLITS];
    size_t checked = 0;

    for (size_t i = 0; i < CANARIES; i++)
        scores[i] = score_canary(plugin, settings, canaries[i], real);
    for (size_t i = 0; i < SPLITS; i++)
        halves[i] = score_halves(plugin, settings, file, (int)i + 1);
    for (const weir_feature *f = features; f->label; f++) {
        if (!(f->schemas & schema) || f->schemas & but)
            continue;
        check_feature(f, scores, halves);
        checked += f->sees != 0;
    }
    assert_true(checked > 0);
    for (size_t i = 0; i < CANARIES; i++)
        json_decref(scores[i]);
    for (size_t i = 0; i < SPLITS; i++)
        json_decref(halves[i]);
    weir_dataset_free(real);
}

static void packets(void **state)
{
    (void)state;
    check_plugin("emd", "", "sample.pcap", WEIR_PACKETS, 0);
    check_plugin("jsd", "", "sample.pcap", WEIR_PACKETS, 0);
    check_plugin("overlap", "", "sample.pcap", WEIR_PACKETS, 0);
    check_plugin("validity", "", "sample.pcap", WEIR_PACKETS, 0);
}

/* By default the sample has one burst; so low a threshold gives it dozens. */
static void bursts(void **state)
{
    (void)state;
    check_plugin("burst", "threshold=0.1", "sample.pcap", WEIR_PACKETS, 0);
}

static void flow_records(void **state)
{
    (void)state;
    check_plugin("emd", "", "sample-netflow.csv", WEIR_NETFLOW, WEIR_PACKETS);
    check_plugin("jsd", "", "sample-netflow.csv", WEIR_NETFLOW, WEIR_PACKETS);
    check_plugin("validity", "", "sample-netflow.csv", WEIR_NETFLOW, WEIR_PACKETS);
}

static void series(void **state)
{
    (void)state;
    check_plugin("series_emd", "", "sample-series.csv", WEIR_SERIES, 0);
    check_plugin("frechet", "queries=200", "sample-series.csv", WEIR_SERIES, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets),
        cmocka_unit_test(bursts),
        cmocka_unit_test(flow_records),
        cmocka_unit_test(series),
    };
    return cmocka_run_group_tests(tests, metric_open, metric_close);
}
