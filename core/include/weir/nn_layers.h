/* Layers and losses of the engine: functions that append primitives, with no gradient rule of their
 * own. Parameters are called NAME.weight, NAME.bias and so on, shaped, named and initialised as
 * PyTorch's, so that weights can be exchanged; a layer built twice by one name shares them, and
 * draws noise of its own each time. Images are [batch][height][width][channel], weights of
 * convolutions [out][in][height][width]. For other first values make a parameter by its name with
 * nn_parameter before the layer does (or nn_write it). What a layer cannot work on is the graph's
 * error, with the layer's name. Part of <weir/nn.h>. */
#ifndef WEIR_NN_LAYERS_H
#define WEIR_NN_LAYERS_H

#include <weir/nn.h>

/* ---- initial values ----
 * fan_in, fan_out: inputs and outputs of a unit (times the kernel's area for convolutions). */
WEIR_API nn_init nn_init_constant(double value);
WEIR_API nn_init nn_init_uniform(double low, double high);
WEIR_API nn_init nn_init_normal(double mean, double deviation);
WEIR_API nn_init nn_init_fan_in(int64_t fan_in); /* U(±1/sqrt(fan_in)), PyTorch's default */
WEIR_API nn_init nn_init_xavier(int64_t fan_in, int64_t fan_out, double gain); /* uniform */
WEIR_API nn_init nn_init_kaiming(int64_t fan_in, double negative_slope);       /* uniform */
WEIR_API nn_init nn_init_orthogonal(double gain); /* of [rows][the rest] */

/* ---- activations ---- */
WEIR_API nn_node *nn_relu(nn_node *x);                     /* gradient 0 at 0 */
WEIR_API nn_node *nn_leaky_relu(nn_node *x, double slope); /* gradient slope at 0 */
WEIR_API nn_node *nn_elu(nn_node *x);                      /* exp(x) - 1 below 0 */
WEIR_API nn_node *nn_gelu(nn_node *x);                     /* exact: x Phi(x) */
WEIR_API nn_node *nn_silu(nn_node *x);                     /* x sigmoid(x) */
WEIR_API nn_node *nn_softplus(nn_node *x);                 /* log(1 + exp(x)) */
WEIR_API nn_node *nn_softmax(nn_node *x, int axis);        /* axis < 0 counts from the last */
WEIR_API nn_node *nn_log_softmax(nn_node *x, int axis);
/* Softmax within consecutive groups of the last axis (a one-hot field each): widths sum to it. */
WEIR_API nn_node *nn_softmax_groups(nn_node *x, int n, const int64_t *widths);
/* softmax((x + g) / temperature) over the last axis, g Gumbel noise drawn under this name; hard:
 * the result is one-hot and the gradient that of the soft one. Jang et al. 2017; Maddison et al.
 * 2017. */
WEIR_API nn_node *nn_gumbel_softmax(nn_node *x, double temperature, bool hard, const char *name);

/* ---- layers ---- */
typedef struct nn_linear_options {
    bool no_bias;
    const nn_init *weight, *bias; /* NULL: PyTorch's */
} nn_linear_options;
/* x [...][in]: x W' + b, [...][out]. NAME.weight [out][in], NAME.bias [out], both U(±1/sqrt(in)).
 */
WEIR_API nn_node *nn_linear(nn_node *x, int64_t out, const char *name);
WEIR_API nn_node *nn_linear_with(nn_node *x, int64_t out, const char *name,
                                 const nn_linear_options *options);

/* x [batch][h][w][in]. NAME.weight [out][in][kernel][kernel], NAME.bias [out], both U(±1/sqrt(in
 * kernel²)). pad: zeros on each side. */
WEIR_API nn_node *nn_conv(nn_node *x, int64_t out, int64_t kernel, int64_t stride, int64_t pad,
                          const char *name);
/* A window that moves over the height and width of an image: what a convolution or a pooling sees
 * at once. pad: cells on each side, at most half the window when pooling. Sizes of 0 mean 1, so {2,
 * 2, 2} is a 2 x 2 window that moves by 2. What remains at the end of an axis is left out. */
typedef struct nn_sweep {
    int64_t height, width, stride;
    int64_t pad_height, pad_width;
} nn_sweep;
/* x [batch][h][w][in] by windows of any sides: NAME.weight [out][in][height][width], and NAME.bias
 * [out] unless no_bias, all U(±1/sqrt(in height width)). The padding is zeros. */
WEIR_API nn_node *nn_conv_sweep(nn_node *x, int64_t out, const nn_sweep *window, bool no_bias,
                                const char *name);
/* The largest of each window and channel, padding left out of account; where several are largest
 * the gradient goes to the first of them. */
WEIR_API nn_node *nn_max_pool(nn_node *x, const nn_sweep *window);
/* The mean of each window and channel, the padding's zeros counted as PyTorch does. */
WEIR_API nn_node *nn_average_pool(nn_node *x, const nn_sweep *window);
/* Nearest-neighbour enlargement, and averaging, of height and width by a whole factor, of which
 * they must be multiples to be averaged. */
WEIR_API nn_node *nn_upsample(nn_node *x, int64_t factor);
WEIR_API nn_node *nn_downsample(nn_node *x, int64_t factor);

/* Over all axes but the last, at least 2 rows. In training mode with batch statistics (biased
 * variance), and running ones updated through nn_updates: r = (1 - momentum) r + momentum batch,
 * unbiased variance; else with the running ones. Built again by one name in training mode, the
 * latest one's batch is what nn_updates takes. NAME.weight, .bias and the states .running_mean,
 * .running_var: [width]. momentum 0: 0.1; epsilon 0: 1e-5. */
WEIR_API nn_node *nn_batch_norm(nn_node *x, double momentum, double epsilon, const char *name);
/* Over the last axis. NAME.weight, .bias [width]. epsilon 0: 1e-5. */
WEIR_API nn_node *nn_layer_norm(nn_node *x, double epsilon, const char *name);
/* x [batch][...][channel]: within each example and group of neighbouring channels. NAME.weight,
 * .bias [channel]. epsilon 0: 1e-5. */
WEIR_API nn_node *nn_group_norm(nn_node *x, int64_t groups, double epsilon, const char *name);

/* index [n…] of whole numbers: [n…][width]; zeros for an index outside 0 … rows - 1. NAME.weight
 * [rows][width], N(0, 1). */
WEIR_API nn_node *nn_embedding(nn_node *index, int64_t rows, int64_t width, const char *name);
/* Training mode: zero with probability p in [0, 1), else divided by 1 - p. Else x. The noise is
 * called name. */
WEIR_API nn_node *nn_dropout(nn_node *x, double p, const char *name);

/* One layer over time, gates i f g o. Any of sequence and constant may be NULL, not both: sequence
 * [time][batch][in], constant [batch][in'] enters every step and is multiplied once; the input of
 * PyTorch's layer is [constant, sequence] in this order: NAME.weight_ih_l0 [4 hidden][in' + in],
 * .weight_hh_l0 [4 hidden][hidden], .bias_ih_l0, .bias_hh_l0 [4 hidden], all U(±1/sqrt(hidden)). h
 * and c: the first state [batch][hidden], NULL for zeros. */
typedef struct nn_recurrent {
    nn_node *sequence, *constant;
    nn_node *h, *c;
    int64_t steps, hidden; /* steps may be left 0 where a sequence tells it */
} nn_recurrent;
typedef struct nn_recurrent_result {
    nn_node *outputs; /* [time][batch][hidden] */
    nn_node *h, *c;   /* the last state; c is NULL for a GRU */
} nn_recurrent_result;
WEIR_API nn_recurrent_result nn_lstm(const nn_recurrent *in, const char *name);
/* One LSTM step with nn_lstm's parameters, for loops in which an output is the next input. x
 * [batch][in]; *h and *c [batch][hidden], which must be given, are replaced. */
WEIR_API void nn_lstm_step(nn_node *x, nn_node **h, nn_node **c, const char *name);
/* The same with gates r z n, as PyTorch's: 3 hidden instead of 4 hidden. No c. */
WEIR_API nn_recurrent_result nn_gru(const nn_recurrent *in, const char *name);

/* x [batch][time][width]; width divisible by heads; causal: no step sees a later one.
 * Self-attention with PyTorch's parameters: NAME.in_proj_weight [3 width][width] (Xavier),
 * .in_proj_bias (zeros), .out_proj.weight [width][width] (U(±1/sqrt(width))), .out_proj.bias
 * (zeros). */
WEIR_API nn_node *nn_attention(nn_node *x, int64_t heads, bool causal, const char *name);

/* sin and cos of t [batch] at width / 2 frequencies, 1 down to 1e-4 in equal ratios:
 * [batch][width], all sines first; width is even (the time embedding of diffusion models; Ho et al.
 * 2020). */
WEIR_API nn_node *nn_time_embedding(nn_node *t, int64_t width);

/* ---- losses: scalars ---- */
WEIR_API nn_node *nn_mse(nn_node *x, nn_node *target); /* of one shape */
/* logits [n…][classes], index [n…] of whole numbers. The mean over the rows whose index is a class:
 * others (-1, say) do not count. */
WEIR_API nn_node *nn_cross_entropy(nn_node *logits, nn_node *index);
/* logits and target of one shape; target in [0, 1]. */
WEIR_API nn_node *nn_binary_cross_entropy(nn_node *logits, nn_node *target);
/* E[fake] - E[real], of critic scores. Arjovsky et al. 2017. */
WEIR_API nn_node *nn_wgan_critic(nn_node *score_real, nn_node *score_fake);
WEIR_API nn_node *nn_wgan_generator(nn_node *score_fake);
/* e real + (1 - e) fake, e uniform, one an example (the first axis), drawn under this name. Called
 * by one name again it is the same e, for inputs that belong together. */
WEIR_API nn_node *nn_mix(nn_node *real, nn_node *fake, const char *name);
/* E[(|d score / d inputs| - 1)^2], the norm over all n inputs of an example together; epsilon is
 * added under the root (0: none, where the gradient of a zero norm is taken as 0). score: one
 * number an example, of the example alone (no batch norm). Gulrajani et al. 2017, eq. 3. */
WEIR_API nn_node *nn_gradient_penalty(nn_node *score, int n, nn_node *const *inputs,
                                      double epsilon);

#endif
