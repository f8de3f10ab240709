"""How far the estimate of a training, made on a machine where none has ended yet, is from what it takes: every model, three runs each.

    python benchmarks/estimates.py [--runs 3] [--models padim patchcore] [--out FILE]

Each run is `python -m engine run` on the demo data, small: SMALL says how. Everything (the measuring of the machine, the estimate and the
run) has one core, and what is measured is processor time, user and system: on an idle machine with one core that is what the clock
would show, and on a busy one it is still that, but for what others take from the caches. Weights are random, which costs the same.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # run from anywhere, installed or not

from assistant.kinds.detect.work import count_work  # noqa: E402
from assistant.machine.speed import gmacs_per_second_and_core  # noqa: E402
from engine.contract.data import DataFacts  # noqa: E402
from engine.contract.folder import RunFolder  # noqa: E402
from engine.contract.jobs import make_job  # noqa: E402
from engine.contract.jobs.detect import DetectJob  # noqa: E402
from engine.contract.models import MODELS  # noqa: E402
from engine.datasets.synthetic import write_demo  # noqa: E402

SMALL = {
    "image_size": 128,
    "most_good": 24,
    "weights": "random",
    "threshold_policy": "split_conformal",
    "device": "cpu",
}
EPOCHS = 2  # of models that learn in epochs
OF_MODEL: dict[str, dict[str, object]] = {"efficientad": {"teacher_steps": 40}, "cutpaste": {"frozen_epochs": 1}}
LIGHT = {
    "vit_base_patch14_dinov2": "vit_small_patch14_dinov2",
    "vit_base_patch14_reg4_dinov2": "vit_small_patch14_dinov2",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--models", nargs="*", default=[name for name, each in MODELS.items() if not each.joins_runs])
    parser.add_argument("--out", type=Path, help="where the figures are kept as JSON")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    print(f"one core, {gmacs_per_second_and_core():.1f} * 10^9 multiply-adds a second in a product of matrices")
    print(f"{'model':<22}{'estimate':>10}{'measured':>28}{'ratio':>8}", flush=True)
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        data = write_demo(Path(folder) / "demo")
        for model in options.models:
            figures[model] = _measure(_job(model), data, Path(folder), runs=options.runs)
            if options.out:
                options.out.write_text(json.dumps(figures, indent=1))
    ratios = {model: each["ratio"] for model, each in figures.items()}
    far = [model for model, ratio in ratios.items() if not 0.5 <= ratio <= 2]
    print(
        f"{len(ratios) - len(far)} of {len(ratios)} within a factor of two" + (f"; not {', '.join(far)}" if far else "")
    )


def _job(model: str) -> DetectJob:
    params = MODELS[model]
    epochs = {"epochs": EPOCHS} if params.learns_in_epochs else {}
    light = LIGHT.get(params.default_backbone or "")
    job = make_job(
        "detect",
        "demo",
        model,
        {**SMALL, **epochs, **({"backbone": light} if light else {}), **OF_MODEL.get(model, {})},
    )
    assert isinstance(job, DetectJob)
    return job


def _measure(job: DetectJob, data: Path, folder: Path, *, runs: int) -> dict[str, float]:
    estimate, measured = count_work(job, _facts(data)), []
    for number in range(runs):
        run = folder / f"{job.subject}_{number}"
        run.mkdir()
        RunFolder(run).spec.write_text(job.model_dump_json())
        before = _children()
        command = [sys.executable, "-m", "engine", "run", str(run), "--data", str(data)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{job.subject:<22} failed: {done.stderr[-300:]}", flush=True)
            return {"estimate": estimate, "ratio": float("nan")}
        measured.append(_children() - before)
    ratio = estimate / (sum(measured) / len(measured))
    print(
        f"{job.subject:<22}{estimate:>10.1f}{', '.join(f'{each:.1f}' for each in measured):>28}{ratio:>8.2f}",
        flush=True,
    )
    return {"estimate": estimate, "measured": sum(measured) / len(measured), "ratio": ratio}


def _facts(data: Path) -> DataFacts:
    """Of the demo, as its check counts it."""
    checked = subprocess.run(
        [sys.executable, "-m", "engine", "check", str(data)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return DataFacts.model_validate_json(checked.stdout.splitlines()[-1])


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
