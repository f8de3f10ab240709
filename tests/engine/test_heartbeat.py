"""The sign of life of a training."""

import os

import pytest

from engine import heartbeat
from engine.contract.folder import RunFolder
from tests.engine.processes import start


def test_a_heart_beats_while_the_block_lasts_and_not_after(tmp_path, monkeypatch):
    monkeypatch.setattr(heartbeat, "BETWEEN_BEATS_S", 0.01)
    file = RunFolder(tmp_path).heartbeat
    with heartbeat.beating(tmp_path):
        for _ in range(3):
            while not file.exists() or file.stat().st_mtime == 1:
                pass
            os.utime(file, (1, 1))
    os.utime(file, (1, 1))
    assert file.stat().st_mtime == 1


def test_a_folder_that_is_gone_does_not_end_the_training(tmp_path, monkeypatch):
    monkeypatch.setattr(heartbeat, "BETWEEN_BEATS_S", 0.01)
    with heartbeat.beating(tmp_path / "gone"):
        pass
    with pytest.raises(ZeroDivisionError), heartbeat.beating(tmp_path):
        1 / 0  # noqa: B018


def test_the_engine_shows_signs_of_life(tmp_path):
    (tmp_path / "run").mkdir()
    assert start(tmp_path / "run", tmp_path).complete(60).returncode == 1  # there is no spec, which it says
    assert RunFolder(tmp_path / "run").heartbeat.exists()
