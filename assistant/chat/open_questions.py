"""The questions that the agent waits for: which stand open, and how each of them is answered when a person has spoken."""

from pydantic_ai import DeferredToolRequests, DeferredToolResults, ToolApproved, ToolDenied

from assistant.chat.histories import Histories
from assistant.chat.transcript import Transcript
from assistant.frames import ConfirmItem
from assistant.plans.proposals import Proposals

Given = dict[str, ToolApproved | ToolDenied]


class OpenQuestions:
    """Those of one conversation. The agent goes on only with an answer to each, so one that nobody gave is a no."""

    def __init__(self, histories: Histories, proposals: Proposals, transcript: Transcript):
        self._histories, self._proposals, self._transcript = histories, proposals, transcript

    async def tools(self) -> dict[str, str]:
        """The calls that wait, tool by call id."""
        pending = await self._pending()
        return {call.tool_call_id: call.tool_name for call in (pending.approvals if pending else [])}

    async def answer(self, given: Given) -> DeferredToolResults | None:
        """Answer by call id or by tool name; the others are denied. None when nothing that was answered is open."""
        pending = await self._pending()
        calls = pending.approvals if pending else []
        answers = {call.tool_call_id: given.get(call.tool_call_id) or given.get(call.tool_name) for call in calls}
        if pending is None or not any(answers.values()):
            return None
        return await self._close(pending, answers, otherwise="The user did not answer this.")

    async def pass_over(self) -> DeferredToolResults | None:
        """The user spoke of something else: what waits for a yes stays undone. A plan that was approved meanwhile is not."""
        pending = await self._pending()
        if pending is None:
            return None
        answers: dict[str, ToolApproved | ToolDenied | None] = {}
        for call in pending.approvals:
            proposal = pending.metadata.get(call.tool_call_id, {}).get("proposal")
            row = await self._proposals.get(proposal) if proposal else None
            is_approved = row is not None and row.state == "approved"
            answers[call.tool_call_id] = ToolApproved(override_args={"proposal": proposal}) if is_approved else None
        return await self._close(pending, answers, otherwise="Not done: the user gave no yes and wrote something else.")

    async def _pending(self) -> DeferredToolRequests | None:
        return (await self._histories.load(self._transcript.conversation)).deferred_tool_requests

    async def _close(
        self, pending: DeferredToolRequests, answers: dict[str, ToolApproved | ToolDenied | None], *, otherwise: str
    ) -> DeferredToolResults:
        """Give every open question its answer, on its card too."""
        approvals = {
            call.tool_call_id: answers.get(call.tool_call_id) or ToolDenied(otherwise) for call in pending.approvals
        }
        for key, _, item in await self._transcript.items():
            if isinstance(item, ConfirmItem) and item.state == "open" and item.call in approvals:
                given = answers.get(item.call)
                state = "passed" if given is None else "yes" if isinstance(given, ToolApproved) else "no"
                await self._transcript.update(key, state=state)
        return pending.build_results(approvals=approvals)
