"""Where a classifier looked: Grad-CAM on its last feature map.

Selvaraju et al., Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization, ICCV 2017,
https://arxiv.org/abs/1610.02391. Of a transformer the patches that enter its last block are taken: behind it only the
class token is read, and no patch has a gradient left. A map is scaled to its own range: a hint of what was seen, no measure.

The grid is often a handful of cells wide. It is drawn as a smooth hill over each cell: sharper edges would show the grid, not the
picture. Its rows and columns are told beside the map.

B batch, C channels, N tokens, h x w grid, H x W image.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from engine.tasks.classify.classifier import Classifier

SPREAD = 0.5  # of a cell: how far each reaches when it is drawn, as the deviation of a normal distribution


@dataclass(frozen=True)
class Seen:
    """(B, H, W) in [0, 1]: what speaks for the class of each image, all zero where nothing does; drawn from `cells` (h, w)."""

    maps: torch.Tensor
    cells: tuple[int, int]


def grad_cam(model: Classifier, images: torch.Tensor, classes: torch.Tensor) -> Seen:
    """What speaks for these classes (B,) in these images (B, 3, H, W)."""
    network: Any = model.network
    with torch.enable_grad():
        seen = model.prepared(images)
        block = _last_block(network)
        if block is None:
            activations = network.forward_features(seen).detach().requires_grad_()
            logits = model.head(network.forward_head(activations))
        else:
            activations, features = _tokens_into(block, network, seen)
            logits = model.head(network.forward_head(features))
        (gradients,) = torch.autograd.grad(logits.gather(1, classes[:, None]).sum(), activations)
    channels, slopes = _as_maps(network, activations), _as_maps(network, gradients)  # (B, C, h, w)
    weights = slopes.mean(dim=(2, 3), keepdim=True)
    cam = functional.relu((weights * channels).sum(dim=1)).detach()  # (B, h, w)
    rows, columns = cam.shape[-2:]
    down, across = _reach(rows, images.shape[-2], like=cam), _reach(columns, images.shape[-1], like=cam)
    cam = down @ cam @ across.T  # (B, H, W)
    return Seen(cam / cam.amax(dim=(1, 2), keepdim=True).clamp_min(1e-12), (rows, columns))


def _reach(cells: int, pixels: int, *, like: torch.Tensor) -> torch.Tensor:
    """(pixels, cells): the share of each cell in each pixel of a line."""
    at = (torch.arange(pixels, dtype=like.dtype, device=like.device) + 0.5) * cells / pixels
    centres = torch.arange(cells, dtype=like.dtype, device=like.device) + 0.5
    return torch.softmax(-((at[:, None] - centres) ** 2) / (2 * SPREAD**2), dim=1)


def _last_block(network: Any) -> nn.Module | None:
    """Of a transformer that pools a class token, the norm in front of its last attention."""
    if not getattr(network, "num_prefix_tokens", 0) or not hasattr(network, "blocks"):
        return None
    block: nn.Module = network.blocks[-1].norm1
    return block


def _tokens_into(block: nn.Module, network: Any, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The tokens (B, N, C) that leave `block`, as a leaf of the graph that ends in the features."""
    kept: list[torch.Tensor] = []

    def keep(module: nn.Module, inputs: Any, output: torch.Tensor) -> torch.Tensor:
        kept.append(output.detach().requires_grad_())
        return kept[0]

    handle = block.register_forward_hook(keep)
    try:
        features = network.forward_features(images)
    finally:
        handle.remove()
    return kept[0], features


def _as_maps(network: Any, values: torch.Tensor) -> torch.Tensor:
    if values.ndim == 4:
        return values.permute(0, 3, 1, 2) if getattr(network, "output_fmt", None) == "NHWC" else values
    patches = values[:, getattr(network, "num_prefix_tokens", 0) :]  # (B, h * w, C)
    side = round(patches.shape[1] ** 0.5)
    return patches.transpose(1, 2).reshape(len(values), -1, side, side)
