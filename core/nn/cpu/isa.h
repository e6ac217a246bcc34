/* Which instruction set the CPU back end uses: the best that the processor has, or what the
 * environment's WEIR_CPU says (baseline, avx2, avx512), so that tests run every path. */
#ifndef WEIR_CORE_NN_CPU_ISA_H
#define WEIR_CORE_NN_CPU_ISA_H

#include <stdbool.h>
#include <weir/error.h>

typedef enum nn_isa { NN_ISA_BASELINE, NN_ISA_AVX2, NN_ISA_AVX512, NN_ISA_COUNT } nn_isa;

/* "baseline", "avx2", "avx512". */
const char *nn_isa_name(nn_isa isa);
/* Whether this processor can run it. AVX2 means with FMA; AVX-512 with the VL, BW and DQ parts. */
bool nn_isa_available(nn_isa isa);
/* WEIR_EOPTION when WEIR_CPU names none, or one that this processor lacks. */
int nn_isa_choose(nn_isa *isa, weir_error *error);

#endif
