"""Which files are taken for pictures, by their endings. No library is loaded, so that everybody can ask."""

import re
from pathlib import Path

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
MAX_BYTES = 2 << 30  # of one file: 200 megapixels of 16-bit colour as they are have 1.2 GB
TOO_MANY_BYTES = f"larger than {MAX_BYTES >> 30} GiB"
NO_TEXT = re.compile("%([89A-F][0-9A-F])")


def picture_inside(folder: Path, relative: str) -> Path | None:
    """The picture of that relative path; None when it is none, is not there, or lies outside of the folder."""
    try:
        root = folder.resolve()
        path = (root / relative).resolve()
        if not path.exists():
            path = (root / NO_TEXT.sub(_as_byte, relative)).resolve()
        fits = path.is_relative_to(root) and path.suffix.lower() in SUFFIXES and path.is_file()
    except (ValueError, OSError):  # no path, or a longer one than there can be
        return None
    return path if fits else None


def _as_byte(escaped: re.Match[str]) -> str:
    """A byte of a name that is no UTF-8, which lists write as %FF or the like, as the file system has it."""
    return chr(0xDC00 + int(escaped[1], 16))
