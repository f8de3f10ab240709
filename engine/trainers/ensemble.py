"""Puts finished models together: nothing is learnt but how rare a score is among held-out good images."""

import numpy as np
import torch

from engine.contract.events import Batches
from engine.datasets.loading import Loader
from engine.models.ensemble import Ensemble
from engine.report import Eta
from engine.trainers.base import BaseTrainer, Figures


class EnsembleTrainer(BaseTrainer):
    """Ensembles.

    After `fit`, `held_out` is each held-out good image compared with the others only.
    """

    def train(self, train_loader: Loader) -> Figures:
        """One pass over good images that no member has learnt from: their raw scores become the members' scales."""
        model = self._ensemble()
        eta, done = Eta(2 * train_loader.images), 0
        scores, highs = [], []
        for batch in train_loader:
            with torch.inference_mode():
                score, maps = model.raw(batch.to(self.device))
                scores.append(score)
                highs.append(maps.amax(dim=(2, 3)))
            done += len(batch)
            self._tell(done, train_loader, eta)
        if not scores:
            raise ValueError("there are no held-out good images; raise calibration_share or add good images")
        found, found_highs = torch.cat(scores, dim=1), torch.cat(highs, dim=1)
        for i, member in enumerate(model.members):
            if not (torch.isfinite(found[i]).all() and torch.isfinite(found_highs[i]).all()):
                name = model.params.members[i]
                raise FloatingPointError(
                    f"the member {name!r} ({member.folder.path}) gives scores that are not finite numbers"
                )
        with torch.no_grad():  # out of inference mode: buffers are ordinary tensors
            model.held_out_scores, model.held_out_highs = found.clone(), found_highs.clone()
        self._leave_one_out(train_loader, eta)
        return {"loss": None, "psnr": None, "ssim": None}

    def validate(self, valid_loader: Loader) -> Figures:
        """Nothing is looked at: there is no loss to validate."""
        return {"val_loss": None, "val_psnr": None, "val_ssim": None}

    def fit(
        self, train_loader: Loader, num_epochs: int = 1, valid_loader: Loader | None = None
    ) -> dict[str, list[Figures]]:
        """`train_loader` gives the held-out good images. `valid_loader` is not looked at.

        Raises:
            ValueError: there are no images, or num_epochs is not 1.
            FloatingPointError: a member has diverged.
        """
        if num_epochs != 1:
            raise ValueError(f"num_epochs is {num_epochs}, but an ensemble takes exactly 1: nothing is learnt anew")
        return {"train": [self.train(train_loader)], "val": []}

    def _leave_one_out(self, loader: Loader, eta: Eta) -> None:
        """A second pass, since all maps together may not fit into memory: each image by the scales of the others."""
        model, number = self._ensemble(), loader.images
        fused, highs, done = [], [], 0
        for batch in loader:
            with torch.inference_mode():
                scores, maps = model.raw(batch.to(self.device))
                for i in range(len(batch)):
                    scales = model.scales(without=done + i if number > 1 else None)
                    found = model.fused((scores[:, i : i + 1], maps[:, i : i + 1]), scales)
                    fused.append(float(found.pred_score))
                    highs.append(float(found.anomaly_map.amax()))
            done += len(batch)
            self._tell(number + done, loader, eta)
        self.held_out = np.array(fused), np.array(highs)

    def _ensemble(self) -> Ensemble:
        assert isinstance(self.modeler, Ensemble)
        return self.modeler

    def _tell(self, done: int, loader: Loader, eta: Eta) -> None:
        self.report(Batches(what="calibrating", done=done, total=2 * loader.images, eta_s=eta(done)))
