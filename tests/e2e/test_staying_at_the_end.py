"""The conversation stays at its end by itself, until the reader scrolls away."""

from playwright.sync_api import Page, expect

from tests.e2e.test_first_light import no_script_errors, open_new, say

__all__ = ["no_script_errors"]  # a fixture that every test here uses

DISTANCE = "log => log.scrollHeight - log.scrollTop - log.clientHeight"
SENTENCES = ["list data", "what data do I have?", "which models can I train?", "what is in oled?", "help", "list runs"]


def ask(page: Page, text: str) -> None:
    """Say something and wait until the whole answer is there and drawn."""
    said = page.locator("[data-kind=user]")
    before = said.count()
    say(page, text)
    expect(said).to_have_count(before + 1)
    expect(page.locator("#items > :last-child[data-kind=assistant]")).to_be_visible()
    expect(page.locator("body.working")).to_have_count(0)
    settle(page)


def settle(page: Page) -> None:
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def grow(page: Page, pixels: int) -> None:
    """What figures and pictures do that are drawn some time after their card."""
    page.locator("#items").evaluate("(items, pixels) => (items.style.paddingBlockEnd = `${pixels}px`)", pixels)
    settle(page)


def test_answers_stay_in_view_until_the_reader_scrolls_up(page: Page, server: str) -> None:
    page.set_viewport_size({"width": 1360, "height": 860})
    open_new(page, server)
    log = page.locator("#log")
    for sentence in SENTENCES:
        ask(page, sentence)
        assert log.evaluate(DISTANCE) <= 1, sentence
        expect(page.locator("#to-end")).to_be_hidden()
    grow(page, 150)
    assert log.evaluate(DISTANCE) <= 1
    assert page.evaluate("document.documentElement.scrollHeight") == 860

    log.hover()
    page.mouse.wheel(0, -300)
    expect(page.locator("#to-end")).to_be_visible()
    top = log.evaluate("log => log.scrollTop")
    grow(page, 400)
    assert log.evaluate("log => log.scrollTop") == top
    page.locator("#to-end").click()
    assert log.evaluate(DISTANCE) <= 1
    expect(page.locator("#to-end")).to_be_hidden()


def test_a_plan_taller_than_the_window_shows_its_title(page: Page, server: str) -> None:
    page.set_viewport_size({"width": 1000, "height": 520})
    open_new(page, server)
    ask(page, "train PatchCore on oled")
    expect(page.locator(".proposal h3")).to_be_in_viewport()
    expect(page.locator("#to-end")).to_be_visible()
