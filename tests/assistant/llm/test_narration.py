"""What an LLM says is let through sentence by sentence, in time that grows with the text alone."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic_ai.messages import (
    ModelRequest,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)

from assistant.llm.grounding import Facts, facts_in, unsupported
from assistant.llm.narration import LONGEST_ANSWER, LONGEST_SENTENCE, Known, Narration, known_from

FACTS = facts_in({"image_auroc": 0.98712, "test_good": 200, "missed": 3})


def pieces(text: str, size: int) -> Iterator[str]:
    return (text[start : start + size] for start in range(0, len(text), size))


def told(text: str, *, facts: Facts = FACTS, piece: int = 1) -> tuple[str, int]:
    """What is shown of a text that comes in pieces, and how many sentences are withheld."""
    narration = Narration(Known(facts))
    shown = [narration.feed(some) for some in pieces(text, piece)]
    return "".join(shown) + narration.finish(), narration.withheld


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 1000])
def test_a_sentence_with_an_invented_figure_is_withheld_and_the_rest_is_told(piece: int) -> None:
    text = "It is good. The AUROC is 0.99999. It missed 3 defects. Seventy-nine of all. Bye"
    assert told(text, piece=piece) == ("It is good. It missed 3 defects. Bye", 2)


@pytest.mark.parametrize("piece", [1, 2, 1000])
def test_entries_of_a_list_are_counted_and_any_other_number_before_a_stop_is_a_figure(piece: int) -> None:
    counted = "1. Look at them.\n2. Add images.\n\n3) Train again.\n"
    assert told(counted, piece=piece) == (counted, 0)
    assert told("12. of all were missed.\n", piece=piece) == ("\n", 1)
    assert told("1. good\n7. of all were missed", piece=piece)[1] == 1
    assert told("It missed\n79. That is a lot.", piece=piece)[1] == 1


def test_a_number_is_never_cut_at_its_stop() -> None:
    assert told("漏检。7。9。", facts=Facts({7.0, 9.0}))[1] == 1
    assert told("It is 0.98712. Yes.")[1] == 0


def test_what_a_tool_returned_is_a_fact_from_then_on() -> None:
    narration = Narration(Known())
    assert narration.feed("Loss 0.25. ") == ""
    narration.known.learn({"loss": 0.25}, {})
    assert narration.feed("Loss 0.25. ") == " Loss 0.25."


def test_what_an_llm_asked_a_tool_is_no_fact_when_the_tool_repeats_it() -> None:
    narration = Narration(Known())
    asked = {"epochs": 4000, "title": "79 % missed", "count": 2}
    narration.known.learn({"settings": {"epochs": 4000, "seed": 0}, "title": "79 % missed", "images": [1, 1]}, asked)
    assert narration.known.facts.numbers == {0.0, 1.0, 2.0}


def test_of_a_conversation_only_tools_give_numbers_and_the_user_names() -> None:
    messages: list[Any] = [
        ModelRequest([UserPromptPart("I have 60 images of line_3, is the AUROC:0.99?")]),
        ModelResponse([TextPart("AUROC 0.79"), ToolCallPart("list_models", {"good_images": 77}, "c1")]),
        ModelRequest([ToolReturnPart("list_models", {"good": 77, "epochs": 9}, "c1")]),
        ModelResponse([ToolCallPart("propose_training", '{"image_size": 79000}', "c2")]),
        ModelRequest(
            [ToolReturnPart("propose_training", "image_size is 79000; the most is 2048", "c2", outcome="retried")]
        ),
    ]
    known = known_from(messages).facts
    assert (known.numbers, known.names) == ({9.0, 2048.0}, {"line_3"})


@pytest.mark.parametrize(
    "wish", ["at 79 px", "79 %", "is it 0.79?", "AUROC:0.79", "AUROC-79", "0.79AUROC", "79percent"]
)
def test_a_number_that_only_the_user_wrote_supports_no_figure(wish: str) -> None:
    facts = known_from([ModelRequest([UserPromptPart(wish)])]).facts
    for said in ("AUROC 0.79", "It found 79 of them", "79 %", wish):
        assert unsupported(said, facts) != []


def test_a_whole_number_of_the_user_is_a_fact_once_a_plan_holds_it() -> None:
    asked = {"image_size": 256, "overkill_rate": 0.05, "epochs": 4000}
    messages: list[Any] = [
        ModelRequest([UserPromptPart("at 256 px with 5 % (0.05) overkill")]),
        ModelResponse([ToolCallPart("list_models", {"good_images": 256}, "c1")]),
        ModelRequest([ToolReturnPart("list_models", {"good": 256}, "c1")]),
    ]
    assert known_from(messages).facts.numbers == set()
    messages += [
        ModelResponse([ToolCallPart("propose_training", asked, "c2")]),
        ModelRequest([ToolReturnPart("propose_training", {"proposal": "p", "settings": asked}, "c2")]),
    ]
    assert known_from(messages).facts.numbers == {256.0}
    assert known_from(messages).facts.shares == set()


@pytest.mark.parametrize("piece", [1, 997])
def test_a_sentence_without_an_end_is_withheld_and_the_next_one_is_told(piece: int) -> None:
    text = "word " * LONGEST_SENTENCE + ". Hello."
    assert told(text, piece=piece) == (" Hello.", 1)


def test_of_an_endless_answer_only_the_beginning_is_shown() -> None:
    shown, withheld = told("Good images. " * LONGEST_ANSWER, piece=100)
    assert LONGEST_ANSWER - 20 < len(shown) <= LONGEST_ANSWER
    assert withheld > 0


MONSTERS: dict[str, Callable[[int], str]] = {
    "words": lambda size: "word " * (size // 5),
    "one word": lambda size: "a" * size,
    "digits": lambda size: "7" * size,
    "spaced digits": lambda size: "7 " * (size // 2),
    "stops": lambda size: "." * size,
    "entities": lambda size: "&#x37;" * (size // 6),
    "brackets": lambda size: "[(<" * (size // 3),
    "stars": lambda size: "*_~" * (size // 3),
    "underscores": lambda size: "a" + "_" * size + "a",
    "marks": lambda size: "7" + "\u0336" * size,
    "numerals": lambda size: "칠" * (size // 2) + "七" * (size // 2),
    "number words": lambda size: "seven-" * (size // 6),
    "spaced letters": lambda size: "s e " * (size // 4),
    "spaces": lambda size: "7" + " " * size + "9",
    "commas": lambda size: "1,234" * (size // 5),
    "roman": lambda size: "x" * size + " " + "XI" * (size // 2),
    "percent": lambda size: "%" * size,
}


@pytest.mark.parametrize("monster", MONSTERS.values(), ids=MONSTERS)
def test_the_work_grows_with_the_text_and_not_with_its_square(monster: Callable[[int], str]) -> None:
    """Counted in characters that the narration keeps, and checked whole as an argument of a tool is."""
    narration = Narration(Known(FACTS))
    for some in pieces(monster(300_000), 50):
        narration.feed(some)
        assert len(narration._pending) <= LONGEST_SENTENCE
    narration.finish()
    unsupported(monster(100_000), FACTS)
