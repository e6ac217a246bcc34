/* Jobs' processes: ends, limits, groups, events. The jobs here are shell commands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "run/process.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static char folder[] = "/tmp/weir-process-XXXXXX";
static char log_path[64];
static weir_census census;

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(log_path, sizeof log_path, "%s/log", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(log_path);
    return rmdir(folder);
}

static void start(weir_process *process, const char *command, uint64_t memory, double time)
{
    const char *arguments[] = {"/bin/sh", "-c", command, NULL};
    weir_launch launch = {
        .arguments = arguments, .log = log_path, .lock = -1, .threads = 3, .time = time};
    weir_error error = {0};

    launch.memory = memory;
    assert_int_equal(weir_process_start(process, &launch, &error), WEIR_OK);
}

/* Waits for its end, at most so many seconds. */
static void finish(weir_process *process, double most)
{
    double begin = weir_clock();

    while (!weir_process_watch(process, &census)) {
        assert_true(weir_clock() - begin < most);
        poll(NULL, 0, 5);
    }
    while (weir_process_event(process))
        ;
    weir_process_close(process);
}

static void read_log(char *text, size_t size)
{
    FILE *file = fopen(log_path, "r");
    size_t n;

    assert_non_null(file);
    n = fread(text, 1, size - 1, file);
    text[n] = '\0';
    fclose(file);
}

static void ends_are_told(void **state)
{
    weir_process process;
    char name[32];

    (void)state;
    start(&process, "exit 0", 0, 0);
    finish(&process, 10);
    assert_int_equal(process.end, WEIR_END_EXIT);
    assert_int_equal(process.exit, 0);
    start(&process, "exit 3", 0, 0);
    finish(&process, 10);
    assert_int_equal(process.end, WEIR_END_EXIT);
    assert_int_equal(process.exit, 3);
    start(&process, "kill -SEGV $$", 0, 0);
    finish(&process, 10);
    assert_int_equal(process.end, WEIR_END_CRASH);
    assert_string_equal(weir_signal_name(process.signal, name, sizeof name), "SIGSEGV");
}

static void output_goes_to_the_log(void **state)
{
    weir_process process;
    char text[256];

    (void)state;
    start(&process, "echo out; echo err >&2; cat; echo $OMP_NUM_THREADS", 0, 0);
    finish(&process, 10);
    read_log(text, sizeof text);
    assert_string_equal(text, "out\nerr\n3\n");
}

/* Threads of a job with CPUs of its own are bound and may spin; of one without they do neither. */
static void threads_follow_the_cpus(void **state)
{
    const char *arguments[] = {"/bin/sh", "-c",
                               "echo $OMP_PROC_BIND $OMP_WAIT_POLICY $OMP_NUM_THREADS", NULL};
    cpu_set_t cpus;
    weir_launch launch = {.arguments = arguments, .log = log_path, .lock = -1, .threads = 1};
    weir_process process;
    weir_error error = {0};
    char text[256];

    (void)state;
    assert_int_equal(weir_process_start(&process, &launch, &error), WEIR_OK);
    finish(&process, 10);
    read_log(text, sizeof text);
    assert_string_equal(text, "false passive 1\n");
    assert_int_equal(sched_getaffinity(0, sizeof cpus, &cpus), 0);
    launch.cpus = &cpus;
    assert_int_equal(weir_process_start(&process, &launch, &error), WEIR_OK);
    finish(&process, 10);
    read_log(text, sizeof text);
    assert_string_equal(text, "true active 1\n");
}

static void a_program_that_is_not_there(void **state)
{
    const char *arguments[] = {"/nowhere/weir", NULL};
    weir_launch launch = {.arguments = arguments, .log = log_path, .lock = -1, .threads = 1};
    weir_process process;
    weir_error error = {0};
    char text[256];

    (void)state;
    assert_int_equal(weir_process_start(&process, &launch, &error), WEIR_OK);
    finish(&process, 10);
    assert_int_equal(process.exit, 127);
    read_log(text, sizeof text);
    assert_non_null(strstr(text, "cannot run /nowhere/weir"));
    launch.log = "/nowhere/log";
    assert_int_equal(weir_process_start(&process, &launch, &error), WEIR_EIO);
}

static void time_limit(void **state)
{
    weir_process process;

    (void)state;
    start(&process, "exec sleep 60", 0, 0.2);
    finish(&process, 1.5);
    assert_int_equal(process.end, WEIR_END_TIME);
    assert_true(process.seconds >= 0.2);
}

static void time_limit_kills_who_will_not_end(void **state)
{
    weir_process process;

    (void)state;
    start(&process, "trap '' TERM; while :; do sleep 0.1; done", 0, 0.2);
    finish(&process, 10);
    assert_int_equal(process.end, WEIR_END_TIME);
    assert_int_equal(process.signal, SIGKILL);
    assert_true(process.seconds >= 2.0);
}

/* A shell that doubles a text until it holds megabytes. */
#define GROW "x=0123456789abcdef; while [ ${#x} -lt 100000000 ]; do x=$x$x; done; sleep 60"

static void memory_limit(void **state)
{
    weir_process process;

    (void)state;
    start(&process, GROW, 30000000, 0);
    finish(&process, 10);
    assert_int_equal(process.end, WEIR_END_MEMORY);
    assert_true(process.peak > 30000000);
}

static void memory_of_children_counts(void **state)
{
    weir_process process;

    (void)state;
    start(&process, "sh -c '" GROW "' & wait", 30000000, 0);
    finish(&process, 10);
    assert_int_equal(process.end, WEIR_END_MEMORY);
}

static void prints_without_end(void **state)
{
    weir_process process;

    (void)state;
    start(&process, "yes 'nobody asked for this line, nor for the next one'", 0, 20);
    finish(&process, 30);
    assert_int_equal(process.end, WEIR_END_LOG);
}

static void children_end_with_the_job(void **state)
{
    weir_process process;
    char text[64], proc[64];
    int tries = 0;

    (void)state;
    start(&process, "sleep 60 & echo $!; exit 0", 0, 0);
    finish(&process, 10);
    assert_int_equal(process.end, WEIR_END_EXIT);
    read_log(text, sizeof text);
    snprintf(proc, sizeof proc, "/proc/%ld/statm", strtol(text, NULL, 10));
    for (;; tries++) { /* killed; a zombie without memory, or reaped, a moment later */
        FILE *file = fopen(proc, "r");
        long size = 0;
        bool there = file && fscanf(file, "%ld", &size) == 1;
        if (file)
            fclose(file);
        if (!there || size == 0)
            break;
        assert_true(tries < 200);
        poll(NULL, 0, 10);
    }
}

static void stopping(void **state)
{
    weir_process process;

    (void)state;
    start(&process, "exec sleep 60", 0, 0);
    weir_process_stop(&process, 5);
    finish(&process, 2);
    assert_int_equal(process.end, WEIR_END_STOPPED);
    start(&process, "trap '' TERM; while :; do sleep 0.1; done", 0, 0);
    weir_process_stop(&process, 0);
    finish(&process, 1);
    assert_int_equal(process.end, WEIR_END_STOPPED);
}

static void events_come_line_by_line(void **state)
{
    weir_process process;
    const char *line;
    char seen[64] = "";

    (void)state;
    start(&process,
          "eval \"printf 'one\\ntwo' >&$WEIR_STATUS_FD; sleep 0.2; echo +three >&$WEIR_STATUS_FD\"",
          0, 0);
    while (process.events >= 0) {
        while ((line = weir_process_event(&process))) {
            strcat(seen, line);
            strcat(seen, ";");
        }
        poll(NULL, 0, 5);
    }
    finish(&process, 10);
    assert_string_equal(seen, "one;two+three;");
}

static void the_job_keeps_its_lock(void **state)
{
    const char *arguments[] = {"/bin/sh", "-c", "sleep 0.3", NULL};
    weir_launch launch = {.arguments = arguments, .log = log_path, .threads = 1};
    weir_process process;
    weir_error error = {0};
    char path[80];
    int other;

    (void)state;
    snprintf(path, sizeof path, "%s/lock", folder);
    launch.lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(flock(launch.lock, LOCK_EX), 0);
    assert_int_equal(weir_process_start(&process, &launch, &error), WEIR_OK);
    close(launch.lock);
    other = open(path, O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1);
    assert_int_equal(errno, EWOULDBLOCK);
    finish(&process, 10);
    assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
    close(other);
    unlink(path);
}

static void a_job_has_its_own_cpus(void **state)
{
    const char *arguments[] = {"/bin/sh", "-c", "grep Cpus_allowed_list /proc/self/status", NULL};
    weir_launch launch = {.arguments = arguments, .log = log_path, .lock = -1, .threads = 1};
    weir_process process;
    weir_error error = {0};
    cpu_set_t all, one;
    char text[128], wanted[32];
    size_t cpu = 0;

    (void)state;
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    while (!CPU_ISSET(cpu, &all))
        cpu++;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    launch.cpus = &one;
    assert_int_equal(weir_process_start(&process, &launch, &error), WEIR_OK);
    finish(&process, 10);
    read_log(text, sizeof text);
    snprintf(wanted, sizeof wanted, "\t%zu\n", cpu);
    assert_non_null(strstr(text, wanted));
}

static void the_job_dies_with_its_runner(void **state)
{
    int ends[2];
    pid_t runner, job = 0;
    char proc[64];

    (void)state;
    assert_int_equal(pipe(ends), 0);
    runner = fork();
    if (runner == 0) {
        weir_process process;
        start(&process, "exec sleep 60", 0, 0);
        if (write(ends[1], &process.pid, sizeof process.pid) < 0)
            _exit(1);
        pause();
    }
    assert_int_equal(read(ends[0], &job, sizeof job), sizeof job);
    kill(runner, SIGKILL);
    snprintf(proc, sizeof proc, "/proc/%ld/statm", (long)job);
    for (int tries = 0;; tries++) {
        FILE *file = fopen(proc, "r");
        long size = 0;
        bool there = file && fscanf(file, "%ld", &size) == 1;
        if (file)
            fclose(file);
        if (!there || size == 0)
            break;
        assert_true(tries < 200);
        poll(NULL, 0, 10);
    }
    close(ends[0]);
    close(ends[1]);
}

static void the_program_is_found(void **state)
{
    weir_error error = {0};
    char path[4096];

    (void)state;
    setenv("WEIR_PROGRAM", "/bin/true", 1);
    assert_int_equal(weir_program(path, sizeof path, &error), WEIR_OK);
    assert_string_equal(path, "/bin/true");
    setenv("WEIR_PROGRAM", "/nowhere", 1);
    setenv("PATH", "/nowhere", 1);
    assert_int_equal(weir_program(path, sizeof path, &error), WEIR_EIO);
    assert_non_null(strstr(error.text, "WEIR_PROGRAM"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_are_told),
        cmocka_unit_test(output_goes_to_the_log),
        cmocka_unit_test(threads_follow_the_cpus),
        cmocka_unit_test(a_program_that_is_not_there),
        cmocka_unit_test(time_limit),
        cmocka_unit_test(time_limit_kills_who_will_not_end),
        cmocka_unit_test(memory_limit),
        cmocka_unit_test(memory_of_children_counts),
        cmocka_unit_test(prints_without_end),
        cmocka_unit_test(children_end_with_the_job),
        cmocka_unit_test(stopping),
        cmocka_unit_test(events_come_line_by_line),
        cmocka_unit_test(the_job_keeps_its_lock),
        cmocka_unit_test(a_job_has_its_own_cpus),
        cmocka_unit_test(the_job_dies_with_its_runner),
        cmocka_unit_test(the_program_is_found),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
