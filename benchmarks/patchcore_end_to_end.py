"""PatchCore from files to scores, against the plain way of doing the same, in one run.

`python benchmarks/patchcore_end_to_end.py --data FOLDER`, FOLDER in MVTec layout (or MURASCOPE_TEST_DATA/phone_screen);
weights from MURASCOPE_WEIGHTS. Both ways take the same files, backbone, image size and share of patches. The plain way
collects 32 images at a time, thins by the greedy loop (of which it makes the first `--plain-picks` picks; its time is
extrapolated, marked by ~, and its bank filled up at random) and searches the whole table of distances for each image. Peak
memory is that of the whole process.
"""

import argparse
import os
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from anywhere, installed or not

from benchmarks.coreset import plain_greedy
from benchmarks.measuring import in_own_process
from benchmarks.neighbours import plainly
from engine.contract.jobs import make_job
from engine.contract.jobs.detect import DetectJob
from engine.datasets import Item
from engine.datasets.factory import open_dataset
from engine.datasets.loading import Loader
from engine.evaluation.metrics import get_metric, tally
from engine.layers.patches import joined_patches
from engine.models import build_model
from engine.report import silent


@dataclass
class Seen:
    """Seconds of collecting and thinning, milliseconds an image with loading, peak memory in MB, image AUROC."""

    collect_s: float
    thin_s: float
    inspect_ms: float
    peak_mb: float
    auroc: float | None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    home = os.environ.get("MURASCOPE_TEST_DATA")
    parser.add_argument("--data", type=Path, default=Path(home) / "phone_screen" if home else None)
    parser.add_argument("--backbone", default="mobilenetv2_100")
    parser.add_argument("--shares", type=float, nargs="+", default=[0.02, 0.1], help="of the patches kept")
    parser.add_argument("--plain-picks", type=int, default=300)
    options = parser.parse_args()
    if options.data is None:
        parser.error("name a data set in MVTec layout with --data, or its parent folder in MURASCOPE_TEST_DATA")
    print(f"{options.data.name}, {options.backbone}, 256 px, {torch.get_num_threads()} threads")
    print(f"{'':<26}{'collect s':>10}{'coreset s':>10}{'fit s':>9}{'ms/image':>10}{'peak MB':>9}{'AUROC':>8}")
    for share in options.shares:
        spec = make_job("detect", "bench", "patchcore", {"backbone": options.backbone, "coreset_ratio": share})
        ours = in_own_process(run_ours, spec, options.data)
        plain = in_own_process(run_plain, spec, options.data, options.plain_picks)
        for name, seen in (("ours", ours), ("plain (coreset ~)", plain)):
            fit = seen.collect_s + seen.thin_s
            auroc = "-" if seen.auroc is None else f"{seen.auroc:.4f}"
            print(
                f"{f'{share:.0%} kept, {name}':<26}{seen.collect_s:>10.1f}{seen.thin_s:>10.1f}{fit:>9.1f}"
                f"{seen.inspect_ms:>10.1f}{seen.peak_mb:>9.0f}{auroc:>8}"
            )
        fits = (plain.collect_s + plain.thin_s) / (ours.collect_s + ours.thin_s)
        print(
            f"{'  plain : ours':<26}{'':>20}{fits:>9.1f}{plain.inspect_ms / ours.inspect_ms:>10.1f}"
            f"{plain.peak_mb / ours.peak_mb:>9.1f}"
        )


@torch.no_grad()
def run_ours(spec: DetectJob, data: Path) -> Seen:
    train, test = _items(data)
    model = _model(spec)
    started = time.perf_counter()
    for batch in _loader(spec, train):
        model.train_step(batch)
    collected = time.perf_counter()
    model.fit(silent)
    thinned = time.perf_counter()
    scores, labels = [], []
    for batch in _loader(spec, test):
        scores.append(model.predict_step(batch).pred_score)
        labels.append(batch.labels)
    inspected = (time.perf_counter() - thinned) / len(test) * 1000
    auroc = get_metric("image_auroc")(tally(torch.cat(scores).numpy(), torch.cat(labels).numpy())).value
    return Seen(collected - started, thinned - collected, inspected, _peak_mb(), auroc)


@torch.no_grad()
def run_plain(spec: DetectJob, data: Path, picks: int) -> Seen:
    train, test = _items(data)
    model = _model(spec)
    assert model.backbone is not None
    started = time.perf_counter()
    collected = [joined_patches(model.backbone(batch.images), patch_size=3) for batch in _loader(spec, train)]
    points = torch.cat([patches.flatten(0, 2) for patches in collected])
    size = round(len(points) * spec.model.coreset_ratio)  # type: ignore[union-attr]
    collect_s = time.perf_counter() - started
    started = time.perf_counter()
    chosen = plain_greedy(points, picks)
    thin_s = (time.perf_counter() - started) * size / picks
    rest = torch.randperm(len(points), generator=torch.Generator().manual_seed(0))[: size - picks]
    bank = points[torch.cat([chosen, rest])]
    started = time.perf_counter()
    for batch in _loader(spec, test):
        patches = joined_patches(model.backbone(batch.images), patch_size=3)
        plainly(bank, tuple(patches.flatten(1, 2)))
    inspect_ms = (time.perf_counter() - started) / len(test) * 1000
    return Seen(collect_s, thin_s, inspect_ms, _peak_mb(), None)


def _model(spec: DetectJob):
    folder = os.environ.get("MURASCOPE_WEIGHTS")
    return build_model(spec, weights_folder=Path(folder) if folder else None, warn=lambda event: print(event.message))


def _items(data: Path) -> tuple[list[Item], list[Item]]:
    items = open_dataset(data).items
    return [item for item in items if item.split == "train"], [item for item in items if item.split == "test"]


def _loader(spec: DetectJob, items: list[Item]) -> Loader:
    return Loader(items, image_size=256, batch_size=spec.batch_size)


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
