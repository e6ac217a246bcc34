/* The pages themselves: complete, escaped, equal for equal stores, with and without gnuplot.
 * Covers: core/report/write.c core/report/html.c core/report/html_scores.c
 * Covers: core/report/html_run.c
 * Covers: core/report/markdown.c core/report/text.c core/report/figures.c core/report/plots.c
 * Covers: core/report/svg.c
 * Covers: core/report/style.c core/report/fits.c core/report/front.c core/report/training.c
 */
#include "report/figures.h"
#include "report/report.h"
#include "unit/page.h"
#include <locale.h>

static void page_is_complete(void **state)
{
    char *folder = store_unpack(), *html, *markdown;

    (void)state;
    write_report(folder);
    html = store_get(folder, "report.html");
    markdown = store_get(folder, "report.md");
    well_formed(html);
    contains(html, "<h1>example</h1>");
    contains(html, "5 generators on 2 traces, 3 seeds, 16 ranked features.");
    contains(html, "3 jobs failed.");
    contains(html, "30\u202f135 packets, 1712 flows, 90.50 s long");
    contains(html, "the synthetic data has no timestamps");
    contains(html, "fit: crashed (SIGSEGV)");
    contains(html, "about to &lt;crash&gt; &amp; burn");
    contains(html, "In phase fit, after 3.220 s, with 912 MB of memory at most");
    contains(html, "Skill n/a: the ceiling is not above the floor.");
    contains(html, "held-out part");
    contains(html, "One seed, so no interval.");
    contains(html, "An eight-core CPU at 3.4 GHz, 8 cores, 33.5 GB of memory, no GPU");
    contains(html, "alt=\"&lt;dns&gt;\"");
    assert_true(count(html, "data:image/png") == 8); /* a matrix and three images, on two traces */
    assert_int_equal(count(html, "src=\""), count(html, "src=\"data:"));
    assert_int_equal(count(html, "href=\""), count(html, "href=\"#"));
    lacks(html, "<script");
    lacks(html, "http");
    lacks(html, "nan");
    contains(markdown, "# example\n");
    contains(markdown, "| 1 | bootstrap | 1.12 | 1.22 | 16 of 16 |");
    contains(markdown,
             "| fit of broken, seed 1, on sample | fit | crashed (SIGSEGV) | 3.220 s | 912 MB |");
    contains(html, "Mean rank against peak memory, none is better for less: ");
    contains(markdown, "On sample, none has a better mean rank for less model size than: ");
    if (have_gnuplot()) {
        /* 3 distributions a trace, 3 rates on sample, 2 curves of 2 fits, 2 fronts a trace. */
        assert_int_equal(count(html, "<svg"), 3 + 3 + 3 + 4 + 4);
        lacks(html, "gnuplot");
        contains(html, "µ</text>");
    }
    free(html);
    free(markdown);
    store_remove(folder);
}

/* The lines of a Markdown table have equal numbers of cells. Returns how many tables there are. */
static size_t square_tables(char *markdown)
{
    size_t columns = 0, tables = 0;

    for (char *line = strtok(markdown, "\n"), *before = NULL; line; line = strtok(NULL, "\n")) {
        size_t bars = 0;

        for (const char *at = line; *at; at++)
            bars += *at == '|' && (at == line || at[-1] != '\\');
        if (*line == '|') {
            if (before && *before == '|')
                assert_int_equal(bars, columns);
            else
                tables++;
            columns = bars;
        }
        before = line;
    }
    return tables;
}

static void markdown_tables_are_square(void **state)
{
    char *folder = store_unpack(), *markdown;

    (void)state;
    write_report(folder);
    markdown = store_get(folder, "report.md");
    assert_true(square_tables(markdown) > 8);
    free(markdown);
    store_remove(folder);
}

/* Eight traces without jobs: the critical-difference diagram, pairs, agreement. */
static void differences_are_well_formed(void **state)
{
    char *rows = store_get(WEIR_SOURCE_DIR, "tests/golden/differences/scores.csv");
    char *folder = store_folder(), *page;

    (void)state;
    store_put(folder, "scores.csv", rows);
    write_report(folder);
    page = store_get(folder, "report.html");
    well_formed(page);
    contains(page, "<svg viewBox=\"0 0 760");
    contains(page, "Best: A; not distinguishable from it: B");
    free(page);
    page = store_get(folder, "report.md");
    assert_true(square_tables(page) > 8);
    free(page);
    free(rows);
    store_remove(folder);
}

static void equal_stores_give_equal_pages(void **state)
{
    char *folder = store_unpack(), *first, *second;

    (void)state;
    write_report(folder);
    first = store_get(folder, "report.html");
    write_report(folder);
    second = store_get(folder, "report.html");
    assert_string_equal(first, second);
    free(first);
    free(second);
    /* Another locale changes no number. */
    first = store_get(folder, "report.md");
    if (setlocale(LC_ALL, "de_DE.UTF-8"))
        write_report(folder);
    setlocale(LC_ALL, "C");
    second = store_get(folder, "report.md");
    assert_string_equal(first, second);
    free(first);
    free(second);
    store_remove(folder);
}

/* With PATH set to `path`. */
static char *page_with_path(const char *folder, const char *path)
{
    char *before = strdup(getenv("PATH")), *html;

    setenv("PATH", path, 1);
    write_report(folder);
    setenv("PATH", before, 1);
    free(before);
    html = store_get(folder, "report.html");
    well_formed(html);
    lacks(html, "<svg");
    contains(html, "data:image/png"); /* pictures need no gnuplot */
    contains(html, "Leaderboard");
    return html;
}

static void without_gnuplot_it_says_so(void **state)
{
    char *folder = store_unpack(), *html, *markdown, path[4096];

    (void)state;
    html = page_with_path(folder, "/nonexistent");
    contains(html,
             "gnuplot was not found, so the plots are missing. Install it (Debian: apt install "
             "gnuplot-nox) and run: weir report ");
    free(html);
    markdown = store_get(folder, "report.md");
    contains(markdown, "gnuplot was not found");
    free(markdown);
    /* One that fails says what it said. */
    store_put(folder, "bin/gnuplot", "#!/bin/sh\necho 'no such terminal' >&2\nexit 3\n");
    snprintf(path, sizeof path, "%s/bin/gnuplot", folder);
    chmod(path, 0755);
    snprintf(path, sizeof path, "%s/bin", folder);
    html = page_with_path(folder, path);
    contains(html, "gnuplot failed: no such terminal");
    free(html);
    store_remove(folder);
}

static void hostile_text_stays_text(void **state)
{
    char *folder = store_unpack(), *html, *markdown, *scores, *at;
    static const char evil[] = "\"a</td><script>`|', \"\"x\"\"\"";

    (void)state;
    /* markov's label becomes markup, a shell's and gnuplot's special characters. */
    scores = store_get(folder, "scores.csv");
    html = calloc(4, strlen(scores));
    markdown = html;
    for (const char *from = scores; (at = strstr(from, "markov,markov")); from = at + 13) {
        memcpy(markdown, from, (size_t)(at - from) + 7);
        markdown += at - from + 7;
        memcpy(markdown, evil, sizeof evil - 1);
        markdown += sizeof evil - 1;
        strcpy(markdown, at + 13);
    }
    assert_true(markdown > html);
    store_put(folder, "scores.csv", html);
    free(html);
    free(scores);
    write_report(folder);
    html = store_get(folder, "report.html");
    well_formed(html);
    contains(html, "a&lt;/td&gt;&lt;script&gt;`|&#39;, &quot;x&quot;");
    free(html);
    markdown = store_get(folder, "report.md");
    contains(markdown, "a&lt;/td&gt;&lt;script&gt;\\`\\|', \"x\"");
    lacks(markdown, "<script");
    free(markdown);
    store_remove(folder);
}

static void a_bare_store_renders(void **state)
{
    char *folder = store_folder(), *html;

    (void)state;
    store_put(
        folder, "scores.csv",
        "dataset,generator,label,seed,kind,plugin,variant,feature,value,unit,better,n_real,"
        "n_synthetic,status,reason,job\nt,g,,1,metric,emd,,IT,,,,,,failed,\"fit: <gone>\",j\n");
    write_report(folder);
    html = store_get(folder, "report.html");
    well_formed(html);
    contains(html, "fit: &lt;gone&gt;");
    contains(html, "There is no usable manifest.json");
    contains(html, "the store has no folder jobs/");
    free(html);
    /* A mean of the seeds that were left says so at a glance. */
    store_put(folder, "scores.csv",
              "dataset,generator,label,seed,kind,plugin,variant,feature,value,unit,better,n_real,"
              "n_synthetic,status,reason,job\n"
              "t,g,,1,metric,emd,,IT,2,s,lower,,,ok,,j\n"
              "t,g,,2,metric,emd,,IT,,s,lower,,,failed,crashed,k\n");
    write_report(folder);
    html = store_get(folder, "report.html");
    well_formed(html);
    contains(html, "title=\"1 of 2 seeds failed\">2.000 s <span class=\"fail\">1/2</span></td>");
    free(html);
    /* And one in which nothing was scored at all. */
    store_put(folder, "scores.csv",
              "dataset,generator,label,seed,kind,plugin,variant,feature,value,unit,better,n_real,"
              "n_synthetic,status,reason,job\n");
    write_report(folder);
    html = store_get(folder, "report.html");
    well_formed(html);
    contains(html, "0 generators on 0 traces");
    free(html);
    store_remove(folder);
}

static void unusable_artefacts_are_noted(void **state)
{
    char *folder = store_unpack(), *html, *scores, job[25], name[128];

    (void)state;
    scores = store_get(folder, "scores.csv");
    memcpy(job, strchr(strstr(scores, "lan,markov,markov,1,metric,emd"), '\n') - 24, 24);
    job[24] = 0;
    free(scores);
    snprintf(name, sizeof name, "jobs/%s/artefacts.json", job);
    store_put(folder, name,
              "[{\"name\":\"cdf_IT\",\"kind\":\"curve\",\"file\":\"../../../etc/passwd\"},"
              "{\"name\":\"cdf_PL\",\"kind\":\"curve\",\"file\":\"artefacts/none.csv\"},"
              "{\"name\":\"odd\",\"kind\":\"matrix\",\"file\":\"artefacts/odd.csv\"}, 5]");
    snprintf(name, sizeof name, "jobs/%s/artefacts/odd.csv", job);
    store_put(folder, name, "c0,c1\nx,inf\n,\n");
    write_report(folder);
    html = store_get(folder, "report.html");
    well_formed(html);
    contains(html, "../../../etc/passwd: an artefact lies in its job&#39;s folder");
    contains(html, "artefacts/none.csv: No such file or directory");
    contains(html, "markov: odd");
    free(html);
    store_remove(folder);
}

static void pages_that_cannot_be_written(void **state)
{
    char *folder = store_unpack(), path[4096];
    weir_error error = {0};

    (void)state;
    snprintf(path, sizeof path, "%s/report.html", folder);
    assert_int_equal(mkdir(path, 0755), 0);
    assert_int_equal(weir_report_write(folder, &error), 1);
    assert_int_equal(error.status, WEIR_EIO);
    contains(error.text, "report.html: ");
    assert_null(strchr(error.text, '\n'));
    error = (weir_error){0};
    assert_int_equal(weir_report_write("/nowhere", &error), 2);
    store_remove(folder);
}

static size_t columns_of(const char *line)
{
    size_t n = 0;

    for (; *line && *line != '\n'; line++)
        n += ((unsigned char)*line & 0xc0) != 0x80;
    return n;
}

static void narrow(const char *text)
{
    for (const char *at = text; at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL)
        assert_true(columns_of(at) <= 100);
}

static void terminal_is_narrow(void **state)
{
    char *folder = store_unpack(), *text, *scores, *wide;
    weir_error error = {0};

    (void)state;
    text = weir_report_leaderboard(folder, &error);
    assert_non_null(text);
    contains(text, "5 generators on 2 traces, 3 seeds, 16 ranked features.\n");
    contains(text, "\nall traces\n");
    contains(text, "\nsample\n");
    contains(text, "  1 bootstrap               1.12    16 of 16       0.116");
    contains(text, "    marginals (ceiling)");
    contains(
        text,
        "\nWhether the generators differ over the traces (Friedman's test): too few (n = 2); it "
        "is run, and a\ncritical-difference");
    contains(text, "3 jobs failed:\n  fit of broken, seed 1, on sample: crashed (SIGSEGV)\n");
    narrow(text);
    free(text);
    /* A label of 400 bytes is cut. */
    scores = store_get(folder, "scores.csv");
    wide = calloc(1, strlen(scores) + 1000);
    memcpy(wide, scores, (size_t)(strchr(scores, '\n') + 1 - scores));
    strcat(wide, "t,g,");
    for (int i = 0; i < 200; i++)
        strcat(wide, "µ");
    strcat(wide, ",1,metric,emd,fix,IT,1,s,lower,5,6,ok,,j\n");
    store_put(folder, "scores.csv", wide);
    text = weir_report_leaderboard(folder, &error);
    assert_non_null(text);
    contains(text, "µµ…");
    narrow(text);
    free(text);
    free(wide);
    free(scores);
    store_remove(folder);
    memset(&error, 0, sizeof error);
    assert_null(weir_report_leaderboard("/no/such/store", &error));
    assert_string_equal(error.text, "/no/such/store: No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(page_is_complete),
        cmocka_unit_test(markdown_tables_are_square),
        cmocka_unit_test(differences_are_well_formed),
        cmocka_unit_test(equal_stores_give_equal_pages),
        cmocka_unit_test(without_gnuplot_it_says_so),
        cmocka_unit_test(hostile_text_stays_text),
        cmocka_unit_test(a_bare_store_renders),
        cmocka_unit_test(unusable_artefacts_are_noted),
        cmocka_unit_test(pages_that_cannot_be_written),
        cmocka_unit_test(terminal_is_narrow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
