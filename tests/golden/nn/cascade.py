"""Makes cascade.json: gradients of CascadeGAN's joint training step as PyTorch computes them in float64, in two
configurations: the published one, and the other backbones without zero inflation, the penalty over all inputs. Weights,
inputs and noise are those of full_size.py.

    pip install torch==2.15.0 numpy && python3 cascade.py > cascade.json
"""
import json
import sys

import torch
from full_size import Weights, drawn, given, gradients, noise, normal
from torch.nn import functional

BATCH, CONDITIONS, PORTS, STEPS, WINDOW, FIELDS, WIDTH, NOISE, CHUNK, SEQUENCE = 16, 3, 6, 7, 5, 6, 24, 5, 3, 4
ALPHA, BETA = 0.7, 1.3


def pairs(x):
    return x.reshape(*x.shape[:-1], -1, 2).softmax(-1).reshape(x.shape)


def greater(x, at, forced):
    yes = (x[..., at] > x[..., at + 1]).to(x.dtype)
    if forced:
        yes[:, 0] = 1
    return yes


class Cascade:
    def __init__(self, lstm_rate, lstm_field, empty_pair, over_inputs):
        self.w, self.lstm_rate, self.lstm_field, self.empty = Weights(), lstm_rate, lstm_field, empty_pair
        self.over_inputs, self.wide = over_inputs, 8 if empty_pair else 6

    def perceptron(self, x, out, name):
        for i in range(2):
            x = functional.gelu(self.w.norm(self.w.linear(x, WIDTH, f"{name}.{i}"), f"{name}.norm{i}"))
        return self.w.linear(x, out, f"{name}.2")

    def lstm(self, constant, units, each, name, noises):
        steps = -(-units // CHUNK)
        z = normal(noises + ".z", steps, BATCH, NOISE)
        x = torch.cat([constant.expand(steps, -1, -1), z], 2)
        shapes = {"weight_ih_l0": (4 * WIDTH, x.shape[2]), "weight_hh_l0": (4 * WIDTH, WIDTH),
                  "bias_ih_l0": (4 * WIDTH,), "bias_hh_l0": (4 * WIDTH,)}
        weights = {key: self.w.get_weight(f"{name}.lstm.{key}", *shape) for key, shape in shapes.items()}
        state = tuple(normal(f"{noises}.{s}", BATCH, WIDTH)[None] for s in "hc")
        x = torch.func.functional_call(torch.nn.LSTM(x.shape[2], WIDTH), weights, (x, state))[0]
        x = self.w.linear(x, CHUNK * each, name + ".head").permute(1, 0, 2)
        return x.reshape(BATCH, steps * CHUNK, each)[:, :units]

    def flow(self, condition):
        x = self.perceptron(torch.cat([condition, normal("noise.joint.flow.z", BATCH, NOISE)], 1), 8 + PORTS,
                            "generator.flow")
        return torch.cat([pairs(x[:, :8]), x[:, 8:].tanh()], 1)

    def rate(self, known):
        if self.lstm_rate:
            x = self.lstm(known, STEPS, self.wide, "generator.rate", "noise.joint.rate")
        else:
            x = self.perceptron(torch.cat([known, normal("noise.joint.rate.z", BATCH, NOISE)], 1), STEPS * self.wide,
                                "generator.rate").reshape(BATCH, STEPS, self.wide)
        x = torch.cat([x[..., :4].sigmoid(), pairs(x[..., 4:])], -1)
        with torch.no_grad():
            active = greater(x, self.wide - 2, True).cumprod(1)
            some = greater(x, 4, True) * active if self.empty else active
            rest = [active] * (self.wide - 6) + [torch.ones_like(active)] * 2
            mask = torch.stack([some] * 4 + rest, -1)
        return x * mask

    def field(self, known):
        if not self.lstm_field:
            x = self.perceptron(torch.cat([known, normal("noise.joint.field.z", BATCH, NOISE)], 1), FIELDS,
                                "generator.field")
            return torch.cat([x[:, :2].sigmoid(), x[:, 2:5].softmax(-1), x[:, 5:].sigmoid()], 1)
        x = self.lstm(known, SEQUENCE, FIELDS + 2, "generator.field", "noise.joint.field")
        x = torch.cat([x[..., :2].sigmoid(), x[..., 2:5].softmax(-1), x[..., 5:6].sigmoid(), x[..., 6:].softmax(-1)], -1)
        with torch.no_grad():
            active = greater(x, FIELDS, True).cumprod(1)
            mask = torch.stack([active] * FIELDS + [torch.ones_like(active)] * 2, -1)
        return (x * mask).reshape(BATCH, -1)

    def score(self, x, name):
        x = torch.cat(x, 1)
        for i in range(2):
            x = functional.gelu(self.w.linear(x, WIDTH, f"critic.{name}.{i}"))
        return self.w.linear(x, 1, f"critic.{name}.2")

    def critic_loss(self, name, parts):
        """parts: (real, fake, whether the penalty is over it)."""
        e = drawn(noise.uniform, f"noise.joint.{name}.mix", BATCH, 1)
        mixed = [(e * real + (1 - e) * fake).detach().requires_grad_() for real, fake, _ in parts]
        over = [m for m, part in zip(mixed, parts) if part[2] or self.over_inputs]
        slopes = torch.autograd.grad(self.score(mixed, name).sum(), over, create_graph=True)
        norm = sum(s.square().sum(1) for s in slopes).sqrt()
        fake = self.score([part[1].detach() for part in parts], name).mean()
        return fake - self.score([part[0] for part in parts], name).mean() + 10 * ((norm - 1) ** 2).mean()

    def run(self):
        condition, tuple_ = given("condition", BATCH, CONDITIONS), given("tuple", BATCH, 8 + PORTS)
        series, window = given("series", BATCH, STEPS * self.wide), given("window", BATCH, WINDOW * self.wide)
        fields = given("fields", BATCH, SEQUENCE * (FIELDS + 2) if self.lstm_field else FIELDS)
        flow = self.flow(condition)
        rate = self.rate(torch.cat([condition, flow], 1))
        pad = torch.zeros(BATCH, WINDOW // 2, self.wide)
        pad[..., -1] = 1
        padded = torch.cat([pad, rate, pad], 1)
        seen = torch.stack([padded[i, i * 3 % STEPS:i * 3 % STEPS + WINDOW].flatten() for i in range(BATCH)])
        field = self.field(torch.cat([condition, flow, seen], 1))
        shared, tuples, rates = (condition, condition, False), (tuple_, flow, True), rate.flatten(1)
        games = {"flow": (ALPHA, [shared, tuples]),
                 "rate": (BETA, [shared, tuples, (series, rates, True)]),
                 "field": (1, [(condition, condition, True), tuples, (window, seen, True), (fields, field, True)])}
        critic = sum(factor * self.critic_loss(name, parts) for name, (factor, parts) in games.items())
        generator = -sum(factor * self.score([part[1] for part in parts], name).mean()
                         for name, (factor, parts) in games.items())
        return {"critic": gradients(self.w, critic, "critic."), "generator": gradients(self.w, generator, "generator.")}


if __name__ == "__main__":
    json.dump({"published": Cascade(True, False, True, False).run(), "other": Cascade(False, True, False, True).run()},
              sys.stdout, indent=1)
    print()
