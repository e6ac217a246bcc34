/* Numbers of a packet: gaps, lengths and header fields scaled to what the network's outputs reach,
 * and back. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netshare.h"

#define MOST_CLASSES 4096

/* What the schemas' columns are to the network, and the ranges where none are learnt: those that
 * the header allows, but for sizes, which have what is usual. */
static const struct known {
    const char *name;
    weir_type type;
    enum feature_kind kind;
    bool heavy;       /* large support: log(1 + x) */
    double low, high; /* td: s */
} known[] = {
    {"pkt_len", WEIR_U16, FEATURE_NUMBER, false, 20, 1500},
    {"tos", WEIR_U8, FEATURE_NUMBER, false, 0, 255},
    {"id", WEIR_U16, FEATURE_NUMBER, false, 0, 65535},
    {"flag", WEIR_U8, FEATURE_CLASS, false, 0, 3},
    {"off", WEIR_U16, FEATURE_NUMBER, false, 0, 8191},
    {"ttl", WEIR_U8, FEATURE_NUMBER, false, 0, 255},
    {"tcp_flags", WEIR_U8, FEATURE_CLASS, false, 0, 255},
    {"td", WEIR_F64, FEATURE_NUMBER, true, 0, 3600},
    {"pkt", WEIR_U64, FEATURE_NUMBER, true, 0, 1e8},
    {"byt", WEIR_U64, FEATURE_NUMBER, true, 0, 1e11},
    {"label", WEIR_CATEGORY, FEATURE_CLASS, false, 0, 0},
    {"type", WEIR_CATEGORY, FEATURE_CLASS, false, 0, 0},
};

/* Value i as the network counts it: durations in us, which is where their logarithm bends. */
static double value_of(const struct feature *feature, const void *data, size_t i)
{
    if (feature->type == WEIR_F64)
        return ((const double *)data)[i] * 1e6;
    return (double)weir_integer_get(feature->type, data, i);
}

static double bend(const struct feature *feature, double value)
{
    return feature->logarithm ? log1p(value) : value;
}

/* ---- Learning --------------------------------------------------------------------------------*/

static int learn_range(weir_job *job, const weir_dataset *of, struct feature *feature)
{
    const void *data = weir_table_read(weir_dataset_table(of), feature->name, feature->type);
    double low = INFINITY, high = 0;

    if (!data)
        return weir_fail(job, WEIR_EDATA,
                         "the public trace has no column '%s', which the training set has",
                         feature->name);
    for (size_t i = 0; i < weir_dataset_rows(of); i++) {
        double value = value_of(feature, data, i);

        if (!(value >= 0 && value <= DBL_MAX))
            value = 0;
        low = value < low ? value : low;
        high = value > high ? value : high;
    }
    feature->low = bend(feature, low <= high ? low : 0);
    feature->high = bend(feature, high);
    return WEIR_OK;
}

/* Classes of a header's flags: the values that there are, or all; many are learnt by their bits. */
static int learn_values(weir_job *job, const weir_dataset *of, const struct known *like,
                        struct feature *feature)
{
    const uint8_t *data = of ? weir_u8(weir_dataset_table(of), feature->name) : NULL;
    bool there[256] = {false};
    uint32_t count = 0;

    if (of && !data)
        return weir_fail(job, WEIR_EDATA,
                         "the public trace has no column '%s', which the training set has",
                         feature->name);
    for (size_t i = 0; data && i < weir_dataset_rows(of); i++)
        there[data[i]] = true;
    for (uint32_t value = 0; value < 256; value++) {
        if (data ? !there[value] : value > like->high)
            continue;
        if (count < MOST_VALUES)
            feature->values[count] = (uint8_t)value;
        count++;
    }
    feature->width = count <= MOST_VALUES ? count : 8;
    feature->kind = count <= MOST_VALUES ? FEATURE_CLASS : FEATURE_BITS;
    return WEIR_OK;
}

static int learn_classes(weir_job *job, const weir_table *names, struct feature *feature)
{
    feature->width = weir_category_count(names, feature->name);
    if (feature->width < 1 || feature->width > MOST_CLASSES)
        return weir_fail(job, WEIR_EDATA,
                         "column '%s' has %u different texts; netshare learns 1 to %d",
                         feature->name, feature->width, MOST_CLASSES);
    return WEIR_OK;
}

static int add_feature(weir_job *job, const struct options *o, const weir_table *names,
                       const weir_dataset *ranges, const weir_dataset *categories,
                       const struct known *like, struct codec *codec)
{
    struct feature *feature = &codec->features[codec->count++];
    double unit = like->type == WEIR_F64 ? 1e6 : 1;

    *feature = (struct feature){.name = like->name,
                                .kind = like->kind,
                                .type = like->type,
                                .width = 1,
                                .logarithm = like->heavy && o->logarithm};
    feature->low = bend(feature, like->low * unit);
    feature->high = bend(feature, like->high * unit);
    if (like->type == WEIR_CATEGORY)
        return learn_classes(job, names, feature);
    if (like->kind == FEATURE_CLASS)
        return learn_values(job, categories, like, feature);
    return ranges ? learn_range(job, ranges, feature) : WEIR_OK;
}

static void add_segments(struct codec *codec)
{
    codec->width = 0;
    for (uint32_t i = 0; i < codec->count; i++) {
        const struct feature *feature = &codec->features[i];

        codec->segments[i] = (weir_segment){
            .width = feature->width,
            .activation = feature->kind == FEATURE_CLASS ? WEIR_SOFTMAX : WEIR_SIGMOID};
        snprintf(codec->segments[i].name, sizeof codec->segments[i].name, "%s", feature->name);
        codec->width += feature->width;
    }
}

void netshare_scale_gaps(struct codec *codec, double most_gap)
{
    struct feature *gap = &codec->features[0];

    gap->low = 0;
    gap->high = bend(gap, fmax(most_gap, 0) / 1000);
}

int netshare_learn_codec(weir_job *job, const struct options *o, const weir_dataset *train,
                         const weir_dataset *ranges, const weir_dataset *categories,
                         double most_gap, struct codec *codec)
{
    const weir_table *table = weir_dataset_table(train);
    weir_error *error = weir_job_error(job);

    codec->owned = weir_table_select(table, NULL, 0, error);
    if (!codec->owned)
        return error->status;
    codec->names = codec->owned;
    codec->features[codec->count++] = (struct feature){.name = "gap",
                                                       .kind = FEATURE_GAP,
                                                       .type = WEIR_I64,
                                                       .width = 1,
                                                       .logarithm = o->gaps == GAPS_LOG};
    netshare_scale_gaps(codec, most_gap);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const weir_table *names = categories ? weir_dataset_table(categories) : table;

        if (!weir_table_read(table, known[i].name, known[i].type))
            continue;
        if (known[i].type == WEIR_CATEGORY && !weir_table_read(names, known[i].name, WEIR_CATEGORY))
            return weir_fail(job, WEIR_EDATA,
                             "the public trace has no column '%s', which the training set has",
                             known[i].name);
        if (add_feature(job, o, names, ranges, categories, &known[i], codec) != WEIR_OK)
            return weir_job_error(job)->status;
    }
    if (categories && categories != train) { /* its texts only: the others are private */
        weir_table_free(codec->owned);
        codec->names = codec->owned = weir_table_new(weir_table_schema(table), 0, error);
        for (uint32_t i = 1; codec->owned && i < codec->count; i++) {
            const struct feature *feature = &codec->features[i];

            if (weir_table_find(codec->owned, feature->name) < 0 &&
                weir_table_add(codec->owned, feature->name, feature->type, 1, error) != WEIR_OK)
                return error->status;
            for (uint32_t k = 0; feature->type == WEIR_CATEGORY && k < feature->width; k++)
                if (weir_category_add(
                        codec->owned, feature->name,
                        weir_category_text(weir_dataset_table(categories), feature->name, k),
                        error) == UINT32_MAX)
                    return error->status;
        }
        if (!codec->owned)
            return error->status;
    }
    add_segments(codec);
    return WEIR_OK;
}

/* ---- Encoding --------------------------------------------------------------------------------*/

static nn_real scaled(const struct feature *feature, double value, struct bent *bent)
{
    double span = feature->high - feature->low, at;

    if (!(value >= 0 && value <= DBL_MAX)) {
        bent->negative++;
        value = 0;
    }
    at = bend(feature, value) - feature->low;
    if (at < 0 || at > span) {
        bent->outside++;
        at = at < 0 ? 0 : span;
    }
    return (nn_real)(span > 0 ? at / span : 0);
}

/* A class by its place; a text that the codec does not know is all of them alike. */
static void put_class(const struct codec *codec, const struct feature *feature,
                      const weir_table *table, const void *data, uint32_t row, nn_real *out,
                      struct bent *bent)
{
    uint64_t value = weir_integer_get(feature->type, data, row);

    if (feature->type == WEIR_CATEGORY) {
        const char *text = weir_category_text(table, feature->name, (uint32_t)value);

        value = text ? weir_category_code(codec->names, feature->name, text) : UINT32_MAX;
    } else {
        uint32_t place = 0;

        while (place < feature->width && feature->values[place] != value)
            place++;
        value = place;
    }
    if (value < feature->width) {
        out[value] = 1;
        return;
    }
    bent->unseen++;
    for (uint32_t k = 0; k < feature->width; k++)
        out[k] = (nn_real)(1.0 / feature->width);
}

static void put_gaps(const struct codec *codec, const struct chunks *chunks,
                     const struct piece *piece, nn_real *out, struct bent *bent)
{
    const uint32_t *rows = chunks->flows->rows + piece->first;

    for (uint32_t k = piece->continues ? 0 : 1; k < piece->count; k++) {
        int64_t gap = chunks->times[rows[k]] - chunks->times[*(rows + k - 1)];

        out[(size_t)k * codec->width] = scaled(&codec->features[0], (double)gap / 1000, bent);
    }
}

void netshare_encode_piece(const struct codec *codec, const struct chunks *chunks,
                           const struct piece *piece, nn_real *out, struct bent *bent)
{
    const weir_table *table = weir_dataset_table(chunks->data);
    const uint32_t *rows = chunks->flows->rows + piece->first;
    uint32_t at = codec->features[0].width;

    put_gaps(codec, chunks, piece, out, bent);
    for (uint32_t i = 1; i < codec->count; at += codec->features[i].width, i++) {
        const struct feature *feature = &codec->features[i];
        const void *data = weir_table_read(table, feature->name, feature->type);

        for (uint32_t k = 0; data && k < piece->count; k++) {
            nn_real *to = out + (size_t)k * codec->width + at;

            if (feature->kind == FEATURE_CLASS)
                put_class(codec, feature, table, data, rows[k], to, bent);
            else if (feature->kind == FEATURE_NUMBER)
                *to = scaled(feature, value_of(feature, data, rows[k]), bent);
            else
                for (uint32_t bit = 0; bit < feature->width; bit++)
                    to[bit] = (nn_real)(weir_integer_get(feature->type, data, rows[k]) >> bit & 1);
        }
    }
}

/* ---- Decoding --------------------------------------------------------------------------------*/

static double unscaled(const struct feature *feature, nn_real in)
{
    double share = in > 0 ? fmin((double)in, 1) : 0;
    double value = feature->low + share * (feature->high - feature->low);

    return feature->logarithm ? expm1(value) : value;
}

static uint64_t likeliest(const nn_real *in, uint32_t n)
{
    uint32_t best = 0;

    for (uint32_t k = 1; k < n; k++)
        if (in[k] > in[best])
            best = k;
    return best;
}

double netshare_decode_packet(const struct codec *codec, const nn_real *in, weir_table *out,
                              size_t row)
{
    const nn_real *from = in + codec->features[0].width;

    for (uint32_t i = 1; i < codec->count; from += codec->features[i].width, i++) {
        const struct feature *feature = &codec->features[i];
        void *data = weir_table_data(out, feature->name, feature->type);
        uint64_t value = 0;

        if (!data)
            continue;
        if (feature->type == WEIR_F64) {
            ((double *)data)[row] = fmax(unscaled(feature, *from), 0) / 1e6;
            continue;
        }
        if (feature->kind == FEATURE_NUMBER)
            value = (uint64_t)fmin(fmax(rint(unscaled(feature, *from)), 0), 1.8e19);
        else if (feature->kind == FEATURE_CLASS)
            value = likeliest(from, feature->width);
        if (feature->kind == FEATURE_CLASS && feature->type == WEIR_U8)
            value = feature->values[value];
        for (uint32_t bit = 0; feature->kind == FEATURE_BITS && bit < feature->width; bit++)
            value |= (uint64_t)(from[bit] > (nn_real)0.5) << bit;
        weir_integer_put(feature->type, data, row, value);
    }
    return unscaled(&codec->features[0], in[0]) * 1000;
}

/* ---- In a model ------------------------------------------------------------------------------*/

static bool by_values(const struct feature *feature)
{
    return feature->kind == FEATURE_CLASS && feature->type == WEIR_U8;
}

static int get_values(weir_job *job, const weir_archive *from, uint32_t i, struct feature *feature)
{
    uint64_t count = feature->width;
    const uint8_t *values;
    char name[32];

    snprintf(name, sizeof name, "values.%u", i);
    values = count <= MOST_VALUES ? weir_get_array(from, name, WEIR_U8, 1, &count) : NULL;
    if (!values)
        return weir_fail(job, WEIR_EDATA, "'%s': no values of %u classes", name, feature->width);
    memcpy(feature->values, values, count);
    return WEIR_OK;
}

int netshare_put_codec(weir_archive *to, const struct codec *codec)
{
    double numbers[MOST_FEATURES][4];
    const uint64_t shape[] = {codec->count, 4};
    int status = weir_put_table(to, "names", codec->names);

    for (uint32_t i = 0; i < codec->count; i++) {
        const struct feature *feature = &codec->features[i];
        char name[32];

        numbers[i][0] = feature->width;
        numbers[i][1] = feature->kind == FEATURE_BITS ? -1 : feature->logarithm;
        numbers[i][2] = feature->low;
        numbers[i][3] = feature->high;
        snprintf(name, sizeof name, "feature.%u", i);
        if (status == WEIR_OK)
            status = weir_put_text(to, name, feature->name);
        snprintf(name, sizeof name, "values.%u", i);
        if (status == WEIR_OK && by_values(feature))
            status =
                weir_put_array(to, name, WEIR_U8, 1, &(uint64_t){feature->width}, feature->values);
    }
    return status == WEIR_OK ? weir_put_array(to, "features", WEIR_F64, 2, shape, numbers) : status;
}

static int get_feature(weir_job *job, const weir_archive *from, const weir_table *names, uint32_t i,
                       const double *numbers, struct feature *feature)
{
    const struct known *like = NULL;
    char entry[32];
    const char *name;

    snprintf(entry, sizeof entry, "feature.%u", i);
    name = weir_get_text(from, entry);
    if (!name)
        return weir_job_error(job)->status;
    for (size_t k = 0; k < sizeof known / sizeof *known; k++)
        if (strcmp(known[k].name, name) == 0)
            like = &known[k];
    if (i == 0 ? strcmp(name, "gap") != 0
               : !like || !weir_table_read(names, like->name, like->type))
        return weir_fail(job, WEIR_EDATA, "'%s' is '%.40s', which is not learnt", entry, name);
    *feature = (struct feature){
        .name = like ? like->name : "gap",
        .kind = like ? like->kind : FEATURE_GAP,
        .type = like ? like->type : WEIR_I64,
        .width = numbers[0] >= 1 && numbers[0] <= MOST_CLASSES ? (uint32_t)numbers[0] : 0,
        .logarithm = numbers[1] > 0,
        .low = numbers[2],
        .high = numbers[3]};
    if (feature->kind == FEATURE_CLASS && feature->type == WEIR_U8 && numbers[1] < 0)
        feature->kind = FEATURE_BITS;
    if (!feature->width || !(feature->low >= 0 && feature->high >= 0 && feature->high <= 1e300) ||
        (feature->kind == FEATURE_BITS && feature->width != 8) ||
        (feature->type == WEIR_CATEGORY &&
         feature->width != weir_category_count(names, feature->name)) ||
        (feature->kind != FEATURE_BITS && feature->kind != FEATURE_CLASS && feature->width != 1))
        return weir_fail(job, WEIR_EDATA, "'%s' has width %g and range %g to %g", entry, numbers[0],
                         numbers[2], numbers[3]);
    return by_values(feature) ? get_values(job, from, i, feature) : WEIR_OK;
}

int netshare_get_codec(weir_job *job, const weir_archive *from, struct codec *codec)
{
    uint64_t shape[] = {0, 4};
    const double *numbers = weir_get_array(from, "features", WEIR_F64, 2, shape);

    codec->names = weir_get_table(from, "names");
    if (!numbers || !codec->names)
        return weir_job_error(job)->status;
    if (shape[0] < 1 || shape[0] > MOST_FEATURES ||
        !weir_time_column(weir_table_schema(codec->names)))
        return weir_fail(job, WEIR_EDATA, "the model has %llu features",
                         (unsigned long long)shape[0]);
    for (codec->count = 0; codec->count < shape[0]; codec->count++)
        if (get_feature(job, from, codec->names, codec->count, numbers + 4 * codec->count,
                        &codec->features[codec->count]) != WEIR_OK)
            return weir_job_error(job)->status;
    add_segments(codec);
    return WEIR_OK;
}
