/* DoppelGANger trained by DP-SGD: the account, the gradients, budgets, resuming.
 * Covers: core/nn/models/doppelganger_private.c */
#include "doppelganger_test.h"

static void privacy_is_accounted_for(void **state)
{
    weir_job *job = new_job(1), *other = new_job(1);
    nn_doppelganger_settings settings = small();
    nn_doppelganger *model, *back;
    nn_doppelganger_cost cost;
    nn_mechanism mechanism = {1.5, 20. / COUNT, 2 * 2};
    double epsilon;
    weir_archive *archive;

    (void)state;
    settings.privacy.noise = 1.5;
    model = trained(job, &settings, 2);
    cost = nn_doppelganger_spent(model);
    assert_int_equal(nn_privacy_epsilon(2, (nn_mechanism[]){mechanism, mechanism}, 1. / COUNT,
                                        NN_CONVERT, &epsilon, NULL, weir_job_error(job)),
                     WEIR_OK);
    assert_true(cost.private && fabs(cost.epsilon - epsilon) < 1e-12);
    assert_true(cost.delta == 1. / COUNT && cost.clip == 1);
    archive = through_folder(job, model, false);
    back = got(job, archive);
    assert_same_cost(back, model);
    nn_doppelganger_free(back);
    nn_doppelganger_free(model);
    /* the noise for an epsilon that is given */
    settings.privacy.noise = 0;
    settings.privacy.epsilon = epsilon;
    model = trained(other, &settings, 2);
    assert_true(fabs(nn_doppelganger_spent(model).mechanism[0].noise - 1.5) < 1e-3);
    assert_true(fabs(nn_doppelganger_spent(model).epsilon - epsilon) < 1e-3);
    nn_doppelganger_free(model);
    weir_archive_free(archive);
    weir_job_free(job);
    weir_job_free(other);
}

/* A budget ends a training sooner, which costs less. */
static void a_budget_ends_it(double noise)
{
    weir_job *job = new_job(1);
    nn_doppelganger_settings settings = small();
    nn_doppelganger_training training = training_of(6);
    nn_doppelganger *model;
    nn_doppelganger_cost whole;
    json_t *budget = json_pack("{s:[[i]]}", "steps", 4);
    int64_t made = 0;

    settings.privacy.noise = noise;
    training.made = &made;
    model = new_model(job, &settings);
    assert_int_equal(dg_cost(job, &settings, COUNT, 6, &whole), WEIR_OK);
    job->setup.budget = budget;
    assert_int_equal(nn_doppelganger_train(job, model, &training), WEIR_OK);
    assert_int_equal(made, 4);
    assert_true(noise > 0 ? model->cost.epsilon < whole.epsilon : !model->cost.private);
    if (noise > 0)
        assert_int_equal(model->cost.mechanism[1].steps, 4 * 2);
    nn_doppelganger_free(model);
    weir_job_free(job);
    json_decref(budget);
}

static void budgets_are_kept(void **state)
{
    (void)state;
    a_budget_ends_it(0);
    a_budget_ends_it(1);
}

/* With no noise worth the name and no clipping, the mean gradient of all is that of a batch of all:
 * the first step of both ways goes the same way. */
static void private_gradients_are_the_batchs(void **state)
{
    weir_job *job = new_job(3), *other = new_job(3);
    nn_doppelganger_settings settings = small();
    nn_doppelganger *plain, *private;
    nn_real a[32], b[32], same = 0;

    (void)state;
    settings.batch = COUNT;
    settings.critic_steps = 1;
    plain = trained(job, &settings, 1);
    settings.privacy = (nn_doppelganger_privacy){.noise = 1e-9, .delta = 1e-5, .clip = 1e6};
    private = trained(other, &settings, 1);
    nn_value(nn_find(plain->graph, "critic.0.bias"), a);
    nn_value(nn_find(private->graph, "critic.0.bias"), b);
    for (int i = 0; i < 32; i++)
        same += a[i] * b[i] > 0;
    if (same < 24)
        fail_msg("%g of 32 biases went the same way", (double)same);
    nn_doppelganger_free(plain);
    nn_doppelganger_free(private);
    weir_job_free(job);
    weir_job_free(other);
}

static void private_training_resumes(void **state)
{
    (void)state;
    resumed_is_the_same(2, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(privacy_is_accounted_for),
        cmocka_unit_test(budgets_are_kept),
        cmocka_unit_test(private_gradients_are_the_batchs),
        cmocka_unit_test(private_training_resumes),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
