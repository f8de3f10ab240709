"""Hostile archives, uploaded: damaged ones of every way of packing, bombs, odd names, and lists of entries that are none.

silent      no answer
wordless    an error that does not say what is wrong
left        files that a refused upload left behind
"""

import io
import struct
import zipfile

from PIL import Image

from benchmarks.served import Served, Silent

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
NAMES = (
    "good/{}.png", "../{}.png", "/{}.png", "C:/{}.png", "a\\..\\{}.png", "x" * 4000 + "{}.png", "a/" * 200 + "{}.png", "good/\u202e{}.png",
    "good/{}\n.png", "good/\x01{}.png", "양품/{}.png", "良品/{}.png", "good/../../{}.png", ".", "good//{}.png",
)  # fmt: skip


def endure(served: Served, count: int) -> dict[str, int]:
    harm = {"tried": count, "silent": 0, "wordless": 0, "left": 0}
    for number in range(count):
        try:
            status, code = served.status("PUT", f"/api/datasets/hostile_{number}/archive", _hostile(served))
        except Silent as error:
            harm["silent"] += 1
            print(f"  {error}", flush=True)
            continue
        if status == 201:
            served.status("DELETE", f"/api/datasets/hostile_{number}")
        elif (status >= 500 and status != 507) or not code:
            harm["wordless"] += 1
            print(f"  archive {number}: {status} {code}", flush=True)
    served.get("/health")
    harm["left"] = sum(1 for kind in ("uploads", "datasets") for _ in (served.home / kind).iterdir())
    return harm


def _hostile(served: Served) -> bytes:
    chance, buffer, picture = served.chance, io.BytesIO(), io.BytesIO()
    Image.effect_noise((40, 30), 60).save(picture, "PNG")
    is_bomb = chance.random() < 0.1
    with zipfile.ZipFile(buffer, "w", chance.choice(METHODS)) as archive:
        for number in range(60 if is_bomb else chance.randrange(5)):
            name = "good/{}.png" if chance.random() < 0.7 else chance.choice(NAMES)
            archive.writestr(name.format(number), bytes(1_000_000) if is_bomb else picture.getvalue())
    content = bytearray(buffer.getvalue())
    for _ in range(chance.choice((0, 1, 5, 30))):
        content[chance.randrange(len(content))] = chance.randrange(256)
    if chance.random() < 0.2:  # the sizes and places that the end of the archive tells
        at = len(content) - chance.randrange(4, 22)
        content[at : at + 4] = struct.pack("<I", chance.choice((0, 1, 0x7FFFFFFF, 0xFFFFFFFF)))
    return bytes(content[: chance.randrange(1, len(content))] if chance.random() < 0.1 else content)
