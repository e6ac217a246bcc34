/* The columnar file: what is written is mapped back equal, and no damage goes through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "data/columnar.h"
#include <weir/random.h>

static char path[] = "/tmp/weir-columnar-XXXXXX";

static weir_dataset *records(size_t n)
{
    weir_random random = weir_random_new(1, "records");
    weir_table *table = weir_table_new(WEIR_NETFLOW, n, NULL);
    weir_dataset *dataset;

    weir_table_add(table, "label", WEIR_CATEGORY, 1, NULL);
    weir_category_add(table, "label", "benign", NULL);
    weir_category_add(table, "label", "a \"quoted\", label", NULL);
    for (size_t i = 0; i < n; i++) {
        weir_i64_out(table, "ts")[i] = (int64_t)i * 1000;
        weir_f64_out(table, "td")[i] = weir_random_uniform(&random);
        weir_u32_out(table, "srcip")[i] = (uint32_t)weir_random_below(&random, 9);
        weir_u64_out(table, "byt")[i] = weir_random_u64(&random);
        weir_codes_out(table, "label")[i] = (uint32_t)i % 2;
    }
    dataset = weir_dataset_new(table, NULL);
    weir_dataset_set_name(dataset, "records");
    return dataset;
}

static void assert_equal(const weir_dataset *a, const weir_dataset *b)
{
    const weir_table *x = weir_dataset_table(a), *y = weir_dataset_table(b);
    const weir_flows *f = NULL, *g = NULL;

    assert_int_equal(weir_table_rows(x), weir_table_rows(y));
    assert_int_equal(weir_table_columns(x), weir_table_columns(y));
    for (size_t i = 0; i < weir_table_columns(x); i++) {
        weir_type type, other;
        size_t width;
        const char *name = weir_table_column(x, i, &type, &width);
        assert_string_equal(name, weir_table_column(y, i, &other, NULL));
        assert_int_equal(type, other);
        assert_memory_equal(weir_table_read(x, name, type), weir_table_read(y, name, type),
                            weir_table_rows(x) * width * weir_type_size(type));
        for (uint32_t code = 0; code < weir_category_count(x, name); code++)
            assert_string_equal(weir_category_text(x, name, code),
                                weir_category_text(y, name, code));
    }
    assert_string_equal(weir_dataset_name(a), weir_dataset_name(b));
    assert_int_equal(weir_dataset_holds(a), weir_dataset_holds(b));
    if (weir_dataset_schema(a) == WEIR_SERIES)
        return;
    f = weir_dataset_flows(a, NULL);
    g = weir_dataset_flows(b, NULL);
    assert_int_equal(f->count, g->count);
    assert_memory_equal(f->offsets, g->offsets, (f->count + 1) * 4);
    assert_memory_equal(f->rows, g->rows, weir_table_rows(x) * 4);
    assert_memory_equal(f->flow_of, g->flow_of, weir_table_rows(x) * 4);
}

static void test_round_trip(void **state)
{
    weir_dataset *dataset = records(1000), *mapped;
    weir_error error = {0};
    char *note;

    (void)state;
    weir_dataset_set_holds(dataset, WEIR_TIMESTAMPS);
    assert_int_equal(weir_columnar_save(dataset, "{\"a\":1}", path, &error), WEIR_OK);
    mapped = weir_columnar_load(path, &note, &error);
    assert_non_null(mapped);
    assert_string_equal(note, "{\"a\":1}");
    assert_equal(dataset, mapped);
    free(note);
    weir_dataset_free(mapped);
    weir_dataset_free(dataset);
}

static void test_series(void **state)
{
    weir_series_shape shape = {
        .steps = 3, .channels = 2, .step_seconds = 0.25, .names = {"size", "gap"}};
    weir_table *table = weir_table_new_series(&shape, 2, NULL);
    weir_dataset *dataset, *mapped;

    (void)state;
    weir_category_add(table, "label", "video/netflix", NULL);
    weir_f32_out(table, "values")[7] = 0.1f;
    weir_u32_out(table, "length")[1] = 3;
    dataset = weir_dataset_new(table, NULL);
    assert_int_equal(weir_columnar_write(dataset, path, NULL), WEIR_OK);
    mapped = weir_columnar_map(path, NULL);
    assert_non_null(mapped);
    assert_equal(dataset, mapped);
    assert_int_equal(weir_table_series(weir_dataset_table(mapped))->steps, 3);
    weir_dataset_free(mapped);
    weir_dataset_free(dataset);
}

static void test_empty(void **state)
{
    weir_dataset *dataset = records(0), *mapped;

    (void)state;
    assert_int_equal(weir_columnar_write(dataset, path, NULL), WEIR_OK);
    mapped = weir_columnar_map(path, NULL);
    assert_non_null(mapped);
    assert_equal(dataset, mapped);
    weir_dataset_free(mapped);
    weir_dataset_free(dataset);
}

/* Every byte of the header and the directory, set to four values: an error or a sound dataset. */
static void test_damage(void **state)
{
    static char bytes[65536], damaged[65536];
    weir_dataset *dataset = records(40), *mapped;
    size_t n, refused = 0;
    FILE *file;

    (void)state;
    assert_int_equal(weir_columnar_write(dataset, path, NULL), WEIR_OK);
    weir_dataset_free(dataset);
    file = fopen(path, "r");
    n = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    assert_true(n < sizeof bytes);
    for (size_t at = 0; at < n; at++) {
        static const unsigned char values[] = {0, 1, 0x7f, 0xff};
        memcpy(damaged, bytes, n);
        damaged[at] = (char)values[at % 4];
        file = fopen(path, "w");
        fwrite(damaged, 1, n, file);
        fclose(file);
        mapped = weir_columnar_map(path, NULL);
        if (mapped) {
            const weir_flows *flows = weir_dataset_flows(mapped, NULL);
            assert_int_equal(flows->offsets[flows->count], weir_dataset_rows(mapped));
        }
        refused += !mapped;
        weir_dataset_free(mapped);
    }
    assert_true(refused > 500);
    for (size_t length = 0; length < n; length += 7) {
        weir_error error = {0};
        assert_int_equal(truncate(path, (off_t)(n - 1)), 0);
        file = fopen(path, "w");
        fwrite(bytes, 1, length, file);
        fclose(file);
        assert_null(weir_columnar_map(path, &error));
        assert_int_equal(error.status, WEIR_EDATA);
    }
}

static void test_failures(void **state)
{
    weir_dataset *dataset = records(4);
    weir_error error = {0};

    (void)state;
    assert_null(weir_columnar_map("/dev/null/x.weir", &error));
    assert_int_equal(error.status, WEIR_EIO);
    memset(&error, 0, sizeof error);
    assert_int_equal(weir_columnar_write(dataset, "/dev/null/x.weir", &error), WEIR_EIO);
    assert_non_null(strstr(error.text, "/dev/null/x.weir"));
    memset(&error, 0, sizeof error);
    assert_int_equal(weir_columnar_write(dataset, "/tmp", &error), WEIR_EIO);
    weir_dataset_free(dataset);
}

static int set_up(void **state)
{
    int descriptor = mkstemp(path);

    (void)state;
    if (descriptor >= 0)
        close(descriptor);
    return descriptor < 0;
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_series),
        cmocka_unit_test(test_empty),      cmocka_unit_test(test_damage),
        cmocka_unit_test(test_failures),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
