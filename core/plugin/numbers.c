/* Numbers in text, read to the end and without the locale: options and flags come from people. */
#include "plugin/numbers.h"
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static locale_t plain;
static pthread_once_t plain_once = PTHREAD_ONCE_INIT;

static void make_plain(void)
{
    plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

bool weir_number_real(const char *text, double *value)
{
    char *end;

    if (!text[0] || text[strspn(text, "0123456789+-.eE")])
        return false;
    pthread_once(&plain_once, make_plain);
    *value = plain ? strtod_l(text, &end, plain) : strtod(text, &end);
    return end != text && !*end && isfinite(*value);
}

bool weir_number_int(const char *text, int64_t *value)
{
    const char *digits = text + (*text == '-' || *text == '+');
    double real;
    char *end;

    if (*digits && !digits[strspn(digits, "0123456789")]) {
        errno = 0;
        *value = strtoll(text, &end, 10);
        return !*end && errno == 0;
    }
    /* beyond 2^53 a real does not say which integer is meant */
    if (!weir_number_real(text, &real) || real != floor(real) || fabs(real) > 9007199254740992.0)
        return false;
    *value = (int64_t)real;
    return true;
}
