"""Which of the classes or defect types of a result a person means, who need not spell them as the folders do."""

from collections.abc import Iterable


def type_like(types: Iterable[str], asked: str) -> str:
    """The one that is meant, as the result spells it.

    Raises:
        LookupError: there is none like it.
    """
    known = sorted(set(types))
    wanted = next((each for each in known if _plain(each) == _plain(asked)), None) or next(
        (each for each in known if _plain(asked) in _plain(each) or _plain(each) in _plain(asked)), None
    )
    if wanted is None:
        raise LookupError(f"no images of defect type {asked!r} (have: {', '.join(known) or 'none'})")
    return wanted


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum()).removesuffix("s")
