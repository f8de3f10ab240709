"""Which files are taken for pictures, by their endings. No library is loaded, so that everybody can ask."""

from pathlib import Path

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})


def picture_inside(folder: Path, relative: str) -> Path | None:
    """The picture of that relative path; None when it is none, is not there, or lies outside of the folder."""
    try:
        root = folder.resolve()
        path = (root / relative).resolve()
        fits = path.is_relative_to(root) and path.suffix.lower() in SUFFIXES and path.is_file()
    except (ValueError, OSError):  # no path, or a longer one than there can be
        return None
    return path if fits else None
