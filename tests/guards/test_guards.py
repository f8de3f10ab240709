"""The lists of faults follow the code, and the verdicts on them can be believed."""

from collections.abc import Iterator

import pytest

from tests.guards.run import PROJECT, Bench, Fault, bench, judge, load_faults

CODE = "def double(value):\n    return 2 * value\n"
TEST = "from code_under_test import double\n\ndef test_it():\n    assert double(3) == {}\n\ndef test_nothing():\n    pass\n"


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A bench over a project of one file and two tests, of which one looks."""
    tree = tmp_path_factory.mktemp("project")
    (tree / "code_under_test.py").write_text(CODE)
    (tree / "test_code.py").write_text(TEST.format(6))
    with bench(tree) as opened:
        yield opened


def verdict(at: Bench, *, find: str = "2 * value", test: str = "test_code.py::test_it") -> str:
    return judge(at, Fault("twice", "code_under_test.py", find, "3 * value", test), at.run(test))


def test_a_fault_that_its_test_notices_is_caught_and_the_tree_is_as_before(at: Bench) -> None:
    assert verdict(at) == "caught"
    assert (at.tree / "code_under_test.py").read_text() == CODE


def test_a_test_that_does_not_look_has_missed_it(at: Bench) -> None:
    assert verdict(at, test="test_code.py::test_nothing") == "MISSED"


def test_a_test_that_is_red_already_proves_nothing(at: Bench) -> None:
    (at.tree / "test_red.py").write_text(TEST.format(7))
    assert verdict(at, test="test_red.py::test_it") == "RED"


@pytest.mark.parametrize("moved", [{"find": "4 * value"}, {"find": "value"}, {"test": "test_code.py::test_gone"}])
def test_what_has_moved_is_stale(at: Bench, moved: dict[str, str]) -> None:
    assert verdict(at, **moved) == "STALE"


def test_every_fault_has_its_place_exactly_once_and_its_test_still_stands() -> None:
    stale = [each.promise for each in load_faults() if not (_has_its_place(each) and _has_its_test(each))]
    assert stale == []


def _has_its_place(each: Fault) -> bool:
    path = PROJECT / each.file
    return path.is_file() and path.read_text(encoding="utf-8").count(each.find) == 1


def _has_its_test(each: Fault) -> bool:
    file, _, name = each.test.partition("::")
    path = PROJECT / file
    function = name.partition("[")[0].rpartition("::")[2]
    return path.is_file() and (not name or f"def {function}(" in path.read_text(encoding="utf-8"))
