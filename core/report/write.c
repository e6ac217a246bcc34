/* The report of a store: reads it, computes, draws, writes both pages whole or not at all; or gives
 * its leaderboard, or the skills of its scores. */
#include "files.h"
#include "report/differences.h"
#include "report/html.h"
#include "report/report.h"
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int write_page(const char *folder, const char *name, const report_text *page,
                      weir_error *error)
{
    char path[WEIR_PATH];

    if (page->failed)
        return weir_error_memory(error, page->size, name);
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path)
        return weir_error_set(error, WEIR_EIO, "%.200s…: the path is too long", folder);
    return weir_file_write(path, page->data, page->used, error);
}

/* Numbers are read and written with a point, whatever the program's locale. */
typedef struct plain_numbers {
    locale_t own, before;
} plain_numbers;

static bool plain_begin(plain_numbers *locale, weir_error *error)
{
    locale->own = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!locale->own) {
        weir_error_set(error, WEIR_ENOMEM, "no C locale: %s", strerror(errno));
        return false;
    }
    locale->before = uselocale(locale->own);
    return true;
}

static void plain_end(plain_numbers *locale)
{
    uselocale(locale->before);
    freelocale(locale->own);
}

/* What follows from a store, with the differences; NULL on failure. */
static const report_model *compared(report_store *store, weir_error *error)
{
    report_model *model = error->status == WEIR_OK ? report_aggregate(store, error) : NULL;

    return model && report_compare(model, error) == WEIR_OK ? model : NULL;
}

int weir_report_write(const char *folder, weir_error *error)
{
    weir_error own = {0};
    report_text html = {0}, markdown = {0};
    report_figures figures;
    report_store *store;
    const report_model *model;
    plain_numbers locale;
    int status = 1;

    if (!error)
        error = &own;
    if (error->status != WEIR_OK || !plain_begin(&locale, error))
        return status;
    store = report_load(folder, error);
    if (store && access(folder, W_OK) != 0)
        weir_error_set(error, WEIR_EIO, "%s: %s", folder, strerror(errno));
    if (error->status == WEIR_EIO || error->status == WEIR_EDATA)
        status = 2;
    model = compared(store, error);
    if (model && report_collect(model, &figures, error) == WEIR_OK &&
        report_plot(model, &figures, error) == WEIR_OK) {
        report_html_page(&html, model, &figures);
        report_markdown_page(&markdown, model, &figures);
        if (write_page(folder, "report.html", &html, error) == WEIR_OK)
            write_page(folder, "report.md", &markdown, error);
    }
    report_free(&html);
    report_free(&markdown);
    report_store_free(store);
    plain_end(&locale);
    return error->status == WEIR_OK ? 0 : status;
}

/* A store's model while plain numbers hold. */
typedef struct reading {
    plain_numbers locale;
    report_store *store;
    bool plain;
} reading;

/* NULL on failure; close_reading follows in any case. */
static const report_model *open_reading(reading *at, const char *folder, weir_error *error)
{
    *at = (reading){0};
    if (error->status != WEIR_OK || !plain_begin(&at->locale, error))
        return NULL;
    at->plain = true;
    at->store = report_load(folder, error);
    return compared(at->store, error);
}

static void close_reading(reading *at)
{
    report_store_free(at->store);
    if (at->plain)
        plain_end(&at->locale);
}

char *weir_report_leaderboard(const char *folder, weir_error *error)
{
    weir_error own = {0}, *first = error ? error : &own;
    reading at;
    const report_model *model = open_reading(&at, folder, first);
    char *text = model ? report_terminal(model, first) : NULL;

    close_reading(&at);
    return text;
}

json_t *weir_report_differences(const char *folder, weir_error *error)
{
    weir_error own = {0}, *first = error ? error : &own;
    reading at;
    const report_model *model = open_reading(&at, folder, first);
    json_t *document = model ? report_differences_json(model, first) : NULL;

    close_reading(&at);
    return document;
}

int weir_report_skills(const char *folder, json_t *rows, weir_error *error)
{
    weir_error own = {0};
    report_store *store;
    const report_model *model;
    json_t *row;
    size_t i;

    if (!error)
        error = &own;
    store = report_load_rows(folder, rows, error);
    model = store ? report_aggregate(store, error) : NULL;
    json_array_foreach(rows, i, row)
    {
        const report_row *of = model ? &model->store->rows[i] : NULL;
        const report_scale *scale = of ? report_row_scale(model, of) : NULL;

        if (!scale || of->status != REPORT_OK)
            continue;
        if (json_object_set_new(row, *scale->reason ? "skill_reason" : "skill",
                                *scale->reason ? json_string(scale->reason)
                                               : json_real(report_skill(scale, of->value))))
            weir_error_memory(error, sizeof *row, "the skills");
    }
    report_store_free(store);
    return error->status;
}
