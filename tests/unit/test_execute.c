/* Jobs in this process, from spec to outputs, under the sanitizers: fit, sample, score, encoders,
 * parts. Covers: core/run/execute.c core/run/work_fit.c core/run/work_sample.c
 * Covers: core/run/work_score.c core/plugin/model.c core/plugin/encoders.c core/plugin/registry.c
 * Covers: core/plugin/descriptor.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "data/write.h"
#include "files.h"
#include "plugin/job.h"
#include "run/execute.h"

#define FIXTURES WEIR_BUILD_DIR "/tests/fixtures"

static char folder[] = "/tmp/weir-test-execute-XXXXXX";

static int set_up(void **state)
{
    weir_table *table = weir_table_new(WEIR_PACKETS, 200, NULL);
    weir_dataset *dataset;
    char path[300];
    int status;

    (void)state;
    setenv("WEIR_PLUGIN_PATH", WEIR_BUILD_DIR "/plugins:" FIXTURES, 1);
    for (size_t i = 0; i < 200; i++) {
        weir_i64_out(table, "time")[i] = (int64_t)(i * i) * 1000;
        weir_u32_out(table, "srcip")[i] = (uint32_t)i % 7;
        weir_u16_out(table, "pkt_len")[i] = (uint16_t)(40 + i);
        weir_u8_out(table, "proto")[i] = 6;
    }
    dataset = weir_dataset_new(table, NULL);
    if (!dataset || !mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/train.weir", folder);
    status = weir_columnar_write(dataset, path, NULL);
    weir_dataset_free(dataset);
    return status;
}

static int tear_down(void **state)
{
    (void)state;
    return weir_folder_remove(folder, NULL);
}

/* Runs a spec in which every $ is the test's folder. */
static int execute(const char *text, weir_error *error)
{
    char full[4000];
    size_t used = 0;
    json_t *spec;
    int status;

    for (; *text; text++)
        used += (size_t)(*text == '$' ? snprintf(full + used, sizeof full - used, "%s", folder)
                                      : snprintf(full + used, sizeof full - used, "%c", *text));
    spec = json_loads(full, 0, NULL);
    assert_non_null(spec);
    status = weir_execute(spec, -1, error);
    json_decref(spec);
    return status;
}

static json_t *read_json(const char *name)
{
    char path[300];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return json_load_file(path, 0, NULL);
}

static bool there(const char *name)
{
    char path[300];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

#define FIT(name, more, out)                                                                       \
    "{\"job\":\"fit\",\"plugin\":{\"kind\":\"generator\",\"name\":\"" name                         \
    "\"},\"seed\":1,\"inputs\":{\"train\":{\"data\":\"$/train.weir\"}" more "},\"out\":\"$/" out   \
    "\"}"
#define SAMPLE(name, model, out)                                                                   \
    "{\"job\":\"sample\",\"plugin\":{\"kind\":\"generator\",\"name\":\"" name                      \
    "\"},\"seed\":5,\"inputs\":{\"model\":\"$/" model "/model\"},\"out\":\"$/" out "\"}"

static void a_generator_with_an_encoder(void **state)
{
    weir_error error = {0};
    json_t *about, *facts, *again;

    (void)state;
    assert_int_equal(execute(FIT("encoded", "", "fit"), &error), WEIR_OK);
    assert_true(there("fit/model/encoders/length/model.json") && there("fit/curves.csv"));
    assert_false(there("fit/curves.csv.tmp"));
    about = read_json("fit/model/model.json");
    assert_string_equal(json_string_value(json_object_get(about, "schema")), "packets");
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(about, "training"), "rows")), 200);
    json_decref(about);
    about = read_json("fit/status.json");
    assert_true(json_is_true(json_object_get(about, "ok")));
    assert_string_equal(json_string_value(json_object_get(about, "phase")), "done");
    assert_true(json_integer_value(json_object_get(about, "peak_memory")) > 1000000);
    assert_true(json_is_real(json_object_get(json_object_get(about, "phases"), "fit")));
    json_decref(about);
    assert_int_equal(execute(SAMPLE("encoded", "fit", "one"), &error), WEIR_OK);
    assert_int_equal(execute(SAMPLE("encoded", "fit", "two"), &error), WEIR_OK);
    facts = read_json("one/synthetic.json");
    again = read_json("two/synthetic.json");
    assert_int_equal(json_integer_value(json_object_get(facts, "rows")), 200);
    assert_int_equal(json_integer_value(json_object_get(facts, "holds")), WEIR_TIMESTAMPS);
    assert_int_equal(json_string_length(json_object_get(facts, "sha256")), 64);
    assert_true(json_equal(facts, again));
    json_decref(facts);
    json_decref(again);
    assert_int_equal(error.status, WEIR_OK);
}

static void parts_one_by_one_are_the_whole(void **state)
{
    weir_error error = {0};
    json_t *whole, *joined;

    (void)state;
    assert_int_equal(execute(FIT("in_parts", "", "whole"), &error), WEIR_OK);
    assert_false(there("whole/parts"));
    assert_int_equal(execute(FIT("in_parts", ",\"part\":0", "p0"), &error), WEIR_OK);
    assert_int_equal(
        execute(FIT("in_parts", ",\"part\":1,\"parts\":3,\"base\":\"$/p0/model\"", "p1"), &error),
        WEIR_OK);
    assert_int_equal(
        execute(FIT("in_parts", ",\"part\":2,\"parts\":3,\"base\":\"$/p0/model\"", "p2"), &error),
        WEIR_OK);
    assert_int_equal(
        execute(
            FIT("in_parts", ",\"models\":[\"$/p0/model\",\"$/p1/model\",\"$/p2/model\"]", "joined"),
            &error),
        WEIR_OK);
    assert_int_equal(execute(SAMPLE("in_parts", "whole", "a"), &error), WEIR_OK);
    assert_int_equal(execute(SAMPLE("in_parts", "joined", "b"), &error), WEIR_OK);
    whole = read_json("a/synthetic.json");
    joined = read_json("b/synthetic.json");
    assert_true(json_equal(whole, joined));
    json_decref(whole);
    json_decref(joined);
}

static void scores(void **state)
{
    weir_error error = {0};
    json_t *scores;

    (void)state;
    assert_int_equal(
        execute("{\"job\":\"score\",\"plugin\":{\"kind\":\"metric\",\"name\":\"emd\"},\"inputs\":{"
                "\"real\":{\"data\":\"$/train.weir\"},\"synthetic\":{\"data\":\"$/train.weir\"}},"
                "\"out\":\"$/score\"}",
                &error),
        WEIR_OK);
    scores = read_json("score/scores.json");
    assert_true(json_array_size(json_object_get(scores, "scores")) >= 6);
    json_decref(scores);
    assert_int_equal(
        execute("{\"job\":\"score\",\"plugin\":{\"kind\":\"metric\",\"name\":\"careless\"},"
                "\"inputs\":{\"real\":{\"data\":\"$/train.weir\"},\"synthetic\":{\"data\":"
                "\"$/nothing.weir\"}},\"out\":\"$/bad\"}",
                &error),
        WEIR_EIO);
    assert_non_null(strstr(error.text, "nothing.weir"));
    assert_false(there("bad/scores.json"));
}

static void a_failed_job_says_why(void **state)
{
    static const char *const specs[][2] = {
        {"{\"job\":\"fit\"}", "spec: out"},
        {"{\"job\":\"nap\",\"out\":\"$/x\",\"inputs\":{}}", "spec: job"},
        {"{\"job\":\"fit\",\"out\":\"$/x\",\"inputs\":{},\"seed\":-1}", "spec: seed"},
        {"{\"job\":\"fit\",\"out\":\"$/x\",\"inputs\":{},\"threads\":0}", "spec: threads"},
        {"{\"job\":\"fit\",\"out\":\"$/x\",\"inputs\":{}}", "spec: plugin.name"},
        {"{\"job\":\"sample\",\"out\":\"$/x\",\"inputs\":{}}", "spec: inputs.model"},
        {"{\"job\":\"sample\",\"out\":\"$/x\",\"inputs\":{\"model\":\"$\"}}", "no model.json"},
        {FIT("bootsrap", "", "x"), "did you mean 'bootstrap'?"},
        {FIT("in_parts", ",\"part\":1", "x"), "do not fit"},
        {FIT("in_parts", ",\"models\":[]", "x"), "nothing to join"},
        {FIT("in_parts", ",\"models\":[\"$/nowhere\"]", "x"), "nowhere"},
        {FIT("no_symbol", "", "x"), "is not a plugin"},
        {FIT("wrong_abi", "", "x"), "another Weir"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof specs / sizeof specs[0]; i++) {
        weir_error error = {0};
        assert_int_not_equal(execute(specs[i][0], &error), WEIR_OK);
        if (!strstr(error.text, specs[i][1]))
            fail_msg("'%s' does not say '%s'", error.text, specs[i][1]);
    }
}

static void a_cancelled_job_stops(void **state)
{
    weir_error error = {0};
    json_t *status;

    (void)state;
    weir_cancel();
    assert_int_equal(execute(FIT("in_parts", ",\"part\":0", "cancelled"), &error), WEIR_ECANCEL);
    weir_cancel_clear();
    status = read_json("cancelled/status.json");
    assert_string_equal(json_string_value(json_object_get(status, "reason")), "cancelled");
    json_decref(status);
    assert_true(there("cancelled/checkpoint/model.json"));
    error = (weir_error){0};
    assert_int_equal(execute(FIT("in_parts", ",\"part\":0", "cancelled"), &error), WEIR_OK);
    assert_false(there("cancelled/checkpoint"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_generator_with_an_encoder),
        cmocka_unit_test(parts_one_by_one_are_the_whole),
        cmocka_unit_test(scores),
        cmocka_unit_test(a_failed_job_says_why),
        cmocka_unit_test(a_cancelled_job_stops),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
