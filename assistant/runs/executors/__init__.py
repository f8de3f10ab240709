"""Where a run computes: one file per executor, chosen by its name.

An executor's file has `open_executor(settings, files)`. It knows a run by its id, whoever submitted it, so that a server that was started
anew finds it again. Where it computes, no disk is shared with the server: it takes what a run needs from the run files (`lay_out`), and
brings back what it leaves, its event log above all. It has no policy: when a run starts, stops or has failed is the supervisor's affair.
"""

import importlib
import pkgutil
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from assistant.runs.files import RunFiles
from assistant.settings import SettingError, Settings
from engine.contract.folder import BUILT_ON


@dataclass(frozen=True)
class Approved:
    """What a person said yes to, and the engine refuses to differ from: the data's fingerprint (None: any) and the spec's digest."""

    data: str | None
    spec: str


@dataclass(frozen=True)
class Submission:
    """A run that is to be started."""

    run: str
    dataset: str  # by its name
    data: (
        Path  # its folder on the server's machine; another machine gets a copy, which the approved fingerprint holds to
    )
    approved: Approved
    needs: tuple[str, ...] = ()  # the finished runs whose models it is built on

    def arguments(self, *, runs: Path, data: Path | None = None) -> list[str]:
        """What the engine is told beside the run's folder.

        Args:
            runs: the folder in which the runs that it needs lie, each by its id.
            data: where the data set lies on the machine that computes; left out, it is the server's.
        """
        arguments = ["--data", str(data or self.data), "--runs", str(runs), "--approved-spec", self.approved.spec]
        if self.approved.data is not None:
            arguments += ["--approved-data", self.approved.data]
        return arguments


def lay_out(submission: Submission, files: RunFiles, *, runs: Path) -> Path:
    """Lay a run's files into the folder `runs` of another machine, and beside it the models that it needs; its folder there."""
    for need in submission.needs:
        files.get(need, runs / need, only=BUILT_ON)
    files.get(submission.run, runs / submission.run)
    return runs / submission.run


@dataclass(frozen=True)
class Running:
    """Its process is there, or is just being started."""


@dataclass(frozen=True)
class Gone:
    """Nothing of it computes, and all that it reported lies in its files.

    exit_code: as its process ended, minus the signal that killed it; None where nobody knows. has_begun: False where it is certain that
    no process of it was ever there.
    """

    exit_code: int | None
    has_begun: bool


@dataclass(frozen=True)
class Unknown:
    """Nobody can tell now, such as while a machine does not answer. Nothing follows from it."""

    why: str


Status = Running | Gone | Unknown
Claim = Callable[[], Awaitable[bool]]


class Executor(Protocol):
    """Starts runs somewhere, and knows how they are."""

    async def submit(self, submission: Submission, *, claim: Claim) -> bool:
        """Start the engine on a run. Whether it was started now.

        `claim` is asked once nobody else can start the run, right before its process begins: from then on it counts as running, and until
        it is gone, `status` says so to everybody. Where the answer is no, or somebody else is starting it, nothing happens.

        Raises:
            OSError: nothing was started.
        """

    async def status(self, run: str) -> Status:
        """How the run is; of one that was never submitted, that it is gone and has not begun. Its reports so far lie in its files then."""

    async def cancel(self, run: str, *, grace_s: float) -> None:
        """Ask the run to stop, and after `grace_s` seconds make it. One that is gone stays as it is."""

    async def logs(self, run: str, lines: int) -> Sequence[str]:
        """The last lines that the run's process printed."""


def executor_names() -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def open_executor(name: str, settings: Settings, files: RunFiles) -> Executor:
    """The executor of that name.

    Raises:
        SettingError: there is none.
    """
    if name not in executor_names():
        have = ", ".join(executor_names())
        raise SettingError(f"MURASCOPE_EXECUTOR is {name!r}: there is no such executor (have: {have})")
    opened: Executor = importlib.import_module(f"{__name__}.{name}").open_executor(settings, files)
    return opened
