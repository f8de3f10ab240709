"""The lock that says whether a run lives."""

import fcntl
import os
import subprocess
import sys

from engine.contract.folder import RunFolder
from engine.contract.process_lock import is_locked, note_process, noted_process, take_lock


def test_one_at_a_time_holds_the_lock_of_a_run_and_nobody_waits_for_it(tmp_path):
    lock = take_lock(tmp_path)
    assert lock is not None
    with lock:
        assert take_lock(tmp_path) is None
        assert is_locked(tmp_path)
    assert not is_locked(tmp_path)


def test_a_process_that_was_handed_the_lock_holds_it_when_its_starter_has_let_go(tmp_path):
    lock = take_lock(tmp_path)
    with lock:
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[lock.descriptor])
    assert is_locked(tmp_path)
    child.communicate(b"\n")
    assert not is_locked(tmp_path)


def test_two_who_ask_at_once_do_not_take_each_other_for_a_living_run(tmp_path):
    take_lock(tmp_path).__exit__(None, None, None)
    other = os.open(RunFolder(tmp_path).lock, os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_SH)
    assert not is_locked(tmp_path)
    os.close(other)


def test_the_process_of_a_run_is_noted_without_letting_go_of_the_lock(tmp_path):
    with take_lock(tmp_path):
        assert noted_process(tmp_path) is None
        note_process(tmp_path)
        assert noted_process(tmp_path) == os.getpid()
        assert is_locked(tmp_path)


def test_a_folder_without_a_lock_belongs_to_nobody(tmp_path):
    assert not is_locked(tmp_path / "gone")
    assert noted_process(tmp_path / "gone") is None
