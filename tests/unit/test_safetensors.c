/* Safetensors: what was written comes back, a file of Python's is read, and a hostile one is an
 * error that says what is wrong. Covers: core/data/safetensors.c */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "data/safetensors.h"
#include "files.h"

static char folder[] = "/tmp/weir-test-safetensors-XXXXXX", path[200];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/a.safetensors", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return weir_folder_remove(folder, NULL);
}

static void arrays_and_notes_come_back(void **state)
{
    const uint8_t bytes[3] = {1, 2, 255};
    const double reals[4] = {0, -1, 1.0 / 3, 1e300};
    const uint64_t one[1] = {3}, two[2] = {2, 2}, count = 77, none[2] = {0, 5};
    weir_tensors tensors = {0};
    weir_error error = {0};
    const weir_tensor *item;

    (void)state;
    weir_tensors_add(&tensors, "bytes", WEIR_U8, 1, one, bytes, &error);
    weir_tensors_add(&tensors, "reals", WEIR_F64, 2, two, reals, &error);
    weir_tensors_add(&tensors, "count", WEIR_U64, 0, NULL, &count, &error);
    weir_tensors_add(&tensors, "none", WEIR_F32, 2, none, NULL, &error);
    weir_tensors_note(&tensors, "writer", "a \"test\"", &error);
    assert_int_equal(weir_tensors_write(&tensors, path, &error), WEIR_OK);
    weir_tensors_free(&tensors);

    assert_int_equal(weir_tensors_open(&tensors, path, &error), WEIR_OK);
    assert_int_equal(tensors.count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_null(tensors.items[i].data);
        assert_int_equal(tensors.items[i].from % weir_type_size(tensors.items[i].type), 0);
    }
    weir_tensors_free(&tensors);
    assert_int_equal(weir_tensors_read(&tensors, path, &error), WEIR_OK);
    item = weir_tensors_find(&tensors, "bytes");
    assert_true(item->type == WEIR_U8 && item->rank == 1 && item->shape[0] == 3);
    assert_memory_equal(item->data, bytes, sizeof bytes);
    item = weir_tensors_find(&tensors, "reals");
    assert_memory_equal(item->data, reals, sizeof reals);
    item = weir_tensors_find(&tensors, "count");
    assert_true(item->rank == 0 && *(uint64_t *)item->data == 77);
    assert_int_equal(weir_tensors_find(&tensors, "none")->bytes, 0);
    assert_string_equal(weir_tensors_noted(&tensors, "writer"), "a \"test\"");
    assert_null(weir_tensors_noted(&tensors, "other"));
    assert_null(weir_tensors_find(&tensors, "other"));
    weir_tensors_free(&tensors);
}

/* tests/golden/weights.safetensors was written by Python's package: tests/golden/weights.py. */
static void a_file_of_python_is_read(void **state)
{
    weir_tensors tensors = {0};
    const weir_tensor *item;
    weir_error error = {0};

    (void)state;
    assert_int_equal(
        weir_tensors_read(&tensors, WEIR_SOURCE_DIR "/tests/golden/weights.safetensors", &error),
        WEIR_OK);
    assert_int_equal(tensors.count, 5);
    item = weir_tensors_find(&tensors, "net.0.weight");
    assert_true(item->type == WEIR_F32 && item->rank == 2);
    assert_true(item->shape[0] == 2 && item->shape[1] == 3);
    for (int i = 0; i < 6; i++)
        assert_true(((const float *)item->data)[i] == (float)i / 4);
    item = weir_tensors_find(&tensors, "net.1.bias");
    assert_true(*(const float *)item->data == 1e-30f);
    item = weir_tensors_find(&tensors, "net.steps");
    assert_true(item->rank == 0 && *(const float *)item->data == 7);
    assert_non_null(strstr(weir_tensors_noted(&tensors, "writer"), "safetensors"));
    weir_tensors_free(&tensors);
}

/* ---- Hostile files ----------------------------------------------------------------------------*/

static void put(uint64_t length, const char *header, size_t header_bytes, size_t values)
{
    char *bytes = calloc(1, 8 + header_bytes + values);

    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header, header_bytes);
    assert_int_equal(weir_file_write(path, bytes, 8 + header_bytes + values, NULL), WEIR_OK);
    free(bytes);
}

static void refused(const char *why)
{
    weir_tensors tensors = {0};
    weir_error error = {0};

    assert_int_not_equal(weir_tensors_read(&tensors, path, &error), WEIR_OK);
    if (!strstr(error.text, why) || !strstr(error.text, path))
        fail_msg("'%s' does not say '%s'", error.text, why);
    assert_int_equal(tensors.count, 0);
    assert_null(tensors.items);
    assert_null(tensors.file);
}

#define F32(name, shape, from, to)                                                                 \
    "\"" name "\":{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":[" from "," to "]}"

static void hostile_headers(void **state)
{
    static const struct {
        const char *header;
        size_t values;
        const char *why;
    } cases[] = {
        {"", 0, "not JSON"},
        {"[]", 0, "not a JSON object"},
        {"{\"a\":1}", 0, "no dtype"},
        {"{\"a\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[0,2]}}", 2, "type BF16"},
        {"{\"a\":{\"dtype\":7,\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "no dtype"},
        {"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "shape is not an array"},
        {"{" F32("a", "[1,1,1,1,1,1,1,1,1]", "0", "4") "}", 4, "more than 8"},
        {"{" F32("a", "[-1]", "0", "4") "}", 4, "whole number"},
        {"{" F32("a", "[1.0]", "0", "4") "}", 4, "whole number"},
        {"{" F32("a", "[NaN]", "0", "4") "}", 4, "not JSON"},
        {"{" F32("a", "[99999999999999999999]", "0", "4") "}", 4, "not JSON"},
        {"{" F32("a", "[4294967296,4294967296]", "0", "0") "}", 0, "do not agree"},
        {"{" F32("a", "[2305843009213693952]", "0", "0") "}", 0, "do not agree"},
        {"{" F32("a", "[2]", "0", "4") "}", 4, "do not agree"},
        {"{" F32("a", "[1]", "4", "0") "}", 4, "positions in order"},
        {"{" F32("a", "[1]", "-4", "0") "}", 4, "positions in order"},
        {"{" F32("a", "[1]", "0", "\"4\"") "}", 4, "positions in order"},
        {"{" F32("a", "[2]", "0", "8") "}", 4, "the file holds 4"},
        {"{" F32("a", "[1]", "9223372036854775800", "9223372036854775804") "}", 4, "file holds 4"},
        {"{" F32("a", "[1]", "0", "4") "," F32("b", "[1]", "0", "4") "}", 4, "overlaps"},
        {"{" F32("a", "[2]", "0", "8") "," F32("b", "[1]", "4", "8") "}", 8, "overlaps"},
        {"{" F32("a", "[1]", "0", "4") "," F32("b", "[1]", "8", "12") "}", 12, "hole"},
        {"{" F32("a", "[1]", "4", "8") "}", 8, "hole"},
        {"{" F32("a", "[1]", "0", "4") "}", 9, "5 bytes at its end"},
        {"{" F32("a", "[1]", "0", "4") "," F32("a", "[1]", "4", "8") "}", 8, "not JSON"},
        {"{\"a\\u0000b\":{}}", 0, "not JSON"},
        {"{\"__metadata__\":[]}", 0, "__metadata__ is not an object"},
        {"{\"__metadata__\":{\"a\":1}}", 0, "is not a text"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        put(strlen(cases[i].header), cases[i].header, strlen(cases[i].header), cases[i].values);
        refused(cases[i].why);
    }
}

static void hostile_sizes(void **state)
{
    const char *header = "{" F32("a", "[1]", "0", "4") "}";
    size_t n = strlen(header), deep = 100000, many = (size_t)WEIR_TENSORS_HEADER + 1;
    char *text = malloc(many);

    (void)state;
    put(UINT64_MAX, header, n, 4);
    refused("not a safetensors file");
    put(UINT64_MAX - 7, header, n, 4);
    refused("not a safetensors file");
    put(n + 5, header, n, 4);
    refused("cut short");
    for (size_t size = 0; size < 8 + n + 4; size++) { /* cut anywhere */
        char *bytes = calloc(1, 8 + n + 4);
        memcpy(bytes, &(uint64_t){n}, 8);
        memcpy(bytes + 8, header, n);
        assert_int_equal(weir_file_write(path, bytes, size, NULL), WEIR_OK);
        free(bytes);
        refused("");
    }
    memset(text, '[', many);
    put(deep, text, deep, 0);
    refused("not JSON");
    memset(text, ' ', many);
    put(many, text, many, 0);
    refused("bytes, more than");
    free(text);
    snprintf(path, sizeof path, "%s", folder);
    refused("not a file");
    snprintf(path, sizeof path, "%s/absent", folder);
    refused("No such file");
    snprintf(path, sizeof path, "%s/a.safetensors", folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_and_notes_come_back),
        cmocka_unit_test(a_file_of_python_is_read),
        cmocka_unit_test(hostile_headers),
        cmocka_unit_test(hostile_sizes),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
