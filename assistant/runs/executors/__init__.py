"""Where a run computes: one file per executor, chosen by its name.

An executor's file has `open_executor(settings, files)`. It knows an attempt by its id, whoever submitted it, so that a server that was
started anew finds it again. It has no policy: when a run starts, is tried again, stops or has failed is the supervisor's affair.
"""

import importlib
import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass, field
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
class Order:
    """One attempt of a run, to be computed: all that an executor is told.

    limit_s: after which a process that has not ended itself by then is ended; None is no limit. silent_s: how long one may show no sign of
    life. `server` is the address that a process elsewhere reports to, `token` what it shows there, good for this attempt alone.
    """

    run: str
    attempt: int  # from 1
    dataset: str  # by its name
    data: (
        Path  # its folder on the server's machine; another machine gets a copy, which the approved fingerprint holds to
    )
    approved: Approved
    needs: tuple[str, ...] = ()  # the finished runs whose models it is built on
    limit_s: float | None = None
    silent_s: float = 300.0
    device: str = "auto"  # as the job names it
    place: str | None = None  # which of the executor's devices it has; None: the executor places it
    server: str | None = None
    token: str | None = field(default=None, repr=False)

    @property
    def id(self) -> str:
        """What the executor knows the attempt by: the same order twice is one attempt."""
        return order_id(self.run, self.attempt)

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


def lay_out(order: Order, files: RunFiles, *, runs: Path) -> Path:
    """Lay a run's files into the folder `runs` of another machine, and beside it the models that it needs; its folder there."""
    for need in order.needs:
        files.get(need, runs / need, only=BUILT_ON)
    files.get(order.run, runs / order.run)
    return runs / order.run


@dataclass(frozen=True)
class Unknown:
    """Nothing is known of such an attempt: it was never submitted, or was forgotten."""


@dataclass(frozen=True)
class Pending:
    """It was submitted, and waits there for a place; where it waits for something that people should hear of, `code` names it: cluster_no_place,
    cluster_image, cluster_container, cluster_suspended."""

    why: str = ""
    code: str = ""


@dataclass(frozen=True)
class Running:
    """Its process is there, or is just being started; `node` names the machine. is_in_reach: it can be stopped from here."""

    node: str | None = None
    is_in_reach: bool = True


@dataclass(frozen=True)
class Exited:
    """Nothing of it computes any more, and where the disk is shared all that it reported lies in its files.

    exit_code: as its process ended, minus the signal that killed it; None where nobody knows. why: who ended it, where it was not the
    process itself or a stranger: cancelled, limit, silent. told: what its machine says of it, for people.
    """

    exit_code: int | None
    why: str | None = None
    told: str = ""


@dataclass(frozen=True)
class Lost:
    """It had begun, and is gone without a trace of how: its machine is dead, or was started anew."""

    why: str = ""


@dataclass(frozen=True)
class Unreachable:
    """Nobody can tell now, such as while a cluster's head does not answer. Nothing follows from it."""

    why: str


Status = Unknown | Pending | Running | Exited | Lost | Unreachable


class Executor(Protocol):
    """Computes attempts of runs somewhere, and knows how they are. An attempt is known by its `Order.id`."""

    shares_disk: bool  # computes in the views of the run files; else all that it needs and leaves travels (assistant/runs/reports.py)

    async def devices(self) -> Sequence[str]:
        """Those that it computes on, which are chosen among (assistant/runs/devices.py); none: it places by itself what it gets."""

    async def ready(self, order: Order) -> None:
        """
        Raises:
            OSError: nothing can be submitted now, such as for a full disk or a cluster that does not answer.
        """

    async def submit(self, order: Order) -> None:
        """See to it that this attempt is computed, once, however often it is asked for.

        Raises:
            OSError: nothing was submitted.
        """

    async def status(self, order: str) -> Status:
        """How the attempt of that id is."""

    async def cancel(self, order: str, *, grace_s: float) -> None:
        """Ask the attempt to stop, and after `grace_s` seconds see to it that it does. One that is gone stays as it is.

        Raises:
            OSError: nobody could be asked.
        """

    async def logs(self, order: str, lines: int) -> Sequence[str]:
        """The last lines that the attempt's process printed, as far as they are known here."""


def order_id(run: str, attempt: int) -> str:
    """What executors know an attempt of a run by."""
    return f"{run}-a{attempt}"


def order_parts(order: str) -> tuple[str, int]:
    """The run and the number of an attempt's id."""
    run, _, number = order.rpartition("-a")
    return run, int(number)


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
