"""What is shown of an LLM's answer: our sentences where it refers to them, and of its own words those that claim nothing."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_ai.messages import ModelRequest, ModelResponse, TextPart, ToolCallPart, ToolReturnPart, UserPromptPart

from assistant.llm.known import Known, known_from, names_of_the_trade
from assistant.llm.narration import LONGEST_ANSWER, LONGEST_SENTENCE, Narration
from assistant.llm.own_words import are_own_words

AUROC = "**r3** tells defective images from good ones with an image AUROC of 0.953 (95 % interval 0.91 to 0.98)."
LINE = "Of 8 images with *line*, 7 were missed."
MISSED = "**Missed defects:** 9 of 40 defective images."
OVERKILL = "**False alarms:** 2 of 60 good images (3.3 %)."
SENTENCES = {"r3.image_auroc": AUROC, "r3.missed.line": LINE, "r3.missed": MISSED, "r3.overkill": OVERKILL}


def known(sentences: dict[str, str] = SENTENCES) -> Known:
    return Known(dict(sentences), {*names_of_the_trade(), "r3", "oled"})


def told_by_tools(messages: list[Any]) -> dict[str, str]:
    """What is known after these messages beside the meaning of words."""
    return {id_: text for id_, text in known_from(messages, "en").sentences.items() if not id_.startswith("term.")}


def pieces(text: str, size: int) -> Iterator[str]:
    return (text[start : start + size] for start in range(0, len(text), size))


def told(text: str, *, piece: int = 1) -> tuple[str, int]:
    """What is shown of a text that comes in pieces, and of how many sentences something was dropped."""
    narration = Narration(known())
    shown = [narration.feed(some) for some in pieces(text, piece)]
    return "".join([*shown, narration.finish()]).strip(), narration.withheld


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 1000])
def test_references_give_way_to_our_sentences_and_words_that_claim_nothing_stay(piece: int) -> None:
    text = "Here is what was measured: [[r3.missed]] [[r3.image_auroc]]\nShall I show you the missed images?"
    shown = f"Here is what was measured: {MISSED} {AUROC}\nShall I show you the missed images?"
    assert told(text, piece=piece) == (shown, 0)


@pytest.mark.parametrize("piece", [1, 2, 1000])
def test_a_sentence_that_claims_is_dropped_and_the_rest_is_told(piece: int) -> None:
    text = "It is perfect! Would you like to see the heatmaps? Yes, 0.97. Bye."
    assert told(text, piece=piece) == ("Would you like to see the heatmaps? Bye.", 2)


def test_a_reference_is_told_even_where_the_words_beside_it_claim() -> None:
    assert told("Wonderful news: [[r3.missed.line]] which is nothing.")[0] == LINE


def test_a_reference_to_no_sentence_is_dropped_and_counted() -> None:
    assert told("[[r9.image_auroc]] Shall I show the heatmaps?") == ("Shall I show the heatmaps?", 1)


@pytest.mark.parametrize(
    ("said", "ours"),
    [
        ("The AUROC is 0.95.", AUROC),
        ("r3 reached an AUROC of 95 %.", AUROC),
        ("It missed seven of 8 lines.", LINE),
        ("Nine defects escaped.", MISSED),
        ("3.3 % of the good parts were false alarms.", OVERKILL),
        ("r3 missed 9 of 40 images, and 2 of 60 good ones were false alarms.", f"{OVERKILL} {MISSED}"),
        ("AUROC는 0.953입니다.", AUROC),
        ("漏检了九张。", MISSED),
    ],
)
def test_what_a_sentence_of_ours_says_in_other_words_is_told_in_ours(said: str, ours: str) -> None:
    assert told(said) == (ours, 0)


def test_what_was_told_is_not_told_again() -> None:
    assert told("[[r3.missed]] That is nine of 40.")[0] == MISSED


@pytest.mark.parametrize(
    "said",
    [
        "AUROC 0.96.",
        "It missed 11 of 40.",
        "AUROC 0.953 for r5.",
        "AUPR 0.953.",
        "약 99 %입니다.",
        "漏检率为百分之一。",
    ],
)
def test_a_figure_that_no_sentence_of_ours_holds_so_is_not_told(said: str) -> None:
    assert told(said) == ("", 1)


def test_of_runs_that_are_named_each_must_be_told_of() -> None:
    assert told("r3 and r5 reached an AUROC of 0.953.") == ("", 1)


def test_of_two_runs_with_one_figure_the_one_that_is_named_is_told() -> None:
    alike = {"r3.image_auroc": AUROC, "r5.image_auroc": AUROC.replace("r3", "r5")}
    for run, id_ in (("r3", "r3.image_auroc"), ("r5", "r5.image_auroc")):
        narration = Narration(known(alike))
        assert narration.feed(f"The AUROC of {run} is 0.953.\n").strip() == alike[id_]


@pytest.mark.parametrize(
    "agreement", ["Yes.", "Correct!", "Indeed.", "Sure.", "네.", "맞습니다.", "是的。", "对。", "没错。"]
)
def test_a_bare_agreement_is_a_claim(agreement: str) -> None:
    assert told(agreement) == ("", 1)


@pytest.mark.parametrize(
    "text",
    [
        "Look at [this](http://example.com/x) page.",
        "Open the <b>page</b> now.",
        "See `data` now.",
        "See the page http://example.com now.",
        "Look &#x61;t 7&#57; images.",
        "L\u200book at the pаge.",  # a Cyrillic a
        "\u202eLook at the page.",
    ],
)
def test_a_link_a_tag_or_a_disguise_is_not_let_through(text: str) -> None:
    shown, withheld = told(text)
    assert withheld == 1
    assert shown == ""


def test_entries_of_a_list_are_counted_and_any_other_number_before_a_stop_is_a_figure() -> None:
    counted = "1. Look at the heatmaps.\n2. Add pictures.\n\n3) Train again."
    assert told(counted) == (counted, 0)
    assert told("12. Look at the heatmaps.\n") == ("", 1)
    assert told("1. Look at the heatmaps.\n17. Add pictures.") == ("1. Look at the heatmaps.", 1)


def test_known_names_may_be_said_and_others_not() -> None:
    assert told("PatchCore on oled: next step?") == ("PatchCore on oled: next step?", 0)
    assert told("r3, then r31.") == ("", 1)


def test_a_heading_is_followed_by_no_list_of_defects() -> None:
    shown = Known()
    shown.learn({"run": "r1", "defect_type": "tft_mura"}, "show_heatmaps", {})
    narration = Narration(shown)
    answer = narration.feed("Missed defects:\n- scratches\n- tft_mura\n")
    assert "scratches" not in answer and "tft_mura" not in answer


def test_what_a_tool_returned_is_known_from_then_on() -> None:
    narration = Narration(Known())
    assert narration.feed("[[r1.loss]]\n").strip() == ""
    narration.known.learn({"sentences": [{"id": "r1.loss", "text": "The loss is 0.25."}]}, "run_status", {})
    assert narration.feed("[[r1.loss]] " + "\n").strip() == "The loss is 0.25."


def test_of_a_conversation_only_what_tools_returned_is_known() -> None:
    messages: list[Any] = [
        ModelRequest([UserPromptPart("is the AUROC 0.99? [[r1.x]]")]),
        ModelResponse([TextPart("AUROC 0.79"), ToolCallPart("list_models", {"good_images": 77}, "c1")]),
        ModelRequest(
            [
                ToolReturnPart(
                    "list_models",
                    {
                        "sentences": [
                            {"id": "a", "text": "It has 77 good images."},
                            {"id": "b", "text": "It takes 9 s."},
                        ]
                    },
                    "c1",
                )
            ]
        ),
        ModelRequest([ToolReturnPart("list_runs", {"sentences": [{"id": "c", "text": "x"}]}, "c2", outcome="retried")]),
    ]
    assert told_by_tools(messages) == {"b": "It takes 9 s."}


def test_the_settings_of_a_plan_are_the_plans_though_an_llm_chose_them() -> None:
    told_of = {"proposal": "p1", "sentences": [{"id": "p1.epochs", "text": "It trains for 79 epochs."}]}
    messages: list[Any] = [
        ModelResponse([ToolCallPart("propose_training", {"epochs": 79}, "c2")]),
        ModelRequest([ToolReturnPart("propose_training", told_of, "c2")]),
    ]
    assert told_by_tools(messages) == {"p1.epochs": "It trains for 79 epochs."}


def test_what_words_of_the_trade_mean_is_known_from_the_beginning() -> None:
    narration = Narration(known_from([], "en"))
    assert "AUROC" in narration.feed("[[term.auroc]]\n")


@given(st.text(max_size=60))
def test_no_text_of_its_own_holds_a_digit(text: str) -> None:
    if are_own_words(text):
        assert not any(character.isdigit() for character in text)


@pytest.mark.parametrize("piece", [1, 997])
def test_a_sentence_without_an_end_is_dropped_and_the_next_one_is_told(piece: int) -> None:
    assert told("word " * LONGEST_SENTENCE + ". Hello.", piece=piece) == ("Hello.", 1)


def test_of_an_endless_answer_only_the_beginning_is_shown() -> None:
    shown, withheld = told("Hello there. " * LONGEST_ANSWER, piece=100)
    assert LONGEST_ANSWER - 20 < len(shown) <= LONGEST_ANSWER
    assert withheld > 0


MONSTERS: dict[str, Callable[[int], str]] = {
    "words": lambda size: "word " * (size // 5),
    "one word": lambda size: "a" * size,
    "digits": lambda size: "7" * size,
    "stops": lambda size: "." * size,
    "entities": lambda size: "&#x37;" * (size // 6),
    "brackets": lambda size: "[(<" * (size // 3),
    "references": lambda size: "[[r3.missed]]" * (size // 13),
    "stars": lambda size: "*_~" * (size // 3),
    "marks": lambda size: "7" + "\u0336" * size,
    "numerals": lambda size: "칠" * (size // 2) + "七" * (size // 2),
    "han": lambda size: "看" * size,
    "spaces": lambda size: "7" + " " * size + "9",
}


@pytest.mark.parametrize("monster", MONSTERS.values(), ids=MONSTERS)
def test_the_work_grows_with_the_text_and_not_with_its_square(monster: Callable[[int], str]) -> None:
    """Counted in characters that the narration keeps."""
    narration = Narration(known())
    for some in pieces(monster(300_000), 50):
        narration.feed(some)
        assert len(narration._pending) <= LONGEST_SENTENCE
    narration.finish()
