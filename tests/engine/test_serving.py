"""Each kind of run at work, as its evaluation said, and the pipe that it is asked by."""

import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.contract.folder import RunFolder
from engine.contract.pictures import read_picture
from engine.contract.results.detect import DetectResults, Finding
from engine.contract.serving import Asked
from engine.datasets.loading import Batch, batch_of
from engine.evaluation.likely_types import NOT_KEPT, TOO_FEW
from engine.failures import SettingError
from engine.tasks.served import entropy, open_served
from tests.engine.samples import SIZE, plate, run_here, tiny_spec, write_mvtec
from tests.serving import PROJECT, nothing_set
from tests.stored_home import FINISHED, STORED


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A PatchCore, which knows good patches."""
    folder = tmp_path_factory.mktemp("run") / "r1"
    data = write_mvtec(folder.parent / "data", train=12, good=3, defective=3)
    run_here(folder, tiny_spec("patchcore"), data)
    return RunFolder(folder)


def batch(run: RunFolder, names: list[str]) -> Batch:
    data = run.path.parent / "data"
    return batch_of([read_picture(data / name, size=SIZE) for name in names], names)


def asked(names: list[str], **how: object) -> list[Asked]:
    return [Asked(id=number, name=name, **how) for number, name in enumerate(names)]


def test_a_served_detector_says_of_each_picture_what_its_evaluation_said(run: RunFolder) -> None:
    results = run.evaluation.read(DetectResults)
    names = [row.name for row in results.rows]
    judged = open_served(run, weights_folder=None, hub=False).judge(batch(run, names), asked(names))
    for each, row in zip(judged, results.rows, strict=True):
        assert each.facts["score"] == pytest.approx(row.score, abs=1e-5)
        found = run.evaluation.read_finding(row.index, Finding)
        assert found is not None
        assert [region.box for region in each.facts["regions"]] == [region.box for region in found.regions]
        told = [[patch.name for patch in region.nearest or ()] for region in each.facts["regions"]]
        assert told == [[patch.name for patch in region.nearest or ()] for region in found.regions]
    assert any(region.nearest for each in judged for region in each.facts["regions"])


def test_pictures_of_one_batch_are_judged_at_different_thresholds_and_alone_as_together(run: RunFolder) -> None:
    served = open_served(run, weights_folder=None, hub=False)
    names = [row.name for row in run.evaluation.read(DetectResults).rows]
    low, high = {"threshold": -1.0, "pixel_threshold": -1.0}, {"threshold": 1e9, "pixel_threshold": 1e9}
    wanted = [Asked(id=i, name=name, nearest=i > 1, **(low if i % 2 else high)) for i, name in enumerate(names)]
    together = served.judge(batch(run, names), wanted)
    assert [each.facts["verdict"] for each in together] == ["good", "defective"] * 3
    assert [bool(each.facts["regions"]) for each in together] == [False, True] * 3
    for name, each, by in zip(names, together, wanted, strict=True):
        (alone,) = served.judge(batch(run, [name]), [by])
        assert alone.facts["score"] == pytest.approx(each.facts["score"], abs=1e-5)


def test_what_is_drawn_is_what_was_asked_for(run: RunFolder, tmp_path: Path) -> None:
    names = [run.evaluation.read(DetectResults).rows[-1].name]
    (judged,) = open_served(run, weights_folder=None, hub=False).judge(batch(run, names), asked(names))
    assert judged.draw(str(tmp_path / "a_"), ["heatmap.jpg", "map.png"]) == ["heatmap.jpg", "map.png"]
    assert sorted(os.listdir(tmp_path)) == ["a_heatmap.jpg", "a_map.png"]
    with Image.open(tmp_path / "a_heatmap.jpg") as heat, Image.open(run.evaluation.picture("overlays", 5)) as told:
        assert np.abs(np.asarray(heat, dtype=int) - np.asarray(told)).mean() < 3


@pytest.fixture(scope="module")
def typed(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A PatchCore whose test images have defects of two types, six of each: bright squares and dark lines."""
    folder = tmp_path_factory.mktemp("typed") / "r1"
    data = write_mvtec(folder.parent / "data", train=12, good=3, defective=0)
    for number in range(6):
        for name in ("square", "line"):
            save_defect(data, name, number)
    run_here(folder, tiny_spec("patchcore"), data)
    return RunFolder(folder)


def save_defect(data: Path, name: str, number: int, *, split: str = "test") -> Path:
    """A plate with a defect of this type, and its mask."""
    pixels, mask = plate(500 + number)
    at = 12 + 5 * (number % 6)
    inside = (slice(at, at + 16), slice(at, at + 16)) if name == "square" else (slice(at, at + 4), slice(8, 56))
    pixels = pixels.copy()
    pixels[inside] = 255 if name == "square" else 0
    mask[inside] = 255
    path = data / split / name / f"{number:03d}.png"
    for target, picture in ((path, pixels), (data / "ground_truth" / name / f"{number:03d}_mask.png", mask)):
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(target)
    return path


def test_a_region_is_told_with_its_likely_type_and_the_test_images_that_say_so(typed: RunFolder) -> None:
    served = open_served(typed, weights_folder=None, hub=False)
    data = typed.path.parent / "data"
    names = [str(save_defect(data, name, 11, split="new").relative_to(data)) for name in ("square", "line")]
    for name, judged in zip(names, served.judge(batch(typed, names), asked(names)), strict=True):
        kind, types = name.split("/")[1], judged.facts["types"]
        assert (types.regions, types.reason) == (12, None) and types.right > 9
        likely = judged.facts["regions"][0].likely
        assert likely.defect_type == kind and likely.votes >= 2
        assert all(each.name.split("/")[1] == each.defect_type for each in likely.nearest)
    (quick,) = served.judge(batch(typed, names[:1]), asked(names[:1], nearest=False))
    assert quick.facts["regions"][0].likely is None and "types" not in quick.facts


def test_types_that_cannot_be_told_are_told_with_the_reason(run: RunFolder, typed: RunFolder, tmp_path: Path) -> None:
    names = [run.evaluation.read(DetectResults).rows[-1].name]
    (judged,) = open_served(run, weights_folder=None, hub=False).judge(batch(run, names), asked(names))
    assert judged.facts["types"].reason == TOO_FEW and judged.facts["regions"][0].likely is None
    shutil.copytree(typed.path, tmp_path / "r1")
    copied = RunFolder(tmp_path / "r1")
    copied.evaluation.region_features.write_bytes(b"something else")
    assert open_served(copied, weights_folder=None, hub=False).types.reason == NOT_KEPT  # type: ignore[attr-defined]
    copied.evaluation.region_features.unlink()  # as of a run from before they were kept
    assert open_served(copied, weights_folder=None, hub=False).types.reason == NOT_KEPT  # type: ignore[attr-defined]


def test_a_model_that_is_not_there_or_damaged_is_refused_in_words(run: RunFolder, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="there is no model"):
        open_served(RunFolder(tmp_path), weights_folder=None, hub=False)


def test_uncertainty_is_0_where_it_is_sure_and_1_where_it_is_a_coin() -> None:
    assert [entropy([1.0, 0.0]), entropy([0.5, 0.5]), entropy([0.25] * 4)] == pytest.approx([0, 1, 1])


def test_the_process_answers_over_its_pipe_until_that_ends_and_tells_of_what_is_broken() -> None:
    """Started from nothing, on a run that a released version left."""
    picture = io.BytesIO()
    Image.fromarray(plate(1)[0]).save(picture, "PNG")
    content = picture.getvalue()
    bomb = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + (100_000).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0" + b"\0" * 4
    names = {"a.png": content, "empty.png": b"", "cut.png": content[:200], "bomb.png": bomb, "b.png": content}
    lines = [
        json.dumps({"id": number, "name": name, "length": len(each)}, allow_nan=False).encode() + b"\n" + each
        for number, (name, each) in enumerate(names.items())
    ]
    lines.append(
        json.dumps({"id": 9, "name": "gone.png", "path": "/nowhere/gone.png"}, allow_nan=False).encode() + b"\n"
    )
    ended = subprocess.run(
        [sys.executable, "-m", "engine", "serve", str(STORED / "home" / "runs" / FINISHED)],
        input=b"".join(lines), capture_output=True, cwd=PROJECT, check=True,
        env=nothing_set() | {"MURASCOPE_HUB": "off"},
    )  # fmt: skip
    ready, *told = map(json.loads, ended.stdout.splitlines())
    assert ready["image_size"] == 64
    by = {each["name"]: each for each in told}
    assert {name for name, each in by.items() if "broken" in each} == {"empty.png", "cut.png", "bomb.png", "gone.png"}
    assert by["a.png"]["score"] == pytest.approx(by["b.png"]["score"], abs=1e-6)
    assert (by["a.png"]["width"], by["a.png"]["height"]) == (64, 64)
