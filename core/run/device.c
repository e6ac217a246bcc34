/* Which device jobs run on: asked before anything runs. */
#include "run/device.h"
#include "nn/backend.h"
#include <stdio.h>
#include <string.h>

/* Opens a GPU and closes it again: that it is listed says less than that it works. */
static int try_cuda(weir_error *error)
{
    const nn_settings settings = {.device = "cuda", .threads = 1};
    const nn_backend *cuda = nn_backend_cuda(error);
    char description[160];
    void *device = cuda ? cuda->open(&settings, description, sizeof description, error) : NULL;

    if (!device)
        return weir_error_set(error, WEIR_EOPTION, "there is no GPU");
    cuda->close(device);
    return WEIR_OK;
}

/* Once a process: a GPU takes its time to open. */
static int check_cuda(weir_error *error)
{
    static bool tried;
    static weir_error why;

    if (!tried)
        try_cuda(&why);
    tried = true;
    return why.status == WEIR_OK ? WEIR_OK : weir_error_set(error, WEIR_EOPTION, "%s", why.text);
}

/* auto: the GPU, or the CPU with a word why. */
static const char *choose_freely(void)
{
    static bool warned;
    weir_error why = {0};

    if (!NN_AUTO_TAKES_CUDA)
        return "cpu";
    if (check_cuda(&why) == WEIR_OK)
        return "cuda";
    if (!warned)
        fprintf(stderr, "weir: no CUDA device (%s); the CPU is used\n", why.text);
    warned = true;
    return "cpu";
}

int weir_device_choose(const char *asked, const char **device, weir_error *error)
{
    weir_error why = {0};

    *device = "cpu";
    if (!asked || !strcmp(asked, "auto")) {
        *device = choose_freely();
        return WEIR_OK;
    }
    if (!strcmp(asked, "cpu"))
        return WEIR_OK;
    if (strcmp(asked, "cuda") != 0)
        return weir_error_set(error, WEIR_EOPTION, "device '%s' is unknown: auto, cpu or cuda",
                              asked);
    if (check_cuda(&why) != WEIR_OK)
        return weir_error_set(error, WEIR_EOPTION, "device 'cuda' cannot be used: %s", why.text);
    *device = "cuda";
    return WEIR_OK;
}
