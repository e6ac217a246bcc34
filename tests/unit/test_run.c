/* Whole runs, with this very program as the jobs' program: what it does as a job hangs on the seed
 * of a generator and the name of a Lua metric.
 * Covers: core/run/scheduler.c core/run/manifest.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "declaring.h"
#include "run/process.h"
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

/* ---- The job --------------------------------------------------------------------------------- */

static void job_put(const char *out, const char *name, json_t *value)
{
    char path[WEIR_PATH];
    weir_error error = {0};

    snprintf(path, sizeof path, "%s/%s", out, name);
    if (weir_json_write(path, value, &error))
        _exit(1);
    json_decref(value);
}

static int fake_score(const json_t *spec, const char *name, const char *out)
{
    const json_t *features = json_object_get(json_object_get(spec, "lua"), "features"), *feature;
    json_t *scores = json_array();
    size_t at;

    if (!strcmp(name, "crash")) {
        signal(SIGSEGV, SIG_DFL); /* a sanitizer would make an exit of it */
        raise(SIGSEGV);
    }
    if (!strcmp(name, "hang"))
        pause();
    if (!strcmp(name, "silent"))
        return 0;
    if (!strcmp(name, "hog"))
        for (;;) {
            char *memory =
                mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            memset(memory, 1, 1 << 20);
        }
    if (!strcmp(name, "fails")) {
        job_put(out, "status.json",
                json_pack("{ss sb s{ss ss}}", "phase", "score", "ok", 0, "error", "status",
                          "WEIR_EDIVERGE", "text", "feature N is not finite"));
        return 1;
    }
    if (!strcmp(name, "slow"))
        poll(NULL, 0, 100);
    json_array_foreach(features, at, feature)
    {
        const char *synthetic = json_string_value(
            json_object_get(json_object_get(json_object_get(spec, "inputs"), "synthetic"), "data"));
        double value = (double)strlen(name) / 7;
        char path[WEIR_PATH];
        json_t *data;

        if (synthetic) { /* synthetic.json beside it */
            snprintf(path, sizeof path, "%.*sjson", (int)strlen(synthetic) - 4, synthetic);
            data = weir_json_read(path);
            value += (double)json_integer_value(json_object_get(data, "rows"));
            json_decref(data);
        }
        json_array_append_new(scores,
                              json_pack("{sO ss sf ss ss si si ss ss}", "feature",
                                        json_object_get(feature, "label"), "variant", "", "value",
                                        value, "unit", "s, \"quoted\"", "better", "lower", "n_real",
                                        40, "n_synthetic", 40, "status", "ok", "reason", ""));
    }
    job_put(out, "scores.json", json_pack("{so}", "scores", scores));
    return -1;
}

static int fake_job(const char *path)
{
    json_t *spec = weir_json_read(path);
    const json_t *inputs = json_object_get(spec, "inputs");
    const char *job = json_string_value(json_object_get(spec, "job"));
    const char *out = json_string_value(json_object_get(spec, "out"));
    const char *name = json_string_value(json_object_get(json_object_get(spec, "plugin"), "name"));
    json_int_t seed = json_integer_value(json_object_get(spec, "seed"));
    const char *record = getenv("WEIR_TEST_RECORD");
    FILE *done = record ? fopen(record, "a") : NULL;
    char file[WEIR_PATH];
    weir_error error = {0};
    json_t *status;
    int ended = -1;

    if (!spec || !out)
        return 1;
    dprintf(atoi(getenv("WEIR_STATUS_FD")), "{\"phase\":\"%s\"}\n{\"done\":1,\"total\":2}\n", job);
    status =
        json_pack("{ss sb ss sf sI sO}", "phase", "done", "ok", 1, "job", job, "seconds", 0.01,
                  "peak_memory", (json_int_t)1000000, "attempts", json_object_get(spec, "attempt"));
    if (!strcmp(job, "fit")) {
        if (seed == 13)
            abort();
        snprintf(file, sizeof file, "%s/model", out);
        weir_folder_make(file, &error);
        job_put(out, "model/model.json", json_pack("{sO}", "inputs", inputs));
        if (json_object_get(inputs, "part") && !json_object_get(inputs, "parts"))
            json_object_set_new(status, "parts", json_integer(3));
    } else if (!strcmp(job, "sample")) {
        snprintf(file, sizeof file, "%s/synthetic.weir", out);
        weir_file_write(file, "x", 1, &error);
        /* Seeds 7 and 8 draw the same data. */
        seed = seed == 8 ? 7 : seed;
        snprintf(file, sizeof file, "%s%lld", name, (long long)seed);
        job_put(out, "synthetic.json",
                json_pack("{ss si sI}", "sha256", file, "holds", 24, "rows", seed));
    } else {
        ended = fake_score(spec, name, out);
    }
    if (done) {
        fprintf(done, "%s %s\n", job, name);
        fclose(done);
    }
    if (ended >= 0)
        return ended;
    job_put(out, "status.json", status);
    json_decref(spec);
    return 0;
}

/* ---- Runs ------------------------------------------------------------------------------------ */

static char store[96], record[96];

static int set_up(void **state)
{
    char program[256];

    if (declaring_set_up(state))
        return -1;
    snprintf(program, sizeof program, "%s/tests/test_run", WEIR_BUILD_DIR);
    setenv("WEIR_PROGRAM", program, 1);
    snprintf(store, sizeof store, "%s/store", declaring_folder);
    snprintf(record, sizeof record, "%s/record", declaring_folder);
    setenv("WEIR_TEST_RECORD", record, 1);
    return 0;
}

static void add_metric(weir_experiment *experiment, const char *name, int handle, const char *more)
{
    char text[1024];
    weir_error error = {0};

    snprintf(text, sizeof text,
             "{'kind':'metric','plugin':'%s','real':TRACE,'synthetic':%d%s,'lua':{'name':'%s',"
             "'code':'eA==','features':[{'label':'N'},{'label':'M','unit':'s'}]}}",
             name, handle, more, name);
    if (declaring_score(experiment, text, &error))
        fail_msg("%s", error.text);
}

static weir_experiment *declare(int seeds, const char *const *metrics)
{
    weir_experiment *experiment = declaring_new();
    weir_error error = {0};
    char text[256];

    for (int seed = 1; seed <= seeds; seed++) {
        snprintf(text, sizeof text, "{'generator':'bootstrap','train':TRACE,'seed':%d}", seed);
        int handle = declaring_generate(experiment, text, &error);
        assert_true(handle >= 0);
        for (size_t i = 0; metrics[i]; i++)
            add_metric(experiment, metrics[i], handle, "");
    }
    return experiment;
}

static int run_with(weir_experiment *experiment, weir_run_options options, weir_error *error)
{
    options.out = store;
    options.quiet = true;
    options.jobs = options.jobs ? options.jobs : 2;
    return weir_experiment_run(experiment, &options, error);
}

static int run(weir_experiment *experiment)
{
    weir_error error = {0};
    int status = run_with(experiment, (weir_run_options){0}, &error);

    if (error.status)
        fail_msg("%s", error.text);
    return status;
}

static char *contents(const char *name)
{
    char path[256];
    FILE *file;
    char *text = calloc(1, 1 << 20);

    snprintf(path, sizeof path, "%s%s%s", *name == '/' ? "" : store, *name == '/' ? "" : "/", name);
    file = fopen(path, "r");
    if (file) {
        size_t n = fread(text, 1, (1 << 20) - 1, file);
        text[n] = '\0';
        fclose(file);
    }
    return text;
}

static int jobs_run(void)
{
    char *text = contents(record);
    int n = 0;

    for (const char *at = text; (at = strchr(at, '\n')); at++)
        n++;
    free(text);
    unlink(record);
    return n;
}

static const json_t *find_row(const json_t *rows, const char *plugin, int seed)
{
    const json_t *row;
    size_t at;

    json_array_foreach((json_t *)(uintptr_t)rows, at, row)
    {
        if (!strcmp(json_string_value(json_object_get(row, "plugin")), plugin) &&
            json_integer_value(json_object_get(row, "seed")) == seed)
            return row;
    }
    fail_msg("no row of %s with seed %d", plugin, seed);
    return NULL;
}

static const char *text_of(const json_t *row, const char *name)
{
    return json_string_value(json_object_get(row, name));
}

static void a_run_and_its_repetition(void **state)
{
    static const char *const metrics[] = {"rows", "lines", NULL};
    weir_experiment *experiment = declare(2, metrics);
    char *first, *second;
    json_t *manifest, *rows, *filter = json_pack("{ss si}", "plugin", "rows", "seed", 2);
    weir_error error = {0};
    double begin;

    (void)state;
    assert_int_equal(run(experiment), 0);
    assert_int_equal(jobs_run(), 8);
    first = contents("scores.csv");
    assert_non_null(strstr(first, "dataset,generator,label,seed,kind,plugin,variant,feature,value,"
                                  "unit,better,n_real,n_synthetic,status,reason,job\n"
                                  "small,bootstrap,bootstrap,1,metric,lines,,M,"
                                  "1.7142857142857144,\"s, \"\"quoted\"\"\",lower,40,40,ok,,"));
    rows = weir_experiment_scores(experiment, filter, &error);
    assert_int_equal(json_array_size(rows), 2);
    json_decref(rows);
    json_decref(filter);
    rows = weir_experiment_data(experiment, 1, &error);
    assert_non_null(strstr(json_string_value(json_object_get(rows, "data")), "/synthetic.weir"));
    json_decref(rows);
    weir_experiment_free(experiment);

    begin = weir_clock();
    experiment = declare(2, metrics);
    assert_int_equal(run(experiment), 0);
    assert_true(weir_clock() - begin < 1);
    assert_int_equal(jobs_run(), 0);
    second = contents("scores.csv");
    assert_string_equal(first, second);
    free(first);
    free(second);
    weir_experiment_free(experiment);

    second = contents("manifest.json");
    manifest = json_loads(second, 0, NULL);
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(manifest, "jobs"), "cached")), 8);
    assert_true(json_is_string(json_object_get(manifest, "finished")));
    assert_string_equal(text_of(json_array_get(json_object_get(manifest, "plugins"), 0), "name"),
                        "bootstrap");
    rows = json_array_get(json_object_get(manifest, "inputs"), 0);
    assert_int_equal(json_integer_value(json_object_get(rows, "rows")), 40);
    assert_string_equal(text_of(rows, "schema"), "packets");
    assert_int_equal(strlen(text_of(json_array_get(json_object_get(rows, "files"), 0), "sha256")),
                     64);
    json_decref(manifest);
    free(second);
}

static void labels_share_jobs_and_results_rows(void **state)
{
    weir_experiment *experiment = declaring_new();
    weir_error error = {0};
    char *csv;

    (void)state;
    for (int i = 0; i < 2; i++) {
        int handle = declaring_generate(experiment,
                                        i ? "{'generator':'bootstrap','train':TRACE,'label':'B'}"
                                          : "{'generator':'bootstrap','train':TRACE}",
                                        &error);
        add_metric(experiment, "rows", handle, "");
    }
    assert_int_equal(run(experiment), 0);
    assert_int_equal(jobs_run(), 3);
    csv = contents("scores.csv");
    assert_non_null(strstr(csv, "small,bootstrap,B,1,"));
    assert_non_null(strstr(csv, "small,bootstrap,bootstrap,1,"));
    free(csv);
    weir_experiment_free(experiment);
}

static void equal_data_is_scored_once(void **state)
{
    weir_experiment *experiment = declaring_new();
    weir_error error = {0};
    json_t *rows;

    (void)state;
    for (int seed = 7; seed <= 8; seed++) {
        char text[128];
        snprintf(text, sizeof text, "{'generator':'bootstrap','train':TRACE,'seed':%d}", seed);
        add_metric(experiment, "rows", declaring_generate(experiment, text, &error), "");
    }
    assert_int_equal(run(experiment), 0);
    /* The metric has a seed of its own, so that even equal data is another job. */
    assert_int_equal(jobs_run(), 6);
    weir_experiment_free(experiment);

    experiment = declaring_new();
    for (int seed = 7; seed <= 8; seed++) { /* a generator of which the seed changes nothing */
        char text[128];
        snprintf(text, sizeof text, "{'generator':'copy','train':TRACE,'seed':%d}", seed);
        assert_true(declaring_generate(experiment, text, &error) >= 0);
    }
    assert_int_equal(run(experiment), 0);
    assert_int_equal(jobs_run(), 2);
    rows = weir_experiment_scores(experiment, NULL, &error);
    assert_int_equal(json_array_size(rows), 0);
    json_decref(rows);
    weir_experiment_free(experiment);
}

static void failures_are_rows(void **state)
{
    static const char *const metrics[] = {"rows", NULL};
    weir_experiment *experiment = declare(1, metrics);
    weir_error error = {0};
    json_t *rows, *status;
    char path[WEIR_PATH];

    (void)state;
    add_metric(experiment, "crash", 0, "");
    add_metric(experiment, "hang", 0, ",'time':0.3");
    add_metric(experiment, "hog", 0, ",'memory':60000000");
    add_metric(experiment, "silent", 0, "");
    add_metric(experiment, "fails", 0, "");
    assert_int_equal(
        declaring_generate(experiment, "{'generator':'bootstrap','train':TRACE,'seed':13}", &error),
        1);
    add_metric(experiment, "rows", 1, "");
    assert_int_equal(run(experiment), 1);
    rows = weir_experiment_scores(experiment, NULL, &error);
    assert_int_equal(json_array_size(rows), 14);
    assert_string_equal(text_of(find_row(rows, "rows", 1), "status"), "ok");
    assert_string_equal(text_of(find_row(rows, "crash", 1), "status"), "failed");
    assert_true(json_is_null(json_object_get(find_row(rows, "crash", 1), "value")));
    assert_ptr_equal(strstr(text_of(find_row(rows, "crash", 1), "reason"),
                            "crashed (SIGSEGV) (in score, after 0."),
                     text_of(find_row(rows, "crash", 1), "reason"));
    assert_non_null(strstr(text_of(find_row(rows, "hang", 1), "reason"),
                           "time limit of 0.30 s exceeded (in score, after 0."));
    assert_non_null(
        strstr(text_of(find_row(rows, "hog", 1), "reason"), "memory limit of 60 MB exceeded ("));
    assert_non_null(strstr(text_of(find_row(rows, "silent", 1), "reason"),
                           "ended with exit status 0 and without a result"));
    assert_non_null(
        strstr(text_of(find_row(rows, "fails", 1), "reason"), "feature N is not finite (in score"));
    assert_ptr_equal(strstr(text_of(find_row(rows, "rows", 13), "reason"),
                            "its generator failed: crashed (SIGABRT) (in fit"),
                     text_of(find_row(rows, "rows", 13), "reason"));
    snprintf(path, sizeof path, "%s/jobs/%s/status.json", store,
             text_of(find_row(rows, "crash", 1), "job"));
    status = weir_json_read(path);
    assert_string_equal(text_of(status, "signal"), "SIGSEGV");
    assert_string_equal(text_of(status, "phase"), "score");
    assert_true(json_is_false(json_object_get(status, "ok")));
    json_decref(status);
    json_decref(rows);
    weir_experiment_free(experiment);

    /* The next run tries those again, and only those. */
    jobs_run();
    experiment = declare(1, metrics);
    add_metric(experiment, "fails", 0, "");
    assert_int_equal(run(experiment), 1);
    rows = weir_experiment_scores(experiment, NULL, &error);
    snprintf(path, sizeof path, "%s/jobs/%s/spec.json", store,
             text_of(find_row(rows, "fails", 1), "job"));
    status = weir_json_read(path);
    assert_int_equal(json_integer_value(json_object_get(status, "attempt")), 2);
    json_decref(status);
    json_decref(rows);
    assert_int_equal(jobs_run(), 1);
    weir_experiment_free(experiment);
}

static void a_dry_run_writes_nothing(void **state)
{
    static const char *const metrics[] = {"rows", NULL};
    weir_experiment *experiment = declare(1, metrics);
    weir_error error = {0};

    (void)state;
    assert_int_equal(run_with(experiment, (weir_run_options){.dry_run = true}, &error), 0);
    assert_int_equal(access(store, F_OK), -1);
    assert_int_equal(jobs_run(), 0);
    weir_experiment_free(experiment);
}

static void fresh_forgets(void **state)
{
    static const char *const metrics[] = {"rows", NULL};
    weir_experiment *experiment = declare(1, metrics);
    weir_error error = {0};

    (void)state;
    assert_int_equal(run(experiment), 0);
    assert_int_equal(run_with(experiment, (weir_run_options){.fresh = true}, &error), 0);
    assert_int_equal(jobs_run(), 6);
    weir_experiment_free(experiment);
}

static void options_that_are_refused(void **state)
{
    static const char *const metrics[] = {"rows", NULL};
    weir_experiment *experiment = declare(1, metrics);
    weir_error error = {0};

    (void)state;
    assert_int_equal(run_with(experiment, (weir_run_options){.device = "gpu"}, &error), 2);
    assert_non_null(strstr(error.text, "device 'gpu' is unknown: auto, cpu or cuda"));
    error = (weir_error){0};
    assert_int_equal(run_with(experiment, (weir_run_options){.jobs = -1}, &error), 2);
    error = (weir_error){0};
    assert_int_equal(weir_experiment_run(experiment,
                                         &(weir_run_options){.out = declaring_trace, .quiet = true},
                                         &error),
                     2);
    assert_non_null(strstr(error.text, declaring_trace));
    weir_experiment_free(experiment);
}

/* A generator whose fit has parts; only its descriptor counts here. */
static int parts(weir_job *job, const weir_dataset *train, uint32_t *count)
{
    (void)job, (void)train;
    *count = 3;
    return WEIR_OK;
}

static void a_fit_in_parts(void **state)
{
    static weir_generator generator = {
        .kind = WEIR_KIND_GENERATOR, .name = "bootstrap", .accepts = WEIR_PACKETS, .parts = parts};
    weir_loaded loaded = {(const weir_plugin *)(const void *)&generator, "/x.so", "b1"};
    static const char *const metrics[] = {"rows", NULL};
    weir_experiment *experiment = declare(1, metrics);
    json_t *model, *models;
    char path[WEIR_PATH], *lines;
    weir_error error = {0};

    (void)state;
    experiment->generates[0].loaded = &loaded;
    assert_int_equal(run(experiment), 0);
    lines = contents(record);
    assert_string_equal(lines, "fit bootstrap\nfit bootstrap\nfit bootstrap\nfit bootstrap\n"
                               "sample bootstrap\nscore rows\n");
    free(lines);
    unlink(record);
    assert_int_equal(run(experiment), 0); /* all of it is found again */
    assert_int_equal(jobs_run(), 0);

    /* The sample was drawn from the join of part 0 and the other two, which were given part 0. */
    model = weir_experiment_data(experiment, 0, &error);
    snprintf(path, sizeof path, "%s", text_of(model, "data"));
    strcpy(strrchr(path, '/'), "/spec.json");
    json_decref(model);
    model = weir_json_read(path);
    snprintf(path, sizeof path, "%s/model.json",
             text_of(json_object_get(model, "inputs"), "model"));
    json_decref(model);
    model = weir_json_read(path);
    models = json_object_get(json_object_get(model, "inputs"), "models");
    assert_int_equal(json_array_size(models), 3);
    snprintf(path, sizeof path, "%s/model.json", json_string_value(json_array_get(models, 2)));
    models = weir_json_read(path);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(models, "inputs"), "part")),
                     2);
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(models, "inputs"), "parts")), 3);
    assert_true(json_is_string(json_object_get(json_object_get(models, "inputs"), "base")));
    json_decref(models);
    json_decref(model);
    weir_experiment_free(experiment);
}

/* ---- Interruptions ----------------------------------------------------------------------------
 */

static const char *const slow[] = {"slow", "rows", NULL};

/* A run in a process of its own; 0 seconds: until it ends. */
static int run_and_signal(double seconds, int with)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        weir_experiment *experiment = declare(3, slow);
        weir_error error = {0};
        _exit(run_with(experiment, (weir_run_options){0}, &error));
    }
    if (seconds > 0) {
        poll(NULL, 0, (int)(seconds * 1000));
        kill(child, with);
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void interrupted_and_resumed(void **state)
{
    char *whole, *resumed, *part;
    weir_error error = {0};

    (void)state;
    assert_int_equal(run_and_signal(0, 0), 0);
    whole = contents("scores.csv");
    assert_int_equal(weir_folder_remove(store, &error), WEIR_OK);
    assert_int_equal(run_and_signal(0.12, SIGTERM), 130);
    part = contents("scores.csv");
    assert_non_null(strstr(part, "dataset,generator,"));
    assert_true(strlen(part) < strlen(whole));
    free(part);
    for (int i = 1; i <= 12; i++)
        run_and_signal(0.01 * i, SIGKILL);
    assert_int_equal(run_and_signal(0, 0), 0);
    resumed = contents("scores.csv");
    assert_string_equal(resumed, whole);
    free(whole);
    free(resumed);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, declaring_tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(a_run_and_its_repetition),  TEST(labels_share_jobs_and_results_rows),
        TEST(equal_data_is_scored_once), TEST(failures_are_rows),
        TEST(a_dry_run_writes_nothing),  TEST(fresh_forgets),
        TEST(options_that_are_refused),  TEST(a_fit_in_parts),
        TEST(interrupted_and_resumed),
    };

    if (argc == 3 && !strcmp(argv[1], "job"))
        _exit(fake_job(argv[2])); /* without a sanitizer's last words */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
