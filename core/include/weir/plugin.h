/* Everything a plugin author includes: the descriptor of each kind of plugin, and what the core
 * lends.
 *
 * A plugin is data: one exported const descriptor, made by WEIR_GENERATOR, WEIR_ENCODER,
 * WEIR_METRIC or WEIR_DOWNSTREAM, that can be listed and checked without running plugin code.
 *
 * Promises. The core calls one instance of a plugin from one thread at a time. Arguments are
 * borrowed until the callback returns, unless a comment says otherwise. A plugin never prints,
 * exits, aborts or keeps state in globals; it may use OpenMP inside a call. A library once loaded
 * is never unloaded. Callbacks return WEIR_OK, or the status of weir_fail. */
#ifndef WEIR_PLUGIN_H
#define WEIR_PLUGIN_H

#include <weir/archive.h>
#include <weir/dataset.h>
#include <weir/error.h>
#include <weir/option.h>
#include <weir/random.h>
#include <weir/table.h>

typedef enum weir_kind {
    WEIR_KIND_GENERATOR,
    WEIR_KIND_ENCODER,
    WEIR_KIND_METRIC,
    WEIR_KIND_DOWNSTREAM
} weir_kind;
#define WEIR_KINDS 4
/* "generator"; NULL for a number that is no kind. */
WEIR_API const char *weir_kind_name(int kind);

/* ---- What the core lends to every callback --------------------------------------------------- */

/* One instance of a plugin at work: options, seed, random streams, memory, errors, progress. */
typedef struct weir_job weir_job;

/* The plugin's options struct, filled: resolved and validated. Borrowed for the instance's life. */
WEIR_API const void *weir_options(const weir_job *job);
/* Records the first error and returns its status: `return weir_fail(job, WEIR_EDATA, "…");`. The
 * core adds plugin, kind and phase in front. */
WEIR_API int weir_fail(weir_job *job, weir_status status, const char *format, ...)
    WEIR_PRINTF(3, 4);
/* The error record of the job, to hand to functions that take one; return its status on failure. */
WEIR_API weir_error *weir_job_error(weir_job *job);
/* Zeroed memory of the instance, 64-byte aligned; the core frees it after `free`. NULL on failure,
 * with the error recorded. */
WEIR_API void *weir_alloc(weir_job *job, size_t count, size_t size);
/* Reports that done of total steps are done, and asks whether to go on: WEIR_OK, or WEIR_ECANCEL,
 * which the plugin returns promptly. Cheap: call it every step. */
WEIR_API int weir_progress(weir_job *job, int64_t done, int64_t total);
/* A line in the job's log. */
WEIR_API void weir_log(weir_job *job, const char *format, ...) WEIR_PRINTF(2, 3);
/* A point of a training curve: (step, value) of the curve of that name. */
WEIR_API void weir_track(weir_job *job, const char *curve, int64_t step, double value);
/* The random stream of that name, seeded by the job's seed, the plugin's name and the name: a draw
 * added to one stream does not shift another's numbers. Borrowed; the same stream when asked again.
 * Never NULL. */
WEIR_API weir_random *weir_stream(weir_job *job, const char *name);
/* A folder of the job's own that exists and is removed with the job. */
WEIR_API const char *weir_scratch(weir_job *job);
/* The archive of another model or encoder, by the path of its `arrays.safetensors`, as an option of
 * kind FILE gives it. Borrowed for the instance's life. NULL on failure, with the error recorded.
 */
WEIR_API const weir_archive *weir_archive_open(weir_job *job, const char *path);
WEIR_API uint64_t weir_seed(const weir_job *job);
/* Threads that the plugin may use, 1 or more. */
WEIR_API int weir_threads(const weir_job *job);
/* "cpu" or "cuda". */
WEIR_API const char *weir_device(const weir_job *job);

/* Things to look at. CURVE: the first column is x, each other column a line. MATRIX: every column
 * is a column of it. IMAGES: `values` f32 [rows][height * width], `height`, `width` u32, `label`
 * category, and if they are of several kinds (real, synthetic) `group`, a category: the report
 * lays the groups of a label side by side. name: [A-Za-z0-9_.-]+, unique in the job. The table is
 * borrowed. */
typedef enum weir_artefact_kind { WEIR_CURVE, WEIR_MATRIX, WEIR_IMAGES } weir_artefact_kind;
WEIR_API int weir_artefact(weir_job *job, const char *name, weir_artefact_kind kind,
                           const weir_table *table);

/* ---- The descriptor -------------------------------------------------------------------------- */

/* The members that every descriptor begins with. name is [a-z][a-z0-9_]* and equals the file's
 * stem. */
#define WEIR_PLUGIN_HEAD                                                                           \
    uint64_t abi; /* WEIR_ABI */                                                                   \
    weir_kind kind;                                                                                \
    const char *name;                                                                              \
    const char *summary;        /* one line */                                                     \
    const char *reference;      /* paper, venue, year; NULL if there is none */                    \
    const weir_option *options; /* ends with WEIR_END; NULL for none */                            \
    size_t options_size;        /* of the options struct; 0 for none */                            \
    size_t state_size;          /* of the model or state that callbacks get, zeroed; 0 for none */ \
    uint32_t accepts;           /* schemas, WEIR_PACKETS | … */                                  \
    bool deterministic          /* the seed changes nothing */

typedef struct weir_plugin {
    WEIR_PLUGIN_HEAD;
} weir_plugin;

/* ---- Generators ------------------------------------------------------------------------------ */

/* What is asked of sample. 0 means: as in training. At most one of flows, packets, series is set.
 */
typedef struct weir_request {
    int64_t flows;
    int64_t packets; /* rows, for netflow */
    int64_t series;
    double duration; /* s */
} weir_request;

/* An encoder that a generator uses, by role; Lua may put another encoder in the role, or add
 * options to the default's. In `options`, "steps=$steps" stands for the generator's own option
 * `steps`. */
typedef struct weir_role {
    const char *role;    /* NULL ends the list */
    const char *encoder; /* the default */
    const char *options; /* "option=value …" for the default; NULL for none */
    const char *help;
} weir_role;

typedef struct weir_generator {
    WEIR_PLUGIN_HEAD;
    uint32_t produces;         /* WEIR_TIMESTAMPS | WEIR_FLOWS | WEIR_LABELS | WEIR_SERIES */
    const weir_role *encoders; /* NULL for none */
    /* How many parts a fit of this training set has, 1 or more (optional; default 1). */
    int (*parts)(weir_job *job, const weir_dataset *train, uint32_t *parts);
    /* Learns train into model (state_size bytes, zeroed; more through weir_alloc). Part p of a fit
     * in parts gets weir_part(job) = p and, for p > 0, part 0's model as weir_part_base(job). */
    int (*fit)(weir_job *job, const weir_dataset *train, void *model);
    /* One model of all parts (required where parts is). models[0 … n-1] are borrowed. */
    int (*join)(weir_job *job, const void *const *models, uint32_t n, void *model);
    /* Fills out, an empty table of the training set's schema (resize it first). Rows in any order.
     */
    int (*sample)(weir_job *job, const void *model, const weir_request *request, weir_table *out);
    /* Everything sample needs, into an archive; and back into a zeroed model. */
    int (*save)(weir_job *job, const void *model, weir_archive *to);
    int (*load)(weir_job *job, void *model, const weir_archive *from);
    /* What weir_alloc did not give (optional). */
    void (*free)(weir_job *job, void *model);
} weir_generator;

WEIR_API uint32_t weir_part(const weir_job *job);
WEIR_API uint32_t weir_part_count(const weir_job *job);
/* NULL for part 0. Borrowed. */
WEIR_API const void *weir_part_base(const weir_job *job);
/* Saves the model as the job's checkpoint, replacing the last one: a complete model that `load`
 * accepts. Step, the positions of the random streams and the curves so far are stored with it. */
WEIR_API int weir_checkpoint(weir_job *job, const void *model, int64_t step);
/* In fit: the step of a checkpoint that this fit goes on from, loaded into model already; 0 if it
 * starts anew. */
WEIR_API int64_t weir_resumed(const weir_job *job);
/* In fit: whether the stage of training at work ends before its next step, so that the core can end
 * every generator's training by one measure: `while (!weir_stage_ends(job, step, planned, share))`.
 * step: steps done so far. planned: the step at which the stage ends if there is no budget. share,
 * in (0, 1], larger from stage to stage: the part of the whole training by which this stage is due
 * to end; 1 for a single stage. With a budget of seconds the stage ends when that share of them is
 * spent; where a run is repeated by its steps, at the stored step. In parts each part's clock is
 * its own, and the shares are of the whole fit's budget: n equal parts end with share 1 / n. Ask
 * before each step: a stage that ended before the checkpoint that a fit goes on from has ended. */
WEIR_API bool weir_stage_ends(weir_job *job, int64_t step, int64_t planned, double share);

/* ---- Encoders -------------------------------------------------------------------------------- */

typedef enum weir_activation {
    WEIR_LINEAR,  /* any real */
    WEIR_SIGMOID, /* [0, 1] */
    WEIR_TANH,    /* [-1, 1] */
    WEIR_SOFTMAX  /* the segment is one distribution */
} weir_activation;

/* A run of an encoding's values and the activation that an output layer wants for it. */
typedef struct weir_segment {
    char name[64]; /* "srcip" */
    uint32_t width;
    weir_activation activation;
} weir_segment;

typedef struct weir_layout {
    uint32_t width; /* sum of the segments' */
    uint32_t count;
    const weir_segment *segments;
} weir_layout;

typedef enum weir_unit { WEIR_PER_ROW, WEIR_PER_FLOW } weir_unit;

typedef struct weir_encoder_plugin {
    WEIR_PLUGIN_HEAD;
    weir_unit unit; /* what a row of the encoding stands for */
    /* Learns ranges, dictionaries … and adds the layout's segments (weir_layout_add). */
    int (*fit)(weir_job *job, const weir_dataset *train, void *state);
    /* rows[n]: row or flow numbers of data; out: [n][width], all of it to be written. */
    int (*encode)(weir_job *job, const void *state, const weir_dataset *data, const uint32_t *rows,
                  size_t n, float *out);
    /* in: [n][width], any finite values; writes the columns it stands for into rows 0 … n-1 of out,
     * adding those that out lacks. Per flow: a row of out is a flow then. */
    int (*decode)(weir_job *job, const void *state, const float *in, size_t n, weir_table *out);
    int (*save)(weir_job *job, const void *state,
                weir_archive *to); /* the layout is saved by the core */
    int (*load)(weir_job *job, void *state, const weir_archive *from);
    void (*free)(weir_job *job, void *state); /* optional */
} weir_encoder_plugin;

/* In an encoder's fit: appends a segment. */
WEIR_API int weir_layout_add(weir_job *job, const char *name, uint32_t width,
                             weir_activation activation);

/* An encoder lent to a generator. */
typedef struct weir_encoder weir_encoder;

/* The encoder in a role of this generator. In fit it is new (weir_encoder_fit comes first); in
 * sample, after load, in a resumed fit, in a part after part 0 and in join it is as it was fitted,
 * and fitting it again is an error. Borrowed for the instance's life; the same when
 * asked again; saved inside the model by the core. NULL on failure, with the error recorded. */
WEIR_API weir_encoder *weir_encoder_open(weir_job *job, const char *role);
WEIR_API int weir_encoder_fit(weir_encoder *encoder, const weir_dataset *train);
WEIR_API const weir_layout *weir_encoder_layout(const weir_encoder *encoder);
WEIR_API weir_unit weir_encoder_unit(const weir_encoder *encoder);
/* As the callbacks above. Errors go to the generator's job. */
WEIR_API int weir_encode(weir_encoder *encoder, const weir_dataset *data, const uint32_t *rows,
                         size_t n, float *out);
WEIR_API int weir_decode(weir_encoder *encoder, const float *in, size_t n, weir_table *out);

/* ---- Metrics and downstream tasks ------------------------------------------------------------ */

typedef enum weir_better { WEIR_LOWER, WEIR_HIGHER, WEIR_NEITHER } weir_better;
/* The declared bad generator whose score is the ceiling of a feature. */
typedef enum weir_ceiling {
    WEIR_CEILING_NONE,
    WEIR_CEILING_MARGINALS,
    WEIR_CEILING_UNIFORM
} weir_ceiling;
/* Canaries whose output a feature must score as worse than the real-versus-real floor, or, for
 * WEIR_SEES_COPY, must tell from an honest generator (a distance of 0, an overlap of 1). */
enum {
    WEIR_SEES_COPY = 1u << 0,
    WEIR_SEES_TIME_SHUFFLE = 1u << 1,
    WEIR_SEES_MARGINALS = 1u << 2,
    WEIR_SEES_UNIFORM = 1u << 3
};

/* One number of a metric: what it is, and what it needs. */
typedef struct weir_feature {
    const char *label;      /* short: "IT"; NULL ends the list */
    const char *title;      /* "interarrival time" */
    const char *unit;       /* SI: "s", "bytes", "bytes/s", "packets"; "" for a pure number */
    const char *definition; /* one or two sentences: sample set, distance, source */
    weir_better better;
    uint32_t schemas;    /* WEIR_PACKETS | … for which it is defined */
    uint32_t needs;      /* WEIR_TIMESTAMPS | WEIR_FLOWS | WEIR_LABELS */
    const char *columns; /* optional columns it needs, "ttl,tos"; NULL for none */
    weir_ceiling ceiling;
    uint32_t sees; /* WEIR_SEES_… */
} weir_feature;

typedef struct weir_metric {
    WEIR_PLUGIN_HEAD;
    const weir_feature *features;
    int (*score)(weir_job *job, const weir_dataset *real, const weir_dataset *synthetic);
} weir_metric;

typedef struct weir_downstream {
    WEIR_PLUGIN_HEAD;
    const weir_feature *features;
    bool needs_test; /* real_test is never NULL */
    /* real_test: held-out real data, or NULL. */
    int (*score)(weir_job *job, const weir_dataset *real_train, const weir_dataset *real_test,
                 const weir_dataset *synthetic);
} weir_downstream;

/* Whether to compute a feature: it is asked for (the plugin's LIST option `features`, if it has one
 * and it is not empty), and the schema, the columns and what the synthetic data holds allow it.
 * What does not apply has been recorded as n/a, with the reason, by the core. */
WEIR_API bool weir_wanted(weir_job *job, const char *feature);
/* Records a score. n_real, n_synthetic: sizes of the two samples. A value that is not finite, a
 * feature that the descriptor does not declare, or one scored twice in one variant is an error. */
WEIR_API int weir_score(weir_job *job, const char *feature, double value, size_t n_real,
                        size_t n_synthetic);
/* Records that a feature has no value here, and why ("no flow has 20 occupied bins"). */
WEIR_API int weir_score_na(weir_job *job, const char *feature, const char *format, ...)
    WEIR_PRINTF(3, 4);
/* The variant and the unit of the scores that follow. variant: NULL for the text of the option
 * `variant` if there is one, else "", which is what holds without this call. unit: NULL for the
 * declared one. */
WEIR_API int weir_score_as(weir_job *job, const char *variant, const char *unit);

/* ---- Declaring a plugin ---------------------------------------------------------------------- */

/* Raised by hand when the meaning of a callback or of a service changes; the struct sizes catch the
 * rest. The loader compares for equality. */
#define WEIR_ABI_NUMBER 1u
#define WEIR_ABI                                                                                   \
    ((uint64_t)WEIR_ABI_NUMBER << 48 | (uint64_t)sizeof(weir_option) << 36 |                       \
     (uint64_t)sizeof(weir_generator) << 24 | (uint64_t)sizeof(weir_encoder_plugin) << 12 |        \
     (uint64_t)(sizeof(weir_metric) + sizeof(weir_downstream) + sizeof(weir_feature)))

/* The one symbol that a plugin exports. */
#define WEIR_PLUGIN_SYMBOL "weir_plugin_descriptor"
#define WEIR_DESCRIPTOR(type, kind_value, plugin_name, ...)                                        \
    extern WEIR_API const type weir_plugin_descriptor;                                             \
    WEIR_API const type weir_plugin_descriptor = {                                                 \
        .abi = WEIR_ABI, .kind = kind_value, .name = #plugin_name, __VA_ARGS__}
#define WEIR_GENERATOR(name, ...)                                                                  \
    WEIR_DESCRIPTOR(weir_generator, WEIR_KIND_GENERATOR, name, __VA_ARGS__)
#define WEIR_ENCODER(name, ...)                                                                    \
    WEIR_DESCRIPTOR(weir_encoder_plugin, WEIR_KIND_ENCODER, name, __VA_ARGS__)
#define WEIR_METRIC(name, ...) WEIR_DESCRIPTOR(weir_metric, WEIR_KIND_METRIC, name, __VA_ARGS__)
#define WEIR_DOWNSTREAM(name, ...)                                                                 \
    WEIR_DESCRIPTOR(weir_downstream, WEIR_KIND_DOWNSTREAM, name, __VA_ARGS__)

#endif
