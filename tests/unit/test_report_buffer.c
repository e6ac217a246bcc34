/* Escapes, number formats and pictures of the report.
 * Covers: core/report/buffer.c core/report/png.c core/report/view.c
 */
#include "report/buffer.h"
#include "report/html.h"
#include "unit/golden.h"
#include <stdio.h>
#include <string.h>

static void html_is_escaped(void **state)
{
    report_text text = {0};

    (void)state;
    report_html(&text, "<b a=\"x\" c='y'>&amp; µ\t\n");
    assert_string_equal(text.data, "&lt;b a=&quot;x&quot; c=&#39;y&#39;&gt;&amp;amp; µ\t\n");
    report_free(&text);
    /* Not UTF-8: a stray byte, an overlong form, a surrogate, an end in the middle; controls. */
    report_html(&text, "a\xff"
                       "b\xc0\xaf"
                       "c\xed\xa0\x80"
                       "d\xe2\x82\x01\x7f"
                       "e\xc2\x85");
    assert_string_equal(text.data, "a\xef\xbf\xbd"
                                   "b\xef\xbf\xbd\xef\xbf\xbd"
                                   "c\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                                   "d\xef\xbf\xbd\xef\xbf\xbd"
                                   "e");
    report_free(&text);
    report_html(&text, NULL);
    assert_null(text.data);
}

static void markdown_is_escaped(void **state)
{
    report_text text = {0};

    (void)state;
    report_markdown(&text, "a|b*c_d`e\n<f>&[g](h)\\");
    assert_string_equal(text.data, "a\\|b\\*c\\_d\\`e &lt;f&gt;&amp;\\[g\\](h)\\\\");
    report_free(&text);
}

static void text_grows(void **state)
{
    report_text text = {0}, part = {0};

    (void)state;
    for (int i = 0; i < 10000; i++)
        report_format(&text, "%d,", i % 10);
    assert_int_equal(text.used, 20000);
    assert_int_equal(strlen(text.data), 20000);
    assert_false(text.failed);
    part.failed = true; /* as an allocation that failed leaves it */
    report_add(&part, "nothing more");
    assert_int_equal(part.used, 0);
    report_end(&text, &part);
    assert_true(text.failed);
    report_free(&text);
}

static void numbers(void **state)
{
    static const struct {
        double value;
        const char *unit;
        double scale;
        const char *text;
    } cases[] = {{0.0012345678, "s", 0, "1.235 ms"},
                 {1.5, "s", 0, "1.500 s"},
                 {3.21e-7, "s", 0, "321.0 ns"},
                 {0, "s", 0, "0 s"},
                 {0.99996, "s", 0, "1.000 s"},
                 {2.5, "s", 0.001, "2500 ms"},
                 {1234567, "bytes", 0, "1.235 MB"},
                 {12.3456, "bytes", 0, "12.35 B"},
                 {52000, "bytes/s", 0, "52.00 kB/s"},
                 {5.5, "packets", 0, "5.500 packets"},
                 {123456, "packets", 0, "123.5 k packets"},
                 {0.5952, "", 0, "0.5952"},
                 {-0.031, "", 0, "-0.03100"},
                 {1e-9, "", 0, "1.000e-09"},
                 {9999.6, "", 0, "10000"},
                 {-0.002, "s", 0, "-2.000 ms"}};
    char out[REPORT_NUMBER];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(report_quantity(cases[i].value, cases[i].unit, cases[i].scale, out),
                            cases[i].text);
    assert_string_equal(report_exact(0.1, "s", out), "0.10000000000000001 s");
    assert_string_equal(report_duration(0.25, out), "250.0 ms");
    assert_string_equal(report_duration(200.4, out), "3 min 20 s");
    assert_string_equal(report_duration(7500, out), "2 h 5 min");
    assert_string_equal(report_bytes(31457280, out), "31.5 MB");
    assert_string_equal(report_bytes(999, out), "999 B");
    assert_string_equal(report_bytes(999.6, out), "1.0 kB");
    assert_string_equal(report_count(1234567, out), "1\u202f234\u202f567");
    assert_string_equal(report_count(1234, out), "1234");
    assert_string_equal(report_count(-123456, out), "-123\u202f456");
    /* A unit of any length is cut, not overrun. */
    report_quantity(1e300, "an_unreasonably_long_unit_that_no_metric_of_this_project_would_declare",
                    0, out);
    assert_true(strlen(out) < REPORT_NUMBER);
}

static void intervals_and_facts(void **state)
{
    report_cell cell = {.method = REPORT_T, .ok = 3, .low = 0.00102, .high = 0.00131};
    report_text text = {0}, name = {0};
    json_t *value = json_real(17.5);
    char out[REPORT_NUMBER];

    (void)state;
    report_interval(&cell, "s", 0.001, &text);
    assert_string_equal(text.data, "1.020 – 1.310 ms");
    report_free(&text);
    cell.low = 0.5e-6;
    report_interval(&cell, "s", 0, &text);
    assert_string_equal(text.data, "500.0 ns – 1.310 ms");
    report_free(&text);
    report_fact("packets_per_flow", value, &name, &text);
    assert_string_equal(name.data, "packets per flow");
    assert_string_equal(text.data, "17.50");
    report_free(&name);
    report_free(&text);
    json_decref(value);
    assert_string_equal(report_range((double[]){10, 20}, out), "10–20");
    assert_string_equal(report_range((double[]){10, 10}, out), "10");
    assert_string_equal(report_range((double[]){NAN, NAN}, out), "–");
    assert_string_equal(report_cell_text(NULL, "s", 0, out), "–");
}

static void jobs_have_names(void **state)
{
    report_job job = {.spec = json_pack("{s:s,s:{s:s},s:i,s:{s:{s:[s]}}}", "job", "fit", "plugin",
                                        "name", "crash", "seed", 3, "inputs", "train", "files",
                                        "/data/x.y/sample.pcap.gz"),
                      .id = "j2"};
    report_row rows[] = {{.job = "j1"},
                         {.job = "j2",
                          .generator = "markov",
                          .label = "Markov 2",
                          .seed = "7",
                          .dataset = "a:test"}};
    const report_store store = {.rows = rows, .row_count = 2};
    report_text name = {0};

    (void)state;
    assert_non_null(job.spec);
    report_job_name(NULL, &job, &name);
    assert_string_equal(name.data, "fit of crash, seed 3, on sample");
    report_free(&name);
    json_decref(job.spec);
    job.spec = json_pack("{s:s,s:{s:s},s:i}", "job", "score", "plugin", "name", "emd", "seed", 3);
    report_job_name(&store, &job, &name);
    assert_string_equal(name.data, "score of emd for Markov 2, seed 7, on a:test");
    report_free(&name);
    rows[1].generator = "floor";
    rows[1].label = "by time";
    rows[1].seed = "";
    report_job_name(&store, &job, &name);
    assert_string_equal(name.data, "score of emd for the floor, by time, on a:test");
    report_free(&name);
    json_decref(job.spec);
    job.spec = NULL;
    report_job_name(NULL, &job, &name);
    assert_string_equal(name.data, "job of an unknown plugin");
    report_free(&name);
    assert_string_equal(report_job_reason(&job), "no reason was recorded");
}

/* A PNG of one black and one white pixel, as a Python program with zlib and struct made it. */
static void png_is_right(void **state)
{
    report_text out = {0};

    (void)state;
    report_png(&out, (const unsigned char[]){0, 255}, 2, 1, 8, "two <pixels>");
    assert_string_equal(
        out.data, "<img width=\"2\" height=\"1\" alt=\"two &lt;pixels&gt;\" src=\"data:image/"
                  "png;base64,iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAAAAADRSSBWAAAADklEQVR4AQEDAPz/"
                  "AAD/AQIBALcBLvcAAAAASUVORK5CYII=\">");
    report_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(html_is_escaped),     cmocka_unit_test(markdown_is_escaped),
        cmocka_unit_test(text_grows),          cmocka_unit_test(numbers),
        cmocka_unit_test(intervals_and_facts), cmocka_unit_test(png_is_right),
        cmocka_unit_test(jobs_have_names)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
