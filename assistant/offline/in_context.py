"""What a sentence asks for, given what the conversation remembers: an answer to a question back, the same of something else, once more,
and what is meant without its name. Nothing of another conversation is meant, and what cannot be told is asked about."""

from dataclasses import replace

from assistant.offline.references import Found, find_reference, followed, once_more, referred, says_again
from assistant.offline.requests import Understood
from assistant.offline.said import Said
from assistant.state import Question, Request, State, answered, completed
from prompts.languages import Language

YES = ("yes", "go")


def in_context(heard: Understood, said: Said, state: State, *, language: Language) -> Understood:
    """What was heard, completed from the state."""
    found = find_reference(said.text, language)
    nth = found.reference.number if found and found.is_all and found.reference.how == "nth" else None
    whole = (
        answered(state.question, said.text, nth=nth, yes=said.answer in YES)
        or completed(state.question, heard.named)
        or (once_more(state) if says_again(said.text) else None)
        or followed(found, heard.named, state)
    )
    if whole is not None:
        return Understood((whole,)) if isinstance(whole, Request) else Understood(asks=whole)
    if found is None:
        return heard
    requests = []
    for request in heard.requests:
        meant = referred(_without_ordinal(request, said.text, found), found, state)
        if isinstance(meant, Question):
            return replace(heard, requests=(), asks=meant)
        requests.append(meant)
    return replace(heard, requests=tuple(requests))


def _without_ordinal(request: Request, text: str, found: Found) -> Request:
    """두 번째 거 is the second of the list and not run r2: a run that is named has its digits."""
    if found.reference.how != "nth" or any(letter.isdigit() for letter in text):
        return request
    return replace(request, arguments={name: value for name, value in request.arguments.items() if name != "run"})
