/* Options: a plugin's table is the single source of what may be given, in which range, and what it
 * means. */
#include "plugin/options.h"
#include "plugin/numbers.h"
#include <ctype.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What stands beside the options of a job; the same words would mean two things. */
static const char *const reserved[] = {"seed",     "label",  "preset",  "threads",
                                       "device",   "flows",  "packets", "duration",
                                       "encoders", "select", "budget"};
#define RESERVED (sizeof reserved / sizeof reserved[0])

/* Optimal string alignment distance: a swap of neighbours is one slip, like a letter too many. */
static size_t distance(const char *a, const char *b)
{
    size_t rows[3][64], n = strlen(b), m = strlen(a);

    if (n >= 63 || m >= 63)
        return SIZE_MAX;
    for (size_t j = 0; j <= n; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= m; i++) {
        size_t *now = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= n; j++) {
            bool same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
            size_t best = last[j - 1] + !same;
            if (last[j] + 1 < best)
                best = last[j] + 1;
            if (now[j - 1] + 1 < best)
                best = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
    }
    return rows[m % 3][n];
}

const char *weir_nearest(const char *word, const char *const *known, size_t n)
{
    const char *nearest = NULL;
    size_t length = strlen(word), best = SIZE_MAX;

    for (size_t i = 0; i < n; i++) {
        size_t d = distance(word, known[i]);
        if (d < best) {
            best = d;
            nearest = known[i];
        }
    }
    /* a third of the letters wrong is another word */
    return best <= (length < 3 ? 1 : (length + 2) / 3) && best < length ? nearest : NULL;
}

static bool is_name(const char *text)
{
    if (!text || !islower((unsigned char)text[0]))
        return false;
    return !text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_")];
}

static const weir_option *find(const weir_plugin *plugin, const char *name, bool preset)
{
    for (const weir_option *row = plugin->options; row && row->kind != WEIR_OPTION_END; row++)
        if ((row->kind == WEIR_OPTION_PRESET) == preset && !strcmp(row->name, name))
            return row;
    return NULL;
}

static int unknown(const weir_plugin *plugin, const char *name, bool preset, weir_error *error)
{
    const char *names[256] = {NULL}, *near;
    const char *what = preset ? "preset" : "option";
    char list[512] = "";
    size_t n = 0, used = 0;

    for (size_t i = 0; !preset && i < RESERVED; i++)
        if (!strcmp(name, reserved[i]))
            return weir_error_set(error, WEIR_EOPTION,
                                  "'%s' is not an option of %s %s: it stands beside the options",
                                  name, weir_kind_name((int)plugin->kind), plugin->name);
    for (const weir_option *row = plugin->options; row && row->kind != WEIR_OPTION_END; row++)
        if ((row->kind == WEIR_OPTION_PRESET) == preset && n < 256)
            names[n++] = row->name;
    near = weir_nearest(name, names, n);
    if (near)
        return weir_error_set(error, WEIR_EOPTION, "unknown %s '%s' of %s %s; did you mean '%s'?",
                              what, name, weir_kind_name((int)plugin->kind), plugin->name, near);
    for (size_t i = 0; i < n && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", names[i]);
    return weir_error_set(error, WEIR_EOPTION, "unknown %s '%s' of %s %s (%s%s)", what, name,
                          weir_kind_name((int)plugin->kind), plugin->name,
                          n ? "known: " : "it has none", list);
}

/* ---- One value --------------------------------------------------------------------------------*/

static json_t *refuse(const weir_plugin *plugin, const weir_option *row, const json_t *given,
                      const char *right, weir_error *error)
{
    char *text = json_is_string(given) ? NULL : json_dumps(given, JSON_ENCODE_ANY | JSON_COMPACT);

    weir_error_set(error, WEIR_EOPTION, "option '%s' of %s %s is %s%s%s, must be %s", row->name,
                   weir_kind_name((int)plugin->kind), plugin->name,
                   json_is_string(given) ? "'" : "",
                   json_is_string(given) ? json_string_value(given)
                   : text                ? text
                                         : "?",
                   json_is_string(given) ? "'" : "", right);
    free(text);
    return NULL;
}

static json_t *convert_int(const weir_plugin *plugin, const weir_option *row, const json_t *given,
                           weir_error *error)
{
    char right[128];
    int64_t value = 0;
    bool ok;

    if (json_is_string(given)) {
        ok = weir_number_int(json_string_value(given), &value);
    } else if (json_is_real(given)) {
        double real = json_real_value(given);
        ok = real == floor(real) && fabs(real) <= 9007199254740992.0;
        value = ok ? (int64_t)real : 0;
    } else {
        ok = json_is_integer(given);
        value = json_integer_value(given);
    }
    /* bounds are doubles: -2^63 and 2^63 stand for all there is */
    if (ok && (double)value >= row->min && (double)value <= row->max)
        return json_integer(value);
    snprintf(right, sizeof right, "a whole number between %.17g and %.17g", row->min, row->max);
    return refuse(plugin, row, given, right, error);
}

static json_t *convert_real(const weir_plugin *plugin, const weir_option *row, const json_t *given,
                            weir_error *error)
{
    char right[128];
    double value = 0;
    bool ok;

    if (json_is_string(given)) {
        ok = weir_number_real(json_string_value(given), &value);
    } else {
        ok = json_is_number(given);
        value = json_number_value(given);
    }
    if (ok && isfinite(value) && value >= row->min && value <= row->max)
        return json_real(value);
    snprintf(right, sizeof right, "between %.15g and %.15g", row->min, row->max);
    return refuse(plugin, row, given, right, error);
}

static json_t *convert_bool(const weir_plugin *plugin, const weir_option *row, const json_t *given,
                            weir_error *error)
{
    static const char *const yes[] = {"true", "yes", "on", "1"};
    static const char *const no[] = {"false", "no", "off", "0"};

    if (json_is_boolean(given))
        return json_boolean(json_is_true(given));
    for (size_t i = 0; json_is_string(given) && i < 4; i++) {
        if (!strcmp(json_string_value(given), yes[i]))
            return json_true();
        if (!strcmp(json_string_value(given), no[i]))
            return json_false();
    }
    return refuse(plugin, row, given, "true or false", error);
}

int weir_option_choice(const weir_option *row, const char *text)
{
    const char *at = row->text;

    for (int i = 0;; i++) {
        size_t length = strcspn(at, "|");
        if (strlen(text) == length && !strncmp(at, text, length))
            return i;
        if (!at[length])
            return -1;
        at += length + 1;
    }
}

static json_t *convert_choice(const weir_plugin *plugin, const weir_option *row,
                              const json_t *given, weir_error *error)
{
    char right[400] = "one of ";

    if (json_is_string(given) && weir_option_choice(row, json_string_value(given)) >= 0)
        return json_string(json_string_value(given));
    for (size_t i = 0, used = strlen(right); row->text[i] && used < sizeof right - 3; i++) {
        if (row->text[i] == '|')
            right[used++] = ',';
        right[used++] = row->text[i] == '|' ? ' ' : row->text[i];
        right[used] = '\0';
    }
    return refuse(plugin, row, given, right, error);
}

/* "a, b" into ["a", "b"]. */
static json_t *split_words(const char *text)
{
    json_t *words = json_array();

    while (words && *text) {
        size_t length = strcspn(text, ","), start = strspn(text, " "), end = length;
        while (end > start && text[end - 1] == ' ')
            end--;
        if (end > start && json_array_append_new(words, json_stringn(text + start, end - start))) {
            json_decref(words);
            return NULL;
        }
        text += length + (text[length] == ',');
    }
    return words;
}

static json_t *convert_list(const weir_plugin *plugin, const weir_option *row, const json_t *given,
                            weir_error *error)
{
    json_t *words, *item;
    size_t i;

    if (json_is_string(given)) {
        words = split_words(json_string_value(given));
        if (!words)
            weir_error_memory(error, 0, "an option");
        return words;
    }
    if (!json_is_array(given))
        return refuse(plugin, row, given, "a list of words", error);
    json_array_foreach(given, i, item)
    {
        if (!json_is_string(item) || !json_string_length(item))
            return refuse(plugin, row, given, "a list of words", error);
    }
    return json_deep_copy(given);
}

static json_t *convert_path(const weir_plugin *plugin, const weir_option *row, const json_t *given,
                            weir_error *error)
{
    char *path;
    json_t *value;

    if (json_is_null(given))
        return json_null();
    if (!json_is_string(given) || !json_string_length(given))
        return refuse(plugin, row, given, "the path of a file", error);
    path = realpath(json_string_value(given), NULL);
    if (!path || access(path, R_OK)) {
        free(path);
        return refuse(plugin, row, given, "a file that exists and can be read", error);
    }
    value = json_string(path);
    free(path);
    return value ? value : refuse(plugin, row, given, "a path in UTF-8", error);
}

static json_t *convert(const weir_plugin *plugin, const weir_option *row, const json_t *given,
                       weir_error *error)
{
    json_t *value;

    switch (row->kind) {
    case WEIR_OPTION_INT:
        value = convert_int(plugin, row, given, error);
        break;
    case WEIR_OPTION_REAL:
        value = convert_real(plugin, row, given, error);
        break;
    case WEIR_OPTION_BOOL:
        value = convert_bool(plugin, row, given, error);
        break;
    case WEIR_OPTION_CHOICE:
        value = convert_choice(plugin, row, given, error);
        break;
    case WEIR_OPTION_TEXT:
        value = json_is_string(given) ? json_string(json_string_value(given))
                                      : refuse(plugin, row, given, "a text", error);
        break;
    case WEIR_OPTION_LIST:
        value = convert_list(plugin, row, given, error);
        break;
    case WEIR_OPTION_FILE:
    case WEIR_OPTION_TRACE:
        value = convert_path(plugin, row, given, error);
        break;
    default:
        weir_error_set(error, WEIR_EBUG, "option '%s' of %s is of no known kind", row->name,
                       plugin->name);
        return NULL;
    }
    if (!value)
        weir_error_memory(error, 0, "an option");
    return value;
}

json_t *weir_option_default(const weir_option *row)
{
    char first[256];

    switch (row->kind) {
    case WEIR_OPTION_INT:
        return json_integer((json_int_t)row->number);
    case WEIR_OPTION_REAL:
        return json_real(row->number);
    case WEIR_OPTION_BOOL:
        return json_boolean(row->number != 0);
    case WEIR_OPTION_CHOICE:
        snprintf(first, sizeof first, "%.*s", (int)strcspn(row->text, "|"), row->text);
        return json_string(first);
    case WEIR_OPTION_TEXT:
        return json_string(row->text);
    case WEIR_OPTION_LIST:
        return split_words(row->text);
    default:
        return json_null();
    }
}

/* ---- Sets of values ---------------------------------------------------------------------------*/

/* The path that a model was saved with, whether or not a file is there. */
static json_t *keep_path(const weir_plugin *plugin, const weir_option *row, const json_t *saved,
                         weir_error *error)
{
    if (!json_is_null(saved) && !json_is_string(saved))
        return refuse(plugin, row, saved, "the path of a file", error);
    return json_incref((json_t *)(uintptr_t)saved);
}

static int apply(const weir_plugin *plugin, json_t *values, const json_t *given, bool saved,
                 weir_error *error)
{
    const char *name;
    json_t *item;

    json_object_foreach((json_t *)(uintptr_t)given, name, item)
    {
        const weir_option *row = find(plugin, name, false);
        json_t *value;
        if (!strcmp(name, "preset"))
            continue;
        if (!row)
            return unknown(plugin, name, false, error);
        value = saved && (row->kind == WEIR_OPTION_FILE || row->kind == WEIR_OPTION_TRACE)
                    ? keep_path(plugin, row, item, error)
                    : convert(plugin, row, item, error);
        if (!value)
            return error ? (int)error->status : WEIR_EOPTION;
        if (json_object_set_new(values, name, value))
            return weir_error_memory(error, 0, "an option");
    }
    return WEIR_OK;
}

static int apply_preset(const weir_plugin *plugin, json_t *values, const json_t *preset,
                        weir_error *error)
{
    const weir_option *row;
    json_t *settings, *item;
    const char *name;
    void *next;
    int status;

    if (!json_is_string(preset))
        return weir_error_set(error, WEIR_EOPTION, "the preset of %s %s must be a name",
                              weir_kind_name((int)plugin->kind), plugin->name);
    row = find(plugin, json_string_value(preset), true);
    if (!row)
        return unknown(plugin, json_string_value(preset), true, error);
    settings = weir_options_parse(row->text, error);
    if (!settings)
        return WEIR_EOPTION;
    json_object_foreach_safe(settings, next, name, item)
    {
        if (plugin->kind == WEIR_KIND_GENERATOR && !strncmp(name, "encoders.", 9))
            json_object_del(settings, name); /* weir_encoders_resolve's */
    }
    status = apply(plugin, values, settings, false, error);
    json_decref(settings);
    if (status != WEIR_OK)
        weir_error_prefix(error, "preset '%s': ", row->name);
    return status;
}

static json_t *resolve(const weir_plugin *plugin, const json_t *given, bool saved,
                       weir_error *error)
{
    json_t *values = json_object(), *preset = given ? json_object_get(given, "preset") : NULL;
    weir_error local = {0};

    if (!values) {
        weir_error_memory(&local, 0, "options");
        goto failed;
    }
    for (const weir_option *row = plugin->options; row && row->kind != WEIR_OPTION_END; row++)
        if (row->kind != WEIR_OPTION_PRESET &&
            json_object_set_new(values, row->name, weir_option_default(row))) {
            weir_error_memory(&local, 0, "options");
            goto failed;
        }
    if (given && !json_is_object(given) && !(json_is_array(given) && !json_array_size(given))) {
        weir_error_set(&local, WEIR_EOPTION, "the options of %s %s must be names with values",
                       weir_kind_name((int)plugin->kind), plugin->name);
        goto failed;
    }
    if (preset && apply_preset(plugin, values, preset, &local) != WEIR_OK)
        goto failed;
    if (given && json_is_object(given) && apply(plugin, values, given, saved, &local) != WEIR_OK)
        goto failed;
    if (preset && json_object_set(values, "preset", preset)) {
        weir_error_memory(&local, 0, "options");
        goto failed;
    }
    return values;
failed:
    json_decref(values);
    weir_error_set(error, local.status, "%s", local.text);
    return NULL;
}

json_t *weir_options_resolve(const weir_plugin *plugin, const json_t *given, weir_error *error)
{
    return resolve(plugin, given, false, error);
}

json_t *weir_options_restore(const weir_plugin *plugin, const json_t *saved, weir_error *error)
{
    return resolve(plugin, saved, true, error);
}

/* One value of "option=value …" into out (as long as the text at most); returns what follows it. */
static const char *parse_value(const char *at, char *out, weir_error *error)
{
    char quote = *at == '"' || *at == '\'' ? *at++ : '\0';

    while (*at && (quote ? *at != quote : !isspace((unsigned char)*at)))
        *out++ = *at++;
    *out = '\0';
    if (quote && *at != quote) {
        weir_error_set(error, WEIR_EOPTION, "a quote (%c) is not closed", quote);
        return NULL;
    }
    return at + (quote != '\0');
}

json_t *weir_options_parse(const char *text, weir_error *error)
{
    json_t *options = json_object();
    char *value = malloc(strlen(text) + 1), name[64];
    const char *at = text;
    weir_error local = {0};

    if (!options || !value)
        weir_error_memory(&local, strlen(text) + 1, "options");
    while (local.status == WEIR_OK && at) {
        size_t length;
        at += strspn(at, " \t\r\n");
        if (!*at)
            break;
        length = strspn(at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.");
        if (!length || length >= sizeof name || at[length] != '=') {
            weir_error_set(&local, WEIR_EOPTION, "'%.60s' is not 'option=value'", at);
            break;
        }
        memcpy(name, at, length);
        name[length] = '\0';
        at = parse_value(at + length + 1, value, &local);
        if (at && *at && !isspace((unsigned char)*at))
            weir_error_set(&local, WEIR_EOPTION, "option '%s': text after the closing quote", name);
        else if (at && json_object_get(options, name))
            weir_error_set(&local, WEIR_EOPTION, "option '%s' is given twice", name);
        else if (at && json_object_set_new(options, name, json_string(value)))
            weir_error_set(&local, WEIR_EOPTION, "option '%s': its value is not UTF-8", name);
    }
    free(value);
    if (local.status == WEIR_OK)
        return options;
    json_decref(options);
    weir_error_set(error, local.status, "%s", local.text);
    return NULL;
}

/* ---- The table itself -------------------------------------------------------------------------*/

static size_t member_size(weir_option_kind kind)
{
    static const size_t sizes[] = {[WEIR_OPTION_INT] = sizeof(int64_t),
                                   [WEIR_OPTION_REAL] = sizeof(double),
                                   [WEIR_OPTION_BOOL] = sizeof(bool),
                                   [WEIR_OPTION_CHOICE] = sizeof(int),
                                   [WEIR_OPTION_TEXT] = sizeof(const char *),
                                   [WEIR_OPTION_LIST] = sizeof(weir_list),
                                   [WEIR_OPTION_FILE] = sizeof(const char *),
                                   [WEIR_OPTION_TRACE] = sizeof(void *),
                                   [WEIR_OPTION_PRESET] = 0};

    return sizes[kind];
}

/* What is wrong with one row; NULL if nothing is. */
static const char *row_fault(const weir_plugin *plugin, const weir_option *row)
{
    bool bounded = row->kind == WEIR_OPTION_INT || row->kind == WEIR_OPTION_REAL;

    for (size_t i = 0; row->kind != WEIR_OPTION_PRESET && i < RESERVED; i++)
        if (!strcmp(row->name, reserved[i]))
            return "the name is reserved";
    for (const weir_option *other = plugin->options; other < row; other++)
        if (!strcmp(other->name, row->name) &&
            (other->kind == WEIR_OPTION_PRESET) == (row->kind == WEIR_OPTION_PRESET))
            return "the name is used twice";
    if (!row->help || !row->help[0])
        return "it has no help text";
    if (row->offset + member_size(row->kind) > plugin->options_size)
        return "its member lies outside options_size";
    if (bounded && !(isfinite(row->min) && isfinite(row->max) && row->min <= row->max))
        return "its range is empty or not finite";
    if (bounded && !(row->number >= row->min && row->number <= row->max))
        return "its default is outside its range";
    if (row->kind == WEIR_OPTION_INT && row->number != floor(row->number))
        return "its default is not a whole number";
    if ((row->kind == WEIR_OPTION_TEXT || row->kind == WEIR_OPTION_LIST ||
         row->kind == WEIR_OPTION_CHOICE || row->kind == WEIR_OPTION_PRESET) &&
        !row->text)
        return "its text is missing";
    if (row->kind == WEIR_OPTION_CHOICE &&
        (!row->text[0] || strstr(row->text, "||") || row->text[0] == '|' ||
         row->text[strlen(row->text) - 1] == '|' || strlen(row->text) > 250))
        return "its choices are not 'first|second'";
    return NULL;
}

int weir_options_check(const weir_plugin *plugin, weir_error *error)
{
    const char *kind = weir_kind_name((int)plugin->kind);

    for (const weir_option *row = plugin->options; row && row->kind != WEIR_OPTION_END; row++) {
        const char *fault;
        if ((unsigned)row->kind > WEIR_OPTION_PRESET)
            return weir_error_set(error, WEIR_EBUG, "%s %s: an option is of no known kind", kind,
                                  plugin->name);
        if (!is_name(row->name) || strlen(row->name) > 60)
            return weir_error_set(error, WEIR_EBUG, "%s %s: '%s' is no name for an option", kind,
                                  plugin->name, row->name ? row->name : "(null)");
        fault = row_fault(plugin, row);
        if (fault)
            return weir_error_set(error, WEIR_EBUG, "%s %s: option '%s': %s", kind, plugin->name,
                                  row->name, fault);
    }
    for (const weir_option *row = plugin->options; row && row->kind != WEIR_OPTION_END; row++) {
        json_t *given, *values;
        if (row->kind != WEIR_OPTION_PRESET)
            continue;
        given = json_pack("{s:s}", "preset", row->name);
        values = given ? weir_options_resolve(plugin, given, error) : NULL;
        json_decref(given);
        if (!values)
            return given ? WEIR_EBUG : weir_error_memory(error, 0, "a preset");
        json_decref(values);
    }
    return WEIR_OK;
}
