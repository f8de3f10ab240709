"""Every model on two real data sets, three seeds each: `python benchmarks/results.py --data FOLDER --weights FOLDER`.

Each training is `python -m engine run` in a process of its own, as in the product. What is measured stands in
`benchmarks/RESULTS.md`, which this writes; raw figures are kept in `--work`, and what is there is not run again.
"""

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # run from anywhere, installed or not

from engine.contract.folder import RunFolder  # noqa: E402
from engine.contract.jobs import flat_settings, make_job, read_job  # noqa: E402
from engine.contract.models import MODELS  # noqa: E402

BACKBONE = "mobilenetv2_100"
SEEDS = (0, 1, 2)
TIMED = 60  # test pictures that the time per picture is measured with
HARD_USE = "\n## Hard use\n"
METRICS = ("image_auroc", "worst_type_auroc", "recall", "pixel_auroc", "aupro_30")
# Each row of the table: model and what differs from its defaults, the same for both data sets. Sizes and epochs are what a
# CPU core does in about half a minute to two.
ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    "patchcore": ("patchcore", {}),
    "padim": ("padim", {}),
    "spade": ("spade", {"image_size": 128}),
    "dfm": ("dfm", {}),
    "subspace": ("subspace", {"image_size": 384, "normalisation": "image"}),
    "dino_bank": ("dino_bank", {"image_size": 192}),
    "autoencoder": ("autoencoder", {"epochs": 30}),
    "stfpm": ("stfpm", {"image_size": 128, "epochs": 8}),
    "reverse_distillation": ("reverse_distillation", {"image_size": 128, "epochs": 8}),
    "efficientad": (
        "efficientad",
        {
            "image_size": 96, "epochs": 3, "batch_size": 2, "teacher_steps": 60, "teacher_channels": 128,
            "learning_rate": 1e-3,
        },
    ),
    "supersimplenet": (
        "supersimplenet",
        {"image_size": 128, "batch_size": 8, "epochs": 8, "upscale": 1, "noise_std": 0.15},
    ),
    "supersimplenet_labelled": (
        "supersimplenet",
        {
            "image_size": 256, "batch_size": 8, "epochs": 12, "upscale": 1, "noise_std": 0.15, "labelled_share": 0.5,
            "normalisation": "image",
        },
    ),
    "dinomaly": ("dinomaly", {"image_size": 128, "decoder_blocks": 2, "batch_size": 8, "epochs": 5}),
    "draem": (
        "draem",
        {"image_size": 96, "epochs": 6, "base_channels": 16, "marking_channels": 16, "learning_rate": 1e-3},
    ),
    "cutpaste": ("cutpaste", {"image_size": 96, "epochs": 4}),
    "fastflow": ("fastflow", {"image_size": 128, "epochs": 10}),
    "cflow": ("cflow", {"image_size": 192, "layers": [2, 3], "epochs": 4, "learning_rate": 1e-3}),
    "ensemble": ("ensemble", {}),
}  # fmt: skip
TITLES = {"supersimplenet_labelled": "SuperSimpleNet, half of the labelled defects learnt from"}
ENSEMBLE = ("patchcore", "padim", "subspace")  # members, of the same data set and seed


def main() -> None:
    options = _options()
    jobs = (
        []
        if options.only_write
        else [(data, row, seed) for seed in options.seeds for row in options.rows for data in options.data]
    )
    alone = [job for job in jobs if job[1] != "ensemble"]
    with ThreadPoolExecutor(options.at_once) as pool:
        for job, result in zip(alone, pool.map(lambda job: measure(*job, options), alone), strict=True):
            _say(job, result)
        fused = [job for job in jobs if job[1] == "ensemble"]  # after its members
        for job, result in zip(fused, pool.map(lambda job: measure(*job, options), fused), strict=True):
            _say(job, result)
    page = ROOT / "benchmarks" / "RESULTS.md"
    _, heading, hard_use = page.read_text(encoding="utf-8").partition(
        HARD_USE
    )  # of benchmarks/hard_use.py, which stays
    page.write_text(_page(options) + heading + hard_use, encoding="utf-8")


def measure(data: Path, row: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Train, time the inspection, and keep the figures; read them where they are kept already."""
    run = options.work / f"{data.name}-{row}-{seed}"
    kept = run.with_suffix(".json")
    if kept.exists():
        found: dict[str, Any] = json.loads(kept.read_text())
        return found
    run.mkdir(parents=True, exist_ok=True)
    model, settings = _settings(data, row, seed)
    spec = make_job("detect", data.name, model, {**settings, "seed": seed, "device": options.device})
    RunFolder(run).write_job(spec)
    environment = environment_of(options)
    code, seconds, peak_mb, _ = child(["-m", "engine", "run", str(run), "--data", str(data)], run, environment)
    result: dict[str, Any] = {"exit_code": code, "settings": _told(spec), "peak_mb": peak_mb, "total_s": seconds}
    events = [json.loads(line) for line in RunFolder(run).events.read_text().splitlines()]
    if code == 0:
        child(["benchmarks/results.py", "--time", str(run), "--data", str(data)], run, environment)
        result |= {"metrics": events[-1]["metrics"], "stages": events[-1]["seconds"]}
        result["ms_per_image"] = json.loads((run / "time.json").read_text())["ms_per_image"]
    else:
        result["reason"] = events[-1].get("reason", "no reason told") if events else "no event"
    kept.write_text(json.dumps(result, indent=1))
    return result


def time_inspection(run: Path, data: Path) -> None:
    """Milliseconds a picture of the saved model, one at a time: decoding, resizing, scores and map at the input's size."""
    import torch

    from engine.contract.jobs.detect import DetectJob
    from engine.datasets.factory import open_dataset
    from engine.datasets.loading import Loader
    from engine.saved_models import load_model

    folder = os.environ.get("MURASCOPE_WEIGHTS")
    model, card = load_model(RunFolder(run).model, weights_folder=Path(folder) if folder else None, hub=False)
    spec = read_job(card.spec)
    assert isinstance(spec, DetectJob)
    device = torch.device("cuda" if spec.device != "cpu" and torch.cuda.is_available() else "cpu")
    model = model.to(device)
    items = [item for item in open_dataset(data).items if item.split == "test"]
    items = items[:: max(1, len(items) // TIMED)][:TIMED]
    times = []
    with torch.inference_mode():
        for item in items:
            started = time.perf_counter()
            for batch in Loader([item], image_size=spec.image_size, batch_size=1):
                model.predict_step(batch.to(device)).anomaly_map.cpu()
            times.append(time.perf_counter() - started)
    (run / "time.json").write_text(json.dumps({"ms_per_image": round(1000 * statistics.median(times), 2)}))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, nargs="+", required=True, help="folders of data sets with labelled defects"
    )
    parser.add_argument("--weights", type=Path, help=f"folder with the weights of {BACKBONE}")
    parser.add_argument("--work", type=Path, default=Path("benchmark-runs"), help="runs and raw figures are kept here")
    parser.add_argument("--rows", nargs="+", default=list(ROWS), choices=list(ROWS))
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--at-once", type=int, default=1, help="trainings side by side")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of each training")
    parser.add_argument("--only-write", action="store_true", help="run nothing, write the page from what is kept")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--time", type=Path, help=argparse.SUPPRESS)  # the timing of one run, in a process of its own
    options = parser.parse_args()
    if options.time:
        time_inspection(options.time, options.data[0])
        sys.exit()
    options.work = options.work.resolve()
    options.data = [folder.resolve() for folder in options.data]
    return options


def _settings(data: Path, row: str, seed: int) -> tuple[str, dict[str, Any]]:
    model, settings = ROWS[row]
    if MODELS[model].default_backbone is not None:
        settings = {**settings, "backbone": BACKBONE}
    if model == "ensemble":
        settings = {**settings, "members": [f"{data.name}-{member}-{seed}" for member in ENSEMBLE], "image_size": 384}
    return model, settings


def _told(spec: Any) -> dict[str, Any]:
    """The settings that differ from the model's defaults."""
    if spec.model.name == "ensemble":
        return {"members": list(ENSEMBLE)}
    plain = flat_settings(make_job("detect", spec.dataset, spec.model.name))
    hidden = ("seed", "device", "backbone")
    return {name: value for name, value in flat_settings(spec).items() if name not in hidden and value != plain[name]}


def environment_of(options: argparse.Namespace) -> dict[str, str]:
    own = {
        "PYTHONPATH": str(ROOT),
        "OMP_NUM_THREADS": str(options.threads),
        "OMP_WAIT_POLICY": "PASSIVE",
        "MURASCOPE_HUB": "off",
    }
    weights = {"MURASCOPE_WEIGHTS": str(options.weights.resolve())} if options.weights else {}
    return {**os.environ, **own, **weights}


def child(arguments: list[str], run: Path, environment: dict[str, str]) -> tuple[int, float, float, float]:
    """Exit code, seconds, peak resident memory in MB and processor seconds of a Python process; what it prints goes to the run's log."""
    started = time.perf_counter()
    with RunFolder(run).log.open("ab") as log:
        process = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env=environment, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds, processor_s = time.perf_counter() - started, usage.ru_utime + usage.ru_stime
    return process.returncode, round(seconds, 1), round(usage.ru_maxrss / 1024, 1), round(processor_s, 1)


def _say(job: tuple[Path, str, int], result: dict[str, Any]) -> None:
    data, row, seed = job
    figures = result.get("metrics", {})
    shown = "  ".join(f"{name} {figures[name]:.4f}" for name in METRICS if figures.get(name) is not None)
    print(f"{data.name:<15}{row:<25}{seed}  {shown or result.get('reason', '')}  {result['total_s']:.0f} s", flush=True)


def _page(options: argparse.Namespace) -> str:
    lines = [
        "# Results",
        "",
        f"Made by `python benchmarks/results.py --data ... --weights ... --at-once {options.at_once} --threads {options.threads}`",
        f"on {_machine(options)}. Backbone {BACKBONE} (ImageNet weights) wherever a model takes one.",
        "",
        "Mean and, after +-, standard deviation over the seeds "
        + ", ".join(map(str, options.seeds))
        + ". *fit* is the time from the start of",
        "the process's first stage to a model that can score (loading the pictures included), *ms* the median for one picture at a time with",
        "decoding, resizing and the full map, *memory* the peak of the whole training process. *worst type* is the image AUROC of the defect type that",
        "is told apart worst: a mean hides it. *recall* is that at the promised overkill of 5 %; in the other figures thresholds play no part. Of the good training pictures 20 % are held out to set the threshold: nothing is learnt from them. Where models learn over",
        "epochs, schedules, sizes and networks are far below the papers' (see Settings), as a CPU demands: these rows show that a model learns,",
        "not how good it gets. Full schedules want a GPU and were not run, nor any transformer with real weights: here Subspace, DINO bank and",
        "Dinomaly work on the levels of a convolutional network, which their papers do not use.",
        "Sizes, epochs and SuperSimpleNet's noise were chosen with these test pictures in view, one choice for both data sets.",
    ]
    for data in options.data:
        lines += ["", f"## {data.name}", "", *_table(data, options)]
    lines += ["", "## Settings", "", "What differs from each model's own defaults; the same for both data sets.", ""]
    lines += [f"- {_title(row)}: {_in_words(row, options)}" for row in options.rows]
    return "\n".join(lines) + "\n"


def _table(data: Path, options: argparse.Namespace) -> Iterator[str]:
    yield "| model | family | image AUROC | worst type | recall | pixel AUROC | AUPRO@0.3 | fit s | ms | memory MB | seeds |"
    yield "|---|---|---|---|---|---|---|---|---|---|---|"
    for row in options.rows:
        title, family = _title(row), MODELS[ROWS[row][0]].family
        results = [kept for seed in options.seeds if (kept := _kept(data, row, seed, options))]
        if not results:
            continue
        if any("metrics" not in result for result in results):
            reason = next(result["reason"] for result in results if "metrics" not in result)
            yield f"| {title} | {family} | failed: {reason} | | | | | | | | |"
            continue
        quality = [_spread([result["metrics"].get(name) for result in results]) for name in METRICS]
        fit = statistics.mean(_fit_s(result["stages"]) for result in results)
        speed = statistics.median(result["ms_per_image"] for result in results)
        memory = max(result["peak_mb"] for result in results)
        yield f"| {title} | {family} | {' | '.join(quality)} | {fit:.0f} | {speed:.0f} | {memory:.0f} | {len(results)} |"


def _kept(data: Path, row: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """The kept figures of a run; {} where it was not run."""
    path = options.work / f"{data.name}-{row}-{seed}.json"
    found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return found


def _title(row: str) -> str:
    return TITLES.get(row) or MODELS[ROWS[row][0]].title


def _spread(values: list[float | None]) -> str:
    if any(value is None for value in values):
        return "none"
    known = [value for value in values if value is not None]
    spread = f" +- {statistics.stdev(known):.3f}" if len(known) > 1 else ""
    return f"{statistics.mean(known):.3f}{spread}"


def _fit_s(stages: dict[str, float]) -> float:
    return sum(stages.get(name, 0.0) for name in ("loading", "collecting", "fitting", "training"))


def _in_words(row: str, options: argparse.Namespace) -> str:
    told = _kept(options.data[0], row, options.seeds[0], options).get("settings", {})
    return ", ".join(f"{name} {value}" for name, value in told.items()) or "none"


def _machine(options: argparse.Namespace) -> str:
    versions = f"torch {version('torch')}, timm {version('timm')}"
    if options.device == "cuda":
        import torch

        return f"one {torch.cuda.get_device_name()}, {versions}"
    try:
        names = re.findall(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    except OSError:
        names = []
    processor = names[0] if names else platform.processor() or "unknown processor"
    return f"{os.cpu_count()} cores of {processor}, {versions}"


if __name__ == "__main__":
    main()
