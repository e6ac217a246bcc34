/* The report of a store: reads it, computes, draws, writes both pages whole or not at all. */
#include "report/html.h"
#include "report/report.h"
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_page(const char *folder, const char *name, const report_text *page,
                      weir_error *error)
{
    char *path = NULL, *temporary = NULL;
    FILE *file = NULL;
    int descriptor = -1;
    bool good;

    if (page->failed)
        return weir_error_memory(error, page->size, name);
    if (asprintf(&path, "%s/%s", folder, name) < 0)
        path = NULL;
    if (asprintf(&temporary, "%s/.%s.XXXXXX", folder, name) < 0)
        temporary = NULL;
    if (!path || !temporary) {
        weir_error_memory(error, 4096, name);
    } else if ((descriptor = mkstemp(temporary)) < 0 || fchmod(descriptor, 0644) != 0 ||
               !(file = fdopen(descriptor, "wb"))) {
        weir_error_set(error, WEIR_EIO, "%s: %s", path, strerror(errno));
        if (descriptor >= 0) {
            close(descriptor);
            unlink(temporary);
        }
    } else {
        errno = 0;
        good = fwrite(page->data, 1, page->used, file) == page->used && fflush(file) == 0 &&
               fsync(descriptor) == 0;
        good = fclose(file) == 0 && good;
        if (!good || rename(temporary, path) != 0) {
            weir_error_set(error, WEIR_EIO, "%s: %s", path, strerror(errno ? errno : EIO));
            unlink(temporary);
        }
    }
    free(path);
    free(temporary);
    return error->status;
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

int weir_report_write(const char *folder, weir_error *error)
{
    weir_error own = {0};
    report_text html = {0}, markdown = {0};
    report_figures figures;
    report_store *store;
    const report_model *model;
    plain_numbers locale;

    if (!error)
        error = &own;
    if (error->status != WEIR_OK || !plain_begin(&locale, error))
        return error->status;
    store = report_load(folder, error);
    model = store ? report_aggregate(store, error) : NULL;
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
    return error->status;
}

char *weir_report_leaderboard(const char *folder, weir_error *error)
{
    weir_error own = {0};
    report_store *store;
    const report_model *model;
    plain_numbers locale;
    char *text = NULL;

    if (!error)
        error = &own;
    if (error->status != WEIR_OK || !plain_begin(&locale, error))
        return NULL;
    store = report_load(folder, error);
    model = store ? report_aggregate(store, error) : NULL;
    if (model)
        text = report_terminal(model, error);
    report_store_free(store);
    plain_end(&locale);
    return text;
}
