"""Questions to a cluster's HTTP interface, with a bearer token, and its answers as they are. A machine that does not answer says nothing."""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

ANSWER_WITHIN_S = 20
MOST_SAID = 300  # characters of what went wrong


class NoAnswer(OSError):
    """Nobody could be asked, or nobody could say."""


@dataclass(frozen=True)
class Answer:
    status: int
    text: str
    data: Any  # what the text says, where it is JSON


class Rest:
    """One cluster's address. Each question has a connection of its own: they are few, and servers and heads come and go."""

    def __init__(self, address: str, *, token: Callable[[], str | None], authority: Path | None = None):
        """
        Args:
            token: read anew for each question, since some are changed every hour.
            authority: the certificate that signs the cluster's; None is what this machine trusts.

        Raises:
            OSError: the certificate cannot be read.
        """
        self._address, self._token = address.rstrip("/"), token
        secured = address.startswith("https:")
        self._verify: ssl.SSLContext | bool = ssl.create_default_context(cafile=authority) if secured else False

    async def request(
        self, method: str, path: str, *, body: object = None, query: Mapping[str, str] | None = None, expected: str = ""
    ) -> Answer:
        """
        Args:
            expected: words of an error of the server that are an answer to the caller.

        Raises:
            NoAnswer: it does not answer, refuses us, or is in trouble.
        """
        token = await asyncio.to_thread(self._token)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            async with httpx2.AsyncClient(verify=self._verify, trust_env=False, timeout=ANSWER_WITHIN_S) as client:
                response = await client.request(
                    method, f"{self._address}{path}", json=body, params=query, headers=headers
                )
                text = response.text
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise NoAnswer(f"{self._address} does not answer ({type(error).__name__})") from error
        if response.status_code in (401, 403):
            raise NoAnswer(f"{self._address} refuses our token: {text[-MOST_SAID:]}")
        if response.status_code >= 500 and not (expected and expected in text):
            raise NoAnswer(f"{self._address} is in trouble ({response.status_code}): {text[-MOST_SAID:]}")
        is_json = "json" in response.headers.get("content-type", "")
        return Answer(response.status_code, text, response.json() if is_json else None)
