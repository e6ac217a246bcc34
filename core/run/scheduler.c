/* Jobs side by side: each with CPUs of its own, watched, its end turned into a result or a reason.
 */
#include "run/scheduler.h"
#include "run/host.h"
#include "run/process.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TICK 25  /* ms between two looks at running jobs */
#define HURRY 50 /* times that the end of a job that closed its pipe is looked for at once */
#define MOST_EVENTS 1000
#define STOP_GRACE 5.0 /* s that jobs get to end after the user's first request */

volatile sig_atomic_t weir_stop_count;
static struct sigaction stop_before[3];
static const int stop_signals[3] = {SIGINT, SIGTERM, SIGHUP};

static void count_stop(int number)
{
    (void)number;
    weir_stop_count++;
}

void weir_stop_catch(void)
{
    struct sigaction action = {.sa_handler = count_stop};

    weir_stop_count = 0;
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < 3; i++) {
        sigaction(stop_signals[i], NULL, &stop_before[i]);
        if (stop_before[i].sa_handler != SIG_IGN) /* nohup, or a shell's background: stay so */
            sigaction(stop_signals[i], &action, NULL);
    }
}

void weir_stop_release(void)
{
    for (int i = 0; i < 3; i++)
        sigaction(stop_signals[i], &stop_before[i], NULL);
}

/* ---- What is done already -------------------------------------------------------------------- */

static bool is_over(const weir_node *node)
{
    return node->state == WEIR_DONE || node->state == WEIR_FAILED;
}

static void fail_node(weir_node *node, const char *reason)
{
    node->state = WEIR_FAILED;
    free(node->reason);
    node->reason = strdup(reason);
}

static weir_node *find_twin(const weir_plan *plan, const weir_node *node)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->nodes[i] != node && !plan->nodes[i]->twin && *plan->nodes[i]->key &&
            !strcmp(plan->nodes[i]->key, node->key))
            return plan->nodes[i];
    return NULL;
}

static int finish_node(weir_plan *plan, weir_node *node, const weir_store *store, json_t *status,
                       json_t *output, weir_error *error)
{
    node->state = WEIR_DONE;
    node->status = status;
    node->output = output;
    node->seconds = json_number_value(json_object_get(status, "seconds"));
    weir_select_tidy(plan, node, store);
    return weir_plan_expand(plan, node, error);
}

/* Whether the node's state changed. */
static bool settle_node(weir_plan *plan, weir_node *node, const weir_store *store,
                        weir_error *error)
{
    json_t *status, *output;

    for (size_t i = 0; i < node->need_count; i++) {
        if (weir_select_tolerates(node, i) && is_over(node->needs[i]))
            continue;
        if (node->needs[i]->state == WEIR_FAILED) {
            fail_node(node, node->needs[i]->reason ? node->needs[i]->reason : "failed");
            return true;
        }
        if (node->needs[i]->state != WEIR_DONE)
            return false;
    }
    if (!*node->key) {
        if (weir_plan_key(plan, node, store, error))
            return false;
        node->twin = find_twin(plan, node);
    }
    if (node->twin) {
        if (!is_over(node->twin))
            return false;
        node->cached = node->twin->cached;
        if (node->twin->state == WEIR_FAILED)
            fail_node(node, node->twin->reason ? node->twin->reason : "failed");
        else
            finish_node(plan, node, store, json_incref(node->twin->status),
                        json_incref(node->twin->output), error);
        return true;
    }
    if (weir_store_find(store, node->key, node->job, &status, &output)) {
        node->cached = true;
        finish_node(plan, node, store, status, output, error);
    } else if (!weir_select_expand(plan, node, store, error)) {
        node->state = WEIR_READY;
    }
    return true;
}

int weir_settle(weir_plan *plan, const weir_store *store, weir_error *error)
{
    bool changed = true;

    while (changed && !error->status) {
        changed = false;
        for (size_t i = 0; i < plan->count && !error->status; i++)
            if (plan->nodes[i]->state == WEIR_WAITING)
                changed |= settle_node(plan, plan->nodes[i], store, error);
    }
    return error->status;
}

/* ---- Ends ------------------------------------------------------------------------------------ */

typedef struct running {
    weir_process process;
    weir_node *node;
    cpu_set_t cpus;
    bool pinned;
    char started[WEIR_TIME_TEXT];
} running;

/* Writes the status.json that the job itself could not write. */
static void write_status(const running *job, const char *path, const char *reason)
{
    const weir_process *process = &job->process;
    const weir_node *node = job->node;
    weir_error ignored = {0}; /* a full disk: the reason is in scores.csv, if that can be written */
    char name[32];
    json_t *status = json_pack(
        "{ss ss sb ss sf sf sI ss si ss sO}", "phase", *node->phase ? node->phase : "open", "job",
        node->job, "ok", 0, "reason", reason, "seconds", process->seconds, "cpu_seconds",
        process->cpu_seconds, "peak_memory", (json_int_t)process->peak, "device",
        json_string_value(json_object_get(node->spec, "device")), "threads", node->threads,
        "started", job->started, "attempts", json_object_get(node->spec, "attempt"));

    if (status && process->signal)
        json_object_set_new(status, "signal",
                            json_string(weir_signal_name(process->signal, name, sizeof name)));
    else if (status)
        json_object_set_new(status, "exit", json_integer(process->exit));
    if (status)
        weir_json_write(path, status, &ignored);
    json_decref(status);
}

/* The reason of a failed job, with what it took: "… (in fit, after 0.1 s, 31 MB)". */
static void describe_failure(running *job, const weir_store *store)
{
    char path[WEIR_PATH], why[1400], text[1600], time[32], memory[32];
    const weir_process *process = &job->process;
    weir_node *node = job->node;
    const char *said, *phase = *node->phase ? node->phase : "start";
    json_t *status;

    weir_store_path(store, node->key, "status.json", path);
    status = weir_json_read(path);
    said = json_string_value(json_object_get(json_object_get(status, "error"), "text"));
    if (process->end == WEIR_END_EXIT && said) {
        snprintf(why, sizeof why, "%s", said);
        if (json_is_string(json_object_get(status, "phase")))
            phase = json_string_value(json_object_get(status, "phase"));
    } else {
        weir_process_explain(process, why, sizeof why);
        write_status(job, path, why);
    }
    snprintf(text, sizeof text, "%s (in %s, after %s, %s)", why, phase,
             weir_duration_text(process->seconds, time, sizeof time),
             weir_bytes_text(process->peak, memory, sizeof memory));
    fail_node(node, text);
    json_decref(status);
}

static void read_events(running *job)
{
    const char *line;

    /* Not for ever: a job that never stops talking must not keep the runner from its other work. */
    for (int i = 0; i < MOST_EVENTS && (line = weir_process_event(&job->process)); i++) {
        json_t *event = json_loads(line, 0, NULL);
        const char *phase = json_string_value(json_object_get(event, "phase"));
        double done = json_number_value(json_object_get(event, "done"));
        double total = json_number_value(json_object_get(event, "total"));

        if (phase) {
            snprintf(job->node->phase, sizeof job->node->phase, "%s", phase);
            job->node->fraction = 0;
        }
        if (total > 0 && done >= 0 && done <= total)
            job->node->fraction = done / total;
        json_decref(event);
    }
}

static int end_job(weir_plan *plan, running *job, const weir_store *store, weir_display *display,
                   weir_error *error)
{
    weir_node *node = job->node;
    json_t *status, *output;

    read_events(job);
    weir_process_close(&job->process);
    if (weir_store_find(store, node->key, node->job, &status, &output)) {
        finish_node(plan, node, store, status, output, error);
    } else if (job->process.end == WEIR_END_STOPPED) {
        char path[WEIR_PATH];
        weir_store_path(store, node->key, "status.json", path);
        write_status(job, path, "interrupted");
        node->state = WEIR_READY;
        return error->status;
    } else {
        describe_failure(job, store);
    }
    weir_display_ended(display, plan, node);
    return error->status;
}

/* ---- Starts ---------------------------------------------------------------------------------- */

/* CPUs that no running job has, as many as asked for; false if there are not enough. Where to begin
 * differs from run to run, so that two runs side by side do not choose the same ones. */
static bool take_cpus(const running *jobs, int count, const cpu_set_t *allowed, int wanted,
                      cpu_set_t *taken)
{
    int all = CPU_COUNT(allowed), first = (int)(getpid() % (all > 0 ? all : 1)), at = 0;

    CPU_ZERO(taken);
    for (size_t i = 0; i < (size_t)2 * CPU_SETSIZE && wanted > 0; i++) {
        size_t cpu = i % CPU_SETSIZE;
        bool unused = CPU_ISSET(cpu, allowed) && at++ >= first && !CPU_ISSET(cpu, taken);
        for (int k = 0; k < count && unused; k++)
            unused = !(jobs[k].pinned && CPU_ISSET(cpu, &jobs[k].cpus));
        if (unused) {
            CPU_SET(cpu, taken);
            wanted--;
        }
    }
    return wanted == 0;
}

static void start_job(weir_node *node, running *jobs, int count, weir_store *store,
                      const char *program, const cpu_set_t *allowed)
{
    running *job = &jobs[count];
    char spec[WEIR_PATH], log[WEIR_PATH];
    const char *arguments[] = {program, "job", spec, NULL};
    weir_error error = {0};
    weir_launch launch = {.arguments = arguments, .log = log, .threads = node->threads};

    memset(job, 0, sizeof *job);
    job->node = node;
    launch.memory = node->memory;
    launch.time = node->time;
    launch.lock = weir_store_begin(store, node->key, node->spec, &error);
    weir_store_path(store, node->key, "spec.json", spec);
    weir_store_path(store, node->key, "log", log);
    job->pinned = take_cpus(jobs, count, allowed, node->threads, &job->cpus);
    launch.cpus = job->pinned ? &job->cpus : NULL;
    weir_time_text(job->started);
    node->fraction = 0;
    node->phase[0] = '\0';
    if (launch.lock >= 0)
        weir_process_start(&job->process, &launch, &error);
    if (launch.lock >= 0)
        close(launch.lock);
    if (error.status) {
        fail_node(node, error.text);
        return;
    }
    node->state = WEIR_RUNNING;
    node->started = job->process.started;
}

/* The first ready node that may start now. */
static weir_node *next_node(const weir_plan *plan, const running *jobs, int count)
{
    bool device_busy = false;

    for (int i = 0; i < count; i++)
        device_busy |=
            !!strcmp(json_string_value(json_object_get(jobs[i].node->spec, "device")), "cpu");
    for (size_t i = 0; i < plan->count; i++) {
        weir_node *node = plan->nodes[i];
        if (node->state == WEIR_READY &&
            (!device_busy ||
             !strcmp(json_string_value(json_object_get(node->spec, "device")), "cpu")))
            return node;
    }
    return NULL;
}

static void wait_a_tick(const running *jobs, int count, struct pollfd *waiting, int *hurried)
{
    nfds_t n = 0;

    for (int i = 0; i < count; i++)
        if (jobs[i].process.events >= 0)
            waiting[n++] = (struct pollfd){.fd = jobs[i].process.events, .events = POLLIN};
    /* A pipe that was closed means, nearly always, that its job ends this very moment. */
    *hurried = n < (nfds_t)count ? *hurried + 1 : 0;
    poll(waiting, n, *hurried && *hurried < HURRY ? 1 : TICK);
}

static void pass_stop_on(running *jobs, int count, int *passed)
{
    if (weir_stop_count <= *passed)
        return;
    for (int i = 0; i < count; i++)
        weir_process_stop(&jobs[i].process, weir_stop_count > 1 ? 0 : STOP_GRACE);
    *passed = weir_stop_count;
}

static int run_all(weir_plan *plan, weir_store *store, weir_display *display, const char *program,
                   running *jobs, struct pollfd *waiting, weir_census *census, weir_error *error)
{
    int count = 0, passed = 0, hurried = 0;
    cpu_set_t allowed;
    weir_node *node;

    weir_host_cpus(&allowed);
    weir_settle(plan, store, error);
    for (;;) {
        while (!weir_stop_count && !error->status && count < plan->settings.jobs &&
               (node = next_node(plan, jobs, count))) {
            start_job(node, jobs, count, store, program, &allowed);
            if (node->state == WEIR_RUNNING)
                count++;
            else
                weir_display_ended(display, plan, node);
            weir_settle(plan, store, error);
        }
        if (!count)
            break;
        wait_a_tick(jobs, count, waiting, &hurried);
        pass_stop_on(jobs, count, &passed);
        for (int i = 0; i < count; i++) {
            read_events(&jobs[i]);
            if (!weir_process_watch(&jobs[i].process, census))
                continue;
            end_job(plan, &jobs[i], store, display, error);
            jobs[i--] = jobs[--count];
        }
        if (!weir_stop_count)
            weir_settle(plan, store, error);
        weir_display_update(display, plan);
    }
    return weir_stop_count ? weir_error_set(error, WEIR_ECANCEL,
                                            "interrupted; run again, it goes on from what is done")
                           : error->status;
}

int weir_schedule(weir_plan *plan, weir_store *store, weir_display *display, weir_error *error)
{
    running *jobs = calloc((size_t)plan->settings.jobs, sizeof *jobs);
    struct pollfd *waiting = calloc((size_t)plan->settings.jobs, sizeof *waiting);
    weir_census *census = calloc(1, sizeof *census);
    char program[WEIR_PATH];

    if (!jobs || !waiting || !census)
        weir_error_memory(error, sizeof *jobs * (size_t)plan->settings.jobs, "the running jobs");
    else if (weir_settle(plan, store, error) == WEIR_OK && next_node(plan, jobs, 0) &&
             weir_program(program, sizeof program, error) == WEIR_OK)
        run_all(plan, store, display, program, jobs, waiting, census, error);
    free(jobs);
    free(waiting);
    free(census);
    return error->status;
}
