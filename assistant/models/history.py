"""What was done with a model, who did it, when and why: a trail that shows it when somebody changes it afterwards.

Each act is signed (HMAC-SHA-256, https://www.rfc-editor.org/rfc/rfc2104) together with the signature of the act before it, so that none can
be changed, taken out or put in between without the secret of the installation (assistant/machine/own_secret.py). Whoever has that secret and
the database can write another history: it is evidence against mistakes and strangers, not against who runs the machine.
"""

import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from assistant.store.tables import ModelActRow

Act = Literal["registered", "promoted", "rolled_back", "deleted", "gate", "refused"]
PURPOSE = "murascope model history"


def signed(
    secret: str,
    model: str,
    act: Act,
    *,
    after: ModelActRow | None,
    version: int | None,
    who: str,
    why: str,
    told: dict[str, Any],
    when: datetime,
) -> ModelActRow:
    """The next act of a model, `after` the latest one."""
    row = ModelActRow(
        model=model,
        number=1 if after is None else after.number + 1,
        act=act,
        version=version,
        who=who,
        why=why,
        told=told,
        created_at=when,
    )
    row.signature = _signature(secret, row, "" if after is None else after.signature)
    return row


def first_false(secret: str, acts: Sequence[ModelActRow]) -> int | None:
    """The number of the first act of a model that is not what was signed, or that one is missing before; None: all are as they were."""
    before = ""
    for expected, act in enumerate(acts, start=1):
        if not hmac.compare_digest(act.signature, _signature(secret, act, before)):
            return expected
        before = act.signature
    return None


def _signature(secret: str, act: ModelActRow, before: str) -> str:
    content = {
        "before": before,
        "model": act.model,
        "number": act.number,
        "act": act.act,
        "version": act.version,
        "who": act.who,
        "why": act.why,
        "told": act.told,
        "when": act.created_at.isoformat(),
    }
    text = json.dumps([PURPOSE, content], sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
