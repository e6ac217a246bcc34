"""Makes NAME.safetensors in this folder: what PyTorch computes in float64 for small models with fixed seeds.

    pip install torch==2.15.0 && python3 make.py

Names of tensors: in.X what goes in; w.X a weight before, under PyTorch's name; out.X a result; grad.X the gradient of the
loss (out.loss) by in.X or w.X; after.X a weight, or a state, after the update. Images are [batch][height][width][channel] in
the files; the script permutes them. What is zero but for rounding is stored as zero.
"""
import json
import math
import os
import struct

import torch
from torch import nn
from torch.nn import functional
import noise

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)
HERE = os.path.dirname(os.path.abspath(__file__))


class Case:
    """The tensors of one file."""

    def __init__(self, name, seed):
        self.name, self.tensors = name, {}
        torch.manual_seed(seed)

    def add(self, **tensors):
        for key, value in tensors.items():
            self.put(key.replace("_", ".", 1), value)

    def put(self, key, value):
        assert key not in self.tensors, key
        value = torch.as_tensor(value, dtype=torch.float64).detach().clone().contiguous()
        if value.numel() and value.abs().max() < 1e-14:
            value = torch.zeros_like(value)
        self.tensors[key] = value

    def put_all(self, prefix, tensors):
        for key, value in tensors:
            self.put(prefix + key, value)

    def weights(self, net, prefix="", before="w."):
        for key, value in list(net.named_parameters()) + list(net.named_buffers()):
            if not key.endswith("num_batches_tracked"):
                self.put(before + prefix + key, value)

    def gradients(self, net, prefix="", before="grad."):
        for key, value in net.named_parameters():
            self.put(before + prefix + key, value.grad)

    def write(self):
        header, at = {}, 0
        for key, value in self.tensors.items():
            size = 8 * value.numel()
            header[key] = {"dtype": "F64", "shape": list(value.shape), "data_offsets": [at, at + size]}
            at += size
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        with open(os.path.join(HERE, self.name + ".safetensors"), "wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            for value in self.tensors.values():
                file.write(value.numpy().astype("<f8").tobytes())


def leaf(*shape, scale=1.0):
    return (torch.randn(*shape) * scale).requires_grad_()


def last(x):
    """[batch][channel][height][width] to [batch][height][width][channel]."""
    return x.permute(0, 2, 3, 1)


def first(x):
    return x.permute(0, 3, 1, 2)


def shake(net):
    """Weights of norms start at 1 and 0, which would hide a mistake."""
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm)):
                module.weight.copy_(1 + 0.3 * torch.randn_like(module.weight))
                module.bias.copy_(0.3 * torch.randn_like(module.bias))


def wgan():
    """A WGAN-GP critic step and a generator step; Adam with an epsilon that rounding cannot cross."""
    case = Case("wgan", 1)
    batch, condition, width, latent, hidden = 6, 3, 8, 5, 16
    layers = []
    for i in range(4):
        layers += [nn.Linear(hidden if i else condition + width, hidden), nn.GELU()]
    critic = nn.Sequential(*layers, nn.Linear(hidden, 1))
    with torch.no_grad():  # so that the scores differ, and their difference has digits in float32 too
        for p in critic.parameters():
            p.mul_(2)
    generator = nn.Sequential(nn.Linear(condition + latent, hidden), nn.BatchNorm1d(hidden), nn.GELU(),
                              nn.Linear(hidden, hidden), nn.BatchNorm1d(hidden), nn.GELU(), nn.Linear(hidden, width))
    shake(generator)
    case.weights(critic, "critic.")
    case.weights(generator, "generator.")
    c, z, real = torch.rand(batch, condition), torch.randn(batch, latent), torch.rand(batch, width)
    mix = torch.rand(batch, 1)
    case.add(in_condition=c, in_noise=z, in_real=real, in_mix=mix)
    settings = {"lr": 1e-2, "betas": (0.5, 0.9), "eps": 1e-3}
    update_critic = torch.optim.Adam(critic.parameters(), **settings)
    update_generator = torch.optim.Adam(generator.parameters(), **settings)

    def score(x):
        return critic(torch.cat([c, x], 1))

    x = generator(torch.cat([c, z], 1))
    fake = torch.cat([x[:, 0:2].softmax(1), x[:, 2:4].softmax(1), torch.tanh(x[:, 4:6]), torch.sigmoid(x[:, 6:])], 1)
    between = (mix * real + (1 - mix) * fake.detach()).requires_grad_()
    slope, = torch.autograd.grad(score(between).sum(), between, create_graph=True)
    penalty = ((slope.square().sum(1).sqrt() - 1) ** 2).mean()
    distance = score(fake.detach()).mean() - score(real).mean()
    loss = distance + 10 * penalty
    loss.backward()
    case.add(out_fake=fake, out_slope=slope, out_penalty=penalty, out_distance=distance, out_critic_loss=loss)
    case.gradients(critic, "critic.")
    update_critic.step()
    case.weights(critic, "critic.", "after.")
    for p in critic.parameters():
        p.requires_grad_(False)
    loss = -score(fake).mean()
    loss.backward()
    case.add(out_generator_loss=loss)
    case.gradients(generator, "generator.")
    update_generator.step()
    case.weights(generator, "generator.", "after.")
    case.write()


def penalty_of_two():
    """The penalty with one norm over two inputs."""
    case = Case("penalty", 2)
    net = nn.Sequential(nn.Linear(7, 9), nn.Tanh(), nn.Linear(9, 9), nn.SiLU(), nn.Linear(9, 1))
    a, b = leaf(6, 3), leaf(6, 4)
    case.weights(net, "net.")
    case.add(in_a=a, in_b=b)
    slopes = torch.autograd.grad(net(torch.cat([a, b], 1)).sum(), (a, b), create_graph=True)
    loss = (((sum(s.square().sum(1) for s in slopes)).sqrt() - 1) ** 2).mean()
    loss.backward()
    case.add(out_loss=loss, grad_a=a.grad, grad_b=b.grad)
    for key, value in net.named_parameters():
        case.put("grad.net." + key, torch.zeros_like(value) if value.grad is None else value.grad)
    case.write()


def recurrent(kind):
    """An LSTM or GRU whose input is [constant, sequence] in every step."""
    case = Case(kind, 3)
    time, batch, constant, width, hidden = 5, 4, 2, 3, 6
    net = (nn.LSTM if kind == "lstm" else nn.GRU)(constant + width, hidden)
    sequence, fixed, h = leaf(time, batch, width), leaf(batch, constant), leaf(batch, hidden)
    case.weights(net, "net.")
    case.add(in_sequence=sequence, in_constant=fixed, in_h=h)
    x = torch.cat([fixed.expand(time, -1, -1), sequence], 2)
    by = {"outputs": torch.randn(time, batch, hidden), "h": torch.randn(batch, hidden)}
    if kind == "lstm":
        c = leaf(batch, hidden)
        outputs, (last_h, last_c) = net(x, (h.unsqueeze(0), c.unsqueeze(0)))
        results = {"outputs": outputs, "h": last_h[0], "c": last_c[0]}
        by["c"] = torch.randn(batch, hidden)
        case.add(in_c=c)
    else:
        outputs, last_h = net(x, h.unsqueeze(0))
        results = {"outputs": outputs, "h": last_h[0]}
    loss = sum((results[key] * by[key]).sum() for key in results)
    loss.backward()
    case.put_all("in.by.", by.items())
    case.put_all("out.", results.items())
    case.add(out_loss=loss, grad_sequence=sequence.grad, grad_constant=fixed.grad, grad_h=h.grad)
    if kind == "lstm":
        case.add(grad_c=c.grad)
    case.gradients(net, "net.")
    case.write()


def batch_norm():
    case = Case("batch_norm", 4)
    for name, net, shape, shown in (("rows", nn.BatchNorm1d(5), (7, 5), lambda x: x),
                                    ("images", nn.BatchNorm2d(3, eps=1e-3, momentum=0.4), (2, 3, 3, 4), last)):
        shake(net)
        case.weights(net, name + ".")
        for i in range(3):
            x, by = (torch.randn(shape) * (i + 1) + i).requires_grad_(), torch.randn(shape)
            net.zero_grad()
            y = net(x)
            (y * by).sum().backward()
            case.put_all(f"in.{name}.", ((f"x{i}", shown(x)), (f"by{i}", shown(by))))
            case.put(f"out.{name}.y{i}", shown(y))
            case.put(f"grad.{name}.x{i}", shown(x.grad))
            case.gradients(net, f"{name}.{i}.")
        case.weights(net, name + ".", "after.")
        net.eval()
        net.zero_grad()
        x, by = torch.randn(shape).requires_grad_(), torch.randn(shape)
        y = net(x)
        (y * by).sum().backward()
        case.put_all(f"in.{name}.", (("x3", shown(x)), ("by3", shown(by))))
        case.put(f"out.{name}.y3", shown(y))
        case.put(f"grad.{name}.x3", shown(x.grad))
        case.gradients(net, f"{name}.3.")
    case.write()


def norms():
    case = Case("norms", 5)
    for name, net, shape, shown in (("layer", nn.LayerNorm(6), (4, 3, 6), lambda x: x),
                                    ("group", nn.GroupNorm(4, 8), (2, 8, 3, 4), last)):
        shake(net)
        x, by = leaf(*shape), torch.randn(shape)
        y = net(x)
        loss = (y * by).sum()
        gradient, = torch.autograd.grad(loss, x, create_graph=True)
        again = torch.randn(shape)
        loss.backward(retain_graph=True)
        case.weights(net, name + ".")
        case.put_all(f"in.{name}.", (("x", shown(x)), ("by", shown(by)), ("again", shown(again))))
        case.put_all(f"out.{name}.", (("y", shown(y)),))
        case.put(f"grad.{name}.x", shown(x.grad))
        case.gradients(net, name + ".")
        # Second order: the derivative of <gradient, again>.
        second = torch.autograd.grad((gradient * again).sum(), (x, net.weight))
        case.put(f"second.{name}.x", shown(second[0]))
        case.put(f"second.{name}.weight", second[1])
    case.write()


def attention():
    case = Case("attention", 6)
    batch, time, width, heads = 3, 5, 8, 2
    mask = torch.triu(torch.ones(time, time, dtype=torch.bool), 1)
    for name, hidden in (("causal", mask), ("full", None)):
        net = nn.MultiheadAttention(width, heads, batch_first=True)
        with torch.no_grad():  # which start at zero
            net.in_proj_bias.normal_(0, 0.2)
            net.out_proj.bias.normal_(0, 0.2)
        x, by = leaf(batch, time, width), torch.randn(batch, time, width)
        y, _ = net(x, x, x, attn_mask=hidden, need_weights=True)
        loss = (y * by).sum()
        loss.backward()
        case.weights(net, name + ".")
        case.put_all(f"in.{name}.", (("x", x), ("by", by)))
        case.put_all(f"out.{name}.", (("y", y), ("loss", loss)))
        case.put(f"grad.{name}.x", x.grad)
        case.gradients(net, name + ".")
    case.write()


def embedding():
    case = Case("embedding", 7)
    net = nn.Embedding(7, 4)
    index, by = torch.tensor([[1, 6, 1], [0, 1, 3]]), torch.randn(2, 3, 4)
    case.weights(net, "net.")
    y = net(index)
    loss = (y * y * by).sum()
    loss.backward()
    case.add(in_index=index, in_by=by, out_y=y, out_loss=loss)
    case.gradients(net, "net.")
    case.write()


def convolution():
    """First and second derivatives: g = dL/d(x, w) of L = sum(y^3 by), and the derivatives of <g, (v, u)>."""
    case = Case("convolution", 8)
    for name, kernel, stride, pad, shape in (("same", 3, 1, 1, (2, 3, 5, 6)), ("half", 3, 2, 1, (2, 3, 6, 8)),
                                             ("odd", 3, 2, 1, (2, 3, 5, 7)), ("point", 1, 1, 0, (2, 3, 4, 5)),
                                             ("valid", 2, 1, 0, (1, 2, 4, 5))):
        x, w = leaf(*shape), leaf(4, shape[1], kernel, kernel, scale=0.4)
        y = functional.conv2d(x, w, stride=stride, padding=pad)
        by = torch.randn(y.shape)
        gx, gw = torch.autograd.grad((y ** 3 * by).sum(), (x, w), create_graph=True)
        v, u = torch.randn(x.shape), torch.randn(w.shape)
        sx, sw = torch.autograd.grad((gx * v).sum() + (gw * u).sum(), (x, w))
        case.put_all(f"in.{name}.", (("x", last(x)), ("w", w), ("by", last(by)), ("v", last(v)), ("u", u)))
        case.put(f"out.{name}.y", last(y))
        case.put_all(f"grad.{name}.", (("x", last(gx)), ("w", gw)))
        case.put_all(f"second.{name}.", (("x", last(sx)), ("w", sw)))
    x = leaf(2, 3, 4, 6)
    case.put("in.image", last(x))
    for name, y in (("up", functional.interpolate(x, scale_factor=2, mode="nearest")),
                    ("down", functional.avg_pool2d(x, 2))):
        case.put("out." + name, last(y))
        case.put("grad." + name, last(torch.autograd.grad((y ** 3).sum(), x)[0]))
    case.write()


def pooling():
    """Windows of two sides, strides and paddings; the whole numbers of "ties" have several largest ones."""
    case = Case("pooling", 15)
    images = {"image": leaf(2, 3, 7, 6), "ties": torch.randint(0, 3, (1, 2, 6, 7)).to(torch.float64).requires_grad_()}
    for name, x in images.items():
        case.put("in." + name, last(x))
        for kind, pool in (("max", functional.max_pool2d), ("mean", functional.avg_pool2d)):
            for window, (kernel, stride, pad) in {"two": (2, 2, 0), "three": (3, 2, 0), "around": (3, 1, 1),
                                                  "apart": (3, 3, 1), "wide": ((1, 2), 2, 0),
                                                  "high": ((5, 2), 1, (2, 1))}.items():
                y = pool(x, kernel, stride, pad)
                by = torch.randn(y.shape)
                key = f"{name}.{kind}.{window}"
                case.put("in." + key, last(by))
                case.put("out." + key, last(y))
                case.put("grad." + key, last(torch.autograd.grad((y * by).sum(), x)[0]))
    x = images["image"]
    for name, kernel, stride, pad in (("row", (1, 5), 1, (0, 2)), ("column", (5, 1), 1, (2, 0)),
                                      ("oblong", (3, 2), 2, (0, 1)), ("same", (3, 3), 1, (1, 1))):
        w, b = leaf(4, 3, *kernel, scale=0.4), leaf(4)
        y = functional.conv2d(x, w, b, stride=stride, padding=pad)
        by = torch.randn(y.shape)
        case.put_all("w.", ((name + ".weight", w), (name + ".bias", b)))
        case.put("in." + name, last(by))
        case.put("out." + name, last(y))
        found = torch.autograd.grad((y ** 2 * by).sum(), (x, w, b))
        case.put("grad.image." + name, last(found[0]))
        case.put_all("grad." + name, ((".weight", found[1]), (".bias", found[2])))
    case.write()


class Classifier(nn.Module):
    """Weir's convolutional classifier with two levels of 4 and 8 channels."""

    def __init__(self, channels, side, width, classes):
        super().__init__()
        for i, (inputs, outputs) in enumerate(((channels, 4), (4, 8))):
            self.add_module(f"conv{i}", nn.Conv2d(inputs, outputs, 3, padding=1, bias=False))
            self.add_module(f"norm{i}", nn.BatchNorm2d(outputs))
        self.dense = nn.Linear(8 * (side // 4) ** 2, width)
        self.out = nn.Linear(width, classes)

    def forward(self, x):
        for i in range(2):
            x = getattr(self, f"norm{i}")(getattr(self, f"conv{i}")(x))
            x = functional.max_pool2d(functional.relu(x), 2)
        features = functional.relu(self.dense(last(x).flatten(1)))
        return features, self.out(features)


def classifier():
    """The gradients of a training step, and what the network makes of images when it is used."""
    case = Case("classifier", 16)
    net = Classifier(2, 9, 6, 3)
    shake(net)
    with torch.no_grad():
        for norm in (net.norm0, net.norm1):
            norm.running_mean.normal_(0, 0.2)
            norm.running_var.uniform_(0.5, 2)
    x, label = torch.rand(5, 2, 9, 9), torch.tensor([0, 2, 1, 1, 0])
    case.weights(net, "net.")
    net.eval()
    features, logits = net(x)
    case.add(in_x=last(x), in_label=label, out_features=features, out_probability=logits.softmax(1))
    net.train()
    loss = functional.cross_entropy(net(x)[1], label)
    loss.backward()
    case.add(out_loss=loss)
    case.gradients(net, "net.")
    case.write()


def losses():
    case = Case("losses", 9)
    logits, index = leaf(4, 3, 5, scale=2), torch.randint(0, 5, (4, 3))
    loss = functional.cross_entropy(logits.reshape(-1, 5), index.reshape(-1))
    case.add(in_logits=logits, in_index=index, out_cross_entropy=loss)
    case.put("grad.logits", torch.autograd.grad(loss, logits)[0])
    x, target = leaf(4, 6, scale=3), torch.rand(4, 6)
    case.add(in_x=x, in_target=target)
    for name, loss in (("mse", functional.mse_loss(x, target)),
                       ("binary_cross_entropy", functional.binary_cross_entropy_with_logits(x, target))):
        case.put("out." + name, loss)
        case.put("grad." + name, torch.autograd.grad(loss, x)[0])
    by = torch.randn(4, 6)
    case.add(in_by=by)
    for name, y in (("softmax", x.softmax(1)), ("softmax_first", x.softmax(0)), ("log_softmax", x.log_softmax(1)),
                    ("softmax_groups", torch.cat([x[:, :2].softmax(1), x[:, 2:4].softmax(1), x[:, 4:5].softmax(1),
                                                  x[:, 5:].softmax(1)], 1)),
                    ("relu", functional.relu(x)), ("leaky_relu", functional.leaky_relu(x, 0.2)),
                    ("elu", functional.elu(x)), ("gelu", functional.gelu(x)), ("silu", functional.silu(x)),
                    ("softplus", functional.softplus(x, threshold=1e9))):
        case.put("out." + name, y)
        case.put("grad." + name, torch.autograd.grad((y * by).sum(), x)[0])
    case.write()


def gumbel():
    """Soft and hard samples, two draws each, of the engine's own noise with seed 1; and that noise."""
    case = Case("gumbel", 10)
    x, by = leaf(4, 5), torch.randn(4, 5)
    case.add(in_x=x, in_by=by)
    for draw in range(2):
        for name in ("soft", "hard"):
            u = torch.tensor(noise.uniform(1, name, draw, 20)).reshape(4, 5)
            y = ((x - (-u.log()).log()) / 0.7).softmax(1)
            if name == "hard":
                y = functional.one_hot(y.argmax(1), 5) - y.detach() + y
            case.put(f"out.{name}.{draw}", y)
            case.put(f"grad.{name}.{draw}", torch.autograd.grad((y * by).sum(), x)[0])
        case.put(f"out.uniform.{draw}", noise.uniform(1, "uniform", draw, 15))
        case.put(f"out.normal.{draw}", noise.normal(1, "normal", draw, 15))
    case.write()


def optimisers():
    """Ten steps of a small regression under each optimiser."""
    case = Case("optimisers", 11)
    start = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 2))
    x, target = torch.randn(9, 4), torch.randn(9, 2) * 2
    case.weights(start, "net.")
    case.add(in_x=x, in_target=target)
    adam = {"lr": 0.05, "betas": (0.8, 0.95), "eps": 1e-6}
    kinds = {"sgd": lambda p: torch.optim.SGD(p, lr=0.05), "momentum": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9),
             "sgd_decay": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=0.1),
             "adam": lambda p: torch.optim.Adam(p, **adam),
             "adam_decay": lambda p: torch.optim.Adam(p, **adam, weight_decay=0.1),
             "adam_default": lambda p: torch.optim.Adam(p, lr=0.01),
             "adamw": lambda p: torch.optim.AdamW(p, **adam, weight_decay=0.1),
             "clipped": lambda p: torch.optim.SGD(p, lr=0.3, momentum=0.5),
             "ema": lambda p: torch.optim.Adam(p, **adam), "cosine": lambda p: torch.optim.Adam(p, **adam)}
    for name, kind in kinds.items():
        net = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 2))
        net.load_state_dict(start.state_dict())
        optimiser = kind(net.parameters())
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 10, 0.01) if name == "cosine" else None
        average = {key: value.detach().clone() for key, value in net.named_parameters()}
        values, sizes = [], []
        for _ in range(10):
            loss = functional.mse_loss(net(x), target)
            optimiser.zero_grad()
            loss.backward()
            values.append(loss.item())
            size = math.sqrt(sum(p.grad.square().sum().item() for p in net.parameters()))
            sizes.append(size)
            if name == "clipped":  # exactly: PyTorch's function adds 1e-6 to the norm
                for p in net.parameters():
                    p.grad.mul_(min(1.0, 1 / size))
            optimiser.step()
            if schedule:
                schedule.step()
            for key, value in net.named_parameters():
                average[key] = 0.9 * average[key] + 0.1 * value.detach()
        if name == "clipped":
            assert min(sizes) < 1 < max(sizes), sizes  # both sides of the limit
            case.put("out.clipped.norm", sizes)
        if name == "ema":
            case.put_all("after.ema.net.", average.items())
        else:
            case.put(f"out.{name}.loss", values)
            case.weights(net, "net.", f"after.{name}.")
    case.write()


def schedules():
    case = Case("schedules", 12)
    steps = 24

    def rates(make, rate=0.2):
        optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=rate)
        schedule, out = make(optimiser), []
        for _ in range(steps):
            out.append(optimiser.param_groups[0]["lr"])
            optimiser.step()
            schedule.step()
        return out
    scheduler = torch.optim.lr_scheduler
    case.put("out.step", rates(lambda o: scheduler.StepLR(o, 5, 0.6)))
    # To the end of its period only: PyTorch's rises again after it.
    case.put("out.cosine", rates(lambda o: scheduler.CosineAnnealingLR(o, steps, 0.01)))
    case.put("out.warmup", rates(lambda o: scheduler.LinearLR(o, 1 / 8, 1, 7)))
    # Bounds and deviations of initial values, from the largest of many draws' limits.
    case.put("in.fans", [[7, 11], [27, 64], [512, 1]])
    case.put("out.fan_in", [1 / math.sqrt(i) for i, _ in ((7, 11), (27, 64), (512, 1))])
    case.put("out.xavier", [nn.init.calculate_gain("tanh") * math.sqrt(6 / (i + o))
                            for i, o in ((7, 11), (27, 64), (512, 1))])
    case.put("out.kaiming", [nn.init.calculate_gain("leaky_relu", 0.2) * math.sqrt(3 / i)
                             for i, _ in ((7, 11), (27, 64), (512, 1))])
    for i, o in ((7, 11), (27, 64)):  # the formulae above against PyTorch's own draws
        w = torch.empty(o, i)
        for draw, bound in ((lambda: nn.init.xavier_uniform_(w, nn.init.calculate_gain("tanh")),
                             nn.init.calculate_gain("tanh") * math.sqrt(6 / (i + o))),
                            (lambda: nn.init.kaiming_uniform_(w, 0.2),
                             nn.init.calculate_gain("leaky_relu", 0.2) * math.sqrt(3 / i))):
            largest = max(draw().abs().max().item() for _ in range(200))
            assert 0.99 * bound < largest <= bound
    case.write()


def second_order():
    """Gradients and Hessian-vector products of sum(net(x)^2) for an MLP of each activation."""
    case = Case("second_order", 13)
    kinds = {"gelu": functional.gelu, "tanh": torch.tanh, "sigmoid": torch.sigmoid,
             "softplus": lambda x: functional.softplus(x, threshold=1e9), "erf": torch.erf, "silu": functional.silu,
             "sin": torch.sin, "elu": functional.elu}
    for name, activation in kinds.items():
        x = leaf(4, 3)
        w = [leaf(5, 3, scale=0.7), leaf(5), leaf(5, 5, scale=0.7), leaf(5), leaf(2, 5), leaf(2)]
        h = activation(functional.linear(x, w[0], w[1]))
        h = activation(functional.linear(h, w[2], w[3]))
        loss = functional.linear(h, w[4], w[5]).square().sum()
        at = [x] + w
        gradient = torch.autograd.grad(loss, at, create_graph=True)
        v = [torch.randn(a.shape) for a in at]
        second = torch.autograd.grad(sum((g * d).sum() for g, d in zip(gradient, v)), at)
        case.put(f"out.{name}.loss", loss)
        for i in range(len(at)):
            case.put(f"in.{name}.{i}", at[i])
            case.put(f"in.{name}.v{i}", v[i])
            case.put(f"grad.{name}.{i}", gradient[i])
            case.put(f"second.{name}.{i}", second[i])
    case.write()


class Residual(nn.Module):
    def __init__(self, inputs, outputs, embedding):
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(2, inputs), nn.Conv2d(inputs, outputs, 3, padding=1)
        self.time = nn.Linear(embedding, outputs)
        self.norm2, self.conv2 = nn.GroupNorm(2, outputs), nn.Conv2d(outputs, outputs, 3, padding=1)
        if inputs != outputs:
            self.skip = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x, time):
        h = self.conv1(functional.silu(self.norm1(x))) + self.time(functional.silu(time))[:, :, None, None]
        h = self.conv2(functional.silu(self.norm2(h)))
        return h + (self.skip(x) if hasattr(self, "skip") else x)


class UNet(nn.Module):
    """Three levels of 4, 6 and 8 channels; attention at the lowest."""
    channels = (4, 6, 8)

    def __init__(self):
        super().__init__()
        c, embedding = self.channels, 12
        self.embed0, self.embed1 = nn.Linear(8, embedding), nn.Linear(embedding, embedding)
        self.first = nn.Conv2d(1, c[0], 3, padding=1)
        self.down = nn.ModuleList(Residual(i, o, embedding) for i, o in ((c[0], c[0]), (c[0], c[1]), (c[1], c[2])))
        self.shrink = nn.ModuleList(nn.Conv2d(i, i, 3, stride=2, padding=1) for i in c[:2])
        self.norm = nn.GroupNorm(2, c[2])
        self.attention = nn.MultiheadAttention(c[2], 2, batch_first=True)
        self.middle = Residual(c[2], c[2], embedding)
        self.up = nn.ModuleList(Residual(i, o, embedding) for i, o in
                                ((2 * c[2], c[2]), (2 * c[1], c[1]), (2 * c[0], c[0])))
        self.grow = nn.ModuleList(nn.Conv2d(i, o, 3, padding=1) for i, o in ((c[2], c[1]), (c[1], c[0])))
        self.last_norm, self.last = nn.GroupNorm(2, c[0]), nn.Conv2d(c[0], 1, 3, padding=1)

    def forward(self, x, embedded):
        time = self.embed1(functional.silu(self.embed0(embedded)))
        x, kept = self.first(x), []
        for i, block in enumerate(self.down):
            x = block(x, time)
            kept.append(x)
            if i < 2:
                x = self.shrink[i](x)
        batch, width, height, columns = x.shape
        tokens = last(self.norm(x)).reshape(batch, -1, width)
        tokens, _ = self.attention(tokens, tokens, tokens, need_weights=True)
        x = x + first(tokens.reshape(batch, height, columns, width))
        x = self.middle(x, time)
        for i, block in enumerate(self.up):
            x = block(torch.cat([x, kept.pop()], 1), time)
            if i < 2:
                x = self.grow[i](functional.interpolate(x, scale_factor=2, mode="nearest"))
        return self.last(functional.silu(self.last_norm(x)))


def unet():
    """A DDPM training step: the loss, every gradient, and the weights after one Adam step."""
    case = Case("unet", 14)
    net = UNet()
    shake(net)
    with torch.no_grad():
        net.attention.in_proj_bias.normal_(0, 0.2)
        net.attention.out_proj.bias.normal_(0, 0.2)
    time = torch.tensor([3.0, 517.0])
    frequency = torch.exp(-math.log(1e4) * torch.arange(4) / 3)  # from 1 to 1e-4 (Ho et al. 2020)
    embedded = torch.cat([(time[:, None] * frequency).sin(), (time[:, None] * frequency).cos()], 1)
    x, added = torch.rand(2, 1, 8, 8) * 2 - 1, torch.randn(2, 1, 8, 8)
    share = torch.tensor([0.9, 0.3])[:, None, None, None]
    guess = net(share.sqrt() * x + (1 - share).sqrt() * added, embedded)
    loss = functional.mse_loss(guess, added)
    case.weights(net, "net.")
    case.add(in_time=time, in_x=last(x), in_noise=last(added), in_share=share.flatten(), out_embedded=embedded,
             out_guess=last(guess), out_loss=loss)
    optimiser = torch.optim.Adam(net.parameters(), lr=1e-2, eps=1e-3)
    loss.backward()
    case.gradients(net, "net.")
    optimiser.step()
    case.weights(net, "net.", "after.")
    case.write()


if __name__ == "__main__":
    wgan()
    penalty_of_two()
    recurrent("lstm")
    recurrent("gru")
    batch_norm()
    norms()
    attention()
    embedding()
    convolution()
    pooling()
    classifier()
    losses()
    gumbel()
    optimisers()
    schedules()
    second_order()
    unet()
