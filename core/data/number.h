/* Numbers in text, exactly and whatever the locale. */
#ifndef WEIR_DATA_NUMBER_H
#define WEIR_DATA_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* digits * 10^exponent, as written; cut: the digits that did not fit were not all zero. */
typedef struct weir_decimal {
    uint64_t digits;
    int exponent;
    bool negative, cut;
} weir_decimal;

/* Reads [+-]digits[.digits][e[+-]digits] to the end of n bytes; false if it is anything else. */
bool weir_decimal_parse(const char *text, size_t n, weir_decimal *decimal);
/* decimal * 10^power, rounded to the nearest integer. exact: whether nothing was lost. False if it
 * lies outside int64. */
bool weir_decimal_integer(weir_decimal decimal, int power, int64_t *value, bool *exact);
/* The nearest double of a text that weir_decimal_parse takes; false otherwise, or if not finite. */
bool weir_real_parse(const char *text, size_t n, double *value);
/* The shortest of up to digits significant digits that reads back equal (digits 17 for doubles, 9
 * for floats): into text, with a point whatever the locale. Returns its length. */
int weir_real_text(double value, int digits, char text[40]);

#endif
