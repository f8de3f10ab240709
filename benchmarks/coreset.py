"""Lazy greedy coreset against the plain greedy loop, in one run: `python benchmarks/coreset.py --points 20000 200000`.

Both pick the same points; the ratio is the time of the plain loop divided by that of the lazy search. The plain loop here is
already the good one: cached norms and one matrix-vector product per pick, in float64 as what decides in the lazy search, so
that what is picked can be compared. Each pick takes it the same time: of many it makes the first `--plain-picks`, and its
time for all is extrapolated from these (marked by ~). Memory is what each takes beyond the points.
"""

import argparse
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from anywhere, installed or not

from benchmarks.measuring import Taken, in_own_process, print_heading, print_ratio, taken_by
from engine.backbones import Backbone
from engine.layers.coreset import greedy_coreset


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, nargs="+", default=[20_000])
    parser.add_argument("--dimensions", type=int, default=128)
    parser.add_argument("--share", type=float, default=0.1, help="of the points that is picked")
    parser.add_argument("--plain-picks", type=int, default=2_000, help="that the plain loop makes at most")
    options = parser.parse_args()
    for points in options.points:
        size = round(points * options.share)
        made = min(size, options.plain_picks)
        print(f"{points} points of {options.dimensions} dimensions, {size} picked, {torch.get_num_threads()} threads")
        print_heading()
        for data in DATA:
            plain = in_own_process(run_plain, data, points, options.dimensions, made)
            lazy = in_own_process(run_lazy, data, points, options.dimensions, size)
            same = "same picks" if plain.result == lazy.result[:made] else "OTHER PICKS"
            note = same if made == size else f"~ the first {made}: {same}"
            whole = Taken(plain.seconds * size / made, plain.peak_mb, None)
            print_ratio(data, whole, lazy, note=note)


def run_plain(data: str, points: int, dimensions: int, size: int) -> Taken:
    cloud = DATA[data](points, dimensions)
    return taken_by(lambda: plain_greedy(cloud, size).tolist())


def run_lazy(data: str, points: int, dimensions: int, size: int) -> Taken:
    cloud = DATA[data](points, dimensions)
    return taken_by(lambda: greedy_coreset(cloud, size=size).tolist())


def plain_greedy(points: torch.Tensor, size: int) -> torch.Tensor:
    """After each pick, every point's distance to it."""
    points = points.double()
    norms = torch.einsum("nd,nd->n", points, points)
    farness = torch.full_like(norms, torch.inf)
    picked = [0]
    while len(picked) < size:
        latest = picked[-1]
        distance = torch.addmv(norms + norms[latest], points, points[latest], alpha=-2)
        torch.minimum(farness, distance.clamp_(min=0), out=farness)
        farness[latest] = -1
        picked.append(int(farness.argmax()))
    return torch.tensor(picked)


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
    points, filled = torch.empty(count, dimensions), 0
    while filled < count:
        coarse = torch.rand(8, 3, 16, 16, generator=generator)
        fine, coarse_level = backbone(torch.nn.functional.interpolate(coarse, size=256, mode="bicubic").clamp(0, 1))
        both = torch.cat([fine, torch.nn.functional.interpolate(coarse_level, size=fine.shape[-2:])], dim=1)
        rows = both.permute(0, 2, 3, 1).flatten(0, 2)[: count - filled, :dimensions]
        points[filled : filled + len(rows)] = rows
        filled += len(rows)
    return points


DATA = {"independent normal": normal, "clusters": clusters, "backbone features": features}

if __name__ == "__main__":
    main()
