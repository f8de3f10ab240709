"""The agent's turns in a conversation: one at a time."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any

from pydantic_ai import Conversation as History
from pydantic_ai import DeferredToolResults

from assistant.chat.answering import Answering
from assistant.chat.desks import Desks
from assistant.chat.frame_refused import FrameRefused
from assistant.chat.parts import Parts
from assistant.chat.transcript import Transcript
from assistant.chat.turn import Turn
from assistant.machine.logs import about
from assistant.offline.said import Said
from assistant.state import State
from prompts.languages import Language

LAST_WORDS_S = 10.0


class Turns:
    """Begun, waited for and stopped here. Each gets a desk of its own, in its language."""

    def __init__(self, parts: Parts, transcript: Transcript, desks: Desks, answering: Answering):
        self._parts, self._transcript, self._desks, self._answering = parts, transcript, desks, answering
        self._turn: Turn | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def working(self) -> bool:
        """Whether an answer is being made right now."""
        return self._task is not None and not self._task.done()

    def begin(
        self,
        language: Language,
        *,
        said: Said | None = None,
        remembered: State | None = None,
        history: History | None = None,
        results: DeferredToolResults | None = None,
    ) -> None:
        """Let the agent answer what was said, with what was `remembered` and the `history` before, or go on with the answers to its questions."""
        desk = self._desks.in_language(language)
        self._turn = Turn(self._parts, self._transcript, desk, self._answering)
        taken = self._turn.take(said=said, remembered=remembered, history=history, results=results)
        with about(conversation=desk.conversation):
            self._task = asyncio.create_task(self._measured(self._turn, taken, language))

    async def _measured(self, turn: Turn, taken: Coroutine[Any, Any, None], language: Language) -> None:
        begun = time.perf_counter()
        try:
            await taken
        finally:
            self._parts.metrics.turn(
                language=language,
                provider=self._parts.provider.name,
                outcome=turn.outcome,
                seconds=time.perf_counter() - begun,
            )

    def stop(self) -> None:
        if self._turn is not None:
            self._turn.stop()

    async def finish(self) -> None:
        """Wait until the present answer is complete."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def hear_out(self) -> None:
        """The card stands there before the last words about it: a decision taken meanwhile waits a little for their end.

        Raises:
            FrameRefused: the answer takes longer than that.
        """
        if self.working and self._task is not None:
            await asyncio.wait([self._task], timeout=LAST_WORDS_S)
        self.refuse_when_busy()

    def refuse_when_busy(self) -> None:
        if self.working:
            raise FrameRefused("busy", "an answer is being made; stop it or wait until it is complete")
