/* Parts of a dataset: the steps of a source's "split", one after the other.
 *
 *   { "by": "time"|"flow"|"label", "test": 0.2, "seed": 1, "part": "train"|"test" }
 *   { "take": { "per_label": N or { "web": N, … }?, "labels": ["web/http1", …]?, "seed": 1?,
 * "name": "few"? } }
 *
 * By time: the last `test` share of the rows is test. By flow: whole flows, drawn by the seed,
 * until the share of rows is reached; series are flows of their own, drawn within each label. By
 * label: within each label (series, netflow), the share of its rows, drawn by the seed. Train and
 * test never share a row.
 *
 * A take keeps rows of the labels named, or below a path that is named (of all, if none is), at
 * most `per_label` of each (as an object: of those that it names, the longest path counting, and
 * all of others), drawn by the seed. With one seed, fewer are a part of more, and what is drawn of
 * a label does not depend on the labels named. */
#ifndef WEIR_DATA_PART_H
#define WEIR_DATA_PART_H

#include <jansson.h>
#include <weir/dataset.h>

/* Checks the form of one step. */
int weir_part_check(const json_t *step, weir_error *error);
/* One step applied; takes the dataset. facts (may be NULL): a take that finds fewer rows of a label
 * than it asks for counts them in its object `short`, by label; of a split within labels `absent`
 * has those of which this part gets no row, with the rows that there are. NULL on failure: a part
 * without rows, data without labels, a label that does not exist. */
weir_dataset *weir_part_apply(weir_dataset *dataset, const json_t *step, json_t *facts,
                              weir_error *error);
/* Whether two steps keep the same rows of the same data: names are left out, and what does not
 * count. */
bool weir_part_same(const json_t *a, const json_t *b);

#endif
