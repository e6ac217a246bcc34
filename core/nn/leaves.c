/* Leaves and effects, and the memory of leaves on the graph's device. */
#include "nn/backend.h"
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/random.h>

/* ---- making ---- */

static bool name_check(nn_graph *graph, const char *operation, const char *name)
{
    const char *c = name;

    while (c && *c &&
           ((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
            *c == '_' || *c == '.'))
        c++;
    if (c && !*c && c > name)
        return true;
    nn_fail(graph, WEIR_EOPTION, "%s: the name \"%.80s\"; a name is [A-Za-z0-9_.]+", operation,
            name ? name : "");
    return false;
}

/* A new leaf, or the one that has the name already. */
static nn_node *leaf(nn_graph *graph, nn_node *node, const char *operation, const char *name,
                     int rank, const int64_t *shape)
{
    if (!graph)
        return NULL;
    if (!name_check(graph, operation, name))
        return graph->poison;
    if (!nn_shape_check(graph, operation, rank, shape)) {
        weir_error_prefix(&graph->error, "%s: ", name);
        return graph->poison;
    }
    node->graph = graph;
    node->name = name;
    node->rank = rank;
    if (rank)
        memcpy(node->shape, shape, (size_t)rank * sizeof *shape);
    return nn_node_make(node);
}

/* As leaf, for what may be made only once. */
static nn_node *single(nn_graph *graph, nn_node *node, const char *operation, const char *name,
                       int rank, const int64_t *shape)
{
    int before = graph ? graph->count : 0;
    nn_node *made = leaf(graph, node, operation, name, rank, shape);

    if (made && made->op != NN_OP_POISON && graph->count == before)
        return nn_fail(graph, WEIR_EOPTION, "%s(%s): there is %s %s of this name", operation, name,
                       made->op == NN_OP_INPUT ? "an" : "a", nn_op_name(made->op));
    return made;
}

nn_node *nn_input(nn_graph *graph, const char *name, int rank, const int64_t *shape)
{
    return single(graph, &(nn_node){.op = NN_OP_INPUT}, "input", name, rank, shape);
}

static nn_node *variable(nn_graph *graph, nn_role role, const char *name, int rank,
                         const int64_t *shape, nn_init init)
{
    const char *operation = role == NN_ROLE_PARAMETER ? "parameter" : "state";
    nn_node description = {.op = NN_OP_VARIABLE, .role = role, .init = init}, *node;
    char text[2][160];

    if (graph && (!isfinite(init.a) || !isfinite(init.b) || (unsigned)init.kind > NN_ORTHOGONAL))
        return nn_fail(graph, WEIR_EOPTION, "%s(%s): initial values of kind %d with %g and %g",
                       operation, name ? name : "", (int)init.kind, init.a, init.b);
    if (graph && init.kind == NN_ORTHOGONAL && rank < 2)
        return nn_fail(graph, WEIR_EOPTION, "%s(%s): orthogonal values need two axes, not %d",
                       operation, name ? name : "", rank);
    node = leaf(graph, &description, operation, name, rank, shape);
    if (!node || node->op == NN_OP_POISON)
        return node;
    if (node->op != NN_OP_VARIABLE || node->role != role)
        return nn_fail(graph, WEIR_EOPTION, "%s(%s): there is %s of this name", operation, name,
                       node->op == NN_OP_INPUT           ? "an input"
                       : node->role == NN_ROLE_PARAMETER ? "a parameter"
                                                         : "a state");
    if (!nn_same_shape(node, &description))
        return nn_fail(graph, WEIR_EOPTION, "%s(%s): asked for as %s, it was made as %s", operation,
                       name, nn_shape_text(&description, text[0]), nn_shape_text(node, text[1]));
    return node;
}

nn_node *nn_parameter(nn_graph *graph, const char *name, int rank, const int64_t *shape,
                      nn_init init)
{
    return variable(graph, NN_ROLE_PARAMETER, name, rank, shape, init);
}

nn_node *nn_state(nn_graph *graph, const char *name, int rank, const int64_t *shape, nn_init init)
{
    return variable(graph, NN_ROLE_STATE, name, rank, shape, init);
}

nn_node *nn_scalar(nn_graph *graph, double value)
{
    return graph ? nn_constant_like(&(nn_node){.graph = graph}, value) : NULL;
}

nn_node *nn_array(nn_graph *graph, int rank, const int64_t *shape, const double *values)
{
    nn_node node = {.graph = graph, .op = NN_OP_CONSTANT, .rank = rank, .values = values};
    bool one = true;

    if (!graph || !nn_shape_check(graph, "array", rank, shape))
        return graph ? graph->poison : NULL;
    if (!values)
        return nn_fail(graph, WEIR_EOPTION, "array: no values");
    if (rank)
        memcpy(node.shape, shape, (size_t)rank * sizeof *shape);
    for (int64_t i = 1; one && i < nn_count(&node); i++)
        one = !memcmp(&values[i], &values[0], sizeof *values);
    return one ? nn_constant_like(&node, values[0]) : nn_node_make(&node);
}

static nn_node *noise(nn_graph *graph, nn_noise_kind kind, const char *name, int rank,
                      const int64_t *shape)
{
    nn_node node = {.op = NN_OP_NOISE, .at = {kind}};
    weir_random random;

    if (graph && name) {
        random = weir_random_new(graph->settings.seed, name);
        node.key = weir_random_u64(&random);
    }
    return single(graph, &node, "noise", name, rank, shape);
}

nn_node *nn_noise_uniform(nn_graph *graph, const char *name, int rank, const int64_t *shape)
{
    return noise(graph, NN_NOISE_UNIFORM, name, rank, shape);
}

nn_node *nn_noise_normal(nn_graph *graph, const char *name, int rank, const int64_t *shape)
{
    return noise(graph, NN_NOISE_NORMAL, name, rank, shape);
}

/* ---- effects ---- */

nn_node *nn_stop(nn_node *x)
{
    nn_node *instead;

    return nn_usable("stop", 1, &x, &instead) ? nn_make(NN_OP_STOP, x, NULL) : instead;
}

nn_node *nn_assign(nn_node *target, nn_node *value)
{
    nn_node *input[] = {target, value}, *instead;
    char text[2][320];

    if (!nn_usable("assign", 2, input, &instead))
        return instead;
    if (target->op != NN_OP_VARIABLE)
        return nn_fail(target->graph, WEIR_EOPTION, "assign: %s is no variable but %s",
                       nn_describe(target, text[0]), nn_op_name(target->op));
    if (!nn_same_shape(target, value))
        return nn_fail(target->graph, WEIR_EOPTION, "assign: %s cannot take a value %s",
                       nn_describe(target, text[0]), nn_describe(value, text[1]));
    return nn_node_make(
        &(nn_node){.graph = target->graph, .op = NN_OP_ASSIGN, .inputs = 2, .input = input});
}

nn_node *nn_group(nn_graph *graph, int n, nn_node *const *nodes)
{
    if (!graph)
        return NULL;
    if (n < 0 || (n && !nodes))
        return nn_fail(graph, WEIR_EOPTION, "group: %d nodes", n);
    for (int i = 0; i < n; i++)
        if (!nodes[i] || nodes[i]->graph != graph)
            return nn_fail(graph, WEIR_EOPTION, "group: node %d is %s", i + 1,
                           nodes[i] ? "of another graph" : "missing (NULL)");
    return nn_node_make(
        &(nn_node){.graph = graph, .op = NN_OP_GROUP, .inputs = n, .input = (nn_node **)nodes});
}

void nn_update_add(nn_node *assign)
{
    nn_graph *graph = nn_graph_of(assign);

    if (!assign || assign->op != NN_OP_ASSIGN)
        return;
    for (int i = 0; i < graph->update_count; i++)
        if (graph->updates[i]->input[0] == assign->input[0]) {
            graph->updates[i] = assign;
            return;
        }
    if (graph->update_count == graph->update_capacity) {
        int capacity = graph->update_capacity ? 2 * graph->update_capacity : 16;
        nn_node **updates = realloc(graph->updates, (size_t)capacity * sizeof(nn_node *));
        if (!updates) {
            nn_fail(graph, WEIR_ENOMEM, "updates: out of memory for %d of them", capacity);
            return;
        }
        graph->updates = updates;
        graph->update_capacity = capacity;
    }
    graph->updates[graph->update_count++] = assign;
}

nn_node *nn_updates(nn_graph *graph, const char *prefix)
{
    nn_node **chosen, *group;
    int n = 0;

    if (!graph)
        return NULL;
    if (!prefix)
        prefix = "";
    chosen = malloc(((size_t)graph->update_count + 1) * sizeof(nn_node *));
    if (!chosen)
        return nn_fail(graph, WEIR_ENOMEM, "updates: out of memory");
    for (int i = 0; i < graph->update_count; i++)
        if (!strncmp(graph->updates[i]->input[0]->name, prefix, strlen(prefix)))
            chosen[n++] = graph->updates[i];
    group = nn_group(graph, n, chosen);
    free(chosen);
    return group;
}

void nn_training(nn_graph *graph, bool training)
{
    if (graph)
        graph->training = training;
}

/* ---- the device ---- */

/* Opens it on a back end; false: it would not. */
static bool open_on(nn_graph *graph, const nn_backend *backend, weir_error *error)
{
    if (!backend)
        return false;
    graph->device =
        backend->open(&graph->settings, graph->description, sizeof graph->description, error);
    if (graph->device)
        graph->backend = backend;
    return graph->device != NULL;
}

static void warn_once(const weir_error *error)
{
    static atomic_flag warned = ATOMIC_FLAG_INIT;

    if (!atomic_flag_test_and_set(&warned))
        fprintf(stderr, "weir: no CUDA device (%s); the CPU is used\n", error->text);
}

int nn_graph_open(nn_graph *graph)
{
    const char *name;
    weir_error failure = {0};
    bool automatic;

    if (!graph)
        return WEIR_EOPTION;
    if (graph->device || graph->error.status != WEIR_OK)
        return graph->error.status;
    name = graph->settings.device ? graph->settings.device : "auto";
    automatic = !strcmp(name, "auto");
    if (!strcmp(name, "null")) {
        open_on(graph, &nn_backend_null, &graph->error);
    } else if (!strcmp(name, "cuda")) {
        open_on(graph, nn_backend_cuda(&graph->error), &graph->error);
    } else if (!automatic && strcmp(name, "cpu")) {
        nn_fail(graph, WEIR_EOPTION, "device \"%.40s\"; there are auto, cpu, cuda and null", name);
    } else if (!automatic || !NN_AUTO_TAKES_CUDA ||
               !open_on(graph, nn_backend_cuda(&failure), &failure)) {
        if (failure.status != WEIR_OK)
            warn_once(&failure);
        open_on(graph, &nn_backend_cpu, &graph->error);
    }
    if (!graph->device && graph->error.status == WEIR_OK)
        nn_fail(graph, WEIR_EBUG, "the back end %s does not open and does not say why", name);
    return graph->error.status;
}

const char *nn_device(const nn_graph *graph)
{
    /* Opening is no change that a caller can see. */
    return graph && nn_graph_open((nn_graph *)graph) == WEIR_OK ? graph->description : "none";
}

void nn_graph_free(nn_graph *graph)
{
    if (!graph)
        return;
    while (graph->programs)
        nn_program_free(graph->programs);
    for (int i = 0; i < graph->count; i++)
        if (graph->nodes[i]->memory)
            graph->backend->release(graph->device, graph->nodes[i]->memory);
    if (graph->device)
        graph->backend->close(graph->device);
    free(graph->nodes);
    free(graph->shared);
    free(graph->updates);
    nn_chunk_free(graph->chunks);
    free(graph);
}

/* ---- memory and first values ---- */

/* Rows of unit length at right angles to each other (Gram-Schmidt, each row twice, for accuracy).
 * false: a row was a sum of those before, which a draw of normals never is. */
static bool orthonormalise(double *v, int64_t rows, int64_t columns)
{
    for (int64_t r = 0; r < rows; r++) {
        double *row = v + r * columns, norm = 0;
        for (int pass = 0; pass < 2; pass++)
            for (int64_t q = 0; q < r; q++) {
                const double *other = v + q * columns;
                double dot = 0;
                for (int64_t i = 0; i < columns; i++)
                    dot += row[i] * other[i];
                for (int64_t i = 0; i < columns; i++)
                    row[i] -= dot * other[i];
            }
        for (int64_t i = 0; i < columns; i++)
            norm += row[i] * row[i];
        norm = sqrt(norm);
        if (norm < 1e-12)
            return false;
        for (int64_t i = 0; i < columns; i++)
            row[i] /= norm;
    }
    return true;
}

static int orthogonal(const nn_node *node, weir_random *random, nn_real *to)
{
    int64_t rows = node->shape[0], columns = nn_count(node) / rows;
    int64_t fewer = rows < columns ? rows : columns, more = rows < columns ? columns : rows;
    double *v = malloc((size_t)(fewer * more) * sizeof *v);

    if (!v)
        return WEIR_ENOMEM;
    do
        for (int64_t i = 0; i < fewer * more; i++)
            v[i] = weir_random_normal(random);
    while (!orthonormalise(v, fewer, more));
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < columns; c++)
            to[r * columns + c] =
                (nn_real)(node->init.a * (rows <= columns ? v[r * more + c] : v[c * more + r]));
    free(v);
    return WEIR_OK;
}

static int first_values(const nn_node *node, nn_real *to)
{
    int64_t count = nn_count(node);
    weir_random random = weir_random_new(node->graph->settings.seed, node->name ? node->name : "");
    const nn_init *init = &node->init;

    if (node->op == NN_OP_CONSTANT) {
        for (int64_t i = 0; i < count; i++)
            to[i] = (nn_real)node->values[i];
        return WEIR_OK;
    }
    if (init->kind == NN_ORTHOGONAL)
        return orthogonal(node, &random, to);
    for (int64_t i = 0; i < count; i++)
        to[i] =
            (nn_real)(init->kind == NN_UNIFORM
                          ? init->a + (init->b - init->a) * weir_random_uniform(&random)
                      : init->kind == NN_NORMAL ? init->a + init->b * weir_random_normal(&random)
                                                : init->a);
    return WEIR_OK;
}

void *nn_leaf_memory(nn_node *node)
{
    nn_graph *graph = nn_graph_of(node);
    bool noise_state = node && node->op == NN_OP_NOISE;
    size_t bytes;
    void *memory;

    if (!node || node->memory)
        return node ? node->memory : NULL;
    if (nn_op_class(node->op) != NN_LEAF_CLASS || node->op == NN_OP_POISON ||
        (node->op == NN_OP_CONSTANT && !node->values)) {
        nn_fail(graph, WEIR_EBUG, "%s has no memory of its own", nn_op_name(node->op));
        return NULL;
    }
    if (nn_graph_open(graph) != WEIR_OK)
        return NULL;
    bytes = noise_state ? sizeof(uint64_t) : (size_t)nn_count(node) * sizeof(nn_real);
    memory = graph->backend->allocate(graph->device, bytes, &graph->error);
    if (!memory) {
        weir_error_memory(&graph->error, bytes, node->name ? node->name : "a constant");
        return NULL;
    }
    if (node->op == NN_OP_VARIABLE || node->op == NN_OP_CONSTANT) {
        nn_real *values = malloc(bytes);
        if (!values || first_values(node, values) != WEIR_OK)
            weir_error_memory(&graph->error, bytes, node->name ? node->name : "a constant");
        else
            graph->backend->write(graph->device, memory, values, bytes, &graph->error);
        free(values);
        if (graph->error.status != WEIR_OK) {
            graph->backend->release(graph->device, memory);
            return NULL;
        }
    }
    return node->memory = memory;
}

/* The memory of a leaf that a caller may read or write. */
static void *value_memory(const char *operation, nn_node *node, const void *values)
{
    nn_node *instead;

    if (!nn_usable(operation, 1, &node, &instead))
        return NULL;
    if ((node->op != NN_OP_INPUT && node->op != NN_OP_VARIABLE) || !values) {
        nn_fail(node->graph, WEIR_EOPTION,
                values ? "%s: %s is no input and no variable" : "%s: no numbers for %s", operation,
                node->name ? node->name : nn_op_name(node->op));
        return NULL;
    }
    return nn_leaf_memory(node);
}

int nn_write(nn_node *node, const nn_real *from)
{
    void *memory = value_memory("write", node, from);
    nn_graph *graph = nn_graph_of(node);

    if (!memory)
        return graph ? (int)graph->error.status : WEIR_EOPTION;
    return graph->backend->write(graph->device, memory, from,
                                 (size_t)nn_count(node) * sizeof(nn_real), &graph->error);
}

int nn_value(nn_node *node, nn_real *to)
{
    void *memory = value_memory("value", node, to);
    nn_graph *graph = nn_graph_of(node);

    if (!memory)
        return graph ? (int)graph->error.status : WEIR_EOPTION;
    return graph->backend->read(graph->device, to, memory, (size_t)nn_count(node) * sizeof(nn_real),
                                &graph->error);
}
