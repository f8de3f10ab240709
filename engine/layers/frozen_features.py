"""The features of a frozen backbone, computed once per image while a training lasts.

A frozen network gives an image the same features in every epoch as long as nothing random precedes it. Keeping them
turns each further epoch into the work of the small trainable part alone. Augmented images are computed anew each time;
styles are mixed behind what is kept.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from engine.backbones import Backbone
from engine.backbones.kept_levels import Features, KeptLevels
from engine.datasets.loading import Batch


class FrozenFeatures:
    """Calls `backbone` on a batch's images; inside `keeping()` the result of each named image is kept, up to a budget.

    Beyond the budget the images that did not fit are computed anew each time.
    """

    def __init__(self, backbone: Backbone | Callable[[torch.Tensor], Features], *, memory_mb: int = 2048):
        self.backbone = backbone
        self.memory_mb = memory_mb
        self._kept: KeptLevels | None = None

    @torch.no_grad()
    def __call__(self, batch: Batch) -> Features:
        if not isinstance(self.backbone, Backbone):
            return self._features(batch, self.backbone)
        return self.backbone.finished(self._features(batch, self.backbone.raw))

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Keep features until the end of the block. Within it a name must always mean the same picture."""
        self._kept = KeptLevels(memory_mb=self.memory_mb)
        try:
            yield
        finally:
            self._kept = None

    def _features(self, batch: Batch, compute: Callable[[torch.Tensor], Features]) -> Features:
        if self._kept is None or batch.augmented:
            return compute(batch.images)
        return self._kept(batch.names, batch.images, compute)
