"""Hostile pictures, asked for as thumbnails: damaged files of every format, others under a picture's name, and panels of 178 megapixels.

silent      no answer
wordless    an error that does not say what is wrong
heavy       more than 1 GiB of memory in all processes of the server together
"""

import io
import threading
from pathlib import Path

from PIL import Image

from benchmarks.served import Served, Silent

FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP", "GIF", "PPM", "EPS", "TGA", "ICO", "PCX", "SGI", "DDS")
MODES = ("L", "RGB", "RGBA", "P", "1", "I;16", "F", "CMYK")
PANEL = (16_000, 11_150)
HEAVY_MIB = 1024


def endure(served: Served, count: int) -> dict[str, int]:
    folder = served.folder / "panels" / "test" / "good"
    harm = {"tried": 0, "silent": 0, "wordless": 0, "heavy": 0}
    for number in range(count):
        path = folder / f"hostile_{number}.png"
        path.write_bytes(_hostile(served))
        _ask(served, harm, path)
        path.unlink()
    _ask_for_panels(served, harm, folder)
    served.get("/health")
    return harm


def _ask(served: Served, harm: dict[str, int], path: Path, size: int = 160) -> None:
    harm["tried"] += 1
    try:
        status, code = served.status("GET", f"/data/panels/image?relative=test/good/{path.name}&size={size}")
    except Silent as error:
        harm["silent"] += 1
        print(f"  {error}", flush=True)
        return
    if status >= 400 and not code:
        harm["wordless"] += 1
        print(f"  {path.name}: {status}", flush=True)


def _ask_for_panels(served: Served, harm: dict[str, int], folder: Path) -> None:
    """Two at once in every size."""
    grey = Image.linear_gradient("L").resize(PANEL)
    for number, image in enumerate((Image.merge("RGB", (grey, grey, grey)), grey)):
        image.save(folder / f"large_{number}.png", compress_level=1)
    asked = [
        threading.Thread(target=_ask, args=(served, harm, folder / f"large_{number}.png", size))
        for number in (0, 1)
        for size in (160, 320, 1024)
    ]
    for thread in asked:
        thread.start()
    highest = 0
    while any(thread.is_alive() for thread in asked):
        highest = max(highest, served.memory_mib())
        asked[-1].join(0.05)
    harm["heavy"] += highest > HEAVY_MIB
    print(
        f"  {len(asked)} thumbnails of panels of {PANEL[0] * PANEL[1] // 10**6} megapixels at once: {highest} MiB",
        flush=True,
    )


def _hostile(served: Served) -> bytes:
    """A small picture of a chance format and mode, damaged in a few places, cut off, or blown up in its header."""
    chance, buffer = served.chance, io.BytesIO()
    image = Image.effect_noise((40, 30), 60)
    try:
        mode = chance.choice(MODES)
        (image if mode == "I;16" else image.convert("RGB")).convert(mode).save(buffer, chance.choice(FORMATS))
    except (OSError, ValueError, KeyError):  # no such format of this mode
        image.save(buffer, "PNG")
    content = bytearray(buffer.getvalue())
    for _ in range(chance.choice((0, 1, 3, 20))):
        content[chance.randrange(len(content))] = chance.randrange(256)
    if chance.random() < 0.2:
        at = chance.randrange(min(40, len(content)))
        content[at : at + 4] = chance.choice((b"\xff\xff\xff\x7f", b"\x7f\xff\xff\xff", b"\0\0\xea\x60"))
    return bytes(content[: chance.randrange(len(content))] if chance.random() < 0.2 else content)
