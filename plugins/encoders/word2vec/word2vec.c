/* word2vec: ports and protocols as vectors, near where they occur together. */
#include "word2vec.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const weir_option options[] = {
    WEIR_LIST(struct options, columns, "srcport,dstport,proto",
              "u8 and u16 columns to encode: the words of a sentence, in this order"),
    WEIR_CHOICE(struct options, sentences, "rows|flows",
                "a sentence is a row, or the first row of a flow"),
    WEIR_INT(struct options, width, 10, 1, 1000, "values of a vector"),
    WEIR_INT(struct options, window, 5, 1, 100,
             "words on either side that are its context, at most"),
    WEIR_INT(struct options, min_count, 1, 1, 1000000, "rarer words are not learnt"),
    WEIR_INT(struct options, negative, 5, 1, 100, "words drawn against each that is there"),
    WEIR_INT(struct options, epochs, 5, 1, 10000, "passes over the sentences"),
    WEIR_REAL(struct options, alpha, 0.025, 1e-6, 10, "step size at the beginning"),
    WEIR_REAL(struct options, min_alpha, 0.0001, 0, 10, "step size at the end"),
    WEIR_REAL(struct options, subsample, 1e-3, 0, 1,
              "words of a greater share are left out at random; 0: none are"),
    WEIR_REAL(struct options, exponent, 0.75, -10, 10, "draws go by this power of a word's count"),
    WEIR_FILE(struct options, dictionary,
              "arrays.safetensors of a saved word2vec: its words are taken, none are learnt"),
    WEIR_END};

struct column {
    const char *name;
    weir_type type;
    uint32_t kind;
};

/* Values that had no word so far: what encode counts. */
struct tally {
    uint64_t values, unseen, told;
};

struct state {
    struct column *columns;
    uint32_t count;
    struct dictionary dictionary;
    struct tally *tally;
};

static const char *kind_of(const char *column)
{
    return strcmp(column, "srcport") == 0 || strcmp(column, "dstport") == 0 ? "port" : column;
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

static int choose_columns(weir_job *job, const weir_dataset *train, struct state *self)
{
    const struct options *opt = weir_options(job);

    if (opt->columns.count == 0)
        return weir_fail(job, WEIR_EOPTION, "option 'columns' names no column");
    self->columns = weir_alloc(job, opt->columns.count, sizeof *self->columns);
    self->tally = weir_alloc(job, 1, sizeof *self->tally);
    if (!self->columns || !self->tally)
        return weir_job_error(job)->status;
    for (size_t i = 0; i < opt->columns.count; i++) {
        struct column *column = &self->columns[i];

        column->name = copy_text(job, opt->columns.items[i]);
        if (!column->name || weir_column_type(job, weir_dataset_table(train), column->name,
                                              &column->type) != WEIR_OK)
            return weir_job_error(job)->status;
        if (column->type != WEIR_U8 && column->type != WEIR_U16)
            return weir_fail(job, WEIR_EOPTION,
                             "column '%s' is %s; word2vec encodes u8 and u16 (bits encodes others)",
                             column->name, weir_type_name(column->type));
        self->count++;
    }
    return WEIR_OK;
}

/* ---- The dictionary: learnt -------------------------------------------------------------------*/

struct sentences {
    const struct state *self;
    const weir_dataset *data;
    const uint32_t *first; /* rows; NULL: all of them */
    size_t count;
};

/* Value of column c in sentence s. */
static uint32_t word_at(const struct sentences *sentences, const void *const *values, uint32_t c,
                        size_t s)
{
    return (uint32_t)weir_integer_get(sentences->self->columns[c].type, values[c],
                                      sentences->first ? sentences->first[s] : s);
}

/* Kinds, words and their counts; words: [kinds][VALUES], the word of a value or UINT32_MAX. */
static int list_words(weir_job *job, struct state *self, const uint64_t *counts, uint32_t *words)
{
    const struct options *opt = weir_options(job);
    struct dictionary *dictionary = &self->dictionary;
    uint32_t total = 0, *values;
    uint64_t *kept;

    for (size_t i = 0; i < (size_t)dictionary->kinds * VALUES; i++)
        total += counts[i] >= (uint64_t)opt->min_count;
    values = weir_alloc(job, total + 1, sizeof *values);
    kept = weir_alloc(job, total + 1, sizeof *kept);
    if (!values || !kept)
        return weir_job_error(job)->status;
    dictionary->values = values;
    dictionary->counts = kept;
    for (uint32_t k = 0; k < dictionary->kinds; k++) {
        struct kind *kind = &dictionary->kind[k];

        kind->first = dictionary->words;
        for (uint32_t value = 0; value < VALUES; value++) {
            size_t at = (size_t)k * VALUES + value;

            words[at] = UINT32_MAX;
            if (counts[at] < (uint64_t)opt->min_count)
                continue;
            words[at] = dictionary->words;
            values[dictionary->words] = value;
            kept[dictionary->words++] = counts[at];
            kind->count++;
        }
        if (kind->count == 0)
            return weir_fail(job, WEIR_EOPTION, "no %s occurs min_count = %lld times; lower it",
                             kind->name, (long long)opt->min_count);
    }
    return WEIR_OK;
}

/* Writes the sentences as words and learns from them. */
static int learn_text(weir_job *job, struct state *self, const struct sentences *sentences,
                      const void *const *values, const uint32_t *words)
{
    const struct options *opt = weir_options(job);
    struct dictionary *dictionary = &self->dictionary;
    uint32_t *text = malloc(sentences->count * self->count * sizeof *text);
    float *vectors;
    double *loss;
    int status;

    if (!text)
        return weir_error_memory(weir_job_error(job), sentences->count * self->count * sizeof *text,
                                 "sentences");
    for (size_t s = 0; s < sentences->count; s++)
        for (uint32_t c = 0; c < self->count; c++)
            text[s * self->count + c] =
                words[(size_t)self->columns[c].kind * VALUES + word_at(sentences, values, c, s)];
    dictionary->width = (uint32_t)opt->width;
    dictionary->epochs = (uint32_t)opt->epochs;
    vectors = weir_alloc(job, (size_t)dictionary->words * dictionary->width, sizeof *vectors);
    loss = weir_alloc(job, dictionary->epochs, sizeof *loss);
    dictionary->vectors = vectors;
    dictionary->loss = loss;
    status = vectors && loss ? word2vec_train(job, opt, dictionary, text, sentences->count,
                                              self->count, vectors, loss)
                             : (int)weir_job_error(job)->status;
    free(text);
    if (status == WEIR_OK)
        word2vec_normalise(vectors, dictionary->words, dictionary->width);
    return status;
}

static int count_and_learn(weir_job *job, struct state *self, const struct sentences *sentences,
                           const void **values, uint64_t *counts, uint32_t *words)
{
    for (uint32_t c = 0; c < self->count; c++) {
        values[c] =
            weir_column_in(job, sentences->data, self->columns[c].name, self->columns[c].type);
        if (!values[c])
            return weir_job_error(job)->status;
        for (size_t s = 0; s < sentences->count; s++)
            counts[(size_t)self->columns[c].kind * VALUES + word_at(sentences, values, c, s)]++;
    }
    if (list_words(job, self, counts, words) != WEIR_OK)
        return weir_job_error(job)->status;
    return learn_text(job, self, sentences, values, words);
}

static int learn_dictionary(weir_job *job, struct state *self, const struct sentences *sentences)
{
    struct dictionary *dictionary = &self->dictionary;
    const void **values;
    uint64_t *counts;
    uint32_t *words;
    int status;

    dictionary->kind = weir_alloc(job, self->count, sizeof *dictionary->kind);
    if (!dictionary->kind)
        return weir_job_error(job)->status;
    for (uint32_t c = 0; c < self->count; c++) {
        const char *name = kind_of(self->columns[c].name);

        self->columns[c].kind = find_kind(dictionary, name);
        if (self->columns[c].kind == dictionary->kinds)
            dictionary->kind[dictionary->kinds++].name = name;
    }
    values = calloc(self->count, sizeof *values);
    counts = calloc((size_t)dictionary->kinds * VALUES, sizeof *counts);
    words = calloc((size_t)dictionary->kinds * VALUES, sizeof *words);
    if (values && counts && words)
        status = count_and_learn(job, self, sentences, values, counts, words);
    else
        status = weir_error_memory(weir_job_error(job), dictionary->kinds * VALUES * sizeof *counts,
                                   "word counts");
    free(values);
    free(counts);
    free(words);
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
    struct kind *kind = &dictionary->kind[k];
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
    for (uint32_t w = kind->first; w < kind->first + kind->count; w++)
        if (dictionary->values[w] >= VALUES ||
            (w > kind->first && dictionary->values[w] <= dictionary->values[w - 1]))
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
    if (!(kinds >= 1 && kinds <= 65536) || words < 1 || (double)words > kinds * VALUES ||
        words > UINT32_MAX || shape[1] < 1 || shape[1] > 1000 || epochs < 1 || epochs > 10000)
        return weir_fail(job, WEIR_EDATA, "it has %g kinds, %llu words, vectors of %llu", kinds,
                         (unsigned long long)words, (unsigned long long)shape[1]);
    for (uint64_t i = 0; i < words * shape[1]; i++)
        if (!(fabsf(dictionary->vectors[i]) <= 2))
            return weir_fail(job, WEIR_EDATA, "the vector of word %llu is not of length 1",
                             (unsigned long long)(i / shape[1]));
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
static int take_dictionary(weir_job *job, struct state *self, const char *path)
{
    const weir_archive *archive = weir_archive_open(job, path);

    if (!archive || load_dictionary(job, archive, &self->dictionary) != WEIR_OK) {
        weir_error_prefix(weir_job_error(job), "dictionary '%.200s': ", path);
        return weir_job_error(job)->status;
    }
    for (uint32_t c = 0; c < self->count; c++) {
        const char *name = kind_of(self->columns[c].name);

        self->columns[c].kind = find_kind(&self->dictionary, name);
        if (self->columns[c].kind == self->dictionary.kinds)
            return weir_fail(job, WEIR_EOPTION, "dictionary '%.200s' has no words of '%s'", path,
                             name);
    }
    return WEIR_OK;
}

/* ---- Callbacks --------------------------------------------------------------------------------*/

static int fit(weir_job *job, const weir_dataset *train, void *state)
{
    const struct options *opt = weir_options(job);
    struct state *self = state;
    struct sentences sentences = {.self = self, .data = train, .count = weir_dataset_rows(train)};
    const weir_flows *flows;
    uint32_t *first = NULL;
    int status;

    if (choose_columns(job, train, self) != WEIR_OK)
        return weir_job_error(job)->status;
    if (sentences.count == 0)
        return weir_fail(job, WEIR_EDATA, "the training set has no rows");
    if (!opt->dictionary && opt->sentences == SENTENCES_FLOWS) {
        flows = weir_dataset_flows(train, weir_job_error(job));
        first = flows ? weir_alloc(job, flows->count, sizeof *first) : NULL;
        if (!first)
            return weir_job_error(job)->status;
        for (uint32_t f = 0; f < flows->count; f++)
            first[f] = flows->rows[flows->offsets[f]];
        sentences.first = first;
        sentences.count = flows->count;
    }
    status = opt->dictionary ? take_dictionary(job, self, opt->dictionary)
                             : learn_dictionary(job, self, &sentences);
    if (status == WEIR_OK)
        status = word2vec_index(job, &self->dictionary);
    for (uint32_t c = 0; c < self->count && status == WEIR_OK; c++)
        status = weir_layout_add(job, self->columns[c].name, self->dictionary.width, WEIR_TANH);
    return status;
}

/* Says how many values had no word, at the first one and whenever there are twice as many. */
static void tell_unseen(weir_job *job, struct tally *tally)
{
    if (tally->unseen == 0 || tally->unseen < 2 * tally->told)
        return;
    tally->told = tally->unseen;
    weir_log(job,
             "word2vec: %llu of %llu values so far are not in the dictionary; each has the vector "
             "of the nearest number",
             (unsigned long long)tally->unseen, (unsigned long long)tally->values);
}

static int encode(weir_job *job, const void *state, const weir_dataset *data, const uint32_t *rows,
                  size_t n, float *out)
{
    const struct state *self = state;
    const struct dictionary *dictionary = &self->dictionary;
    size_t width = dictionary->width;

    for (uint32_t c = 0; c < self->count; c++) {
        const struct column *column = &self->columns[c];
        const void *values = weir_column_in(job, data, column->name, column->type);

        if (!values)
            return weir_job_error(job)->status;
        for (size_t i = 0; i < n; i++) {
            uint64_t value = weir_integer_get(column->type, values, rows[i]);
            uint32_t word = dictionary->kind[column->kind].place[value];

            self->tally->values++;
            self->tally->unseen += dictionary->values[word] != value;
            memcpy(out + (i * self->count + c) * width, dictionary->vectors + word * width,
                   width * sizeof *out);
            if (i % 65536 == 65535 && weir_progress(job, (int64_t)i, (int64_t)n) != WEIR_OK)
                return WEIR_ECANCEL;
        }
    }
    tell_unseen(job, self->tally);
    return WEIR_OK;
}

static int decode(weir_job *job, const void *state, const float *in, size_t n, weir_table *out)
{
    const struct state *self = state;
    size_t width = self->dictionary.width;

    for (uint32_t c = 0; c < self->count; c++) {
        const struct column *column = &self->columns[c];
        void *values = weir_column_out(job, out, column->name, column->type, n);

        if (!values || word2vec_nearest(job, &self->dictionary, column->kind, in + c * width,
                                        self->count * width, n, column->type, values) != WEIR_OK)
            return weir_job_error(job)->status;
    }
    return WEIR_OK;
}

static int save(weir_job *job, const void *state, weir_archive *to)
{
    const struct state *self = state;
    int status = weir_put_number(to, "columns", self->count);

    (void)job;
    for (uint32_t c = 0; c < self->count && status == WEIR_OK; c++) {
        char name[32];

        snprintf(name, sizeof name, "column.%u", c);
        status = weir_put_text(to, name, self->columns[c].name);
        snprintf(name, sizeof name, "type.%u", c);
        if (status == WEIR_OK)
            status = weir_put_number(to, name, (double)self->columns[c].type);
    }
    return status == WEIR_OK ? save_dictionary(to, &self->dictionary) : status;
}

static int load_columns(weir_job *job, struct state *self, const weir_archive *from)
{
    double count, type;

    if (weir_get_number(from, "columns", &count) != WEIR_OK)
        return weir_job_error(job)->status;
    if (!(count >= 1 && count <= 65536))
        return weir_fail(job, WEIR_EDATA, "%g encoded columns", count);
    self->columns = weir_alloc(job, (size_t)count, sizeof *self->columns);
    self->tally = weir_alloc(job, 1, sizeof *self->tally);
    if (!self->columns || !self->tally)
        return weir_job_error(job)->status;
    for (self->count = 0; self->count < (uint32_t)count; self->count++) {
        struct column *column = &self->columns[self->count];
        char name[32];

        snprintf(name, sizeof name, "column.%u", self->count);
        column->name = weir_get_text(from, name);
        snprintf(name, sizeof name, "type.%u", self->count);
        if (!column->name || weir_get_number(from, name, &type) != WEIR_OK)
            return weir_job_error(job)->status;
        if (type != WEIR_U8 && type != WEIR_U16)
            return weir_fail(job, WEIR_EDATA, "'%s' is %g, not u8 or u16", name, type);
        column->type = (weir_type)type;
        column->kind = find_kind(&self->dictionary, kind_of(column->name));
        if (column->kind == self->dictionary.kinds)
            return weir_fail(job, WEIR_EDATA, "there are no words of column '%s'", column->name);
    }
    return WEIR_OK;
}

static int load(weir_job *job, void *state, const weir_archive *from)
{
    struct state *self = state;

    if (load_dictionary(job, from, &self->dictionary) != WEIR_OK ||
        load_columns(job, self, from) != WEIR_OK)
        return weir_job_error(job)->status;
    return word2vec_index(job, &self->dictionary);
}

WEIR_ENCODER(word2vec, .summary = "Ports and protocols as vectors, near where they occur together",
             .reference = "Mikolov, Chen, Corrado, Dean, Efficient estimation of word "
                          "representations in vector space, 2013; Ring, Dallmann, Landes, Hotho, "
                          "IP2Vec, ICDM workshops, 2017",
             .options = options, .options_size = sizeof(struct options),
             .state_size = sizeof(struct state), .accepts = WEIR_PACKETS | WEIR_NETFLOW,
             .unit = WEIR_PER_ROW, .fit = fit, .encode = encode, .decode = decode, .save = save,
             .load = load);
