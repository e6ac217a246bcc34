/* The engine inside a plugin: a job's graph, weights in a model's archive and back.
 * Covers: core/nn/train/plugin.c */
#include <math.h>

#include "nn/train/lasting.h"
#include "nn_files.h"
#include "plugin/archive.h"
#include "plugin/job.h"
#include <weir/nn_plugin.h>

static int nothing(weir_job *job, const weir_dataset *train, void *model)
{
    (void)job, (void)train, (void)model;
    return WEIR_OK;
}

static const weir_generator generator = {
    .abi = WEIR_ABI, .kind = WEIR_KIND_GENERATOR, .name = "test", .fit = nothing};

static weir_job *new_job(uint64_t seed, const char *device)
{
    weir_error error = {0};
    weir_job_setup setup = {.plugin = (const weir_plugin *)&generator,
                            .seed = seed,
                            .threads = 2,
                            .device = device,
                            .log_fd = -1,
                            .status_fd = -1};
    weir_job *job = weir_job_new(&setup, &error);

    if (!job)
        fail_msg("%s", error.text);
    return job;
}

static void a_jobs_graph(void **state)
{
    weir_job *job = new_job(77, "null");
    nn_graph *g = nn_graph_for(job);

    (void)state;
    assert_non_null(g);
    assert_int_equal(g->settings.seed, 77);
    assert_int_equal(g->settings.threads, 2);
    assert_string_equal(nn_device(g), "null");
    assert_int_equal(nn_report(job, g), WEIR_OK);
    nn_parameter(g, "no such name", 0, NULL, from(0, 0));
    assert_int_equal(nn_report(job, g), WEIR_EOPTION);
    assert_non_null(strstr(weir_job_error(job)->text, "no such name"));
    nn_graph_free(g);
    weir_job_free(job);
}

/* The parts of a fit do not draw the same noise: that of a private fit must be independent. */
static void parts_have_seeds_of_their_own(void **state)
{
    uint64_t seeds[3];

    (void)state;
    for (uint32_t part = 0; part < 3; part++) {
        weir_job *job = new_job(77, "null");
        weir_error error = {0};
        nn_graph *g;

        assert_int_equal(weir_job_set_part(job, part, 3, NULL, &error), WEIR_OK);
        g = nn_graph_for(job);
        assert_non_null(g);
        seeds[part] = g->settings.seed;
        nn_graph_free(g);
        weir_job_free(job);
    }
    assert_int_equal(seeds[0], 77);
    assert_true(seeds[1] != seeds[0] && seeds[2] != seeds[0] && seeds[1] != seeds[2]);
}

/* What save puts: all of the net, its noise and its state. */
static void save(weir_job *job, nn_graph *g, const char *prefix)
{
    weir_archive *archive = weir_archive_new(weir_job_error(job));

    assert_int_equal(nn_put(job, archive, g, prefix, "model"), WEIR_OK);
    assert_int_equal(weir_archive_write(archive, folder, NULL), WEIR_OK);
    weir_archive_free(archive);
}

static nn_graph *with_noise(weir_job *job, uint64_t draws)
{
    nn_graph *g = some_variables(weir_seed(job));
    int at = 0;

    nn_noise_normal(g, "net.z", 1, (int64_t[]){3});
    nn_noise_normal(g, "net.zz", 1, (int64_t[]){3});
    nn_noise_normal(g, "elsewhere", 1, (int64_t[]){3});
    for (nn_node *noise; (noise = nn_next_leaf(g, NN_OP_NOISE, "", &at));)
        nn_set_draws(noise, draws++);
    assert_int_equal(nn_status(g), WEIR_OK);
    return g;
}

static uint64_t draws_of(const nn_graph *g, const char *name)
{
    uint64_t draws = 0;

    for (int at = 0; at < g->count;) {
        nn_node *noise = nn_next_leaf(g, NN_OP_NOISE, name, &at);
        if (noise && !strcmp(noise->name, name))
            nn_draws(noise, &draws);
    }
    return draws;
}

static void what_was_put_comes_back(void **state)
{
    weir_job *job = new_job(1, "null"), *other = new_job(2, "null");
    nn_graph *a = with_noise(job, 100), *b = with_noise(other, 0), *c;
    weir_archive *archive;
    nn_real five = 5;

    (void)state;
    nn_write(nn_find(a, "net.steps"), &five);
    save(job, a, "net.");
    archive = weir_archive_read(folder, weir_job_error(other));
    assert_non_null(archive);
    assert_int_equal(nn_get(other, archive, b, "net.", "model"), WEIR_OK);
    assert_same_value(a, b, "net.0.weight");
    assert_same_value(a, b, "net.1.bias");
    assert_same_value(a, b, "net.steps");
    assert_int_equal(draws_of(b, "net.z"), 100);
    assert_int_equal(draws_of(b, "net.zz"), 101);
    assert_int_equal(draws_of(b, "elsewhere"), 2); /* another prefix */
    /* a graph of less takes what it has */
    c = nn_graph_new(&(nn_settings){.seed = 9, .device = "null"});
    nn_parameter(c, "net.0.bias", 1, (int64_t[]){2}, from(-1, 1));
    assert_int_equal(nn_get(other, archive, c, "net.", "model"), WEIR_OK);
    assert_same_value(a, c, "net.0.bias");
    weir_archive_free(archive);
    nn_graph_free(a);
    nn_graph_free(b);
    nn_graph_free(c);
    weir_job_free(job);
    weir_job_free(other);
}

/* The archive's errors go to the job that reads it. */
static void refused(nn_graph *g, const char *name, const char *why)
{
    weir_job *job = new_job(2, "null");
    weir_archive *archive = weir_archive_read(folder, weir_job_error(job));
    nn_graph *same = some_variables(g->settings.seed);

    assert_int_equal(nn_get(job, archive, g, "net.", name), WEIR_EDATA);
    if (!strstr(weir_job_error(job)->text, why))
        fail_msg("'%s' does not say '%s'", weir_job_error(job)->text, why);
    assert_same_value(g, same, "net.0.weight"); /* nothing was set */
    weir_archive_free(archive);
    nn_graph_free(same);
    nn_graph_free(g);
    weir_job_free(job);
}

static void what_does_not_fit_sets_nothing(void **state)
{
    weir_job *job = new_job(1, "null");
    nn_graph *a = with_noise(job, 0), *g;

    (void)state;
    save(job, a, "net.");
    g = some_variables(4);
    nn_parameter(g, "net.more", 1, (int64_t[]){1}, from(0, 0));
    refused(g, "model", "has no array 'model.net.more'");
    refused(some_variables(4), "other", "has no array 'other.net.0.weight'");
    nn_parameter(a, "net.last", 1, (int64_t[]){3}, from(0, 0));
    save(job, a, "net.");
    g = some_variables(4);
    nn_parameter(g, "net.last", 1, (int64_t[]){4}, from(0, 0));
    refused(g, "model", "of array 'model.net.last' of the model is 3, must be 4");
    nn_graph_free(a);
    weir_job_free(job);
}

static void what_is_not_finite_is_not_saved(void **state)
{
    weir_job *job = new_job(1, "null");
    nn_graph *g = some_variables(1);
    nn_real bad = (nn_real)INFINITY;
    weir_archive *archive = weir_archive_new(weir_job_error(job));

    (void)state;
    nn_write(nn_find(g, "net.1.bias"), &bad);
    assert_int_equal(nn_put(job, archive, g, "net.", "model"), WEIR_EDIVERGE);
    assert_non_null(strstr(weir_job_error(job)->text, "'net.1.bias' is not finite"));
    weir_archive_free(archive);
    nn_graph_free(g);
    weir_job_free(job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_jobs_graph),
        cmocka_unit_test(parts_have_seeds_of_their_own),
        cmocka_unit_test(what_was_put_comes_back),
        cmocka_unit_test(what_does_not_fit_sets_nothing),
        cmocka_unit_test(what_is_not_finite_is_not_saved),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
