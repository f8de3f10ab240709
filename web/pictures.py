"""Small pictures of a data set's images for the page: any format and depth in, JPEG or PNG out, kept in a cache."""

import hashlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps


def shrink(source: Path, size: int, cache: Path) -> Path:
    """The path of a picture of `source` whose longer side is at most `size` pixels.

    Raises:
        OSError, ValueError, SyntaxError: the file cannot be read as an image.
    """
    status = source.stat()
    key = hashlib.sha256(f"{source}\0{status.st_mtime_ns}\0{status.st_size}\0{size}".encode()).hexdigest()
    small = cache / key[:2] / f"{key}.jpg"
    if not small.exists():
        small.parent.mkdir(parents=True, exist_ok=True)
        part = small.with_suffix(f".{id(status):x}.part")
        with Image.open(source) as opened:
            opened.draft("RGB", (size, size))
            image = eight_bit(ImageOps.exif_transpose(opened))
            image.thumbnail((size, size), Image.Resampling.LANCZOS)
            image.save(part, "JPEG", quality=88)
        part.replace(small)
    return small


def eight_bit(image: Image.Image) -> Image.Image:
    """Any image as 8-bit RGB; 16-bit grey keeps its upper eight bits instead of being clipped."""
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image).astype(np.float64)
        top = 65535.0 if values.max(initial=0) > 255 else 255.0
        return Image.fromarray((values / top * 255).clip(0, 255).astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        layer = image.convert("RGBA")
        ground = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        return Image.alpha_composite(ground, layer).convert("RGB")
    return image.convert("RGB")
