/* What an experiment has declared: checked and completed, for the planner. */
#ifndef WEIR_RUN_DECLARE_H
#define WEIR_RUN_DECLARE_H

#include "run/experiment.h"

/* A metric that a choice goes by. */
typedef struct weir_choice {
    const weir_loaded *loaded;
    json_t *options; /* resolved */
} weir_choice;

/* A generator to train and to sample from. */
typedef struct weir_generate {
    json_t *declared; /* as given, with train, seed, label and request always there */
    const weir_loaded *loaded;
    json_t *options;      /* resolved */
    json_t *encoders;     /* role -> { encoder, options, path, build }, resolved; may be empty */
    json_t *budget;       /* weir_budget_resolve's; NULL: none */
    json_t *select;       /* { method, validation, by, candidates, keep }; NULL: none */
    weir_choice *metrics; /* of the select */
    size_t metric_count;
    bool fit_only; /* nothing is sampled */
    bool ceiling;  /* declared by a floor: left out where the generator does not take the data */
} weir_generate;

/* A metric or downstream task to compute. */
typedef struct weir_rating {
    json_t *declared; /* as given, with dataset, generator, label and seed (or null) always there */
    const weir_loaded *loaded; /* NULL for a Lua metric */
    json_t *options;           /* resolved */
    int synthetic;             /* a handle; -1: declared.synthetic is a source */
} weir_rating;

struct weir_experiment {
    char *name, *script;
    weir_registry *registry;
    weir_generate *generates;
    size_t generate_count;
    weir_rating *ratings;
    size_t rating_count;
    json_t *known;  /* canonical text of a declaration -> its number */
    char *folder;   /* of the store, after run */
    json_t *rows;   /* of scores.csv, after run */
    json_t *models; /* by handle, after run: the folder of the job with the model, or null */
    json_t *data;   /* by handle, after run: the synthetic data as a source, or null */
};

/* The descriptor as the kind it is; NULL if it is of another kind. */
const weir_generator *weir_as_generator(const weir_loaded *loaded);
/* The features of a metric or downstream task; NULL for other kinds. */
const weir_feature *weir_features_of(const weir_loaded *loaded);

/* As weir_experiment_generate and weir_experiment_score, without the place in the script in front
 * of errors. names: members that replace the score's dataset, generator, label and seed (NULL:
 * none). */
int weir_declare_generate(weir_experiment *experiment, const json_t *declaration, bool ceiling,
                          weir_error *error);
int weir_declare_score(weir_experiment *experiment, const json_t *declaration, const json_t *names,
                       weir_error *error);
/* The declaration's `select` into made->select and made->metrics; nothing where there is none. */
int weir_declare_select(weir_experiment *experiment, const json_t *declaration, weir_generate *made,
                        weir_error *error);
void weir_declare_select_free(weir_generate *made);
/* Hands on the error found in a declaration, with its `where` in front. Returns the status. */
int weir_declare_failed(const json_t *declaration, weir_error *found, weir_error *error);

#endif
