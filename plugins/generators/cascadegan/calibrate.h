/* CascadeGAN's calibration: the numbers of tuples and fields, each brought to its training
 * distribution over packets. */
#ifndef CASCADEGAN_CALIBRATE_H
#define CASCADEGAN_CALIBRATE_H

#include "train.h"

/* After training, with the option `calibrate`: learns model->calibration. */
int cascade_calibrate(weir_job *job, const struct cascade_data *data, struct cascade_model *model);
/* Of a model that has none they change nothing. tuples [n][tuple]; fields [n][fields]. */
void cascade_set_tuples(const struct cascade_model *model, float *tuples, size_t n);
void cascade_set_fields(const struct cascade_model *model, float *fields, size_t n);
int cascade_calibration_save(weir_job *job, const struct cascade_model *model, weir_archive *to);
/* Of a finished model with the option. */
int cascade_calibration_load(weir_job *job, const weir_archive *from, struct cascade_model *model);

#endif
