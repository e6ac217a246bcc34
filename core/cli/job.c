/* weir job: one job of a store, in this process. What the runner starts, and what repeats a job by
 * hand. */
#include "plugin/job.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/foreground.h"
#include "plugin/archive.h"
#include "plugin/numbers.h"
#include "run/execute.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void stop(int signal_number)
{
    (void)signal_number;
    weir_cancel();
}

int weir_command_job(int argc, char **argv)
{
    static const char *plugins, *out;
    static const weir_flag flags[] = {
        {WEIR_FLAG_TEXT, "--out", "-o", &out, "DIR", "the job's folder, instead of the spec's"},
        {WEIR_FLAG_FOLDERS, "--plugins", NULL, &plugins, "DIR",
         "look for plugins here first; may be given again"},
        {0}};
    static const weir_usage usage = {
        "job",
        "SPEC.json [--out DIR]",
        "Runs one job: a spec.json of a store, or one written by hand (docs/formats.md). Its "
        "outputs\n"
        "and status.json go into the folder that the spec names as \"out\". Leaves with 0 when "
        "the\n"
        "job is done, 1 when it failed, 2 when the spec cannot be used.",
        flags,
        1,
        1,
        false};
    const char *events = getenv("WEIR_STATUS_FD");
    struct sigaction action = {.sa_handler = stop};
    weir_arguments arguments;
    weir_error error = {0};
    int64_t status_fd = -1;
    json_t *spec;
    int status = weir_arguments_parse(&usage, argc, argv, &arguments);

    if (status >= 0)
        return status;
    if (plugins)
        weir_foreground_plugins(plugins);
    if (events && (!weir_number_int(events, &status_fd) || status_fd < 0 || status_fd > 1 << 20 ||
                   fcntl((int)status_fd, F_GETFD) < 0))
        return weir_usage_error("job", "WEIR_STATUS_FD is '%s', must be an open descriptor",
                                events);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    spec = weir_model_json(arguments.items[0], &error);
    if (spec && out && json_object_set_new(spec, "out", json_string(out)))
        weir_error_set(&error, WEIR_EOPTION, "--out is not UTF-8");
    if (!spec || error.status != WEIR_OK) {
        json_decref(spec);
        return weir_usage_error("job", "%s", error.text);
    }
    status = weir_execute(spec, (int)status_fd, &error);
    json_decref(spec);
    if (status == WEIR_OK)
        return 0;
    fprintf(stderr, "weir job: %s\n", error.text);
    if (!strncmp(error.text, "spec: ", 6))
        return 2;
    return status == WEIR_ECANCEL ? 130 : 1;
}
