"""`make guards`: puts each small fault of *.toml into a copy of the tree and shows that the test named beside it notices.

A promise whose test stays green with its fault in place is no promise. Each fault is printed as one of

    caught   the test passes without the fault and fails with it
    MISSED   the test passes with the fault too: it guards nothing
    RED      the test fails without the fault already
    STALE    the place is not found exactly once, or no such test ran: the fault must follow the code

and the exit code is 0 only when none is MISSED, RED or STALE. `--quick` takes those marked quick, `--only WORD` those whose promise,
file or test holds the word; `--within S` begins no more after S seconds, counts the rest as not tried, and begins elsewhere in the
list at each commit. The tree itself is never touched.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

FOLDER = Path(__file__).resolve().parent
PROJECT = FOLDER.parent.parent
FIELDS = {"promise", "file", "find", "replace", "test", "quick"}
LEARNED = "assistant/offline/learned"
PASSED, FAILED, NO_SUCH_TEST, NOTHING_RAN = 0, 1, 4, 5  # pytest's exit codes


@dataclass(frozen=True)
class Fault:
    """One small change of one file, the promise that it breaks, and the test that must notice."""

    promise: str
    file: str
    find: str
    replace: str
    test: str
    quick: bool = False


class Bench:
    """A copy of the tree, and a process that runs tests in it."""

    def __init__(self, tree: Path, process: "subprocess.Popen[str]"):
        self.tree, self._process = tree, process

    def run(self, test: str) -> int:
        """pytest's exit code; a test that was only skipped did not run."""
        assert self._process.stdin is not None and self._process.stdout is not None
        print(json.dumps([str(self.tree), test]), file=self._process.stdin, flush=True)
        code, has_passed = json.loads(self._process.stdout.readline())
        return NOTHING_RAN if code == PASSED and not has_passed else int(code)


def main() -> int:
    options = _parser().parse_args()
    faults = [fault for fault in load_faults() if _is_asked_for(fault, options)]
    if options.within is not None:
        first = _commit_number() % max(len(faults), 1)
        faults = faults[first:] + faults[:first]
    without: dict[str, int] = {}  # how each test ends without a fault, pytest's exit code
    began = time.monotonic()
    benches: SimpleQueue[Bench] = SimpleQueue()
    with ExitStack() as stack, ThreadPoolExecutor(options.workers) as pool:
        for _ in range(options.workers):
            scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="guards-"))
            benches.put(stack.enter_context(bench(copy_tree(Path(scratch)))))
        verdicts = []

        def tried(fault: Fault) -> str | None:
            is_late = options.within is not None and time.monotonic() - began > options.within
            return None if is_late else at_a_bench(benches, fault, without)

        for fault, verdict in zip(faults, pool.map(tried, faults), strict=True):
            if verdict is not None:
                print(f"{verdict:7} {fault.promise}  [{fault.file}; {fault.test}]", flush=True)
                verdicts.append(verdict)
    caught, left = verdicts.count("caught"), len(faults) - len(verdicts)
    rest = f", {left} not tried" if left else ""
    print(f"{caught} of {len(verdicts)} faults caught{rest}, {time.monotonic() - began:.0f} s")
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
    """A copy of all files that git knows or would take, in a folder beside no data or weights; of what it ignores only what was learned
    from the examples, which would take each copy minutes."""
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
    if (project / LEARNED).is_dir():
        shutil.copytree(project / LEARNED, target / "project" / LEARNED)
    return target / "project"


@contextmanager
def bench(tree: Path) -> Iterator[Bench]:
    """A bench over this tree; its process ends with the block."""
    with subprocess.Popen(
        [sys.executable, str(FOLDER / "warm.py")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Bench(tree, process)
        finally:
            process.kill()


def at_a_bench(benches: "SimpleQueue[Bench]", fault: Fault, without: dict[str, int]) -> str:
    taken = benches.get()
    try:
        if fault.test not in without:
            without[fault.test] = taken.run(fault.test)
        return judge(taken, fault, without[fault.test])
    finally:
        benches.put(taken)


def judge(at: Bench, fault: Fault, without: int) -> str:
    """The verdict on one fault, tried in a tree that is left as it was. `without`: how its test ends there without it."""
    path = at.tree / fault.file
    before = path.read_text(encoding="utf-8") if path.is_file() else ""
    if before.count(fault.find) != 1 or without in (NO_SUCH_TEST, NOTHING_RAN):
        return "STALE"
    if without != PASSED:
        return "RED"
    path.write_text(before.replace(fault.find, fault.replace), encoding="utf-8")
    try:
        return "caught" if at.run(fault.test) == FAILED else "MISSED"
    finally:
        path.write_text(before, encoding="utf-8")


def _commit_number() -> int:
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=PROJECT, check=True, capture_output=True, text=True)
    return int(head.stdout.strip()[:8], 16)


def _is_asked_for(fault: Fault, options: argparse.Namespace) -> bool:
    words: Iterable[str] = (fault.promise, fault.file, fault.test)
    return (fault.quick or not options.quick) and any(options.only in each for each in words)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make guards", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="only the faults whose tests take seconds")
    parser.add_argument("--only", default="", metavar="WORD", help="only faults whose promise, file or test holds WORD")
    parser.add_argument("--within", type=float, metavar="S", help="begin no more after this many seconds")
    parser.add_argument("--workers", type=int, default=2, help="copies of the tree that are tried at the same time")
    return parser


if __name__ == "__main__":
    sys.exit(main())
