"""SPADE: each place of an image is compared with all places of the good images most like it.

Cohen and Hoshen, Sub-Image Anomaly Detection with Deep Pyramid Correspondences, 2020, https://arxiv.org/abs/2005.02357.
As there: the K nearest good images by the pooled features of the deepest level; then for each place the distance to the
nearest place of these images in the features of all levels, brought to the finest grid.
Deviations: levels are enlarged by repeating cells instead of bilinearly, so that the deeper ones need only be compared on
their own small grids, with the same result; features are kept in half precision; an image's score is the highest of its
map, where the paper takes the distance to the K images for it, which sees only large defects.
"""

import torch

from engine.backbones import Backbone
from engine.contract.events import Fitting
from engine.contract.jobs.detect import DetectJob
from engine.contract.models.spade import SpadeParams
from engine.datasets.loading import Batch
from engine.layers.blur import gaussian_blur
from engine.layers.neighbours import Neighbour, squared_norms
from engine.layers.patches import patch_levels, to_map
from engine.layers.statistics import feature_sums
from engine.models import AnomalyModel, Prediction
from engine.report import Reporter

CELLS_AT_ONCE = 2**20  # distances between places held at a time on a CPU: what stays in its cache
CELLS_AT_ONCE_GPU = 2**26


def build(spec: DetectJob, backbone: Backbone | None) -> "Spade":
    assert isinstance(spec.model, SpadeParams) and backbone is not None
    return Spade(spec.model, backbone)


class Spade(AnomalyModel):
    """N good images, B images, levels of C channels and h x w cells; P = H x W cells of the finest, K similar images."""

    def __init__(self, params: SpadeParams, backbone: Backbone):
        super().__init__()
        self.params = params
        self.backbone = backbone
        for level, channels in enumerate(backbone.channels):
            self.register_buffer(f"level_{level}", torch.empty(0, channels, 0, 0, dtype=torch.float16))  # (N, C, h, w)
        self.register_buffer("pooled", torch.empty(0, backbone.channels[-1]))  # (N, C of the deepest)
        self._collected: list[list[torch.Tensor]] = []
        self._pooled: list[torch.Tensor] = []

    @torch.no_grad()
    def train_step(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Collect the levels of a batch.

        Raises:
            FloatingPointError: a feature is too large for half precision.
        """
        levels = self._levels(batch.images)
        largest = max(float(level.abs().max()) for level in levels)
        if not largest <= torch.finfo(torch.float16).max:
            raise FloatingPointError(
                f"a feature of {self.backbone.name if self.backbone else ''} is {largest:g}, more than half precision "
                "holds (65504); take feature_normalisation layer or instance, or another backbone"
            )
        self._collected.append([level.half() for level in levels])
        self._pooled.append(levels[-1].mean(dim=(2, 3)))
        joined = torch.cat([level.flatten() for level in levels])
        return feature_sums(joined, vectors=len(batch) * levels[0].shape[2] * levels[0].shape[3])

    def bytes_collected(self) -> int:
        return 2 * sum(level.nbytes for levels in self._collected for level in levels)  # twice while they are joined

    @torch.no_grad()
    def fit(self, report: Reporter) -> None:
        """Keep what was collected."""
        total = len(self.backbone.channels) if self.backbone else 0
        self.pooled = torch.cat(self._pooled)
        for level in range(total):
            report(Fitting(what="neighbours", done=level, total=total, bank_size=len(self.pooled)))
            setattr(self, f"level_{level}", torch.cat([levels.pop(0) for levels in self._collected]))
        self._collected, self._pooled = [], []
        report(Fitting(what="neighbours", done=total, total=total, bank_size=len(self.pooled)))

    @torch.no_grad()
    def predict_step(self, batch: Batch) -> Prediction:
        levels = self._levels(batch.images)
        height, width = levels[0].shape[-2:]
        if torch.compiler.is_exporting():
            values = self._distances_together(levels).view(-1, height, width)
        else:
            distances = [self._distances([level[i] for level in levels]) for i in range(len(batch.images))]
            values = torch.stack(distances).view(-1, height, width)
        maps = gaussian_blur(to_map(values, size=batch.images.shape[-2:]), sigma=self.params.blur_sigma)
        return Prediction(pred_score=maps.amax(dim=(1, 2, 3)), anomaly_map=maps)

    @torch.no_grad()
    def explain(self, batch: Batch, places: list[tuple[int, int, int]], *, k: int) -> list[list[Neighbour]] | None:
        levels = self._levels(batch.images)
        height, width = levels[0].shape[-2:]
        pixels = batch.images.shape[-2:]
        found = []
        for image, y, x in places:
            own = [level[image] for level in levels]
            similar = self._most_similar(own[-1])
            cell = torch.tensor([y * height // pixels[0] * width + x * width // pixels[1]], device=own[0].device)
            rows = [_squared_distances(own, self._gallery(each), cell).squeeze(0) for each in similar.tolist()]
            near = torch.cat(rows).topk(min(k, len(rows) * height * width), largest=False)
            found.append(
                [
                    Neighbour(
                        image=int(similar[index // (height * width)]),
                        x=(index % width + 0.5) / width,
                        y=(index // width % height + 0.5) / height,
                        distance=far**0.5,
                    )
                    for far, index in zip(near.values.tolist(), near.indices.tolist(), strict=True)
                ]
            )
        return found

    def _levels(self, images: torch.Tensor) -> list[torch.Tensor]:
        """(B, C, h, w) per level, rounded as the kept ones are: an image is at distance 0 from itself."""
        assert self.backbone is not None
        return [level.half().float() for level in patch_levels(self.backbone, images)]

    def _most_similar(self, deepest: torch.Tensor) -> torch.Tensor:
        """Indices (K,) of the good images nearest by the pooled deepest level (C, h, w)."""
        distance = torch.linalg.vector_norm(self.pooled - deepest.mean(dim=(1, 2)), dim=1)
        similar: torch.Tensor = distance.topk(min(self.params.num_images, len(distance)), largest=False).indices
        return similar

    def _gallery(self, image: int) -> list[torch.Tensor]:
        """The levels (C, h, w) of a good image."""
        names = [f"level_{level}" for level in range(len(self._buffers) - 1)]
        return [self.get_buffer(name)[image].float() for name in names]

    def _distances(self, levels: list[torch.Tensor]) -> torch.Tensor:
        """(P,): of each place of one image the mean distance to its num_neighbours nearest places of the similar images."""
        count = levels[0].shape[1] * levels[0].shape[2]
        held = CELLS_AT_ONCE_GPU if levels[0].is_cuda else CELLS_AT_ONCE
        cells = torch.arange(count, device=levels[0].device)
        nearest = cells.new_empty(count, 0, dtype=torch.float32)  # (P, at most num_neighbours) squared
        for each in self._most_similar(levels[-1]).tolist():
            gallery = self._gallery(each)
            parts = []
            for part in torch.split(cells, max(1, held // count)):
                squared = _squared_distances(levels, gallery, part)
                parts.append(_lowest(squared, self.params.num_neighbours))
            nearest = _lowest(torch.cat([nearest, torch.cat(parts)], dim=1), self.params.num_neighbours)
        return nearest.sqrt().mean(dim=1)

    def _distances_together(self, levels: list[torch.Tensor]) -> torch.Tensor:
        """(B, P): as `_distances` of each image, without a step that depends on what is in it."""
        height, width = levels[0].shape[-2:]
        distance = torch.linalg.vector_norm(self.pooled - levels[-1].mean(dim=(2, 3)).unsqueeze(1), dim=2)  # (B, N)
        similar = distance.topk(min(self.params.num_images, self.pooled.shape[0]), largest=False).indices  # (B, K)
        nearest: torch.Tensor | None = None  # (B, P, at most num_neighbours) squared
        for each in similar.unbind(dim=1):
            total: torch.Tensor | None = None  # (B, P, P)
            for i, own in enumerate(levels):
                rows, columns = own.shape[-2:]
                mine = own.flatten(2).transpose(1, 2)  # (B, p, C)
                theirs = self.get_buffer(f"level_{i}")[each].float().flatten(2)  # (B, C, p)
                norms = mine.square().sum(dim=2, keepdim=True) + theirs.square().sum(dim=1, keepdim=True)
                squared = norms - 2 * (mine @ theirs)
                if (rows, columns) != (height, width):
                    spread = _covering(rows, columns, height, width, device=own.device)
                    squared = squared[:, spread][:, :, spread]
                total = squared if total is None else total + squared
            assert total is not None
            found = total.clamp(min=0) if nearest is None else torch.cat([nearest, total.clamp(min=0)], dim=2)
            nearest = found.topk(min(self.params.num_neighbours, found.shape[2]), dim=2, largest=False).values
        assert nearest is not None
        return nearest.sqrt().mean(dim=2)


def _squared_distances(query: list[torch.Tensor], gallery: list[torch.Tensor], cells: torch.Tensor) -> torch.Tensor:
    """(len(cells), P): between `cells` of one image and all cells of another, summed over the levels (C, h, w).

    A deeper level counts for a cell as the deeper cell that covers it: its distances are found once on its own grid.
    """
    height, width = query[0].shape[-2:]
    y, x = cells // width, cells % width
    total = None
    for own, other in zip(query, gallery, strict=True):
        rows, columns = own.shape[-2:]
        covering = y * rows // height * columns + x * columns // width
        used, back = torch.unique(covering, return_inverse=True)
        mine, theirs = own.flatten(1).T[used], other.flatten(1).T.contiguous()
        squared = torch.addmm(squared_norms(theirs), mine, theirs.T, alpha=-2) + squared_norms(mine).unsqueeze(1)
        if (rows, columns) != (height, width):
            spread = _covering(rows, columns, height, width, device=cells.device)
            squared = squared[:, spread][back]
        total = squared if total is None else total.add_(squared)
    assert total is not None
    return total.clamp_(min=0)


def _covering(rows: int, columns: int, height: int, width: int, *, device: torch.device) -> torch.Tensor:
    """(height * width,): which cell of a rows x columns grid covers each cell of the finer grid."""
    y = torch.arange(height, device=device) * rows // height
    x = torch.arange(width, device=device) * columns // width
    return (y.unsqueeze(1) * columns + x).flatten()


def _lowest(squared: torch.Tensor, count: int) -> torch.Tensor:
    """(P, at most count): the lowest of each row."""
    if count == 1:
        return squared.amin(dim=1, keepdim=True)
    return squared.topk(min(count, squared.shape[1]), dim=1, largest=False).values
