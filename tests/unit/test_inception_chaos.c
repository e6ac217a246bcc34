/* Inception-v3 when memory runs out: the n-th allocation of opening a file fails, for many n. See
 * nn_failing.h. */
#include "classifier_test.h"
#include "nn_failing.h"
#include <weir/inception.h>

static void any_allocation_may_fail(void **state)
{
    bool survived = false;
    int refused = 0;

    (void)state;
    for (int n = 0; !survived; n += 1 + n / 6) {
        weir_job *job = a_job(1);
        weir_inception *net;

        until_failure = n;
        net = weir_inception_open(job, WEIR_SOURCE_DIR "/tests/golden/inception.safetensors");
        survived = until_failure >= 0;
        until_failure = -1;
        if (survived)
            assert_non_null(net);
        if (!net) { /* else what failed could be done without */
            assert_int_equal(weir_job_error(job)->status, WEIR_ENOMEM);
            refused++;
        }
        weir_inception_free(net);
        weir_job_free(job);
    }
    assert_true(refused > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(any_allocation_may_fail)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
