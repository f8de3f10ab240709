"""Pictures of anything but the product: what a student must not learn to imitate a teacher on.

Drawn textures, or pieces of the pictures of a folder. Which ones come is up to torch's global random numbers, so a
seed repeats them and a training that goes on after an interruption gets the same.
"""

from pathlib import Path

import numpy as np
import torch

from engine.datasets.synthetic.textures import TextureFolder, drawn_texture

DRAWN_MB = 128  # memory of the drawn textures, each of which is kept
MOST_DRAWN = 512
GREY_WEIGHTS = (0.299, 0.587, 0.114)  # of red, green and blue, ITU-R BT.601


class OtherPictures:
    """Raises ValueError when the folder does not exist or holds no pictures; `setting` names it in the message."""

    def __init__(self, folder: str | None, *, image_size: int, seed: int, setting: str):
        self.image_size = image_size
        self.seed = seed
        self.count = min(MOST_DRAWN, max(1, DRAWN_MB * 2**20 // (3 * image_size**2)))
        self._drawn: dict[int, torch.Tensor] = {}
        try:
            self.folder = TextureFolder(Path(folder)) if folder is not None else None
        except ValueError as error:
            raise ValueError(str(error).replace("texture_folder", setting)) from None

    def take(self, count: int, *, grey_share: float) -> torch.Tensor:
        """(count, 3, image_size, image_size) in [0, 1]; about `grey_share` of them without colour, all mirrored at random."""
        pictures = torch.stack([self._one(int(number)) for number in torch.randint(2**31, (count,))])
        is_grey = torch.rand(count, 1, 1, 1) < grey_share
        pictures = torch.where(is_grey, grey(pictures), pictures)
        flips = [dims for dims in ((2,), (3,)) if torch.rand(()) < 0.5]
        for dims in flips:
            pictures = pictures.flip(dims)
        return pictures

    def forget(self) -> None:
        """Let the drawn textures go; they are drawn again, the same, when they are asked for."""
        self._drawn = {}

    def _one(self, number: int) -> torch.Tensor:
        """(3, H, W) by number."""
        size = self.image_size
        if self.folder is not None:  # a piece at twice the size, as in the paper, from any place
            generator = np.random.default_rng(number)
            whole = self.folder(2 * size, 2 * size, generator)
            top, left = (int(start) for start in generator.integers(0, size + 1, 2))
            return torch.from_numpy(np.ascontiguousarray(whole[top : top + size, left : left + size])).permute(2, 0, 1)
        number %= self.count
        if number not in self._drawn:
            drawn = drawn_texture(size, size, np.random.default_rng([self.seed, number]))
            pixels = np.ascontiguousarray((drawn * 255).astype(np.uint8))
            self._drawn[number] = torch.from_numpy(pixels).permute(2, 0, 1)
        return self._drawn[number].float() / 255


def grey(images: torch.Tensor) -> torch.Tensor:
    """(B, 3, H, W) -> (B, 1, H, W): brightness as the eye weighs it."""
    weights = torch.tensor(GREY_WEIGHTS, dtype=images.dtype, device=images.device).view(1, 3, 1, 1)
    return (images * weights).sum(dim=1, keepdim=True)
