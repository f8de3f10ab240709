"""A file is kept only if its runtime judges as the engine does, and what is refused leaves nothing behind."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.contract.folder import RunFolder
from engine.contract.results.detect import JudgedBy
from engine.exporting import export_run
from engine.exporting.formats import refuse_missing
from engine.exporting.parity import compare, refuse_other_verdicts
from engine.exporting.pictures import Pictures, pictures_of
from engine.failures import SettingError
from engine.models.padim import Padim
from engine.tasks.detect.exportable import exportable
from engine.tasks.exportable import Said, not_above
from tests.engine.samples import run_here, tiny_spec, write_mvtec
from tests.engine.tasks.classify.pictures import tiny_job, write_classes

HERE = {"weights_folder": None, "hub": False}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_mvtec(tmp_path_factory.mktemp("data"), train=12, good=3, defective=3)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "r1"
    run_here(folder, tiny_spec("padim", num_features=10, scales=1, threshold_policy="split_conformal"), data)
    return folder


@pytest.fixture(scope="module")
def judged(run: Path, data: Path) -> tuple[Pictures, Said]:
    """The run's test pictures, and what the engine says of them."""
    found = exportable(RunFolder(run), **HERE)
    pictures = pictures_of(RunFolder(run), found, data=data, own=True, most=64)
    return pictures, pictures.by_batch(found.says)


def test_a_script_without_murascope_gives_the_verdicts_of_the_threshold_in_force(
    run: Path, data: Path, tmp_path: Path
) -> None:
    rows = [line.split(",") for line in RunFolder(run).evaluation.scores.read_text().splitlines()[1:]]
    scores = {row[1]: float(row[4]) for row in rows}
    highest = max(scores.values())  # a threshold that only the highest score exceeds
    threshold = (highest + sorted(scores.values())[-2]) / 2
    told = export_run(
        RunFolder(run),
        format="onnx",
        output=tmp_path / "line 3.onnx",
        data=data,
        judged_by=JudgedBy(threshold, threshold, 4),
        **HERE,
    )
    assert told.files == ["line 3.onnx", "line 3.onnx.json", "line 3_run.py"]
    assert (told.about.threshold, told.about.threshold_version, told.parity.source) == (threshold, 4, "data")
    script = [sys.executable, "-I", str(tmp_path / "line 3_run.py"), *(str(data / name) for name in scores)]
    printed = subprocess.run(script, capture_output=True, text=True, check=True, cwd="/").stdout
    for line, score in zip(printed.splitlines(), scores.values(), strict=True):
        _, verdict, said = line.split("\t")
        assert float(said) == pytest.approx(score, rel=1e-4)
        assert verdict == ("defective" if score == highest else "good")
    assert len((tmp_path / "line 3_run.py").read_text().splitlines()) <= 11  # ten lines, and what they are


def test_a_file_that_judges_otherwise_is_not_kept_and_the_figures_are_told(
    run: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare = Padim.prepare_export

    def prepare_wrongly(self: Padim) -> None:
        prepare(self)
        self.inverse *= 1.01

    monkeypatch.setattr(Padim, "prepare_export", prepare_wrongly)
    with pytest.raises(SettingError, match=r"not kept: score differs by up to .* would be rounding.*ms a picture"):
        export_run(RunFolder(run), format="pt2", output=tmp_path / "padim.pt2", data=data, **HERE)
    assert list(tmp_path.iterdir()) == []


def test_a_verdict_that_changes_is_refused_however_small_the_difference(
    run: Path, judged: tuple[Pictures, Said]
) -> None:
    pictures, engine = judged
    found = exportable(RunFolder(run), **HERE)

    def other(pixels: np.ndarray) -> Said:
        said = found.says(pixels)
        return {**said, "is_defective": ~said["is_defective"]}

    parity = compare(found, engine, pictures, other, runtime="none", precision="fp32")
    assert parity.differences["score"].largest == 0
    with pytest.raises(SettingError, match=f"the verdict is another one on {len(pictures.names)} of"):
        refuse_other_verdicts(parity, format="onnx", precision="fp32")


def test_without_the_data_set_the_copies_in_the_evaluation_are_compared(run: Path) -> None:
    found = exportable(RunFolder(run), **HERE)
    pictures = pictures_of(RunFolder(run), found, data=None, own=True, most=4)
    assert (len(pictures.names), pictures.source, pictures.pixels.shape) == (4, "evaluation", (4, 64, 64, 3))


def test_pictures_nearest_to_the_threshold_are_compared_first(
    run: Path, data: Path, judged: tuple[Pictures, Said]
) -> None:
    pictures, engine = judged
    found = exportable(RunFolder(run), **HERE)
    nearest = pictures.names[int(found.margin(engine).argmin())]
    assert pictures_of(RunFolder(run), found, data=data, own=True, most=1).names == [nearest]


def test_pictures_of_sixteen_bits_go_in_as_such(run: Path) -> None:
    found = exportable(RunFolder(run), **HERE)
    eight = np.arange(64 * 64 * 3, dtype=np.uint8).reshape(1, 64, 64, 3)
    deep = eight.astype(np.uint16) * 257
    assert found.says(deep)["score"] == pytest.approx(found.says(eight)["score"], rel=1e-5)
    found.network.white = 65535.0
    with torch.no_grad():
        assert float(found.network(torch.from_numpy(deep))["score"]) == pytest.approx(
            float(found.says(deep)["score"][0]), rel=1e-5
        )


@pytest.mark.parametrize("threshold", [0.1, 1 / 3, 123456.789, -0.7])
def test_no_digit_of_a_threshold_is_lost_to_float32(threshold: float) -> None:
    limit = np.float32(not_above(threshold))
    assert float(limit) <= threshold < float(np.nextafter(limit, np.float32(np.inf)))


def test_what_cannot_be_is_refused_before_anything_is_loaded(run: Path, tmp_path: Path) -> None:
    (tmp_path / "there.onnx").write_text("mine")
    for output, format, why in (
        (tmp_path / "a.pt2", "onnx", "let its name end in .onnx"),
        (tmp_path / "there.onnx", "onnx", "is there already"),
        (tmp_path / "no" / "a.onnx", "onnx", "there is no folder"),
    ):
        with pytest.raises(SettingError, match=why):
            export_run(RunFolder(run), format=format, output=output, **HERE)
    with pytest.raises(SettingError, match="name the folder of a run that has finished"):
        export_run(RunFolder(tmp_path), format="pt2", output=tmp_path / "a.pt2", **HERE)
    assert (tmp_path / "there.onnx").read_text() == "mine"


def test_packages_that_are_missing_are_told_with_the_command_that_brings_them() -> None:
    with pytest.raises(
        SettingError,
        match=r"onnx needs no_such_package, which is not installed here; pip install 'murascope\[export\]'.*--no-index",
    ):
        refuse_missing(["json", "no_such_package"], format="onnx")


def test_a_classifier_is_exported_with_its_classes(tmp_path: Path) -> None:
    data = write_classes(tmp_path / "data", {"bar": "bar", "square": "square"}, count=8)
    run_here(tmp_path / "r1", tiny_job(epochs=1), data)
    told = export_run(RunFolder(tmp_path / "r1"), format="onnx", output=tmp_path / "classes.onnx", data=data, **HERE)
    assert told.parity.holds and told.about.threshold is None and len(told.about.classes) > 1
    assert json.loads((tmp_path / "classes.onnx.json").read_text())["about"]["classes"] == told.about.classes
    first = next(data.rglob("*.png"))
    printed = subprocess.run(
        [sys.executable, "-I", tmp_path / "classes_run.py", first], capture_output=True, text=True, check=True
    ).stdout
    assert printed.split("\t")[1] in told.about.classes


def test_half_precision_is_kept_where_it_judges_alike_and_eight_bits_refused_where_they_do_not(
    run: Path, data: Path, tmp_path: Path
) -> None:
    half = export_run(RunFolder(run), format="onnx", precision="fp16", output=tmp_path / "half.onnx", data=data, **HERE)
    assert half.about.precision == "fp16" and half.parity.holds
    weights = sum(tensor.nbytes for tensor in exportable(RunFolder(run), **HERE).network.state_dict().values())
    assert half.bytes < 0.75 * weights  # about half, and the graph
    with pytest.raises(
        SettingError, match=r"in int8 does not judge as the engine does.*as fast as the engine; take fp32"
    ):
        export_run(RunFolder(run), format="onnx", precision="int8", output=tmp_path / "few.onnx", data=data, **HERE)
    with pytest.raises(SettingError, match="pt2 is written as fp32 here, not as fp16"):
        export_run(RunFolder(run), format="pt2", precision="fp16", output=tmp_path / "a.pt2", data=data, **HERE)
    assert not list(tmp_path.glob("few*")) and not list(tmp_path.glob(".*"))
