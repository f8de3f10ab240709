"""A number that no fact supports is found, however it is written; one that is a rounded fact passes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.grounding import numbers_in, unsupported
from assistant.narration import Narration

FACTS = numbers_in(
    {"image_auroc": 0.98712, "test_good": 200, "missed": 3, "overkill": 0.051, "note": "at 256 px", "big": 12345}
)


@pytest.mark.parametrize(
    "text",
    [
        "AUROC 0.987, missed 3 of 200",
        "98.7 % of pairs",
        "약 5.1 %의 과검",
        "过检率 5.1％",
        "run r12 on resnet18 at 256 px",
        "1. first\n2. second",
        "12,345 patches",
        "A1 and phone_2 and wide_resnet50_2",
    ],
)
def test_rounded_facts_and_names_pass(text: str) -> None:
    assert unsupported(text, FACTS) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("AUROC 0.997", ["0.997"]),
        ("missed 4 of 200", ["4"]),
        ("97 % sure", ["97 %"]),
        ("임계값 1.25", ["1.25"]),
        ("漏检２张", ["2"]),
        ("0.9999999", ["0.9999999"]),
        ("it missed 0", ["0"]),
        ("the best is .998", [".998"]),
        ("pixel-AUROC.997!", [".997"]),
        ("**AUROC0.97**", ["0.97"]),
        ("⁹⁷ %", ["97 %"]),
        ("ninety-nine percent", ["ninety-nine percent"]),
        ("百分之九十九", ["百分之九十九"]),
        ("구십구 퍼센트", ["구십구 퍼센트"]),
        ("\n99. percent AUROC", ["99"]),
        ("99_", ["99"]),
    ],
)
def test_invented_numbers_are_found(text: str, found: list[str]) -> None:
    assert unsupported(text, FACTS) == found


@given(st.floats(min_value=0.0, max_value=1.0), st.integers(min_value=1, max_value=6))
def test_every_rounding_of_a_fact_is_supported(fact: float, decimals: int) -> None:
    assert unsupported(f"AUROC {fact:.{decimals}f}", {fact}) == []
    assert unsupported(f"{100 * fact:.{decimals}f} %", {fact}) == []


@given(st.text(max_size=300))
def test_any_text_can_be_checked(text: str) -> None:
    unsupported(text, FACTS)


def test_a_sentence_with_an_invented_number_is_withheld_and_the_rest_is_told() -> None:
    narration = Narration(FACTS)
    shown = "".join(
        narration.feed(piece) for piece in ["It is good. The AUROC is 0.9", "99. It missed 3", " defects. Bye"]
    )
    shown += narration.finish()
    assert (
        shown == "It is good. It missed 3 defects. Bye"
        or shown.replace("  ", " ") == "It is good. It missed 3 defects. Bye"
    )
    assert narration.withheld == 1


def test_what_a_tool_returned_is_a_fact_from_then_on() -> None:
    narration = Narration(set())
    assert narration.feed("Loss 0.25. ") == ""
    narration.learn({"loss": 0.25})
    assert narration.feed("Loss 0.25. ") == " Loss 0.25."
