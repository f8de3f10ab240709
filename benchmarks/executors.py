"""What an executor costs: `python -m benchmarks.executors --executor local --executor slurm --executor ray`.

A real server on a fresh home starts small runs one after the other: of Ray and Slurm on a cluster of two nodes on this machine, as the tests
start it, or with `--as-set` on the one that MURASCOPE_* variables name. Printed are the seconds from a person's yes to the run's first event
(the process is up), and what stands on this machine beside a training while it lasts, in MB of memory that is theirs (PSS): the two processes
that watch it, and the services of the cluster.
"""

import argparse
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from websockets.sync.client import connect

from benchmarks.served import PATIENCE_S, Served, ticks
from tests.clusters import place

LONG = "train the autoencoder on panels with image size 64 and 5000 epochs"
SERVICES = {"slurm": ("slurmctld", "slurmd", "munged"), "ray": ("raylet", "gcs_server", "ray::", "dashboard")}
ENDED = ("succeeded", "failed", "stopped")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--executor", action="append", required=True, help="its name; several may be named")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--as-set", action="store_true", help="on the cluster that MURASCOPE_* variables name")
    options = parser.parse_args()
    print(
        f"{'executor':<12}{'yes -> first event, median s':>30}{'least':>8}{'most':>8}{'watchers MB':>13}{'services MB':>13}"
    )
    for name in options.executor:
        with tempfile.TemporaryDirectory() as folder:
            if options.as_set:
                given = {each: value for each, value in os.environ.items() if each.startswith("MURASCOPE_")}
                print(row(name, given, repeats=options.repeats), flush=True)
                continue
            with place(name, Path(folder)) as found:
                settings = {f"MURASCOPE_{each.upper()}": value for each, value in found.settings.items()}
                os.environ.update(found.environment)  # what starts the executor's own commands
                print(row(name, settings, repeats=options.repeats), flush=True)


def row(executor: str, given: dict[str, str], *, repeats: int) -> str:
    with tempfile.TemporaryDirectory() as folder:
        served = Served(Path(folder), random.Random(0), {**given, "MURASCOPE_EXECUTOR": executor})
        try:
            watched: list[float] = []
            taken = [first_event_s(served, watched) for _ in range(repeats)]
        finally:
            served.end()
    words = SERVICES.get(executor, ())
    serving = megabytes(process for process in psutil.process_iter(["cmdline"]) if is_one(process, words))
    return (
        f"{executor:<12}{statistics.median(taken):>30.2f}{min(taken):>8.2f}{max(taken):>8.2f}"
        f"{statistics.median(watched):>13.1f}{serving:>13.1f}"
    )


def first_event_s(served: Served, watched: list[float]) -> float:
    """Seconds from the yes to the first event of a new run, which is ended then; `watched` is told what its watchers take."""
    conversation = served.new_conversation()
    with served.talking(conversation) as talk:
        talk.send(type="say", text=LONG, key="1")
        plan = talk.until(lambda frame: frame["type"] == "item" and frame["item"]["kind"] == "proposal")[-1]["item"]
        talk.until(lambda frame: frame == {"type": "turn", "state": "idle"})
        talk.send(type="approve", proposal=plan["proposal"], revision=plan["revision"])
        began = time.perf_counter()
        run = talk.until(lambda frame: frame["type"] == "item" and frame["item"]["kind"] == "run")[-1]["item"]["run"]
    with connect(f"ws://{served.address}/ws/runs/{run}", open_timeout=PATIENCE_S) as socket:
        event: dict[str, Any] = json.loads(socket.recv(timeout=10 * PATIENCE_S))
        taken = time.perf_counter() - began
        while event["type"] not in ("epoch", "failed"):
            event = json.loads(socket.recv(timeout=10 * PATIENCE_S))
    assert event["type"] == "epoch", event
    watched.append(megabytes(served.watchers()))
    served.stop(run)
    for _ in ticks():
        if served.get(f"/api/runs/{run}")["state"] in ENDED:
            return taken
    raise RuntimeError(f"{run} does not end")


def is_one(process: psutil.Process, services: Sequence[str]) -> bool:
    return any(word in " ".join(process.info["cmdline"] or []) for word in services) and process.pid != os.getpid()


def megabytes(processes: Iterable[psutil.Process]) -> float:
    taken = 0
    for process in processes:
        with suppress(psutil.Error):
            taken += process.memory_full_info().pss
    return taken / 1e6


if __name__ == "__main__":
    main()
