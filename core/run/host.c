/* Facts of the machine, out of /proc and /sys; nothing here fails. */
#include "run/host.h"
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

/* The rest of the first line that begins with name, behind its colon. */
static bool line_of(const char *path, const char *name, char *text, size_t size)
{
    FILE *file = fopen(path, "re");
    char line[512];
    bool found = false;

    while (file && !found && fgets(line, sizeof line, file)) {
        char *at = strchr(line, ':');
        if (strncmp(line, name, strlen(name)) != 0 || !at)
            continue;
        at += 1 + strspn(at + 1, " \t");
        at[strcspn(at, "\n")] = '\0';
        snprintf(text, size, "%s", at);
        found = true;
    }
    if (file)
        fclose(file);
    return found;
}

static bool first_line(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "re");
    bool found = file && fgets(text, (int)size, file);

    if (file)
        fclose(file);
    if (found)
        text[strcspn(text, "\n")] = '\0';
    return found;
}

/* A file of this process's control group (version 2), or of the root one as seen here. */
static bool group_file(const char *name, char *text, size_t size)
{
    char group[PATH_MAX] = "", path[PATH_MAX + 64];

    if (line_of("/proc/self/cgroup", "0:", group, sizeof group)) {
        const char *at = strchr(group, '/');
        snprintf(path, sizeof path, "/sys/fs/cgroup%s/%s", at ? at : "", name);
        if (first_line(path, text, size))
            return true;
    }
    snprintf(path, sizeof path, "/sys/fs/cgroup/%s", name);
    return first_line(path, text, size);
}

uint64_t weir_host_memory(void)
{
    uint64_t memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    char text[64];
    unsigned long long limit;

    if ((group_file("memory.max", text, sizeof text) ||
         first_line("/sys/fs/cgroup/memory/memory.limit_in_bytes", text, sizeof text)) &&
        sscanf(text, "%llu", &limit) == 1 && limit > 0 && limit < memory)
        memory = limit;
    return memory;
}

int weir_host_cpus(cpu_set_t *allowed)
{
    unsigned long long quota, period;
    char text[64];
    int n;

    if (sched_getaffinity(0, sizeof *allowed, allowed)) {
        CPU_ZERO(allowed);
        n = (int)sysconf(_SC_NPROCESSORS_ONLN);
        for (int i = 0; i < n && i < CPU_SETSIZE; i++)
            CPU_SET((size_t)i, allowed);
    }
    n = CPU_COUNT(allowed);
    if (group_file("cpu.max", text, sizeof text) &&
        sscanf(text, "%llu %llu", &quota, &period) == 2 && period > 0 &&
        (quota + period - 1) / period < (unsigned long long)n)
        n = (int)((quota + period - 1) / period);
    return n > 0 ? n : 1;
}

/* The model of the first NVIDIA card, from the driver's own list: without touching the card. */
static json_t *describe_gpu(void)
{
    char model[256] = "";
    glob_t found;

    if (!glob("/proc/driver/nvidia/gpus/*/information", 0, NULL, &found)) {
        line_of(found.gl_pathv[0], "Model", model, sizeof model);
        globfree(&found);
    }
    return *model ? json_string(model) : json_null();
}

json_t *weir_host_describe(void)
{
    char cpu[256] = "", system[160] = "";
    struct utsname names;
    cpu_set_t allowed;
    bool known = uname(&names) == 0;

    if (known)
        snprintf(system, sizeof system, "%s %s", names.sysname, names.release);
    if (!line_of("/proc/cpuinfo", "model name", cpu, sizeof cpu) && known)
        snprintf(cpu, sizeof cpu, "%s", names.machine);
    return json_pack("{ss? ss ss si sI so}", "name", known ? names.nodename : NULL, "system",
                     system, "cpu", cpu, "cores", weir_host_cpus(&allowed), "memory",
                     (json_int_t)weir_host_memory(), "gpu", describe_gpu());
}

/* What a program prints, at most size - 1 bytes of it, if it ends well within two seconds. */
static bool output_of(char *const *arguments, char *text, size_t size)
{
    posix_spawn_file_actions_t actions;
    struct pollfd waiting;
    size_t used = 0;
    int ends[2], status = -1;
    bool spawned;
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC))
        return false;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    spawned = !posix_spawnp(&pid, arguments[0], &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    waiting = (struct pollfd){.fd = ends[0], .events = POLLIN};
    while (spawned && used + 1 < size) {
        ssize_t n = poll(&waiting, 1, 2000) > 0 ? read(ends[0], text + used, size - 1 - used) : -1;
        if (n == 0)
            break;
        if (n < 0) {
            kill(pid, SIGKILL);
            break;
        }
        used += (size_t)n;
    }
    text[used] = '\0';
    close(ends[0]);
    while (spawned && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return spawned && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

char *weir_host_git(const char *file)
{
    char real[PATH_MAX], text[256];
    char *arguments[] = {"git", "-C", NULL, "describe", "--always", "--dirty", "--tags", NULL};

    if (!realpath(file, real))
        return NULL;
    arguments[2] = dirname(real);
    if (!output_of(arguments, text, sizeof text) || !*text)
        return NULL;
    text[strcspn(text, "\n")] = '\0';
    return strdup(text);
}

const char *weir_time_text(char text[WEIR_TIME_TEXT])
{
    time_t now = time(NULL);
    struct tm parts;

    gmtime_r(&now, &parts);
    strftime(text, WEIR_TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return text;
}
