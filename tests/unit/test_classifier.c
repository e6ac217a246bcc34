/* Classifiers of images: that they learn, are reproducible, take what is small or odd, and refuse
 * what is wrong. Covers: core/nn/models/classifier.c core/nn/models/classifier_network.c */
#include "classifier_test.h"

static weir_classifier_settings quick(weir_classifier_kind kind, const weir_examples *images)
{
    weir_classifier_settings s = weir_classifier_defaults(kind, images);

    s.steps = 60;
    s.rate = 2e-3;
    s.batch = 16;
    s.base = 4;
    s.width = 24;
    return s;
}

static weir_classifier *fitted(weir_job *job, const weir_classifier_settings *s,
                               const weir_examples *images)
{
    weir_classifier *c = weir_classifier_fit(job, "classifier", s, images);

    if (!c)
        fail_msg("%s", weir_job_error(job)->text);
    return c;
}

/* Probabilities [count][classes], to be freed. */
static float *told(weir_job *job, weir_classifier *c, const weir_examples *images)
{
    float *p = malloc(images->count * images->classes * sizeof *p);

    assert_non_null(p);
    assert_int_equal(weir_classifier_predict(job, c, images->x, images->count, p), WEIR_OK);
    return p;
}

static double accuracy(const float *p, const weir_examples *images)
{
    size_t right = 0;

    for (size_t i = 0; i < images->count; i++) {
        const float *row = p + i * images->classes;
        uint32_t best = 0;

        for (uint32_t k = 1; k < images->classes; k++)
            best = row[k] > row[best] ? k : best;
        right += best == images->label[i];
    }
    return (double)right / (double)images->count;
}

static void learns(void **state)
{
    weir_examples images = some_images(90, 8, 2, 3, 1), others = some_images(61, 8, 2, 3, 2);

    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        weir_job *job = a_job(1);
        weir_classifier_settings s = quick((weir_classifier_kind)kind, &images);
        weir_classifier *c = fitted(job, &s, &images);
        float *p = told(job, c, &others);

        assert_true(accuracy(p, &others) > 0.95);
        for (size_t i = 0; i < others.count; i++) {
            const float *row = p + 3 * i;

            assert_true(row[0] >= 0 && row[1] >= 0 && row[2] >= 0);
            assert_true(fabsf(row[0] + row[1] + row[2] - 1) < 1e-5f);
        }
        free(p);
        weir_classifier_free(c);
        weir_job_free(job);
    }
    weir_classifier_free(NULL);
    drop_images(&images);
    drop_images(&others);
}

/* One seed and stream, one classifier; another seed, or the stream's next draw, another. */
static void same_seed_same_bytes(void **state)
{
    weir_examples images = some_images(40, 6, 1, 2, 1);
    weir_classifier_settings s = quick(WEIR_CNN, &images);
    float *p[4];

    (void)state;
    for (int i = 0; i < 3; i++) {
        weir_job *job = a_job(i == 2 ? 2 : 1);
        weir_classifier *c = fitted(job, &s, &images);

        p[i] = told(job, c, &images);
        weir_classifier_free(c);
        if (i == 2) {
            c = fitted(job, &s, &images);
            p[3] = told(job, c, &images);
            weir_classifier_free(c);
        }
        weir_job_free(job);
    }
    assert_memory_equal(p[0], p[1], 80 * sizeof(float));
    assert_memory_not_equal(p[0], p[2], 80 * sizeof(float));
    assert_memory_not_equal(p[2], p[3], 80 * sizeof(float));
    for (int i = 0; i < 4; i++)
        free(p[i]);
    drop_images(&images);
}

/* An image is seen by itself: whatever comes with it, and in whatever chunk. Features likewise. */
static void each_by_itself(void **state)
{
    weir_examples images = some_images(37, 6, 1, 2, 1);
    weir_classifier_settings s = quick(WEIR_CNN, &images);
    weir_job *job = a_job(1);
    weir_classifier *c = fitted(job, &s, &images);
    float *p = told(job, c, &images), *seen, one[2], alone[24];
    double spread = 0;

    (void)state;
    assert_int_equal(weir_classifier_width(c), 24);
    seen = malloc(37 * 24 * sizeof *seen);
    assert_non_null(seen);
    assert_int_equal(weir_classifier_features(job, c, images.x, 37, seen), WEIR_OK);
    for (size_t i = 0; i < 37; i++) {
        assert_int_equal(weir_classifier_predict(job, c, images.x + 36 * i, 1, one), WEIR_OK);
        assert_int_equal(weir_classifier_features(job, c, images.x + 36 * i, 1, alone), WEIR_OK);
        for (size_t k = 0; k < 2; k++)
            assert_true(fabsf(one[k] - p[2 * i + k]) < 1e-5f);
        for (size_t k = 0; k < 24; k++) {
            assert_true(alone[k] >= 0 && fabsf(alone[k] - seen[24 * i + k]) < 1e-4f);
            spread = fmax(spread, fabs((double)(seen[24 * i + k] - seen[k])));
        }
    }
    assert_true(spread > 0.1);
    assert_int_equal(weir_classifier_predict(job, c, images.x, 0, one), WEIR_OK);
    free(p);
    free(seen);
    weir_classifier_free(c);
    weir_job_free(job);
    drop_images(&images);
}

/* One example, one class, classes without examples, lines, single pixels, images of one value. */
static void small_sets(void **state)
{
    static const struct {
        size_t count;
        uint32_t height, width, classes, own;
    } cases[] = {{1, 4, 4, 1, 1},   {1, 4, 4, 5, 1}, {3, 5, 7, 2, 2},
                 {10, 1, 30, 2, 2}, {9, 1, 1, 3, 3}, {20, 2, 9, 2, 1}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int kind = 0; kind < 2; kind++) {
            size_t pixels = (size_t)cases[i].height * cases[i].width;
            float x[400], p[100];
            uint32_t label[20];
            weir_examples images = {
                cases[i].count, cases[i].height, cases[i].width, 1, cases[i].classes, x, label};
            weir_classifier_settings s = quick((weir_classifier_kind)kind, &images);
            weir_job *job = a_job(1);
            weir_classifier *c;

            for (size_t k = 0; k < images.count; k++) {
                label[k] = (uint32_t)(k % cases[i].own);
                for (size_t j = 0; j < pixels; j++)
                    x[k * pixels + j] = (float)label[k] / 2;
            }
            s.steps = 150;
            s.rate = 1e-2;
            c = fitted(job, &s, &images);
            assert_int_equal(weir_classifier_predict(job, c, x, images.count, p), WEIR_OK);
            assert_true(accuracy(p, &images) >= 1);
            weir_classifier_free(c);
            weir_job_free(job);
        }
}

static void check_refused(weir_classifier_settings s, const weir_examples *images, int status,
                          const char *text)
{
    weir_job *job = a_job(1);

    assert_null(weir_classifier_fit(job, "classifier", &s, images));
    assert_int_equal(weir_job_error(job)->status, status);
    if (!strstr(weir_job_error(job)->text, text))
        fail_msg("%s", weir_job_error(job)->text);
    weir_job_free(job);
}

static void refused(void **state)
{
    weir_examples images = some_images(6, 4, 1, 2, 1), wrong = images;
    weir_classifier_settings good = quick(WEIR_CNN, &images), s = good;
    float hole[6 * 16] = {0};

    (void)state;
    wrong.count = 0;
    check_refused(good, &wrong, WEIR_EDATA, "nothing to learn from: 0 images of 4 x 4 x 1");
    wrong = images;
    wrong.classes = 1;
    check_refused(good, &wrong, WEIR_EDATA, "image 2 has label 1 of 1 classes");
    wrong = images;
    wrong.x = hole;
    hole[17] = NAN;
    check_refused(good, &wrong, WEIR_EDATA, "image 2 holds a value that is not finite");
    s.batch = 1;
    check_refused(s, &images, WEIR_EOPTION, "batches of 1");
    s = good;
    s.levels = 0;
    check_refused(s, &images, WEIR_EOPTION, "0 levels");
    s = good;
    s.rate = NAN;
    check_refused(s, &images, WEIR_EOPTION, "rate nan");
    drop_images(&images);
}

/* Cancelled at any question, in the fit and in use. */
static void cancelled(void **state)
{
    weir_examples images = some_images(40, 6, 1, 2, 1);
    weir_classifier_settings s = quick(WEIR_CNN, &images);
    weir_job *job = a_job(1);
    weir_classifier *c;
    float p[80];

    (void)state;
    for (uint64_t at = 1; at <= 60; at += 59) {
        weir_job_cancel_at(job, at);
        assert_null(weir_classifier_fit(job, "classifier", &s, &images));
        weir_cancel_clear();
    }
    c = fitted(job, &s, &images);
    for (uint64_t at = 1; at <= 3; at++) {
        weir_job_cancel_at(job, at);
        assert_int_equal(weir_classifier_predict(job, c, images.x, 40, p), WEIR_ECANCEL);
        weir_cancel_clear();
    }
    weir_classifier_free(c);
    weir_job_free(job);
    drop_images(&images);
}

/* The defaults' bounds for sets of all sizes. */
static void defaults(void **state)
{
    static const size_t counts[] = {1, 10, 960, 5000, 1000000};
    static const int64_t steps[] = {500, 500, 900, 1500, 1500};

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        weir_examples shape = {.count = counts[i], .height = 32, .width = 32, .channels = 3};

        assert_int_equal(weir_classifier_defaults(WEIR_CNN, &shape).steps, steps[i]);
        assert_int_equal(weir_classifier_defaults(WEIR_MLP, &shape).steps, steps[i]);
        assert_int_equal(weir_classifier_defaults(WEIR_CNN, &shape).levels, 3);
        shape.height = shape.width = 16;
        assert_int_equal(weir_classifier_defaults(WEIR_CNN, &shape).levels, 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns),     cmocka_unit_test(same_seed_same_bytes),
        cmocka_unit_test(small_sets), cmocka_unit_test(each_by_itself),
        cmocka_unit_test(refused),    cmocka_unit_test(cancelled),
        cmocka_unit_test(defaults),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
