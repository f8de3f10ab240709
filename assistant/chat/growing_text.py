"""The words of an answer while they are written: shown as they grow, complete at their end."""

from assistant.chat.decisions import LLM_WORDS
from assistant.chat.transcript import Transcript
from assistant.frames import AssistantItem
from assistant.llm.narration import Narration
from assistant.llm.reading import shows_nothing
from assistant.offline.words import built_in_words
from prompts.languages import Language


class GrowingText:
    """The texts of one turn, one after the other.

    `narration` lets through of an LLM's answer what may be shown; None: the words are our own, rendered from facts, and what stands
    between asterisks can be said by pressing it. `own_words` is our wording of a result that was asked for, which stands where nothing
    of an LLM's may.
    """

    def __init__(self, transcript: Transcript, turn: str, language: Language, narration: Narration | None):
        self._transcript, self._turn, self._language, self._narration = transcript, turn, language, narration
        self._key, self._text, self._texts = "", "", 0
        self.own_words: str | None = None

    async def begin(self, text: str) -> None:
        self._texts += 1
        self._key, self._text = f"{LLM_WORDS}{self._turn}-{self._texts}", ""
        await self.add(text)

    async def add(self, text: str) -> None:
        await self._put(self._narration.feed(text) if self._narration is not None else text)

    async def end(self, state: str = "done") -> None:
        """The text is complete (or cut off)."""
        if not self._key:
            return
        is_whole = True
        if self._narration is not None:
            await self._put(self._narration.finish())
            if self._narration.withheld:
                self._text = self._text.strip() or self.own_words or built_in_words("withheld", self._language, {})
                self._narration.withheld = 0
                is_whole = False
        if self._text:
            shown = {"text": self._text.strip(), "state": state, "withheld": not is_whole}
            item = AssistantItem.model_validate({**shown, "can_be_said": self._narration is None})
            await self._transcript.show(self._key, item)
        self._key, self._text = "", ""

    async def _put(self, text: str) -> None:
        if not text or (not self._text and shows_nothing(text)):
            return
        if self._narration is None:  # our own words come whole: they are shown at their end
            self._text += text
            return
        if not self._text:
            self._text = text.lstrip()
            await self._transcript.show(self._key, AssistantItem(text=self._text, state="streaming"))
        else:
            self._text += text
            self._transcript.add_text(self._key, text)
