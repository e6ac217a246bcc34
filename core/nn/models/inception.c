/* Inception-v3 in use: weights from a file, images in, features out. */
#include <weir/inception.h>

#include "nn/models/inception_net.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <weir/nn_plugin.h>

enum { SIDE = 299, COLOURS = 3, BATCH = 2 };

struct weir_inception {
    nn_graph *graph;
    nn_node *image, *features;
    nn_program *program;
    nn_real *images, *found; /* [BATCH][SIDE][SIDE][COLOURS], [BATCH][width] */
    char *path;              /* of the weights, for messages */
};

/* ---- Weights ----------------------------------------------------------------------------------*/

/* Every array that the graph has a variable for; room for the largest. */
static int set_values(weir_job *job, weir_inception *net, weir_tensors *file, nn_real *room)
{
    for (size_t i = 0; i < file->count; i++) {
        nn_node *variable = nn_find(net->graph, file->items[i].name);
        const float *values;

        if (!variable)
            continue;
        if (weir_progress(job, (int64_t)i, (int64_t)file->count))
            return WEIR_ECANCEL;
        if (weir_tensors_fill(file, i, weir_job_error(job)))
            return weir_job_error(job)->status;
        values = file->items[i].data;
        for (int64_t k = 0; k < nn_count(variable); k++)
            room[k] = (nn_real)values[k];
        nn_write(variable, room);
    }
    return nn_report(job, net->graph);
}

static int load(weir_job *job, weir_inception *net, weir_tensors *file)
{
    size_t largest = 0;
    nn_real *room;
    int status;

    for (size_t i = 0; i < file->count; i++)
        largest = file->items[i].bytes > largest ? file->items[i].bytes : largest;
    room = malloc(largest / sizeof(float) * sizeof *room + 1);
    status = room ? set_values(job, net, file, room)
                  : weir_fail(job, WEIR_ENOMEM, "out of memory for the weights of Inception-v3");
    free(room);
    return status;
}

static int build(weir_job *job, weir_inception *net, const char *path)
{
    const int64_t shape[] = {BATCH, SIDE, SIDE, COLOURS};
    inception_weights weights = {.used = 0};
    int status = weir_tensors_open(&weights.file, path, weir_job_error(job));

    if (status)
        return status;
    net->image = nn_input(net->graph, "image", 4, shape);
    net->features = inception_network(net->image, &weights);
    if (weights.wrong)
        status = weir_fail(job, WEIR_EDATA,
                           "%s does not hold the weights of torchvision's inception_v3: %d arrays "
                           "are missing or do not fit%s",
                           path, weights.wrong, weights.text);
    if (!status)
        status = nn_report(job, net->graph);
    if (!status)
        status = load(job, net, &weights.file);
    weir_tensors_free(&weights.file);
    return status;
}

weir_inception *weir_inception_open(weir_job *job, const char *path)
{
    weir_inception *net = calloc(1, sizeof *net);
    bool made;

    if (net) {
        net->graph =
            nn_graph_new(&(nn_settings){.device = weir_device(job), .threads = weir_threads(job)});
        net->images = calloc((size_t)BATCH * SIDE * SIDE * COLOURS, sizeof *net->images);
        net->path = strdup(path);
    }
    made = net && net->graph && net->images && net->path;
    if (!made)
        weir_fail(job, WEIR_ENOMEM, "out of memory for Inception-v3");
    if (made && !build(job, net, path)) {
        net->found = calloc((size_t)nn_count(net->features), sizeof *net->found);
        if (!net->found)
            weir_fail(job, WEIR_ENOMEM, "out of memory for the features of Inception-v3");
        net->program = nn_compile(net->graph, 1, &(nn_stage){"features", 1, &net->features});
        if (net->found && !nn_report(job, net->graph))
            return net;
    }
    weir_inception_free(net);
    return NULL;
}

void weir_inception_free(weir_inception *net)
{
    if (!net)
        return;
    nn_graph_free(net->graph);
    free(net->images);
    free(net->found);
    free(net->path);
    free(net);
}

uint32_t weir_inception_width(const weir_inception *net)
{
    return (uint32_t)nn_size(net->features, 1);
}

/* ---- Images -----------------------------------------------------------------------------------*/

/* Where along an axis of `size` pixels one of SIDE lies: between two, with this share of the
 * second.
 */
struct between {
    size_t first, second;
    float share;
};

static struct between lie(size_t i, size_t size)
{
    double at = fmax(((double)i + 0.5) * (double)size / SIDE - 0.5, 0);
    size_t first = (size_t)at < size ? (size_t)at : size - 1;

    return (struct between){first, first + 1 < size ? first + 1 : first,
                            (float)(at - (double)first)};
}

/* One image [height][width][channels] as the network wants it. */
static void spread(const float *x, size_t height, size_t width, size_t channels, nn_real *out)
{
    for (size_t i = 0; i < SIDE; i++) {
        struct between row = lie(i, height);

        for (size_t j = 0; j < SIDE; j++) {
            struct between column = lie(j, width);

            for (size_t k = 0; k < COLOURS; k++, out++) {
                size_t c = channels == 1 ? 0 : k;
                const float *a = x + row.first * width * channels + c;
                const float *b = x + row.second * width * channels + c;
                float above, below;

                *out = -1; /* 0 in [0, 1] */
                if (c >= channels)
                    continue;
                above = a[column.first * channels] * (1 - column.share) +
                        a[column.second * channels] * column.share;
                below = b[column.first * channels] * (1 - column.share) +
                        b[column.second * channels] * column.share;
                *out = 2 * (above * (1 - row.share) + below * row.share) - 1;
            }
        }
    }
}

int weir_inception_features(weir_job *job, weir_inception *net, const float *x, size_t n,
                            uint32_t height, uint32_t width, uint32_t channels, float *out)
{
    size_t pixels = (size_t)height * width * channels, features = weir_inception_width(net);
    const size_t image = (size_t)SIDE * SIDE * COLOURS;

    if (n && !pixels)
        return weir_fail(job, WEIR_EDATA, "images of %u x %u pixels and %u channels", height, width,
                         channels);
    for (size_t done = 0, count; done < n; done += count) {
        count = n - done < BATCH ? n - done : BATCH;
        if (weir_progress(job, (int64_t)done, (int64_t)n))
            return WEIR_ECANCEL;
        for (size_t i = 0; i < count; i++)
            spread(x + (done + i) * pixels, height, width, channels, net->images + i * image);
        nn_write(net->image, net->images);
        nn_run(net->program, 0);
        if (nn_read(net->program, net->features, net->found))
            return nn_report(job, net->graph);
        for (size_t i = 0; i < count * features; i++) {
            out[done * features + i] = (float)net->found[i];
            if (!isfinite(net->found[i]))
                return weir_fail(job, WEIR_EDATA,
                                 "%s: the features of image %zu are not finite: of the image or of "
                                 "the weights",
                                 net->path, done + i / features + 1);
        }
    }
    return WEIR_OK;
}
