"""A linear classifier over hashed features: one score for each of its labels. Serving needs numpy alone; learning.py fits it."""

from dataclasses import dataclass

import numpy as np

from assistant.offline.features import Features


@dataclass(frozen=True, eq=False)
class Linear:
    """The fitted classifier. `labels` (K); `rarity` (B) of each feature; `weights` (B, K); `bias` (K); B: among how many places the hashes
    are spread. `mark_weight`: of a mark, beside runs of characters, whose weights together have the length 1."""

    labels: tuple[str, ...]
    rarity: np.ndarray
    weights: np.ndarray
    bias: np.ndarray
    mark_weight: float

    def ranked(self, of: Features) -> list[tuple[str, float]]:
        """All labels with their scores, the likeliest first. A score above 0 says that it is one of these."""
        scores = self.scores(of)
        return [(self.labels[at], float(scores[at])) for at in np.argsort(-scores, kind="stable")]

    def scores(self, of: Features) -> np.ndarray:
        """The score of each label (K)."""
        places, marks = of.runs % len(self.rarity), of.marks % len(self.rarity)
        values = of.counts * self.rarity[places]
        values /= np.linalg.norm(values) or 1.0
        scores = values @ self.weights[places].astype(np.float64) + self.bias
        return np.asarray(scores + self.mark_weight * self.weights[marks].astype(np.float64).sum(axis=0))
