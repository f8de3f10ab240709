"""Greedy k-centre coreset: the points that cover all others best, as PatchCore thins its memory bank.

Sener & Savarese, Active Learning for Convolutional Neural Networks: A Core-Set Approach, ICLR 2018,
https://arxiv.org/abs/1708.00489. The plain greedy loop looks at all N points for each of k picks. Here it looks at a pool of
the farthest points for as long as these are sure to hold the next pick, and at all points only between pools, for many new
centres in one coarse matrix product whose error is bounded. What is picked is the same: the distances that count are in
float64, so that the rounding of a matrix product, which differs with its shape, does not decide between two points that are
nearly equally far.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from engine.layers.neighbours import Searcher, pair_distances, squared_norms

POOL = 1024
CHUNK_ELEMENTS = 2**21  # numbers held at a time while all points are updated: 16 MB


def greedy_coreset(
    points: torch.Tensor,
    *,
    size: int,
    first: int = 0,
    beyond: torch.Tensor | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    pool_size: int = POOL,
) -> torch.Tensor:
    """Indices (size,) into `points` (N, D), in the order picked; fewer when all other points are copies of picked ones.

    Each pick is the point farthest from all picked before; of equally far ones the lowest index. `progress(done, total)` is
    called between pools and every few picks; it may raise to stop.

    Args:
        first: index of the first pick.
        beyond: points (B, D) that count as picked before, so that the first pick is the one farthest from all of these.
    """
    size = min(size, len(points))
    norms = torch.cat([squared_norms(part.double()) for part in torch.split(points, 65536)])
    farness = torch.full_like(norms, torch.inf)  # (N,) squared distance to the nearest pick; -1 once picked
    picked: list[int] = []
    if beyond is None:
        picked = [first]
        _account_for(points, norms, farness, points[picked], norms[picked])
        farness[picked] = -1
    else:
        for part in torch.split(beyond, pool_size):
            _account_for(points, norms, farness, part, squared_norms(part.double()))
    while len(picked) < size:
        progress(len(picked), size)
        pool = _farthest(farness, min(pool_size, len(points) - 1))
        new = _pick_from(points, norms, farness, pool, picked=len(picked), size=size, progress=progress)
        if not new:
            break
        _account_for(points, norms, farness, points[new], norms[new])
        farness[new] = -1
        picked += new
    progress(len(picked), len(picked))
    return torch.tensor(picked, dtype=torch.long, device=points.device)


@dataclass(frozen=True)
class _Pool:
    """The farthest points by ascending index; the farness of the best one left out and the lowest index that has it."""

    indices: torch.Tensor
    bound: float
    first_at_bound: int


def _farthest(farness: torch.Tensor, count: int) -> _Pool:
    bound = farness.topk(count + 1).values[-1]
    beyond = (farness > bound).nonzero().squeeze(1)
    at_bound = (farness == bound).nonzero().squeeze(1)
    fill = count - len(beyond)
    indices = torch.cat([beyond, at_bound[:fill]]).sort().values
    return _Pool(indices, float(bound), int(at_bound[fill]))


def _pick_from(
    all_points: torch.Tensor,
    all_norms: torch.Tensor,
    all_farness: torch.Tensor,
    pool: _Pool,
    *,
    picked: int,
    size: int,
    progress: Callable[[int, int], None],
) -> list[int]:
    """Plain greedy inside the pool, until a point outside of it might be farther: farness only ever falls."""
    points, norms = all_points[pool.indices].double(), all_norms[pool.indices]
    farness = all_farness[pool.indices]
    new: list[int] = []
    while picked + len(new) < size:
        best = int(farness.argmax())  # the first of equal ones: indices ascend
        value, index = float(farness[best]), int(pool.indices[best])
        if value <= 0 or value < pool.bound or (value == pool.bound and index > pool.first_at_bound):
            break
        new.append(index)
        distance = torch.addmv(norms + norms[best], points, points[best], alpha=-2)
        torch.minimum(farness, distance.clamp_(min=0), out=farness)
        farness[best] = -1
        if len(new) % 64 == 0:
            progress(picked + len(new), size)
    return new


def _account_for(
    points: torch.Tensor, norms: torch.Tensor, farness: torch.Tensor, centres: torch.Tensor, centre_norms: torch.Tensor
) -> None:
    """Lower every point's farness to its distance to the new centres (K, D), chunk by chunk.

    The coarse search names the few pairs that can matter; these are measured in float64.
    """
    searcher = Searcher(centres)
    rows = max(1, CHUNK_ELEMENTS // points.shape[1])
    for start in range(0, len(points), rows):
        part = slice(start, start + rows)
        pairs = searcher.closer(points[part], farness[part])
        if pairs is None:
            _account_for_all(points[part], norms[part], farness[part], centres, centre_norms)
        else:
            row, entry = pairs
            distance = pair_distances(points[part], row, searcher.bank, entry, dtype=torch.float64)
            farness[part].scatter_reduce_(0, row, distance, "amin")


def _account_for_all(
    points: torch.Tensor, norms: torch.Tensor, farness: torch.Tensor, centres: torch.Tensor, centre_norms: torch.Tensor
) -> None:
    """The same by all distances in one float64 matrix product, for points so close together that all of them matter."""
    rows = max(1, CHUNK_ELEMENTS // max(len(centres), points.shape[1]))
    for start in range(0, len(points), rows):
        part = slice(start, start + rows)
        distance = torch.addmm(centre_norms, points[part].double(), centres.double().T, alpha=-2).amin(dim=1)
        torch.minimum(farness[part], distance.add_(norms[part]).clamp_(min=0), out=farness[part])
