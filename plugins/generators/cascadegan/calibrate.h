/* CascadeGAN's calibration: the numbers of tuples and fields, each brought to its training
 * distribution over packets. */
#ifndef CASCADEGAN_CALIBRATE_H
#define CASCADEGAN_CALIBRATE_H

#include "train.h"

/* After training, with the option `calibrate`: learns model->calibration. */
int cascade_calibrate(weir_job *job, const struct cascade_data *data, struct cascade_model *model);
/* Flows, and rows, from which on a sample is measured by itself. */
#define CASCADE_MANY_FLOWS 1000
#define CASCADE_MANY_ROWS 4096
/* What the numbers of a sample are like: values [n][tuple], or [n][fields], n >= 1, with weights
 * (NULL: all alike). *made, NULL at first, is filled for these; the caller frees it. */
int cascade_made(weir_job *job, const struct cascade_model *model, bool field, const float *values,
                 size_t n, const double *weights, float **made);
/* Brings values to the training distribution; made NULL: as the trained networks' are. Of a model
 * without calibration nothing changes. */
void cascade_set_right(const struct cascade_model *model, const float *made, bool field,
                       float *values, size_t n);
int cascade_calibration_save(weir_job *job, const struct cascade_model *model, weir_archive *to);
/* Of a finished model with the option. */
int cascade_calibration_load(weir_job *job, const weir_archive *from, struct cascade_model *model);

#endif
