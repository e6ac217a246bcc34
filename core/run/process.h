/* One job's process: started in a group of its own, watched, held to its limits, ended whole. */
#ifndef WEIR_RUN_PROCESS_H
#define WEIR_RUN_PROCESS_H

#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <weir/error.h>

/* What to start. All borrowed for the call. */
typedef struct weir_launch {
    const char *const *arguments; /* the program's absolute path first; ends with NULL */
    const char *log;              /* file that gets stdout and stderr, made anew */
    int lock;                     /* descriptor that the process inherits; -1: none */
    const cpu_set_t *cpus;        /* NULL: those of this process */
    int threads;                  /* for OMP_NUM_THREADS and its like */
    uint64_t memory;              /* bytes resident, of all the group; 0: no limit */
    double time;                  /* s; 0: no limit */
} weir_launch;

typedef enum weir_end {
    WEIR_END_NONE, /* it runs */
    WEIR_END_EXIT, /* by itself; `exit` is its status */
    WEIR_END_CRASH,
    WEIR_END_MEMORY,
    WEIR_END_TIME,
    WEIR_END_LOG,    /* it printed more than WEIR_LOG_LIMIT */
    WEIR_END_STOPPED /* by weir_process_stop */
} weir_end;

#define WEIR_LOG_LIMIT (64000000ll) /* bytes that a job may print: it must not fill the disk */
#define WEIR_CENSUS 4096            /* processes that are looked at, at most */

/* The processes of the machine that are in another's group, as seen a moment ago: shared by all
 * jobs that are watched. All zero to begin with. */
typedef struct weir_census {
    pid_t pids[WEIR_CENSUS], groups[WEIR_CENSUS];
    size_t count;
    double next;
} weir_census;

typedef struct weir_process {
    pid_t pid;  /* also its group */
    int events; /* read end of its status pipe; -1 once it is closed */
    weir_end end;
    int exit, signal;
    double started, seconds, cpu_seconds; /* s; started by the monotonic clock */
    uint64_t memory, peak;                /* bytes resident of the group: limit, most seen */
    double time;
    /* inside */
    int log;
    weir_end why;
    double kill_at;
    char line[4096];
    size_t line_length, line_used;
} weir_process;

/* Monotonic seconds. */
double weir_clock(void);
/* The program `weir`: this process's own, else the environment's WEIR_PROGRAM, else beside libweir,
 * else in PATH. Into path. */
int weir_program(char *path, size_t size, weir_error *error);

int weir_process_start(weir_process *process, const weir_launch *launch, weir_error *error);
/* Looks after a child that the caller has forked, which must lead a group of its own. It has no
 * status pipe, and no log unless the caller puts one in. Limits as in weir_launch. */
void weir_process_adopt(weir_process *process, pid_t pid, uint64_t memory, double time);
/* Looks after a running process: memory, limits, its end. True once it has ended; then every
 * process of its group is gone too. Call it every 25 ms or so. */
bool weir_process_watch(weir_process *process, weir_census *census);
/* Asks it to end (SIGTERM), and kills it after grace seconds (0: at once). */
void weir_process_stop(weir_process *process, double grace);
/* The next whole line that it wrote to its status pipe, without its end; NULL if there is none yet.
 * Valid until the next call. */
const char *weir_process_event(weir_process *process);
/* Closes its status pipe: after its end. */
void weir_process_close(weir_process *process);
/* Why a process ended that left no result of its own, or did not end by itself. Into text. */
void weir_process_explain(const weir_process *process, char *text, size_t size);
/* "SIGSEGV"; "signal 99" for those without a name. */
const char *weir_signal_name(int signal, char *text, size_t size);

#endif
