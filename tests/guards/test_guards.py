"""The lists of faults follow the code, and the verdicts on them can be believed."""

from pathlib import Path

import pytest

from tests.guards.run import PROJECT, Fault, judge, load_faults

CODE = "def double(value):\n    return 2 * value\n"
TEST = "from code_under_test import double\n\ndef test_it():\n    assert double(3) == {}\n\ndef test_nothing():\n    pass\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A project of one file and two tests, of which one looks."""
    (tmp_path / "code_under_test.py").write_text(CODE)
    (tmp_path / "test_code.py").write_text(TEST.format(6))
    return tmp_path


def fault(*, find: str = "2 * value", test: str = "test_code.py::test_it") -> Fault:
    return Fault("twice", "code_under_test.py", find, "3 * value", test)


def test_a_fault_that_its_test_notices_is_caught_and_the_tree_is_as_before(tree: Path) -> None:
    assert judge(fault(), tree, {}) == "caught"
    assert (tree / "code_under_test.py").read_text() == CODE


def test_a_test_that_does_not_look_has_missed_it(tree: Path) -> None:
    assert judge(fault(test="test_code.py::test_nothing"), tree, {}) == "MISSED"


def test_a_test_that_is_red_already_proves_nothing(tree: Path) -> None:
    (tree / "test_code.py").write_text(TEST.format(7))
    assert judge(fault(), tree, {}) == "RED"


@pytest.mark.parametrize("moved", [fault(find="4 * value"), fault(find="value"), fault(test="test_code.py::test_gone")])
def test_what_has_moved_is_stale(tree: Path, moved: Fault) -> None:
    assert judge(moved, tree, {}) == "STALE"


def test_every_fault_has_its_place_exactly_once_and_its_test_still_stands() -> None:
    stale = [each.promise for each in load_faults() if not (_has_its_place(each) and _has_its_test(each))]
    assert stale == []


def _has_its_place(each: Fault) -> bool:
    path = PROJECT / each.file
    return path.is_file() and path.read_text(encoding="utf-8").count(each.find) == 1


def _has_its_test(each: Fault) -> bool:
    file, _, name = each.test.partition("::")
    path = PROJECT / file
    return path.is_file() and name.partition("[")[0].rpartition("::")[2] in path.read_text(encoding="utf-8")
