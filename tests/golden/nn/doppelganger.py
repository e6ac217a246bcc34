"""Makes doppelganger.json: gradients of an iteration of DoppelGANger as PyTorch computes them in float64, with the penalty
between real and made sequences and at the made ones. Weights, inputs and noise are those of full_size.py.

    pip install torch==2.15.0 numpy && python3 doppelganger.py > doppelganger.json
"""
import json
import sys

import torch
from full_size import Weights, drawn, given, gradients, noise, normal

BATCH, STEPS, SAMPLE, WIDTH, HIDDEN, NOISE, LAYERS = 12, 3, 3, 24, 20, 5, 3
ATTRIBUTES = [("softmax", 2)] * 2 + [("softmax", 3), ("tanh", 4), ("sigmoid", 1)]
RECORD = [("sigmoid", 2), ("softmax", 3), ("linear", 1), ("softmax", 2)]  # the last: another record, none
PENALTY, WEIGHT = 10, 0.7


def outputs(x, segments, chosen):
    parts = []
    for (kind, size), part in zip(segments, x.split([size for _, size in segments], -1)):
        if kind == "softmax" and chosen:
            parts.append(torch.nn.functional.one_hot(part.argmax(-1), size).to(x.dtype))
        elif kind == "softmax":
            parts.append(part.softmax(-1))
        else:
            parts.append({"tanh": torch.tanh, "sigmoid": torch.sigmoid, "linear": lambda y: y}[kind](part))
    return torch.cat(parts, -1)


def total(segments):
    return sum(size for _, size in segments)


def generate(w):
    x = normal("training.attributes", BATCH, NOISE)
    for i in range(LAYERS):
        x = w.norm(w.linear(x, WIDTH, f"generator.attribute.{i}").relu(), f"generator.attribute.norm{i}")
    x = w.linear(x, total(ATTRIBUTES), "generator.attribute.head")
    constant = outputs(x, ATTRIBUTES, True).detach()
    z = normal("training.records", STEPS, BATCH, NOISE)
    known = torch.cat([constant.expand(STEPS, -1, -1), z], 2)
    shapes = {"weight_ih_l0": (4 * HIDDEN, known.shape[2]), "weight_hh_l0": (4 * HIDDEN, HIDDEN),
              "bias_ih_l0": (4 * HIDDEN,), "bias_hh_l0": (4 * HIDDEN,)}
    weights = {key: w.get_weight(f"generator.lstm.{key}", *shape) for key, shape in shapes.items()}
    state = tuple(normal(f"training.{s}", BATCH, HIDDEN)[None] for s in "hc")
    hidden = torch.func.functional_call(torch.nn.LSTM(known.shape[2], HIDDEN), weights, (known, state))[0]
    y = w.linear(hidden, SAMPLE * total(RECORD), "generator.head").permute(1, 0, 2)
    y = outputs(y.reshape(BATCH, STEPS, SAMPLE, total(RECORD)), RECORD, False)
    with torch.no_grad():
        going = (y[..., -2] > 0.5).all(-1).to(y.dtype).cumprod(1)
        mask = torch.cat([torch.ones(BATCH, 1), going[:, :-1]], 1)
    assert 0.2 < mask.mean() < 0.9, "some sequences end, some do not"
    return outputs(x, ATTRIBUTES, False), (y * mask[..., None, None]).reshape(BATCH, -1)


def score(w, x, name):
    for i in range(LAYERS):
        x = w.linear(x, WIDTH, f"{name}.{i}").relu()
    return w.linear(x, 1, f"{name}.{LAYERS}")


def critic(w, real, fake, name, one):
    mix = 0 if one else drawn(noise.uniform, f"training.{name}", BATCH, 1)
    between = (mix * real + (1 - mix) * fake).detach().requires_grad_()
    slope, = torch.autograd.grad(score(w, between, name).sum(), between, create_graph=True)
    penalty = (((slope.square().sum(1) + 1e-8).sqrt() - 1) ** 2).mean()
    loss = score(w, fake.detach(), name).mean() - score(w, real, name).mean() + PENALTY * penalty
    return gradients(w, loss, name + ".")


def iteration(one):
    w = Weights()
    attributes, records = generate(w)
    real = given("real.attributes", BATCH, total(ATTRIBUTES))
    real_all = torch.cat([given("real.records", BATCH, STEPS * SAMPLE * total(RECORD)), real], 1)
    fake_all = torch.cat([records, attributes], 1)
    out = {"critic": critic(w, real_all, fake_all, "critic", one),
           "attribute_critic": critic(w, real, attributes, "attribute_critic", one)}
    loss = -score(w, fake_all, "critic").mean() - WEIGHT * score(w, attributes, "attribute_critic").mean()
    return out | {"generator": gradients(w, loss, "generator.")}


if __name__ == "__main__":
    json.dump({"uniform": iteration(False), "one": iteration(True)}, sys.stdout, indent=1)
    print()
