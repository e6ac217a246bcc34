/* Sets of 5-tuples: numbering, every field counts, growth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <weir/sampling.h>

static void test_every_field_counts(void **state)
{
    weir_error error = {0};
    weir_tuples *tuples = weir_tuples_new(&error);
    const weir_tuple some[] = {{1, 2, 3, 4, 6},  {2, 1, 3, 4, 6}, {1, 2, 4, 3, 6},
                               {1, 2, 3, 4, 17}, {1, 3, 3, 4, 6}, {1, 2, 3, 5, 6}};
    uint32_t index;

    (void)state;
    for (uint32_t i = 0; i < 6; i++) {
        assert_false(weir_tuples_has(tuples, &some[i]));
        assert_int_equal(weir_tuples_add(tuples, &some[i], &index, &error), WEIR_OK);
        assert_int_equal(index, i);
    }
    assert_int_equal(weir_tuples_add(tuples, &some[2], &index, &error), WEIR_OK);
    assert_int_equal(index, 2);
    assert_int_equal(weir_tuples_count(tuples), 6);
    weir_tuples_free(tuples);
    weir_tuples_free(NULL);
}

static void test_growth(void **state)
{
    weir_error error = {0};
    weir_tuples *tuples = weir_tuples_new(&error);
    uint32_t index;

    (void)state;
    for (uint32_t round = 0; round < 2; round++)
        for (uint32_t i = 0; i < 20000; i++) {
            weir_tuple tuple = {i * 7919, i / 3, (uint16_t)i, 80, 6};

            assert_int_equal(weir_tuples_add(tuples, &tuple, &index, &error), WEIR_OK);
            assert_int_equal(index, i);
        }
    assert_int_equal(weir_tuples_count(tuples), 20000);
    weir_tuples_free(tuples);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_field_counts),
        cmocka_unit_test(test_growth),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
