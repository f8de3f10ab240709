"""Autoencoder with a structural-similarity loss.

Bergmann et al., Improving Unsupervised Defect Segmentation by Applying Structural Similarity to Autoencoders, VISAPP
2019, https://arxiv.org/abs/1807.02011. It learns to redraw good images through a narrow bottleneck; where the drawing
differs from the picture, something is there that good images do not have. Needs no pre-trained weights.

B batch, H and W image size, C channels.
"""

import torch
from torch import nn

from engine.contract.jobs.detect import DetectJob
from engine.contract.models.autoencoder import AutoencoderParams
from engine.datasets.loading import Batch
from engine.layers.blur import gaussian_blur
from engine.layers.ssim import ssim_map
from engine.models import AnomalyModel, Prediction
from engine.recipes import Recipe, falling

SLOPE = 0.2  # of the leaky ReLUs
LARGEST_BOTTLENECK = 8  # its last feature map is 8 x 8


def build(spec: DetectJob, backbone: None) -> "Autoencoder":
    assert isinstance(spec.model, AutoencoderParams)
    return Autoencoder(spec.model, image_size=spec.image_size)


class Autoencoder(AnomalyModel):
    """Encoder and mirrored decoder of the paper's table 1. Score map: what the reconstruction misses, smoothed."""

    def __init__(self, params: AutoencoderParams, *, image_size: int):
        super().__init__()
        self.params = params
        steps = _steps(params.base_channels, image_size)
        grid = image_size // _stride(steps)
        self.encoder = _encoder(steps, params.latent_channels, grid)
        self.decoder = _decoder(steps, params.latent_channels, grid)

    def recipe(self, *, epochs: int, steps_per_epoch: int) -> Recipe:
        params = self.params
        optimiser = torch.optim.Adam(self.parameters(), lr=params.learning_rate, weight_decay=params.weight_decay)
        return Recipe(optimiser, falling(optimiser, params.schedule, epochs=epochs, patience=params.patience))

    def train_step(self, batch: Batch) -> dict[str, torch.Tensor]:
        return self._measure(batch.images)

    @torch.no_grad()
    def validate_step(self, batch: Batch) -> dict[str, torch.Tensor]:
        return self._measure(batch.images)

    @torch.no_grad()
    def predict_step(self, batch: Batch) -> Prediction:
        residual, _ = self._residual(batch.images, self.reconstruct(batch.images))
        score_map = gaussian_blur(residual, sigma=self.params.blur_sigma)
        return Prediction(score_map.amax(dim=(1, 2, 3)), score_map)

    def reconstruct(self, images: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) -> the same shape, redrawn.

        Deviation: the output is bounded to (0, 1). The paper leaves it free; but then the negative of an image has the
        image's own structural similarity, and training can end there.
        """
        return torch.sigmoid(self.decoder(self.encoder(images)))

    def _measure(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        drawn = self.reconstruct(images)
        residual, similarity = self._residual(images, drawn)
        squared = (drawn - images).detach().square().mean(dim=(1, 2, 3))  # (B,)
        psnr = -10 * squared.clamp(min=1e-10).log10()
        return {"loss": residual.mean(), "psnr": psnr.mean(), "ssim": similarity.detach().mean()}

    def _residual(self, images: torch.Tensor, drawn: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """How much is missed per pixel (B, 1, H, W), and the similarity map (B, 3, H, W)."""
        similarity = ssim_map(images, drawn)
        squared, weight = (images - drawn).square(), self.params.ssim_weight
        residual = weight * (1 - similarity) + (1 - weight) * squared
        return residual.mean(dim=1, keepdim=True), similarity


def _steps(base: int, image_size: int) -> list[tuple[int, int, int]]:
    """(channels, kernel size, stride) of the encoder's convolutions.

    Deviation: the paper's table is for 128 pixels; larger images get further 4 x 4 convolutions of stride 2 in front,
    down to a last map of at most 8 x 8 where the size divides so often.
    """
    table = [
        (base, 4, 2),
        (base, 4, 2),
        (base, 3, 1),
        (2 * base, 4, 2),
        (2 * base, 3, 1),
        (4 * base, 4, 2),
        (2 * base, 3, 1),
        (base, 3, 1),
    ]
    while image_size // _stride(table) > LARGEST_BOTTLENECK and image_size % (2 * _stride(table)) == 0:
        table.insert(0, (base, 4, 2))
    return table


def _stride(steps: list[tuple[int, int, int]]) -> int:
    total = 1
    for _, _, stride in steps:
        total *= stride
    return total


def _encoder(steps: list[tuple[int, int, int]], latent: int, grid: int) -> nn.Sequential:
    """(B, 3, H, W) -> (B, latent, 1, 1)."""
    layers: list[nn.Module] = []
    before = 3
    for channels, kernel, stride in steps:
        layers += [nn.Conv2d(before, channels, kernel, stride, padding=1), nn.LeakyReLU(SLOPE)]
        before = channels
    return nn.Sequential(*layers, nn.Conv2d(before, latent, grid))


def _decoder(steps: list[tuple[int, int, int]], latent: int, grid: int) -> nn.Sequential:
    """(B, latent, 1, 1) -> (B, 3, H, W): the encoder backwards."""
    layers: list[nn.Module] = [nn.ConvTranspose2d(latent, steps[-1][0], grid), nn.LeakyReLU(SLOPE)]
    for i in range(len(steps) - 1, -1, -1):
        channels, kernel, stride = steps[i]
        layers.append(nn.ConvTranspose2d(channels, steps[i - 1][0] if i else 3, kernel, stride, padding=1))
        layers += [nn.LeakyReLU(SLOPE)] if i else []
    return nn.Sequential(*layers)
