"""Two runs beside each other in a real browser: chosen, judged, the same picture under each, one chart."""

import asyncio
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Page, expect

from assistant.settings import Settings
from assistant.workspace import Workspace
from engine.contract.events import EventLog, Finished, Started
from engine.contract.folder import EvaluationFolder, RunFolder
from engine.contract.jobs import make_job
from engine.contract.results.detect import DetectResults
from tests.serving import environment_of, serving
from tests.stored_runs import write_evaluation
from tests.told_runs import inspected

RESULTS = (inspected({"line": (1, 8)}, good=6, alarms=0), inspected({"line": (7, 8)}, good=6, alarms=3, better=-3.0))


async def finish(home: Path) -> None:
    """r1 and r2, with a picture and a map of each image."""
    async with Workspace.open(Settings(home=home)) as workspace:
        for results in RESULTS:
            row = await workspace.runs.add(make_job("detect", "oled", "patchcore"), data_path="/d")
            folder = workspace.runs.folder(row.id)
            log = EventLog(folder)
            log.append(Started(model="patchcore", dataset="oled"))
            write_evaluation(folder, results)
            log.append(Finished(metrics=results.metrics.metrics, seconds={"total": 1.0}))
            log.close()
            await asyncio.to_thread(draw, RunFolder(folder).evaluation, results)
            await workspace.runs.claim_one(row.id)
            await workspace.runs.end(row.id, "succeeded", metrics=results.metrics.metrics)


def draw(evaluation: EvaluationFolder, results: DetectResults) -> None:
    slope = np.linspace(0, 65535, 256).reshape(16, 16).astype(np.uint16)
    for what in ("inputs", "maps"):
        evaluation.pictures(what).mkdir()
    for row in results.rows:
        Image.new("RGB", (16, 16), (90, 90, 90)).save(evaluation.picture("inputs", row.index))
        Image.fromarray(slope).save(evaluation.picture("maps", row.index))


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("compared")
    with ThreadPoolExecutor(1) as beside_the_browser:
        beside_the_browser.submit(asyncio.run, finish(home)).result()
    with serving(environment_of(home)) as address:
        yield address


def test_two_runs_are_chosen_judged_and_seen_on_the_same_pictures(page: Page, address: str) -> None:
    page.on("pageerror", lambda error: pytest.fail(f"the page threw: {error}"))
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(f"{address}/runs/r1?lang=en")
    page.get_by_role("link", name="Compare with").click()
    page.locator("#add-run").select_option("r2")
    expect(page).to_have_url(f"{address}/compare?runs=r1,r2")

    expect(page.locator(".verdict")).to_contain_text("Which is better: r1")
    expect(page.locator("[data-line=missed] .best")).to_contain_text("1 / 8")
    expect(page.locator("[data-which=disagree]")).to_have_attribute("aria-pressed", "true")
    position = page.locator("[data-part=position]")
    expect(position).to_have_text("1 of 9")
    page.keyboard.press("ArrowRight")
    expect(position).to_have_text("2 of 9")
    sides = page.locator("[data-part=beside] li")
    expect(sides.nth(0).locator("[data-part=verdict]")).to_have_text("defective · right")
    expect(sides.nth(1).locator("[data-part=verdict]")).to_have_text("good · wrong")
    for i in (0, 1):
        expect(sides.nth(i).locator("x-heatmap")).to_have_attribute("aria-label", re.compile("Heatmap of line/2.png"))
    page.locator("[data-which=missed]").click()
    expect(position).to_have_text("1 of 1")

    key = page.locator("[data-curve=roc] .key").nth(1)
    key.click()
    expect(key).to_have_attribute("aria-pressed", "false")
    grave = [each["id"] for each in Axe().run(page).response["violations"] if each["impact"] in ("serious", "critical")]
    assert grave == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("link", name="Take r2 out").click()
    expect(page.locator(".nothing")).to_contain_text("Two to six finished runs")
