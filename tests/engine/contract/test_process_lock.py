"""The lock that says whether a run lives."""

import fcntl
import os
import subprocess
import sys
import threading

from engine.contract.folder import RunFolder
from engine.contract.process_lock import Watchers, is_locked, note_watchers, noted_watchers, take_lock


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


def test_who_only_asks_keeps_nobody_from_taking_the_lock(tmp_path):
    take_lock(tmp_path).__exit__(None, None, None)
    asking = os.open(RunFolder(tmp_path).lock, os.O_RDONLY)
    fcntl.flock(asking, fcntl.LOCK_SH)
    threading.Timer(0.05, os.close, [asking]).start()
    assert take_lock(tmp_path) is not None


def test_the_watchers_of_an_attempt_are_noted_without_letting_go_of_the_lock(tmp_path):
    with take_lock(tmp_path) as lock:
        assert noted_watchers(tmp_path) is None
        note_watchers(lock, attempt=2, shim=11, guard=12)
        assert noted_watchers(tmp_path) == Watchers(2, 11, 12, is_here=True)
        assert is_locked(tmp_path)


def test_ids_of_another_boot_mean_nothing_here(tmp_path):
    with take_lock(tmp_path) as lock:
        note_watchers(lock, attempt=2, shim=11, guard=12)
    noted = RunFolder(tmp_path).lock.read_text()
    RunFolder(tmp_path).lock.write_text(noted.replace(noted.split()[3], "0"))
    assert not noted_watchers(tmp_path).is_here


def test_a_folder_without_a_lock_belongs_to_nobody(tmp_path):
    assert not is_locked(tmp_path / "gone")
    assert noted_watchers(tmp_path / "gone") is None
