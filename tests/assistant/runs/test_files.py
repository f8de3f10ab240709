"""The files of runs: laid elsewhere and brought back whole, and left where they are by whoever works there."""

from pathlib import Path

import pytest

from assistant.runs.files import LocalFiles
from engine.contract.folder import BUILT_ON, RunFolder

SPEC = RunFolder(Path()).spec.as_posix()
STATE = RunFolder(Path()).model.state.as_posix()


@pytest.fixture
def files(tmp_path: Path) -> LocalFiles:
    folder = RunFolder(tmp_path / "runs" / "r1")
    folder.model.path.mkdir(parents=True)
    folder.spec.write_text("{}")
    folder.model.state.write_bytes(b"weights")
    return LocalFiles(tmp_path / "runs")


def test_a_runs_files_are_listed_by_their_names_in_its_folder_and_opened_by_them(files: LocalFiles) -> None:
    assert files.list("r1") == sorted([SPEC, STATE])
    assert files.list("r2") == []
    with files.open("r1", STATE) as file:
        assert file.read() == b"weights"
    with pytest.raises(FileNotFoundError):
        files.open("r1", "gone")


def test_what_a_run_needs_is_laid_into_a_folder_and_what_it_leaves_is_brought_back(
    files: LocalFiles, tmp_path: Path
) -> None:
    files.get("r1", tmp_path / "work")
    assert RunFolder(tmp_path / "work").model.state.read_bytes() == b"weights"
    RunFolder(tmp_path / "work").log.write_text("done")
    files.put("r1", tmp_path / "work")
    with files.open("r1", RunFolder(Path()).log.as_posix()) as file:
        assert file.read() == b"done"


def test_a_new_run_keeps_what_is_laid_into_its_view_and_no_two_are_the_same(files: LocalFiles) -> None:
    with files.new("r2") as folder:
        RunFolder(folder).spec.write_text("{}")
    assert (files.list("r2"), files.runs()) == ([SPEC], ["r1", "r2"])
    with pytest.raises(FileExistsError), files.new("r1"):
        pass


def test_of_a_run_that_another_is_built_on_its_model_is_enough(files: LocalFiles, tmp_path: Path) -> None:
    folder = RunFolder(files.folder("r1"))
    folder.events.write_text("")
    folder.path.joinpath(f"{folder.model.path.name}s").write_text("another name that begins alike")
    files.get("r1", tmp_path / "work", only=BUILT_ON)
    assert LocalFiles(tmp_path).list("work") == sorted([SPEC, STATE])


def test_who_works_in_the_runs_own_folder_copies_nothing(files: LocalFiles, tmp_path: Path) -> None:
    state = RunFolder(tmp_path / "runs" / "r1").model.state
    before = state.stat()
    files.get("r1", tmp_path / "runs" / "r1")
    files.put("r1", tmp_path / "runs" / ".." / "runs" / "r1")
    assert state.stat() == before


def test_a_link_what_tells_of_attempts_and_a_file_that_is_still_being_written_stay_where_they_are(
    files: LocalFiles, tmp_path: Path
) -> None:
    folder = RunFolder(tmp_path / "runs" / "r1")
    (folder.path / "secret").symlink_to("/etc/passwd")
    folder.lock.touch()
    folder.heartbeat.touch()
    folder.verdict(1).parent.mkdir()
    folder.verdict(1).touch()
    folder.spec.with_name(f"{folder.spec.name}.part").touch()
    half = folder.path / f"{folder.evaluation.path.name}.part"
    half.mkdir()
    (half / "figures").touch()
    assert files.list("r1") == sorted([SPEC, STATE])
