/* The task fingerprint: naive Bayes, macro-F1 and the area under the curve against scikit-learn,
 * trees against XGBoost's Python package, and data that a classifier cannot learn from. */
#include "../../plugins/downstream/fingerprint/bayes.c"
#include "../../plugins/downstream/fingerprint/measure.c"
#include "unit/metric.h"

static json_t *job_options; /* of the job that is open; jobs borrow them */

static weir_job *open_job(const char *settings)
{
    weir_error error = {0};
    const weir_plugin *plugin = metric_find("fingerprint")->plugin;
    json_t *given = weir_options_parse(settings, &error);
    weir_job_setup setup = {.plugin = plugin,
                            .options = job_options = weir_options_resolve(plugin, given, &error),
                            .seed = 1,
                            .threads = 1,
                            .device = "cpu",
                            .log_fd = -1,
                            .status_fd = -1};
    weir_job *job = setup.options ? weir_job_new(&setup, &error) : NULL;

    json_decref(given);
    if (!job)
        fail_msg("%s", error.text);
    weir_job_phase(job, "score");
    return job;
}

static void close_job(weir_job *job)
{
    weir_job_free(job);
    json_decref(job_options);
}

/* The rows of scores.json, a new array; NULL with the error's text on failure. */
static json_t *run(const char *settings, const weir_dataset *train, const weir_dataset *test,
                   const weir_dataset *synthetic, weir_error *error)
{
    const weir_downstream *plugin = (const weir_downstream *)metric_find("fingerprint")->plugin;
    weir_job *job = open_job(settings);
    json_t *rows = NULL;
    int status = weir_scores_begin(job, train, synthetic);

    if (!status)
        status = plugin->score(job, train, test, synthetic);
    if (!status)
        rows = weir_scores_end(job);
    weir_job_end(job, status, error);
    close_job(job);
    return rows;
}

static json_t *must_run(const char *settings, const weir_dataset *train, const weir_dataset *test,
                        const weir_dataset *synthetic)
{
    weir_error error = {0};
    json_t *rows = run(settings, train, test, synthetic, &error);

    if (!rows)
        fail_msg("%s: %s", settings, error.text);
    return rows;
}

static void must_fail(const char *settings, const weir_dataset *train, const weir_dataset *test,
                      const weir_dataset *synthetic, const char *text)
{
    weir_error error = {0};
    json_t *rows = run(settings, train, test, synthetic, &error);

    json_decref(rows);
    if (rows || !error.status || !strstr(error.text, text))
        fail_msg("%s: '%s' instead of '%s'", settings, error.text, text);
}

static const json_t *row_of(const json_t *rows, const char *variant, const char *feature)
{
    const json_t *row;
    size_t at;

    json_array_foreach(rows, at, row)
    {
        if (!strcmp(json_string_value(json_object_get(row, "feature")), feature) &&
            !strcmp(json_string_value(json_object_get(row, "variant")), variant))
            return row;
    }
    fail_msg("no score of %s, %s", feature, variant);
    return NULL;
}

static double value_of(const json_t *rows, const char *variant, const char *feature)
{
    const json_t *row = row_of(rows, variant, feature);

    if (strcmp(json_string_value(json_object_get(row, "status")), "ok"))
        fail_msg("%s, %s is n/a: %s", feature, variant,
                 json_string_value(json_object_get(row, "reason")));
    return golden_number(row, "value");
}

static void is_na(const json_t *rows, const char *variant, const char *feature, const char *text)
{
    const json_t *row = row_of(rows, variant, feature);
    const char *reason = json_string_value(json_object_get(row, "reason"));

    assert_string_equal(json_string_value(json_object_get(row, "status")), "n/a");
    if (!strstr(reason, text))
        fail_msg("%s, %s is n/a because of '%s', not '%s'", feature, variant, reason, text);
}

/* ---- Data ------------------------------------------------------------------------------------ */

#define STEPS 8

static const char *const labels[] = {"video/a/1", "video/b/2", "web/c/3", "web/d/4"};

/* Zeros; row i has label i % 4. The dictionary is in the order of the rows, or against it. */
static weir_dataset *open_series(size_t rows, uint32_t steps, bool backwards)
{
    weir_series_shape shape = {.steps = steps, .channels = 1, .names = {"size"}};
    weir_error error = {0};
    weir_table *table = weir_table_new_series(&shape, rows, &error);
    weir_dataset *data;

    assert_non_null(table);
    for (size_t i = 0; i < rows; i++) {
        size_t row = backwards ? rows - 1 - i : i;

        weir_u32_out(table, "length")[row] = steps;
        weir_codes_out(table, "label")[row] =
            weir_category_add(table, "label", labels[row % 4], &error);
    }
    data = weir_dataset_new(table, &error);
    if (!data)
        fail_msg("%s", error.text);
    return data;
}

static weir_table *table_of(weir_dataset *data)
{
    return (weir_table *)(uintptr_t)weir_dataset_table(data);
}

static float *values_of(weir_dataset *data)
{
    return weir_f32_out(table_of(data), "values");
}

static void set_label(weir_dataset *data, size_t row, const char *label)
{
    uint32_t code = weir_category_add(table_of(data), "label", label, NULL);

    weir_codes_out(table_of(data), "label")[row] = code;
}

/* Series i of class i % 4, which its values from step `from` on tell without doubt; labels are
 * added in the order of the rows, or against it. */
static weir_dataset *draw(size_t rows, uint64_t seed, size_t from, bool backwards)
{
    weir_dataset *data = open_series(rows, STEPS, backwards);
    weir_random random = weir_random_new(seed, "series");

    for (size_t i = 0; i < rows; i++) {
        float *to = values_of(data) + i * STEPS;

        for (size_t k = 0; k < STEPS; k++)
            to[k] = (float)(k < from ? 5 + weir_random_below(&random, 90)
                                     : 20 * (i % 4 + 1) + weir_random_below(&random, 5));
    }
    return data;
}

static weir_dataset *select_classes(const weir_dataset *from, const char *which)
{
    uint32_t rows[400];
    weir_error error = {0};
    size_t n = 0;
    weir_dataset *data;

    for (uint32_t i = 0; i < weir_dataset_rows(from); i++)
        if (which[i % 4] == '1')
            rows[n++] = i;
    data = weir_dataset_select(from, rows, n, &error);
    assert_non_null(data);
    return data;
}

/* ---- Golden values --------------------------------------------------------------------------- */

static float *floats(const json_t *object, const char *key, size_t *n)
{
    double *values = golden_doubles(object, key, n);
    float *out = malloc(*n * sizeof *out);

    assert_non_null(out);
    for (size_t i = 0; i < *n; i++)
        out[i] = (float)values[i];
    free(values);
    return out;
}

static uint32_t *codes(const json_t *object, const char *key, size_t *n)
{
    double *values = golden_doubles(object, key, n);
    uint32_t *out = malloc(*n * sizeof *out);

    assert_non_null(out);
    for (size_t i = 0; i < *n; i++)
        out[i] = (uint32_t)values[i];
    free(values);
    return out;
}

static void naive_bayes_is_that_of_scikit_learn(void **state)
{
    json_t *golden = golden_load("fingerprint.json");
    const json_t *one;
    size_t at;

    (void)state;
    json_array_foreach(golden_list(golden, "bayes"), at, one)
    {
        size_t n, count, asked, places = (size_t)golden_number(one, "places");
        struct fp_train train = {.classes = (uint32_t)golden_number(one, "classes"), .all = 1};
        struct fp_unseen unseen = {0};
        float *x = floats(one, "x", &n), *y = floats(one, "unseen", &asked);
        uint32_t *label = codes(one, "label", &train.count), out[16];
        uint32_t *predicted = codes(one, "predicted", &unseen.count);
        double *joint = golden_doubles(one, "joint", &count), found[64];
        weir_job *job = open_job("");

        train.flat = x;
        train.label = label;
        unseen.flat = y;
        assert_true(unseen.count <= 16 && count <= 64);
        assert_int_equal(
            fp_bayes(job, golden_number(one, "smoothing"), places, &train, &unseen, found, out),
            WEIR_OK);
        for (size_t i = 0; i < count; i++)
            assert_near(found[i], joint[i], 1e-9);
        for (size_t i = 0; i < unseen.count; i++)
            assert_int_equal(out[i], predicted[i]);
        close_job(job);
        free(joint);
        free(predicted);
        free(label);
        free(y);
        free(x);
    }
    json_decref(golden);
}

static void accuracy_and_f1_are_those_of_scikit_learn(void **state)
{
    json_t *golden = golden_load("fingerprint.json");
    weir_job *job = open_job("");
    const json_t *one, *class;
    size_t at, i;

    (void)state;
    json_array_foreach(golden_list(golden, "measured"), at, one)
    {
        size_t n, m;
        uint32_t *true_class = codes(one, "class", &n), *predicted = codes(one, "predicted", &m);
        const json_t *some = json_object_get(one, "only");
        struct fp_measured found;
        bool only[16] = {false};

        json_array_foreach(some, i, class) only[json_integer_value(class)] = true;
        assert_int_equal(n, m);
        assert_int_equal(fp_measure(job, true_class, predicted, n,
                                    (uint32_t)golden_number(one, "classes"),
                                    json_array_size(some) ? only : NULL, &found),
                         WEIR_OK);
        assert_int_equal(found.n, (size_t)golden_number(one, "n"));
        assert_near(found.accuracy, golden_number(one, "accuracy"), 1e-12);
        assert_near(found.f1, golden_number(one, "f1"), 1e-12);
        free(predicted);
        free(true_class);
    }
    json_array_foreach(golden_list(golden, "auc"), at, one)
    {
        size_t n_low, n_high;
        double *low = golden_doubles(one, "low", &n_low),
               *high = golden_doubles(one, "high", &n_high);

        assert_near(fp_auc(job, low, n_low, high, n_high), golden_number(one, "auc"), 1e-12);
        free(high);
        free(low);
    }
    close_job(job);
    json_decref(golden);
}

static void entropy_is_in_nats(void **state)
{
    (void)state;
    assert_near(fp_entropy((double[]){0.25, 0.25, 0.25, 0.25}, 4), log(4), 1e-12);
    assert_near(fp_entropy((double[]){0, 1, 0}, 3), 0, 1e-12);
    assert_near(fp_entropy((double[]){0.5, 0.25, 0.25}, 3), 1.5 * log(2), 1e-12);
}

static weir_dataset *golden_series(const json_t *from, const char *values, const char *label)
{
    size_t rows, n;
    uint32_t *class = codes(from, label, &rows);
    float *x = floats(from, values, &n);
    weir_dataset *data = open_series(rows, STEPS, false);

    assert_int_equal(n, rows * STEPS);
    memcpy(values_of(data), x, n * sizeof *x);
    for (size_t i = 0; i < rows; i++)
        set_label(data, i, labels[class[i]]);
    free(x);
    free(class);
    return data;
}

static void trees_are_those_of_xgboost(void **state)
{
    json_t *golden = golden_load("fingerprint.json"), *rows;
    const json_t *trees = json_object_get(golden, "trees");
    weir_dataset *train = golden_series(trees, "values", "label");
    weir_dataset *test = golden_series(trees, "test_values", "test_label");

    (void)state;
    rows = must_run("input=series classifiers=bayes,forest,xgboost rounds=10 depth=3", train, test,
                    train);
    assert_near(value_of(rows, "bayes", "ORI"), golden_number(trees, "bayes"), 1e-12);
    if (!strstr(json_string_value(json_object_get(row_of(rows, "xgboost", "ORI"), "reason")),
                "without XGBoost")) {
        double forest = value_of(rows, "forest", "ORI");

        assert_near(value_of(rows, "xgboost", "ORI"), golden_number(trees, "boosted"), 1e-12);
        assert_near(value_of(rows, "xgboost", "ORI_F1"), golden_number(trees, "boosted_f1"), 1e-12);
        assert_near(value_of(rows, "xgboost", "SYN_REL"), 1, 1e-12);
        assert_true(forest >= golden_number(trees, "forest_least") - 0.02);
        assert_true(forest <= golden_number(trees, "forest_most") + 0.02);
    } else {
        is_na(rows, "forest", "SYN", "without XGBoost");
    }
    json_decref(rows);
    weir_dataset_free(test);
    weir_dataset_free(train);
    json_decref(golden);
}

/* ---- Scenarios ------------------------------------------------------------------------------- */

static void classes_that_synthetic_data_lacks_are_wrong(void **state)
{
    weir_dataset *train = draw(80, 1, 0, false), *test = draw(40, 2, 0, false);
    weir_dataset *other = draw(80, 3, 0, true), *three = select_classes(other, "1101");
    weir_dataset *one = select_classes(other, "0010"), *none = select_classes(other, "0000");
    json_t *rows = must_run("classifiers=bayes", train, test, other);

    (void)state;
    assert_near(value_of(rows, "bayes", "ORI"), 1, 1e-12);
    assert_near(value_of(rows, "bayes", "SYN"), 1, 1e-12); /* codes differ, texts do not */
    is_na(rows, "", "AGREE", "both scores of 1");
    is_na(rows, "", "ENT_AUC", "legitimate names no class");
    json_decref(rows);
    rows = must_run("classifiers=bayes", train, test, three);
    assert_near(value_of(rows, "bayes", "SYN"), 0.75, 1e-12);
    assert_near(value_of(rows, "bayes", "SYN_REL"), 0.75, 1e-12);
    assert_near(value_of(rows, "bayes", "BOTH"), 1, 1e-12);
    /* its ten series are taken for one other class, whose F1 is 2 10 / (10 + 20) then */
    assert_near(value_of(rows, "bayes", "SYN_F1"), (1 + 1 + 2.0 / 3) / 4, 1e-12);
    assert_int_equal(json_integer_value(json_object_get(row_of(rows, "bayes", "SYN"), "n_real")),
                     40);
    assert_int_equal(
        json_integer_value(json_object_get(row_of(rows, "bayes", "SYN"), "n_synthetic")), 60);
    json_decref(rows);
    rows = must_run("classifiers=bayes", train, test, one);
    is_na(rows, "bayes", "SYN", "one class only to learn from ('web/c/3')");
    is_na(rows, "bayes", "SYN_REL", "one class only");
    assert_near(value_of(rows, "bayes", "BOTH"), 1, 1e-12);
    json_decref(rows);
    rows = must_run("classifiers=bayes", train, test, none);
    assert_near(value_of(rows, "bayes", "ORI"), 1, 1e-12);
    is_na(rows, "bayes", "SYN", "the synthetic data has no series");
    is_na(rows, "bayes", "BOTH_F1", "the synthetic data has no series");
    json_decref(rows);
    rows = must_run("classifiers=bayes", one, test, train);
    is_na(rows, "bayes", "ORI_F1", "one class only");
    assert_near(value_of(rows, "bayes", "SYN"), 1, 1e-12);
    json_decref(rows);
    rows = must_run("", train, none, other);
    is_na(rows, "", "SYN", "the real test data has no series");
    json_decref(rows);
    rows = must_run("", none, test, other);
    is_na(rows, "", "ORI", "the real training data has no series");
    json_decref(rows);
    weir_dataset_set_holds(other, 0);
    rows = must_run("", train, test, other);
    is_na(rows, "", "SYN", "the synthetic data has no labels");
    json_decref(rows);
    weir_dataset_free(none);
    weir_dataset_free(one);
    weir_dataset_free(three);
    weir_dataset_free(other);
    weir_dataset_free(test);
    weir_dataset_free(train);
}

static void parts_of_labels_and_of_series(void **state)
{
    weir_dataset *train = draw(120, 1, 4, false), *test = draw(200, 2, 4, false);
    json_t *rows = must_run("classifiers=bayes level=1 rare=web", train, test, train);
    double whole, half;

    (void)state;
    assert_near(value_of(rows, "bayes", "ORI"), 1, 1e-12);
    assert_int_equal(json_integer_value(json_object_get(row_of(rows, "bayes", "ORI"), "n_real")),
                     100);
    json_decref(rows);
    must_fail("classifiers=bayes level=2 rare=web", train, test, train,
              "option rare: no series of the real test data has the class 'web'");
    rows = must_run("classifiers=bayes input=series", train, test, train);
    whole = value_of(rows, "bayes", "ORI");
    json_decref(rows);
    rows = must_run("classifiers=bayes input=series first=0.5", train, test, train);
    half = value_of(rows, "bayes", "ORI");
    json_decref(rows);
    assert_near(whole, 1, 1e-12);
    assert_true(half < 0.5); /* nothing tells the classes yet */
    rows = must_run("classifiers=bayes side=4 first=0.5", train, test, train);
    assert_true(value_of(rows, "bayes", "ORI") < 0.5);
    json_decref(rows);
    rows = must_run("classifiers=bayes side=4", train, test, train);
    assert_true(value_of(rows, "bayes", "ORI") > 0.9);
    json_decref(rows);
    weir_dataset_free(test);
    weir_dataset_free(train);
}

static void networks_learn(void **state)
{
    weir_dataset *train = draw(80, 1, 0, false), *test = draw(40, 2, 0, false);
    json_t *rows = must_run("classifiers=cnn,mlp,bayes steps=200", train, test, train), *again;

    (void)state;
    assert_true(value_of(rows, "cnn", "SYN") > 0.9);
    assert_true(value_of(rows, "mlp", "BOTH") > 0.9);
    json_decref(rows);
    /* another list of classifiers changes no one's numbers */
    rows = must_run("classifiers=mlp,cnn steps=8", train, test, train);
    again = must_run("classifiers=cnn steps=8 features=ORI", train, test, train);
    assert_near(value_of(rows, "cnn", "ORI"), value_of(again, "cnn", "ORI"), 1e-12);
    assert_int_equal(json_array_size(again), 1);
    json_decref(again);
    json_decref(rows);
    rows = must_run("classifiers=cnn input=series steps=200 features=ORI", train, test, train);
    assert_true(value_of(rows, "cnn", "ORI") > 0.9);
    json_decref(rows);
    weir_dataset_free(test);
    weir_dataset_free(train);
}

/* Two of three classes are learnt; the third lies between them. */
static void an_ensemble_is_unsure_of_what_it_has_not_seen(void **state)
{
    weir_dataset *all = draw(160, 1, 0, false), *test = draw(80, 2, 0, false);
    weir_dataset *train = select_classes(all, "1101"), *one = select_classes(all, "1000");
    const char *const settings = "classifiers=bayes members=3 steps=150 "
                                 "legitimate=video/a/1,web/d/4";
    json_t *rows = must_run(settings, train, test, train);

    (void)state;
    assert_true(value_of(rows, "ori", "ENT_AUC") > 0.8);
    assert_true(value_of(rows, "syn", "ENT_AUC") > 0.8);
    assert_true(value_of(rows, "both", "ENT_LEGIT") < 0.2);
    assert_true(value_of(rows, "both", "ENT_ANOM") > value_of(rows, "both", "ENT_LEGIT"));
    assert_true(value_of(rows, "both", "ENT_ANOM") <= log(2) + 1e-9);
    assert_int_equal(
        json_integer_value(json_object_get(row_of(rows, "ori", "ENT_LEGIT"), "n_real")), 40);
    assert_int_equal(
        json_integer_value(json_object_get(row_of(rows, "both", "ENT_ANOM"), "n_synthetic")), 80);
    json_decref(rows);
    rows = must_run(settings, train, test, one);
    is_na(rows, "syn", "ENT_AUC", "1 of the legitimate classes; 2 are needed");
    json_decref(rows);
    rows = must_run("preset=tiny classifiers=bayes legitimate=video,web level=1", all, test, all);
    is_na(rows, "ori", "ENT_ANOM", "every test series is legitimate");
    json_decref(rows);
    must_fail("classifiers=bayes legitimate=video/a/9", all, test, all,
              "option legitimate: no series of the real test data has the class 'video/a/9'");
    weir_dataset_free(one);
    weir_dataset_free(train);
    weir_dataset_free(test);
    weir_dataset_free(all);
}

static void odd_values_are_handled_or_refused(void **state)
{
    weir_dataset *train = draw(40, 1, 0, false), *test = draw(40, 2, 0, false);
    weir_dataset *synthetic = draw(40, 3, 0, false), *longer = open_series(4, STEPS + 1, false);
    weir_dataset *flat = draw(40, 1, 0, false);
    json_t *rows;

    (void)state;
    /* a constant channel: the commonest class is all there is to say */
    memset(values_of(flat), 0, 40 * STEPS * sizeof(float));
    rows = must_run("preset=tiny classifiers=cnn,bayes,xgboost", flat, flat, flat);
    assert_near(value_of(rows, "bayes", "ORI"), 0.25, 1e-12);
    is_na(rows, "", "AGREE", "");
    json_decref(rows);
    /* synthetic values beyond what an image can hold */
    values_of(synthetic)[0] = 1e6f;
    values_of(synthetic)[STEPS] = -3;
    rows = must_run("classifiers=bayes", train, test, synthetic);
    assert_true(value_of(rows, "bayes", "SYN") > 0.9);
    json_decref(rows);
    values_of(synthetic)[1] = NAN;
    must_fail("", train, test, synthetic,
              "the synthetic data: series 1, step 2: size is not finite");
    values_of(test)[STEPS] = -3;
    must_fail("", train, test, train, "the real test data: series 2, step 1: size is -3");
    must_fail("", train, longer, train, "the real test data has series of another shape");
    must_fail("", train, train, longer, "both must be the same");
    set_label(flat, 3, "");
    must_fail("", train, train, flat, "the synthetic data: series 4 has no label");
    must_fail("classifiers=bayes,knn", train, train, train, "'knn' is none of");
    must_fail("classifiers=bayes,bayes", train, train, train, "names bayes twice");
    weir_dataset_free(flat);
    weir_dataset_free(longer);
    weir_dataset_free(synthetic);
    weir_dataset_free(test);
    weir_dataset_free(train);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(naive_bayes_is_that_of_scikit_learn),
        cmocka_unit_test(accuracy_and_f1_are_those_of_scikit_learn),
        cmocka_unit_test(entropy_is_in_nats),
        cmocka_unit_test(trees_are_those_of_xgboost),
        cmocka_unit_test(classes_that_synthetic_data_lacks_are_wrong),
        cmocka_unit_test(parts_of_labels_and_of_series),
        cmocka_unit_test(networks_learn),
        cmocka_unit_test(an_ensemble_is_unsure_of_what_it_has_not_seen),
        cmocka_unit_test(odd_values_are_handled_or_refused),
    };

    return cmocka_run_group_tests(tests, metric_open, metric_close);
}
