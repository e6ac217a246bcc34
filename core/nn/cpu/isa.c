/* The choice of the instruction set when a CPU device is opened. */
#include "nn/cpu/isa.h"
#include <stdlib.h>
#include <string.h>

const char *nn_isa_name(nn_isa isa)
{
    static const char *const name[NN_ISA_COUNT] = {"baseline", "avx2", "avx512"};

    return (unsigned)isa < NN_ISA_COUNT ? name[isa] : "unknown";
}

bool nn_isa_available(nn_isa isa)
{
    if (isa == NN_ISA_BASELINE)
        return true;
#if defined __x86_64__
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");

    if (isa == NN_ISA_AVX2)
        return avx2;
    if (isa == NN_ISA_AVX512)
        return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq");
#endif
    return false;
}

int nn_isa_choose(nn_isa *isa, weir_error *error)
{
    const char *wish = getenv("WEIR_CPU");

    if (!wish || !*wish) {
        *isa = NN_ISA_COUNT - 1;
        while (!nn_isa_available(*isa))
            *isa = *isa - 1;
        return WEIR_OK;
    }
    for (nn_isa each = 0; each < NN_ISA_COUNT; each++)
        if (!strcmp(wish, nn_isa_name(each))) {
            if (!nn_isa_available(each))
                return weir_error_set(error, WEIR_EOPTION,
                                      "WEIR_CPU=%s: this processor does not have it", wish);
            *isa = each;
            return WEIR_OK;
        }
    return weir_error_set(error, WEIR_EOPTION, "WEIR_CPU=%s: not one of baseline, avx2, avx512",
                          wish);
}
