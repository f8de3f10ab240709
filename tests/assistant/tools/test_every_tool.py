"""What holds for every tool of the folder, whichever there are: it is described, worded, and understood by its own examples."""

import json
from typing import Any, get_args

import pytest

from assistant import tools
from assistant.offline.arguments import readers
from assistant.offline.examples import Example, examples_of, registered_for
from assistant.offline.understand import understand
from assistant.offline.values import WISH
from assistant.offline.words import built_in_words
from assistant.state import Request
from assistant.tools.loading import load_tools
from assistant.tools.words import tool_texts
from prompts.languages import Language
from tests.codes import codes_of
from tests.figures_told import figures_without_fact

NAMES = tools.tool_names()
LANGUAGES: tuple[Language, ...] = get_args(Language)
OF_TOOL = {name: list(examples_of(tools.FOLDER / name)) for name in NAMES}
FEW = 3  # of the dozen sentences that a tool of few examples is tried with
EVERY = 6  # of the examples that are tried
FEWEST = 4  # sentences in each language
RAW = "what an LLM is told"


def told(name: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = json.loads((tools.FOLDER / name / "told.json").read_text("utf-8"))
    return found


def refused_by(name: str) -> set[str]:
    """The codes with which a tool refuses, or asks back."""
    return codes_of("refuse", tools.FOLDER / name) | codes_of("ask", tools.FOLDER / name)


@pytest.mark.parametrize("tool", load_tools(), ids=lambda tool: tool.name)
def test_a_tool_and_each_of_its_arguments_is_described(tool: Any) -> None:
    assert tool.description
    arguments = tool.function_schema.json_schema["properties"]
    assert [name for name, told in arguments.items() if not told.get("description")] == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_understood_as_what_it_asks_for(name: str, language: Language) -> None:
    said = [each for each in OF_TOOL[name] if each.language == language][::EVERY]
    heard = {
        each.text: understand(each.text, datasets=registered_for(each), language=language).requests for each in said
    }
    wrong = [each.text for each in said if [request.tool for request in heard[each.text]] != [name]]
    assert len(wrong) <= 1 + 0.06 * len(said), wrong
    incomplete = [each.text for each in said if each.text not in wrong and not _is_all_of(each, heard[each.text][0])]
    assert len(wrong) + len(incomplete) <= max(0.18 * len(said), FEW), incomplete


def _is_all_of(said: Example, request: Request) -> bool:
    """Whether all arguments are those that the example states; a wish changes something."""
    stated = {name: value for name, value in said.arguments.items() if name != WISH}
    if WISH in said.arguments:
        return len(request.arguments) > len(stated)
    return {name: _in_order(value) for name, value in request.arguments.items()} == {
        name: _in_order(value) for name, value in stated.items()
    }


def _in_order(value: Any) -> Any:
    return sorted(value) if isinstance(value, list) else value


@pytest.mark.parametrize("name", [name for name in NAMES if not tools.traits(name).plans])
def test_each_argument_of_a_tool_is_read_off_a_sentence_or_said_not_to_be(name: str) -> None:
    assert list(readers(name)) == list(tools.schema_of(name))


def test_an_argument_that_nothing_reads_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant.offline.arguments.schema_of", lambda name: {"colour": {"type": "string"}})
    readers.cache_clear()
    with pytest.raises(LookupError, match="nothing reads 'colour'"):
        readers("stop_run")
    readers.cache_clear()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_a_tool_has_examples_in_every_language(name: str, language: Language) -> None:
    assert sum(each.language == language for each in OF_TOOL[name]) >= FEWEST


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_what_a_tool_returns_is_told_in_every_language_and_each_number_is_a_fact(name: str, language: Language) -> None:
    assert told(name)["result"]
    for facts in told(name)["result"]:
        text = built_in_words("result", language, facts, tool=name)
        assert len(text) > 3
        assert "None" not in text
        assert figures_without_fact(text, facts, also=(1.0,)) == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_what_a_tool_refuses_is_said_to_people_in_every_language(name: str, language: Language) -> None:
    of_the_desk = {"code": "unknown_run", "run": "r9"}
    for refusal in [*told(name).get("refused", []), of_the_desk]:
        text = built_in_words("refused", language, {"message": RAW, **refusal}, tool=name)
        assert len(text) > 3
        assert RAW not in text
        assert not any(each in text for each in NAMES)


@pytest.mark.parametrize("language", ["ko", "zh"])
@pytest.mark.parametrize("name", NAMES)
def test_every_refusal_in_a_tools_code_has_words(name: str, language: Language) -> None:
    """Its own, tried with the values it has, or those of the words that all share."""
    tried = {refusal["code"] for refusal in told(name).get("refused", [])}
    for code in refused_by(name) - tried:
        values: dict[str, Any] = {
            "code": code,
            "message": RAW,
            "run": "r9",
            "state": "running",
            "reason": "why",
            "hint": "what",
        }
        values |= {"problems": []} if code == "settings" else {}
        assert RAW not in built_in_words("refused", language, values, tool=name), code


@pytest.mark.parametrize("name", NAMES)
def test_a_tool_that_refuses_with_words_of_its_own_is_tried_with_each(name: str) -> None:
    template = (tools.FOLDER / name / "en.md.j2").read_text("utf-8")
    tried = {refusal["code"] for refusal in told(name).get("refused", [])}
    own = {code for code in refused_by(name) if f'code == "{code}"' in template}
    assert own == tried


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_the_page_has_words_for_a_tool(name: str, language: Language) -> None:
    texts = tool_texts(language)
    assert {f"tool.{name}.running", f"tool.{name}.done"} <= texts.keys()
    asks = [key for key in texts if key.startswith(f"tool.{name}.asks")]
    assert bool(asks) == (tools.traits(name).asks_on == "card")


def test_one_tool_starts_a_plan() -> None:
    assert tools.traits(tools.starter()).asks_on == "plan"


def test_a_tool_that_looks_first_names_a_tool() -> None:
    assert {tools.traits(name).looks_first for name in NAMES} - {None} <= set(NAMES)


def test_a_tool_that_nobody_made_is_like_most() -> None:
    assert tools.traits("made_up") == tools.Traits()
