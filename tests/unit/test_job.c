/* An instance of a plugin at work: memory, errors, streams, progress, options, artefacts.
 * Covers: core/plugin/job.c core/plugin/artefacts.c */
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "files.h"
#include "plugin/job.h"
#include "plugin/options.h"

struct options {
    int64_t epochs;
    double rate;
    bool zero;
    int mode;
    const char *title;
    weir_list features;
    const char *table;
};

static const weir_option rows[] = {WEIR_INT(struct options, epochs, 200, 1, 1000000, "x"),
                                   WEIR_REAL(struct options, rate, 0.5, 0, 1, "x"),
                                   WEIR_BOOL(struct options, zero, true, "x"),
                                   WEIR_CHOICE(struct options, mode, "fix|ref", "x"),
                                   WEIR_TEXT(struct options, title, "none", "x"),
                                   WEIR_LIST(struct options, features, "A,B", "x"),
                                   WEIR_FILE(struct options, table, "x"),
                                   WEIR_END};

static const weir_generator plugin = {.abi = WEIR_ABI,
                                      .kind = WEIR_KIND_GENERATOR,
                                      .name = "tested",
                                      .summary = "a test",
                                      .options = rows,
                                      .options_size = sizeof(struct options),
                                      .state_size = 100,
                                      .accepts = WEIR_PACKETS};

static json_t *options;
static char folder[] = "/tmp/weir-test-job-XXXXXX";

static int set_up(void **state)
{
    json_t *given = json_pack("{s:s,s:I}", "mode", "ref", "epochs", (json_int_t)7);

    (void)state;
    options = weir_options_resolve((const weir_plugin *)&plugin, given, NULL);
    json_decref(given);
    return options && mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    json_decref(options);
    return weir_folder_remove(folder, NULL);
}

static weir_job *job_of(uint64_t seed, int log_fd, int status_fd)
{
    weir_job_setup setup = {.plugin = (const weir_plugin *)&plugin,
                            .options = options,
                            .seed = seed,
                            .threads = 2,
                            .device = "cpu",
                            .folder = folder,
                            .log_fd = log_fd,
                            .status_fd = status_fd};
    weir_job *job = weir_job_new(&setup, NULL);

    assert_non_null(job);
    return job;
}

static void options_are_filled(void **state)
{
    weir_job *job = job_of(1, -1, -1);
    const struct options *filled = weir_options(job);

    (void)state;
    assert_int_equal(filled->epochs, 7);
    assert_true(filled->rate == 0.5);
    assert_true(filled->zero);
    assert_int_equal(filled->mode, 1);
    assert_string_equal(filled->title, "none");
    assert_int_equal(filled->features.count, 2);
    assert_string_equal(filled->features.items[1], "B");
    assert_null(filled->table);
    assert_int_equal(weir_threads(job), 2);
    assert_string_equal(weir_device(job), "cpu");
    assert_int_equal(weir_seed(job), 1);
    assert_int_equal(weir_part_count(job), 1);
    weir_job_free(job);
}

static void options_must_be_resolved(void **state)
{
    json_t *wrong = json_pack("{s:s}", "epochs", "7");
    weir_job_setup setup = {.plugin = (const weir_plugin *)&plugin, .options = wrong};
    weir_error error = {0};

    (void)state;
    assert_null(weir_job_new(&setup, &error));
    assert_int_equal(error.status, WEIR_EOPTION);
    json_decref(wrong);
}

static void memory(void **state)
{
    weir_job *job = job_of(1, -1, -1);

    (void)state;
    for (size_t n = 0; n < 300; n += 7) {
        char *bytes = weir_alloc(job, n, 1);
        assert_non_null(bytes);
        assert_int_equal((uintptr_t)bytes % 64, 0);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(bytes[i], 0);
        memset(bytes, 1, n);
    }
    assert_int_equal(weir_job_allocs(job), 43);
    assert_null(weir_alloc(job, SIZE_MAX / 2, 3));
    assert_int_equal(weir_job_error(job)->status, WEIR_ENOMEM);
    weir_job_free(job);
    job = job_of(1, -1, -1);
    weir_job_fail_alloc(job, 2);
    assert_non_null(weir_alloc(job, 1, 1));
    assert_null(weir_alloc(job, 1, 1));
    assert_non_null(weir_alloc(job, 1, 1));
    assert_int_equal(weir_job_error(job)->status, WEIR_ENOMEM);
    weir_job_free(job);
}

static void errors(void **state)
{
    weir_job *job = job_of(1, -1, -1);
    weir_error error = {0};

    (void)state;
    weir_job_phase(job, "fit");
    assert_int_equal(weir_fail(job, WEIR_EDATA, "row %d is odd", 3), WEIR_EDATA);
    assert_int_equal(weir_fail(job, WEIR_EIO, "later"), WEIR_EDATA);
    assert_int_equal(weir_progress(job, 1, 2), WEIR_EDATA); /* a job that failed may stop */
    assert_int_equal(weir_job_end(job, WEIR_OK, &error), WEIR_EDATA);
    assert_string_equal(error.text, "generator tested: fit: row 3 is odd");
    weir_job_free(job);
    job = job_of(1, -1, -1);
    error = (weir_error){0};
    assert_int_equal(weir_job_end(job, -3, &error), WEIR_ENOMEM);
    assert_string_equal(error.text,
                        "generator tested: open: it returned -3 (out of memory) without a reason");
    weir_job_free(job);
    job = job_of(1, -1, -1);
    error = (weir_error){0};
    assert_int_equal(weir_job_end(job, 42, &error), WEIR_EBUG);
    weir_job_free(job);
}

static void streams(void **state)
{
    weir_job *a = job_of(1, -1, -1), *b = job_of(1, -1, -1), *c = job_of(2, -1, -1);
    weir_job *part = job_of(1, -1, -1);
    uint64_t first;

    (void)state;
    weir_random_u64(weir_stream(a, "other")); /* a draw elsewhere shifts nothing */
    first = weir_random_u64(weir_stream(a, "noise"));
    assert_true(first == weir_random_u64(weir_stream(b, "noise")));
    assert_true(first != weir_random_u64(weir_stream(b, "noise")));
    assert_true(first != weir_random_u64(weir_stream(c, "noise")));
    assert_ptr_equal(weir_stream(a, "noise"), weir_stream(a, "noise"));
    assert_int_equal(weir_job_set_part(part, 1, 3, NULL, NULL), WEIR_OK);
    assert_true(first != weir_random_u64(weir_stream(part, "noise")));
    weir_job_free(a);
    weir_job_free(b);
    weir_job_free(c);
    weir_job_free(part);
}

static void progress_and_cancel(void **state)
{
    char text[4000];
    int log[2], events[2];
    ssize_t got;
    weir_job *job;

    (void)state;
    assert_int_equal(pipe2(log, O_NONBLOCK), 0);
    assert_int_equal(pipe2(events, O_NONBLOCK), 0);
    job = job_of(1, log[1], events[1]);
    weir_job_phase(job, "fit");
    for (int64_t i = 1; i <= 100000; i++)
        assert_int_equal(weir_progress(job, i, 100000), WEIR_OK);
    weir_log(job, "a \"line\" of %d", 1);
    weir_cancel();
    assert_int_equal(weir_progress(job, 1, 2), WEIR_ECANCEL);
    weir_cancel_clear();
    assert_int_equal(weir_progress(job, 1, 2), WEIR_OK);
    got = read(events[0], text, sizeof text - 1);
    assert_true(got > 0 && got < 2000); /* not a line a step */
    text[got] = '\0';
    assert_int_equal(strncmp(text, "{\"phase\":\"fit\"}\n{\"done\":1,\"total\":100000}\n", 41), 0);
    assert_non_null(strstr(text, "{\"done\":100000,\"total\":100000}\n"));
    assert_non_null(strstr(text, "{\"log\":\"a \\\"line\\\" of 1\"}\n"));
    got = read(log[0], text, sizeof text - 1);
    assert_int_equal(got, 14);
    assert_int_equal(strncmp(text, "a \"line\" of 1\n", 14), 0);
    weir_job_free(job);
    for (int i = 0; i < 2; i++) {
        close(log[i]);
        close(events[i]);
    }
}

static bool there(const char *name)
{
    char path[300];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return access(path, F_OK) == 0;
}

static void artefacts_and_curves(void **state)
{
    weir_job *job = job_of(1, -1, -1);
    weir_table *table = weir_table_new(0, 2, NULL);
    char path[300], text[300];
    const char *scratch;
    FILE *file;

    (void)state;
    weir_table_add(table, "x", WEIR_F64, 1, NULL);
    weir_table_add(table, "y", WEIR_F64, 1, NULL);
    weir_f64_out(table, "y")[1] = 0.1;
    assert_int_equal(weir_artefact(job, "cdf_IT", WEIR_CURVE, table), WEIR_OK);
    weir_track(job, "loss", 1, 0.5);
    weir_track(job, "loss", 2, NAN); /* left out, with a line in the log */
    weir_track(job, "loss", 3, 0.25);
    assert_int_equal(weir_artefacts_end(job), WEIR_OK);
    assert_true(there("artefacts.json") && there("artefacts/cdf_IT.csv") && there("curves.csv"));
    assert_false(there("curves.csv.tmp"));
    snprintf(path, sizeof path, "%s/curves.csv", folder);
    file = fopen(path, "r");
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(text, "curve,step,value\nloss,1,0.5\nloss,3,0.25\n");
    assert_int_equal(weir_artefact(job, "cdf_IT", WEIR_CURVE, table), WEIR_EBUG);
    weir_job_free(job);
    job = job_of(1, -1, -1);
    assert_int_equal(weir_artefact(job, "../up", WEIR_CURVE, table), WEIR_EBUG);
    weir_job_free(job);
    job = job_of(1, -1, -1);
    assert_int_equal(weir_artefact(job, "pictures", WEIR_IMAGES, table), WEIR_EBUG);
    weir_job_free(job);
    job = job_of(1, -1, -1);
    weir_track(job, "a,b", 1, 1);
    assert_int_equal(weir_job_error(job)->status, WEIR_EBUG);
    scratch = weir_scratch(job);
    assert_int_equal(access(scratch, W_OK), 0);
    snprintf(path, sizeof path, "%s", scratch);
    weir_job_free(job);
    assert_int_not_equal(access(path, F_OK), 0);
    weir_table_free(table);
}

static void images(void **state)
{
    weir_job *job = job_of(1, -1, -1);
    weir_table *table = weir_table_new(0, 1, NULL);
    char path[300], text[300];
    FILE *file;

    (void)state;
    weir_table_add(table, "values", WEIR_F32, 4, NULL);
    weir_table_add(table, "height", WEIR_U32, 1, NULL);
    weir_table_add(table, "width", WEIR_U32, 1, NULL);
    weir_table_add(table, "label", WEIR_CATEGORY, 1, NULL);
    weir_category_add(table, "label", "a \"b\"", NULL);
    weir_u32_out(table, "height")[0] = weir_u32_out(table, "width")[0] = 2;
    weir_f32_out(table, "values")[3] = 0.5f;
    assert_int_equal(weir_artefact(job, "pictures", WEIR_IMAGES, table), WEIR_OK);
    snprintf(path, sizeof path, "%s/artefacts/pictures.csv", folder);
    file = fopen(path, "r");
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(text, "label,height,width,v0,v1,v2,v3\n\"a \"\"b\"\"\",2,2,0,0,0,0.5\n");
    weir_table_add(table, "group", WEIR_CATEGORY, 1, NULL);
    weir_category_add(table, "group", "real", NULL);
    assert_int_equal(weir_artefact(job, "grouped", WEIR_IMAGES, table), WEIR_OK);
    snprintf(path, sizeof path, "%s/artefacts/grouped.csv", folder);
    file = fopen(path, "r");
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(text, "label,group,height,width,v0,v1,v2,v3\n"
                              "\"a \"\"b\"\"\",\"real\",2,2,0,0,0,0.5\n");
    weir_u32_out(table, "height")[0] = 3;
    assert_int_equal(weir_artefact(job, "more", WEIR_IMAGES, table), WEIR_EBUG);
    weir_table_free(table);
    weir_job_free(job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_are_filled),
        cmocka_unit_test(options_must_be_resolved),
        cmocka_unit_test(memory),
        cmocka_unit_test(errors),
        cmocka_unit_test(streams),
        cmocka_unit_test(progress_and_cancel),
        cmocka_unit_test(artefacts_and_curves),
        cmocka_unit_test(images),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
