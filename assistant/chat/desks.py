"""The desks at which tools work for a conversation: what they may reach from there."""

from assistant.chat.memory import Memory
from assistant.chat.parts import Parts
from assistant.chat.plan_cards import PlanCards
from assistant.chat.transcript import Transcript
from assistant.tools.desk import Desk
from prompts.languages import Language


class Desks:
    """Those of one conversation: a fresh one for each turn, in its language."""

    def __init__(self, parts: Parts, transcript: Transcript, memory: Memory, cards: PlanCards):
        self._parts, self._transcript, self._memory, self._cards = parts, transcript, memory, cards

    def in_language(self, language: Language) -> Desk:
        parts = self._parts
        return Desk(
            settings=parts.settings,
            datasets=parts.datasets,
            proposals=parts.proposals,
            runs=parts.runs,
            attempts=parts.attempts,
            groups=parts.groups,
            models=parts.models,
            predictions=parts.predictions,
            conversation=self._transcript.conversation,
            language=language,
            cards=self._cards,
            show=self._transcript.show,
            memory=self._memory,
        )
