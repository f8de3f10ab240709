"""Which conversation the calls of a session stand in: one of its own, or one that it names."""

import asyncio
from dataclasses import dataclass

from assistant.chat.conversation import Conversation
from assistant.settings import Settings
from assistant.workspace import Workspace
from prompts.languages import Language

LONGEST_NAME = 60
EVERYWHERE = ("0.0.0.0", "::")  # addresses to listen on, which nobody can open


@dataclass(frozen=True)
class Session:
    """Who calls: `id` is the same for all calls of one session, `client` what the program calls itself."""

    id: str
    client: str = ""
    conversation: str | None = None  # the one that it names
    language: Language = "en"


class Rooms:
    """Those of one server. A conversation is made when a session calls its first tool."""

    def __init__(self, workspace: Workspace):
        self._workspace = workspace
        self._of: dict[str, str] = {}  # conversation by session
        self._making = asyncio.Lock()

    async def room(self, session: Session) -> Conversation:
        """The conversation of this session.

        Raises:
            LookupError: it names one that is not there.
        """
        conversations = self._workspace.conversations
        if session.conversation is not None:
            return await conversations.get(session.conversation)
        async with self._making:
            if session.id not in self._of:
                made = await conversations.create(session.language)
                await conversations.rename(made.id, session.client.replace("\0", "")[:LONGEST_NAME])
                self._of[session.id] = made.id
        try:
            return await conversations.get(self._of[session.id])
        except LookupError:  # somebody deleted it: the next call begins another
            del self._of[session.id]
            raise


def address_of(settings: Settings) -> str:
    """Where the server of this installation is, as its settings say it."""
    host = "localhost" if settings.host in EVERYWHERE else settings.host
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"
