"""One picture file as an array: every common format and depth, turned upright, at the size asked for.

A file that cannot be read raises BrokenPicture with the reason in words; whoever reads many skips it and tells.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"}
MAX_PIXELS = 200_000_000
TOO_LARGE = f"larger than {MAX_PIXELS // 10**6} megapixels"
Image.MAX_IMAGE_PIXELS = MAX_PIXELS  # Pillow's own guard: it warns above this and refuses above twice this


class BrokenPicture(ValueError):
    """A file that is no readable picture; the message is the reason."""


@dataclass
class Picture:
    """pixels (H, W, 3) uint8, or uint16 where the file has that depth; mask (H, W) uint8 0 or 1, None where nothing is known."""

    pixels: np.ndarray
    mask: np.ndarray | None = None


def read_picture(path: Path, *, size: int, mask: Path | None = None) -> Picture:
    """The picture resized to size x size pixels, and its mask where there is one.

    Raises:
        BrokenPicture: the picture or its mask cannot be read.
    """
    image = open_picture(path)
    pixels = _rgb(_resized(image, size, Image.Resampling.BILINEAR), deep=image.mode.startswith("I"))
    return Picture(pixels, None if mask is None else _read_mask(mask, size))


def open_picture(path: Path) -> Image.Image:
    """The decoded picture in its own size and mode, upright as its EXIF says.

    Raises:
        BrokenPicture: empty, truncated, no picture at all, or larger than MAX_PIXELS.
    """
    try:
        if path.stat().st_size == 0:
            raise BrokenPicture("the file is empty")
        with Image.open(path) as image:
            if image.width * image.height > MAX_PIXELS:
                raise BrokenPicture(TOO_LARGE)
            image.load()
            return _upright(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise BrokenPicture(TOO_LARGE) from None
    except UnidentifiedImageError:
        raise BrokenPicture("not a picture in a known format (PNG, JPEG, BMP, TIFF, WEBP)") from None
    except BrokenPicture:
        raise
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, struct.error) as error:  # Pillow's decoders
        raise BrokenPicture(f"damaged: {error}") from None


def _upright(image: Image.Image) -> Image.Image:
    """A copy turned as the EXIF orientation says; unreadable EXIF turns nothing."""
    try:
        return ImageOps.exif_transpose(image)
    except (ValueError, SyntaxError, struct.error, KeyError, TypeError):
        return image.copy()


def _resized(image: Image.Image, size: int, how: Image.Resampling) -> Image.Image:
    """At size x size pixels; deep grey as mode F, so that nothing of it is rounded away."""
    if image.mode in ("P", "1", "PA"):
        image = image.convert("RGBA" if "transparency" in image.info or image.mode == "PA" else "RGB")
    elif image.mode.startswith("I"):
        image = Image.fromarray(np.asarray(image).astype(np.float32))
    return image if image.size == (size, size) else image.resize((size, size), how)


def _rgb(image: Image.Image, *, deep: bool) -> np.ndarray:
    """(H, W, 3) uint8, or uint16 of deep grey. Values keep the file's own range, so that pictures stay comparable."""
    if image.mode != "F":
        return np.array(image.convert("RGB"))  # a copy: Pillow's own memory is read-only
    depth = np.uint16 if deep else np.uint8
    grey = np.clip(np.rint(np.asarray(image)), 0, np.iinfo(depth).max).astype(depth)
    return np.repeat(grey[..., None], 3, axis=2)


def _read_mask(path: Path, size: int) -> np.ndarray:
    image = _resized(open_picture(path), size, Image.Resampling.NEAREST)
    grey = np.asarray(image if image.mode == "F" else image.convert("L"))
    limit = 127 if path.suffix.lower() in (".jpg", ".jpeg") else 0  # JPEG blurs the zeros beside an edge
    return (grey > limit).astype(np.uint8)
