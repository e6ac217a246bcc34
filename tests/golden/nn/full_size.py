"""Makes full_size.json: gradients of the benchmarks' training steps at full size, as PyTorch computes them in
float64. The models are those of tests/bench/nn_models.h; weights, inputs and noise come from the core's random streams,
so that only a few numbers have to be kept of each gradient: its norm and two sums with fixed weights.

    pip install torch==2.15.0 numpy && python3 full_size.py > full_size.json
"""
import json
import sys

import noise
import numpy as np
import torch
from torch.nn import functional

torch.set_default_dtype(torch.float64)
SEED = 1


def drawn(function, name, *shape, draw=0):
    return torch.tensor(function(SEED, name, draw, int(np.prod(shape)))).reshape(shape)


def normal(name, *shape):
    return drawn(noise.normal, name, *shape)


def given(name, *shape):
    """An input: uniform."""
    return torch.tensor(noise.stream_uniform(SEED, "in." + name, int(np.prod(shape)))).reshape(shape)


class Weights(dict):
    """Weights by name, made when first asked for: see set_weights in the test."""

    def get_weight(self, name, *shape):
        if name not in self:
            u = torch.tensor(noise.stream_uniform(SEED, "w." + name, int(np.prod(shape)))).reshape(shape) * 2 - 1
            if len(shape) > 1:
                u = u / np.sqrt(np.prod(shape[1:]))
            else:
                u = 1 + 0.3 * u if name.endswith("weight") else 0.1 * u
            self[name] = u.requires_grad_()
        return self[name]

    def linear(self, x, out, name):
        return functional.linear(x, self.get_weight(name + ".weight", out, x.shape[-1]),
                                 self.get_weight(name + ".bias", out))

    def norm(self, x, name):
        width = x.shape[-1]
        return functional.batch_norm(x, None, None, self.get_weight(name + ".weight", width),
                                     self.get_weight(name + ".bias", width), True)

    def critic(self, x, name, activation):
        for i in range(4):
            x = activation(self.linear(x, 512, f"{name}.{i}"))
        return self.linear(x, 1, f"{name}.4")

    def lstm(self, constant, sequence, hidden, name):
        x = torch.cat([constant.expand(sequence.shape[0], -1, -1), sequence], 2)
        shapes = {"weight_ih_l0": (4 * hidden, x.shape[2]), "weight_hh_l0": (4 * hidden, hidden),
                  "bias_ih_l0": (4 * hidden,), "bias_hh_l0": (4 * hidden,)}
        given_weights = {key: self.get_weight(f"{name}.{key}", *shape) for key, shape in shapes.items()}
        net, batch = torch.nn.LSTM(x.shape[2], hidden), constant.shape[0]
        state = normal("h", batch, hidden)[None], normal("c", batch, hidden)[None]
        return torch.func.functional_call(net, given_weights, (x, state))[0]


    def conv(self, x, out, kernel, stride, name):
        """x [batch][channel][height][width]."""
        return functional.conv2d(x, self.get_weight(name + ".weight", out, x.shape[1], kernel, kernel),
                                 self.get_weight(name + ".bias", out), stride=stride, padding=kernel // 2)

    def group_norm(self, x, name):
        return functional.group_norm(x, 8, self.get_weight(name + ".weight", x.shape[1]),
                                     self.get_weight(name + ".bias", x.shape[1]))

    def residual(self, x, time, out, name):
        h = self.conv(functional.silu(self.group_norm(x, name + ".n1")), out, 3, 1, name + ".c1")
        h = h + self.linear(functional.silu(time), out, name + ".t")[:, :, None, None]
        h = self.conv(functional.silu(self.group_norm(h, name + ".n2")), out, 3, 1, name + ".c2")
        return h + (self.conv(x, out, 1, 1, name + ".s") if x.shape[1] != out else x)

    def attention(self, x, name):
        batch, width, height, columns = x.shape
        h = self.group_norm(x, name + ".n").flatten(2).transpose(1, 2)  # [batch][pixel][channel]
        h, _ = functional.multi_head_attention_forward(
            *[h.transpose(0, 1)] * 3, width, 1, self.get_weight(name + ".in_proj_weight", 3 * width, width),
            self.get_weight(name + ".in_proj_bias", 3 * width), None, None, False, 0.0,
            self.get_weight(name + ".out_proj.weight", width, width), self.get_weight(name + ".out_proj.bias", width))
        return x + h.permute(1, 2, 0).reshape(batch, width, height, columns)


def gradients(w, loss, prefix):
    names = [name for name in w if name.startswith(prefix)]
    out = {}
    for name, g in zip(names, torch.autograd.grad(loss, [w[name] for name in names], retain_graph=True)):
        g = g.numpy().ravel()
        i = np.arange(g.size, dtype=np.float64)
        size = np.sqrt((g * g).sum())
        if size > 1e-12:  # else zero but for rounding
            hashed = (np.arange(g.size, dtype=np.uint64) * np.uint64(2654435761) & np.uint64(0xFFFFFFFF)).astype(float)
            out[name] = [size, (g * np.cos(0.7 * i)).sum(), (g * (hashed * 2.0 ** -32 - 0.5)).sum()]
    return out


def critic_loss(score, real, fake, mix, epsilon):
    mixed = (mix * real + (1 - mix) * fake).requires_grad_()
    slope, = torch.autograd.grad(score(mixed).sum(), mixed, create_graph=True)
    penalty = (((slope.square().sum(1) + epsilon).sqrt() - 1) ** 2).mean()
    return score(fake).mean() - score(real).mean() + 10 * penalty


def wgan(w, context, real, fake):
    def score(x):
        return w.critic(torch.cat([context, x], 1), "critic", functional.gelu)
    loss = critic_loss(score, real, fake.detach(), drawn(noise.uniform, "mix", real.shape[0], 1), 0)
    # The critic has not changed: the test runs the generator's stage with the first weights.
    return {"critic": gradients(w, loss, "critic."),
            "generator": gradients(w, -score(fake).mean(), "generator.")}


def flow():
    w, condition, real = Weights(), given("condition", 128, 9), given("real", 128, 158)
    x = torch.cat([condition, normal("noise", 128, 100)], 1)
    for i in range(2):
        x = functional.gelu(w.norm(w.linear(x, 512, f"generator.{i}"), f"generator.norm{i}"))
    x = w.linear(x, 158, "generator.2")
    pairs = x[:, :128].reshape(128, 64, 2).softmax(-1).reshape(128, 128)
    return wgan(w, condition, real, torch.cat([pairs, x[:, 128:].tanh()], 1))


def rate(length=40):
    w, context, real = Weights(), given("context", 128, 167), given("real", 128, 8 * length)
    hidden = w.lstm(context, normal("noise", length // 5, 128, 100), 512, "generator.lstm")
    x = w.linear(hidden, 40, "generator.head").reshape(-1, 128, 5, 8)
    x = torch.cat([x[..., :4].sigmoid(), x[..., 4:6].softmax(-1), x[..., 6:].softmax(-1)], -1)
    x = x.permute(1, 0, 2, 3).reshape(128, length, 8)
    with torch.no_grad():
        busy, alive = (x[..., 4] > x[..., 5]).to(x.dtype), (x[..., 6] > x[..., 7]).to(x.dtype)
        busy[:, 0] = alive[:, 0] = 1
        alive = alive.cumprod(1)
        mask = torch.stack([busy * alive] * 4 + [alive] * 2 + [torch.ones_like(alive)] * 2, -1)
    return wgan(w, context, real, (x * mask).reshape(128, -1))


def netshare():
    w, batch, steps, group = Weights(), 100, 13, 10
    real_attributes, real_features = given("attributes", batch, 159), given("features", batch, steps * group * 11)
    x = normal("attribute_noise", batch, 5)
    for i in range(4):
        x = functional.relu(w.linear(x, 512, f"generator.attribute.{i}"))
        x = w.norm(x, f"generator.attribute.norm{i}")
    x = w.linear(x, 159, "generator.attribute.head")
    bits = x[:, :128].reshape(batch, 64, 2).softmax(-1)
    rest = torch.cat([x[:, 128:158].tanh(), x[:, 158:].sigmoid()], 1)
    attributes = torch.cat([bits.reshape(batch, 128), rest], 1)
    hard = functional.one_hot(bits.argmax(-1), 2).to(x.dtype).reshape(batch, 128)
    discrete = torch.cat([hard, rest], 1).detach()
    hidden = w.lstm(discrete, normal("feature_noise", steps, batch, 5), 100, "generator.lstm")
    x = w.linear(hidden, group * 11, "generator.head").reshape(steps, batch, group, 11)
    x = torch.cat([x[..., :4].sigmoid(), x[..., 4:7].softmax(-1), x[..., 7:9].sigmoid(), x[..., 9:].softmax(-1)], -1)
    going = (x[..., 9] > 0.5).all(-1).to(x.dtype).cumprod(0)  # [step][batch]
    alive = torch.cat([torch.ones(1, batch), going[:-1]]).detach()
    features = (x * alive[:, :, None, None]).permute(1, 0, 2, 3).reshape(batch, -1)
    fake, real = torch.cat([features, attributes], 1), torch.cat([real_features, real_attributes], 1)
    out, generator = {}, 0
    for name, real_rows, fake_rows, mix in (("critic", real, fake, "mix"),
                                            ("attribute_critic", real_attributes, attributes, "attribute_mix")):
        def score(rows, name=name):
            return w.critic(rows, name, functional.relu)
        loss = critic_loss(score, real_rows, fake_rows.detach(), drawn(noise.uniform, mix, batch, 1), 1e-8)
        out[name] = gradients(w, loss, name + ".")
        generator = generator - score(fake_rows).mean()
    out["generator"] = gradients(w, generator, "generator.")
    return out


def unet(size=16):
    w, widths = Weights(), (32, 64, 128, 128, 256)
    image, added = (x.permute(0, 3, 1, 2) for x in (given("image", 32, size, size, 1), normal("noise", 32, size, size, 1)))
    at = (drawn(noise.uniform, "t", 32) * 1000).floor()
    kept = (1 - torch.linspace(1e-4, 0.02, 1000)).cumprod(0)[at.long()][:, None, None, None]
    angle = at[:, None] * 1e-4 ** (torch.arange(16) / 15)
    time = functional.silu(w.linear(torch.cat([angle.sin(), angle.cos()], 1), 128, "net.time0"))
    time = w.linear(time, 128, "net.time1")
    x, skips = w.conv(kept.sqrt() * image + (1 - kept).sqrt() * added, 32, 3, 1, "net.in"), []
    for i, width in enumerate(widths):
        x = w.residual(x, time, width, f"net.down{i}")
        skips.append(x)
        if i < 4:
            x = w.conv(x, width, 3, 2, f"net.smaller{i}")
    x = w.residual(w.attention(w.residual(x, time, 256, "net.middle0"), "net.attention"), time, 256, "net.middle1")
    for i in range(4, -1, -1):
        x = w.residual(torch.cat([x, skips[i]], 1), time, widths[i], f"net.up{i}")
        if i:
            x = w.conv(functional.interpolate(x, scale_factor=2, mode="nearest"), widths[i - 1], 3, 1, f"net.larger{i}")
    guess = w.conv(functional.silu(w.group_norm(x, "net.n")), 1, 3, 1, "net.out")
    return {"net": gradients(w, functional.mse_loss(guess, added), "net.")}


def main():
    json.dump({"flow": flow(), "rate": rate(), "netshare": netshare(), "unet": unet()}, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
