/* What the engine is and has, said without opening any of it. */
#include "nn/backend.h"
#include "nn/cpu/isa.h"
#include <dlfcn.h>
#include <libgen.h>
#include <limits.h>
#include <oneapi/dnnl/dnnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Whether libweir_cuda.so lies beside the file that this code is in, where load.c looks. */
static bool has_cuda(void)
{
    static const char here; /* something to ask for */
    char real[PATH_MAX], path[PATH_MAX + 32];
    Dl_info info;

    if (!dladdr(&here, &info) || !info.dli_fname || !realpath(info.dli_fname, real))
        return false;
    snprintf(path, sizeof path, "%s/libweir_cuda.so", dirname(real));
    return access(path, R_OK) == 0;
}

const char *nn_engine_text(char *text, size_t size)
{
    const dnnl_version_t *version = dnnl_version();
    weir_error ignored = {0};
    nn_isa isa = NN_ISA_BASELINE;
    bool known = nn_isa_choose(&isa, &ignored) == WEIR_OK;

    snprintf(text, size, "cpu %s, oneDNN %d.%d.%d; CUDA back end: %s",
             known ? nn_isa_name(isa) : "(WEIR_CPU names no instruction set of this processor)",
             version->major, version->minor, version->patch,
             !has_cuda()          ? "not built"
             : NN_AUTO_TAKES_CUDA ? "built"
                                  : "built, never run on a GPU");
    return text;
}
