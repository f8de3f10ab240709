"""A model that is extended against one that is not, and one trained anew: `python benchmarks/extending.py --data FOLDER [FOLDER ...] --weights FOLDER`.

The same photographs under another lamp (gamma 0.4, green and blue a fifth darker; made from the data, since the camera's own change was never taken) are the new look.
Three trainings each: `before` learns the photographs as they are, `extended` learns on from it by the new look, `anew` learns the new look alone.
Each is a process of its own, with its own threshold; all are measured on the test images of both looks. Prints per model and look: image AUROC,
the worst defect type's, missed and overkilled images, entries of the memory, and the processor's time of the training as a multiple of `before`'s.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.metrics import roc_auc_score

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # run from anywhere, installed or not

from benchmarks.results import BACKBONE, child, environment_of  # noqa: E402
from engine.checkpoints import load_state  # noqa: E402
from engine.contract.events import Finished, read_events  # noqa: E402
from engine.contract.folder import RunFolder  # noqa: E402
from engine.contract.jobs import make_job  # noqa: E402
from engine.contract.picture_files import SUFFIXES  # noqa: E402
from engine.contract.results.rescored import Rescored  # noqa: E402
from engine.tasks.detect.rescoring import rescore  # noqa: E402

GAMMA, TINT = 0.4, (1.0, 0.8, 0.8)


def main() -> None:
    options = _options()
    print("| data | model | look | image AUROC | worst type | missed | overkilled | entries | time |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as within:
        for data in options.data:
            work = Path(within) / data.name
            looks = {"as it was": data, "new lamp": _under_another_lamp(data, work / "new_lamp")}
            first = 0.0
            for name, learnt, own in (
                ("before", "as it was", {}),
                ("extended", "new lamp", {"learns_on": "before"}),
                ("anew", "new lamp", {}),
            ):
                seconds = _train(work / "runs" / name, looks[learnt], own, options)
                first = first or seconds
                for look, folder in looks.items():
                    row = _measured(work / "runs" / name, folder, options)
                    print(f"| {data.name} | {name} | {look} | {row} | {seconds / first:.2f} x |", flush=True)


def _under_another_lamp(data: Path, target: Path) -> Path:
    """A copy of the data set in another light; masks stay as they are."""
    shutil.copytree(data, target)
    for path in (target / "train", target / "test"):
        for file in (each for each in path.rglob("*") if each.suffix.lower() in SUFFIXES):
            with Image.open(file) as image:
                pixels = np.asarray(image.convert("RGB"), dtype=np.float64) / 255
            changed = np.clip(pixels**GAMMA * np.array(TINT), 0, 1)
            Image.fromarray((changed * 255).round().astype(np.uint8)).save(file)
    return target


def _train(folder: Path, data: Path, own: dict[str, str], options: argparse.Namespace) -> float:
    folder.mkdir(parents=True)
    run = RunFolder(folder)
    run.write_job(
        make_job(
            "detect",
            data.name,
            options.model,
            {"backbone": BACKBONE, "image_size": options.image_size, "device": "cpu", **own},
        )
    )
    arguments = ["-m", "engine", "run", str(folder), "--data", str(data)]
    code, _, _, processor_s = child(arguments, folder, environment_of(options))
    last = read_events(folder)[-1]
    if code != 0 or not isinstance(last, Finished):
        raise RuntimeError(f"the training failed: {last}")
    return processor_s


def _measured(folder: Path, data: Path, options: argparse.Namespace) -> str:
    found = rescore(
        RunFolder(folder), data=data, own=False, most=None, threshold=None, weights_folder=options.weights, hub=False
    )
    types = {each.stratum for each in found.images if not each.is_good}
    worst = min(types, key=lambda name: _auroc(found, name))
    missed, overkilled = (
        [not each.is_right for each in found.images if each.is_good == is_good] for is_good in (False, True)
    )
    state, _ = load_state(RunFolder(folder).model.state)
    entries = next((len(each) for name, each in state.items() if name.endswith("bank.patches")), 0)
    counts = [f"{sum(missed)} of {len(missed)}", f"{sum(overkilled)} of {len(overkilled)}", str(entries)]
    return " | ".join([f"{_auroc(found, None):.3f}", f"{_auroc(found, worst):.3f} ({worst})", *counts])


def _auroc(found: Rescored, defect_type: str | None) -> float:
    """Of one type against all good images; None: of all."""
    taken = [each for each in found.images if each.is_good or defect_type in (None, each.stratum)]
    return float(roc_auc_score([not each.is_good for each in taken], [each.score for each in taken]))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of data sets")
    parser.add_argument("--weights", type=Path, help=f"folder with the weights of {BACKBONE}")
    parser.add_argument("--model", default="patchcore", help="one that can be extended")
    parser.add_argument("--image-size", type=int, default=256)
    parser.add_argument("--threads", type=int, default=2, help="of each training")
    options = parser.parse_args()
    options.data = [folder.resolve() for folder in options.data]
    return options


if __name__ == "__main__":
    main()
