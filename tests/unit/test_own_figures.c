/* What exp:figure left in the store: drawn with its intervals, and as numbers on both pages. */
#include "unit/page.h"

static const char *const figures =
    "[{\"name\":\"few\",\"title\":\"Few <data>\",\"x\":\"originals a class\",\"y\":\"accuracy\","
    "\"log_x\":true,\"lines\":["
    "{\"label\":\"cnn & co\",\"points\":[{\"x\":1,\"y\":0.5,\"low\":0.25,\"high\":0.625},"
    "{\"x\":10,\"y\":0.75}]},"
    "{\"label\":\"bayes\",\"points\":[{\"x\":10,\"y\":0.125,\"low\":0.0625,\"high\":0.1875}]}]},"
    "{\"name\":\"plain\",\"title\":\"plain\",\"x\":\"\",\"y\":\"\",\"log_x\":false,\"lines\":["
    "{\"label\":\"only\",\"points\":[{\"x\":3,\"y\":4}]}]}]";

static void figures_are_drawn_and_given_as_numbers(void **state)
{
    char *folder = store_unpack(), *html, *markdown, *before;
    size_t plots;

    (void)state;
    write_report(folder);
    before = store_get(folder, "report.html");
    lacks(before, "Figures of the experiment");
    plots = count(before, "<svg");
    free(before);
    store_put(folder, "figures.json", figures);
    write_report(folder);
    html = store_get(folder, "report.html");
    markdown = store_get(folder, "report.md");
    well_formed(html);
    contains(html, "<a href=\"#figures\">Figures</a>");
    contains(html, "Few &lt;data&gt;");
    contains(html, "<td title=\"0.5\">0.5000<span class=\"range\">0.2500 – 0.6250</span></td>");
    contains(html, "<td title=\"0.75\">0.7500</td>");
    contains(html, "<td class=\"none\">–</td>");
    contains(markdown, "| originals a class | cnn &amp; co: accuracy | bayes: accuracy |");
    contains(markdown, "| 1 | 0.5000 (0.2500 – 0.6250) | – |");
    contains(markdown, "| 10 | 0.7500 | 0.1250 (0.06250 – 0.1875) |");
    if (have_gnuplot()) {
        assert_int_equal(count(html, "<svg"), plots + 2);
        contains(html, "aria-label=\"Few &lt;data&gt;\"");
        contains(html, "originals a class</text>");
        contains(html, "accuracy</text>");
        contains(html, "lines stand a little beside each other");
    }
    free(html);
    free(markdown);
    store_remove(folder);
}

/* What looks like an attribute, a colour or a unit in a name is text. */
static void names_stay_as_they_are(void **state)
{
    char *folder = store_unpack(), *html;

    (void)state;
    store_put(folder, "figures.json",
              "[{\"name\":\"f\",\"title\":\"f\",\"x\":\"a <b> > id='x' d='M1,2' rgb(1,2,3) "
              "stroke-width=\\\"1.00\\\" \u03bc\",\"y\":\"in 4u\",\"lines\":[{\"label\":\"only\","
              "\"points\":[{\"x\":3,\"y\":4}]}]}]");
    write_report(folder);
    html = store_get(folder, "report.html");
    well_formed(html);
    contains(html, "<th>a &lt;b&gt; &gt; id=&#39;x&#39; d=&#39;M1,2&#39; rgb(1,2,3) "
                   "stroke-width=&quot;1.00&quot; μ</th>");
    if (have_gnuplot()) {
        contains(html, "a &lt;b> > id='x' d='M1,2' rgb(1,2,3) stroke-width=\"1.00\" μ</text>");
        contains(html, "in 4u</text>");
    }
    free(html);
    store_remove(folder);
}

static void without_gnuplot_the_numbers_stand(void **state)
{
    char *folder = store_unpack(), *html, *path = strdup(getenv("PATH"));

    (void)state;
    store_put(folder, "figures.json", figures);
    setenv("PATH", "/nonexistent", 1);
    write_report(folder);
    setenv("PATH", path, 1);
    free(path);
    html = store_get(folder, "report.html");
    well_formed(html);
    lacks(html, "<svg");
    contains(html, "<h3>Few &lt;data&gt;</h3>");
    contains(html, "accuracy by originals a class");
    contains(html, "0.5000<span class=\"range\">0.2500 – 0.6250</span>");
    free(html);
    store_remove(folder);
}

static void unusable_figures_are_noted(void **state)
{
    static const char *const bad[][2] = {
        {"{}", "figures.json:1: is not a JSON array"},
        {"[", "figures.json:1: "},
        {"[{\"name\":\"f\"}]",
         "figures.json: the figure &#39;f&#39; is not as exp:figure writes it"},
        {"[{\"name\":\"f\",\"lines\":[{\"label\":\"a\",\"points\":[]}]}]",
         "figure &#39;f&#39; is not"},
        {"[{\"name\":\"f\",\"lines\":[{\"label\":\"a\",\"points\":[{\"x\":1}]}]}]",
         "figure &#39;f&#39; is not"},
        {"[{\"name\":\"f\",\"lines\":[{\"label\":\"a\",\"points\":[{\"x\":2,\"y\":1},"
         "{\"x\":1,\"y\":1}]}]}]",
         "figure &#39;f&#39; is not"},
        {"[{\"name\":\"f\",\"log_x\":true,\"lines\":[{\"label\":\"a\",\"points\":[{\"x\":0,\"y\":1}"
         "]}]}]",
         "figure &#39;f&#39; is not"},
        {"[5]", "figure &#39;&#39; is not"}};
    char *folder = store_unpack();

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char *html;

        store_put(folder, "figures.json", bad[i][0]);
        write_report(folder);
        html = store_get(folder, "report.html");
        well_formed(html);
        contains(html, bad[i][1]);
        lacks(html, "Figures of the experiment");
        free(html);
    }
    store_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_drawn_and_given_as_numbers),
        cmocka_unit_test(names_stay_as_they_are),
        cmocka_unit_test(without_gnuplot_the_numbers_stand),
        cmocka_unit_test(unusable_figures_are_noted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
