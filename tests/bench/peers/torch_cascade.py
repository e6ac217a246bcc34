"""One fit step of CascadeGAN's stages in PyTorch: 5 critic updates with gradient penalty and 1 generator update,
batch 128, at the sizes of the CAIDA configuration. With --flows and --packets each step takes its batch as the
reference does, from a Dataset of encoded flows (packets) through a DataLoader with one worker; else it is the
same one again.

modes: reference: as the reference implementation does: the generator is not detached in the critic updates, so that
each of them differentiates it too, in vain; every softmax is a call of its own
detach: the same with the generator detached, the critic's weights not differentiated in the generator's update
best: detach, and the softmax pairs in one call, real and generated rows in one critic call, losses read once
"""
import timing
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

CONDITION, TUPLE, SERIES, FIELDS, WINDOW = 9, 64 * 2 + 3 * 10, 8, 9, 11
HIDDEN, NOISE, SAMPLE, BATCH, ROUNDS = 512, 100, 5, 128, 5
LOG_MOST = 6.  # of the most packets a step
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

    def forward(self, *condition):
        condition = torch.cat(condition, -1)
        noise = torch.randn(condition.shape[0], NOISE)
        return activate(self.net(torch.cat([condition, noise], -1)), self.heads, self.stacked)


class Series(nn.Module):
    """The generator of packet rates: an LSTM of length / 5 steps, masked after the end of the flow."""

    def __init__(self, condition, length, stacked):
        super().__init__()
        self.lstm = nn.LSTM(condition + NOISE, HIDDEN, batch_first=True)
        self.out = nn.Linear(HIDDEN, SAMPLE * SERIES)
        self.length, self.stacked = length, stacked

    def forward(self, *condition):
        condition = torch.cat(condition, -1)
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


class Cascade(nn.Module):
    """The three generators in a row; a packet of each flow sees the window of the series around its step."""

    def __init__(self, length, stacked):
        super().__init__()
        self.flow = Rows(CONDITION, TUPLE_HEADS, stacked)
        self.rate = Series(CONDITION + TUPLE, length, stacked)
        self.field = Rows(CONDITION + TUPLE + WINDOW * SERIES, FIELD_HEADS, stacked)

    def forward(self, condition):
        tuples = self.flow(condition)
        series = self.rate(condition, tuples)
        with torch.no_grad():
            counts = torch.expm1(series[..., 0] * LOG_MOST).round() * (series[..., 4] > series[..., 5])
            counts[:, 0].clamp_(min=1)
            drawn = (torch.rand(len(counts)) * (counts.sum(1) + 1)).floor()
            step = (counts.cumsum(1) >= drawn[:, None]).int().argmax(1)
        window = windows(series, step)
        return tuples, series, window, self.field(condition, tuples, window)


def windows(series, step):
    """[batch][window * 8] of [batch][steps][8] around a step of each; outside it has only the last activity value."""
    pad = torch.zeros(len(series), WINDOW // 2, SERIES)
    pad[..., -1] = 1
    padded = torch.cat([pad, series, pad], 1)
    index = step[:, None] + torch.arange(WINDOW)
    return padded[torch.arange(len(series))[:, None], index].flatten(1)


def critic(width):
    layers = []
    for i in range(4):
        layers += [nn.Linear(HIDDEN if i else width, HIDDEN), nn.GELU()]
    return nn.Sequential(*layers, nn.Linear(HIDDEN, 1))


class Examples(Dataset):
    """Encoded flows, for fields packets, for the joint stage a flow with one of its packets: all in memory, as the
    reference has them. Numbers drawn at random cost what others cost."""

    def __init__(self, what, flows, packets, length):
        self.what = what
        self.condition, self.tuple = torch.rand(flows, CONDITION), torch.rand(flows, TUPLE)
        self.series = torch.rand(flows, length, SERIES) if what in ("rate", "joint") else None
        if what in ("field", "joint"):
            self.info = torch.rand(packets, CONDITION + TUPLE + WINDOW * SERIES)
            self.fields = torch.rand(packets, FIELDS)
            self.first = torch.linspace(0, packets, flows + 1).long()

    def __len__(self):
        return len(self.info) if self.what == "field" else len(self.condition)

    def __getitem__(self, i):
        if self.what == "flow":
            return self.condition[i], self.tuple[i]
        if self.what == "rate":
            return self.condition[i], self.tuple[i], self.series[i]
        if self.what == "field":
            return self.info[i], self.fields[i]
        j = torch.randint(int(self.first[i]), int(self.first[i + 1]), (1,))
        return self.condition[i], self.tuple[i], self.series[i], self.info[j[0], -WINDOW * SERIES:], self.fields[j[0]]


def batches(examples):
    while True:
        yield from DataLoader(examples, BATCH, shuffle=True, drop_last=True, num_workers=1)


# Parts of a batch that each critic sees, by their place in it, and of these those the penalty is about.
GAMES = {"flow": [((0, 1), (1,))], "rate": [((0, 1, 2), (2,))], "field": [((0, 1), (1,))],
         "joint": [((0, 1), (1,)), ((0, 1, 2), (1, 2)), ((0, 1, 3, 4), (0, 1, 3, 4))]}


def main():
    parser = timing.options(__doc__, ("reference", "detach", "best"), ("flow", "rate", "field", "joint"))
    parser.add_argument("--length", type=int, default=200)
    parser.add_argument("--flows", type=int, default=0)
    parser.add_argument("--packets", type=int, default=0)
    asked = parser.parse_args()
    detach, stacked = asked.mode != "reference", asked.mode == "best"
    examples = Examples(asked.what, asked.flows or BATCH, asked.packets or BATCH, asked.length)
    batch = [torch.stack(part) for part in zip(*(examples[i] for i in range(BATCH)))]
    g = {"flow": lambda: Rows(CONDITION, TUPLE_HEADS, stacked),
         "rate": lambda: Series(CONDITION + TUPLE, asked.length, stacked),
         "field": lambda: Rows(CONDITION + TUPLE + WINDOW * SERIES, FIELD_HEADS, stacked),
         "joint": lambda: Cascade(asked.length, stacked)}[asked.what]()
    games = GAMES[asked.what]
    critics = [critic(sum(batch[i][0].numel() for i in seen)) for seen, _ in games]
    d = nn.ModuleList(critics)
    settings = {"lr": 1e-4}
    g_optimizer = timing.adam(g.parameters(), asked, **settings)
    d_optimizer = timing.adam(d.parameters(), asked, **settings)
    given = 1 if asked.what in ("flow", "field", "joint") else 2
    loader = batches(examples) if asked.flows else iter(lambda: batch, None)

    def score(net, parts):
        return net(torch.cat([part.flatten(1) for part in parts], 1))

    def critic_loss(real, fake):
        terms = []
        for net, (seen, penalised) in zip(critics, games):
            ours, theirs = [real[i] for i in seen], [fake[i] for i in seen]
            mix = torch.rand(BATCH, 1)
            between = {}
            for i in seen:
                share = mix.view([BATCH] + [1] * (real[i].dim() - 1))
                between[i] = real[i] if real[i] is fake[i] else share * real[i] + (1 - share) * fake[i]
                if i in penalised and not between[i].requires_grad:
                    between[i] = between[i].detach().requires_grad_()
            slopes = torch.autograd.grad(score(net, between.values()).sum(), [between[i] for i in penalised],
                                         create_graph=True)
            slope = torch.cat([part.flatten(1) for part in slopes], 1)
            penalty = ((slope.norm(dim=1) - 1) ** 2).mean()
            if stacked:
                scores = score(net, [torch.cat(both) for both in zip(ours, theirs)])
                on_real, on_fake = scores[:BATCH].mean(), scores[BATCH:].mean()
            else:
                on_real, on_fake = score(net, ours).mean(), score(net, theirs).mean()
            terms.append((on_fake - on_real + 10 * penalty, on_real, on_fake, penalty))
        return sum(term[0] for term in terms), terms

    def step():
        real = next(loader)
        made = g(*real[:given])
        fake = [*real[:given], *(made if isinstance(made, tuple) else (made,))]
        if detach:
            d.requires_grad_(True)
        still = [part.detach() if part is not whole else part for part, whole in zip(fake, real)]
        for _ in range(ROUNDS):
            loss, terms = critic_loss(real, still if detach else fake)
            d_optimizer.zero_grad()
            loss.backward(retain_graph=not detach)
            d_optimizer.step()
            if not stacked:
                for term in terms:
                    for value in term[1:]:
                        value.item()
        if detach:
            d.requires_grad_(False)
        loss = -sum(score(net, [fake[i] for i in seen]).mean() for net, (seen, _) in zip(critics, games))
        g_optimizer.zero_grad()
        loss.backward()
        g_optimizer.step()
        return loss.item()

    weights = [sum(p.numel() for p in net.parameters()) for net in (d, g)]
    timing.measure("cascade_" + asked.what, asked, step, length=asked.length, critic=weights[0],
                   generator=weights[1], flows=asked.flows, packets=asked.packets)


if __name__ == "__main__":
    main()
