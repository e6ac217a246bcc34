/* The whole public interface; a plugin needs <weir/plugin.h> only. */
#ifndef WEIR_WEIR_H
#define WEIR_WEIR_H

#include <weir/nn_plugin.h>
#include <weir/plugin.h>
#include <weir/stats.h>

#define WEIR_VERSION "0.1.0"
/* Part of every result's key: raised with every change of a result in libweir (golden tests see to
 * it). */
#define WEIR_RESULTS_VERSION 1

/* WEIR_VERSION of the library that runs. */
WEIR_API const char *weir_version(void);
/* The command line as a function: what the program `weir` calls. Returns the exit status. */
WEIR_API int weir_main(int argc, char **argv);

#endif
