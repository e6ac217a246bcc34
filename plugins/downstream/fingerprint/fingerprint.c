/* fingerprint: which site, application or device a series comes from, told by classifiers that were
 * trained on real, synthetic or both kinds of series. README.md defines it. Source: NetDiffus. */
#include "fingerprint.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <weir/stats.h>

static const weir_option options[] = {
    WEIR_LIST(struct fp_options, features, "", "features to compute; empty: all"),
    WEIR_LIST(struct fp_options, classifiers, "cnn,mlp,bayes,forest,xgboost",
              "of cnn, mlp, bayes, forest, xgboost"),
    WEIR_CHOICE(struct fp_options, input, "images|series",
                "what the classifiers see: fields (encoder gasf), or the values themselves"),
    WEIR_INT(struct fp_options, side, 0, 0, 512,
             "pixels of a side of the image; 0: 32 or the steps, whichever is less"),
    WEIR_REAL(struct fp_options, first, 1, 0.01, 1,
              "share of a series, from its beginning, that is seen (images are cropped)"),
    WEIR_INT(struct fp_options, level, 0, 0, 16,
             "components of a label that make a class, web/h2/article being three; 0: all"),
    WEIR_LIST(struct fp_options, rare, "", "classes that the scores are of; empty: all"),
    WEIR_LIST(struct fp_options, legitimate, "",
              "classes that the ensemble of ENT_LEGIT, ENT_ANOM and ENT_AUC learns; empty: none"),
    WEIR_INT(struct fp_options, members, 5, 1, 100, "networks of the ensemble"),
    WEIR_INT(struct fp_options, steps, 0, 0, 1000000,
             "cnn, mlp: steps of training; 0: 30 passes, at least 500 and at most 1500 steps"),
    WEIR_REAL(struct fp_options, smoothing, 1e-9, 0, 1,
              "bayes: added to variances, in units of the largest"),
    WEIR_INT(struct fp_options, trees, 50, 1, 10000, "forest: trees"),
    WEIR_INT(struct fp_options, rounds, 50, 1, 10000, "xgboost: rounds, of a tree a class each"),
    WEIR_INT(struct fp_options, depth, 6, 1, 30, "xgboost: depth of a tree"),
    WEIR_PRESET("quick", "side=16 classifiers=cnn,bayes,xgboost",
                "three classifiers at 16 x 16 pixels: a seventh of the time"),
    WEIR_PRESET("tiny", "side=8 steps=30 trees=5 rounds=3 members=2", "for tests"),
    WEIR_END};

#define NEEDS WEIR_SERIES, WEIR_LABELS, NULL, WEIR_CEILING_NONE, 0
static const weir_feature features[] = {
    {"ORI", "accuracy, trained on real series", "",
     "Share of the held-out real series whose class a classifier (the variant) trained on the real "
     "series tells. NetDiffus.",
     WEIR_NEITHER, NEEDS},
    {"SYN", "accuracy, trained on synthetic series", "",
     "The same trained on the synthetic series alone; classes that they lack count as wrong.",
     WEIR_HIGHER, NEEDS},
    {"BOTH", "accuracy, trained on real and synthetic series", "",
     "The same trained on the real and the synthetic series together.", WEIR_HIGHER, NEEDS},
    {"ORI_F1", "macro-F1, trained on real series", "",
     "Mean over the classes of the held-out real series of F1, trained as in ORI.", WEIR_NEITHER,
     NEEDS},
    {"SYN_F1", "macro-F1, trained on synthetic series", "", "The same, trained as in SYN.",
     WEIR_HIGHER, NEEDS},
    {"BOTH_F1", "macro-F1, trained on real and synthetic series", "",
     "The same, trained as in BOTH.", WEIR_HIGHER, NEEDS},
    {"SYN_REL", "accuracy on synthetic over real", "", "SYN over ORI of a classifier.", WEIR_HIGHER,
     NEEDS},
    {"AGREE", "agreement on the classifiers", "",
     "Spearman's rho between ORI and SYN over the classifiers, three or more: whether synthetic "
     "series rank classifiers as real ones do.",
     WEIR_HIGHER, NEEDS},
    {"ENT_LEGIT", "uncertainty of legitimate series", "nats",
     "Mean entropy of the mean prediction of an ensemble trained on the legitimate classes (option "
     "legitimate) of real, synthetic or both kinds of series (the variant ori, syn, both), over "
     "the "
     "held-out real series of those classes. NetDiffus.",
     WEIR_NEITHER, NEEDS},
    {"ENT_ANOM", "uncertainty of anomalous series", "nats",
     "The same over the held-out real series of the other classes.", WEIR_NEITHER, NEEDS},
    {"ENT_AUC", "anomalies told by uncertainty", "",
     "Probability that an anomalous series has a larger entropy than a legitimate one: the area "
     "under the ROC curve.",
     WEIR_HIGHER, NEEDS},
    {0}};

/* ---- What is asked for ----------------------------------------------------------------------- */

enum scenario { ORI, SYN, BOTH, SCENARIOS };
static const char *const scenario_names[SCENARIOS] = {"original", "synth", "both"};
static const char *const accuracy_names[SCENARIOS] = {"ORI", "SYN", "BOTH"};
static const char *const f1_names[SCENARIOS] = {"ORI_F1", "SYN_F1", "BOTH_F1"};

static const char *const variants[SCENARIOS] = {"ori", "syn", "both"};
static const char *const entropies[] = {"ENT_LEGIT", "ENT_ANOM", "ENT_AUC"};

enum kind { CNN, MLP, BAYES, FOREST, XGBOOST, KINDS };
static const char *const kind_names[KINDS] = {"cnn", "mlp", "bayes", "forest", "xgboost"};

struct scenario_set {
    bool wanted;
    struct fp_train train;
    const uint32_t *classes; /* [train.classes] the class of each of its own */
    char reason[200];        /* why nothing can be trained on it; empty if it can */
};

struct result {
    struct fp_measured measured;
    char reason[200]; /* why there is none; empty if there is */
};

struct task {
    weir_job *job;
    const struct fp_options *o;
    size_t kinds;
    enum kind kind[KINDS];
    bool unsure; /* whether a feature of uncertainty is wanted */
    struct fp_data data;
    struct scenario_set sets[SCENARIOS];
    const bool *only;       /* [data.classes] those that the scores are of; NULL for all */
    const bool *legitimate; /* [data.classes] NULL where no uncertainty is asked for */
    int64_t fits, done;     /* of all classifiers and members; of them, finished */
    uint32_t *predicted;
    struct result results[KINDS][SCENARIOS];
};

static int read_kinds(struct task *task)
{
    const weir_list *list = &task->o->classifiers;

    if (!list->count)
        return weir_fail(task->job, WEIR_EOPTION, "option classifiers names none");
    for (size_t i = 0; i < list->count; i++) {
        int kind = 0;

        while (kind < KINDS && strcmp(list->items[i], kind_names[kind]) != 0)
            kind++;
        if (kind == KINDS)
            return weir_fail(task->job, WEIR_EOPTION,
                             "option classifiers: '%.60s' is none of cnn, mlp, bayes, forest, "
                             "xgboost",
                             list->items[i]);
        for (size_t j = 0; j < task->kinds; j++)
            if (task->kind[j] == (enum kind)kind)
                return weir_fail(task->job, WEIR_EOPTION, "option classifiers names %s twice",
                                 kind_names[kind]);
        task->kind[task->kinds++] = (enum kind)kind;
    }
    return WEIR_OK;
}

/* Which scenarios the wanted features need, and how many fits that makes. */
static void read_wanted(struct task *task)
{
    bool ratio = weir_wanted(task->job, "SYN_REL"), agreement = weir_wanted(task->job, "AGREE");

    for (int s = 0; s < SCENARIOS; s++) {
        task->sets[s].wanted = weir_wanted(task->job, accuracy_names[s]) ||
                               weir_wanted(task->job, f1_names[s]) ||
                               (s != BOTH && (ratio || agreement));
        task->fits += task->sets[s].wanted ? (int64_t)task->kinds : 0;
    }
    for (int e = 0; e < 3; e++)
        task->unsure = task->unsure || weir_wanted(task->job, entropies[e]);
    task->fits += task->unsure && task->o->legitimate.count ? SCENARIOS * task->o->members : 0;
}

/* Flags of the classes that an option lists, each of which the test data must have. */
static int read_classes(struct task *task, const weir_list *list, const char *option,
                        const bool **flags)
{
    const struct fp_data *data = &task->data;
    bool *flag = weir_alloc(task->job, data->classes, sizeof *flag);

    if (!flag)
        return weir_job_error(task->job)->status;
    for (size_t i = 0; i < list->count; i++) {
        uint32_t class = fp_class(data, list->items[i]);
        size_t at = data->begin[FP_TEST];

        while (at < data->begin[FP_PARTS] && data->class[at] != class)
            at++;
        if (at == data->begin[FP_PARTS])
            return weir_fail(task->job, WEIR_EOPTION,
                             "option %s: no series of the real test data has the class '%.100s'",
                             option, list->items[i]);
        flag[class] = true;
    }
    *flags = flag;
    return WEIR_OK;
}

/* ---- Training sets --------------------------------------------------------------------------- */

/* Says which classes of the test the set lacks, whose series it gets wrong. */
static void say_missing(struct task *task, enum scenario s, const uint32_t *own)
{
    const struct fp_data *data = &task->data;
    const struct fp_train *train = &task->sets[s].train;
    bool there[512] = {false};
    size_t lost = 0, kinds = 0;

    for (size_t i = data->begin[FP_TEST]; i < data->begin[FP_PARTS]; i++) {
        uint32_t class = data->class[i];

        if (own[class] != UINT32_MAX)
            continue;
        lost++;
        if (class < 512 && !there[class]) {
            there[class] = true;
            if (++kinds <= 5)
                weir_log(task->job, "%s: no series of class '%s' to learn from", scenario_names[s],
                         data->names[class]);
        }
    }
    weir_log(task->job,
             "%s: %zu series of %u classes to learn from; %zu of the %zu test series "
             "are of a class that it lacks and count as wrong",
             scenario_names[s], train->count, train->classes, lost, fp_rows(data, FP_TEST));
}

/* The rows first … end as a training set: its own classes are those that it has. */
static int open_set(struct task *task, enum scenario s, size_t first, size_t end)
{
    const struct fp_data *data = &task->data;
    struct scenario_set *set = &task->sets[s];
    size_t pixels = (size_t)data->height * data->width * data->channels;
    uint32_t *own = weir_alloc(task->job, data->classes, sizeof *own);
    uint32_t *classes = weir_alloc(task->job, data->classes, sizeof *classes);
    uint32_t *label = weir_alloc(task->job, end - first + 1, sizeof *label);

    if (!own || !classes || !label)
        return weir_job_error(task->job)->status;
    memset(own, 0xff, data->classes * sizeof *own);
    for (size_t i = first; i < end; i++) {
        uint32_t class = data->class[i];

        if (own[class] == UINT32_MAX) {
            own[class] = set->train.classes;
            classes[set->train.classes++] = class;
        }
        label[i - first] = own[class];
    }
    set->train.count = end - first;
    set->train.label = label;
    set->train.x = data->x ? data->x + first * pixels : NULL;
    set->train.flat = data->flat ? data->flat + first * data->places : NULL;
    set->classes = classes;
    if (!set->train.count)
        snprintf(set->reason, sizeof set->reason, "the %s data has no series",
                 s == SYN ? "synthetic" : "real training");
    else if (set->train.classes < 2)
        snprintf(set->reason, sizeof set->reason,
                 "there is one class only to learn from ('%.100s')", data->names[classes[0]]);
    else
        say_missing(task, s, own);
    return WEIR_OK;
}

/* The rows that a scenario trains on: first_row … end_row - 1. */
static size_t first_row(const struct task *task, enum scenario s)
{
    return task->data.begin[s == SYN ? FP_SYNTHETIC : FP_REAL];
}

static size_t end_row(const struct task *task, enum scenario s)
{
    return task->data.begin[s == ORI ? FP_SYNTHETIC : FP_TEST];
}

static int open_sets(struct task *task)
{
    for (int s = 0; s < SCENARIOS; s++)
        if (task->sets[s].wanted &&
            open_set(task, (enum scenario)s, first_row(task, (enum scenario)s),
                     end_row(task, (enum scenario)s)))
            return weir_job_error(task->job)->status;
    if (!fp_rows(&task->data, FP_SYNTHETIC))
        snprintf(task->sets[BOTH].reason, sizeof task->sets[BOTH].reason,
                 "the synthetic data has no series");
    return WEIR_OK;
}

/* ---- Training and testing -------------------------------------------------------------------- */

static int predict(struct task *task, enum kind kind, enum scenario s,
                   const struct fp_unseen *unseen)
{
    struct fp_train *train = &task->sets[s].train;
    size_t places = task->data.places;
    uint32_t *out = task->predicted;
    char stream[64];

    snprintf(stream, sizeof stream, "%s/%s", kind_names[kind], scenario_names[s]);
    train->before = task->done++;
    train->all = task->fits;
    switch (kind) {
    case CNN:
    case MLP:
        return fp_network(task->job, kind == CNN, stream, &task->data, train, unseen, out);
    case BAYES:
        return fp_bayes(task->job, task->o->smoothing, places, train, unseen, NULL, out);
    case FOREST:
        return fp_forest(task->job, stream, places, train, unseen, out);
    default:
        return fp_boosted(task->job, stream, places, train, unseen, out);
    }
}

static int test(struct task *task, enum kind kind, enum scenario s)
{
    const struct fp_data *data = &task->data;
    const struct scenario_set *set = &task->sets[s];
    struct result *result = &task->results[kind][s];
    size_t first = data->begin[FP_TEST], n = fp_rows(data, FP_TEST);
    size_t pixels = (size_t)data->height * data->width * data->channels;
    struct fp_unseen unseen = {.count = n,
                               .x = data->x ? data->x + first * pixels : NULL,
                               .flat = data->flat ? data->flat + first * data->places : NULL};

    memcpy(result->reason, set->reason, sizeof result->reason);
    if ((kind == FOREST || kind == XGBOOST) && !fp_has_xgboost())
        snprintf(result->reason, sizeof result->reason,
                 "Weir was built without XGBoost (libxgboost-dev)");
    if (result->reason[0])
        return WEIR_OK;
    if (predict(task, kind, s, &unseen))
        return weir_job_error(task->job)->status ? (int)weir_job_error(task->job)->status
                                                 : WEIR_ECANCEL;
    for (size_t i = 0; i < n; i++)
        task->predicted[i] = set->classes[task->predicted[i]];
    return fp_measure(task->job, data->class + first, task->predicted, n, data->classes, task->only,
                      &result->measured);
}

/* ---- Scores ---------------------------------------------------------------------------------- */

static int answer(struct task *task, const char *feature, const char *reason, double value,
                  size_t n_real, size_t n_synthetic)
{
    if (!weir_wanted(task->job, feature))
        return WEIR_OK;
    if (reason[0])
        return weir_score_na(task->job, feature, "%s", reason);
    return weir_score(task->job, feature, value, n_real, n_synthetic);
}

static int score_kind(struct task *task, enum kind kind)
{
    const struct result *results = task->results[kind];
    size_t synthetic = fp_rows(&task->data, FP_SYNTHETIC);
    const char *reason = results[ORI].reason[0] ? results[ORI].reason : results[SYN].reason;
    double ori = results[ORI].measured.accuracy, syn = results[SYN].measured.accuracy;

    if (weir_score_as(task->job, kind_names[kind], NULL))
        return weir_job_error(task->job)->status;
    for (int s = 0; s < SCENARIOS; s++) {
        const struct fp_measured *m = &results[s].measured;
        size_t n = s == ORI ? 0 : synthetic;

        if (answer(task, accuracy_names[s], results[s].reason, m->accuracy, m->n, n) ||
            answer(task, f1_names[s], results[s].reason, m->f1, m->n, n))
            return weir_job_error(task->job)->status;
    }
    if (!reason[0] && !(ori > 0))
        reason = "ORI is 0";
    return answer(task, "SYN_REL", reason, syn / (ori > 0 ? ori : 1), results[ORI].measured.n,
                  synthetic);
}

static int score_agreement(struct task *task)
{
    double ori[KINDS], syn[KINDS], rho;
    char reason[100] = "";
    size_t n = 0;

    if (!weir_wanted(task->job, "AGREE"))
        return WEIR_OK;
    for (size_t i = 0; i < task->kinds; i++) {
        const struct result *results = task->results[task->kind[i]];

        if (results[ORI].reason[0] || results[SYN].reason[0])
            continue;
        ori[n] = results[ORI].measured.accuracy;
        syn[n++] = results[SYN].measured.accuracy;
    }
    rho = n < 3 ? NAN : weir_spearman(ori, syn, n, weir_job_error(task->job));
    if (weir_job_error(task->job)->status)
        return weir_job_error(task->job)->status;
    if (n < 3)
        snprintf(reason, sizeof reason, "both scores of %zu of the classifiers; 3 are needed", n);
    else if (isnan(rho))
        snprintf(reason, sizeof reason, "all %zu classifiers have one accuracy", n);
    if (weir_score_as(task->job, NULL, NULL))
        return weir_job_error(task->job)->status;
    return answer(task, "AGREE", reason, rho, n, n);
}

static int score_uncertainty(struct task *task, enum scenario s)
{
    const struct fp_data *data = &task->data;
    size_t first = first_row(task, s), end = end_row(task, s), synthetic = 0;
    struct fp_unsure unsure;
    char stream[64];
    int status;

    if (s == BOTH && !fp_rows(data, FP_SYNTHETIC))
        end = first; /* nothing but what ORI has */
    snprintf(stream, sizeof stream, "ensemble/%s", scenario_names[s]);
    status = fp_uncertainty(task->job, stream, data, task->legitimate, first, end, task->done,
                            task->fits, &unsure);
    task->done += task->o->members;
    if (status || weir_score_as(task->job, variants[s], NULL))
        return status ? status : (int)weir_job_error(task->job)->status;
    for (size_t i = data->begin[FP_SYNTHETIC]; s != ORI && i < data->begin[FP_TEST]; i++)
        synthetic += task->legitimate[data->class[i]];
    if (answer(task, "ENT_LEGIT", unsure.reason, unsure.legitimate, unsure.n_legitimate,
               synthetic) ||
        answer(task, "ENT_ANOM", unsure.reason, unsure.anomalous, unsure.n_anomalous, synthetic) ||
        answer(task, "ENT_AUC", unsure.reason, unsure.auc, fp_rows(data, FP_TEST), synthetic))
        return weir_job_error(task->job)->status;
    return WEIR_OK;
}

static int score_uncertainties(struct task *task)
{
    int status = WEIR_OK;

    if (!task->unsure)
        return WEIR_OK;
    if (task->legitimate) {
        for (int s = 0; s < SCENARIOS && !status; s++)
            status = score_uncertainty(task, (enum scenario)s);
        return status;
    }
    status = weir_score_as(task->job, NULL, NULL);
    for (int e = 0; e < 3 && !status; e++)
        status = answer(task, entropies[e], "the option legitimate names no class", 0, 0, 0);
    return status;
}

/* Every wanted feature is n/a, for a reason that no classifier can help. */
static int score_none(weir_job *job, const char *reason)
{
    for (const weir_feature *f = features; f->label; f++)
        if (weir_wanted(job, f->label) && weir_score_na(job, f->label, "%s", reason))
            return weir_job_error(job)->status;
    return WEIR_OK;
}

static int open_task(struct task *task, const weir_dataset *const part[FP_PARTS])
{
    weir_job *job = task->job;
    bool networks = task->unsure && task->o->legitimate.count, others = false;

    for (size_t i = 0; i < task->kinds; i++) {
        networks = networks || task->kind[i] <= MLP;
        others = others || task->kind[i] > MLP;
    }
    if (fp_data_open(job, part, networks, others, &task->data))
        return weir_job_error(job)->status ? (int)weir_job_error(job)->status : WEIR_ECANCEL;
    task->predicted = weir_alloc(job, fp_rows(&task->data, FP_TEST), sizeof *task->predicted);
    if (!task->predicted || open_sets(task) ||
        (task->o->rare.count && read_classes(task, &task->o->rare, "rare", &task->only)) ||
        (task->o->legitimate.count &&
         read_classes(task, &task->o->legitimate, "legitimate", &task->legitimate)))
        return weir_job_error(job)->status;
    return WEIR_OK;
}

static int score(weir_job *job, const weir_dataset *real_train, const weir_dataset *real_test,
                 const weir_dataset *synthetic)
{
    const weir_dataset *const part[FP_PARTS] = {real_train, synthetic, real_test};
    struct task task = {.job = job, .o = weir_options(job)};
    int status;

    if (read_kinds(&task))
        return weir_job_error(job)->status;
    if (!weir_dataset_rows(real_train) || !weir_dataset_rows(real_test))
        return score_none(job, weir_dataset_rows(real_train)
                                   ? "the real test data has no series"
                                   : "the real training data has no series");
    read_wanted(&task);
    status = open_task(&task, part);
    for (size_t i = 0; i < task.kinds && !status; i++) {
        for (int s = 0; s < SCENARIOS && !status; s++)
            status = task.sets[s].wanted ? test(&task, task.kind[i], (enum scenario)s) : WEIR_OK;
        status = status ? status : score_kind(&task, task.kind[i]);
    }
    status = status ? status : score_agreement(&task);
    return status ? status : score_uncertainties(&task);
}

WEIR_DOWNSTREAM(fingerprint,
                .summary = "telling classes of real series after training on synthetic ones",
                .reference = "NetDiffus (Sivaroopan et al., 2023)", .options = options,
                .options_size = sizeof(struct fp_options), .accepts = WEIR_SERIES,
                .features = features, .needs_test = true, .score = score);
