/* Parsing of a subcommand's flags and arguments, and its --help. */
#include "cli/arguments.h"
#include "cli/command.h"
#include "plugin/numbers.h"
#include "plugin/options.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void print_help(const weir_usage *usage)
{
    printf("usage: weir %s %s\n\n%s\n", usage->command, usage->arguments, usage->help);
    for (const weir_flag *flag = usage->flags; flag->kind != WEIR_FLAG_END; flag++) {
        char left[64];
        snprintf(left, sizeof left, "%s%s%s%s%s", flag->letter ? flag->letter : "",
                 flag->letter ? ", " : "", flag->name, flag->argument ? " " : "",
                 flag->argument ? flag->argument : "");
        printf("%s  %-28s %s\n", flag == usage->flags ? "\n" : "", left, flag->help);
    }
}

/* A number with a suffix out of suffixes, each worth its factor. */
static bool read_scaled(const char *text, const char *suffixes, const double *factors,
                        double *value)
{
    char digits[64];
    size_t length = strlen(text);
    const char *suffix = length ? strchr(suffixes, text[length - 1]) : NULL;

    if (length == 0 || length >= sizeof digits)
        return false;
    memcpy(digits, text, length + 1);
    if (suffix)
        digits[length - 1] = '\0';
    if (!weir_number_real(digits, value) || *value < 0)
        return false;
    *value *= suffix ? factors[suffix - suffixes] : 1;
    return true;
}

static char *folders; /* of the one such flag that a command has */

static const char *add_folder(const char *text)
{
    size_t before = folders ? strlen(folders) : 0, length = strlen(text);
    char *more = realloc(folders, before + length + 2);

    if (!more)
        return NULL;
    if (before)
        more[before++] = ':';
    memcpy(more + before, text, length + 1);
    return folders = more;
}

/* Stores the text of a flag; NULL, or what would be right. */
static const char *store(const weir_flag *flag, const char *text)
{
    static const double sizes[] = {1e3, 1e6, 1e9, 1e12};
    static const double times[] = {1, 60, 3600};
    weir_texts *texts;
    int64_t count;
    double real;

    switch (flag->kind) {
    case WEIR_FLAG_TEXT:
        *(const char **)flag->to = text;
        return *text ? NULL : "a text that is not empty";
    case WEIR_FLAG_LIST:
        texts = flag->to;
        if (texts->count == WEIR_MAX_TEXTS)
            return "given 64 times at most";
        texts->items[texts->count++] = text;
        return NULL;
    case WEIR_FLAG_FOLDERS:
        if (!*text)
            return "a text that is not empty";
        *(const char **)flag->to = text = add_folder(text);
        return text ? NULL : "shorter: there is no memory";
    case WEIR_FLAG_COUNT:
        if (!weir_number_int(text, &count) || count < 0)
            return "a whole number, 0 or more";
        *(int64_t *)flag->to = count;
        return NULL;
    case WEIR_FLAG_REAL:
        if (!weir_number_real(text, &real) || real < 0)
            return "a number, 0 or more";
        *(double *)flag->to = real;
        return NULL;
    case WEIR_FLAG_SIZE:
        if (!read_scaled(text, "KMGT", sizes, &real) || real >= 0x1p63)
            return "a number of bytes such as 500000, 800M or 4G";
        *(uint64_t *)flag->to = (uint64_t)real;
        return NULL;
    case WEIR_FLAG_SECONDS:
        if (!read_scaled(text, "smh", times, &real))
            return "a time such as 90, 90s, 15m or 2h";
        *(double *)flag->to = real;
        return NULL;
    default:
        return "a known kind of flag";
    }
}

static const weir_flag *find(const weir_usage *usage, const char *text, size_t length)
{
    for (const weir_flag *flag = usage->flags; flag->kind != WEIR_FLAG_END; flag++)
        if ((strlen(flag->name) == length && !strncmp(flag->name, text, length)) ||
            (flag->letter && strlen(flag->letter) == length &&
             !strncmp(flag->letter, text, length)))
            return flag;
    return NULL;
}

static int unknown(const weir_usage *usage, const char *text, size_t length)
{
    const char *names[64], *near;
    char word[64];
    size_t n = 0;

    snprintf(word, sizeof word, "%.*s", (int)length, text);
    for (const weir_flag *flag = usage->flags; flag->kind != WEIR_FLAG_END && n < 63; flag++)
        names[n++] = flag->name;
    names[n++] = "--help";
    near = weir_nearest(word, names, n);
    return weir_usage_error(usage->command, "unknown flag '%s'%s%s%s (--help lists them%s)", word,
                            near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "",
                            usage->rest ? "; the script's own stand behind --" : "");
}

/* One flag at argv[*at]; moves *at past its value. -1 to go on. */
static int parse_flag(const weir_usage *usage, int argc, char **argv, int *at)
{
    const char *text = argv[*at], *equals = strchr(text, '='), *value, *right;
    size_t length = equals && text[1] == '-' ? (size_t)(equals - text) : strlen(text);
    const weir_flag *flag = find(usage, text, length);

    if (!flag)
        return unknown(usage, text, length);
    if (flag->kind == WEIR_FLAG_SWITCH) {
        if (text[length] == '=')
            return weir_usage_error(usage->command, "%s takes no value", flag->name);
        *(bool *)flag->to = true;
        return -1;
    }
    if (text[length] == '=')
        value = text + length + 1;
    else if (*at + 1 < argc)
        value = argv[++*at];
    else
        return weir_usage_error(usage->command, "%s needs a value (%s)", flag->name,
                                flag->argument);
    right = store(flag, value);
    if (right)
        return weir_usage_error(usage->command, "%s is '%s', must be %s", flag->name, value, right);
    return -1;
}

int weir_arguments_parse(const weir_usage *usage, int argc, char **argv, weir_arguments *arguments)
{
    int at, status;

    free(folders);
    folders = NULL;
    *arguments = (weir_arguments){.items = argv + 1};
    for (at = 1; at < argc; at++) {
        if (!strcmp(argv[at], "--help") || !strcmp(argv[at], "-h")) {
            print_help(usage);
            return 0;
        }
        if (!strcmp(argv[at], "--")) {
            if (!usage->rest)
                return weir_usage_error(usage->command, "nothing may follow '--' here");
            arguments->rest = argv + at + 1;
            arguments->rest_count = argc - at - 1;
            break;
        }
        if (argv[at][0] != '-' || !argv[at][1]) {
            arguments->items[arguments->count++] = argv[at];
            continue;
        }
        status = parse_flag(usage, argc, argv, &at);
        if (status >= 0)
            return status;
    }
    if (arguments->count < usage->least)
        return weir_usage_error(usage->command, "something is missing; usage: weir %s %s",
                                usage->command, usage->arguments);
    if (usage->most >= 0 && arguments->count > usage->most)
        return weir_usage_error(usage->command, "'%s' is one argument too many; usage: weir %s %s",
                                arguments->items[usage->most], usage->command, usage->arguments);
    return -1;
}
