/* A plugin's description as JSON: everything that its descriptor says. */
#include "plugin/descriptor.h"
#include "plugin/options.h"
#include "plugin/registry.h"
#include <string.h>

static json_t *flags(uint32_t value)
{
    static const struct {
        uint32_t flag;
        const char *name;
    } names[] = {{WEIR_PACKETS, "packets"}, {WEIR_NETFLOW, "netflow"},
                 {WEIR_SERIES, "series"},   {WEIR_TIMESTAMPS, "timestamps"},
                 {WEIR_FLOWS, "flows"},     {WEIR_LABELS, "labels"}};
    json_t *list = json_array();

    for (size_t i = 0; list && i < sizeof names / sizeof names[0]; i++)
        if (value & names[i].flag)
            json_array_append_new(list, json_string(names[i].name));
    return list;
}

/* "a|b" or "a,b" as a list. */
static json_t *split(const char *text, char between)
{
    json_t *list = json_array();

    while (list && text && *text) {
        const char *end = strchr(text, between);
        size_t length = end ? (size_t)(end - text) : strlen(text);
        json_array_append_new(list, json_stringn(text, length));
        text += length + (end != NULL);
    }
    return list;
}

static json_t *describe_option(const weir_option *row)
{
    static const char *const kinds[] = {
        [WEIR_OPTION_INT] = "int",       [WEIR_OPTION_REAL] = "real",  [WEIR_OPTION_BOOL] = "bool",
        [WEIR_OPTION_CHOICE] = "choice", [WEIR_OPTION_TEXT] = "text",  [WEIR_OPTION_LIST] = "list",
        [WEIR_OPTION_FILE] = "file",     [WEIR_OPTION_TRACE] = "trace"};
    json_t *option = json_pack("{s:s,s:s,s:o,s:s}", "name", row->name, "kind", kinds[row->kind],
                               "default", weir_option_default(row), "help", row->help);

    if (option && row->kind == WEIR_OPTION_INT) {
        json_object_set_new(option, "min", json_integer((json_int_t)row->min));
        json_object_set_new(option, "max", json_integer((json_int_t)row->max));
    } else if (option && row->kind == WEIR_OPTION_REAL) {
        json_object_set_new(option, "min", json_real(row->min));
        json_object_set_new(option, "max", json_real(row->max));
    } else if (option && row->kind == WEIR_OPTION_CHOICE) {
        json_object_set_new(option, "choices", split(row->text, '|'));
    }
    return option;
}

static json_t *describe_features(const weir_feature *features)
{
    static const char *const better[] = {"lower", "higher", "neither"};
    static const char *const ceilings[] = {"", "marginals", "uniform"};
    static const struct {
        uint32_t flag;
        const char *name;
    } canaries[] = {{WEIR_SEES_COPY, "copy"},
                    {WEIR_SEES_TIME_SHUFFLE, "time_shuffle"},
                    {WEIR_SEES_MARGINALS, "marginals"},
                    {WEIR_SEES_UNIFORM, "uniform"}};
    json_t *list = json_array();

    for (; list && features && features->label; features++) {
        json_t *sees = json_array();
        for (size_t i = 0; i < 4; i++)
            if (features->sees & canaries[i].flag)
                json_array_append_new(sees, json_string(canaries[i].name));
        json_array_append_new(
            list, json_pack("{s:s,s:s,s:s,s:s,s:s,s:o,s:o,s:o,s:s,s:o}", "label", features->label,
                            "title", features->title, "unit", features->unit, "definition",
                            features->definition, "better",
                            better[(unsigned)features->better < 3 ? features->better : 2],
                            "schemas", flags(features->schemas), "needs", flags(features->needs),
                            "columns", split(features->columns, ','), "ceiling",
                            ceilings[(unsigned)features->ceiling < 3 ? features->ceiling : 0],
                            "sees", sees));
    }
    return list;
}

static void describe_generator(const weir_generator *generator, json_t *all)
{
    json_t *roles = json_array();

    for (const weir_role *role = generator->encoders; role && role->role; role++)
        json_array_append_new(
            roles, json_pack("{s:s,s:s,s:s,s:s}", "role", role->role, "encoder", role->encoder,
                             "options", role->options ? role->options : "", "help", role->help));
    json_object_set_new(all, "produces", flags(generator->produces));
    json_object_set_new(all, "encoders", roles);
    json_object_set_new(all, "parts", json_boolean(generator->parts != NULL));
}

json_t *weir_plugin_describe(const weir_loaded *loaded, weir_error *error)
{
    const weir_plugin *plugin = loaded->plugin;
    json_t *options = json_array(), *presets = json_array();
    json_t *all =
        json_pack("{s:s,s:s,s:s,s:s?,s:s,s:s,s:o,s:b}", "name", plugin->name, "kind",
                  weir_kind_name((int)plugin->kind), "summary", plugin->summary, "reference",
                  plugin->reference, "path", loaded->path, "build", loaded->build_id, "accepts",
                  flags(plugin->accepts), "deterministic", (int)plugin->deterministic);

    for (const weir_option *row = plugin->options; row && row->kind != WEIR_OPTION_END; row++) {
        if (row->kind == WEIR_OPTION_PRESET)
            json_array_append_new(presets, json_pack("{s:s,s:s,s:s}", "name", row->name, "settings",
                                                     row->text, "help", row->help));
        else
            json_array_append_new(options, describe_option(row));
    }
    if (all && plugin->kind == WEIR_KIND_GENERATOR)
        describe_generator((const weir_generator *)plugin, all);
    if (all && plugin->kind == WEIR_KIND_ENCODER)
        json_object_set_new(all, "unit",
                            json_string(((const weir_encoder_plugin *)plugin)->unit == WEIR_PER_FLOW
                                            ? "flow"
                                            : "row"));
    if (all && plugin->kind == WEIR_KIND_DOWNSTREAM)
        json_object_set_new(all, "needs_test",
                            json_boolean(((const weir_downstream *)plugin)->needs_test));
    if (all && weir_features(plugin))
        json_object_set_new(all, "features", describe_features(weir_features(plugin)));
    if (!all || json_object_set(all, "options", options) ||
        json_object_set(all, "presets", presets)) {
        weir_error_memory(error, 0, "a description");
        json_decref(all);
        all = NULL;
    }
    json_decref(options);
    json_decref(presets);
    return all;
}
