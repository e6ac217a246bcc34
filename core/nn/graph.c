/* The graph: its memory, its errors, its nodes, equal ones of which are one, and their names. */
#include "nn/graph.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_BYTES = 1 << 16, ALIGNMENT = 16, FIRST_TABLE = 1024 };
enum { ALL_DEBUG = NN_NO_REWRITE | NN_NO_FUSION | NN_NO_REUSE | NN_NO_VIEWS };
#define MAX_ELEMENTS (INT64_C(1) << 40)

struct nn_chunk {
    struct nn_chunk *next;
    size_t used, size;
    _Alignas(ALIGNMENT) unsigned char memory[];
};

void *nn_chunk_alloc(struct nn_chunk **chunks, size_t bytes)
{
    struct nn_chunk *chunk = *chunks;
    void *memory;

    if (bytes > SIZE_MAX / 2)
        return NULL;
    bytes = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (!chunk || chunk->size - chunk->used < bytes) {
        size_t size = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
        chunk = calloc(1, sizeof *chunk + size);
        if (!chunk)
            return NULL;
        chunk->size = size;
        if (*chunks && size > CHUNK_BYTES) { /* the first one's rest is still of use */
            chunk->next = (*chunks)->next;
            (*chunks)->next = chunk;
        } else {
            chunk->next = *chunks;
            *chunks = chunk;
        }
    }
    memory = chunk->memory + chunk->used;
    chunk->used += bytes;
    return memory;
}

void nn_chunk_free(struct nn_chunk *chunks)
{
    while (chunks) {
        struct nn_chunk *next = chunks->next;
        free(chunks);
        chunks = next;
    }
}

void *nn_graph_alloc(nn_graph *graph, size_t bytes)
{
    void *memory = nn_chunk_alloc(&graph->chunks, bytes);

    if (!memory)
        weir_error_memory(&graph->error, bytes, "the graph");
    return memory;
}

const char *nn_graph_text(nn_graph *graph, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = nn_graph_alloc(graph, size);

    return copy ? memcpy(copy, text, size) : NULL;
}

/* ---- errors ---- */

nn_node *nn_fail(nn_graph *graph, weir_status status, const char *format, ...)
{
    char text[sizeof graph->error.text];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    weir_error_set(&graph->error, status, "%s", text);
    return graph->poison;
}

int nn_status(const nn_graph *graph)
{
    return graph ? (int)graph->error.status : WEIR_ENOMEM;
}

const weir_error *nn_error(const nn_graph *graph)
{
    static const weir_error none = {WEIR_ENOMEM, "there is no graph"};

    return graph ? &graph->error : &none;
}

const char *nn_describe(const nn_node *node, char text[320])
{
    char shape[160];

    snprintf(text, 320, "%.150s%s%s", node->name ? node->name : "", node->name ? " " : "",
             nn_shape_text(node, shape));
    return text;
}

bool nn_usable(const char *operation, int n, nn_node *const *operand, nn_node **instead)
{
    nn_graph *graph = NULL;

    for (int i = 0; i < n && !graph; i++)
        if (operand[i])
            graph = operand[i]->graph;
    *instead = graph ? graph->poison : NULL;
    for (int i = 0; i < n; i++) {
        if (!operand[i]) {
            if (graph)
                nn_fail(graph, WEIR_EOPTION, "%s: operand %d is missing (NULL)", operation, i + 1);
            return false;
        }
        if (operand[i]->op == NN_OP_POISON)
            return false;
        if (operand[i]->graph != graph) {
            nn_fail(graph, WEIR_EOPTION, "%s: operand %d is of another graph", operation, i + 1);
            return false;
        }
        if (operand[i]->op == NN_OP_ASSIGN || operand[i]->op == NN_OP_GROUP) {
            nn_fail(graph, WEIR_EOPTION, "%s: operand %d is an effect (%s), which has no value",
                    operation, i + 1, nn_op_name(operand[i]->op));
            return false;
        }
    }
    return n > 0;
}

bool nn_shape_check(nn_graph *graph, const char *operation, int rank, const int64_t *shape)
{
    int64_t count = 1;

    if (rank < 0 || rank > NN_MAX_RANK || (rank && !shape)) {
        nn_fail(graph, WEIR_EOPTION, "%s: rank %d; 0 to %d can be had", operation, rank,
                NN_MAX_RANK);
        return false;
    }
    for (int i = 0; i < rank; i++) {
        if (shape[i] <= 0) {
            nn_fail(graph, WEIR_EOPTION, "%s: axis %d has size %lld; sizes are at least 1",
                    operation, i, (long long)shape[i]);
            return false;
        }
        if (shape[i] > MAX_ELEMENTS / count) {
            nn_fail(graph, WEIR_EOPTION, "%s: more than %lld elements up to axis %d (of size %lld)",
                    operation, (long long)MAX_ELEMENTS, i, (long long)shape[i]);
            return false;
        }
        count *= shape[i];
    }
    return true;
}

bool nn_same_shape(const nn_node *a, const nn_node *b)
{
    return a->rank == b->rank && !memcmp(a->shape, b->shape, (size_t)a->rank * sizeof *a->shape);
}

/* ---- nodes ---- */

static bool is_named(const nn_node *node)
{
    return node->op == NN_OP_INPUT || node->op == NN_OP_VARIABLE || node->op == NN_OP_NOISE;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9E3779B97F4A7C15u;
    return hash ^ hash >> 29;
}

static uint64_t hash_of(const nn_node *node)
{
    uint64_t hash = 1, bits;

    if (is_named(node)) {
        hash = mix(hash, node->op == NN_OP_NOISE);
        for (const char *c = node->name; *c; c++)
            hash = mix(hash, (unsigned char)*c);
        return mix(hash, 0);
    }
    hash = mix(mix(hash, (uint64_t)node->op + 16), (uint64_t)node->rank);
    for (int i = 0; i < node->rank; i++)
        hash = mix(hash, (uint64_t)node->shape[i]);
    for (int i = 0; i < NN_MAX_RANK; i++)
        hash = mix(hash, (uint64_t)node->at[i]);
    for (int i = 0; i < node->inputs; i++)
        hash = mix(hash, (uint64_t)node->input[i]->id);
    memcpy(&bits, &node->value, sizeof bits);
    hash = mix(hash, bits);
    if (node->values)
        for (int64_t i = 0; i < nn_count(node); i++) {
            memcpy(&bits, &node->values[i], sizeof bits);
            hash = mix(hash, bits);
        }
    return mix(hash, 0);
}

static bool is_equal(const nn_node *a, const nn_node *b)
{
    if (is_named(a) || is_named(b))
        return is_named(a) && is_named(b) && (a->op == NN_OP_NOISE) == (b->op == NN_OP_NOISE) &&
               !strcmp(a->name, b->name);
    return a->op == b->op && nn_same_shape(a, b) && a->inputs == b->inputs &&
           !memcmp(a->at, b->at, sizeof a->at) && !memcmp(&a->value, &b->value, sizeof a->value) &&
           (!a->inputs || !memcmp(a->input, b->input, (size_t)a->inputs * sizeof(nn_node *))) &&
           !a->values == !b->values &&
           (!a->values || !memcmp(a->values, b->values, (size_t)nn_count(a) * sizeof(double)));
}

/* The place in the table of the equal node, or the empty one where it belongs. */
static int *slot_of(nn_graph *graph, const nn_node *node)
{
    uint64_t mask = (uint64_t)graph->shared_size - 1, i = hash_of(node) & mask;

    while (graph->shared[i] >= 0 && !is_equal(graph->nodes[graph->shared[i]], node))
        i = (i + 1) & mask;
    return &graph->shared[i];
}

/* Room for one more node, in the list and (half of it empty) in the table. */
static bool make_room(nn_graph *graph)
{
    if (graph->count == graph->capacity) {
        int capacity = graph->capacity ? graph->capacity * 2 : FIRST_TABLE / 2;
        nn_node **nodes = graph->capacity > INT32_MAX / 8
                              ? NULL
                              : realloc(graph->nodes, (size_t)capacity * sizeof(nn_node *));
        if (!nodes)
            return false;
        graph->nodes = nodes;
        graph->capacity = capacity;
    }
    if (graph->shared_size < 2 * graph->capacity) {
        int size = graph->shared_size ? graph->shared_size : FIRST_TABLE;
        int *old = graph->shared, old_size = graph->shared_size;
        while (size < 2 * graph->capacity)
            size *= 2;
        graph->shared = malloc((size_t)size * sizeof *graph->shared);
        if (!graph->shared) {
            graph->shared = old;
            return false;
        }
        graph->shared_size = size;
        for (int i = 0; i < size; i++)
            graph->shared[i] = -1;
        for (int i = 0; i < old_size; i++)
            if (old[i] >= 0)
                *slot_of(graph, graph->nodes[old[i]]) = old[i];
        free(old);
    }
    return true;
}

/* A copy of the description in the graph's memory, not yet in its list. */
static nn_node *copy_of(nn_graph *graph, const nn_node *description)
{
    size_t values = description->values ? (size_t)nn_count(description) * sizeof(double) : 0;
    nn_node *node = nn_graph_alloc(graph, sizeof *node);

    if (!node)
        return NULL;
    *node = *description;
    node->memory = NULL;
    node->input = NULL;
    if (node->inputs) {
        node->input = nn_graph_alloc(graph, (size_t)node->inputs * sizeof(nn_node *));
        if (!node->input)
            return NULL;
        memcpy(node->input, description->input, (size_t)node->inputs * sizeof(nn_node *));
    }
    if (values) {
        double *copy = nn_graph_alloc(graph, values);
        if (!copy)
            return NULL;
        node->values = memcpy(copy, description->values, values);
    }
    if (is_named(node)) {
        node->name = nn_graph_text(graph, node->name);
        if (!node->name)
            return NULL;
    } else {
        node->name = NULL;
    }
    return node;
}

static nn_node *add_node(nn_graph *graph, const nn_node *description)
{
    nn_node *node;
    int *slot;

    if (!make_room(graph))
        return nn_fail(graph, WEIR_ENOMEM, "%s: out of memory for node %d of the graph",
                       nn_op_name(description->op), graph->count);
    slot = slot_of(graph, description);
    if (*slot >= 0)
        return graph->nodes[*slot];
    node = copy_of(graph, description);
    if (!node)
        return graph->poison;
    node->id = graph->count++;
    graph->nodes[node->id] = node;
    *slot = node->id;
    return node;
}

nn_node *nn_node_make(const nn_node *description)
{
    nn_graph *graph = description->graph;
    nn_node node = *description, *swapped[2], *simple;

    for (int i = 0; i < node.inputs; i++)
        if (!node.input[i] || node.input[i]->op == NN_OP_POISON)
            return graph->poison;
    if (node.op == NN_OP_ADD || node.op == NN_OP_MUL) { /* one order: numbers last, else by age */
        bool first = nn_is_constant(node.input[0], NULL),
             last = nn_is_constant(node.input[1], NULL);
        if (first != last ? first : node.input[0]->id > node.input[1]->id) {
            swapped[0] = node.input[1];
            swapped[1] = node.input[0];
            node.input = swapped;
        }
    }
    if (graph->shared) {
        int *slot = slot_of(graph, &node);
        if (*slot >= 0)
            return graph->nodes[*slot];
    }
    simple = nn_fold(&node);
    if (!simple)
        simple = nn_simplify(&node);
    return simple ? simple : add_node(graph, &node);
}

nn_node *nn_make(nn_op op, nn_node *a, nn_node *b)
{
    nn_node *input[2] = {a, b};
    nn_node node = {.graph = a->graph, .op = op, .rank = a->rank, .inputs = b ? 2 : 1};

    node.input = input;
    memcpy(node.shape, a->shape, sizeof node.shape);
    return nn_node_make(&node);
}

nn_node *nn_make_moved(nn_op op, nn_node *x, int rank, const int64_t *shape, const int64_t *at)
{
    nn_node node = {.graph = x->graph, .op = op, .rank = rank, .inputs = 1, .input = &x};

    if (rank)
        memcpy(node.shape, shape, (size_t)rank * sizeof *shape);
    if (at)
        memcpy(node.at, at, (size_t)(x->rank > rank ? x->rank : rank) * sizeof *at);
    return nn_node_make(&node);
}

/* ---- the graph ---- */

/* Adds what the environment asks for. */
static void read_debug(nn_graph *graph)
{
    const char *text = getenv("WEIR_NN_DEBUG");
    char *end;
    unsigned long flags;

    if (!text || !*text)
        return;
    flags = strtoul(text, &end, 0);
    if (*end || end == text || flags > ALL_DEBUG)
        nn_fail(graph, WEIR_EOPTION, "WEIR_NN_DEBUG=%.40s: not a number from 0 to %d", text,
                ALL_DEBUG);
    else
        graph->settings.debug |= (unsigned)flags;
}

nn_graph *nn_graph_new(const nn_settings *settings)
{
    nn_graph *graph = calloc(1, sizeof *graph);

    if (!graph)
        return NULL;
    if (settings)
        graph->settings = *settings;
    graph->training = true;
    graph->poison = nn_graph_alloc(graph, sizeof *graph->poison);
    if (graph->settings.device)
        graph->settings.device = nn_graph_text(graph, graph->settings.device);
    if (!graph->poison || graph->error.status != WEIR_OK) {
        nn_graph_free(graph);
        return NULL;
    }
    graph->poison->graph = graph;
    graph->poison->op = NN_OP_POISON;
    graph->poison->id = -1;
    read_debug(graph);
    return graph;
}

nn_graph *nn_graph_of(const nn_node *node)
{
    return node ? node->graph : NULL;
}

int nn_rank(const nn_node *node)
{
    return node ? node->rank : 0;
}

int64_t nn_size(const nn_node *node, int axis)
{
    if (!node)
        return 1;
    if (axis < 0)
        axis += node->rank;
    return axis >= 0 && axis < node->rank ? node->shape[axis] : 1;
}

int64_t nn_count(const nn_node *node)
{
    int64_t count = 1;

    for (int i = 0; node && i < node->rank; i++)
        count *= node->shape[i];
    return count;
}

/* ---- names ---- */

nn_node *nn_find(nn_graph *graph, const char *name)
{
    nn_node sought = {.graph = graph, .op = NN_OP_VARIABLE, .name = name};
    int *slot;

    if (!graph || !name || !graph->shared)
        return NULL;
    slot = slot_of(graph, &sought);
    return *slot >= 0 && graph->nodes[*slot]->op == NN_OP_VARIABLE ? graph->nodes[*slot] : NULL;
}

int nn_parameters(nn_graph *graph, const char *prefix, int max, nn_node **out)
{
    int n = 0;

    for (int i = 0; graph && prefix && i < graph->count; i++) {
        nn_node *node = graph->nodes[i];
        if (node->op != NN_OP_VARIABLE || node->role != NN_ROLE_PARAMETER ||
            strncmp(node->name, prefix, strlen(prefix)))
            continue;
        if (n < max && out)
            out[n] = node;
        n++;
    }
    return n;
}

const char *nn_namef(nn_graph *graph, const char *format, ...)
{
    char text[256];
    const char *copy;
    va_list arguments;
    int length;

    va_start(arguments, format);
    length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (!graph)
        return "";
    if (length < 0 || (size_t)length >= sizeof text)
        nn_fail(graph, WEIR_EOPTION, "a name of %d bytes, which begins \"%.60s\"; 255 are possible",
                length, text);
    copy = nn_graph_text(graph, text);
    return copy ? copy : "";
}

nn_node *nn_label(nn_node *node, const char *name)
{
    if (node && name && node->op != NN_OP_POISON && !node->name)
        node->name = nn_graph_text(node->graph, name);
    return node;
}
