"""An ensemble: two to four finished models of the same data, put together on how rare their scores are.

Scores of different models have different scales. Each is turned into a conformal p-value among the good images that were
held out from all members; the ensemble's score is the mean of -log p, that is minus the log of the geometric mean. Times e,
that mean is again a p-value, however the members depend on each other: Vovk and Wang, Combining p-values via averaging,
Biometrika 2020, https://arxiv.org/abs/1212.4966, after Mattner, Combining individually inadmissible p-variables, 2012.

Deviations: n good images can tell no p-value below 1 / (n + 1), so beyond the highest of them the tail goes on
exponentially, with the mean excess of the upper half over the median: the higher of two scores always stays the higher.
Between two held-out scores -log p is a straight line, and it goes on as one below the lowest, so that there are no ties.

Score maps are put together in the same way, each pixel compared with the highest pixels of the held-out good images.

The ensemble's threshold comes from the same good images. None of them is compared with itself: its p-values are taken among
the others (`LeftOut`). That is an approximation of full conformal prediction: a new image is compared with n others, each of
those with n - 1, and the exchangeability that a promise rests on holds up to that difference of about 1 / n.

M members, n held-out good images, B images, H x W their size.
"""

import shutil
from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import nn
from torch.nn import functional

from engine.backbones.resizing import resized
from engine.contract.folder import ModelFolder
from engine.contract.models.ensemble import EnsembleParams
from engine.contract.results.detect import DetectCard
from engine.datasets.loading import Batch
from engine.layers.neighbours import Neighbour
from engine.models import AnomalyModel, Prediction


@dataclass(frozen=True)
class Member:
    """A finished model: where it is saved, the size of picture it works at, and what it says of itself."""

    model: AnomalyModel
    folder: ModelFolder
    image_size: int
    card: DetectCard


class Ensemble(AnomalyModel):
    """Score and map: mean over the members of -log p ("p_values") or of ranks ("ranks").

    0 is the lowest of the held-out good images; for p-values log((n + 1) / 2) is the highest. `held_out_scores` and
    `held_out_highs` (M, n) are raw scores and highest map values of the members on those, set by the trainer.
    """

    held_out_scores: torch.Tensor
    held_out_highs: torch.Tensor

    def __init__(self, params: EnsembleParams, members: list[Member]):
        super().__init__()
        self.params = params
        self.members = members
        self.models = nn.ModuleList(member.model for member in members)
        self.register_buffer("held_out_scores", torch.zeros(len(members), 0))
        self.register_buffer("held_out_highs", torch.zeros(len(members), 0))
        self.remembered = [name for member in members for name in member.model.remembered]
        self._scales: tuple[torch.Tensor, Scales] | None = None  # made from the buffers when they change

    @property
    def data_fingerprint(self) -> str | None:
        """Of the pictures that all members were trained on."""
        return self.members[0].card.data.fingerprint

    @torch.no_grad()
    def predict_step(self, batch: Batch) -> Prediction:
        return self.fused(self.raw(batch), self._current())

    @torch.no_grad()
    def explain(self, batch: Batch, places: list[tuple[int, int, int]], *, k: int) -> list[list[Neighbour]] | None:
        """By the first member that keeps patches; distances are in its feature space."""
        first, size = 0, batch.images.shape[-1]  # where the member's names begin among all
        for member in self.members:
            own, names = member.image_size, len(member.model.remembered)
            inside = [(image, y * own // size, x * own // size) for image, y, x in places]
            found = member.model.explain(_at_size(batch, own), inside, k=k) if names else None
            if found is not None:
                return [[replace(each, image=first + each.image) for each in nearest] for nearest in found]
            first += names
        return None

    def raw(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """What each member says: scores (M, B) and maps (M, B, H, W), each model given the picture at its own size."""
        size = batch.images.shape[-2:]
        scores, maps = [], []
        for member in self.members:
            found = member.model.predict_step(_at_size(batch, member.image_size))
            scores.append(found.pred_score)
            large = found.anomaly_map
            if large.shape[-2:] != size:
                large = functional.interpolate(large, size=size, mode="bilinear", align_corners=False)
            maps.append(large.squeeze(1))
        return torch.stack(scores), torch.stack(maps)

    def fused(self, raw: tuple[torch.Tensor, torch.Tensor], scales: "Scales") -> Prediction:
        """Raw scores (M, B) and maps (M, B, H, W) put together by the members' scales."""
        scores = torch.stack([scale(score) for scale, score in zip(scales.scores, raw[0], strict=True)])
        if torch.compiler.is_exporting():
            whole = [scale(found) for scale, found in zip(scales.maps, raw[1], strict=True)]
            return Prediction(scores.mean(dim=0), torch.stack(whole).mean(dim=0).unsqueeze(1))
        maps = torch.zeros_like(raw[1][0])  # (B, H, W)
        for scale, found in zip(scales.maps, raw[1], strict=True):
            for fused, one in zip(maps, found, strict=True):  # one by one: a scale takes many times a map's memory
                fused += scale(one) / len(self.members)
        return Prediction(scores.mean(dim=0), maps.unsqueeze(1))

    def scales(self, *, without: int | None = None) -> "Scales":
        """How raw scores are read, from all held-out good images or from all but one of them."""
        both = []
        for held_out in (self.held_out_scores, self.held_out_highs):
            if without is not None:
                held_out = torch.cat([held_out[:, :without], held_out[:, without + 1 :]], dim=1)
            both.append([Scale(values, combine=self.params.combine) for values in held_out])
        return Scales(*both)

    def prepare_export(self) -> None:
        """The scales, which are read from sorted numbers."""
        for member in self.members:
            member.model.prepare_export()
        self._current()

    def _current(self) -> "Scales":
        if torch.compiler.is_exporting() and self._scales is not None:  # the buffers are stand-ins then
            return self._scales[1]
        if self._scales is None or self._scales[0] is not self.held_out_scores:
            self._scales = (self.held_out_scores, self.scales())
        return self._scales[1]

    def state_to_save(self) -> dict[str, torch.Tensor]:
        """What was held out; the members are saved beside it."""
        return {"held_out_scores": self.held_out_scores, "held_out_highs": self.held_out_highs}

    def load_saved(self, state: dict[str, torch.Tensor]) -> None:
        super().load_saved(state)
        self._scales = None

    def save_beside(self, folder: ModelFolder) -> None:
        """Copy the members' model folders: the ensemble can be used when their runs are deleted.

        Raises:
            OSError: a member's folder is gone, or there is no room.
        """
        for i, member in enumerate(self.members):
            shutil.copytree(member.folder.path, folder.member(i).path)


@dataclass(frozen=True)
class Scales:
    """One scale for each member's scores and one for its maps."""

    scores: list["Scale"]
    maps: list["Scale"]


class Scale:
    """Reads raw scores by n held-out ones (n at least 1): -log p, or the rank as a share; strictly rising, any shape.

    At the k-th lowest of n different scores -log p is -log((n + 2 - k) / (n + 1)), as in `engine.contract.thresholds.p_values`; the rank
    is (k - 1) / n. Ranks rise by the log of the excess beyond the highest and below the lowest: for few images, which cannot tell
    how fast a tail falls.
    """

    def __init__(self, held_out: torch.Tensor, *, combine: Literal["p_values", "ranks"]):
        self.combine = combine
        ordered = held_out.double().sort().values
        self.number = len(ordered)
        self.knots, counts = torch.unique(ordered, return_counts=True)
        below = (counts.cumsum(0) - counts).double()  # held-out scores below each knot
        if combine == "ranks":
            self.values = below / self.number
        else:
            self.values = -torch.log((1 + self.number - below) / (self.number + 1))
        self.excess = _mean_excess(ordered)

    def __call__(self, scores: torch.Tensor) -> torch.Tensor:
        knots, values = self.knots, self.values
        wide = scores.double()
        right = _places(knots, wide).clamp(1, max(len(knots) - 1, 1))
        if len(knots) == 1:
            read = values.expand_as(wide)
        else:
            low, high = knots[right - 1], knots[right]
            along = ((wide - low) / (high - low)).clamp(0, 1)
            read = torch.lerp(values[right - 1], values[right], along)
        above, under = self._tail(wide - knots[-1]), self._tail(knots[0] - wide)
        rising: torch.Tensor = (read + above - under).to(scores.dtype)
        return rising

    def _tail(self, excess: torch.Tensor) -> torch.Tensor:
        """What is added beyond the last knot; 0 on this side of it."""
        far = excess.clamp(min=0) / self.excess
        return far if self.combine == "p_values" else torch.log1p(far) / self.number


def _places(knots: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """How many knots lie below each value."""
    if torch.compiler.is_exporting():  # other runtimes count
        return torch.stack([values > knot for knot in knots.unbind()]).sum(dim=0)
    return torch.searchsorted(knots, values.contiguous())


def _mean_excess(ordered: torch.Tensor) -> torch.Tensor:
    """Mean of (score - median) over the scores above the median: the scale of the exponential tail; above 0."""
    median = ordered[(len(ordered) - 1) // 2]
    upper = ordered[ordered > median]
    if len(upper):
        return (upper - median).mean()
    # all alike, or a single one: any positive scale keeps the order
    return ordered.abs().max().clamp(min=1e-6)


def _at_size(batch: Batch, size: int) -> Batch:
    """The batch with pictures of size x size; masks are not needed to predict."""
    if batch.images.shape[-2:] == (size, size):
        return batch
    images = resized(batch.images, (size, size), mode="bilinear")
    return replace(batch, images=images.clamp(0, 1), masks=None)
