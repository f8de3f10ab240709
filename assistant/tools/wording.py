"""The words of page and terminal in one language: those they share with the assistant, and those of the tools."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from assistant.kinds import kind_of_model
from assistant.tools.words import tool_texts
from engine.contract.jobs import KINDS
from prompts.languages import LANGUAGES, Language
from prompts.page_texts import Text, filled, page_texts


class Wording:
    """`wording(key, name=value)` gives the text of a key in one language."""

    def __init__(self, language: Language):
        self.language = language
        self.texts: dict[str, Text] = {**page_texts(language), **tool_texts(language)}

    def __call__(self, key: str, **values: Any) -> str:
        return filled(self.texts[key], values)

    def coded(self, kind: str, code: str, values: Mapping[str, Any], message: str) -> str:
        """The wording of `kind.code`; the English `message` when there is none, or when a value that it needs is missing."""
        try:
            return self(f"{kind}.{code}", **values)
        except KeyError:
            return message

    def setting_help(self, name: str, description: str, model: str = "") -> str:
        """What a setting means (of this model, or its kind of run, where these differ); in English the description of its field."""
        of_kind = self.coded("help", f"{kind_of_model(model)}.{name}", {}, self.coded("help", name, {}, description))
        return self.coded("help", f"{model}.{name}", {}, of_kind)

    def choice(self, name: str, value: Any) -> str:
        """One of a setting's choices as the page says it, yes and no; a value that is no choice as it stands."""
        return self.coded("choice", f"{name}.{value}", {}, self.coded("choice", str(value), {}, str(value)))

    def subject(self, arguments: Mapping[str, Any]) -> str:
        """What a tool was called for: the run, else the data set, else the model by the name that people know."""
        model = str(arguments.get("model") or "")
        kind = kind_of_model(model)
        title = KINDS[kind].models()[model].title if kind else model
        return str(arguments.get("run") or arguments.get("dataset") or title)

    def model_summary(self, name: str, summary: str) -> str:
        """What a model does; in English that is the summary of its Params."""
        return self.coded("model", f"{name}.summary", {}, summary)


@cache
def wording(language: str) -> Wording:
    return Wording(next((each for each in LANGUAGES if each == language), "en"))
