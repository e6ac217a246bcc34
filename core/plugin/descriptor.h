/* What a descriptor must hold to be usable, and what identifies a plugin's build. */
#ifndef WEIR_PLUGIN_DESCRIPTOR_H
#define WEIR_PLUGIN_DESCRIPTOR_H

#include <jansson.h>
#include <weir/plugin.h>

/* Checks everything but the option table: callbacks that the core calls without asking, texts,
 * features, roles. abi, kind and name are checked already. */
int weir_descriptor_check(const weir_plugin *plugin, weir_error *error);
/* The features of a metric or a downstream task; NULL for the other kinds. */
const weir_feature *weir_features(const weir_plugin *plugin);
/* Whether a plugin has all features that its resolved option `features` names (WEIR_EOPTION). */
int weir_features_check(const weir_plugin *plugin, const json_t *options, weir_error *error);
/* Hex GNU build id of a loaded library, else the SHA-256 of its file. */
int weir_build_id(void *library, const char *path, char hex[129], weir_error *error);

#endif
