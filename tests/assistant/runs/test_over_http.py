"""Runs that compute where nothing is shared with the server but the network: real servers on loopback, the real engine, real kills."""

import asyncio
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from assistant.runs.run_tokens import RunTokens
from assistant.settings import Settings
from assistant.store.tables import RunRow
from assistant.workspace import Workspace
from engine.contract.events import Epoch, Failed, Finished, last_event, read_events
from engine.contract.folder import RunFolder
from engine.contract.jobs import Job, make_job
from engine.contract.results.detect import DetectCard
from tests.serving import PROJECT, environment_of

ANOTHER_MACHINE = Path(__file__).with_name("another_machine")
SERVE = (
    f"import assistant.runs.executors as each; each.__path__.append({str(ANOTHER_MACHINE)!r});"
    "from assistant.cli import main; main()"
)
QUICK = {"image_size": 64, "backbone": "mobilenetv2_100", "weights": "random", "num_features": 8, "device": "cpu"}
LONG = {"image_size": 64, "epochs": 5000, "patience": 0, "device": "cpu"}
PATIENCE_S = 120


class Site:
    """A home, a server on it that can be killed and started again, and another machine."""

    def __init__(self, home: Path, data: Path):
        self.home, self.data, self.machine = home, data, home.with_name("another-machine")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.environment = environment_of(home) | {"MURASCOPE_PORT": str(self.port), "MURASCOPE_EXECUTOR": "over_http"}
        self.environment |= {"PYTHONPATH": str(PROJECT), "MURASCOPE_RETRY_WAIT_S": "0"}
        self.server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        log = (self.home.parent / "server.log").open("ab")
        self.server = subprocess.Popen(
            [sys.executable, "-c", SERVE, "serve"], env=self.environment, cwd=PROJECT, stdout=log, stderr=log
        )
        log.close()
        soon(lambda: self.ask("GET", "/api/runs")[0] == 200)

    def kill(self) -> None:
        assert self.server is not None
        self.server.kill()
        self.server.wait()

    def ask(self, method: str, path: str, token: str = "") -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, headers={"authorization": f"Bearer {token}"})
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, ValueError):
            return 0, None
        finally:
            connection.close()

    def add(self, job: Job, fingerprint: str | None = None) -> RunFolder:
        """A run that waits for the server."""

        async def add() -> RunRow:
            settings = Settings(home=self.home, executor="over_http").model_copy()
            async with Workspace.open(settings.model_copy(update={"executor": "local"})) as workspace:
                workspace.runs._settings = settings
                return await workspace.runs.add(job, data_path=str(self.data), fingerprint=fingerprint)

        return RunFolder(self.home / "runs" / asyncio.run(add()).id)

    def run(self, run: str) -> dict[str, Any]:
        told: dict[str, Any] = self.ask("GET", f"/api/runs/{run}")[1]
        return told

    def end(self, run: str) -> dict[str, Any]:
        soon(lambda: (self.run(run) or {}).get("state") in ("succeeded", "failed", "stopped"))
        return self.run(run)

    def processes(self) -> list[psutil.Process]:
        """What runs on the other machine."""
        there = []
        for process in psutil.process_iter():
            try:
                if str(self.machine) in " ".join(process.cmdline()) and process.status() != psutil.STATUS_ZOMBIE:
                    there.append(process)
            except psutil.Error:
                continue
        return there


def soon(happens: Callable[[], bool]) -> None:
    given_up = time.monotonic() + PATIENCE_S
    while not happens():
        assert time.monotonic() < given_up
        time.sleep(0.05)


@pytest.fixture
def site(tmp_path: Path, panels: Path) -> Iterator[Site]:
    site = Site(tmp_path / "home", panels)
    yield site
    for process in site.processes():
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    if site.server is not None and site.server.poll() is None:
        site.server.terminate()
        site.server.wait(30)


def has_no_gap(folder: RunFolder) -> bool:
    seqs = [event.seq for event in read_events(folder.path)]
    return seqs == list(range(1, len(seqs) + 1))


def test_a_whole_training_elsewhere_ends_with_its_results_here_and_fetches_nothing_twice(site: Site) -> None:
    first, second = (
        site.add(make_job("detect", "panels", "padim", QUICK)),
        site.add(make_job("detect", "panels", "padim", QUICK)),
    )
    site.start()
    assert site.end(first.id)["state"] == "succeeded"
    kept = {path: path.stat().st_ino for path in (site.machine / "cache/data").rglob("*") if path.is_file()}
    assert site.end(second.id)["state"] == "succeeded"
    assert kept == {path: path.stat().st_ino for path in (site.machine / "cache/data").rglob("*") if path.is_file()}
    for run in (first, second):
        there = site.machine / f"{run.id}-a1/computes/runs" / run.id
        assert run.events.read_bytes() == RunFolder(there).events.read_bytes()
        assert run.model.state.read_bytes() == RunFolder(there).model.state.read_bytes()
        assert run.model.read_card(DetectCard)
        assert len(list(run.evaluation.pictures("overlays").iterdir())) == 8
        assert not list(run.attempts.iterdir())
    assert site.ask("GET", f"/api/runs/{first.id}/results")[0] == 200
    soon(lambda: site.processes() == [])


def test_a_server_that_is_killed_in_the_middle_loses_nothing_and_takes_nothing_twice(site: Site) -> None:
    run = site.add(make_job("detect", "panels", "autoencoder", {**LONG, "epochs": 60}))
    site.start()
    soon(lambda: isinstance(last_event(run.path), Epoch))
    site.kill()
    there = RunFolder(site.machine / f"{run.id}-a1/computes/runs" / run.id)
    told = last_event(run.path)
    assert told is not None
    soon(lambda: (last_event(there.path) or told).seq > told.seq + 10)
    site.start()
    assert site.end(run.id)["state"] == "succeeded"
    assert run.events.read_bytes() == there.events.read_bytes()
    assert has_no_gap(run)


def test_a_server_that_is_away_past_the_end_of_a_run_has_all_of_it_afterwards(site: Site) -> None:
    run = site.add(make_job("detect", "panels", "padim", QUICK))
    site.start()
    soon(lambda: last_event(run.path) is not None)
    site.kill()
    there = RunFolder(site.machine / f"{run.id}-a1/computes/runs" / run.id)
    soon(lambda: isinstance(last_event(there.path), Finished))
    assert not isinstance(last_event(run.path), Finished)
    site.start()
    assert site.end(run.id)["state"] == "succeeded"
    assert run.events.read_bytes() == there.events.read_bytes()
    assert run.model.state.read_bytes() == there.model.state.read_bytes()


def test_a_trainer_that_is_killed_elsewhere_goes_on_from_its_checkpoint(site: Site) -> None:
    run = site.add(make_job("detect", "panels", "autoencoder", {**LONG, "epochs": 400}))
    site.start()
    soon(run.checkpoint.exists)
    (trainer,) = [each for each in site.processes() if each.cmdline()[1:4] == ["-m", "engine", "run"]]
    trainer.kill()
    assert site.end(run.id)["state"] == "succeeded"
    told = [getattr(event, "code", event.type) for event in read_events(run.path)]
    assert [each for each in told if each in ("retried_killed", "resumed")] == ["retried_killed", "resumed"]
    assert has_no_gap(run)
    assert (site.machine / f"{run.id}-a2").is_dir()


def test_an_attempt_whose_place_another_took_ends_its_tree_and_says_so(site: Site) -> None:
    run = site.add(make_job("detect", "panels", "autoencoder", LONG))
    site.start()
    soon(lambda: isinstance(last_event(run.path), Epoch))
    site.kill()
    _take_its_place(site, run.id)
    site.environment["MURASCOPE_SLOTS"] = "1"
    site.start()
    old = site.machine / f"{run.id}-a1"
    soon((old / "exit").exists)
    assert (old / "exit").read_text("ascii").strip() == "75"
    soon(lambda: not any(f"{run.id}-a1" in " ".join(each.cmdline()) for each in site.processes()))
    site.ask("POST", f"/api/runs/{run.id}/stop")
    assert site.end(run.id)["state"] == "stopped"
    assert has_no_gap(run)


def _take_its_place(site: Site, run: str) -> None:
    """As the supervisor does with an attempt of which it hears nothing."""

    async def again() -> None:
        async with Workspace.open(Settings(home=site.home)) as workspace:
            from datetime import timedelta

            from assistant.runs.last_word import end_of

            row = await workspace.runs.get(run)
            await workspace.runs.conclude(row, end_of("lost"), printed=[], again_after=timedelta(0))

    asyncio.run(again())


def test_a_stop_reaches_a_run_elsewhere_and_its_last_word_comes_back(site: Site) -> None:
    run = site.add(make_job("detect", "panels", "autoencoder", LONG))
    site.start()
    soon(lambda: isinstance(last_event(run.path), Epoch))
    site.ask("POST", f"/api/runs/{run.id}/stop")
    assert site.end(run.id)["state"] == "stopped"
    assert run.checkpoint.exists()
    soon(lambda: site.processes() == [])


def test_images_that_are_not_those_that_were_approved_are_refused_elsewhere_too(site: Site) -> None:
    run = site.add(make_job("detect", "panels", "padim", QUICK), fingerprint="0123456789abcdef")
    site.start()
    assert site.end(run.id)["state"] == "failed"
    last = last_event(run.path)
    assert isinstance(last, Failed)
    assert last.code == "data_changed"


def test_a_node_that_is_killed_takes_all_with_it(site: Site) -> None:
    run = site.add(make_job("detect", "panels", "autoencoder", LONG))
    site.environment["MURASCOPE_RETRIES"] = "0"
    site.start()
    soon(lambda: isinstance(last_event(run.path), Epoch))
    os.kill(int((site.machine / f"{run.id}-a1/pid").read_text("ascii")), signal.SIGKILL)
    soon(lambda: site.processes() == [])
    assert site.end(run.id)["state"] == "failed"


def test_a_token_that_has_expired_ends_what_computes_with_it(site: Site, tmp_path: Path) -> None:
    run = site.add(make_job("detect", "panels", "padim", QUICK))
    site.start()
    soon(lambda: last_event(run.path) is not None)
    token = RunTokens(Settings(home=site.home)).make(run.id, 1, holds_s=-1)
    told = [
        "--server",
        f"http://127.0.0.1:{site.port}",
        "--run",
        run.id,
        "--attempt",
        "1",
        "--folder",
        str(tmp_path / "x"),
    ]
    node = subprocess.run(
        [sys.executable, "-m", "engine.node", *told],
        env={**site.environment, "MURASCOPE_RUN_TOKEN": token}, cwd=PROJECT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (node.returncode, node.stderr) == (75, "this attempt is over: the token has expired\n")
