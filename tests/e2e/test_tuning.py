"""A setting is tuned: one yes, one card that tells how it goes and which is best, and the same on the group's own page."""

import asyncio
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from assistant.settings import Settings
from assistant.workspace import Workspace
from tests.serving import environment_of, serving

TUNED_MS = 240_000
QUICK = {"backbone": "resnet18", "weights": "random", "num_features": 8, "threshold_policy": "split_conformal"}


def draw(root: Path) -> Path:
    """24 good images to learn from, 20 to test with, 20 with a spot."""
    noise = np.random.default_rng(0)
    for split, kind, count in (("train", "good", 24), ("test", "good", 20), ("test", "spot", 20)):
        for number in range(count):
            picture = noise.integers(70, 110, (64, 64), dtype=np.uint8)
            mask = np.zeros((64, 64), dtype=np.uint8)
            if kind == "spot":
                mask[number : number + 12, 20:36] = 255
                picture[mask > 0] = 250
                save(mask, root / "ground_truth" / kind / f"{number:03}_mask.png")
            save(picture, root / split / kind / f"{number:03}.png")
    return root


def save(picture: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)


async def planned(home: Path, data: Path) -> str:
    """A conversation with the plan of a tuning that waits for its yes."""
    async with Workspace.open(Settings(home=home, hub="off")) as workspace:
        await workspace.datasets.add("panels", data)
        conversation = await workspace.conversations.create("en")
        await conversation.call("propose_training", {"dataset": "panels", "model": "padim", **QUICK}, "en")
        called = await conversation.call("sweep", {"setting": "image_size", "values": [64, 96]}, "en")
        assert called.status == "done", called.facts
        return conversation.id


@pytest.fixture(scope="module")
def tuning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of its conversation."""
    folder = tmp_path_factory.mktemp("tuning")
    data = draw(folder / "panels")
    with ThreadPoolExecutor(1) as beside:  # the browser's driver keeps an event loop running here
        conversation = beside.submit(lambda: asyncio.run(planned(folder / "home", data))).result()
    with serving(environment_of(folder / "home")) as address:
        yield f"{address}/c/{conversation}"


def test_a_setting_is_tuned_with_one_yes_and_its_card_tells_which_value_is_best(page: Page, tuning: str) -> None:
    page.goto(tuning)
    plan = page.locator(".proposal")
    expect(plan.locator(".planned tbody tr")).to_have_count(2)
    plan.locator("[data-action=approve]").click()
    card = page.locator(".group-card")
    expect(card.locator(".group-view")).to_have_attribute("data-state", "running")
    expect(card.locator("tbody tr")).to_have_count(2)
    expect(card.locator(".group-view")).to_have_attribute("data-state", "finished", timeout=TUNED_MS)
    expect(card.locator("tr.best")).to_have_count(1)
    expect(card.locator(".group-best")).to_contain_text("other half")
    assert page.evaluate("document.querySelector('.group-chart').series[0].x") == [64, 96]
    expect(page.locator(".item.assistant").last).to_contain_text("Best on panels")
    expect(page.locator(".run-card")).to_have_count(0)
    use = card.locator("[data-say]")
    expect(use).to_have_text(re.compile(r"Use the best \(r[12]\)"))
    card.locator("h3 a").click()
    expect(page.locator(".group-page .group-view")).to_have_attribute("data-state", "finished")
    page.locator(".group-page tr.best a").click()
    expect(page).to_have_url(re.compile(r"/runs/r[12]$"))
