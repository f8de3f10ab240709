"""Made-up defects to test with, on good pictures that a model has not learnt from: for data without labelled defects, or beside them.

Four types, from those that are hardly ever missed to those that often are. They are a guess at what a line will see, not a sample of it:
what is found of them is told apart from what is found of real defects (engine/contract/results/detect.py, OnSynthetic).

- patch: a small piece of the picture itself at another place, lit a little differently (after CutPaste, https://arxiv.org/abs/2104.04015)
- scar: the same of a thin piece, in any direction
- texture: Perlin noise, small and see-through, filled with a foreign texture (after DRAEM, https://arxiv.org/abs/2108.07610)
- spot: a soft spot, a few percent darker or brighter, as mura and stains are

Lengths are shares of the picture's side, so that they do not hang on the size at which a model looks.
"""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from engine.contract.pictures import Picture
from engine.contract.results.detect import MADE_UP
from engine.datasets import Item
from engine.datasets.loading import Pictures
from engine.datasets.synthetic.perlin import turned_perlin_noise
from engine.datasets.synthetic.textures import drawn_texture

MOST_OF_TYPE = 16  # pictures
LEAST_CHANGE = 0.015  # mean difference under the mask, of full white: less than that nobody could see
TRIES = 8

Pixels = np.ndarray  # (H, W, 3) float32 in [0, 1]
Drawn = tuple[Pixels, np.ndarray]  # with the defect, and where it is (H, W) bool


def with_test_defects(good: Sequence[Item], pictures: Pictures, *, seed: int) -> list[Item]:
    """Items of made-up defects on these good pictures, up to MOST_OF_TYPE of each type; they are kept in `pictures`, and are no files.

    Their label is unknown and they have no mask, so that no figure of real defects counts them. The same seed, pictures and
    size give the same defects.
    """
    items = []
    for kind, draw in KINDS.items():
        order = np.random.default_rng([seed, zlib.crc32(kind.encode())]).permutation(len(good))[:MOST_OF_TYPE]
        for index in sorted(map(int, order)):
            source = good[index]
            item = replace(
                source, name=f"{MADE_UP}{kind}/{source.name}", label="unknown", defect_type=MADE_UP + kind, mask=None
            )
            generator = np.random.default_rng([seed, zlib.crc32(item.name.encode())])
            pictures.keep(item, _defective(pictures.get(source), draw, generator))
            items.append(item)
    return items


def _defective(
    picture: Picture, draw: Callable[[Pixels, np.random.Generator], Drawn], generator: np.random.Generator
) -> Picture:
    """The picture with a defect that can be seen, in its own depth; of several tries the clearest where none can."""
    most = np.iinfo(picture.pixels.dtype).max
    pixels = picture.pixels.astype(np.float32) / np.float32(most)
    clearest, change = pixels, -1.0
    for _ in range(TRIES):
        drawn, where = draw(pixels, generator)
        differs = float(np.abs(drawn - pixels)[where].mean()) if where.any() else 0.0
        if differs > change:
            clearest, change = drawn, differs
        if change >= LEAST_CHANGE:
            break
    return Picture((np.clip(clearest, 0, 1) * most).round().astype(picture.pixels.dtype))


def _patch(pixels: Pixels, generator: np.random.Generator) -> Drawn:
    area, aspect = generator.uniform(0.002, 0.02), np.exp(generator.uniform(-1, 1))
    return _pasted(pixels, np.sqrt(area / aspect), np.sqrt(area * aspect), 0.0, generator)


def _scar(pixels: Pixels, generator: np.random.Generator) -> Drawn:
    return _pasted(
        pixels, generator.uniform(0.008, 0.025), generator.uniform(0.06, 0.2), generator.uniform(0, 180), generator
    )


def _texture(pixels: Pixels, generator: np.random.Generator) -> Drawn:
    height, width = pixels.shape[:2]
    side = generator.uniform(0.1, 0.3)
    noise = turned_perlin_noise(height, width, cells=(8, 8), angle_deg=generator.uniform(-90, 90), generator=generator)
    where = (noise > 0.25) & _ellipse(height, width, side, side, 0.0, generator)
    filling = drawn_texture(height, width, generator)
    if _is_grey(pixels):
        filling = filling.mean(axis=2, keepdims=True)
    opacity = np.float32(generator.uniform(0.2, 0.7))
    return np.where(where[..., None], pixels + opacity * (filling - pixels), pixels), where


def _spot(pixels: Pixels, generator: np.random.Generator) -> Drawn:
    height, width = pixels.shape[:2]
    long = generator.uniform(0.04, 0.12)
    y, x = _turned(height, width, generator.uniform(0, 180), generator)
    shape = np.exp(-0.5 * ((y / long) ** 2 + (x / (long * generator.uniform(0.5, 1))) ** 2)).astype(np.float32)
    sign, contrast = generator.choice([-1, 1]), generator.uniform(0.05, 0.15)
    return np.clip(pixels * (1 + np.float32(sign * contrast) * shape[..., None]), 0, 1), shape > 0.3


KINDS: dict[str, Callable[[Pixels, np.random.Generator], Drawn]] = {
    "patch": _patch,
    "scar": _scar,
    "texture": _texture,
    "spot": _spot,
}


def _pasted(pixels: Pixels, high: float, wide: float, angle_deg: float, generator: np.random.Generator) -> Drawn:
    """The picture itself, moved by an eighth of its side at least and lit a little differently, within a turned rectangle."""
    height, width = pixels.shape[:2]
    y, x = _turned(height, width, angle_deg, generator)
    where = (np.abs(y) <= high / 2) & (np.abs(x) <= wide / 2)
    shift = [int(generator.integers(max(side // 8, 1), side - side // 8)) for side in (height, width)]
    gain = np.float32(generator.choice([-1, 1]) * generator.uniform(0.05, 0.2))
    filling = np.clip(np.roll(pixels, shift, axis=(0, 1)) * (1 + gain), 0, 1)
    return np.where(where[..., None], filling, pixels), where


def _ellipse(
    height: int, width: int, high: float, wide: float, angle_deg: float, generator: np.random.Generator
) -> np.ndarray:
    y, x = _turned(height, width, angle_deg, generator)
    inside: np.ndarray = (y / (high / 2)) ** 2 + (x / (wide / 2)) ** 2 <= 1
    return inside


def _turned(height: int, width: int, angle_deg: float, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """How far each pixel is from a random place, in shares of the side, along two axes that are turned by the angle."""
    y0, x0 = generator.uniform(0.1, 0.9, 2)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    y, x = (y + 0.5) / height - np.float32(y0), (x + 0.5) / width - np.float32(x0)
    sine, cosine = (np.float32(f(np.deg2rad(angle_deg))) for f in (np.sin, np.cos))
    return y * cosine - x * sine, y * sine + x * cosine


def _is_grey(pixels: Pixels) -> bool:
    return bool((pixels[..., :1] == pixels[..., 1:]).all())
