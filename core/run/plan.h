/* The plan: every job that an experiment's declarations ask for, with what each needs. Keys are
 * made as data appears, since a score's key holds the content of the synthetic data. */
#ifndef WEIR_RUN_PLAN_H
#define WEIR_RUN_PLAN_H

#include "run/declare.h"
#include "run/store.h"

/* Run options, made definite. */
typedef struct weir_settings {
    int jobs;           /* in parallel, 1 or more */
    int threads;        /* a job; 0: as declared, else 1 */
    const char *device; /* of generators' jobs, "cpu" or "cuda"; NULL: as declared, else "cpu" */
    uint64_t memory;    /* bytes a job; 0: as declared, else share */
    uint64_t share;     /* 0.8 of the machine's memory over jobs */
    double time;        /* s a job; 0: as declared, else 3600, but none for fit */
} weir_settings;

typedef enum weir_node_state {
    WEIR_WAITING, /* for what it needs */
    WEIR_READY,
    WEIR_RUNNING,
    WEIR_DONE,
    WEIR_FAILED
} weir_node_state;

typedef struct weir_node weir_node;
struct weir_node {
    const char *job;           /* "fit", "sample", "score", "select" */
    char *title;               /* "fit bootstrap on sample, seed 1" */
    const weir_loaded *loaded; /* NULL for a Lua metric */
    json_t *content, *spec;    /* of the key, of spec.json; whole once the node has its key */
    weir_node **needs;
    size_t need_count;
    uint64_t memory;
    double time;
    int threads;

    const struct weir_generate *made; /* of a select */
    bool expanded;                    /* a fit, a select: what follows from it is in the plan */
    bool tolerated;                   /* its failure is told by the select that needs it */

    weir_node_state state;
    char key[65];            /* "" until its needs are done */
    weir_node *twin;         /* an earlier node of the same key, whose results it takes */
    bool cached;             /* it was in the store */
    json_t *status, *output; /* of a done node, see weir_store_find */
    char *reason;            /* of a failed one */
    char phase[32];          /* while it runs */
    double started, fraction, seconds;
};

typedef struct weir_plan {
    const weir_experiment *experiment;
    weir_settings settings;
    weir_node **nodes;
    size_t count;
    weir_node **models;  /* by handle: a fit, the join of its parts, or the select after it; NULL
                            likewise */
    weir_node **samples; /* by handle; NULL for a ceiling that does not take the data */
    weir_node **scores;  /* by rating; NULL likewise */
    json_t *inputs;      /* identity -> entry of the manifest's inputs, with schema and columns */
    json_t *notes;       /* texts: what is allowed but should be known */
    json_t *known;       /* inside: canonical texts -> node numbers, identities */
} weir_plan;

/* Plans all that is declared. before: the inputs of an earlier manifest (may be NULL), which save
 * opening the traces again. NULL with the declaration's place in the error. */
weir_plan *weir_plan_new(const weir_experiment *experiment, const weir_settings *settings,
                         const json_t *before, weir_error *error);
void weir_plan_free(weir_plan *plan);
/* Completes a node whose needs are done: its inputs and its key. */
int weir_plan_key(weir_plan *plan, weir_node *node, const weir_store *store, weir_error *error);
/* After a fit is done: if it was part 0 of several, adds the other parts and what joins them, and
 * lets those who need the fit need the joined one. */
int weir_plan_expand(weir_plan *plan, weir_node *fit, weir_error *error);

/* ---- Choosing among candidates (plan_select.c) ----------------------------------------------- */

/* The choice that follows a fit: a node that needs it, or an equal one. */
weir_node *weir_plan_select(weir_plan *plan, const weir_generate *made, weir_node *fit,
                            const char *name, weir_error *error);
/* The training set without the validation set, and the validation set: of a generator with a choice
 * to follow. New sources. */
json_t *weir_select_source(const weir_generate *made, bool validation);
/* Of a select that is not in the store and whose fit is done: adds the jobs that sample and score
 * the candidates, or sends the fit back to be done again where they are gone. Whether it did; if
 * not, the select is ready, and its spec complete. */
bool weir_select_expand(weir_plan *plan, weir_node *node, const weir_store *store,
                        weir_error *error);
/* After a select is done: removes the candidates and what was sampled of them, unless they are to
 * stay or another select of the fit still needs them. */
void weir_select_tidy(const weir_plan *plan, const weir_node *node, const weir_store *store);
/* Whether a node may go on although this need of it failed. */
bool weir_select_tolerates(const weir_node *node, size_t need);

#endif
