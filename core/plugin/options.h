/* Resolving options against a plugin's table: unknown names with the nearest one, ranges, presets.
 */
#ifndef WEIR_PLUGIN_OPTIONS_H
#define WEIR_PLUGIN_OPTIONS_H

#include <jansson.h>
#include <weir/plugin.h>

/* All options of the plugin with their values: defaults, then the preset given["preset"], then the
 * explicit ones. given: name -> number, boolean, string, or array of strings for LIST; strings are
 * parsed for every kind ("-O epochs=20"). Reserved names (seed label threads device flows packets
 * duration encoders select budget) are refused. A new object, keys in table order, plus "preset" if
 * one was given; NULL on failure: "unknown option 'epocs' of generator cascadegan; did you mean
 * 'epochs'?", "option 'rate' of … is 2, must be between 0 and 1". FILE and TRACE become absolute
 * paths of files that exist. */
json_t *weir_options_resolve(const weir_plugin *plugin, const json_t *given, weir_error *error);
/* The options of a saved model, as resolve made them: FILE and TRACE stay the paths they are, also
 * where the files are gone. A new object. */
json_t *weir_options_restore(const weir_plugin *plugin, const json_t *saved, weir_error *error);
/* "option=value …" or one "option=value" into an object of strings, values may be quoted. */
json_t *weir_options_parse(const char *text, weir_error *error);
/* Everything that must hold of a table itself: names legal, unique and not reserved, defaults in
 * range, presets resolvable, members inside options_size. */
int weir_options_check(const weir_plugin *plugin, weir_error *error);
/* The default of a row that is no preset, as resolve gives it. A new value. */
json_t *weir_option_default(const weir_option *row);
/* The index of a choice, or -1. */
int weir_option_choice(const weir_option *row, const char *text);
/* The known word nearest to `word`, if it is near enough to be meant; else NULL. */
const char *weir_nearest(const char *word, const char *const *known, size_t n);

#endif
