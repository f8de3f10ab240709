"""Trying a finished training on its page: pictures are chosen, judged, looked at by keyboard, saved as a table, and a defect is marked."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from tests.serving import environment_of, serving
from tests.stored_home import FINISHED, unpack

BROKEN = {"name": "broken.png", "mimeType": "image/png", "buffer": b"not a picture"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    unpack(tmp_path)
    return tmp_path


@pytest.fixture
def address(home: Path) -> Iterator[str]:
    with serving(environment_of(home)) as server:
        yield f"{server}/runs/{FINISHED}?lang=en"


def test_pictures_are_judged_on_the_page_of_a_run(page: Page, address: str, home: Path) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(address)
    part = page.locator(".try-it")
    expect(part).to_be_visible()
    chosen = [*sorted((home / "panels" / "test").rglob("*.png"))]
    part.locator("[data-part=try-files]").set_input_files([
        {"name": f"{path.parent.name}-{path.name}", "mimeType": "image/png", "buffer": path.read_bytes()} for path in chosen
    ] + [BROKEN])  # fmt: skip
    cards = part.locator(".try-card")
    expect(cards).to_have_count(13)
    expect(part.locator("[data-part=try-progress]")).to_be_hidden()
    expect(part.locator("[data-part=try-counts]")).to_contain_text("cannot be read1")
    broken = cards.filter(has_text="broken.png")
    expect(broken).to_contain_text("not a picture in a known format")
    spot = cards.filter(has_text="spot-000.png")
    expect(spot.locator(".try-verdict")).to_have_text("defective")
    for image in (spot.locator("img.heat"), spot.locator("img").first):
        image.scroll_into_view_if_needed()
        expect(image).to_have_js_property("complete", True)
        assert image.evaluate("image => image.naturalWidth") == 64
    spot.locator(".try-seen").focus()
    page.keyboard.press("Enter")
    expect(spot.locator("img.heat")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    with page.expect_download() as downloaded:
        part.locator("[data-part=try-save]").click()
    rows = list(csv.DictReader(io.StringIO(Path(downloaded.value.path()).read_text("utf-8-sig"))))
    assert {row["name"]: row["verdict"] for row in rows}["spot-000.png"] == "defective"
    assert [row["name"] for row in rows if row["problem"]] == ["broken.png"]
    the_defect_is_marked(page, spot)
    spot.locator(".try-asked button").first.click()  # a person says that it is good
    expect(part.locator("[data-part=try-review]")).to_contain_text("of these flagged: 1")
    expect(part.locator("[data-part=try-review]")).to_contain_text("none of your good pictures is flagged")
    part.get_by_text("Make a data set of what people said").click()
    part.get_by_text("With the images that the model was trained").click()
    part.get_by_role("button", name="Make it").click()
    made = part.locator(".try-dataset [role=status]")
    expect(made).to_contain_text("r1 feedback: good images to learn from: 25; to test with: 6 good, 5 defective")
    expect(made).to_contain_text("say: train supersimplenet on r1 feedback with labelled_share 0.5")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    found = Axe().run(page, context=".try-it")
    assert found.violations_count == 0, found.generate_report()
    part.locator("[data-part=try-clear]").click()
    expect(cards).to_have_count(0)


def the_defect_is_marked(page: Page, card: Locator) -> None:
    """By mouse, finger and keys, on a picture of 64 pixels a side; what is on record is asked of the API. Nothing is left marked."""
    report = (card.locator("footer a").get_attribute("href") or "").removesuffix(".html")
    server = page.url.partition("/runs/")[0]
    problems: list[str] = []
    page.on("console", lambda each: problems.append(each.text) if each.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))

    def on_record(word: str) -> list[float] | None:
        card.get_by_role("button", name=word, exact=True).click()
        expect(card.locator(".marking")).to_have_attribute("inert", "")  # the answer is here
        review = page.request.get(f"{server}/api{report}").json()["review"]
        assert (review["verdict"], review["image_size"]) == (word, 64)
        region: list[float] | None = review["region"]
        return region

    start, layer, box = (
        card.get_by_role("button", name="Mark the defect"),
        card.locator(".marking"),
        card.locator(".marking i"),
    )
    start.click()
    expect(layer).to_be_focused()
    layer.click()  # a press draws nothing, and shows the heatmap again
    expect(card.locator("img.heat")).to_be_visible()
    expect(box).to_be_hidden()
    at = layer.bounding_box()
    assert at is not None

    def place(x: float, y: float) -> tuple[float, float]:
        return at["x"] + x * at["width"], at["y"] + y * at["height"]

    page.mouse.move(*place(0.25, 0.25))
    page.mouse.down()
    page.mouse.move(*place(0.4, 0.6))
    page.mouse.move(*place(0.5, 0.75))
    page.mouse.up()
    expect(box).to_be_visible()
    expect(card).to_contain_text("16 × 32 px: not kept yet")
    assert page.request.get(f"{server}/api{report}").json()["review"] is None
    assert on_record("defective") == pytest.approx([16, 16, 16, 32], abs=1)
    expect(card).to_contain_text("Kept: “defective”, with a box at x 16, y 16, 16 × 32 px.")
    assert "left: 25.0%; top: 25.0%; width: 25.0%; height: 50.0%" in page.request.get(f"{server}{report}.html").text()

    start.click()
    finger, scrolled = page.context.new_cdp_session(page), page.evaluate("scrollY")
    for kind, touched in (("Start", (0.75, 0.5)), ("Move", (0.6, 0.4)), ("Move", (0.25, 0.125)), ("End", None)):
        points = [] if touched is None else [dict(zip("xy", place(*touched), strict=True))]
        finger.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points})
    assert page.evaluate("scrollY") == scrolled  # the picture did not go with the finger
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "Shift+ArrowLeft", "Shift+ArrowDown"):
        page.keyboard.press(key)
    assert on_record("defective") == pytest.approx([18, 9, 31, 25], abs=1)

    start.click()
    page.keyboard.press("Delete")
    expect(card).to_contain_text("removed here, but still on record")
    assert on_record("defective") is None
    start.click()
    page.keyboard.press("ArrowUp")  # a box in the middle
    expect(card).to_contain_text("Box at x 24, y 24, 16 × 16 px")
    assert on_record("good") is None  # a good part has no defect to mark
    expect(box).to_be_hidden()
    assert problems == []


def test_dropped_pictures_go_to_the_model_and_stopping_leaves_the_rest(page: Page, address: str, home: Path) -> None:
    page.goto(address)
    part = page.locator(".try-it")
    expect(part).to_be_visible()
    content = list((home / "panels" / "test" / "good" / "000.png").read_bytes())
    page.evaluate(
        """(content) => {
          const transfer = new DataTransfer();
          for (let number = 0; number < 40; number++)
            transfer.items.add(new File([new Uint8Array(content)], `${number}.png`, { type: "image/png" }));
          dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
        }""",
        content,
    )
    expect(part.locator("[data-part=try-line]")).to_have_text("The model is being loaded…")
    part.locator("[data-part=try-stop]").click()
    expect(page.locator("#toasts")).to_contain_text("Stopped; 40 were not judged")
    expect(part.locator("[data-part=try-progress]")).to_be_hidden()
    assert part.locator(".try-card").count() == 0
