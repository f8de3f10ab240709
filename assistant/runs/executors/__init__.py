"""Where a run computes: one file per executor, chosen by its name.

An executor's file has `open_executor(settings, files)`. It knows a run by its id, whoever submitted it, so that a server that was started
anew finds it again. It takes what a run needs from the run's files, and brings back what it leaves, its event log above all: nothing
else is asked of the machine that it computes on. It has no policy: when a run starts, stops or has failed is the supervisor's affair.
"""

import importlib
import pkgutil
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from assistant.runs.files import RunFiles
from assistant.settings import SettingError, Settings


@dataclass(frozen=True)
class Approved:
    """What a person said yes to, and the engine refuses to differ from: the data's fingerprint (None: any) and the spec's digest."""

    data: str | None
    spec: str


@dataclass(frozen=True)
class Submission:
    """A run that is to be started."""

    run: str
    data: Path  # the folder of its data set
    approved: Approved

    @property
    def arguments(self) -> list[str]:
        """What the engine is told beside the run's folder."""
        arguments = ["--data", str(self.data), "--approved-spec", self.approved.spec]
        if self.approved.data is not None:
            arguments += ["--approved-data", self.approved.data]
        return arguments


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
        """How the run is; of one that was never submitted, that it is gone and has not begun."""

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
