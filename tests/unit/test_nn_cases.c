/* Every graph of nn_cases.h, compiled with and without each of the compiler's liberties, on every
 * instruction set and with one and two threads: the same numbers; the same bits where only places
 * in memory differ, and in every repetition. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "nn_cases.h"

#ifdef NN_DOUBLE
static const double tolerance = 1e-11;
#else
static const double tolerance = 2e-4;
#endif

/* Largest difference of a to b, by the largest number of b. */
static double distance(const numbers *a, const numbers *b)
{
    double difference = 0, largest = 1e-30;
    for (int64_t i = 0; i < b->count; i++) {
        double x = (double)a->value[i], y = (double)b->value[i];
        if (!isfinite(x) || !isfinite(y))
            return INFINITY;
        difference = fmax(difference, fabs(x - y));
        largest = fmax(largest, fabs(y));
    }
    return difference / largest;
}

static numbers run_or_fail(int number, const nn_settings *settings)
{
    numbers found = run_case(number, settings);
    if (found.error.status)
        fail_msg("%s (debug %u): %s", nn_cases[number].name, settings->debug, found.error.text);
    assert_true(found.count > 0);
    return found;
}

static void expect(int number, nn_settings settings, const numbers *wanted, bool bits,
                   const char *what)
{
    numbers found = run_or_fail(number, &settings);
    assert_int_equal(found.count, wanted->count);
    if (bits && memcmp(found.value, wanted->value, (size_t)found.count * sizeof(nn_real)))
        fail_msg("%s, %s: other bits, distance %g", nn_cases[number].name, what,
                 distance(&found, wanted));
    if (!(distance(&found, wanted) <= tolerance))
        fail_msg("%s, %s: distance %g", nn_cases[number].name, what, distance(&found, wanted));
    free(found.value);
}

static void the_compilers_liberties_change_nothing(void **state)
{
    (void)state;
    for (int c = 0; c < NN_CASES; c++) {
        const nn_settings plain = {.seed = 3, .device = "cpu", .threads = 1};
        nn_settings other = plain;
        numbers wanted = run_or_fail(c, &plain);
        expect(c, plain, &wanted, true, "again");
        other.debug = NN_NO_REUSE;
        expect(c, other, &wanted, true, "without reuse");
        other.debug = NN_NO_FUSION;
        expect(c, other, &wanted, false, "without fusion");
        other.debug = NN_NO_VIEWS;
        expect(c, other, &wanted, false, "without views");
        other.debug = NN_NO_REWRITE;
        expect(c, other, &wanted, false, "without rewriting");
        other.debug = NN_NO_REWRITE | NN_NO_FUSION | NN_NO_REUSE | NN_NO_VIEWS;
        expect(c, other, &wanted, false, "without anything");
        free(wanted.value);
    }
}

static void threads_and_instruction_sets_agree(void **state)
{
    static const char *const sets[] = {"baseline", "avx2", "avx512"};
    (void)state;
    for (int c = 0; c < NN_CASES; c++) {
        nn_settings settings = {.seed = 3, .device = "cpu", .threads = 1};
        numbers wanted = run_or_fail(c, &settings);
        settings.threads = 2;
        expect(c, settings, &wanted, false, "two threads");
        for (int i = 0; i < 3; i++) {
            setenv("WEIR_CPU", sets[i], 1);
            expect(c, settings, &wanted, false, sets[i]);
        }
        unsetenv("WEIR_CPU");
        free(wanted.value);
    }
}

static void another_seed_is_another_result(void **state)
{
    (void)state;
    for (int c = 0; c < NN_CASES; c++)
        if (!strcmp(nn_cases[c].name, "noise") || !strcmp(nn_cases[c].name, "wgan_gp")) {
            nn_settings settings = {.seed = 3, .device = "cpu", .threads = 1};
            numbers a = run_or_fail(c, &settings);
            settings.seed = 4;
            numbers b = run_or_fail(c, &settings);
            assert_true(distance(&a, &b) > 1e-3);
            free(a.value);
            free(b.value);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_compilers_liberties_change_nothing),
        cmocka_unit_test(threads_and_instruction_sets_agree),
        cmocka_unit_test(another_seed_is_another_result),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
