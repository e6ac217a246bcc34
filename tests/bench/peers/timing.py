"""What the PyTorch peers share: their options, the measuring, and the JSON line that they print."""
import argparse
import json
import os
import statistics
import time

# Before PyTorch is loaded, which binds the first thread to one CPU when asked to pin.
CPUS = len(os.sched_getaffinity(0))

import torch  # noqa: E402

ENVIRONMENT = ("OMP_NUM_THREADS", "OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY", "GOMP_SPINCOUNT",
               "OMP_WAIT_POLICY", "OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
               "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_", "LD_PRELOAD")


def options(description, modes, what=None):
    """The command line of a peer, applied to PyTorch."""
    parser = argparse.ArgumentParser(description=description)
    if what:
        parser.add_argument("what", choices=what)
    parser.add_argument("--mode", choices=modes, default=modes[0])
    parser.add_argument("--threads", type=int, default=CPUS)
    parser.add_argument("--steps", type=int, default=15, help="timed repetitions, after 3 that warm up")
    parser.add_argument("--adam", choices=("default", "single", "foreach", "fused"), default="fused",
                        help="variant of the optimiser; what this PyTorch lacks becomes foreach")
    parser.add_argument("--denormals", action="store_true", help="keep them (else flushed to zero)")
    parser.add_argument("--count", action="store_true", help="count operations instead of timing")
    parser.add_argument("--compile", action="store_true", help="torch.compile where the script can")
    asked = parser.parse_known_args()[0]
    torch.set_num_threads(asked.threads)
    torch.manual_seed(1)
    if not asked.denormals:
        torch.set_flush_denormal(True)
    return parser


def adam(parameters, asked, **settings):
    """Adam in the variant asked for, as far as this PyTorch has it."""
    variants = {"default": {}, "single": {"foreach": False}, "foreach": {"foreach": True}, "fused": {"fused": True}}
    parameters = list(parameters)
    try:
        return torch.optim.Adam(parameters, **settings, **variants[asked.adam])
    except (TypeError, RuntimeError):
        asked.adam = "foreach"
        return torch.optim.Adam(parameters, **settings, foreach=True)


def blas():
    """The library behind the matrix products: as loaded, since Debian chooses it by a symbolic link."""
    torch.mm(torch.ones(8, 8), torch.ones(8, 8))
    if torch.backends.mkl.is_available():
        return "MKL"
    with open("/proc/self/maps", encoding="ascii", errors="replace") as maps:
        paths = {line.split()[-1] for line in maps if "blas" in line}
    return " ".join(sorted(os.path.basename(os.path.dirname(path)) + "/" + os.path.basename(path)
                           for path in paths if "openblas" in path)) or "unknown"


def count(step):
    """Floating-point operations of the products and convolutions in one call."""
    from torch.utils._python_dispatch import TorchDispatchMode

    total = {"operations": 0, "calls": 0}

    class Counter(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            result = function(*args, **(kwargs or {}))
            name = str(function).split(".")[1]
            total["calls"] += 1
            if name == "mm":
                total["operations"] += 2 * args[0].numel() * args[1].shape[1]
            elif name == "addmm":
                total["operations"] += 2 * args[1].numel() * args[2].shape[1]
            elif name in ("bmm", "baddbmm"):
                a, b = args[-2:]
                total["operations"] += 2 * a.numel() * b.shape[2]
            elif name == "convolution":
                total["operations"] += 2 * result.numel() * args[1][0].numel()
            return result

    step()
    with Counter():
        step()
    return total


def measure(name, asked, step, **facts):
    """Prints the JSON line of this step."""
    line = {"name": name, "mode": asked.mode, "torch": torch.__version__}
    if asked.count:
        line.update(count(step), **facts)
        print(json.dumps(line))
        return
    for _ in range(3):
        step()
    taken, cpu = [], []
    for _ in range(asked.steps):
        begin, used = time.perf_counter(), time.process_time()
        step()
        taken.append((time.perf_counter() - begin) * 1e3)
        cpu.append((time.process_time() - used) * 1e3)
    line.update(blas=blas(), threads=asked.threads, adam=asked.adam, flush=not asked.denormals,
                compile=asked.compile,
                environment={key: os.environ[key] for key in ENVIRONMENT if key in os.environ},
                load=os.getloadavg()[0], unit="ms", median=round(statistics.median(taken), 2),
                cpu=round(statistics.median(cpu), 2), min=round(min(taken), 2), max=round(max(taken), 2), n=len(taken), **facts)
    print(json.dumps(line), flush=True)
