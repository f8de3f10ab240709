"""Runs as people live with them: found and picked, deleted with a way back, made again with changes, on two pages at once."""

import asyncio
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from assistant.settings import Settings
from assistant.workspace import Workspace
from engine.contract.events import EventLog, Finished, Started
from engine.contract.jobs import make_job
from tests.serving import environment_of, serving
from tests.stored_runs import METRICS, write_evaluation


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server whose home has a data set and three finished runs, two of which differ in their image size alone."""
    home = tmp_path_factory.mktemp("lived-in")
    data = home / "panels"
    for kind, count in (("train/good", 12), ("test/good", 3), ("test/spot", 3)):
        (data / kind).mkdir(parents=True)
        for number in range(count):
            Image.effect_noise((64, 64), 20 + number).save(data / kind / f"{number}.png")
    with ThreadPoolExecutor(1) as beside:  # Playwright has a loop of its own in this one
        beside.submit(asyncio.run, _fill(home, data)).result()
    with serving(environment_of(home)) as address:
        yield address


async def _fill(home: Path, data: Path) -> None:
    async with Workspace.open(Settings(home=home, hub="off")) as workspace:
        await workspace.datasets.add("panels", data)
        for model, size, auroc in (("padim", 64, 0.7), ("padim", 96, 0.9), ("patchcore", 64, 0.8)):
            job = make_job("detect", "panels", model, {"image_size": size, "backbone": "resnet18", "weights": "random"})
            row = await workspace.runs.add(job, data_path=str(data))
            folder, metrics = workspace.runs.folder(row.id), {**METRICS, "image_auroc": auroc}
            log = EventLog(folder)
            log.append(Started(model=model, dataset="panels"))
            log.append(Finished(metrics=metrics, seconds={"total": 1.0}))
            log.close()
            write_evaluation(folder)
            await workspace.runs.claim_one(row.id)
            await workspace.runs.end(row.id, "succeeded", metrics=metrics, worked_s=2.0)


def test_runs_are_found_picked_deleted_and_brought_back(page: Page, lived_in: str) -> None:
    page.goto(f"{lived_in}/runs?lang=en")
    rows = page.locator("tbody tr:visible")
    expect(rows).to_have_count(3)
    page.locator("tr[data-run=r1] [data-action=edit-labels]").click()
    page.locator(".labels-form [name=name]").fill("<b>line 3</b>")
    page.locator(".labels-form [name=tags]").fill("mura, night")
    page.locator(".labels-form [name=name]").press("Enter")
    expect(page.locator("tr[data-run=r1] .labels-name")).to_have_text("<b>line 3</b>")

    page.get_by_role("searchbox").fill("padim")
    expect(rows).to_have_count(2)
    expect(page.locator("thead [data-setting]")).to_have_text(["Image size (px)"])  # all in which the two differ
    page.locator("[data-sort-by=result]").click()
    expect(rows.first).to_have_attribute("data-run", "r1")
    assert "q=padim" in page.url and "sort=result" in page.url
    page.reload()
    expect(rows).to_have_count(2)
    expect(rows.first).to_have_attribute("data-run", "r1")

    page.locator("#pick-all").check()
    with page.expect_request(re.compile(r"/compare\?runs=")) as asked:
        page.get_by_role("button", name="Compare").click()
    assert asked.value.url.endswith("/compare?runs=r1,r2")

    page.goto(f"{lived_in}/runs?lang=en")
    rows.first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.keyboard.press("Delete")
    expect(page.locator("tr[data-run=r2]")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("tr[data-run=r2]")).to_be_visible()
    assert page.request.get(f"{lived_in}/api/runs/r2").json()["deleted_at"] is None


def test_a_duplicate_is_changed_on_two_pages_and_its_approval_is_in_sight(
    page: Page, browser: Browser, lived_in: str
) -> None:
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(f"{lived_in}/runs/r2?lang=en")
    page.get_by_role("button", name="Duplicate with changes").click()
    page.wait_for_url("**/c/*")
    approve = page.locator("[data-kind=proposal] [data-action=approve]")
    expect(approve).to_be_in_viewport(ratio=1)
    expect(page.locator("[name=image_size]")).to_have_value("96")

    other = browser.new_page()
    other.goto(page.url.split("#")[0] + "?lang=en")
    expect(other.locator("#connection")).to_have_attribute("data-state", "open")
    other.locator("[name=image_size]").fill("160")  # half-typed: not saved
    page.locator("[name=image_size]").fill("128")
    page.locator("[data-action=save]").click()
    card = other.locator("[data-kind=proposal]")
    expect(card).to_have_attribute("data-revision", "2")
    expect(card.locator("[name=image_size]")).to_have_value("160")
    expect(card.locator(".elsewhere")).to_contain_text("Meanwhile set to 128")
    card.locator("[data-action=discard]").click()
    expect(card.locator("[name=image_size]")).to_have_value("128")
    other.close()
