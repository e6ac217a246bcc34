/* The rows of weir compare: what the jobs left, and what those that failed should have. */
#include "cli/compare.h"
#include "data/source.h"
#include <stdio.h>
#include <string.h>

static const weir_feature *features_of(const weir_plugin *plugin)
{
    return plugin->kind == WEIR_KIND_METRIC ? ((const weir_metric *)plugin)->features
                                            : ((const weir_downstream *)plugin)->features;
}

static json_t *load_output(const struct weir_scoring *scoring, const char *name)
{
    char path[600];

    snprintf(path, sizeof path, "%s/%s", scoring->folder, name);
    return json_load_file(path, 0, NULL);
}

/* Why a job gave no scores. */
static void failure_of(const struct weir_scoring *scoring, char *text, size_t size)
{
    json_t *status = load_output(scoring, "status.json");
    const char *reason = json_string_value(json_object_get(status, "reason"));
    const char *message =
        json_string_value(json_object_get(json_object_get(status, "error"), "text"));

    if (scoring->process.end == WEIR_END_EXIT && (message || reason))
        snprintf(text, size, "%s", message ? message : reason);
    else
        weir_process_explain(&scoring->process, text, size);
    json_decref(status);
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

/* One row with the keys of scores.csv. */
static json_t *row_of(const struct weir_comparison *c, const struct weir_scoring *scoring,
                      const json_t *score)
{
    static const char *const keys[] = {"variant", "feature",     "value",  "unit",  "better",
                                       "n_real",  "n_synthetic", "status", "reason"};
    const weir_plugin *plugin = scoring->loaded->plugin;
    char dataset[128], synthetic[128];
    json_t *row;

    weir_source_name(c->real, dataset, sizeof dataset);
    weir_source_name(c->synthetic, synthetic, sizeof synthetic);
    row = json_pack("{s:s, s:s, s:s, s:n, s:s, s:s}", "dataset", dataset, "generator", "", "label",
                    synthetic, "seed", "kind", weir_kind_name((int)plugin->kind), "plugin",
                    plugin->name);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        json_t *value = json_object_get(score, keys[i]);

        json_object_set_new(row, keys[i], value ? json_incref(value) : json_null());
    }
    json_object_set_new(row, "job", json_string(""));
    return row;
}

/* The row that a failed job should have made. */
static json_t *failed_row(const struct weir_comparison *c, const struct weir_scoring *scoring,
                          const weir_feature *feature, const char *reason)
{
    static const char *const better[] = {"lower", "higher", "neither"};
    json_t *score =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "variant", text_of(scoring->options, "variant"),
                  "feature", feature->label, "unit", feature->unit, "better",
                  better[feature->better], "status", "failed", "reason", reason);
    json_t *row = row_of(c, scoring, score);

    json_decref(score);
    return row;
}

/* A plugin's rows in the order of its features, and whether its job ended well. */
static bool collect(const struct weir_comparison *c, const struct weir_scoring *scoring,
                    json_t *rows)
{
    bool ok = scoring->process.end == WEIR_END_EXIT && !scoring->process.exit;
    json_t *output = ok ? load_output(scoring, "scores.json") : NULL, *score;
    char reason[1100] = "";
    size_t at;

    if (!output)
        failure_of(scoring, reason, sizeof reason);
    for (const weir_feature *f = features_of(scoring->loaded->plugin); f->label; f++) {
        if (!output && f->schemas & c->schema)
            json_array_append_new(rows, failed_row(c, scoring, f, reason));
        json_array_foreach(json_object_get(output, "scores"), at,
                           score) if (!strcmp(text_of(score, "feature"), f->label))
            json_array_append_new(rows, row_of(c, scoring, score));
    }
    if (!output)
        fprintf(stderr, "weir compare: %s %s failed: %s\n",
                weir_kind_name((int)scoring->loaded->plugin->kind), scoring->loaded->plugin->name,
                reason);
    ok = output;
    json_decref(output);
    return ok;
}

static void print_trace(const char *what, const json_t *source, const json_t *facts)
{
    const json_t *file = json_array_get(json_object_get(facts, "files"), 0);
    const json_t *rows = json_object_get(facts, "ipv4"), *flows = json_object_get(facts, "flows");
    const json_t *duration = json_object_get(facts, "duration");
    const char *unit = json_string_value(json_object_get(file, "time_unit"));
    char name[128];

    weir_source_name(source, name, sizeof name);
    printf("%-9s  %s", what, name);
    if (json_is_integer(rows))
        printf(": %lld rows", (long long)json_integer_value(rows));
    if (json_is_integer(flows))
        printf(", %lld flows", (long long)json_integer_value(flows));
    if (json_is_number(duration))
        printf(", %.6g s", json_number_value(duration));
    if (unit)
        printf(", times in %s", unit);
    putchar('\n');
}

/* Characters of a text: bytes that begin one in UTF-8. */
static int width_of(const char *text)
{
    int n = 0;

    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static void print_padded(const char *text, int width)
{
    int n = width_of(text);

    printf("%s%*s", text, n < width ? width - n : 0, "");
}

/* Widths of the columns: those of the longest texts that are shown anywhere. */
struct columns {
    int label, title, unit;
};

/* The title, and the variant unless the head of the plugin's rows says it: a channel, a map. */
static const char *titled(const weir_feature *feature, const json_t *row, char text[192])
{
    const char *variant = text_of(row, "variant");
    bool own = variant[0] && strcmp(variant, "fix") != 0 && strcmp(variant, "ref") != 0;

    snprintf(text, 192, own ? "%s (%s)" : "%s", feature->title, variant);
    return text;
}

static void widen(int *width, const char *text)
{
    *width = width_of(text) > *width ? width_of(text) : *width;
}

static struct columns columns_of(const struct weir_comparison *c, const json_t *rows)
{
    struct columns w = {0};
    const json_t *row;
    char text[192];
    size_t at;

    for (size_t i = 0; i < c->count; i++)
        for (const weir_feature *f = features_of(c->scorings[i].loaded->plugin); f->label; f++)
            if (f->schemas & c->schema) {
                widen(&w.label, f->label);
                json_array_foreach(rows, at, row) if (!strcmp(text_of(row, "feature"), f->label))
                    widen(&w.title, titled(f, row, text));
            }
    json_array_foreach(rows, at, row) if (!strcmp(text_of(row, "status"), "ok"))
        widen(&w.unit, text_of(row, "unit"));
    return w;
}

static void print_row(const struct columns *w, const weir_feature *feature, const json_t *row)
{
    const char *status = text_of(row, "status");
    char text[192];

    printf("  ");
    print_padded(feature->label, w->label + 2);
    print_padded(titled(feature, row, text), w->title + 1);
    if (strcmp(status, "ok")) {
        printf("%12s  %s\n", status, text_of(row, "reason"));
        return;
    }
    printf("%12.6g ", json_number_value(json_object_get(row, "value")));
    print_padded(text_of(row, "unit"), w->unit + 2);
    printf("%-7s  n = %lld, %lld\n", text_of(row, "better"),
           (long long)json_integer_value(json_object_get(row, "n_real")),
           (long long)json_integer_value(json_object_get(row, "n_synthetic")));
}

/* The rows of one plugin; those that its schema rules out share a line at the end. */
static void print_plugin(const struct weir_comparison *c, const struct columns *widths,
                         const struct weir_scoring *scoring, const json_t *rows)
{
    const weir_plugin *plugin = scoring->loaded->plugin;
    const char *variant = text_of(scoring->options, "variant"), *reason = "";
    const json_t *row;
    size_t at, ruled_out = 0;

    printf("\n%s%s%s: %s\n", plugin->name, *variant ? ", variant " : "", variant, plugin->summary);
    for (const weir_feature *f = features_of(plugin); f->label; f++)
        json_array_foreach(rows, at, row) if (f->schemas & c->schema &&
                                              !strcmp(text_of(row, "feature"), f->label))
            print_row(widths, f, row);
    for (const weir_feature *f = features_of(plugin); f->label; f++)
        json_array_foreach(rows, at, row) if (!(f->schemas & c->schema) &&
                                              !strcmp(text_of(row, "feature"), f->label))
        {
            printf("%s%s", ruled_out++ ? ", " : "  not applicable: ", f->label);
            reason = text_of(row, "reason");
        }
    if (ruled_out)
        printf(" (%s)\n", reason);
}

int weir_compare_report(const struct weir_comparison *c)
{
    json_t *all = json_array(), *by_plugin[WEIR_COMPARE_MOST], *document;
    struct columns widths;
    size_t failed = 0;

    for (size_t i = 0; i < c->count; i++) {
        by_plugin[i] = json_array();
        failed += !collect(c, &c->scorings[i], by_plugin[i]);
        json_array_extend(all, by_plugin[i]);
    }
    if (!c->json) {
        print_trace("real", c->real, c->facts_real);
        print_trace("synthetic", c->synthetic, c->facts_synthetic);
    }
    widths = columns_of(c, all);
    for (size_t i = 0; i < c->count; i++) {
        if (!c->json)
            print_plugin(c, &widths, &c->scorings[i], by_plugin[i]);
        json_decref(by_plugin[i]);
    }
    document = json_pack("{s:o}", "scores", all);
    if (c->json) {
        json_dumpf(document, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
        putchar('\n');
    }
    json_decref(document);
    return failed ? 1 : 0;
}
