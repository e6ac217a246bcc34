/* The generator cascadegan in training: presets, checkpoints that a fit goes on from bit for bit,
 * divergence, training sets of next to nothing.
 * Covers: plugins/generators/cascadegan/fit.c, data.c, cascadegan.c */
#include "generator_test.h"
#include <sys/stat.h>

static char scratch[64] = "/tmp/weir-test-XXXXXX";

static int make_scratch(void **state)
{
    (void)state;
    return mkdtemp(scratch) ? 0 : -1;
}

static int remove_scratch(void **state)
{
    char command[100];

    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", scratch);
    return system(command);
}

/* ---- Presets ----------------------------------------------------------------------------------*/

static void check_preset(const char *preset, const char *expected)
{
    weir_registry *registry;
    const weir_generator *generator = find_generator(&registry, "cascadegan");
    weir_error error = {0};
    json_t *given = weir_options_parse(preset, &error), *wanted = json_loads(expected, 0, NULL);
    json_t *options = weir_options_resolve((const weir_plugin *)generator, given, &error), *value;
    const char *name;

    assert_non_null(options);
    assert_non_null(wanted);
    json_object_foreach(wanted, name, value)
    {
        const json_t *found = json_object_get(options, name);

        if (json_is_string(value) ? strcmp(json_string_value(value), json_string_value(found)) != 0
                                  : json_number_value(value) != json_number_value(found))
            fail_msg("%s: %s is not as published", preset, name);
    }
    json_decref(given);
    json_decref(wanted);
    json_decref(options);
    weir_registry_free(registry);
}

/* specs of the published runs: E.1.1 and E.1.4 */
static void presets_are_as_published(void **state)
{
    static const char *const all[] = {"preset=caida", "preset=dc", "preset=ca", "preset=ton_iot"};

    (void)state;
    for (int i = 0; i < 4; i++)
        check_preset(all[i], "{\"sample_len\": 5, \"window\": 11, \"width\": 512, "
                             "\"critic_width\": 512, \"critic_layers\": 4, \"noise\": 100, "
                             "\"batch\": 128, \"critic_steps\": 5, \"learning_rate\": 1e-4, "
                             "\"beta1\": 0.9, \"beta2\": 0.999, \"penalty\": 10, \"alpha\": 1, "
                             "\"beta\": 1, \"ema\": 0, \"most_steps\": 0, "
                             "\"conditions_from\": \"real\", \"rate_backbone\": \"lstm\", "
                             "\"field_backbone\": \"mlp\", \"penalty_over\": \"outputs\", "
                             "\"timestamps\": \"ml\"}");
    check_preset(all[0], "{\"steps\": 200, \"epochs_flow\": 200, \"epochs_rate\": 200, "
                         "\"epochs_field\": 20, \"epochs_joint\": 20}");
    check_preset(all[1], "{\"steps\": 100, \"epochs_flow\": 400, \"epochs_rate\": 400, "
                         "\"epochs_field\": 20, \"epochs_joint\": 28}");
    check_preset(all[2], "{\"steps\": 20, \"epochs_flow\": 40, \"epochs_rate\": 40, "
                         "\"epochs_field\": 20, \"epochs_joint\": 4}");
    check_preset(all[3], "{\"steps\": 200, \"epochs_flow\": 4000, \"epochs_rate\": 4000, "
                         "\"epochs_field\": 100, \"epochs_joint\": 240}");
}

/* ---- Checkpoints ------------------------------------------------------------------------------*/

/* A fit in a folder; it goes on from what it finds there. cancel: at which weir_progress it is
 * cancelled; 0: never. Returns how often it asked. */
struct fitted {
    int status;
    uint64_t asked;
    int64_t resumed;
    char text[1024];
};

static struct fitted fit_in(const char *folder, const char *options, const weir_dataset *train,
                            uint64_t cancel)
{
    weir_registry *registry;
    const weir_generator *generator = find_generator(&registry, "cascadegan");
    weir_job *job = new_job_in(generator, registry, options, 5, folder);
    void *model = weir_job_state(job);
    struct fitted fitted = {0};
    weir_error error = {0};
    char path[128];

    fitted.resumed = weir_checkpoint_resume(job, model);
    assert_int_equal(weir_job_error(job)->status, WEIR_OK);
    weir_job_phase(job, "fit");
    if (cancel)
        weir_job_cancel_at(job, cancel);
    fitted.status = weir_job_end(job, generator->fit(job, train, model), &error);
    weir_cancel_clear();
    fitted.asked = weir_job_asked(job);
    snprintf(path, sizeof path, "%s/model", folder);
    if (fitted.status == WEIR_OK)
        assert_int_equal(weir_model_save(job, model, path, NULL), WEIR_OK);
    snprintf(fitted.text, sizeof fitted.text, "%s", error.text);
    weir_job_free(job);
    weir_registry_free(registry);
    return fitted;
}

static const char *folder_of(const char *name)
{
    static char folder[100];

    snprintf(folder, sizeof folder, "%s/%s", scratch, name);
    mkdir(folder, 0700);
    return folder;
}

static void assert_same_models(const char *a, const char *b)
{
    char command[512];

    snprintf(command, sizeof command,
             "cmp %s/%s/model/arrays.safetensors %s/%s/model/arrays.safetensors", scratch, a,
             scratch, b);
    assert_int_equal(system(command), 0);
}

/* Cancelled here and there, gone on, and the same bytes; all stages, averages, both networks. */
static void resumes_to_the_same_bytes(void **state)
{
    static const char *const options[] = {
        "preset=tiny most_steps=4 ema=0.9",
        "preset=tiny most_steps=3 rate_backbone=mlp field_backbone=lstm bin_packets=3 "
        "conditions_from=bootstrap penalty_over=inputs"};
    weir_dataset *train = some_packets(60);

    (void)state;
    for (int i = 0; i < 2; i++) {
        char whole[16], part[16];
        uint64_t asked;
        int gone_on = 0;

        snprintf(whole, sizeof whole, "whole%d", i);
        asked = fit_in(folder_of(whole), options[i], train, 0).asked;
        for (uint64_t k = 2; k <= 3; k++) {
            struct fitted fitted;

            snprintf(part, sizeof part, "part%d-%d", i, (int)k);
            fitted = fit_in(folder_of(part), options[i], train, asked * (3 + k) / 7 + 1);
            if (fitted.status != WEIR_ECANCEL)
                fail_msg("%s", fitted.text);
            fitted = fit_in(folder_of(part), options[i], train, 0);
            if (fitted.status != WEIR_OK)
                fail_msg("%s", fitted.text);
            gone_on += fitted.resumed > 0;
            assert_same_models(whole, part);
        }
        assert_int_equal(gone_on, 2);
    }
    weir_dataset_free(train);
}

/* ---- Divergence -------------------------------------------------------------------------------*/

static void divergence_keeps_a_checkpoint(void **state)
{
    const char *options = "preset=tiny most_steps=10 learning_rate=3e5 epochs_flow=0 "
                          "epochs_field=0 epochs_joint=0";
    weir_dataset *train = some_packets(60);
    const char *folder = folder_of("diverges");
    struct fitted fitted = fit_in(folder, options, train, 0);
    weir_registry *registry;
    const weir_generator *generator = find_generator(&registry, "cascadegan");
    weir_job *job = new_job(generator, registry, options, 5);
    weir_request request = {0};
    weir_table *out = empty_like(weir_dataset_table(train));
    char path[128];
    void *model;

    (void)state;
    assert_int_equal(fitted.status, WEIR_EDIVERGE);
    if (!strstr(fitted.text, "fit: stage ") ||
        !strstr(fitted.text, "the checkpoint has the model as of step "))
        fail_msg("'%s'", fitted.text);
    snprintf(path, sizeof path, "%s/checkpoint", folder);
    model = weir_model_load(job, path);
    if (!model)
        fail_msg("%s", weir_job_error(job)->text);
    assert_int_equal(generator->sample(job, model, &request, out), WEIR_OK);
    assert_true(weir_table_rows(out) > 0);
    weir_table_free(out);
    weir_job_free(job);
    weir_registry_free(registry);
    weir_dataset_free(train);
}

/* ---- Next to nothing --------------------------------------------------------------------------*/

/* n rows of one flow, `gap` ns apart; proto as given. */
static weir_dataset *one_flow(size_t n, int64_t gap, uint8_t proto)
{
    weir_error error = {0};
    weir_table *table = weir_table_new(WEIR_PACKETS, n, &error);

    assert_non_null(table);
    for (size_t i = 0; i < n; i++) {
        weir_i64_out(table, "time")[i] = 1000 + (int64_t)i * gap;
        weir_u32_out(table, "srcip")[i] = 1;
        weir_u8_out(table, "proto")[i] = proto;
        weir_u16_out(table, "pkt_len")[i] = 100;
    }
    return weir_dataset_new(table, &error);
}

static void works_with_next_to_nothing(void **state)
{
    static const char *const options[] = {
        "preset=tiny", "preset=tiny field_backbone=lstm rate_backbone=mlp conditions_from=real",
        "preset=tiny steps=1 window=1 zero_inflation=false adjust=false conditions_from=bootstrap"};
    weir_dataset *trains[] = {one_flow(1, 0, 1), one_flow(7, 0, 6), one_flow(20, 1000000, 17)};

    (void)state;
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++) {
            weir_request request = {0};
            struct run run =
                run_generator("cascadegan", options[k], trains[i], &request, 1, true, 0);

            if (run.status != WEIR_OK)
                fail_msg("%d %s: %s", i, options[k], run.text);
            assert_true(weir_table_rows(run.out) >= 1);
            weir_table_free(run.out);
        }
    for (int i = 0; i < 3; i++)
        weir_dataset_free(trains[i]);
}

static void says_what_it_needs(void **state)
{
    weir_dataset *train = one_flow(4, 1000, 6), *none = one_flow(0, 0, 6);
    weir_request request = {0};
    struct run run =
        run_generator("cascadegan", "preset=tiny window=4", train, &request, 1, false, 0);

    (void)state;
    assert_int_equal(run.status, WEIR_EOPTION);
    assert_non_null(strstr(run.text, "window is 4; it must be odd"));
    run = run_generator("cascadegan", "preset=tiny", none, &request, 1, false, 0);
    assert_int_equal(run.status, WEIR_EDATA);
    assert_non_null(strstr(run.text, "the training set has no rows"));
    weir_dataset_free(train);
    weir_dataset_free(none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(presets_are_as_published),
        cmocka_unit_test(resumes_to_the_same_bytes),
        cmocka_unit_test(divergence_keeps_a_checkpoint),
        cmocka_unit_test(works_with_next_to_nothing),
        cmocka_unit_test(says_what_it_needs),
    };

    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
