"""One training iteration of NetShare (its DoppelGANger) in PyTorch: 5 updates of both critics with gradient penalty
and 1 generator update, batch 100, at the sizes of its pcap example (130 packets of 11 values, 159 attributes).

modes: reference: as the released code does: the generator is differentiated in each critic update, in vain, and every
output (64 pairs of bits, 80 values of a step) is a Linear and an activation of its own
detach: the same with the generator detached, the critics' weights not differentiated in the generator's update
best: detach, and all outputs of a step in one Linear, equal activations in one call, losses read once
"""
import timing
import torch
from torch import nn

BATCH, SAMPLE, LATENT, UNITS, HIDDEN, ROUNDS = 100, 10, 5, 512, 100, 5
ATTRIBUTES = [("softmax", 2)] * 64 + [("tanh", 10)] * 3 + [("sigmoid", 1)]
PACKET = [("sigmoid", 1)] * 4 + [("softmax", 3)] + [("sigmoid", 1)] * 2 + [("softmax", 2)]  # the last: more packets?


def width(heads):
    return sum(head[1] for head in heads)


class Heads(nn.Module):
    """Every output a Linear and an activation of its own."""

    def __init__(self, inputs, heads):
        super().__init__()
        self.linears = nn.ModuleList(nn.Linear(inputs, head[1]) for head in heads)
        self.activations = nn.ModuleList({"softmax": nn.Softmax(-1), "tanh": nn.Tanh(),
                                          "sigmoid": nn.Sigmoid()}[head[0]] for head in heads)

    def forward(self, x):
        return [activation(linear(x)) for linear, activation in zip(self.linears, self.activations)]


class StackedHeads(nn.Module):
    """The same function: one Linear, one activation a run of equal outputs."""

    def __init__(self, inputs, heads):
        super().__init__()
        self.runs = []
        for kind, size in heads:
            if self.runs and self.runs[-1][:2] == [kind, size]:
                self.runs[-1][2] += 1
            else:
                self.runs.append([kind, size, 1])
        self.linear = nn.Linear(inputs, width(heads))

    def forward(self, x):
        parts = self.linear(x).split([size * n for _, size, n in self.runs], -1)
        out = []
        for part, (kind, size, n) in zip(parts, self.runs):
            if kind == "softmax":
                out.append(part.unflatten(-1, (n, size)).softmax(-1).flatten(-2))
            else:
                out.append(torch.tanh(part) if kind == "tanh" else torch.sigmoid(part))
        return out


def one_hot(x):
    """The larger of each pair as a one-hot pair; not differentiated."""
    pairs = x.detach().unflatten(-1, (-1, 2))
    return nn.functional.one_hot(pairs.argmax(-1), 2).to(x.dtype).flatten(-2)


class Generator(nn.Module):
    def __init__(self, length, stacked):
        super().__init__()
        heads = StackedHeads if stacked else Heads
        layers = []
        for i in range(4):
            layers += [nn.Linear(UNITS if i else LATENT, UNITS), nn.ReLU(), nn.BatchNorm1d(UNITS, momentum=0.9)]
        self.attributes, self.attribute_heads = nn.Sequential(*layers), heads(UNITS, ATTRIBUTES)
        self.lstm = nn.LSTM(width(ATTRIBUTES) + LATENT, HIDDEN, batch_first=True)
        self.packet_heads = heads(HIDDEN, PACKET * SAMPLE)
        self.steps, self.stacked = length // SAMPLE, stacked

    def forward(self, attribute_noise, noise):
        outputs = self.attribute_heads(self.attributes(attribute_noise))
        attributes = torch.cat(outputs, -1)
        bits = 2 * 64
        # What is discrete enters the LSTM as a choice.
        if self.stacked:
            chosen = torch.cat([one_hot(attributes[:, :bits]), attributes[:, bits:].detach()], -1)
        else:
            chosen = torch.cat([one_hot(x) if i < 64 else x for i, x in enumerate(outputs)], -1).detach()
        batch = attributes.shape[0]
        state = torch.randn(1, batch, HIDDEN), torch.randn(1, batch, HIDDEN)
        each = chosen.unsqueeze(1).expand(-1, self.steps, -1)
        hidden, _ = self.lstm(torch.cat([each, noise], -1), state)
        x = torch.cat(self.packet_heads(hidden), -1)
        x = x.unflatten(-1, (SAMPLE, -1))  # [batch][step][packet][value]
        with torch.no_grad():
            going = (x[..., -2] > 0.5).all(-1).to(x.dtype).cumprod(1)
            mask = torch.cat([torch.ones(batch, 1), going[:, :-1]], 1)
        return attributes, (x * mask[..., None, None]).flatten(1)


def critic(inputs):
    layers = []
    for i in range(4):
        layers += [nn.Linear(UNITS if i else inputs, UNITS), nn.ReLU()]
    net = nn.Sequential(*layers, nn.Linear(UNITS, 1))
    for layer in net:
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
    return net


def main():
    parser = timing.options(__doc__, ("reference", "detach", "best"))
    parser.add_argument("--length", type=int, default=130, help="packets a flow, a multiple of 10")
    asked = parser.parse_args()
    detach, stacked = asked.mode != "reference", asked.mode == "best"
    g = Generator(asked.length, stacked)
    d = critic(asked.length * width(PACKET) + width(ATTRIBUTES))
    attribute_d = critic(width(ATTRIBUTES))
    settings = {"lr": 1e-4, "betas": (0.5, 0.999)}
    g_optimizer, *d_optimizers = (timing.adam(net.parameters(), asked, **settings)
                                  for net in (g, d, attribute_d))
    real_attributes = torch.rand(BATCH, width(ATTRIBUTES))
    real = torch.rand(BATCH, asked.length * width(PACKET))

    def update(net, optimizer, real, fake):
        # The released code's mixing factor is always 1: the penalty is taken at the generated rows.
        between = real + torch.ones(BATCH, 1) * (fake - real)
        if not between.requires_grad:
            between.requires_grad_()
        slope, = torch.autograd.grad(net(between).sum(), between, create_graph=True)
        penalty = (((slope.square().sum(1) + 1e-8).sqrt() - 1) ** 2).mean()
        if stacked:
            scores = net(torch.cat([fake, real]))
            on_fake, on_real = scores[:BATCH].mean(), scores[BATCH:].mean()
        else:
            on_fake, on_real = net(fake).mean(), net(real).mean()
        optimizer.zero_grad()
        (on_fake - on_real + 10 * penalty).backward(retain_graph=not detach)
        optimizer.step()

    def step():
        attribute_noise = torch.randn(BATCH, LATENT)
        noise = torch.randn(BATCH, asked.length // SAMPLE, LATENT)
        for i in range(ROUNDS):
            # The generator's update uses the last round's rows.
            with torch.set_grad_enabled(not detach or i == ROUNDS - 1):
                attributes, packets = g(attribute_noise, noise)
            rows = torch.cat([packets, attributes], 1), attributes
            constant = [x.detach() for x in rows] if detach else rows
            update(d, d_optimizers[0], torch.cat([real, real_attributes], 1), constant[0])
            update(attribute_d, d_optimizers[1], real_attributes, constant[1])
        if detach:
            d.requires_grad_(False)
            attribute_d.requires_grad_(False)
        loss = -d(rows[0]).mean() - attribute_d(rows[1]).mean()
        g_optimizer.zero_grad()
        loss.backward()
        g_optimizer.step()
        if detach:
            d.requires_grad_(True)
            attribute_d.requires_grad_(True)
        return loss.item()

    timing.measure("netshare", asked, step, length=asked.length,
                   weights=sum(p.numel() for net in (g, d, attribute_d) for p in net.parameters()))


main()
