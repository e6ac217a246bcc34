/* What a network makes of images: the penultimate layer of a classifier trained on the real ones,
 * or Inception-v3 with weights that the user has. */
#include "frechet.h"
#include <weir/classifier.h>
#include <weir/inception.h>

static int classify(weir_job *job, weir_classifier *classifier, struct side *side, size_t width)
{
    side->mapped = weir_alloc(job, side->n * width, sizeof *side->mapped);
    return side->mapped
               ? weir_classifier_features(job, classifier, side->images, side->n, side->mapped)
               : (int)weir_job_error(job)->status;
}

int map_classifier(weir_job *job, const weir_gasf *gasf, struct side *real, struct side *synthetic,
                   size_t *width)
{
    const struct options *o = weir_options(job);
    const weir_table *table = weir_dataset_table(real->data);
    weir_examples examples = {.count = real->n,
                              .height = gasf->side,
                              .width = gasf->side,
                              .channels = gasf->channels,
                              .classes = weir_category_count(table, "label"),
                              .x = real->images,
                              .label = weir_codes(table, "label")};
    weir_classifier_settings settings = weir_classifier_defaults(WEIR_CNN, &examples);
    weir_classifier *classifier;
    int status;

    if (o->steps)
        settings.steps = o->steps;
    classifier = weir_classifier_fit(job, "classifier", &settings, &examples);
    if (!classifier)
        return weir_job_error(job)->status;
    *width = weir_classifier_width(classifier);
    status = classify(job, classifier, real, *width);
    if (!status)
        status = classify(job, classifier, synthetic, *width);
    weir_classifier_free(classifier);
    return status;
}

static int look(weir_job *job, weir_inception *net, const weir_gasf *gasf, struct side *side,
                size_t width)
{
    side->mapped = weir_alloc(job, side->n * width, sizeof *side->mapped);
    return side->mapped ? weir_inception_features(job, net, side->images, side->n, gasf->side,
                                                  gasf->side, gasf->channels, side->mapped)
                        : (int)weir_job_error(job)->status;
}

int map_inception(weir_job *job, const weir_gasf *gasf, struct side *real, struct side *synthetic,
                  size_t *width)
{
    const struct options *o = weir_options(job);
    weir_inception *net = weir_inception_open(job, o->weights);
    int status;

    if (!net)
        return weir_job_error(job)->status;
    *width = weir_inception_width(net);
    status = look(job, net, gasf, real, *width);
    if (!status)
        status = look(job, net, gasf, synthetic, *width);
    weir_inception_free(net);
    return status;
}
