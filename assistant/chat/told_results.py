"""What a tool returned, told in our words as one sentence, where the tool itself gives none: an LLM can say nothing else of it."""

from typing import Any

from pydantic_ai import RunContext
from pydantic_ai.capabilities import Hooks
from pydantic_ai.messages import ToolCallPart

from assistant.offline.words import built_in_words
from assistant.tools.desk import Desk


def told_results() -> Hooks[Any]:
    """What gives every result of a tool its `sentences`: `<tool>.told` where it has none of its own."""

    def after_tool_execute(ctx: RunContext[Desk], /, *, call: ToolCallPart, result: Any, **_: Any) -> Any:
        if not isinstance(result, dict) or "sentences" in result:
            return result
        text = built_in_words("result", ctx.deps.language, result, tool=call.tool_name)
        sentence = {"id": f"{call.tool_name}.told", "text": text}
        return {**result, "sentences": [sentence], "answer": [[sentence["id"]]]} if text else result

    return Hooks(after_tool_execute=after_tool_execute)
