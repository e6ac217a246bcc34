/* netshare: DoppelGANger over flows that are cut into chunks of time, as NetShare describes it. */
#include <stdlib.h>
#include <string.h>

#include "netshare.h"

/* clang-format off */
static const weir_option options[] = {
    WEIR_INT(struct options, n_chunks, 10, 1, MOST_CHUNKS, "chunks of equal time, each with a network of its own"),
    WEIR_INT(struct options, max_flow_packets, 500, 0, 100000, "longer flows are cut into pieces; 0: the longest of a chunk is whole, as published"),
    WEIR_BOOL(struct options, flow_tags, true, "a flow carries whether it starts in the chunk, and in which chunks it is"),
    WEIR_CHOICE(struct options, gaps, "log|published", "log(1 + gap in us), or linear by the chunk's greatest gap"),
    WEIR_BOOL(struct options, logarithm, true, "log(1 + x) of durations, packets and bytes of flow records"),
    WEIR_CHOICE(struct options, timestamps, "fix|published", "published: the first gap, which is none, is added from the second packet on; starts scaled by the chunk's own; what leaves the chunk is left out"),
    WEIR_CHOICE(struct options, link, "nearest|none", "which 5-tuple a flow has that began in an earlier chunk: that of the likest such flow, or its own"),
    WEIR_CHOICE(struct options, duplicates, "redraw|drop", "a 5-tuple that is there already: drawn again, or left out as published"),
    WEIR_INT(struct options, epochs, 40, 1, 1000000000, "passes over the seed chunk's pieces"),
    WEIR_REAL(struct options, fine_tune, 0.25, 0.0001, 10, "passes over the other chunks' pieces, as a share of epochs"),
    WEIR_BOOL(struct options, scratch, false, "trains each chunk from the beginning, for as many epochs as the first"),
    WEIR_INT(struct options, max_steps, 0, 0, 1000000000, "most steps of the seed chunk and on the public trace, of other chunks in proportion; 0: no limit"),
    WEIR_INT(struct options, batch, 100, 2, 100000, "pieces a step"),
    WEIR_INT(struct options, sample_len, 10, 1, 1000, "packets made by one step of the LSTM"),
    WEIR_INT(struct options, attribute_noise, 5, 1, 1000, "numbers of noise for the attributes"),
    WEIR_INT(struct options, feature_noise, 5, 1, 1000, "numbers of noise for a step of the LSTM"),
    WEIR_INT(struct options, attribute_layers, 4, 1, 32, "hidden layers of the attribute generator"),
    WEIR_INT(struct options, attribute_width, 512, 1, 8192, "their width"),
    WEIR_INT(struct options, lstm, 100, 1, 4096, "numbers of the LSTM's state"),
    WEIR_INT(struct options, critic_layers, 4, 1, 32, "hidden layers of both critics"),
    WEIR_INT(struct options, critic_width, 512, 1, 8192, "their width"),
    WEIR_INT(struct options, critic_steps, 5, 1, 100, "rounds of the critics for one of the generator"),
    WEIR_REAL(struct options, rate, 1e-4, 1e-8, 1, "step size of Adam"),
    WEIR_REAL(struct options, beta1, 0.5, 0, 0.9999, "decay of its mean"),
    WEIR_REAL(struct options, beta2, 0.999, 0, 0.999999, "decay of its square"),
    WEIR_REAL(struct options, penalty, 10, 0, 1e6, "weight of the gradient penalty"),
    WEIR_REAL(struct options, attribute_weight, 1, 0, 1e6, "weight of the attribute critic for the generator"),
    WEIR_REAL(struct options, momentum, 0.1, 0.0001, 1, "of batch norm's running statistics; published: 0.9"),
    WEIR_REAL(struct options, ema, 0, 0, 0.99999, "decay of an average of the generator's weights, which then samples; 0: none"),
    WEIR_CHOICE(struct options, mixing, "uniform|one", "where the penalty is taken: between real and made, or at the made alone, as published"),
    WEIR_TRACE(struct options, public_trace, "a public trace: pre-training without noise; where the fit is private, ranges and dictionaries too"),
    WEIR_INT(struct options, public_epochs, 40, 0, 1000000000, "passes over the public trace's pieces; 0: no pre-training"),
    WEIR_REAL(struct options, epsilon, 0, 0, 1e6, "privacy of one flow to be kept: sets the noise"),
    WEIR_REAL(struct options, noise, 0, 0, 1e6, "deviation of DP-SGD's noise over clip; 0: the fit is not private"),
    WEIR_REAL(struct options, clip, 1, 1e-9, 1e9, "largest norm of one piece's gradient, by each critic"),
    WEIR_REAL(struct options, delta, 1e-5, 1e-15, 0.5, "chance that epsilon does not hold; below 1 over the number of flows"),
    WEIR_CHOICE(struct options, ranges, "auto|train|public|fixed", "whose values scale sizes and gaps; auto: train's, where the fit is private public's, or fixed ones"),
    WEIR_CHOICE(struct options, dictionaries, "auto|train|public|fixed", "what the encoders and classes are learnt from; auto as of ranges; fixed: made-up rows"),
    WEIR_LIST(struct options, declared, "", "what is known to the public of a private trace: span, counts, lengths, ranges, dictionaries, labels"),
    WEIR_PRESET("packets", "sample_len=10 epochs=40", "NetShare's setting for packets (CAIDA)"),
    WEIR_PRESET("netflow", "sample_len=1 epochs=40", "NetShare's setting for flow records (UGR16)"),
    WEIR_PRESET("quick", "n_chunks=2 max_flow_packets=50 sample_len=5 epochs=1000000000 public_epochs=40 max_steps=3000 critic_steps=3 rate=0.001 attribute_width=128 attribute_layers=3 critic_width=192 critic_layers=3 encoders.addresses='ranks columns=srcip,dstip' encoders.ports='ranks columns=srcport,dstport,proto'", "two minutes with one thread on one core, whatever the trace's size"),
    WEIR_PRESET("tiny", "n_chunks=2 max_flow_packets=8 sample_len=2 epochs=2 public_epochs=1 max_steps=4 batch=16 attribute_width=16 attribute_layers=1 lstm=8 critic_width=16 critic_layers=1 critic_steps=2", "for the checks"),
    WEIR_END};
/* clang-format on */

static const weir_role roles[] = {
    {"addresses", "bits", "columns=srcip,dstip output=softmax",
     "addresses; bits give no dictionary away"},
    {"ports", "ip2vec", "columns=srcport,dstport,proto", "ports and protocol"},
    {NULL, NULL, NULL, NULL}};

/* ---- What every part of a fit knows ----------------------------------------------------------*/

static int check_public(weir_job *job, const struct options *o, const weir_dataset *train)
{
    if (!o->public_trace && (o->ranges == FROM_PUBLIC || o->dictionaries == FROM_PUBLIC))
        return weir_fail(job, WEIR_EOPTION, "there is no public_trace to take %s from",
                         o->ranges == FROM_PUBLIC ? "ranges" : "dictionaries");
    if (!o->public_trace)
        return WEIR_OK;
    if (weir_dataset_schema(o->public_trace) != weir_dataset_schema(train))
        return weir_fail(job, WEIR_EDATA,
                         "public_trace holds %s, the training set %s: they must be of one kind",
                         weir_dataset_schema(o->public_trace) == WEIR_PACKETS   ? "packets"
                         : weir_dataset_schema(o->public_trace) == WEIR_NETFLOW ? "flow records"
                                                                                : "series",
                         weir_dataset_schema(train) == WEIR_PACKETS ? "packets" : "flow records");
    if (weir_dataset_rows(o->public_trace) == 0)
        return weir_fail(job, WEIR_EDATA, "public_trace has no rows");
    return WEIR_OK;
}

/* Packets a piece, at most: the option's, or the most that a flow has in a chunk. */
static uint32_t piece_length(weir_job *job, const struct options *o, const struct chunks *chunks)
{
    uint32_t most = 1;

    if (o->max_flow_packets > 0)
        return (uint32_t)o->max_flow_packets;
    for (uint32_t f = 0; f < chunks->flows->count; f++) {
        uint32_t run = 0, before = UINT32_MAX;

        if (f % 65536 == 65535 && weir_progress(job, 0, 0) != WEIR_OK)
            break;
        for (uint32_t at = chunks->flows->offsets[f]; at < chunks->flows->offsets[f + 1]; at++) {
            uint32_t c = netshare_chunk_of(chunks->first, chunks->last, chunks->count,
                                           chunks->times[chunks->flows->rows[at]]);

            run = c == before ? run + 1 : 1;
            before = c;
            most = run > most ? run : most;
        }
    }
    return most;
}

static int look_at(weir_job *job, const weir_dataset *train, struct chunks *chunks,
                   struct model *model)
{
    const struct options *o = weir_options(job);

    if (weir_dataset_rows(train) == 0)
        return weir_fail(job, WEIR_EDATA, "the training set has no rows");
    if (netshare_cut(job, train, (uint32_t)o->n_chunks, chunks) != WEIR_OK)
        return weir_job_error(job)->status;
    model->first = chunks->first;
    model->last = chunks->last;
    model->chunks = chunks->count;
    model->tags = o->flow_tags && chunks->count > 1;
    model->length = piece_length(job, o, chunks);
    for (uint32_t c = 0; c < chunks->count; c++)
        if (netshare_pieces(job, chunks, c, model->length, netshare_is_private(o), NULL, NULL,
                            &model->tallies[c]) != WEIR_OK)
            return weir_job_error(job)->status;
    for (uint32_t c = 0; netshare_is_private(o) && c < chunks->count; c++)
        model->tallies[c].rows = model->tallies[c].pieces; /* the number of packets is not told */
    return WEIR_OK;
}

/* The number of the part-th chunk that has packets. */
static uint32_t chunk_of_part(const struct model *model, uint32_t part)
{
    for (uint32_t c = 0; c < model->chunks; c++)
        if (model->tallies[c].pieces > 0 && part-- == 0)
            return c;
    return model->chunks - 1;
}

static int count_parts(weir_job *job, const weir_dataset *train, uint32_t *parts)
{
    struct model model = {0};
    struct chunks chunks;

    if (look_at(job, train, &chunks, &model) != WEIR_OK)
        return weir_job_error(job)->status;
    *parts = 0;
    for (uint32_t c = 0; c < model.chunks; c++)
        *parts += model.tallies[c].pieces > 0;
    return WEIR_OK;
}

/* ---- Fitting ---------------------------------------------------------------------------------*/

/* The greatest gap that gaps are scaled by. */
static double most_gap_of(weir_job *job, const struct options *o, const struct chunks *chunks,
                          uint32_t c)
{
    int source = netshare_source(o, o->ranges);
    struct chunks public;

    if (o->gaps == GAPS_PUBLISHED)
        return (double)netshare_most_gap(job, chunks, c);
    if (source == FROM_TRAIN)
        return (double)netshare_most_gap(job, chunks, chunks->count);
    if (source == FROM_PUBLIC &&
        netshare_cut(job, o->public_trace, chunks->count, &public) == WEIR_OK)
        return (double)netshare_most_gap(job, &public, chunks->count);
    return ((double)chunks->last - (double)chunks->first) / chunks->count;
}

static int learn(weir_job *job, const weir_dataset *train, const struct chunks *chunks, uint32_t c,
                 struct model *model)
{
    const struct options *o = weir_options(job);
    const weir_dataset *of[] = {
        [FROM_TRAIN] = train, [FROM_PUBLIC] = o->public_trace, [FROM_FIXED] = NULL};
    const weir_dataset *ranges = of[netshare_source(o, o->ranges)];
    const weir_dataset *words = of[netshare_source(o, o->dictionaries)];
    struct part *part = weir_alloc(job, 1, sizeof *part);

    if (!part || netshare_plan_privacy(job, train, model) != WEIR_OK)
        return weir_job_error(job)->status;
    model->parts = part;
    model->count = 1;
    *part =
        (struct part){.chunk = c,
                      .window = netshare_window(job, chunks, c, o->timestamps == TIMES_PUBLISHED),
                      .most_gap = most_gap_of(job, o, chunks, c)};
    if (weir_job_error(job)->status != WEIR_OK ||
        netshare_learn_codec(job, o, train, ranges, words, part->most_gap, &model->codec) !=
            WEIR_OK)
        return weir_job_error(job)->status;
    return weir_part(job) == 0 ? netshare_fit_encoders(job, train, words) : WEIR_OK;
}

static void tell(weir_job *job, const struct model *model, uint32_t c)
{
    const struct tally *tally = &model->tallies[c];

    weir_log(
        job,
        "chunk %u of %u: %llu flows (%llu start here, %llu are cut), %llu pieces, %llu packets", c,
        model->chunks, (unsigned long long)tally->flows, (unsigned long long)tally->starts,
        (unsigned long long)tally->cut, (unsigned long long)tally->pieces,
        (unsigned long long)tally->rows);
    if (tally->rows == tally->flows)
        weir_log(job, "no flow of chunk %u has more than one packet", c);
}

static int fit(weir_job *job, const weir_dataset *train, void *state)
{
    const struct options *o = weir_options(job);
    bool whole = weir_part_count(job) <= 1;
    struct model *model = state;
    struct chunks chunks;
    uint32_t c;
    int status = look_at(job, train, &chunks, model);

    if (status == WEIR_OK)
        status = check_public(job, o, train);
    if (status != WEIR_OK)
        return status;
    c = chunk_of_part(model, weir_part(job));
    if (weir_resumed(job) == 0)
        status = learn(job, train, &chunks, c, model);
    model->final = whole || weir_part(job) > 0;
    if (status == WEIR_OK)
        tell(job, model, c);
    if (status == WEIR_OK)
        status = netshare_train(job, &chunks, c, model);
    return status == WEIR_OK && whole ? netshare_account(job, model) : status;
}

static int join(weir_job *job, const void *const *models, uint32_t n, void *state)
{
    struct model *model = state;
    char *leaks;

    *model = *(const struct model *)models[0];
    model->final = true;
    model->count = 0;
    model->codec.owned = weir_table_clone(model->codec.names, weir_job_error(job));
    model->codec.names = model->codec.owned;
    model->parts = weir_alloc(job, n, sizeof *model->parts);
    leaks = weir_alloc(job, strlen(model->privacy.leaks) + 1, 1);
    if (!model->parts || !model->codec.owned || !leaks)
        return weir_job_error(job)->status;
    model->privacy.leaks = strcpy(leaks, model->privacy.leaks);
    for (uint32_t i = 0; i < n; i++) {
        const struct part *part = ((const struct model *)models[i])->parts;

        model->parts[i] = *part;
        model->parts[i].network = nn_doppelganger_copy(job, part->network);
        if (!model->parts[i].network)
            return weir_job_error(job)->status;
        model->count++;
    }
    return netshare_account(job, model);
}

static void release(weir_job *job, void *state)
{
    struct model *model = state;

    (void)job;
    for (uint32_t i = 0; i < model->count; i++)
        nn_doppelganger_free(model->parts[i].network);
    weir_table_free(model->codec.owned);
}

WEIR_GENERATOR(netshare, .summary = "DoppelGANger over flows in chunks of time (NetShare)",
               .reference = "Yin, Lin, Jin, Fanti, Sekar, Practical GAN-based synthetic IP header "
                            "trace generation using NetShare, SIGCOMM, 2022",
               .options = options, .options_size = sizeof(struct options),
               .state_size = sizeof(struct model), .accepts = WEIR_PACKETS | WEIR_NETFLOW,
               .produces = WEIR_TIMESTAMPS | WEIR_FLOWS | WEIR_LABELS, .encoders = roles,
               .parts = count_parts, .fit = fit, .join = join, .sample = netshare_sample,
               .save = netshare_save, .load = netshare_load, .free = release);
