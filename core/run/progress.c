/* Progress of a run, and the estimate of the time it has left. */
#include "run/progress.h"
#include "run/process.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define REDRAW 0.1     /* s between two pictures on a terminal */
#define PLAIN_EVERY 60 /* s between two lines about running jobs elsewhere */
#define BAR 16

struct weir_display {
    bool quiet, terminal, drawn;
    double last;
};

const char *weir_duration_text(double seconds, char *text, size_t size)
{
    long long whole = (long long)(seconds + 0.5);

    if (seconds < 9.95)
        snprintf(text, size, "%.*f s", seconds < 0.995 ? 2 : 1, seconds);
    else if (whole < 100)
        snprintf(text, size, "%lld s", whole);
    else if (whole < 3600)
        snprintf(text, size, "%lld min", (whole + 30) / 60);
    else
        snprintf(text, size, "%lld h %lld min", (whole + 30) / 3600, (whole + 30) % 3600 / 60);
    return text;
}

const char *weir_bytes_text(uint64_t bytes, char *text, size_t size)
{
    double value = (double)bytes;

    if (value < 999.5e3)
        snprintf(text, size, "%.0f kB", value / 1e3);
    else if (value < 999.5e6)
        snprintf(text, size, "%.0f MB", value / 1e6);
    else
        snprintf(text, size, "%.1f GB", value / 1e9);
    return text;
}

/* ---- Time left ------------------------------------------------------------------------------- */

static bool ended(const weir_node *node)
{
    return node->state == WEIR_DONE || node->state == WEIR_FAILED;
}

/* Mean seconds of the jobs that are done and like this one: of the same plugin, else of the same
 * kind; -1 if there is none. */
static double expected(const weir_plan *plan, const weir_node *node)
{
    double same = 0, like = 0;
    size_t same_count = 0, like_count = 0;

    for (size_t i = 0; i < plan->count; i++) {
        const weir_node *other = plan->nodes[i];
        if (other->state != WEIR_DONE || other->twin || strcmp(other->job, node->job) != 0)
            continue;
        like += other->seconds;
        like_count++;
        if (other->loaded == node->loaded) {
            same += other->seconds;
            same_count++;
        }
    }
    if (same_count)
        return same / (double)same_count;
    return like_count ? like / (double)like_count : -1;
}

double weir_time_left(const weir_plan *plan, double now, bool *all)
{
    double sum = 0, longest = 0;
    size_t known = 0;

    *all = true;

    for (size_t i = 0; i < plan->count; i++) {
        const weir_node *node = plan->nodes[i];
        double left, running = now - node->started;

        if (ended(node) || node->twin)
            continue;
        left = expected(plan, node);
        if (node->state == WEIR_RUNNING && node->fraction > 0.01)
            left = running * (1 - node->fraction) / node->fraction;
        else if (node->state == WEIR_RUNNING && left >= 0)
            left = left > running ? left - running : 0;
        if (left < 0) {
            *all = false;
            continue;
        }
        known++;
        sum += left;
        longest = left > longest ? left : longest;
    }
    sum /= plan->settings.jobs;
    return !known ? -1 : sum > longest ? sum : longest;
}

/* ---- Display --------------------------------------------------------------------------------- */

weir_display *weir_display_new(bool quiet)
{
    weir_display *display = calloc(1, sizeof *display);
    const char *kind = getenv("TERM");

    if (!display)
        return NULL;
    display->quiet = quiet;
    display->terminal = isatty(STDERR_FILENO) && kind && strcmp(kind, "dumb") != 0;
    display->last = weir_clock();
    return display;
}

void weir_display_free(weir_display *display)
{
    free(display);
}

static void wipe(weir_display *display)
{
    if (display->drawn)
        fputs("\r\033[K", stderr);
    display->drawn = false;
}

void weir_display_note(void *display, const char *text)
{
    wipe(display);
    fprintf(stderr, "%s\n", text);
}

typedef struct counts {
    size_t done, failed, cached, running, twins;
    const weir_node *current; /* the one that runs longest */
} counts;

static counts count(const weir_plan *plan)
{
    counts found = {0};

    for (size_t i = 0; i < plan->count; i++) {
        const weir_node *node = plan->nodes[i];
        found.done += node->state == WEIR_DONE;
        found.failed += node->state == WEIR_FAILED;
        found.cached += node->cached;
        if (node->state != WEIR_RUNNING)
            continue;
        found.running++;
        if (!found.current || node->started < found.current->started)
            found.current = node;
    }
    return found;
}

void weir_display_ended(weir_display *display, const weir_plan *plan, const weir_node *node)
{
    char time[32], memory[32];
    counts now = count(plan);
    const json_t *peak = json_object_get(node->status, "peak_memory");

    if (display->quiet && node->state != WEIR_FAILED)
        return;
    wipe(display);
    if (node->state == WEIR_FAILED)
        fprintf(stderr, "[%zu/%zu] FAILED %s: %s\n", now.done + now.failed, plan->count,
                node->title, node->reason);
    else if (!display->terminal)
        fprintf(stderr, "[%zu/%zu] %s: %s, %s\n", now.done + now.failed, plan->count, node->title,
                weir_duration_text(node->seconds, time, sizeof time),
                weir_bytes_text((uint64_t)json_integer_value(peak), memory, sizeof memory));
}

static void draw(weir_display *display, const weir_plan *plan, const counts *now, const char *left)
{
    char bar[BAR + 1], line[512], share[16] = "", failed[32] = "";
    size_t filled = plan->count ? (now->done + now->failed) * BAR / plan->count : BAR;
    struct winsize window = {0};
    int width = 80;

    if (!ioctl(STDERR_FILENO, TIOCGWINSZ, &window) && window.ws_col > 20)
        width = window.ws_col;
    memset(bar, '.', BAR);
    memset(bar, '#', filled);
    bar[BAR] = '\0';
    if (now->current->fraction > 0)
        snprintf(share, sizeof share, "%.0f%% of ", 100 * now->current->fraction);
    if (now->failed)
        snprintf(failed, sizeof failed, ", %zu failed", now->failed);
    snprintf(line, sizeof line, "[%s] %zu/%zu%s%s; %s%s", bar, now->done + now->failed, plan->count,
             failed, left, share, now->current->title);
    fprintf(stderr, "\r%.*s\033[K", width - 1, line);
    fflush(stderr);
    display->drawn = true;
}

void weir_display_update(weir_display *display, const weir_plan *plan)
{
    double now = weir_clock(), seconds;
    char left[64] = "", text[32];
    counts found;
    bool all;

    if (display->quiet || now - display->last < (display->terminal ? REDRAW : PLAIN_EVERY))
        return;
    display->last = now;
    found = count(plan);
    if (!found.current)
        return;
    seconds = weir_time_left(plan, now, &all);
    if (seconds >= 0)
        snprintf(left, sizeof left, ", %s %s left", all ? "about" : "at least",
                 weir_duration_text(seconds, text, sizeof text));
    if (display->terminal)
        draw(display, plan, &found, left);
    else
        fprintf(stderr, "[%zu/%zu] %zu running%s: %s, %s, %.0f%%\n", found.done + found.failed,
                plan->count, found.running, left, found.current->title,
                *found.current->phase ? found.current->phase : "starting",
                100 * found.current->fraction);
}

void weir_display_finish(weir_display *display, const weir_plan *plan, double seconds)
{
    counts now = count(plan);
    char text[32];

    wipe(display);
    if (display->quiet)
        return;
    fprintf(stderr, "%zu jobs: %zu done (%zu of them before), %zu failed, %zu not run; %s\n",
            plan->count, now.done, now.cached, now.failed, plan->count - now.done - now.failed,
            weir_duration_text(seconds, text, sizeof text));
}
