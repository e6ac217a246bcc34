"""One fit step of CascadeGAN's stages in PyTorch: 5 critic updates with gradient penalty and 1 generator update,
batch 128, at the sizes of the CAIDA configuration.

modes: reference: as the reference implementation does: the generator is not detached in the critic updates, so that
each of them differentiates it too, in vain; every softmax is a call of its own
detach: the same with the generator detached, the critic's weights not differentiated in the generator's update
best: detach, and the softmax pairs in one call, real and generated rows in one critic call, losses read once
"""
import timing
import torch
from torch import nn

CONDITION, TUPLE, SERIES, FIELDS, WINDOW = 9, 64 * 2 + 3 * 10, 8, 9, 11
HIDDEN, NOISE, SAMPLE, BATCH, ROUNDS = 512, 100, 5, 128, 5
# Outputs as (activation, width), in order.
TUPLE_HEADS = [("softmax", 2)] * 64 + [("tanh", 30)]
SERIES_HEADS = [("sigmoid", 1)] * 4 + [("softmax", 2)] * 2
FIELD_HEADS = [("sigmoid", 3), ("softmax", 3), ("sigmoid", 2), ("sigmoid", 1)]


def activate(x, heads, stacked):
    """Each head's activation on its slice of the last axis; stacked: equal neighbours in one call."""
    runs = []
    for kind, width in heads:
        if stacked and runs and runs[-1][:2] == [kind, width]:
            runs[-1][2] += 1
        else:
            runs.append([kind, width, 1])
    parts, at = [], 0
    for kind, width, n in runs:
        part = x[..., at:at + n * width]
        at += n * width
        if kind == "softmax":
            part = part.unflatten(-1, (n, width)).softmax(-1).flatten(-2) if n > 1 else part.softmax(-1)
        else:
            part = torch.tanh(part) if kind == "tanh" else torch.sigmoid(part)
        parts.append(part)
    return torch.cat(parts, -1)


class Rows(nn.Module):
    """A generator of rows: an MLP with batch norm."""

    def __init__(self, condition, heads, stacked):
        super().__init__()
        width, out = condition + NOISE, sum(head[1] for head in heads)
        self.net = nn.Sequential(nn.Linear(width, HIDDEN), nn.BatchNorm1d(HIDDEN), nn.GELU(),
                                 nn.Linear(HIDDEN, HIDDEN), nn.BatchNorm1d(HIDDEN), nn.GELU(),
                                 nn.Linear(HIDDEN, out))
        self.heads, self.stacked = heads, stacked

    def forward(self, condition):
        noise = torch.randn(condition.shape[0], NOISE)
        return activate(self.net(torch.cat([condition, noise], -1)), self.heads, self.stacked)


class Series(nn.Module):
    """The generator of packet rates: an LSTM of length / 5 steps, masked after the end of the flow."""

    def __init__(self, condition, length, stacked):
        super().__init__()
        self.lstm = nn.LSTM(condition + NOISE, HIDDEN, batch_first=True)
        self.out = nn.Linear(HIDDEN, SAMPLE * SERIES)
        self.length, self.stacked = length, stacked

    def forward(self, condition):
        batch, steps = condition.shape[0], -(-self.length // SAMPLE)
        state = torch.randn(1, batch, HIDDEN), torch.randn(1, batch, HIDDEN)
        each = condition.unsqueeze(1).expand(-1, steps, -1)
        hidden, _ = self.lstm(torch.cat([each, torch.randn(batch, steps, NOISE)], -1), state)
        x = self.out(hidden).reshape(batch, -1, SERIES)[:, :self.length]
        x = activate(x, SERIES_HEADS, self.stacked)
        with torch.no_grad():
            busy = (x[..., -4] > x[..., -3]).to(x.dtype)
            busy[:, 0] = 1
            alive = (x[..., -2] > x[..., -1]).to(x.dtype)
            alive[:, 0] = 1
            alive = alive.cumprod(1)
            ones = torch.ones_like(alive)
            mask = torch.stack([busy * alive] * (SERIES - 4) + [alive] * 2 + [ones] * 2, -1)
        return x * mask


def critic(width):
    layers = []
    for i in range(4):
        layers += [nn.Linear(HIDDEN if i else width, HIDDEN), nn.GELU()]
    return nn.Sequential(*layers, nn.Linear(HIDDEN, 1))


def main():
    parser = timing.options(__doc__, ("reference", "detach", "best"), ("flow", "rate", "field"))
    parser.add_argument("--length", type=int, default=200)
    asked = parser.parse_args()
    detach, stacked = asked.mode != "reference", asked.mode == "best"
    if asked.what == "flow":
        condition, real = torch.rand(BATCH, CONDITION), torch.rand(BATCH, TUPLE)
        g = Rows(CONDITION, TUPLE_HEADS, stacked)
    elif asked.what == "rate":
        condition, real = torch.rand(BATCH, CONDITION + TUPLE), torch.rand(BATCH, asked.length, SERIES)
        g = Series(CONDITION + TUPLE, asked.length, stacked)
    else:
        condition = torch.rand(BATCH, CONDITION + TUPLE + WINDOW * SERIES)
        real = torch.rand(BATCH, FIELDS)
        g = Rows(condition.shape[1], FIELD_HEADS, stacked)
    d = critic(condition.shape[1] + real[0].numel())
    settings = {"lr": 1e-4}
    g_optimizer = timing.adam(g.parameters(), asked, **settings)
    d_optimizer = timing.adam(d.parameters(), asked, **settings)

    def score(x):
        return d(torch.cat([condition, x.flatten(1)], 1))

    def critic_loss(fake):
        mix = torch.rand([BATCH] + [1] * (real.dim() - 1))
        between = mix * real + (1 - mix) * fake
        if not between.requires_grad:
            between.requires_grad_()
        slope, = torch.autograd.grad(score(between).sum(), between, create_graph=True)
        penalty = ((slope.flatten(1).norm(dim=1) - 1) ** 2).mean()
        if stacked:
            both = torch.cat([real, fake]).flatten(1)
            scores = d(torch.cat([torch.cat([condition, condition]), both], 1))
            on_real, on_fake = scores[:BATCH].mean(), scores[BATCH:].mean()
        else:
            on_real, on_fake = score(real).mean(), score(fake).mean()
        return on_fake - on_real + 10 * penalty, (on_real, on_fake, penalty)

    def step():
        fake = g(condition)
        if detach:
            d.requires_grad_(True)
        for _ in range(ROUNDS):
            loss, terms = critic_loss(fake.detach() if detach else fake)
            d_optimizer.zero_grad()
            loss.backward(retain_graph=not detach)
            d_optimizer.step()
            if not stacked:
                for term in terms:
                    term.item()
        if detach:
            d.requires_grad_(False)
        loss = -score(fake).mean()
        g_optimizer.zero_grad()
        loss.backward()
        g_optimizer.step()
        return loss.item()

    weights = [sum(p.numel() for p in net.parameters()) for net in (d, g)]
    timing.measure("cascade_" + asked.what, asked, step, length=asked.length, critic=weights[0],
                   generator=weights[1])


main()
