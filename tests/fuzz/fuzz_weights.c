/* Weights and checkpoints from outside: loading any bytes sets all or nothing and says why. The
 * seeds are files that Weir writes itself, into the first folder that the command line names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <weir/nn.h>

static char path[] = "/tmp/weir-fuzz-weights-XXXXXX";

static void clean(void)
{
    unlink(path);
}

static nn_graph *model(void)
{
    nn_graph *g = nn_graph_new(&(nn_settings){.seed = 1, .device = "null", .threads = 1});

    nn_parameter(g, "a.weight", 2, (int64_t[]){2, 3}, (nn_init){NN_UNIFORM, -1, 1});
    nn_parameter(g, "a.bias", 1, (int64_t[]){2}, (nn_init){NN_CONSTANT, 0, 0});
    nn_state(g, "a.steps", 0, NULL, (nn_init){NN_CONSTANT, 0, 0});
    nn_noise_normal(g, "z", 1, (int64_t[]){4});
    nn_input(g, "x", 1, (int64_t[]){3});
    return g;
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    nn_graph *g = model();
    char seed[4096];
    int file = mkstemp(path);

    if (file < 0)
        exit(1);
    close(file);
    atexit(clean);
    for (int i = 1; i < *argc; i++) {
        if ((*argv)[i][0] == '-')
            continue;
        snprintf(seed, sizeof seed, "%.4000s/weights", (*argv)[i]);
        nn_save(g, "a.", seed);
        snprintf(seed, sizeof seed, "%.4000s/checkpoint", (*argv)[i]);
        nn_checkpoint_save(g, seed);
        break;
    }
    nn_graph_free(g);
    return 0;
}

static nn_real first_weight(nn_graph *g)
{
    nn_real values[6];

    return nn_value(nn_find(g, "a.weight"), values) == WEIR_OK ? values[0] : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    FILE *file = fopen(path, "wb");

    if (!file || fwrite(data, 1, size, file) != size || fclose(file))
        exit(1);
    for (int checkpoint = 0; checkpoint < 2; checkpoint++) {
        nn_graph *g = model();
        int status;
        first_weight(g);
        status = checkpoint ? nn_checkpoint_load(g, path) : nn_load(g, "a.", path);
        if (status != nn_status(g) || (status != WEIR_OK && !nn_error(g)->text[0]))
            abort();
        nn_graph_free(g);
    }
    return 0;
}
