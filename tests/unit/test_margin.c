/* Columns as ranks: pieces, ranks and values by hand, uniform ranks, the way through an archive. */
#include "files.h"
#include "generator_test.h"
#include "plugin/archive.h"
#include <math.h>

/* 100 packets: 50 of 40 bytes, 30 of 1500, and 1 each of 100, 110 … 290. */
static weir_dataset *lengths(void)
{
    weir_error error = {0};
    weir_table *table = weir_table_new(WEIR_PACKETS, 100, &error);

    for (int i = 0; i < 100; i++) {
        weir_i64_out(table, "time")[i] = i;
        weir_u16_out(table, "pkt_len")[i] = (uint16_t)(i < 50   ? 40
                                                       : i < 80 ? 1500
                                                                : 100 + 10 * (i - 80));
    }
    return weir_dataset_new(table, &error);
}

static void test_pieces(void **state)
{
    weir_dataset *data = lengths();
    weir_registry *registry;
    weir_job *job = any_job(&registry);
    weir_margin margin = {0};

    (void)state;
    /* At least 10 rows a piece: 40 | 100 … 190 | 200 … 290 | 1500. */
    assert_int_equal(weir_margin_learn(job, weir_dataset_table(data), "pkt_len", 10, &margin), 0);
    assert_int_equal(margin.count, 4);
    assert_true(margin.pieces[0] == 40 && margin.pieces[1] == 40 && margin.pieces[2] == 0.5);
    assert_true(margin.pieces[3] == 100 && margin.pieces[4] == 190 && margin.pieces[5] == 0.6);
    assert_true(margin.pieces[9] == 1500 && margin.pieces[10] == 1500 && margin.pieces[11] == 1);
    assert_true(weir_margin_rank(&margin, 40) == 0.25);
    assert_true(weir_margin_rank(&margin, 1500) == 0.85);
    assert_true(fabs(weir_margin_rank(&margin, 145) - 0.55) < 1e-12);
    assert_true(weir_margin_rank(&margin, 0) == 0 && weir_margin_rank(&margin, 9000) == 1);
    assert_true(weir_margin_rank(&margin, 60) == 0.5); /* between two pieces */
    assert_true(weir_margin_value(&margin, 0.1) == 40 && weir_margin_value(&margin, 0.499) == 40);
    assert_true(fabs(weir_margin_value(&margin, 0.65) - 245) < 1e-9);
    assert_true(weir_margin_value(&margin, 0.71) == 1500 && weir_margin_value(&margin, 1) == 1500);
    assert_true(weir_margin_value(&margin, -3) == 40 && weir_margin_value(&margin, 3) == 1500);
    assert_true(weir_margin_value(&margin, (double)NAN) == 40);
    weir_job_free(job);
    weir_registry_free(registry);
    weir_dataset_free(data);
}

/* Evenly spread ranks decode to the training distribution. */
static void test_margin(void **state)
{
    weir_dataset *data = lengths();
    weir_error error = {0};
    weir_registry *registry;
    weir_job *job = any_job(&registry);
    weir_table *out = weir_table_new(0, 1000, &error);
    weir_margin margin = {0};
    float in[1000];
    int small = 0, large = 0;

    (void)state;
    assert_int_equal(weir_margin_learn(job, weir_dataset_table(data), "pkt_len", 50, &margin), 0);
    for (int i = 0; i < 1000; i++)
        in[i] = ((float)i + 0.5f) / 1000;
    assert_int_equal(weir_margin_decode(job, &margin, in, 1, 1000, out), 0);
    for (int i = 0; i < 1000; i++) {
        small += weir_u16(out, "pkt_len")[i] == 40;
        large += weir_u16(out, "pkt_len")[i] == 1500;
    }
    assert_int_equal(small, 500);
    assert_int_equal(large, 300);
    weir_table_free(out);
    weir_job_free(job);
    weir_registry_free(registry);
    weir_dataset_free(data);
}

static void test_refused(void **state)
{
    weir_error error = {0};
    weir_registry *registry;
    weir_job *job = any_job(&registry);
    weir_table *table = weir_table_new(0, 2, &error);
    weir_margin margin = {0};

    (void)state;
    assert_int_equal(weir_table_add(table, "x", WEIR_F64, 1, &error), WEIR_OK);
    weir_f64_out(table, "x")[1] = (double)INFINITY;
    assert_int_equal(weir_margin_learn(job, table, "x", 10, &margin), WEIR_EDATA);
    assert_string_equal(weir_job_error(job)->text, "column 'x', row 2: inf");
    weir_table_free(table);
    weir_job_free(job);
    weir_registry_free(registry);
}

/* Writes an archive and reads it again; the job keeps neither. */
static weir_archive *through_a_folder(weir_archive *archive, weir_job *job)
{
    static const char folder[] = WEIR_BUILD_DIR "/tests/margin_model";
    json_t *head = json_object();
    weir_archive *read;

    assert_int_equal(weir_folder_make(folder, NULL), WEIR_OK);
    assert_int_equal(weir_archive_write(archive, folder, head), WEIR_OK);
    read = weir_archive_read(folder, weir_job_error(job));
    assert_non_null(read);
    weir_folder_remove(folder, NULL);
    weir_archive_free(archive);
    json_decref(head);
    return read;
}

/* What a file says that no training gives: a length below 0, places in no order. */
static void test_damaged(void **state)
{
    static const double pieces[3] = {-5, 3, 1};
    static const uint64_t values[] = {7, 6}, rows[] = {1, 1};
    weir_error error = {0};
    weir_registry *registry;
    weir_job *job = any_job(&registry);
    weir_margin margin = {"pkt_len", WEIR_U16, 1, pieces}, learnt = {0};
    weir_places places = {
        .name = "proto", .type = WEIR_U8, .width = 2, .values = values, .rows = rows};
    weir_archive *archive = weir_archive_new(&error);

    (void)state;
    assert_int_equal(weir_margin_save(&margin, 0, archive), WEIR_OK);
    archive = through_a_folder(archive, job);
    assert_int_equal(weir_margin_load(job, &learnt, 0, archive), WEIR_EDATA);
    weir_archive_free(archive);
    weir_job_free(job);
    weir_registry_free(registry);

    job = any_job(&registry);
    archive = weir_archive_new(&error);
    assert_int_equal(weir_places_save(&places, 0, archive), WEIR_OK);
    archive = through_a_folder(archive, job);
    assert_int_equal(weir_places_load(job, &places, 0, archive), WEIR_EDATA);
    assert_string_equal(weir_job_error(job)->text, "place 1 of column 'proto' is out of order");
    weir_archive_free(archive);
    weir_job_free(job);
    weir_registry_free(registry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pieces), cmocka_unit_test(test_margin),
                                       cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_damaged)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
