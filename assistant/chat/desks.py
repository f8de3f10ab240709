"""The desks at which tools work for a conversation: what they may reach from there."""

from assistant.chat.parts import Parts
from assistant.chat.plan_cards import PlanCards
from assistant.chat.transcript import Transcript
from assistant.frames import ConfirmItem, HeatmapsItem, Item, RunItem, ToolItem
from assistant.tools.desk import Desk
from prompts.languages import Language


class Desks:
    """Those of one conversation: a fresh one for each turn, in its language."""

    def __init__(self, parts: Parts, transcript: Transcript, cards: PlanCards):
        self._parts, self._transcript, self._cards = parts, transcript, cards

    def in_language(self, language: Language) -> Desk:
        parts = self._parts
        return Desk(
            settings=parts.settings,
            datasets=parts.datasets,
            proposals=parts.proposals,
            runs=parts.runs,
            conversation=self._transcript.conversation,
            language=language,
            cards=self._cards,
            show=self._transcript.show,
            spoken_of=self._spoken_of,
        )

    async def _spoken_of(self) -> list[str]:
        """The runs that this conversation showed, told of or asked for, the latest first."""
        items = sorted(await self._transcript.items(), key=lambda each: each[1], reverse=True)
        named = [_run_of(item) for _, _, item in items]
        return list(dict.fromkeys(run for run in named if run is not None))


def _run_of(item: Item) -> str | None:
    match item:
        case RunItem(run=run) | HeatmapsItem(run=run) | ToolItem(state="done", result={"run": str(run)}):
            return run
        case ConfirmItem(values={"run": str(run)}):
            return run
    return None
