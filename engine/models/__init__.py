"""The short common base of the models, and how one is built from a spec. One file per model, found by its file name."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import torch
from torch import nn

from engine.backbones import Backbone
from engine.contract.events import Warned
from engine.contract.jobs import TrainSpec
from engine.datasets.loading import Batch, Loader
from engine.datasets.synthetic.blending import Synthesis
from engine.layers.frozen_features import FrozenFeatures
from engine.recipes import Recipe
from engine.report import Reporter
from engine.weights import adapted_file

BACKBONE = "backbone.network."  # how the names of a backbone's weights begin in a model's state


@dataclass
class Prediction:
    """What a model says about a batch. Scores are raw: the higher, the more anomalous; no range.

    pred_score (B,), anomaly_map (B, 1, H, W) at the input's size, binary_mask (B, 1, H, W) bool and label (B,) long
    0 good, 1 defective where a threshold was given.
    """

    pred_score: torch.Tensor
    anomaly_map: torch.Tensor
    binary_mask: torch.Tensor | None = None
    label: torch.Tensor | None = None


@dataclass(frozen=True)
class Neighbour:
    """A good patch that a model remembers: the picture it is of (a position in `remembered`), where, how far off.

    x and y are the patch's middle in [0, 1] of that picture; distance is in the model's feature space.
    """

    image: int
    x: float
    y: float
    distance: float


class AnomalyModel(nn.Module):
    """What every model offers. Memory models collect in `train_step` and `fit`; the others return a loss with a gradient.

    A frozen backbone, where there is one, is the attribute `backbone`: it is named in the saved model, not saved. What is
    kept of it while a training lasts goes through `frozen_features`. `remembered` are the names of the pictures learnt
    from, as `explain` counts them: its trainer sets them, and model.json holds them.
    """

    backbone: Backbone | None

    def __init__(self) -> None:
        super().__init__()
        self.backbone = None  # not on the class: there it would hide the module that a model sets
        self.frozen_features: FrozenFeatures | None = None
        self.remembered: list[str] = []

    def train_step(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Memory: collects and returns the sums of `feature_sums`. Gradient, flow: `loss`, a scalar with gradient.

        Models that redraw the image also return `psnr` (dB) and `ssim` (at most 1), scalars without.
        """
        raise NotImplementedError

    def validate_step(self, batch: Batch) -> dict[str, torch.Tensor]:
        """The figures of `train_step` without learning; gradient and flow models only."""
        raise NotImplementedError

    def recipe(self, *, epochs: int, steps_per_epoch: int) -> Recipe:
        """Optimiser and schedule of the paper, made anew for each training; gradient and flow models only."""
        raise NotImplementedError

    def synthesis(self) -> Synthesis | None:
        """What makes the defects that the model learns from; None where it learns from good images as they are."""
        return None

    def prepare(self, train: Loader, report: Reporter) -> None:
        """What must be known before the first epoch, from the good images as they are; gradient and flow models only.

        All it learns must be parameters or buffers: it is not called again when an interrupted training goes on.
        """

    def finish(self, train: Loader, valid: Loader | None, report: Reporter) -> None:
        """What the best state still needs before it can score (statistics of its own outputs, say); as `prepare`."""

    def fit(self, report: Reporter) -> None:
        """Turn what was collected into the model; memory models only."""
        raise NotImplementedError

    def bytes_collected(self) -> int:
        """Memory that grows with the images seen; memory models that keep features override this."""
        return 0

    def predict_step(self, batch: Batch) -> Prediction:
        """Scores and maps, no threshold. An image's score never depends on its batch mates."""
        raise NotImplementedError

    def explain(self, batch: Batch, places: list[tuple[int, int, int]], *, k: int) -> list[list[Neighbour]] | None:
        """The k good patches nearest to each place (picture of the batch, y, x in pixels); None: the model keeps none."""
        return None

    @torch.no_grad()
    def predict(self, batch: Batch, threshold: float, pixel_threshold: float | None = None) -> Prediction:
        """Scores, maps, and what they mean at a threshold; the mask uses `pixel_threshold`, or `threshold` without one."""
        prediction = self.predict_step(batch)
        limit = threshold if pixel_threshold is None else pixel_threshold
        prediction.binary_mask = prediction.anomaly_map > limit
        prediction.label = (prediction.pred_score > threshold).long()
        return prediction

    def parameters_to_train(self) -> Iterable[nn.Parameter]:
        return [parameter for parameter in self.parameters() if parameter.requires_grad]

    def state_to_save(self) -> dict[str, torch.Tensor]:
        """All that cannot be recomputed: the state without the frozen backbone's network; its measured statistics stay."""
        return {name: tensor for name, tensor in self.state_dict().items() if not name.startswith(BACKBONE)}

    def save_beside(self, folder: Path) -> None:
        """Write into the model folder what belongs to the model but is no tensor of its state (an ensemble's members)."""

    def load_saved(self, state: dict[str, torch.Tensor]) -> None:
        """Take over a saved state; a buffer takes the size that was saved (a memory bank has no size before).

        Raises:
            ValueError: names are missing or unknown, or a weight has another shape: the file belongs to another model.
        """
        expected = set(self.state_to_save())
        if expected != set(state):
            missing, unknown = sorted(expected - set(state)), sorted(set(state) - expected)
            raise ValueError(f"the saved state is of another model: missing {missing}, unknown {unknown}")
        buffers = dict(self.named_buffers())
        for name, parameter in self.named_parameters():
            if name in state and parameter.shape != state[name].shape:
                shapes = f"{name} is {tuple(state[name].shape)}, here {tuple(parameter.shape)}"
                raise ValueError(f"the saved state is of a model with other settings: {shapes}")
        for name, tensor in state.items():
            if name in buffers and buffers[name].shape != tensor.shape:
                owner, _, last = name.rpartition(".")
                setattr(self.get_submodule(owner), last, torch.empty_like(tensor, device=buffers[name].device))
        self.load_state_dict(state, strict=False)


def build_model(
    spec: TrainSpec,
    *,
    weights_folder: Path | None,
    warn: Callable[[Warned], None],
    hub: bool = True,
    runs: Path | None = None,
    adapted: Path | None = None,
    members: Path | None = None,
) -> AnomalyModel:
    """An untrained model: `build(spec, backbone)` of engine/models/<name>.py. Global random numbers start from the seed.

    `runs` is the folder in which `spec.backbone_run` and an ensemble's members are looked for. What a saved model holds
    itself goes before it: `adapted`, its own backbone, and `members`, the folder of an ensemble's members.

    Raises:
        LookupError, ValueError: the backbone, its weights, or the run it is to come from are not to be had; in words.
    """
    torch.manual_seed(spec.seed)
    if spec.model.family == "ensemble":
        assemble = import_module("engine.models.ensemble").assemble
        put_together: AnomalyModel = assemble(
            spec, runs=runs, members=members, weights_folder=weights_folder, hub=hub, warn=warn
        )
        return put_together.eval()
    backbone = None
    if spec.backbone is not None:
        assert hasattr(spec.model, "layers")  # every model that takes a backbone names the levels it uses
        if adapted is None and spec.backbone_run is not None:
            adapted = adapted_file(spec.backbone_run, runs)
        backbone = Backbone(
            spec.backbone,
            layers=spec.model.layers,
            weights=spec.weights,
            normalisation=spec.normalisation,
            feature_normalisation=spec.feature_normalisation,
            style_mixing=spec.style_mixing,
            weights_folder=weights_folder,
            hub=hub,
            adapted=adapted,
            trainable=spec.model.adapts_backbone,
            image_size=spec.image_size,
            seed=spec.seed,
            warn=warn,
        )
    model: AnomalyModel = import_module(f"engine.models.{spec.model.name}").build(spec, backbone)
    return model.eval()
