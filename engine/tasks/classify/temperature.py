"""One number that makes a classifier's probabilities mean what they say.

Guo et al., On Calibration of Modern Neural Networks, ICML 2017, https://arxiv.org/abs/1706.04599: logits are divided by a
temperature that is found on pictures that were not learnt from. Which class is the most likely does not change.

N pictures, K classes.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

LOWEST, HIGHEST = 0.05, 20.0
Numbers = NDArray[np.float64]


def fit_temperature(logits: Numbers, labels: NDArray[np.int64]) -> float:
    """The temperature with the least loss on logits (N, K).

    The target is not certain, as Platt's: of N pictures that are all classed right, the next may be one that is not. So few
    pictures do not give endless confidence.
    """
    count, classes = logits.shape
    target = np.full((count, classes), 1 / (count + classes))
    target[np.arange(count), labels] = (count + 1) / (count + classes)

    def loss(log_temperature: float) -> float:
        return float(-(target * log_softmax(logits / np.exp(log_temperature), axis=1)).sum(axis=1).mean())

    found = minimize_scalar(loss, bounds=(np.log(LOWEST), np.log(HIGHEST)), method="bounded")
    return float(np.exp(found.x))


def probabilities(logits: Numbers, temperature: float) -> Numbers:
    """(N, K)."""
    said: Numbers = softmax(np.asarray(logits, dtype=np.float64) / temperature, axis=1)
    return said
