/* Small datasets of labelled series for tests of metrics. */
#ifndef WEIR_TESTS_SERIES_H
#define WEIR_TESTS_SERIES_H

#include "unit/metric.h"

/* n series of one shape, all of full length, with the labels "a", "b", … in turn. The caller fills
 * in `values` (series_values) and frees the dataset. */
static inline weir_dataset *series_new(size_t n, uint32_t steps, uint32_t channels, size_t labels)
{
    weir_series_shape shape = {.steps = steps, .channels = channels};
    weir_error error = {0};
    weir_table *table;
    weir_dataset *data;

    for (uint32_t c = 0; c < channels; c++)
        snprintf(shape.names[c], sizeof shape.names[c], "c%u", c);
    table = weir_table_new_series(&shape, n, &error);
    assert_non_null(table);
    for (size_t i = 0; i < n; i++) {
        const char label[] = {(char)('a' + (int)(i % labels)), '\0'};

        weir_codes_out(table, "label")[i] = weir_category_add(table, "label", label, &error);
        weir_u32_out(table, "length")[i] = steps;
    }
    data = weir_dataset_new(table, &error);
    if (!data)
        fail_msg("%s", error.text);
    return data;
}

/* [n][steps][channels]; a dataset does not change its series, so that a test may. */
static inline float *series_values(const weir_dataset *data)
{
    return (float *)(uintptr_t)weir_f32(weir_dataset_table(data), "values");
}

static inline uint32_t *series_lengths(const weir_dataset *data)
{
    return (uint32_t *)(uintptr_t)weir_u32(weir_dataset_table(data), "length");
}

/* Of golden series { label, length, values [length][channels] }. */
static inline weir_dataset *series_golden(const json_t *list, uint32_t steps, uint32_t channels)
{
    weir_series_shape shape = {.steps = steps, .channels = channels};
    weir_error error = {0};
    weir_table *table;
    weir_dataset *data;
    const json_t *series;
    size_t row;

    for (uint32_t c = 0; c < channels; c++)
        snprintf(shape.names[c], sizeof shape.names[c], "c%u", c);
    table = weir_table_new_series(&shape, json_array_size(list), &error);
    assert_non_null(table);
    json_array_foreach((json_t *)(uintptr_t)list, row, series)
    {
        const json_t *values = golden_list(series, "values");
        float *to = weir_f32_out(table, "values") + row * steps * channels;

        weir_u32_out(table, "length")[row] = (uint32_t)golden_number(series, "length");
        weir_codes_out(table, "label")[row] = weir_category_add(
            table, "label", json_string_value(json_object_get(series, "label")), &error);
        for (size_t i = 0; i < json_array_size(values) * channels; i++)
            to[i] = (float)json_number_value(
                json_array_get(json_array_get(values, i / channels), i % channels));
    }
    data = weir_dataset_new(table, &error);
    if (!data)
        fail_msg("%s", error.text);
    return data;
}

/* The row of a feature in a variant. */
static inline const json_t *series_row(const json_t *rows, const char *feature, const char *variant)
{
    const json_t *row;
    size_t at;

    json_array_foreach((json_t *)(uintptr_t)rows, at, row)
    {
        if (!strcmp(json_string_value(json_object_get(row, "feature")), feature) &&
            !strcmp(json_string_value(json_object_get(row, "variant")), variant))
            return row;
    }
    fail_msg("no score of %s in variant '%s'", feature, variant);
    return NULL;
}

static inline double series_score(const json_t *rows, const char *feature, const char *variant)
{
    const json_t *row = series_row(rows, feature, variant);

    if (strcmp(json_string_value(json_object_get(row, "status")), "ok"))
        fail_msg("%s is n/a: %s", feature, json_string_value(json_object_get(row, "reason")));
    return golden_number(row, "value");
}

#endif
