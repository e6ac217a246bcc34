/* weir plugins: what is there, and what could not be loaded. */
#include "cli/arguments.h"
#include "cli/command.h"
#include "plugin/registry.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int print_json(const weir_loaded *all, const weir_error *errors, size_t n)
{
    json_t *list = json_array(), *whole;
    weir_error error = {0};
    int status = 0;

    for (size_t i = 0; i < n; i++) {
        json_t *item = all[i].plugin
                           ? weir_plugin_describe(&all[i], &error)
                           : json_pack("{s:s,s:s}", "path", all[i].path, "error", errors[i].text);
        if (!item || json_array_append_new(list, item)) {
            json_decref(list);
            return weir_usage_error("plugins", "%s: its description is not UTF-8", all[i].path);
        }
        status = all[i].plugin ? status : 1;
    }
    whole = json_pack("{s:o}", "plugins", list);
    json_dumpf(whole, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
    putchar('\n');
    json_decref(whole);
    return status;
}

int weir_command_plugins(int argc, char **argv)
{
    static const char *plugins;
    static bool json;
    static const weir_flag flags[] = {
        {WEIR_FLAG_SWITCH, "--json", NULL, &json, NULL, "print one JSON document"},
        {WEIR_FLAG_FOLDERS, "--plugins", NULL, &plugins, "DIR",
         "look for plugins here first; may be given again"},
        {0}};
    static const weir_usage usage = {
        "plugins",
        "[--json] [--plugins DIR]",
        "Lists the plugins found in --plugins DIR, the folders of WEIR_PLUGIN_PATH and those that\n"
        "came with this program. A plugin that cannot be loaded is listed with the reason.",
        flags,
        0,
        0,
        false};
    const weir_error *errors;
    const weir_loaded *all;
    weir_registry *registry;
    weir_arguments arguments;
    weir_error error = {0};
    size_t n, width = 0, damaged = 0;
    int status = weir_arguments_parse(&usage, argc, argv, &arguments);

    if (status >= 0)
        return status;
    registry = weir_registry_open(plugins, &error);
    all = registry ? weir_registry_all(registry, &n, &errors) : NULL;
    if (!all) {
        weir_registry_free(registry);
        return weir_usage_error("plugins", "%s", error.text[0] ? error.text : "out of memory");
    }
    if (json) {
        status = print_json(all, errors, n);
        weir_registry_free(registry);
        return status;
    }
    for (size_t i = 0; i < n; i++)
        if (all[i].plugin && strlen(all[i].plugin->name) > width)
            width = strlen(all[i].plugin->name);
    for (int kind = 0; kind < WEIR_KINDS; kind++) {
        bool headed = false;
        for (size_t i = 0; i < n; i++) {
            if (!all[i].plugin || (int)all[i].plugin->kind != kind)
                continue;
            if (!headed)
                printf("%s%s%s\n", kind ? "\n" : "", weir_kind_name(kind),
                       kind == WEIR_KIND_DOWNSTREAM ? " tasks" : "s");
            headed = true;
            printf("  %-*s  %s\n", (int)width, all[i].plugin->name, all[i].plugin->summary);
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (all[i].plugin)
            continue;
        damaged++;
        fprintf(stderr, "weir plugins: %s\n", errors[i].text);
    }
    if (!n)
        fprintf(stderr, "weir plugins: none was found\n");
    weir_registry_free(registry);
    return damaged ? 1 : 0;
}
