"""A threshold from few good images: every fold through the backbone : each image once. `python benchmarks/leave_one_out.py --weights FOLDER`.

The demo cut to `--good` good images, PatchCore and PaDiM with their defaults but for leave-one-out, in this process. Prints the seconds
of the stage that sets the threshold, and how far the thresholds are apart.
"""

import argparse
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import patch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # run from anywhere, installed or not

from benchmarks.results import BACKBONE  # noqa: E402
from engine.contract.folder import RunFolder  # noqa: E402
from engine.contract.jobs import make_job  # noqa: E402
from engine.contract.results.detect import DetectCard  # noqa: E402
from engine.datasets.synthetic import write_demo  # noqa: E402
from engine.report import Report  # noqa: E402
from engine.tasks import run_job  # noqa: E402
from engine.tasks.detect.learning import Learning  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, help=f"folder with the weights of {BACKBONE}")
    parser.add_argument("--models", nargs="+", default=["padim", "patchcore"])
    parser.add_argument("--good", type=int, default=24)
    options = parser.parse_args()
    print("| model | every fold | each image once | thresholds apart |\n|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as work:
        data = write_demo(Path(work) / "demo")
        for model in options.models:
            _calibrated(data, model, Path(work) / f"{model}-warm", options)  # loads what both need
            with patch.object(Learning, "learning_folds", lambda self: nullcontext()):
                slow, one = _calibrated(data, model, Path(work) / f"{model}-folds", options)
            fast, other = _calibrated(data, model, Path(work) / f"{model}-once", options)
            print(f"| {model} | {slow:.1f} s | {fast / slow:.2f} x | {abs(one - other) / one:.0e} |", flush=True)


def _calibrated(data: Path, model: str, folder: Path, options: argparse.Namespace) -> tuple[float, float]:
    """Seconds that the threshold took, and its value."""
    run, settings = RunFolder(folder), {"backbone": BACKBONE, "threshold_policy": "leave_one_out", "device": "cpu"}
    folder.mkdir()
    job = make_job("detect", data.name, model, {**settings, "most_good": options.good})
    run.write_job(job)
    report = Report(folder)
    try:
        done = run_job(job, run, data=data, report=report, hub=False, weights_folder=options.weights)
    finally:
        report.log.close()
    return done.seconds["calibrating"], run.model.read_card(DetectCard).thresholds.image.value


if __name__ == "__main__":
    main()
