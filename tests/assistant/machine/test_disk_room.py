"""The limits of the disk fit each other: what is begun with little room is not said to have died of it."""

from pathlib import Path

import pytest

from assistant.machine.disk_room import FULL_BYTES, ROOM_TO_START_BYTES, refuse_full_disk
from assistant.runs.last_word import end_of, without_last_word
from tests.small_disk import small_disk

MIB = 1 << 20


def test_a_training_begun_with_the_least_room_has_not_died_of_a_full_disk(tmp_path: Path) -> None:
    with small_disk(tmp_path / "runs") as disk:
        disk.fill(leave=ROOM_TO_START_BYTES)
        refuse_full_disk(disk.path, wanted=ROOM_TO_START_BYTES, what="a training is begun")
        assert without_last_word(end_of("exited", 1), disk.path).code == "killed"
        disk.fill(leave=ROOM_TO_START_BYTES - MIB)
        with pytest.raises(OSError, match="63 MiB are free, and a training is begun with 64 at least"):
            refuse_full_disk(disk.path, wanted=ROOM_TO_START_BYTES, what="a training is begun")
        disk.fill(leave=FULL_BYTES - MIB)
        assert without_last_word(end_of("exited", 1), disk.path).code == "disk"
