"""Textures that made-up defects are filled with: drawn by rule, or taken from a folder of pictures."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from engine.contract.pictures import BrokenPicture, read_picture
from engine.datasets.synthetic.perlin import perlin_noise
from engine.datasets.tree import look_into

Texture = np.ndarray  # (H, W, 3) float32 in [0, 1]
TRIES = 20  # broken pictures in a row after which a texture folder is given up


def drawn_texture(height: int, width: int, generator: np.random.Generator) -> Texture:
    """A texture of a random kind: two random colours, mixed by a pattern in [0, 1]."""
    kinds = list(PATTERNS.values())
    pattern = kinds[generator.integers(len(kinds))](height, width, generator)
    if pattern.ndim == 2:
        pattern = pattern[..., None]
    low, high = generator.random((2, 3), dtype=np.float32)
    texture: Texture = low + pattern * (high - low)
    return texture


def _noise(height: int, width: int, generator: np.random.Generator) -> np.ndarray:
    """Grain of 1 to 8 pixels, each channel its own."""
    grain = int(generator.integers(1, 9))
    small = generator.random((-(-height // grain), -(-width // grain), 3), dtype=np.float32)
    return small.repeat(grain, axis=0).repeat(grain, axis=1)[:height, :width]


def _stripes(height: int, width: int, generator: np.random.Generator) -> np.ndarray:
    """Hard or soft stripes, 4 to 40 pixels from one to the next, in any direction."""
    wave = np.sin(_ramp(height, width, generator) * (2 * np.pi / generator.uniform(4, 40)))
    return (wave > 0).astype(np.float32) if generator.random() < 0.5 else (wave + 1) / 2


def _gradient(height: int, width: int, generator: np.random.Generator) -> np.ndarray:
    ramp = _ramp(height, width, generator)
    span = max(float(np.ptp(ramp)), 1e-6)
    rising: np.ndarray = (ramp - ramp.min()) / np.float32(span)
    return rising


def _blobs(height: int, width: int, generator: np.random.Generator) -> np.ndarray:
    """Clouds: Perlin noise of three sizes."""
    cells = int(2 ** generator.integers(1, 4))
    octaves = [perlin_noise(height, width, cells=(cells * k, cells * k), generator=generator) / k for k in (1, 2, 4)]
    return np.clip(sum(octaves) * 0.5 + 0.5, 0, 1).astype(np.float32)


def _checker(height: int, width: int, generator: np.random.Generator) -> np.ndarray:
    """Two wave fronts multiplied: a checkerboard, turned at random, its fields 3 to 32 pixels."""
    direction, field = generator.uniform(0, np.pi), generator.uniform(3, 32)
    first, second = (_front(height, width, direction + turn) for turn in (0, np.pi / 2))
    return ((np.floor(first / field) + np.floor(second / field)) % 2).astype(np.float32)


PATTERNS: dict[str, Callable[[int, int, np.random.Generator], np.ndarray]] = {
    "noise": _noise,
    "stripes": _stripes,
    "gradient": _gradient,
    "blobs": _blobs,
    "checker": _checker,
}


def _ramp(height: int, width: int, generator: np.random.Generator) -> np.ndarray:
    return _front(height, width, generator.uniform(0, 2 * np.pi))


def _front(height: int, width: int, direction: float) -> np.ndarray:
    """Distance in pixels along a direction (radians), (height, width) float32."""
    y = np.arange(height, dtype=np.float32)[:, None] * np.float32(np.sin(direction))
    return y + np.arange(width, dtype=np.float32) * np.float32(np.cos(direction))


class TextureFolder:
    """The pictures of a folder as textures, decoded when first asked for and kept up to `memory_mb`.

    Raises:
        ValueError: there is no such folder, or it holds no pictures.
    """

    def __init__(self, folder: Path, *, memory_mb: int = 512):
        if not folder.is_dir():
            raise ValueError(f"texture_folder is {str(folder)!r}, which is no folder; leave it out for drawn textures")
        self.paths = look_into(folder).all_pictures()
        if not self.paths:
            raise ValueError(
                f"texture_folder {str(folder)!r} holds no pictures (PNG, JPEG, BMP, TIFF, WEBP); "
                "leave it out for drawn textures"
            )
        self._left = memory_mb * 2**20
        self._kept: dict[tuple[Path, int], np.ndarray] = {}
        self._lock = threading.Lock()

    def __call__(self, height: int, width: int, generator: np.random.Generator) -> Texture:
        """One of the pictures, mirrored and turned at random; one that cannot be read is passed over for the next.

        Raises:
            BrokenPicture: none of many in a row can be read.
        """
        first = int(generator.integers(len(self.paths)))
        turns, mirrored = int(generator.integers(4)), generator.random() < 0.5
        for step in range(min(TRIES, len(self.paths))):
            path = self.paths[(first + step) % len(self.paths)]
            try:
                pixels = self._decoded(path, max(height, width))
            except BrokenPicture:
                continue
            texture = np.rot90(pixels[:, ::-1] if mirrored else pixels, turns)[:height, :width]
            return texture.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)
        raise BrokenPicture(f"the pictures of the texture folder cannot be read: {self.paths[first].name} and the next")

    def __deepcopy__(self, memo: dict[int, object]) -> "TextureFolder":
        """Itself: the copy of a model that draws from it shares the decoded pictures."""
        return self

    def _decoded(self, path: Path, size: int) -> np.ndarray:
        with self._lock:
            kept = self._kept.get((path, size))
        if kept is not None:
            return kept
        pixels = read_picture(path, size=size).pixels
        with self._lock:
            if pixels.nbytes <= self._left and (path, size) not in self._kept:
                self._kept[path, size] = pixels
                self._left -= pixels.nbytes
        return pixels
