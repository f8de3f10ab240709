"""A checkpoint is known by what it was made with, whichever version made it."""

import hashlib
import json
from pathlib import Path

import pytest
import torch

from engine.contract.continuing import hand_on
from engine.contract.folder import RunFolder
from engine.contract.jobs import read_job
from engine.datasets import Item
from engine.tasks.checkpoint_key import checkpoint_key
from tests.stored_home import FINISHED, STOPPED, unpack

PARTS = [[Item(Path("a.png"), "a", "good", "train")], [Item(Path("b.png"), "b", "good", "train")]]


def key_of(folder: RunFolder, *, batch_size: int = 8, parts=PARTS, data: str = "f0", began_with: str | None = None):
    job = folder.read_job()
    return checkpoint_key(job, folder, batch_size=batch_size, parts=parts, data=data, began_with=began_with)


def key_of_that_time(spec: Path) -> str:
    """As version 0.1.0 made it of the job, which it wrote down in the same order."""
    same = [json.loads(spec.read_text()), 8, [["a"], ["b"]], "f0", None, torch.__version__]
    return hashlib.sha256(json.dumps(same).encode()).hexdigest()


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    unpack(tmp_path)
    return tmp_path / "runs"


def written_otherwise(runs: Path, **changes: object) -> RunFolder:
    """The stopped run in another folder, as another version would have written its job, with these settings."""
    folder = RunFolder(runs / "r9")
    folder.path.mkdir()
    written = json.loads(RunFolder(runs / STOPPED).spec.read_text())
    folder.write_job(read_job({**written, **changes}))
    return folder


def test_the_key_of_a_released_version_is_made_again(runs: Path) -> None:
    folder = RunFolder(runs / STOPPED)
    assert key_of(folder) == key_of_that_time(folder.spec)


def test_a_run_that_continues_one_of_another_version_makes_the_same_key(runs: Path) -> None:
    old, new = RunFolder(runs / STOPPED), written_otherwise(runs)
    assert key_of(new) != key_of(old)
    hand_on(old.path, new.path)
    assert key_of(new) == key_of(old)


def test_a_setting_that_came_later_leaves_the_key_as_it_was(runs: Path) -> None:
    old, new = RunFolder(runs / STOPPED), written_otherwise(runs)
    written = json.loads(old.spec.read_text())
    assert written.pop("style_mixing") == 0.0  # of a version that did not know it
    old.spec.write_text(json.dumps(written))
    hand_on(old.path, new.path)
    assert key_of(new) == key_of(old) == key_of_that_time(old.spec)


def test_a_job_that_says_something_else_is_not_taken_over(runs: Path) -> None:
    new = written_otherwise(runs, seed=7)
    hand_on(runs / STOPPED, new.path)
    assert new.read_job().seed == 7
    assert key_of(new) != key_of(RunFolder(runs / STOPPED))


def test_another_job_than_the_folders_has_a_key_of_its_own(runs: Path) -> None:
    folder, other = RunFolder(runs / STOPPED), RunFolder(runs / FINISHED).read_job()
    with_other = checkpoint_key(other, folder, batch_size=8, parts=PARTS, data="f0", began_with=None)
    assert with_other != key_of(folder)


@pytest.mark.parametrize(
    "other", [{"batch_size": 4}, {"parts": PARTS[::-1]}, {"data": "f1"}, {"began_with": "resnet18"}], ids=str
)
def test_whatever_else_differs_makes_another_key(runs: Path, other: dict) -> None:
    assert key_of(RunFolder(runs / STOPPED), **other) != key_of(RunFolder(runs / STOPPED))
