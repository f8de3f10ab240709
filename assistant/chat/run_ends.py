"""What a conversation is told when one of its runs ends: its summary, the images to look at and what it offers to do next, or why there is none."""

import asyncio

from assistant.chat.memory import Memory
from assistant.chat.parts import Parts
from assistant.chat.tool_cards import show_offers
from assistant.chat.transcript import Transcript
from assistant.frames import AssistantItem
from assistant.kinds import kind_of
from assistant.offline.words import built_in_words
from assistant.runs.continuing import what_is_left
from assistant.runs.results import NoResults
from assistant.state import with_images
from assistant.store.tables import RunRow
from assistant.tools.desk import possible
from prompts.languages import Language

SHOWN_HEATMAPS = 8


async def tell_end(parts: Parts, transcript: Transcript, memory: Memory, run: RunRow, language: Language) -> bool:
    """Show how the run ended; whether it was told now. Told once, however often it is heard."""
    key = summary_key(run.id)
    if await transcript.get(key) is not None:
        return False
    await _tell(parts, transcript, memory, run, language, key)
    return True


def summary_key(run: str) -> str:
    """The key of what is told of a run that has ended."""
    return f"summary-{run}"


async def _tell(
    parts: Parts, transcript: Transcript, memory: Memory, run: RunRow, language: Language, key: str
) -> None:
    if run.state != "succeeded":
        await transcript.show(key, AssistantItem(text=await _in_words(parts, run, language)))
        return
    try:
        summary = await parts.summary(run, language)
        gallery = kind_of(run.kind).gallery
        item = await asyncio.to_thread(gallery, run, parts.runs.folder_of(run), count=SHOWN_HEATMAPS)
    except NoResults as error:
        facts = {"code": "no_results", "message": str(error), **error.values}
        await transcript.show(key, AssistantItem(text=built_in_words("refused", language, facts)))
        return
    text = summary.text
    if run.stop_requested:
        text = f"{await _in_words(parts, run, language)}\n\n{text}"
    await transcript.show(key, AssistantItem(text=text))
    if item.images:
        await transcript.show(f"heatmaps-{run.id}", item)
        names = [image.name for image in item.images]
        await memory.change(lambda state: with_images(state, names))
    if offers := possible(summary.offers):
        await show_offers(transcript, memory, f"offers-{run.id}", offers)


async def _in_words(parts: Parts, run: RunRow, language: Language) -> str:
    rest = await what_is_left(parts.runs, run)
    facts = {"run": run.id, "state": run.state, "reason": run.reason, "hint": run.hint, "rest": rest}
    return built_in_words("run_ended", language, facts)
