/* weir describe: a plugin's reference page, out of its descriptor. */
#include "cli/arguments.h"
#include "cli/command.h"
#include "plugin/registry.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WIDTH 96

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : "";
}

/* Words filled into lines, indented. */
static void print_filled(const char *text, int indent)
{
    int column = 0;

    while (*text) {
        int length = (int)strcspn(text, " \n");
        if (column && column + 1 + length > WIDTH - indent) {
            putchar('\n');
            column = 0;
        }
        if (column == 0)
            printf("%*s", indent, "");
        else
            putchar(' ');
        printf("%.*s", length, text);
        column += length + (column > 0);
        text += length;
        text += strspn(text, " \n");
    }
    putchar('\n');
}

static void print_list(const char *head, const json_t *list)
{
    json_t *item;
    size_t i;

    if (!json_array_size(list))
        return;
    printf("%-11s", head);
    json_array_foreach(list, i, item) printf("%s%s", i ? ", " : "", json_string_value(item));
    putchar('\n');
}

/* A value as one would type it. */
static void print_value(const json_t *value)
{
    json_t *item;
    size_t i;

    if (json_is_string(value)) {
        printf("%s", json_string_length(value) ? json_string_value(value) : "\"\"");
    } else if (json_is_array(value)) {
        json_array_foreach(value, i, item) printf("%s%s", i ? "," : "", json_string_value(item));
        if (!json_array_size(value))
            printf("empty");
    } else if (json_is_real(value)) {
        printf("%.15g", json_real_value(value));
    } else if (json_is_integer(value)) {
        printf("%lld", (long long)json_integer_value(value));
    } else if (json_is_boolean(value)) {
        printf("%s", json_is_true(value) ? "true" : "false");
    } else {
        printf("none");
    }
}

static void print_options(const json_t *options)
{
    json_t *option, *choice;
    size_t i, j;

    if (json_array_size(options))
        printf("\noptions\n");
    json_array_foreach(options, i, option)
    {
        const json_t *choices = json_object_get(option, "choices");
        printf("  %s (%s", text_of(option, "name"), text_of(option, "kind"));
        if (json_object_get(option, "min")) {
            printf(", ");
            print_value(json_object_get(option, "min"));
            printf(" to ");
            print_value(json_object_get(option, "max"));
        }
        json_array_foreach(choices, j, choice)
            printf("%s%s", j ? " | " : ": ", json_string_value(choice));
        printf("; default ");
        print_value(json_object_get(option, "default"));
        printf(")\n");
        print_filled(text_of(option, "help"), 6);
    }
}

static void print_features(const json_t *features)
{
    json_t *feature;
    size_t i;

    if (json_array_size(features))
        printf("\nfeatures\n");
    json_array_foreach(features, i, feature)
    {
        const char *unit = text_of(feature, "unit"), *better = text_of(feature, "better");
        printf("  %s: %s (%s%s)\n", text_of(feature, "label"), text_of(feature, "title"),
               unit[0] ? unit : "pure number",
               !strcmp(better, "lower")    ? ", lower is better"
               : !strcmp(better, "higher") ? ", higher is better"
                                           : "");
        print_filled(text_of(feature, "definition"), 6);
        printf("      ");
        print_list("for", json_object_get(feature, "schemas"));
        if (json_array_size(json_object_get(feature, "needs"))) {
            printf("      ");
            print_list("needs", json_object_get(feature, "needs"));
        }
        if (json_array_size(json_object_get(feature, "columns"))) {
            printf("      ");
            print_list("columns", json_object_get(feature, "columns"));
        }
        if (text_of(feature, "ceiling")[0])
            printf("      %-11s%s\n", "ceiling", text_of(feature, "ceiling"));
    }
}

static void print_page(const json_t *page)
{
    json_t *item;
    size_t i;

    printf("%s %s\n", text_of(page, "kind"), text_of(page, "name"));
    print_filled(text_of(page, "summary"), 2);
    printf("\n");
    if (text_of(page, "reference")[0])
        printf("%-11s%s\n", "reference", text_of(page, "reference"));
    print_list("accepts", json_object_get(page, "accepts"));
    print_list("produces", json_object_get(page, "produces"));
    if (text_of(page, "unit")[0])
        printf("%-11sone row a %s\n", "encodes", text_of(page, "unit"));
    if (json_is_true(json_object_get(page, "deterministic")))
        printf("%-11sthe seed changes nothing\n", "random");
    if (json_is_true(json_object_get(page, "needs_test")))
        printf("%-11sheld-out real data: { train =, test = }\n", "needs");
    printf("%-11s%s\n%-11s%s\n", "file", text_of(page, "path"), "build", text_of(page, "build"));
    print_options(json_object_get(page, "options"));
    if (json_array_size(json_object_get(page, "presets")))
        printf("\npresets\n");
    json_array_foreach(json_object_get(page, "presets"), i, item)
    {
        printf("  %s: %s\n", text_of(item, "name"), text_of(item, "settings"));
        print_filled(text_of(item, "help"), 6);
    }
    if (json_array_size(json_object_get(page, "encoders")))
        printf("\nencoder roles\n");
    json_array_foreach(json_object_get(page, "encoders"), i, item)
    {
        printf("  %s (default %s%s%s)\n", text_of(item, "role"), text_of(item, "encoder"),
               text_of(item, "options")[0] ? " " : "", text_of(item, "options"));
        print_filled(text_of(item, "help"), 6);
    }
    print_features(json_object_get(page, "features"));
}

int weir_command_describe(int argc, char **argv)
{
    static const char *plugins;
    static bool json;
    static const weir_flag flags[] = {
        {WEIR_FLAG_SWITCH, "--json", NULL, &json, NULL, "print one JSON document"},
        {WEIR_FLAG_FOLDERS, "--plugins", NULL, &plugins, "DIR",
         "look for plugins here first; may be given again"},
        {0}};
    static const weir_usage usage = {
        "describe",
        "[KIND/]NAME|PLUGIN.so [--json] [--plugins DIR]",
        "Prints what a plugin is: options with defaults and ranges, presets, encoder roles, and "
        "the\n"
        "definition of every number that a metric or a downstream task gives. KIND is generator,\n"
        "encoder, metric or downstream.",
        flags,
        1,
        1,
        false};
    const weir_loaded *loaded = NULL;
    weir_registry *registry;
    weir_arguments arguments;
    weir_error error = {0};
    json_t *page = NULL;
    int status = weir_arguments_parse(&usage, argc, argv, &arguments);

    if (status >= 0)
        return status;
    registry = weir_registry_open(plugins, &error);
    if (registry)
        loaded = weir_registry_named(registry, arguments.items[0], &error);
    if (loaded)
        page = weir_plugin_describe(loaded, &error);
    if (!page) {
        weir_registry_free(registry);
        return weir_usage_error("describe", "%s", error.text);
    }
    if (json) {
        json_dumpf(page, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
        putchar('\n');
    } else {
        print_page(page);
    }
    json_decref(page);
    weir_registry_free(registry);
    return 0;
}
