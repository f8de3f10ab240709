"""What a tool's schema refuses, in words: the setting, the value, what is possible."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, TypeAdapter, ValidationError

from assistant.offline.words import built_in_words
from assistant.tools.unfit import refused_by_schema
from prompts.languages import LANGUAGES

REFUSED: list[tuple[Any, Any, str, tuple[str, ...]]] = [
    (Annotated[float, Field(gt=0)] | None, -1.0, "not_above", ("-1.0", "0")),
    (Annotated[float, Field(lt=1)], 2.5, "not_below", ("2.5", "1")),
    (Annotated[int, Field(ge=2)], 1, "too_small", ("1", "2")),
    (Annotated[float, Field(le=0.5)], 7, "too_large", ("7", "0.5")),
    (Annotated[int, Field(multiple_of=32)], 33, "multiple_of", ("33", "32")),
    (Literal["speed", "memory"], "beauty", "choice", ("beauty", "'speed' or 'memory'")),
    (float, "many", "number", ("many",)),
    (str, 3, "unfit", ("3",)),
]


def errors_of(type_: Any, value: Any) -> list[Any]:
    """As a call that did not go through carries them."""
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(dict[Literal["minutes"], type_]).validate_python({"minutes": value})
    return [*refused.value.errors(include_url=False, include_context=False)]


@pytest.mark.parametrize(("type_", "value", "kind", "told"), REFUSED)
def test_the_value_and_what_is_possible_are_told_in_three_languages(
    type_: Any, value: Any, kind: str, told: tuple[str, ...]
) -> None:
    refused = refused_by_schema(errors_of(type_, value))
    assert refused is not None and [each["kind"] for each in refused.values["problems"]] == [kind]
    said = {language: built_in_words("refused", language, refused.facts()) for language in LANGUAGES}
    assert len(set(said.values())) == 3
    for text in said.values():
        assert all(each in text.replace("\\", "") for each in told) and "Input should" not in text


@pytest.mark.parametrize("content", ["no such run", None, [], ["text"], {"type": "x"}])
def test_anything_else_that_went_wrong_is_no_refusal_by_a_schema(content: object) -> None:
    assert refused_by_schema(content) is None
