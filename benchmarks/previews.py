"""Small pictures of a page of 240, and of a large panel: `python benchmarks/previews.py [--data FOLDER]`.

Reference: decoded by threads of the asking process itself, which a hostile file can then end. Ours: by the processes that the
server keeps for it. The panel is a PNG of 178 megapixels, asked for in five sizes at once; what counts is the peak memory.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from anywhere, installed or not

from assistant.settings import Settings
from engine.contract.pictures import SUFFIXES, preview
from web.pictures import SmallPictures

COUNT, LONGEST = 240, 320
PANEL = (16_000, 11_150)
THREADS = 6  # asyncio's on two cores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of pictures; made ones of 1000 x 1000 pixels otherwise")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        sources = pictures_of(options.data) if options.data else write_pictures(Path(made, "data"))
        plain = in_threads(sources, Path(made))
        cold, warm = asyncio.run(in_processes(sources, Path(made, "home")))
        print(f"{len(sources)} pictures of {LONGEST} px{'a second':>22}{'plain : ours':>14}")
        for name, seconds in (
            ("threads of the server", plain),
            ("processes, started", cold),
            ("processes, at work", warm),
        ):
            print(f"{name:<24}{len(sources) / seconds:>20.0f}{plain / seconds:>14.2f}")
        mib = asyncio.run(five_of_a_panel(write_panel(Path(made)), Path(made, "home")))
        print(
            f"five of a {PANEL[0] * PANEL[1] // 10**6}-megapixel PNG at once: {mib} MiB at most in all processes together"
        )


def in_threads(sources: list[Path], folder: Path) -> float:
    def make(number: int) -> None:
        Image.fromarray(preview(sources[number], longest=LONGEST)).save(folder / f"{number}.jpg", quality=88)

    started = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(make, range(len(sources))))
    return time.perf_counter() - started


async def in_processes(sources: list[Path], home: Path) -> tuple[float, float]:
    """Seconds with the start of the processes, and without (other sizes: nothing comes from the cache)."""
    seconds = []
    async with SmallPictures.open(Settings(home=home)) as small:
        for longest in (LONGEST, LONGEST + 1):
            started = time.perf_counter()
            await asyncio.gather(*(small.get(source, longest) for source in sources))
            seconds.append(time.perf_counter() - started)
    return seconds[0], seconds[1]


async def five_of_a_panel(panel: Path, home: Path) -> int:
    """The highest sum of resident memory, of this process and its children, in MiB."""
    highest = 0
    async with SmallPictures.open(Settings(home=home)) as small:
        asked = asyncio.gather(*(small.get(panel, longest) for longest in (100, 160, 320, 640, 1024)))
        while not asked.done():
            ours = psutil.Process()
            highest = max(highest, sum(each.memory_info().rss for each in (ours, *ours.children(recursive=True))))
            await asyncio.sleep(0.02)
        await asked
    return highest >> 20


def pictures_of(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in SUFFIXES][:COUNT]


def write_pictures(folder: Path) -> list[Path]:
    folder.mkdir()
    generator = np.random.default_rng(0)
    paths = [folder / f"{number}.png" for number in range(COUNT)]
    for path in paths:
        coarse = Image.fromarray(generator.integers(0, 255, (50, 50, 3), dtype=np.uint8))
        coarse.resize((1000, 1000), Image.Resampling.BICUBIC).save(path, compress_level=1)
    return paths


def write_panel(folder: Path) -> Path:
    ramp = (np.add.outer(np.arange(PANEL[1]), np.arange(PANEL[0])) // 107).astype(np.uint8)
    grey = Image.fromarray(ramp)
    Image.merge("RGB", (grey, grey, grey)).save(folder / "panel.png", compress_level=1)
    return folder / "panel.png"


if __name__ == "__main__":
    main()
