/* Parts of the metric: images of both sides, what they are mapped to, neighbours, what is drawn. */
#ifndef FRECHET_H
#define FRECHET_H

#include <weir/gasf.h>
#include <weir/plugin.h>

enum map { MAP_PCA, MAP_CLASSIFIER, MAP_INCEPTION };

struct options {
    weir_list features;
    int map;
    const char *weights;
    int64_t components;
    int64_t side;
    double gamma;
    int64_t class_components;
    int64_t queries;
    int64_t steps;
    bool classes;
};

/* One side: its images, and what the feature map makes of them. */
struct side {
    const weir_dataset *data;
    const char *name; /* "the real data" */
    size_t n, pixels; /* side * side * channels */
    float *images;    /* [n][pixels] */
    float *mapped;    /* [n][width]; for map=pca the images themselves */
    double *points;   /* [n][count]: coordinates on the axes, or mapped as it is */
};

/* Encodes both sides with ranges learnt from the real one. */
int images_open(weir_job *job, weir_gasf *gasf, struct side *real, struct side *synthetic);
/* What the report draws: some images of each label and side, and a histogram of all pixels. */
int images_draw(weir_job *job, const weir_gasf *gasf, const struct side *real,
                const struct side *synthetic, bool labels);

/* The main axes of n points [n][width]: those of the largest variance, as scikit-learn's PCA. */
struct pca {
    size_t width, count;
    double *mean; /* [width] */
    double *axes; /* [count][width], orthonormal, by falling variance */
};
/* Finds `wanted` axes, fewer where the points span fewer. */
int pca_fit(weir_job *job, struct pca *pca, const float *points, size_t n, size_t width,
            size_t wanted);
/* out [n][count]. */
int pca_apply(weir_job *job, const struct pca *pca, const float *points, size_t n, double *out);

/* Trains a classifier on the real images and maps both sides; *width is that of its layer. */
int map_classifier(weir_job *job, const weir_gasf *gasf, struct side *real, struct side *synthetic,
                   size_t *width);

/* Maps both sides by Inception-v3 with the weights of option `weights`. */
int map_inception(weir_job *job, const weir_gasf *gasf, struct side *real, struct side *synthetic,
                  size_t *width);

/* The features NN, COPIES and COPIES_REAL. */
int score_neighbours(weir_job *job, const struct side *real, const struct side *synthetic);

/* n of the rows[of], drawn without replacement from the stream of that name, to its front; all of
 * them stay in order. */
void draw_rows(weir_job *job, const char *stream, uint32_t *rows, size_t of, size_t n);

#endif
