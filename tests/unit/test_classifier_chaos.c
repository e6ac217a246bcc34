/* A classifier when memory runs out: the n-th allocation of a fit and of its use fails, for many n.
 * See nn_failing.h. */
#include "classifier_test.h"
#include "nn_failing.h"

static void any_allocation_may_fail(void **state)
{
    weir_examples images = some_images(8, 4, 1, 2, 1);
    weir_classifier_settings s = {
        .kind = WEIR_CNN, .steps = 2, .batch = 4, .rate = 1e-3, .levels = 1, .base = 2, .width = 4};
    bool survived = false;
    int refused = 0;
    float p[16];

    (void)state;
    for (int n = 0; !survived; n += n < 60 ? 1 : 37) {
        weir_job *job = a_job(1);
        weir_classifier *c;
        int status;

        weir_stream(job, "classifier"); /* a job's own, which has no way to fail */
        until_failure = n;
        c = weir_classifier_fit(job, "classifier", &s, &images);
        status = c ? weir_classifier_predict(job, c, images.x, 8, p) : weir_job_error(job)->status;
        survived = until_failure >= 0;
        until_failure = -1;
        if (survived) {
            assert_int_equal(status, WEIR_OK);
        } else if (status) { /* else what failed was the C library's, or could be done without */
            assert_int_equal(status, WEIR_ENOMEM);
            refused++;
        }
        weir_classifier_free(c);
        weir_job_free(job);
    }
    assert_true(refused > 50);
    drop_images(&images);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(any_allocation_may_fail)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
