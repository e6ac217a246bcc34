/* The command line: the table of subcommands, help and version. */
#include "cli/command.h"
#include "nn/backend.h"
#include "plugin/options.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <weir/weir.h>

static const struct {
    const char *name;
    weir_command *run;
    const char *arguments, *help;
} commands[] = {
    {"run", weir_command_run, "SCRIPT.lua [--jobs N] [--out DIR] [--dry-run] … [-- ARGS]",
     "run an experiment"},
    {"plugins", weir_command_plugins, "[--json]", "list the plugins"},
    {"describe", weir_command_describe, "[KIND/]NAME [--json]", "what a plugin is and its options"},
    {"trace", weir_command_trace, "info FILE… | convert IN… OUT", "look at traces, convert them"},
    {"fit", weir_command_fit, "GENERATOR TRACE -o MODEL", "train a generator on a trace"},
    {"sample", weir_command_sample, "MODEL -o OUT.pcap|OUT.csv", "make synthetic traffic"},
    {"compare", weir_command_compare, "REAL SYNTHETIC", "score synthetic traffic against real"},
    {"report", weir_command_report, "DIR", "write a store's report again"},
    {"check", weir_command_check, "PLUGIN.so", "put a plugin through the conformance checks"},
    {"new", weir_command_new, "KIND NAME [-o DIR]", "begin a plugin of your own"},
    {"job", weir_command_job, "SPEC.json", "run one job of a store"},
};
#define COMMANDS (sizeof commands / sizeof commands[0])

const char *weir_version(void)
{
    return WEIR_VERSION;
}

int weir_usage_error(const char *command, const char *format, ...)
{
    va_list arguments;

    fprintf(stderr, "weir %s: ", command);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return 2;
}

static int columns(const char *text)
{
    int n = 0;

    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static void print_help(FILE *to)
{
    fprintf(to, "weir: benchmarks of synthetic network traffic\n\n"
                "usage: weir COMMAND …          weir COMMAND --help          weir --version\n\n");
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(to, "  %-9s %s%*s %s\n", commands[i].name, commands[i].arguments,
                58 - columns(commands[i].arguments), "", commands[i].help);
}

/* A descriptor of the three that is closed would be that of the next file, which then took what is
 * printed. */
static void keep_standard_descriptors(void)
{
    int at;

    do
        at = open("/dev/null", O_RDWR);
    while (at >= 0 && at <= STDERR_FILENO);
    if (at >= 0)
        close(at);
}

static int run_command(int argc, char **argv)
{
    const char *names[COMMANDS], *near;
    char engine[200];

    if (argc < 2) {
        print_help(stderr);
        return 2;
    }
    if (!strcmp(argv[1], "--version")) {
        printf("weir %s\nengine: %s\n", weir_version(), nn_engine_text(engine, sizeof engine));
        return 0;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
        print_help(stdout);
        return 0;
    }
    for (size_t i = 0; i < COMMANDS; i++) {
        if (!strcmp(argv[1], commands[i].name))
            return commands[i].run(argc - 1, argv + 1);
        names[i] = commands[i].name;
    }
    near = weir_nearest(argv[1], names, COMMANDS);
    fprintf(stderr, "weir: unknown command '%s'%s%s%s (weir --help lists them)\n", argv[1],
            near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    return 2;
}

int weir_main(int argc, char **argv)
{
    int status;

    keep_standard_descriptors();
    status = run_command(argc, argv);
    if (fflush(stdout) || ferror(stdout)) {
        fprintf(stderr, "weir: what was to be printed could not be written: %s\n",
                errno ? strerror(errno) : "output error");
        status = status ? status : 1;
    }
    return status;
}
