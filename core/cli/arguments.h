/* Flags and arguments of the subcommands: one table each, from which come parsing, the nearest name
 * for a flag that does not exist, and --help. */
#ifndef WEIR_CLI_ARGUMENTS_H
#define WEIR_CLI_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum weir_flag_kind {
    WEIR_FLAG_END = 0,
    WEIR_FLAG_SWITCH,  /* bool, set to true */
    WEIR_FLAG_TEXT,    /* const char *, borrowed from argv; the last one stands */
    WEIR_FLAG_LIST,    /* weir_texts: may be given again and again */
    WEIR_FLAG_FOLDERS, /* const char *: all that were given, a colon between two; kept until exit,
                          or until the next parse */
    WEIR_FLAG_COUNT,   /* int64_t, 0 or more */
    WEIR_FLAG_REAL,    /* double, 0 or more */
    WEIR_FLAG_SIZE,    /* uint64_t, bytes: "500000", "512K", "800M", "4G" (powers of 1000) */
    WEIR_FLAG_SECONDS, /* double: "90", "90s", "15m", "2h" */
} weir_flag_kind;

/* Texts of a flag that may be repeated; borrowed from argv. */
#define WEIR_MAX_TEXTS 64
typedef struct weir_texts {
    size_t count;
    const char *items[WEIR_MAX_TEXTS];
} weir_texts;

typedef struct weir_flag {
    weir_flag_kind kind;
    const char *name;     /* "--seed" */
    const char *letter;   /* "-s"; NULL for none */
    void *to;             /* what the kind says; untouched unless the flag is given */
    const char *argument; /* "N" in the help; NULL for a switch */
    const char *help;
} weir_flag;

typedef struct weir_usage {
    const char *command;    /* "trace info" */
    const char *arguments;  /* "FILE…" */
    const char *help;       /* what the command does, one paragraph or more */
    const weir_flag *flags; /* ends with {0}; --help is added */
    int least, most;        /* positional arguments; most -1: any number */
    bool rest;              /* whether "-- ARGS" is allowed */
} weir_usage;

/* What was not a flag, in order, and what came after "--". Borrowed: argv is permuted in place. */
typedef struct weir_arguments {
    int count;
    char **items;
    int rest_count;
    char **rest;
} weir_arguments;

/* Parses argv[1 …]; argv[0] is the subcommand's name. "--flag value", "--flag=value", "-f value";
 * flags and arguments in any order. Returns -1 to go on; else the exit status to leave with: 0
 * after --help (printed to stdout), 2 after an error (one line on stderr). */
int weir_arguments_parse(const weir_usage *usage, int argc, char **argv, weir_arguments *arguments);

#endif
