"""What is true, in sentences: each with an id by which an answer, our own or an LLM's, takes it up.

Code makes claims from typed facts (assistant/kinds/claims.py, assistant/kinds/<kind>/claims.py and the files here); prompts/sentences.py
words them. A sentence is whole by itself: it says what it is about, and holds no figure that is not among its values.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from assistant.kinds.claims import Claim, Offer, Outline, plain_names
from assistant.state import Choice, Request
from prompts.languages import Language
from prompts.sentences import BETWEEN, COLON, wording_of

OF = ("run", "plan", "data")  # values that say what a claim is about: the first of them that it has


@dataclass(frozen=True)
class Sentence:
    """One true sentence in Markdown. `values` are what it rests on: figures with their rounding (prompts/figures.py), names. `offers` are what
    it proposes to do, in the words of a person."""

    id: str
    text: str
    values: Mapping[str, Any]
    offers: tuple[Choice, ...] = ()


def sentences_of(claims: Iterable[Claim], language: Language) -> list[Sentence]:
    """The claims, worded."""
    return [_sentence(claim, language) for claim in claims]


def outlined(sentences: Iterable[Sentence], outline: Outline) -> list[list[str]]:
    """The ids of an answer: paragraphs in the order of the outline, without what is not among the sentences."""
    ids = [sentence.id for sentence in sentences]
    paragraphs = []
    for patterns in outline:
        found = [id for pattern in patterns for id in ids if fnmatchcase(_within_subject(id), pattern)]
        if found:
            paragraphs.append([*dict.fromkeys(found)])
    return paragraphs


def composed(told: Mapping[str, Any], language: Language) -> str:
    """The answer among what `told` returned, in Markdown: what all are about is said once, and sentences of one sort become a list."""
    texts = {each["id"]: each["text"] for each in told["sentences"]}
    said: set[str] = set()
    paragraphs = []
    for paragraph in told["answer"]:
        lines = ""
        for id in paragraph:
            subject = id.partition(".")[0]
            text = _bare(texts[id], subject, language) if subject in said else texts[id]
            said.add(subject)
            is_entry = "." in _within_subject(id)
            lines += f"\n- {text}" if is_entry else f"{BETWEEN[language]}{text}"
        paragraphs.append(lines.strip())
    return "\n\n".join(paragraphs)


def told(sentences: Iterable[Sentence], answer: Iterable[Iterable[str]] = ()) -> dict[str, Any]:
    """What a tool returns of its sentences: `answer` are the ids of those that our own answer is made of, paragraph by paragraph."""
    return {
        "sentences": [{"id": sentence.id, "text": sentence.text} for sentence in sentences],
        "answer": [[*paragraph] for paragraph in answer],
    }


def offers_of(sentences: Iterable[Sentence], answer: Iterable[Iterable[str]]) -> list[Choice]:
    """What the sentences of an answer propose to do, each once."""
    said = {id for paragraph in answer for id in paragraph}
    return list({offer.says: offer for each in sentences if each.id in said for offer in each.offers}.values())


def _sentence(claim: Claim, language: Language) -> Sentence:
    wording = wording_of(claim.what, language)
    text = wording(claim.values)
    of = next((name for name in OF if name in claim.values), None)
    if of is not None and of not in wording.names:
        name = wording_of("the_plan", language)({}) if of == "plan" else claim.values[of]
        text = f"{name}{COLON[language]}{text}"
    return Sentence(claim.id, text, claim.values, tuple(_offered(each, language) for each in claim.offers))


def _offered(offer: Offer, language: Language) -> Choice:
    return Choice(wording_of(offer.says, language)(offer.values), Request(offer.tool, dict(offer.arguments)))


def _bare(text: str, subject: str, language: Language) -> str:
    """The text without what it is about in front."""
    head, colon, rest = text.partition(COLON[language])
    is_said = plain_names([head])[head] == subject or head == wording_of("the_plan", language)({})
    return rest if colon and is_said else text


def _within_subject(id: str) -> str:
    return id.partition(".")[2]
