"""Names that an LLM's server makes up in its protocol: ids are no words, so they cannot be masked in one place and stay whole in another.

One that holds a secret is replaced by one of our own before anything else sees it: the history, the cards and the open questions then
speak of the same call, and none of them stores the secret.
"""

import secrets
from dataclasses import fields, replace
from typing import Any

from pydantic_ai import ModelResponse, RunContext
from pydantic_ai.capabilities import Hooks

from assistant.machine.masking import Mask

MADE_UP = ("tool_call_id", "tool_name", "id", "provider_response_id", "model_name")


def own_ids(mask: Mask) -> Hooks[Any]:
    """What gives every answer of an LLM ids without a secret."""

    def after_model_request(_: RunContext[Any], /, *, response: ModelResponse, **__: Any) -> ModelResponse:
        parts = [_without_secrets(part, mask) for part in response.parts]
        whole: ModelResponse = _without_secrets(response, mask)
        return replace(whole, parts=parts)

    return Hooks(after_model_request=after_model_request)


def _without_secrets(named: Any, mask: Mask) -> Any:
    written = {field.name: getattr(named, field.name) for field in fields(named) if field.name in MADE_UP}
    told = {name: value for name, value in written.items() if isinstance(value, str) and mask.spans(value)}
    # The provider's own ids are left out: it knows none of ours.
    ours = {"tool_call_id": f"call_{secrets.token_hex(12)}", "tool_name": "unknown"}
    return replace(named, **{name: ours.get(name) for name in told}) if told else named
