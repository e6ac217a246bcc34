/* Inception-v3 (Szegedy, Vanhoucke, Ioffe, Shlens, Wojna, Rethinking the Inception architecture for
 * computer vision, CVPR 2016) up to its pooled features, as torchvision defines it, with weights
 * that the user has. */
#ifndef WEIR_INCEPTION_H
#define WEIR_INCEPTION_H

#include <weir/plugin.h>

typedef struct weir_inception weir_inception;

/* The network with the weights of a safetensors file of torchvision's names
 * ("Mixed_5b.branch1x1.conv.weight", f32), as
 * `safetensors.torch.save_file(inception_v3(weights="DEFAULT").state_dict(), path)` writes them.
 * Channel counts are the file's; other arrays (the classifier, the auxiliary one) are passed over.
 * NULL with the error recorded: WEIR_EIO, WEIR_ENOMEM, WEIR_ECANCEL, or WEIR_EDATA where an array
 * is missing or does not fit, which names as many of them as a line has room for. */
WEIR_API weir_inception *weir_inception_open(weir_job *job, const char *path);
/* Features of an image: 2048 for weights of the published size. */
WEIR_API uint32_t weir_inception_width(const weir_inception *net);
/* x [n][height][width][channels] in [0, 1] to out [n][weir_inception_width]: the mean over the last
 * level's pixels. Images are resized to 299 x 299 (bilinear between pixels' middles, without
 * smoothing first, as PyTorch's interpolate) and spread to [-1, 1], as torchvision's weights want
 * them. One channel stands for three; of two the third is 0; of more the first three are taken.
 * WEIR_EDATA for images without pixels and for features that are not finite, WEIR_ECANCEL. */
WEIR_API int weir_inception_features(weir_job *job, weir_inception *net, const float *x, size_t n,
                                     uint32_t height, uint32_t width, uint32_t channels,
                                     float *out);
/* NULL is ignored. */
WEIR_API void weir_inception_free(weir_inception *net);

#endif
