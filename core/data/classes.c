/* Classes of flows by packets and by duration: where they part, and shares of them as text. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <weir/sampling.h>
#include <weir/stats.h>

/* The greatest threshold that leaves `share` of the sum of n ascending values at or above it. */
static double threshold(const double *values, size_t n, double share)
{
    double sum = 0, upper = 0;
    size_t at = n;

    for (size_t i = 0; i < n; i++)
        sum += values[i];
    while (at > 0 && upper < share * sum)
        upper += values[--at];
    return values[at < n ? at : n - 1];
}

int weir_classes_learn(const weir_dataset *data, weir_classes *classes, weir_error *error)
{
    const char *column = weir_time_column(weir_dataset_schema(data));
    const int64_t *times = column ? weir_i64(weir_dataset_table(data), column) : NULL;
    const weir_flows *flows = times ? weir_dataset_flows(data, error) : NULL;
    double *values;
    int status = WEIR_OK;

    if (!times)
        return weir_error_set(error, WEIR_EDATA, "series have no flows to part into classes");
    if (!flows)
        return error ? (int)error->status : WEIR_ENOMEM;
    if (flows->count == 0)
        return weir_error_set(error, WEIR_EDATA, "the data has no rows");
    values = malloc(flows->count * sizeof *values);
    if (!values)
        return weir_error_memory(error, flows->count * sizeof *values, "sizes of flows");
    for (uint32_t f = 0; f < flows->count; f++)
        values[f] = flows->offsets[f + 1] - flows->offsets[f];
    status = weir_sort(values, flows->count, error);
    if (status == WEIR_OK)
        classes->packets = (uint64_t)threshold(values, flows->count, 0.8);
    for (uint32_t f = 0; f < flows->count && status == WEIR_OK; f++) {
        const uint32_t *rows = flows->rows + flows->offsets[f];
        uint32_t last = flows->offsets[f + 1] - flows->offsets[f] - 1;

        values[f] = (double)((uint64_t)times[rows[last]] - (uint64_t)times[rows[0]]);
    }
    if (status == WEIR_OK)
        status = weir_sort(values, flows->count, error);
    if (status == WEIR_OK)
        classes->duration = (int64_t)fmin(threshold(values, flows->count, 0.8), 9e18);
    free(values);
    return status;
}

static int bad_shares(const char *text, const char *why, weir_error *error)
{
    return weir_error_set(error, WEIR_EOPTION,
                          "shares of classes '%s': %s; right would be elephants=0.2,long=0.5 (of "
                          "elephants, mice, long, short; each 0 to 1)",
                          text, why);
}

int weir_class_shares(const char *text, double shares[2], weir_error *error)
{
    static const char *const names[] = {"elephants", "mice", "long", "short"};
    double values[4] = {-1, -1, -1, -1};

    shares[0] = shares[1] = -1;
    for (const char *at = text; *at;) {
        size_t length = strcspn(at, "=,");
        char *end = NULL;
        int which = 0;

        while (which < 4 &&
               (strlen(names[which]) != length || strncmp(names[which], at, length) != 0))
            which++;
        if (which == 4 || at[length] != '=')
            return bad_shares(text, which == 4 ? "there is no such class" : "a '=' is missing",
                              error);
        if (values[which] >= 0)
            return bad_shares(text, "a class is named twice", error);
        at += length + 1;
        values[which] = strtod(at, &end);
        if (end == at || (*end && *end != ',') || !(values[which] >= 0 && values[which] <= 1))
            return bad_shares(text, "a share is no number of 0 to 1", error);
        at = *end ? end + 1 : end;
    }
    for (int axis = 0; axis < 2; axis++) {
        const double *of = values + 2 * axis;

        if (of[0] >= 0 && of[1] >= 0 && fabs(of[0] + of[1] - 1) > 1e-6)
            return bad_shares(text, "the two of a kind do not add up to 1", error);
        shares[axis] = of[0] >= 0 ? of[0] : of[1] >= 0 ? 1 - of[1] : -1;
    }
    return WEIR_OK;
}
