/* A job run for a person who waits: a child does it, this process shows how far it is. */
#include "cli/foreground.h"
#include "cli/command.h"
#include "files.h"
#include "plugin/job.h"
#include "run/execute.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static void on_signal(int signal_number)
{
    interrupted = signal_number;
}

static void on_signal_in_child(int signal_number)
{
    (void)signal_number;
    weir_cancel();
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* ---- The child --------------------------------------------------------------------------------*/

static _Noreturn void work(const json_t *spec, int events, pid_t parent)
{
    struct sigaction action = {.sa_handler = on_signal_in_child};
    const char *out = json_string_value(json_object_get(spec, "out"));
    char path[PATH_MAX], line[PIPE_BUF];
    weir_error error = {0};
    json_t *failed;
    size_t length;
    int log;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    /* what a plugin prints although it should not must not mix with what we print */
    snprintf(path, sizeof path, "%s/log", out);
    log = weir_folder_make(out, &error) == WEIR_OK
              ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666)
              : -1;
    if (log < 0)
        log = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    if (error.status == WEIR_OK && weir_execute(spec, events, &error) == WEIR_OK)
        _exit(0);
    failed = json_pack("{s:s}", "failed", error.text);
    length = failed ? json_dumpb(failed, line, sizeof line - 1, JSON_COMPACT) : 0;
    if (length && length < sizeof line) {
        line[length++] = '\n';
        fcntl(events, F_SETFL, fcntl(events, F_GETFL) & ~O_NONBLOCK);
        if (write(events, line, length) < 0)
            _exit(1);
    }
    _exit(1);
}

/* ---- The parent -------------------------------------------------------------------------------*/

typedef struct watch {
    const char *command;
    pid_t child;
    bool terminal, shown;
    char phase[16], failed[1100];
    double began, printed; /* of the phase; of the last plain line */
    char buffer[2 * PIPE_BUF];
    size_t used;
} watch;

static void clear_line(watch *w)
{
    if (w->shown)
        fputs("\r\033[K", stderr);
    w->shown = false;
}

static void show_progress(watch *w, double done, double total)
{
    double share = total > 0 ? done / total : 0, passed = now() - w->began;
    char left[32] = "";

    if (share > 0 && share < 1 && passed > 1)
        snprintf(left, sizeof left, ", %.0f s left", passed / share - passed);
    if (w->terminal) {
        int bar = (int)(share * 24 + 0.5);
        fprintf(stderr, "\r\033[K%s [%.*s%.*s] %3.0f %%%s", w->phase, bar,
                "########################", 24 - bar, "                        ", 100 * share,
                left);
        w->shown = true;
    } else if (now() - w->printed >= 10) {
        fprintf(stderr, "weir %s: %s: %.0f %%%s\n", w->command, w->phase, 100 * share, left);
        w->printed = now();
    }
}

static void take_event(watch *w, const char *line)
{
    json_t *event = json_loads(line, 0, NULL);
    const char *phase = json_string_value(json_object_get(event, "phase"));
    const char *log = json_string_value(json_object_get(event, "log"));
    const char *failed = json_string_value(json_object_get(event, "failed"));

    if (phase) {
        snprintf(w->phase, sizeof w->phase, "%s", phase);
        w->began = now();
        clear_line(w);
    } else if (log) {
        clear_line(w);
        fprintf(stderr, "weir %s: %s\n", w->command, log);
    } else if (failed) {
        snprintf(w->failed, sizeof w->failed, "%s", failed);
    } else if (json_object_get(event, "total")) {
        show_progress(w, json_number_value(json_object_get(event, "done")),
                      json_number_value(json_object_get(event, "total")));
    }
    json_decref(event);
}

/* Takes what the pipe holds; false at its end. */
static bool take_events(watch *w, int events)
{
    ssize_t got = read(events, w->buffer + w->used, sizeof w->buffer - 1 - w->used);
    char *start = w->buffer, *end;

    if (got < 0)
        return errno == EINTR || errno == EAGAIN;
    w->used += (size_t)got;
    w->buffer[w->used] = '\0';
    while ((end = strchr(start, '\n'))) {
        *end = '\0';
        take_event(w, start);
        start = end + 1;
    }
    w->used -= (size_t)(start - w->buffer);
    memmove(w->buffer, start, w->used);
    if (w->used == sizeof w->buffer - 1)
        w->used = 0; /* no event is so long */
    return got > 0;
}

static int watch_child(watch *w, int events)
{
    struct pollfd poll_events = {.fd = events, .events = POLLIN};
    double asked = 0;
    int status;

    for (;;) {
        int ready = poll(&poll_events, 1, 200);
        if (interrupted && asked <= 0) {
            kill(w->child, SIGTERM);
            asked = now();
        } else if (asked > 0 && now() - asked > 5) {
            kill(w->child, SIGKILL);
        }
        if (ready > 0 && !take_events(w, events))
            break;
    }
    while (waitpid(w->child, &status, 0) < 0 && errno == EINTR)
        if (interrupted)
            kill(w->child, SIGTERM);
    clear_line(w);
    if (interrupted) {
        fprintf(stderr, "weir %s: interrupted\n", w->command);
        return 130;
    }
    if (WIFSIGNALED(status)) {
        fprintf(stderr, "weir %s: crashed (SIG%s) in phase %s\n", w->command,
                sigabbrev_np(WTERMSIG(status)) ? sigabbrev_np(WTERMSIG(status)) : "?", w->phase);
        return 1;
    }
    if (WEXITSTATUS(status) == 0)
        return 0;
    fprintf(stderr, "weir %s: %s\n", w->command,
            w->failed[0] ? w->failed : "the job ended without a word");
    return w->failed[0] && !strcmp(w->phase, "open") ? 2 : 1;
}

int weir_foreground(const char *command, const json_t *spec)
{
    watch w = {.command = command, .phase = "open", .terminal = isatty(STDERR_FILENO)};
    struct sigaction action = {.sa_handler = on_signal}, old[2];
    pid_t parent = getpid();
    char threads[32];
    int ends[2], status;

    snprintf(threads, sizeof threads, "%d",
             (int)json_integer_value(json_object_get(spec, "threads")));
    setenv("OMP_NUM_THREADS", threads, 1);
    if (pipe2(ends, O_CLOEXEC))
        return weir_usage_error(command, "no pipe: %s", strerror(errno));
    interrupted = 0;
    sigaction(SIGINT, &action, &old[0]);
    sigaction(SIGTERM, &action, &old[1]);
    fflush(NULL);
    w.printed = w.began = now();
    w.child = fork();
    if (w.child == 0) {
        close(ends[0]);
        work(spec, ends[1], parent);
    }
    close(ends[1]);
    if (w.child < 0)
        status = weir_usage_error(command, "no process: %s", strerror(errno));
    else
        status = watch_child(&w, ends[0]);
    close(ends[0]);
    sigaction(SIGINT, &old[0], NULL);
    sigaction(SIGTERM, &old[1], NULL);
    return status;
}

/* ---- What the commands share ------------------------------------------------------------------*/

int weir_foreground_options(const char *const *texts, size_t n, json_t *options, weir_error *error)
{
    for (size_t i = 0; i < n; i++) {
        const char *equals = strchr(texts[i], '=');
        char name[64];
        if (!equals || equals == texts[i] || equals - texts[i] >= (ptrdiff_t)sizeof name)
            return weir_error_set(error, WEIR_EOPTION, "'%s' is not 'option=value'", texts[i]);
        snprintf(name, sizeof name, "%.*s", (int)(equals - texts[i]), texts[i]);
        if (json_object_get(options, name))
            return weir_error_set(error, WEIR_EOPTION, "'%s' is given twice", name);
        if (json_object_set_new(options, name, json_string(equals + 1)))
            return weir_error_set(error, WEIR_EOPTION, "'%s' is not UTF-8", texts[i]);
    }
    return WEIR_OK;
}

int weir_foreground_writable(const char *path, weir_error *error)
{
    const char *slash = strrchr(path, '/');
    char folder[PATH_MAX] = ".";

    if (strlen(path) > PATH_MAX - 100)
        return weir_error_set(error, WEIR_EIO, "%.60s…: the path is too long", path);
    if (slash)
        snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    if (access(folder, W_OK | X_OK))
        return weir_error_set(error, WEIR_EIO, "%s: cannot be written: %s", folder,
                              strerror(errno));
    return WEIR_OK;
}

void weir_foreground_plugins(const char *folder)
{
    const char *others = getenv("WEIR_PLUGIN_PATH");
    char *path = NULL;

    if (asprintf(&path, "%s%s%s", folder, others && *others ? ":" : "", others ? others : "") < 0)
        return;
    setenv("WEIR_PLUGIN_PATH", path, 1);
    free(path);
}

bool weir_foreground_device(const char *command, const char *device)
{
    if (!strcmp(device, "auto") || !strcmp(device, "cpu") || !strcmp(device, "cuda"))
        return true;
    weir_usage_error(command, "--device is '%s', must be auto, cpu or cuda", device);
    return false;
}
