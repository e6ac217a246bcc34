/* The conformance checks: each in a process of its own, with a time limit, so that a crash is a
 * failed check and nothing more. */
#include "plugin/conform.h"
#include "files.h"
#include "plugin/conforming.h"
#include "plugin/descriptor.h"
#include "plugin/options.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

void weir_conform_fail(weir_subject *subject, const char *format, ...)
{
    char text[1200];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    _exit(write(subject->verdict, text, strlen(text)) > 0 ? 1 : 2);
}

const char *weir_conform_why(weir_job *job)
{
    return weir_job_error(job)->text[0] ? weir_job_error(job)->text : "no reason";
}

weir_job *weir_conform_job(weir_subject *subject, uint64_t seed, bool tiny)
{
    const weir_plugin *plugin = subject->plugin;
    weir_job_setup setup = {.plugin = plugin,
                            .registry = subject->registry,
                            .seed = seed,
                            .threads = 1,
                            .device = "cpu",
                            .folder = subject->folder,
                            .log_fd = -1,
                            .status_fd = -1};
    json_t *given = json_object();
    weir_error error = {0};
    weir_job *job;

    for (const weir_option *row = plugin->options; tiny && row && row->kind != WEIR_OPTION_END;
         row++)
        if (row->kind == WEIR_OPTION_PRESET && !strcmp(row->name, "tiny"))
            json_object_set_new(given, "preset", json_string("tiny"));
    setup.options = weir_options_resolve(plugin, given, &error);
    json_decref(given);
    if (setup.options && plugin->kind == WEIR_KIND_GENERATOR)
        setup.encoders = weir_encoders_resolve((const weir_generator *)plugin, setup.options, NULL,
                                               subject->registry, &error);
    job = error.status == WEIR_OK ? weir_job_new(&setup, &error) : NULL;
    NEED(subject, job, "%s", error.text);
    return job; /* options live as long as this process */
}

/* How many of a plugin's weir_alloc calls to let fail, one in each life: all of them if that takes
 * about two seconds, never fewer than 12 of many. */
static uint64_t points_of(uint64_t total, double seconds)
{
    double most = fmax(12, fmin(2 / fmax(seconds, 1e-6), 500));

    return total < (uint64_t)most ? total : (uint64_t)most;
}

/* Number i of n points spread from 1 to total. */
static uint64_t point_of(uint64_t total, uint64_t i, uint64_t n)
{
    return n > 1 ? 1 + (total - 1) * i / (n - 1) : 1;
}

void weir_conform_memory(weir_subject *subject, const char *what, weir_conform_call *call,
                         const weir_dataset *data)
{
    double began = now();
    uint64_t total = 0, points, ignored;
    int status = call(subject, data, 0, &total);

    NEED(subject, status == WEIR_OK, "%s returned %s", what, weir_status_name(status));
    points = points_of(total, now() - began);
    for (uint64_t i = 0; i < points; i++) {
        uint64_t n = point_of(total, i, points);
        NEED(subject, call(subject, data, n, &ignored) == WEIR_ENOMEM,
             "weir_alloc number %llu of %llu gave NULL, and WEIR_ENOMEM was not returned",
             (unsigned long long)n, (unsigned long long)total);
    }
}

static volatile double cancelled_at;

static void cancel(int signal_number)
{
    (void)signal_number;
    cancelled_at = now();
    weir_cancel();
}

void weir_conform_cancel_soon(void)
{
    struct sigaction action = {.sa_handler = cancel, .sa_flags = SA_RESTART};
    struct itimerval timer = {.it_value = {.tv_usec = 30000}};

    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &timer, NULL);
}

void weir_conform_stop_cancel(void)
{
    setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
    weir_cancel_clear();
}

double weir_conform_since_cancel(void)
{
    return cancelled_at > 0 ? now() - cancelled_at : 0;
}

void weir_conform_cancel_within(weir_subject *subject, const char *what, weir_conform_call *call,
                                const weir_dataset *data)
{
    uint64_t asked = 0, ignored;
    int status = call(subject, data, 0, &asked);

    NEED(subject, status == WEIR_OK, "%s returned %s", what, weir_status_name(status));
    for (uint64_t i = 0; asked && i < 3; i++) {
        uint64_t n = point_of(asked, i, 3);
        status = call(subject, data, n, &ignored);
        weir_cancel_clear();
        NEED(subject, status == WEIR_ECANCEL,
             "%s returned %s, although call %llu of its %llu of weir_progress gave WEIR_ECANCEL",
             what, weir_status_name(status), (unsigned long long)n, (unsigned long long)asked);
    }
}

double weir_conform_cancel_limit(void)
{
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__)
    return 1.0;
#else
    return WEIR_CANCEL_LIMIT_SLOW;
#endif
}

/* ---- Checks of every kind ---------------------------------------------------------------------*/

static void check_descriptor(weir_subject *subject)
{
    weir_error error = {0};

    weir_descriptor_check(subject->plugin, &error);
    weir_options_check(subject->plugin, &error);
    NEED(subject, error.status == WEIR_OK, "%s", error.text);
    NEED(subject, !strchr(subject->plugin->summary, '\n'), "the summary has more than one line");
}

static void check_defaults(weir_subject *subject)
{
    weir_job *job = weir_conform_job(subject, 1, false);

    NEED(subject, weir_options(job), "a job has no options");
    weir_job_free(job);
}

/* Whether a value of an option is taken. */
static bool takes(weir_subject *subject, const char *name, json_t *value)
{
    json_t *given = json_object(), *resolved;

    json_object_set_new(given, name, value);
    resolved = weir_options_resolve(subject->plugin, given, NULL);
    json_decref(given);
    json_decref(resolved);
    return resolved != NULL;
}

static void check_number(weir_subject *subject, const weir_option *row)
{
    bool whole = row->kind == WEIR_OPTION_INT;
    double below = whole ? row->min - 1 : nextafter(row->min, -INFINITY);
    double above = whole ? row->max + 1 : nextafter(row->max, INFINITY);

    NEED(subject, takes(subject, row->name, json_real(row->min)), "'%s' refuses its least value",
         row->name);
    NEED(subject, takes(subject, row->name, json_real(row->max)), "'%s' refuses its greatest value",
         row->name);
    if (isfinite(below) && below < row->min)
        NEED(subject, !takes(subject, row->name, json_real(below)), "'%s' takes %.17g, below %.17g",
             row->name, below, row->min);
    if (isfinite(above) && above > row->max)
        NEED(subject, !takes(subject, row->name, json_real(above)), "'%s' takes %.17g, above %.17g",
             row->name, above, row->max);
    NEED(subject, !takes(subject, row->name, json_string("1x")), "'%s' takes '1x'", row->name);
}

static void check_ranges(weir_subject *subject)
{
    const weir_option *row = subject->plugin->options;

    for (; row && row->kind != WEIR_OPTION_END; row++) {
        if (row->kind == WEIR_OPTION_INT || row->kind == WEIR_OPTION_REAL)
            check_number(subject, row);
        if (row->kind == WEIR_OPTION_CHOICE || row->kind == WEIR_OPTION_BOOL)
            NEED(subject, !takes(subject, row->name, json_string("neither-of-them")),
                 "'%s' takes a word that is none of its choices", row->name);
        if (row->kind == WEIR_OPTION_FILE || row->kind == WEIR_OPTION_TRACE)
            NEED(subject, !takes(subject, row->name, json_string("/no/such/file")),
                 "'%s' takes a file that is not there", row->name);
    }
    NEED(subject, !takes(subject, "no_option_of_this_name", json_true()),
         "an option that does not exist is taken");
}

static const weir_check common_checks[] = {
    {"the descriptor is complete", check_descriptor},
    {"defaults and presets are legal", check_defaults},
    {"options are refused just outside their range", check_ranges},
    {NULL, NULL}};

/* ---- Running them -----------------------------------------------------------------------------*/

static _Noreturn void be_child(weir_subject *subject, const weir_check *check, int output,
                               pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(2);
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    check->run(subject);
    fflush(NULL);
    _exit(0);
}

/* Waits for a check; its reason to fail into text, or an empty one. */
static void await(pid_t child, int verdict, double limit, char *text, size_t size)
{
    struct pollfd poll_verdict = {.fd = verdict, .events = POLLIN};
    double began = now();
    size_t used = 0;
    bool late = false;
    int status = 0;

    for (;;) {
        double left = limit - (now() - began);
        ssize_t got;
        if (poll(&poll_verdict, 1, left > 0 ? (int)(left * 1000) + 1 : 0) == 0) {
            late = true;
            kill(child, SIGKILL);
            break;
        }
        got = read(verdict, text + used, size - 1 - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        used += (size_t)got;
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    text[used] = '\0';
    if (late)
        snprintf(text, size, "it did not end within %g s", limit);
    else if (WIFSIGNALED(status))
        snprintf(text, size, "it crashed (SIG%s)",
                 sigabbrev_np(WTERMSIG(status)) ? sigabbrev_np(WTERMSIG(status)) : "?");
    else if (WEXITSTATUS(status) && !used)
        snprintf(text, size, "the process left with status %d", WEXITSTATUS(status));
}

/* One check; true if it passed. */
static bool run_check(weir_subject *subject, const weir_check *check, int output, char *text,
                      size_t size, weir_error *error)
{
    char folder[] = "/tmp/weir-check-XXXXXX";
    pid_t parent = getpid(), child;
    int ends[2];

    text[0] = '\0';
    if (!mkdtemp(folder) || pipe2(ends, O_CLOEXEC)) {
        weir_error_set(error, WEIR_EIO, "%s: %s", folder, strerror(errno));
        return false;
    }
    subject->folder = folder;
    subject->verdict = ends[1];
    fflush(NULL);
    child = fork();
    if (child == 0)
        be_child(subject, check, output, parent);
    close(ends[1]);
    if (child < 0)
        weir_error_set(error, WEIR_EIO, "no process: %s", strerror(errno));
    else
        await(child, ends[0], subject->limit, text, size);
    close(ends[0]);
    weir_folder_remove(folder, NULL);
    return child > 0 && !text[0];
}

/* What the checks printed, cut; NULL if nothing. */
static const char *printed(int output, char *text, size_t size)
{
    char start[200];
    ssize_t got = pread(output, start, sizeof start - 1, 0);

    if (got <= 0)
        return NULL;
    start[got] = '\0';
    start[strcspn(start, "\n")] = '\0';
    snprintf(text, size, "it printed: %s", start);
    return text;
}

int weir_conform(weir_registry *registry, const weir_loaded *loaded, double limit,
                 weir_conform_report *report, void *context, weir_error *error)
{
    const weir_plugin *plugin = loaded->plugin;
    const weir_check *lists[2] = {common_checks, weir_score_checks};
    weir_subject subject = {
        .registry = registry, .loaded = loaded, .plugin = plugin, .limit = limit};
    int output = memfd_create("weir-check", MFD_CLOEXEC), failed = 0;
    weir_error local = {0};
    char text[1300];

    if (output < 0) {
        weir_error_set(error, WEIR_EIO, "no memory file: %s", strerror(errno));
        return -1;
    }
    if (plugin->kind == WEIR_KIND_GENERATOR)
        lists[1] = weir_generator_checks;
    else if (plugin->kind == WEIR_KIND_ENCODER)
        lists[1] = weir_encoder_checks;
    for (int i = 0; i < 2; i++) {
        for (const weir_check *check = lists[i]; check->name; check++) {
            bool good = run_check(&subject, check, output, text, sizeof text, &local);
            if (local.status != WEIR_OK)
                goto done;
            failed += !good;
            report(context, check->name, good ? NULL : text);
        }
    }
    {
        const char *reason = printed(output, text, sizeof text);
        failed += reason != NULL;
        report(context, "nothing is printed", reason);
    }
done:
    close(output);
    if (local.status == WEIR_OK)
        return failed;
    weir_error_set(error, local.status, "%s", local.text);
    return -1;
}
