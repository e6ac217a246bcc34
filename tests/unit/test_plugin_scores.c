/* Scores: what applies, n/a with its reason, values that are none. Covers: core/plugin/scores.c */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "plugin/job.h"
#include "plugin/options.h"

struct options {
    weir_list features;
    int variant;
};

static const weir_option rows[] = {WEIR_LIST(struct options, features, "", "which"),
                                   WEIR_CHOICE(struct options, variant, "fix|ref", "which"),
                                   WEIR_END};

static const weir_feature features[] = {
    {"IT", "interarrival time", "s", "x", WEIR_LOWER, WEIR_PACKETS, WEIR_TIMESTAMPS, NULL,
     WEIR_CEILING_MARGINALS, 0},
    {"TTL", "time to live", "", "x", WEIR_HIGHER, WEIR_PACKETS, 0, "pkt_len,ttl",
     WEIR_CEILING_UNIFORM, 0},
    {"BYT", "bytes", "bytes", "x", WEIR_NEITHER, WEIR_NETFLOW, 0, NULL, WEIR_CEILING_NONE, 0},
    {0}};

static const weir_metric metric = {.abi = WEIR_ABI,
                                   .kind = WEIR_KIND_METRIC,
                                   .name = "tested",
                                   .summary = "a test",
                                   .options = rows,
                                   .options_size = sizeof(struct options),
                                   .accepts = WEIR_PACKETS,
                                   .features = features};

static weir_dataset *packets(bool ttl)
{
    weir_table *table = weir_table_new(WEIR_PACKETS, 2, NULL);

    if (ttl)
        weir_table_add(table, "ttl", WEIR_U8, 1, NULL);
    return weir_dataset_new(table, NULL);
}

static weir_dataset *real, *synthetic, *bare;
static json_t *options;

static int set_up(void **state)
{
    (void)state;
    real = packets(true);
    synthetic = packets(true);
    bare = packets(false);
    weir_dataset_set_holds(bare, 0);
    return real && synthetic && bare ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    weir_dataset_free(real);
    weir_dataset_free(synthetic);
    weir_dataset_free(bare);
    return 0;
}

static weir_job *job_of(const char *given)
{
    json_t *parsed = weir_options_parse(given, NULL);
    weir_job_setup setup = {.plugin = (const weir_plugin *)&metric, .log_fd = -1, .status_fd = -1};
    weir_job *job;

    json_decref(options);
    setup.options = options = weir_options_resolve((const weir_plugin *)&metric, parsed, NULL);
    json_decref(parsed);
    job = weir_job_new(&setup, NULL);
    assert_non_null(job);
    return job;
}

static const char *text(const json_t *scores, size_t row, const char *name)
{
    return json_string_value(json_object_get(json_array_get(scores, row), name));
}

static void what_applies_is_decided(void **state)
{
    weir_job *job = job_of("");
    json_t *scores;

    (void)state;
    assert_int_equal(weir_scores_begin(job, real, bare), WEIR_OK);
    assert_false(weir_wanted(job, "IT"));
    assert_false(weir_wanted(job, "TTL"));
    assert_false(weir_wanted(job, "BYT"));
    scores = weir_scores_end(job);
    assert_int_equal(json_array_size(scores), 3);
    assert_string_equal(text(scores, 0, "reason"), "the synthetic data has no timestamps");
    assert_string_equal(text(scores, 0, "status"), "n/a");
    assert_string_equal(text(scores, 0, "variant"), "fix");
    assert_string_equal(text(scores, 0, "ceiling"), "marginals");
    assert_true(json_is_null(json_object_get(json_array_get(scores, 0), "value")));
    assert_string_equal(text(scores, 1, "reason"), "the synthetic data has no column 'ttl'");
    assert_string_equal(text(scores, 2, "reason"), "not defined for packets");
    json_decref(scores);
    weir_job_free(job);
    job = job_of("features=TTL");
    assert_int_equal(weir_scores_begin(job, bare, synthetic), WEIR_OK);
    scores = weir_scores_end(job);
    assert_int_equal(json_array_size(scores), 1);
    assert_string_equal(text(scores, 0, "reason"), "the real data has no column 'ttl'");
    json_decref(scores);
    weir_job_free(job);
}

static void scores_carry_their_circumstances(void **state)
{
    weir_job *job = job_of("variant=ref features=IT,TTL");
    json_t *scores;

    (void)state;
    assert_int_equal(weir_scores_begin(job, real, synthetic), WEIR_OK);
    assert_true(weir_wanted(job, "IT"));
    assert_int_equal(weir_score(job, "IT", 0.25, 3, 4), WEIR_OK);
    assert_int_equal(weir_score_as(job, "svm/synth", "ms"), WEIR_OK);
    assert_int_equal(weir_score(job, "IT", 250, 3, 4), WEIR_OK);
    assert_int_equal(weir_score_as(job, NULL, "bits"), WEIR_OK); /* the option's again */
    assert_int_equal(weir_score_na(job, "TTL", "no row of %d", 2), WEIR_OK);
    scores = weir_scores_end(job);
    assert_int_equal(json_array_size(scores), 3);
    assert_string_equal(text(scores, 0, "variant"), "ref");
    assert_string_equal(text(scores, 0, "unit"), "s");
    assert_string_equal(text(scores, 0, "better"), "lower");
    assert_string_equal(text(scores, 0, "title"), "interarrival time");
    assert_true(json_real_value(json_object_get(json_array_get(scores, 0), "value")) == 0.25);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(scores, 0), "n_synthetic")),
                     4);
    assert_string_equal(text(scores, 2, "reason"), "no row of 2");
    assert_string_equal(text(scores, 1, "variant"), "svm/synth");
    assert_string_equal(text(scores, 1, "unit"), "ms");
    assert_string_equal(text(scores, 2, "variant"), "ref");
    assert_string_equal(text(scores, 2, "unit"), "bits");
    json_decref(scores);
    weir_job_free(job);
}

static void faults_are_errors(void **state)
{
    weir_job *job = job_of("");
    weir_dataset *flows = weir_dataset_new(weir_table_new(WEIR_NETFLOW, 1, NULL), NULL);
    json_t *scores;

    (void)state;
#define FRESH(given)                                                                               \
    weir_job_free(job);                                                                            \
    job = job_of(given);                                                                           \
    assert_int_equal(weir_scores_begin(job, real, synthetic), WEIR_OK)
    FRESH("");
    assert_int_equal(weir_score(job, "IT", NAN, 1, 1), WEIR_EDIVERGE);
    FRESH("");
    assert_int_equal(weir_score(job, "IT", INFINITY, 1, 1), WEIR_EDIVERGE);
    FRESH("");
    assert_int_equal(weir_score(job, "XX", 1, 1, 1), WEIR_EBUG);
    assert_null(weir_scores_end(job));
    FRESH("");
    assert_false(weir_wanted(job, "XX"));
    assert_int_equal(weir_job_error(job)->status, WEIR_EBUG);
    FRESH("");
    assert_int_equal(weir_score(job, "IT", 1, 1, 1), WEIR_OK);
    assert_int_equal(weir_score(job, "IT", 1, 1, 1), WEIR_EBUG); /* twice */
    FRESH("");
    assert_int_equal(weir_score(job, "IT", 1, 1, 1), WEIR_OK);
    assert_null(weir_scores_end(job)); /* TTL has no answer */
    assert_non_null(strstr(weir_job_error(job)->text, "'TTL'"));
    FRESH("features=IT");
    assert_int_equal(weir_score(job, "TTL", 1, 1, 1), WEIR_EBUG); /* nobody asked */
    FRESH("");
    assert_int_equal(weir_score_na(job, "IT", "%s", ""), WEIR_EBUG);
    weir_job_free(job);
    job = job_of("features=TLT");
    assert_int_equal(weir_scores_begin(job, real, synthetic), WEIR_EOPTION);
    assert_string_equal(weir_job_error(job)->text, "option 'features': feature 'TLT' is not "
                                                   "declared; did you mean 'TTL'?");
    weir_job_free(job);
    job = job_of("");
    assert_int_equal(weir_scores_begin(job, real, flows), WEIR_EDATA);
    weir_job_free(job);
    job = job_of("");
    assert_int_equal(weir_scores_begin(job, flows, flows), WEIR_OK); /* accepts packets only */
    assert_false(weir_scores_wanted(job));
    scores = weir_scores_end(job);
    assert_int_equal(json_array_size(scores), 3);
    assert_string_equal(text(scores, 2, "reason"), "not defined for netflow"); /* BYT as well */
    json_decref(scores);
    weir_job_free(job);
    weir_dataset_free(flows);
    json_decref(options);
    options = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_applies_is_decided),
        cmocka_unit_test(scores_carry_their_circumstances),
        cmocka_unit_test(faults_are_errors),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
