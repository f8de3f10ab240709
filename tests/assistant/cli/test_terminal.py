"""What stands on a terminal: aligned, in three languages, and without characters that steer it."""

from itertools import pairwise

import pytest

from assistant.cli.terminal.cards import plain, plain_so_far, table
from assistant.cli.terminal.progress import Progress
from assistant.cli.terminal.screen import harmless
from assistant.cli.terminal.words import Words, terminal_texts
from engine.contract.events import Epoch, Stage
from prompts.languages import LANGUAGES, Language
from prompts.page_texts import PLACEHOLDER


@pytest.mark.parametrize("name", ["\x1b[2J\x1b]0;title\x07", "a\rb", "a\x08b", "\x9b31m", "‮gnp.exe", "⁦x"])
def test_a_name_cannot_steer_the_terminal(name: str) -> None:
    shown = harmless(f"panels {name} 三号线 3호기\n")
    assert [letter for letter in "\x1b\x07\r\x08\x9b\u202e\u2066" if letter in shown] == []
    assert shown.endswith("三号线 3호기\n")


def test_columns_stand_below_each_other_in_wide_letters_too() -> None:
    lines = table([("이미지 크기", "64", "because"), ("Seed", "0", "because"), ("批量", "8", "because")])
    columns = [sum(2 if letter > "ᄀ" else 1 for letter in line[: line.index("because")]) for line in lines]
    assert len(set(columns)) == 1


def test_a_text_that_grows_shows_no_mark_that_is_still_open() -> None:
    whole = "Run **r1** is *well* done"
    shown = [plain_so_far(whole[:end]) for end in range(len(whole) + 1)]
    assert shown[-1] == plain(whole) == "Run r1 is well done"
    assert all(later.startswith(earlier) for earlier, later in pairwise(shown))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_the_same_of_a_terminal(language: Language) -> None:
    english, own = terminal_texts("en"), terminal_texts(language)
    assert own.keys() == english.keys()
    for key, text in english.items():
        assert set(PLACEHOLDER.findall("".join(own[key]))) == set(PLACEHOLDER.findall("".join(text))), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_run_is_told_in_one_line(language: Language) -> None:
    progress = Progress("r1", Words(language))
    progress.take(Stage(name="training", stages=["loading", "training"]))
    progress.take(Epoch(epoch=3, epochs=20, loss=0.1234567, lr=0.1, best=True, eta_s=40))
    assert all(part in progress.line for part in ("r1", "2", "3", "20", "0.1235", "40"))
    assert "\n" not in progress.line
