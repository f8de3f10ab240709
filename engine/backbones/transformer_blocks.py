"""The blocks of a transformer as a feature pyramid whose levels all have one grid.

Which output of a block is a level: the raw one, as Dinomaly (https://arxiv.org/abs/2405.14325) and SubspaceAD
(https://arxiv.org/abs/2602.23013) take it. The network's very last block comes after the final norm, as the network itself
uses it and as AnomalyDINO (https://arxiv.org/abs/2405.14529) takes it. Class, distillation and register tokens are
dropped; blocks behind the last level are not run.

B batch, C channels, H x W image, h x w grid of patches, P prefix tokens, N = P + h * w tokens.
"""

from typing import Any

import torch
from torch import nn

from engine.backbones.resizing import resized


class TransformerBlocks(nn.Module):
    """timm transformer `model` -> one (B, C, h, w) per block of `levels`, with the blocks behind the last cut off.

    Args:
        model: offers `blocks`, `forward_intermediates` and `prune_intermediate_layers`.
        levels: blocks, counted from 0.
        patch: pixels along each side of a patch.
        size: the only input size (H, W) that the network takes; None is any multiple of `patch`.
    """

    def __init__(self, model: Any, *, levels: list[int], patch: int, size: tuple[int, int] | None = None):
        super().__init__()
        self.levels = levels
        self.patch = patch
        self.size = size
        self.has_last = levels[-1] == len(model.blocks) - 1
        model.prune_intermediate_layers(levels, prune_norm=not self.has_last, prune_head=True)
        self.model = model

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        grids: list[torch.Tensor] = self.model.forward_intermediates(
            self.fitted(images), indices=self.levels, stop_early=True, intermediates_only=True
        )
        if self.has_last and hasattr(self.model, "norm"):
            grids[-1] = self.model.norm(grids[-1].permute(0, 2, 3, 1)).permute(0, 3, 1, 2).contiguous()
        return grids

    def fitted(self, images: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) enlarged or reduced to the nearest multiple of the patch, or to the one size the network takes."""
        height, width = self.size or tuple(max(round(side / self.patch), 1) * self.patch for side in images.shape[-2:])
        if images.shape[-2:] == (height, width):
            return images
        return resized(images, (height, width), mode="bilinear")

    @torch.no_grad()
    def attention(self, images: torch.Tensor) -> torch.Tensor | None:
        """(B, 1, h, w): share of attention that each patch gets in the last level's block, mean over the heads.

        From the class token where there is one, else the mean over all patches. The shares of an image add up to at most
        1: prefix tokens get the rest. None where the network's attention is not one of tokens to tokens.
        """
        images = self.fitted(images)
        # N x N values a head: one image at a time
        found = [self._attention_of_one(images[i : i + 1]) for i in range(len(images))]
        whole = [each for each in found if each is not None]
        return torch.cat(whole) if len(whole) == len(found) else None

    def _attention_of_one(self, image: torch.Tensor) -> torch.Tensor | None:
        block = self.model.blocks[self.levels[-1]]
        attention: Any = getattr(block, "attn", None)
        if not hasattr(attention, "attn_drop"):
            return None
        seen: list[torch.Tensor] = []
        hook = attention.attn_drop.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
        fused = getattr(attention, "fused_attn", False)
        attention.fused_attn = False  # the fused kernel never holds the matrix
        try:
            grid = self(image)[-1]
        finally:
            hook.remove()
            attention.fused_attn = fused
        height, width = grid.shape[-2:]
        prefix = getattr(self.model, "num_prefix_tokens", 0)
        tokens = prefix + height * width
        if not seen or seen[0].ndim != 4 or seen[0].shape[-2:] != (tokens, tokens):
            return None
        weights = seen[0].mean(dim=1)  # (1, N, N): from token, to token
        if not torch.allclose(weights.sum(dim=-1), torch.ones(()).to(weights), atol=1e-3):
            return None  # the talking heads of CaiT mix shares to values that are none
        has_class = prefix > 0 and getattr(self.model, "cls_token", None) is not None
        row = weights[:, 0] if has_class else weights[:, prefix:].mean(dim=1)  # (1, N)
        return row[:, prefix:].reshape(1, 1, height, width)
