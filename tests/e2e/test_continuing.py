"""A training that was killed goes on, at the press of a button; and all parts of a page tell one story of a run."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from engine.contract.folder import RunFolder
from tests.conftest import SHARED
from tests.e2e.waiting import until
from tests.serving import PROJECT, environment_of, serving
from tests.trainers import trainer_of

MURASCOPE = [sys.executable, "-c", "from assistant.cli import main; main()"]
TRAINING_MS = 120_000
ONE_STORY = r"""() => {
    const text = (selector) => document.querySelector(selector)?.textContent ?? "";
    const percent = (words) => words.match(/(\d+) %/)?.[1];
    const value = (selector) => document.querySelector(selector).getAttribute("aria-valuenow");
    return [
        percent(text(".run-card [data-part=line]")), percent(text(".run-view [data-part=line]")), percent(text("#running-text")),
        percent(document.title), value(".run-card [role=progressbar]"), value(".run-view [role=progressbar]"),
    ];
}"""

DRAWN_EPOCHS = "document.querySelector('.run-view [data-chart=loss] x-chart')?.series[0]?.x ?? []"


class Home:
    """A home folder with the demo data, and servers that live in it one after the other."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.environment = {
            **environment_of(folder),
            "MURASCOPE_WEIGHTS": str(SHARED / "weights"),
            "OMP_NUM_THREADS": "1",
            "MURASCOPE_RETRIES": "0",
        }
        subprocess.run([*MURASCOPE, "demo"], env=self.environment, cwd=PROJECT, check=True)

    def events(self, run: str) -> list[dict]:
        path = RunFolder(self.folder / "runs" / run).events
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def kill_at_a_checkpoint(self, run: str) -> None:
        """SIGKILL: the training process gets no last word."""
        until(RunFolder(self.folder / "runs" / run).checkpoint.exists)
        self.kill(run)

    def kill(self, run: str) -> None:
        os.kill(trainer_of(self.folder / "runs" / run), signal.SIGKILL)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("home"))


@pytest.fixture
def server(home: Home) -> Iterator[str]:
    with serving(home.environment) as address:
        yield address


@pytest.fixture(autouse=True)
def no_script_errors(page: Page) -> None:
    page.on("pageerror", lambda error: pytest.fail(f"the page threw: {error}"))


def train(page: Page, server: str, sentence: str) -> str:
    """Ask for a training in a new conversation and approve it; the id of its run."""
    page.goto(f"{server}/?lang=en")
    page.locator("#say").fill(sentence)
    page.locator("#say").press("Enter")
    page.locator("[data-action=approve]").click()
    card = page.locator("[data-kind=run]")
    expect(card).to_be_visible(timeout=20_000)
    return card.get_attribute("data-run") or ""


def stop(page: Page) -> None:
    page.locator(".run-view [data-action=stop-run]").click()
    page.locator("#confirm-yes").click()


def test_a_killed_training_goes_on_from_its_checkpoint(page: Page, home: Home, server: str, tmp_path: Path) -> None:
    page.set_viewport_size({"width": 1280, "height": 800})
    run = train(page, server, "train the autoencoder on oled with 400 epochs")
    home.kill_at_a_checkpoint(run)
    card = page.locator(f"[data-kind=run][data-run={run}]")
    expect(card.locator("[data-part=state]")).to_have_text("failed", timeout=20_000)
    button = card.locator("[data-action=continue]")
    expect(button).to_contain_text(re.compile(r"Go on after epoch \d+ of 400"))
    expect(page.locator("[data-kind=assistant]").last).to_contain_text(f"Go on with {run}")
    page.screenshot(path=tmp_path / "killed.png")

    button.dblclick()
    expect(card.locator("[data-part=again] a")).to_have_text(re.compile(r"Taken up as r\d+"))
    again = page.locator("[data-kind=run]").nth(1)
    expect(again.locator("[data-part=line]")).to_contain_text(f"goes on from {run}, after epoch", timeout=TRAINING_MS)
    before = home.events(again.get_attribute("data-run") or "")[0]["after_epoch"]
    view = page.locator(f".run-view[data-run={again.get_attribute('data-run')}]")
    expect(view.locator("[data-part=origin]")).to_contain_text(f"after epoch {before}")
    while len(drawn := page.evaluate(DRAWN_EPOCHS)) <= before:
        page.wait_for_timeout(100)
    assert drawn[: before + 1] == list(range(1, before + 2))  # the epochs of the killed run, then its own
    page.screenshot(path=tmp_path / "goes-on.png")
    stop(page)
    expect(again.locator("[data-part=state]")).to_have_text("stopped", timeout=30_000)
    expect(page.locator("[data-kind=run]")).to_have_count(2)  # a double click took it up once


def test_after_a_power_cut_the_run_can_be_taken_up_where_runs_are_listed(
    page: Page, home: Home, tmp_path: Path
) -> None:
    process = subprocess.Popen(
        [*MURASCOPE, "serve"], env=home.environment, cwd=PROJECT, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    found = None
    while found is None:
        found = re.search(r"http://\S+", process.stderr.readline())
    run = train(page, found.group(), "train the autoencoder on oled with 400 epochs")
    until(RunFolder(home.folder / "runs" / run).checkpoint.exists)
    process.kill()
    home.kill(run)
    process.communicate()
    with serving(home.environment) as server:
        page.goto(f"{server}/runs?lang=en")
        expect(page.locator(f"tr[data-run={run}] .state-pill")).to_have_text("failed", timeout=20_000)
        page.reload()
        page.screenshot(path=tmp_path / "runs.png")
        page.locator(f"tr[data-run={run}] [data-action=continue]").click()
        page.wait_for_url("**/runs/r*")
        expect(page.locator("[data-part=origin]")).to_contain_text(f"goes on from {run}", timeout=TRAINING_MS)
        page.screenshot(path=tmp_path / "run-page.png")
        stop(page)
        expect(page.locator(".run-view [data-part=state]")).to_have_text("stopped", timeout=30_000)
        expect(page.locator(".run-view [data-part=again]")).to_contain_text("Go on after epoch")


def test_card_panel_footer_and_title_show_one_figure_at_every_moment(page: Page, server: str, tmp_path: Path) -> None:
    page.set_viewport_size({"width": 1280, "height": 800})
    train(page, server, "train the autoencoder on oled with 6 epochs at 128 px")
    expect(page.locator("#running-text")).to_contain_text("%", timeout=TRAINING_MS)
    seen = set()
    while page.locator("#running").is_visible():
        figures = page.evaluate(ONE_STORY)
        if None not in figures:
            assert len(set(figures)) == 1, figures
            seen.add(figures[0])
        page.wait_for_timeout(50)
    assert len(seen) > 3
    expect(page.locator("[data-kind=run] [data-part=state]")).to_have_text("finished")


def test_a_run_behind_another_is_said_to_wait_everywhere(page: Page, server: str, tmp_path: Path) -> None:
    page.set_viewport_size({"width": 1280, "height": 800})
    first = train(page, server, "train the autoencoder on oled with 400 epochs")
    expect(page.locator("#running-text")).to_contain_text("%", timeout=TRAINING_MS)
    second = train(page, server, "train PatchCore on oled")
    card = page.locator("[data-kind=run]")
    expect(card.locator("[data-part=state]")).to_have_text("waiting")
    expect(card.locator("[data-part=line]")).to_contain_text(f"this one waits for {first}")
    expect(page.locator(".run-view [data-part=line]")).to_contain_text(f"this one waits for {first}")
    expect(page.locator(".run-view [data-part=state]")).to_have_text("waiting")
    expect(page.locator("[data-kind=assistant]").last).to_contain_text(f"waits for its turn: {first} is before it")
    expect(page.locator("#items")).not_to_contain_text("Started as")
    expect(page.locator("#running-name")).to_contain_text(first)  # the bar follows what runs
    page.screenshot(path=tmp_path / "waits.png")
    page.locator("#say").fill(f"stop {second}")
    page.locator("#say").press("Enter")
    page.locator("[data-action=answer][data-yes=true]").click()
    expect(card.locator("[data-part=state]")).to_have_text("stopped", timeout=20_000)
    page.goto(f"{server}/runs/{first}?lang=en")
    stop(page)
    expect(page.locator(".run-view [data-part=state]")).to_have_text("stopped", timeout=30_000)


def test_a_stop_pressed_as_the_run_ends_is_told_as_what_it_became(page: Page, home: Home, server: str) -> None:
    """Who comes first is open; what the card, the record and the words say of it must agree."""
    run = train(page, server, "train the autoencoder on oled with 1 epoch at 64 px")
    until(lambda: any(event.get("name") == "saving" for event in home.events(run)))
    page.request.post(f"{server}/api/runs/{run}/stop")
    card = page.locator("[data-kind=run]")
    expect(card.locator("[data-part=state]")).to_have_text(re.compile("^(finished|stopped)$"), timeout=60_000)
    until(lambda: page.request.get(f"{server}/api/runs/{run}").json()["finished_at"])
    record = page.request.get(f"{server}/api/runs/{run}").json()
    words = page.locator("#items")
    if record["state"] == "stopped":
        expect(words).to_contain_text(f"{run} was stopped", timeout=20_000)
        expect(card.locator("[data-part=state]")).to_have_text("stopped")
    else:
        expect(words).to_contain_text("defective test images", timeout=20_000)  # its summary
        expect(card.locator("[data-part=state]")).to_have_text("finished")
    late = record["state"] == "succeeded" and record["stop_requested"]
    told = page.get_by_text("before the stop arrived")  # in the words, on the card, and in the panel where that is open
    expect(told.first).to_be_visible() if late else expect(told).to_have_count(0)
