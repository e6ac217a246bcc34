/* What a private fit costs, over all chunks and both critics, and what it does not cover. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netshare.h"

/* Points of the curve of what the fit has cost. */
#define CURVE_POINTS 20

bool netshare_is_private(const struct options *o)
{
    return o->epsilon > 0 || o->noise > 0;
}

int netshare_source(const struct options *o, int chosen)
{
    if (chosen != FROM_AUTO)
        return chosen;
    if (!netshare_is_private(o))
        return FROM_TRAIN;
    return o->public_trace ? FROM_PUBLIC : FROM_FIXED;
}

/* ---- What is taken from the data -------------------------------------------------------------*/

enum { LEAK_SPAN, LEAK_COUNTS, LEAK_LENGTHS, LEAK_RANGES, LEAK_DICTIONARIES, LEAK_LABELS, LEAKS };

static const struct {
    const char *word, *what;
} leaks[LEAKS] = {
    {"span", "its first and last time"},
    {"counts", "how many flows there are in each chunk"},
    {"lengths", "the length of its longest flow"},
    {"ranges", "the ranges of its values"},
    {"dictionaries", "which addresses, ports and protocols it has"},
    {"labels", "the texts of its labels and types"},
};

static int read_declared(weir_job *job, const struct options *o, bool *declared)
{
    for (size_t i = 0; i < o->declared.count; i++) {
        int k = 0;

        while (k < LEAKS && strcmp(o->declared.items[i], leaks[k].word) != 0)
            k++;
        if (k == LEAKS)
            return weir_fail(job, WEIR_EOPTION,
                             "option 'declared': '%.40s' is none of span, counts, lengths, ranges, "
                             "dictionaries, labels",
                             o->declared.items[i]);
        declared[k] = true;
    }
    return WEIR_OK;
}

static void find_leaks(const struct options *o, const weir_table *table, bool *taken)
{
    bool texts = weir_table_find(table, "label") >= 0 || weir_table_find(table, "type") >= 0;

    taken[LEAK_SPAN] = taken[LEAK_COUNTS] = true;
    taken[LEAK_LENGTHS] = o->max_flow_packets == 0;
    taken[LEAK_RANGES] = netshare_source(o, o->ranges) == FROM_TRAIN || o->gaps == GAPS_PUBLISHED ||
                         o->timestamps == TIMES_PUBLISHED;
    taken[LEAK_DICTIONARIES] = netshare_source(o, o->dictionaries) == FROM_TRAIN;
    taken[LEAK_LABELS] = texts && netshare_source(o, o->dictionaries) != FROM_PUBLIC;
}

static int name_leaks(weir_job *job, const struct options *o, const weir_dataset *train,
                      struct privacy *privacy)
{
    bool declared[LEAKS] = {false}, taken[LEAKS] = {false};
    char *text = weir_alloc(job, 512, 1);
    size_t used = 0;

    if (!text || read_declared(job, o, declared) != WEIR_OK)
        return weir_job_error(job)->status;
    find_leaks(o, weir_dataset_table(train), taken);
    for (int k = 0; k < LEAKS; k++)
        if (taken[k] && !declared[k])
            used += (size_t)snprintf(text + used, 512 - used, "%s%s (%s)", used ? ", " : "",
                                     leaks[k].what, leaks[k].word);
    privacy->leaks = text;
    return WEIR_OK;
}

/* ---- Cost ------------------------------------------------------------------------------------*/

int netshare_plan_privacy(weir_job *job, const weir_dataset *train, struct model *model)
{
    const struct options *o = weir_options(job);
    struct privacy *privacy = &model->privacy;
    nn_mechanism mechanisms[2 * MOST_CHUNKS];
    bool seed = true;
    int n = 0;

    *privacy = (struct privacy){.private = netshare_is_private(o),
                                .epsilon = -1,
                                .leaks = "",
                                .delta = o->delta,
                                .noise = o->noise};
    if (!privacy->private)
        return WEIR_OK;
    if (o->epsilon > 0 && o->noise > 0)
        return weir_fail(job, WEIR_EOPTION,
                         "give epsilon, from which the noise follows, or noise, "
                         "but not both");
    if (name_leaks(job, o, train, privacy) != WEIR_OK)
        return weir_job_error(job)->status;
    if (!privacy->leaks[0] && o->epsilon == 0)
        return WEIR_OK;
    if (privacy->leaks[0] && o->epsilon > 0)
        return weir_fail(job, WEIR_EOPTION,
                         "epsilon %g cannot be claimed: the private trace gives away, without "
                         "noise, %s; name in option 'declared' what is known to the public anyway, "
                         "or take it from a public trace",
                         o->epsilon, privacy->leaks);
    if (privacy->leaks[0]) {
        weir_log(job, "no epsilon is claimed: the private trace gives away, without noise, %s",
                 privacy->leaks);
        return WEIR_OK;
    }
    for (uint32_t c = 0; c < model->chunks; c++) {
        uint64_t count = model->tallies[c].pieces;

        for (int critic = 0; critic < 2 && count > 0; critic++)
            mechanisms[n++] =
                (nn_mechanism){.noise = 1,
                               .rate = fmin((double)o->batch / (double)count, 1),
                               .steps = netshare_steps(o, model, c, seed) * o->critic_steps};
        seed = seed && count == 0;
    }
    return nn_privacy_noise(n, mechanisms, o->delta, o->epsilon, NN_CONVERT, &privacy->noise,
                            weir_job_error(job));
}

/* What the fit had cost after each share of its rounds, for the report. */
static int draw_curve(weir_job *job, int n, const nn_mechanism *all, double delta)
{
    weir_error *error = weir_job_error(job);
    weir_table *table = weir_table_new(0, CURVE_POINTS, error);
    nn_mechanism part[2 * MOST_CHUNKS];
    char epsilon[64];
    int status = table ? WEIR_OK : (int)error->status;

    snprintf(epsilon, sizeof epsilon, "epsilon at delta %g", delta);
    if (status == WEIR_OK)
        status = weir_table_add(table, "rounds", WEIR_F64, 1, error);
    if (status == WEIR_OK)
        status = weir_table_add(table, epsilon, WEIR_F64, 1, error);
    for (int k = 0; k < CURVE_POINTS && status == WEIR_OK; k++) {
        double rounds = 0;

        for (int i = 0; i < n; i++) {
            part[i] = all[i];
            part[i].steps = (all[i].steps * (k + 1) + CURVE_POINTS - 1) / CURVE_POINTS;
            rounds += (double)part[i].steps;
        }
        weir_f64_out(table, "rounds")[k] = rounds;
        status = nn_privacy_epsilon(n, part, delta, NN_CONVERT, &weir_f64_out(table, epsilon)[k],
                                    NULL, error);
        if (status == WEIR_OK)
            status = weir_progress(job, 0, 0);
    }
    if (status == WEIR_OK)
        status = weir_artefact(job, "privacy", WEIR_CURVE, table);
    weir_table_free(table);
    return status;
}

int netshare_account(weir_job *job, struct model *model)
{
    struct privacy *privacy = &model->privacy;
    nn_mechanism mechanisms[2 * MOST_CHUNKS];
    int n = 0;

    privacy->epsilon = -1;
    if (!privacy->private || privacy->leaks[0])
        return WEIR_OK;
    for (uint32_t i = 0; i < model->count; i++) {
        nn_doppelganger_cost cost = nn_doppelganger_spent(model->parts[i].network);

        if (!cost.private)
            return weir_fail(job, WEIR_EBUG, "chunk %u was trained without noise",
                             model->parts[i].chunk);
        mechanisms[n++] = cost.mechanism[0];
        mechanisms[n++] = cost.mechanism[1];
    }
    if (nn_privacy_epsilon(n, mechanisms, privacy->delta, NN_CONVERT, &privacy->epsilon, NULL,
                           weir_job_error(job)) != WEIR_OK)
        return weir_job_error(job)->status;
    weir_log(
        job,
        "private: epsilon %.4g at delta %g for one flow (a 5-tuple in all chunks): noise %.4g, "
        "both critics of %u chunks",
        privacy->epsilon, privacy->delta, mechanisms[0].noise, model->count);
    return draw_curve(job, n, mechanisms, privacy->delta);
}
