"""Separable Gaussian blur by matrix products against one dense kernel, in one run: `python benchmarks/blur.py`."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from anywhere, installed or not

from benchmarks.measuring import Taken, in_own_process, print_heading, print_ratio, taken_by
from engine.layers.blur import gaussian_blur


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--maps", type=int, default=32)
    parser.add_argument("--size", type=int, nargs="+", default=[256, 512], help="pixels a side")
    parser.add_argument("--sigma", type=float, default=4.0)
    options = parser.parse_args()
    print(f"{options.maps} maps, sigma {options.sigma:g}, {torch.get_num_threads()} threads")
    print_heading()
    for size in options.size:
        plain, ours = (in_own_process(run, way, options.maps, size, options.sigma) for way in (densely, separably))
        apart = float((plain.result - ours.result).abs().max())
        print_ratio(f"{size} x {size}", plain, ours, note=f"within {apart:.0e}")


def run(way: Callable[..., torch.Tensor], maps: int, size: int, sigma: float) -> Taken:
    images = torch.rand(maps, 1, size, size, generator=torch.Generator().manual_seed(0))
    return taken_by(lambda: way(images, sigma), repeats=3)


def densely(maps: torch.Tensor, sigma: float) -> torch.Tensor:
    radius = int(4 * sigma + 0.5)
    line = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / sigma) ** 2)
    kernel = torch.outer(line, line) / line.sum() ** 2
    return functional.conv2d(functional.pad(maps, (radius,) * 4, mode="reflect"), kernel[None, None])


def separably(maps: torch.Tensor, sigma: float) -> torch.Tensor:
    return gaussian_blur(maps, sigma=sigma)


if __name__ == "__main__":
    main()
