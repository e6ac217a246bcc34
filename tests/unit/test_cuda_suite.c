/* Every graph of nn_cases.h on the GPU against the CPU. Skipped where there is no GPU, or no
 * library. */
/* Covers: core/nn/cuda/device.c, core/nn/cuda/run.c */
/* Covers: core/nn/cuda/products.c, core/nn/cuda/convolutions.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "nn_cases.h"

static bool no_device(void)
{
    nn_graph *g = nn_graph_new(&(nn_settings){.device = "cuda"});
    assert_non_null(g);
    nn_node *x = nn_shift(nn_input(g, "x", 1, SHAPE(1)), 1);
    bool missing = !nn_compile(g, 1, &(nn_stage){"try", 1, &x});
    if (missing) {
        assert_true(strlen(nn_error(g)->text) > 0);
        print_message("skipped: %s\n", nn_error(g)->text);
    } else {
        print_message("on %s\n", nn_device(g));
    }
    nn_graph_free(g);
    return missing;
}

static void the_gpu_agrees_with_the_cpu(void **state)
{
    (void)state;
    if (no_device())
        skip();
    for (int c = 0; c < NN_CASES; c++) {
        numbers cpu = run_case(c, &(nn_settings){.seed = 3, .device = "cpu"});
        numbers gpu = run_case(c, &(nn_settings){.seed = 3, .device = "cuda"});
        numbers again = run_case(c, &(nn_settings){.seed = 3, .device = "cuda"});
        double difference = 0, largest = 1e-30;
        if (cpu.error.status || gpu.error.status)
            fail_msg("%s: %s%s", nn_cases[c].name, cpu.error.text, gpu.error.text);
        assert_int_equal(cpu.count, gpu.count);
        for (int64_t i = 0; i < cpu.count; i++) {
            difference = fmax(difference, fabs((double)cpu.value[i] - (double)gpu.value[i]));
            largest = fmax(largest, fabs((double)cpu.value[i]));
        }
        print_message("%-20s %.2e\n", nn_cases[c].name, difference / largest);
        if (!(difference <= 2e-4 * largest))
            fail_msg("%s: the GPU differs by %g", nn_cases[c].name, difference / largest);
        assert_memory_equal(gpu.value, again.value, (size_t)gpu.count * sizeof(nn_real));
        free(cpu.value);
        free(gpu.value);
        free(again.value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_gpu_agrees_with_the_cpu)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
