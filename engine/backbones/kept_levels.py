"""Levels of single images that a frozen network gives again and again, kept for a while."""

from collections.abc import Callable, Hashable, Sequence

import torch

Features = list[torch.Tensor]  # one (B, C, H, W) per level


class KeptLevels:
    """Computes the levels of an image once per key, up to a budget; images that do not fit are computed anew each time.

    The rows do not depend on their batch mates but for the rounding of a matrix product, which differs with its shape.
    """

    def __init__(self, *, memory_mb: int):
        self._left = memory_mb * 2**20
        self._kept: dict[Hashable, Features] = {}

    def __call__(
        self, keys: Sequence[Hashable], images: torch.Tensor, compute: Callable[[torch.Tensor], Features]
    ) -> Features:
        """The levels of `images` (B, 3, H, W), one key each; `compute` gives those of a part of them."""
        new = [i for i, key in enumerate(keys) if key not in self._kept]
        fresh: dict[int, Features] = {}
        if new:
            levels = compute(images if len(new) == len(keys) else images[new])
            fresh = {i: [level[row] for level in levels] for row, i in enumerate(new)}
            for i in new:
                self._keep(keys[i], fresh[i])
        chosen = [fresh[i] if i in fresh else self._kept[key] for i, key in enumerate(keys)]
        return [torch.stack(level) for level in zip(*chosen, strict=True)]

    def _keep(self, key: Hashable, levels: Features) -> None:
        size = sum(level.nbytes for level in levels)
        if key not in self._kept and size <= self._left:
            self._kept[key] = [level.clone() for level in levels]  # a view would hold on to its whole batch
            self._left -= size
