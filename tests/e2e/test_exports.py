"""Exporting a finished training on its page: asked for by keyboard, followed, what was measured is told, the file is fetched."""

import re
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.serving import environment_of, serving
from tests.stored_home import FINISHED, unpack


def test_a_model_is_exported_on_the_page_of_its_run(page: Page, tmp_path: Path) -> None:
    unpack(tmp_path)
    with serving(environment_of(tmp_path)) as server:
        page.set_viewport_size({"width": 390, "height": 800})
        page.goto(f"{server}/runs/{FINISHED}?lang=en")
        row = page.locator(".exports [data-format=pt2]")
        button, line = row.locator("[data-part=export]"), row.locator("[data-part=export-line]")
        expect(button).to_be_visible()
        button.focus()
        page.keyboard.press("Enter")
        expect(button).to_be_disabled()
        expect(line).to_have_text(
            re.compile(r"^No verdict changes on \d+ pictures; scores differ by "), timeout=120_000
        )
        expect(button).to_be_enabled()
        link = row.locator("[data-part=export-files] a")
        with page.expect_download() as downloaded:
            link.click()
        assert downloaded.value.suggested_filename == f"{FINISHED}.pt2"
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        found = Axe().run(page, context=".exports")
        assert found.violations_count == 0, found.generate_report()
