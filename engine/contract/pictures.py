"""One picture file as an array: every common format and depth, turned upright, at the size asked for.

A file that cannot be read raises BrokenPicture with the reason in words; whoever reads many skips it and tells.
"""

import io
import struct
import sys
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from engine.contract.picture_files import MAX_BYTES, TOO_MANY_BYTES

FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP")  # Pillow's other readers stay shut: one of them starts a program
MAX_PIXELS = 200_000_000
TOO_LARGE = f"larger than {MAX_PIXELS // 10**6} megapixels"
FULL_WHITE = 2**16 - 1  # of 16 bits
ORIENTATION = 0x0112  # EXIF's tag
SIDEWAYS = {  # orientations that swap width and height, and what turns such a picture upright
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
STRIP_PIXELS = 2**22  # of a large picture are taken at a time where numbers are made of all
OTHER_BYTE = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}  # the order that reads the lower one
DAMAGES = (OSError, ValueError, SyntaxError, EOFError, IndexError, struct.error)  # what Pillow's decoders raise
Image.MAX_IMAGE_PIXELS = MAX_PIXELS  # Pillow's own guard: it warns above this and refuses above twice this
warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # refused here in words instead


class BrokenPicture(ValueError):
    """A file that is no readable picture; the message is the reason."""


@dataclass
class Picture:
    """pixels (H, W, 3) uint8, or uint16 where the file has that depth; mask (H, W) uint8 0 or 1, None where nothing is known: a mask
    that marks nothing says nothing of a defective picture."""

    pixels: np.ndarray
    mask: np.ndarray | None = None


def read_picture(
    path: Path,
    *,
    size: int,
    mask: Path | None = None,
    content: bytes | None = None,
    mask_content: bytes | None = None,
) -> Picture:
    """The picture resized to size x size pixels, and its mask where there is one.

    Args:
        content, mask_content: the files' bytes where they have been read already; then the files are not looked at.

    Raises:
        BrokenPicture: the picture or its mask cannot be read.
    """
    image = open_picture(path, content)
    if image.mode in ("I", "F"):
        image = _scaled(image, highest=_range(image)[1])
    lower = _opened(path, content, lower_bytes=True) if image.mode in ("RGB", "RGBA") else None
    pixels = _at_size(image, (size, size)) if lower is None else _deep_colour(image, lower, size)
    marked = None if mask is None else upright_mask(marked_pixels(mask, mask_content), read_header(path, content))
    return Picture(pixels, _marked_cells(marked, size) if marked is not None and marked.any() else None)


def preview(path: Path, *, longest: int) -> np.ndarray:
    """(H, W, 3) uint8: the picture as a model sees it, in its own proportions, the longer side at most `longest` pixels.

    Beside the decoded picture only a strip of it is held at a time, and a JPEG is decoded small at once.

    Raises:
        BrokenPicture: as open_picture does.
    """
    image = _opened(path, None, about=longest)
    assert image is not None
    _refuse_other_ranges(image)
    highest = _range(image)[1] if image.mode in ("I", "F") else 0
    width, height = (max(1, round(side * min(1, longest / max(image.size)))) for side in image.size)
    rows = max(1, STRIP_PIXELS * height // (image.width * image.height))  # of the preview, made of one strip
    strips = []
    for top in range(0, height, rows):
        end = min(top + rows, height)
        strip = image.crop((0, top * image.height // height, image.width, end * image.height // height))
        strips.append(_eight_bits(_at_size(_scaled(strip, highest=highest), (width, end - top))))
    return np.concatenate(strips)


def _eight_bits(pixels: np.ndarray) -> np.ndarray:
    """By the factor of the depth, never the picture's own: what is dark to the model is dark to a person."""
    if pixels.dtype == np.uint8:
        return pixels
    eight: np.ndarray = np.rint(pixels * np.float32(255 / FULL_WHITE)).astype(np.uint8)
    return eight


def pixels_in(path: Path, content: bytes | None = None) -> int:
    """How many pixels a picture has; 0 where it has none that can be read."""
    width, height = size_in(path, content)
    return width * height


def size_in(path: Path, content: bytes | None = None) -> tuple[int, int]:
    """Width and height as stored, by a picture's first bytes (`read_header` decodes a PNG, whose EXIF may stand at its end); 0 and 0 where it
    has none that can be read."""
    try:
        with Image.open(path if content is None else io.BytesIO(content), formats=FORMATS) as image:
            return image.width, image.height
    except (*DAMAGES, Image.DecompressionBombError):
        return 0, 0


def open_picture(path: Path, content: bytes | None = None) -> Image.Image:
    """The decoded picture in its own size and mode, upright as its EXIF says; of 16-bit colour the upper bytes.

    Raises:
        BrokenPicture: empty, truncated, no picture at all, larger than MAX_PIXELS, or of numbers beyond those of 16 bits.
    """
    image = _opened(path, content)
    assert image is not None
    _refuse_other_ranges(image)
    return image


def _refuse_other_ranges(image: Image.Image) -> None:
    """Cutting off what is out of range would hide it: such pictures are refused with the range that they have."""
    if image.mode not in ("I", "F"):
        return
    low, high = _range(image)
    if image.mode == "I" and not 0 <= low <= high <= FULL_WHITE:
        raise BrokenPicture(f"32-bit whole numbers from {low} to {high}; save it with 16 bits, 0 to {FULL_WHITE}")
    if image.mode == "F" and not 0 <= low <= high <= 255:  # true of NaN too
        raise BrokenPicture(
            f"floating-point numbers from {low:.6g} to {high:.6g}; save it as 0 to 1, or with 8 or 16 bits"
        )


def _range(image: Image.Image) -> tuple[float, float]:
    """The lowest and the highest number of a picture, both not-a-number where one is; a strip at a time."""
    rows = max(1, STRIP_PIXELS // image.width)
    strips = (
        np.asarray(image.crop((0, top, image.width, min(top + rows, image.height))))
        for top in range(0, image.height, rows)
    )
    lows, highs = zip(*((strip.min(), strip.max()) for strip in strips), strict=True)
    return np.min(lows), np.max(highs)


def _scaled(image: Image.Image, *, highest: float) -> Image.Image:
    """32-bit numbers of a picture whose `highest` is this: floating-point ones of 0 to 1 as those of 16 bits, and whole ones of 0
    to 255, which would be all but black among those of 16 bits, as those of 8."""
    if image.mode == "I" and highest <= 255:
        return Image.fromarray(np.asarray(image).astype(np.uint8))
    if image.mode != "F" or highest > 1:
        return image
    return Image.fromarray(np.rint(np.asarray(image) * FULL_WHITE).astype(np.uint16))


@dataclass(frozen=True)
class Header:
    """What a file tells of its picture without being decoded: `size` (width, height) as stored, the bits of one number, and
    the orientation by EXIF."""

    size: tuple[int, int] = (0, 0)
    bits: int = 8
    pages: int = 1
    orientation: int = 1


def read_header(path: Path, content: bytes | None = None) -> Header:
    """The header of a picture; an empty one where none can be read."""
    try:
        if content is None and not path.is_file():  # a pipe would never end
            return Header()
        with Image.open(path if content is None else io.BytesIO(content), formats=FORMATS) as image:
            deep = any(";16" in str(tile.args) for tile in getattr(image, "tile", ()))
            bits = 32 if image.mode == "F" else 16 if deep or image.mode.startswith("I") else 8
            # the second picture of an MPO, which phones write as .jpg, is a preview or what the other eye sees
            pages = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
            return Header(image.size, bits, pages, image.getexif().get(ORIENTATION, 1))
    except (*DAMAGES, LookupError, TypeError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return Header()


def marked_pixels(path: Path, content: bytes | None = None) -> np.ndarray:
    """(H, W) bool of a mask's file: what is neither black nor transparent.

    Raises:
        BrokenPicture: as open_picture does.
    """
    return marks_of(open_mask(path, content), is_jpeg=is_jpeg(path))


def open_mask(path: Path, content: bytes | None = None) -> Image.Image:
    """The decoded file of a mask, which may hold any numbers.

    Raises:
        BrokenPicture: empty, truncated, no picture at all, or larger than MAX_PIXELS.
    """
    image = _opened(path, content)
    assert image is not None
    return image


def is_jpeg(path: Path) -> bool:
    return path.suffix.lower() in (".jpg", ".jpeg")


def marks_of(image: Image.Image, *, is_jpeg: bool) -> np.ndarray:
    """(H, W) bool: what of a decoded mask is neither black nor transparent."""
    limit = 127 if is_jpeg else 0  # JPEG blurs the zeros beside an edge
    if image.mode in ("L", "F") or image.mode.startswith("I"):
        grey: np.ndarray = np.asarray(image) > limit
        return grey
    layers = np.asarray(image.convert("RGBA"))
    seen = layers[..., 3] > limit
    marked: np.ndarray = seen & (layers[..., :3].max(axis=-1) > limit)
    return marked if marked.any() else seen & (not seen.all())  # black marks on a ground that is transparent


def upright_mask(marked: np.ndarray, header: Header) -> np.ndarray:
    """The mask turned as EXIF turns its picture, where it lies across it: who drew it saw the pixels as stored.

    A mask that fits both ways, such as of a picture on its head, is taken as upright.
    """
    width, height = header.size
    if width == height or marked.shape != (height, width) or header.orientation not in SIDEWAYS:
        return marked
    return np.asarray(Image.fromarray(marked).transpose(SIDEWAYS[header.orientation]))


def _opened(
    path: Path, content: bytes | None, *, lower_bytes: bool = False, about: int | None = None
) -> Image.Image | None:
    """The picture, or with `lower_bytes` those of its 16-bit colours; None where it has none.

    `about` is the number of pixels of a side that are wanted: a JPEG may then come smaller, but not below it.
    """
    try:
        if content is None and not path.is_file():  # a pipe would never end
            raise BrokenPicture("no plain file" if path.exists() else "there is no such file")
        size = path.stat().st_size if content is None else len(content)
        if size == 0:
            raise BrokenPicture("the file is empty")
        if size > MAX_BYTES:
            raise BrokenPicture(TOO_MANY_BYTES)
        with Image.open(path if content is None else io.BytesIO(content), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise BrokenPicture(TOO_LARGE)
            if lower_bytes and not _turned_to_lower_bytes(image):
                return None
            if about is not None:
                image.draft(None, (about, about))  # None keeps the mode
            image.load()
            return _upright(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise BrokenPicture(TOO_LARGE) from None
    except UnidentifiedImageError:
        raise BrokenPicture("not a picture in a known format (PNG, JPEG, BMP, TIFF, WEBP)") from None
    except BrokenPicture:
        raise
    except DAMAGES as error:
        raise BrokenPicture(f"damaged: {error}") from None


def _turned_to_lower_bytes(image: ImageFile.ImageFile) -> bool:
    """Make Pillow read the lower byte of each 16-bit colour, where it would read the upper one: it keeps only one.

    Told that the bytes of each number come in the other order, it takes the lower for the upper.
    """
    turned = []
    for tile in image.tile:
        args = tile.args if isinstance(tile.args, tuple) else (tile.args,)
        raw = str(args[0])
        if not raw.startswith(("RGB;16", "RGBA;16", "RGBX;16")) or raw[-1] not in OTHER_BYTE:
            return False
        args = (raw[:-1] + OTHER_BYTE[raw[-1]], *args[1:])
        turned.append(tile._replace(args=args if isinstance(tile.args, tuple) else args[0]))
    image.tile = turned
    return bool(turned)


def _upright(image: ImageFile.ImageFile) -> Image.Image:
    """The picture turned as the EXIF orientation says; unreadable EXIF turns nothing."""
    with suppress(ValueError, SyntaxError, struct.error, KeyError, TypeError):
        ImageOps.exif_transpose(image, in_place=True)  # a copy would take as much memory again
    return image.copy() if image.readonly else image  # a mapped file may be cut off while it is looked at


def _at_size(image: Image.Image, size: tuple[int, int]) -> np.ndarray:
    """(H, W, 3) of a picture that has no lower bytes, at `size` (width, height)."""
    return _rgb(_resized(image, size, Image.Resampling.BILINEAR), deep=image.mode.startswith("I"))


def _resized(image: Image.Image, size: tuple[int, int], how: Image.Resampling) -> Image.Image:
    """At `size` (width, height); deep grey as mode F, so that nothing of it is rounded away."""
    if image.mode.startswith("I"):
        image = Image.fromarray(np.asarray(image).astype(np.float32))
    elif image.mode in ("P", "1") or image.has_transparency_data:
        image = over_black(image)
    return image if image.size == size else image.resize(size, how)


def over_black(image: Image.Image) -> Image.Image:
    """In colours, transparent pixels as they look over black: what lies hidden below them shows nowhere."""
    if not image.has_transparency_data:
        return image.convert("RGB")
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, (0, 0, 0, 255)), layer).convert("RGB")


def _deep_colour(upper: Image.Image, lower: Image.Image, size: int) -> np.ndarray:
    """(H, W, 3) uint16 of the two bytes of each colour, over black where they are transparent."""
    values = np.asarray(upper) * np.float32(256) + np.asarray(lower)  # (H, W, 3 or 4)
    values = values[..., :3] * (values[..., 3:] / np.float32(FULL_WHITE) if values.shape[-1] == 4 else 1)
    channels = [_resized(Image.fromarray(values[..., i]), (size, size), Image.Resampling.BILINEAR) for i in range(3)]
    resized = np.stack([np.asarray(channel) for channel in channels], axis=-1)
    deep: np.ndarray = np.clip(np.rint(resized), 0, 65535).astype(np.uint16)
    return deep


def _rgb(image: Image.Image, *, deep: bool) -> np.ndarray:
    """(H, W, 3) uint8, or uint16 of deep grey. Values keep the file's own range, so that pictures stay comparable."""
    if image.mode != "F":
        return np.array(image.convert("RGB"))  # a copy: Pillow's own memory is read-only
    depth = np.uint16 if deep else np.uint8
    grey = np.clip(np.rint(np.asarray(image)), 0, np.iinfo(depth).max).astype(depth)
    return np.repeat(grey[..., None], 3, axis=2)


def _marked_cells(marked: np.ndarray, size: int) -> np.ndarray:
    """(size, size) uint8: 1 where any pixel of the cell is marked, so that a defect of one pixel is not lost."""
    for axis, pixels in enumerate(marked.shape):
        if pixels > size:  # each pixel belongs to the cell that its centre lies in
            starts = np.ceil(np.arange(size) * pixels / size - 0.5).astype(int)
            marked = np.logical_or.reduceat(marked, starts, axis=axis)
        else:
            marked = marked.take(((np.arange(size) + 0.5) * pixels / size).astype(int), axis=axis)
    return marked.astype(np.uint8)
