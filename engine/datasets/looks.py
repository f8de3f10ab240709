"""Whether a file looks like a mask: two values, or a few, in areas. Names lie more often than pixels do."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from engine.contract.pictures import BrokenPicture, is_jpeg, open_mask, read_header

Look = Literal["mask", "black", "flat", "dark", "picture"]
SAMPLES = 8  # of a folder or series are looked at
GOLDEN = 0.6180339887  # spreads them evenly, and in step with no order of names
LOOKED_AT = 512  # rows and columns at most
MOST_SHADES = 256
FEW = 8  # values of a mask, one for each kind of defect
STORED = (".bmp", ".tif", ".tiff")  # endings of files that may not be compressed
HEAD = 8192  # bytes of a file beside its pixels at most
BYTES_OF_A_MASK = 0.2  # for each pixel at most, where it is compressed
JPEG_BLUR = 40  # from black or white, where JPEG leaves the values of a mask
ALMOST_ALL = 0.97
MOSTLY_BLACK = 0.75


def look_at(image: Image.Image, *, is_jpeg: bool = False) -> Look:
    """What a decoded picture looks like. Of one that is wholly black, or flat in another colour, nobody can tell; a dark one is black for the most part,
    as a map of where a defect may be is, or a photograph of a small thing."""
    pixels = _some_pixels(image)
    if not pixels[..., :3].any() if pixels.ndim == 3 else not pixels.any():
        return "black" if pixels.ndim == 2 or (pixels == pixels[0, 0]).all() else "mask"
    if is_jpeg:
        extreme = (pixels < JPEG_BLUR) | (pixels > 255 - JPEG_BLUR)
        return "mask" if extreme.mean() > ALMOST_ALL and np.ptp(pixels) > 255 - 2 * JPEG_BLUR else "picture"
    values, counts = np.unique(_as_numbers(pixels), return_counts=True)
    if len(values) == 1:
        return "flat"
    if len(values) <= FEW:
        return "mask"
    commonest = np.sort(counts)[-2:].sum() / counts.sum()  # the edges of a mask that was resized have values between
    if commonest > ALMOST_ALL and len(values) <= MOST_SHADES:
        return "mask"
    return "dark" if (values[0] == 0 and counts[0] > MOSTLY_BLACK * counts.sum()) else "picture"


def is_two_valued(image: Image.Image, *, is_jpeg: bool = False) -> bool:
    """Whether a mask has no more than two values, besides the blur of JPEG."""
    if is_jpeg:
        return look_at(image, is_jpeg=True) != "picture"
    return len(np.unique(_as_numbers(_some_pixels(image)))) <= 2


def _some_pixels(image: Image.Image) -> np.ndarray:
    """(H, W) or (H, W, colours), at most LOOKED_AT rows and columns."""
    pixels = np.asarray(image.convert("RGBA") if image.mode in ("P", "1", "LA", "PA", "CMYK") else image)
    some: np.ndarray = pixels[:: -(-pixels.shape[0] // LOOKED_AT), :: -(-pixels.shape[1] // LOOKED_AT)]
    return some


def _as_numbers(pixels: np.ndarray) -> np.ndarray:
    """(H, W): one number for each colour."""
    if pixels.ndim == 2:
        return pixels
    layers = pixels.astype(np.uint32)
    numbers: np.ndarray = sum((layers[..., i] << np.uint32(8 * i) for i in range(1, layers.shape[-1])), layers[..., 0])
    return numbers


def look_of(path: Path) -> Look:
    """What a file looks like; one that cannot be read is taken as a picture, and named as broken later.

    Photographs, told by the size of the file, are not decoded.
    """
    width, height = read_header(path).size
    if not width or (
        path.suffix.lower() not in STORED and path.stat().st_size > HEAD + BYTES_OF_A_MASK * width * height
    ):
        return "picture"
    try:
        return look_at(open_mask(path), is_jpeg=is_jpeg(path))
    except BrokenPicture:
        return "picture"


def look_like_masks(paths: Sequence[Path], *, named_so: bool = False) -> bool:
    """Whether files that belong together all look like masks. Where they are `named_so`, they may all be black or dark, too."""
    looks: set[Look] = set()
    for path in spread(paths):
        looks.add(look_of(path))
        if looks & {"picture", "flat"} or ("dark" in looks and not named_so):
            return False
    return bool(looks) and (named_so or "mask" in looks)


def look_like_pictures(paths: Sequence[Path]) -> bool:
    """Whether some of them do, be they of one colour."""
    return any(look_of(path) in ("picture", "flat") for path in spread(paths))


def spread(paths: Sequence[Path]) -> list[Path]:
    """Some of the paths: evenly spread, yet never every second one, as pictures and masks may take turns."""
    if len(paths) <= SAMPLES:
        return list(paths)
    return [paths[int(GOLDEN * i % 1 * len(paths))] for i in range(SAMPLES)]
