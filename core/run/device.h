/* Which device jobs run on. */
#ifndef WEIR_RUN_DEVICE_H
#define WEIR_RUN_DEVICE_H

#include <weir/error.h>

/* The device, "cpu" or "cuda", for what was asked: "auto" (or NULL), "cpu", "cuda". auto is the CPU
 * as long as docs/benchmarks.md records no run of the CUDA tests on a GPU (NN_AUTO_TAKES_CUDA).
 * cuda is an error where its back end is not built or finds no device: nothing falls back from what
 * was asked for. */
int weir_device_choose(const char *asked, const char **device, weir_error *error);

#endif
