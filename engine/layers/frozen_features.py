"""The features of a frozen backbone, computed once per image while a training lasts.

A frozen network gives an image the same features in every epoch as long as nothing random precedes it. Keeping them
turns each further epoch into the work of the small trainable part alone. Augmented images are computed anew each time;
styles are mixed behind what is kept.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from engine.backbones import Backbone
from engine.datasets.loading import Batch

Features = list[torch.Tensor]  # one (B, C, H, W) per level


class FrozenFeatures:
    """Calls `backbone` on a batch's images; inside `keeping()` the result of each named image is kept, up to a budget.

    Beyond the budget the images that did not fit are computed anew each time.
    """

    def __init__(self, backbone: Backbone | Callable[[torch.Tensor], Features], *, memory_mb: int = 2048):
        self.backbone = backbone
        self.memory = memory_mb * 2**20
        self._kept: dict[str, Features] | None = None
        self._bytes = 0

    @torch.no_grad()
    def __call__(self, batch: Batch) -> Features:
        if not isinstance(self.backbone, Backbone):
            return self._features(batch, self.backbone)
        return self.backbone.finished(self._features(batch, self.backbone.raw))

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Keep features until the end of the block. Within it a name must always mean the same picture."""
        self._kept, self._bytes = {}, 0
        try:
            yield
        finally:
            self._kept = None

    def _features(self, batch: Batch, compute: Callable[[torch.Tensor], Features]) -> Features:
        if self._kept is None or batch.augmented:
            return compute(batch.images)
        new = [i for i, name in enumerate(batch.names) if name not in self._kept]
        fresh: dict[int, Features] = {}
        if new:
            images = batch.images if len(new) == len(batch.names) else batch.images[new]
            levels = compute(images)
            fresh = {i: [level[row] for level in levels] for row, i in enumerate(new)}
            for i in new:
                self._keep(batch.names[i], fresh[i])
        chosen = [fresh[i] if i in fresh else self._kept[name] for i, name in enumerate(batch.names)]
        return [torch.stack(level) for level in zip(*chosen, strict=True)]

    def _keep(self, name: str, levels: Features) -> None:
        assert self._kept is not None
        size = sum(level.numel() * level.element_size() for level in levels)
        if name not in self._kept and self._bytes + size <= self.memory:
            self._kept[name] = [level.clone() for level in levels]  # a view would hold on to its whole batch
            self._bytes += size
