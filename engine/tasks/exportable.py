"""What of a kind of run can be exported: a network from pictures to verdicts, and what the engine itself says of pictures.

B pictures, H x W pixels; a picture comes as its bytes, uint8 or uint16, (B, H, W, 3) RGB.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

Pixels = NDArray[np.uint8] | NDArray[np.uint16]
Said = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Exportable:
    """A trained model as a file for other runtimes holds it.

    network: (B, H, W, 3) whole numbers -> its outputs by name. It is ready for torch.export once `prepare` was called; then
        `says` must not be asked any more.
    says: the engine's outputs, by the same names.
    outputs: what each one is, in words.
    measured: outputs that are compared by their values.
    verdict: the output that must be the same on every picture.
    margin: by the engine's outputs, how far each picture is from another verdict, (B,).
    mask: the output that marks pixels, where there is one.
    facts: threshold, classes, data and weights, for the file's own facts.
    names: pictures that measured the run, those nearest to another verdict first.
    """

    network: "FromPixels"
    says: Callable[[Pixels], Said]
    prepare: Callable[[], None]
    outputs: dict[str, str]
    measured: tuple[str, ...]
    verdict: str
    margin: Callable[[Said], NDArray[np.floating[Any]]]
    image_size: int
    facts: dict[str, Any]
    names: tuple[str, ...] = ()
    mask: str | None = None


class FromPixels(nn.Module):
    """What every exported network begins with: whole numbers, as a camera or a file gives them, to (B, 3, H, W) in [0, 1]."""

    white: float = 255.0  # of 16 bits 65535

    def images(self, pixels: torch.Tensor) -> torch.Tensor:
        return pixels.permute(0, 3, 1, 2).to(torch.float32).div(self.white)

    @property
    def depth(self) -> torch.dtype:
        return torch.uint8 if self.white == np.iinfo(np.uint8).max else torch.uint16


def images_of(pixels: Pixels) -> torch.Tensor:
    """As the engine's own loader makes them."""
    white = np.iinfo(pixels.dtype).max
    return torch.from_numpy(pixels.astype(np.float32)).permute(0, 3, 1, 2).contiguous().div_(white)


def not_above(threshold: float) -> float:
    """The largest float32 that is not above: a float32 exceeds it just where it exceeds the threshold."""
    near = np.float32(threshold)
    return float(near if float(near) <= threshold else np.nextafter(near, np.float32(-np.inf)))
