"""Folders that people really have: what a layout cannot read is refused or told, and never learnt as good in silence."""

import json
import os

import numpy as np
import pytest
from PIL import Image

from engine.datasets.check import check_dataset
from tests.engine.samples import plate

COCO = {"images": [{"id": 1, "file_name": "03.png"}], "annotations": [{"image_id": 1, "bbox": [1, 2, 3, 4]}]}


def put(root, *names, defective=False, first=0, **how):
    for number, name in enumerate(names, start=first):
        save(plate(number, defective=defective)[0], root / name, **how)
    return root


def put_masks(root, *names, **how):
    for number, name in enumerate(names):
        save(plate(number, defective=True)[1], root / name, **how)
    return root


def save(pixels, path, **how):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **how)


def put_good(root, folder="good", count=30, ending="png"):
    put(root / folder, *(f"{number:02}.{ending}" for number in range(count)))
    return root


def figures(facts):
    return tuple(getattr(facts, name) for name in ("train_good", "test_good", "test_defective", "masks"))


def codes(facts, kind="notices"):
    return {entry.code: entry.values for entry in getattr(facts, kind)}


def left_out(facts):
    return {(entry.where, entry.ending, entry.reason): entry.count for entry in facts.left_out}


# ---- masks among the pictures ----


@pytest.mark.parametrize(
    ("pictures", "masks"),
    [
        ("images", "masks"),  # open-edge-platform/anomalib#659
        ("raw", "표시"),
        ("S1/images", "S1/annotated"),
        ("", "gt"),
    ],
)
def test_masks_in_a_folder_beside_their_pictures_are_theirs(tmp_path, pictures, masks):
    put_good(tmp_path, f"good/{pictures}" if pictures else "good")
    put(tmp_path, *(f"NG/{pictures}/{n}.png" for n in "abc"), defective=True)
    put_masks(tmp_path, *(f"NG/{masks}/{n}.png" for n in "abc"))
    facts = check_dataset(tmp_path)
    assert (figures(facts), facts.left_out, facts.problems) == ((30, 0, 3, 3), [], [])


@pytest.mark.parametrize(
    "name", ["{}_mask.png", "{}_GT.png", "{}-seg.bmp", "{} label.tif", "mask_{}.png", "{}.tif", "{}_m.jpg"]
)
def test_masks_beside_their_pictures_are_theirs(tmp_path, name):
    put_good(tmp_path)
    put(tmp_path, *(f"NG/p{n}.png" for n in "abc"), defective=True)
    put_masks(tmp_path, *(f"NG/{name.format(f'p{n}')}" for n in "abc"))
    facts = check_dataset(tmp_path)
    assert (figures(facts), facts.left_out, facts.problems) == ((30, 0, 3, 3), [], [])


def test_masks_that_no_name_gives_away_are_refused_as_pictures(tmp_path):
    put_good(tmp_path)
    put(tmp_path, *(f"NG/image{n}.png" for n in range(3)), defective=True)
    put_masks(tmp_path, *(f"NG/m{n}.png" for n in range(70, 73)))
    facts = check_dataset(tmp_path)
    assert codes(facts, "problems")["masks_among_pictures"] == {"count": 3, "names": "NG"}
    assert "no_masks" not in codes(facts)


def test_pictures_of_two_values_are_no_masks_where_the_good_ones_are_so_too(tmp_path):
    put_masks(tmp_path, *(f"{kind}/{n}.png" for kind in ("good", "NG") for n in range(10)))
    facts = check_dataset(tmp_path)
    assert (facts.train_good, facts.test_defective, facts.problems) == (10, 10, [])


def test_photographs_of_the_same_names_in_several_folders_are_all_pictures(tmp_path):
    put_good(tmp_path, "good/day1")
    for number, day in enumerate(("day1", "day2")):
        put(tmp_path, f"NG/{day}/0.png", f"NG/{day}/1.png", defective=True, first=10 * number)
    assert figures(check_dataset(tmp_path)) == (30, 0, 4, 0)


def test_pictures_named_after_other_pictures_are_taken_and_told(tmp_path):
    put(put_good(tmp_path), "NG/0.png", "NG/0_again.png", "NG/1.png", "NG/small/1.png", defective=True)
    facts = check_dataset(tmp_path)
    assert facts.test_defective == 4
    assert codes(facts)["named_alike"]["count"] == 2


@pytest.mark.parametrize("pictures", ["rgb", "images", "Color"])
def test_depth_beside_the_pictures_is_left_out(tmp_path, pictures):
    for folder, count in (("train/good", 30), ("test/good", 3), ("test/hole", 3)):
        for number in range(count):
            pixels, mask = plate(number, defective=folder == "test/hole")
            save(pixels, tmp_path / folder / pictures / f"{number}.png")
            save(pixels[..., 0].astype(np.uint16) * 200, tmp_path / folder / "xyz" / f"{number}.tiff")
            if count == 3:
                save(mask, tmp_path / folder / "gt" / f"{number}.png")
    facts = check_dataset(tmp_path)
    assert figures(facts) == (30, 3, 3, 3)
    assert left_out(facts)["train/good/xyz", ".tiff", "side_channel"] == 30


def test_of_two_folders_of_different_depth_nobody_can_tell_the_pictures(tmp_path):
    for folder in ("good", "NG"):
        for number in range(20):
            pixels = plate(number, defective=folder == "NG")[0]
            save(pixels, tmp_path / folder / "a" / f"{number}.png")
            save(pixels[..., 0].astype(np.uint16) * 200, tmp_path / folder / "b" / f"{number}.png")
    assert "unclear_channels" in codes(check_dataset(tmp_path), "problems")


# ---- labels beside the pictures ----


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("_annotations.coco.json", json.dumps(COCO)),
        ("labels/instances.json", json.dumps({"파일": ["\\u0030" + "3.png"]}).replace("\\\\", "\\")),
        ("03.txt", "0 0.5 0.5 0.1 0.1\n"),
        ("labels/train/03.txt", "0 0.5 0.5 0.1 0.1\n"),
        ("03.json", '{"shapes": []}'),
        ("ann/03.png.json", "{}"),
        ("Annotations/03.xml", "<annotation/>"),
        ("all.xml", '<image id="0" name="03.png" width="64">'),
        ("labels.csv", "".join(f"{number:02},{number % 2}\n" for number in range(30))),
    ],
)
def test_pictures_taken_as_good_beside_labels_are_refused(tmp_path, name, text):
    put_good(tmp_path, "images")
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(text)
    facts = check_dataset(tmp_path)
    assert "labels_beside_pictures" in codes(facts, "problems")
    assert [entry.reason for entry in facts.left_out] == ["label_file"]


def test_labels_beside_pictures_that_the_folders_tell_apart_are_told(tmp_path):
    put(put_good(tmp_path), "NG/a.png", defective=True)
    (tmp_path / "NG/a.json").write_text("{}")
    facts = check_dataset(tmp_path)
    assert (facts.problems, codes(facts)["labels_beside_pictures"]) == ([], {"count": 1, "names": "NG/a.json"})
    assert "no_masks" not in codes(facts)


@pytest.mark.parametrize("where", ["train/{}.png", "{}.png"])
def test_masks_of_pictures_that_are_only_taken_as_good_are_labels(tmp_path, where):
    for number in range(30):
        pixels, mask = plate(number, defective=number < 3)
        save(pixels, tmp_path / where.format(f"{number:02}"))
        save(mask, tmp_path / where.format(f"{number:02}_GT"))
    assert codes(check_dataset(tmp_path), "problems")["labels_beside_pictures"]["count"] == 3


@pytest.mark.parametrize("encoding", ["utf-8", "cp949", "gb18030"])
def test_lists_in_older_encodings_are_labels(tmp_path, encoding):
    put_good(tmp_path, "images")
    (tmp_path / "list.csv").write_bytes("파일,판정\n03.png,불량\n".encode(encoding))
    assert "labels_beside_pictures" in codes(check_dataset(tmp_path), "problems")


def test_pictures_of_a_kind_that_is_not_read_are_no_labels(tmp_path):
    put(put_good(tmp_path), "NG/0.png", defective=True)
    Image.fromarray(plate(0)[0][..., 0] // 4 + 110).save(tmp_path / "NG/0.pgm")
    facts = check_dataset(tmp_path)
    assert left_out(facts) == {("NG", ".pgm", "ending"): 1}
    assert codes(facts)["unread_endings"] == {"count": 1, "names": ".pgm"}


def test_text_that_names_no_picture_is_no_label(tmp_path):
    put_good(tmp_path, "")
    (tmp_path / "notes.txt").write_text("taken on Monday, lamp 3")
    (tmp_path / "README.md").write_text("see 03.png")
    facts = check_dataset(tmp_path)
    assert (facts.problems, {entry.reason for entry in facts.left_out}) == ([], {"ending"})


# ---- names that are lost ----


@pytest.mark.parametrize(
    "around", ["test", "Test_Set", "NG", "defects_2024", "불량품", "缺陷", "테스트", "x/validation", "不合格"]
)
def test_a_lone_folder_called_after_defects_or_a_test_is_not_learnt_as_good(tmp_path, around):
    put(tmp_path, *(f"{around}/stain/{number}.png" for number in range(30)), defective=True)
    facts = check_dataset(tmp_path)
    assert (facts.train_good, codes(facts, "problems").keys()) == (0, {"no_good"})


@pytest.mark.parametrize("around", ["panel_line3", "export/images/a/b"])
def test_a_lone_folder_that_says_nothing_is_looked_through_and_named(tmp_path, around):
    put_good(tmp_path, around)
    facts = check_dataset(tmp_path)
    assert (facts.train_good, codes(facts)["assumed_good"]) == (30, {"count": 30, "names": around})


def test_a_test_folder_that_is_learnt_from_is_told(tmp_path):
    put(put_good(tmp_path, "test/good"), "test/dent/a.png", defective=True)
    facts = check_dataset(tmp_path)
    assert (figures(facts), codes(facts)["learnt_from_test"]) == ((30, 0, 1, 0), {"names": "test"})


def test_good_folders_inside_defect_types_are_refused(tmp_path):
    put_good(tmp_path, "train/good")
    put(tmp_path, "test/lot1/good/a.png", "test/lot1/NG/b.png", "test/lot2/NG/c.png")
    assert codes(check_dataset(tmp_path), "problems")["good_among_defects"] == {"count": 1, "names": "test/lot1/good"}


def test_a_defect_type_that_may_mean_good_is_told(tmp_path):
    put(put_good(tmp_path), "OK_parts/a.png", "not_ok/b.png")
    assert codes(check_dataset(tmp_path))["perhaps_good"] == {"count": 1, "names": "OK_parts"}


# ---- masks ----


def test_masks_are_found_whatever_case_their_names_have(tmp_path):
    put_good(tmp_path, "Train/OK", ending="PNG")
    put(tmp_path, "Test/Dent/IMG_1.PNG", "Test/Dent/IMG_2.JPG", defective=True)
    put_masks(tmp_path, "Ground_Truth/dent/IMG_1_mask.PNG", "Ground_Truth/dent/img_2_Mask.Png")
    assert figures(check_dataset(tmp_path)) == (30, 0, 2, 2)


def test_masks_that_fit_no_picture_are_told_and_not_that_there_are_none(tmp_path):
    put(put_good(tmp_path), "NG/image1.png", "NG/image2.png", defective=True)
    put_masks(tmp_path, "mask/mask1.png", "mask/1/000.png")
    facts = check_dataset(tmp_path)
    assert left_out(facts) == {("mask", ".png", "unpaired_mask"): 1, ("mask/1", ".png", "unpaired_mask"): 1}
    assert codes(facts)["unpaired_masks"] == {"count": 2, "names": "mask, mask/1"}
    assert "no_masks" not in codes(facts)


@pytest.mark.parametrize("radius", [8, 26])
def test_inverted_masks_and_coloured_grounds_are_told(tmp_path, radius):
    put(put_good(tmp_path), "NG/0.png", "NG/1.png", defective=True)
    rows, columns = np.mgrid[:64, :64]
    disc = (rows - 32) ** 2 + (columns - 32) ** 2 < radius**2
    save(np.where(disc, 0, 255).astype(np.uint8), tmp_path / "masks/0.png")
    save(np.where(disc[..., None], (255, 0, 204), (102, 51, 0)).astype(np.uint8), tmp_path / "masks/1.png")
    assert codes(check_dataset(tmp_path))["mask_nearly_full"]["count"] == 2


def test_a_large_defect_is_no_inverted_mask(tmp_path):
    put(put_good(tmp_path), "NG/0.png", defective=True)
    large = np.zeros((64, 64), dtype=np.uint8)
    large[:, :44] = 255
    save(large, tmp_path / "masks/0.png")
    assert "mask_nearly_full" not in codes(check_dataset(tmp_path))


def test_masks_of_many_values_are_told(tmp_path):
    put(put_good(tmp_path), "NG/0.png", "NG/1.png", defective=True)
    put_masks(tmp_path, "masks/0.png")
    save(np.linspace(0, 200, 64 * 64).reshape(64, 64).astype(np.uint8), tmp_path / "masks/1.png")
    assert codes(check_dataset(tmp_path))["mask_not_two_valued"] == {"count": 1, "names": "NG"}


def test_masks_of_photographs_that_exif_turns_are_turned_or_told(tmp_path):
    put_good(tmp_path)
    for number, orientation in enumerate((1, 6, 3)):
        exif = Image.Exif()
        exif[0x0112] = orientation
        save(plate(number, defective=True)[0][:40], tmp_path / f"NG/{number}.jpg", exif=exif)
        save(plate(number, defective=True)[1][:40], tmp_path / f"masks/{number}.png")
    found = codes(check_dataset(tmp_path))
    assert found["mask_turned"] == found["mask_may_lie_otherwise"] == {"count": 1, "names": "NG"}


# ---- pictures ----


def test_pictures_of_other_endings_are_named(tmp_path):
    put(put_good(tmp_path), "NG/0.png", defective=True)
    for ending in ("heic", "npy", ""):
        (tmp_path / f"NG/x.{ending}".rstrip(".")).write_bytes(b"\x00\x01\xff")
    facts = check_dataset(tmp_path)
    assert codes(facts)["unread_endings"]["count"] == 3
    assert set(left_out(facts)) == {("NG", ".heic", "ending"), ("NG", ".npy", "ending"), ("NG", "", "ending")}


def test_pages_that_are_not_read_are_counted(tmp_path):
    put_good(tmp_path)
    pages = [Image.fromarray(plate(number, defective=True)[0]) for number in range(3)]
    (tmp_path / "NG").mkdir()
    pages[0].save(tmp_path / "NG/0.tif", save_all=True, append_images=pages[1:])
    facts = check_dataset(tmp_path)
    assert (left_out(facts), codes(facts)["more_pages"]["count"]) == ({("NG", ".tif", "page"): 2}, 1)


def test_the_same_pixels_in_two_places_are_told(tmp_path):
    put_good(tmp_path, "train/good")
    put(tmp_path, "test/good/again.bmp", "test/good/bent.png")
    put(tmp_path, "test/bent/b.tif", first=1)
    found = codes(check_dataset(tmp_path))
    assert found["twins_across_splits"]["count"] == 3
    assert found["twins_across_labels"]["names"] == "test/bent/b.tif = test/good/bent.png = train/good/01.png"


def test_good_pictures_that_are_there_twice_are_told_where_the_test_is_drawn_from_them(tmp_path):
    put(put_good(tmp_path), "good/again.bmp")
    assert codes(check_dataset(tmp_path))["twins_among_good"]["names"] == "good/00.png = good/again.bmp"


def test_a_depth_that_tells_good_from_defective_is_told(tmp_path):
    put_good(tmp_path)
    save(plate(0, defective=True)[0][..., 0].astype(np.uint16) * 256, tmp_path / "NG/0.png")
    assert codes(check_dataset(tmp_path))["depth_differs"] == {"good": "8", "defective": "16"}


# ---- what is no plain file ----


def test_pipes_under_any_name_are_never_opened(tmp_path):
    put(put_good(tmp_path), "NG/0.png", defective=True)
    for name in ("murascope.json", "split.csv", "LICENSE", "good/pipe.png", "NG/0.txt", "NG/0_mask.png"):
        os.mkfifo(tmp_path / name)
    facts = check_dataset(tmp_path)
    assert [entry.name for entry in facts.broken] == ["NG/0.png", "good/pipe.png"]
    assert sum(facts.files.values()) == 30 + 1 + 6


def test_folders_called_like_files_are_folders(tmp_path):
    put_good(tmp_path)
    for name in ("murascope.json", "split.csv", "good/folder.png"):
        (tmp_path / name).mkdir()
    assert figures(check_dataset(tmp_path)) == (30, 0, 0, 0)
