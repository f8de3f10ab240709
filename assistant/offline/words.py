"""What the built-in assistant says: the tools' own words over what they returned, those of what needs no tool, and the words that all share."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from assistant.offline.talk import talk_names, talk_words
from assistant.telling import composed
from assistant.telling.terms import explained as meaning_of
from assistant.tools.words import tool_words
from engine.contract.jobs import KINDS as KINDS_OF_RUNS
from engine.contract.jobs import every_model
from prompts.as_they_stand import as_it_stands
from prompts.languages import Language
from prompts.page_texts import filled, page_texts
from prompts.reasons import reason_in
from prompts.rendering import render

OUR_MARKDOWN = ("sentences", "answer")  # of facts; all other texts are names, and what others wrote
REASONS = ("reason", "hint")  # of facts, why a run failed and what to do: stored in English
KINDS = ("refused", "error")  # of the page's texts about what did not go; the first that has a code words it


def built_in_words(say: str, language: Language, facts: dict[str, Any], *, tool: str | None = None) -> str:
    """The wording of an occasion such as `tell_plan`, or of a talk intent, in Markdown.

    `tool`: said of this tool's `result`, of what it `refused`, or of a no to its question (`declined`). Its own words go first.
    """
    texts = page_texts(language)
    ours = {name: facts[name] for name in OUR_MARKDOWN if name in facts}
    facts = facts | {name: reason_in(language, facts[name]) for name in REASONS if isinstance(facts.get(name), str)}
    facts = {**as_it_stands(facts), **ours}

    def text(key: str, otherwise: str, **values: Any) -> str:
        return filled(texts[key], values) if key in texts else otherwise

    def setting(name: str) -> str:
        return text(f"setting.{name}", name.replace("_", " "))

    def choice(name: str, value: Any) -> str:
        return text(f"choice.{name}.{value}", str(value))

    def problem(each: Mapping[str, Any]) -> str:
        """What the page says of a problem of a plan, such as those of one kind of run; its message where the page has no words."""
        return text(f"problem.{each['kind']}", each["message"], **each)

    def because(each: Mapping[str, Any]) -> str:
        """Why a setting of a plan has its value."""
        return text(f"because.{each['code']}", each["message"], **each["values"])

    def card(code: str, values: Mapping[str, Any]) -> str:
        """What the page says of a code, and what to do about it; nothing when it has no words for it."""
        kind = next((kind for kind in KINDS if f"{kind}.{code}" in texts), None)
        known = (f"{kind}.{code}{part}" for part in ("", ".hint"))
        return " ".join(_sentence(filled(texts[key], values), language) for key in known if key in texts)

    def summary(model: str, otherwise: str) -> str:
        return text(f"model.{model}.summary", otherwise)

    def meaning(term: str) -> str | None:
        """What a word of the trade or of the figures is; None where nobody explained it."""
        return meaning_of(term, language)

    def explained(name: str) -> str:
        """What a model or a setting is; nothing where it is neither."""
        own = every_model()[name].summary if name in every_model() else described().get(name, "")
        return text(f"model.{name}.summary", text(f"help.{name}", own))

    def family_name(name: str) -> str:
        return text(f"family.{name}", name)

    def gallery(task: str, which: str) -> str:
        return text(f"told.gallery.{task}.{which}", which)

    def no_gallery(task: str, which: str) -> str:
        return text(f"told.no_gallery.{task}.{which}", which)

    def told(sentences: Mapping[str, Any]) -> str:
        return composed(sentences, language)

    wording: dict[str, Any] = {"setting": setting, "choice": choice, "card": card, "told": told}
    wording |= {"because": because}
    wording |= {
        "problem": problem,
        "summary": summary,
        "meaning": meaning,
        "gallery": gallery,
        "explained": explained,
        "family_name": family_name,
        "no_gallery": no_gallery,
    }
    if say in talk_names():
        return talk_words(say, language, facts, **wording)
    own = tool_words(tool, say, language, facts, **wording) if tool is not None else ""
    return own or render(f"built_in/{language}.md.j2", say=say, facts=facts, **wording)


@cache
def described() -> Mapping[str, str]:
    """What each setting of any kind of run means, in English, as its field says it."""
    return {
        name: info.description
        for job in KINDS_OF_RUNS.values()
        for name, info in job.settings().items()
        if info.description
    }


def _sentence(text: str, language: Language) -> str:
    return text if text[-1] in ".!?。！？" else text + ("。" if language == "zh" else ".")
