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

# The orders that the engine tries. Divergences are kept of whole orders: dp-accounting's series for the others loses
# its digits where they are small (noise 10, order 1.1).
ORDERS = [1 + x / 10 for x in range(1, 100)] + list(range(11, 65)) + [72, 80, 96, 112, 128, 160, 192, 256, 384, 512,
                                                                      768, 1024]
SHOWN = [2.0, 3.0, 5.0, 8.0, 10.0, 16, 32, 64, 128, 1024]
# Mechanisms (noise over clip, sampling rate, steps), delta. The second to fourth are those of TensorFlow Privacy's
# tutorial (MNIST), the pair is a GAN that updates two critics a step.
CASES = [([(1.0, 0.01, 1000)], 1e-5), ([(1.1, 256 / 60000, 14062)], 1e-5), ([(1.3, 256 / 60000, 3515)], 1e-5),
         ([(0.7, 256 / 60000, 10546)], 1e-5), ([(4.0, 0.01, 10000)], 1e-5), ([(0.7, 0.001, 2000)], 1e-6),
         ([(2.0, 1.0, 30)], 1e-5), ([(1.2, 0.05, 300)], 1e-5), ([(10.0, 0.2, 50)], 1e-8),
         ([(1.0, 0.01, 500), (1.5, 0.01, 500)], 1e-5), ([(0.8, 0.0001, 100000)], 1e-5),
         ([(2.0, 0.1, 100), (2.0, 0.1, 100), (3.0, 0.02, 5000)], 1e-7)]


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
        shown = [values[ORDERS.index(a)] for a in SHOWN]
        epsilon, order = accountant.get_epsilon_and_optimal_order(delta)
        classic = min(v + math.log(1 / delta) / (a - 1) for a, v in zip(ORDERS, values))
        out.append({"mechanisms": [{"noise": n, "rate": r, "steps": s} for n, r, s in mechanisms], "delta": delta,
                    "rdp": shown, "epsilon": float(epsilon), "order": order, "epsilon_mironov": classic})
    json.dump({"orders": SHOWN, "cases": out}, sys.stdout, indent=1)
    print()


main()
