/* Random streams: known answers, independence of names, ranges and moments. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <weir/random.h>

/* The known-answer vectors that Random123 publishes for philox4x32-10. */
static void test_known_answers(void **state)
{
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } cases[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        weir_random random = {.used = 4};
        memcpy(random.counter, cases[i].counter, sizeof random.counter);
        memcpy(random.key, cases[i].key, sizeof random.key);
        for (int j = 0; j < 4; j++)
            assert_int_equal(weir_random_u32(&random), cases[i].out[j]);
    }
}

static void test_streams(void **state)
{
    weir_random a = weir_random_new(7, "noise"), b = weir_random_new(7, "noise");
    weir_random c = weir_random_new(7, "ports"), d = weir_random_new(8, "noise");
    int same_name = 0, same_seed = 0;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        uint64_t value = weir_random_u64(&a);
        assert_true(value == weir_random_u64(&b));
        same_name += value == weir_random_u64(&d);
        same_seed += value == weir_random_u64(&c);
    }
    assert_int_equal(same_name, 0);
    assert_int_equal(same_seed, 0);
}

static void test_distributions(void **state)
{
    weir_random random = weir_random_new(1, "moments");
    double sum = 0, square = 0, normal = 0, normal_square = 0, exponential = 0;
    int n = 200000, counts[7] = {0};

    (void)state;
    for (int i = 0; i < n; i++) {
        double u = weir_random_uniform(&random), z = weir_random_normal(&random);
        assert_true(u >= 0 && u < 1);
        sum += u;
        square += u * u;
        normal += z;
        normal_square += z * z;
        exponential += weir_random_exponential(&random);
        counts[weir_random_below(&random, 7)]++;
    }
    assert_true(fabs(sum / n - 0.5) < 0.004);
    assert_true(fabs(square / n - 1.0 / 3) < 0.004);
    assert_true(fabs(normal / n) < 0.012);
    assert_true(fabs(normal_square / n - 1) < 0.02);
    assert_true(fabs(exponential / n - 1) < 0.012);
    for (int i = 0; i < 7; i++)
        assert_true(fabs(counts[i] - n / 7.0) < 5 * sqrt(n / 7.0));
    assert_true(weir_random_below(&random, 0) == 0);
    assert_true(weir_random_below(&random, 1) == 0);
}

static void test_shuffle(void **state)
{
    uint32_t values[100], seen[100] = {0};
    weir_random random = weir_random_new(3, "order");
    int moved = 0;

    (void)state;
    for (uint32_t i = 0; i < 100; i++)
        values[i] = i;
    weir_random_shuffle(&random, values, 100);
    for (uint32_t i = 0; i < 100; i++) {
        assert_true(values[i] < 100);
        seen[values[i]]++;
        moved += values[i] != i;
    }
    for (int i = 0; i < 100; i++)
        assert_int_equal(seen[i], 1);
    assert_true(moved > 80);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_answers),
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_distributions),
        cmocka_unit_test(test_shuffle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
