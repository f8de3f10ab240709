"""What a helpful LLM says between our sentences, written apart from the vocabularies: how much of it passes, which may not get less."""

import json
from pathlib import Path

import pytest

from assistant.llm.known import names_of_the_trade
from assistant.llm.own_words import are_own_words
from prompts.languages import Language

TALK = json.loads(Path(__file__).with_name("independent_talk.json").read_text(encoding="utf-8"))
REACHED: dict[Language, float] = {"en": 0.71, "ko": 0.68, "zh": 0.75}  # of 100 sentences each


@pytest.mark.parametrize(("language", "share"), [*REACHED.items()])
def test_as_much_independent_talk_passes_as_before(language: Language, share: float) -> None:
    said = TALK[language]
    passed = [text for text in said if are_own_words(text, names_of_the_trade())]
    assert len(said) == 100
    assert len(passed) / len(said) >= share


@pytest.mark.parametrize("name", ["0.97", "99 %", "found 40 of 40", "칠십구 퍼센트"])
def test_a_data_set_that_is_called_like_a_figure_is_not_said(name: str) -> None:
    assert not are_own_words(f"AUROC: {name}.", {name, "auroc"})
