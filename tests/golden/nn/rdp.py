"""Makes rdp.json: privacy of the Poisson-subsampled Gaussian mechanism as Google's dp-accounting 0.6.0 computes it.

    pip install dp-accounting==0.6.0 && python3 rdp.py > rdp.json

One record of the data is added or removed. rdp[i] is the Renyi divergence of order orders[i] after all steps (Mironov,
Talwar and Zhang 2019); epsilon is the least over these orders with the conversion of Canonne, Kamath and Steinke 2020
(prop. 12), epsilon_mironov with that of Mironov 2017 (prop. 3). A case is a list of mechanisms, composed.
"""
import json
import math
import sys

import dp_accounting
from dp_accounting import rdp

ORDERS = [1.25, 1.5, 1.75, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 48, 64, 128, 256]
# Mechanisms (noise over clip, sampling rate, steps), delta. The second and third are those of the tutorials of
# TensorFlow Privacy and of Opacus (MNIST); the pair is a GAN that updates two critics a step.
CASES = [([(1.0, 0.01, 1000)], 1e-5), ([(1.1, 256 / 60000, 14062)], 1e-5), ([(1.3, 64 / 60000, 14070)], 1e-5),
         ([(4.0, 0.01, 10000)], 1e-5), ([(0.7, 0.001, 2000)], 1e-6), ([(2.0, 1.0, 30)], 1e-5),
         ([(0.1, 0.05, 100)], 1e-5), ([(10.0, 0.2, 50)], 1e-8), ([(1.0, 0.01, 500), (1.5, 0.01, 500)], 1e-5),
         ([(2.0, 0.1, 100), (2.0, 0.1, 100), (3.0, 0.02, 5000)], 1e-7), ([(0.8, 0.0001, 100000)], 1e-5)]


def main():
    out = []
    for mechanisms, delta in CASES:
        accountant = rdp.RdpAccountant(ORDERS, dp_accounting.NeighboringRelation.ADD_OR_REMOVE_ONE)
        for noise, rate, steps in mechanisms:
            event = dp_accounting.GaussianDpEvent(noise)
            if rate < 1:
                event = dp_accounting.PoissonSampledDpEvent(rate, event)
            accountant.compose(event, steps)
        values = [float(x) for x in accountant._rdp]  # pylint: disable=protected-access
        epsilon, order = accountant.get_epsilon_and_optimal_order(delta)
        classic = min(v + math.log(1 / delta) / (a - 1) for a, v in zip(ORDERS, values))
        out.append({"mechanisms": [{"noise": n, "rate": r, "steps": s} for n, r, s in mechanisms], "delta": delta,
                    "rdp": values, "epsilon": float(epsilon), "order": order, "epsilon_mironov": classic})
    json.dump({"orders": ORDERS, "cases": out}, sys.stdout, indent=1)
    print()


main()
