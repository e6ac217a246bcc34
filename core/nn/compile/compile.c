/* nn_compile: from outputs to a program that a back end can run. */
#include "nn/compile/compile.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Takes groups apart, which may hold each other to any depth and be listed many times. */
typedef struct nn_unpacking {
    int *seen;       /* by id: the last stage + 1 that a group was taken apart for */
    nn_node **group; /* those that are being taken apart, the innermost last … */
    int *next;       /* … and which input of it is next */
    int count;
    nn_wish *wish; /* NULL: they are counted only */
} nn_unpacking;

static void unpack(nn_unpacking *u, nn_node *node, int stage)
{
    int depth = 0;
    for (;;) {
        if (node->op != NN_OP_GROUP) {
            if (u->wish)
                u->wish[u->count] =
                    (nn_wish){.asked = node, .node = node, .stage = stage, .value = -1};
            u->count++;
        } else if (u->seen[node->id] != stage + 1) {
            u->seen[node->id] = stage + 1;
            u->group[depth] = node;
            u->next[depth++] = 0;
        }
        while (depth && u->next[depth - 1] == u->group[depth - 1]->inputs)
            depth--;
        if (!depth)
            return;
        node = u->group[depth - 1]->input[u->next[depth - 1]++];
    }
}

static void unpack_all(nn_unpacking *u, const nn_graph *graph, int stages, const nn_stage *stage)
{
    u->count = 0;
    memset(u->seen, 0, (size_t)graph->count * sizeof *u->seen);
    for (int s = 0; s < stages; s++)
        for (int i = 0; i < stage[s].n; i++)
            unpack(u, stage[s].outputs[i], s);
}

static int check(nn_graph *graph, int stages, const nn_stage *stage)
{
    if (stages < 1 || !stage) {
        nn_fail(graph, WEIR_EOPTION, "nn_compile: a program has at least one stage, not %d",
                stage ? stages : 0);
        return nn_status(graph);
    }
    for (int s = 0; s < stages; s++)
        if (stage[s].n < 0 || (stage[s].n && !stage[s].outputs))
            nn_fail(graph, WEIR_EOPTION, "nn_compile: stage %d has %d outputs%s", s, stage[s].n,
                    stage[s].n < 0 ? "" : ", but no list of them (NULL)");
    for (int s = 0; s < stages && !nn_status(graph); s++)
        for (int i = 0; i < stage[s].n; i++)
            if (!stage[s].outputs[i] || stage[s].outputs[i]->graph != graph ||
                stage[s].outputs[i]->op == NN_OP_POISON)
                nn_fail(graph, WEIR_EOPTION,
                        "nn_compile: output %d of stage %d is not of this graph", i, s);
    return nn_status(graph);
}

/* Outputs with their groups taken apart, and rewritten. */
static int find_wishes(nn_plan *plan, int stages, const nn_stage *stage, int *wishes,
                       nn_wish **wish)
{
    size_t nodes = (size_t)plan->graph->count;
    nn_unpacking unpacking = {.seen = nn_plan_alloc(plan, nodes * sizeof(int)),
                              .group = nn_plan_alloc(plan, nodes * sizeof(nn_node *)),
                              .next = nn_plan_alloc(plan, nodes * sizeof(int))};
    if (!unpacking.seen || !unpacking.group || !unpacking.next)
        return nn_status(plan->graph);
    unpack_all(&unpacking, plan->graph, stages, stage);
    int count = unpacking.count;
    *wish = unpacking.wish = nn_plan_alloc(plan, (size_t)count * sizeof **wish);
    nn_node **node = nn_plan_alloc(plan, (size_t)count * sizeof(nn_node *));
    int *of = nn_plan_alloc(plan, (size_t)count * sizeof *of);
    if (!*wish || !node || !of)
        return nn_status(plan->graph);
    unpack_all(&unpacking, plan->graph, stages, stage);
    *wishes = count;
    for (int w = 0; w < count; w++) {
        node[w] = (*wish)[w].node;
        of[w] = (*wish)[w].stage;
    }
    if (!(plan->debug & NN_NO_REWRITE) && nn_rewrite(plan->graph, count, node, of))
        return nn_status(plan->graph);
    for (int w = 0; w < count; w++)
        (*wish)[w].node = node[w];
    return nn_status(plan->graph);
}

static int describe(nn_plan *plan, int wishes, const nn_wish *wish, const nn_stage *stage)
{
    nn_program *program = plan->program;
    program->stage_name =
        nn_program_alloc(program, (size_t)program->stages * sizeof *program->stage_name);
    program->output = nn_program_alloc(program, (size_t)wishes * sizeof *program->output);
    if (!program->stage_name || !program->output)
        return nn_status(plan->graph);
    for (int s = 0; s < program->stages; s++)
        program->stage_name[s] = nn_graph_text(plan->graph, stage[s].name ? stage[s].name : "");
    for (int w = 0; w < wishes; w++) {
        if (wish[w].value < 0)
            continue;
        const nn_planned *value = &plan->value[wish[w].value];
        struct nn_output *output = &program->output[program->outputs++];
        *output = (struct nn_output){wish[w].asked, wish[w].stage, value->view};
        output->view.buffer = nn_buffer_of(plan, value->view.buffer);
        if (output->view.buffer < 0)
            return nn_status(plan->graph);
    }
    return nn_status(plan->graph);
}

static int plan_program(nn_plan *plan, const nn_stage *stage)
{
    int wishes = 0;
    nn_wish *wish = NULL;
    int status = find_wishes(plan, plan->program->stages, stage, &wishes, &wish);
    if (!status)
        status = nn_plan_values(plan, wishes, wish);
    if (!status)
        status = nn_plan_places(plan, wishes, wish);
    if (!status)
        status = nn_plan_tasks(plan);
    if (!status)
        status = nn_plan_order(plan);
    if (!status)
        status = nn_lower(plan);
    if (!status)
        status = describe(plan, wishes, wish, stage);
    return status;
}

static int finish(nn_program *program)
{
    nn_graph *graph = program->graph;
    const nn_backend *backend = graph->backend;
    if (backend->lower && backend->lower(graph->device, program, &graph->error))
        return nn_status(graph);
    if (nn_plan_memory(program) || nn_bind_memory(program))
        return nn_status(graph);
    if (backend->prepare)
        return backend->prepare(graph->device, program, &graph->error);
    return WEIR_OK;
}

nn_program *nn_compile(nn_graph *graph, int stages, const nn_stage *stage)
{
    double begin = seconds();
    if (nn_status(graph) || check(graph, stages, stage) || nn_graph_open(graph))
        return NULL;
    nn_program *program = calloc(1, sizeof *program);
    if (!program) {
        weir_error_memory(&graph->error, sizeof *program, "a compiled program");
        return NULL;
    }
    program->graph = graph;
    program->stages = stages;
    program->last_stage = program->reached = -1;
    nn_plan plan = {.graph = graph, .program = program, .debug = graph->settings.debug};
    int status = plan_program(&plan, stage);
    nn_plan_release(&plan);
    if (!status)
        status = finish(program);
    program->next = graph->programs;
    graph->programs = program;
    if (status) {
        nn_program_free(program);
        return NULL;
    }
    program->facts.seconds = seconds() - begin;
    return program;
}
