/* Finding and loading plugins: folders, names, the ABI check. */
#ifndef WEIR_PLUGIN_REGISTRY_H
#define WEIR_PLUGIN_REGISTRY_H

#include <jansson.h>
#include <weir/plugin.h>

typedef struct weir_registry weir_registry;

/* Searches `given`, which must be there, and those of WEIR_PLUGIN_PATH (folders, a colon between
 * two; NULL: none), then the build or install folder of this libweir. A folder holds KIND/NAME.so
 * (KIND: generators, encoders, metrics, downstream) or NAME.so. The same kind and name at two paths
 * is an error that names both. Loads nothing. */
weir_registry *weir_registry_open(const char *given, weir_error *error);
void weir_registry_free(weir_registry *registry);

/* A plugin that is loaded and checked. Owned by the registry. */
typedef struct weir_loaded {
    const weir_plugin *plugin;
    const char *path;     /* absolute */
    const char *build_id; /* hex: GNU build id, else SHA-256 of the file */
} weir_loaded;

/* The plugin of that kind and name, loaded on first use. NULL with "unknown generator 'cascadgan';
 * did you mean 'cascadegan'? (known: …)". kind -1: any kind; an ambiguous name is an error.
 * "KIND/NAME" is accepted as name. */
const weir_loaded *weir_registry_find(weir_registry *registry, int kind, const char *name,
                                      weir_error *error);
/* Loads one file and checks it: symbol, ABI (file, found, expected), kind, name = file stem,
 * options. */
const weir_loaded *weir_registry_load(weir_registry *registry, const char *path, weir_error *error);
/* What a person named: a file PLUGIN.so, which is loaded, or [KIND/]NAME, which is found. */
const weir_loaded *weir_registry_named(weir_registry *registry, const char *text,
                                       weir_error *error);
/* All plugins, sorted by kind and name, loaded. A plugin that does not load is in the list with
 * plugin == NULL and its error in errors (may be NULL). Borrowed array, *n entries. */
const weir_loaded *weir_registry_all(weir_registry *registry, size_t *n, const weir_error **errors);

/* What `weir describe --json` prints: name, kind, summary, reference, accepts, produces, options
 * with kind, default, range, choices and help, presets, encoder roles, features. A new object. */
json_t *weir_plugin_describe(const weir_loaded *loaded, weir_error *error);

#endif
