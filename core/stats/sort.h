/* Sorting of codes, for what counts distinct values. */
#ifndef WEIR_STATS_SORT_H
#define WEIR_STATS_SORT_H

#include <stddef.h>
#include <stdint.h>

/* Sorts n codes ascending, in place, in O(n); scratch has room for n. */
void weir_sort_codes(uint32_t *codes, uint32_t *scratch, size_t n);

#endif
