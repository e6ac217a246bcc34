/* Parts of a dataset: splits into train and test, and takes of so many rows a label. */
#include "data/part.h"
#include "data/form.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <weir/random.h>

/* ---- Form ------------------------------------------------------------------------------------ */

static int check_split(const json_t *split, weir_error *error)
{
    static const char *const keys[] = {"by", "test", "seed", "part", NULL};
    double test = json_number_value(json_object_get(split, "test"));
    const json_t *seed = json_object_get(split, "seed");

    if (!json_is_object(split) || !weir_form_keys(split, keys, error))
        return weir_form_bad(error, "split", "a list of { by, test, seed, part }");
    if (!weir_form_one_of(json_object_get(split, "by"), "time", "flow", "label"))
        return weir_form_bad(error, "by", "\"time\", \"flow\" or \"label\"");
    if (!weir_form_one_of(json_object_get(split, "part"), "train", "test", NULL))
        return weir_form_bad(error, "part", "\"train\" or \"test\"");
    if (!(test > 0 && test < 1))
        return weir_form_bad(error, "test", "a share between 0 and 1");
    if (seed && !json_is_integer(seed))
        return weir_form_bad(error, "seed", "an integer");
    return WEIR_OK;
}

static int check_take(const json_t *take, weir_error *error)
{
    static const char *const keys[] = {"per_label", "labels", "seed", "name", NULL};
    const json_t *per_label = json_object_get(take, "per_label"), *label;
    const json_t *labels = json_object_get(take, "labels"), *seed = json_object_get(take, "seed");
    const json_t *name = json_object_get(take, "name");
    const char *key;
    json_t *most;
    size_t i;

    if (!json_is_object(take) || !weir_form_keys(take, keys, error))
        return weir_form_bad(error, "take", "{ per_label, labels, seed, name }");
    if (per_label && !json_is_object(per_label) && !(json_integer_value(per_label) > 0))
        return weir_form_bad(error, "per_label",
                             "an integer above 0, or one for each of some labels");
    json_object_foreach((json_t *)(uintptr_t)per_label, key, most)
    {
        if (!(json_integer_value(most) > 0))
            return weir_form_bad(error, "per_label",
                                 "an integer above 0, or one for each of some labels");
    }
    if (labels && !json_array_size(labels))
        return weir_form_bad(error, "labels", "a list of texts");
    json_array_foreach(labels, i, label)
    {
        if (!json_is_string(label))
            return weir_form_bad(error, "labels", "a list of texts");
    }
    if (seed && !json_is_integer(seed))
        return weir_form_bad(error, "seed", "an integer");
    if (name && !json_is_string(name))
        return weir_form_bad(error, "name", "a text");
    return WEIR_OK;
}

int weir_part_check(const json_t *step, weir_error *error)
{
    static const char *const keys[] = {"take", NULL};

    if (!json_object_get(step, "take"))
        return check_split(step, error);
    return weir_form_keys(step, keys, error) ? check_take(json_object_get(step, "take"), error)
                                             : error->status;
}

/* ---- Train and test -------------------------------------------------------------------------- */

/* Marks the rows of whole flows, drawn at random, until the share is reached. */
static int mark_flows(const weir_dataset *dataset, double share, uint64_t seed, bool *test,
                      weir_error *error)
{
    const weir_flows *flows = weir_dataset_flows(dataset, error);
    double wanted = share * (double)weir_dataset_rows(dataset), taken = 0;
    weir_random random = weir_random_new(seed, "split by flow");
    uint32_t *order;

    if (!flows)
        return error->status;
    order = malloc(((size_t)flows->count + 1) * sizeof *order);
    if (!order)
        return weir_error_memory(error, flows->count * sizeof *order, "a split");
    for (uint32_t i = 0; i < flows->count; i++)
        order[i] = i;
    weir_random_shuffle(&random, order, flows->count);
    for (uint32_t i = 0; i < flows->count && taken < wanted; i++) {
        uint32_t from = flows->offsets[order[i]], until = flows->offsets[order[i] + 1];
        for (uint32_t j = from; j < until; j++)
            test[flows->rows[j]] = true;
        taken += until - from;
    }
    free(order);
    return WEIR_OK;
}

/* Marks the share of each label's rows, drawn at random. */
static int mark_labels(const weir_dataset *dataset, double share, uint64_t seed, bool *test,
                       weir_error *error)
{
    const weir_table *table = weir_dataset_table(dataset);
    const char *column = weir_codes(table, "label") ? "label" : "type";
    const uint32_t *codes = weir_codes(table, column);
    uint32_t n = (uint32_t)weir_table_rows(table), count = weir_category_count(table, column);
    weir_random random = weir_random_new(seed, "split by label");
    uint32_t *rows;

    if (!codes)
        return weir_error_set(error, WEIR_EDATA,
                              "%s: has no labels to split by: split by time or by flow",
                              weir_dataset_name(dataset));
    rows = malloc(((size_t)n + 1) * sizeof *rows);
    if (!rows)
        return weir_error_memory(error, n * sizeof *rows, "a split");
    for (uint32_t code = 0; code < count; code++) {
        uint32_t found = 0, wanted;
        for (uint32_t i = 0; i < n; i++) {
            if (codes[i] == code)
                rows[found++] = i;
        }
        weir_random_shuffle(&random, rows, found);
        wanted = (uint32_t)lround(share * found);
        for (uint32_t i = 0; i < wanted; i++)
            test[rows[i]] = true;
    }
    free(rows);
    return WEIR_OK;
}

static int mark(const weir_dataset *dataset, const json_t *split, bool *test, weir_error *error)
{
    const char *by = json_string_value(json_object_get(split, "by"));
    double share = json_number_value(json_object_get(split, "test"));
    uint64_t seed = (uint64_t)json_integer_value(json_object_get(split, "seed"));
    size_t n = weir_dataset_rows(dataset);

    if (!strcmp(by, "flow") && weir_dataset_schema(dataset) == WEIR_SERIES)
        return mark_labels(dataset, share, seed, test, error); /* a series is a flow of its own */
    if (!strcmp(by, "flow"))
        return mark_flows(dataset, share, seed, test, error);
    if (!strcmp(by, "label"))
        return mark_labels(dataset, share, seed, test, error);
    if (weir_dataset_schema(dataset) == WEIR_SERIES)
        return weir_error_set(error, WEIR_EDATA,
                              "series have no times to split by: split by label");
    for (size_t i = n - (size_t)llround(share * (double)n); i < n; i++)
        test[i] = true;
    return WEIR_OK;
}

/* Counts the labels of which no row is kept, in `absent` of the facts, with their rows in all. */
static int count_absent(const weir_table *table, const bool *keep, json_t *facts, weir_error *error)
{
    const char *column = weir_codes(table, "label") ? "label" : "type";
    const uint32_t *codes = weir_codes(table, column);
    uint32_t count = weir_category_count(table, column);
    struct {
        uint32_t rows, kept;
    } *of = calloc((size_t)count + 1, sizeof *of);
    json_t *found = json_object();
    int bad = !of || !found;

    for (size_t i = 0; !bad && i < weir_table_rows(table); i++) {
        of[codes[i]].rows++;
        of[codes[i]].kept += keep[i];
    }
    for (uint32_t code = 0; !bad && code < count; code++) {
        if (of[code].rows && !of[code].kept)
            bad = json_object_set_new(found, weir_category_text(table, column, code),
                                      json_integer(of[code].rows));
    }
    if (!bad && json_object_size(found))
        bad = json_object_set(facts, "absent", found);
    json_decref(found);
    free(of);
    return bad ? weir_error_memory(error, 0, "a split") : WEIR_OK;
}

/* Marks the rows of a split that belong to its part. */
static int keep_split(const weir_dataset *dataset, const json_t *split, bool *keep, json_t *facts,
                      weir_error *error)
{
    const char *by = json_string_value(json_object_get(split, "by"));
    bool want = !strcmp(json_string_value(json_object_get(split, "part")), "test");
    size_t n = weir_dataset_rows(dataset), kept = 0;
    int status = mark(dataset, split, keep, error);

    for (size_t i = 0; i < n; i++)
        kept += keep[i] = keep[i] == want;
    if (!status && !kept)
        return weir_error_set(error, WEIR_EDATA,
                              "%s: the split by %s leaves no rows for %s (of %zu): too little data",
                              weir_dataset_name(dataset), by, want ? "test" : "train", n);
    if (!status && facts && (!strcmp(by, "label") || weir_dataset_schema(dataset) == WEIR_SERIES))
        status = count_absent(weir_dataset_table(dataset), keep, facts, error);
    return status;
}

/* ---- Takes ----------------------------------------------------------------------------------- */

/* Whether the label is the one asked for or lies below it, as web/http1/search below web/http1. */
static bool lies_in(const char *label, const char *asked)
{
    size_t n = strlen(asked);

    return !strncmp(label, asked, n) && (!label[n] || label[n] == '/');
}

/* Whether there is a label that lies in the one asked for. */
static int find_label(const weir_dataset *dataset, const char *column, const char *asked,
                      weir_error *error)
{
    const weir_table *table = weir_dataset_table(dataset);
    uint32_t count = weir_category_count(table, column);

    for (uint32_t code = 0; code < count; code++)
        if (lies_in(weir_category_text(table, column, code), asked))
            return WEIR_OK;
    return weir_error_set(error, WEIR_EDATA,
                          "%s: no label '%s' to take, nor one below it; there are %u, as '%s'",
                          weir_dataset_name(dataset), asked, count,
                          count ? weir_category_text(table, column, 0) : "");
}

/* What `most`, an object or NULL, says of a label: by the longest path that it lies in, since
 * members have no order. 0: nothing. */
static json_int_t most_of(json_t *most, const char *label)
{
    json_int_t found = 0;
    size_t longest = 0;
    const char *asked;
    json_t *number;

    json_object_foreach(most, asked, number)
    {
        if (!lies_in(label, asked) || (found && strlen(asked) < longest))
            continue;
        longest = strlen(asked);
        found = json_integer_value(number);
    }
    return found;
}

/* limit[code]: how many rows of each label may be taken; UINT32_MAX: all. */
static int ask_labels(const weir_dataset *dataset, const char *column, const json_t *take,
                      uint32_t *limit, weir_error *error)
{
    const weir_table *table = weir_dataset_table(dataset);
    const json_t *labels = json_object_get(take, "labels"), *asked;
    json_t *per_label = json_object_get(take, "per_label"), *number;
    json_t *some = json_is_object(per_label) ? per_label : NULL;
    json_int_t each = json_is_integer(per_label) ? json_integer_value(per_label) : UINT32_MAX;
    const char *label;
    size_t i;

    json_array_foreach(labels, i, asked)
    {
        if (find_label(dataset, column, json_string_value(asked), error))
            return WEIR_EDATA;
    }
    json_object_foreach(some, label, number)
    {
        if (find_label(dataset, column, label, error))
            return WEIR_EDATA;
    }
    for (uint32_t code = 0; code < weir_category_count(table, column); code++) {
        json_int_t most;

        label = weir_category_text(table, column, code);
        most = most_of(some, label);
        if (!most && !labels)
            most = each;
        json_array_foreach(labels, i, asked)
        {
            if (!most && lies_in(label, json_string_value(asked)))
                most = each;
        }
        limit[code] = most < UINT32_MAX ? (uint32_t)most : UINT32_MAX;
    }
    return WEIR_OK;
}

/* Counts the labels that had fewer rows than asked for, in `short` of the facts. */
static int count_short(const weir_table *table, const char *column, const uint32_t *limit,
                       const uint32_t *taken, json_t *facts, weir_error *error)
{
    json_t *found = json_object();
    int bad = !found;

    for (uint32_t code = 0; code < weir_category_count(table, column); code++) {
        if (taken[code] < limit[code] && limit[code] < UINT32_MAX)
            bad |= json_object_set_new(found, weir_category_text(table, column, code),
                                       json_integer(taken[code]));
    }
    if (!bad && json_object_size(found))
        bad = json_object_set(facts, "short", found);
    json_decref(found);
    return bad ? weir_error_memory(error, 0, "a take") : WEIR_OK;
}

/* Marks what is taken: in a random order of all rows, the first so many of each label. */
static int draw(const weir_dataset *dataset, const char *column, const json_t *take,
                const uint32_t *limit, uint32_t *taken, bool *keep, weir_error *error)
{
    const uint32_t *codes = weir_codes(weir_dataset_table(dataset), column);
    const json_t *seed = json_object_get(take, "seed");
    weir_random random = weir_random_new(seed ? (uint64_t)json_integer_value(seed) : 1, "take");
    size_t n = weir_dataset_rows(dataset), kept = 0;
    uint32_t *order = malloc((n + 1) * sizeof *order);

    if (!order)
        return weir_error_memory(error, n * sizeof *order, "a take");
    for (size_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    weir_random_shuffle(&random, order, n);
    for (size_t i = 0; i < n; i++) {
        uint32_t code = codes[order[i]];
        if (taken[code] < limit[code]) {
            taken[code]++;
            keep[order[i]] = true;
            kept++;
        }
    }
    free(order);
    return kept
               ? WEIR_OK
               : weir_error_set(error, WEIR_EDATA, "%s: of the labels to take there is no row here",
                                weir_dataset_name(dataset));
}

static int keep_take(const weir_dataset *dataset, const json_t *take, bool *keep, json_t *facts,
                     weir_error *error)
{
    const weir_table *table = weir_dataset_table(dataset);
    const char *column = weir_codes(table, "label") ? "label" : "type";
    uint32_t *limit, *taken, count;
    int status;

    if (!weir_codes(table, column))
        return weir_error_set(
            error, WEIR_EDATA,
            "%s: has no labels to take by: take{} is for labelled series and flows",
            weir_dataset_name(dataset));
    count = weir_category_count(table, column);
    limit = calloc((size_t)count + 1, 2 * sizeof *limit);
    if (!limit)
        return weir_error_memory(error, 2 * count * sizeof *limit, "a take");
    taken = limit + count;
    status = ask_labels(dataset, column, take, limit, error);
    if (!status)
        status = draw(dataset, column, take, limit, taken, keep, error);
    if (!status && facts)
        status = count_short(table, column, limit, taken, facts, error);
    free(limit);
    return status;
}

/* ---- Steps ----------------------------------------------------------------------------------- */

weir_dataset *weir_part_apply(weir_dataset *dataset, const json_t *step, json_t *facts,
                              weir_error *error)
{
    const json_t *take = json_object_get(step, "take");
    size_t n = weir_dataset_rows(dataset), kept = 0;
    bool *keep = calloc(n + 1, sizeof *keep);
    uint32_t *rows = malloc((n + 1) * sizeof *rows);
    weir_dataset *out = NULL;

    if (!keep || !rows) {
        weir_error_memory(error, n * 5, "a part");
    } else if (!(take ? keep_take(dataset, take, keep, facts, error)
                      : keep_split(dataset, step, keep, facts, error))) {
        for (size_t i = 0; i < n; i++) {
            if (keep[i])
                rows[kept++] = (uint32_t)i;
        }
        out = weir_dataset_select(dataset, rows, kept, error);
    }
    free(keep);
    free(rows);
    weir_dataset_free(dataset);
    return out;
}

/* Of a take: what was left out stands for its default, names do not count. */
static bool same_take(const json_t *a, const json_t *b)
{
    const json_t *labels_a = json_object_get(a, "labels"), *labels_b = json_object_get(b, "labels");
    const json_t *seed_a = json_object_get(a, "seed"), *seed_b = json_object_get(b, "seed");
    const json_t *most_a = json_object_get(a, "per_label");
    const json_t *most_b = json_object_get(b, "per_label");

    return (most_a == most_b || (most_a && most_b && json_equal(most_a, most_b))) &&
           (labels_a == labels_b || (labels_a && labels_b && json_equal(labels_a, labels_b))) &&
           (seed_a ? json_integer_value(seed_a) : 1) == (seed_b ? json_integer_value(seed_b) : 1);
}

bool weir_part_same(const json_t *a, const json_t *b)
{
    const json_t *take = json_object_get(a, "take"), *other = json_object_get(b, "take");
    const char *by = json_string_value(json_object_get(a, "by"));
    const char *other_by = json_string_value(json_object_get(b, "by"));

    if (take || other)
        return take && other && same_take(take, other);
    return by && other_by && !strcmp(by, other_by) &&
           json_number_value(json_object_get(a, "test")) ==
               json_number_value(json_object_get(b, "test")) &&
           (!strcmp(by, "time") || json_integer_value(json_object_get(a, "seed")) ==
                                       json_integer_value(json_object_get(b, "seed")));
}
