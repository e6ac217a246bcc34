/* frechet: the distance of normal distributions fitted to images of series, or to what a network
 * makes of them; over all series and within each label; and what was copied. README.md defines it.
 */
#include "frechet.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <weir/stats.h>

static const weir_option options[] = {
    WEIR_LIST(struct options, features, "", "features to compute; empty: all"),
    WEIR_CHOICE(struct options, map, "pca|classifier|inception",
                "what the distance is of: pixels; the penultimate layer of a network trained to "
                "tell the labels of the real images; Inception-v3's pooled features"),
    WEIR_FILE(struct options, weights,
              "map=inception: a safetensors file of torchvision's inception_v3"),
    WEIR_INT(struct options, components, 0, 0, 1024,
             "principal components that are kept; 0: 16 with map=pca, else the layer as it is"),
    WEIR_INT(struct options, side, 0, 0, 256,
             "pixels of a side of the images, 2 or more; 0: 32, or the steps if there are fewer"),
    WEIR_REAL(struct options, gamma, 0.25, 0.01, 10, "exponent of the images' gamma correction"),
    WEIR_INT(struct options, class_components, 4, 1, 1024,
             "FD_CLASS: principal components; labels with fewer than twice as many real series are "
             "left out"),
    WEIR_INT(struct options, queries, 1000, 1, 1000000000,
             "NN: series of each side whose nearest real one is looked for, drawn"),
    WEIR_INT(struct options, steps, 0, 0, 1000000,
             "map=classifier: steps of training; 0: by the number of series"),
    WEIR_BOOL(struct options, classes, false, "FD_CLASS of each label as well"),
    WEIR_PRESET("tiny", "side=8 steps=20", "for tests"),
    WEIR_END};

#define SEES (WEIR_SEES_COPY | WEIR_SEES_TIME_SHUFFLE | WEIR_SEES_MARGINALS | WEIR_SEES_UNIFORM)

static const weir_feature features[] = {
    {"FD", "Fréchet distance of images", "",
     "Squared distance of m and n, plus tr(S + T - 2 (ST)^(1/2)), m, S and n, T being mean and "
     "covariance of the real and the synthetic series' images (GASF) on a feature map: the "
     "variant, "
     "MAP-DIMENSION. As many series of either side. Heusel et al., 2017; NetDiffus.",
     WEIR_LOWER, WEIR_SERIES, 0, NULL, WEIR_CEILING_MARGINALS, SEES},
    {"FD_CLASS", "Fréchet distance within labels", "",
     "Mean over the labels of the real data of the same within one label, as many series of each "
     "label and side, on the first 4 principal components (option class_components). NetDiffus.",
     WEIR_LOWER, WEIR_SERIES, WEIR_LABELS, "label", WEIR_CEILING_MARGINALS, SEES},
    {"FD_CLASS_SD", "Fréchet distance within labels, deviation", "",
     "Standard deviation of it over the labels.", WEIR_NEITHER, WEIR_SERIES, WEIR_LABELS, "label",
     WEIR_CEILING_NONE, 0},
    {"NN", "distance to the nearest real series", "",
     "Median distance of a synthetic image to the nearest real one, over the median distance of a "
     "real one to the nearest other. 0 for copies, about 1 where synthetic series are as far from "
     "the real ones as those from each other.",
     WEIR_NEITHER, WEIR_SERIES, 0, NULL, WEIR_CEILING_NONE, WEIR_SEES_COPY},
    {"COPIES", "copies of real series", "",
     "Share of the synthetic series whose image is a real one's: the root mean square difference "
     "of their pixels is below half a grey level of 256.",
     WEIR_NEITHER, WEIR_SERIES, 0, NULL, WEIR_CEILING_NONE, WEIR_SEES_COPY},
    {"COPIES_REAL", "copies of real series, real data", "",
     "The same share of the real series, each looked for among the others: what a faithful set "
     "would show.",
     WEIR_NEITHER, WEIR_SERIES, 0, NULL, WEIR_CEILING_NONE, 0},
    {0}};

static const char *const labels[] = {"FD", "FD_CLASS", "FD_CLASS_SD",
                                     "NN", "COPIES",   "COPIES_REAL"};
static const char *const maps[] = {"pca", "classifier", "inception"};
#define FEATURES (sizeof labels / sizeof labels[0])
#define PCA_COMPONENTS 16
#define SERIES_A_DIMENSION 2 /* within a label, at least */

/* n/a for those of the first `count` features that are wanted. */
static int none(weir_job *job, size_t first, size_t count, const char *reason)
{
    int status = WEIR_OK;

    for (size_t i = first; i < first + count && !status; i++)
        if (weir_wanted(job, labels[i]))
            status = weir_score_na(job, labels[i], "%s", reason);
    return status;
}

void draw_rows(weir_job *job, const char *stream, uint32_t *rows, size_t of, size_t n)
{
    weir_random *random = weir_stream(job, stream);

    for (size_t i = 0; i < n && n < of; i++) {
        size_t other = i + (size_t)weir_random_below(random, of - i);
        uint32_t row = rows[i];

        rows[i] = rows[other];
        rows[other] = row;
    }
}

/* ---- The feature map --------------------------------------------------------------------------
 */

/* Points of both sides: count numbers each, those of falling variance first where `reduced`. */
struct space {
    size_t width;   /* of the map */
    size_t asked;   /* dimensions asked for */
    size_t count;   /* there are: fewer where the real points span fewer; 0: they are all equal */
    bool reduced;   /* to principal components */
    uint32_t *rows; /* room: [n] of the larger side */
    double *taken;  /* room: points of both sides, [2][n][count] */
};

static int put_points(weir_job *job, const struct pca *pca, struct side *side, size_t count,
                      bool reduced)
{
    side->points = weir_alloc(job, side->n * (count ? count : 1), sizeof *side->points);
    if (!side->points)
        return weir_job_error(job)->status;
    if (reduced)
        return pca_apply(job, pca, side->mapped, side->n, side->points);
    for (size_t i = 0; i < side->n * count; i++)
        side->points[i] = (double)side->mapped[i];
    return WEIR_OK;
}

static int open_map(weir_job *job, const weir_gasf *gasf, struct side *real, struct side *synthetic,
                    size_t *width)
{
    int map = ((const struct options *)weir_options(job))->map;

    if (map != MAP_PCA)
        return (map == MAP_INCEPTION ? map_inception : map_classifier)(job, gasf, real, synthetic,
                                                                       width);
    real->mapped = real->images;
    synthetic->mapped = synthetic->images;
    *width = real->pixels;
    return WEIR_OK;
}

/* Finds main axes of what the real images are mapped to, and puts both sides on them. */
static int reduce(weir_job *job, struct space *space, struct side *real, struct side *synthetic,
                  size_t wanted)
{
    struct pca pca;
    int status = pca_fit(job, &pca, real->mapped, real->n, space->width, wanted);

    if (status)
        return status;
    space->count = pca.count;
    space->reduced = true;
    status = put_points(job, &pca, real, space->count, true);
    return status ? status : put_points(job, &pca, synthetic, space->count, true);
}

static int open_space(weir_job *job, const weir_gasf *gasf, struct side *real,
                      struct side *synthetic, struct space *space)
{
    const struct options *o = weir_options(job);
    size_t larger = real->n > synthetic->n ? real->n : synthetic->n, wanted;
    int status = open_map(job, gasf, real, synthetic, &space->width);

    if (status)
        return status;
    space->count = space->width;
    wanted = o->components       ? (size_t)o->components
             : o->map == MAP_PCA ? PCA_COMPONENTS
                                 : space->width;
    space->asked = wanted < space->width ? wanted : space->width;
    if (o->map == MAP_PCA || wanted < space->width)
        status = reduce(job, space, real, synthetic, wanted);
    else if (!(status = put_points(job, NULL, real, space->count, false)))
        status = put_points(job, NULL, synthetic, space->count, false);
    space->rows = weir_alloc(job, larger, sizeof *space->rows);
    space->taken =
        weir_alloc(job, 2 * larger * (space->count ? space->count : 1), sizeof *space->taken);
    return status ? status : (int)weir_job_error(job)->status;
}

/* ---- Distances --------------------------------------------------------------------------------
 */

/* The first `dimension` numbers of n points of a side, drawn from rows[of]. */
static void take(weir_job *job, const struct space *space, const struct side *side,
                 const char *stream, uint32_t *rows, size_t of, size_t n, size_t dimension,
                 double *out)
{
    draw_rows(job, stream, rows, of, n);
    for (size_t i = 0; i < n; i++)
        memcpy(out + i * dimension, side->points + rows[i] * space->count, dimension * sizeof *out);
}

/* The distance of n series of each side, of one label or (NULL) of all. What is drawn within labels
 * does not depend on whether FD is wanted too. */
static int measure(weir_job *job, const struct space *space, const struct side *real,
                   const struct side *synthetic, const char *label, size_t n, size_t dimension,
                   double *distance)
{
    const struct side *sides[] = {real, synthetic};
    static const char *const streams[2][2] = {{"real rows", "synthetic rows"},
                                              {"real rows of labels", "synthetic rows of labels"}};

    for (int k = 0; k < 2; k++) {
        size_t of = sides[k]->n;

        for (size_t i = 0; i < of && !label; i++)
            space->rows[i] = (uint32_t)i;
        if (label)
            of = weir_dataset_labelled(sides[k]->data, label, space->rows);
        take(job, space, sides[k], streams[label != NULL][k], space->rows, of, n, dimension,
             space->taken + (size_t)k * n * dimension);
    }
    if (weir_progress(job, 0, 1))
        return WEIR_ECANCEL;
    *distance = weir_frechet(space->taken, n, space->taken + n * dimension, n, dimension,
                             weir_job_error(job));
    return weir_job_error(job)->status;
}

/* "pca-16"; "pca-5/web", or the label's number where its name is too long for a variant. */
static int name_variant(weir_job *job, size_t dimension, const char *label, size_t number)
{
    const char *map = maps[((const struct options *)weir_options(job))->map];
    char variant[64];

    if (!label)
        snprintf(variant, sizeof variant, "%s-%zu", map, dimension);
    else if (snprintf(variant, sizeof variant, "%s-%zu/%s", map, dimension, label) >=
             (int)sizeof variant)
        snprintf(variant, sizeof variant, "%s-%zu/%zu", map, dimension, number);
    return weir_score_as(job, variant, NULL);
}

static int score_all(weir_job *job, const struct space *space, const struct side *real,
                     const struct side *synthetic)
{
    size_t n = real->n < synthetic->n ? real->n : synthetic->n;
    double distance;
    bool few = n <= space->asked;
    int status = name_variant(job, few ? space->asked : space->count, NULL, 0);

    if (status)
        return status;
    if (few)
        return weir_score_na(job, "FD",
                             "%zu series of each side are too few for a covariance of %zu "
                             "dimensions: %zu would do, or fewer components",
                             n, space->asked, space->asked + 1);
    status = measure(job, space, real, synthetic, NULL, n, space->count, &distance);
    return status ? status : weir_score(job, "FD", distance, n, n);
}

/* ---- Within labels ----------------------------------------------------------------------------
 */

/* The labels of the real data with enough series; n: the fewest of one label and side. */
struct kept {
    const char **labels;
    size_t count, n;
    const char *scarce; /* the label with that fewest */
};

static size_t least_series(weir_job *job)
{
    return SERIES_A_DIMENSION *
           (size_t)((const struct options *)weir_options(job))->class_components;
}

static int keep_labels(weir_job *job, const struct side *real, const struct side *synthetic,
                       struct kept *kept)
{
    const weir_table *table = weir_dataset_table(real->data);
    uint32_t codes = weir_category_count(table, "label");
    size_t least = least_series(job);

    *kept = (struct kept){.labels = weir_alloc(job, codes ? codes : 1, sizeof *kept->labels),
                          .n = SIZE_MAX};
    if (!kept->labels)
        return weir_job_error(job)->status;
    for (uint32_t code = 0; code < codes; code++) {
        const char *label = weir_category_text(table, "label", code);
        size_t n_real = weir_dataset_labelled(real->data, label, NULL);
        size_t n = weir_dataset_labelled(synthetic->data, label, NULL);

        if (n_real < least) {
            if (n_real)
                weir_log(job, "label '%s' has %zu real series and is left out of FD_CLASS", label,
                         n_real);
            continue;
        }
        kept->labels[kept->count++] = label;
        n = n < n_real ? n : n_real;
        if (n < kept->n) {
            kept->n = n;
            kept->scarce = label;
        }
    }
    return WEIR_OK;
}

static int refuse_labels(weir_job *job, const struct kept *kept)
{
    size_t least = least_series(job);
    char reason[300];

    if (!kept->count)
        snprintf(reason, sizeof reason,
                 "no label has %zu real series; fewer class_components would do", least);
    else
        snprintf(reason, sizeof reason,
                 "label '%.100s' has %zu synthetic series; %zu of each label, or fewer "
                 "class_components, would do",
                 kept->scarce, kept->n, least);
    return none(job, 1, 2, reason);
}

static int score_classes(weir_job *job, const struct space *space, const struct side *real,
                         const struct side *synthetic, const struct kept *kept, size_t dimension)
{
    bool each = ((const struct options *)weir_options(job))->classes;
    double *distances = weir_alloc(job, kept->count, sizeof *distances);
    int status = distances ? WEIR_OK : (int)weir_job_error(job)->status;

    for (size_t i = 0; i < kept->count && !status; i++) {
        status = measure(job, space, real, synthetic, kept->labels[i], kept->n, dimension,
                         &distances[i]);
        if (!status && each && weir_wanted(job, "FD_CLASS")) {
            status = name_variant(job, dimension, kept->labels[i], i + 1);
            if (!status)
                status = weir_score(job, "FD_CLASS", distances[i], kept->n, kept->n);
        }
    }
    if (!status)
        status = name_variant(job, dimension, NULL, 0);
    if (!status && weir_wanted(job, "FD_CLASS"))
        status = weir_score(job, "FD_CLASS", weir_mean(distances, kept->count), kept->n, kept->n);
    if (status || !weir_wanted(job, "FD_CLASS_SD"))
        return status;
    if (kept->count < 2)
        return weir_score_na(job, "FD_CLASS_SD", "one label has no deviation");
    return weir_score(job, "FD_CLASS_SD", weir_deviation(distances, kept->count), kept->n, kept->n);
}

static int score_labels(weir_job *job, struct space *space, struct side *real,
                        struct side *synthetic)
{
    struct kept kept;
    size_t dimension = (size_t)((const struct options *)weir_options(job))->class_components;
    int status = keep_labels(job, real, synthetic, &kept);

    if (status)
        return status;
    if (dimension < space->count && !space->reduced)
        status = reduce(job, space, real, synthetic, dimension);
    if (status)
        return status;
    dimension = dimension < space->count ? dimension : space->count;
    if (!dimension)
        return none(job, 1, 2, "all real images are equal");
    status = name_variant(job, dimension, NULL, 0);
    if (status)
        return status;
    if (!kept.count || kept.n < least_series(job))
        return refuse_labels(job, &kept);
    return score_classes(job, space, real, synthetic, &kept, dimension);
}

/* ---- Score ------------------------------------------------------------------------------------
 */

/* Whether the real data has two labels or more, which a classifier needs. */
static bool has_labels(const struct side *real)
{
    const weir_table *table = weir_dataset_table(real->data);
    size_t labels_used = 0;

    if (!(weir_dataset_holds(real->data) & WEIR_LABELS))
        return false;
    for (uint32_t code = 0; code < weir_category_count(table, "label"); code++)
        labels_used +=
            weir_dataset_labelled(real->data, weir_category_text(table, "label", code), NULL) > 0;
    return labels_used > 1;
}

static int score_distances(weir_job *job, const weir_gasf *gasf, struct side *real,
                           struct side *synthetic)
{
    const struct options *o = weir_options(job);
    bool within = weir_wanted(job, "FD_CLASS") || weir_wanted(job, "FD_CLASS_SD");
    struct space space = {0};
    int status;

    if (!within && !weir_wanted(job, "FD"))
        return WEIR_OK;
    if (o->map == MAP_INCEPTION && !o->weights)
        return none(job, 0, 3, "map=inception needs option weights, a file of its weights");
    if (o->map == MAP_CLASSIFIER && !has_labels(real))
        return none(job, 0, 3, "map=classifier needs real series of two labels or more");
    status = open_space(job, gasf, real, synthetic, &space);
    if (status)
        return status;
    if (!space.count)
        return none(job, 0, 3, "all real images are equal");
    if (weir_wanted(job, "FD"))
        status = score_all(job, &space, real, synthetic);
    if (!status && within)
        status = score_labels(job, &space, real, synthetic);
    return status ? status : weir_score_as(job, "", NULL);
}

static int score(weir_job *job, const weir_dataset *real_data, const weir_dataset *synthetic_data)
{
    struct side real = {
        .data = real_data, .name = "the real data", .n = weir_dataset_rows(real_data)};
    struct side synthetic = {.data = synthetic_data,
                             .name = "the synthetic data",
                             .n = weir_dataset_rows(synthetic_data)};
    bool labelled =
        weir_dataset_holds(real_data) & weir_dataset_holds(synthetic_data) & WEIR_LABELS;
    weir_gasf gasf = {0};
    int status;

    if (!real.n || !synthetic.n)
        return none(job, 0, FEATURES,
                    real.n ? "the synthetic data has no series" : "the real data has no series");
    status = images_open(job, &gasf, &real, &synthetic);
    if (!status)
        status = images_draw(job, &gasf, &real, &synthetic, labelled);
    if (!status)
        status = score_neighbours(job, &real, &synthetic);
    return status ? status : score_distances(job, &gasf, &real, &synthetic);
}

WEIR_METRIC(frechet, .summary = "Fréchet distance of images of series, and what was copied",
            .reference = "Heusel et al., NIPS 2017 (FID); Sivaroopan et al., NetDiffus, 2023",
            .options = options, .options_size = sizeof(struct options), .accepts = WEIR_SERIES,
            .features = features, .score = score);
