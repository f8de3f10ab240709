"""PNG files, written aside and renamed: a reader never sees half a picture."""

import os
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image


def save_mask(path: Path, mask: ArrayLike) -> None:
    """A mask (H, W) as an 8-bit grey PNG of 0 and 255."""
    save_png(path, (np.asarray(mask) > 0.5).astype(np.uint8) * np.uint8(255))


def save_png(path: Path, pixels: NDArray[np.uint8] | NDArray[np.uint16], *, compress_level: int = 1) -> None:
    """Write a PNG aside and rename it, so that a reader never sees half a picture. Level 1 is quick, 9 is small."""
    aside = path.with_name(path.name + ".part")
    Image.fromarray(pixels).save(aside, format="PNG", compress_level=compress_level)
    os.replace(aside, path)
