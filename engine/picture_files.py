"""Which files are taken for pictures, by their endings. No library is loaded, so that everybody can ask."""

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
