"""The questions that the agent waits for: which stand open, and how each of them is answered when a person has spoken."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from pydantic_ai import Conversation as History
from pydantic_ai import DeferredToolRequests, DeferredToolResults, ToolApproved, ToolDenied, ToolReturn

from assistant.chat.histories import Histories
from assistant.chat.transcript import Transcript
from assistant.frames import ConfirmItem

# A yes lets the tool do what it asked for. A result says that a person's own act did it: then the tool does nothing any more.
Given = ToolApproved | ToolDenied | ToolReturn[Any]


class OpenQuestions:
    """Those of one conversation. The agent goes on only with an answer to each, so one that nobody gave is a no.

    `what_started` tells of the run of a plan that a person approved, and gives None for any other.
    """

    def __init__(
        self,
        histories: Histories,
        transcript: Transcript,
        what_started: Callable[[str], Awaitable[dict[str, Any] | None]],
    ):
        self._histories, self._transcript, self._what_started = histories, transcript, what_started

    async def tools(self, history: History | None = None) -> dict[str, str]:
        """The calls that wait, tool by call id; in this history, or in that of now."""
        pending = await self._pending(history)
        return {call.tool_call_id: call.tool_name for call in (pending.approvals if pending else [])}

    async def answer(self, given: Mapping[str, Given]) -> DeferredToolResults | None:
        """Answer by call id or by tool name; the others are denied. None when nothing that was answered is open."""
        pending = await self._pending()
        calls = pending.approvals if pending else []
        answers = {call.tool_call_id: given.get(call.tool_call_id) or given.get(call.tool_name) for call in calls}
        if pending is None or not any(answers.values()):
            return None
        return await self._close(pending, answers, otherwise="The user did not answer this.")

    async def pass_over(self, history: History | None = None) -> DeferredToolResults | None:
        """The user spoke of something else: what waits for a yes stays undone. A plan that was approved meanwhile is not."""
        pending = await self._pending(history)
        if pending is None:
            return None
        answers: dict[str, Given | None] = {}
        for call in pending.approvals:
            proposal = pending.metadata.get(call.tool_call_id, {}).get("proposal")
            started = await self._what_started(proposal) if proposal else None
            answers[call.tool_call_id] = ToolReturn(started) if started is not None else None
        return await self._close(pending, answers, otherwise="Not done: the user gave no yes and wrote something else.")

    async def _pending(self, history: History | None = None) -> DeferredToolRequests | None:
        history = history or await self._histories.load(self._transcript.conversation)
        return history.deferred_tool_requests

    async def _close(
        self, pending: DeferredToolRequests, answers: Mapping[str, Given | None], *, otherwise: str
    ) -> DeferredToolResults:
        """Give every open question its answer, on its card too."""
        results = DeferredToolResults()
        for call in pending.approvals:
            given = answers.get(call.tool_call_id) or ToolDenied(otherwise)
            if isinstance(given, ToolReturn):
                results.calls[call.tool_call_id] = given
            else:
                results.approvals[call.tool_call_id] = given
                results.metadata[call.tool_call_id] = pending.metadata.get(call.tool_call_id, {})  # the question
        for key, _, item in await self._transcript.items():
            if (
                isinstance(item, ConfirmItem)
                and item.state == "open"
                and item.call in {*results.calls, *results.approvals}
            ):
                answer = answers.get(item.call)
                state = "passed" if answer is None else "no" if isinstance(answer, ToolDenied) else "yes"
                await self._transcript.update(key, state=state)
        return results
