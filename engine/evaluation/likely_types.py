"""Of which defect type a region probably is: that of most of the test images' regions that look most like it.

A detector learns no types; only its test images know some. So the rule is measured before it may speak: each known region in turn is named by the others,
those of its own image and group (panel, lot) left out. Where that is right no more often than always naming the commonest type, more than chance can
tell, it names none. The figure is measured on the images that the rule compares with: pictures of one part that no group tells of make it look better.
numpy; no torch.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.contract.results.detect import KnownRegion, LikelyType, ScoreRow
from engine.contract.serving import TypesKnown
from engine.contract.shares import share_interval

NEAREST, MOST = 3, 2  # regions that are asked, and how many of them must be of one type
FEWEST_OF_TYPE, FEWEST_TYPES = 5, 2
NOT_KEPT = "this run kept no features of its test images' regions"
TOO_FEW = "fewer than two defect types have five regions among the test images"
NO_BETTER = "on the test images it would be right no more often than always naming the commonest type"
UNCLEAR = "the regions most like it are of different types"
UNLIKE = "it is like no region of the test images"


@dataclass(frozen=True)
class Known:
    """The regions of known type, N of them: features (N, C), and the test image of each. `told` says how far the rule can be trusted; `reach` is
    the largest distance from one to the nearest of another image: what lies farther away is like none."""

    features: NDArray[np.float32]
    rows: Sequence[ScoreRow]
    told: TypesKnown
    reach: float

    def likely(self, features: NDArray[np.float32]) -> LikelyType:
        """Of which type a region with these features (C,) is, and the regions that say so."""
        assert self.told.reason is None, "a rule that does not hold names nothing"
        distances = np.linalg.norm(self.features - features, axis=1)
        nearest = np.argsort(distances, kind="stable")[:NEAREST]
        found = [
            KnownRegion(name=self.rows[i].name, defect_type=_type(self.rows[i]), distance=float(distances[i]))
            for i in nearest
        ]
        named, votes = _voted([each.defect_type for each in found])
        if found[0].distance > self.reach:
            return LikelyType(defect_type=None, reason=UNLIKE, nearest=found)
        if named is None:
            return LikelyType(defect_type=None, reason=UNCLEAR, nearest=found)
        return LikelyType(defect_type=named, votes=votes, nearest=found)


def known_types(features: NDArray[np.float32], rows: Sequence[ScoreRow]) -> Known:
    """The rule over these regions, measured.

    Args:
        features: (N, C). rows: the test image of each, with its type.
    """
    types = [_type(row) for row in rows]
    enough = [name for name, count in Counter(types).items() if count >= FEWEST_OF_TYPE]
    if len(enough) < FEWEST_TYPES:
        return Known(features, rows, TypesKnown(regions=len(rows), reason=TOO_FEW), 0.0)
    distances = _elsewhere(features, rows)
    named = [_named_by(each, types) for each in distances]
    spoke = np.array([each is not None for each in named])
    right = np.array([said == is_it for said, is_it in zip(named, types, strict=True)])
    groups = [row.group for row in rows] if any(row.group for row in rows) else None
    interval = share_interval(right, spoke, np.ones(len(rows), dtype=np.int64), groups=groups, seed=0)
    commonest, count = Counter(
        name for name, has_spoken in zip(types, spoke, strict=True) if has_spoken or not spoke.any()
    ).most_common(1)[0]
    share = count / (int(spoke.sum()) or len(rows))
    told = TypesKnown(
        regions=len(rows),
        named=int(spoke.sum()),
        right=int(right.sum()),
        interval=interval,
        commonest=commonest,
        commonest_share=share,
        leaves_out="image" if groups is None else "group",
        reason=NO_BETTER if interval is None or interval[0] <= share else None,
    )
    nearest = distances.min(axis=1)
    return Known(features, rows, told, float(nearest[np.isfinite(nearest)].max(initial=0.0)))


def named_by_others(features: NDArray[np.float32], rows: Sequence[ScoreRow]) -> list[str | None]:
    """The type that each region (N, C) gets from those of other images and groups."""
    types = [_type(row) for row in rows]
    return [_named_by(each, types) for each in _elsewhere(features, rows)]


def _type(row: ScoreRow) -> str:
    return row.defect_type or ""


def _elsewhere(features: NDArray[np.float32], rows: Sequence[ScoreRow]) -> NDArray[np.float64]:
    """Distances between all regions (N, N); infinite between those of one image or one group."""
    squares = (features.astype(np.float64) ** 2).sum(axis=1)
    distances: NDArray[np.float64] = np.sqrt(np.maximum(squares[:, None] + squares - 2.0 * features @ features.T, 0.0))
    distances[_alike(rows)] = np.inf
    return distances


def _alike(rows: Sequence[ScoreRow]) -> NDArray[np.bool_]:
    """Which two regions are of one image or one group, (N, N)."""
    keys = [("group", row.group) if row.group else ("image", row.name) for row in rows]
    numbers = np.array([keys.index(key) for key in keys])
    same: NDArray[np.bool_] = numbers[:, None] == numbers[None]
    return same


def _named_by(distances: NDArray[np.float64], types: Sequence[str]) -> str | None:
    nearest = np.argsort(distances, kind="stable")[:NEAREST]
    return _voted([types[i] for i in nearest if np.isfinite(distances[i])])[0]


def _voted(types: Sequence[str]) -> tuple[str | None, int]:
    """The type that enough of them have, and how many have it."""
    named, votes = Counter(types).most_common(1)[0] if types else (None, 0)
    return (named, votes) if votes >= MOST else (None, votes)
