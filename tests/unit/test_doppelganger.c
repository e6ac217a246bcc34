/* DoppelGANger: what it learns, its archive, resuming, batches, mistakes.
 * Covers: core/nn/models/doppelganger.c core/nn/models/doppelganger_network.c
 * Covers: core/nn/models/doppelganger_train.c core/nn/models/doppelganger_data.c
 * Covers: core/nn/models/doppelganger_archive.c core/nn/models/doppelganger_sample.c */
#include "doppelganger_test.h"

static void it_learns_what_belongs_together(void **state)
{
    weir_job *job = new_job(1), *other = new_job(2);
    nn_doppelganger_settings settings = small();
    nn_doppelganger *model = trained(job, &settings, 500);
    double share = 0, value[2] = {0}, length[2] = {0}, n[2] = {0};

    (void)state;
    draw(job, model, 300, &one);
    assert_legal(&one);
    for (size_t i = 0; i < one.n; i++) {
        int b = one.attributes[i * ATTRIBUTES] == 0;
        n[b]++;
        value[b] += (double)one.features[i * LENGTH * FEATURES];
        length[b] += one.lengths[i];
    }
    share = n[0] / (double)one.n;
    if (!(fabs(share - 2. / 3) < 0.2))
        fail_msg("class A is %.2f of all", share);
    if (!(value[0] / n[0] - value[1] / n[1] > 0.3))
        fail_msg("first values: %.2f of A, %.2f of B", value[0] / n[0], value[1] / n[1]);
    if (!(length[0] / n[0] - length[1] / n[1] > 1.5))
        fail_msg("lengths: %.2f of A, %.2f of B", length[0] / n[0], length[1] / n[1]);
    draw(job, model, 300, &two);
    assert_memory_equal(&one, &two, sizeof one);
    draw(other, model, 300, &two);
    assert_memory_not_equal(&one, &two, sizeof one);
    nn_doppelganger_free(model);
    weir_job_free(job);
    weir_job_free(other);
}

/* ---- Archives
 * ----------------------------------------------------------------------------------*/

static void what_was_put_comes_back(void **state)
{
    weir_job *job = new_job(1);
    nn_doppelganger_settings settings = small();
    nn_doppelganger *model, *back;
    weir_archive *archive;

    (void)state;
    settings.mixing = NN_MIXING_ONE;
    settings.ema = 0.9;
    model = trained(job, &settings, 3);
    draw(job, model, 70, &one);
    assert_legal(&one);
    for (int critics = 0; critics < 2; critics++) {
        archive = through_folder(job, model, critics);
        back = got(job, archive);
        assert_int_equal(nn_find(back->graph, "critic.0.weight") != NULL, critics);
        assert_int_equal(nn_find(back->graph, "attribute_critic.0.weight") != NULL, critics);
        for (const dg_number *n = dg_numbers; n->name; n++)
            assert_true(dg_number_of(nn_doppelganger_about(back), n) == dg_number_of(&settings, n));
        assert_int_equal(nn_doppelganger_about(back)->mixing, NN_MIXING_ONE);
        draw(job, back, 70, &two);
        assert_memory_equal(&one, &two, sizeof one);
        nn_doppelganger_free(back);
        weir_archive_free(archive);
    }
    nn_doppelganger_free(model);
    weir_job_free(job);
}

static void plain_training_resumes(void **state)
{
    (void)state;
    resumed_is_the_same(0, 0);
    resumed_is_the_same(0, 0.8);
}

static void fine_tuning_begins_with_the_others_weights(void **state)
{
    weir_job *job = new_job(1), *other = new_job(2);
    nn_doppelganger_settings settings = small();
    nn_doppelganger *first = trained(job, &settings, 30), *second;
    nn_doppelganger_training training = training_of(1);
    nn_real a[32], b[32];

    (void)state;
    settings.rate = 1e-9;
    second = new_model(other, &settings);
    training.from = first;
    assert_int_equal(nn_doppelganger_train(other, second, &training), WEIR_OK);
    for (int i = 0; i < 3; i++) {
        static const char *const names[] = {"generator.attribute.0.bias", "critic.0.bias",
                                            "attribute_critic.1.bias"};
        nn_value(nn_find(first->graph, names[i]), a);
        nn_value(nn_find(second->graph, names[i]), b);
        for (int k = 0; k < 32; k++)
            assert_true(fabs((double)(a[k] - b[k])) < 1e-6);
    }
    nn_doppelganger_free(first);
    nn_doppelganger_free(second);
    weir_job_free(job);
    weir_job_free(other);
}

/* ---- Batches
 * -----------------------------------------------------------------------------------*/

static void a_sequence_as_the_critics_see_it(void **state)
{
    weir_job *job = new_job(1);
    nn_doppelganger_settings settings = small();
    nn_doppelganger *model = new_model(job, &settings);
    nn_doppelganger_training training = training_of(1);
    dg_batch batch;
    static const nn_real wanted[2][6][4] = {
        {{0.2f, 0, 1, 0}, {0.2f, 0.1f, 0, 1}}, /* two of two a step: nothing behind them */
        {{0.8f, 0, 1, 0},
         {0.8f, 0.1f, 1, 0},
         {0.8f, 0.2f, 1, 0},
         {0.8f, 0.3f, 1, 0},
         {0.8f, 0.4f, 0, 1},
         {0, 0, 0, 1}}}; /* the step's other record is there, but empty */

    (void)state;
    assert_int_equal(dg_records(model), 6);
    assert_int_equal(dg_batch_new(job, &batch, model, 3), WEIR_OK);
    batch.rows[0] = 3;
    batch.rows[1] = 4;
    assert_int_equal(dg_batch_fill(job, &batch, model, &training.data, 2, true), WEIR_OK);
    for (int i = 0; i < 48; i++)
        assert_true(fabsf(batch.records[i] - (&wanted[0][0][0])[i]) < 1e-6f);
    for (int i = 48; i < 72; i++) /* no third sequence */
        assert_true(batch.records[i] == 0);
    dg_batch_free(&batch);
    nn_doppelganger_free(model);
    weir_job_free(job);
}

static void every_sequence_once_an_epoch(void **state)
{
    weir_job *job = new_job(1);
    weir_random random = weir_random_new(1, "order");
    dg_order order = {0};
    uint32_t rows[5], seen[7] = {0};

    (void)state;
    assert_int_equal(dg_order_new(job, &order, 7), WEIR_OK);
    for (int i = 0; i < 7; i++) { /* five epochs */
        dg_order_next(&order, &random, 5, rows);
        for (int k = 0; k < 5; k++)
            seen[rows[k]]++;
    }
    for (int i = 0; i < 7; i++)
        assert_int_equal(seen[i], 5);
    dg_order_free(&order);
    weir_job_free(job);
}

/* ---- Mistakes
 * ----------------------------------------------------------------------------------*/

static void refused(const nn_doppelganger_settings *settings, const nn_doppelganger_training *t,
                    int status, const char *why)
{
    weir_job *job = new_job(1);
    nn_doppelganger *model = nn_doppelganger_new(job, settings, &attribute_layout, &feature_layout);

    if (model)
        assert_int_equal(nn_doppelganger_train(job, model, t), status);
    assert_int_equal(weir_job_error(job)->status, status);
    if (!strstr(weir_job_error(job)->text, why))
        fail_msg("'%s' does not say '%s'", weir_job_error(job)->text, why);
    nn_doppelganger_free(model);
    weir_job_free(job);
}

static int not_a_number(void *context, const uint32_t *rows, size_t n, nn_real *out)
{
    (void)context, (void)rows;
    out[(n - 1) * ATTRIBUTES] = (nn_real)NAN;
    return WEIR_OK;
}

static int gives_up(void *context, const uint32_t *rows, size_t n, nn_real *out)
{
    (void)context, (void)rows, (void)n, (void)out;
    return WEIR_EIO;
}

static void mistakes_are_said(void **state)
{
    nn_doppelganger_settings good = small(), bad;
    nn_doppelganger_training t = training_of(2), other;
    uint32_t wrong = 0;
    weir_job *job = new_job(1);
    nn_doppelganger *model = new_model(job, &good);

    (void)state;
    bad = good, bad.batch = 1;
    refused(&bad, &t, WEIR_EOPTION, "batch is 1");
    bad = good, bad.rate = NAN;
    refused(&bad, &t, WEIR_EOPTION, "rate is nan");
    bad = good, bad.privacy.noise = bad.privacy.epsilon = 1;
    refused(&bad, &t, WEIR_EOPTION, "one must be 0");
    other = t, other.data.count = 0;
    refused(&good, &other, WEIR_EDATA, "no sequences");
    other = t, other.data.context = &wrong;
    refused(&good, &other, WEIR_EBUG, "has 0 records; 1 to 5");
    other = t, other.data.attributes = not_a_number;
    refused(&good, &other, WEIR_EDATA, "not finite");
    bad = good, bad.rate = 1e30;
    other = t, other.steps = 50;
    refused(&bad, &other, WEIR_EDIVERGE, "not finite");
    bad = good, bad.privacy.noise = 1;
    other = t, other.data.count = 1;
    refused(&bad, &other, WEIR_EDATA, "privately");
    other = t, other.data.attributes = gives_up;
    assert_int_equal(nn_doppelganger_train(job, model, &other), WEIR_EIO);
    nn_doppelganger_free(model);
    weir_job_free(job);
}

/* One sequence, and fewer than a batch. */
static void few_sequences_are_enough(void **state)
{
    nn_doppelganger_settings settings = small();

    (void)state;
    for (uint32_t n = 1; n < 4; n++) {
        weir_job *job = new_job(1);
        nn_doppelganger *model = new_model(job, &settings);
        nn_doppelganger_training training = training_of(2);
        training.data.count = n;
        settings.privacy.noise = n == 3 ? 1 : 0;
        assert_int_equal(nn_doppelganger_train(job, model, &training), WEIR_OK);
        draw(job, model, 5, &one);
        assert_legal(&one);
        nn_doppelganger_free(model);
        weir_job_free(job);
    }
}

static void epochs_are_steps(void **state)
{
    nn_doppelganger_settings settings = small();

    (void)state;
    assert_int_equal(nn_doppelganger_steps(&settings, 60, 2), 6);
    assert_int_equal(nn_doppelganger_steps(&settings, 61, 1), 4);
    assert_int_equal(nn_doppelganger_steps(&settings, 1, 0.1), 1);
}

static void a_job_can_be_cancelled(void **state)
{
    weir_job *job = new_job(1);
    nn_doppelganger_settings settings = small();
    nn_doppelganger *model = new_model(job, &settings);
    nn_doppelganger_training training = training_of(1000);

    (void)state;
    weir_job_cancel_at(job, 3);
    assert_int_equal(nn_doppelganger_train(job, model, &training), WEIR_ECANCEL);
    weir_cancel_clear();
    nn_doppelganger_free(model);
    weir_job_free(job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_learns_what_belongs_together),
        cmocka_unit_test(what_was_put_comes_back),
        cmocka_unit_test(plain_training_resumes),
        cmocka_unit_test(fine_tuning_begins_with_the_others_weights),
        cmocka_unit_test(a_sequence_as_the_critics_see_it),
        cmocka_unit_test(every_sequence_once_an_epoch),
        cmocka_unit_test(mistakes_are_said),
        cmocka_unit_test(few_sequences_are_enough),
        cmocka_unit_test(epochs_are_steps),
        cmocka_unit_test(a_job_can_be_cancelled),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
