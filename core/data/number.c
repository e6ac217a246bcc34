/* Numbers in text, exactly and whatever the locale. */
#include "data/number.h"
#include <float.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static locale_t plain; /* the C locale; 0 only where memory is short */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void make_plain(void)
{
    plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool weir_decimal_parse(const char *text, size_t n, weir_decimal *decimal)
{
    uint64_t digits = 0;
    int exponent = 0, written = 0, count = 0;
    bool point = false, cut = false, full = false, down = false, negative = false;
    size_t i = 0;

    if (i < n && (text[i] == '-' || text[i] == '+'))
        negative = text[i++] == '-';
    for (; i < n && (is_digit(text[i]) || (text[i] == '.' && !point)); i++) {
        unsigned digit = (unsigned)(text[i] - '0');
        uint64_t longer;
        if (text[i] == '.') {
            point = true;
            continue;
        }
        count = 1;
        if (full || __builtin_mul_overflow(digits, UINT64_C(10), &longer) ||
            __builtin_add_overflow(longer, digit, &longer)) { /* only its place counts */
            cut |= digit != 0;
            exponent += exponent < 100000 && !point;
            full = true;
            continue;
        }
        digits = longer;
        exponent -= exponent > -100000 && point;
    }
    if (!count)
        return false;
    if (i < n && (text[i] == 'e' || text[i] == 'E')) {
        i++;
        if (i < n && (text[i] == '-' || text[i] == '+'))
            down = text[i++] == '-';
        if (i == n)
            return false;
        for (; i < n && is_digit(text[i]); i++)
            written = written < 100000 ? written * 10 + (text[i] - '0') : written;
    }
    if (i != n)
        return false;
    *decimal = (weir_decimal){digits, exponent + (down ? -written : written), negative, cut};
    return true;
}

bool weir_decimal_integer(weir_decimal decimal, int power, int64_t *value, bool *exact)
{
    uint64_t digits = decimal.digits;
    int exponent = decimal.exponent + power;

    *exact = !decimal.cut;
    for (; exponent > 0 && digits; exponent--) {
        if (__builtin_mul_overflow(digits, UINT64_C(10), &digits))
            return false;
    }
    if (exponent < 0) {
        uint64_t divisor = 1, rest;
        for (; exponent < 0 && divisor <= UINT64_MAX / 10 && digits / divisor; exponent++)
            divisor *= 10;
        if (exponent < 0 || divisor == 1) { /* far below a half, or zero */
            *exact &= !digits;
            digits = 0;
        } else {
            rest = digits % divisor;
            digits = digits / divisor + (rest >= divisor - rest);
            *exact &= rest == 0;
        }
    }
    if (digits > (uint64_t)INT64_MAX + decimal.negative)
        return false;
    *value = (int64_t)(decimal.negative ? 0 - digits : digits);
    return true;
}

bool weir_real_parse(const char *text, size_t n, double *value)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    weir_decimal decimal;
    char buffer[512];

    if (!weir_decimal_parse(text, n, &decimal))
        return false;
    /* Both factors are exact doubles, so that their product or quotient is the nearest one. */
    if (!decimal.cut && decimal.digits < UINT64_C(1) << 53 && decimal.exponent >= -22 &&
        decimal.exponent <= 22) {
        double digits = (double)decimal.digits;
        digits = decimal.exponent < 0 ? digits / powers[-decimal.exponent]
                                      : digits * powers[decimal.exponent];
        *value = decimal.negative ? -digits : digits;
        return true;
    }
    if (n >= sizeof buffer)
        return false;
    memcpy(buffer, text, n);
    buffer[n] = 0;
    pthread_once(&once, make_plain);
    *value = plain ? strtod_l(buffer, NULL, plain) : strtod(buffer, NULL);
    return isfinite(*value);
}

int weir_real_text(double value, int digits, char text[40])
{
    locale_t before = (locale_t)0;
    int n = 0;

    pthread_once(&once, make_plain);
    if (plain)
        before = uselocale(plain);
    for (int d = digits == 17 ? 15 : 6; d <= digits; d++) {
        double back;
        n = snprintf(text, 40, "%.*g", d, value);
        back = strtod(text, NULL);
        if (digits == 17 ? back == value : (float)back == (float)value)
            break;
    }
    if (plain)
        uselocale(before);
    return n;
}
