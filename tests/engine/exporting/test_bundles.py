"""A bundle holds the encoder's weights, and is believed only where it is whole and scores as it says."""

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from engine.contract.bundle_folder import BundleFolder
from engine.contract.checksums import LIST, write_checksums
from engine.contract.folder import RunFolder
from engine.exporting.bundles import verify_bundle, write_bundle
from engine.failures import SettingError
from engine.report import Report
from engine.tasks import run_job
from tests.engine.samples import tiny_spec, write_mvtec, write_run

import timm  # isort: skip  (after torch's own parts)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An unpacked bundle of a run whose encoder has weights from a file."""
    folder = tmp_path_factory.mktemp("bundle")
    weights = folder / "weights"
    weights.mkdir()
    save_file(timm.create_model("test_resnet").state_dict(), weights / "test_resnet.safetensors")
    data = write_mvtec(folder / "data", train=8, good=3, defective=3)
    settings = {"num_features": 8, "scales": 1, "layers": [1], "backbone": "test_resnet", "weights": "pretrained"}
    spec = tiny_spec("padim", **settings)
    run = RunFolder(write_run(folder / "r1", spec))
    report = Report(run.path)
    try:
        report.end(run_job(spec, run, data=data, report=report, weights_folder=weights, hub=False))
    finally:
        report.log.close()
    told = write_bundle(run, output=folder / "b.zip", data=data, weights_folder=weights, hub=False)
    assert (told.weights, len(told.expected)) == (["test_resnet.safetensors"], 4)
    shutil.rmtree(weights)
    with zipfile.ZipFile(folder / "b.zip") as opened:
        opened.extractall(folder / "unpacked")
    return folder / "unpacked"


def test_it_scores_as_it_says_with_the_weights_inside_alone(bundle: Path) -> None:
    found = verify_bundle(bundle)
    assert found.pictures == 4 and found.largest_difference < 1e-6  # where memory lies may move the last digit
    assert "licence" in (bundle / "model_card.md").read_text()
    assert {path.suffix for path in bundle.rglob("*") if path.is_file()} <= {
        ".json", ".jsonl", ".md", ".txt", ".csv", ".png", ".jpg", ".safetensors"
    }  # fmt: skip


def told_otherwise(folder: Path) -> None:
    about = json.loads((folder / "bundle.json").read_text())
    about["expected"][0]["values"] = [about["expected"][0]["values"][0] + 1]
    (folder / "bundle.json").write_text(json.dumps(about))


def other_weights(folder: Path) -> None:
    path = folder / "weights/test_resnet.safetensors"
    save_file({name: each + 1 if each.is_floating_point() else each for name, each in load_file(path).items()}, path)


@pytest.mark.parametrize(
    ("change", "sealed", "why"),
    [
        (lambda folder: BundleFolder(folder).run.spec.write_text("{}"), False, "the bundle is damaged"),
        (lambda folder: (folder / "extra.txt").write_text("x"), False, r"its checksums do not list: extra\.txt"),
        (lambda folder: (folder / LIST).unlink(), False, "it holds no checksums"),
        (lambda folder: (folder / "bundle.json").write_text("[]"), True, "no bundle that this version can read"),
        (told_otherwise, True, r"scores 0000\.png otherwise than it says"),
        (other_weights, True, "trained on other weights of test_resnet"),
    ],
)
def test_one_that_is_damaged_or_says_what_is_not_so_is_refused(
    bundle: Path, tmp_path: Path, change: Callable[[Path], Any], sealed: bool, why: str
) -> None:
    folder = shutil.copytree(bundle, tmp_path / "changed")
    change(folder)
    if sealed:
        write_checksums(folder)
    with pytest.raises(SettingError, match=why):
        verify_bundle(folder)
