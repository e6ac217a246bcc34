"""Makes inception.safetensors: a narrow Inception-v3 (torchvision's, every channel count a 32nd, rounded up) with random weights
under torchvision's names. The statistics of its norms are those of a few images, so that no level fades, and most of what a
norm gives is above 0, since rounding grows fast in a random network otherwise. images.X are images in [0, 1], features.X what
the network makes of them in float64: resized to 299 x 299 and normalised as torchvision's transforms do, one channel repeated
to three, the third of two zero.

    pip install torch==2.15.0 torchvision==0.29.2 && python3 inception.py
"""
import json
import os
import struct

import torch
from torch.nn import functional
from torchvision.models import inception

torch.manual_seed(1)
torch.set_num_threads(1)
HERE = os.path.dirname(os.path.abspath(__file__))
MEAN, DEVIATION = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


def narrow(channels):
    return channels if channels == 3 else -(-channels // 32)


class Block(inception.BasicConv2d):
    def __init__(self, inputs, outputs, **options):
        super().__init__(narrow(inputs), narrow(outputs), **options)


def network():
    """Up to the pooled features: the last layer passes them on."""
    blocks = [Block] + [lambda *a, cls=cls, **k: cls(*a, conv_block=Block, **k) for cls in (
        inception.InceptionA, inception.InceptionB, inception.InceptionC, inception.InceptionD, inception.InceptionE,
        inception.InceptionAux)]
    net = inception.Inception3(aux_logits=False, transform_input=True, inception_blocks=blocks, init_weights=False)
    net.fc = torch.nn.Identity()
    return net


def as_input(images):
    """[n][height][width][channel] in [0, 1] to what torchvision's weights want."""
    x = images.permute(0, 3, 1, 2)
    if x.shape[1] == 1:
        x = x.expand(-1, 3, -1, -1)
    elif x.shape[1] == 2:
        x = torch.cat([x, torch.zeros_like(x[:, :1])], 1)
    x = functional.interpolate(x[:, :3], size=(299, 299), mode="bilinear", align_corners=False)
    return (x - MEAN[:, None, None]) / DEVIATION[:, None, None]


def calibrate(net):
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.weight.uniform_(0.4, 0.7)
                module.bias.normal_(0.7, 0.3)
                module.momentum = None
        net.train()
        net(as_input(torch.rand(6, 9, 9, 3)))
    net.eval()


def write(path, tensors):
    header, at, names = {}, 0, {torch.float32: "F32", torch.float64: "F64", torch.int64: "I64"}
    for key, value in tensors.items():
        size = value.numel() * value.element_size()
        header[key] = {"dtype": names[value.dtype], "shape": list(value.shape), "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for value in tensors.values():
            file.write(value.contiguous().numpy().tobytes())


if __name__ == "__main__":
    net = network()
    calibrate(net)
    images = {"grey": torch.rand(2, 8, 8, 1), "two": torch.rand(1, 5, 11, 2), "colour": torch.rand(3, 12, 10, 3),
              "four": torch.rand(1, 7, 7, 4)}
    tensors = {}
    net.double()
    for name, x in images.items():
        with torch.no_grad():
            tensors["features." + name] = net(as_input(x.double()))
    net.float()
    weights = {key: value for key, value in net.state_dict().items() if not key.endswith("num_batches_tracked")}
    tensors |= {"images." + name: x for name, x in images.items()} | weights
    write(os.path.join(HERE, "inception.safetensors"), tensors)
    for name in images:
        f = tensors["features." + name]
        print(name, f.shape, f.min().item(), f.max().item(), f.std().item())
