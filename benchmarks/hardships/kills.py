"""Kills of the server, of a trainer, of what watches it and of server and trainer, at random moments: between the yes and the run's card, between the claim and the
first event, while it trains; the server comes back with another clock, and the database is held for longer than anybody waits.

    frozen    the server did not answer
    false     a run whose state is not what its log says, or a log with no end or with two
    lost      an approved plan without its run or its card, a run that is not listed, a gap in a log
    orphans   processes of runs that are still there when every run has ended
"""

import json
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.served import PATIENCE_S, Served, Silent, ticks
from engine.contract.folder import RunFolder

SHORT = "train PatchCore on panels with image size 64"
LONG = "train the autoencoder on panels with image size 64 and 300 epochs"
HELD_S = 12.0  # longer than a change waits for the database
ENDS = {"finished": "succeeded", "failed": "failed", "stopped": "stopped"}
ACTIVE = ("queued", "running")


def endure(served: Served, count: int) -> dict[str, int]:
    scene = Scene(served)
    ways: list[Callable[[], None]] = [
        scene.kill_server, scene.kill_server, scene.kill_trainer, scene.kill_watchers, scene.kill_both, scene.kill_at_the_yes, scene.kill_at_the_start,
        scene.kill_under_a_held_database,
    ]  # fmt: skip
    frozen, tried = 0, Counter[str]()
    for number in range(count):
        way = ways[number] if number < len(ways) else served.chance.choice(ways)
        tried[way.__name__] += 1
        try:
            scene.keep_busy()
            way()
            served.get("/health")
            served.get("/runs")
        except Silent as error:
            frozen += 1
            print(f"  kill {number}, {way.__name__}: {error}", flush=True)
            scene.restart()
    print("  " + ", ".join(f"{number} {name}" for name, number in tried.items()), flush=True)
    return {"tried": count, "frozen": frozen} | scene.reckon()


class Scene:
    """One home through all the kills."""

    def __init__(self, served: Served):
        self.served, self.chance = served, served.chance
        self.conversations: list[str] = []

    def keep_busy(self) -> None:
        """Two runs at least, on their way or waiting."""
        runs = [run for run in self.served.get("/api/runs") if run["state"] in ACTIVE]
        for _ in range(2 - len(runs)):
            self.approve(self.propose())

    def propose(self) -> tuple[str, dict[str, Any]]:
        """A plan in a conversation of its own, waiting for a yes."""
        conversation = self.served.new_conversation()
        self.conversations.append(conversation)
        with self.served.talking(conversation) as talk:
            talk.send(type="say", text=self.chance.choice((SHORT, SHORT, LONG)), key="1")
            frames = talk.until(lambda frame: frame["type"] == "item" and frame["item"]["kind"] == "proposal")
            talk.until(lambda frame: frame == {"type": "turn", "state": "idle"})
        return conversation, frames[-1]["item"]

    def approve(self, plan: tuple[str, dict[str, Any]], then: Callable[[], None] | None = None) -> None:
        """A person's yes; `then` comes at once, without a look at what comes of it."""
        conversation, item = plan
        with self.served.talking(conversation) as talk:
            talk.send(type="approve", proposal=item["proposal"], revision=item["revision"])
            if then is not None:
                then()
                return
            talk.until(lambda frame: frame["type"] == "item" and frame["item"]["kind"] == "run")

    def restart(self) -> None:
        self.served.kill()
        self.served.start(clock_step=self.chance.choice((0.0, 0.0, 2.0, -2.0, 86_400.0, -86_400.0)))

    def wait(self, most: float = 2.0) -> None:
        time.sleep(self.chance.random() * most)

    def kill_server(self) -> None:
        self.wait()
        self.restart()

    def kill_trainer(self) -> None:
        self.wait()
        for process in self.served.trainers()[:1]:
            process.kill()

    def kill_watchers(self) -> None:
        """One of the two that watch a training, or both."""
        self.wait()
        for process in self.served.watchers()[self.chance.choice((slice(0, 1), slice(1, 2), slice(0, 2)))]:
            process.kill()

    def kill_both(self) -> None:
        self.wait()
        self.served.kill()
        self.kill_trainer()
        self.served.start()

    def kill_at_the_yes(self) -> None:
        """Between the yes and the run's card, where every stroke may be the last."""
        plan = self.propose()

        def kill() -> None:
            self.wait(0.3)
            self.served.kill()

        self.approve(plan, then=kill)
        self.served.start()

    def kill_at_the_start(self) -> None:
        """From the moment at which a run's lock is made: around the claim, the spawn and the first event."""
        known = set(self._locks())
        plan = self.propose()

        def kill() -> None:
            for _ in range(2000):
                if fresh := set(self._locks()) - known:
                    break
                time.sleep(0.001)
            else:
                fresh = set()
            self.wait(0.05 if self.chance.random() < 0.5 else 0.6)
            self.served.kill()
            if fresh and self.chance.random() < 0.3:
                self.kill_trainer()

        self._make_a_slot_free()
        self.approve(plan, then=kill)
        self.restart()

    def kill_under_a_held_database(self) -> None:
        """The database is held while a run ends or begins; then a kill, while it still is or after."""
        other = sqlite3.connect(
            self.served.home / "murascope.db", isolation_level=None, check_same_thread=False, timeout=30
        )
        other.execute("BEGIN IMMEDIATE")
        letting_go = threading.Timer(self.chance.uniform(1.0, HELD_S), other.close)
        letting_go.start()
        self.kill_trainer()
        self.served.get("/runs")  # who reads is answered meanwhile
        if self.chance.random() < 0.5:
            self.served.kill()
            letting_go.join()
            self.served.start()
        letting_go.join()

    def _locks(self) -> list[Path]:
        return [lock for run in (self.served.home / "runs").iterdir() if (lock := RunFolder(run).lock).exists()]

    def _make_a_slot_free(self) -> None:
        for run in self.served.get("/api/runs"):
            if run["state"] in ACTIVE:
                self.served.stop(run["id"])
        for _ in ticks():
            if not [run for run in self.served.get("/api/runs") if run["state"] in ACTIVE]:
                return

    def reckon(self) -> dict[str, int]:
        """Let every run come to its end, and count what is not as it should be."""
        for _ in ticks(10 * PATIENCE_S):
            active = [run for run in self.served.get("/api/runs") if run["state"] in ACTIVE]
            for run in active:
                self.served.stop(run["id"])
            if not active:
                break
        harm = {"false": 0, "lost": 0, "orphans": len(self.served.of_runs())}
        runs = {run["id"]: run for run in self.served.get("/api/runs")}
        for run in runs.values():
            self._judge_run(run, harm)
        states = Counter(run["state"] for run in runs.values())
        print(
            f"  {len(runs)} runs: " + ", ".join(f"{number} {state}" for state, number in sorted(states.items())),
            flush=True,
        )
        for conversation in self.conversations:
            self._judge_conversation(conversation, runs, harm)
        return harm

    def _judge_run(self, run: dict[str, Any], harm: dict[str, int]) -> None:
        lines = RunFolder(self.served.home / "runs" / run["id"]).events.read_text().splitlines()
        events = [json.loads(line) for line in lines]
        ends = [event["type"] for event in events if event["type"] in ENDS]
        if [event["seq"] for event in events] != list(range(1, len(events) + 1)):
            self._tell(harm, "lost", f"{run['id']}: a gap in its log")
        if len(ends) != 1 or events[-1]["type"] not in ENDS or ENDS[ends[0]] != run["state"]:
            self._tell(harm, "false", f"{run['id']} is {run['state']}, its log ends with {ends}")

    def _judge_conversation(self, conversation: str, runs: dict[str, Any], harm: dict[str, int]) -> None:
        items = self.served.items(conversation)
        shown = {item["run"] for item in items if item["kind"] == "run"}
        if not any(item["kind"] == "user" for item in items):
            self._tell(harm, "lost", f"{conversation}: what the user said")
        for item in items:
            if (
                item["kind"] == "proposal"
                and item["state"] == "approved"
                and not ({item["run"]} <= shown and item["run"] in runs)
            ):
                self._tell(harm, "lost", f"{conversation}: the run of its approved plan, or its card ({item['run']})")
        if unseen := {run for run in runs if runs[run]["conversation"] == conversation} - shown:
            self._tell(harm, "lost", f"{conversation}: the card of {unseen}")

    def _tell(self, harm: dict[str, int], kind: str, what: str) -> None:
        harm[kind] += 1
        print(f"  {kind}: {what}", flush=True)
