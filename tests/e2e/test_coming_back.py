"""A page that comes back, in the middle of a sentence or after the server was away, has lost nothing and shows nothing twice."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.llm_server import LLMServer, SlowWords, Text
from tests.serving import environment_of, serving

FIRST, FOURTH = "Hello there, welcome to this page.", "Show me the last chart."
LONG = " ".join([FIRST, "Let me look.", "Here is the next step.", FOURTH, *["Let me see the next page."] * 22])
COUNT_TEXT = """
  globalThis.most = 0;
  addEventListener("DOMContentLoaded", () => new MutationObserver(() => {
    const answers = [...document.querySelectorAll("[data-kind=assistant] .prose")].map((each) => each.textContent);
    globalThis.most = Math.max(globalThis.most, ...answers.map((text) => text.split("Hello there, welcome").length - 1));
  }).observe(document.body, { childList: true, subtree: true, characterData: true }));
"""


@pytest.fixture(scope="module")
def llm() -> Iterator[LLMServer]:
    with LLMServer() as server:
        yield server


@pytest.fixture(scope="module")
def llm_server(llm: LLMServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that talks over an LLM."""
    home = tmp_path_factory.mktemp("home")
    with serving(environment_of(home) | llm.environment("chat")) as address:
        yield address


class Line:
    """The line between a page and the server, which can be cut and can lose what the server tells."""

    def __init__(self, page: Page):
        self.is_cut, self.loses = False, ""
        self._socket: WebSocketRoute | None = None
        page.route_web_socket("**/ws/c/**", self._connect)

    def cut(self) -> None:
        self.is_cut = True
        assert self._socket is not None
        self._socket.close(code=1013)

    def _connect(self, socket: WebSocketRoute) -> None:
        if self.is_cut:
            socket.close(code=1013)
            return
        self._socket, server = socket, socket.connect_to_server()
        server.on_message(
            lambda message: None if self.loses and self.loses in str(message) else socket.send(str(message))
        )


def open_new(page: Page, server: str) -> None:
    page.goto(f"{server}/?lang=en")
    expect(page.locator("#connection")).to_have_attribute("data-state", "open")


def say(page: Page, text: str) -> None:
    page.locator("#say").fill(text)
    page.locator("#say").press("Enter")


def test_a_reload_in_mid_sentence_shows_all_of_it_once(
    page: Page, llm: LLMServer, llm_server: str, tmp_path: Path
) -> None:
    llm.play([SlowWords(LONG, gap_s=0.1)])
    page.set_viewport_size({"width": 1280, "height": 720})
    page.add_init_script(COUNT_TEXT)
    open_new(page, llm_server)
    say(page, "Tell me about words")
    prose = page.locator("[data-kind=assistant] .prose")
    expect(prose).to_contain_text(FOURTH)
    page.reload()
    expect(prose).to_contain_text(FIRST)
    expect(page.locator("#send")).to_have_attribute("aria-label", "Stop the answer")
    assert page.locator(".shell").bounding_box() == {"x": 0, "y": 0, "width": 1280, "height": 720}
    page.screenshot(path=tmp_path / "reloaded.png")
    expect(prose).to_have_text(LONG, timeout=60_000)
    assert page.evaluate("globalThis.most") == 1
    expect(page.locator("#send")).to_have_attribute("aria-label", "Send")


def test_all_that_was_said_while_the_server_was_away_arrives_in_order(
    page: Page, llm: LLMServer, llm_server: str
) -> None:
    llm.play([Text("Here is the first answer."), Text("Here is the second answer.")])
    line = Line(page)
    open_new(page, llm_server)
    line.cut()
    expect(page.locator("#connection")).to_have_attribute("data-state", "lost")
    say(page, "first question")
    say(page, "second question")
    expect(page.locator("[data-kind=user]")).to_have_count(0)
    line.is_cut = False
    expect(page.locator("[data-kind=assistant] .prose")).to_have_text(
        ["Here is the first answer.", "Here is the second answer."], timeout=20_000
    )
    expect(page.locator("[data-kind=user] p")).to_have_text(["first question", "second question"])


def test_a_message_that_is_refused_comes_back_into_the_box(page: Page, llm: LLMServer, llm_server: str) -> None:
    llm.play([SlowWords(LONG, gap_s=0.05)])
    line = Line(page)
    line.loses = '"working"'
    open_new(page, llm_server)
    say(page, "Tell me about words")
    expect(page.locator("[data-kind=assistant]")).to_be_visible()
    say(page, "And about numbers")
    expect(page.locator("#say")).to_have_value("And about numbers")
    expect(page.locator(".toast")).to_contain_text("An answer is being made")
    expect(page.locator("[data-kind=user]")).to_have_count(1)
    expect(page.locator("[data-kind=assistant] .prose")).to_have_text(LONG, timeout=20_000)
