"""DRAEM: one network repairs made-up defects, a second one learns to mark what the first had to repair.

Zavrtanik et al., DRAEM: A Discriminatively Trained Reconstruction Embedding for Surface Anomaly Detection, ICCV 2021,
https://arxiv.org/abs/2108.07610. Both learn from twins of good images with a synthetic defect, made by the loader
(engine/datasets/synthetic). Needs no pre-trained weights.

Validation sees good images as they are; there the loss is that of the repairing network alone. Deviation: without a
texture folder defects are made of drawn textures, and some of the picture's own pixels, instead of the DTD pictures.

B batch, H and W image size, C channels.
"""

import torch
from torch import nn
from torch.nn import functional
from torch.optim.lr_scheduler import MultiStepLR

from engine.contract.jobs.detect import DetectJob
from engine.contract.models.draem import DraemParams
from engine.datasets.loading import Batch
from engine.datasets.synthetic.blending import Synthesis
from engine.layers.blur import gaussian_blur
from engine.layers.ssim import ssim_map
from engine.models import AnomalyModel, Prediction
from engine.recipes import Recipe

REPAIRING = (1, 2, 4, 8, 8)  # widths of the levels, in base channels
MARKING = (1, 2, 4, 8, 8, 8)
SCORE_WINDOW = 21  # pixels a side: the image score is the highest mean of a window
FALLS_AT, FALL = (4 / 7, 6 / 7), 0.1  # after 400 and 600 of the paper's 700 epochs


def build(spec: DetectJob, backbone: None) -> "Draem":
    assert isinstance(spec.model, DraemParams)
    return Draem(spec.model)


class Draem(AnomalyModel):
    """Repairing and marking network. Score map: the marking network's probability that a pixel is defective, 0 to 1."""

    def __init__(self, params: DraemParams):
        super().__init__()
        self.params = params
        self.making = Synthesis(params.texture_folder, params.defect_share)
        self.repairing = RepairingNetwork(params.base_channels)
        self.marking = MarkingNetwork(params.marking_channels)

    def synthesis(self) -> Synthesis:
        """What the loader makes the defective twins with."""
        return self.making

    def recipe(self, *, epochs: int, steps_per_epoch: int) -> Recipe:
        params = self.params
        optimiser = torch.optim.Adam(self.parameters(), lr=params.learning_rate, weight_decay=params.weight_decay)
        falls = [round(epochs * share) for share in FALLS_AT]
        return Recipe(optimiser, MultiStepLR(optimiser, milestones=falls, gamma=FALL))

    def train_step(self, batch: Batch) -> dict[str, torch.Tensor]:
        assert batch.synthetic is not None and batch.synthetic_masks is not None, "the loader makes no defects"
        repaired = self.repairing(batch.synthetic)
        figures = self._repair_figures(batch.images, repaired)
        logits = self.marking(repaired, batch.synthetic)
        figures["loss"] = figures["loss"] + focal_loss(logits, batch.synthetic_masks, gamma=self.params.focal_gamma)
        return figures

    @torch.no_grad()
    def validate_step(self, batch: Batch) -> dict[str, torch.Tensor]:
        return self._repair_figures(batch.images, self.repairing(batch.images))

    @torch.no_grad()
    def predict_step(self, batch: Batch) -> Prediction:
        logits = self.marking(self.repairing(batch.images), batch.images)
        probability = logits.softmax(dim=1)[:, 1:]  # (B, 1, H, W)
        means = functional.avg_pool2d(probability, SCORE_WINDOW, stride=1, padding=SCORE_WINDOW // 2)
        score_map = gaussian_blur(probability, sigma=self.params.blur_sigma)
        return Prediction(means.amax(dim=(1, 2, 3)), score_map)

    def _repair_figures(self, images: torch.Tensor, repaired: torch.Tensor) -> dict[str, torch.Tensor]:
        """Loss of the repairing network (squared error and structural similarity), PSNR in dB and SSIM."""
        squared = (repaired - images).square().mean(dim=(1, 2, 3))  # (B,)
        similarity = ssim_map(images, repaired).mean()
        psnr = -10 * squared.detach().clamp(min=1e-10).log10()
        loss = squared.mean() + self.params.ssim_weight * (1 - similarity)
        return {"loss": loss, "psnr": psnr.mean(), "ssim": similarity.detach()}


def focal_loss(logits: torch.Tensor, masks: torch.Tensor, *, gamma: float) -> torch.Tensor:
    """Cross-entropy that counts a pixel less the surer the network already is of the truth; mean over pixels.

    Lin et al., Focal Loss for Dense Object Detection, 2017, https://arxiv.org/abs/1708.02002, without class weights.
    logits (B, 2, H, W): good, defective; masks (B, 1, H, W) 0 or 1.
    """
    truth = functional.log_softmax(logits, dim=1).gather(1, masks.long())  # (B, 1, H, W) log-probability of the truth
    return (-((1 - truth.exp()) ** gamma) * truth).mean()


class RepairingNetwork(nn.Module):
    """Encoder and decoder without shortcuts, so that a defect has to pass a grid of a sixteenth: there it is lost."""

    def __init__(self, base: int):
        super().__init__()
        widths = [base * factor for factor in REPAIRING]
        self.encoder = nn.ModuleList(_encoder(3, widths))
        self.ups, self.blocks = nn.ModuleList(), nn.ModuleList()
        before = widths[-1]
        for width in [*widths[-3::-1], widths[0]]:
            self.ups.append(_up(before, before))
            self.blocks.append(nn.Sequential(_convolution(before, before), _convolution(before, width)))
            before = width
        self.out = nn.Conv2d(before, 3, 3, padding=1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) -> the same shape, without the defects."""
        x = _levels(self.encoder, images)[-1]
        for up, block in zip(self.ups, self.blocks, strict=True):
            x = block(up(x))
        repaired: torch.Tensor = self.out(x)
        return repaired


class MarkingNetwork(nn.Module):
    """A U-Net over the picture and its repaired twin."""

    def __init__(self, base: int):
        super().__init__()
        widths = [base * factor for factor in MARKING]
        self.encoder = nn.ModuleList(_encoder(6, widths))
        self.ups, self.blocks = nn.ModuleList(), nn.ModuleList()
        before = widths[-1]
        for beside, width in zip(widths[-2::-1], [widths[-1], *widths[-4::-1], widths[0]], strict=True):
            self.ups.append(_up(before, width))
            self.blocks.append(nn.Sequential(_convolution(width + beside, width), _convolution(width, width)))
            before = width
        self.out = nn.Conv2d(before, 2, 3, padding=1)

    def forward(self, repaired: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) twice -> logits (B, 2, H, W): good, defective."""
        *shortcuts, x = _levels(self.encoder, torch.cat([repaired, images], dim=1))
        for up, block, shortcut in zip(self.ups, self.blocks, reversed(shortcuts), strict=True):
            x = block(torch.cat([up(x), shortcut], dim=1))
        logits: torch.Tensor = self.out(x)
        return logits


def _levels(encoder: nn.ModuleList, x: torch.Tensor) -> list[torch.Tensor]:
    """The encoder's levels, finest first, each at half the grid of the one before."""
    levels: list[torch.Tensor] = []
    for block in encoder:
        x = block(functional.max_pool2d(x, 2) if levels else x)
        levels.append(x)
    return levels


def _encoder(before: int, widths: list[int]) -> list[nn.Module]:
    return [
        nn.Sequential(_convolution(first, width), _convolution(width, width))
        for first, width in zip([before, *widths], widths, strict=False)
    ]


def _up(before: int, channels: int) -> nn.Sequential:
    """Twice the grid, bilinear, then a convolution."""
    return nn.Sequential(
        nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True), _convolution(before, channels)
    )


def _convolution(before: int, channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(inplace=True)
    )
