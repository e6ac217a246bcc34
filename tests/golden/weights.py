"""Makes tests/golden/weights.safetensors with the safetensors package (0.4 and later): what Weir must read.

    python3 tests/golden/weights.py            writes the file
    python3 tests/golden/weights.py FILE       checks a file that Weir wrote: prints names, shapes, sums
"""
import os
import sys

import numpy
import safetensors
from safetensors.numpy import load_file, save_file

here = os.path.dirname(os.path.abspath(__file__))


def make():
    # weights of nn_linear(x [..][3], 2, "net.0") and nn_linear(., 1, "net.1"); a counter, a mask and an empty array
    save_file(
        {
            "net.0.weight": numpy.arange(6, dtype=numpy.float32).reshape(2, 3) / 4,
            "net.0.bias": numpy.array([-1.5, 2.25], dtype=numpy.float32),
            "net.1.weight": numpy.array([[0.125, -8]], dtype=numpy.float32),
            "net.1.bias": numpy.array([1e-30], dtype=numpy.float32),
            "net.steps": numpy.array(7, dtype=numpy.float32),
        },
        os.path.join(here, "weights.safetensors"),
        metadata={"writer": "safetensors " + safetensors.__version__},
    )


def show(path):
    for name, value in sorted(load_file(path).items()):
        print(name, value.dtype, list(value.shape), repr(float(numpy.sum(value, dtype=numpy.float64))))
    with safetensors.safe_open(path, "numpy") as file:
        for key, text in sorted((file.metadata() or {}).items()):
            print("#", key, text)


if len(sys.argv) > 1:
    show(sys.argv[1])
else:
    make()
