"""Registered data sets: every change of their files is noticed, and an upload keeps one name from its first byte on."""

import io
import os
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from assistant.data.datasets import folder_stamp
from assistant.data.uploads import under_way
from assistant.workspace import Workspace


def test_a_picture_that_only_moved_changes_the_stamp_of_its_folder(tmp_path: Path) -> None:
    for name in ("good", "scratch"):
        (tmp_path / name).mkdir()
    (tmp_path / "good" / "1.png").write_bytes(b"x")
    before = folder_stamp(tmp_path)
    (tmp_path / "good" / "1.png").rename(tmp_path / "scratch" / "1.png")
    assert folder_stamp(tmp_path) != before


def test_the_stamp_of_a_folder_notices_pictures_exchanged_for_others_of_the_same_size_and_date(tmp_path: Path) -> None:
    for number in range(2):  # as an archive may bring them
        Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / f"{number}.bmp")
        os.utime(tmp_path / f"{number}.bmp", (1, 1))
    before = folder_stamp(tmp_path)
    (tmp_path / "0.bmp").rename(tmp_path / "aside")
    (tmp_path / "1.bmp").rename(tmp_path / "0.bmp")
    (tmp_path / "aside").rename(tmp_path / "1.bmp")
    assert folder_stamp(tmp_path) != before


def test_the_stamp_of_a_folder_notices_other_labels(panels: Path) -> None:
    before = folder_stamp(panels)
    (panels / "split.csv").write_text("name,panel\ntrain/good/000.png,P1\n")
    assert folder_stamp(panels) != before


@pytest.mark.anyio
async def test_a_data_set_lies_where_its_upload_said_it_would(workspace: Workspace, panels: Path) -> None:
    async with under_way(workspace.settings) as upload:
        with zipfile.ZipFile(upload.part, "w") as archive:
            for path in panels.rglob("*.png"):
                archive.write(path, path.relative_to(panels))
        row = await workspace.datasets.add_archive("panels", upload.part, upload)
        others = [path.name for path in workspace.settings.uploads_folder.iterdir()]
    assert Path(row.path).name == upload.lock.stem
    assert sorted(others) == [upload.lock.name, upload.part.name]


@pytest.mark.anyio
@pytest.mark.parametrize("around", ["", "wrapped/", "wrapped/again/"])
async def test_an_archive_of_class_folders_is_taken_at_its_top_or_in_a_folder(
    workspace: Workspace, around: str
) -> None:
    async with under_way(workspace.settings) as upload:
        with zipfile.ZipFile(upload.part, "w") as archive:
            for name, number in ((name, number) for name in ("crack", "stain") for number in range(3)):
                picture = io.BytesIO()
                Image.new("RGB", (64, 64), (number * 9, len(name) * 20, 60)).save(picture, "PNG")
                archive.writestr(f"{around}{name}/{number}.png", picture.getvalue())
        row = await workspace.datasets.add_archive("tiles", upload.part, upload)
    assert row.facts.defect_types == {"crack": 3, "stain": 3}
