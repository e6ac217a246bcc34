/* The error record: first error wins, context goes in front, long messages are cut and nothing
 * else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <weir/error.h>

static void first_error_wins(void **state)
{
    weir_error error = {0};

    (void)state;
    assert_int_equal(weir_error_set(&error, WEIR_EDATA, "line %d", 7), WEIR_EDATA);
    assert_int_equal(weir_error_set(&error, WEIR_EIO, "later"), WEIR_EDATA);
    assert_int_equal(error.status, WEIR_EDATA);
    assert_string_equal(error.text, "line 7");
}

static void context_goes_in_front(void **state)
{
    weir_error error = {0};

    (void)state;
    weir_error_prefix(&error, "a.pcap: ");
    assert_string_equal(error.text, "");
    weir_error_set(&error, WEIR_EDATA, "packet 3 is cut");
    weir_error_prefix(&error, "%s: ", "a.pcap");
    assert_string_equal(error.text, "a.pcap: packet 3 is cut");
}

static void long_messages_are_cut(void **state)
{
    weir_error error = {0};
    char text[3000];

    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    weir_error_set(&error, WEIR_EIO, "%s", text);
    assert_int_equal(strlen(error.text), sizeof error.text - 1);
    weir_error_prefix(&error, "%s", text);
    assert_int_equal(strlen(error.text), sizeof error.text - 1);
}

static void messages_are_utf8(void **state)
{
    weir_error error = {0};

    (void)state;
    weir_error_set(&error, WEIR_EDATA, "column '%s'", "na\xc3\xafve \xff\xc3");
    assert_string_equal(error.text, "column 'na\xc3\xafve ?\?'");
    weir_error_prefix(&error, "%.3s: ", "ab\xc3\xa9"); /* cut in a character */
    assert_string_equal(error.text, "ab?: column 'na\xc3\xafve ?\?'");
}

static void no_record_is_allowed(void **state)
{
    (void)state;
    assert_int_equal(weir_error_set(NULL, WEIR_EIO, "nobody listens"), WEIR_EIO);
    weir_error_prefix(NULL, "nobody: ");
    assert_int_equal(weir_error_memory(NULL, 10, "a table"), WEIR_ENOMEM);
}

static void statuses_have_names(void **state)
{
    (void)state;
    assert_string_equal(weir_status_name(WEIR_OK), "WEIR_OK");
    assert_string_equal(weir_status_name(WEIR_EDIVERGE), "WEIR_EDIVERGE");
    assert_string_equal(weir_status_name(-99), "WEIR_EBUG");
    assert_string_equal(weir_status_text(WEIR_ENOMEM), "out of memory");
    assert_string_equal(weir_status_text(3), "an unknown status");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_error_wins),      cmocka_unit_test(context_goes_in_front),
        cmocka_unit_test(long_messages_are_cut), cmocka_unit_test(no_record_is_allowed),
        cmocka_unit_test(statuses_have_names),   cmocka_unit_test(messages_are_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
