"""An S3-compatible object store, through obstore: the one place that loads it, and that words what such a store refuses.

It blocks; whoever is in an event loop calls it in a thread.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar
from urllib.parse import urlsplit

from assistant.machine.troubles import CodedTrouble
from assistant.settings import SettingError, Settings

if TYPE_CHECKING:
    from obstore.store import S3Store

BLOCK_BYTES = 8 << 20  # of a request, up or down; a larger file takes several
AT_ONCE = 4  # requests for the blocks of one file
REQUEST_S, READ_S, CONNECT_S = 3600, 30, 5  # altogether, without a byte, until it answers at all
TRIED_FOR_S, TRIES = 20, 3  # a request, before the store counts as away
MOST_SAID = 300  # characters of what it says
WRONG_KEY = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "InvalidClientTokenId")


T = TypeVar("T")


class StoreTrouble(CodedTrouble):
    """The store does not do what is asked. `code` says why: store_away, store_key, store_bucket, store_damaged (what it gives is not what
    was kept)."""


class Stopped(Exception):
    """Whoever asked wants it no more."""


@dataclass(frozen=True)
class Sum:
    """What a file holds: its size and its sha256."""

    bytes: int
    sha256: str


class ObjectStore:
    """The objects below one prefix of a bucket, by their keys relative to it."""

    def __init__(self, settings: Settings):
        """
        Raises:
            SettingError: obstore is not installed, or refuses the settings.
        """
        try:
            import obstore
            from obstore import exceptions, store
        except ImportError:
            raise SettingError("MURASCOPE_ARTIFACTS needs the package obstore: pip install 'murascope[s3]'") from None
        address = urlsplit(str(settings.artifacts))
        self.address, self._api, self._errors = str(settings.artifacts).rstrip("/"), obstore, exceptions
        self._refusals = (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError, PermissionError)
        endpoint = settings.aws_endpoint_url
        known = {
            "endpoint": endpoint,
            "region": settings.aws_region,
            "access_key_id": _plain(settings.aws_access_key_id),
            "secret_access_key": _plain(settings.aws_secret_access_key),
            "session_token": _plain(settings.aws_session_token),
        }
        told: dict[str, Any] = {name: value for name, value in known.items() if value}
        try:
            self._store: S3Store = store.S3Store(
                address.netloc,
                prefix=address.path.strip("/") or None,
                config=told,  # type: ignore[arg-type]
                client_options={
                    "allow_http": bool(endpoint and endpoint.startswith("http:")),
                    "connect_timeout": timedelta(seconds=CONNECT_S),
                    "read_timeout": timedelta(seconds=READ_S),
                    "timeout": timedelta(seconds=REQUEST_S),
                },
                retry_config={"max_retries": TRIES, "retry_timeout": timedelta(seconds=TRIED_FOR_S)},
            )
        except exceptions.BaseError as error:
            raise SettingError(f"MURASCOPE_ARTIFACTS cannot be used: {_in_short(str(error))}") from None

    def sizes(self, below: str) -> dict[str, int]:
        """The objects whose keys begin with `below` and a slash, and their sizes.

        Raises:
            StoreTrouble
        """
        listed = self._asked(lambda: self._api.list(self._store, below).collect())
        return {each["path"]: each["size"] for each in listed}

    def put(self, key: str, content: bytes) -> None:
        """
        Raises:
            StoreTrouble
        """
        self._asked(lambda: self._api.put(self._store, key, content, use_multipart=False))

    def put_file(self, key: str, file: BinaryIO, size: int, *, go_on: Callable[[], bool]) -> None:
        """Keep the contents of an open file, as a whole or not at all.

        Raises:
            StoreTrouble
            Stopped: `go_on` said no.
        """
        if size <= BLOCK_BYTES:
            return self.put(key, file.read())
        blocks = _blocks(file, go_on)
        self._asked(lambda: self._api.put(self._store, key, blocks, chunk_size=BLOCK_BYTES, max_concurrency=AT_ONCE))

    def read(self, key: str) -> bytes:
        """
        Raises:
            FileNotFoundError: there is no such object.
            StoreTrouble
        """
        return bytes(self._asked(lambda: self._api.get(self._store, key).bytes()))

    def read_blocks(self, key: str, *, go_on: Callable[[], bool]) -> Iterator[bytes]:
        """The contents of an object, a block at a time; in one request, since not every store gives ranges.

        Raises:
            FileNotFoundError: there is no such object.
            StoreTrouble
            Stopped: `go_on` said no.
        """
        blocks = iter(self._asked(lambda: self._api.get(self._store, key).stream(min_chunk_size=BLOCK_BYTES)))
        while (block := self._asked(lambda: next(blocks, None))) is not None:
            if not go_on():
                raise Stopped
            yield bytes(block)

    def sum_of(self, key: str, *, go_on: Callable[[], bool]) -> Sum:
        """What an object holds, read back.

        Raises:
            FileNotFoundError: there is no such object.
            StoreTrouble
            Stopped: `go_on` said no.
        """
        digest, read = hashlib.sha256(), 0
        for block in self.read_blocks(key, go_on=go_on):
            digest.update(block)
            read += len(block)
        return Sum(read, digest.hexdigest())

    def remove(self, keys: list[str]) -> None:
        """Do away with objects; those that are gone stay so.

        Raises:
            StoreTrouble
        """
        for key in keys:
            try:
                self._asked(lambda key=key: self._api.delete(self._store, key))  # type: ignore[misc]
            except FileNotFoundError:
                continue

    def _asked(self, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except (self._errors.BaseError, FileNotFoundError, PermissionError) as error:
            raise self._trouble(error) from None

    def _trouble(self, error: Exception) -> OSError:
        said = str(error)
        if "NoSuchBucket" in said:
            return StoreTrouble("store_bucket", f"the bucket of {self.address} is not there")
        if isinstance(error, FileNotFoundError):
            return FileNotFoundError(f"{self.address} has no such object")
        if isinstance(error, self._refusals) or any(each in said for each in WRONG_KEY):
            return StoreTrouble("store_key", f"{self.address} refuses the key that is set, or what it may do there")
        return StoreTrouble("store_away", f"{self.address} does not answer, or is in trouble: {_in_short(said)}")


def _blocks(file: BinaryIO, go_on: Callable[[], bool]) -> Iterator[bytes]:
    while block := file.read(BLOCK_BYTES):
        if not go_on():
            raise Stopped
        yield block


def _plain(secret: Any) -> str | None:
    return secret.get_secret_value() if secret is not None else None


def _in_short(said: str) -> str:
    """The first line of what went wrong, without how long it took, so that the same trouble is told alike; what follows it are requests and
    their headers."""
    return re.sub(r" in [\d.]+(ns|µs|ms|s)\b", "", said.strip().partition("\n")[0])[:MOST_SAID]
