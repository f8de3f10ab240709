"""What was approved is what is trained, or the run ends in words: the pictures by their fingerprint, the settings by their digest."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import engine.datasets.loading
from engine.contract.events import Failed, Stage, read_events
from engine.contract.folder import RunFolder
from engine.contract.jobs import digest_of
from engine.contract.jobs.detect import DetectJob
from engine.datasets.check import check_dataset
from engine.datasets.loading import Loader, Pictures
from engine.failures import DataChanged, failure
from tests.engine.processes import start_engine
from tests.engine.samples import items_of, run_here, tiny_spec, write_mvtec, write_run

SPEC = tiny_spec("padim", num_features=10, threshold_policy="split_conformal")


def exchange(first: Path, second: Path) -> None:
    one, other = first.read_bytes(), second.read_bytes()
    first.write_bytes(other)
    second.write_bytes(one)


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:200])


CHANGES: dict[str, Callable[[Path], object]] = {
    "exchanged": lambda data: exchange(data / "train/good/000.png", data / "test/patch/000.png"),
    "added": lambda data: (data / "train/good/new.png").write_bytes((data / "test/patch/000.png").read_bytes()),
    "removed": lambda data: (data / "train/good/001.png").unlink(),
    "relabelled": lambda data: (data / "test/patch/001.png").rename(data / "test/good/new.png"),
    "cut off": lambda data: cut_off(data / "train/good/002.png"),
    "emptied": lambda data: [path.unlink() for path in sorted(data.rglob("*.png"))],
    "too few": lambda data: [path.unlink() for path in sorted(data.glob("train/good/*"))[1:]],
    "mask exchanged": lambda data: exchange(
        data / "ground_truth/patch/000_mask.png", data / "ground_truth/patch/001_mask.png"
    ),
    "mask emptied": lambda data: (data / "ground_truth/patch/000_mask.png").write_bytes(b""),
    "grouped": lambda data: (data / "split.csv").write_text("name,panel\ntrain/good/000.png,P1\n"),
}


def test_the_pictures_that_were_approved_are_trained_on_broken_ones_left_out(tmp_path: Path) -> None:
    data = write_mvtec(tmp_path / "data", train=12)
    cut_off(data / "train/good/003.png")
    (data / "ground_truth/patch/001_mask.png").write_bytes(b"")
    run_here(tmp_path / "run", SPEC, data, approved=check_dataset(data).fingerprint)
    saved = json.loads(RunFolder(tmp_path / "run").model.card.read_text())
    assert saved["data"]["fingerprint"] == check_dataset(data).fingerprint


@pytest.mark.parametrize("change", CHANGES)
def test_other_pictures_than_those_approved_are_not_trained_on(tmp_path: Path, change: str) -> None:
    data = write_mvtec(tmp_path / "data", train=12)
    approved = check_dataset(data).fingerprint
    CHANGES[change](data)
    with pytest.raises(DataChanged) as refused:
        run_here(tmp_path / "run", SPEC, data, approved=approved)
    told = failure(refused.value)
    assert (told.code, "not those of the plan that was approved" in told.reason) == ("data_changed", True)
    assert [event.name for event in read_events(tmp_path / "run") if isinstance(event, Stage)] == ["loading"]


def test_what_is_hashed_is_what_is_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture is exchanged in the moment between: the honest decoder finds another file where the hashed one was."""
    data = write_mvtec(tmp_path, train=4)
    items = items_of(data, split="train")
    before = Pictures(image_size=64)
    before.readable(items)
    honest = engine.datasets.loading.read_picture

    def exchanged(path: Path, **how):
        path.write_bytes((data / "test/patch/000.png").read_bytes())
        return honest(path, **how)

    monkeypatch.setattr(engine.datasets.loading, "read_picture", exchanged)
    raced = Pictures(image_size=64)
    raced.readable(items)
    assert raced.fingerprint(items) == before.fingerprint(items)
    assert all((raced.get(item).pixels == before.get(item).pixels).all() for item in items)


@pytest.mark.parametrize("change", ["train/good/002.png", "ground_truth/patch/001_mask.png"])
def test_a_file_that_is_exchanged_while_it_is_learnt_from_stops_the_pass(tmp_path: Path, change: str) -> None:
    data = write_mvtec(tmp_path, train=4)
    items = items_of(data, split="train") + items_of(data, split="test")
    loader = Loader(items, image_size=64, batch_size=2, pictures=Pictures(image_size=64, memory_mb=0))
    first = torch.cat([batch.images for batch in loader])
    assert torch.equal(first, torch.cat([batch.images for batch in loader]))
    other = "train/good/001.png" if "train" in change else "ground_truth/patch/000_mask.png"
    exchange(data / change, data / other)
    with pytest.raises(DataChanged, match="was changed while it was being learnt from"):
        list(loader)


def start_approved(run: Path, data: Path, digest: str) -> Failed:
    ended = start_engine("run", str(run), "--data", str(data), "--approved-spec", digest).complete()
    (told,) = read_events(run)
    assert ended.returncode == 1
    assert isinstance(told, Failed)
    return told


@pytest.mark.parametrize("edit", ["changed", "removed", "broken"])
def test_settings_that_were_edited_after_the_yes_are_not_trained(tmp_path: Path, edit: str) -> None:
    data, run = write_mvtec(tmp_path / "data"), write_run(tmp_path / "run", SPEC)
    path = RunFolder(run).spec
    if edit == "changed":
        path.write_text(tiny_spec("padim", num_features=11, threshold_policy="split_conformal").model_dump_json())
    elif edit == "removed":
        path.unlink()
    else:
        path.write_text(path.read_text()[:-5])
    told = start_approved(run, data, digest_of(SPEC))
    assert (told.code, str(path) in told.reason) == ("spec_changed", True)


def test_the_digest_of_a_spec_is_that_of_its_settings_and_not_of_its_file(tmp_path: Path) -> None:
    laid_out = json.dumps(dict(reversed(json.loads(SPEC.model_dump_json()).items())), indent=3)
    assert digest_of(DetectJob.model_validate_json(laid_out)) == digest_of(SPEC)
    assert digest_of(SPEC.model_copy(update={"seed": 1})) != digest_of(SPEC)
