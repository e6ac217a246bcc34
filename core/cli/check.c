/* weir check: the conformance checks on one plugin, from anywhere. */
#include "cli/arguments.h"
#include "cli/command.h"
#include "plugin/conform.h"
#include <stdio.h>
#include <string.h>

static void print_check(void *context, const char *check, const char *reason)
{
    (void)context;
    printf("%-6s %s%s%s\n", reason ? "FAILED" : "ok", check, reason ? ": " : "",
           reason ? reason : "");
    fflush(stdout);
}

int weir_command_check(int argc, char **argv)
{
    static const char *plugins;
    static double limit = 60;
    static const weir_flag flags[] = {
        {WEIR_FLAG_SECONDS, "--time", NULL, &limit, "T", "time limit of each check (60 s)"},
        {WEIR_FLAG_FOLDERS, "--plugins", NULL, &plugins, "DIR",
         "look for the encoders it uses here first"},
        {0}};
    static const weir_usage usage = {"check",
                                     "PLUGIN.so [--time T] [--plugins DIR]",
                                     "Puts a plugin through the conformance checks of its kind: "
                                     "options, seeds, saving, cancelling,\n"
                                     "empty input, failing memory. Each runs in a process of its "
                                     "own, so that a crash is a failed\n"
                                     "check. One line a check; leaves with 0 if all are ok, 1 if "
                                     "one failed, 2 if the file cannot\n"
                                     "be loaded. [KIND/]NAME of an installed plugin does as well.",
                                     flags,
                                     1,
                                     1,
                                     false};
    const weir_loaded *loaded = NULL;
    weir_registry *registry;
    weir_arguments arguments;
    weir_error error = {0};
    int status = weir_arguments_parse(&usage, argc, argv, &arguments), failed = 0;

    if (status >= 0)
        return status;
    if (!(limit > 0))
        return weir_usage_error("check", "--time must be more than 0 s");
    registry = weir_registry_open(plugins, &error);
    if (registry)
        loaded = weir_registry_named(registry, arguments.items[0], &error);
    if (loaded)
        failed = weir_conform(registry, loaded, limit, print_check, NULL, &error);
    if (!loaded || failed < 0) {
        weir_registry_free(registry);
        return weir_usage_error("check", "%s", error.text);
    }
    if (failed)
        printf("%s %s: %d checks failed\n", weir_kind_name((int)loaded->plugin->kind),
               loaded->plugin->name, failed);
    else
        printf("%s %s: all checks passed\n", weir_kind_name((int)loaded->plugin->kind),
               loaded->plugin->name);
    weir_registry_free(registry);
    return failed ? 1 : 0;
}
