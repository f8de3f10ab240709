"""The likely type of a region against always naming the commonest one: `python benchmarks/likely_types.py --data FOLDER [FOLDER ...] --weights FOLDER`.

Trains PatchCore with every default once on each data set, each in a process of its own, and has the rule of engine/evaluation/likely_types.py name the type of
each known region of the test images from the others: by other images, and by other parts, where the data set's own split.csv tells which
pictures show the same part (magnetic_tile: the same tile under several exposures; phone_screen: the same photograph). Prints a table of right
names by defect type.
"""

import argparse
import csv
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # run from anywhere, installed or not

from benchmarks.results import BACKBONE, child, environment_of  # noqa: E402
from engine.contract.folder import RunFolder  # noqa: E402
from engine.contract.jobs import make_job  # noqa: E402
from engine.contract.results.detect import DetectResults, ScoreRow  # noqa: E402
from engine.evaluation.likely_types import known_types, named_by_others  # noqa: E402
from engine.evaluation.region_features import read_known  # noqa: E402

LARGEST_GAP = 300  # frames between pictures of one magnetic tile


def main() -> None:
    options = _options()
    print(
        "| data | left out | regions | named | right (95 %) | always the commonest | names a type | right of named, by type |"
    )
    print("|---|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as work:
        for data in options.data:
            run = RunFolder(Path(work) / data.name)
            run.path.mkdir()
            run.write_job(make_job("detect", data.name, "patchcore", {"backbone": BACKBONE, "device": "cpu"}))
            code, *_ = child(
                ["-m", "engine", "run", str(run.path), "--data", str(data)], run.path, environment_of(options)
            )
            kept = read_known(run.evaluation)
            if code != 0 or kept is None:
                raise RuntimeError(f"the training on {data.name} failed, or found no region")
            features, numbers = kept
            rows = [run.evaluation.read(DetectResults).rows[number] for number in numbers.tolist()]
            part_of = _parts(data)
            for left_out, by in (
                ("its image", [row.model_copy(update={"group": None}) for row in rows]),
                ("its part", [row.model_copy(update={"group": part_of.get(row.name, row.name)}) for row in rows]),
            ):
                told = known_types(features, by).told
                low, high = told.interval or (0.0, 1.0)
                figures = [data.name, left_out, told.regions, told.named]
                figures.append(f"{told.right / max(told.named, 1):.2f} ({low:.2f} to {high:.2f})")
                figures += [f"{told.commonest_share:.2f} ({told.commonest})", "no" if told.reason else "yes"]
                print(
                    f"| {' | '.join(map(str, [*figures, _by_type(by, named_by_others(features, by))]))} |", flush=True
                )


def _by_type(rows: Sequence[ScoreRow], named: Sequence[str | None]) -> str:
    pairs = [(row.defect_type, said) for row, said in zip(rows, named, strict=True) if said is not None]
    of, right = Counter(is_it for is_it, _ in pairs), Counter(is_it for is_it, said in pairs if is_it == said)
    return ", ".join(f"{name} {right[name]} of {of[name]}" for name in sorted(of, key=str))


def _parts(data: Path) -> Mapping[str, str]:
    """Which part each test picture shows, by its name in the data set."""
    with (data / "split.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "test"]
    names = [f"test/{row['class']}/{row['file']}" for row in rows]
    frames = [re.search(r"num_(\d+)", row["file"]) for row in rows]
    if not all(frames):
        return {name: row["source"].split()[0] for name, row in zip(names, rows, strict=True)}
    parts, tile, before = {}, 0, -LARGEST_GAP
    for frame, name in sorted((int(each[1]), name) for each, name in zip(frames, names, strict=True) if each):
        tile += frame - before > LARGEST_GAP
        before, parts[name] = frame, f"tile {tile}"
    return parts


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders of magnetic_tile and phone_screen")
    parser.add_argument("--weights", type=Path, help=f"folder with the weights of {BACKBONE}")
    parser.add_argument("--threads", type=int, default=2, help="of each training")
    options = parser.parse_args()
    options.data = [folder.resolve() for folder in options.data]
    return options


if __name__ == "__main__":
    main()
