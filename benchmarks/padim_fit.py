"""PaDiM's streamed fit against the plain one, in one run: `python benchmarks/padim_fit.py`.

The plain way keeps all embeddings, then computes mean, covariance and inverse position by position. Ours sums up as batches
pass by and factorises many positions at once. Features are made up and the same for both; making them is not timed.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from anywhere, installed or not

from benchmarks.measuring import Taken, in_own_process, print_heading, print_ratio, taken_by
from engine.models.padim import Sums, factorise
from engine.report import silent

BATCH, REGULARISATION = 32, 0.01
Model = tuple[
    torch.Tensor, Callable[[torch.Tensor], torch.Tensor]
]  # means (P, D), and distances (P,) of offsets (P, D)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--positions", type=int, default=4096, help="64 x 64 for images of 256 pixels")
    parser.add_argument("--features", type=int, default=100)
    options = parser.parse_args()
    size = (options.images, options.positions, options.features)
    print("{} images, {} positions, {} features".format(*size) + f", {torch.get_num_threads()} threads")
    plain, ours = in_own_process(run, plainly, size), in_own_process(run, streamed, size)
    apart = float((plain.result - ours.result).abs().max())
    print_heading()
    print_ratio("fit", plain, ours, note=f"Mahalanobis distances within {apart:.0e}")


def run(way: Callable[[list[torch.Tensor]], Model], size: tuple[int, int, int]) -> Taken:
    """Distances of one more image, so that both can be compared."""
    made = [features(size, start, min(BATCH, size[0] - start)) for start in range(0, size[0], BATCH)]
    taken = taken_by(lambda: way(made))
    mean, whitened = taken.result
    return Taken(taken.seconds, taken.peak_mb, whitened(features(size, BATCH * 1000, 1)[:, 0] - mean))


def features(size: tuple[int, int, int], start: int, count: int) -> torch.Tensor:
    """(P, count, D), the same for the same start."""
    generator = torch.Generator().manual_seed(start)
    return torch.randn(size[1], count, size[2], generator=generator).cumsum_(dim=2).mul_(0.1)


def plainly(batches: list[torch.Tensor]) -> Model:
    embeddings = torch.cat(batches, dim=1).transpose(0, 1)  # (N, P, D)
    count, positions, size = embeddings.shape
    mean = embeddings.mean(dim=0)
    inverse = torch.empty(positions, size, size)
    identity = torch.eye(size)
    for position in range(positions):
        centred = embeddings[:, position] - mean[position]
        covariance = centred.T @ centred / (count - 1)
        inverse[position] = torch.linalg.inv(covariance + REGULARISATION * identity)
    return mean, lambda offset: torch.einsum("pd,pde,pe->p", offset, inverse, offset).sqrt()


def streamed(batches: list[torch.Tensor]) -> Model:
    sums = Sums(batches[0])
    for batch in batches:
        sums.add(batch)
    mean, factor = sums.mean(), factorise(sums.covariance(), regularisation=REGULARISATION, report=silent)
    return mean, lambda offset: torch.linalg.vector_norm(
        torch.linalg.solve_triangular(factor, offset.unsqueeze(2), upper=False), dim=(1, 2)
    )


if __name__ == "__main__":
    main()
