"""The one place where secrets are taken out of what is stored, shown or logged.

Whoever repeats a secret (an LLM, a tool, a provider's error text, an exception), a reader and the database get [secret]. The rule: of each
secret, plainly written or in a simple encoding, any WINDOW letters and digits in a row are masked, whatever stands between them. So a
secret that was cut, spaced out, put into Markdown or split over chunks is found too. What cannot be told from a word is left alone: a
secret with fewer than SHORTEST letters and digits.
"""

import base64
import html
import json
import logging
import traceback
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from pydantic import BaseModel, SecretStr
from sqlalchemy.engine import make_url

from assistant.settings import Settings

MASKED = "[secret]"
WINDOW = 10
SHORTEST = 6
OVERLAP = 200  # characters before a new piece of text that a secret which ends in it may reach back to


class Mask:
    """Takes the secrets of an installation out of texts and of nested values."""

    def __init__(self, secrets: Iterable[str]):
        self._windows: dict[int, set[str]] = {}
        for secret in secrets:
            for form in _forms(secret):
                letters = _letters(form)
                size = min(WINDOW, len(letters))
                if size >= SHORTEST:
                    windows = {letters[start : start + size] for start in range(len(letters) - size + 1)}
                    self._windows.setdefault(size, set()).update(windows)

    def text(self, text: str) -> str:
        """The text with every secret masked."""
        kept, end = [], 0
        for start, stop in self.spans(text):
            kept += [text[end:start], MASKED]
            end = stop
        return "".join(kept) + text[end:]

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where secrets stand in the text, from and to, in order and apart from each other."""
        if not self._windows or len(text) < SHORTEST:
            return []
        places = [place for place, character in enumerate(text) if character.isalnum()]
        letters = _letters(text)
        if len(letters) != len(places):  # a letter that casefolds to two: compare as it is written
            letters = "".join(text[place] for place in places)
        found = sorted(
            (places[start], places[start + size - 1] + 1)
            for size, windows in self._windows.items()
            for start in range(len(letters) - size + 1)
            if letters[start : start + size] in windows
        )
        apart: list[tuple[int, int]] = []
        for start, stop in found:
            if apart and start <= apart[-1][1]:
                apart[-1] = (apart[-1][0], max(apart[-1][1], stop))
            else:
                apart.append((start, stop))
        return apart

    def value(self, value: Any) -> Any:
        """A nest of models, dictionaries, lists and texts with every secret masked; a field with a fixed choice holds none."""
        match value:
            case str():
                return self.text(value)
            case dict():
                return {self.value(name): self.value(each) for name, each in value.items()}
            case list():
                return [self.value(each) for each in value]
            case BaseModel():
                fixed = {name for name, field in type(value).model_fields.items() if "Literal" in str(field.annotation)}
                texts = {name: each for name, each in value if name not in fixed}  # also what no field is known of
                return value.model_copy(update={name: self.value(each) for name, each in texts.items()})
            case _:
                return value

    def under(self, names: Collection[str], value: Any) -> Any:
        """A nest of which only what stands under these names is masked, where other texts are no words but a format."""
        match value:
            case dict():
                return {
                    name: self.value(each) if name in names else self.under(names, each) for name, each in value.items()
                }
            case list():
                return [self.under(names, each) for each in value]
            case _:
                return value

    @contextmanager
    def over_logs(self) -> Iterator[None]:
        """While the block is open no log line of this process holds a secret, tracebacks included, whatever handles it."""
        before = logging.getLogRecordFactory()

        def masked(*args: Any, **kwargs: Any) -> logging.LogRecord:
            record = before(*args, **kwargs)
            try:
                message = record.getMessage()
            except (TypeError, ValueError, KeyError):  # the handler tells of it
                return record
            if (shown := self.text(message)) != message:
                record.msg, record.args = shown, ()
            if record.exc_info and record.exc_info[0] is not None:
                told = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
                if (shown := self.text(told)) != told:
                    record.exc_text, record.exc_info = shown, None
            return record

        logging.setLogRecordFactory(masked)
        try:
            yield
        finally:
            if logging.getLogRecordFactory() is masked:
                logging.setLogRecordFactory(before)


class MaskedText:
    """A text that grows: a secret that begins in one piece and ends in a later one is masked as well."""

    def __init__(self, mask: Mask, text: str):
        self._mask, self._done, self._open = mask, "", text

    @property
    def text(self) -> str:
        return self._done + self._mask.text(self._open)

    def add(self, text: str) -> None:
        self._open += text
        if len(self._open) > 2 * OVERLAP:
            end = len(self._open) - OVERLAP
            end = next((start for start, stop in self._mask.spans(self._open) if start < end < stop), end)
            self._done, self._open = self._done + self._mask.text(self._open[:end]), self._open[end:]


def secrets_of(settings: Settings) -> list[str]:
    """Every secret that the settings hold: keys, and the password of the database."""
    keys = [value.get_secret_value() for _, value in settings if isinstance(value, SecretStr)]
    password = make_url(settings.database_url).password if settings.database else None
    return [secret for secret in [*keys, str(password or "")] if secret]


def _forms(secret: str) -> Iterator[str]:
    """The secret as it is, and as a rule can write it: for URLs, in base64 wherever it begins, in hexadecimal, escaped for JSON and HTML."""
    data = secret.encode()
    yield from (
        secret,
        secret[::-1],
        quote(secret, safe=""),
        json.dumps(secret, allow_nan=False)[1:-1],
        html.escape(secret),
        data.hex(),
    )
    yield "".join(character if character.isalnum() else f"%{ord(character):02x}" for character in secret)
    yield from ("".join(form.format(ord(character)) for character in secret) for form in ("u{:04x}", "x{:02x}", "{}"))
    for shift in range(3):  # what goes before decides how the same bytes look in base64
        encoded = base64.b64encode(b"\0" * shift + data).decode().rstrip("=")
        yield encoded[(0, 2, 3)[shift] : len(encoded) - 1]


def _letters(text: str) -> str:
    return "".join(character for character in text if character.isalnum()).casefold()
