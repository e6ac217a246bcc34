/* The CUDA back end, which is a library of its own so that nothing here needs CUDA. */
#include "nn/backend.h"
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define LIBRARY "libweir_cuda.so"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const nn_backend *loaded;
static weir_error refused;

/* The path of LIBRARY beside the file that this code is in. */
static bool path_beside(char path[PATH_MAX])
{
    Dl_info here;
    char file[PATH_MAX];
    if (!dladdr((void *)&once, &here) || !here.dli_fname || !realpath(here.dli_fname, file))
        return false;
    char *slash = strrchr(file, '/');
    size_t folder = slash ? (size_t)(slash - file) + 1 : 0;
    if (folder + sizeof LIBRARY > PATH_MAX)
        return false;
    memcpy(path, file, folder);
    memcpy(path + folder, LIBRARY, sizeof LIBRARY);
    return true;
}

static void load(void)
{
    char path[PATH_MAX] = LIBRARY;
    if (sizeof(nn_real) != sizeof(float)) {
        weir_error_set(&refused, WEIR_EOPTION, "cuda: there is no CUDA in double precision");
        return;
    }
    path_beside(path);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        const char *why = dlerror();
        weir_error_set(&refused, WEIR_EOPTION, "cuda: the back end cannot be loaded: %s",
                       why ? why : path);
        return;
    }
    const nn_backend *table = dlsym(library, "nn_backend_cuda_table");
    if (!table)
        weir_error_set(&refused, WEIR_EOPTION, "cuda: %s has no nn_backend_cuda_table", path);
    else if (table->abi != NN_BACKEND_ABI)
        weir_error_set(&refused, WEIR_EOPTION,
                       "cuda: %s is of another version of Weir (its number is %d, not %d)", path,
                       table->abi, NN_BACKEND_ABI);
    else
        loaded = table;
    if (!loaded)
        dlclose(library);
}

const nn_backend *nn_backend_cuda(weir_error *error)
{
    pthread_once(&once, load);
    if (!loaded)
        weir_error_set(error, refused.status, "%s", refused.text);
    return loaded;
}
