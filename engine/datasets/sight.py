"""What one picture and its mask are like, once they are decoded: all that the check wants to know of them."""

import hashlib
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from engine.contract.pictures import (
    BrokenPicture,
    is_jpeg,
    marks_of,
    open_mask,
    open_picture,
    over_black,
    read_header,
    upright_mask,
)
from engine.datasets import Item
from engine.datasets.looks import Look, is_two_valued, look_at

NEARLY_ALL = 0.9  # of a picture, or of its border, marked: the mask is inverted, or its ground is coloured


@dataclass(frozen=True)
class Sight:
    """What one picture is like; broken is the reason why it, or its mask, cannot be read.

    `content` is the same for pictures of the same pixels, whatever the format of their files.
    """

    size: tuple[int, int] | None = None
    mode: str | None = None
    bits: int = 8
    pages: int = 1
    look: Look = "picture"
    content: bytes = b""
    broken: str | None = None
    broken_mask: str | None = None
    mask_fits: bool = True
    mask_is_empty: bool = False
    mask_is_nearly_full: bool = False
    mask_is_two_valued: bool = True
    mask_is_turned: bool = False
    mask_may_lie_otherwise: bool = False  # EXIF turns the picture, and the mask fits both ways
    highest: int | None = None  # value of a 16-bit grey picture
    digest: bytes = b""


def look_at_item(item: Item, *, digest: bytes) -> Sight:
    try:
        image = open_picture(item.path)
    except BrokenPicture as error:
        return Sight(broken=str(error), digest=digest)
    header = read_header(item.path)
    sight = Sight(
        size=image.size,
        mode=image.mode,
        bits=header.bits,
        pages=header.pages,
        look=look_at(image, is_jpeg=is_jpeg(item.path)),
        content=_content(image, bits=header.bits) if header.bits == 8 else digest,
        highest=int(np.asarray(image).max()) if image.mode.startswith("I;16") else None,
        digest=digest,
    )
    return sight if item.mask is None else _with_mask(sight, item, image.size)


def _with_mask(sight: Sight, item: Item, size: tuple[int, int]) -> Sight:
    assert item.mask is not None
    try:
        mask = open_mask(item.mask)
    except BrokenPicture as error:
        return replace(sight, broken_mask=str(error))
    header = read_header(item.path)
    drawn = marks_of(mask, is_jpeg=is_jpeg(item.mask))
    marked = upright_mask(drawn, header)
    fits = marked.shape == (size[1], size[0])
    turned = marked is not drawn
    border = np.concatenate([marked[0], marked[-1], marked[:, 0], marked[:, -1]])
    return replace(
        sight,
        mask_fits=fits,
        mask_is_empty=not marked.any(),
        mask_is_nearly_full=bool(max(marked.mean(), border.mean()) >= NEARLY_ALL),
        mask_is_two_valued=is_two_valued(mask, is_jpeg=is_jpeg(item.mask)),
        mask_is_turned=turned,
        mask_may_lie_otherwise=header.orientation > 1
        and not turned
        and fits
        and _fits_as_stored(drawn, header.size)
        and read_header(item.mask).orientation == 1,
    )


def _fits_as_stored(marked: np.ndarray, stored: tuple[int, int]) -> bool:
    return marked.shape == (stored[1], stored[0])


def _content(image: Image.Image, *, bits: int) -> bytes:
    """A digest of the pixels as they are seen, grey or in colour."""
    pixels = np.asarray(image if image.mode == "L" else over_black(image))
    if pixels.ndim == 3 and (pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 1] == pixels[..., 2]).all():
        pixels = pixels[..., 0]
    digest = hashlib.blake2b(f"{pixels.shape} {bits}".encode(), digest_size=16)
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.digest()
