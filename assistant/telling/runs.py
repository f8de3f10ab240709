"""A finished run in sentences, and the answers that are made of them."""

from collections.abc import Iterable
from pathlib import Path

from assistant.kinds import kind_of
from assistant.store.tables import RunRow
from assistant.telling import Sentence, composed, outlined, sentences_of, told
from prompts.languages import Language


def sentences_of_run(row: RunRow, folder: Path, language: Language) -> list[Sentence]:
    """All that may be said of a finished run.

    Raises:
        NoResults: the run has not ended well, or its evaluation cannot be read.
    """
    return sentences_of(kind_of(row.kind).claims(row, folder), language)


def answer_of(kind: str, question: str, sentences: Iterable[Sentence]) -> list[list[str]]:
    """Paragraphs of ids that answer a question about a run of this kind, such as `summary`."""
    return outlined(sentences, kind_of(kind).outlines[question])


def summary_of(row: RunRow, folder: Path, language: Language) -> str:
    """A finished run in plain words, Markdown: what it missed first.

    Raises:
        NoResults: as `sentences_of_run`.
    """
    sentences = sentences_of_run(row, folder, language)
    return composed(told(sentences, answer_of(row.kind, "summary", sentences)), language)
