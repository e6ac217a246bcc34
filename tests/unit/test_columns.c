/* Copying rows between tables: types, widths, categories by string, rows out of range. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <string.h>
#include <weir/table.h>

static weir_table *records(size_t rows)
{
    weir_error error = {0};
    weir_table *table = weir_table_new(WEIR_NETFLOW, rows, &error);

    assert_non_null(table);
    assert_int_equal(weir_table_add(table, "label", WEIR_CATEGORY, 1, &error), WEIR_OK);
    for (size_t i = 0; i < rows; i++) {
        weir_i64_out(table, "ts")[i] = INT64_C(1700000000000000000) + (int64_t)i;
        weir_f64_out(table, "td")[i] = 0.5 * (double)i;
        weir_u16_out(table, "dstport")[i] = (uint16_t)(1000 + i);
        weir_u8_out(table, "proto")[i] = (uint8_t)i;
        weir_codes_out(table, "label")[i] =
            weir_category_add(table, "label", i % 2 ? "attack" : "benign", &error);
    }
    return table;
}

static void test_clone(void **state)
{
    weir_error error = {0};
    weir_table *table = records(5), *copy = weir_table_clone(table, &error);

    (void)state;
    assert_non_null(copy);
    assert_int_equal(weir_table_rows(copy), 5);
    assert_int_equal(weir_table_schema(copy), WEIR_NETFLOW);
    assert_memory_equal(weir_i64(copy, "ts"), weir_i64(table, "ts"), 5 * 8);
    assert_string_equal(weir_category_text(copy, "label", weir_codes(copy, "label")[3]), "attack");
    weir_table_free(copy);
    weir_table_free(table);
}

static void test_match_adds_what_is_missing(void **state)
{
    weir_error error = {0};
    weir_table *table = records(3), *out = weir_table_new(WEIR_NETFLOW, 0, &error);

    (void)state;
    assert_int_equal(weir_table_find(out, "label"), -1);
    assert_int_equal(weir_table_match(out, table, &error), WEIR_OK);
    assert_true(weir_table_find(out, "label") >= 0);
    assert_int_equal(weir_category_count(out, "label"), 2);
    weir_table_free(out);
    out = weir_table_new(0, 0, &error);
    assert_int_equal(weir_table_add(out, "ts", WEIR_F64, 1, &error), WEIR_OK);
    assert_int_equal(weir_table_match(out, table, &error), WEIR_EDATA);
    assert_non_null(strstr(error.text, "'ts' is f64"));
    weir_table_free(out);
    weir_table_free(table);
}

static void test_copy_by_string(void **state)
{
    weir_error error = {0};
    weir_table *table = records(4), *out = weir_table_new(WEIR_NETFLOW, 3, &error);
    const uint32_t rows[] = {3, 0};

    (void)state;
    assert_int_equal(weir_table_add(out, "label", WEIR_CATEGORY, 1, &error), WEIR_OK);
    assert_int_equal(weir_category_add(out, "label", "attack", &error), 0);
    assert_int_equal(weir_table_match(out, table, &error), WEIR_OK);
    assert_int_equal(weir_table_copy(out, 1, table, NULL, rows, 2, &error), WEIR_OK);
    assert_int_equal(weir_i64(out, "ts")[0], 0);
    assert_int_equal(weir_i64(out, "ts")[1], weir_i64(table, "ts")[3]);
    assert_int_equal(weir_u16(out, "dstport")[2], 1000);
    assert_int_equal(weir_u8(out, "proto")[1], 3);
    assert_true(weir_f64(out, "td")[1] == 1.5);
    assert_int_equal(weir_codes(out, "label")[1], 0);
    assert_string_equal(weir_category_text(out, "label", weir_codes(out, "label")[2]), "benign");
    weir_table_free(out);
    weir_table_free(table);
}

static void test_copy_one_column_and_wide(void **state)
{
    weir_error error = {0};
    weir_series_shape shape = {.steps = 3, .channels = 2, .names = {"size", "gap"}};
    weir_table *table = weir_table_new_series(&shape, 2, &error);
    weir_table *out = weir_table_new_series(&shape, 2, &error);
    const uint32_t rows[] = {1, 1};

    (void)state;
    for (int i = 0; i < 12; i++)
        weir_f32_out(table, "values")[i] = (float)i;
    weir_u32_out(table, "length")[1] = 3;
    assert_int_equal(weir_table_copy(out, 0, table, "values", rows, 2, &error), WEIR_OK);
    for (int i = 0; i < 12; i++)
        assert_true(weir_f32(out, "values")[i] == (float)(6 + i % 6));
    assert_int_equal(weir_u32(out, "length")[1], 0);
    weir_table_free(out);
    weir_table_free(table);
}

/* Few rows of a table with many strings: only what is copied is looked up, and refused if wrong. */
static void test_copy_few_of_many_strings(void **state)
{
    enum { MANY = 50 };
    weir_error error = {0};
    weir_table *table = weir_table_new(0, MANY, &error), *out = weir_table_new(0, 2, &error);
    const uint32_t rows[] = {40, 7};

    (void)state;
    assert_int_equal(weir_table_add(table, "label", WEIR_CATEGORY, 1, &error), WEIR_OK);
    assert_int_equal(weir_table_add(out, "label", WEIR_CATEGORY, 1, &error), WEIR_OK);
    for (uint32_t i = 0; i < MANY; i++) {
        char text[16];

        snprintf(text, sizeof text, "class %u", i);
        weir_codes_out(table, "label")[i] = weir_category_add(table, "label", text, &error);
    }
    assert_int_equal(weir_category_add(out, "label", "other", &error), 0);
    assert_int_equal(weir_table_copy(out, 0, table, "label", rows, 2, &error), WEIR_OK);
    assert_string_equal(weir_category_text(out, "label", weir_codes(out, "label")[0]), "class 40");
    assert_string_equal(weir_category_text(out, "label", weir_codes(out, "label")[1]), "class 7");
    weir_codes_out(table, "label")[7] = MANY;
    assert_int_equal(weir_table_copy(out, 0, table, "label", rows, 2, &error), WEIR_EDATA);
    weir_table_free(out);
    weir_table_free(table);
}

static void test_copy_refuses(void **state)
{
    weir_table *table = records(2), *out = weir_table_new(WEIR_NETFLOW, 2, NULL);
    const uint32_t rows[] = {0, 2};
    weir_error error = {0};

    (void)state;
    assert_int_equal(weir_table_copy(out, 0, table, "ts", rows, 2, &error), WEIR_EBUG);
    error = (weir_error){0};
    assert_int_equal(weir_table_copy(out, 2, table, "ts", rows, 1, &error), WEIR_EBUG);
    error = (weir_error){0};
    assert_int_equal(weir_table_copy(out, 0, table, "label", rows, 1, &error), WEIR_EBUG);
    error = (weir_error){0};
    assert_int_equal(weir_table_copy(out, 0, table, "nothing", rows, 1, &error), WEIR_EBUG);
    weir_table_free(out);
    weir_table_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clone),
        cmocka_unit_test(test_match_adds_what_is_missing),
        cmocka_unit_test(test_copy_by_string),
        cmocka_unit_test(test_copy_one_column_and_wide),
        cmocka_unit_test(test_copy_few_of_many_strings),
        cmocka_unit_test(test_copy_refuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
