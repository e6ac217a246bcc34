/* The processes of weir compare: one a plugin, so that one that crashes costs its features only. */
#include "cli/compare.h"
#include "run/execute.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

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
static _Noreturn void run_child(const struct weir_comparison *c, const struct weir_scoring *scoring)
{
    weir_error error = {0};
    char log[600];
    int file;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    snprintf(log, sizeof log, "%s/log", scoring->folder);
    file = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file < 0 || dup2(file, STDOUT_FILENO) < 0 || dup2(file, STDERR_FILENO) < 0)
        _exit(1);
    _exit(weir_execute(spec_of(c, scoring), -1, &error) ? 1 : 0);
}

static int start(struct weir_comparison *c, struct weir_scoring *scoring, weir_error *error)
{
    snprintf(scoring->folder, sizeof scoring->folder, "%s/%s.%s", c->folder,
             weir_kind_name((int)scoring->loaded->plugin->kind), scoring->loaded->plugin->name);
    if (mkdir(scoring->folder, 0700))
        return weir_error_set(error, WEIR_EIO, "%s: %s", scoring->folder, strerror(errno));
    fflush(NULL);
    scoring->process = fork();
    if (scoring->process < 0)
        return weir_error_set(error, WEIR_EIO, "no process for %s: %s",
                              scoring->loaded->plugin->name, strerror(errno));
    if (!scoring->process)
        run_child(c, scoring);
    return WEIR_OK;
}

static size_t processors(void)
{
    cpu_set_t set;

    return sched_getaffinity(0, sizeof set, &set) ? 1 : (size_t)CPU_COUNT(&set);
}

/* Starts and waits; a signal ends what runs. */
static void run_all(struct weir_comparison *c, weir_error *error)
{
    size_t started = 0, running = 0, most = processors();

    while (started < c->count || running) {
        int status;
        pid_t ended;

        while (started < c->count && running < most && !error->status && !interrupted) {
            if (start(c, &c->scorings[started], error))
                break;
            started++;
            running++;
        }
        if (!running)
            break;
        ended = waitpid(-1, &status, 0);
        if (ended < 0 && errno == EINTR) {
            for (size_t i = 0; i < started && interrupted; i++)
                if (c->scorings[i].process > 0)
                    kill(c->scorings[i].process, SIGKILL);
            continue;
        }
        for (size_t i = 0; i < started; i++) {
            if (ended > 0 && c->scorings[i].process == ended) {
                c->scorings[i].process = -1;
                c->scorings[i].status = status;
                running--;
            }
        }
        if (ended < 0)
            break;
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
