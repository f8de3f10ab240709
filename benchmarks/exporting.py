"""What an exported file costs beside the bare engine: `python benchmarks/exporting.py --weights FOLDER [--data FOLDER] [--models patchcore]`.

Trains each model on the demo (or the data set given) with its defaults at 256 pixels, then exports it to each format and precision. The file and
the engine judge the same pictures in the same process, a few at a time; printed is the engine's time a picture as a multiple of the
file's, the largest difference of the score, and the size; or why a file was refused.
"""

import argparse
import os
import sys
import tempfile
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # run from anywhere, installed or not

from engine.contract.folder import RunFolder  # noqa: E402
from engine.contract.jobs import make_job  # noqa: E402
from engine.contract.results.exported import SUFFIXES, Format, Precision  # noqa: E402
from engine.datasets.synthetic import write_demo  # noqa: E402
from engine.exporting import export_run  # noqa: E402
from engine.failures import SettingError  # noqa: E402
from engine.report import Report  # noqa: E402
from engine.tasks import run_job  # noqa: E402

BACKBONE = "mobilenetv2_100"
WRITTEN: tuple[tuple[Format, Precision], ...] = (
    ("onnx", "fp32"), ("onnx", "fp16"), ("onnx", "int8"), ("openvino", "fp32"), ("openvino", "fp16"), ("pt2", "fp32"),
)  # fmt: skip


def main() -> None:
    options = _options()
    warnings.simplefilter("ignore")
    print("| model | format | precision | engine : file, time a picture | largest difference of the score | MB |")
    print("|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as work:
        data = options.data or write_demo(Path(work) / "demo")
        for model in options.models:
            run = _train(model, data, Path(work) / model, options.weights)
            for format, precision in WRITTEN:
                print(
                    f"| {model} | {format} | {precision} | {_told(run, data, format, precision, options.weights)} |",
                    flush=True,
                )
    print(f"load of the machine at the end: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")


def _train(model: str, data: Path, folder: Path, weights: Path) -> RunFolder:
    job = make_job("detect", "benchmark", model, {"backbone": BACKBONE, "image_size": 256, "device": "cpu"})
    folder.mkdir()
    run = RunFolder(folder)
    run.write_job(job)
    report = Report(folder)
    try:
        report.end(run_job(job, run, data=data, report=report, weights_folder=weights, hub=False))
    finally:
        report.log.close()
    return run


def _told(run: RunFolder, data: Path, format: Format, precision: Precision, weights: Path) -> str:
    output = run.path / f"{precision}{SUFFIXES[format]}"
    try:
        told = export_run(
            run, format=format, precision=precision, output=output, data=data, weights_folder=weights, hub=False
        )
    except SettingError as error:
        return f"{error} | |"
    parity = told.parity
    off = parity.differences["score"]
    return f"{parity.engine_ms_per_image / parity.ms_per_image:.2f} | {off.largest:.2g} of {off.range[1] - off.range[0]:.3g} | {told.bytes / 1e6:.1f}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--models", nargs="+", default=["patchcore", "padim"])
    return parser.parse_args()


if __name__ == "__main__":
    main()
