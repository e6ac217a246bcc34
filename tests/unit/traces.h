/* What the tests of traces share: a folder of their own, files from bytes, captures from frames. */
#ifndef WEIR_TESTS_TRACES_H
#define WEIR_TESTS_TRACES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "data/trace.h"

static char folder[] = "/tmp/weir-test-XXXXXX";

/* A path in the test's folder; valid until the fourth call after it. */
static inline const char *in_folder(const char *name)
{
    static char paths[4][256];
    static int at;

    at = (at + 1) % 4;
    snprintf(paths[at], sizeof paths[at], "%s/%s", folder, name);
    return paths[at];
}

static inline const char *write_bytes(const char *name, const void *bytes, size_t n)
{
    const char *path = in_folder(name);
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
    return path;
}

static inline const char *write_text(const char *name, const char *text)
{
    return write_bytes(name, text, strlen(text));
}

/* A capture in the making. */
typedef struct capture {
    uint8_t bytes[65536];
    size_t n;
} capture;

static inline void capture_word(capture *to, uint32_t value)
{
    memcpy(to->bytes + to->n, &value, 4);
    to->n += 4;
}

static inline void capture_begin(capture *to, uint32_t magic, uint32_t link_type)
{
    const uint32_t words[] = {magic, 2 | 4 << 16, 0, 0, 65535, link_type};

    to->n = 0;
    for (int i = 0; i < 6; i++)
        capture_word(to, words[i]);
}

static inline void capture_packet(capture *to, uint32_t seconds, uint32_t fraction,
                                  const uint8_t *frame, uint32_t n, uint32_t wire)
{
    capture_word(to, seconds);
    capture_word(to, fraction);
    capture_word(to, n);
    capture_word(to, wire);
    memcpy(to->bytes + to->n, frame, n);
    to->n += n;
}

/* A plain IPv4 and UDP header: 10.0.0.1:1000 to 10.0.0.2:2000, total length 60. */
static const uint8_t plain_packet[28] = {0x45, 0, 0,  60, 0, 7, 0x40, 0,   64, 17,   0, 0,  10, 0,
                                         0,    1, 10, 0,  0, 2, 3,    232, 7,  0xd0, 0, 40, 0,  0};

static inline weir_dataset *read_path(const char *path, json_t **facts, weir_error *error)
{
    memset(error, 0, sizeof *error);
    return weir_trace_read(&path, 1, NULL, facts, error);
}

static inline json_int_t count_of(const json_t *facts, const char *group, const char *what)
{
    return json_integer_value(json_object_get(json_object_get(facts, group), what));
}

/* Equal schema, columns of the first and rows. */
static inline void assert_same_columns(const weir_dataset *a, const weir_dataset *b)
{
    const weir_table *x = weir_dataset_table(a), *y = weir_dataset_table(b);

    assert_int_equal(weir_table_schema(x), weir_table_schema(y));
    assert_int_equal(weir_table_rows(x), weir_table_rows(y));
    for (size_t i = 0; i < weir_table_columns(x); i++) {
        weir_type type;
        size_t width;
        const char *name = weir_table_column(x, i, &type, &width);
        const void *left = weir_table_read(x, name, type), *right = weir_table_read(y, name, type);

        assert_non_null(right);
        for (size_t row = 0; type == WEIR_CATEGORY && row < weir_table_rows(x); row++)
            assert_string_equal(weir_category_text(x, name, ((const uint32_t *)left)[row]),
                                weir_category_text(y, name, ((const uint32_t *)right)[row]));
        if (type != WEIR_CATEGORY)
            assert_memory_equal(left, right, weir_table_rows(x) * width * weir_type_size(type));
    }
}

static inline int make_folder(void **state)
{
    char cache[256];

    (void)state;
    if (strstr(folder, "XXXXXX") && !mkdtemp(folder))
        return 1;
    snprintf(cache, sizeof cache, "%s/cache", folder);
    return setenv("XDG_CACHE_HOME", cache, 1);
}

static inline int remove_folder(void **state)
{
    char command[256];

    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

#endif
