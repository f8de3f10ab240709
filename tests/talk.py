"""Talking with the built-in assistant in a test: say something, wait for the answer, look at what is new."""

from assistant.chat.conversation import Conversation
from assistant.frames import AssistantItem, Item, ProposalItem, Say
from prompts.languages import Language


async def say(conversation: Conversation, text: str, language: Language = "en") -> list[Item]:
    """Say something, wait for the answer, return what is new."""
    before = [revision for _, revision, _ in await conversation.items()]
    await conversation.receive(Say(text=text), language)
    await conversation.finish()
    return [item for _, _, item in await conversation.items(after=max(before, default=0))]


async def plan_of(conversation: Conversation) -> ProposalItem:
    return next(item for _, _, item in reversed(await conversation.items()) if isinstance(item, ProposalItem))


def answers(items: list[Item]) -> str:
    return "\n".join(item.text for item in items if isinstance(item, AssistantItem))
