"""The whole way in a real browser: a sentence, the plan, the yes, the run live, a reload in mid-run, the result with heatmaps."""

import base64
import zipfile
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Page, expect

SENTENCES = [
    ("en", "train PatchCore on the OLED data", "finished", "defective test images"),
    ("ko", "OLED 데이터로 패치코어 학습해줘", "완료", "미검"),
    ("zh", "用 OLED 数据训练 PatchCore", "已完成", "漏检"),
]
TRAINING_MS = 180_000


@pytest.fixture(autouse=True)
def no_script_errors(page: Page) -> None:
    """A page that throws, or asks for something outside, fails its test."""
    page.on("pageerror", lambda error: pytest.fail(f"the page threw: {error}"))
    page.on(
        "request", lambda request: None if "127.0.0.1" in request.url else pytest.fail(f"a request left: {request.url}")
    )


def say(page: Page, text: str) -> None:
    page.locator("#say").fill(text)
    page.locator("#say").press("Enter")


def open_new(page: Page, server: str, language: str = "en") -> None:
    page.goto(f"{server}/?lang={language}")
    expect(page.locator("#say")).to_be_focused()


@pytest.mark.parametrize(("language", "sentence", "finished", "missed"), SENTENCES)
def test_from_a_sentence_to_heatmaps(
    page: Page, server: str, tmp_path: Path, language: str, sentence: str, finished: str, missed: str
) -> None:
    page.set_viewport_size({"width": 1280, "height": 720})
    open_new(page, server, language)
    say(page, sentence)
    plan = page.locator("[data-kind=proposal]")
    expect(plan).to_contain_text("PatchCore")
    expect(plan.locator("[name=image_size]")).to_have_value("256")

    plan.locator("[name=image_size]").fill("128")  # an edit, saved before the yes
    plan.locator("[data-action=save]").click()
    expect(page.locator("[data-kind=proposal][data-revision='2']")).to_be_visible()
    page.locator("[data-action=approve]").click()

    run = page.locator(".run-view")
    expect(run).to_be_visible(timeout=20_000)
    expect(run.locator("[data-part=stepper] li")).not_to_have_count(0, timeout=30_000)
    page.reload()  # in mid-run: nothing is lost
    expect(page.locator("[data-kind=user]")).to_contain_text(sentence)
    expect(page.locator("[data-kind=run]")).to_be_visible()
    expect(page.locator("[data-kind=run] [data-part=state]")).to_have_text(finished, timeout=TRAINING_MS)

    expect(page.locator("[data-kind=assistant]").filter(has_text=missed)).to_be_visible(timeout=20_000)
    gallery = page.locator("[data-kind=heatmaps]")
    expect(gallery.locator(".thumb")).to_have_count(8)
    expect(gallery.locator("x-heat[data-drawn] canvas").first).to_have_js_property("width", 128)
    page.screenshot(path=tmp_path / f"finished-{language}.png")

    page.locator(".run-view [data-which=worst]").click()
    page.locator(".run-view .thumb.hit").first.click()  # the large view: regions, each with good patches beside its own
    region = page.locator("#viewer-regions li").first
    expect(region.locator("canvas[data-drawn]")).to_have_count(4)


def test_a_running_training_is_stopped_from_the_page(page: Page, server: str) -> None:
    open_new(page, server)
    say(page, "train the autoencoder on oled with 400 epochs")
    expect(page.locator("[data-kind=proposal]")).to_contain_text("Autoencoder")
    page.locator("[data-action=approve]").click()
    run = page.locator(".run-view")
    expect(run.locator("[data-part=readouts]")).to_contain_text("loss", ignore_case=True, timeout=90_000)
    run.locator("[data-action=stop-run]").click()
    page.locator("#confirm-yes").click()
    expect(page.locator("[data-kind=run] [data-part=state]")).to_have_text("stopped", timeout=30_000)


def test_a_declined_plan_starts_nothing(page: Page, server: str) -> None:
    open_new(page, server)
    say(page, "train PaDiM on oled")
    page.locator("[data-action=decline]").click()
    page.locator(".declining button[type=submit]").click()
    expect(page.locator("[data-kind=proposal][data-state=declined]")).to_be_visible()
    expect(page.locator("[data-kind=run]")).to_have_count(0)


def zip_of_images(archive: Path) -> Path:
    picture = archive.with_suffix(".png")
    with zipfile.ZipFile(archive, "w") as packed:
        for number in range(6):
            Image.new("RGB", (64, 64), (80 + number, 90, 100)).save(picture)
            packed.write(picture, f"good/{number}.png")
        packed.writestr("good/broken.png", b"no image")
    return archive


def test_a_zip_with_images_becomes_a_data_set(page: Page, server: str, tmp_path: Path) -> None:
    archive = zip_of_images(tmp_path / "line 3.zip")
    page.goto(f"{server}/data?lang=en")
    page.locator("input[type=file]").first.set_input_files(archive)
    page.locator("#name-dialog [value=yes]").click()
    expect(page.locator("a[href='/data/line%203']").first).to_be_visible(timeout=30_000)
    page.goto(f"{server}/data/line%203?lang=en")
    expect(page.locator("main")).to_contain_text("broken.png")


DROP = """([name, content]) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0))], name));
    const goesOn = ["dragenter", "dragover", "drop"].map((type) =>
        document.querySelector("main").dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true })));
    return goesOn.some(Boolean); // whether the browser would open the file
}"""


def test_a_zip_is_taken_wherever_it_is_dropped(page: Page, server: str, tmp_path: Path) -> None:
    open_new(page, server)
    content = base64.b64encode(zip_of_images(tmp_path / "line 4.zip").read_bytes()).decode()
    assert page.evaluate(DROP, ["photo.png", content]) is False
    expect(page.locator(".toast.failure")).to_contain_text(".zip")
    assert page.evaluate(DROP, ["line 4.zip", content]) is False
    page.locator("#name-dialog [value=yes]").click()
    page.locator(".toast.success .link").click(timeout=30_000)
    page.wait_for_url("**/data/line%204")


@pytest.mark.parametrize("path", ["/", "/runs", "/data", "/data/oled", "/models"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_are_accessible(page: Page, server: str, path: str, theme: str) -> None:
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    page.goto(f"{server}{path}?lang=en")
    expect(page.locator("main")).to_be_visible()
    results = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa"]})
    assert results.violations_count == 0, results.generate_report()
