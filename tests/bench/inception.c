/* inception FILE: features of images.x of a safetensors file of Inception-v3's weights
 * (tests/golden/inception.py writes such files), how far they are from its features.x, and the time
 * an image takes, on one thread. */
#include "data/safetensors.h"
#include "plugin/job.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <weir/inception.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int quit(const char *text)
{
    fprintf(stderr, "inception: %s\n", text);
    return 1;
}

int main(int count, char **word)
{
    weir_error error = {0};
    weir_tensors file = {0};
    weir_job *job =
        weir_job_new(&(weir_job_setup){.plugin = &(weir_plugin){.abi = WEIR_ABI, .name = "bench"},
                                       .threads = 1,
                                       .device = "cpu",
                                       .log_fd = -1,
                                       .status_fd = -1},
                     &error);
    if (count < 2)
        return quit("FILE is missing");
    if (!job || weir_tensors_read(&file, word[1], &error))
        return quit(error.text);
    const weir_tensor *x = weir_tensors_find(&file, "images.x");
    const weir_tensor *wanted = weir_tensors_find(&file, "features.x");
    if (!x || !wanted || x->rank != 4 || wanted->rank != 2 || wanted->type != WEIR_F64)
        return quit("the file has no images.x and features.x");
    double begun = now();
    weir_inception *net = weir_inception_open(job, word[1]);
    if (!net)
        return quit(weir_job_error(job)->text);
    double opened = now() - begun, worst = 0, largest = 0;
    size_t n = x->shape[0], width = weir_inception_width(net);
    float *out = malloc(n * width * sizeof *out);
    if (!out || width != wanted->shape[1])
        return quit("features.x has another width");
    begun = now();
    if (weir_inception_features(job, net, x->data, n, (uint32_t)x->shape[1], (uint32_t)x->shape[2],
                                (uint32_t)x->shape[3], out))
        return quit(weir_job_error(job)->text);
    double each = (now() - begun) / (double)n;
    for (size_t i = 0; i < n * width; i++) {
        worst = fmax(worst, fabs((double)out[i] - ((const double *)wanted->data)[i]));
        largest = fmax(largest, fabs(((const double *)wanted->data)[i]));
    }
    printf("{\"features\":%zu,\"open\":%.2f,\"each\":%.3f,\"difference\":%.3g,\"largest\":%.3g}\n",
           width, opened, each, worst, largest);
    free(out);
    weir_inception_free(net);
    weir_tensors_free(&file);
    weir_job_free(job);
    return 0;
}
