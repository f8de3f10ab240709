"""A classifier of the five defect types of magnetic_tile, three seeds: `python benchmarks/classify.py --data FOLDER --weights FOLDER`.

Each training is `python -m engine run` in a process of its own, as in the product. The same tile was photographed under several
exposures, which only the numbers in the files' names tell (the data set's README): a copy with a table of groups is what is
learnt from, so that no tile is learnt from and tested with. What is measured becomes a section of `benchmarks/RESULTS.md`.
"""

import argparse
import csv
import os
import re
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # run from anywhere, installed or not

from engine.contract.events import Epoch, read_events  # noqa: E402
from engine.contract.folder import RunFolder  # noqa: E402
from engine.contract.jobs import make_job  # noqa: E402
from engine.contract.results.classify import ClassifyResults  # noqa: E402

SETTINGS = {"backbone": "mobilenetv2_100", "image_size": 224, "epochs": 8, "augmentation": "strong"}
SEEDS = (0, 1, 2)
LARGEST_GAP = 300  # frames between pictures of one tile
HEADING = "\n## Telling defect types apart\n"


def main() -> None:
    options = _options()
    data = _grouped(options.data, options.work / "tiles")
    found = [_trained(seed, data, options) for seed in options.seeds]
    text = _section(found)
    print(text)
    page = ROOT / "benchmarks" / "RESULTS.md"
    before = page.read_text(encoding="utf-8").partition(HEADING)
    rest = before[2].partition("\n## ")
    page.write_text(before[0] + HEADING + text + (rest[1] + rest[2] if rest[1] else ""), encoding="utf-8")


def _grouped(data: Path, copy: Path) -> Path:
    """The defective pictures in their folders, and split.csv: which tile each is of."""
    shutil.rmtree(copy, ignore_errors=True)
    pictures = []
    for picture in sorted(data.glob("test/*/*.png")):
        if picture.parent.name != "good":
            target = copy / picture.parent.name / picture.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(picture, target)
            pictures.append((_frame(picture), f"{picture.parent.name}/{picture.name}"))
    with (copy / "split.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "group"])
        tile, before = 0, -LARGEST_GAP
        for frame, name in sorted(pictures):
            tile += frame - before > LARGEST_GAP
            before = frame
            writer.writerow([name, f"tile {tile}"])
    return copy


def _frame(picture: Path) -> int:
    found = re.search(r"num_(\d+)", picture.name)
    assert found is not None, picture
    return int(found[1])


def _trained(seed: int, data: Path, options: argparse.Namespace) -> tuple[ClassifyResults, str]:
    """What was measured, and which state was kept: that of the best epoch, or the head that was fitted before the first."""
    folder = RunFolder(options.work / f"seed-{seed}")
    if not folder.evaluation.metrics.is_file():
        shutil.rmtree(folder.path, ignore_errors=True)
        folder.path.mkdir(parents=True)
        folder.write_job(make_job("classify", "magnetic_tile", "mobilenet", {**SETTINGS, "seed": seed}))
        command = [sys.executable, "-m", "engine", "run", str(folder.path), "--data", str(data)]
        environment = {**os.environ, "MURASCOPE_WEIGHTS": str(options.weights), "MURASCOPE_HUB": "off"}
        subprocess.run(command, cwd=ROOT, env=environment, check=True)
    best = [event.epoch for event in read_events(folder.path) if isinstance(event, Epoch) and event.best]
    return folder.evaluation.read(ClassifyResults), f"epoch {best[-1]}" if best else "the head alone"


def _section(found: list[tuple[ClassifyResults, str]]) -> str:
    lines = [
        "`python benchmarks/classify.py --data ../shared/data/magnetic_tile --weights ../shared/weights`: MobileNet (mobilenetv2_100), "
        + ", ".join(f"{name} {value}" for name, value in SETTINGS.items() if name != "backbone")
        + ", else as it comes. Whole tiles are learnt from, watched or tested with.",
        "",
        "| seed | test pictures | balanced accuracy (95 %) | accuracy | macro F1 | calibration error | chance | always the most frequent | kept |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for seed, (results, kept) in zip(SEEDS, found, strict=False):
        metrics, low_high = results.metrics.metrics, results.metrics.intervals["balanced_accuracy"]
        assert low_high is not None
        shown = [f"{metrics['balanced_accuracy']:.3f} ({low_high[0]:.3f} to {low_high[1]:.3f})"]
        shown += [f"{metrics[name]:.3f}" for name in ("accuracy", "macro_f1", "ece", "chance", "majority_share")]
        lines.append(f"| {seed} | {len(results.rows)} | {' | '.join(shown)} | {kept} |")
    headline = [results.metrics.metrics["balanced_accuracy"] or 0.0 for results, _ in found]
    lines += ["", f"Mean balanced accuracy {statistics.mean(headline):.3f}."]
    for name in found[0][0].metrics.classes:
        recalls = [results.metrics.per_class[name].recall for results, _ in found]
        shown = ", ".join("-" if recall is None else f"{recall:.2f}" for recall in recalls)
        lines.append(f"Found of {name}: {shown}." + ("" if name == found[0][0].metrics.classes[-1] else "  "))
    return "\n" + "\n".join(lines) + "\n"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of magnetic_tile")
    parser.add_argument("--weights", type=Path, required=True, help="folder with the weights of mobilenetv2_100")
    parser.add_argument("--work", type=Path, default=Path("/tmp/murascope-classify"), help="where runs are kept")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    return parser.parse_args()


if __name__ == "__main__":
    main()
