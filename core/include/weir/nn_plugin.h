/* The engine inside a plugin: the graph of a job, its weights in a model's archive, and the watch
 * over a fit. A header of its own, since the engine itself knows nothing of plugins. */
#ifndef WEIR_NN_PLUGIN_H
#define WEIR_NN_PLUGIN_H

#include <weir/nn.h>
#include <weir/plugin.h>

/* A graph with the job's seed (in a part after part 0: one of its own), threads and device. Free it
 * in the plugin's `free`. NULL on failure, with the error recorded in the job. */
WEIR_API nn_graph *nn_graph_for(weir_job *job);
/* WEIR_OK, or the graph's first error, which is then the job's: `return nn_report(job, graph);` */
WEIR_API int nn_report(weir_job *job, const nn_graph *graph);

/* All that lasts of the graph under prefix (parameters, states, draws of noise), as arrays called
 * NAME.VARIABLE, so that `save` is one line. A value that is not finite is WEIR_EDIVERGE. */
WEIR_API int nn_put(weir_job *job, weir_archive *to, nn_graph *graph, const char *prefix,
                    const char *name);
/* And back, for `load`: every variable of the graph under prefix is set, or none and an error that
 * names what is missing or of another shape. What the archive holds beside (a critic, an optimiser)
 * is left for a graph that has it: an archive lives as long as its job, so a fit that goes on from
 * a checkpoint builds all of its graph and calls nn_get again, and is bit for bit the uninterrupted
 * one. weir_checkpoint(job, model, step) is all that making one takes. */
WEIR_API int nn_get(weir_job *job, const weir_archive *from, nn_graph *graph, const char *prefix,
                    const char *name);

/* nn_guard_step with the job's error, the terms as the job's curves. */
WEIR_API int nn_watch(weir_job *job, nn_guard *guard, int64_t step);

#endif
