"""Made-up defects on good pictures, for models that learn to tell one from the other.

After DRAEM (Zavrtanik et al., ICCV 2021, https://arxiv.org/abs/2108.07610): a mask cut from Perlin noise, filled with a foreign
texture that is blended in. Beside textures, a shifted and recoloured part of the picture itself serves as filling (CutPaste, Li et
al., CVPR 2021, https://arxiv.org/abs/2104.04015). Differences: the mask's area is kept within 1 to 50 % of the picture, with
a simple shape where the noise does not give that in a few tries; a filling that cannot be told from the picture is drawn
anew, since its mask would be a lie.
"""

from pathlib import Path

import numpy as np

from engine.datasets.synthetic.perlin import turned_perlin_noise
from engine.datasets.synthetic.textures import Texture, TextureFolder, drawn_texture

LEAST_AREA, MOST_AREA = 0.01, 0.5  # of the picture
OPACITY = (0.6, 1.0)
NOISE_THRESHOLD = 0.5  # DRAEM's
FINEST = 6  # noise has 2^0 to 2^5 cells along a side, as in DRAEM
OWN_SHARE = 0.3  # of the defects that are filled with the picture's own pixels
LEAST_CONTRAST = 0.03  # mean difference under the mask, of full white
TRIES = 4


class Synthesis:
    """Puts a defect on a share of the pictures. Called from several threads at once.

    Raises:
        ValueError: the texture folder does not exist or holds no pictures; share is not within 0 to 1.
    """

    def __init__(self, texture_folder: str | None = None, share: float = 1.0):
        if not 0 <= share <= 1:
            raise ValueError(f"share is {share}, but a share of the pictures lies within 0 and 1")
        self.share = share
        self.textures = TextureFolder(Path(texture_folder)) if texture_folder is not None else drawn_texture

    def __call__(self, pixels: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """A defective twin of pixels (H, W, 3) float32 in [0, 1], and the mask (H, W) float32, 1 where it is defective.

        A picture that the share leaves out comes back as it is, with a mask of zeros.
        """
        height, width = pixels.shape[:2]
        if generator.random() >= self.share:
            return pixels, np.zeros((height, width), np.float32)
        for _ in range(TRIES):
            mask = defect_mask(height, width, generator)
            blended = self._blended(pixels, mask, generator)
            if np.abs(blended - pixels)[mask].mean() >= LEAST_CONTRAST:
                return blended, mask.astype(np.float32)
        opposite = np.where(pixels < 0.5, pixels + 0.5, pixels - 0.5).astype(np.float32)
        return np.where(mask[..., None], opposite, pixels), mask.astype(np.float32)

    def _blended(self, pixels: np.ndarray, mask: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        height, width = mask.shape
        own = generator.random() < OWN_SHARE
        filling = _own_patch(pixels, generator) if own else self.textures(height, width, generator)
        if _is_grey(pixels):  # colour would give the defect away where the camera sees none
            filling = filling.mean(axis=2, keepdims=True)
        opacity = np.float32(generator.uniform(*OPACITY))
        blended = pixels.copy()
        blended[mask] += opacity * (filling[mask] - blended[mask])
        return blended


def defect_mask(height: int, width: int, generator: np.random.Generator) -> np.ndarray:
    """Where the defect is, (height, width) bool; its area is within LEAST_AREA and MOST_AREA."""
    for _ in range(TRIES):
        cells = tuple(int(count) for count in 2 ** generator.integers(0, FINEST, 2))
        noise = turned_perlin_noise(
            height, width, cells=(cells[0], cells[1]), angle_deg=generator.uniform(-90, 90), generator=generator
        )
        mask: np.ndarray = noise > NOISE_THRESHOLD
        if LEAST_AREA <= mask.mean() <= MOST_AREA:
            return mask
    return _simple_shape(height, width, generator)


def _simple_shape(height: int, width: int, generator: np.random.Generator) -> np.ndarray:
    """An ellipse or a rectangle, wholly inside; 0.15 to 0.5 of each side keeps its area within the limits."""
    size = generator.uniform(0.15, 0.5, 2) * (height, width)
    top, left = generator.uniform(0, 1, 2) * ((height, width) - size)
    y = (np.arange(height)[:, None] + 0.5 - top - size[0] / 2) / (size[0] / 2)
    x = (np.arange(width) + 0.5 - left - size[1] / 2) / (size[1] / 2)
    is_ellipse = generator.random() < 0.5
    inside: np.ndarray = (y**2 + x**2 <= 1) if is_ellipse else (np.abs(y) <= 1) & (np.abs(x) <= 1)
    return inside


def _is_grey(pixels: np.ndarray) -> bool:
    return bool((pixels[..., :1] == pixels[..., 1:]).all())


def _own_patch(pixels: np.ndarray, generator: np.random.Generator) -> Texture:
    """The picture itself, moved by an eighth of its side at least, lit and coloured a little differently."""
    height, width = pixels.shape[:2]
    shift = [int(generator.integers(side // 8, side - side // 8)) for side in (height, width)]
    moved = np.roll(pixels, shift, axis=(0, 1))
    gain = generator.uniform(0.7, 1.3, 3).astype(np.float32)
    filling: Texture = np.clip(moved * gain + np.float32(generator.uniform(-0.15, 0.15)), 0, 1)
    return filling
