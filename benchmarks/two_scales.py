"""One scale against two: `python benchmarks/two_scales.py --data FOLDER [FOLDER ...] --weights FOLDER`.

Each training is `python -m engine run` in a process of its own with the defaults of a model, once with `scales=1` and once with
`scales=2`, three seeds each, on the data sets given and on the demo. Prints a table: image AUROC, AUROC of the worst defect type
and which it is, pixel AUROC, recall and overkill at the promised threshold, and of two scales time and memory as a multiple of one's in
the same run. The time is the processor's, of the whole training process: it does not grow where other work shares the machine.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # run from anywhere, installed or not

from benchmarks.results import BACKBONE, child, environment_of  # noqa: E402
from engine.contract.events import Finished, read_events  # noqa: E402
from engine.contract.folder import RunFolder  # noqa: E402
from engine.contract.jobs import make_job  # noqa: E402
from engine.contract.results.detect import DetectResults  # noqa: E402
from engine.datasets.synthetic import write_demo  # noqa: E402

METRICS = ("image_auroc", "worst_type_auroc", "pixel_auroc", "recall", "overkill")


def main() -> None:
    options = _options()
    print("| data | model | scales | image AUROC | worst type | pixel AUROC | recall | overkill | time | memory |")
    print("|---|---|---|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as work:
        for data in [write_demo(Path(work) / "demo"), *options.data]:
            for model in options.models:
                tried = {
                    scales: [_train(data, model, scales, seed, Path(work), options) for seed in options.seeds]
                    for scales in (1, 2)
                }
                for scales, results in tried.items():
                    print(_row(data.name, model, scales, results, tried[1]), flush=True)


def _train(data: Path, model: str, scales: int, seed: int, work: Path, options: argparse.Namespace) -> dict[str, Any]:
    run = RunFolder(work / f"{data.name}-{model}-{scales}-{seed}")
    run.path.mkdir()
    settings = {"backbone": BACKBONE, "scales": scales, "seed": seed, "device": "cpu"}
    run.write_job(make_job("detect", data.name, model, settings))
    arguments = ["-m", "engine", "run", str(run.path), "--data", str(data)]
    code, _, peak_mb, processor_s = child(arguments, run.path, environment_of(options))
    last = read_events(run.path)[-1]
    if code != 0 or not isinstance(last, Finished):
        raise RuntimeError(f"the training failed: {last}")
    figures = run.evaluation.read(DetectResults).metrics
    types = {name: each.image_auroc for name, each in figures.per_defect_type.items() if each.image_auroc is not None}
    return {
        **{name: last.metrics[name] for name in METRICS},
        "worst": min(types, key=lambda name: types[name]),
        "seconds": processor_s,
        "peak_mb": peak_mb,
    }


def _row(data: str, model: str, scales: int, results: list[dict[str, Any]], one: list[dict[str, Any]]) -> str:
    means = {name: statistics.mean(each[name] for each in results) for name in (*METRICS, "seconds", "peak_mb")}
    beside = {name: statistics.mean(each[name] for each in one) for name in ("seconds", "peak_mb")}
    worst = ", ".join(sorted({each["worst"] for each in results}))
    quality = [f"{means[name]:.3f}" for name in METRICS]
    quality[1] += f" ({worst})"
    cost = [f"{means['seconds']:.0f} s", f"{means['peak_mb']:.0f} MB"]
    if scales > 1:
        cost = [f"{means[name] / beside[name]:.2f} x" for name in ("seconds", "peak_mb")]
    return f"| {' | '.join([data, model, str(scales), *quality, *cost])} |"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="*", default=[], help="folders of data sets beside the demo")
    parser.add_argument("--weights", type=Path, help=f"folder with the weights of {BACKBONE}")
    parser.add_argument("--models", nargs="+", default=["patchcore"], help="memory models")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--threads", type=int, default=2, help="of each training")
    options = parser.parse_args()
    options.data = [folder.resolve() for folder in options.data]
    return options


if __name__ == "__main__":
    main()
