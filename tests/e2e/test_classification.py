"""The whole way of a classification in a real browser: a sentence, the plan, the yes, the run, the matrix, the gallery, the large view."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from engine.contract.folder import RunFolder
from tests.e2e.waiting import until
from tests.engine.tasks.classify.pictures import write_classes

TRAINING_MS = 180_000
CLASSES = {"scratch_on_the_polariser": "bar", "edge": "edge", "square": "square"}
UNTRANSLATED = re.compile(r"local file|classify|\b(?:true|false)\b")


@pytest.fixture(autouse=True)
def no_script_errors(page: Page) -> None:
    page.on("pageerror", lambda error: pytest.fail(f"the page threw: {error}"))
    page.set_viewport_size({"width": 1280, "height": 720})


def register(page: Page, server: str, folder: Path, name: str) -> None:
    """Pictures of three classes, and no good ones."""
    write_classes(folder / name, CLASSES, count=10)
    added = page.request.post(f"{server}/api/datasets", data={"name": name, "path": str(folder / name)})
    assert added.ok, added.text()


def train(page: Page, server: str, sentence: str) -> None:
    page.goto(f"{server}/?lang=en")
    page.locator("#say").fill(sentence)
    page.locator("#say").press("Enter")
    page.locator("[data-action=approve]").click()


def test_from_a_sentence_to_a_matrix_and_a_gallery(page: Page, server: str, tmp_path: Path) -> None:
    register(page, server, tmp_path, "marks")
    page.goto(f"{server}/data/marks?lang=en")
    page.locator("a.primary").click()  # "Train on it" of data that has classes and no good images
    expect(page.locator("#say")).to_have_value(re.compile("classifier on marks"))
    train(page, server, "train a MobileNet classifier on marks with 2 epochs at 64 px")
    card = page.locator("[data-kind=run]")
    expect(card.locator("[data-part=state]")).to_have_text("finished", timeout=TRAINING_MS)
    expect(page.locator("[data-kind=assistant]").filter(has_text="balanced accuracy")).to_be_visible(timeout=20_000)
    expect(page.locator("[data-kind=heatmaps] .thumb")).to_have_count(6)

    run = card.get_attribute("data-run")
    page.goto(f"{server}/runs/{run}?lang=en")
    matrix = page.locator("[data-part=confusion]")
    expect(matrix.locator("tbody tr")).to_have_count(3)
    counts = matrix.locator("tbody td").all_text_contents()
    assert sum(int(count) for count in counts if count.isdigit()) == 6
    expect(page.locator("[data-part=learning]")).to_have_text(re.compile(r"Fine-tuning|Training"))
    expect(page.locator("[data-part=cells]")).to_contain_text("cells")
    thumbs = page.locator("[data-part=thumbs] .thumb")
    expect(thumbs).to_have_count(6)
    name = "scratch_on_the_polariser"
    caption = thumbs.locator(".caption b").filter(has_text=name).first
    assert caption.evaluate("b => b.scrollWidth <= b.clientWidth")  # long, and told whole
    page.locator("[data-part=type]").select_option(name)
    expect(thumbs).to_have_count(2)
    thumbs.first.click()
    dialog = page.locator("dialog.classed")
    expect(dialog.locator("[data-part=facts]")).to_contain_text(f"{name}, called ")
    expect(dialog.locator("[data-part=overlay]")).to_have_js_property("naturalWidth", 64)
    page.screenshot(path=tmp_path / "large.png")
    page.keyboard.press("Escape")

    page.set_viewport_size({"width": 390, "height": 844})  # a phone
    box = page.locator(".matrix")
    assert box.evaluate("box => box.scrollWidth <= box.clientWidth")
    widest = matrix.evaluate(
        "table => Math.max(...[...table.querySelectorAll('tbody td')].map((cell) => cell.offsetWidth))"
    )
    assert widest < 60  # a column is as wide as its numbers, not as its name
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.screenshot(path=tmp_path / "phone.png")

    for language in ("ko", "zh"):
        page.goto(f"{server}/runs/{run}?lang={language}")
        expect(matrix.locator("tbody tr")).to_have_count(3)
        page.locator("[data-part=spec] summary").click()
        assert UNTRANSLATED.findall(page.locator(".run-view").inner_text()) == []


def test_a_stopped_run_and_the_offer_to_continue_it_name_the_same_epoch(
    page: Page, server: str, demo_home: Path, tmp_path: Path
) -> None:
    register(page, server, tmp_path, "stopped")
    train(page, server, "train a MobileNet classifier on stopped with 400 epochs at 64 px")
    view = page.locator(".run-view")
    run = view.get_attribute("data-run") or ""
    until(RunFolder(demo_home / "runs" / run).checkpoint.exists)
    view.locator("[data-action=stop-run]").click()
    page.locator("#confirm-yes").click()
    offer = view.locator("[data-action=continue]")
    expect(offer).to_be_visible(timeout=60_000)
    after = re.search(r"after epoch (\d+) of 400", offer.inner_text())
    assert after is not None, offer.inner_text()
    expect(view.locator("[data-part=readouts] dd").first).to_have_text(f"{after[1]} / 400")
    page.screenshot(path=tmp_path / "stopped.png")
