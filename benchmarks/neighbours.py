"""Exact nearest neighbours against the plain search, in one run: `python benchmarks/neighbours.py`.

The plain way computes all distances of an image's patches in float32, in chunks, takes the root, then the smallest with its
place. Ours compares coarsely with a proven bound and measures again what can matter. Both name the same neighbours, but for
pairs that float32 cannot tell apart. One image is 1,024 queries.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from anywhere, installed or not

from benchmarks.coreset import DATA
from benchmarks.measuring import Taken, in_own_process, print_heading, print_ratio, taken_by
from engine.layers.neighbours import Searcher, multiplies_bfloat16

IMAGES, PATCHES, CHUNK = 8, 1024, 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, nargs="+", default=[2_000, 20_000])
    parser.add_argument("--dimensions", type=int, default=128)
    options = parser.parse_args()
    native = "multiplied" if multiplies_bfloat16(torch.device("cpu")) else "not multiplied"
    print(f"{IMAGES} images of {PATCHES} patches, {torch.get_num_threads()} threads; bfloat16 {native} natively")
    for entries in options.entries:
        print(f"{entries} entries of {options.dimensions} dimensions")
        print_heading()
        for data in DATA:
            plain, ours = (in_own_process(run, way, data, entries, options.dimensions) for way in (plainly, coarsely))
            apart = float((plain.result - ours.result).abs().max() / ours.result.abs().max())
            print_ratio(data, plain, ours, note=f"distances within {apart:.0e}")


def run(way: Callable[..., torch.Tensor], data: str, entries: int, dimensions: int) -> Taken:
    points = DATA[data](entries + IMAGES * PATCHES, dimensions)
    points = points[torch.randperm(len(points), generator=torch.Generator().manual_seed(0))]
    bank, queries = points[:entries], points[entries:].split(PATCHES)
    return taken_by(lambda: way(bank, queries), repeats=3)


def plainly(bank: torch.Tensor, queries: tuple[torch.Tensor, ...]) -> torch.Tensor:
    """As a memory bank is searched by the book: the whole table, its root, its minimum."""
    found = []
    for image in queries:
        for part in image.split(CHUNK):
            norms = bank.pow(2).sum(dim=1)
            table = part.pow(2).sum(dim=1, keepdim=True) - 2 * part @ bank.T + norms
            found.append(table.clamp(min=0).sqrt().min(dim=1).values)
    return torch.cat(found)


def coarsely(bank: torch.Tensor, queries: tuple[torch.Tensor, ...]) -> torch.Tensor:
    searcher = Searcher(bank)
    return torch.cat([searcher.nearest(image)[0] for image in queries])


if __name__ == "__main__":
    main()
