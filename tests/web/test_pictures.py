"""Small pictures of any file: made as the model sees it, by processes that a hostile file may end."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from PIL import Image

from assistant.settings import Settings
from web import pictures
from web.pictures import NoPicture, PictureRefused, SmallPictures

EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 20 20\n%%EndComments\n0 0 20 20 rectfill\nshowpage\n%%EOF\n"


def run(work: Callable[[SmallPictures], Awaitable[object]], settings: Settings) -> object:
    async def inside() -> object:
        async with SmallPictures.open(settings) as small:
            return await work(small)

    return asyncio.run(inside())


def makers() -> list[psutil.Process]:
    """The living processes of ours that make pictures."""
    found = []
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "previews" in child.cmdline():  # a zombie has none
                found.append(child)
    return found


async def a_maker_of(small: SmallPictures, source: Path) -> psutil.Process:
    """The process that has made a picture of `source` and waits for the next."""
    await small.get(source, 160)
    (maker,) = makers()
    return maker


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "a.png"
    Image.new("RGB", (600, 20), "teal").save(path)
    return path


def test_a_picture_is_made_once_for_all_who_ask(source: Path, settings: Settings) -> None:
    async def ask(small: SmallPictures) -> tuple[set[Path], int, int]:
        paths = set(await asyncio.gather(*(small.get(source, 160) for _ in range(8))))
        made = next(iter(paths)).stat().st_mtime_ns
        return paths, made, (await small.get(source, 160)).stat().st_mtime_ns

    paths, made, later = run(ask, settings)  # type: ignore[misc]
    assert made == later
    (path,) = paths
    with Image.open(path) as opened:
        assert (opened.size, opened.mode) == ((160, 5), "RGB")


def test_nothing_is_decoded_in_the_server() -> None:
    code = "import sys, web.app\nprint(sorted({'PIL', 'torch', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    "content", [b"", b"hello", EPS, b"\x89PNG\r\n\x1a\n0000", b"GIF89a" + bytes(20), b"%PDF-1.4\n"]
)
def test_what_is_no_picture_of_the_known_formats_is_refused_in_words(
    tmp_path: Path, settings: Settings, content: bytes
) -> None:
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(PictureRefused, match=r"known format|empty|damaged"):
        run(lambda small: small.get(tmp_path / "a.png", 160), settings)


def test_postscript_under_another_name_starts_no_interpreter(
    tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, started = tmp_path / "bin" / "gs", tmp_path / "started"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch '{started}'\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    assert shutil.which("gs") == str(program)
    (tmp_path / "a.png").write_bytes(EPS)
    with pytest.raises(PictureRefused):
        run(lambda small: small.get(tmp_path / "a.png", 160), settings)
    assert not started.exists()


def test_a_maker_that_was_killed_is_replaced_and_the_picture_is_made(source: Path, settings: Settings) -> None:
    async def kill(small: SmallPictures) -> bool:
        (await a_maker_of(small, source)).kill()
        return (await small.get(source, 320)).exists()

    assert run(kill, settings) is True


def test_a_maker_that_hangs_is_replaced_and_the_failure_is_told(
    source: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stop(small: SmallPictures) -> bool:
        maker = await a_maker_of(small, source)
        maker.send_signal(signal.SIGSTOP)
        monkeypatch.setattr(pictures, "SECONDS", 0.2)
        with pytest.raises(NoPicture, match="longer than"):
            await small.get(source, 320)
        monkeypatch.undo()
        assert not maker.is_running()
        await small.get(source, 320)
        (fresh,) = makers()
        return fresh.pid != maker.pid

    assert run(stop, settings) is True
    assert makers() == []


def test_a_large_picture_is_shown_in_bounded_memory(tmp_path: Path, settings: Settings) -> None:
    """All the processes together hold it once, decoded: 160 MiB of 40 megapixels. What they share with each other is not counted."""
    source = tmp_path / "panel.png"
    Image.fromarray(np.tile(np.arange(8000, dtype=np.uint8), (5000, 1))).convert("RGB").save(source, compress_level=1)

    async def ask(small: SmallPictures) -> int:
        asked = asyncio.gather(*(small.get(source, longest) for longest in (100, 160, 320, 640, 1024)))
        highest = 0
        while not asked.done():
            highest = max(highest, sum(map(_own_mib, makers())))
            await asyncio.sleep(0.01)
        await asked
        return highest

    assert 160 < run(ask, settings) < 2 * 160  # type: ignore[operator]


def test_large_pictures_are_decoded_one_at_a_time(tmp_path: Path, settings: Settings) -> None:
    """All the makers together hold one decoded panel, whichever of them has it."""
    for number in range(3):
        Image.new("L", (7000, 5000)).save(tmp_path / f"{number}.png")
    at_work: list[int] = []

    class Watched(SmallPictures):
        async def _answer(self, asked: dict[str, Any]) -> dict[str, Any]:
            at_work.append(int(asked["may_be_large"]))
            answer = await super()._answer(asked)
            at_work.append(-int(asked["may_be_large"]))
            return answer

    async def ask() -> None:
        async with Watched.open(settings) as small:
            await asyncio.gather(*(small.get(tmp_path / f"{number}.png", 160) for number in range(3)))

    asyncio.run(ask())
    assert at_work.count(1) == 3
    assert max(accumulate(at_work)) == 1


def _own_mib(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        return int(process.memory_full_info().uss) >> 20
    return 0
