"""The walls of the room of runs, read off the source: who looks at a disk, a lock or a process, and who names executors."""

import ast
from pathlib import Path

import pytest

from assistant.runs.executors import executor_names

PROJECT = Path(__file__).resolve().parents[3]
EXECUTORS = PROJECT / "assistant" / "runs" / "executors"
PRODUCT = [path for folder in ("assistant", "web") for path in sorted((PROJECT / folder).rglob("*.py"))]


def imported(path: Path) -> set[str]:
    modules: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules |= {node.module or "", *(f"{node.module}.{each.name}" for each in node.names)}
    return modules


def test_the_supervisor_looks_at_no_disk_no_lock_and_no_process() -> None:
    source = (PROJECT / "assistant" / "runs" / "supervisor.py").read_text(encoding="utf-8")
    called = {node.attr for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute)}
    assert called & {"folder", "folder_of", "exists", "stat", "open"} == set()
    looks = {"os", "psutil", "shutil", "signal", "engine.contract.folder", "engine.contract.process_lock"}
    assert imported(PROJECT / "assistant" / "runs" / "supervisor.py") & looks == set()


@pytest.mark.parametrize("name", executor_names())
def test_nobody_but_an_executor_itself_knows_it(name: str) -> None:
    module = f"assistant.runs.executors.{name}"
    assert [path.name for path in PRODUCT if module in imported(path)] == []


def test_the_processes_of_a_run_are_known_to_its_executor_alone() -> None:
    looks = {f"engine.contract.{module}" for module in ("attempt", "attempt_files", "process_lock", "process_tree")}
    known = {path for path in PRODUCT if imported(path) & looks}
    of_servers = PROJECT / "assistant" / "machine" / "process_mark.py"  # such a lock, of something else
    assert {path.parent for path in known - {of_servers}} == {EXECUTORS}


def test_the_folder_of_a_run_is_asked_for_by_the_run_which_may_be_elsewhere() -> None:
    asking = [
        f"{path.relative_to(PROJECT)}:{node.lineno}"
        for path in PRODUCT
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("runs.folder")
    ]
    assert asking == []


def test_where_run_files_are_kept_is_known_to_their_store_alone() -> None:
    naming = [path for path in PRODUCT if "runs_folder" in path.read_text(encoding="utf-8")]
    assert {path.relative_to(PROJECT).as_posix() for path in naming} == {
        "assistant/runs/files.py",
        "assistant/settings.py",
    }
    choosing = [path for path in PRODUCT if "LocalFiles" in path.read_text(encoding="utf-8")]
    assert [path.relative_to(PROJECT).as_posix() for path in choosing] == ["assistant/runs/files.py"]
