/* One job's process: exec'ed, in a process group of its own, dying with its runner; its memory
 * sampled from /proc; ended with everything it started. */
#include "run/process.h"
#include "run/progress.h"
#include <ctype.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <weir/weir.h>

extern char **environ;

#define GRACE 2.0        /* s between SIGTERM and SIGKILL of a job over its time */
#define LOOK_AROUND 0.25 /* s between two looks at all processes */
#define LOOK_SHARE 20    /* of the time that a look takes, passes before the next */

double weir_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

const char *weir_signal_name(int signal, char *text, size_t size)
{
    const char *name = sigabbrev_np(signal);

    if (name)
        snprintf(text, size, "SIG%s", name);
    else
        snprintf(text, size, "signal %d", signal);
    return text;
}

/* ---- Finding the program --------------------------------------------------------------------- */

static bool runnable(const char *path)
{
    return access(path, X_OK) == 0;
}

static bool beside_library(char *path, size_t size)
{
    static const char *const places[] = {"weir", "../bin/weir", "../../bin/weir"};
    char real[PATH_MAX], folder[PATH_MAX];
    Dl_info info;

    if (!dladdr((void *)(uintptr_t)weir_version, &info) || !realpath(info.dli_fname, real))
        return false;
    snprintf(folder, sizeof folder, "%s", dirname(real));
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if ((size_t)snprintf(path, size, "%s/%s", folder, places[i]) < size && runnable(path))
            return true;
    return false;
}

static bool on_path(char *path, size_t size)
{
    const char *at = getenv("PATH");

    while (at && *at) {
        size_t n = strcspn(at, ":");
        if ((size_t)snprintf(path, size, "%.*s/weir", (int)n, at) < size && *at == '/' &&
            runnable(path))
            return true;
        at += n + (at[n] == ':');
    }
    return false;
}

int weir_program(char *path, size_t size, weir_error *error)
{
    const char *named = getenv("WEIR_PROGRAM");
    char own[PATH_MAX], copy[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", own, sizeof own - 1);

    own[n > 0 ? n : 0] = '\0';
    memcpy(copy, own, sizeof copy);
    if (n > 0 && !strcmp(basename(copy), "weir") && runnable(own) &&
        (size_t)snprintf(path, size, "%s", own) < size)
        return WEIR_OK;
    if (named && runnable(named) && (size_t)snprintf(path, size, "%s", named) < size)
        return WEIR_OK;
    if (beside_library(path, size) || on_path(path, size))
        return WEIR_OK;
    return weir_error_set(error, WEIR_EIO,
                          "the program weir, which runs the jobs, is neither beside libweir nor in "
                          "PATH; set WEIR_PROGRAM to its path");
}

/* ---- Starting -------------------------------------------------------------------------------- */

/* What a job's environment says besides what ours does. A job with CPUs of its own has its OpenMP
 * threads bound to them, one each; they may spin while they wait for work, since nobody else wants
 * the CPU. Where jobs share CPUs, binding would put all first threads on the first one, and
 * spinning takes away the time that the awaited thread needs. */
static void variable(char *text, size_t size, const char *name, const weir_launch *launch,
                     int events)
{
    if (!strcmp(name, "OMP_DYNAMIC"))
        snprintf(text, size, "%s=false", name);
    else if (!strcmp(name, "OMP_PROC_BIND"))
        snprintf(text, size, "%s=%s", name, launch->cpus ? "true" : "false");
    else if (!strcmp(name, "OMP_WAIT_POLICY"))
        snprintf(text, size, "%s=%s", name, launch->cpus ? "active" : "passive");
    else if (!strcmp(name, "GOMP_SPINCOUNT")) /* of GNU's OpenMP: some microseconds, milliseconds */
        snprintf(text, size, "%s=%d", name, launch->cpus ? 100000 : 200);
    else
        snprintf(text, size, "%s=%d", name,
                 strcmp(name, "WEIR_STATUS_FD") ? launch->threads : events);
}

/* The environment of a job: ours, with what concerns its threads, and the status pipe. */
static char **environment(const weir_launch *launch, int events)
{
    static const char *const names[] = {
        "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_DYNAMIC",
        "OMP_PROC_BIND",   "OMP_WAIT_POLICY",      "GOMP_SPINCOUNT",  "WEIR_STATUS_FD"};
    enum { NAMES = sizeof names / sizeof names[0], LENGTH = 40 };
    size_t n = 0, kept = 0;
    char **made, *text;

    while (environ[n])
        n++;
    made = malloc((n + NAMES + 1) * sizeof *made + NAMES * LENGTH);
    if (!made)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        size_t j = 0;
        while (j < NAMES && !(!strncmp(environ[i], names[j], strlen(names[j])) &&
                              environ[i][strlen(names[j])] == '='))
            j++;
        if (j == NAMES)
            made[kept++] = environ[i];
    }
    text = (char *)(made + n + NAMES + 1);
    for (size_t i = 0; i < NAMES; i++, text += LENGTH) {
        variable(text, LENGTH, names[i], launch, events);
        made[kept++] = text;
    }
    made[kept] = NULL;
    return made;
}

/* In the child, between fork and exec: calls that are safe there only. */
static _Noreturn void become(const weir_launch *launch, pid_t runner, int log, int nothing,
                             int events, char **variables)
{
    static const int ordinary[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT, SIGCHLD};
    sigset_t none;

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != runner)
        _exit(126);
    for (size_t i = 0; i < sizeof ordinary / sizeof ordinary[0]; i++)
        signal(ordinary[i], SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (launch->cpus)
        sched_setaffinity(0, sizeof *launch->cpus, launch->cpus);
    dup2(nothing, 0);
    dup2(log, 1);
    dup2(log, 2);
    close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
    fcntl(events, F_SETFD, 0);
    if (launch->lock >= 0)
        fcntl(launch->lock, F_SETFD, 0);
    execve(launch->arguments[0], (char **)(uintptr_t)launch->arguments, variables);
    dprintf(2, "cannot run %s: %s\n", launch->arguments[0], strerror(errno));
    _exit(127);
}

/* A descriptor above the standard ones, so that dup2 in the child overwrites none. */
static int lifted(int file)
{
    int higher;

    if (file < 0 || file > 2)
        return file;
    higher = fcntl(file, F_DUPFD_CLOEXEC, 3);
    close(file);
    return higher;
}

void weir_process_adopt(weir_process *process, pid_t pid, uint64_t memory, double time)
{
    memset(process, 0, sizeof *process);
    setpgid(pid, pid); /* here as well, so that it holds whoever comes first */
    process->pid = pid;
    process->events = process->log = -1;
    process->memory = memory;
    process->time = time;
    process->started = weir_clock();
}

int weir_process_start(weir_process *process, const weir_launch *launch, weir_error *error)
{
    int pipes[2] = {-1, -1}, log, nothing;
    pid_t runner = getpid();
    char **variables = NULL;
    int status = WEIR_OK;

    memset(process, 0, sizeof *process);
    process->events = process->log = -1;
    log = lifted(open(launch->log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666));
    nothing = lifted(open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (log < 0 || nothing < 0 || pipe2(pipes, O_CLOEXEC)) {
        status =
            weir_error_set(error, WEIR_EIO, "cannot open %s: %s", launch->log, strerror(errno));
        goto done;
    }
    pipes[0] = lifted(pipes[0]);
    pipes[1] = lifted(pipes[1]);
    fcntl(pipes[0], F_SETFL, O_NONBLOCK);
    variables = environment(launch, pipes[1]);
    if (!variables) {
        status = weir_error_memory(error, sizeof *process, "a job's environment");
        goto done;
    }
    process->pid = fork();
    if (process->pid == 0)
        become(launch, runner, log, nothing, pipes[1], variables);
    if (process->pid < 0) {
        status = weir_error_set(error, WEIR_EIO, "cannot start a process: %s", strerror(errno));
        goto done;
    }
    weir_process_adopt(process, process->pid, launch->memory, launch->time);
    process->events = pipes[0];
    process->log = log;
    pipes[0] = log = -1;

done:
    free(variables);
    for (int i = 0; i < 2; i++)
        if (pipes[i] >= 0)
            close(pipes[i]);
    if (log >= 0)
        close(log);
    if (nothing >= 0)
        close(nothing);
    return status;
}

/* ---- Watching -------------------------------------------------------------------------------- */

static bool read_small(const char *path, char *text, size_t size)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = file < 0 ? -1 : read(file, text, size - 1);

    if (file >= 0)
        close(file);
    text[n > 0 ? n : 0] = '\0';
    return n > 0;
}

static uint64_t resident(pid_t pid)
{
    char path[64], text[128];
    unsigned long long size, pages;

    snprintf(path, sizeof path, "/proc/%ld/statm", (long)pid);
    if (!read_small(path, text, sizeof text) || sscanf(text, "%llu %llu", &size, &pages) != 2)
        return 0;
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static pid_t group_of(long pid)
{
    char path[64], text[512], *end;
    long group = 0;

    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    if (!read_small(path, text, sizeof text) || !(end = strrchr(text, ')')) ||
        sscanf(end + 1, " %*c %*d %ld", &group) != 1)
        return 0;
    return (pid_t)group;
}

/* Looks at all processes once for all jobs, and the less often the longer that takes. */
static void take_census(weir_census *census, double now)
{
    DIR *list;
    struct dirent *entry;

    if (now < census->next)
        return;
    census->count = 0;
    list = opendir("/proc");
    while (list && (entry = readdir(list)) && census->count < WEIR_CENSUS) {
        long pid = strtol(entry->d_name, NULL, 10);
        pid_t group;
        if (!isdigit((unsigned char)entry->d_name[0]) || (group = group_of(pid)) == 0 ||
            group == (pid_t)pid)
            continue;
        census->pids[census->count] = (pid_t)pid;
        census->groups[census->count++] = group;
    }
    if (list)
        closedir(list);
    census->next = now + LOOK_AROUND + LOOK_SHARE * (weir_clock() - now);
}

static uint64_t resident_of_group(const weir_process *process, const weir_census *census)
{
    uint64_t used = resident(process->pid);

    for (size_t i = 0; i < census->count; i++)
        if (census->groups[i] == process->pid)
            used += resident(census->pids[i]);
    return used;
}

static void kill_group(const weir_process *process, int with)
{
    kill(-process->pid, with);
    kill(process->pid, with); /* in case it has not made its group yet */
}

static void check_limits(weir_process *process, weir_census *census, double now)
{
    struct stat printed;
    uint64_t used;

    take_census(census, now);
    used = resident_of_group(process, census);
    if (used > process->peak)
        process->peak = used;
    if (process->memory && used > process->memory && process->why != WEIR_END_MEMORY) {
        if (process->why == WEIR_END_NONE)
            process->why = WEIR_END_MEMORY;
        kill_group(process, SIGKILL);
    }
    if (process->why == WEIR_END_NONE && process->log >= 0 && !fstat(process->log, &printed) &&
        printed.st_size > WEIR_LOG_LIMIT) {
        process->why = WEIR_END_LOG;
        kill_group(process, SIGKILL);
    }
    if (process->time > 0 && now - process->started > process->time &&
        process->why == WEIR_END_NONE) {
        process->why = WEIR_END_TIME;
        kill_group(process, SIGTERM);
        process->kill_at = now + GRACE;
    }
    if (process->kill_at > 0 && now >= process->kill_at)
        kill_group(process, SIGKILL);
}

bool weir_process_watch(weir_process *process, weir_census *census)
{
    double now = weir_clock();
    struct rusage usage;
    siginfo_t ended = {0};
    int status, waited;

    if (process->end != WEIR_END_NONE)
        return true;
    check_limits(process, census, now);
    /* Not reaped yet: as long as it is there, its number cannot become another group's. */
    waited = waitid(P_PID, (id_t)process->pid, &ended, WEXITED | WNOHANG | WNOWAIT);
    if ((waited == 0 && ended.si_pid == 0) || (waited < 0 && errno == EINTR))
        return false;
    process->seconds = now - process->started;
    kill(-process->pid, SIGKILL); /* what it has started goes with it */
    if (process->log >= 0)
        close(process->log);
    process->log = -1;
    if (waited == 0 && wait4(process->pid, &status, 0, &usage) == process->pid) {
        uint64_t most = (uint64_t)usage.ru_maxrss * 1024;
        process->peak = most > process->peak ? most : process->peak;
        process->cpu_seconds = (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
                               1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
        process->exit = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
        process->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    } else { /* somebody else has waited for it: nothing is known but that it is gone */
        process->exit = 1;
    }
    process->end = process->signal ? WEIR_END_CRASH : WEIR_END_EXIT;
    if (process->why != WEIR_END_NONE)
        process->end = process->why;
    return true;
}

void weir_process_stop(weir_process *process, double grace)
{
    if (process->end != WEIR_END_NONE)
        return;
    if (process->why == WEIR_END_NONE)
        process->why = WEIR_END_STOPPED;
    kill_group(process, grace > 0 ? SIGTERM : SIGKILL);
    process->kill_at = weir_clock() + grace;
}

void weir_process_explain(const weir_process *process, char *text, size_t size)
{
    char name[32], limit[32], used[32];

    switch (process->end) {
    case WEIR_END_CRASH:
        snprintf(text, size,
                 process->signal == SIGKILL
                     ? "killed (%s) by another process, perhaps by the kernel for want of memory"
                     : "crashed (%s)",
                 weir_signal_name(process->signal, name, sizeof name));
        break;
    case WEIR_END_MEMORY:
        snprintf(text, size, "memory limit of %s exceeded (%s)",
                 weir_bytes_text(process->memory, limit, sizeof limit),
                 weir_bytes_text(process->peak, used, sizeof used));
        break;
    case WEIR_END_TIME:
        snprintf(text, size, "time limit of %s exceeded",
                 weir_duration_text(process->time, limit, sizeof limit));
        break;
    case WEIR_END_LOG:
        snprintf(text, size, "printed more than %s",
                 weir_bytes_text((uint64_t)WEIR_LOG_LIMIT, limit, sizeof limit));
        break;
    case WEIR_END_STOPPED:
        snprintf(text, size, "interrupted");
        break;
    case WEIR_END_NONE:
    case WEIR_END_EXIT:
    default:
        /* 1 is how a job leaves that could not store how it went. */
        snprintf(text, size, "ended with exit status %d and without a result%s", process->exit,
                 process->exit == 1 ? " (it called exit, or there is no room to store one)" : "");
    }
}

const char *weir_process_event(weir_process *process)
{
    char *end;

    process->line_length -= process->line_used;
    memmove(process->line, process->line + process->line_used, process->line_length);
    process->line_used = 0;
    end = memchr(process->line, '\n', process->line_length);
    if (!end && process->events >= 0) {
        ssize_t n;
        if (process->line_length == sizeof process->line)
            process->line_length = 0; /* a line that long is none of ours */
        n = read(process->events, process->line + process->line_length,
                 sizeof process->line - process->line_length);
        if (n > 0)
            process->line_length += (size_t)n;
        else if (n == 0 || (errno != EAGAIN && errno != EINTR))
            weir_process_close(process);
        end = memchr(process->line, '\n', process->line_length);
    }
    if (!end)
        return NULL;
    *end = '\0';
    process->line_used = (size_t)(end - process->line) + 1;
    return process->line;
}

void weir_process_close(weir_process *process)
{
    if (process->events >= 0)
        close(process->events);
    process->events = -1;
}
