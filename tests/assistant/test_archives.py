"""Archives are not trusted: what may not be unpacked is refused, and leaves nothing behind."""

import io
import stat
import zipfile
from pathlib import Path

import pytest

from assistant import archives
from assistant.archives import BadArchive, unpack


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


@pytest.mark.parametrize(("encoding", "name"), [("cp949", "나사/정상/이미지.png"), ("gbk", "螺丝/良品/图像.png")])
def test_names_of_korean_and_chinese_windows_are_read(tmp_path: Path, encoding: str, name: str) -> None:
    raw = name.encode(encoding)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        opened.writestr(zipfile.ZipInfo("x" * len(raw)), b"1")
    (tmp_path / "a.zip").write_bytes(buffer.getvalue().replace(b"x" * len(raw), raw))
    unpack(tmp_path / "a.zip", tmp_path / "out")
    assert (tmp_path / "out" / name).read_bytes() == b"1"
