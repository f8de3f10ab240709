"""`make guards`: puts each small fault of *.toml into a copy of the tree and shows that the test named beside it notices.

A promise whose test stays green with its fault in place is no promise. Each fault is printed as one of

    caught   the test passes without the fault and fails with it
    MISSED   the test passes with the fault too: it guards nothing
    RED      the test fails without the fault already
    STALE    the place is not found exactly once, or there is no such test: the fault must follow the code

and the exit code is 0 only when all are caught. `--quick` takes those marked quick, `--only WORD` those whose promise, file or
test holds the word. The tree itself is never touched.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

FOLDER = Path(__file__).resolve().parent
PROJECT = FOLDER.parent.parent
FIELDS = {"promise", "file", "find", "replace", "test", "quick"}
PASSED, FAILED, NO_SUCH_TEST, NOTHING_RAN = 0, 1, 4, 5  # pytest's exit codes
SECONDS = 300  # for one test; a fault may make it hang, which counts as noticed


@dataclass(frozen=True)
class Fault:
    """One small change of one file, the promise that it breaks, and the test that must notice."""

    promise: str
    file: str
    find: str
    replace: str
    test: str
    quick: bool = False


def main() -> int:
    options = _parser().parse_args()
    faults = [fault for fault in load_faults() if _is_asked_for(fault, options)]
    began = time.monotonic()
    trees: SimpleQueue[Path] = SimpleQueue()
    without: dict[str, int] = {}  # pytest's exit code by test, in a tree without a fault
    with tempfile.TemporaryDirectory(prefix="guards-") as scratch, ThreadPoolExecutor(options.workers) as pool:
        for number in range(options.workers):
            trees.put(copy_tree(Path(scratch, str(number))))
        verdicts = []
        for fault, verdict in zip(
            faults, pool.map(lambda fault: judge_in_one_of(trees, fault, without), faults), strict=True
        ):
            print(f"{verdict:7} {fault.promise}  [{fault.file}; {fault.test}]", flush=True)
            verdicts.append(verdict)
    caught = verdicts.count("caught")
    print(f"{caught} of {len(verdicts)} faults caught, {time.monotonic() - began:.0f} s")
    return 0 if caught == len(verdicts) else 1


def load_faults(folder: Path = FOLDER) -> list[Fault]:
    """Every fault of every list.

    Raises:
        ValueError: an entry has unknown or missing fields.
    """
    faults = []
    for path in sorted(folder.glob("*.toml")):
        for entry in tomllib.loads(path.read_text(encoding="utf-8"))["fault"]:
            if not entry.keys() <= FIELDS or not FIELDS - entry.keys() <= {"quick"}:
                raise ValueError(f"{path.name}: a fault has the fields {sorted(FIELDS)}, not {sorted(entry)}")
            faults.append(Fault(**entry))
    return faults


def copy_tree(target: Path, project: Path = PROJECT) -> Path:
    """A copy of all files that git knows or would take, without what it ignores, in a folder beside no data or weights."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=project,
        check=True,
        capture_output=True,
    )
    for name in filter(None, os.fsdecode(listed.stdout).split("\0")):
        source, copy = project / name, target / "project" / name
        if source.is_file():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)
    return target / "project"


def judge_in_one_of(trees: "SimpleQueue[Path]", fault: Fault, without: dict[str, int]) -> str:
    tree = trees.get()
    try:
        return judge(fault, tree, without)
    finally:
        trees.put(tree)


def judge(fault: Fault, tree: Path, without: dict[str, int]) -> str:
    """The verdict on one fault, tried in a copy of the tree that is left as it was. `without` is filled as tests are run."""
    path = tree / fault.file
    before = path.read_text(encoding="utf-8") if path.is_file() else ""
    if before.count(fault.find) != 1:
        return "STALE"
    if fault.test not in without:
        without[fault.test] = run_test(fault.test, tree)
    if without[fault.test] in (NO_SUCH_TEST, NOTHING_RAN):
        return "STALE"
    if without[fault.test] != PASSED:
        return "RED"
    path.write_text(before.replace(fault.find, fault.replace), encoding="utf-8")
    try:
        return "caught" if run_test(fault.test, tree) == FAILED else "MISSED"
    finally:
        path.write_text(before, encoding="utf-8")


def run_test(test: str, tree: Path) -> int:
    """pytest's exit code for one test in a copy of the tree; one that hangs has failed, one that was only skipped did not run."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", test]
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    process = subprocess.Popen(
        command, cwd=tree, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    try:
        printed, _ = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.communicate()
        return FAILED
    is_skipped = process.returncode == PASSED and b" passed" not in printed
    return NOTHING_RAN if is_skipped else process.returncode


def _is_asked_for(fault: Fault, options: argparse.Namespace) -> bool:
    words: Iterable[str] = (fault.promise, fault.file, fault.test)
    return (fault.quick or not options.quick) and any(options.only in each for each in words)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make guards", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="only the faults whose tests take seconds")
    parser.add_argument("--only", default="", metavar="WORD", help="only faults whose promise, file or test holds WORD")
    parser.add_argument("--workers", type=int, default=2, help="copies of the tree that are tried at the same time")
    return parser


if __name__ == "__main__":
    sys.exit(main())
