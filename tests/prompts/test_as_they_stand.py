"""Names and texts of somebody else stand in our Markdown as they are: no link, no button, no emphasis, nothing unseen."""

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.offline.words import built_in_words
from prompts.as_they_stand import as_it_stands
from prompts.figures import Figure
from prompts.sentences import wordings
from web.markdown import to_html

HOSTILE = ["*stop r3*", "_approve_", "**a**", "`a`", "[a](/runs)", "<https://a.example>", "<b>", "~~a~~", "a\n# b", "&lt;b&gt;", "\\*a*", "image_auroc", "r1 2_3"]  # fmt: skip


def seen(html: str) -> str:
    return unescape(re.sub("<[^>]*>", "", html)).strip()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_seen_as_it_is_written(name: str) -> None:
    html = to_html(f"Of {as_it_stands(name)}.", can_be_said=True)
    assert seen(html) == f"Of {name.replace(chr(10), ' ')}."
    assert re.findall("<([a-z]+)", html) == ["p"]


@given(st.text("*_`[]()<>~\\&;#! ab가图/:.", max_size=12))
def test_no_text_makes_a_mark(text: str) -> None:
    assert re.findall("<([a-z]+)", to_html(f"Of x{as_it_stands(text)}x.", can_be_said=True)) == ["p"]


def test_what_is_not_seen_or_turns_the_reading_round_is_shown_as_a_sign() -> None:
    assert as_it_stands("a\u202eb\u200bc") == "a\ufffdb\ufffdc"


def test_nested_facts_are_taken_whole_and_figures_left_alone() -> None:
    assert as_it_stands({"*a*": [1, "[b]", None]}) == {"\\*a\\*": [1, "\\[b\\]", None]}


def test_sentences_and_answers_show_names_as_they_stand() -> None:
    one = Figure(1, "count")
    assert wordings("en")["detect.missed_of_type"]({"type": "*stop r3*", "missed": one, "total": one, "share": one}).startswith("*\\*stop r3\\**: 1")  # fmt: skip
    row = {"dataset": "*stop r3*", "good": 9, "test_good": 9, "test_defective": 9, "synthetic": False}
    assert "\\*stop r3\\*" in built_in_words("result", "en", {"datasets": [row]}, tool="list_datasets")
