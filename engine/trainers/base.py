"""What the trainers share: scoring, writing predictions, measuring, saving and loading."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.checkpoints import load_state, save_state
from engine.contract.events import Batches
from engine.datasets.loading import Batch, Loader
from engine.evaluation.explanations import Finding, explain_batch
from engine.evaluation.heatmaps import map_scale, save_pictures, save_png
from engine.evaluation.inspection import count_pixels, inspect, with_positions
from engine.evaluation.measurement import measure
from engine.evaluation.pixel_counts import PixelTally
from engine.evaluation.thresholds import p_values
from engine.models import AnomalyModel
from engine.report import Reporter, silent

Figures = dict[str, float | None]


class BaseTrainer:
    """Trains one model, the `modeler`, on one device, and tells `report` about it.

    A family's trainer adds `train`, `validate` and `fit`.
    """

    def __init__(self, modeler: AnomalyModel, *, device: str | torch.device = "cpu", report: Reporter = silent):
        self.device = torch.device(device)
        self.modeler = modeler.to(self.device).eval()
        self.report = report
        # scores and highest map scores (n,) of held-out good images, where the training itself gives them
        self.held_out: tuple[np.ndarray, np.ndarray] | None = None

    def train(self, train_loader: Loader) -> Figures:
        """One pass over the training images: mean `loss`, `psnr` (dB), `ssim`; None where a model has none."""
        raise NotImplementedError

    def validate(self, valid_loader: Loader) -> Figures:
        """One pass over held-out good images: `val_loss`, `val_psnr`, `val_ssim`."""
        raise NotImplementedError

    def fit(
        self, train_loader: Loader, num_epochs: int = 1, valid_loader: Loader | None = None
    ) -> dict[str, list[Figures]]:
        """The whole training; the history is `{"train": [...], "val": [...]}`, one entry per epoch."""
        raise NotImplementedError

    def predict(self, test_loader: Loader) -> tuple[torch.Tensor, torch.Tensor]:
        """Raw scores (N,) and labels (N,): 0 good, 1 defective, -1 unknown."""
        found = inspect(self.modeler.eval(), test_loader, what="evaluating", report=self.report)
        return torch.from_numpy(found.scores), torch.from_numpy(found.labels)

    def test(
        self,
        test_loader: Loader,
        output_dir: Path,
        ckpt_path: Path | None = None,
        *,
        threshold: float,
        pixel_threshold: float | None = None,
        held_out: Sequence[float] = (),
    ) -> dict[str, Any]:
        """Write per image its raw map (16-bit), heatmap with contours and boxes, mask, and what was found in words of JSON.

        NNNN_map.png, NNNN_heatmap.png, NNNN_mask.png, NNNN.json (score, verdict, regions; see engine/evaluation/explanations.py), and
        NNNN_attention.png where the backbone is a transformer. An image is anomalous above `threshold`, a pixel above
        `pixel_threshold`, or `threshold` without one. `held_out` scores of good images give each image its p-value.
        Returns the folder, the number of images and a summary of scores and verdicts.
        """
        if ckpt_path is not None:
            self.load(ckpt_path)
        output_dir.mkdir(parents=True, exist_ok=True)
        found = inspect(
            self.modeler.eval(), test_loader, what="evaluating", keep_maps_in=output_dir, report=self.report
        )
        assert found.maps is not None
        scale = map_scale(found.map_lows, found.map_highs)
        limit = threshold if pixel_threshold is None else pixel_threshold
        chances = p_values(found.scores, held_out).tolist() if held_out else [None] * len(found.scores)
        for start, batch in with_positions(test_loader):
            maps = found.maps[start : start + len(batch)]
            explained = explain_batch(self.modeler, batch, maps, pixel_threshold=limit)
            for i, name in enumerate(batch.names):
                score, stem = float(found.scores[start + i]), output_dir / f"{start + i:04d}"
                save_pictures(
                    batch.pixels(i),
                    maps[i],
                    threshold=limit,
                    scale=scale,
                    map_to=_named(stem, "map"),
                    mask_to=_named(stem, "mask"),
                    heat_to=_named(stem, "heatmap"),
                    boxes=[tuple(region["box"]) for region in explained[i]],
                )
                finding = Finding(name, score, threshold, limit, chances[start + i], None, explained[i])
                finding.write(stem.with_suffix(".json"))
            self._write_attention(batch, output_dir, start)
            self.report(Batches(what="writing", done=start + len(batch), total=test_loader.images))
        summary = {
            "anomalous": int((found.scores > threshold).sum()),
            "threshold": threshold,
            "pixel_threshold": limit,
            "lowest_score": float(found.scores.min()),
            "highest_score": float(found.scores.max()),
            "map_scale": list(scale),
        }
        return {"folder": output_dir, "images": test_loader.images, "summary": summary}

    @torch.inference_mode()
    def _write_attention(self, batch: Batch, folder: Path, start: int) -> None:
        """What a transformer looks at, each picture scaled to its own range: a hint of its view, no measure."""
        backbone = self.modeler.backbone
        attention = None if backbone is None else backbone.attention(batch.images.to(self.device))
        if attention is None:
            return
        for i, seen in enumerate(attention.float().cpu().numpy()[:, 0]):
            share = (seen - seen.min()) / max(float(seen.max() - seen.min()), 1e-12)
            save_png(_named(folder / f"{start + i:04d}", "attention"), np.rint(share * 255).astype(np.uint8))

    def evaluate(
        self,
        test_loader: Loader,
        ckpt_path: Path | None = None,
        *,
        pixel_level: bool = True,
        image_level: bool = True,
        threshold: float | None = None,
    ) -> Figures:
        """Measure without keeping files: `image_auroc`, `image_aupr`, `pixel_auroc`, `pixel_aupr`, and more.

        With a threshold also what the verdicts are worth (`recall`, `overkill`, ...). None: it cannot be measured.
        """
        if ckpt_path is not None:
            self.load(ckpt_path)
        with tempfile.TemporaryDirectory() as scratch:
            maps = Path(scratch) if pixel_level else None
            found = inspect(self.modeler.eval(), test_loader, what="evaluating", keep_maps_in=maps, report=self.report)
            pixels = None
            if pixel_level:
                assert found.maps is not None
                pixels = PixelTally.for_maps(found.maps, found.map_lows, found.map_highs)
                for start, batch in with_positions(test_loader):
                    count_pixels(pixels, found, start, batch)
            found.maps = None
        return measure(found, test_loader, pixels=pixels, threshold=threshold, images=image_level).metrics

    def save(self, path: Path) -> None:
        """The model's state, without a frozen backbone."""
        save_state(path, self.modeler.state_to_save(), facts={"model": type(self.modeler).__name__})

    def load(self, path: Path) -> None:
        """Take over a saved state.

        Raises:
            ValueError: the file is damaged or of another model.
        """
        state, _ = load_state(path)
        self.modeler.load_saved(state)


def _named(stem: Path, kind: str) -> Path:
    return stem.with_name(f"{stem.name}_{kind}.png")
