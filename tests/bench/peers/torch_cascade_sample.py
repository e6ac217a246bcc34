"""Sampling as CascadeGAN's reference does it, in PyTorch and numpy: all conditions in turn through the flow and
the rate generator, every step of each; 5-tuples decoded, flows with one that occurred before deleted; the field
generator for each packet with its window; flow by flow the times put around the middle of flow start and end;
everything sorted by time. Weights and conditions are drawn at random, and packets are put into random steps, as
many as asked for: that is what is compared. Nothing is written to a file."""
import argparse
import json
import resource
import time

import numpy
import timing
import torch
import torch_cascade as cascade


def nearest(words, vectors):
    """Of each vector the number of the word nearest by cosine."""
    return (vectors @ words.T).argmax(1)


def decode(tuples, words):
    """(source, destination, ports, protocol) of each."""
    bits = tuples[:, :128].reshape(-1, 64, 2).argmax(2)
    powers = 1 << numpy.arange(31, -1, -1)
    ends = [bits[:, :32] @ powers, bits[:, 32:] @ powers]
    ends += [nearest(words, tuples[:, 128 + 10 * i:138 + 10 * i]) for i in range(3)]
    return list(zip(*(end.tolist() for end in ends)))


def scatter(random, packets, steps):
    """[steps] counts of so many packets, the first step not empty."""
    at = random.integers(0, steps, packets)
    at[0] = 0
    return numpy.bincount(at, minlength=steps)


def sample(flows, packets, words, batch):
    random = numpy.random.default_rng(1)
    steps, duration = 200, 60e6
    model = cascade.Cascade(steps, True).eval()
    conditions = torch.rand(flows, cascade.CONDITION)
    wanted = numpy.full(flows, packets // flows)
    wanted[:packets - int(wanted.sum())] += 1
    seen, tables = set(), []
    for begin in range(0, flows, batch):
        condition = conditions[begin:begin + batch]
        tuples = model.flow(condition)
        series = model.rate(condition, tuples)
        ends = decode(tuples.numpy(), words)
        parts, keep = [], []
        for i, end in enumerate(ends):
            if end in seen:
                continue
            seen.add(end)
            counts = scatter(random, wanted[begin + i], steps)
            at = torch.from_numpy(numpy.repeat(numpy.arange(steps), counts))
            rows = series[i].expand(len(at), -1, -1)
            parts.append((i, at, cascade.windows(rows, at)))
            keep.append(end)
        if not parts:
            continue
        index = torch.cat([torch.full_like(at, i) for i, at, _ in parts])
        fields = model.field(condition[index], tuples[index], torch.cat([window for _, _, window in parts])).numpy()
        first = 0
        for (i, at, _), end in zip(parts, keep):
            made = fields[first:first + len(at)]
            first += len(at)
            times = at.numpy() + made[:, -1]
            start, stop = sorted(condition[i, -2:].tolist())
            times = times + (start + stop) / 2 * steps - (times.min() + times.max()) / 2
            row = numpy.empty((len(at), 5 + cascade.FIELDS))
            row[:, :5] = end
            row[:, 5:-1] = made[:, :-1]
            row[:, -1] = numpy.rint(times / steps * duration)
            tables.append(row[(row[:, -1] >= 0) & (row[:, -1] <= duration)])
    table = numpy.concatenate(tables)
    return table[table[:, -1].argsort(kind="stable")], len(seen)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--flows", type=int, default=50000)
    parser.add_argument("--packets", type=int, default=1000000)
    parser.add_argument("--words", type=int, default=20000, help="of the ports' dictionary")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--threads", type=int, default=timing.CPUS)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    torch.manual_seed(1)
    torch.set_flush_denormal(True)
    words = numpy.random.default_rng(2).standard_normal((asked.words, 10)).astype(numpy.float32)
    words /= numpy.linalg.norm(words, axis=1, keepdims=True)
    begin, cpu = time.perf_counter(), time.process_time()
    with torch.inference_mode():
        table, kept = sample(asked.flows, asked.packets, words, asked.batch)
    print(json.dumps({"name": "cascade_sample", "unit": "s", "wall": round(time.perf_counter() - begin, 2),
                      "cpu": round(time.process_time() - cpu, 2), "flows": kept, "packets": len(table),
                      "threads": asked.threads, "torch": torch.__version__,
                      "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))


main()
