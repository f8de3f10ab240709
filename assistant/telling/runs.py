"""A finished run in sentences, and the answers that are made of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from assistant.kinds import kind_of
from assistant.state import Choice
from assistant.store.tables import RunRow
from assistant.telling import Sentence, composed, offers_of, outlined, sentences_of, told
from prompts.languages import Language

Others = Sequence[tuple[RunRow, Path]]


def sentences_of_run(row: RunRow, folder: Path, language: Language, others: Others = ()) -> list[Sentence]:
    """All that may be said of a finished run, with the `others` on the same data as evidence for what to do next.

    Raises:
        NoResults: the run has not ended well, or its evaluation cannot be read.
    """
    return sentences_of(kind_of(row.kind).claims(row, folder, others), language)


def answer_of(kind: str, question: str, sentences: Iterable[Sentence]) -> list[list[str]]:
    """Paragraphs of ids that answer a question about a run of this kind, such as `summary`."""
    return outlined(sentences, kind_of(kind).outlines[question])


@dataclass(frozen=True)
class Summary:
    """A finished run in plain words, Markdown, what it missed first; and what it proposes to do next, in a person's words."""

    text: str
    offers: Sequence[Choice]


def summary_of(kind: str, sentences: Sequence[Sentence], language: Language) -> Summary:
    """Of all that may be said of a run of this kind."""
    answer = answer_of(kind, "summary", sentences)
    return Summary(composed(told(sentences, answer), language), offers_of(sentences, answer))
