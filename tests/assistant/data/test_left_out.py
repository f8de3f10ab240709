from typing import get_args

import pytest

from assistant.data.facts import NamedFacts
from assistant.data.left_out import GRAVEST_FIRST, by_reason, lines_of_left_out
from assistant.telling import sentences_of
from assistant.telling.data import claims_of_dataset
from engine.contract.data import LeftOut
from engine.datasets.left_out import Reason
from prompts.languages import Language
from prompts.page_texts import page_texts
from tests.data_facts import stored_facts


def entry(where: str, ending: str, reason: str, count: int) -> LeftOut:
    return LeftOut(where=where, ending=ending, reason=reason, count=count)


def test_files_are_put_together_by_the_reason_with_the_most_first() -> None:
    entries = [entry(f"f{number}", ".gif" if number else ".jfif", "ending", number + 1) for number in range(6)]
    found = by_reason([entry("masks", ".png", "unpaired_mask", 2), *entries])
    assert found == [
        {"reason": "ending", "count": 21, "endings": [".gif", ".jfif"], "folders": ["f5", "f4", "f3", "f2"], "more_folders": 2},
        {"reason": "unpaired_mask", "count": 2, "endings": [".png"], "folders": ["masks"], "more_folders": 0},
    ]  # fmt: skip


def test_a_terminal_names_number_kind_and_place() -> None:
    lines = lines_of_left_out([entry("test/oil", ".jfif", "ending", 4), entry(".", "", "link", 1)])
    assert lines == [
        "not used: 4 of a kind that is not read (.jfif): in test/oil",
        "not used: 1 link that is not followed: in .",
    ]


@pytest.mark.parametrize("language", get_args(Language))
def test_every_reason_of_the_engine_is_worded(language: Language) -> None:
    assert set(GRAVEST_FIRST) == set(get_args(Reason))
    assert [reason for reason in GRAVEST_FIRST if f"left_out.{reason}" not in page_texts(language)] == []


def test_a_reason_that_nobody_knows_is_told_all_the_same() -> None:
    entries = [entry("a", ".new", "newer_reason", 2), entry("b", ".gif", "ending", 1)]
    assert [each["reason"] for each in by_reason(entries)] == ["ending", "newer_reason"]
    assert lines_of_left_out(entries)[1] == "not used: 2 (newer_reason) (.new): in a"
    facts = NamedFacts.of(stored_facts(left_out=entries), dataset="oled")
    told = [each.text for each in sentences_of(claims_of_dataset(facts), "ko")]
    assert any("2 (newer_reason)" in text for text in told)
