/* Tables: schemas, columns, growth, categories, selection.
 * Covers: core/data/memory.c core/data/dictionary.c */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <weir/table.h>

static void test_schemas(void **state)
{
    weir_table *packets = weir_table_new(WEIR_PACKETS, 3, NULL);
    weir_table *netflow = weir_table_new(WEIR_NETFLOW, 3, NULL);
    weir_type type;
    size_t width;

    (void)state;
    assert_int_equal(weir_table_columns(packets), 7);
    assert_int_equal(weir_table_columns(netflow), 9);
    assert_string_equal(weir_table_column(packets, 0, &type, &width), "time");
    assert_int_equal(type, WEIR_I64);
    assert_int_equal(width, 1);
    assert_null(weir_table_column(packets, 7, NULL, NULL));
    assert_int_equal(weir_table_find(netflow, "byt"), 8);
    assert_int_equal(weir_table_find(netflow, "pkt_len"), -1);
    assert_null(weir_table_read(packets, "time", WEIR_F64));
    for (size_t i = 0; i < 7; i++) {
        const char *name = weir_table_column(packets, i, &type, NULL);
        assert_int_equal((uintptr_t)weir_table_read(packets, name, type) % 64, 0);
    }
    weir_table_free(packets);
    weir_table_free(netflow);
}

static void test_refused(void **state)
{
    weir_series_shape shape = {.steps = 2, .channels = 2, .names = {"size", "size"}};
    weir_table *table = weir_table_new(WEIR_PACKETS, 1, NULL);
    weir_error error = {0};

    (void)state;
    assert_null(weir_table_new(WEIR_PACKETS | WEIR_NETFLOW, 1, &error));
    assert_int_equal(error.status, WEIR_EOPTION);
    assert_null(weir_table_new(WEIR_SERIES, 1, NULL));
    assert_null(weir_table_new_series(&shape, 1, NULL)); /* two channels of one name */
    assert_int_equal(weir_table_add(table, "time", WEIR_I64, 1, NULL), WEIR_EOPTION);
    assert_int_equal(weir_table_add(table, "ttl", WEIR_U16, 1, NULL), WEIR_EOPTION);
    assert_int_equal(weir_table_add(table, "ttl", WEIR_U8, 2, NULL), WEIR_EOPTION);
    assert_int_equal(weir_table_add(table, "", WEIR_U8, 1, NULL), WEIR_EOPTION);
    assert_int_equal(weir_table_add(table, "own", WEIR_U8, 0, NULL), WEIR_EOPTION);
    assert_int_equal(weir_table_columns(table), 7);
    assert_int_equal(weir_table_add(table, "ttl", WEIR_U8, 1, NULL), WEIR_OK);
    memset(&error, 0, sizeof error);
    assert_int_equal(weir_table_resize(table, (size_t)1 << 60, &error), WEIR_ENOMEM);
    assert_int_equal(weir_table_rows(table), 1);
    weir_table_free(table);
}

/* Grows and shrinks through the sizes where memory changes kind; what is new is zero. */
static void test_resize(void **state)
{
    static const size_t sizes[] = {10, 11, 1000, 70000, 700000, 699999, 20000, 800000, 3, 200};
    weir_table *table = weir_table_new(WEIR_PACKETS, 5, NULL);
    size_t filled = 5;

    (void)state;
    for (size_t i = 0; i < 5; i++)
        weir_u32_out(table, "srcip")[i] = (uint32_t)i + 1;
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        const uint32_t *values;
        assert_int_equal(weir_table_resize(table, sizes[k], NULL), WEIR_OK);
        values = weir_u32(table, "srcip");
        for (size_t i = 0; i < sizes[k]; i++)
            assert_int_equal(values[i], i < filled ? i + 1 : 0);
        for (size_t i = 0; i < sizes[k]; i++)
            weir_u32_out(table, "srcip")[i] = (uint32_t)i + 1;
        filled = sizes[k];
    }
    weir_table_free(table);
}

static void test_categories(void **state)
{
    weir_table *table = weir_table_new(WEIR_NETFLOW, 2, NULL);
    char text[32];

    (void)state;
    assert_int_equal(weir_category_add(table, "label", "a", NULL), UINT32_MAX);
    assert_int_equal(weir_table_add(table, "label", WEIR_CATEGORY, 1, NULL), WEIR_OK);
    assert_int_equal(weir_category_code(table, "label", "label 0"), UINT32_MAX);
    for (uint32_t i = 0; i < 1000; i++) {
        snprintf(text, sizeof text, "label %u", i);
        assert_int_equal(weir_category_add(table, "label", text, NULL), i);
        assert_int_equal(weir_category_add(table, "label", text, NULL), i);
    }
    assert_int_equal(weir_category_count(table, "label"), 1000);
    assert_int_equal(weir_category_code(table, "label", "label 999"), 999);
    assert_int_equal(weir_category_code(table, "label", "label 1000"), UINT32_MAX);
    assert_string_equal(weir_category_text(table, "label", 17), "label 17");
    assert_null(weir_category_text(table, "label", 1000));
    assert_null(weir_category_text(table, "td", 0));
    weir_table_free(table);
}

static void test_select(void **state)
{
    weir_series_shape shape = {
        .steps = 2, .channels = 2, .step_seconds = 0.5, .names = {"up", "down"}};
    weir_table *table = weir_table_new_series(&shape, 3, NULL), *part;
    uint32_t rows[] = {2, 0, 2}, bad[] = {3};
    weir_error error = {0};

    (void)state;
    for (size_t i = 0; i < 12; i++)
        weir_f32_out(table, "values")[i] = (float)i;
    weir_category_add(table, "label", "x", NULL);
    weir_category_add(table, "label", "y", NULL);
    weir_codes_out(table, "label")[2] = 1;
    part = weir_table_select(table, rows, 3, NULL);
    assert_int_equal(weir_table_rows(part), 3);
    assert_int_equal(weir_table_series(part)->channels, 2);
    assert_true(weir_table_series(part)->step_seconds == 0.5);
    assert_true(weir_f32(part, "values")[0] == 8 && weir_f32(part, "values")[7] == 3);
    assert_string_equal(weir_category_text(part, "label", weir_codes(part, "label")[0]), "y");
    assert_null(weir_table_select(table, bad, 1, &error));
    assert_int_equal(error.status, WEIR_EOPTION);
    weir_table_free(part);
    weir_table_free(table);
}

static void test_doubles(void **state)
{
    weir_table *table = weir_table_new(WEIR_NETFLOW, 2, NULL);
    double out[2];

    (void)state;
    weir_u64_out(table, "byt")[1] = 1234567890123;
    weir_f64_out(table, "td")[0] = 0.25;
    weir_i64_out(table, "ts")[1] = -5;
    assert_int_equal(weir_table_doubles(table, "byt", out, NULL), WEIR_OK);
    assert_true(out[0] == 0 && out[1] == 1234567890123.0);
    assert_int_equal(weir_table_doubles(table, "td", out, NULL), WEIR_OK);
    assert_true(out[0] == 0.25);
    assert_int_equal(weir_table_doubles(table, "ts", out, NULL), WEIR_OK);
    assert_true(out[1] == -5);
    assert_int_equal(weir_table_doubles(table, "nothing", out, NULL), WEIR_EOPTION);
    weir_table_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schemas), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_resize),  cmocka_unit_test(test_categories),
        cmocka_unit_test(test_select),  cmocka_unit_test(test_doubles),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
