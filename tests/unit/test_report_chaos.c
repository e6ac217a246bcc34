/* The report when memory runs out: each allocation fails in turn; it is written whole or not at
 * all, and nothing crashes. See nn_failing.h. */
#include "unit/nn_failing.h"
#include "unit/page.h"

static char *folder; /* of a store with several traces and a figure */

static int open_store(void **state)
{
    char *rows = NULL;
    size_t size;
    FILE *csv = open_memstream(&rows, &size);

    (void)state;
    fputs("dataset,generator,label,seed,kind,plugin,variant,feature,value,unit,better,n_real,"
          "n_synthetic,status,reason,job\n",
          csv);
    for (int t = 1; t < 6; t++) /* as many as all tests need */
        for (const char *g = "abc"; *g; g++)
            fprintf(csv, "t%d,%c,%c,1,metric,emd,fix,IT,%d,s,lower,1,1,ok,,j\n", t, *g, *g, *g);
    assert_int_equal(fclose(csv), 0);
    folder = store_folder();
    store_put(folder, "scores.csv", rows);
    store_put(
        folder, "figures.json",
        "[{\"name\":\"f\",\"title\":\"f\",\"x\":\"x\",\"y\":\"y\",\"lines\":[{\"label\":\"a\","
        "\"points\":[{\"x\":1,\"y\":2,\"low\":1,\"high\":3},{\"x\":2,\"y\":2}]}]}]");
    free(rows);
    setenv("PATH", "/nonexistent", 1); /* gnuplot's plots are nothing to wait for here */
    return 0;
}

static int close_store(void **state)
{
    (void)state;
    store_remove(folder);
    return 0;
}

typedef int action(weir_error *error);

static int write_pages(weir_error *error)
{
    return weir_report_write(folder, error);
}

static int print_board(weir_error *error)
{
    char *text = weir_report_leaderboard(folder, error);

    free(text);
    return text == NULL;
}

static int list_differences(weir_error *error)
{
    json_t *document = weir_report_differences(folder, error);

    json_decref(document);
    return document == NULL;
}

/* Fails every step-th allocation in turn. */
static void fail_each(action *act, int step)
{
    bool survived = false;
    int refused = 0;

    for (int n = 0; !survived; n += step) {
        weir_error error = {0};
        int status;

        until_failure = n;
        status = act(&error);
        survived = until_failure >= 0;
        until_failure = -1;
        if (survived)
            assert_int_equal(status, 0);
        if (!status) {
            assert_int_equal(error.status, WEIR_OK);
            continue; /* it was not needed, or could be done without */
        }
        if (error.status != WEIR_ENOMEM)
            fail_msg("allocation %d: %d, %s", n, (int)error.status, error.text);
        refused++;
    }
    assert_true(refused > 50);
}

static void pages(void **state)
{
    char *whole, *again;

    (void)state;
    write_report(folder);
    whole = store_get(folder, "report.md");
    fail_each(write_pages, 1);
    again = store_get(folder, "report.md");
    assert_string_equal(whole, again);
    free(whole);
    free(again);
}

static void leaderboard(void **state)
{
    (void)state;
    fail_each(print_board, 7);
}

static void differences(void **state)
{
    (void)state;
    fail_each(list_differences, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages),
        cmocka_unit_test(leaderboard),
        cmocka_unit_test(differences),
    };

    return cmocka_run_group_tests(tests, open_store, close_store);
}
