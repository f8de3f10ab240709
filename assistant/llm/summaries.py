"""A finished run as an LLM puts it together from our sentences, or as we do ourselves (assistant/telling)."""

from collections.abc import Sequence

from pydantic_ai import Agent
from pydantic_ai.models import Model

from assistant.llm.known import Known, names_of_the_trade
from assistant.llm.narration import Narration
from assistant.telling import Sentence
from prompts.languages import Language
from prompts.rendering import render

LANGUAGE_NAMES: dict[Language, str] = {"en": "English", "ko": "Korean", "zh": "Simplified Chinese"}


async def summarize(sentences: Sequence[Sentence], own: str, language: Language, model: Model) -> str:
    """The summary of a run: those of our sentences that the LLM chose, in its order and with its words between them; where it chose
    none, our `own`.

    Raises:
        pydantic_ai.exceptions.AgentRunError: the LLM did not answer; the caller may fall back on `own`.
    """
    given = [{"id": each.id, "text": each.text} for each in sentences]
    prompt = render("summary.md.j2", sentences=given, own=own, language=LANGUAGE_NAMES[language])
    answer = (await Agent(model, output_type=str).run(prompt)).output
    narration = Narration(Known({each.id: each.text for each in sentences}, set(names_of_the_trade())))
    told = (narration.feed(answer) + narration.finish()).strip()
    return told if any(each.text in told for each in sentences) else own
