/* The choice of the CPU's instruction set. */
#include "nn/cpu/isa.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
/* cmocka.h needs the four above. */
#include <cmocka.h>

static void test_best_is_chosen(void **state)
{
    nn_isa isa = NN_ISA_COUNT;
    weir_error error = {0};

    (void)state;
    unsetenv("WEIR_CPU");
    assert_int_equal(nn_isa_choose(&isa, &error), WEIR_OK);
    assert_true(nn_isa_available(isa));
    for (nn_isa better = isa + 1; better < NN_ISA_COUNT; better++)
        assert_false(nn_isa_available(better));
}

static void test_environment_decides(void **state)
{
    (void)state;
    for (nn_isa each = 0; each < NN_ISA_COUNT; each++) {
        nn_isa isa = NN_ISA_COUNT;
        weir_error error = {0};

        setenv("WEIR_CPU", nn_isa_name(each), 1);
        if (nn_isa_available(each)) {
            assert_int_equal(nn_isa_choose(&isa, &error), WEIR_OK);
            assert_int_equal(isa, each);
        } else {
            assert_int_equal(nn_isa_choose(&isa, &error), WEIR_EOPTION);
        }
    }
}

static void test_unknown_name(void **state)
{
    nn_isa isa = NN_ISA_COUNT;
    weir_error error = {0};

    (void)state;
    setenv("WEIR_CPU", "sse9", 1);
    assert_int_equal(nn_isa_choose(&isa, &error), WEIR_EOPTION);
    assert_string_equal(error.text, "WEIR_CPU=sse9: not one of baseline, avx2, avx512");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_best_is_chosen),
        cmocka_unit_test(test_environment_decides),
        cmocka_unit_test(test_unknown_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
