/* usage FILE COMMAND…: runs the command and writes "WALL CPU MEGABYTES" to FILE: seconds, processor
 * seconds with the kernel's, and the resident memory of its largest process at its height. The
 * command's exit status is passed on. */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + 1e-6 * (double)t.tv_usec;
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fputs("usage: usage FILE COMMAND…\n", stderr);
        return 2;
    }
    double begin = now();
    pid_t child = fork();
    if (child == 0) {
        execvp(argv[2], argv + 2);
        perror(argv[2]);
        _exit(127);
    }
    int status = 0;
    struct rusage used;
    if (child < 0 || waitpid(child, &status, 0) < 0 || getrusage(RUSAGE_CHILDREN, &used)) {
        perror("usage");
        return 1;
    }
    FILE *file = fopen(argv[1], "w");
    if (!file ||
        fprintf(file, "%.3f %.3f %.1f\n", now() - begin,
                seconds(used.ru_utime) + seconds(used.ru_stime),
                (double)used.ru_maxrss / 1024) < 0 ||
        fclose(file)) {
        perror(argv[1]);
        return 1;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
