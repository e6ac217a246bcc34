/* Fields of flow and packet tables: addresses, protocols, flags, times, ports. */
#include "data/csv.h"
#include "data/number.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct {
    const char *name;
    uint8_t number;
} protocols[] = {
    {"tcp", 6},
    {"udp", 17},
    {"icmp", 1},
    {"igmp", 2},
    {"ipip", 4},
    {"ipv4", 4},
    {"ipencap", 4},
    {"egp", 8},
    {"igp", 9},
    {"dccp", 33},
    {"ipv6", 41},
    {"rsvp", 46},
    {"gre", 47},
    {"esp", 50},
    {"ah", 51},
    {"icmp6", 58},
    {"icmpv6", 58},
    {"ipv6-icmp", 58},
    {"eigrp", 88},
    {"ospf", 89},
    {"ospfigp", 89},
    {"pim", 103},
    {"vrrp", 112},
    {"l2tp", 115},
    {"sctp", 132},
    {"udplite", 136},
    {"mpls-in-ip", 137},
    {"other", 255},
    {"unknown_transport", 255},
    {"rtp", 17},
    {"rtcp", 17},
    {"udt", 17},
};

bool weir_field_protocol(const weir_csv_field *field, uint64_t *value)
{
    for (size_t i = 0; i < sizeof protocols / sizeof protocols[0]; i++) {
        if (weir_csv_is(field, protocols[i].name)) {
            *value = protocols[i].number;
            return true;
        }
    }
    return false;
}

/* A plain integer, the common case; false for anything else. */
static bool plain(const weir_csv_field *field, uint64_t *value)
{
    uint64_t sum = 0;

    if (!field->n || field->n > 18)
        return false;
    for (size_t i = 0; i < field->n; i++) {
        unsigned digit = (unsigned)(field->text[i] - '0');
        if (digit > 9)
            return false;
        sum = sum * 10 + digit;
    }
    *value = sum;
    return true;
}

weir_verdict weir_field_unsigned(const weir_csv_field *field, uint64_t limit, uint64_t *value)
{
    weir_decimal decimal;
    int64_t whole;
    bool exact;

    if (!plain(field, value)) {
        if (!weir_decimal_parse(field->text, field->n, &decimal))
            return WEIR_NOT_A_NUMBER;
        if (!decimal.cut && !decimal.negative && decimal.exponent == 0) {
            *value = decimal.digits;
        } else {
            if (!weir_decimal_integer(decimal, 0, &whole, &exact))
                return WEIR_OUT_OF_RANGE;
            if (!exact)
                return WEIR_NOT_WHOLE;
            if (whole < 0)
                return WEIR_OUT_OF_RANGE;
            *value = (uint64_t)whole;
        }
    }
    return *value <= limit ? WEIR_FINE : WEIR_OUT_OF_RANGE;
}

weir_verdict weir_field_scaled(const weir_csv_field *field, uint64_t limit, uint64_t *value)
{
    static const char letters[] = "KMGT";
    const char *letter =
        field->n ? memchr(letters, field->text[field->n - 1], sizeof letters - 1) : NULL;
    weir_csv_field number = *field;
    weir_decimal decimal;
    int64_t whole;
    bool exact;

    if (!letter)
        return weir_field_unsigned(field, limit, value);
    number.n--;
    while (number.n && number.text[number.n - 1] == ' ')
        number.n--;
    if (!weir_decimal_parse(number.text, number.n, &decimal))
        return WEIR_NOT_A_NUMBER;
    if (!weir_decimal_integer(decimal, 3 * ((int)(letter - letters) + 1), &whole, &exact) ||
        whole < 0 || (uint64_t)whole > limit)
        return WEIR_OUT_OF_RANGE;
    *value = (uint64_t)whole;
    return exact ? WEIR_FINE : WEIR_NOT_WHOLE;
}

bool weir_field_dotted(const weir_csv_field *field, uint64_t *value)
{
    const char *at = field->text, *end = at + field->n;
    uint64_t address = 0;

    for (int part = 0; part < 4; part++) {
        unsigned number = 0, digits = 0;
        for (; at < end && *at >= '0' && *at <= '9' && digits < 4; at++, digits++)
            number = number * 10 + (unsigned)(*at - '0');
        if (!digits || digits > 3 || number > 255 || (part < 3 && (at == end || *at++ != '.')))
            return false;
        address = address << 8 | number;
    }
    *value = address;
    return at == end;
}

bool weir_field_flag(const weir_csv_field *field, uint64_t *value)
{
    static const struct {
        const char *text;
        uint64_t flag;
    } known[] = {{"DF", 2}, {"MF", 1}, {"", 0}, {"MF+DF", 3}, {"DF+MF", 3}, {"none", 0}};

    if (weir_field_unsigned(field, 3, value) == WEIR_FINE)
        return true;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (weir_csv_is(field, known[i].text)) {
            *value = known[i].flag;
            return true;
        }
    }
    return false;
}

bool weir_field_copy(const weir_csv_field *field, char text[256])
{
    if (field->n > 255 || memchr(field->text, 0, field->n))
        return false;
    memcpy(text, field->text, field->n);
    text[field->n] = 0;
    return true;
}

bool weir_field_time(const weir_csv_field *field, int power, int64_t *time)
{
    weir_decimal decimal;
    uint64_t whole;
    bool exact;

    if (power == 3 && field->n < 17 && plain(field, &whole)) {
        return !__builtin_mul_overflow(whole, 1000u, time);
    }
    return weir_decimal_parse(field->text, field->n, &decimal) &&
           weir_decimal_integer(decimal, power, time, &exact);
}

/* 2019/04/04 16:23:00.325010 as UTC, or epoch seconds. */
bool weir_field_date(const weir_csv_field *field, int64_t *time)
{
    struct tm tm = {0};
    char text[64];
    const char *rest;
    weir_csv_field fraction;
    int64_t ns = 0;

    if (weir_field_time(field, 9, time))
        return true;
    if (field->n >= sizeof text)
        return false;
    memcpy(text, field->text, field->n);
    text[field->n] = 0;
    rest = strptime(text, text[0] && strchr(text, '/') ? "%Y/%m/%d %H:%M:%S" : "%Y-%m-%d %H:%M:%S",
                    &tm);
    if (!rest)
        return false;
    if (*rest) {
        fraction = (weir_csv_field){.text = rest, .n = strlen(rest)};
        if (*rest != '.' || !weir_field_time(&fraction, 9, &ns))
            return false;
    }
    return !__builtin_mul_overflow((int64_t)timegm(&tm), INT64_C(1000000000), time) &&
           !__builtin_add_overflow(*time, ns, time);
}

weir_verdict weir_field_port(const weir_csv_field *field, bool missing_field, uint64_t *value)
{
    if (missing_field) {
        *value = 0;
        return WEIR_FINE;
    }
    if (field->n > 2 && field->n < 11 && field->text[0] == '0' &&
        (field->text[1] == 'x' || field->text[1] == 'X')) {
        char text[16] = {0}, *end;
        memcpy(text, field->text, field->n);
        *value = strtoull(text + 2, &end, 16);
        return *end ? WEIR_NOT_A_NUMBER : *value <= UINT16_MAX ? WEIR_FINE : WEIR_OUT_OF_RANGE;
    }
    return weir_field_unsigned(field, UINT16_MAX, value);
}
