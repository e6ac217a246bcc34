/* CSV text: a mapped file, its lines and fields. */
#ifndef WEIR_DATA_CSV_H
#define WEIR_DATA_CSV_H

#include "data/read.h"

#define WEIR_CSV_FIELDS 512

typedef struct weir_csv_field {
    const char *text; /* not terminated */
    size_t n;
    bool unquoted; /* lies in the buffer of its line, not in the map */
} weir_csv_field;

typedef struct weir_csv {
    const char *path;
    char *map;
    size_t bytes;
    const char *at, *end; /* what is left */
    const char *begin;    /* of the line at hand */
    uint64_t line;        /* number of the line at hand */
    char separator;
    weir_csv_field fields[WEIR_CSV_FIELDS];
    size_t count;
    char *unquoted; /* fields in quotes with quotes inside, of the line at hand */
    size_t unquoted_size;
} weir_csv;

int weir_csv_open(weir_csv *csv, const char *path, weir_error *error);
void weir_csv_close(weir_csv *csv);
/* The next line that is not empty, cut into fields (RFC 4180): 1, 0 at the end, or a status below 0
 * with "FILE:12: …". */
int weir_csv_next(weir_csv *csv, weir_error *error);
/* Whether a field is this text, case ignored. */
bool weir_csv_is(const weir_csv_field *field, const char *text);
/* "FILE:12: column 'x': 'abc' is not …". */
int weir_csv_fault(const weir_csv *csv, const weir_csv_field *name, const weir_csv_field *field,
                   const char *wanted, weir_error *error);

/* ---- Fields ---------------------------------------------------------------------------------- */

typedef enum weir_verdict {
    WEIR_FINE,
    WEIR_NOT_A_NUMBER,
    WEIR_NOT_WHOLE,
    WEIR_OUT_OF_RANGE
} weir_verdict;

/* A whole number of 0 to limit; "60.0" is one. */
weir_verdict weir_field_unsigned(const weir_csv_field *field, uint64_t limit, uint64_t *value);
/* The same, or with a letter of nfdump's: "1.2 M" is 1200000; K, M, G and T are powers of 1000. */
weir_verdict weir_field_scaled(const weir_csv_field *field, uint64_t limit, uint64_t *value);
/* A protocol by name. */
bool weir_field_protocol(const weir_csv_field *field, uint64_t *value);
/* 10.0.0.1 */
bool weir_field_dotted(const weir_csv_field *field, uint64_t *value);
/* 0 to 3, DF, MF, MF+DF or nothing: bit 0 MF, bit 1 DF. */
bool weir_field_flag(const weir_csv_field *field, uint64_t *value);
/* A text of at most 255 bytes without a zero byte, which ends it in text. */
bool weir_field_copy(const weir_csv_field *field, char text[256]);
/* A time in units of 10^power ns. */
bool weir_field_time(const weir_csv_field *field, int power, int64_t *time);
/* 2019/04/04 16:23:00.325010 as UTC, or epoch seconds. */
bool weir_field_date(const weir_csv_field *field, int64_t *time);
/* Decimal or 0x; 0 where it is missing. */
weir_verdict weir_field_port(const weir_csv_field *field, bool missing, uint64_t *value);

/* Series in the long form series,label,step,CHANNEL…; the header is the line at hand. */
int weir_csv_series(weir_reading *reading, weir_csv *csv, weir_error *error);

#endif
