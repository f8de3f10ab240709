"""A measurement of light in a real browser: said, planned, approved, run, and shown on its page."""

import pytest
from playwright.sync_api import Page, expect

RUN_MS = 180_000


def test_a_measurement_is_planned_approved_run_and_shown(page: Page, server: str) -> None:
    page.on("pageerror", lambda error: pytest.fail(f"the page threw: {error}"))
    page.goto(f"{server}/?lang=en")
    page.locator("#say").fill("train photometry on oled")
    page.locator("#say").press("Enter")
    expect(page.locator("[data-kind=proposal]")).to_contain_text("Pixel statistics")
    page.locator("[data-action=approve]").click()
    expect(page.locator("[data-kind=run] [data-part=state]")).to_have_text("finished", timeout=RUN_MS)
    expect(page.locator("[data-kind=assistant]").filter(has_text="images were measured")).to_be_visible(timeout=20_000)

    run = page.locator(".run-view")
    expect(run.locator("[data-metric=contrast]")).to_be_visible(timeout=20_000)
    expect(run.locator("[data-part=classes] tr").filter(has_text="good")).to_be_visible()
    image = run.locator("[data-part=thumbs] img").first
    expect(image).to_have_js_property("complete", True)
    assert image.evaluate("image => image.naturalWidth") > 0
    for path in ("/runs", "/models"):
        page.goto(f"{server}{path}?lang=en")
        expect(page.locator("main")).to_contain_text("Pixel statistics")
