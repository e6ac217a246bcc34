/* Which device jobs run on: asked before anything runs. */
#include "run/device.h"
#include "nn/backend.h"
#include <string.h>

/* Opens a GPU and closes it again: that it is listed says less than that it works. */
static int check_cuda(weir_error *error)
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

int weir_device_choose(const char *asked, const char **device, weir_error *error)
{
    weir_error why = {0};

    *device = "cpu";
    if (!asked || !strcmp(asked, "auto")) {
        if (NN_AUTO_TAKES_CUDA && check_cuda(&why) == WEIR_OK)
            *device = "cuda";
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
