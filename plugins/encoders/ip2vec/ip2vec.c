/* ip2vec: addresses, ports and protocols as vectors, learnt by skip-gram. */
#include <weir/words.h>

static const weir_option options[] = {
    WEIR_LIST(weir_words_options, columns, "srcport,dstport,proto",
              "u8, u16 and u32 columns to encode: the words of a sentence, in this order"),
    WEIR_CHOICE(weir_words_options, sentences, "flows|rows",
                "a sentence is the first row of a flow, or a row"),
    WEIR_WORDS_OPTIONS, WEIR_END};

static int fit(weir_job *job, const weir_dataset *train, void *state)
{
    const weir_words_options *opt = weir_options(job);

    return weir_words_fit(
        job, train, WEIR_WORDS_SKIP_GRAM | (opt->sentences == 0 ? WEIR_WORDS_FLOWS : 0), state);
}

static int encode(weir_job *job, const void *state, const weir_dataset *data, const uint32_t *rows,
                  size_t n, float *out)
{
    return weir_words_encode(job, *(weir_words *const *)state, data, rows, n, out);
}

static int decode(weir_job *job, const void *state, const float *in, size_t n, weir_table *out)
{
    return weir_words_decode(job, *(weir_words *const *)state, in, n, out);
}

static int save(weir_job *job, const void *state, weir_archive *to)
{
    (void)job;
    return weir_words_save(*(weir_words *const *)state, to);
}

static int load(weir_job *job, void *state, const weir_archive *from)
{
    return weir_words_load(job, state, from);
}

WEIR_ENCODER(
    ip2vec, .summary = "Addresses, ports and protocols as vectors, by the flows they occur in",
    .reference =
        "Ring, Dallmann, Landes, Hotho, IP2Vec: Learning similarities between IP "
        "addresses, ICDM workshops, 2017; Yin, Lin, Jin, Fanti, Sekar, NetShare, SIGCOMM, 2022",
    .options = options, .options_size = sizeof(weir_words_options),
    .state_size = sizeof(weir_words *), .accepts = WEIR_PACKETS | WEIR_NETFLOW,
    .unit = WEIR_PER_ROW, .fit = fit, .encode = encode, .decode = decode, .save = save,
    .load = load);
