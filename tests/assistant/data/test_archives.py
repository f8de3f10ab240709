"""Archives are not trusted: what may not be unpacked is refused, and leaves nothing behind."""

import asyncio
import io
import shutil
import stat
import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from assistant.data import archives
from assistant.data.archives import BadArchive, unpack, unpack_elsewhere
from assistant.settings import Settings


def pack(path: Path, *entries: tuple[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in entries:
            opened.writestr(name, content)
    return path


def link() -> zipfile.ZipInfo:
    info = zipfile.ZipInfo("good/link.png")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def test_a_plain_archive_is_unpacked_without_the_clutter_of_systems(tmp_path: Path) -> None:
    archive = pack(tmp_path / "a.zip", ("good/0.png", b"x"), ("__MACOSX/good/._0.png", b"x"), ("good/Thumbs.db", b"x"))
    assert unpack(archive, tmp_path / "out") == 1
    assert [path.name for path in (tmp_path / "out").rglob("*") if path.is_file()] == ["0.png"]


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([("../evil.png", b"x")], "would leave"),
        ([("/etc/evil.png", b"x")], "would leave"),
        ([("a\\..\\evil.png", b"x")], "would leave"),
        ([("C:/evil.png", b"x")], "would leave"),
        ([(link(), b"/etc/passwd")], "symbolic link"),
        ([("A.png", b"1"), ("a.png", b"2")], "two entries"),
        ([("bomb.png", b"\0" * (8 << 20))], "no image does that"),
        ([("x" * 300 + ".png", b"1")], "too long"),
        ([(".", b"x")], "would leave"),
        ([("a", b"x"), ("a/b.png", b"x")], "a file and a folder"),
        ([], "empty"),
    ],
)
def test_a_hostile_archive_is_refused_and_leaves_nothing(
    tmp_path: Path, entries: list[tuple[str | zipfile.ZipInfo, bytes]], reason: str
) -> None:
    with pytest.raises(BadArchive, match=reason):
        unpack(pack(tmp_path / "a.zip", *entries), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_no_zip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"not a zip")
    with pytest.raises(BadArchive, match="not a zip archive"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


def test_a_truncated_archive_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    archive = pack(tmp_path / "a.zip", ("good/0.png", bytes(range(256)) * 40))
    archive.write_bytes(archive.read_bytes()[:-40])
    with pytest.raises(BadArchive):
        unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_archive_larger_than_the_free_disk_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "KEEP_FREE_BYTES", 1 << 62)
    with pytest.raises(BadArchive, match="make room first"):
        unpack(pack(tmp_path / "a.zip", ("good/0.png", b"x")), tmp_path / "out")


def test_many_small_entries_are_no_way_around_the_limit(tmp_path: Path) -> None:
    archive = pack(tmp_path / "a.zip", *((f"{number}.png", bytes(1_000_000)) for number in range(60)))
    with pytest.raises(BadArchive, match="times its size"):
        unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_entries_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).bytes(100_000)
    archive = pack(tmp_path / "a.zip", *((f"{number}.png", noise) for number in range(3)))
    with zipfile.ZipFile(archive) as opened:
        starts = [entry.header_offset for entry in opened.infolist()]
    content = archive.read_bytes()
    directory = content.index(b"PK\1\2")
    twice = content[: starts[1]] + content[directory:].replace(struct.pack("<I", starts[1]), bytes(4)).replace(
        struct.pack("<I", starts[2]), bytes(4)
    ).replace(struct.pack("<I", directory), struct.pack("<I", starts[1]))
    archive.write_bytes(twice)
    with pytest.raises(BadArchive, match="over each other"):
        unpack(archive, tmp_path / "out")


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damaged_entries_are_refused_in_words_however_they_are_packed(tmp_path: Path, method: int) -> None:
    whole = tmp_path / "whole.zip"
    with zipfile.ZipFile(whole, "w", method) as opened:
        opened.writestr("good/0.png", bytes(range(256)) * 40)
    content = whole.read_bytes()
    for place in range(30, content.index(b"PK\1\2"), 3):
        (tmp_path / "a.zip").write_bytes(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
        try:
            unpack(tmp_path / "a.zip", tmp_path / "out")
        except BadArchive:
            assert not (tmp_path / "out").exists()
        else:  # what was hit says nothing of the content
            shutil.rmtree(tmp_path / "out")


@pytest.mark.parametrize("method", [1, 6, 9, 19, 93, 95, 97, 98, 4711])
def test_ways_of_packing_that_are_not_known_are_refused_in_words(tmp_path: Path, method: int) -> None:
    archive = pack(tmp_path / "a.zip", ("good/0.png", b"x" * 100))
    content = archive.read_bytes()
    for mark, place in ((b"PK\3\4", 8), (b"PK\1\2", 10)):
        at = content.index(mark) + place
        content = content[:at] + struct.pack("<H", method) + content[at + 2 :]
    archive.write_bytes(content)
    with pytest.raises(BadArchive, match="not a zip archive that can be read"):
        unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_name_that_is_not_the_utf_8_it_says_is_refused_in_words(tmp_path: Path) -> None:
    archive = pack(tmp_path / "a.zip", ("양품.png", b"1"))
    archive.write_bytes(archive.read_bytes().replace("양품".encode(), b"\xff\xfe\xff\xfe\xff\xfe"))
    with pytest.raises(BadArchive, match="can't decode"):
        unpack(archive, tmp_path / "out")


def test_a_list_of_entries_that_would_fill_the_memory_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "MAX_DIRECTORY_BYTES", 5000)
    archive = pack(tmp_path / "a.zip", *((f"good/{number}.png", b"") for number in range(100)))
    with pytest.raises(BadArchive, match="list of its files"):
        unpack(archive, tmp_path / "out")


def test_folders_in_folders_without_end_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadArchive, match="folders deep"):
        unpack(pack(tmp_path / "a.zip", ("a/" * 100 + "0.png", b"x")), tmp_path / "out")


def test_a_process_of_its_own_unpacks_and_says_why_not(tmp_path: Path, settings: Settings) -> None:
    archive = pack(tmp_path / "a.zip", ("good/0.png", b"x"))
    assert asyncio.run(unpack_elsewhere(settings, archive, tmp_path / "out")) == 1
    (tmp_path / "b.zip").write_bytes(b"not a zip")
    with pytest.raises(BadArchive, match="not a zip archive"):
        asyncio.run(unpack_elsewhere(settings, tmp_path / "b.zip", tmp_path / "out_2"))
    with pytest.raises(BadArchive, match="could not be unpacked"):  # it breaks down over a folder that is there
        asyncio.run(unpack_elsewhere(settings, archive, tmp_path / "out"))


def test_names_that_newer_programs_add_in_utf_8_are_taken(tmp_path: Path) -> None:
    raw = "핀홀/0.png".encode("cp949")
    info = zipfile.ZipInfo("x" * len(raw))
    field = b"\1" + struct.pack("<I", zlib.crc32(raw)) + "핀홀/0.png".encode()
    info.extra = struct.pack("<HH", 0x7075, len(field)) + field
    archive = pack(tmp_path / "a.zip", (info, b"1"))
    archive.write_bytes(archive.read_bytes().replace(b"x" * len(raw), raw))
    unpack(archive, tmp_path / "out")
    assert (tmp_path / "out" / "핀홀" / "0.png").read_bytes() == b"1"


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("cp932", "表面/良品/画像.png"),
        ("big5", "螺絲/良品/圖像.png"),
        ("cp949", "나사/정상/이미지.png"),
        ("gbk", "螺丝/良品/图像.png"),
    ],
)
def test_names_of_korean_and_chinese_windows_are_read(tmp_path: Path, encoding: str, name: str) -> None:
    raw = name.encode(encoding)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        opened.writestr(zipfile.ZipInfo("x" * len(raw)), b"1")
    (tmp_path / "a.zip").write_bytes(buffer.getvalue().replace(b"x" * len(raw), raw))
    unpack(tmp_path / "a.zip", tmp_path / "out")
    assert (tmp_path / "out" / name).read_bytes() == b"1"
