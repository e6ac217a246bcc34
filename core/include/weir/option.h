/* Option tables: one row names a struct member, its kind, default, range and help. The compiler
 * checks that the member has the row's C type, so an option's name and its member cannot drift
 * apart. */
#ifndef WEIR_OPTION_H
#define WEIR_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weir/dataset.h>

typedef enum weir_option_kind {
    WEIR_OPTION_END = 0,
    WEIR_OPTION_INT,    /* int64_t in [min, max] */
    WEIR_OPTION_REAL,   /* double, finite, in [min, max] */
    WEIR_OPTION_BOOL,   /* bool */
    WEIR_OPTION_CHOICE, /* int: index into the choices */
    WEIR_OPTION_TEXT,   /* const char *, never NULL */
    WEIR_OPTION_LIST,   /* weir_list of words */
    WEIR_OPTION_FILE,   /* const char *: a path, NULL if unset; its contents are part of a result's
                           key. To be read in fit: where a saved model is loaded it may be gone */
    WEIR_OPTION_TRACE,  /* const weir_dataset *: read by the core before fit, NULL if unset, and
                           where a saved model is loaded */
    WEIR_OPTION_PRESET  /* no member: a named set of "option=value …" */
} weir_option_kind;

typedef struct weir_list {
    size_t count;
    const char *const *items;
} weir_list;

typedef struct weir_option {
    weir_option_kind kind;
    const char *name;
    size_t offset; /* of the member */
    double number; /* default of INT, REAL, BOOL */
    double min, max;
    const char *text; /* default of TEXT, LIST ("a,b"), FILE, TRACE; "first|second" of CHOICE (first
                         is the default); "option=value …" of PRESET */
    const char *help;
} weir_option;

/* clang-format off */
#define WEIR_MEMBER(T, member, c_type) _Generic(((T *)0)->member, c_type: offsetof(T, member))
#define WEIR_INT(T, member, value, low, high, help) \
    {WEIR_OPTION_INT, #member, WEIR_MEMBER(T, member, int64_t), value, low, high, NULL, help}
#define WEIR_REAL(T, member, value, low, high, help) \
    {WEIR_OPTION_REAL, #member, WEIR_MEMBER(T, member, double), value, low, high, NULL, help}
#define WEIR_BOOL(T, member, value, help) \
    {WEIR_OPTION_BOOL, #member, WEIR_MEMBER(T, member, bool), value, 0, 1, NULL, help}
#define WEIR_CHOICE(T, member, choices, help) \
    {WEIR_OPTION_CHOICE, #member, WEIR_MEMBER(T, member, int), 0, 0, 0, choices, help}
#define WEIR_TEXT(T, member, value, help) \
    {WEIR_OPTION_TEXT, #member, WEIR_MEMBER(T, member, const char *), 0, 0, 0, value, help}
#define WEIR_LIST(T, member, value, help) \
    {WEIR_OPTION_LIST, #member, WEIR_MEMBER(T, member, weir_list), 0, 0, 0, value, help}
#define WEIR_FILE(T, member, help) \
    {WEIR_OPTION_FILE, #member, WEIR_MEMBER(T, member, const char *), 0, 0, 0, NULL, help}
#define WEIR_TRACE(T, member, help) \
    {WEIR_OPTION_TRACE, #member, WEIR_MEMBER(T, member, const weir_dataset *), 0, 0, 0, NULL, help}
#define WEIR_PRESET(name, settings, help) \
    {WEIR_OPTION_PRESET, name, 0, 0, 0, 0, settings, help}
#define WEIR_END \
    {WEIR_OPTION_END, NULL, 0, 0, 0, 0, NULL, NULL}
/* clang-format on */

#endif
