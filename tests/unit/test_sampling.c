/* What simple generators share: kept rows, repeated rows, rows drawn until there are enough flows.
 */
#include "generator_test.h"
#include "plugin/archive.h"
#include <unistd.h>

struct counter {
    uint32_t tuples; /* different ones */
    size_t rows;
};

static int draw(weir_job *job, const void *context, weir_table *out, size_t at, size_t n)
{
    const struct counter *self = context;

    (void)job;
    assert_true(n <= WEIR_DRAW_BLOCK);
    for (size_t i = at; i < at + n; i++)
        weir_u32_out(out, "srcip")[i] = (uint32_t)i % self->tuples;
    return WEIR_OK;
}

static void test_draws(void **state)
{
    const struct counter context = {.tuples = 9000};
    weir_error error = {0};
    weir_registry *registry;
    weir_job *job = any_job(&registry);
    weir_table *out = weir_table_new(WEIR_PACKETS, 0, &error);

    (void)state;
    assert_int_equal(weir_draw_rows(job, draw, &context, 10000, out), WEIR_OK);
    assert_int_equal(weir_table_rows(out), 10000);
    assert_int_equal(weir_u32(out, "srcip")[9999], 999);
    assert_int_equal(weir_draw_flows(job, draw, &context, 5000, out), WEIR_OK);
    assert_int_equal(weir_table_rows(out), 5000);
    assert_int_equal(weir_draw_flows(job, draw, &context, 9001, out), WEIR_EOPTION);
    assert_non_null(strstr(weir_job_error(job)->text, "9000 different 5-tuples"));
    weir_table_free(out);
    weir_job_free(job);
    weir_registry_free(registry);
}

static void test_kept_and_repeated(void **state)
{
    weir_dataset *train = some_packets(12);
    const weir_table *table = weir_dataset_table(train);
    size_t rows = weir_table_rows(table);
    weir_registry *registry;
    weir_job *job = any_job(&registry);
    weir_table *out = empty_like(table);
    weir_kept kept = {0};
    const weir_request request = {.packets = (int64_t)rows + 3}, flows = {.flows = 5};

    (void)state;
    assert_int_equal(weir_kept_fit(job, train, &kept), WEIR_OK);
    assert_true(kept.train != table && same(kept.train, table));
    assert_int_equal(weir_repeat(job, kept.train, &request, out), WEIR_OK);
    assert_int_equal(weir_table_rows(out), rows + 3);
    assert_int_equal(weir_u32(out, "srcip")[rows + 2], weir_u32(table, "srcip")[2]);
    assert_true(weir_i64(out, "time")[rows] > weir_i64(table, "time")[rows - 1]);
    weir_table_free(out);
    out = empty_like(table);
    assert_int_equal(weir_repeat(job, kept.train, &flows, out), WEIR_OK);
    assert_int_equal(flows_of(out), 5);
    weir_table_free(out);
    weir_kept_free(job, &kept);
    weir_job_free(job);
    weir_registry_free(registry);
    weir_dataset_free(train);
}

/* A model made by other hands: its rows must be in order of time, which all that follows relies on.
 */
static void test_kept_rows_in_order(void **state)
{
    weir_registry *registry;
    weir_job *job = any_job(&registry);
    char folder[] = "/tmp/weir-kept-XXXXXX", file[64];
    weir_error error = {0};
    weir_table *table = weir_table_new(WEIR_PACKETS, 3, &error);
    json_t *head = json_object();

    (void)state;
    assert_non_null(mkdtemp(folder));
    for (int ordered = 1; ordered >= 0; ordered--) {
        weir_archive *archive = weir_archive_new(&error);
        weir_kept kept = {0};

        for (int i = 0; i < 3; i++)
            weir_i64_out(table, "time")[i] = ordered ? i : 5 - i;
        assert_int_equal(weir_put_table(archive, "train", table), WEIR_OK);
        assert_int_equal(weir_archive_write(archive, folder, head), WEIR_OK);
        weir_archive_free(archive);
        archive = weir_archive_read(folder, weir_job_error(job));
        assert_non_null(archive);
        assert_int_equal(weir_kept_load(job, &kept, archive), ordered ? WEIR_OK : WEIR_EDATA);
        weir_archive_free(archive);
    }
    assert_non_null(strstr(weir_job_error(job)->text, "not in order of time"));
    for (int i = 0; i < 2; i++) {
        snprintf(file, sizeof file, "%s/%s", folder, i ? "model.json" : "arrays.safetensors");
        assert_int_equal(unlink(file), 0);
    }
    assert_int_equal(rmdir(folder), 0);
    json_decref(head);
    weir_table_free(table);
    weir_job_free(job);
    weir_registry_free(registry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_draws),
        cmocka_unit_test(test_kept_and_repeated),
        cmocka_unit_test(test_kept_rows_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
