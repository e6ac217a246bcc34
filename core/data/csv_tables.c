/* CSV tables of packets and flow records, and the flow tables of Zeek, Argus, CIDDS-001 and TON_IoT
 * through a mapping: which column means what, and every field checked. */
#include "data/csv.h"
#include "data/number.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef enum field_kind {
    TIME,     /* in the file's unit */
    TIME_NS,  /* integer ns */
    DATE,     /* Argus: 2019/04/04 16:23:00.325010, or epoch seconds */
    SECONDS,  /* real */
    ADDRESS,  /* integer or dotted */
    PROTOCOL, /* number or name */
    FLAG,     /* number or DF, MF */
    UNSIGNED, /* in 0 … limit */
    ADDED,    /* unsigned, added to what an earlier column gave */
    SCALED,   /* unsigned, or as nfdump writes large ones: 1.2 M */
    PORT,     /* of flow tables: 0 unless the protocol has ports; may be empty or hexadecimal */
    TEXT
} field_kind;

typedef struct meaning {
    const char *name;   /* in the file */
    const char *column; /* in the table */
    field_kind kind;
    bool optional;
    const char *instead; /* another name that stands for the same */
} meaning;

static const meaning packet_bindings[] = {
    {"srcip", "srcip", ADDRESS, false, NULL},
    {"dstip", "dstip", ADDRESS, false, NULL},
    {"proto", "proto", PROTOCOL, false, NULL},
    {"srcport", "srcport", UNSIGNED, false, NULL},
    {"dstport", "dstport", UNSIGNED, false, NULL},
    {"time", "time", TIME, false, "time_ns"},
    {"pkt_len", "pkt_len", UNSIGNED, false, NULL},
    {"tos", "tos", UNSIGNED, true, NULL},
    {"ttl", "ttl", UNSIGNED, true, NULL},
    {"id", "id", UNSIGNED, true, NULL},
    {"flag", "flag", FLAG, true, NULL},
    {"off", "off", UNSIGNED, true, NULL},
    {"tcp_flags", "tcp_flags", UNSIGNED, true, NULL},
    {NULL, NULL, TIME, false, NULL},
};
static const meaning netflow_bindings[] = {
    {"srcip", "srcip", ADDRESS, false, NULL},
    {"dstip", "dstip", ADDRESS, false, NULL},
    {"proto", "proto", PROTOCOL, false, NULL},
    {"srcport", "srcport", UNSIGNED, false, NULL},
    {"dstport", "dstport", UNSIGNED, false, NULL},
    {"ts", "ts", TIME, false, "ts_ns"},
    {"td", "td", SECONDS, false, NULL},
    {"pkt", "pkt", UNSIGNED, false, NULL},
    {"byt", "byt", UNSIGNED, false, NULL},
    {"label", "label", TEXT, true, NULL},
    {"type", "type", TEXT, true, NULL},
    {NULL, NULL, TIME, false, NULL},
};
/* Zeek's conn table: both directions are one record, so packets and bytes are their sums. */
static const meaning zeek_bindings[] = {
    {"id.orig_h", "srcip", ADDRESS, false, NULL}, {"id.resp_h", "dstip", ADDRESS, false, NULL},
    {"proto", "proto", PROTOCOL, false, NULL},    {"id.orig_p", "srcport", PORT, false, NULL},
    {"id.resp_p", "dstport", PORT, false, NULL},  {"ts", "ts", TIME, false, NULL},
    {"duration", "td", SECONDS, false, NULL},     {"orig_pkts", "pkt", UNSIGNED, false, NULL},
    {"resp_pkts", "pkt", ADDED, false, NULL},     {"orig_ip_bytes", "byt", UNSIGNED, false, NULL},
    {"resp_ip_bytes", "byt", ADDED, false, NULL}, {"label", "label", TEXT, true, NULL},
    {"detailed-label", "type", TEXT, true, NULL}, {NULL, NULL, TIME, false, NULL},
};
static const meaning argus_bindings[] = {
    {"SrcAddr", "srcip", ADDRESS, false, NULL},
    {"DstAddr", "dstip", ADDRESS, false, NULL},
    {"Proto", "proto", PROTOCOL, false, NULL},
    {"Sport", "srcport", PORT, false, NULL},
    {"Dport", "dstport", PORT, false, NULL},
    {"StartTime", "ts", DATE, false, NULL},
    {"Dur", "td", SECONDS, false, NULL},
    {"TotPkts", "pkt", UNSIGNED, false, NULL},
    {"TotBytes", "byt", UNSIGNED, false, NULL},
    {"Label", "label", TEXT, true, NULL},
    {NULL, NULL, TIME, false, NULL},
};

/* CIDDS-001, as nfdump wrote it. */
static const meaning cidds_bindings[] = {
    {"Src IP Addr", "srcip", ADDRESS, false, NULL}, {"Dst IP Addr", "dstip", ADDRESS, false, NULL},
    {"Proto", "proto", PROTOCOL, false, NULL},      {"Src Pt", "srcport", PORT, false, NULL},
    {"Dst Pt", "dstport", PORT, false, NULL},       {"Date first seen", "ts", DATE, false, NULL},
    {"Duration", "td", SECONDS, false, NULL},       {"Packets", "pkt", SCALED, false, NULL},
    {"Bytes", "byt", SCALED, false, NULL},          {"class", "label", TEXT, true, NULL},
    {"attackType", "type", TEXT, true, NULL},       {NULL, NULL, TIME, false, NULL},
};
/* TON_IoT's network tables: Zeek's under other names, with a label of 0 or 1 and an attack. */
static const meaning ton_bindings[] = {
    {"src_ip", "srcip", ADDRESS, false, NULL},   {"dst_ip", "dstip", ADDRESS, false, NULL},
    {"proto", "proto", PROTOCOL, false, NULL},   {"src_port", "srcport", PORT, false, NULL},
    {"dst_port", "dstport", PORT, false, NULL},  {"ts", "ts", TIME, false, NULL},
    {"duration", "td", SECONDS, false, NULL},    {"src_pkts", "pkt", UNSIGNED, false, NULL},
    {"dst_pkts", "pkt", ADDED, false, NULL},     {"src_ip_bytes", "byt", UNSIGNED, false, NULL},
    {"dst_ip_bytes", "byt", ADDED, false, NULL}, {"label", "label", TEXT, true, NULL},
    {"type", "type", TEXT, true, NULL},          {NULL, NULL, TIME, false, NULL},
};

#define MAX_BOUND 16
typedef struct bound {
    const meaning *binding;
    field_kind kind;
    size_t field; /* of the line */
    weir_type type;
    void *to; /* the column */
    uint64_t limit;
    bool filled; /* TEXT: some row has one */
} bound;

typedef struct csv_layout {
    const char *format;
    uint32_t schema;
    const meaning *bindings;
    int power;    /* a time's unit is 10^power ns */
    bool foreign; /* tables of other tools: fields may be missing */
    bool padded;  /* with spaces, as nfdump does */
    bound bound[MAX_BOUND];
    size_t count, fields;
    weir_csv_field names[WEIR_CSV_FIELDS];
    char *header; /* what names point into */
} csv_layout;

/* Zeek writes "-" or nothing, Argus nothing, for what is not known. */
static bool missing(const csv_layout *layout, const weir_csv_field *field)
{
    return layout->foreign && (!field->n || (field->n == 1 && field->text[0] == '-'));
}

/* ---- Rows ------------------------------------------------------------------------------------ */

static int refuse(const weir_csv *csv, const csv_layout *layout, const bound *at,
                  weir_verdict outcome, weir_error *error)
{
    const weir_csv_field *name = &layout->names[at->field], *field = &csv->fields[at->field];
    char range[64];

    if (outcome == WEIR_OUT_OF_RANGE) {
        snprintf(range, sizeof range, "in its range, 0 to %" PRIu64, at->limit);
        return weir_csv_fault(csv, name, field, range, error);
    }
    return weir_csv_fault(csv, name, field,
                          outcome == WEIR_NOT_WHOLE ? "a whole number" : "a number", error);
}

static void store(const bound *at, size_t row, uint64_t value)
{
    switch (at->type) {
    case WEIR_U8:
        ((uint8_t *)at->to)[row] = (uint8_t)value;
        break;
    case WEIR_U16:
        ((uint16_t *)at->to)[row] = (uint16_t)value;
        break;
    case WEIR_U32:
        ((uint32_t *)at->to)[row] = (uint32_t)value;
        break;
    default:
        ((uint64_t *)at->to)[row] = value;
    }
}

static int take_text(weir_reading *reading, bound *at, const char *text, size_t row,
                     weir_error *error)
{
    uint32_t code = weir_category_add(reading->table, at->binding->column, text, error);

    if (code == UINT32_MAX)
        return WEIR_ENOMEM;
    at->filled |= text[0] != 0;
    ((uint32_t *)at->to)[row] = code;
    return WEIR_OK;
}

static weir_csv_field trimmed(weir_csv_field field)
{
    for (; field.n && field.text[0] == ' '; field.n--)
        field.text++;
    while (field.n && field.text[field.n - 1] == ' ')
        field.n--;
    return field;
}

/* One field into its column. 1: the row is not IPv4 and was counted. */
static int take_field(weir_reading *reading, const weir_csv *csv, const csv_layout *layout,
                      bound *at, size_t row, weir_error *error)
{
    weir_csv_field own = layout->padded ? trimmed(csv->fields[at->field]) : csv->fields[at->field];
    const weir_csv_field *field = &own, *name = &layout->names[at->field];
    bool absent = missing(layout, field);
    uint64_t value = 0;
    weir_verdict outcome = WEIR_FINE;
    double real = 0;
    char why[80], text[256];

    switch (at->kind) {
    case TIME:
    case TIME_NS:
        if (!weir_field_time(field, at->kind == TIME ? layout->power : 0,
                             &((int64_t *)at->to)[row]))
            return weir_csv_fault(csv, name, field, "a time (a number, years 1677 to 2262)", error);
        return WEIR_OK;
    case DATE:
        if (!weir_field_date(field, &((int64_t *)at->to)[row]))
            return weir_csv_fault(csv, name, field, "a date (2019/04/04 16:23:00.325) or seconds",
                                  error);
        return WEIR_OK;
    case SECONDS:
        if (!absent && (!weir_real_parse(field->text, field->n, &real) || real < 0))
            return weir_csv_fault(csv, name, field, "a number of seconds, 0 or more", error);
        if (absent)
            weir_count(&reading->notes, "durations that are not given, taken as 0");
        ((double *)at->to)[row] = real;
        return WEIR_OK;
    case ADDRESS:
        if (weir_field_dotted(field, &value))
            break;
        if (field->n && memchr(field->text, ':', field->n)) {
            weir_count(&reading->skipped, "not IPv4: another kind of address");
            return 1;
        }
        if (layout->foreign || weir_field_unsigned(field, UINT32_MAX, &value) != WEIR_FINE) {
            if (layout->foreign && field->n && !memchr(field->text, '.', field->n)) {
                weir_count(&reading->skipped, "not IPv4: no address");
                return 1;
            }
            return weir_csv_fault(csv, name, field, "an IPv4 address (dotted, or an integer)",
                                  error);
        }
        break;
    case PROTOCOL:
        if (weir_field_unsigned(field, UINT8_MAX, &value) == WEIR_FINE ||
            weir_field_protocol(field, &value))
            break;
        if (layout->foreign) {
            snprintf(why, sizeof why, "protocol '%.*s'", (int)(field->n < 32 ? field->n : 32),
                     field->text);
            weir_count(&reading->skipped, why);
            return 1;
        }
        return weir_csv_fault(csv, name, field, "a protocol number (0 to 255) or a name Weir knows",
                              error);
    case FLAG:
        if (!weir_field_flag(field, &value))
            return weir_csv_fault(csv, name, field, "a flag: 0 to 3, DF, MF or nothing", error);
        break;
    case PORT:
        if (weir_has_ports(weir_u8(reading->table, "proto")[row]))
            outcome = weir_field_port(field, absent, &value);
        break;
    case TEXT:
        if (!weir_field_copy(field, text))
            return weir_csv_fault(csv, name, field, "a text of at most 255 bytes", error);
        return take_text(reading, at, text, row, error);
    case SCALED:
        if (!absent)
            outcome = weir_field_scaled(field, at->limit, &value);
        break;
    case UNSIGNED:
    case ADDED:
        if (!absent)
            outcome = weir_field_unsigned(field, at->limit, &value);
        if (at->kind == ADDED && outcome == WEIR_FINE &&
            __builtin_add_overflow(value, ((uint64_t *)at->to)[row], &value))
            outcome = WEIR_OUT_OF_RANGE;
    }
    if (outcome != WEIR_FINE)
        return refuse(csv, layout, at, outcome, error);
    store(at, row, value);
    return WEIR_OK;
}

static int take_row(weir_reading *reading, const weir_csv *csv, csv_layout *layout,
                    weir_error *error)
{
    size_t row = reading->rows;

    reading->records++;
    if (csv->count != layout->fields)
        return weir_error_set(error, WEIR_EDATA,
                              "%s:%" PRIu64 ": %zu fields, but the header names %zu", csv->path,
                              csv->line, csv->count, layout->fields);
    for (size_t i = 0; i < layout->count; i++) {
        int status = take_field(reading, csv, layout, &layout->bound[i], row, error);
        if (status)
            return status > 0 ? WEIR_OK : status;
    }
    reading->rows++;
    return WEIR_OK;
}

/* ---- The header ------------------------------------------------------------------------------ */

static bool named(const weir_csv *csv, const char *name)
{
    for (size_t i = 0; i < csv->count; i++) {
        if (weir_csv_is(&csv->fields[i], name))
            return true;
    }
    return false;
}

static int power_of(weir_time_unit unit)
{
    return unit == WEIR_TIME_S ? 9 : unit == WEIR_TIME_MS ? 6 : unit == WEIR_TIME_NS ? 0 : 3;
}

static bool recognise(const weir_csv *csv, const weir_read_options *options, csv_layout *layout)
{
    layout->schema = WEIR_NETFLOW;
    layout->power = power_of(options->time_unit);
    if (named(csv, "id.orig_h")) {
        layout->format = "zeek conn";
        layout->bindings = zeek_bindings;
        layout->power = 9;
        layout->foreign = true;
    } else if (named(csv, "SrcAddr")) {
        layout->format = "argus";
        layout->bindings = argus_bindings;
        layout->power = 9;
        layout->foreign = true;
    } else if (named(csv, "Src IP Addr")) {
        layout->format = "cidds";
        layout->bindings = cidds_bindings;
        layout->power = 9;
        layout->foreign = layout->padded = true;
    } else if (named(csv, "src_ip_bytes")) {
        layout->format = "ton_iot";
        layout->bindings = ton_bindings;
        layout->power = 9;
        layout->foreign = true;
    } else if (named(csv, "td") || named(csv, "byt") || named(csv, "pkt")) {
        layout->format = "netflow csv";
        layout->bindings = netflow_bindings;
    } else if (named(csv, "pkt_len") || named(csv, "srcip")) {
        layout->format = "packets csv";
        layout->schema = WEIR_PACKETS;
        layout->bindings = packet_bindings;
    } else {
        return false;
    }
    return true;
}

static size_t field_of(const weir_csv *csv, const char *name)
{
    size_t i = 0;

    while (i < csv->count && !weir_csv_is(&csv->fields[i], name))
        i++;
    return i;
}

static int bind(weir_reading *reading, const weir_csv *csv, csv_layout *layout, weir_error *error)
{
    static const uint64_t limits[] = {UINT8_MAX, UINT16_MAX, UINT32_MAX, UINT64_MAX};
    bool used[WEIR_CSV_FIELDS] = {false};

    for (const meaning *b = layout->bindings; b->name; b++) {
        bound *at = &layout->bound[layout->count];
        size_t field = field_of(csv, b->name);

        *at = (bound){.binding = b, .kind = b->kind};
        if (field == csv->count && b->instead) {
            field = field_of(csv, b->instead);
            at->kind = TIME_NS;
        }
        if (field == csv->count && b->optional) {
            weir_reading_absent(reading, b->column);
            continue;
        }
        if (field == csv->count)
            return weir_error_set(error, WEIR_EDATA, "%s:%" PRIu64 ": no column '%s'%s%s%s (%s)",
                                  csv->path, csv->line, b->name, b->instead ? " (or '" : "",
                                  b->instead ? b->instead : "", b->instead ? "')" : "",
                                  layout->format);
        if (at->kind == TIME_NS && reading->options->time_unit != WEIR_TIME_DEFAULT &&
            reading->options->time_unit != WEIR_TIME_NS)
            return weir_error_set(error, WEIR_EOPTION,
                                  "%s:%" PRIu64
                                  ": column '%s' is in ns, another time unit was asked",
                                  csv->path, csv->line, b->instead);
        used[field] = true;
        at->field = field;
        weir_table_column(reading->table, (size_t)weir_table_find(reading->table, b->column),
                          &at->type, NULL);
        at->limit = at->type <= WEIR_U64 ? limits[at->type] : UINT64_MAX;
        if (!strcmp(b->column, "off"))
            at->limit = 8191;
        if (b->kind == TIME || b->kind == DATE)
            json_object_set_new(reading->file, "time_unit",
                                json_string(at->kind == TIME_NS || layout->power == 0 ? "ns"
                                            : layout->power == 9                      ? "s"
                                            : layout->power == 6                      ? "ms"
                                                                                      : "us"));
        layout->count++;
    }
    if (layout->bindings == argus_bindings)
        weir_reading_absent(reading, "type");
    for (size_t i = 0; i < csv->count; i++) {
        const weir_csv_field *field = &csv->fields[i];
        for (size_t k = 0; !used[i] && k < layout->count; k++) {
            const weir_csv_field *taken = &csv->fields[layout->bound[k].field];
            if (field->n == taken->n && !strncasecmp(field->text, taken->text, field->n))
                return weir_error_set(error, WEIR_EDATA,
                                      "%s:%" PRIu64 ": column '%.*s' stands twice", csv->path,
                                      csv->line, (int)taken->n, taken->text);
        }
        if (!used[i])
            json_array_append_new(reading->ignored,
                                  json_stringn(csv->fields[i].text, csv->fields[i].n));
    }
    return WEIR_OK;
}

/* Keeps the header's names, which errors repeat: the file is mapped, but a quoted name may lie in
 * the buffer of its line. */
static int keep_names(const weir_csv *csv, csv_layout *layout, weir_error *error)
{
    size_t bytes = 0;
    char *to;

    for (size_t i = 0; i < csv->count; i++)
        bytes += csv->fields[i].n;
    layout->header = to = malloc(bytes + 1);
    if (!to)
        return weir_error_memory(error, bytes, "a header");
    for (size_t i = 0; i < csv->count; i++) {
        memcpy(to, csv->fields[i].text, csv->fields[i].n);
        layout->names[i] = (weir_csv_field){.text = to, .n = csv->fields[i].n};
        to += csv->fields[i].n;
    }
    layout->fields = csv->count;
    return WEIR_OK;
}

/* The header: the first line, or Zeek's #fields line, whose first word is taken off. */
static int read_header(weir_csv *csv, weir_error *error)
{
    int status = weir_csv_next(csv, error);

    if (status == 1 && csv->fields[0].n && csv->fields[0].text[0] == '#') {
        csv->separator = '\t';
        while (status == 1 && !weir_csv_is(&csv->fields[0], "#fields"))
            status = weir_csv_next(csv, error);
        if (status == 1 && csv->count > 1) {
            csv->count--;
            memmove(csv->fields, csv->fields + 1, csv->count * sizeof csv->fields[0]);
        }
    } else if (status == 1 && csv->count == 1 && csv->fields[0].text == csv->begin &&
               memchr(csv->fields[0].text, '\t', csv->fields[0].n)) {
        csv->separator = '\t';
        csv->at = csv->begin;
        csv->line--;
        status = weir_csv_next(csv, error);
    }
    if (status == 0)
        return weir_error_set(error, WEIR_EDATA, "%s: no header line", csv->path);
    return status < 0 ? status : WEIR_OK;
}

static int read_rows(weir_reading *reading, weir_csv *csv, csv_layout *layout, weir_error *error)
{
    size_t room = 0;
    int status;

    while ((status = weir_csv_next(csv, error)) == 1) {
        if (csv->fields[0].n && csv->fields[0].text[0] == '#' && layout->foreign)
            continue; /* Zeek's #close and repeated headers */
        if (reading->rows == reading->room &&
            (status = weir_reading_grow(reading, reading->room * 2, error)) != 0)
            return status;
        if (room != reading->room) { /* the columns moved */
            room = reading->room;
            for (size_t i = 0; i < layout->count; i++)
                layout->bound[i].to = weir_table_data(
                    reading->table, layout->bound[i].binding->column, layout->bound[i].type);
        }
        if ((status = take_row(reading, csv, layout, error)) != 0)
            return status;
    }
    return status;
}

static int read_table(weir_reading *reading, weir_csv *csv, csv_layout *layout, weir_error *error)
{
    size_t before = reading->rows;
    int status;

    if (!recognise(csv, reading->options, layout))
        return weir_error_set(
            error, WEIR_EDATA,
            "%s:%" PRIu64 ": the header names no packets (time, srcip, dstip, srcport, dstport, "
            "proto, pkt_len), flow records (ts, td, srcip, …, pkt, byt), series (series, label, "
            "step, …), Zeek conn, Argus, CIDDS-001 or TON_IoT table",
            csv->path, csv->line);
    json_object_set_new(reading->file, "format", json_string(layout->format));
    status = weir_reading_schema(reading, layout->schema, NULL, error);
    if (status) {
        weir_error_prefix(error, "%s: ", csv->path);
        return status;
    }
    if ((status = bind(reading, csv, layout, error)) != 0 ||
        (status = keep_names(csv, layout, error)) != 0 ||
        (status = read_rows(reading, csv, layout, error)) != 0)
        return status;
    /* A label column without a label in it is none. */
    for (size_t i = 0; i < layout->count; i++) {
        if (layout->bound[i].kind == TEXT && !layout->bound[i].filled && reading->rows > before)
            weir_reading_absent(reading, layout->bound[i].binding->column);
    }
    return WEIR_OK;
}

int weir_csv_read(weir_reading *reading, const char *path, weir_error *error)
{
    weir_csv *csv = calloc(1, sizeof *csv);
    csv_layout *layout = calloc(1, sizeof *layout);
    int status;

    if (!csv || !layout) {
        status = weir_error_memory(error, sizeof *csv, "reading");
    } else if ((status = weir_csv_open(csv, path, error)) == 0 &&
               (status = read_header(csv, error)) == 0) {
        status = weir_csv_is(&csv->fields[0], "series") ? weir_csv_series(reading, csv, error)
                                                        : read_table(reading, csv, layout, error);
    }
    if (csv)
        weir_csv_close(csv);
    if (layout)
        free(layout->header);
    free(layout);
    free(csv);
    return status;
}
