"""Runs that compute where nothing is shared with the server but the network: real servers on loopback, the real engine, real kills."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from assistant.runs import executors
from assistant.runs.last_word import end_of
from assistant.runs.run_tokens import RunTokens
from assistant.settings import Settings
from assistant.workspace import Workspace
from engine.contract.events import Epoch, Failed, Finished, last_event, read_events
from engine.contract.folder import RunFolder
from engine.contract.jobs import make_job
from engine.contract.results.detect import DetectCard
from tests.served_home import ServedHome, has_no_gap, soon
from tests.serving import PROJECT

ANOTHER_MACHINE = Path(__file__).with_name("another_machine")
SERVE = (
    f"import assistant.runs.executors as each; each.__path__.append({str(ANOTHER_MACHINE)!r});"
    "from assistant.cli import main; main()"
)
QUICK = {
    "image_size": 64, "backbone": "mobilenetv2_100", "weights": "random", "num_features": 8, "threshold_policy": "split_conformal",
    "device": "cpu",
}  # fmt: skip
LONG = {"image_size": 64, "epochs": 5000, "patience": 0, "device": "cpu"}


class Site(ServedHome):
    """A home, a server on it that can be killed and started again, and another machine."""

    def __init__(self, home: Path, data: Path):
        super().__init__(home, data, settings={"executor": "over_http"}, serve=SERVE)
        self.machine = home.with_name("another-machine")
        self.environment |= {"PYTHONPATH": str(PROJECT)}

    def kept(self) -> dict[Path, int]:
        """The files that the other machine keeps of data sets."""
        return {path: path.stat().st_ino for path in (self.machine / "cache/data").rglob("*") if path.is_file()}

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


@pytest.fixture
def site(tmp_path: Path, panels: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setattr(executors, "__path__", [*executors.__path__, str(ANOTHER_MACHINE)])
    site = Site(tmp_path / "home", panels)
    yield site
    for process in site.processes():
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    site.close()


def test_a_whole_training_elsewhere_ends_with_its_results_here_and_the_next_one_fetches_no_image_twice(
    site: Site,
) -> None:
    job = make_job("detect", "panels", "padim", QUICK)
    run, other_images = site.add(job), site.add(job, fingerprint="0123456789abcdef")
    long_unused = site.machine / "cache/data/long-unused"
    long_unused.parent.mkdir(parents=True)
    long_unused.touch()
    os.utime(long_unused, (0, 0))
    site.start()
    assert site.end(run.id)["state"] == "succeeded"
    there = RunFolder(site.machine / f"{run.id}-a1/computes/runs" / run.id)
    assert run.events.read_bytes() == there.events.read_bytes()
    assert run.model.state.read_bytes() == there.model.state.read_bytes()
    assert run.model.read_card(DetectCard)
    assert len(list(run.evaluation.pictures("overlays").iterdir())) == 8
    assert not list(run.attempts.iterdir())
    assert site.ask("GET", f"/api/runs/{run.id}/results")[0] == 200
    kept = site.kept()
    assert site.end(other_images.id)["state"] == "failed"
    last = last_event(other_images.path)
    assert isinstance(last, Failed)
    assert last.code == "data_changed"
    assert kept
    assert kept == site.kept()
    assert not long_unused.exists()
    soon(lambda: site.processes() == [])


def test_a_server_that_is_killed_in_the_middle_and_at_the_end_loses_nothing_and_takes_nothing_twice(site: Site) -> None:
    run = site.add(make_job("detect", "panels", "autoencoder", {**LONG, "epochs": 60}))
    there = RunFolder(site.machine / f"{run.id}-a1/computes/runs" / run.id)
    site.start()
    soon(lambda: isinstance(last_event(run.path), Epoch))
    site.kill()
    told = seq_of(run)
    soon(lambda: seq_of(there) > told + 10)
    site.start()
    soon(lambda: seq_of(run) > told)
    site.kill()
    soon(lambda: isinstance(last_event(there.path), Finished))
    assert not isinstance(last_event(run.path), Finished)
    site.start()
    assert site.end(run.id)["state"] == "succeeded"
    assert run.events.read_bytes() == there.events.read_bytes()
    assert run.model.state.read_bytes() == there.model.state.read_bytes()
    assert has_no_gap(run)


def seq_of(folder: RunFolder) -> int:
    event = last_event(folder.path)
    return event.seq if event is not None else 0


def test_a_trainer_that_is_killed_elsewhere_goes_on_from_its_checkpoint(site: Site) -> None:
    run = site.add(make_job("detect", "panels", "autoencoder", {**LONG, "epochs": 50}))
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
            row, leases = await workspace.runs.get(run), workspace.supervisor._leases
            assert await leases.take(row)
            over = end_of("lost")
            await workspace.runs.conclude(row, over, by=leases.holder, printed=[], again_after=timedelta(0))

    asyncio.run(again())


def test_a_stop_reaches_a_run_elsewhere_and_its_last_word_comes_back(site: Site) -> None:
    run = site.add(make_job("detect", "panels", "autoencoder", LONG))
    site.start()
    soon(run.checkpoint.exists)
    site.ask("POST", f"/api/runs/{run.id}/stop")
    assert site.end(run.id)["state"] == "stopped"
    there = RunFolder(site.machine / f"{run.id}-a1/computes/runs" / run.id)
    assert run.checkpoint.read_bytes() == there.checkpoint.read_bytes()
    soon(lambda: site.processes() == [])


def test_a_node_that_is_killed_takes_all_with_it(site: Site) -> None:
    run = site.add(make_job("detect", "panels", "autoencoder", LONG))
    site.environment["MURASCOPE_RETRIES"] = "0"
    site.start()
    soon(lambda: isinstance(last_event(run.path), Epoch))
    os.kill(int((site.machine / f"{run.id}-a1/pid").read_text("ascii")), signal.SIGKILL)
    soon(lambda: site.processes() == [])
    assert site.end(run.id)["state"] == "failed"


def test_a_token_that_has_expired_starts_nothing(site: Site, tmp_path: Path) -> None:
    site.start()
    token = RunTokens(Settings(home=site.home)).make("r1", 1, holds_s=-1)
    told = [
        "--server",
        f"http://127.0.0.1:{site.port}",
        "--run",
        "r1",
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
