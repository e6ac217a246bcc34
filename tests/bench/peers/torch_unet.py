"""A DDPM training step and a sampling step of a small U-Net in PyTorch: images of one channel, 5 levels of 32, 64,
128, 128 and 256 channels, one residual block a level and side, group norm, SiLU, time embedding, attention at the lowest
level.

modes: plain: contiguous images
channels_last: images and weights in that memory format
"""
import math

import timing
import torch
from torch import nn
from torch.nn import functional

CHANNELS, GROUPS, STEPS = (32, 64, 128, 128, 256), 8, 1000


class Residual(nn.Module):
    def __init__(self, inputs, outputs, embedding):
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(GROUPS, inputs), nn.Conv2d(inputs, outputs, 3, padding=1)
        self.time = nn.Linear(embedding, outputs)
        self.norm2, self.conv2 = nn.GroupNorm(GROUPS, outputs), nn.Conv2d(outputs, outputs, 3, padding=1)
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else None

    def forward(self, x, time):
        h = self.conv1(functional.silu(self.norm1(x)))
        h = h + self.time(functional.silu(time))[:, :, None, None]
        h = self.conv2(functional.silu(self.norm2(h)))
        return h + (self.skip(x) if self.skip else x)


class Attention(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm = nn.GroupNorm(GROUPS, width)
        self.qkv, self.out = nn.Conv2d(width, 3 * width, 1), nn.Conv2d(width, width, 1)

    def forward(self, x):
        batch, width, height, columns = x.shape
        q, k, v = self.qkv(self.norm(x)).flatten(2).chunk(3, 1)  # [batch][width][pixels]
        weights = (q.transpose(1, 2) @ k / math.sqrt(width)).softmax(-1)
        return x + self.out((v @ weights.transpose(1, 2)).reshape(batch, width, height, columns))


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        first, last, embedding = CHANNELS[0], len(CHANNELS) - 1, 4 * CHANNELS[0]
        self.embed = nn.Sequential(nn.Linear(first, embedding), nn.SiLU(), nn.Linear(embedding, embedding))
        self.register_buffer("frequency", torch.exp(torch.arange(first // 2) * (-math.log(1e4) / (first // 2))))
        self.first = nn.Conv2d(1, first, 3, padding=1)
        self.down, self.shrink, self.up, self.grow = (nn.ModuleList() for _ in range(4))
        width = first
        for i, channels in enumerate(CHANNELS):
            self.down.append(Residual(width, channels, embedding))
            width = channels
            if i < last:
                self.shrink.append(nn.Conv2d(width, width, 3, stride=2, padding=1))
        self.middle1 = Residual(width, width, embedding)
        self.attention = Attention(width)
        self.middle2 = Residual(width, width, embedding)
        for i in range(last, -1, -1):
            self.up.append(Residual(width + CHANNELS[i], CHANNELS[i], embedding))
            width = CHANNELS[i]
            if i:
                self.grow.append(nn.Conv2d(width, CHANNELS[i - 1], 3, padding=1))
                width = CHANNELS[i - 1]
        self.norm, self.last = nn.GroupNorm(GROUPS, width), nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, x, time):
        angle = time[:, None].float() * self.frequency
        time = self.embed(torch.cat([angle.sin(), angle.cos()], 1))
        x = self.first(x)
        kept = []
        for i, block in enumerate(self.down):
            x = block(x, time)
            kept.append(x)
            if i < len(self.shrink):
                x = self.shrink[i](x)
        x = self.middle2(self.attention(self.middle1(x, time)), time)
        for i, block in enumerate(self.up):
            x = block(torch.cat([x, kept.pop()], 1), time)
            if i < len(self.grow):
                x = self.grow[i](functional.interpolate(x, scale_factor=2.0, mode="nearest"))
        return self.last(functional.silu(self.norm(x)))


def main():
    parser = timing.options(__doc__, ("plain", "channels_last"), ("train", "sample"))
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--batch", type=int, default=32)
    asked = parser.parse_args()
    net = UNet()
    x = torch.rand(asked.batch, 1, asked.size, asked.size) * 2 - 1
    if asked.mode == "channels_last":
        net, x = net.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
    run = torch.compile(net) if asked.compile else net
    optimizer = timing.adam(net.parameters(), asked, lr=2e-4)
    beta = torch.linspace(1e-4, 0.02, STEPS)
    kept = (1 - beta).cumprod(0)
    noisy = torch.randn_like(x)

    def train():
        time, noise = torch.randint(0, STEPS, (asked.batch,)), torch.randn_like(x)
        share = kept[time][:, None, None, None]
        guess = run(share.sqrt() * x + (1 - share).sqrt() * noise, time)
        loss = functional.mse_loss(guess, noise)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    @torch.no_grad()
    def sample():
        at = STEPS // 2
        guess = run(noisy, torch.full((asked.batch,), at))
        mean = (noisy - beta[at] / (1 - kept[at]).sqrt() * guess) / (1 - beta[at]).sqrt()
        return mean + beta[at].sqrt() * torch.randn_like(noisy)

    timing.measure("unet_" + asked.what, asked, train if asked.what == "train" else sample, size=asked.size,
                   batch=asked.batch, weights=sum(p.numel() for p in net.parameters()))


main()
