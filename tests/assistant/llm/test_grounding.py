"""A figure that no fact supports is found, however it is written; one that is a rounded fact passes, and so do ordinary words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.llm.grounding import Facts, facts_in, unsupported
from benchmarks.planted_figures import FACTS as MEASURED
from benchmarks.planted_figures import LANGUAGES, honest, is_withheld, planted

FACTS = facts_in(
    {
        "image_auroc": 0.98712,
        "test_good": 200,
        "missed": 3,
        "overkill": 0.051,
        "note": "at 256 px",
        "big": 12345,
        "run": "r12",
        "dataset": "phone_2",
        "learning_rate": 1e-4,
        "delta": -0.25,
        "files": ["scratch_079.png", "lot-64/a.png"],
    }
)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_planted_figure_is_withheld(language: str) -> None:
    assert [text for text in planted(language) if not is_withheld(text)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_honest_sentence_is_shown(language: str) -> None:
    assert [text for text in honest(language) if is_withheld(text)] == []


@pytest.mark.parametrize(
    "text",
    [
        "AUROC 0.987, missed 3 of 200",
        "98.7 % of pairs",
        "약 5.1 %의 과검",
        "过检率 5.1％",
        "run r12 on resnet18 at 256 px",
        "12,345 patches",
        "phone_2 and wide_resnet50_2",
        "**r12**: a learning rate of 1e-4, which is 0.0001",
        "it changed by -0.25",
        "scratch_079.png is the worst",
    ],
)
def test_rounded_facts_and_known_names_pass(text: str) -> None:
    assert unsupported(text, FACTS) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("AUROC 0.997", "0.997"),
        ("missed 4 of 200", "4"),
        ("97 % sure", "97"),
        ("임계값 1.25", "1.25"),
        ("漏检４张", "4"),
        ("0.9999999", "0.9999999"),
        ("it missed 0", "0"),
        ("the best is .998", ".998"),
        ("pixel-AUROC.997!", "AUROC.997"),
        ("it changed by 0.25", "0.25"),
        ("2e-4", "2e-4"),
        ("9.7e-1", "9.7e-1"),
        ("A1 and r13", "r13"),
        ("79 missed", "79"),
        ("64 missed", "64"),
        ("1,2345", "1,2345"),
        ("r12%", "%"),
    ],
)
def test_invented_figures_are_found(text: str, found: str) -> None:
    assert found in unsupported(text, FACTS)


def test_the_level_of_an_interval_is_no_figure_and_supports_none() -> None:
    facts = facts_in("0.919 (95 % interval 0.84 to 0.975); 95 % 구간, 95 % 区间")
    assert facts.numbers == {0.919, 0.84, 0.975}
    assert unsupported("0.919 (95 % interval 0.84 to 0.975)", facts) == []
    assert unsupported("Recall is 95 %.", facts) == ["95"]


def test_how_many_entries_a_list_or_a_table_of_counts_has_is_a_fact_but_not_how_many_fields_a_record() -> None:
    assert facts_in({"kinds": {"line": 8, "spot": 9}, "names": ["a"] * 5, "other": None}).numbers == {
        8.0,
        9.0,
        2.0,
        5.0,
    }


@given(st.floats(min_value=0.0, max_value=1.0), st.integers(min_value=1, max_value=6))
def test_every_rounding_of_a_fact_is_supported(fact: float, decimals: int) -> None:
    assert unsupported(f"AUROC {fact:.{decimals}f}", facts_in(fact)) == []
    assert unsupported(f"{100 * fact:.{decimals}f} %", facts_in(fact)) == []


def test_a_count_is_no_share() -> None:
    assert unsupported("100 %", facts_in({"missed": 1})) == ["100"]
    assert unsupported("40 %", facts_in({"defective": 40})) == ["40"]
    assert unsupported("100 %, as you said", facts_in({"recall": 1.0})) == []


@given(st.floats(min_value=0.001, max_value=0.999), st.sampled_from(["{:.2e}", "{:.1e}"]))
def test_scientific_notation_is_held_to_its_own_decimals(number: float, form: str) -> None:
    written = form.format(number)
    assert unsupported(written, Facts({float(written)})) == []
    assert unsupported(written, Facts({float(written) * 1.3})) != []


@given(st.text(max_size=300))
def test_any_text_can_be_checked(text: str) -> None:
    unsupported(text, MEASURED)
