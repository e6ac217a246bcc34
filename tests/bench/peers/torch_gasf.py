"""gasf_diffusion's training step in PyTorch: its default network for images of 32x32 and 3 channels (3 levels of 32, 64
and 128 channels, a residual block a level on the way down and two on the way up, attention at side 8 and in the middle;
step, label and length as conditions) and what its step does beside: drawing the batch from images in memory, noise, labels
dropped, the gradient's norm clipped, AdamW without decay, weights averaged.

modes: plain: contiguous images
channels_last: images and weights in that memory format
"""
import math

import timing
import torch
from torch import nn
from torch.nn import functional

BASE, MULTIPLES, ATTENTION, HEADS, STEPS, IMAGES = 32, (1, 2, 4), (8,), 4, 1000, 1200


def norm(width):
    groups = min(max(width // 4, 1), 32)
    while width % groups:
        groups -= 1
    return nn.GroupNorm(groups, width)


class Residual(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.norm0, self.conv0 = norm(inputs), nn.Conv2d(inputs, outputs, 3, padding=1)
        self.condition = nn.Linear(4 * BASE, 2 * outputs)
        self.norm1, self.conv1 = norm(outputs), nn.Conv2d(outputs, outputs, 3, padding=1)
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else None

    def forward(self, x, condition):
        scale, shift = self.condition(functional.silu(condition))[:, :, None, None].chunk(2, 1)
        h = self.conv0(functional.silu(self.norm0(x)))
        h = self.conv1(functional.silu(self.norm1(h) * (1 + scale) + shift))
        return h + (self.skip(x) if self.skip else x)


class Attention(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm, self.qkv, self.out = norm(width), nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        batch, width, height, columns = x.shape
        h = self.norm(x).flatten(2).transpose(1, 2)  # [batch][pixels][width]
        qkv = self.qkv(h).reshape(batch, height * columns, 3, HEADS, width // HEADS).permute(2, 0, 3, 1, 4)
        h = functional.scaled_dot_product_attention(*qkv).transpose(1, 2).reshape(batch, -1, width)
        return x + self.out(h).transpose(1, 2).reshape(batch, width, height, columns)


class Block(nn.Module):
    def __init__(self, inputs, outputs, side):
        super().__init__()
        self.residual = Residual(inputs, outputs)
        self.attention = Attention(outputs) if side in ATTENTION else None

    def forward(self, x, condition):
        x = self.residual(x, condition)
        return self.attention(x) if self.attention else x


class UNet(nn.Module):
    def __init__(self, side, channels, labels):
        super().__init__()
        widths, last = [BASE * m for m in MULTIPLES], len(MULTIPLES) - 1
        self.time = nn.Sequential(nn.Linear(BASE, 4 * BASE), nn.SiLU(), nn.Linear(4 * BASE, 4 * BASE))
        self.label, self.length = nn.Embedding(labels + 1, 4 * BASE), nn.Linear(BASE, 4 * BASE)
        self.register_buffer("frequency", torch.exp(torch.arange(BASE // 2) * (-math.log(1e4) / (BASE // 2))))
        self.first = nn.Conv2d(channels, widths[0], 3, padding=1)
        self.down, self.shrink, self.up, self.grow = (nn.ModuleList() for _ in range(4))
        width, kept = widths[0], [widths[0]]
        for i, out in enumerate(widths):
            self.down.append(Block(width, out, side >> i))
            width = out
            kept.append(width)
            if i < last:
                self.shrink.append(nn.Conv2d(width, width, 3, stride=2, padding=1))
                kept.append(width)
        self.middle0, self.middle, self.middle1 = Residual(width, width), Attention(width), Residual(width, width)
        for i in range(last, -1, -1):
            for _ in range(2):
                self.up.append(Block(width + kept.pop(), widths[i], side >> i))
                width = widths[i]
            if i:
                self.grow.append(nn.Conv2d(width, width, 3, padding=1))
        self.norm, self.last = norm(width), nn.Conv2d(width, channels, 3, padding=1)

    def waves(self, t):
        angle = t[:, None] * self.frequency
        return torch.cat([angle.sin(), angle.cos()], 1)

    def forward(self, x, t, label, length):
        condition = self.time(self.waves(t)) + self.label(label) + self.length(self.waves(1000 * length))
        x = self.first(x)
        kept = [x]
        for i, block in enumerate(self.down):
            x = block(x, condition)
            kept.append(x)
            if i < len(self.shrink):
                x = self.shrink[i](x)
                kept.append(x)
        x = self.middle1(self.middle(self.middle0(x, condition)), condition)
        for i, block in enumerate(self.up):
            x = block(torch.cat([x, kept.pop()], 1), condition)
            if i % 2 and i // 2 < len(self.grow):
                x = self.grow[i // 2](functional.interpolate(x, scale_factor=2.0, mode="nearest"))
        return self.last(functional.silu(self.norm(x)))


def main():
    parser = timing.options(__doc__, ("plain", "channels_last"))
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--labels", type=int, default=20)
    asked = parser.parse_args()
    net = UNet(asked.size, 3, asked.labels)
    images = torch.rand(IMAGES, 3, asked.size, asked.size) * 2 - 1
    if asked.mode == "channels_last":
        net, images = net.to(memory_format=torch.channels_last), images.contiguous(memory_format=torch.channels_last)
    labels, lengths = torch.randint(0, asked.labels, (IMAGES,)), torch.rand(IMAGES)
    run = torch.compile(net) if asked.compile else net
    weights = list(net.parameters())
    averages = [w.detach().clone() for w in weights]
    optimizer = timing.adam(weights, asked, lr=3e-4)
    left = (1 - torch.linspace(1e-4, 0.02, STEPS)).cumprod(0)

    def train():
        rows, t = torch.randint(0, IMAGES, (asked.batch,)), torch.randint(0, STEPS, (asked.batch,))
        x = images[rows]
        label = labels[rows].masked_fill(torch.rand(asked.batch) < 0.1, asked.labels)
        share, noise = left[t][:, None, None, None], torch.randn_like(x)
        told = run(share.sqrt() * x + (1 - share).sqrt() * noise, t.float(), label, lengths[rows])
        loss = functional.mse_loss(told, noise)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(averages, weights, 0.001)
        return loss.item()

    timing.measure("gasf", asked, train, size=asked.size, batch=asked.batch, weights=sum(w.numel() for w in weights))


main()
