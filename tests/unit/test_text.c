/* What is UTF-8, and text made so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "text.h"
#include <cmocka.h>
#include <string.h>

static void characters_are_measured(void **state)
{
    static const struct {
        const char *text;
        size_t bytes;
    } cases[] = {
        {"", 1},
        {"a", 1},
        {"\xc3\xa9", 2},
        {"\xe2\x82\xac", 3},
        {"\xf0\x9f\x98\x80", 4},
        {"\x80", 0},             /* the middle of one */
        {"\xc0\xaf", 0},         /* overlong */
        {"\xe0\x80\xaf", 0},     /* overlong */
        {"\xed\xa0\x80", 0},     /* a surrogate */
        {"\xf4\x90\x80\x80", 0}, /* above U+10FFFF */
        {"\xe2\x82", 0},         /* cut */
        {"\xff", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(weir_text_utf8(cases[i].text), cases[i].bytes);
}

static void other_bytes_are_replaced(void **state)
{
    char whole[] = "Web \xe2\x80\x93 \xf0\x9f\x98\x80", broken[] = "Web \x96 XSS\xe2\x82";

    (void)state;
    assert_int_equal(weir_text_repair(whole), 0);
    assert_string_equal(whole, "Web \xe2\x80\x93 \xf0\x9f\x98\x80");
    assert_int_equal(weir_text_repair(broken), 1);
    assert_string_equal(broken, "Web ? XSS?\?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(characters_are_measured),
        cmocka_unit_test(other_bytes_are_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
