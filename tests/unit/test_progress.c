/* Words for times and sizes, and the estimate of the time left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "run/progress.h"

static const char *time_of(double seconds)
{
    static char text[32];

    return weir_duration_text(seconds, text, sizeof text);
}

static const char *size_of(uint64_t bytes)
{
    static char text[32];

    return weir_bytes_text(bytes, text, sizeof text);
}

static void words(void **state)
{
    (void)state;
    assert_string_equal(time_of(0.123), "0.12 s");
    assert_string_equal(time_of(1.25), "1.2 s");
    assert_string_equal(time_of(60), "60 s");
    assert_string_equal(time_of(200), "3 min");
    assert_string_equal(time_of(3599), "60 min");
    assert_string_equal(time_of(7500), "2 h 5 min");
    assert_string_equal(size_of(1000), "1 kB");
    assert_string_equal(size_of(31457280), "31 MB");
    assert_string_equal(size_of(999900000), "1.0 GB");
    assert_string_equal(size_of(1200000000), "1.2 GB");
}

static void time_left(void **state)
{
    static const int one, two;
    weir_node done = {.job = "fit", .state = WEIR_DONE, .seconds = 10};
    weir_node waits = {.job = "fit", .state = WEIR_WAITING};
    weir_node runs = {.job = "fit", .state = WEIR_RUNNING, .started = 100};
    weir_node score = {.job = "score", .state = WEIR_READY};
    weir_node *nodes[] = {&done, &waits, &runs, &score};
    bool all;
    weir_plan plan = {.nodes = nodes, .count = 3, .settings = {.jobs = 1}};

    (void)state;
    done.loaded = waits.loaded = runs.loaded = (const weir_loaded *)(const void *)&one;
    /* 10 s for what waits, 10 - 4 for what runs. */
    assert_true(weir_time_left(&plan, 104, &all) == 16);
    /* Its own word counts more: a quarter done in 4 s. */
    runs.fraction = 0.25;
    assert_true(weir_time_left(&plan, 104, &all) == 22);
    /* Side by side, but never less than the longest. */
    plan.settings.jobs = 4;
    assert_true(weir_time_left(&plan, 104, &all) == 12);
    assert_true(all);
    /* A kind of job of which nothing is known. */
    plan.count = 4;
    assert_true(weir_time_left(&plan, 104, &all) == 12);
    assert_false(all);
    score.state = WEIR_DONE;
    runs.state = waits.state = WEIR_FAILED;
    assert_true(weir_time_left(&plan, 104, &all) == -1); /* nothing left to know of */
    runs.state = WEIR_RUNNING;
    waits.state = WEIR_WAITING;
    /* Another plugin's fit is better than nothing. */
    plan.count = 3;
    runs.loaded = (const weir_loaded *)(const void *)&two;
    runs.fraction = 0;
    assert_true(weir_time_left(&plan, 104, &all) == 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words),
        cmocka_unit_test(time_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
