"""A picture that arrives: small ones stay in memory, others lie in a file of the home until they are judged."""

import asyncio
import secrets
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from assistant.settings import Settings

IN_MEMORY = 1 << 20  # bytes


class Incoming:
    """Use `add` for each piece, `whole` at its end, and `forget` when it is judged."""

    def __init__(self, settings: Settings, name: str):
        self.name, self.size = name, 0
        self.content: bytes | None = None
        self.path: Path | None = None
        self._folder = settings.home / "cache" / "incoming"
        self._pieces: list[bytes] = []
        self._held = 0
        self._file: BinaryIO | None = None

    async def add(self, piece: bytes) -> None:
        """
        Raises:
            OSError: the disk is full.
        """
        self.size += len(piece)
        self._held += len(piece)
        self._pieces.append(piece)
        if self._held > IN_MEMORY:
            await asyncio.to_thread(self._to_file)

    async def whole(self) -> None:
        """All of it is there."""
        if self._file is None:
            self.content = b"".join(self._pieces)
        else:
            await asyncio.to_thread(self._close)
        self._pieces = []

    async def forget(self) -> None:
        if self.path is not None:
            await asyncio.to_thread(self._remove)

    def _to_file(self) -> None:
        if self._file is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self.path = self._folder / secrets.token_hex(8)
            self._file = self.path.open("wb")
        self._file.write(b"".join(self._pieces))
        self._pieces, self._held = [], 0

    def _close(self) -> None:
        self._to_file()
        assert self._file is not None
        self._file.close()

    def _remove(self) -> None:
        assert self.path is not None
        if self._file is not None:
            self._file.close()
        with suppress(FileNotFoundError):
            self.path.unlink()
