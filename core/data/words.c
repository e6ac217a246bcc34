/* Words: which values there are, their dictionary, encoding and decoding with it. */
#include "data/words.h"
#include "stats/sort.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct column {
    const char *name;
    weir_type type;
    uint32_t kind;
};

struct weir_words {
    struct column *columns;
    uint32_t count;
    struct dictionary dictionary;
    weir_tally *tally;
};

static const char *kind_of(const char *column)
{
    if (strcmp(column, "srcport") == 0 || strcmp(column, "dstport") == 0)
        return "port";
    return strcmp(column, "srcip") == 0 || strcmp(column, "dstip") == 0 ? "ip" : column;
}

static uint32_t find_kind(const struct dictionary *dictionary, const char *name)
{
    uint32_t kind = 0;

    while (kind < dictionary->kinds && strcmp(dictionary->kind[kind].name, name) != 0)
        kind++;
    return kind;
}

static const char *copy_text(weir_job *job, const char *text)
{
    size_t length = strlen(text) + 1;
    char *copy = weir_alloc(job, length, 1);

    return copy ? memcpy(copy, text, length) : NULL;
}

static bool has_words(weir_type type)
{
    return type == WEIR_U8 || type == WEIR_U16 || type == WEIR_U32;
}

static int choose_columns(weir_job *job, const weir_dataset *train, struct weir_words *self)
{
    const weir_words_options *opt = weir_options(job);

    if (opt->columns.count == 0)
        return weir_fail(job, WEIR_EOPTION, "option 'columns' names no column");
    self->columns = weir_alloc(job, opt->columns.count, sizeof *self->columns);
    if (!self->columns)
        return weir_job_error(job)->status;
    for (size_t i = 0; i < opt->columns.count; i++) {
        struct column *column = &self->columns[i];

        column->name = copy_text(job, opt->columns.items[i]);
        if (!column->name || weir_column_type(job, weir_dataset_table(train), column->name,
                                              &column->type) != WEIR_OK)
            return weir_job_error(job)->status;
        if (!has_words(column->type))
            return weir_fail(job, WEIR_EOPTION,
                             "column '%s' is %s; words are values of u8, u16 and u32", column->name,
                             weir_type_name(column->type));
        self->count++;
    }
    return WEIR_OK;
}

/* Every column's kind, which the dictionary must have, in values that the column can hold. */
static int bind_columns(weir_job *job, struct weir_words *self)
{
    const struct dictionary *dictionary = &self->dictionary;

    for (uint32_t c = 0; c < self->count; c++) {
        struct column *column = &self->columns[c];
        size_t bits = 8 * weir_type_size(column->type);
        uint32_t most;

        column->kind = find_kind(dictionary, kind_of(column->name));
        if (column->kind == dictionary->kinds)
            return weir_fail(job, WEIR_EOPTION, "the dictionary has no words of '%s'",
                             kind_of(column->name));
        most = dictionary->values[dictionary->kind[column->kind].first +
                                  dictionary->kind[column->kind].count - 1];
        if ((uint64_t)most >> bits > 0)
            return weir_fail(job, WEIR_EDATA, "the dictionary has a word %u of '%s', which is %s",
                             most, column->name, weir_type_name(column->type));
    }
    return WEIR_OK;
}

/* ---- The dictionary: learnt -------------------------------------------------------------------*/

struct sentences {
    const void **values;   /* [columns] of the data that is learnt from */
    const uint32_t *first; /* rows; NULL: all of them */
    size_t count;
};

/* Value of column c in sentence s. */
static uint32_t value_at(const struct weir_words *self, const struct sentences *sentences,
                         uint32_t c, size_t s)
{
    return (uint32_t)weir_integer_get(self->columns[c].type, sentences->values[c],
                                      sentences->first ? sentences->first[s] : s);
}

/* The values of a kind in all sentences, sorted; returns how many. codes, scratch: room for all
 * values of all columns. */
static size_t sort_values(const struct weir_words *self, const struct sentences *sentences,
                          uint32_t kind, uint32_t *codes, uint32_t *scratch)
{
    size_t n = 0;

    for (uint32_t c = 0; c < self->count; c++)
        for (size_t s = 0; self->columns[c].kind == kind && s < sentences->count; s++)
            codes[n++] = value_at(self, sentences, c, s);
    weir_sort_codes(codes, scratch, n);
    return n;
}

/* Keeps each of n sorted values that occurs often enough: counts them, and writes them where
 * values is not NULL. */
static uint32_t keep_words(const uint32_t *codes, size_t n, uint64_t least, uint32_t *values,
                           uint64_t *counts)
{
    uint32_t kept = 0;

    for (size_t from = 0, to; from < n; from = to) {
        for (to = from + 1; to < n && codes[to] == codes[from];)
            to++;
        if (to - from < least)
            continue;
        if (values) {
            values[kept] = codes[from];
            counts[kept] = to - from;
        }
        kept++;
    }
    return kept;
}

static int list_words(weir_job *job, struct weir_words *self, const struct sentences *sentences,
                      uint32_t *codes, uint32_t *scratch)
{
    const weir_words_options *opt = weir_options(job);
    struct dictionary *dictionary = &self->dictionary;
    uint64_t least = (uint64_t)opt->min_count, *counts;
    uint32_t *values;

    for (uint32_t k = 0; k < dictionary->kinds; k++) {
        struct word_kind *kind = &dictionary->kind[k];
        size_t n = sort_values(self, sentences, k, codes, scratch);

        kind->first = dictionary->words;
        kind->count = keep_words(codes, n, least, NULL, NULL);
        dictionary->words += kind->count;
        if (kind->count == 0)
            return weir_fail(job, WEIR_EOPTION,
                             "no %s occurs min_count = %" PRIu64 " times; lower it", kind->name,
                             least);
        if (weir_progress(job, k, 2 * (int64_t)dictionary->kinds) != WEIR_OK)
            return WEIR_ECANCEL;
    }
    dictionary->values = values = weir_alloc(job, dictionary->words, sizeof *values);
    dictionary->counts = counts = weir_alloc(job, dictionary->words, sizeof *counts);
    if (!values || !counts)
        return weir_job_error(job)->status;
    for (uint32_t k = 0; k < dictionary->kinds; k++) {
        uint32_t first = dictionary->kind[k].first;
        size_t n = sort_values(self, sentences, k, codes, scratch);

        keep_words(codes, n, least, values + first, counts + first);
    }
    return WEIR_OK;
}

/* The word whose value is nearest; of two the smaller. */
static uint32_t word_of(const struct dictionary *dictionary, uint32_t kind, uint32_t value)
{
    const struct word_kind *of = &dictionary->kind[kind];
    const uint32_t *values = dictionary->values + of->first;
    uint32_t low = 0, high = of->count; /* the first word that is not below value lies in these */

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (values[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == of->count || (low > 0 && values[low] - value >= value - values[low - 1]))
        low--;
    return of->first + low;
}

/* Writes the sentences as words and learns from them. text: room for all of them. */
static int learn_text(weir_job *job, struct weir_words *self, const struct sentences *sentences,
                      bool skip_gram, uint32_t *text)
{
    const weir_words_options *opt = weir_options(job);
    struct dictionary *dictionary = &self->dictionary;
    float *vectors;
    double *loss;
    int status;

    for (uint32_t c = 0; c < self->count; c++)
        for (size_t s = 0; s < sentences->count; s++) {
            uint32_t value = value_at(self, sentences, c, s);
            uint32_t word = word_of(dictionary, self->columns[c].kind, value);

            text[s * self->count + c] = dictionary->values[word] == value ? word : UINT32_MAX;
        }
    dictionary->width = (uint32_t)opt->width;
    dictionary->epochs = (uint32_t)opt->epochs;
    vectors = weir_alloc(job, (size_t)dictionary->words * dictionary->width, sizeof *vectors);
    loss = weir_alloc(job, dictionary->epochs, sizeof *loss);
    dictionary->vectors = vectors;
    dictionary->loss = loss;
    status = vectors && loss ? weir_words_train(job, opt, skip_gram, dictionary, text,
                                                sentences->count, self->count, vectors, loss)
                             : (int)weir_job_error(job)->status;
    if (status == WEIR_OK)
        weir_words_normalise(vectors, dictionary->words, dictionary->width);
    return status;
}

static int open_sentences(weir_job *job, const struct weir_words *self, const weir_dataset *data,
                          bool by_flow, struct sentences *sentences)
{
    const weir_flows *flows;
    uint32_t *first;

    sentences->values = weir_alloc(job, self->count, sizeof *sentences->values);
    for (uint32_t c = 0; sentences->values && c < self->count; c++)
        sentences->values[c] =
            weir_column_in(job, data, self->columns[c].name, self->columns[c].type);
    sentences->count = weir_dataset_rows(data);
    if (weir_job_error(job)->status == WEIR_OK && sentences->count == 0)
        return weir_fail(job, WEIR_EDATA, "there are no rows to learn words from");
    if (weir_job_error(job)->status != WEIR_OK || !by_flow)
        return weir_job_error(job)->status;
    flows = weir_dataset_flows(data, weir_job_error(job));
    first = flows ? weir_alloc(job, flows->count, sizeof *first) : NULL;
    if (!first)
        return weir_job_error(job)->status;
    for (uint32_t f = 0; f < flows->count; f++)
        first[f] = flows->rows[flows->offsets[f]];
    sentences->first = first;
    sentences->count = flows->count;
    return WEIR_OK;
}

static int learn_dictionary(weir_job *job, struct weir_words *self, const weir_dataset *data,
                            unsigned how)
{
    struct dictionary *dictionary = &self->dictionary;
    struct sentences sentences = {0};
    uint32_t *codes, *scratch;
    size_t all;
    int status;

    dictionary->kind = weir_alloc(job, self->count, sizeof *dictionary->kind);
    if (!dictionary->kind ||
        open_sentences(job, self, data, (how & WEIR_WORDS_FLOWS) != 0, &sentences) != WEIR_OK)
        return weir_job_error(job)->status;
    for (uint32_t c = 0; c < self->count; c++) {
        const char *name = kind_of(self->columns[c].name);

        self->columns[c].kind = find_kind(dictionary, name);
        if (self->columns[c].kind == dictionary->kinds)
            dictionary->kind[dictionary->kinds++].name = name;
    }
    all = sentences.count * self->count;
    codes = malloc(all * sizeof *codes);
    scratch = malloc(all * sizeof *scratch);
    if (codes && scratch)
        status = list_words(job, self, &sentences, codes, scratch);
    else
        status = weir_error_memory(weir_job_error(job), 2 * all * sizeof *codes, "sentences");
    if (status == WEIR_OK)
        status = learn_text(job, self, &sentences, (how & WEIR_WORDS_SKIP_GRAM) != 0, codes);
    free(codes);
    free(scratch);
    return status;
}

/* ---- The dictionary: saved and given ----------------------------------------------------------*/

static int save_dictionary(weir_archive *to, const struct dictionary *dictionary)
{
    const uint64_t words = dictionary->words, epochs = dictionary->epochs;
    const uint64_t shape[] = {words, dictionary->width};
    int status = weir_put_number(to, "kinds", dictionary->kinds);

    for (uint32_t k = 0; k < dictionary->kinds && status == WEIR_OK; k++) {
        char name[32];

        snprintf(name, sizeof name, "kind.%u", k);
        status = weir_put_text(to, name, dictionary->kind[k].name);
        snprintf(name, sizeof name, "words.%u", k);
        if (status == WEIR_OK)
            status = weir_put_number(to, name, dictionary->kind[k].count);
    }
    if (status == WEIR_OK)
        status = weir_put_array(to, "values", WEIR_U32, 1, &words, dictionary->values);
    if (status == WEIR_OK)
        status = weir_put_array(to, "counts", WEIR_U64, 1, &words, dictionary->counts);
    if (status == WEIR_OK)
        status = weir_put_array(to, "vectors", WEIR_F32, 2, shape, dictionary->vectors);
    if (status == WEIR_OK)
        status = weir_put_array(to, "loss", WEIR_F64, 1, &epochs, dictionary->loss);
    return status;
}

static int load_kind(weir_job *job, const weir_archive *from, struct dictionary *dictionary,
                     uint32_t k)
{
    struct word_kind *kind = &dictionary->kind[k];
    char name[32];
    double count;

    snprintf(name, sizeof name, "kind.%u", k);
    kind->name = weir_get_text(from, name);
    snprintf(name, sizeof name, "words.%u", k);
    if (!kind->name || weir_get_number(from, name, &count) != WEIR_OK)
        return weir_job_error(job)->status;
    kind->first = k == 0 ? 0 : kind[-1].first + kind[-1].count;
    if (!(count >= 1 && count <= dictionary->words - kind->first))
        return weir_fail(job, WEIR_EDATA, "'%s' is %g, with %u words in all", name, count,
                         dictionary->words);
    kind->count = (uint32_t)count;
    for (uint32_t w = kind->first + 1; w < kind->first + kind->count; w++)
        if (dictionary->values[w] <= dictionary->values[w - 1])
            return weir_fail(job, WEIR_EDATA, "word %u has the value %u, which is out of order", w,
                             dictionary->values[w]);
    return WEIR_OK;
}

static int load_dictionary(weir_job *job, const weir_archive *from, struct dictionary *dictionary)
{
    uint64_t words = 0, epochs = 0, shape[2] = {0, 0};
    double kinds;

    if (weir_get_number(from, "kinds", &kinds) != WEIR_OK)
        return weir_job_error(job)->status;
    dictionary->values = weir_get_array(from, "values", WEIR_U32, 1, &words);
    if (dictionary->values)
        dictionary->counts = weir_get_array(from, "counts", WEIR_U64, 1, &words);
    shape[0] = words;
    if (dictionary->counts)
        dictionary->vectors = weir_get_array(from, "vectors", WEIR_F32, 2, shape);
    if (dictionary->vectors)
        dictionary->loss = weir_get_array(from, "loss", WEIR_F64, 1, &epochs);
    if (!dictionary->loss)
        return weir_job_error(job)->status;
    if (!(kinds >= 1 && kinds <= 65536) || words < 1 || words >= UINT32_MAX || shape[1] < 1 ||
        shape[1] > 1000 || epochs < 1 || epochs > 10000)
        return weir_fail(job, WEIR_EDATA, "it has %g kinds, %" PRIu64 " words, vectors of %" PRIu64,
                         kinds, words, shape[1]);
    for (uint64_t i = 0; i < words * shape[1]; i++)
        if (!(fabsf(dictionary->vectors[i]) <= 2))
            return weir_fail(job, WEIR_EDATA, "the vector of word %" PRIu64 " is not of length 1",
                             i / shape[1]);
    dictionary->kinds = (uint32_t)kinds;
    dictionary->words = (uint32_t)words;
    dictionary->width = (uint32_t)shape[1];
    dictionary->epochs = (uint32_t)epochs;
    dictionary->kind = weir_alloc(job, dictionary->kinds, sizeof *dictionary->kind);
    if (!dictionary->kind)
        return weir_job_error(job)->status;
    for (uint32_t k = 0; k < dictionary->kinds; k++)
        if (load_kind(job, from, dictionary, k) != WEIR_OK)
            return weir_job_error(job)->status;
    return WEIR_OK;
}

/* The dictionary of option `dictionary`. */
static int take_dictionary(weir_job *job, struct weir_words *self, const char *path)
{
    const weir_archive *archive = weir_archive_open(job, path);

    if (!archive || load_dictionary(job, archive, &self->dictionary) != WEIR_OK ||
        bind_columns(job, self) != WEIR_OK)
        weir_error_prefix(weir_job_error(job), "dictionary '%.200s': ", path);
    return weir_job_error(job)->status;
}

/* ---- What encoders call -----------------------------------------------------------------------*/

static struct weir_words *new_words(weir_job *job)
{
    struct weir_words *self = weir_alloc(job, 1, sizeof *self);

    if (self)
        self->tally = weir_alloc(job, 1, sizeof *self->tally);
    return self && self->tally ? self : NULL;
}

int weir_words_fit(weir_job *job, const weir_dataset *train, unsigned how, weir_words **words)
{
    const weir_words_options *opt = weir_options(job);
    struct weir_words *self = *words = new_words(job);
    int status;

    if (!self || choose_columns(job, train, self) != WEIR_OK)
        return weir_job_error(job)->status;
    if (opt->dictionary && opt->public)
        return weir_fail(job, WEIR_EOPTION,
                         "words come from 'dictionary' or from 'public', not from both");
    if (opt->min_alpha > opt->alpha)
        return weir_fail(job, WEIR_EOPTION,
                         "option 'min_alpha' is %g, above 'alpha', %g: the step falls from one to "
                         "the other",
                         opt->min_alpha, opt->alpha);
    if (weir_dataset_rows(train) == 0)
        return weir_fail(job, WEIR_EDATA, "the training set has no rows");
    if (opt->dictionary)
        status = take_dictionary(job, self, opt->dictionary);
    else
        status = learn_dictionary(job, self, opt->public ? opt->public : train, how);
    if (status != WEIR_OK && opt->public)
        weir_error_prefix(weir_job_error(job), "option 'public': ");
    if (status == WEIR_OK)
        status = weir_words_index(job, &self->dictionary);
    for (uint32_t c = 0; c < self->count && status == WEIR_OK; c++)
        status = weir_layout_add(job, self->columns[c].name, self->dictionary.width, WEIR_TANH);
    return status;
}

int weir_words_encode(weir_job *job, const weir_words *words, const weir_dataset *data,
                      const uint32_t *rows, size_t n, float *out)
{
    const struct dictionary *dictionary = &words->dictionary;
    size_t width = dictionary->width;

    for (uint32_t c = 0; c < words->count; c++) {
        const struct column *column = &words->columns[c];
        const void *values = weir_column_in(job, data, column->name, column->type);

        if (!values)
            return weir_job_error(job)->status;
        for (size_t i = 0; i < n; i++) {
            uint32_t value = (uint32_t)weir_integer_get(column->type, values, rows[i]);
            uint32_t word = word_of(dictionary, column->kind, value);

            words->tally->values++;
            words->tally->strange += dictionary->values[word] != value;
            memcpy(out + (i * words->count + c) * width, dictionary->vectors + word * width,
                   width * sizeof *out);
            if (i % 65536 == 65535 && weir_progress(job, (int64_t)i, (int64_t)n) != WEIR_OK)
                return WEIR_ECANCEL;
        }
    }
    weir_tally_tell(job, words->tally, "words",
                    "are not in the dictionary; each has the vector of the nearest number");
    return WEIR_OK;
}

int weir_words_decode(weir_job *job, const weir_words *words, const float *in, size_t n,
                      weir_table *out)
{
    size_t width = words->dictionary.width;
    int status = WEIR_OK;

    for (uint32_t c = 0; c < words->count && status == WEIR_OK; c++) {
        const struct column *column = &words->columns[c];
        void *values = weir_column_out(job, out, column->name, column->type, n);

        if (!values)
            return weir_job_error(job)->status;
        status = weir_words_nearest(job, &words->dictionary, column->kind, in + c * width,
                                    words->count * width, n, column->type, values);
    }
    return status;
}

int weir_words_save(const weir_words *words, weir_archive *to)
{
    int status = weir_put_number(to, "columns", words->count);

    for (uint32_t c = 0; c < words->count && status == WEIR_OK; c++) {
        char name[32];

        snprintf(name, sizeof name, "column.%u", c);
        status = weir_put_text(to, name, words->columns[c].name);
        snprintf(name, sizeof name, "type.%u", c);
        if (status == WEIR_OK)
            status = weir_put_number(to, name, (double)words->columns[c].type);
    }
    return status == WEIR_OK ? save_dictionary(to, &words->dictionary) : status;
}

static int load_columns(weir_job *job, struct weir_words *self, const weir_archive *from)
{
    double count, type;

    if (weir_get_number(from, "columns", &count) != WEIR_OK)
        return weir_job_error(job)->status;
    if (!(count >= 1 && count <= 65536))
        return weir_fail(job, WEIR_EDATA, "%g encoded columns", count);
    self->columns = weir_alloc(job, (size_t)count, sizeof *self->columns);
    if (!self->columns)
        return weir_job_error(job)->status;
    for (; self->count < (uint32_t)count; self->count++) {
        struct column *column = &self->columns[self->count];
        char name[32];

        snprintf(name, sizeof name, "column.%u", self->count);
        column->name = weir_get_text(from, name);
        snprintf(name, sizeof name, "type.%u", self->count);
        if (!column->name || weir_get_number(from, name, &type) != WEIR_OK)
            return weir_job_error(job)->status;
        if (type != WEIR_U8 && type != WEIR_U16 && type != WEIR_U32)
            return weir_fail(job, WEIR_EDATA, "'%s' is %g, not u8, u16 or u32", name, type);
        column->type = (weir_type)type;
    }
    return bind_columns(job, self);
}

int weir_words_load(weir_job *job, weir_words **words, const weir_archive *from)
{
    struct weir_words *self = *words = new_words(job);

    if (!self || load_dictionary(job, from, &self->dictionary) != WEIR_OK ||
        load_columns(job, self, from) != WEIR_OK)
        return weir_job_error(job)->status;
    return weir_words_index(job, &self->dictionary);
}
