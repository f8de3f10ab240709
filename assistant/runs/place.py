"""Where a run is: the home that holds its folder, and that home's machine.

Several servers may share one database. Each starts, watches and ends the runs of its own home, which servers of one home share
(assistant/runs/leases.py), and shows those of other homes as the database knows them. A home is known by an id of its own, written into it once, so that it may be moved, and its machine renamed;
whoever copies a home for a second server on the same database leaves that file out.
"""

import secrets
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from assistant.machine.noted_once import noted_once
from assistant.refused import Refused
from assistant.store.tables import RunRow

ID_FILE = "home.id"
ID_BYTES = 8
BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Place:
    """A home by its id, and its machine by the name that people know. `machine` is what tells it from others, whose devices are others: its
    boot, for two containers on one machine have two names, and the same devices."""

    home: str
    host: str
    machine: str

    def has(self, row: RunRow) -> bool:
        """Whether the run's folder lies here."""
        return row.home == self.home


def place_of(home: Path) -> Place:
    """The place that this process works at; the home gets its id where it has none.

    Raises:
        OSError: the id can neither be read nor written.
    """
    own = noted_once(home / ID_FILE, lambda: secrets.token_hex(ID_BYTES))
    host = machine = socket.gethostname()
    with suppress(OSError):  # of Linux alone
        machine = BOOT.read_text(encoding="ascii").strip()
    return Place(home=own, host=host, machine=machine)


class RunElsewhere(Refused):
    """The run's folder lies in another home: what stands in it can be had there alone."""

    status = 409

    def __init__(self, row: RunRow):
        where, hint = row.host or "a machine that nobody has noted", "open Murascope on that machine"
        super().__init__(
            "elsewhere", f"run {row.id} is on {where}, in another home", hint, run=row.id, host=row.host or "?"
        )
