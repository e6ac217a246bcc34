/* What the report can tell apart: ranks, pairs, Friedman, agreement, against SciPy on made-up
 * stores; and how the pages say it.
 * Covers: core/report/differences.c core/report/differences_text.c core/report/differences_json.c
 * Covers: core/report/html_differences.c core/report/markdown_differences.c core/report/diagram.c
 */
#include "report/differences.h"
#include "report/html.h"
#include "report/report.h"
#include "unit/page.h"
#include "unit/report_model.h"

static json_t *golden;

/* The store of the golden values with its first traces only. */
static char *golden_store(size_t traces)
{
    char *folder = store_folder(), end[32];
    char *rows = store_get(WEIR_SOURCE_DIR, "tests/golden/differences/scores.csv"), *cut;

    snprintf(end, sizeof end, "\nt%zu,", traces + 1);
    cut = strstr(rows, end);
    if (cut)
        cut[1] = 0;
    store_put(folder, "scores.csv", rows);
    free(rows);
    return folder;
}

static void close_model(report_model *model)
{
    report_store_free(model->store);
}

static size_t find_entry(const report_model *model, const char *label)
{
    for (size_t e = 0; e < model->entry_count; e++)
        if (!strcmp(model->entries[e].label, label))
            return e;
    fail_msg("no entry %s", label);
    return 0;
}

/* A number that the golden value may lack. */
static void agrees(double found, const json_t *wanted)
{
    if (json_is_number(wanted))
        assert_near(found, json_number_value(wanted), 1e-9);
    else
        assert_true(isnan(found));
}

static void check_generators(const report_model *model, const json_t *wanted)
{
    const json_t *one;
    size_t at;

    json_array_foreach(golden_list(wanted, "generators"), at, one)
    {
        const report_line *line = model->overall.lines;
        size_t entry = find_entry(model, json_string_value(json_object_get(one, "label")));
        bool reference = json_is_true(json_object_get(one, "reference"));

        while (line->entry != entry)
            line++;
        assert_int_equal(reference, entry >= model->ranked);
        assert_near(reference ? line->would : line->rank, golden_number(one, "rank"), 1e-9);
        assert_true(isnan(reference ? line->rank : line->would));
    }
}

static void check_pairs(const report_model *model, const json_t *wanted)
{
    const json_t *one;
    size_t at;

    assert_int_equal(model->differences->family, golden_number(wanted, "family"));
    json_array_foreach(golden_list(wanted, "pairs"), at, one)
    {
        const report_pair *pair =
            report_pair_at(model, model->trace_count,
                           find_entry(model, json_string_value(json_object_get(one, "a"))),
                           find_entry(model, json_string_value(json_object_get(one, "b"))));
        const json_t *apart = golden_list(one, "apart");

        assert_int_equal(pair->traces, golden_number(one, "traces"));
        assert_near(pair->net, golden_number(one, "net"), 1e-9);
        assert_int_equal(pair->features, golden_number(one, "features"));
        for (size_t i = 0; i < 2; i++)
            assert_int_equal(pair->apart[i], json_integer_value(json_array_get(apart, i)));
        assert_int_equal(pair->alike, golden_number(one, "alike"));
        assert_int_equal(pair->unknown, golden_number(one, "unknown"));
        agrees(pair->p, json_object_get(one, "p"));
        agrees(pair->corrected, json_object_get(one, "corrected"));
    }
    assert_int_equal(at, model->differences->pair_count);
}

static void check_friedman(const report_model *model, const json_t *wanted)
{
    const struct report_differences *what = model->differences;
    const json_t *ranks = json_object_get(wanted, "ranks");

    assert_true(what->tested);
    assert_int_equal(what->k, golden_number(wanted, "k"));
    assert_near(what->friedman.f, golden_number(wanted, "f"), 1e-9);
    assert_near(what->friedman.p, golden_number(wanted, "p"), 1e-12);
    assert_near(what->critical, golden_number(wanted, "critical"), 1e-4);
    assert_int_equal(json_object_size(ranks), what->k);
    for (size_t i = 0; i < what->k; i++) {
        const char *label = model->entries[what->compared[i]].label;

        assert_near(what->mean_ranks[i], golden_number(ranks, label), 1e-12);
        assert_true(!i || what->mean_ranks[i - 1] <= what->mean_ranks[i]);
    }
}

static size_t find_name(const report_model *model, bool traces, const char *name)
{
    size_t n = traces ? model->trace_count : model->group_count;

    for (size_t i = 0; i < n; i++)
        if (!strcmp(traces ? model->traces[i].name : model->groups[i], name))
            return i;
    fail_msg("no %s", name);
    return 0;
}

static void check_agreement(const report_model *model, const json_t *list, bool traces)
{
    const struct report_differences *what = model->differences;
    const json_t *one;
    size_t at;

    json_array_foreach(list, at, one)
    {
        size_t a = find_name(model, traces, json_string_value(json_object_get(one, "a")));
        size_t b = find_name(model, traces, json_string_value(json_object_get(one, "b")));
        size_t first = a < b ? a : b, second = a < b ? b : a;
        const report_agreement *found =
            traces ? &what->between_traces[first * model->trace_count + second]
                   : &what->between_groups[first * model->group_count + second];

        assert_int_equal(found->k, golden_number(one, "k"));
        agrees(found->rho, json_object_get(one, "rho"));
        agrees(found->rho_p, json_object_get(one, "rho_p"));
        agrees(found->tau, json_object_get(one, "tau"));
        agrees(found->tau_p, json_object_get(one, "tau_p"));
    }
}

static void differences_equal_scipy(void **state)
{
    const json_t *wanted;
    size_t at;

    (void)state;
    json_array_foreach(golden_list(golden, "cases"), at, wanted)
    {
        char *folder = golden_store((size_t)golden_number(wanted, "traces"));
        report_model *model = open_model(folder);

        assert_int_equal(model->trace_count, golden_number(wanted, "traces"));
        check_generators(model, wanted);
        check_pairs(model, wanted);
        check_friedman(model, json_object_get(wanted, "friedman"));
        check_agreement(model, golden_list(wanted, "between_traces"), true);
        check_agreement(model, golden_list(wanted, "between_groups"), false);
        close_model(model);
        store_remove(folder);
    }
    assert_int_equal(at, 2);
}

/* ---- What is said ---------------------------------------------------------------------------- */

static char *page_of(const char *folder, const char *name)
{
    weir_error error = {0};

    if (weir_report_write(folder, &error) != 0)
        fail_msg("%s", error.text);
    return store_get(folder, name);
}

static void few_traces_are_not_tested(void **state)
{
    char *folder = golden_store(3), *markdown = page_of(folder, "report.md");
    char *html = store_get(folder, "report.html");

    (void)state;
    contains(markdown,
             ". 3 traces are too few to tell pair by pair whether that holds for others.\n");
    contains(markdown, "(Friedman's test): too few (n = 3); it is run");
    contains(markdown, "too few (n = 3); one test gives p = 0.25 at the least, and 10 pairs need "
                       "9 traces.");
    contains(markdown, "| A | B | ");
    lacks(markdown, "is better |");
    contains(html, "too few (n = 4)"); /* t2 ranks four generators */
    lacks(html, "Critical-difference");
    lacks(html, "(p = 0)");
    free(html);
    free(markdown);
    store_remove(folder);
}

static void many_traces_are(void **state)
{
    char *folder = golden_store(8), *markdown = page_of(folder, "report.md");
    char *html = store_get(folder, "report.html");

    (void)state;
    contains(markdown, "\n\nBest mean rank: A (1.");
    contains(markdown, ". Tested pair by pair over the traces, A is better than C, D; not "
                       "distinguishable from B; not tested (too few traces) against E.\n");
    contains(html, "<p>Best mean rank: A (1.");
    contains(markdown, "Over 8 traces the places of 4 generators differ by more than chance");
    contains(markdown, "mean places, 1 to 4 on each trace, are 1.66 or more apart");
    contains(markdown, "Not distinguishable: A and B; C and D. Left out, having no rank on some "
                       "trace: E\n");
    contains(markdown, "Holm's correction): 4 of 6 tested are distinguishable at 0.05; 4 with too "
                       "few traces were not tested.");
    contains(markdown, "p = 0.047 | A is better |");
    contains(markdown, "p = 0.38 | not distinguishable |");
    contains(markdown, "| – | too few (n = 7) |");
    contains(markdown, "copy (canary) | (1.00) |");
    contains(html, "<svg viewBox=\"0 0 760");
    contains(html, "critical difference 1.66</text>");
    contains(html, ">A 1.38</text>");
    contains(html, "not distinguish&shy;able");
    lacks(html, "nan");
    free(html);
    free(markdown);
    store_remove(folder);
}

static void cliques_are_the_largest(void **state)
{
    double ranks[] = {1, 1.5, 2.5, 3, 6};
    struct report_differences what = {.k = 5, .mean_ranks = ranks, .tested = true, .critical = 1.6};
    report_clique cliques[5];

    (void)state;
    what.friedman.p = 0.01;
    assert_int_equal(report_cliques(&what, cliques), 2);
    assert_int_equal(cliques[0].first, 0);
    assert_int_equal(cliques[0].last, 2);
    assert_int_equal(cliques[1].first, 1);
    assert_int_equal(cliques[1].last, 3);
    what.critical = 0.4;
    assert_int_equal(report_cliques(&what, cliques), 0);
    what.friedman.p = 0.2; /* nothing was found: all go together */
    assert_int_equal(report_cliques(&what, cliques), 1);
    assert_int_equal(cliques[0].last, 4);
    what.tested = false;
    assert_int_equal(report_cliques(&what, cliques), 0);
}

/* A test by ranks: who wins a little on most traces is ahead, although the mean share is the
 * other's, who wins all on a few. */
static void direction_is_the_tests(void **state)
{
    char *rows = NULL;
    size_t size;
    FILE *csv = open_memstream(&rows, &size);
    report_text verdict = {0};
    report_model *model;

    (void)state;
    for (int t = 0; t < 24; t++)
        for (const char *g = "ab"; *g; g++)
            for (int f = 0; f < 8; f++)
                fprintf(csv, "t%02d,%c,%c,1,metric,m,,F%d,%d,s,lower,1,1,ok,,j\n", t, *g, *g, f,
                        t < 3 ? *g == 'a' : *g == 'b' && f == 0);
    assert_int_equal(fclose(csv), 0);
    model = model_of(rows);
    free(rows);
    assert_near(report_pair_at(model, 24, 0, 1)->net, (21. / 8 - 3) / 24, 1e-12);
    assert_true(report_pair_at(model, 24, 0, 1)->corrected < 0.05);
    report_verdict(model, 0, 1, &verdict);
    assert_string_equal(verdict.data, "a is better");
    report_free(&verdict);
    close_model(model);
}

/* Five traces that rank nobody before another. */
static void all_equal(void **state)
{
    char *rows = NULL;
    size_t size;
    FILE *csv = open_memstream(&rows, &size);
    report_model *model;
    char text[REPORT_NUMBER];

    (void)state;
    for (int t = 0; t < 5; t++)
        for (const char *g = "abc"; *g; g++)
            for (int seed = 1; seed < 3; seed++)
                fprintf(csv, "t%d,%c,%c,%d,metric,emd,fix,IT,1,s,lower,1,1,ok,,j\n", t, *g, *g,
                        seed);
    assert_int_equal(fclose(csv), 0);
    model = model_of(rows);
    free(rows);
    assert_true(model->differences->tested);
    assert_true(model->differences->friedman.p == 1);
    assert_int_equal(report_pair_at(model, 5, 0, 1)->alike, 5);
    assert_true(report_pair_at(model, 5, 0, 1)->net == 0);
    assert_true(isnan(model->differences->between_traces[1].rho)); /* constant */
    assert_string_equal(report_untested(&(report_agreement){.k = 3}, text), "too few (n = 3)");
    assert_string_equal(report_untested(&(report_agreement){.k = 5, .rho = NAN}, text),
                        "all equal");
    assert_string_equal(report_untested(&(report_agreement){.k = 5, .rho = 1}, text),
                        "too many ties");
    assert_int_equal(model->overall.lines[0].best, 5);
    close_model(model);
}

/* c, alone on its trace, is not before a, which won against b. */
static void alone_is_no_rank(void **state)
{
    report_model *model = model_of("t,a,a,1,metric,emd,fix,IT,1,s,lower,1,1,ok,,j\n"
                                   "t,b,b,1,metric,emd,fix,IT,2,s,lower,1,1,ok,,j\n"
                                   "t,a,a,1,metric,emd,fix,AT,2,s,lower,1,1,ok,,j\n"
                                   "t,b,b,1,metric,emd,fix,AT,1,s,lower,1,1,ok,,j\n"
                                   "u,c,c,1,metric,emd,fix,IT,9,s,lower,1,1,ok,,j\n");
    const report_line *lines = model->overall.lines;

    (void)state;
    assert_near(lines[0].rank, 1.5, 1e-12);
    assert_near(lines[1].rank, 1.5, 1e-12);
    assert_string_equal(model->entries[lines[2].entry].label, "c");
    assert_true(isnan(lines[2].rank));
    assert_int_equal(model->overall.features, 2);
    close_model(model);
}

/* Means over two traces of shares of copied records, which are not ranked. */
static void copies_are_shown_apart(void **state)
{
    report_model *model = model_of("t,a,a,1,metric,emd,fix,IT,1,s,lower,1,1,ok,,j\n"
                                   "t,a,a,1,metric,overlap,,REC,0.9,,neither,1,1,ok,,j\n"
                                   "t,a,a,1,metric,overlap,,REC_REAL,0.2,,neither,1,1,ok,,j\n"
                                   "u,a,a,1,metric,emd,fix,IT,1,s,lower,1,1,ok,,j\n"
                                   "u,a,a,1,metric,overlap,,REC,0.7,,neither,1,1,ok,,j\n"
                                   "u,a,a,1,metric,overlap,,REC_REAL,0.4,,neither,1,1,ok,,j\n");
    report_figures figures = {0};
    report_text page = {0};

    (void)state;
    assert_near(model->boards[0].lines[0].copied, 0.9, 1e-12);
    assert_near(model->overall.lines[0].copied, 0.8, 1e-12);
    assert_near(model->overall.lines[0].repeated, 0.3, 1e-12);
    assert_int_equal(model->overall.features, 2);
    figures.problem = "";
    report_markdown_page(&page, model, &figures);
    contains(page.data, "| copied (real halves: 30 %) |");
    contains(page.data, " 80 % |");
    lacks(page.data, "Best mean rank"); /* of one */
    report_free(&page);
    close_model(model);
}

static void one_seed_tells_nothing(void **state)
{
    report_model *model = model_of("t,a,a,1,metric,emd,fix,IT,1,s,lower,1,1,ok,,j\n"
                                   "t,b,b,1,metric,emd,fix,IT,2,s,lower,1,1,ok,,j\n"
                                   "t,copy,mine,1,metric,emd,fix,IT,0,s,lower,1,1,ok,,j\n");
    report_text text = {0};

    (void)state;
    /* A copy is not ranked, whatever its label. */
    assert_int_equal(model->ranked, 2);
    assert_string_equal(model->entries[2].generator, "copy");
    assert_true(model->overall.lines[2].would == 1);
    assert_int_equal(report_pair_at(model, 0, 0, 1)->unknown, 1);
    assert_false(report_have_intervals(model, 0));
    report_difference_sentences(model, &text);
    contains(text.data, "one seed a generator gives no interval");
    report_free(&text);
    close_model(model);
}

static void best_of(const report_model *model, size_t feature, const char *wanted)
{
    report_text text = {0};

    report_best(model, 0, feature, &text);
    assert_string_equal(text.data ? text.data : "", wanted);
    report_free(&text);
}

/* Intervals decide who stands with the best; where one is missing, nothing is claimed. */
static void best_and_its_equals(void **state)
{
    report_model *model = model_of("t,a,a,1,metric,emd,fix,FD,1,s,lower,1,1,ok,,j\n"
                                   "t,a,a,1,metric,emd,fix,IT,1,s,lower,1,1,ok,,j\n"
                                   "t,a,a,1,metric,emd,fix,PL,1,s,lower,1,1,ok,,j\n"
                                   "t,a,a,2,metric,emd,fix,FD,1.1,s,lower,1,1,ok,,j\n"
                                   "t,a,a,2,metric,emd,fix,IT,1.1,s,lower,1,1,ok,,j\n"
                                   "t,a,a,2,metric,emd,fix,PL,1.1,s,lower,1,1,ok,,j\n"
                                   "t,b,b,1,metric,emd,fix,FD,90,s,lower,1,1,ok,,j\n"
                                   "t,b,b,1,metric,emd,fix,IT,90,s,lower,1,1,ok,,j\n"
                                   "t,b,b,1,metric,emd,fix,PL,2,s,lower,1,1,ok,,j\n"
                                   "t,b,b,2,metric,emd,fix,IT,91,s,lower,1,1,ok,,j\n"
                                   "t,b,b,2,metric,emd,fix,PL,1,s,lower,1,1,ok,,j\n"
                                   "t,c,c,1,metric,emd,fix,IT,,s,lower,,,failed,it crashed,j\n");

    (void)state;
    assert_string_equal(model->features[0].label, "IT");
    best_of(model, 0, "Best: a, the interval apart from all others.");
    best_of(model, 1, "Best: a."); /* b has one seed */
    best_of(model, 2, "Best: a; not distinguishable from it: b.");
    assert_int_equal(report_pair_at(model, 0, 0, 1)->apart[0], 1);
    assert_int_equal(report_pair_at(model, 0, 0, 1)->unknown, 1);
    assert_true(report_pair_at(model, 0, 0, 2)->net == 1); /* c failed */
    close_model(model);
}

static void nobody_to_compare(void **state)
{
    report_model *model = model_of("t,a,a,1,metric,emd,fix,IT,1,s,lower,1,1,ok,,j\n");
    report_text text = {0};

    (void)state;
    report_difference_sentences(model, &text);
    assert_string_equal(text.data,
                        "Fewer than two generators are compared: there is nothing to tell "
                        "apart.\n");
    report_free(&text);
    close_model(model);
}

/* Nobody is ranked at all. */
static void copies_only(void **state)
{
    char *folder = store_folder(), *page, *text = NULL;
    weir_error error = {0};

    (void)state;
    assert_true(asprintf(&text, "%st,copy,copy,1,metric,emd,fix,IT,0,s,lower,1,1,ok,,j\n", HEADER) >
                0);
    store_put(folder, "scores.csv", text);
    free(text);
    page = page_of(folder, "report.md");
    contains(page, "0 generators on 1 trace");
    contains(page, "Fewer than two generators are compared");
    contains(page, "copy (canary)");
    free(page);
    text = weir_report_leaderboard(folder, &error);
    assert_non_null(text);
    free(text);
    store_remove(folder);
}

static void as_json(void **state)
{
    char *folder = golden_store(8);
    weir_error error = {0};
    json_t *document = weir_report_differences(folder, &error), *pair;

    (void)state;
    if (!document)
        fail_msg("%s", error.text);
    pair = json_array_get(json_object_get(document, "pairs"), 1); /* A and C */
    assert_string_equal(json_string_value(json_object_get(pair, "b")), "C");
    assert_string_equal(json_string_value(json_object_get(pair, "verdict")), "A is better");
    assert_near(golden_number(pair, "corrected"), 0.046875, 1e-12);
    assert_near(golden_number(json_object_get(document, "friedman"), "critical_difference"),
                1.6583028785, 1e-4);
    json_decref(document);
    store_remove(folder);
    assert_null(weir_report_differences("/no/such/store", &error));
    assert_string_equal(error.text, "/no/such/store: No such file or directory");
}

static int load(void **state)
{
    (void)state;
    golden = golden_load("differences/golden.json");
    return 0;
}

static int unload(void **state)
{
    (void)state;
    json_decref(golden);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(differences_equal_scipy),
        cmocka_unit_test(few_traces_are_not_tested),
        cmocka_unit_test(many_traces_are),
        cmocka_unit_test(cliques_are_the_largest),
        cmocka_unit_test(direction_is_the_tests),
        cmocka_unit_test(all_equal),
        cmocka_unit_test(one_seed_tells_nothing),
        cmocka_unit_test(alone_is_no_rank),
        cmocka_unit_test(copies_are_shown_apart),
        cmocka_unit_test(best_and_its_equals),
        cmocka_unit_test(nobody_to_compare),
        cmocka_unit_test(copies_only),
        cmocka_unit_test(as_json),
    };

    return cmocka_run_group_tests(tests, load, unload);
}
