/* fingerprint: its options, what its classifiers see, and their common form. README.md defines the
 * scores. */
#ifndef FINGERPRINT_H
#define FINGERPRINT_H

#include <weir/plugin.h>

enum fp_input { FP_IMAGES, FP_SERIES };

struct fp_options {
    weir_list features;
    weir_list classifiers;
    int input;
    int64_t side;
    double first;
    int64_t level;
    weir_list rare;
    weir_list legitimate;
    int64_t members;
    int64_t steps;
    double smoothing;
    int64_t trees;
    int64_t rounds;
    int64_t depth;
};

/* All series, first the real ones of training, then the synthetic, then the real ones of the test:
 * what a scenario trains on is a run of rows. Memory is the job's. */
enum fp_part { FP_REAL, FP_SYNTHETIC, FP_TEST, FP_PARTS };
struct fp_data {
    size_t begin[FP_PARTS + 1];
    uint32_t *class; /* [rows] into names */
    uint32_t classes;
    const char **names; /* [classes] labels, cut to the level */
    uint32_t height, width, channels;
    float *x; /* [rows][height][width][channels], in [0, 1]; NULL where no network is asked for */
    size_t places;
    float *flat; /* [rows][places]: the same without what an image holds twice; NULL where no other
                    classifier is asked for */
};

/* A training set. */
struct fp_train {
    size_t count;
    uint32_t classes;
    const uint32_t *label; /* [count], below classes */
    const float *x;        /* [count][height][width][channels], or NULL */
    const float *flat;     /* [count][places], or NULL */
    int64_t before, all;   /* of `all` fits of the job `before` are done */
};

/* Series to predict the class of. */
struct fp_unseen {
    size_t count;
    const float *x, *flat; /* as above */
};

/* data.c. Classes and what the classifiers see; networks, others: which of the two forms are
 * needed. The real parts have rows. */
int fp_data_open(weir_job *job, const weir_dataset *const part[FP_PARTS], bool networks,
                 bool others, struct fp_data *data);
static inline size_t fp_rows(const struct fp_data *data, enum fp_part part)
{
    return data->begin[part + 1] - data->begin[part];
}
/* The class of a label, or UINT32_MAX. */
uint32_t fp_class(const struct fp_data *data, const char *label);

/* Reports that a share at / of of the fit that `train` is for is done. */
static inline int fp_progress(weir_job *job, const struct fp_train *train, int64_t at, int64_t of)
{
    const double fit = 1000;

    return weir_progress(job, (int64_t)(fit * ((double)train->before + (double)at / (double)of)),
                         (int64_t)fit * train->all);
}

/* The classifiers: trained on `train`, their class for every unseen series into out [count].
 * stream: the name of the random stream. */
/* bayes.c. Gaussian naive Bayes. joint, unless NULL: [count][classes], log p(class) + log p(x |
 * class). */
int fp_bayes(weir_job *job, double smoothing, size_t places, const struct fp_train *train,
             const struct fp_unseen *unseen, double *joint, uint32_t *out);
/* trees.c. A random forest and boosted trees, by XGBoost. */
bool fp_has_xgboost(void);
int fp_forest(weir_job *job, const char *stream, size_t places, const struct fp_train *train,
              const struct fp_unseen *unseen, uint32_t *out);
int fp_boosted(weir_job *job, const char *stream, size_t places, const struct fp_train *train,
               const struct fp_unseen *unseen, uint32_t *out);

/* networks.c. A convolutional network or a multilayer perceptron, by <weir/classifier.h>. */
int fp_network(weir_job *job, bool cnn, const char *stream, const struct fp_data *data,
               const struct fp_train *train, const struct fp_unseen *unseen, uint32_t *out);
/* The entropy of the mean prediction of several convolutional networks, in nats: entropy [unseen].
 */
int fp_ensemble(weir_job *job, const char *stream, const struct fp_data *data,
                const struct fp_train *train, const struct fp_unseen *unseen, double *entropy);

/* uncertainty.c. */
struct fp_unsure {
    double legitimate, anomalous; /* mean entropies of the test series, nats */
    double auc;
    size_t n_legitimate, n_anomalous, trained;
    char reason[200]; /* why there is none; empty if there is */
};
/* An ensemble trained on the legitimate rows among first … end of data; `before` of `all` fits of
 * the job are done. legitimate: [classes]. */
int fp_uncertainty(weir_job *job, const char *stream, const struct fp_data *data,
                   const bool *legitimate, size_t first, size_t end, int64_t before, int64_t all,
                   struct fp_unsure *unsure);

/* measure.c. */
/* The share of right predictions, and the mean of F1 over the classes that occur among `class`;
 * only: of those classes only (classes [classes], or NULL for all). The number of series that the
 * accuracy is of goes to *n, which must not come out as 0. */
struct fp_measured {
    double accuracy, f1;
    size_t n;
};
int fp_measure(weir_job *job, const uint32_t *class, const uint32_t *predicted, size_t count,
               uint32_t classes, const bool *only, struct fp_measured *measured);
/* Entropy of a distribution in nats. */
double fp_entropy(const double *p, size_t n);
/* The probability that a value of `high` exceeds one of `low`, ties counting one half; both
 * nonempty. NaN on failure, with the error recorded. */
double fp_auc(weir_job *job, const double *low, size_t n_low, const double *high, size_t n_high);

#endif
