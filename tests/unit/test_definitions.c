/* docs/metrics.md and the descriptors of metrics and downstream tasks cannot drift apart: the page
 * holds, for each plugin, the very table that this test makes of its descriptor, and leaves in the
 * build folder as tests/metrics_tables.md. */
#include "unit/metric.h"
#include <stdio.h>

static const char *const better[] = {"lower", "higher", "neither"};
static const char *const ceilings[] = {"", "marginals", "uniform"};

static const char *words(char *text, size_t size, uint32_t flags, const char *const *names,
                         const uint32_t *bits, size_t n)
{
    text[0] = '\0';
    for (size_t i = 0; i < n; i++)
        if (flags & bits[i])
            snprintf(text + strlen(text), size - strlen(text), "%s%s", *text ? ", " : "", names[i]);
    return text;
}

static void print_feature(FILE *to, const weir_feature *f)
{
    static const char *const schemas[] = {"packets", "netflow", "series"};
    static const uint32_t schema_bits[] = {WEIR_PACKETS, WEIR_NETFLOW, WEIR_SERIES};
    static const char *const needs[] = {"timestamps", "flows", "labels"};
    static const uint32_t need_bits[] = {WEIR_TIMESTAMPS, WEIR_FLOWS, WEIR_LABELS};
    static const char *const sees[] = {"copy", "time_shuffle", "marginals", "uniform"};
    static const uint32_t see_bits[] = {WEIR_SEES_COPY, WEIR_SEES_TIME_SHUFFLE, WEIR_SEES_MARGINALS,
                                        WEIR_SEES_UNIFORM};
    char of[64], need[96], see[96];

    words(need, sizeof need, f->needs, needs, need_bits, 3);
    if (f->columns)
        snprintf(need + strlen(need), sizeof need - strlen(need), "%s`%s`", *need ? ", " : "",
                 f->columns);
    fprintf(to, "| %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", f->label, f->title, f->unit,
            better[f->better], words(of, sizeof of, f->schemas, schemas, schema_bits, 3), need,
            ceilings[f->ceiling], words(see, sizeof see, f->sees, sees, see_bits, 4),
            f->definition);
}

static char *table_of(const weir_plugin *plugin)
{
    const weir_feature *features = plugin->kind == WEIR_KIND_METRIC
                                       ? ((const weir_metric *)plugin)->features
                                       : ((const weir_downstream *)plugin)->features;
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);

    assert_non_null(to);
    fprintf(to, "## `%s`: %s\n\n", plugin->name, plugin->summary);
    fprintf(to, "| feature | title | unit | better | data | needs | ceiling | sees | definition |\n"
                "|---|---|---|---|---|---|---|---|---|\n");
    for (const weir_feature *f = features; f->label; f++)
        print_feature(to, f);
    fclose(to);
    assert_non_null(text);
    return text;
}

static char *read_page(void)
{
    FILE *file = fopen(WEIR_SOURCE_DIR "/docs/metrics.md", "r");
    char *text = calloc(1, 1 << 20);

    assert_non_null(file);
    assert_non_null(text);
    assert_true(fread(text, 1, (1 << 20) - 1, file) > 0);
    fclose(file);
    return text;
}

static void the_page_holds_every_descriptor(void **state)
{
    FILE *tables = fopen(WEIR_BUILD_DIR "/tests/metrics_tables.md", "w");
    char *page = read_page();
    bool missing = false;
    size_t n, rows = 0, found = 0;
    const weir_loaded *all = weir_registry_all(metric_registry, &n, NULL);

    (void)state;
    assert_non_null(tables);
    for (size_t i = 0; i < n; i++) {
        char *table;

        if (!all[i].plugin || (all[i].plugin->kind != WEIR_KIND_METRIC &&
                               all[i].plugin->kind != WEIR_KIND_DOWNSTREAM))
            continue;
        table = table_of(all[i].plugin);
        missing = missing || !strstr(page, table);
        fprintf(tables, "%s\n", table);
        for (const char *at = table; (at = strstr(at, "\n| ")) != NULL; at++)
            rows++;
        free(table);
    }
    fclose(tables);
    if (missing)
        fail_msg("docs/metrics.md lacks, word for word, a table of %s",
                 WEIR_BUILD_DIR "/tests/metrics_tables.md");
    /* And nothing that no descriptor says: it has no other row of a table of that kind. */
    for (const char *at = page; (at = strstr(at, "\n| ")) != NULL; at++) {
        const char *end = strchr(at + 1, '\n');
        size_t bars = 0;

        for (const char *c = at; c < end; c++)
            bars += *c == '|';
        found += bars == 10;
    }
    assert_true(rows > 0);
    assert_int_equal(found, rows);
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_holds_every_descriptor),
    };
    return cmocka_run_group_tests(tests, metric_open, metric_close);
}
