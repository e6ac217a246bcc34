/* weir run: an experiment script, with what the command line says about its jobs. */
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/foreground.h"
#include "lua/script.h"
#include "plugin/registry.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "Runs the experiments that a Lua script declares: in parallel, each job in a process of its\n"
    "own, what is in the store already not again. docs/lua.md is the reference of scripts.\n"
    "Exit status: 0 done, 1 some job failed, 2 the script or its input is wrong, 130 interrupted.";

/* Where this process looks for plugins, its jobs look too. */
static void tell_jobs(const char *plugins)
{
    const char *before = getenv("WEIR_PLUGIN_PATH");
    char *path = NULL;

    if (asprintf(&path, "%s%s%s", plugins, before && *before ? ":" : "", before ? before : "") >= 0)
        setenv("WEIR_PLUGIN_PATH", path, 1);
    free(path);
}

int weir_command_run(int argc, char **argv)
{
    weir_lua_options options = {.messages = stderr, .run = {.device = "auto"}};
    const char *plugins = NULL;
    int64_t jobs = 0, threads = 0;
    const weir_flag flags[] = {
        {WEIR_FLAG_COUNT, "--jobs", "-j", &jobs, "N", "jobs at a time (default: the cores)"},
        {WEIR_FLAG_COUNT, "--threads", NULL, &threads, "N", "threads a job (default: 1)"},
        {WEIR_FLAG_TEXT, "--device", NULL, &options.run.device, "auto|cpu|cuda", "where to train"},
        {WEIR_FLAG_TEXT, "--out", "-o", &options.run.out, "DIR",
         "the store (default: results/NAME)"},
        {WEIR_FLAG_SWITCH, "--fresh", NULL, &options.run.fresh, NULL,
         "forget what the store holds"},
        {WEIR_FLAG_SWITCH, "--dry-run", NULL, &options.run.dry_run, NULL,
         "validate, list the jobs, run nothing"},
        {WEIR_FLAG_SIZE, "--memory", NULL, &options.run.memory, "SIZE",
         "most memory of a job, as 2G (default: 0.8 of RAM over the jobs)"},
        {WEIR_FLAG_SECONDS, "--time", NULL, &options.run.time, "TIME",
         "most time of a job, as 10m (default: none for training, else 1h)"},
        {WEIR_FLAG_FOLDERS, "--plugins", NULL, &plugins, "DIR",
         "a folder of more plugins; may be given again"},
        {0}};
    const weir_usage usage = {.command = "run",
                              .arguments = "SCRIPT.lua [FLAGS] [-- ARGS]",
                              .help = help,
                              .flags = flags,
                              .least = 1,
                              .most = 1,
                              .rest = true};
    weir_error error = {0};
    weir_arguments given;
    int status = weir_arguments_parse(&usage, argc, argv, &given);

    if (status >= 0)
        return status;
    if (!weir_foreground_device("run", options.run.device))
        return 2;
    if (jobs > 1024 || threads > 1024)
        return weir_usage_error("run", "%s is %lld, must be 1024 or less",
                                jobs > 1024 ? "--jobs" : "--threads",
                                (long long)(jobs > 1024 ? jobs : threads));
    options.run.jobs = (int)jobs;
    options.run.threads = (int)threads;
    options.script = given.items[0];
    options.arguments = given.rest;
    options.argument_count = given.rest_count;
    if (plugins)
        tell_jobs(plugins);
    options.registry = weir_registry_open(plugins, &error);
    if (!options.registry)
        return weir_usage_error("run", "%s", error.text);
    status = weir_lua_run(&options);
    weir_registry_free(options.registry);
    return status;
}
