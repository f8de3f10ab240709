"""Small real trainings under random kills: `python -m benchmarks.chaos --runs 100 --seed 0` (`--minutes` ends it earlier, and says so).

Two real servers share a home with two places. Each run has a fate that is drawn before it begins: whom SIGKILL hits, up to three times, and
after how many lines of its log: the trainer, the shim, its guard, both, a server, both servers, a server and the trainer; or a person stops it. When
exactly a process is hit still depends on the machine. Afterwards is counted, and all should be 0:

    false     a run called finished whose model does not load, or does not give the scores that were told of it
    events    a log with a gap, with no last word or two, or without lines that had been there
    orphans   a process of a run that is left, or a run whose lock is held
    corrupt   a model of any run that stands there and cannot be loaded
    untrue    a run that ended otherwise than as what befell it says, or was tried more often than it was killed
    stuck     a run that does not end
"""

import argparse
import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from assistant.settings import Settings
from assistant.store.tables import ACTIVE, AttemptRow, RunRow
from assistant.workspace import Workspace
from benchmarks.served import MURASCOPE, PROJECT, processes_of_runs, write_panels
from engine.contract.events import DamagedLog, read_events
from engine.contract.folder import RunFolder
from engine.contract.jobs import Job, make_job
from engine.contract.process_lock import is_locked, noted_watchers
from engine.contract.process_tree import below
from engine.contract.results.detect import DetectResults

RETRIES, SLOTS = 2, 2
WHOM = ("trainer", "trainer", "shim", "guard", "watchers", "server", "servers", "server and trainer", "stop")
OF_RUNS = ("trainer", "shim", "guard", "watchers", "server and trainer")  # what ends an attempt
LINES = 24  # of a log, within which a run is hit
TICK_S, STUCK_S = 0.02, 240.0
ENDS = {"finished": "succeeded", "failed": "failed", "stopped": "stopped"}
KILLED = {"killed", "lost"}
HARMS = ("false", "events", "orphans", "corrupt", "untrue", "stuck")


@dataclass(frozen=True)
class Strike:
    """Who is hit, so many lines of the log and so many seconds after the one before."""

    whom: str
    after_lines: int
    wait_s: float


@dataclass
class Fate:
    """What is to befall a run, and what has."""

    strikes: list[Strike]
    run: RunFolder
    lines: list[str] = field(default_factory=list)  # of its log, as they were seen
    kills: int = 0  # that may have ended an attempt
    was_stopped: bool = False
    from_line: int = 0
    due_at: float | None = None


class Chaos:
    """One home with two servers."""

    def __init__(self, folder: Path, chance: random.Random):
        self.folder, self.chance, self.home = folder, chance, folder / "home"
        self.stages: Counter[str] = Counter()  # whom it hit in which
        write_panels(folder / "panels")
        ours = {
            "HOME": str(self.home), "HUB": "off", "SLOTS": str(SLOTS), "RETRIES": str(RETRIES), "RETRY_WAIT_S": "0",
        }  # fmt: skip
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("MURASCOPE_")}
        self.environment = inherited | {f"MURASCOPE_{name}": value for name, value in ours.items()}
        self.environment |= {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(PROJECT)}
        self.servers = [self._serve() for _ in range(2)]

    def _serve(self) -> "subprocess.Popen[bytes]":
        with (self.folder / "server.log").open("ab") as log:
            command = [*MURASCOPE, "serve", "--port", "0"]
            return subprocess.Popen(command, env=self.environment, cwd=PROJECT, stdout=log, stderr=log)

    def kill_server(self, which: int) -> None:
        """Kill one, and start it again."""
        self.servers[which].kill()
        self.servers[which].wait()
        self.servers[which] = self._serve()

    def close(self) -> None:
        for server in self.servers:
            server.kill()
            server.wait()
        for process in processes_of_runs(self.home):
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)

    def job(self) -> Job:
        quick = {"image_size": 64, "device": "cpu", "seed": self.chance.randrange(100)}
        if self.chance.random() < 0.5:
            return make_job("detect", "panels", "autoencoder", {**quick, "epochs": self.chance.randint(3, 40)})
        backbone = {"backbone": "mobilenetv2_100", "weights": "random", "num_features": 8}
        return make_job("detect", "panels", "padim", {**quick, **backbone})

    def strikes(self) -> list[Strike]:
        number = self.chance.choices((0, 1, 2, 3), (1, 4, 2, 2))[0]
        return [
            Strike(self.chance.choice(WHOM), self.chance.randint(0, LINES), self.chance.random() * 0.5)
            for _ in range(number)
        ]

    async def live(self, workspace: Workspace, *, runs: int, minutes: float) -> dict[str, Fate]:
        """Begin runs, let what is drawn befall them, and wait for their ends."""
        fates: dict[str, Fate] = {}
        over_at = time.monotonic() + 60 * minutes
        last_end = time.monotonic()
        while True:
            active = await workspace.runs.active()
            if len(active) <= SLOTS and len(fates) < runs and time.monotonic() < over_at:
                row = await workspace.runs.add(self.job(), data_path=str(self.folder / "panels"))
                fates[row.id] = Fate(self.strikes(), RunFolder(workspace.runs.folder_of(row)))
                last_end = time.monotonic()
            elif not active or time.monotonic() - last_end > STUCK_S:
                return fates
            for row in active:
                if row.id in fates:
                    await self._befall(workspace, row, fates[row.id])
            await asyncio.sleep(TICK_S)

    async def _befall(self, workspace: Workspace, row: RunRow, fate: Fate) -> None:
        fate.lines = _lines(fate.run)
        if not fate.strikes:
            return
        strike = fate.strikes[0]
        if fate.due_at is None and len(fate.lines) >= fate.from_line + strike.after_lines:
            fate.due_at = time.monotonic() + strike.wait_s
        if fate.due_at is None or time.monotonic() < fate.due_at:
            return
        fate.strikes.pop(0)
        fate.due_at, fate.from_line = None, len(fate.lines)
        self.stages[f"{strike.whom} at {_stage(fate.lines) if row.attempts else 'waiting'}"] += 1
        if strike.whom == "stop":
            fate.was_stopped = True
            await workspace.runs.stop(row.id)
        if strike.whom in ("server", "server and trainer"):
            self.kill_server(self.chance.randrange(2))
        if strike.whom == "servers":
            self.kill_server(0)
            self.kill_server(1)
        if strike.whom in OF_RUNS:
            fate.kills += _kill(fate.run.path, strike.whom)


def _lines(run: RunFolder) -> list[str]:
    try:
        return run.events.read_text(encoding="utf-8").split("\n")[
            :-1
        ]  # what follows the last line end is still being written
    except FileNotFoundError:
        return []


def _stage(lines: Sequence[str]) -> str:
    stages = [event["name"] for event in map(json.loads, lines) if event["type"] == "stage"]
    return stages[-1] if stages else "start"


def _kill(run: Path, whom: str) -> bool:
    """Whether anybody was there."""
    watchers = noted_watchers(run)
    if watchers is None or not is_locked(run):
        return False
    trainer = below(watchers.guard)[:1]
    victims = {"shim": [watchers.shim], "guard": [watchers.guard], "watchers": [watchers.shim, watchers.guard]}
    hit = False
    for pid in victims.get(whom, trainer):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            hit = True
    return hit


async def judge(workspace: Workspace, fates: dict[str, Fate], data: Path) -> dict[str, int]:
    """What is not as it should be."""
    harm = dict.fromkeys(HARMS, 0)
    for run, fate in fates.items():
        row, attempts = await workspace.runs.get(run), await workspace.attempts.of(run)
        for kind, what in _faults(row, attempts, fate, data):
            harm[kind] += 1
            print(f"  {kind}: {run}: {what}", flush=True)
    for process in processes_of_runs(workspace.settings.home):
        harm["orphans"] += 1
        print(f"  orphans: {process.pid} {' '.join(process.info['cmdline'])}", flush=True)
    return harm


def _faults(row: RunRow, attempts: Sequence[AttemptRow], fate: Fate, data: Path) -> list[tuple[str, str]]:
    if row.state in ACTIVE:
        return [("stuck", f"is {row.state}, attempt {row.attempts}")]
    found = [("events", why) for why in _faults_of_log(row, fate)]
    if is_locked(fate.run.path):
        found.append(("orphans", "its lock is held"))
    if (why := _untrue(row, attempts, fate)) is not None:
        found.append(("untrue", why))
    if row.state == "succeeded" or fate.run.model.state.exists():
        try:
            differs_by = _differs_by(fate.run, row, data)
        except (ValueError, LookupError, OSError) as error:
            found.append(("false" if row.state == "succeeded" else "corrupt", f"its model: {error}"))
        else:
            if row.state == "succeeded" and differs_by > 1e-4:
                found.append(("false", f"its model differs by {differs_by:g} from what was told"))
    return found


def _faults_of_log(row: RunRow, fate: Fate) -> list[str]:
    lines = _lines(fate.run)
    try:
        events = read_events(fate.run.path)
    except (DamagedLog, FileNotFoundError) as error:
        return [str(error)]
    ends = [event.type for event in events if event.type in ENDS]
    found = []
    if [event.seq for event in events] != list(range(1, len(lines) + 1)):
        found.append(f"{len(lines)} lines are numbered {[event.seq for event in events]}")
    if len(ends) != 1 or events[-1].type not in ENDS or ENDS[ends[0]] != row.state:
        found.append(f"it is {row.state}, and its log ends with {ends}")
    if lines[: len(fate.lines)] != fate.lines:
        found.append("lines that were there are so no more")
    return found


def _untrue(row: RunRow, attempts: Sequence[AttemptRow], fate: Fate) -> str | None:
    """Why what is told of its end cannot be."""
    outcomes = [attempt.outcome for attempt in attempts]
    ended_early = sum(outcome in KILLED for outcome in outcomes)
    if ended_early > fate.kills:
        return f"{outcomes}, and it was killed {fate.kills} times"
    if row.state == "failed" and not (ended_early == RETRIES + 1 and set(outcomes) <= KILLED):
        return f"failed after {outcomes}: {row.reason}"
    if row.state == "stopped" and not fate.was_stopped:
        return "stopped, and nobody asked for it"
    if row.state == "succeeded" and outcomes[-1] != "done":
        return f"succeeded after {outcomes}"
    return None


def _differs_by(run: RunFolder, row: RunRow, data: Path) -> float:
    """By how much of the largest the scores of the saved model, loaded anew, differ from those that were told.

    Raises:
        ValueError, LookupError, OSError: model or evaluation cannot be read.
    """
    run.model.state.stat()
    from engine.datasets.factory import open_dataset
    from engine.datasets.loading import Loader
    from engine.scorer import Scorer

    scorer, _ = Scorer.load(run.model, weights_folder=None, hub=False)
    if row.state != "succeeded":
        return 0.0
    told = {each.name: each.score for each in run.evaluation.read(DetectResults).rows}
    items = [item for item in open_dataset(data).items if item.name in told]
    loader = Loader(items, image_size=row.spec["image_size"], batch_size=8)
    found = scorer.inspect(loader, what="verifying")
    before = np.array([told[name] for name in found.names])
    if len(before) != len(told):
        raise ValueError(f"{len(told)} pictures were told of, and {len(before)} are there")
    return float(np.abs(found.scores - before).max() / np.abs(before).max())


async def endure(folder: Path, *, runs: int, seed: int, minutes: float) -> dict[str, int]:
    """All of it; the harm."""
    chaos = Chaos(folder, random.Random(seed))
    began = time.monotonic()
    try:
        settings = Settings(home=chaos.home, slots=SLOTS, retries=RETRIES, retry_wait_s=0, hub="off")
        async with Workspace.open(settings) as workspace:
            fates = await chaos.live(workspace, runs=runs, minutes=minutes)
            took_s = time.monotonic() - began
            harm = await judge(workspace, fates, folder / "panels")
            rows = [await workspace.runs.get(run) for run in fates]
    finally:
        chaos.close()
    states = Counter(row.state for row in rows)
    print("  " + ", ".join(f"{number} {what}" for what, number in sorted(chaos.stages.items())))
    told = ", ".join(f"{number} {state}" for state, number in sorted(states.items()))
    attempts, hits = sum(row.attempts for row in rows), sum(chaos.stages.values())
    print(
        f"| {seed} | {len(fates)} of {runs} in {took_s / 60:.0f} min | {told} | {hits} | {attempts} | "
        + ", ".join(f"{number} {what}" for what, number in harm.items())
        + " |"
    )
    return harm


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=60.0, help="after which no further run begins")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        harm = asyncio.run(endure(Path(folder), runs=options.runs, seed=options.seed, minutes=options.minutes))
    return 1 if any(harm.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
