"""Batches of 256 px images against the forward pass they feed, in one run: `python benchmarks/loading.py`.

The ratio is the backbone's time per image divided by the loader's: above 1 the loader keeps ahead of it. Decoded
pictures are kept in memory as in a training; the pictures are those of `--data`, or plates made for the purpose. The
backbone has random weights, which take as long as others.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from anywhere, installed or not

from engine.backbones import Backbone
from engine.datasets import Item
from engine.datasets.factory import open_dataset
from engine.datasets.loading import Loader, Pictures
from engine.datasets.synthetic.blending import Synthesis
from tests.engine.samples import write_mvtec

IMAGES, BATCH = 96, 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of a data set; its first good pictures are taken")
    parser.add_argument("--backbone", default="mobilenetv2_100")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = options.data or write_mvtec(Path(made), train=IMAGES)
        items = [item for item in open_dataset(folder).items if item.label == "good"][:IMAGES]
        forward_ms = forward(options.backbone)
        print(f"{options.backbone}: {forward_ms:.1f} ms an image, {torch.get_num_threads()} threads")
        print(f"{'loader':<34}{'ms an image':>12}{'backbone : loader':>20}")
        for name, load_ms in measure(items):
            print(f"{name:<34}{load_ms:>12.2f}{forward_ms / load_ms:>20.1f}")


def measure(items: list[Item]) -> list[tuple[str, float]]:
    """Each way of loading, with milliseconds per image."""
    pictures = Pictures(image_size=256)

    def loader(**settings: object) -> Loader:
        return Loader(items, image_size=256, batch_size=BATCH, seed=0, pictures=pictures, **settings)  # type: ignore[arg-type]

    return [
        ("first pass, decoding", passing(loader())),
        ("later passes", passing(loader())),
        ("light augmentation", passing(loader(augmentation="light"))),
        ("strong augmentation", passing(loader(augmentation="strong"))),
        ("made-up defects", passing(loader(synthesis=Synthesis()))),
        ("strong augmentation and defects", passing(loader(augmentation="strong", synthesis=Synthesis()))),
    ]


def passing(loader: Loader) -> float:
    """Milliseconds per image of one pass with nothing beside it."""
    started = time.perf_counter()
    for _ in loader:
        pass
    return (time.perf_counter() - started) / loader.images * 1000


@torch.no_grad()
def forward(name: str) -> float:
    """Milliseconds per image of the better of three batches."""
    backbone = Backbone(name, layers=[2, 3], weights="random", seed=0)
    images, best = torch.rand(BATCH, 3, 256, 256), float("inf")
    for _ in range(3):
        started = time.perf_counter()
        backbone(images)
        best = min(best, time.perf_counter() - started)
    return best / BATCH * 1000


if __name__ == "__main__":
    main()
