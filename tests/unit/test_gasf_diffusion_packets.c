/* The generator gasf_diffusion on traces of packets: rows, flows and times that are asked for,
 * 5-tuples, what it refuses. */
#include "generator_test.h"

#define NAME "gasf_diffusion"
#define TINY "preset=tiny"

/* Flows of up to 63 packets in pieces of 32, or of 5. */
static void traces_of_packets(void **state)
{
    weir_dataset *train = some_packets(120), *one = some_packets(1), *empty;
    const weir_request none = {0}, series = {.series = 3}, endless = {.duration = 1e12};
    weir_error error = {0};
    uint32_t first[] = {0};
    weir_table *out;
    struct run run;

    (void)state;
    check_rows(NAME, TINY " steps=5", train, false);
    check_rows(NAME, TINY " steps=5 length=5 dimension=1 scale=log", train, false);
    out = generate(NAME, TINY, train, none, 1);
    assert_int_equal(weir_table_rows(out), weir_dataset_rows(train));
    assert_int_equal(flows_of(out), weir_dataset_flows(train, &error)->count);
    weir_table_free(out);
    out = generate(NAME, TINY, train, (weir_request){.flows = 300}, 1);
    assert_int_equal(flows_of(out), 300); /* more than there are: with other ports */
    weir_table_free(out);
    run = run_generator(NAME, TINY, train, &series, 1, false, 0);
    assert_int_equal(run.status, WEIR_EOPTION);
    run = run_generator(NAME, TINY, train, &endless, 1, false, 0);
    assert_int_equal(run.status, WEIR_EOPTION);
    out = generate(NAME, TINY, one, none, 1);
    assert_int_equal(weir_table_rows(out), weir_dataset_rows(one));
    weir_table_free(out);
    empty = weir_dataset_select(one, first, 0, &error);
    assert_non_null(empty);
    run = run_generator(NAME, TINY, empty, &none, 1, false, 0);
    assert_int_equal(run.status, WEIR_EDATA);
    assert_non_null(strstr(run.text, "no rows"));
    for (int fail = -24; fail <= 24; fail++) {
        run = run_generator(NAME, TINY " steps=1", one, &none, 1, false, fail);
        if (run.status != WEIR_OK)
            assert_int_equal(run.status, WEIR_ENOMEM);
        weir_table_free(run.out);
    }
    weir_dataset_free(empty);
    weir_dataset_free(one);
    weir_dataset_free(train);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(traces_of_packets)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
