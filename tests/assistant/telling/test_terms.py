"""Words are explained in three languages, each by an id that an answer can take up."""

from typing import get_args

import pytest

from assistant.telling.terms import explained, sentences_of_terms
from engine.contract.jobs import KINDS
from prompts.languages import Language

LANGUAGES: tuple[Language, ...] = get_args(Language)
ASKED = (
    "auroc",
    "overkill",
    "escape",
    "threshold",
    "balanced_accuracy",
    "confusion_matrix",
    "aupro_30",
    "interval",
    "f1",
)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("term", [*ASKED, *(KINDS[kind].headline for kind in KINDS)])
def test_a_word_is_explained_in_every_language(language: Language, term: str) -> None:
    text = explained(term, language)
    assert text is not None and len(text) > 20 and "{" not in text


def test_each_language_explains_the_same_words_each_once() -> None:
    english, korean, chinese = ([each.id for each in sentences_of_terms(language)] for language in LANGUAGES)
    assert english == korean == chinese and len(english) == len(set(english))


def test_a_word_that_nobody_explained_is_not_made_up() -> None:
    assert explained("blockchain", "en") is None
