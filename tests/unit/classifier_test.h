/* A job of no plugin, and images that are told by where they are bright. */
#ifndef CLASSIFIER_TEST_H
#define CLASSIFIER_TEST_H

#include "plugin/job.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>
#include <weir/classifier.h>

static inline weir_job *a_job(uint64_t seed)
{
    static const weir_plugin plugin = {.abi = WEIR_ABI, .name = "test"};
    weir_error error = {0};
    weir_job *job = weir_job_new(&(weir_job_setup){.plugin = &plugin,
                                                   .seed = seed,
                                                   .threads = 1,
                                                   .device = "cpu",
                                                   .log_fd = -1,
                                                   .status_fd = -1},
                                 &error);

    if (!job)
        fail_msg("%s", error.text);
    return job;
}

/* Noise in [0, 0.6), and a row of the image that says the class brighter by 0.4. To be freed by
 * drop_images. */
static inline weir_examples some_images(size_t count, uint32_t side, uint32_t channels,
                                        uint32_t classes, uint64_t seed)
{
    weir_random random = weir_random_new(seed, "images");
    size_t pixels = (size_t)side * side * channels;
    float *x = malloc(count * pixels * sizeof *x);
    uint32_t *label = malloc(count * sizeof *label);

    assert_non_null(x);
    assert_non_null(label);
    for (size_t i = 0; i < count; i++) {
        label[i] = (uint32_t)(i % classes);
        for (size_t k = 0; k < pixels; k++)
            x[i * pixels + k] = (float)(0.6 * weir_random_uniform(&random)) +
                                (k / (side * channels) == label[i] * side / classes ? 0.4f : 0);
    }
    return (weir_examples){count, side, side, channels, classes, x, label};
}

static inline void drop_images(weir_examples *images)
{
    free((void *)(uintptr_t)images->x);
    free((void *)(uintptr_t)images->label);
}

#endif
