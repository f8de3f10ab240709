"""Every model on two devices of one machine: `python benchmarks/devices.py --data FOLDER --weights FOLDER --devices cpu cuda`.

The rows of `benchmarks/results.py` with its settings and one seed, each training `python -m engine run` in a process of its own, alone on
the machine. Prints a table: image AUROC, pixel AUROC, verdicts that differ between the devices, and the time of the second as a share of
the first's, of fitting and of the whole process.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # run from anywhere, installed or not

from benchmarks.results import ROWS, measure  # noqa: E402
from engine.contract.folder import RunFolder  # noqa: E402
from engine.contract.results.detect import DetectResults  # noqa: E402

FIT = ("collecting", "fitting", "training")


def main() -> None:
    options = _options()
    print(f"| data | model | image AUROC, {' : '.join(options.devices)} | pixel AUROC | other verdicts | fit | all |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for data in options.data:
        for row in options.rows:
            print(_row(data, row, [_measured(data, row, device, options) for device in options.devices]), flush=True)


def _measured(data: Path, row: str, device: str, options: argparse.Namespace) -> dict[str, Any]:
    work = options.work / device
    result = measure(data, row, 0, argparse.Namespace(**{**vars(options), "device": device, "work": work}))
    if "metrics" in result:
        rows = RunFolder(work / f"{data.name}-{row}-0").evaluation.read(DetectResults).rows
        result["verdicts"] = [(each.name, each.is_anomalous) for each in rows]
    return result


def _row(data: Path, row: str, results: list[dict[str, Any]]) -> str:
    for result in results:
        if "metrics" not in result:
            return f"| {data.name} | {row} | failed: {result['reason']} | | | | |"
    first, second = results
    image, pixel = (
        " : ".join(f"{result['metrics'][name]:.4f}" for result in results) for name in ("image_auroc", "pixel_auroc")
    )
    differ = sum(one != other for one, other in zip(first["verdicts"], second["verdicts"], strict=True))
    fit = [sum(result["stages"].get(name, 0.0) for name in FIT) for result in results]
    times = [
        f"{fit[1] / fit[0]:.2f} x {fit[0]:.1f} s",
        f"{second['total_s'] / first['total_s']:.2f} x {first['total_s']:.0f} s",
    ]
    return f"| {data.name} | {row} | {image} | {pixel} | {differ} of {len(first['verdicts'])} | {' | '.join(times)} |"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, nargs="+", required=True, help="folders of data sets with labelled defects"
    )
    parser.add_argument("--weights", type=Path, help="folder with the weights of the backbone")
    parser.add_argument("--devices", nargs=2, default=["cpu", "cuda"], choices=["cpu", "cuda"])
    parser.add_argument("--rows", nargs="+", default=list(ROWS), choices=list(ROWS))
    parser.add_argument("--threads", type=int, default=2, help="of each training")
    parser.add_argument("--work", type=Path, default=Path("benchmark-runs"), help="runs and raw figures are kept here")
    options = parser.parse_args()
    options.data = [folder.resolve() for folder in options.data]
    options.work = options.work.resolve()
    return options


if __name__ == "__main__":
    main()
