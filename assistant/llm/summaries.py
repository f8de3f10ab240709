"""A finished run in an LLM's words, when every number in them holds, else in our own (assistant/telling)."""

from typing import Any

from pydantic_ai import Agent
from pydantic_ai.models import Model

from assistant.llm.grounding import facts_in
from assistant.llm.narration import Known, Narration
from prompts.languages import Language
from prompts.rendering import render

LANGUAGE_NAMES: dict[Language, str] = {"en": "English", "ko": "Korean", "zh": "Simplified Chinese"}


async def summarize(facts: dict[str, Any], own: str, language: Language, model: Model) -> str:
    """The summary of a run: the LLM's wording when each of its figures is a fact, else our `own`.

    Raises:
        pydantic_ai.exceptions.AgentRunError: the LLM did not answer; the caller may fall back on `own`.
    """
    prompt = render(f"summary/{facts['task']}/prompt.md.j2", facts=facts, own=own, language=LANGUAGE_NAMES[language])
    answer = (await Agent(model, output_type=str).run(prompt)).output
    narration = Narration(Known(facts_in(facts) | facts_in(own)))
    told = (narration.feed(answer) + narration.finish()).strip()
    return own if narration.withheld or not told else told
