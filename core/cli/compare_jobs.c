/* The processes of weir compare: one a plugin, so that one that crashes costs its features only. */
#include "cli/compare.h"
#include "run/execute.h"
#include "run/host.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHARE 0.8   /* of the machine's memory, that all jobs together may have */
#define HOUR 3600.0 /* s: most time of a score */
#define TICK 25     /* ms between two looks, at most */

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    interrupted = number;
}

static json_t *spec_of(const struct weir_comparison *c, const struct weir_scoring *scoring)
{
    const weir_loaded *loaded = scoring->loaded;

    return json_pack("{s:s, s:{s:s, s:s, s:s, s:s}, s:O, s:{}, s:i, s:s, s:i, s:{s:O, s:O}, s:s}",
                     "job", "score", "plugin", "kind", weir_kind_name((int)loaded->plugin->kind),
                     "name", loaded->plugin->name, "path", loaded->path, "build", loaded->build_id,
                     "options", scoring->options, "encoders", "seed", 1, "device", "cpu", "threads",
                     1, "inputs", "real", c->real, "synthetic", c->synthetic, "out",
                     scoring->folder);
}

/* The child: nothing of it reaches the terminal. */
static _Noreturn void run_child(const struct weir_comparison *c, const struct weir_scoring *scoring,
                                int log, pid_t parent)
{
    weir_error error = {0};

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    if (getppid() != parent || dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0)
        _exit(1);
    _exit(weir_execute(spec_of(c, scoring), -1, &error) ? 1 : 0);
}

static int start(struct weir_comparison *c, struct weir_scoring *scoring, weir_error *error)
{
    pid_t parent = getpid(), child;
    char path[600];
    int log;

    snprintf(scoring->folder, sizeof scoring->folder, "%s/%s.%s", c->folder,
             weir_kind_name((int)scoring->loaded->plugin->kind), scoring->loaded->plugin->name);
    snprintf(path, sizeof path, "%s/log", scoring->folder);
    log = mkdir(scoring->folder, 0700) ? -1
                                       : open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND, 0600);
    if (log < 0)
        return weir_error_set(error, WEIR_EIO, "%s: %s", scoring->folder, strerror(errno));
    fflush(NULL);
    child = fork();
    if (child < 0) {
        close(log);
        return weir_error_set(error, WEIR_EIO, "no process for %s: %s",
                              scoring->loaded->plugin->name, strerror(errno));
    }
    if (!child)
        run_child(c, scoring, log, parent);
    weir_process_adopt(&scoring->process, child, c->memory, c->time);
    scoring->process.log = log;
    return WEIR_OK;
}

static size_t processors(void)
{
    cpu_set_t set;

    return sched_getaffinity(0, sizeof set, &set) ? 1 : (size_t)CPU_COUNT(&set);
}

/* Starts and waits, looking rarely after those that take long; a signal ends what runs. */
static void run_all(struct weir_comparison *c, weir_error *error)
{
    size_t started = 0, running = 0, most = processors();
    weir_census census = {0};
    int pause = 1; /* ms */

    if (!c->memory)
        c->memory = (uint64_t)(SHARE * (double)weir_host_memory() / (double)most);
    if (!(c->time > 0))
        c->time = HOUR;
    while (started < c->count || running) {
        while (started < c->count && running < most && !error->status && !interrupted) {
            if (start(c, &c->scorings[started], error))
                break;
            started++;
            running++;
            pause = 1;
        }
        if (!running)
            break;
        poll(NULL, 0, pause);
        pause = pause < TICK ? pause + 1 : TICK;
        for (size_t i = 0; i < started; i++) {
            weir_process *process = &c->scorings[i].process;

            if (process->end != WEIR_END_NONE)
                continue;
            if (interrupted)
                weir_process_stop(process, 0);
            running -= weir_process_watch(process, &census);
        }
    }
}

static int remove_entry(const char *path, const struct stat *entry, int kind, struct FTW *place)
{
    (void)entry;
    (void)kind;
    (void)place;
    return remove(path) && errno != ENOENT;
}

int weir_compare_run(struct weir_comparison *c, weir_error *error)
{
    /* Nothing there outlives the command, so memory will do. */
    const char *given = getenv("TMPDIR");
    const char *folder = given && *given                        ? given
                         : access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm"
                                                                : "/tmp";
    struct sigaction action = {.sa_handler = on_signal}, before[2];

    interrupted = 0;
    snprintf(c->folder, sizeof c->folder, "%s/weir-compare-XXXXXX", folder);
    if (!mkdtemp(c->folder)) {
        int reason = errno;

        weir_error_set(error, WEIR_EIO, "%s: %s", c->folder, strerror(reason));
        c->folder[0] = '\0';
        return error->status;
    }
    sigaction(SIGINT, &action, &before[0]);
    sigaction(SIGTERM, &action, &before[1]);
    run_all(c, error);
    sigaction(SIGINT, &before[0], NULL);
    sigaction(SIGTERM, &before[1], NULL);
    return error->status;
}

bool weir_compare_interrupted(void)
{
    return interrupted;
}

void weir_compare_clean(const struct weir_comparison *c)
{
    if (*c->folder)
        nftw(c->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}
