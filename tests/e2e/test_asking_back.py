"""A question back with its answers as buttons, and Undo of a change, in a real browser, in three languages, on a desk and on a phone."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from assistant.offline.learned import learned
from tests.serving import environment_of, serving

LONG = "front-camera-station-7-evening-shift-2026-november"
NAMES = [LONG, "panel_line3", "병뚜껑_3라인"]
SIZES = [{"width": 1280, "height": 720}, {"width": 390, "height": 844}]


@dataclass(frozen=True)
class Words:
    """What is said in a language, and what stands on the page then; `foreign` must not."""

    language: str
    train: str
    undo_word: str
    change: str
    chosen: str
    undo: str
    undone: str
    help: str
    foreign: re.Pattern[str]


ENGLISH = re.compile(r"\b(?:the|which|undo|plan|data set|train|settings?|because|good|runs?)\b", re.IGNORECASE)
TALK = [
    Words("en", "train patchcore", "undo that", "batch size 4", "Chosen", "Undo", "last change", "what can you do?", re.compile("[一-鿿]")),
    Words("ko", "패치코어 학습해줘", "방금 바꾼 거 되돌려줘", "배치 크기 4로", "선택", "되돌리기", "되돌렸습니다", "뭐 할 수 있어?", ENGLISH),
    Words("zh", "训练 PatchCore", "撤销刚才的修改", "批大小改成4", "已选择", "撤销", "已撤销", "你能做什么？", ENGLISH),
]  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    learned()
    with serving(environment_of(tmp_path_factory.mktemp("home"))) as address:
        yield address


@pytest.fixture(scope="module", autouse=True)
def registered(server: str, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> None:
    with browser.new_context() as context:
        for name in NAMES:
            folder = tmp_path_factory.mktemp("data") / "set"
            for part, count in (("train/good", 12), ("test/good", 4), ("test/spot", 4)):
                (folder / part).mkdir(parents=True)
                for number in range(count):
                    grey = 90 + number
                    Image.new("RGB", (64, 64), (grey, grey, grey)).save(folder / part / f"{number}.png")
            added = context.request.post(f"{server}/api/datasets", data={"name": name, "path": str(folder)})
            assert added.ok, added.text()


@pytest.fixture(autouse=True)
def no_script_errors(page: Page) -> None:
    page.on("pageerror", lambda error: pytest.fail(f"the page threw: {error}"))


def when_it_waits(page: Page) -> None:
    """The answer is complete, and the next thing can be said or pressed."""
    expect(page.locator("#working")).to_be_hidden()


def say(page: Page, text: str) -> None:
    when_it_waits(page)
    page.locator("#say").fill(text)
    page.locator("#say").press("Enter")


def batch_size(page: Page, value: str) -> None:
    expect(page.locator("[data-kind=proposal] [name=batch_size]")).to_have_value(value)


def nothing_sticks_out(page: Page) -> None:
    """No part of an item, and no button, reaches beyond the column of the conversation."""
    out = page.evaluate(
        """() => [...document.querySelectorAll(".item, .item button, .item .subject")]
            .filter(each => each.offsetParent && each.getBoundingClientRect().right > document.documentElement.clientWidth)
            .map(each => each.outerHTML.slice(0, 120))"""
    )
    assert out == []
    assert page.evaluate("() => document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def own_words(page: Page) -> str:
    """What our side says: without names of data and of models, which are the same in every language."""
    said = "\n".join(
        page.locator("[data-kind=assistant], [data-kind=choices], [data-kind=tool] summary").all_inner_texts()
    )
    for name in (*NAMES, "PatchCore"):
        said = said.replace(name, "")
    return said


@pytest.mark.parametrize("size", SIZES, ids=["desk", "phone"])
@pytest.mark.parametrize("words", TALK, ids=[each.language for each in TALK])
def test_a_question_is_answered_by_a_button_and_a_change_is_undone(
    page: Page, server: str, tmp_path: Path, words: Words, size: dict[str, int]
) -> None:
    page.set_viewport_size(size)  # type: ignore[arg-type]
    page.goto(f"{server}/?lang={words.language}")
    say(page, words.train)
    choices = page.locator("[data-kind=choices] button")
    expect(choices).to_have_text(sorted(NAMES))
    nothing_sticks_out(page)
    page.screenshot(path=tmp_path / f"asked-{words.language}.png")

    choices.filter(has_text=LONG).click()
    expect(page.locator("[data-kind=choices]")).to_have_text(re.compile(words.chosen))
    expect(page.locator("[data-kind=choices] button")).to_have_count(0)
    expect(page.locator("[data-kind=proposal] h3")).to_contain_text(LONG)
    before = page.locator("[data-kind=proposal] [name=batch_size]").input_value()
    expect(page.locator("[data-action=undo]")).to_have_count(0)  # nothing was changed yet

    say(page, words.change)
    batch_size(page, "4")
    nothing_sticks_out(page)
    expect(page.locator("[data-action=undo]")).to_have_text(words.undo)
    when_it_waits(page)
    page.locator("[data-action=undo]").click()
    batch_size(page, before)
    expect(page.locator("[data-action=undo]")).to_have_count(0)

    say(page, words.change)
    batch_size(page, "4")
    say(page, words.undo_word)
    batch_size(page, before)
    expect(page.locator("[data-kind=assistant]").last).to_contain_text(words.undone)
    page.screenshot(path=tmp_path / f"undone-{words.language}.png")
    assert words.foreign.findall(own_words(page)) == []
    assert [mark for mark in ("**", "{", "](", "None", "`") if mark in own_words(page)] == []


@pytest.mark.parametrize("words", TALK, ids=[each.language for each in TALK])
def test_phrases_of_the_help_name_data_that_are_there_and_are_said_by_a_click(
    page: Page, server: str, words: Words
) -> None:
    page.set_viewport_size(SIZES[1])  # type: ignore[arg-type]
    page.goto(f"{server}/?lang={words.language}")
    say(page, words.help)
    phrases = page.locator("[data-kind=assistant] .say")
    expect(phrases.first).to_contain_text(LONG)
    nothing_sticks_out(page)
    assert phrases.first.evaluate("phrase => getComputedStyle(phrase).textAlign") == "start"
    if words.language != "en":
        assert phrases.first.evaluate("phrase => getComputedStyle(phrase).fontStyle") == "normal"
    assert words.foreign.findall(own_words(page)) == []
    phrases.first.click()
    expect(page.locator("[data-kind=proposal] h3")).to_contain_text(LONG)


def test_a_phrase_that_is_clicked_twice_the_moment_it_appears_is_said_once(page: Page, server: str) -> None:
    page.goto(f"{server}/?lang=en")
    page.evaluate(
        """() => new MutationObserver((_, itself) => {
            const phrase = document.querySelector("[data-kind=assistant] .say");
            if (!phrase) return;
            itself.disconnect();
            phrase.click(); phrase.click();  // the answer is there, but its turn has not ended yet
        }).observe(document.querySelector("#items"), { childList: true, subtree: true })"""
    )
    say(page, "what can you do?")
    expect(page.locator("[data-kind=proposal]")).to_have_count(1)
    say(page, "no")
    expect(page.locator("[data-kind=user]")).to_have_count(3)


@pytest.mark.parametrize("words", TALK, ids=[each.language for each in TALK])
def test_without_data_the_help_names_none(page: Page, tmp_path: Path, words: Words) -> None:
    with serving(environment_of(tmp_path)) as address:
        page.goto(f"{address}/?lang={words.language}")
        say(page, words.help)
        phrases = page.locator("[data-kind=assistant] .say")
        expect(phrases).to_have_count(1)
        expect(page.locator("[data-kind=assistant] a[href='/data']")).to_be_visible()
        phrases.click()
        expect(page.locator("[data-kind=assistant]").last).to_contain_text("PatchCore")
