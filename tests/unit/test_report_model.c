/* What a report computes from a store, against NumPy and SciPy, and stores that are damaged.
 * Covers: core/report/load.c core/report/chain.c core/report/aggregate.c
 * Covers: core/report/rank.c core/report/csv.c
 */
#include "report/csv.h"
#include "report/model.h"
#include "report/report.h"
#include "unit/report_model.h"

static json_t *golden;

/* Positions by name; ends the test if there is none. */
static size_t find_dataset(const report_model *model, const char *name)
{
    for (size_t d = 0; d < model->dataset_count; d++)
        if (!strcmp(model->datasets[d].name, name))
            return d;
    fail_msg("no dataset %s", name);
    return 0;
}

static size_t find_feature(const report_model *model, const char *label)
{
    for (size_t f = 0; f < model->feature_count; f++)
        if (!strcmp(model->features[f].label, label))
            return f;
    fail_msg("no feature %s", label);
    return 0;
}

static size_t find_entry(const report_model *model, const char *label)
{
    for (size_t e = 0; e < model->entry_count; e++)
        if (!strcmp(model->entries[e].label, label))
            return e;
    fail_msg("no entry %s", label);
    return 0;
}

static size_t find_group(const report_model *model, const char *name)
{
    for (size_t g = 0; g < model->group_count; g++)
        if (!strcmp(model->groups[g], name))
            return g;
    fail_msg("no group %s", name);
    return 0;
}

static void cells_equal_scipy(void **state)
{
    const report_model *model = *state;
    const json_t *entry;
    size_t at, values = 0, found = 0;

    json_array_foreach(golden_list(golden, "cells"), at, entry)
    {
        const report_cell *cell =
            report_cell_at(model, find_dataset(model, report_json_text(entry, "dataset")),
                           find_feature(model, report_json_text(entry, "feature")),
                           find_entry(model, report_json_text(entry, "label")));

        assert_non_null(cell);
        assert_near(cell->mean, golden_number(entry, "mean"), 1e-12);
        assert_near(cell->min, golden_number(entry, "min"), 0);
        assert_near(cell->max, golden_number(entry, "max"), 0);
        assert_int_equal(cell->method == REPORT_T, json_object_get(entry, "low") != NULL);
        if (json_object_get(entry, "low")) {
            assert_near(cell->low, golden_number(entry, "low"), 1e-9);
            assert_near(cell->high, golden_number(entry, "high"), 1e-9);
        }
        assert_int_equal(isnan(cell->skill) != 0, json_object_get(entry, "skill") == NULL);
        if (json_object_get(entry, "skill"))
            assert_near(cell->skill, golden_number(entry, "skill"), 1e-9);
        else
            assert_true(*cell->skill_reason);
        values++;
    }
    for (size_t i = 0; i < model->dataset_count * model->feature_count * model->entry_count; i++)
        found += model->cells[i] && model->cells[i]->ok;
    assert_int_equal(found, values);
}

/* Five features of one group; one has next to no room between floor and ceiling, and one has none,
 * but for rounding. */
static void medians_beside_means(void **state)
{
    static const char *const features[] = {"IT", "FD", "AT", "LD", "BU"};
    static const double made[] = {1.5, 1.25, 1.75, 5, 5};
    static const double ceilings[] = {2, 2, 2, 1.001, 1.0000000000000002};
    char *folder = store_folder(), *rows = NULL;
    const report_average *average;
    report_model *model;
    size_t size;
    FILE *csv = open_memstream(&rows, &size);

    (void)state;
    fputs(HEADER, csv);
    for (size_t i = 0; i < 5; i++) {
        const char *f = features[i];

        fprintf(csv, "d,floor,flow-disjoint,,metric,emd,fix,%s,1,s,lower,1,1,ok,,j\n", f);
        fprintf(csv, "d,made,made,1,metric,emd,fix,%s,%g,s,lower,1,1,ok,,j\n", f, made[i]);
        fprintf(csv, "d,uniform,uniform,1,metric,emd,fix,%s,%.17g,s,lower,1,1,ok,,j\n", f,
                ceilings[i]);
    }
    assert_int_equal(fclose(csv), 0);
    store_put(folder, "scores.csv", rows);
    store_put(folder, "jobs/j/scores.json",
              "{\"scores\": [{\"feature\": \"IT\", \"ceiling\": \"uniform\"},"
              "{\"feature\": \"FD\", \"ceiling\": \"uniform\"},"
              "{\"feature\": \"AT\", \"ceiling\": \"uniform\"},"
              "{\"feature\": \"LD\", \"ceiling\": \"uniform\"},"
              "{\"feature\": \"BU\", \"ceiling\": \"uniform\"}]}");
    free(rows);
    model = open_model(folder);
    store_remove(folder);
    average = report_average_at(model, 0, REPORT_SKILL, find_group(model, "temporal EMD"),
                                find_entry(model, "made"));
    assert_int_equal(average->features, 4);
    assert_near(average->median, 0.625, 1e-12);
    assert_near(average->value, (0.5 + 0.25 + 0.75 + 4 / (1.001 - 1)) / 4, 1e-9);
    assert_string_equal(model->scales[find_feature(model, "BU")].reason,
                        "the ceiling is not above the floor");
    report_store_free(model->store);
}

/* Rows in memory get the same skills, score by score: their mean over seeds is the cell's. */
static void rows_get_their_skill(void **state)
{
    const report_model *model = *state;
    const report_store *store = model->store;
    char *folder = store_unpack();
    json_t *rows = json_array();
    weir_error error = {0};
    const json_t *entry;
    size_t at, skills = 0;

    for (size_t i = 0; i < store->row_count; i++) {
        const report_row *row = &store->rows[i];

        assert_int_equal(
            json_array_append_new(
                rows,
                json_pack("{ss ss ss ss ss ss ss ss ss ss so}", "dataset", row->dataset,
                          "generator", row->generator, "label", row->label, "kind", row->kind,
                          "plugin", row->plugin, "variant", row->variant, "feature", row->feature,
                          "better", row->better, "job", row->job, "status",
                          row->status == REPORT_OK   ? "ok"
                          : row->status == REPORT_NA ? "n/a"
                                                     : "failed",
                          "value", row->status == REPORT_OK ? json_real(row->value) : json_null())),
            0);
    }
    if (weir_report_skills(folder, rows, &error))
        fail_msg("%s", error.text);
    store_remove(folder);
    json_array_foreach(golden_list(golden, "cells"), at, entry)
    {
        const json_t *row;
        double sum = 0;
        size_t n = 0, i;

        json_array_foreach(rows, i, row)
        {
            bool same = !strcmp(report_json_text(row, "status"), "ok");

            for (size_t k = 0; k < 3; k++) {
                const char *key = ((const char *[]){"dataset", "feature", "label"})[k];

                same &= !strcmp(report_json_text(row, key), report_json_text(entry, key));
            }
            if (!same)
                continue;
            assert_int_equal(json_is_real(json_object_get(row, "skill")),
                             json_object_get(entry, "skill") != NULL);
            assert_int_equal(*report_json_text(row, "skill_reason") != 0,
                             json_object_get(entry, "skill") == NULL);
            sum += report_json_number(row, "skill", 0);
            n++;
        }
        assert_true(n > 0);
        if (!json_object_get(entry, "skill"))
            continue;
        assert_near(sum / (double)n, golden_number(entry, "skill"), 1e-9);
        skills++;
    }
    assert_true(skills > 10);
    json_decref(rows);
    /* Without the store there is nothing to go by, and no row is touched. */
    rows = json_pack("[{ss}]", "status", "ok");
    assert_int_equal(weir_report_skills("/nowhere", rows, &error), WEIR_EIO);
    assert_int_equal(json_object_size(json_array_get(rows, 0)), 1);
    json_decref(rows);
}

static void boards_equal_scipy(void **state)
{
    const report_model *model = *state;
    const json_t *entry, *skill;
    size_t at;

    json_array_foreach(golden_list(golden, "boards"), at, entry)
    {
        size_t dataset = find_dataset(model, report_json_text(entry, "dataset"));
        size_t who = find_entry(model, report_json_text(entry, "label"));
        const report_trace *trace = &model->traces[model->datasets[dataset].trace];
        const report_board *board = &model->boards[model->datasets[dataset].trace];
        const report_line *line = board->lines;
        const char *group;

        while (line->entry != who)
            line++;
        if (trace->held_out == (int)dataset) {
            assert_near(line->held_out, golden_number(entry, "rank"), 1e-12);
            continue;
        }
        assert_near(line->rank, golden_number(entry, "rank"), 1e-12);
        assert_int_equal(line->features, (size_t)golden_number(entry, "features"));
        for (size_t g = 0; g < model->group_count; g++)
            assert_int_equal(line->skills[g] > 0, json_object_get(json_object_get(entry, "skill"),
                                                                  model->groups[g]) != NULL);
        json_object_foreach(json_object_get(entry, "skill"), group, skill)
            assert_near(line->skill[find_group(model, group)], json_number_value(skill), 1e-9);
    }
}

static void averages_equal_scipy(void **state)
{
    static const char *const norms[] = {"skill", "cascadenet", "netshare", "none"};
    const report_model *model = *state;
    const json_t *entry;
    size_t at, others = 0;

    json_array_foreach(golden_list(golden, "averages"), at, entry)
    {
        size_t dataset = find_dataset(model, report_json_text(entry, "dataset"));
        const report_average *average;
        size_t norm = 0;

        while (strcmp(norms[norm], report_json_text(entry, "norm")))
            norm++;
        assert_string_equal(report_norm_name((report_norm)norm), norms[norm]);
        average = report_average_at(model, model->datasets[dataset].trace, (report_norm)norm,
                                    find_group(model, report_json_text(entry, "group")),
                                    find_entry(model, report_json_text(entry, "label")));
        assert_near(average->value, golden_number(entry, "value"), 1e-9);
        assert_true(isnan(average->median));
        assert_int_equal(average->features, (size_t)golden_number(entry, "features"));
    }
    for (size_t t = 0; t < model->trace_count; t++)
        for (size_t g = 0; g < model->group_count; g++)
            for (size_t e = 0; e < model->entry_count; e++)
                for (report_norm norm = REPORT_CASCADENET; norm < REPORT_NORMS; norm++)
                    others += report_average_at(model, t, norm, g, e)->features > 0;
    assert_int_equal(others, json_array_size(golden_list(golden, "averages")));
}

static void roles_and_traces(void **state)
{
    const report_model *model = *state;
    const report_trace *sample;

    assert_int_equal(model->trace_count, 2);
    sample = &model->traces[model->datasets[find_dataset(model, "sample:train")].trace];
    assert_string_equal(sample->name, "sample");
    assert_int_equal(sample->main, find_dataset(model, "sample:train"));
    assert_int_equal(sample->held_out, find_dataset(model, "sample:test"));
    assert_int_equal(model->traces[0].held_out, -1);
    assert_int_equal(model->ranked, 5);
    assert_int_equal(model->entries[find_entry(model, "marginals")].role, REPORT_CEILING);
    assert_int_equal(model->entries[find_entry(model, "by time")].role, REPORT_FLOOR);
    assert_int_equal(model->seeds, 3);
    assert_true(model->floor_by_time); /* lan has no other */
    assert_string_equal(model->features[find_feature(model, "IT")].title, "interarrival time");
    assert_string_equal(model->features[find_feature(model, "SA")].ceiling, "uniform");
}

static void failures_rank_last_and_say_why(void **state)
{
    const report_model *model = *state;
    size_t dataset = find_dataset(model, "sample:train"), it = find_feature(model, "IT");
    const report_cell *broken = report_cell_at(model, dataset, it, find_entry(model, "broken"));
    const report_cell *ctgan = report_cell_at(model, dataset, it, find_entry(model, "CTGAN"));

    assert_int_equal(broken->failed, 3);
    assert_true(broken->rank == 4); /* of four: CTGAN has none */
    assert_string_equal(broken->reason, "fit: crashed (SIGSEGV)");
    assert_true(isnan(ctgan->rank));
    assert_string_equal(ctgan->reason, "the synthetic data has no timestamps");
    assert_int_equal(model->failure_count, 3);
    assert_non_null(strstr(model->failures[0]->log, "about to <crash> & burn"));
    assert_null(strstr(model->failures[0]->log, "epoch 3,")); /* only the last lines */
}

static void costs_follow_the_jobs(void **state)
{
    const report_model *model = *state;
    size_t trace = model->datasets[find_dataset(model, "sample:train")].trace;
    const report_cost *gan =
        &model->costs[trace * model->entry_count + find_entry(model, "CascadeGAN")];
    const report_cost *broken =
        &model->costs[trace * model->entry_count + find_entry(model, "broken")];

    assert_int_equal(gan->runs, 3);
    assert_true(gan->fit > 300 && gan->fit < 600);    /* 412 s, more or less 5 % a seed */
    assert_near(gan->effort, gan->cpu_seconds, 1e-6); /* on the CPU, never interrupted */
    assert_near(gan->sample, 4.6778, 1e-9);           /* 0.1 + 412 / 90, rounded */
    assert_near(gan->save, 0.03, 1e-9);
    assert_near(gan->open, 0.03, 1e-9);
    assert_near(gan->peak_memory, 40e6 + 6100000 * 9., 1e-12);
    assert_near(gan->model_bytes, (double)strlen("{\"plugin\": \"cascadegan\"}\n"), 1e-12);
    assert_near(gan->seconds, gan->open + gan->fit + gan->sample + gan->save, 1e-6);
    assert_true(gan->score > 0.1 && gan->score < 0.3);
    assert_int_equal(broken->runs, 0);
}

static void ten_seeds_are_bootstrapped(void **state)
{
    const json_t *bca = json_object_get(golden, "bca");
    size_t n;
    double *values = golden_doubles(bca, "values", &n), width;
    char *rows = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&rows, &size);
    report_model *model;
    const report_cell *cell;

    (void)state;
    for (size_t i = 0; i < n; i++)
        fprintf(file, "t,g,g,%zu,metric,emd,fix,IT,%.17g,s,lower,5,6,ok,,j\n", i + 1, values[i]);
    fclose(file);
    model = model_of(rows);
    cell = report_cell_at(model, 0, 0, 0);
    width = golden_number(bca, "high") - golden_number(bca, "low");
    assert_int_equal(cell->method, REPORT_BCA);
    assert_near(cell->mean, golden_number(bca, "mean"), 1e-12);
    /* 2000 resamples of our own against SciPy's 200000. */
    assert_true(fabs(cell->low - golden_number(bca, "low")) < 0.08 * width);
    assert_true(fabs(cell->high - golden_number(bca, "high")) < 0.08 * width);
    report_store_free(model->store);
    free(rows);
    free(values);
}

static void best_and_tied(void **state)
{
    report_model *model = model_of("t,a,a,1,metric,acc,,A,0.90,,higher,5,6,ok,,j\n"
                                   "t,a,a,2,metric,acc,,A,0.92,,higher,5,6,ok,,j\n"
                                   "t,b,b,1,metric,acc,,A,0.80,,higher,5,6,ok,,j\n"
                                   "t,b,b,2,metric,acc,,A,0.95,,higher,5,6,ok,,j\n"
                                   "t,c,c,1,metric,acc,,A,0.10,,higher,5,6,ok,,j\n"
                                   "t,c,c,2,metric,acc,,A,0.11,,higher,5,6,ok,,j\n"
                                   "t,d,d,1,metric,acc,,A,0.89,,higher,5,6,ok,,j\n");

    (void)state;
    assert_true(report_cell_at(model, 0, 0, 0)->best && !report_cell_at(model, 0, 0, 0)->tied);
    assert_true(report_cell_at(model, 0, 0, 1)->tied && !report_cell_at(model, 0, 0, 1)->best);
    assert_false(report_cell_at(model, 0, 0, 2)->tied);
    assert_false(report_cell_at(model, 0, 0, 3)->tied); /* one seed tells nothing */
    assert_true(report_cell_at(model, 0, 0, 0)->rank == 1);
    assert_true(report_cell_at(model, 0, 0, 2)->rank == 4);
    report_store_free(model->store);
}

static void references_alone_are_compared(void **state)
{
    report_model *model = model_of("t,marginals,marginals,1,metric,emd,fix,IT,2,s,lower,1,1,ok,,j\n"
                                   "t,uniform,uniform,1,metric,emd,fix,IT,1,s,lower,1,1,ok,,j\n"
                                   "t,uniform,uniform,1,metric,emd,ref,IT,9,s,lower,1,1,ok,,j\n");

    (void)state;
    assert_int_equal(model->ranked, 2);
    assert_true(model->boards[0].lines[0].rank == 1);
    assert_string_equal(model->entries[model->boards[0].lines[0].entry].label, "uniform");
    assert_int_equal(model->boards[0].features, 1); /* ref stands beside fix and is not counted */
    report_store_free(model->store);
}

/* ---- Damaged stores -------------------------------------------------------------------------- */

/* What loading a store with this scores.csv (NULL: none) says. */
static void refused(const char *scores, const char *message)
{
    char *folder = store_folder();
    weir_error error = {0};

    if (scores)
        store_put(folder, "scores.csv", scores);
    assert_null(report_load(folder, &error));
    if (!strstr(error.text, message) || strchr(error.text, '\n'))
        fail_msg("'%s' instead of '…%s…'", error.text, message);
    store_remove(folder);
}

static char *row(const char *value, const char *status)
{
    static char text[1024];

    snprintf(text, sizeof text, "%st,g,g,1,metric,emd,fix,IT,%s,s,lower,5,6,%s,,j\n", HEADER, value,
             status);
    return text;
}

static void broken_scores_are_one_line(void **state)
{
    char *missing = strdup(HEADER);
    weir_error error = {0};

    (void)state;
    memmove(strstr(missing, "unit,"), strstr(missing, "better,"),
            strlen(strstr(missing, "better,")) + 1);
    refused(missing, "scores.csv:1: the column 'unit' is missing");
    free(missing);
    refused(NULL, "scores.csv: No such file or directory");
    refused("", "scores.csv: is empty; its first line should name the columns");
    refused(row("1.5x", "ok"), "scores.csv:2: column 'value': '1.5x' is not a number");
    refused(row("nan", "ok"), "scores.csv:2: column 'value': 'nan' is not a number");
    refused(row("", "ok"), "scores.csv:2: column 'value': is empty although the status is ok");
    refused(row("1", "done"), "scores.csv:2: column 'status': 'done' is none of ok, n/a, failed");
    refused(row("1,2", "ok"), "scores.csv:2: 17 fields; the header has 16");
    refused(row("\"1", "ok"), "scores.csv:2: a quoted field is not closed properly");
    assert_null(report_load("/no/such/store", &error));
    assert_string_equal(error.text, "/no/such/store: No such file or directory");
}

static void damaged_jobs_are_noted(void **state)
{
    char *folder = store_unpack();
    weir_error error = {0};
    report_store *store;

    (void)state;
    store_put(folder, "manifest.json", "{ \"experiment\": ");
    store_put(folder, "jobs/damaged/status.json", "[]");
    store_put(folder, "jobs/empty/other", "");
    store = report_load(folder, &error);
    assert_non_null(store);
    assert_null(store->manifest);
    assert_int_equal(store->note_count, 2);
    assert_non_null(strstr(store->notes[0], "jobs/damaged/status.json: is not a JSON object"));
    assert_non_null(strstr(store->notes[1], "manifest.json:1: "));
    assert_non_null(report_find_job(store, "empty"));
    assert_null(report_find_job(store, "none"));
    report_store_free(store);
    store_remove(folder);
}

static void parts_of_a_model_are_followed(void **state)
{
    char *folder = store_folder();
    const report_job *list[8];
    weir_error error = {0};
    report_store *store;

    (void)state;
    store_put(folder, "scores.csv", row("1", "ok"));
    store_put(folder, "jobs/j/spec.json",
              "{\"inputs\":{\"synthetic\":{\"data\":\"/x/jobs/s/synthetic.weir\"}}}");
    store_put(folder, "jobs/s/spec.json", "{\"inputs\":{\"model\":\"/x/jobs/m/model\"}}");
    store_put(folder, "jobs/m/spec.json",
              "{\"inputs\":{\"models\":[\"jobs/a/model\",\"/x/jobs/b/model\",3]}}");
    store_put(folder, "jobs/a/spec.json", "{}");
    store_put(folder, "jobs/b/spec.json", "{\"inputs\":{\"base\":\"/x/jobs/a/model\"}}");
    store = report_load(folder, &error);
    assert_non_null(store);
    assert_int_equal(report_chain(store, "j", list, 8), 4);
    assert_string_equal(list[0]->id, "s");
    assert_string_equal(list[1]->id, "m");
    assert_int_equal(report_chain(store, "j", list, 2), 2);
    assert_int_equal(report_chain(store, "nothing", list, 8), 0);
    report_store_free(store);
    store_remove(folder);
}

static void csv_quotes(void **state)
{
    char *folder = store_folder();
    char path[4096];
    weir_error error = {0};
    report_csv csv;

    (void)state;
    store_put(folder, "x.csv", "a,b\r\n\"one, \"\"two\"\"\nthree\",4\n\n,\n5,6");
    snprintf(path, sizeof path, "%s/x.csv", folder);
    assert_int_equal(report_csv_read(&csv, path, &error), WEIR_OK);
    assert_int_equal(csv.rows, 3);
    assert_int_equal(report_csv_column(&csv, "b"), 1);
    assert_int_equal(report_csv_column(&csv, "c"), -1);
    assert_string_equal(report_csv_field(&csv, 0, 0), "one, \"two\"\nthree");
    assert_string_equal(report_csv_field(&csv, 0, 1), "4");
    assert_string_equal(report_csv_field(&csv, 1, 1), "");
    assert_string_equal(report_csv_field(&csv, 2, 1), "6");
    assert_int_equal(csv.lines[1], 5); /* the quoted line end and the empty line count */
    report_csv_free(&csv);
    store_remove(folder);
}

static int open_example(void **state)
{
    char *folder = store_unpack();

    *state = open_model(folder);
    store_remove(folder);
    golden = golden_load("store/golden.json");
    return 0;
}

static int close_example(void **state)
{
    report_store_free(((report_model *)*state)->store);
    json_decref(golden);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_equal_scipy),
        cmocka_unit_test(rows_get_their_skill),
        cmocka_unit_test(medians_beside_means),
        cmocka_unit_test(boards_equal_scipy),
        cmocka_unit_test(averages_equal_scipy),
        cmocka_unit_test(roles_and_traces),
        cmocka_unit_test(failures_rank_last_and_say_why),
        cmocka_unit_test(costs_follow_the_jobs),
        cmocka_unit_test(ten_seeds_are_bootstrapped),
        cmocka_unit_test(best_and_tied),
        cmocka_unit_test(references_alone_are_compared),
        cmocka_unit_test(broken_scores_are_one_line),
        cmocka_unit_test(damaged_jobs_are_noted),
        cmocka_unit_test(parts_of_a_model_are_followed),
        cmocka_unit_test(csv_quotes),
    };

    return cmocka_run_group_tests(tests, open_example, close_example);
}
