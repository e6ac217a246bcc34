/* What the files of netshare share: the trace cut into chunks and pieces of flows, the numbers that
 * a piece becomes, the model. */
#ifndef NETSHARE_H
#define NETSHARE_H

#include <weir/doppelganger.h>
#include <weir/sampling.h>

#define MOST_CHUNKS 64

enum { GAPS_LOG, GAPS_PUBLISHED };
enum { TIMES_FIX, TIMES_PUBLISHED };
enum { LINK_NEAREST, LINK_NONE };
enum { SAME_REDRAW, SAME_DROP };
enum { FROM_AUTO, FROM_TRAIN, FROM_PUBLIC, FROM_FIXED };
enum { MIX_UNIFORM, MIX_ONE };

struct options {
    int64_t n_chunks, max_flow_packets;
    int gaps, timestamps, link, duplicates, mixing, ranges, dictionaries;
    bool logarithm, flow_tags, scratch;
    int64_t epochs, max_steps, public_epochs, batch, sample_len;
    int64_t attribute_layers, attribute_width, lstm, critic_layers, critic_width;
    int64_t critic_steps, attribute_noise, feature_noise;
    double fine_tune, rate, beta1, beta2, penalty, attribute_weight, momentum, ema;
    const weir_dataset *public_trace;
    double epsilon, noise, clip, delta;
    weir_list declared;
};

/* ---- Chunks (chunks.c): NetShare, section 4.2 ------------------------------------------------ */

/* A run of packets of one flow in one chunk: what the network learns as one sequence. */
struct piece {
    uint32_t first, count; /* in flows->rows */
    uint32_t flow, chunk;
    bool continues, more; /* it goes on from a piece of the chunk; another one goes on from it */
};

/* A trace cut into chunks of equal time. */
struct chunks {
    const weir_dataset *data;
    const weir_flows *flows;
    const int64_t *times;
    int64_t first, last; /* ns */
    uint32_t count;
    uint64_t *present; /* [flows] a bit for each chunk that the flow has packets in */
};

/* count: 1 to MOST_CHUNKS. */
int netshare_cut(weir_job *job, const weir_dataset *data, uint32_t count, struct chunks *chunks);
/* ns where chunk c of a time line begins; c = count: one beyond its end. */
int64_t netshare_edge(int64_t first, int64_t last, uint32_t count, uint32_t c);
uint32_t netshare_chunk_of(int64_t first, int64_t last, uint32_t count, int64_t time);

/* What there is in a chunk. */
struct tally {
    uint64_t pieces, flows, starts, rows;
    uint64_t cut;  /* flows of several pieces */
    uint64_t lost; /* packets left out by `single` */
};

/* Appends the pieces of one chunk, of at most `most` packets each, in order of flows, to *pieces
 * [*count]; single: one piece a flow, what is behind it is left out. The caller frees *pieces;
 * pieces NULL gives the tally alone. */
int netshare_pieces(weir_job *job, const struct chunks *chunks, uint32_t c, uint32_t most,
                    bool single, struct piece **pieces, size_t *count, struct tally *tally);

/* Times between which starts in a chunk are scaled to 0 … 1, ns; end lies beyond it. */
struct window {
    int64_t begin, end;
};
/* The chunk's edges; or, as published, from the first start of a piece to the last. What is asked
 * of a job that is cancelled is not looked for to its end: the next weir_progress says so. */
struct window netshare_window(weir_job *job, const struct chunks *chunks, uint32_t c,
                              bool published);
/* The greatest gap between packets of one flow in one chunk, ns; c = chunks->count: in any. */
int64_t netshare_most_gap(weir_job *job, const struct chunks *chunks, uint32_t c);

/* ---- Numbers of a packet (features.c) -------------------------------------------------------- */

enum feature_kind { FEATURE_GAP, FEATURE_NUMBER, FEATURE_BITS, FEATURE_CLASS };

#define MOST_FEATURES 16
#define MOST_VALUES 64 /* of a header's flags, to be classes */

struct feature {
    const char *name; /* of the column; "gap" */
    enum feature_kind kind;
    weir_type type;
    uint32_t width;
    bool logarithm;
    double low, high; /* of the value, gaps and td in us; of log(1 + value) where that is taken */
    uint8_t values[MOST_VALUES]; /* [width] of classes that are numbers */
};

struct codec {
    struct feature features[MOST_FEATURES];
    weir_segment segments[MOST_FEATURES];
    uint32_t count, width;
    const weir_table *names; /* no rows: the columns and categories of the training set */
    weir_table *owned;       /* names, after fit */
};

/* What encoding had to bend. */
struct bent {
    uint64_t negative, unseen, outside;
};

/* Scaling for the columns of train: ranges of `ranges`, categories of `categories` (NULL: fixed
 * ranges, train's categories). most_gap: ns. */
int netshare_learn_codec(weir_job *job, const struct options *o, const weir_dataset *train,
                         const weir_dataset *ranges, const weir_dataset *categories,
                         double most_gap, struct codec *codec);
/* Scales gaps by another greatest one, ns. */
void netshare_scale_gaps(struct codec *codec, double most_gap);
/* Packets of a piece: out [piece->count][codec->width], zeroed. The first one's gap is 0 unless the
 * piece continues another. */
void netshare_encode_piece(const struct codec *codec, const struct chunks *chunks,
                           const struct piece *piece, nn_real *out, struct bent *bent);
/* Writes row `row` of out, which has the columns of codec->names; returns the gap before it, ns. */
double netshare_decode_packet(const struct codec *codec, const nn_real *in, weir_table *out,
                              size_t row);
int netshare_put_codec(weir_archive *to, const struct codec *codec);
int netshare_get_codec(weir_job *job, const weir_archive *from, struct codec *codec);

/* ---- Numbers of a piece (attributes.c) ------------------------------------------------------- */

/* addresses, ports: of encoders; continues, more; starts, a presence for each chunk; start. */
struct attributes {
    weir_encoder *addresses, *ports;
    uint32_t address_width, port_width, tags; /* tags: chunks that have a bit, or 0 */
    weir_layout layout;
};

/* Fits the encoders. of: NULL for made-up rows, from which nothing private can be learnt. */
int netshare_fit_encoders(weir_job *job, const weir_dataset *train, const weir_dataset *of);
int netshare_open_attributes(weir_job *job, uint32_t tags, struct attributes *attributes);
/* Of pieces which[0 … n-1]: out [n][layout.width]. windows: by chunk. */
int netshare_encode_attributes(weir_job *job, const struct attributes *attributes,
                               const struct chunks *chunks, const struct window *windows,
                               const struct piece *pieces, const uint32_t *which, size_t n,
                               nn_real *out);

/* A piece that was made: its attributes, decoded. */
struct made {
    weir_tuple tuple;
    bool continues, more, starts;
    uint64_t present;
    double start; /* 0 to 1 */
};
/* scratch: a table of the schema with n rows or more. */
int netshare_decode_attributes(weir_job *job, const struct attributes *attributes,
                               const nn_real *in, size_t n, weir_table *scratch, struct made *out);
/* Gives a piece another one's 5-tuple and tags. [layout.width] each */
void netshare_share_attributes(const struct attributes *attributes, const nn_real *of, nn_real *to);

/* ---- The model (netshare.c, train.c, privacy.c, store.c, sample.c) --------------------------- */

/* A chunk that has a network. */
struct part {
    uint32_t chunk;
    struct window window;
    double most_gap; /* ns, by which its gaps are scaled */
    nn_doppelganger *network;
};

struct privacy {
    bool private;
    double epsilon, delta; /* epsilon -1: none is claimed */
    double noise;          /* deviation over clip, of every step of both critics in every chunk */
    const char *leaks;     /* what is taken from the data and not covered; "" for nothing */
};

struct model {
    int64_t first, last;
    uint32_t chunks, length; /* packets a piece, at most */
    bool tags, final;        /* final: no other part begins with it */
    struct tally tallies[MOST_CHUNKS];
    struct codec codec;
    struct privacy privacy;
    int64_t public_steps; /* made on the public trace, once they have ended */
    uint32_t count;
    struct part *parts; /* [count] in order of time */
};

/* Whether the parts' networks are for these attributes and the model's features: a model's file may
 * be damaged. */
int netshare_check_networks(weir_job *job, const struct model *model,
                            const struct attributes *attributes);
/* The network of one chunk of the training set. */
int netshare_train(weir_job *job, const struct chunks *chunks, uint32_t c, struct model *model);

/* Whether the fit is to be private. */
bool netshare_is_private(const struct options *o);
/* Where ranges or dictionaries come from: FROM_TRAIN, FROM_PUBLIC or FROM_FIXED. */
int netshare_source(const struct options *o, int chosen);
/* Names what is taken from the data; sets the noise that the wanted epsilon takes, over all chunks.
 * Fails where an epsilon is wanted that cannot be claimed. */
int netshare_plan_privacy(weir_job *job, const weir_dataset *train, struct model *model);
/* Steps of training of a chunk. */
int64_t netshare_steps(const struct options *o, const struct model *model, uint32_t c, bool seed);
nn_doppelganger_settings netshare_settings(const struct options *o, uint32_t length);
/* Epsilon of all parts together. */
int netshare_account(weir_job *job, struct model *model);

int netshare_save(weir_job *job, const void *model, weir_archive *to);
int netshare_load(weir_job *job, void *model, const weir_archive *from);
int netshare_sample(weir_job *job, const void *model, const weir_request *request, weir_table *out);

#endif
