/* Scores of jobs to rows of one table. */
#include "run/scores.h"
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const weir_score_columns[] = {"dataset", "generator", "label",       "seed",   "kind",
                                          "plugin",  "variant",   "feature",     "value",  "unit",
                                          "better",  "n_real",    "n_synthetic", "status", "reason",
                                          "job",     NULL};

static const char *better_name(weir_better better)
{
    return better == WEIR_LOWER ? "lower" : better == WEIR_HIGHER ? "higher" : "neither";
}

/* What a row has from its declaration and its job. */
static json_t *row_base(const weir_rating *rating, const weir_node *node)
{
    const json_t *declared = rating->declared;
    char id[WEIR_ID_LENGTH + 1];

    snprintf(id, sizeof id, "%.*s", WEIR_ID_LENGTH, node->key);
    return json_pack("{sO sO sO sO sO sO ss}", "dataset", json_object_get(declared, "dataset"),
                     "generator", json_object_get(declared, "generator"), "label",
                     json_object_get(declared, "label"), "seed", json_object_get(declared, "seed"),
                     "kind", json_object_get(declared, "kind"), "plugin",
                     json_object_get(declared, "plugin"), "job", id);
}

static int add_scored(json_t *rows, const weir_rating *rating, const weir_node *node)
{
    static const char *const taken[] = {"variant", "feature",     "value",  "unit",  "better",
                                        "n_real",  "n_synthetic", "status", "reason"};
    const json_t *score;
    size_t at;

    json_array_foreach(json_object_get(node->output, "scores"), at, score)
    {
        json_t *row = row_base(rating, node);
        for (size_t i = 0; row && i < sizeof taken / sizeof taken[0]; i++) {
            json_t *value = json_object_get(score, taken[i]);
            json_object_set_new(row, taken[i], value ? json_incref(value) : json_null());
        }
        if (!row || json_array_append_new(rows, row))
            return -1;
    }
    return 0;
}

static int add_failed_row(json_t *rows, const weir_rating *rating, const weir_node *node,
                          const char *feature, const char *unit, const char *better)
{
    const json_t *variant = json_object_get(rating->options, "variant");
    json_t *row = row_base(rating, node);
    json_t *rest = json_pack(
        "{ss ss sn ss ss sn sn ss so}", "variant",
        json_is_string(variant) ? json_string_value(variant) : "", "feature", feature, "value",
        "unit", unit, "better", better, "n_real", "n_synthetic", "status", "failed", "reason",
        json_sprintf("%s%s", node->need_count && !*node->key ? "its generator failed: " : "",
                     node->reason ? node->reason : "failed"));
    int bad = !row || !rest || json_object_update(row, rest) || json_array_append(rows, row);

    json_decref(row);
    json_decref(rest);
    return bad;
}

/* By convention a metric's option `features` lists those to score; empty: all. */
static bool is_asked_for(const weir_rating *rating, const char *label)
{
    const json_t *asked = json_object_get(rating->options, "features"), *one;
    size_t at;

    json_array_foreach((json_t *)(uintptr_t)asked, at, one)
    {
        if (json_is_string(one) && !strcmp(json_string_value(one), label))
            return true;
    }
    return !json_is_array(asked) || !json_array_size(asked);
}

static int add_failed(json_t *rows, const weir_plan *plan, const weir_rating *rating,
                      const weir_node *node)
{
    const json_t *features = json_object_get(json_object_get(rating->declared, "lua"), "features");
    const json_t *input = NULL, *entry;
    const weir_feature *feature = weir_features_of(rating->loaded);
    json_t *whole = json_copy(json_object_get(rating->declared, "real"));
    char *text;
    size_t at;
    int bad = 0;

    json_object_del(whole, "split");
    text = json_dumps(whole, JSON_SORT_KEYS | JSON_COMPACT | JSON_REAL_PRECISION(17));
    if (text)
        input = json_object_get(
            plan->inputs,
            json_string_value(json_object_get(json_object_get(plan->known, "identities"), text)));
    free(text);
    json_decref(whole);
    for (; feature && feature->label && !bad; feature++)
        if ((feature->schemas &
             (uint32_t)json_integer_value(json_object_get(input, "schema_flag"))) &&
            is_asked_for(rating, feature->label))
            bad = add_failed_row(rows, rating, node, feature->label,
                                 feature->unit ? feature->unit : "", better_name(feature->better));
    json_array_foreach((json_t *)(uintptr_t)features, at, entry)
    {
        const char *unit = json_string_value(json_object_get(entry, "unit"));
        const char *better = json_string_value(json_object_get(entry, "better"));
        bad |=
            add_failed_row(rows, rating, node, json_string_value(json_object_get(entry, "label")),
                           unit ? unit : "", better ? better : "lower");
    }
    return bad;
}

static int compare_cells(const json_t *a, const json_t *b)
{
    const char *left = json_is_string(a) ? json_string_value(a) : "";
    const char *right = json_is_string(b) ? json_string_value(b) : "";

    if (json_is_number(a) && json_is_number(b)) {
        double x = json_number_value(a), y = json_number_value(b);
        return (x > y) - (x < y);
    }
    if (json_is_number(a) || json_is_number(b))
        return json_is_number(a) ? 1 : -1;
    return strcmp(left, right);
}

static int compare_rows(const void *a, const void *b)
{
    const json_t *left = *(const json_t *const *)a, *right = *(const json_t *const *)b;
    int order = 0;

    for (size_t i = 0; !order && weir_score_columns[i]; i++)
        order = compare_cells(json_object_get(left, weir_score_columns[i]),
                              json_object_get(right, weir_score_columns[i]));
    return order;
}

/* Sorts the rows and drops those that repeat another. Takes rows; a new array, NULL: no memory. */
static json_t *sorted(json_t *rows)
{
    size_t n = json_array_size(rows);
    json_t **list = malloc((n + 1) * sizeof(json_t *)), *made = list ? json_array() : NULL;

    for (size_t i = 0; made && i < n; i++)
        list[i] = json_array_get(rows, i);
    if (made)
        qsort(list, n, sizeof(json_t *), compare_rows);
    for (size_t i = 0; made && i < n; i++)
        if (!i || compare_rows(&list[i - 1], &list[i]) != 0)
            json_array_append(made, list[i]);
    free(list);
    json_decref(rows);
    return made;
}

json_t *weir_score_rows(const weir_plan *plan, weir_error *error)
{
    json_t *rows = json_array();
    int bad = !rows;

    for (size_t i = 0; i < plan->experiment->rating_count && !bad; i++) {
        const weir_node *node = plan->scores[i];
        if (node && node->state == WEIR_DONE)
            bad = add_scored(rows, &plan->experiment->ratings[i], node);
        else if (node && node->state == WEIR_FAILED)
            bad = add_failed(rows, plan, &plan->experiment->ratings[i], node);
    }
    if (!bad)
        rows = sorted(rows);
    if (bad || !rows) {
        json_decref(bad ? rows : NULL);
        weir_error_memory(error, WEIR_PATH, "the scores");
        return NULL;
    }
    return rows;
}

/* ---- CSV ------------------------------------------------------------------------------------- */

static void put_real(FILE *out, double value)
{
    char text[64], *point;

    if (!isfinite(value))
        return;
    snprintf(text, sizeof text, "%.17g", value);
    point = strstr(text, localeconv()->decimal_point);
    if (point)
        *point = '.';
    fputs(text, out);
}

static void put_cell(FILE *out, const json_t *cell)
{
    const char *text = json_string_value(cell);

    if (json_is_integer(cell)) {
        fprintf(out, "%lld", (long long)json_integer_value(cell));
    } else if (json_is_real(cell)) {
        put_real(out, json_real_value(cell));
    } else if (text && !strpbrk(text, ",\"\r\n")) {
        fputs(text, out);
    } else if (text) {
        fputc('"', out);
        for (; *text; text++) {
            if (*text == '"')
                fputc('"', out);
            fputc(*text, out);
        }
        fputc('"', out);
    }
}

int weir_scores_write(const char *path, const json_t *rows, weir_error *error)
{
    const json_t *row;
    char *text = NULL;
    size_t size = 0, at;
    FILE *out = open_memstream(&text, &size);
    int bad, status;

    if (!out)
        return weir_error_memory(error, WEIR_PATH, "scores.csv");
    for (size_t i = 0; weir_score_columns[i]; i++)
        fprintf(out, "%s%s", i ? "," : "", weir_score_columns[i]);
    fputc('\n', out);
    json_array_foreach((json_t *)(uintptr_t)rows, at, row)
    {
        for (size_t i = 0; weir_score_columns[i]; i++) {
            if (i)
                fputc(',', out);
            put_cell(out, json_object_get(row, weir_score_columns[i]));
        }
        fputc('\n', out);
    }
    bad = ferror(out);
    bad |= fclose(out);
    status = bad ? weir_error_memory(error, size, "scores.csv")
                 : weir_file_write(path, text, size, error);
    free(text);
    return status;
}

json_t *weir_scores_filter(const json_t *rows, const json_t *filter, weir_error *error)
{
    json_t *made = json_array(), *row, *wanted;
    const char *name;
    size_t at;

    json_array_foreach((json_t *)(uintptr_t)rows, at, row)
    {
        bool fits = true;
        json_object_foreach((json_t *)(uintptr_t)filter, name, wanted)
        {
            const json_t *cell = json_object_get(row, name);
            if (json_is_number(wanted) && json_is_number(cell))
                fits &= json_number_value(wanted) == json_number_value(cell);
            else
                fits &= json_equal(wanted, cell);
        }
        if (fits && (!made || json_array_append(made, row))) {
            json_decref(made);
            made = NULL;
            break;
        }
    }
    if (!made)
        weir_error_memory(error, WEIR_PATH, "scores");
    return made;
}
