/* Datasets: order of time, grouping into flows, selection. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <weir/dataset.h>
#include <weir/random.h>

/* n packets of random times and of 5-tuples drawn from few values, so that flows repeat. */
static weir_table *random_packets(size_t n, uint64_t kinds)
{
    weir_random random = weir_random_new(n, "packets");
    weir_table *table = weir_table_new(WEIR_PACKETS, n, NULL);

    assert_non_null(table);
    for (size_t i = 0; i < n; i++) {
        weir_i64_out(table, "time")[i] = (int64_t)weir_random_below(&random, n / 2 + 1) - 50;
        weir_u32_out(table, "srcip")[i] = 0x0a000000u + (uint32_t)weir_random_below(&random, kinds);
        weir_u32_out(table, "dstip")[i] = (uint32_t)weir_random_below(&random, 2);
        weir_u16_out(table, "srcport")[i] = (uint16_t)weir_random_below(&random, 2);
        weir_u16_out(table, "dstport")[i] = (uint16_t)weir_random_below(&random, 2);
        weir_u8_out(table, "proto")[i] = (uint8_t)weir_random_below(&random, 2);
        weir_u16_out(table, "pkt_len")[i] = (uint16_t)i;
    }
    return table;
}

static bool same_flow(const weir_table *table, uint32_t a, uint32_t b)
{
    return weir_u32(table, "srcip")[a] == weir_u32(table, "srcip")[b] &&
           weir_u32(table, "dstip")[a] == weir_u32(table, "dstip")[b] &&
           weir_u16(table, "srcport")[a] == weir_u16(table, "srcport")[b] &&
           weir_u16(table, "dstport")[a] == weir_u16(table, "dstport")[b] &&
           weir_u8(table, "proto")[a] == weir_u8(table, "proto")[b];
}

static void test_order_is_stable(void **state)
{
    weir_dataset *dataset = weir_dataset_new(random_packets(5000, 3), NULL);
    const weir_table *table = weir_dataset_table(dataset);
    const int64_t *time = weir_i64(table, "time");
    const uint16_t *mark = weir_u16(table, "pkt_len");
    int64_t first, last;

    (void)state;
    for (size_t i = 1; i < 5000; i++) {
        assert_true(time[i - 1] <= time[i]);
        if (time[i - 1] == time[i])
            assert_true(mark[i - 1] < mark[i]);
    }
    assert_true(weir_dataset_span(dataset, &first, &last));
    assert_true(first == time[0] && last == time[4999]);
    weir_dataset_free(dataset);
}

static void check_flows(size_t n, uint64_t kinds)
{
    weir_dataset *dataset = weir_dataset_new(random_packets(n, kinds), NULL);
    const weir_table *table = weir_dataset_table(dataset);
    const weir_flows *flows = weir_dataset_flows(dataset, NULL);
    uint32_t last_first = 0;

    assert_non_null(flows);
    assert_int_equal(flows->offsets[0], 0);
    assert_int_equal(flows->offsets[flows->count], n);
    for (uint32_t flow = 0; flow < flows->count; flow++) {
        uint32_t from = flows->offsets[flow], until = flows->offsets[flow + 1];
        assert_true(until > from);
        if (flow)
            assert_true(flows->rows[from] > last_first); /* numbered by first row */
        last_first = flows->rows[from];
        for (uint32_t i = from; i < until; i++) {
            assert_int_equal(flows->flow_of[flows->rows[i]], flow);
            assert_true(same_flow(table, flows->rows[from], flows->rows[i]));
            assert_true(i == from || flows->rows[i - 1] < flows->rows[i]);
        }
    }
    /* Different flows have different tuples: as many flows as there are distinct tuples. */
    for (uint32_t a = 0; n < 500 && a < flows->count; a++) {
        for (uint32_t b = 0; b < a; b++)
            assert_false(
                same_flow(table, flows->rows[flows->offsets[a]], flows->rows[flows->offsets[b]]));
    }
    assert_ptr_equal(flows, weir_dataset_flows(dataset, NULL));
    weir_dataset_free(dataset);
}

static void test_flows(void **state)
{
    (void)state;
    check_flows(1, 1);
    check_flows(400, 5);
    check_flows(60000, 1000000); /* nearly every packet a flow: the index grows */
}

static void test_empty(void **state)
{
    weir_dataset *dataset = weir_dataset_new(weir_table_new(WEIR_NETFLOW, 0, NULL), NULL);
    const weir_flows *flows = weir_dataset_flows(dataset, NULL);
    int64_t first, last;

    (void)state;
    assert_non_null(flows);
    assert_int_equal(flows->count, 0);
    assert_int_equal(flows->offsets[0], 0);
    assert_false(weir_dataset_span(dataset, &first, &last));
    weir_dataset_free(dataset);
}

static void test_series_has_no_flows(void **state)
{
    weir_series_shape shape = {.steps = 2, .channels = 1, .names = {"size"}};
    weir_table *table = weir_table_new_series(&shape, 1, NULL);
    weir_dataset *dataset;
    weir_error error = {0};

    (void)state;
    weir_category_add(table, "label", "a", NULL);
    dataset = weir_dataset_new(table, NULL);
    assert_non_null(dataset);
    assert_int_equal(weir_dataset_holds(dataset), WEIR_LABELS);
    assert_null(weir_dataset_flows(dataset, &error));
    assert_int_equal(error.status, WEIR_EDATA);
    weir_dataset_free(dataset);
}

static void test_refused(void **state)
{
    weir_table *table = weir_table_new(WEIR_NETFLOW, 1, NULL);
    weir_error error = {0};

    (void)state;
    weir_f64_out(table, "td")[0] = NAN;
    assert_null(weir_dataset_new(table, &error));
    assert_int_equal(error.status, WEIR_EDATA);
    assert_non_null(strstr(error.text, "td"));
    memset(&error, 0, sizeof error);
    assert_null(weir_dataset_new(weir_table_new(0, 0, NULL), &error));
    assert_int_equal(error.status, WEIR_EDATA);
    memset(&error, 0, sizeof error);
    table = weir_table_new(WEIR_NETFLOW, 1, NULL);
    weir_table_add(table, "label", WEIR_CATEGORY, 1, NULL); /* code 0 of no strings */
    assert_null(weir_dataset_new(table, &error));
    assert_int_equal(error.status, WEIR_EDATA);
}

static void test_select(void **state)
{
    weir_dataset *dataset = weir_dataset_new(random_packets(100, 3), NULL), *part;
    uint32_t rows[3] = {50, 7, 7};

    (void)state;
    weir_dataset_set_name(dataset, "sample");
    weir_dataset_set_holds(dataset, WEIR_FLOWS);
    part = weir_dataset_select(dataset, rows, 3, NULL);
    assert_int_equal(weir_dataset_rows(part), 3);
    assert_string_equal(weir_dataset_name(part), "sample");
    assert_int_equal(weir_dataset_holds(part), WEIR_FLOWS);
    assert_true(weir_i64(weir_dataset_table(part), "time")[0] ==
                weir_i64(weir_dataset_table(dataset), "time")[7]);
    assert_true(weir_u16(weir_dataset_table(part), "pkt_len")[2] ==
                weir_u16(weir_dataset_table(dataset), "pkt_len")[50]);
    weir_dataset_free(part);
    weir_dataset_free(dataset);
}

static void test_labelled(void **state)
{
    weir_series_shape shape = {.steps = 1, .channels = 1, .names = {"bytes"}};
    weir_table *table = weir_table_new_series(&shape, 5, NULL);
    uint32_t rows[5] = {9, 9, 9, 9, 9};
    weir_dataset *dataset;

    (void)state;
    for (size_t i = 0; i < 5; i++)
        weir_codes_out(table, "label")[i] =
            weir_category_add(table, "label", i % 2 ? "web" : "video", NULL);
    dataset = weir_dataset_new(table, NULL);
    assert_int_equal(weir_dataset_labelled(dataset, "web", rows), 2);
    assert_int_equal(rows[0], 1);
    assert_int_equal(rows[1], 3);
    assert_int_equal(rows[2], 9);
    assert_int_equal(weir_dataset_labelled(dataset, "video", NULL), 3);
    assert_int_equal(weir_dataset_labelled(dataset, "mail", rows), 0);
    weir_dataset_free(dataset);
    dataset = weir_dataset_new(random_packets(5, 3), NULL);
    assert_int_equal(weir_dataset_labelled(dataset, "web", rows), 0);
    weir_dataset_free(dataset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_is_stable), cmocka_unit_test(test_flows),
        cmocka_unit_test(test_empty),           cmocka_unit_test(test_series_has_no_flows),
        cmocka_unit_test(test_refused),         cmocka_unit_test(test_select),
        cmocka_unit_test(test_labelled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
