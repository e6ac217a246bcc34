/* Option text against a table with every kind of option: nothing but an object or one error. What
 * was resolved resolves to itself. */
#include <stdlib.h>
#include <string.h>

#include "plugin/options.h"

struct options {
    int64_t epochs;
    double rate;
    bool zero;
    int mode;
    const char *title;
    weir_list features;
    const char *table;
};

static const weir_option rows[] = {WEIR_INT(struct options, epochs, 200, -1e18, 1e18, "x"),
                                   WEIR_REAL(struct options, rate, 1e-4, 1e-8, 1, "x"),
                                   WEIR_BOOL(struct options, zero, true, "x"),
                                   WEIR_CHOICE(struct options, mode, "fix|ref|none", "x"),
                                   WEIR_TEXT(struct options, title, "none", "x"),
                                   WEIR_LIST(struct options, features, "IT,FD", "x"),
                                   WEIR_FILE(struct options, table, "x"),
                                   WEIR_PRESET("tiny", "epochs=2 rate=0.5", "x"),
                                   WEIR_END};

static const weir_plugin plugin = {.kind = WEIR_KIND_GENERATOR,
                                   .name = "fuzzed",
                                   .summary = "x",
                                   .options = rows,
                                   .options_size = sizeof(struct options),
                                   .accepts = WEIR_PACKETS};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    json_t *given, *resolved, *again;
    weir_error error = {0};

    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    given = weir_options_parse(text, &error);
    resolved = given ? weir_options_resolve(&plugin, given, &error) : NULL;
    if (!resolved != (error.status != WEIR_OK))
        abort();
    again = resolved ? weir_options_resolve(&plugin, resolved, NULL) : NULL;
    if (resolved && !json_equal(resolved, again))
        abort();
    json_decref(given);
    json_decref(resolved);
    json_decref(again);
    free(text);
    return 0;
}
