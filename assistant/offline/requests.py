"""What the understanding gives: requests in the order in which they were said, or a question back with choices."""

from dataclasses import dataclass, field
from typing import Any

from assistant.state import Question, Request


@dataclass(frozen=True)
class Understood:
    """What a sentence asks for.

    Args:
        requests: in their order; empty where it is asked back.
        asks: the question back.
        left_out: models that were named beside the one that is planned.
        unused: what was recognised and belongs to no request, as it was written.
        named: where nothing but names is said, what they are of (dataset, model, run): it may answer a question.
        bare: where nothing but names and settings is said, the plan that they ask for.
        masked: the text with what was recognised masked by its kind (phrases.MARKS).
        unnamed: the text in lower case, with the names of data, models and defects left out.
        margin: by how much the likeliest intent leads, the smallest of all requests.
        second: the next likely intent there.
    """

    requests: tuple[Request, ...] = ()
    asks: Question | None = None
    left_out: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    named: dict[str, Any] = field(default_factory=dict)
    bare: Request | None = None
    masked: str = ""
    unnamed: str = ""
    margin: float = 0.0
    second: str | None = None
