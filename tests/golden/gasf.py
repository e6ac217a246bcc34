"""Makes gasf.json: Gramian angular summation fields by their definition (arccos, gamma, block means), in float64.

    pip install numpy==1.24.2 && python3 gasf.py > gasf.json
"""
import json
import sys

import numpy as np

random = np.random.default_rng(8)


def resize(image, side):
    """By area: every pixel is cut into side x side parts, and blocks of n x n of those are averaged."""
    n = len(image)
    fine = np.repeat(np.repeat(image, side, axis=0), side, axis=1)
    return fine.reshape(side, n, side, n).mean(axis=(1, 3))


def image(x, side, gamma, amplitude):
    angle = np.arccos(x)
    field = np.cos(angle[:, None] + angle[None, :])
    corrected = amplitude * np.clip((field + 1) / 2, 0, 1) ** gamma
    return resize(corrected, side)


def case(steps, side, gamma, amplitude):
    values = random.integers(0, 1500, (3, steps, 2)).astype(float)
    values[:, :, 1] = random.choice([1, -1], (3, steps))
    values[2, steps // 2:] = 0  # a shorter series
    top = values[:, :, 0].max()
    units = np.stack([values[:, :, 0] / top, (values[:, :, 1] + 1) / 2], axis=-1)
    images = [np.stack([image(units[i, :, c], side, gamma, amplitude) for c in range(2)], axis=-1) for i in range(3)]
    return {"steps": steps, "options": f"side={side} gamma={gamma} amplitude={amplitude}", "side": side,
            "values": values.ravel().astype(int).tolist(),
            "images": [float(f"{p:.8g}") for p in np.array(images).ravel()]}


json.dump([case(16, 16, 0.25, 1), case(12, 8, 0.25, 0.9), case(15, 6, 0.6, 1), case(5, 12, 0.25, 1)], sys.stdout)
sys.stdout.write("\n")
