"""What a conversation is told when a group of its runs ends: one answer for all of them."""

from collections.abc import Sequence

from assistant.chat.parts import Parts
from assistant.chat.transcript import Transcript
from assistant.frames import AssistantItem
from assistant.groups.told import group_told
from assistant.store.tables import GroupRow
from assistant.telling.groups import words_of_group
from prompts.languages import Language


def end_key(group: str) -> str:
    """The key of what is told of a group that has ended."""
    return f"summary-{group}"


async def tell_end_of_group(parts: Parts, transcript: Transcript, group: GroupRow, language: Language) -> Sequence[str]:
    """Show how the group ended; the runs that are spoken of then, the best last. Told once, however often it is heard."""
    key = end_key(group.id)
    if await transcript.get(key) is not None:
        return []
    told = await group_told(parts.runs, group)
    await transcript.show(key, AssistantItem(text=await words_of_group(parts.runs, told, language)))
    return [each.best for each in reversed(told.verdicts) if each.best is not None]
