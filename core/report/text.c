/* The leaderboard as plain text for a terminal, at most 100 columns wide. */
#include "report/differences.h"
#include "report/html.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { NAME = 21, GROUP = 10, MOST_GROUPS = 3 };

/* Columns that a UTF-8 text takes, one a character. */
static size_t width(const char *text)
{
    size_t n = 0;

    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

/* Text cut to `columns` and filled up with spaces: behind it, or in front if `right`. Control
 * characters, which a label may hold, become spaces. */
static void pad(report_text *out, const char *text, size_t columns, bool right)
{
    size_t n = width(text), shown = 0;

    for (size_t i = n; right && i < columns; i++)
        report_add(out, " ");
    for (; *text; text++) {
        bool first = ((unsigned char)*text & 0xc0) != 0x80;

        shown += first;
        if (shown > columns)
            break;
        if (n > columns && shown == columns) {
            report_add(out, "…");
            break;
        }
        report_add_bytes(out, (unsigned char)*text < 0x20 || *text == 0x7f ? " " : text, 1);
    }
    for (size_t i = n; !right && i < columns; i++)
        report_add(out, " ");
}

static void number(report_text *out, double value, int digits, size_t columns)
{
    char text[REPORT_NUMBER];

    if (isnan(value))
        pad(out, "-", columns, true);
    else {
        snprintf(text, sizeof text, fabs(value) < 1e4 ? "%.*f" : "%.*e", digits, value);
        pad(out, text, columns, true);
    }
}

static void board(report_text *out, const report_model *model, size_t trace)
{
    const report_board *what = trace < model->trace_count ? &model->boards[trace] : &model->overall;
    size_t groups[MOST_GROUPS], shown = 0;
    char text[REPORT_NUMBER];

    for (size_t g = 0; g < model->group_count && shown < MOST_GROUPS; g++) {
        bool any = false;

        for (size_t i = 0; i < model->entry_count; i++)
            any |= what->lines[i].skills[g] > 0;
        if (any)
            groups[shown++] = g;
    }
    report_add(out, "  # ");
    pad(out, "generator", NAME, false);
    pad(out, "rank", 7, true);
    pad(out, "features", 12, true);
    for (size_t i = 0; i < shown; i++) {
        /* "temporal EMD" is cut to its first word, which tells it apart. */
        snprintf(text, sizeof text, "%.*s", (int)strcspn(model->groups[groups[i]], " "),
                 model->groups[groups[i]]);
        report_add(out, " ");
        pad(out, text, GROUP + 1, true);
    }
    pad(out, "CPU time", 11, true);
    pad(out, "memory", 9, true);
    report_add(out, "\n");
    for (size_t i = 0; i < model->entry_count; i++) {
        const report_line *line = &what->lines[i];
        const report_entry *entry = &model->entries[line->entry];
        const report_cost *cost = &model->costs[trace * model->entry_count + line->entry];
        report_text name = {0};

        if (!report_entry_present(model, trace, line->entry))
            continue;
        if (isnan(line->rank))
            report_add(out, "    ");
        else
            report_format(out, "%3zu ", i + 1);
        if (entry->role == REPORT_FLOOR)
            report_format(&name, "floor, %s", entry->label);
        else
            report_format(&name, "%s%s%s%s", *entry->label ? entry->label : entry->generator,
                          *report_role_name(entry) ? " (" : "", report_role_name(entry),
                          *report_role_name(entry) ? ")" : "");
        pad(out, name.data ? name.data : "", NAME, false);
        report_end(out, &name);
        if (isnan(line->would))
            number(out, line->rank, 2, 7);
        else {
            snprintf(text, sizeof text, "(%.2f)", line->would);
            pad(out, text, 7, true);
        }
        if (isnan(line->rank))
            pad(out, "-", 12, true);
        else {
            snprintf(text, sizeof text, "%zu of %zu", line->features, what->features);
            pad(out, text, 12, true);
        }
        for (size_t g = 0; g < shown; g++)
            number(out, line->skill[groups[g]], 3, GROUP + 2);
        pad(out, cost->runs ? report_duration(cost->effort, text) : "-", 11, true);
        pad(out, cost->runs ? report_bytes(cost->peak_memory, text) : "-", 9, true);
        report_add(out, "\n");
    }
}

/* Lines of a text, broken at spaces before column 98. */
static void wrapped(report_text *out, const char *text)
{
    size_t column = 0;

    while (*text) {
        size_t n = strcspn(text, " \n"), wide;
        report_text word = {0};

        report_add_bytes(&word, text, n);
        n += text[n] != 0;
        wide = width(word.data ? word.data : "");
        wide = wide < 98 ? wide : 98;
        if (column && column + 1 + wide > 98) {
            report_add(out, "\n");
            column = 0;
        }
        report_add(out, column ? " " : "");
        column += column > 0;
        pad(out, word.data ? word.data : "", wide, false);
        column += wide;
        report_end(out, &word);
        if (text[n - 1] == '\n') {
            report_add(out, "\n");
            column = 0;
        }
        text += n;
    }
}

char *report_terminal(const report_model *model, weir_error *error)
{
    report_text out = {0}, differences = {0};

    report_summary(model, &out);
    report_add(&out,
               "\nRank: the mean place in the features, 1 is best; in parentheses what a reference "
               "would have.\n"
               "Skill, by group of features: 0 is the floor (real against real), 1 the ceiling (a "
               "bad\ngenerator); lower is better.\n");
    for (size_t t = model->trace_count > 1 ? 0 : 1; t <= model->trace_count; t++) {
        /* Over all traces first, then each. */
        size_t trace = t == 0 ? model->trace_count : t - 1;

        report_add(&out, "\n");
        pad(&out, trace == model->trace_count ? "all traces" : model->traces[trace].name, 60,
            false);
        while (out.used && out.data[out.used - 1] == ' ')
            out.data[--out.used] = 0;
        report_add(&out, "\n");
        board(&out, model, trace);
    }
    if (model->ranked > 1) {
        report_difference_sentences(model, &differences);
        report_add(&out, "\n");
        wrapped(&out, differences.data ? differences.data : "");
        report_end(&out, &differences);
    }
    if (model->failure_count)
        report_format(&out, "\n%zu %s failed:\n", model->failure_count,
                      model->failure_count == 1 ? "job" : "jobs");
    for (size_t i = 0; i < model->failure_count && i < 10; i++) {
        report_text line = {0};

        report_add(&out, "  ");
        report_job_name(model->store, model->failures[i], &line);
        report_format(&line, ": %s", report_job_reason(model->failures[i]));
        pad(&out, line.data ? line.data : "", 98, false);
        while (out.used && out.data[out.used - 1] == ' ')
            out.data[--out.used] = 0;
        report_add(&out, "\n");
        report_end(&out, &line);
    }
    if (out.failed) {
        weir_error_memory(error, out.size, "the leaderboard");
        report_free(&out);
        return NULL;
    }
    return out.data;
}
