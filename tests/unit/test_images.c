/* Images in the report: a grid a generator, the groups of a label side by side, intensities of all
 * generators over each other, nothing twice, and a page that stays small. */
#include "unit/page.h"

/* The first job of scores.csv whose row begins with `prefix`, as a new path below the store. */
static char *job_of(const char *folder, const char *prefix)
{
    char *scores = store_get(folder, "scores.csv"), *row = strstr(scores, prefix), *path;

    assert_non_null(row);
    path = calloc(1, 64);
    assert_non_null(path);
    snprintf(path, 64, "jobs/%.24s", strchr(row, '\n') - 24);
    free(scores);
    return path;
}

/* `labels` labels with two real and two synthetic images of side x side, and the intensities. */
static void leave_images(const char *folder, const char *prefix, int labels, int side)
{
    size_t size = ((size_t)labels * 4 + 2) * ((size_t)side * (size_t)side * 4 + 100) + 10000, used;
    char *job = job_of(folder, prefix), name[128], *text = malloc(size);

    assert_non_null(text);
    used = (size_t)snprintf(text, size, "label,group,height,width");
    for (int i = 0; i < side * side; i++)
        used += (size_t)snprintf(text + used, size - used, ",v%d", i);
    for (int l = 0; l < labels; l++)
        for (int k = 0; k < 4; k++) {
            used += (size_t)snprintf(text + used, size - used, "\n\"class <%d>\",%s,%d,%d", l,
                                     k < 2 ? "real" : "synthetic", side, side);
            for (int i = 0; i < side * side; i++)
                used += (size_t)snprintf(text + used, size - used, ",0.%d", (i * (k + 1) + l) % 9);
        }
    assert_true(used + 1 < size);
    strcpy(text + used, "\n");
    snprintf(name, sizeof name, "%s/artefacts/images.csv", job);
    store_put(folder, name, text);
    snprintf(name, sizeof name, "%s/artefacts/pixels.csv", job);
    store_put(folder, name, "intensity,real,synthetic\n0,1,2\n0.5,2,1\n1,0.5,0.25\n");
    snprintf(name, sizeof name, "%s/artefacts.json", job);
    store_put(folder, name,
              "[{\"name\":\"images\",\"kind\":\"images\",\"file\":\"artefacts/images.csv\"},"
              "{\"name\":\"pixels\",\"kind\":\"curve\",\"file\":\"artefacts/pixels.csv\"}]");
    free(text);
    free(job);
}

static void a_grid_a_generator(void **state)
{
    char *folder = store_unpack(), *html, *grid, *end;
    size_t plots;

    (void)state;
    write_report(folder);
    html = store_get(folder, "report.html");
    plots = count(html, "<svg");
    free(html);
    leave_images(folder, "sample:train,markov,markov,1,metric,jsd", 2, 8);
    leave_images(folder, "sample:train,markov,markov,1,metric,burst", 2,
                 8);                                                       /* the same once more */
    leave_images(folder, "sample:train,markov,markov,2,metric,jsd", 2, 8); /* of another seed */
    leave_images(folder, "sample:train,bootstrap,bootstrap,1,metric,jsd", 2, 8);
    leave_images(folder, "sample:train,marginals,marginals,1,metric,jsd", 2, 8);
    write_report(folder);
    html = store_get(folder, "report.html");
    well_formed(html);
    assert_int_equal(count(html, "<b>markov: images</b>"), 1);
    assert_int_equal(count(html, "<b>bootstrap: images</b>"), 1);
    assert_int_equal(count(html, "<b>marginals: images</b>"), 1);
    /* Generators' are open, the ceiling's is folded away and stands behind them. */
    assert_int_equal(count(html, "<details class=\"images\" open>"), 2 + 1); /* and `flows` */
    assert_true(strstr(html, "<b>marginals: images</b>") > strstr(html, "<b>markov: images</b>"));
    contains(html, "<details class=\"images\"><summary><b>marginals: images</b>");
    contains(html, "<b>markov: images</b> <span class=\"soft\">seed 1; seed 2 in the store</span>");
    contains(html, "<b>bootstrap: images</b> <span class=\"soft\">seed 1</span>");
    /* Two labels with a picture of the real and one of the synthetic images each. */
    grid = strstr(html, "<b>bootstrap: images</b>");
    end = strstr(grid, "</details>");
    *end = 0;
    assert_int_equal(count(grid, "<img "), 4);
    contains(grid, "<th>real</th><th>synthetic</th>");
    contains(grid, "<img width=\"18\" height=\"8\" alt=\"class &lt;0&gt;, real\"");
    contains(grid, "alt=\"class &lt;1&gt;, synthetic\"");
    *end = '<';
    /* One plot for the intensities of all, and none of its own for each. */
    lacks(html, "markov: pixels");
    if (have_gnuplot()) {
        /* less the distributions and rates that artefacts.json of these jobs no longer names */
        assert_int_equal(count(html, "<b>Intensities of the pixels</b>"), 1);
        assert_true(count(html, "<svg") >= plots - 3 && count(html, "<svg") <= plots + 1);
        contains(html, "intensity</text>");
    }
    free(html);
    store_remove(folder);
}

static void many_large_images_stay_small(void **state)
{
    static const char *const seeds[] = {
        "sample:train,markov,markov,1,metric,jsd", "sample:train,bootstrap,bootstrap,1,metric,jsd",
        "lan,markov,markov,1,metric,jsd", "lan,bootstrap,bootstrap,1,metric,jsd"};
    char *folder = store_unpack(), *html;

    (void)state;
    for (size_t i = 0; i < sizeof seeds / sizeof seeds[0]; i++)
        leave_images(folder, seeds[i], 40, 60);
    write_report(folder);
    html = store_get(folder, "report.html");
    well_formed(html);
    contains(html, "seed 1; the first 30 labels");
    contains(html, "class &lt;29&gt;");
    lacks(html, "class &lt;30&gt;");
    /* one of each, cut down to 48 pixels a side */
    contains(html, "<img width=\"48\" height=\"48\" alt=\"class &lt;29&gt;, synthetic\"");
    assert_true(strlen(html) < 5000000);
    free(html);
    store_remove(folder);
}

static void unusable_images_are_noted(void **state)
{
    char *folder = store_unpack(), *job, name[128], *html;

    (void)state;
    leave_images(folder, "sample:train,markov,markov,1,metric,jsd", 1, 4);
    job = job_of(folder, "sample:train,markov,markov,1,metric,jsd");
    snprintf(name, sizeof name, "%s/artefacts/images.csv", job);
    store_put(folder, name, "label,height,v0\na,1,1\n");
    write_report(folder);
    html = store_get(folder, "report.html");
    well_formed(html);
    contains(html, "images of markov: images lack a column: label, height, width, v0");
    free(html);
    store_put(folder, name, "label,height,width,v0\na,1e9,1e9,1\nb,-1,1,1\nc,x,1,1\nd,1,1,inf\n");
    write_report(folder);
    html = store_get(folder, "report.html");
    well_formed(html);
    contains(html, "alt=\"d\"");
    lacks(html, "alt=\"a\"");
    free(html);
    free(job);
    store_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_grid_a_generator),
        cmocka_unit_test(many_large_images_stay_small),
        cmocka_unit_test(unusable_images_are_noted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
