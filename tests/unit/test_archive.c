/* Archives: what is put comes back, through files too; damaged files are errors.
 * Covers: core/plugin/archive.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "data/safetensors.h"
#include "files.h"
#include "plugin/archive.h"

static char folder[] = "/tmp/weir-test-archive-XXXXXX";

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    return weir_folder_remove(folder, NULL);
}

static weir_table *labelled(void)
{
    weir_table *table = weir_table_new(WEIR_NETFLOW, 3, NULL);

    weir_table_add(table, "label", WEIR_CATEGORY, 1, NULL);
    weir_table_add(table, "own", WEIR_F32, 2, NULL);
    for (uint32_t i = 0; i < 3; i++) {
        weir_u64_out(table, "byt")[i] = (uint64_t)1 << (20 * i);
        weir_f32_out(table, "own")[2 * i + 1] = 0.5f * (float)i;
        weir_codes_out(table, "label")[i] =
            weir_category_add(table, "label", i == 1 ? "attack, \"quoted\"" : "benign", NULL);
    }
    return table;
}

static void everything_comes_back(void **state)
{
    weir_series_shape shape = {
        .steps = 2, .channels = 2, .step_seconds = 0.25, .names = {"up", "down"}};
    double values[6] = {1, 2, 3, 4, 5, 1.0 / 3}, number;
    uint64_t sizes[2] = {2, 3}, got[2] = {0, 3}, none = 0;
    weir_table *table = labelled(), *series = weir_table_new_series(&shape, 1, NULL);
    weir_error error = {0};
    weir_archive *archive = weir_archive_new(&error);
    json_t *head = json_pack("{s:s}", "plugin", "x");
    const weir_table *back;
    const double *array;

    (void)state;
    weir_category_add(series, "label", "a", NULL);
    weir_f32_out(series, "values")[3] = 7;
    assert_int_equal(weir_put_number(archive, "third", 1.0 / 3), WEIR_OK);
    assert_int_equal(weir_put_text(archive, "name", "ä text"), WEIR_OK);
    assert_int_equal(weir_put_array(archive, "values", WEIR_F64, 2, sizes, values), WEIR_OK);
    assert_int_equal(weir_put_array(archive, "empty", WEIR_U8, 1, &none, NULL), WEIR_OK);
    assert_int_equal(weir_put_table(archive, "flows", table), WEIR_OK);
    assert_int_equal(weir_put_table(archive, "series", series), WEIR_OK);
    assert_int_equal(weir_archive_write(archive, folder, head), WEIR_OK);
    weir_archive_free(archive);
    json_decref(head);

    archive = weir_archive_read(folder, &error);
    assert_non_null(archive);
    assert_string_equal(json_string_value(json_object_get(weir_archive_head(archive), "plugin")),
                        "x");
    assert_int_equal(weir_get_number(archive, "third", &number), WEIR_OK);
    assert_true(number == 1.0 / 3);
    assert_string_equal(weir_get_text(archive, "name"), "ä text");
    array = weir_get_array(archive, "values", WEIR_F64, 2, got);
    assert_non_null(array);
    assert_int_equal((uintptr_t)array % 64, 0);
    assert_int_equal(got[0], 2);
    assert_memory_equal(array, values, sizeof values);
    assert_non_null(weir_get_array(archive, "empty", WEIR_U8, 1, &none));
    back = weir_get_table(archive, "flows");
    assert_non_null(back);
    assert_ptr_equal(back, weir_get_table(archive, "flows"));
    assert_int_equal(weir_table_schema(back), WEIR_NETFLOW);
    assert_memory_equal(weir_u64(back, "byt"), weir_u64(table, "byt"), 24);
    assert_memory_equal(weir_f32(back, "own"), weir_f32(table, "own"), 24);
    assert_string_equal(weir_category_text(back, "label", weir_codes(back, "label")[1]),
                        "attack, \"quoted\"");
    back = weir_get_table(archive, "series");
    assert_true(weir_table_series(back)->step_seconds == 0.25);
    assert_string_equal(weir_table_series(back)->names[1], "down");
    assert_true(weir_f32(back, "values")[3] == 7);
    assert_int_equal(error.status, WEIR_OK);
    weir_archive_free(archive);
    weir_table_free(table);
    weir_table_free(series);
}

static void wrong_use_is_refused(void **state)
{
    weir_error error = {0};
    weir_archive *archive = weir_archive_new(&error);
    uint64_t one = 1, two = 2;
    double number = 1;

    (void)state;
#define REFUSED(call, code)                                                                        \
    assert_int_equal(call, code);                                                                  \
    assert_int_equal(error.status, code);                                                          \
    error = (weir_error){0}
    REFUSED(weir_put_number(archive, "a name", 1), WEIR_EBUG);
    REFUSED(weir_put_number(archive, "", 1), WEIR_EBUG);
    REFUSED(weir_put_number(archive, "x", 0.0 / (number - 1)), WEIR_EDIVERGE);
    assert_int_equal(weir_put_number(archive, "x", 1), WEIR_OK);
    REFUSED(weir_put_text(archive, "x", "again"), WEIR_EBUG);
    REFUSED(weir_put_text(archive, "y", "\xff"), WEIR_EDATA);
    REFUSED(weir_put_array(archive, "z", WEIR_CATEGORY, 1, &one, &number), WEIR_EBUG);
    assert_int_equal(weir_put_array(archive, "z", WEIR_F64, 1, &one, &number), WEIR_OK);
    REFUSED(weir_get_number(archive, "absent", &number), WEIR_EDATA);
    REFUSED(weir_get_number(archive, "z", &number), WEIR_EDATA);
    assert_null(weir_get_array(archive, "z", WEIR_F64, 1, &two)); /* another shape */
    assert_non_null(strstr(error.text, "must be 2"));
    error = (weir_error){0};
    assert_null(weir_get_array(archive, "z", WEIR_F32, 1, &one)); /* another type */
    error = (weir_error){0};
    assert_null(weir_get_table(archive, "z"));
    assert_int_equal(error.status, WEIR_EDATA);
    error = (weir_error){0};
    assert_null(weir_get_text(archive, "x"));
    assert_int_equal(error.status, WEIR_EDATA);
    weir_archive_free(archive);
}

static void write_text(const char *name, const void *bytes, size_t n)
{
    char path[200];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(weir_file_write(path, bytes, n, NULL), WEIR_OK);
}

static void damaged_files_are_errors(void **state)
{
    static const char *const headers[] = {
        "",
        "[]",
        "{\"a\":1}",
        "{\"a\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,7]}}",
        "{\"a\":{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[0,16]}}",
        "{\"a\":{\"dtype\":\"F16\",\"shape\":[4],\"data_offsets\":[0,8]}}",
        "{\"a\":{\"dtype\":\"F64\",\"shape\":[-1],\"data_offsets\":[0,8]}}",
        "{\"a\":{\"dtype\":\"F64\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}",
        "{\"a\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[8,16]}}",
        "{\"a\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[0,8]},\"a\":{}}"};
    char path[200], bytes[400];

    (void)state;
    snprintf(path, sizeof path, "%s/arrays.safetensors", folder);
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        uint64_t length = strlen(headers[i]);
        weir_tensors tensors = {0};
        weir_error error = {0};
        memcpy(bytes, &length, 8);
        memcpy(bytes + 8, headers[i], length);
        memset(bytes + 8 + length, 0, 8);
        write_text("arrays.safetensors", bytes, 16 + length);
        assert_int_not_equal(weir_tensors_read(&tensors, path, &error), WEIR_OK);
        assert_int_equal(tensors.count, 0);
        assert_non_null(strstr(error.text, "arrays.safetensors"));
    }
    write_text("model.json", "{\"values\":{}}", 13);
    assert_null(weir_archive_read(folder, NULL));
    write_text("model.json", "{\"values\":[]}", 13);
    assert_null(weir_archive_read(folder, NULL));
    write_text("model.json", "{\n \"values\": nothing }", 22);
    {
        weir_error error = {0};
        assert_null(weir_archive_read(folder, &error));
        assert_non_null(strstr(error.text, "model.json:2:"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_comes_back),
        cmocka_unit_test(wrong_use_is_refused),
        cmocka_unit_test(damaged_files_are_errors),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
