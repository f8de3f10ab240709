"""How a run folder looks inside is written once: nobody else, tests included, spells the name of a file or a folder in it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.contract.folder import Checkpoints, EvaluationFolder, ModelFolder, RunFolder
from engine.contract.results.detect import DetectResults

ROOT = Path(__file__).resolve().parents[3]
OWNERS = {
    "tests/web/test_run_reports.py",  # what goes over HTTP are names of files
    "engine/contract/folder.py",
    "engine/contract/attempt_files.py",
    "engine/contract/checksums.py",
    "tests/engine/contract/test_folder.py",
}
OWNERS |= {"assistant/kinds/installed_weights.py"}  # the hub calls its files so, too
ROOMS = ("engine", "assistant", "web", "benchmarks", "tests")
OF_DATA_TOO = {"masks"}  # folders of a data set may be called that


def paths_in_a_run() -> Iterator[Path]:
    """Every path that the folders of a run have a name for."""
    here = Path("here")
    for folder in (RunFolder(here), Checkpoints(here), ModelFolder(here), EvaluationFolder(here)):
        for name, each in vars(type(folder)).items():
            if isinstance(each, property) and (found := getattr(folder, name)) != folder.path.name:
                yield found if isinstance(found, Path) else found.path
    for what in DetectResults.pictures:
        yield EvaluationFolder(here).pictures(what)


FILES = {path.name for path in paths_in_a_run() if path.suffix}
FOLDERS = {path.name for path in paths_in_a_run() if not path.suffix} - OF_DATA_TOO


def names_spelt_out(source: str) -> list[str]:
    """Texts of a module that are a path with a run's file in it, and what is joined to a path with / and is a run's folder."""
    tree, found = ast.parse(source), []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and not re.search(r"\s", node.value):
            found += [part for part in node.value.split("/") if part in FILES]
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and isinstance(node.right, ast.Constant):
            is_source = isinstance(node.left, ast.BinOp) and ast.unparse(node.left.right) == repr("engine")
            found += [part for part in str(node.right.value).split("/") if part in FOLDERS and not is_source]
    return found


@pytest.mark.parametrize(
    "source",
    [
        'run / "log.txt"',
        'Path("evaluation/metrics.json")',
        'f"{run}/model.json"',
        'run / "evaluation" / name',
        '["spec.json"]',
        'run / "regions/0001.json"',
        'home.glob("*/process.lock")',
    ],
)
def test_a_name_that_is_spelt_out_is_seen(source: str) -> None:
    assert names_spelt_out(source)


@pytest.mark.parametrize(
    "source",
    [
        '"the run folder, holding spec.json"',
        'data / "masks"',
        '{"model": 1}["model"]',
        '"evaluation"',
        'ROOT / "engine" / "evaluation"',
    ],
)
def test_words_about_a_file_and_names_of_other_things_are_left_alone(source: str) -> None:
    assert not names_spelt_out(source)


@pytest.mark.parametrize("room", ROOMS)
def test_nobody_but_the_contract_spells_out_what_lies_in_a_run_folder(room: str) -> None:
    files = {path.relative_to(ROOT).as_posix(): path for path in (ROOT / room).rglob("*.py")}
    spelt = {name: names_spelt_out(path.read_text("utf-8")) for name, path in files.items() if name not in OWNERS}
    assert {name: found for name, found in spelt.items() if found} == {}
