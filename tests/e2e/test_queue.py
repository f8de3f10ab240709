"""The queue on the page: paused and resumed, a run put first; a run's attempts and its log, while it trains and is killed."""

import asyncio
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from assistant.settings import Settings
from assistant.workspace import Workspace
from engine.contract.folder import RunFolder
from engine.contract.jobs import make_job
from tests.e2e.waiting import until
from tests.serving import environment_of, serving
from tests.trainers import trainer_of, visible_to

PATIENCE_MS = 60_000
TINY = {"image_size": 64, "backbone": "resnet18", "weights": "random"}
ENDLESS = {"image_size": 64, "epochs": 5000, "patience": 0}


@dataclass
class Place:
    """A server that tries a killed training again after a moment, its home, and a data set there."""

    address: str
    home: Path
    data: Path

    def add(self, model: str, settings: dict[str, Any]) -> str:
        """The id of a run that waits from now on."""
        return run_beside(self._add(model, settings))

    async def _add(self, model: str, settings: dict[str, Any]) -> str:
        async with Workspace.open(Settings(home=self.home, hub="off")) as workspace:
            return (
                await workspace.runs.add(make_job("detect", "panels", model, settings), data_path=str(self.data))
            ).id

    def kill_trainer_of(self, run: str) -> None:
        folder = RunFolder(Settings(home=self.home).runs_folder / run)
        until(lambda: folder.events.exists() and b'"epoch"' in folder.events.read_bytes())
        assert visible_to(folder.path) == "0"  # it trains on the CPU where there is no such GPU
        os.kill(trainer_of(folder.path), signal.SIGKILL)


def run_beside(work: Any) -> Any:
    """Playwright has a loop of its own in this thread."""
    with ThreadPoolExecutor(1) as beside:
        return beside.submit(asyncio.run, work).result()


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    data = tmp_path / "panels"
    for kind, count in (("train/good", 12), ("test/good", 3), ("test/spot", 3)):
        (data / kind).mkdir(parents=True)
        for number in range(count):
            Image.effect_noise((64, 64), 20 + number).save(data / kind / f"{number}.png")
    run_beside(_register(tmp_path / "home", data))
    with serving(environment_of(tmp_path / "home") | {"MURASCOPE_RETRY_WAIT_S": "8", "MURASCOPE_GPUS": "0"}) as address:
        yield Place(address, tmp_path / "home", data)


async def _register(home: Path, data: Path) -> None:
    async with Workspace.open(Settings(home=home, hub="off")) as workspace:
        await workspace.datasets.add("panels", data)


def test_the_queue_is_paused_a_run_put_first_and_the_first_trains_when_it_goes_on(page: Page, place: Place) -> None:
    page.goto(f"{place.address}/runs?lang=en")
    head = page.locator("#queue")
    expect(head).to_contain_text("Nothing runs and nothing waits")
    head.get_by_role("button", name="Pause").click()
    expect(head).to_contain_text("Paused since")
    for _ in range(3):
        place.add("padim", TINY)
    head.get_by_role("button", name="Show 3 new runs").click()
    expect(head).to_contain_text("0 running · 3 waiting")
    expect(head).to_contain_text("at most 1 at a time on each of GPU 0, CPU")
    expect(page.locator("tr[data-run=r1] .queue-place small")).to_have_text("1 of 3 in the queue")
    last = page.locator("tr[data-run=r3] .queue-place")
    last.get_by_role("button", name="Start next").click()
    expect(last.locator("small")).to_have_text("1 of 3 in the queue")
    page.locator(".toast", has_text="r3 starts next").get_by_role("button", name="Undo").click()
    expect(last.locator("small")).to_have_text("3 of 3 in the queue")

    page.goto(f"{place.address}/runs/r3?lang=en")
    expect(page.locator("[data-part=line]")).to_have_text(
        "The queue is paused: this run waits until it is resumed · 3 of 3 in the queue"
    )
    expect(page.locator("[data-part=attempts]")).to_be_hidden()
    page.go_back()
    head.get_by_role("button", name="Resume").click()
    page.locator(".toast", has_text="The queue goes on").get_by_role("button", name="Undo").click()
    expect(head).to_contain_text("Paused since")
    head.get_by_role("button", name="Resume").click()
    expect(page.locator("tr[data-run=r1]")).to_have_attribute("data-state", "succeeded", timeout=3 * PATIENCE_MS)
    expect(page.locator("tr[data-run=r3] .queue-place small")).to_have_text("1 of 1 in the queue", timeout=PATIENCE_MS)


def test_a_killed_training_tells_its_attempts_and_its_log_follows_it(page: Page, place: Place) -> None:
    run = place.add("autoencoder", ENDLESS)
    page.goto(f"{place.address}/runs/{run}?lang=en")
    page.locator("[data-part=log] > summary").click()
    lines = page.locator(".log-line")
    expect(lines.filter(has_text="epoch 1 of 5,000")).to_have_count(1, timeout=PATIENCE_MS)
    place.kill_trainer_of(run)
    expect(page.locator("[data-part=line]")).to_contain_text("The next attempt comes in", timeout=PATIENCE_MS)
    attempts = page.locator("[data-part=attempts] tbody tr")
    expect(attempts.first).to_contain_text("was killed, tried again")
    expect(attempts).to_have_count(2, timeout=PATIENCE_MS)
    expect(attempts.first).to_contain_text(" · GPU 0")
    expect(attempts.last).to_contain_text("goes on", timeout=PATIENCE_MS)
    expect(lines.filter(has_text="Attempt 1 was killed")).to_have_class("log-line warning")

    page.locator("[data-part=log-filter]").fill("attempt 1")
    expect(lines).to_have_count(1)
    expect(page.locator("[data-part=log-count]")).to_contain_text("1 of ")
    page.locator("[data-part=log-filter]").fill("no such words")
    expect(page.locator("[data-part=log-lines]")).to_have_text("No line fits.")
    page.locator("[data-part=log-filter]").fill("")
    page.locator("[data-part=log-what]").select_option("problems")
    expect(lines.filter(has_text="epoch")).to_have_count(0)
    page.locator("[data-part=log-what]").select_option("steps")
    box = page.locator("[data-part=log-lines]")
    expect(lines.filter(has_text="The training process started")).to_have_count(2)
    until(lambda: box.evaluate("box => box.scrollHeight > 2 * box.clientHeight"))
    box.evaluate("box => (box.scrollTop = 40)")
    before = lines.count()
    until(lambda: lines.count() > before)
    assert box.evaluate("box => box.scrollTop") == 40  # what is read stays where it is
    page.locator("[data-part=log-latest]").click()
    expect(page.locator("[data-part=log-latest]")).to_be_hidden()

    with page.expect_download() as coming:
        page.get_by_role("link", name="Whole log as a file").click()
    text = Path(coming.value.path()).read_text(encoding="utf-8")
    assert coming.value.suggested_filename == f"murascope-{run}-log.txt"
    assert "\twarning\tAttempt 1 was killed" in text and "--- printed by the training process ---" in text
