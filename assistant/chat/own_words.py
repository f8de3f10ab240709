"""What we say in a conversation ourselves, beside the agent's answers: our own words, and errors."""

import secrets
from collections.abc import Mapping
from typing import Any

from assistant.chat.transcript import Transcript
from assistant.data.datasets import DatasetError
from assistant.frames import AssistantItem, ErrorItem
from assistant.offline.words import built_in_words
from prompts.languages import Language


class OwnWords:
    """Said in one conversation."""

    def __init__(self, transcript: Transcript):
        self._transcript = transcript

    async def say(self, occasion: str, language: Language, facts: dict[str, Any], *, tool: str | None = None) -> None:
        """The wording of an occasion, as `built_in_words` takes it."""
        item = AssistantItem(text=built_in_words(occasion, language, facts, tool=tool), can_be_said=True)
        await self._transcript.show(f"said-{new_key()}", item)

    async def error(self, code: str, message: str, hint: str, values: Mapping[str, Any] | None = None) -> None:
        item = ErrorItem(code=code, message=message, hint=hint, values=dict(values or {}))
        await self._transcript.show(f"error-{new_key()}", item)

    async def dataset_error(self, error: DatasetError) -> None:
        await self.error(error.code, error.message, error.hint, error.values)


def new_key() -> str:
    return secrets.token_hex(6)
