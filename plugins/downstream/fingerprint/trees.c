/* A random forest and boosted trees by XGBoost's C interface. Chen, Guestrin, XGBoost: a scalable
 * tree boosting system, KDD 2016; Breiman, Random forests, Machine Learning 2001. */
#include "fingerprint.h"

#ifndef FINGERPRINT_XGBOOST

bool fp_has_xgboost(void)
{
    return false;
}

static int missing(weir_job *job)
{
    return weir_fail(job, WEIR_EBUG, "trees without XGBoost");
}

int fp_forest(weir_job *job, const char *stream, size_t places, const struct fp_train *train,
              const struct fp_unseen *unseen, uint32_t *out)
{
    (void)stream, (void)places, (void)train, (void)unseen, (void)out;
    return missing(job);
}

int fp_boosted(weir_job *job, const char *stream, size_t places, const struct fp_train *train,
               const struct fp_unseen *unseen, uint32_t *out)
{
    (void)stream, (void)places, (void)train, (void)unseen, (void)out;
    return missing(job);
}

#else

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xgboost/c_api.h>

bool fp_has_xgboost(void)
{
    return true;
}

/* What both kinds of trees share. */
struct trees {
    weir_job *job;
    const struct fp_train *train;
    const struct fp_unseen *unseen;
    weir_random *random;
    DMatrixHandle learnt, asked;
    double *margin; /* [unseen][classes] */
};

static int failed(struct trees *trees, const char *what)
{
    return weir_fail(trees->job, WEIR_EDATA, "XGBoost: %s: %s", what, XGBGetLastError());
}

static void say_nothing(const char *text)
{
    (void)text;
}

static int open_matrix(struct trees *trees, const float *rows, size_t count, size_t places,
                       DMatrixHandle *matrix)
{
    if (XGDMatrixCreateFromMat_omp(rows, count, places, NAN, matrix, 1))
        return failed(trees, "a matrix");
    return WEIR_OK;
}

static void close_trees(struct trees *trees)
{
    if (trees->learnt)
        XGDMatrixFree(trees->learnt);
    if (trees->asked)
        XGDMatrixFree(trees->asked);
    free(trees->margin);
}

static int open_trees(struct trees *trees, const char *stream, size_t places)
{
    const struct fp_train *train = trees->train;

    trees->random = weir_stream(trees->job, stream);
    trees->margin = calloc(trees->unseen->count * train->classes, sizeof *trees->margin);
    if (!trees->margin)
        return weir_fail(trees->job, WEIR_ENOMEM, "out of memory (%zu predictions)",
                         trees->unseen->count);
    if (XGBRegisterLogCallback(say_nothing) || XGBSetGlobalConfig("{\"verbosity\": 0}"))
        return failed(trees, "its log");
    if (open_matrix(trees, train->flat, train->count, places, &trees->learnt) ||
        open_matrix(trees, trees->unseen->flat, trees->unseen->count, places, &trees->asked))
        return weir_job_error(trees->job)->status;
    if (XGDMatrixSetUIntInfo(trees->learnt, "label", train->label, train->count))
        return failed(trees, "labels");
    return WEIR_OK;
}

/* One thread: a level of a tree is too little work to share out. Threads that wait for each other
 * at its end take many times as long where the processors have anything else to do. */
static int set_all(struct trees *trees, BoosterHandle booster, const char *const (*settings)[2])
{
    char classes[16], seed[16];
    const char *const common[][2] = {{"objective", "multi:softprob"},
                                     {"tree_method", "exact"},
                                     {"num_class", classes},
                                     {"nthread", "1"},
                                     {"seed", seed},
                                     {NULL, NULL}};

    snprintf(classes, sizeof classes, "%" PRIu32, trees->train->classes);
    snprintf(seed, sizeof seed, "%" PRIu32, weir_random_u32(trees->random) >> 1);
    for (size_t pass = 0; pass < 2; pass++)
        for (const char *const(*at)[2] = pass ? settings : common; (*at)[0]; at++)
            if (XGBoosterSetParam(booster, (*at)[0], (*at)[1]))
                return failed(trees, (*at)[0]);
    return WEIR_OK;
}

/* Adds the booster's margins for the unseen series. */
static int add_margins(struct trees *trees, BoosterHandle booster)
{
    static const char how[] = "{\"type\": 1, \"training\": false, \"iteration_begin\": 0, "
                              "\"iteration_end\": 0, \"strict_shape\": false}";
    const bst_ulong *shape;
    const float *result;
    bst_ulong axes, n = 1;

    if (XGBoosterPredictFromDMatrix(booster, trees->asked, how, &shape, &axes, &result))
        return failed(trees, "a prediction");
    for (bst_ulong i = 0; i < axes; i++)
        n *= shape[i];
    if (n != trees->unseen->count * trees->train->classes)
        return weir_fail(trees->job, WEIR_EBUG, "XGBoost predicts %llu numbers for %zu series",
                         (unsigned long long)n, trees->unseen->count);
    for (size_t i = 0; i < n; i++)
        trees->margin[i] += (double)result[i];
    return WEIR_OK;
}

/* A booster of some rounds; `done` of `all` rounds stand before it. */
static int boost(struct trees *trees, const char *const (*settings)[2], int64_t rounds,
                 int64_t done, int64_t all)
{
    BoosterHandle booster = NULL;
    int status = WEIR_OK;

    if (XGBoosterCreate(&trees->learnt, 1, &booster))
        return failed(trees, "a booster");
    status = set_all(trees, booster, settings);
    for (int64_t round = 0; round < rounds && !status; round++) {
        if (fp_progress(trees->job, trees->train, done + round, all))
            status = WEIR_ECANCEL;
        else if (XGBoosterUpdateOneIter(booster, (int)round, trees->learnt))
            status = failed(trees, "a round");
    }
    if (!status)
        status = add_margins(trees, booster);
    XGBoosterFree(booster);
    return status;
}

/* The class of the largest margin, the first of equal ones. */
static void choose(const struct trees *trees, uint32_t *out)
{
    uint32_t classes = trees->train->classes;

    for (size_t i = 0; i < trees->unseen->count; i++) {
        const double *margin = trees->margin + i * classes;

        out[i] = 0;
        for (uint32_t c = 1; c < classes; c++)
            if (margin[c] > margin[out[i]])
                out[i] = c;
    }
}

/* XGBoost grows a forest in one call, which nothing can end early. A booster of one tree (for each
 * class) after another gives the same: all trees of a forest begin at the same margins, and its
 * margin is their mean, which orders the classes as their sum does. */
int fp_forest(weir_job *job, const char *stream, size_t places, const struct fp_train *train,
              const struct fp_unseen *unseen, uint32_t *out)
{
    const struct fp_options *o = weir_options(job);
    struct trees trees = {.job = job, .train = train, .unseen = unseen};
    char share[32];
    const char *const forest[][2] = {{"num_parallel_tree", "1"},   {"learning_rate", "1"},
                                     {"max_depth", "16"},          {"subsample", "0.632"},
                                     {"colsample_bylevel", share}, {"min_child_weight", "0"},
                                     {"reg_lambda", "0.001"},      {NULL, NULL}};
    int status = open_trees(&trees, stream, places);

    snprintf(share, sizeof share, "%.9g", 1 / sqrt((double)places));
    for (int64_t i = 0; i < o->trees && !status; i++)
        status = boost(&trees, forest, 1, i, o->trees);
    if (!status)
        choose(&trees, out);
    close_trees(&trees);
    return status;
}

int fp_boosted(weir_job *job, const char *stream, size_t places, const struct fp_train *train,
               const struct fp_unseen *unseen, uint32_t *out)
{
    const struct fp_options *o = weir_options(job);
    struct trees trees = {.job = job, .train = train, .unseen = unseen};
    char share[32], depth[24];
    const char *const boosted[][2] = {{"learning_rate", "0.3"},
                                      {"max_depth", depth},
                                      {"colsample_bylevel", share},
                                      {"min_child_weight", "0.1"},
                                      {NULL, NULL}};
    int status = open_trees(&trees, stream, places);

    /* A tenth of the places, but 32 where there are so many. */
    snprintf(share, sizeof share, "%.9g", fmin(fmax(0.1, 32 / (double)places), 1));
    snprintf(depth, sizeof depth, "%" PRId64, o->depth);
    if (!status)
        status = boost(&trees, boosted, o->rounds, 0, o->rounds);
    if (!status)
        choose(&trees, out);
    close_trees(&trees);
    return status;
}

#endif
