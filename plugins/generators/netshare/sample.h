/* What the files that sample share: the work in hand, flows that go on in later chunks. */
#ifndef NETSHARE_SAMPLE_H
#define NETSHARE_SAMPLE_H

#include "netshare.h"

/* A flow that is to go on in a later chunk. */
struct pending {
    weir_tuple tuple;
    uint64_t present; /* chunks to come that it is in */
};

struct linking {
    struct pending *list;
    size_t count, room;
};

/* Takes the flow that is nearest to *tuple and is to be in chunk c, and puts its 5-tuple there:
 * false if there is none. */
bool netshare_take_link(struct linking *linking, uint32_t c, weir_tuple *tuple);
/* Keeps a flow with packets in chunk c for those that come after it. */
int netshare_keep_link(weir_job *job, struct linking *linking, uint32_t c, const weir_tuple *tuple,
                       uint64_t present);
/* Forgets the flows that are in none of the chunks after c; returns how many of them should have
 * been in c and were not. */
uint64_t netshare_end_links(struct linking *linking, uint32_t c);

/* Pieces that were made, in the order in which they become flows. */
struct chain {
    uint32_t *order; /* [n] numbers of pieces, those of a chain one after another */
    bool *heads;     /* [n] whether order[i] begins a flow */
    uint32_t count;
};
/* Puts pieces that continue behind those that have more, in their order; what finds no place begins
 * a flow. keep [n]: the pieces that count. Returns how many found no place in *alone, and how many
 * flows ended without the piece that they lack in *ended. */
void netshare_chain(const struct made *made, const bool *keep, uint32_t n, struct chain *chain,
                    uint32_t *alone, uint32_t *ended);

#endif
