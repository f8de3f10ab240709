"""Every file of a folder is used or left out with a reason, whatever lies in it."""

import os
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from engine.datasets.check import check_dataset
from tests.engine.samples import plate

FOLDERS = [
    "good",
    "train",
    "test",
    "test_public",
    "test_private",
    "validation",
    "images",
    "rgb",
    "xyz",
    "masks",
    "ground_truth",
    "gt",
    "NG",
    "NG_mask",
    "scratch",
    "crack",
    "day1",
    "불량",
    "양품",
    "Data",
    "Images",
    "Normal",
    "Anomaly",
    "Masks",
    "labels",
    "annotations",
    ".hidden",
    "__MACOSX",
    "a",
    "b",
]
STEMS = [
    "0",
    "1",
    "IMG_2",
    "0_mask",
    "1_GT",
    "mask_0",
    "양품",
    "murascope",
    "split",
    "image_anno",
    "README",
    "._0",
    ".DS_Store",
]
ENDINGS = ["", ".png", ".PNG", ".jpg", ".tif", ".gif", ".txt", ".json", ".xml", ".csv", ".npy", ".db"]
KINDS = [
    "photograph",
    "mask",
    "black",
    "text",
    "labels",
    "bytes",
    "empty",
    "link inside",
    "link outside",
    "link nowhere",
    "pipe",
]
REASONS = {"link", "ending", "unpaired_mask", "unread_folder", "page", "side_channel", "label_file"}

files = st.dictionaries(
    st.builds(
        lambda folders, stem, ending: "/".join([*folders, stem + ending]),
        st.lists(st.sampled_from(FOLDERS), max_size=4),
        st.sampled_from(STEMS),
        st.sampled_from(ENDINGS),
    ),
    st.tuples(st.sampled_from(KINDS), st.integers(0, 3)),
    min_size=1,
    max_size=25,
)


def write(path: Path, kind: str, number: int, root: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels, mask = plate(number, defective=True)
    match kind:
        case "photograph" | "mask" | "black":
            array = {"photograph": pixels, "mask": mask, "black": mask * 0}[kind]
            Image.fromarray(array).save(path, "PNG")
        case "text" | "labels":
            path.write_text("0.png,1\n" if kind == "labels" else "a word")
        case "bytes" | "empty":
            path.write_bytes(b"\x00\x01\xff" if kind == "bytes" else b"")
        case "link inside":
            path.symlink_to(root / "target.png")
        case "link outside":
            path.symlink_to("/etc/hostname")
        case "link nowhere":
            path.symlink_to(path)
        case "pipe":
            os.mkfifo(path)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(files)
def test_every_file_is_used_or_left_out_with_a_reason(drawn):
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "set"
        write(root / "target.png", "photograph", 9, root)
        for name, (kind, number) in drawn.items():
            path = root / name
            if not any(part.is_file() or part.is_symlink() for part in path.parents) and not os.path.lexists(path):
                write(path, kind, number, root)
        on_disk = sum(len(names) for _, _, names in os.walk(root))
        facts = check_dataset(root)
    assert sum(facts.files.values()) == on_disk
    left_out = [entry for entry in facts.left_out if entry.reason != "page"]
    assert sum(entry.count for entry in left_out) == facts.files["left_out"]
    assert {entry.reason for entry in facts.left_out} <= REASONS
    counted = sum(getattr(facts, name) for name in ("train_good", "test_good", "test_defective", "test_unknown"))
    broken = [entry for entry in facts.broken if "mask is ignored" not in entry.reason]
    assert counted + len(broken) == facts.files["pictures"]


def test_what_systems_leave_in_folders_is_counted_and_raises_no_alarm(tmp_path):
    for number in range(30):
        write(tmp_path / f"good/{number}.png", "photograph", number, tmp_path)
    for name in (".DS_Store", "Thumbs.db", "good/._0.png", "good/desktop.ini", "__MACOSX/good/0.png"):
        write(tmp_path / name, "bytes", 0, tmp_path)
    facts = check_dataset(tmp_path)
    assert facts.files == {"pictures": 30, "masks": 0, "tables": 0, "left_out": 5}
    assert {entry.code for entry in facts.notices} == {"no_defects", "no_test_good"}


def test_the_tables_that_are_followed_are_used(tmp_path):
    for number in range(30):
        write(tmp_path / f"good/{number}.png", "photograph", number, tmp_path)
    (tmp_path / "murascope.json").write_text("{}")
    (tmp_path / "LICENSE").write_text("CC BY 4.0")
    (tmp_path / "split.csv").write_text("name,panel\ngood/0.png,P1\n")
    assert check_dataset(tmp_path).files == {"pictures": 30, "masks": 0, "tables": 3, "left_out": 0}
    (tmp_path / "split.csv").write_text("name,label\n0.png,bad\n")  # it says what no folder says, and is not followed
    assert [entry.reason for entry in check_dataset(tmp_path).left_out] == ["label_file"]
