"""The short common base of the models, and how one is built from a spec. One file per model, found by its file name."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import torch

from engine.backbones import Backbone
from engine.contract.events import Warned
from engine.contract.folder import ModelFolder
from engine.contract.jobs.detect import DetectJob
from engine.contract.results.detect import DetectCard
from engine.datasets.loading import Batch
from engine.datasets.synthetic.blending import Synthesis
from engine.layers.neighbours import Neighbour
from engine.learner import Learner
from engine.report import Reporter
from engine.weights import adapted_file


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


class AnomalyModel(Learner):
    """What every model offers. Memory models collect in `train_step` and `fit`; the others return a loss with a gradient.

    `remembered` are counted by `explain`, and model.json holds them. One that learns on from a finished model begins with its state;
    `learnt_before` are the pictures which that one remembers, and come first; `before` is its card.
    """

    figures = ("loss", "psnr", "ssim")

    def __init__(self) -> None:
        super().__init__()
        self.learnt_before: list[str] = []
        self.before: DetectCard | None = None

    def learn_on(self, remembered: list[str]) -> None:
        """Extend the state that was loaded, which remembers these pictures, by what is learnt next.

        Raises:
            ValueError: the state is of a version that did not keep what that needs.
        """
        self.learnt_before = remembered

    def train_step(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Memory: collects and returns the sums of `feature_sums`. Gradient, flow: `loss`, a scalar with gradient.

        Models that redraw the image also return `psnr` (dB) and `ssim` (at most 1), scalars without.
        """
        raise NotImplementedError

    def synthesis(self) -> Synthesis | None:
        """What makes the defects that the model learns from; None where it learns from good images as they are."""
        return None

    def fit(self, report: Reporter) -> None:
        """Turn what was collected into the model; memory models only."""
        raise NotImplementedError

    def bytes_collected(self) -> int:
        """Memory that grows with the images seen; memory models that keep features override this."""
        return 0

    def predict_step(self, batch: Batch) -> Prediction:
        """Scores and maps, no threshold. An image's score never depends on its batch mates."""
        raise NotImplementedError

    def as_unseen(self, batch: Batch, numbers: list[int]) -> Prediction:
        """What it says of good images that it learnt from, `numbers` in the order collected; models that keep their patches leave out their own."""
        return self.predict_step(batch)

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

    def prepare_export(self) -> None:
        """Work out what other runtimes have no operation for. What predicts in a file is what predicts here, but where it says `is_exporting`."""

    def save_beside(self, folder: ModelFolder) -> None:
        """Write into the model folder what belongs to the model but is no tensor of its state (an ensemble's members)."""


def build_model(
    spec: DetectJob,
    *,
    weights_folder: Path | None,
    warn: Callable[[Warned], None],
    hub: bool = True,
    runs: Path | None = None,
    adapted: Path | None = None,
) -> AnomalyModel:
    """An untrained model: `build(spec, backbone)` of engine/models/<name>.py. Global random numbers start from the seed.

    `runs` is the folder in which `spec.backbone_run` is looked for. What a saved model holds itself goes before it: `adapted`,
    its own backbone. An ensemble is not built but put together (engine/tasks/detect/assembly.py).

    Raises:
        LookupError, ValueError: the backbone, its weights, or the run it is to come from are not to be had; in words.
    """
    torch.manual_seed(spec.seed)
    backbone = None
    if spec.backbone is not None:
        assert hasattr(spec.model, "layers")  # every model that takes a backbone names the levels it uses
        if adapted is None and spec.backbone_run is not None:
            adapted = adapted_file(spec.backbone_run, runs, wanted=spec.backbone)
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
    module = import_module(f"engine.models.{spec.model.name}")
    scales = getattr(spec.model, "scales", 1)
    if scales == 1:
        model: AnomalyModel = module.build(spec, backbone)
    else:
        parts = [module.build(spec, backbone) for _ in range(scales)]
        model = import_module("engine.models.scales").Scales(parts, backbone)
    return model.eval()
