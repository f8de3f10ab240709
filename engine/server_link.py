"""The way from a machine that computes to the server that wants it: requests over HTTP, with a token that is good for one attempt.

What an answer means is told by its code (assistant/runs/reports.py). Whatever is no answer of ours, such as that of a proxy before a server
that is away, counts as none: it is asked again, later each time. Standard library alone.
"""

import hashlib
import http.client
import json
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, TypeVar
from urllib.parse import urlsplit

FENCED = {"no_token", "other_run", "stale", "ended", "another_story", "not_found", "deleted_run"}
SETTLED = (400, 401, 403, 404, 405, 409, 410, 413, 422)  # would be answered alike the next time
TIMEOUT_S = 60.0
FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 15.0
BLOCK_BYTES = 1 << 20
T = TypeVar("T")


class Fenced(Exception):
    """The server takes nothing of this attempt any more: another has its place, the run has ended, or the token is none."""


class Declined(Exception):
    """The server does not take or give this, whenever it is asked."""

    def __init__(self, code: str, message: str, values: Mapping[str, Any]):
        self.code, self.values = code, values
        super().__init__(message)


class Away(Exception):
    """There was no answer of the server's."""


class Token:
    """What is shown; it may be replaced by one that holds longer."""

    def __init__(self, shown: str):
        self.shown = shown


class Link:
    """One connection, for one thread. Addresses are relative to those of the attempt."""

    def __init__(self, server: str, run: str, attempt: int, token: Token):
        address = urlsplit(server)
        kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(address.netloc, timeout=TIMEOUT_S)
        self._root, self._token = f"{address.path.rstrip('/')}/api/reports/{run}/{attempt}", token

    def ask(
        self,
        method: str,
        what: str,
        body: bytes | BinaryIO | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
    ) -> Any:
        """What is answered, as JSON.

        Raises:
            Fenced, Declined, Away
        """
        try:
            return json.loads(self._answer(method, what, body, headers or {}, timeout_s).read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._away(error) from None

    def tell(self, what: str, told: Mapping[str, Any]) -> Any:
        body = json.dumps(told, allow_nan=False).encode()
        return self.ask("POST", what, body, {"content-type": "application/json"})

    def fetch(self, what: str, into: Path) -> str:
        """Write what is answered into a new file; its sha256."""
        digest = hashlib.sha256()
        answer = self._answer("GET", what, None, {}, TIMEOUT_S)
        with into.open("wb") as file:
            while block := self._block(answer):
                digest.update(block)
                file.write(block)  # a full disk is this machine's affair
        return digest.hexdigest()

    def _block(self, answer: http.client.HTTPResponse) -> bytes:
        try:
            return answer.read(BLOCK_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise self._away(error) from None

    def send(self, what: str, path: Path) -> str:
        """Send a file; its sha256."""
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            size = str(path.stat().st_size)
            self.ask("PUT", what, file, {"content-length": size, "x-sha256": sha256}, timeout_s=600)
        return sha256

    def _answer(
        self, method: str, what: str, body: bytes | BinaryIO | None, headers: Mapping[str, str], timeout_s: float
    ) -> http.client.HTTPResponse:
        shown = {"authorization": f"Bearer {self._token.shown}", "accept": "application/json", **headers}
        self._connection.timeout = timeout_s
        try:
            if self._connection.sock is not None:
                self._connection.sock.settimeout(timeout_s)
            self._connection.request(method, f"{self._root}/{what}", body, shown)
            answer = self._connection.getresponse()
            if answer.status < 300:
                return answer
            said = answer.read()
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self._away(error) from None
        raise self._refusal(answer.status, said)

    def _refusal(self, status: int, said: bytes) -> Exception:
        try:
            told = json.loads(said)
            code, message, values = str(told["code"]), str(told["message"]), dict(told["values"])
        except (ValueError, KeyError, TypeError):
            return self._away(f"answer {status}")
        if status not in SETTLED:
            return self._away(f"answer {status}: {message}")
        return Fenced(message) if code in FENCED else Declined(code, message, values)

    def _away(self, why: object) -> Away:
        self._connection.close()  # the next request opens another one
        return Away(f"{type(why).__name__}: {why}" if isinstance(why, Exception) else str(why))


def patiently(ask: Callable[[], T], over: threading.Event, *, patience_s: float = float("inf")) -> T:
    """What is answered, however long the server is away.

    Raises:
        Away: for longer than `patience_s`, or until `over` was set.
        Fenced, Declined
    """
    wait_s, until = FIRST_WAIT_S, time.monotonic() + patience_s
    while True:
        try:
            return ask()
        except Away:
            if time.monotonic() > until or over.wait(wait_s):
                raise
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)
