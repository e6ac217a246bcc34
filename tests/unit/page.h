/* What tests of the report's pages share. */
#ifndef WEIR_TESTS_PAGE_H
#define WEIR_TESTS_PAGE_H

#include "report/report.h"
#include "unit/store.h"
#include <stdbool.h>
#include <stdlib.h>

static inline void contains(const char *page, const char *text)
{
    if (!strstr(page, text))
        fail_msg("the page lacks: %s", text);
}

static inline void lacks(const char *page, const char *text)
{
    if (strstr(page, text))
        fail_msg("the page contains: %s", text);
}

static inline size_t count(const char *page, const char *text)
{
    size_t n = 0;

    for (const char *at = page; (at = strstr(at, text)); at += strlen(text))
        n++;
    return n;
}

static inline void write_report(const char *folder)
{
    weir_error error = {0};

    if (weir_report_write(folder, &error) != WEIR_OK)
        fail_msg("%s", error.text);
}

static inline bool have_gnuplot(void)
{
    return system("command -v gnuplot >/dev/null 2>&1") == 0;
}

/* Every element that is opened is closed, in the right order, and no id stands twice. */
static inline void well_formed(const char *page)
{
    static const char *const empty[] = {"meta", "br", "wbr", "img", "!DOCTYPE"};
    char open[64][16];
    size_t depth = 0;

    for (const char *at = page; (at = strchr(at, '<')); at++) {
        bool end = at[1] == '/', alone = false;
        char name[16] = {0};
        size_t n = strcspn(at + 1 + end, " >/\n");
        const char *close = strchr(at, '>');

        assert_non_null(close);
        assert_true(n > 0 && n < sizeof name);
        memcpy(name, at + 1 + end, n);
        for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++)
            alone |= !strcmp(name, empty[i]);
        if (alone || close[-1] == '/')
            continue;
        if (!end) {
            assert_true(depth < 64);
            memcpy(open[depth++], name, sizeof name);
        } else if (depth == 0 || strcmp(open[--depth], name)) {
            fail_msg("</%s> closes <%s>: %.80s", name, depth < 64 ? open[depth] : "", at);
        }
    }
    assert_int_equal(depth, 0);
    for (const char *at = page; (at = strstr(at, " id=\"")); at++) {
        char id[128];
        size_t n = strcspn(at + 5, "\"") + 6;

        assert_true(n < sizeof id);
        memcpy(id, at, n);
        id[n] = 0;
        assert_int_equal(count(page, id), 1);
    }
}

#endif
