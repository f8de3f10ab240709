"""Patches of good images, kept to compare with, and where each comes from."""

from collections.abc import Callable

import torch
from torch import nn

from engine.contract.events import Fitting
from engine.layers.coreset import greedy_coreset
from engine.layers.neighbours import Neighbour, Searcher, nearest_k_plainly, nearest_plainly
from engine.report import Eta, Reporter


class MemoryBank(nn.Module):
    """M patches of D features. sources (M, 3): index of the training image in the order collected, row and column.

    One that holds patches already is extended by what it learns: it keeps what it had.
    """

    patches: torch.Tensor
    sources: torch.Tensor

    def __init__(self, size: int):
        super().__init__()
        self.register_buffer("patches", torch.empty(0, size))
        self.register_buffer("sources", torch.empty(0, 3, dtype=torch.int32))
        self._searcher: tuple[torch.Tensor, int, Searcher] | None = None

    def __len__(self) -> int:
        return len(self.patches)

    def learn(
        self,
        patches: torch.Tensor,
        *,
        grid: tuple[int, int],
        ratio: float,
        most: int,
        seed: int,
        report: Reporter,
        first_image: int = 0,
    ) -> None:
        """Keep the share `ratio` of all patches (N, D), those that cover the others best; they come image by image, each a grid row by row.

        A bank that holds patches takes those farthest from what it has, farthest first. Where it would hold more than `most`, and more than
        it held before, old and new are thinned together.

        Args:
            first_image: index of the first of these images among all that the bank was learnt from.
        """
        size = max(1, round(ratio * len(patches)))
        if len(self) == 0:
            first = int(torch.randint(len(patches), (1,), generator=torch.Generator().manual_seed(seed)))
            chosen = greedy_coreset(patches, size=size, first=first, progress=_telling(report, size))
            self.fill(patches, chosen, grid=grid)
            return
        added = MemoryBank(patches.shape[1])
        chosen = greedy_coreset(patches, size=size, beyond=self.patches, progress=_telling(report, size, len(self)))
        added.fill(patches, chosen, grid=grid, first_image=first_image)
        most = max(most, len(self))
        self.patches = torch.cat([self.patches, added.patches])
        self.sources = torch.cat([self.sources, added.sources])
        if len(self) > most:
            kept = greedy_coreset(self.patches, size=most, progress=_telling(report, most)).sort().values
            self.patches, self.sources = self.patches[kept], self.sources[kept]

    def fill(self, patches: torch.Tensor, chosen: torch.Tensor, *, grid: tuple[int, int], first_image: int = 0) -> None:
        """Take over the `chosen` of all patches (N, D), which come image by image, each a grid row by row."""
        height, width = grid
        self.patches = patches[chosen]
        image, within = first_image + chosen // (height * width), chosen % (height * width)
        self.sources = torch.stack([image, within // width, within % width], dim=1).int()

    def nearest(self, queries: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Distance (Q,) of queries (Q, D) to the nearest patch, and its index (Q,)."""
        if torch.compiler.is_exporting():
            return nearest_plainly(queries, self.patches)
        return self._search().nearest(queries)

    def nearest_elsewhere(self, queries: torch.Tensor, images: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Of patches (B, P, D) of pictures it was made from: the distance (B * P,) to the nearest patch of any other picture, and its index.

        Args:
            images: index (B,) of each picture in the order collected. Where the bank holds no other, its own count.
        """
        distances, indices = [], []
        for patches, image in zip(queries, images, strict=True):
            others = torch.nonzero(self.sources[:, 0] != image).squeeze(1)
            if len(others) == 0:
                others = torch.arange(len(self), device=self.patches.device)
            distance, index = Searcher(self.patches[others]).nearest(patches)
            distances.append(distance)
            indices.append(others[index])
        return torch.cat(distances), torch.cat(indices)

    def nearest_k(self, queries: torch.Tensor, *, k: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Distances (Q, k) and indices, nearest first; fewer where the bank is smaller."""
        if torch.compiler.is_exporting():
            return nearest_k_plainly(queries, self.patches, k=k)
        return self._search().nearest_k(queries, k=k)

    def explain(
        self, patches: torch.Tensor, places: list[tuple[int, int, int]], *, size: tuple[int, int] | torch.Size, k: int
    ) -> list[list[Neighbour]] | None:
        """The k patches nearest to each place (image of the batch, y, x in pixels of `size`).

        Args:
            patches: (B, H, W, D) of the batch, on the grid that the bank was made from.
        """
        if len(self.sources) < len(self.patches):
            return None  # saved before sources were kept
        height, width = patches.shape[1:3]
        cells = [(image, y * height // size[0], x * width // size[1]) for image, y, x in places]
        distance, index = self.nearest_k(torch.stack([patches[cell] for cell in cells]), k=k)
        return [
            [
                Neighbour(image=image, x=(column + 0.5) / width, y=(row + 0.5) / height, distance=far)
                for far, (image, row, column) in zip(far_off, self.sources[entries].tolist(), strict=True)
            ]
            for far_off, entries in zip(distance.tolist(), index, strict=True)
        ]

    def _search(self) -> Searcher:
        """Made once for a bank; anew when its patches were replaced or written to."""
        kept = self._searcher
        version = 0 if self.patches.is_inference() else self.patches._version
        if kept is None or kept[0] is not self.patches or kept[1] != version:
            self._searcher = kept = (self.patches, version, Searcher(self.patches))
        return kept[2]


def _telling(report: Reporter, size: int, held: int = 0) -> Callable[[int, int], None]:
    """Says how far a bank is that takes `size` patches beside the `held` ones."""
    eta = Eta(size)

    def progress(done: int, total: int) -> None:
        report(Fitting(what="coreset", done=done, total=total, bank_size=held + done, eta_s=eta(done)))

    return progress
