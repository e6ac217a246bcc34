/* Memory that lives as long as a program or a plan, and the growing lists of both. */
#include "nn/compile/compile.h"
#include <stdlib.h>
#include <string.h>

static void *take(nn_graph *graph, struct nn_chunk **list, size_t bytes)
{
    void *memory = nn_chunk_alloc(list, bytes);
    if (!memory)
        weir_error_memory(&graph->error, bytes, "a compiled program");
    return memory;
}

/* Makes room for one more element; the old array stays in its chunk. */
static bool grow(nn_graph *graph, struct nn_chunk **list, void **array, int count, int *capacity,
                 size_t size)
{
    if (count < *capacity)
        return true;
    if (count > INT32_MAX / 4) {
        weir_error_set(&graph->error, WEIR_EOPTION, "nn_compile: the graph is too large");
        return false;
    }
    int more = *capacity ? *capacity * 2 : 256;
    void *larger = take(graph, list, (size_t)more * size);
    if (!larger)
        return false;
    if (count)
        memcpy(larger, *array, (size_t)count * size);
    *array = larger;
    *capacity = more;
    return true;
}

void *nn_program_alloc(nn_program *program, size_t bytes)
{
    return take(program->graph, &program->chunks, bytes);
}

void nn_program_release(nn_program *program)
{
    nn_chunk_free(program->chunks);
    free(program);
}

int nn_program_buffer(nn_program *program, size_t elements)
{
    /* The capacity is the power of two, at least 256, that holds the count. */
    int capacity = program->buffers ? 256 : 0;
    while (capacity && capacity < program->buffers)
        capacity *= 2;
    void *array = program->buffer;
    if (!grow(program->graph, &program->chunks, &array, program->buffers, &capacity,
              sizeof *program->buffer))
        return -1;
    program->buffer = array;
    program->buffer[program->buffers] = (nn_buffer){.elements = elements, .first = -1, .last = -1};
    return program->buffers++;
}

void *nn_plan_alloc(nn_plan *plan, size_t bytes)
{
    return take(plan->graph, &plan->chunks, bytes);
}

void nn_plan_release(nn_plan *plan)
{
    nn_chunk_free(plan->chunks);
    plan->chunks = NULL;
}

int nn_plan_value(nn_plan *plan, nn_manner manner, nn_node *node, int stage, int inputs)
{
    void *array = plan->value;
    if (!grow(plan->graph, &plan->chunks, &array, plan->values, &plan->value_capacity,
              sizeof *plan->value))
        return -1;
    plan->value = array;
    nn_planned *value = &plan->value[plan->values];
    *value = (nn_planned){.node = node,
                          .manner = manner,
                          .stage = stage,
                          .inputs = inputs,
                          .assigned = -1,
                          .view = {.buffer = -1},
                          .task = -1};
    value->input = nn_plan_alloc(plan, (size_t)inputs * sizeof *value->input);
    if (!value->input)
        return -1;
    if (node) {
        value->rank = node->rank;
        memcpy(value->shape, node->shape, sizeof value->shape);
    }
    return plan->values++;
}

int nn_plan_storage(nn_plan *plan, nn_node *leaf, size_t elements)
{
    void *array = plan->storage;
    if (!grow(plan->graph, &plan->chunks, &array, plan->storages, &plan->storage_capacity,
              sizeof *plan->storage))
        return -1;
    plan->storage = array;
    plan->storage[plan->storages] = (nn_storage){.leaf = leaf, .elements = elements, .buffer = -1};
    return plan->storages++;
}

nn_task *nn_plan_task(nn_plan *plan)
{
    void *array = plan->task;
    if (!grow(plan->graph, &plan->chunks, &array, plan->tasks, &plan->task_capacity,
              sizeof *plan->task))
        return NULL;
    plan->task = array;
    plan->task[plan->tasks] = (nn_task){0};
    return &plan->task[plan->tasks++];
}
