/* The generator gasf_diffusion: its options, its model, and what its files give each other. */
#ifndef WEIR_GASF_DIFFUSION_MODEL_H
#define WEIR_GASF_DIFFUSION_MODEL_H

#include <weir/nn_plugin.h>

enum { MOST_LEVELS = 8, MOST_CHOICES = 8, MOST_BLOCKS = 8 };

struct options {
    int64_t dimension, side, length;
    double gamma;
    int64_t passes;
    int scale;
    int64_t width, blocks, heads;
    weir_list multiples, attention;
    double dropout;
    int schedule;
    int64_t diffusion_steps;
    double label_dropout, guidance;
    int sampler, variance;
    double eta;
    int64_t sampling_steps;
    int64_t batch, steps;
    int predict, decay;
    int64_t warmup;
    double learning_rate, weight_decay, clip, ema;
};
enum { LINEAR, COSINE };
enum { AS_IT_IS, LOGARITHMIC };
enum { DDPM, DDIM };
enum { LARGE, SMALL };
enum { NOISE, VELOCITY };
enum { CONSTANT, HALF_COSINE };

/* ---- diffusion.c ---- */

/* left[t]: how much of an image's variance is left after step t of `steps`. */
void schedule(int kind, int64_t steps, double *left);

/* One step down: the clean image is clean[0] x - clean[1] told, clipped; the next x is toward
 * clean
 * + keep x + fresh z. */
struct stride {
    int64_t level;
    double clean[2], toward, keep, fresh;
};
/* From the noisiest level to 0 in n strides, 1 <= n <= steps; out [n]. eta is ddim's, variance
 * ddpm's. The network tells the noise. */
void strides(const double *left, int64_t steps, int64_t n, int sampler, int variance, double eta,
             struct stride *out);

/* Makes n strides those of a network that tells the velocity. */
void by_velocity(const double *left, int64_t n, struct stride *strides);

/* x [batch][…] after step t [batch]: sqrt(left) x + sqrt(1 - left) noise. */
nn_node *noised(nn_node *x, nn_node *t, nn_node *noise, const double *left, int64_t steps);

/* Its velocity there, sqrt(left) noise - sqrt(1 - left) x (Salimans, Ho 2022). */
nn_node *velocity(nn_node *x, nn_node *t, nn_node *noise, const double *left, int64_t steps);

/* ---- unet.c ---- */

/* A U-Net on images [height][width][channels], or, with height 1, on lines of the same weights. */
struct design {
    bool line;
    int64_t height, width, channels, labels;
    int64_t base, levels, blocks, heads;
    int64_t multiple[MOST_LEVELS]; /* of base */
    bool attends[MOST_LEVELS];
    double dropout;
};
/* The noise in x [batch][height][width][channels], or its velocity, at steps t [batch], for labels
 * [batch] (the number of labels: none) and lengths [batch] in [0, 1]. */
nn_node *unet(const struct design *design, nn_node *x, nn_node *t, nn_node *label, nn_node *length);

/* ---- data.c ---- */

struct channel {
    float low, high;      /* of all steps */
    float largest, least; /* the least above 0; 0: none */
    uint32_t direction;   /* of -1, 0, 1 only, and some below 0 */
    uint32_t whole;       /* all values are whole numbers */
    uint32_t choices;     /* different values, ascending; 0: too many */
    float values[MOST_CHOICES];
};

struct model {
    weir_table *owned;        /* labels, while the model is being made */
    const weir_table *labels; /* a series table without rows: shape learnt, labels by number */
    const uint32_t *drawn;    /* [series][2]: label and length of each training series */
    uint64_t series;          /* training series that were used */
    struct channel channels[WEIR_MAX_CHANNELS];
    uint32_t channel_count, steps;
    bool logarithmic;
    /* of a trace of packets; else NULL: */
    weir_table *owned_flows;
    const weir_table *flows; /* the first packet of each, in order of time */
    const uint32_t *counts;  /* [flows] packets */
    int64_t span[2];         /* first and last time of the trace, ns */
    struct design design;
    nn_graph *graph;
    const weir_archive *from;
    bool unfinished; /* in training: what a checkpoint needs is saved too */
};

/* The training set as it is used. */
struct training {
    weir_job *job;
    struct model *model;
    weir_dataset *kept;    /* series with steps, cut, zeros behind their ends */
    float *images;         /* [series][pixels] in [-1, 1]; NULL: too many to be kept */
    uint32_t *rows;        /* room for a batch */
    weir_encoder *encoder; /* NULL for lines */
};

/* Learns labels, lengths and ranges; refuses or counts what cannot be used. Fills in `training`,
 * whose dataset is to be freed. */
int learn(weir_job *job, const weir_dataset *train, struct model *model, struct training *training);
uint32_t label_count(const struct model *model);
/* The network for this model's series and these options; side: of the encoder's images. */
int plan(weir_job *job, struct model *model, int64_t side);
/* Numbers of an image. */
size_t pixel_count(const struct design *design);
/* Series of the kept set as images in [-1, 1], [n][pixels]. */
int images_of(const struct training *training, const uint32_t *rows, size_t n, float *out);
/* And back: `images` [n][pixels] (overwritten) as rows of `scratch`, a series table of the learnt
 * shape with n rows. encoder: NULL for lines. */
int series_of(weir_job *job, const struct model *model, weir_encoder *encoder, float *images,
              size_t n, weir_table *scratch);
/* The value of a channel that an image shows, made legal: inside the training range, whole or one
 * of the choices where all are. */
float legal(const struct model *model, uint32_t channel, float shown, weir_random *ties);

/* ---- packets.c ---- */

/* The flows of a trace as series of size, gap and mask, which are the caller's; and what the model
 * keeps of them. */
int flows_as_series(weir_job *job, const weir_dataset *train, struct model *model,
                    weir_dataset **series);
int sample_packets(weir_job *job, const struct model *model, const weir_request *request,
                   weir_table *out);

/* ---- train.c, sample.c ---- */

/* The encoder's images' side, checked. */
int open_images(weir_job *job, const struct model *model, weir_encoder **encoder, int64_t *side);
int fit(weir_job *job, const weir_dataset *train, void *model);
/* n series into out, a series table of so many rows; wanted: label and length of each, [n][2], or
 * NULL for those of training. */
int draw_series(weir_job *job, const struct model *model, const uint32_t *wanted, size_t n,
                weir_table *out);
int sample(weir_job *job, const void *model, const weir_request *request, weir_table *out);

#endif
