/* Rank sums over the scores of candidates. */
#ifndef WEIR_RUN_RANK_H
#define WEIR_RUN_RANK_H

#include <jansson.h>
#include <weir/error.h>

/* Ranks candidates: [ { step, final, model, reason? (it could not be sampled), scores [ { plugin,
 * rows [ … of scores.json … ] | reason } ] } ]. For each feature with a direction that some
 * candidate has a value of, average ranks from 1 (the best); a usable candidate without a value
 * shares the last ranks. The least sum of ranks wins, of equal ones the earlier. Without any such
 * feature the final model does. (Selection of NetShare, "choose_best_model": rankdata, sum,
 * argmin.) A new object: { chosen (a number in the list, or -1: none is usable), features [ {
 * plugin, variant, feature, better } ], candidates [ { step, final, usable, reason, rank_sum,
 * values, ranks, reasons } ] }. */
json_t *weir_rank_sum(const json_t *candidates, weir_error *error);

#endif
