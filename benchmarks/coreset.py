"""Lazy greedy coreset against the plain greedy loop, in one run: `python benchmarks/coreset.py`.

Both pick the same points; the ratio is the time of the plain loop divided by that of the lazy search. The plain loop here is
already the good one: cached norms and one matrix-vector product per pick, in float64 as the lazy search, so that what is
picked can be compared.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from anywhere, installed or not

from engine.backbones import Backbone
from engine.layers.coreset import greedy_coreset


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=20_000)
    parser.add_argument("--dimensions", type=int, default=160)
    parser.add_argument("--share", type=float, default=0.1, help="of the points that is picked")
    options = parser.parse_args()
    size = round(options.points * options.share)
    print(
        f"{options.points} points of {options.dimensions} dimensions, {size} picked, {torch.get_num_threads()} threads"
    )
    print(f"{'data':<22}{'plain s':>10}{'lazy s':>10}{'plain : lazy':>14}  same picks")
    for name, make in (("independent normal", normal), ("clusters", clusters), ("backbone features", features)):
        points = make(options.points, options.dimensions)
        plain_s, plain = timed(lambda p=points: plain_greedy(p, size))
        lazy_s, lazy = timed(lambda p=points: greedy_coreset(p, size=size))
        same = "yes" if plain.tolist() == lazy.tolist() else "NO"
        print(f"{name:<22}{plain_s:>10.2f}{lazy_s:>10.2f}{plain_s / lazy_s:>14.1f}  {same}")


def plain_greedy(points: torch.Tensor, size: int) -> torch.Tensor:
    """After each pick, every point's distance to it."""
    points = points.double()
    norms = (points * points).sum(dim=1)
    farness = torch.full_like(norms, torch.inf)
    picked = [0]
    while len(picked) < size:
        latest = picked[-1]
        distance = torch.addmv(norms + norms[latest], points, points[latest], alpha=-2)
        torch.minimum(farness, distance.clamp_(min=0), out=farness)
        farness[latest] = -1
        picked.append(int(farness.argmax()))
    return torch.tensor(picked)


def timed(work: Callable[[], torch.Tensor]) -> tuple[float, torch.Tensor]:
    """Seconds and result of the better of two runs."""
    best = float("inf")
    for _ in range(2):
        started = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - started)
    return best, result


def normal(count: int, dimensions: int) -> torch.Tensor:
    return torch.randn(count, dimensions, generator=torch.Generator().manual_seed(0))


def clusters(count: int, dimensions: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    centres = 5 * torch.randn(50, dimensions, generator=generator)
    chosen = torch.randint(50, (count,), generator=generator)
    return centres[chosen] + torch.randn(count, dimensions, generator=generator)


@torch.no_grad()
def features(count: int, dimensions: int) -> torch.Tensor:
    """Features of smooth random images; random weights, so that nothing needs to be downloaded."""
    backbone = Backbone("resnet18", layers=[1, 2], weights="random")
    generator = torch.Generator().manual_seed(2)
    parts: list[torch.Tensor] = []
    while sum(map(len, parts)) < count:
        coarse = torch.rand(8, 3, 16, 16, generator=generator)
        fine, coarse_level = backbone(torch.nn.functional.interpolate(coarse, size=256, mode="bicubic").clamp(0, 1))
        both = torch.cat([fine, torch.nn.functional.interpolate(coarse_level, size=fine.shape[-2:])], dim=1)
        parts.append(both.permute(0, 2, 3, 1).flatten(0, 2)[:, :dimensions])
    return torch.cat(parts)[:count].contiguous()


if __name__ == "__main__":
    main()
