"""A finished training becomes a model: registered on its page, promoted with a reason, held to a gate, rolled back."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.serving import environment_of, serving
from tests.stored_home import FINISHED, unpack

LOADED_MS = 60_000  # a model is loaded for it, which a busy machine takes long for


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    unpack(tmp_path)
    next(tmp_path.rglob("test/good/*.png")).unlink()  # so that something gives pause
    with serving(environment_of(tmp_path)) as address:
        yield address


def test_a_training_is_registered_promoted_and_held_to_a_gate(page: Page, server: str) -> None:
    page.goto(f"{server}/runs/{FINISHED}?lang=en")
    page.locator("[data-action=register]").click()
    dialog = page.locator("#register")
    dialog.locator("[name=name]").fill("panels")
    dialog.locator("[name=note]").fill("line 3")
    dialog.locator("button[value=yes]").click()
    page.locator(".toast").get_by_role("button", name="Open").click()

    version = page.locator("#version-1")
    expect(version).to_contain_text("candidate")
    expect(version).to_contain_text("line 3")
    version.locator("[data-action=promote]").click()
    dialog = page.locator("#promote")
    expect(dialog.locator(".checks li").first).to_contain_text("could not be checked again", timeout=LOADED_MS)
    dialog.locator("[data-part=yes]").click()  # without a reason nothing happens
    expect(dialog).to_be_visible()
    dialog.locator("[data-part=who] input").fill("Mina")
    dialog.locator("[data-part=why] input").fill("the only images there are")
    dialog.locator("[data-part=yes]").click()
    expect(version).to_contain_text("champion", timeout=LOADED_MS)
    expect(page.locator(".acts li").first).to_contain_text("the only images there are")
    expect(page.locator(".acts li").first).to_contain_text("Mina, page")

    form = page.locator("[data-part=gate]")
    form.locator("[name=max_escape]").fill("2")
    form.locator("button.primary").click()
    expect(page.locator(".acts li").first).to_contain_text("gate changed")
    expect(form.locator("[name=max_escape]")).to_have_value("2")
    assert Axe().run(page).violations_count == 0

    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.goto(f"{server}/models?lang=en")
    expect(page.locator(".registered")).to_contain_text("champion 1")
