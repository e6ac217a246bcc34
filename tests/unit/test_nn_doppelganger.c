/* An iteration of DoppelGANger: gradients of both critics and of the generator against PyTorch in
 * float64 (tests/golden/nn/doppelganger.py). */
#include "golden_gradients.h"
#include "nn/models/dg.h"
#include "plugin/job.h"

static const weir_segment attribute_segments[] = {{"bit", 2, WEIR_SOFTMAX},
                                                  {"bit", 2, WEIR_SOFTMAX},
                                                  {"kind", 3, WEIR_SOFTMAX},
                                                  {"word", 4, WEIR_TANH},
                                                  {"start", 1, WEIR_SIGMOID}};
static const weir_segment feature_segments[] = {
    {"fields", 2, WEIR_SIGMOID}, {"flag", 3, WEIR_SOFTMAX}, {"trend", 1, WEIR_LINEAR}};

static int nothing(weir_job *job, const weir_dataset *train, void *model)
{
    (void)job, (void)train, (void)model;
    return WEIR_OK;
}

static weir_job *new_job(void)
{
    static const weir_generator generator = {
        .abi = WEIR_ABI, .kind = WEIR_KIND_GENERATOR, .name = "test", .fit = nothing};
    weir_error error = {0};
    weir_job *job = weir_job_new(&(weir_job_setup){.plugin = (const weir_plugin *)&generator,
                                                   .seed = 1,
                                                   .threads = 1,
                                                   .device = "cpu",
                                                   .log_fd = -1,
                                                   .status_fd = -1},
                                 &error);

    if (!job)
        fail_msg("%s", error.text);
    return job;
}

static void run_stage(const dg_run *run, int stage)
{
    if (nn_run(run->programs[0], stage))
        fail_msg("%s", nn_error(run->model->graph)->text);
}

static void check(const char *name, nn_mixing mixing, unsigned debug)
{
    nn_doppelganger_settings settings = nn_doppelganger_defaults(8);
    json_t *document = golden_load("nn/doppelganger.json");
    const json_t *golden = json_object_get(document, name);
    weir_job *job = new_job();
    dg_run run = {.job = job};
    nn_graph *g;

    settings.sample_len = 3;
    settings.attribute_layers = settings.critic_layers = 3;
    settings.attribute_width = settings.critic_width = 24;
    settings.lstm = 20;
    settings.batch = 12;
    settings.attribute_weight = 0.7;
    settings.mixing = mixing;
    run.model = nn_doppelganger_new(job, &settings, &(weir_layout){12, 5, attribute_segments},
                                    &(weir_layout){6, 3, feature_segments});
    assert_non_null(run.model);
    g = run.model->graph =
        nn_graph_new(&(nn_settings){.seed = 1, .device = "cpu", .threads = 1, .debug = debug});
    assert_non_null(g);
    if (dg_plain_build(&run) != WEIR_OK)
        fail_msg("%s", weir_job_error(job)->text);
    set_weights(g);
    run_stage(&run, 0);
    run_stage(&run, 1);
    check_gradients(g, golden, "critic", settings.beta1);
    check_gradients(g, golden, "attribute_critic", settings.beta1);
    set_weights(g); /* the generator's step is compared with the critics as they were */
    run_stage(&run, 2);
    check_gradients(g, golden, "generator", settings.beta1);
    nn_doppelganger_free(run.model);
    weir_job_free(job);
    json_decref(document);
}

static void penalty_between(void **state)
{
    (void)state;
    check("uniform", NN_MIXING_UNIFORM, 0);
    check("uniform", NN_MIXING_UNIFORM, NN_NO_REWRITE | NN_NO_FUSION);
}

static void penalty_at_what_is_made(void **state)
{
    (void)state;
    check("one", NN_MIXING_ONE, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(penalty_between),
        cmocka_unit_test(penalty_at_what_is_made),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
