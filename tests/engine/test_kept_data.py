"""The files that a machine keeps for the runs that come after, and which of them it lets go."""

import hashlib
import os
import time
from pathlib import Path

import pytest

from engine.kept_data import BEING_LAID_OUT_S, KeptData

CONTENTS = b"a picture"
SHA256 = hashlib.sha256(CONTENTS).hexdigest()


class Server:
    """Counts how often it was asked."""

    def __init__(self, contents: bytes = CONTENTS):
        self.contents, self.asked = contents, 0

    def write(self, path: Path) -> None:
        self.asked += 1
        path.write_bytes(self.contents)


def kept_file(folder: Path, contents: bytes = CONTENTS) -> Path:
    sha256 = hashlib.sha256(contents).hexdigest()
    return folder / sha256[:2] / sha256


def test_contents_are_fetched_once_for_all_names_and_runs(tmp_path: Path) -> None:
    server = Server()
    for number in range(3):
        KeptData(tmp_path / "kept", 1e9).lay_out(SHA256, tmp_path / "run" / f"{number}.png", server.write)
    assert server.asked == 1
    assert [(tmp_path / "run" / f"{number}.png").read_bytes() for number in range(3)] == [CONTENTS] * 3


def test_a_kept_file_that_is_damaged_is_fetched_again(tmp_path: Path) -> None:
    server, kept = Server(), KeptData(tmp_path / "kept", 1e9)
    kept.lay_out(SHA256, tmp_path / "a.png", server.write)
    os.truncate(kept_file(tmp_path / "kept"), 3)
    kept.lay_out(SHA256, tmp_path / "b.png", server.write)
    assert (tmp_path / "b.png").read_bytes() == CONTENTS


def test_what_could_not_be_fetched_leaves_nothing(tmp_path: Path) -> None:
    def break_off(path: Path) -> None:
        path.write_bytes(CONTENTS[:3])
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        KeptData(tmp_path / "kept", 1e9).lay_out(SHA256, tmp_path / "a.png", break_off)
    assert [path for path in (tmp_path / "kept").rglob("*") if path.is_file()] == []


def test_what_was_used_longest_ago_goes_and_its_runs_keep_theirs(tmp_path: Path) -> None:
    kept, contents = KeptData(tmp_path / "kept", 250), [bytes([number]) * 100 for number in range(4)]
    for number, each in enumerate(contents):
        kept.lay_out(hashlib.sha256(each).hexdigest(), tmp_path / "run" / str(number), Server(each).write)
        used_at = time.time() - (10 - number) * BEING_LAID_OUT_S
        os.utime(kept_file(tmp_path / "kept", each), (used_at, used_at))
    kept.lay_out(hashlib.sha256(contents[0]).hexdigest(), tmp_path / "again", Server().write)
    kept.make_room()
    assert [kept_file(tmp_path / "kept", each).exists() for each in contents] == [True, False, False, True]
    assert [(tmp_path / "run" / str(number)).read_bytes() for number in range(4)] == contents


def test_what_a_run_may_be_about_to_link_stays(tmp_path: Path) -> None:
    kept = KeptData(tmp_path / "kept", 0)
    kept.lay_out(SHA256, tmp_path / "a.png", Server().write)
    kept.make_room()
    assert kept_file(tmp_path / "kept").exists()
