/* Nodes of a plan, for the files that make plans. */
#ifndef WEIR_RUN_NODE_H
#define WEIR_RUN_NODE_H

#include "run/plan.h"

/* Lets a node wait for another. Not 0: out of memory. */
int weir_node_need(weir_node *node, weir_node *other);
/* A node in the plan, of this content and spec, which it takes. NULL: out of memory. */
weir_node *weir_node_add(weir_plan *plan, const char *job, json_t *content, json_t *spec);
void weir_node_title(weir_node *node, const char *format, ...) WEIR_PRINTF(2, 3);
/* The node that was made of an equal text before, or NULL; else remembers the next one under it. */
weir_node *weir_node_same(weir_plan *plan, const json_t *content, const weir_node *needed);
/* Drops the newest node: an equal one is there, which is returned. */
weir_node *weir_node_instead(weir_plan *plan, weir_node *same);
/* A node of a plugin's job with everything but its inputs. */
weir_node *weir_node_new(weir_plan *plan, const char *job, const weir_loaded *loaded,
                         const json_t *declared, const json_t *options, const json_t *encoders,
                         weir_error *error);
/* Puts a source among a node's inputs: as it is into the spec, by its content into the key. */
int weir_node_input(weir_plan *plan, weir_node *node, const char *name, const json_t *source,
                    weir_error *error);
/* Options as they stand in a key: files by their contents, the preset's name left out. A new
 * object. */
json_t *weir_node_options(weir_plan *plan, const weir_plugin *plugin, const json_t *options,
                          weir_error *error);
/* A node like the fit, with inputs of its own. */
weir_node *weir_node_like(weir_plan *plan, const weir_node *fit, const char *title,
                          weir_error *error);

#endif
