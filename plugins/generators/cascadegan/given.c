/* Conditions that are given: a table of them, or shares of the classes of flows. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conditions.h"

#define MOST_ROWS 50000000u
/* Draws from which the classes are filled, and how many flows each has at least. */
#define DRAWS 64
#define DRAWN 4096

/* ---- The table -------------------------------------------------------------------------------*/

struct reading {
    weir_job *job;
    const struct cascade_conditions *self;
    const char *path;
    FILE *file;
    char *text; /* the line at hand, cut into fields */
    size_t size;
    uint64_t line;
    int meaning[64]; /* of a field: a condition, or -1 */
    size_t fields;
};

/* The next line that is not empty, without its end: 1, 0 at the end of the file, or a status. */
static int next_line(struct reading *reading)
{
    for (;;) {
        ssize_t got;
        size_t length;

        errno = 0;
        got = getline(&reading->text, &reading->size, reading->file);
        if (got < 0) {
            if (errno == ENOMEM)
                return weir_error_memory(weir_job_error(reading->job), reading->size, "a line");
            if (ferror(reading->file))
                return weir_fail(reading->job, WEIR_EIO, "%s: %s", reading->path, strerror(errno));
            return 0;
        }
        reading->line++;
        if (memchr(reading->text, 0, (size_t)got))
            return weir_fail(reading->job, WEIR_EDATA,
                             "%s:%llu: a byte of 0, which is no text: a CSV is needed",
                             reading->path, (unsigned long long)reading->line);
        length = strcspn(reading->text, "\r\n");
        reading->text[length] = 0;
        if (length)
            return 1;
    }
}

/* Cuts the next field off *at, without blanks around it; NULL behind the last one. */
static char *next_field(char **at)
{
    char *begin = *at, *end;

    if (!begin)
        return NULL;
    end = begin + strcspn(begin, ",");
    *at = *end ? end + 1 : NULL;
    *end = 0;
    begin += strspn(begin, " \t");
    for (end = begin + strlen(begin); end > begin && (end[-1] == ' ' || end[-1] == '\t');)
        *--end = 0;
    return begin;
}

static int read_header(struct reading *reading)
{
    int status = next_line(reading);
    char *at = reading->text, *name;

    if (status > 0 && strncmp(at, "\xef\xbb\xbf", 3) == 0)
        at += 3; /* a byte order mark, as spreadsheets write */
    if (status < 0)
        return status;
    if (status == 0)
        return weir_fail(reading->job, WEIR_EDATA,
                         "%s is empty: it should begin with a line of "
                         "names such as flow_packets,flow_start",
                         reading->path);
    while ((name = next_field(&at))) {
        int c = 0;

        while (c < CONDITIONS && strcmp(cascade_condition[c].column, name) != 0)
            c++;
        if (c == CONDITIONS || reading->fields == 64)
            return weir_fail(reading->job, WEIR_EDATA,
                             "%s:1: column '%.60s' is no condition; there are flow_packets, "
                             "flow_duration, flow_active, flow_peak, flow_mean, flow_deviation, "
                             "flow_gap, flow_start and flow_end",
                             reading->path, name);
        for (size_t i = 0; i < reading->fields; i++)
            if (reading->meaning[i] == c)
                return weir_fail(reading->job, WEIR_EDATA, "%s:1: column '%s' is there twice",
                                 reading->path, name);
        reading->meaning[reading->fields++] = c;
    }
    return WEIR_OK;
}

static int refuse(const struct reading *reading, int c, const char *text, const char *wanted)
{
    return weir_fail(reading->job, WEIR_EDATA, "%s:%llu: column '%s': '%.40s' is not %s",
                     reading->path, (unsigned long long)reading->line, cascade_condition[c].column,
                     text, wanted);
}

static const double least_of[CONDITIONS] = {
    [COND_PACKETS] = 1, [COND_DURATION] = 1, [COND_ACTIVE] = 1, [COND_PEAK] = 1, [COND_MEAN] = 1};

static double most_of(const struct cascade_conditions *self, int c)
{
    if (c == COND_START || c == COND_END)
        return self->length;
    return c == COND_DURATION || c == COND_ACTIVE || c == COND_GAP ? self->steps : 4294967293.0;
}

/* One number; an empty field is not given. */
static int read_number(const struct reading *reading, int c, const char *text, double *x)
{
    const struct cascade_conditions *self = reading->self;
    char range[80], *end;
    double most = most_of(self, c);

    *x = NAN;
    if (!*text)
        return WEIR_OK;
    *x = strtod(text, &end);
    if (*end || !isfinite(*x))
        return refuse(reading, c, text, "a number");
    if (cascade_condition[c].whole && *x != rint(*x))
        return refuse(reading, c, text, "a whole number");
    if (!(*x >= least_of[c] && *x <= most)) {
        snprintf(range, sizeof range, "in its range, %g to %.17g", least_of[c], most);
        return refuse(reading, c, text, range);
    }
    return WEIR_OK;
}

/* What is wrong with the numbers of a row, taken together; NULL if nothing is. */
static const char *fault_of(const double *x)
{
    if (x[COND_END] < x[COND_START])
        return "flow_end is before flow_start";
    if (x[COND_ACTIVE] > x[COND_PACKETS])
        return "flow_active is more than flow_packets: a step that has packets has one at least";
    if (x[COND_ACTIVE] > x[COND_DURATION])
        return "flow_active is more than flow_duration";
    if (x[COND_PEAK] > x[COND_PACKETS])
        return "flow_peak is more than flow_packets";
    if (x[COND_PACKETS] == 1 && (x[COND_DURATION] > 1 || x[COND_END] > x[COND_START]))
        return "a flow of one packet has no duration";
    return NULL;
}

static int check_row(const struct reading *reading, const double *x)
{
    const char *what = fault_of(x);

    if (!what)
        return WEIR_OK;
    return weir_fail(reading->job, WEIR_EDATA, "%s:%llu: %s", reading->path,
                     (unsigned long long)reading->line, what);
}

static int read_row(struct reading *reading, struct cascade_wanted *flow)
{
    char *at = reading->text, *text;
    size_t field = 0;
    int status = WEIR_OK;

    for (int c = 0; c < CONDITIONS; c++)
        flow->x[c] = NAN;
    while (status == WEIR_OK && (text = next_field(&at))) {
        if (field < reading->fields) {
            int c = reading->meaning[field];

            status = read_number(reading, c, text, &flow->x[c]);
        }
        field++;
    }
    if (status == WEIR_OK && field != reading->fields)
        return weir_fail(reading->job, WEIR_EDATA,
                         "%s:%llu: %zu fields, and the first line has %zu", reading->path,
                         (unsigned long long)reading->line, field, reading->fields);
    return status == WEIR_OK ? check_row(reading, flow->x) : status;
}

/* Whether a row lacks what the model is conditioned on, or what places it. */
static bool lacks(const struct cascade_conditions *self, const struct cascade_wanted *flow)
{
    for (int c = 0; c < CONDITIONS; c++)
        if (isnan(flow->x[c]) && self->at[c] >= 0 && c != COND_DURATION && c != COND_MEAN)
            return true;
    return false;
}

static int read_rows(struct reading *reading, struct cascade_wanted **table, size_t *rows)
{
    size_t room = 0;
    int status;

    while ((status = next_line(reading)) > 0) {
        if (*rows == room) {
            struct cascade_wanted *more;

            room = room ? 2 * room : 256;
            more = realloc(*table, room * sizeof *more);
            if (!more)
                return weir_error_memory(weir_job_error(reading->job), room * sizeof *more,
                                         "a table of conditions");
            *table = more;
        }
        status = read_row(reading, &(*table)[*rows]);
        if (status != WEIR_OK)
            return status;
        if (++*rows > MOST_ROWS)
            return weir_fail(reading->job, WEIR_EDATA, "%s has more than %u rows", reading->path,
                             MOST_ROWS);
        if (*rows % 1024 == 0 && weir_progress(reading->job, 0, 0) != WEIR_OK)
            return WEIR_ECANCEL;
    }
    if (status == 0 && *rows == 0)
        return weir_fail(reading->job, WEIR_EDATA, "%s has no row behind its line of names",
                         reading->path);
    return status;
}

int cascade_given_read(weir_job *job, struct cascade_conditions *self, const char *path)
{
    struct reading reading = {.job = job, .self = self, .path = path};
    struct cascade_wanted *table = NULL, *kept;
    size_t rows = 0;
    int status;

    reading.file = fopen(path, "r");
    if (!reading.file)
        return weir_fail(job, WEIR_EIO, "%s: %s", path, strerror(errno));
    status = read_header(&reading);
    if (status == WEIR_OK)
        status = read_rows(&reading, &table, &rows);
    kept = status == WEIR_OK ? weir_alloc(job, rows, sizeof *kept) : NULL;
    if (kept)
        memcpy(kept, table, rows * sizeof *kept);
    self->given = kept;
    self->rows = kept ? rows : 0;
    free(table);
    free(reading.text);
    fclose(reading.file);
    return status == WEIR_OK ? (int)weir_job_error(job)->status : status;
}

bool cascade_given_lacks(const struct cascade_conditions *self)
{
    for (size_t i = 0; i < self->rows; i++)
        if (lacks(self, &self->given[i]))
            return true;
    return false;
}

int cascade_given_check(weir_job *job, const struct cascade_conditions *self)
{
    if (self->given && self->rows == 0)
        return weir_fail(job, WEIR_EDATA, "the model's given conditions have no row");
    for (size_t i = 0; i < self->rows; i++) {
        const double *x = self->given[i].x;
        bool good = !fault_of(x);

        for (int c = 0; c < CONDITIONS; c++)
            good &= isnan(x[c]) || (x[c] >= least_of[c] && x[c] <= most_of(self, c) &&
                                    (!cascade_condition[c].whole || x[c] == rint(x[c])));
        if (!good)
            return weir_fail(job, WEIR_EDATA, "row %zu of the model's given conditions is damaged",
                             i + 1);
    }
    return WEIR_OK;
}

/* ---- Shares of classes -----------------------------------------------------------------------*/

/* The shares of the four classes that are nearest to those drawn and have the wanted shares of
 * elephants and of long flows: iterative proportional fitting. False where there are none. */
static bool fit_shares(const double wanted[2], double shares[WEIR_CLASSES])
{
    for (int round = 0; round < 200; round++)
        for (uint32_t axis = 0; axis < 2; axis++) {
            uint32_t flag = axis == 0 ? WEIR_ELEPHANT : WEIR_LONG;
            double has[2] = {0, 0}, asked[2] = {1 - wanted[axis], wanted[axis]};

            if (wanted[axis] < 0)
                continue;
            for (uint32_t k = 0; k < WEIR_CLASSES; k++)
                has[(k & flag) != 0] += shares[k];
            for (int side = 0; side < 2; side++)
                if (asked[side] > 0 && !(has[side] > 1e-12))
                    return false;
            for (uint32_t k = 0; k < WEIR_CLASSES; k++) {
                int side = (k & flag) != 0;

                shares[k] = has[side] > 0 ? shares[k] * asked[side] / has[side] : 0;
            }
        }
    return true;
}

/* n parted by shares, to the nearest: the largest remainders get what is left. */
static void part(size_t n, const double shares[WEIR_CLASSES], size_t counts[WEIR_CLASSES])
{
    double rest[WEIR_CLASSES], sum = 0;
    size_t left = n;

    for (uint32_t k = 0; k < WEIR_CLASSES; k++)
        sum += shares[k];
    for (uint32_t k = 0; k < WEIR_CLASSES; k++) {
        double exact = (double)n * shares[k] / sum;

        counts[k] = (size_t)floor(exact);
        counts[k] = counts[k] < left ? counts[k] : left;
        rest[k] = exact - floor(exact);
        left -= counts[k];
    }
    for (; left > 0; left--) {
        uint32_t most = 0;

        for (uint32_t k = 1; k < WEIR_CLASSES; k++)
            most = rest[k] > rest[most] ? k : most;
        counts[most]++;
        rest[most] -= 1;
    }
}

static uint32_t class_of(const struct cascade_conditions *self, const struct cascade_wanted *flow)
{
    return weir_class_of(&self->classes, flow->x[COND_PACKETS],
                         flow->x[COND_END] - flow->x[COND_START]);
}

static int not_drawn(const struct cascade_source *source, const size_t left[WEIR_CLASSES])
{
    static const char *const names[WEIR_CLASSES] = {"short mice", "short elephants", "long mice",
                                                    "long elephants"};
    uint32_t k = 0;

    while (k + 1 < WEIR_CLASSES && left[k] == 0)
        k++;
    return weir_fail(source->job, WEIR_EOPTION,
                     "weights '%s' cannot be followed: hardly any of the flows that are drawn are "
                     "%s (elephants: %llu packets or more, long: %.6g s or more)",
                     source->model->options->weights, names[k],
                     (unsigned long long)source->self->classes.packets,
                     1e-9 * (double)source->self->classes.duration);
}

int cascade_weighted(struct cascade_source *source, size_t n, struct cascade_wanted *flows,
                     int (*make)(struct cascade_source *, size_t, struct cascade_wanted *))
{
    size_t pool = n > DRAWN ? n : DRAWN, left[WEIR_CLASSES] = {0}, got = 0;
    struct cascade_wanted *drawn = malloc(pool * sizeof *drawn);
    double shares[WEIR_CLASSES] = {0};
    int status = WEIR_OK;

    if (!drawn)
        return weir_error_memory(weir_job_error(source->job), pool * sizeof *drawn, "conditions");
    for (int round = 0; round < DRAWS && got < n && status == WEIR_OK; round++) {
        status = make(source, pool, drawn);
        for (size_t i = 0; i < pool && round == 0 && status == WEIR_OK; i++)
            shares[class_of(source->self, &drawn[i])] += 1 / (double)pool;
        if (round == 0 && status == WEIR_OK) {
            size_t wanted[WEIR_CLASSES] = {0};

            for (uint32_t k = 0; k < WEIR_CLASSES; k++)
                wanted[k] = shares[k] > 0 ? 0 : 1;
            if (!fit_shares(source->shares, shares)) {
                status = not_drawn(source, wanted);
                break;
            }
            part(n, shares, left);
        }
        for (size_t i = 0; i < pool && got < n && status == WEIR_OK; i++) {
            uint32_t class = class_of(source->self, &drawn[i]);

            if (left[class] == 0)
                continue;
            left[class]--;
            flows[got++] = drawn[i];
        }
    }
    free(drawn);
    return status == WEIR_OK && got < n ? not_drawn(source, left) : status;
}
