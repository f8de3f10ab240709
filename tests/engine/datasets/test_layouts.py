import json
import shutil
import subprocess
import sys
from collections import Counter
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest
from PIL import Image

from engine.datasets import layouts
from engine.datasets.factory import open_dataset
from engine.datasets.tree import look_into

MVTEC = ["train/good/0.png", "test/good/0.png", "test/dent/0.png", "ground_truth/dent/0_mask.png"]
BTAD = [
    *("train/ok/0.bmp", "test/ok/1.bmp", "test/ko/2.bmp", "test/ko/3.bmp"),
    *("ground_truth/ko/2.bmp", "ground_truth/ko/3.png"),
]
VISA = [
    *(f"Data/Images/Normal/{number}.JPG" for number in ("0000", "0001", "0002")),
    *(f"Data/Images/Anomaly/{number}.JPG" for number in ("000", "001")),
    *(f"Data/Masks/Anomaly/{number}.png" for number in ("000", "001")),
]


def put(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), 90).save(root / name)
    return root


def facts(root: Path) -> Counter[tuple[str, str, str | None, bool]]:
    return Counter((i.split, i.label, i.defect_type, i.mask is not None) for i in open_dataset(root).items)


def test_mvtec_with_masks_named_both_ways(tmp_path):
    put(tmp_path, "train/good/0.png", "test/good/0.png", "test/dent/0.png", "test/dent/1.png")
    put(tmp_path, "ground_truth/dent/0_mask.png", "ground_truth/dent/1.png")
    assert open_dataset(tmp_path).layout == "mvtec"
    assert facts(tmp_path) == {
        ("train", "good", None, False): 1,
        ("test", "good", None, False): 1,
        ("test", "defective", "dent", True): 2,
    }


def test_mvtec_without_a_test_folder_and_without_a_good_folder(tmp_path):
    put(tmp_path, "train/0.png", "train/1.png")
    assert open_dataset(tmp_path).layout == "mvtec"
    assert facts(tmp_path) == {("train", "good", None, False): 2}


def test_defective_pictures_among_the_training_ones_are_tested_with(tmp_path):
    put(tmp_path, "train/good/0.png", "train/dent/0.png", "test/0.png")
    assert facts(tmp_path) == {
        ("train", "good", None, False): 1,
        ("test", "defective", "dent", False): 1,
        ("test", "unknown", None, False): 1,
    }


@pytest.mark.parametrize("good", ["good", "Normal", "OK", "양품", "良品", "defect-free"])
def test_a_folder_per_class_with_good_spelled_in_many_ways(tmp_path, good):
    put(tmp_path, f"{good}/0.png", f"{good}/1.png", "scratch/0.png")
    assert open_dataset(tmp_path).layout == "folder"
    assert facts(tmp_path) == {("train", "good", None, False): 2, ("test", "defective", "scratch", False): 1}


@pytest.mark.parametrize(
    "mask", ["masks/0.png", "masks/scratch/0_mask.png", "scratch_mask/0.png", "ground_truth/scratch/0.png"]
)
def test_a_folder_per_class_with_masks_in_many_places(tmp_path, mask):
    put(tmp_path, "good/0.png", "scratch/0.png", mask)
    assert facts(tmp_path) == {("train", "good", None, False): 1, ("test", "defective", "scratch", True): 1}


@pytest.mark.parametrize("kind", ["shadow_mask", "solder_masks", "mask"])
def test_a_defect_type_may_be_called_after_a_mask(tmp_path, kind):
    put(tmp_path / "a", "good/0.png", f"{kind}/0.png", "dent/0.png", f"masks/{kind}/0.png")
    put(tmp_path / "b", "train/good/0.png", f"test/{kind}/0.png", "test/dent/0.png", f"ground_truth/{kind}/0_mask.png")
    for root in (tmp_path / "a", tmp_path / "b"):
        assert facts(root) == {
            ("train", "good", None, False): 1,
            ("test", "defective", kind, True): 1,
            ("test", "defective", "dent", False): 1,
        }


def test_a_name_that_ends_like_masks_without_the_class_beside_it_is_a_class(tmp_path):
    put(tmp_path, "good/0.png", "shadow_mask/0.png", "dent/0.png", "scratch/0.png", "scratch_mask/0.png")
    assert facts(tmp_path) == {
        ("train", "good", None, False): 1,
        ("test", "defective", "shadow_mask", False): 1,
        ("test", "defective", "dent", False): 1,
        ("test", "defective", "scratch", True): 1,
    }


def test_a_class_beside_its_namesake_keeps_its_own_masks(tmp_path):
    put(tmp_path, "good/0.png", "shadow/0.png", "shadow_mask/0.png", "masks/shadow_mask/0.png")
    masks = {item.defect_type: item.mask for item in open_dataset(tmp_path).items if item.defect_type}
    assert masks == {"shadow": None, "shadow_mask": tmp_path / "masks/shadow_mask/0.png"}


def test_pictures_alone_are_all_good(tmp_path):
    put(tmp_path, "a.png", "b.JPG")
    assert facts(tmp_path) == {("train", "good", None, False): 2}


def test_the_classes_may_lie_in_a_folder_of_images_beside_their_masks(tmp_path):
    put(tmp_path, "images/good/0.png", "images/scratch/0.png", "masks/scratch/0.png")
    assert open_dataset(tmp_path).layout == "folder"
    assert facts(tmp_path) == {("train", "good", None, False): 1, ("test", "defective", "scratch", True): 1}


def test_a_category_of_btad_reads_as_mvtec_with_its_bmp_and_png_masks(tmp_path):
    put(tmp_path, *BTAD)
    assert open_dataset(tmp_path).layout == "mvtec"
    assert facts(tmp_path) == {
        ("train", "good", None, False): 1,
        ("test", "good", None, False): 1,
        ("test", "defective", "ko", True): 2,
    }


def test_several_categories_side_by_side_prefix_their_defect_types(tmp_path):
    put(tmp_path, *(f"bottle/{name}" for name in MVTEC), *(f"02/{name}" for name in BTAD))
    put(tmp_path, "plates/good/0.png", "plates/stain/0.png", "readme.png")
    dataset = open_dataset(tmp_path)
    assert dataset.layout == "categories"
    assert facts(tmp_path) == {
        ("train", "good", None, False): 3,
        ("test", "good", None, False): 2,
        ("test", "defective", "bottle/dent", True): 1,
        ("test", "defective", "02/ko", True): 2,
        ("test", "defective", "plates/stain", False): 1,
    }
    assert "bottle/train/good/0.png" in {item.name for item in dataset.items}


@pytest.mark.parametrize("names", [("Training", "Testing"), ("train", "validation", "test")])
def test_the_parts_of_one_data_set_are_no_categories(tmp_path, names):
    put(tmp_path, *(f"{name}/good/0.png" for name in names), f"{names[-1]}/dent/0.png")
    assert open_dataset(tmp_path).layout == "mvtec"
    assert facts(tmp_path) == {
        ("train", "good", None, False): len(names) - 1,
        ("test", "good", None, False): 1,
        ("test", "defective", "dent", False): 1,
    }


def test_one_object_of_visa_takes_its_kinds_of_defect_from_the_table(tmp_path):
    put(tmp_path, *VISA)
    (tmp_path / "image_anno.csv").write_text(
        "image,label,mask\n"
        "candle/Data/Images/Normal/0000.JPG,normal,\n"
        "candle/Data/Images/Anomaly/000.JPG,chunk of wax missing,candle/Data/Masks/Anomaly/000.png\n"
        'candle/Data/Images/Anomaly/001.JPG,"chunk of wax missing,weird candle wick",candle/Data/Masks/Anomaly/001.png\n'
    )
    assert open_dataset(tmp_path).layout == "visa"
    assert facts(tmp_path) == {
        ("train", "good", None, False): 3,
        ("test", "defective", "chunk of wax missing", True): 1,
        ("test", "defective", "combined", True): 1,
    }


def test_all_of_visa_is_split_as_its_table_says(tmp_path):
    put(tmp_path, *(f"{thing}/{name}" for thing in ("candle", "pcb1") for name in VISA))
    (tmp_path / "split_csv").mkdir()
    (tmp_path / "split_csv" / "1cls.csv").write_text(
        "object,split,label,image,mask\n"
        "candle,train,normal,candle/Data/Images/Normal/0000.JPG,\n"
        "candle,test,normal,candle/Data/Images/Normal/0001.JPG,\n"
        "pcb1,train,normal,pcb1/Data/Images/Normal/0001.JPG,\n"
        "pcb1,test,anomaly,pcb1/Data/Images/Anomaly/000.JPG,pcb1/Data/Masks/Anomaly/000.png\n"
    )
    assert open_dataset(tmp_path).layout == "visa"
    assert facts(tmp_path) == {
        ("train", "good", None, False): 2,
        ("test", "good", None, False): 4,
        ("test", "defective", "candle/anomaly", True): 2,
        ("test", "defective", "pcb1/anomaly", True): 2,
    }


def parts(root: Path) -> Counter[tuple[str | None, str | None]]:
    return Counter((item.defect_type, item.part) for item in open_dataset(root).items)


@pytest.mark.parametrize(
    ("train", "validation", "test"),
    [
        ("train", "val", "test"),
        ("Train", "VALID", "Test"),
        ("01_training", "02_validation", "03_test_set"),
        ("학습", "검증", "시험용"),
    ],
)
@pytest.mark.parametrize("place", ["{part}/{name}/{number}.png", "{name}/{part}/{number}.png"])
def test_classes_without_a_good_one_keep_the_split_of_their_folders(tmp_path, train, validation, test, place):
    for part, count in {train: 3, validation: 1, test: 2}.items():
        for name in ("a", "b"):
            put(tmp_path, *(place.format(part=part, name=name, number=number) for number in range(count)))
    assert open_dataset(tmp_path).layout == "splits"
    counts = {"train": 3, "validation": 1, "test": 2}
    assert parts(tmp_path) == {(name, part): count for name in ("a", "b") for part, count in counts.items()}


def test_good_pictures_among_split_classes_are_learnt_from_and_tested_with_as_they_lie(tmp_path):
    put(
        tmp_path, "good/train/0.png", "good/test/0.png", "dent/train/0.png", "dent/test/0.png", "masks/dent/train/0.png"
    )
    assert open_dataset(tmp_path).layout == "splits"
    assert facts(tmp_path) == {
        ("train", "good", None, False): 1,
        ("test", "good", None, False): 1,
        ("test", "defective", "dent", True): 1,
        ("test", "defective", "dent", False): 1,
    }


def test_a_part_alone_is_no_class_and_classes_without_one_are_learnt_from(tmp_path):
    put(tmp_path / "a", "train/x/0.png", "train/y/0.png")
    put(tmp_path / "b", "x/train/0.png", "x/test/0.png", "y/0.png")
    assert {item.defect_type for item in open_dataset(tmp_path / "a").items} == {"x", "y"}
    assert parts(tmp_path / "b") == {("x", "train"): 1, ("x", "test"): 1, ("y", "train"): 1}


def test_pictures_to_test_with_that_lie_in_no_class_are_of_none(tmp_path):
    put(tmp_path, "train/x/0.png", "train/y/0.png", "test/0.png")
    assert facts(tmp_path)["test", "unknown", None, False] == 1
    assert parts(tmp_path) == {("x", "train"): 1, ("y", "train"): 1, (None, "test"): 1}


@pytest.mark.parametrize("around", ["", "wrapped/", "wrapped/again/"])
def test_classes_are_found_below_any_number_of_folders_that_an_archive_adds(tmp_path, around):
    put(tmp_path, f"{around}crack/0.png", f"{around}stain/0.png")
    assert {item.defect_type for item in open_dataset(tmp_path).items} == {"crack", "stain"}


def test_looks_through_the_folder_that_an_archive_adds(tmp_path):
    put(tmp_path, "wrapped/good/0.png", "__MACOSX/wrapped/good/._0.png", "wrapped/good/._0.png")
    dataset = open_dataset(tmp_path)
    assert dataset.path == tmp_path / "wrapped"
    assert [item.name for item in dataset.items] == ["good/0.png"]


def test_goods_only_in_one_folder_are_no_wrapper(tmp_path):
    put(tmp_path, "good/0.png")
    assert [item.name for item in open_dataset(tmp_path).items] == ["good/0.png"]


def test_a_link_out_of_the_data_set_is_not_followed(tmp_path):
    outside = put(tmp_path / "outside", "secret.png")
    root = put(tmp_path / "data", "good/0.png", "good/1.png")
    (root / "good" / "2.png").symlink_to(outside / "secret.png")
    (root / "good" / "3.png").symlink_to(root / "good" / "1.png")
    (root / "linked").symlink_to(outside)
    assert [item.name for item in open_dataset(root).items] == ["good/0.png", "good/1.png", "good/3.png"]


def test_reads_title_and_synthetic_from_the_data_sets_own_file(tmp_path):
    put(tmp_path, "good/0.png")
    (tmp_path / "murascope.json").write_text(json.dumps({"title": "Demo", "synthetic": True}))
    dataset = open_dataset(tmp_path)
    assert (dataset.title, dataset.synthetic) == ("Demo", True)
    (tmp_path / "murascope.json").write_text("{broken")
    assert open_dataset(tmp_path).title is None


def test_a_missing_folder_is_said_and_an_empty_one_has_no_items(tmp_path):
    assert open_dataset(tmp_path).items == []
    with pytest.raises(LookupError, match="there is no data set folder"):
        open_dataset(tmp_path / "gone")


def test_no_two_layouts_match_besides_the_last_one(tmp_path):
    names = [module.name for module in iter_modules(layouts.__path__) if module.name != "folder"]
    modules = [import_module(f"{layouts.__name__}.{name}") for name in names]
    for names in (
        ["train/good/0.png"],
        ["good/0.png"],
        ["0.png"],
        ["train/0.png", "good/0.png"],
        ["x/0.png", "y/0.png"],
        [f"bottle/{name}" for name in MVTEC] + [f"cable/{name}" for name in MVTEC],
        [f"{category}/{name}" for category in ("01", "02", "03") for name in BTAD],
        [f"candle/{name}" for name in VISA] + [f"pcb1/{name}" for name in VISA],
        VISA,
        BTAD,
        [*VISA, *MVTEC],
        [*(f"candle/{name}" for name in VISA), *(f"bottle/{name}" for name in MVTEC)],
        ["images/good/0.png", "images/dent/0.png", "masks/dent/0.png"],
        ["a/good/0.png", "a/dent/0.png", "b/good/0.png"],
        ["good/0.png", "a/good/0.png", "b/good/0.png"],
        ["train/x/0.png", "train/y/0.png", "test/x/0.png", "val/y/0.png"],
        ["x/train/0.png", "x/test/0.png", "y/train/0.png", "y/test/0.png"],
    ):
        root = put(tmp_path / "data", *names)
        assert sum(module.matches(look_into(root)) for module in modules) <= 1, names
        shutil.rmtree(root)


def test_mvtec_with_a_good_folder_beside_train_is_mvtec(tmp_path):
    put(tmp_path, "train/0.png", "good/0.png")
    assert open_dataset(tmp_path).layout == "mvtec"


def test_a_new_layout_with_a_good_folder_comes_before_the_folder_layout(tmp_path, monkeypatch):
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "zones.py").write_text(
        "from engine.datasets import Reading\n"
        "def matches(folder): return folder.path / 'zones.txt' in folder.others\ndef read(folder): return Reading()\n"
    )
    monkeypatch.setattr(layouts, "__path__", [*layouts.__path__, str(tmp_path / "more")])
    root = put(tmp_path / "data", "good/0.png", "dent/0.png")
    assert open_dataset(root).layout == "folder"
    (root / "zones.txt").touch()
    assert open_dataset(root).layout == "zones"


def steps_to_read(root: Path) -> int:
    """How many calls of functions it takes; the same whenever it is counted."""
    calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        open_dataset(root)
    finally:
        sys.setprofile(None)
    return calls


def test_twice_as_many_defect_types_take_twice_as_long_to_read(tmp_path):
    for count in (40, 80):
        put(tmp_path / str(count), "good/0.png", *(f"{kind}/0.png" for kind in range(count)))
        put(tmp_path / str(count), *(f"masks/{kind}/0.png" for kind in range(count)))
    assert steps_to_read(tmp_path / "80") < 2.2 * steps_to_read(tmp_path / "40")


def test_needs_no_torch():
    code = "import sys, engine.datasets.check; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
