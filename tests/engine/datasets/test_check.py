import json
import os

import numpy as np
import pytest
from PIL import Image

from engine.datasets.check import check_dataset
from engine.datasets.factory import open_dataset
from engine.datasets.loading import Pictures
from engine.datasets.splits import split_items
from tests.engine.samples import write_mvtec


def codes(entries):
    return [entry.code for entry in entries]


def read_for_training(folder):
    """The fingerprint of the pictures as a training reads them."""
    pictures, dataset = Pictures(image_size=64), open_dataset(folder)
    pictures.readable(dataset.items)
    return pictures.fingerprint(dataset.items)


def test_counts_what_is_there(tmp_path):
    facts = check_dataset(write_mvtec(tmp_path, train=30, good=3, defective=2))
    assert (facts.train_good, facts.test_good, facts.test_defective, facts.masks) == (30, 3, 2, 2)
    assert facts.defect_types == {"patch": 2}
    assert facts.sizes == [(64, 64, 35)]
    assert facts.modes == {"RGB": 35}
    assert facts.problems == facts.notices == facts.broken == []
    json.dumps(facts.told())


def test_broken_pictures_are_named_and_left_out(tmp_path):
    write_mvtec(tmp_path, train=30)
    (tmp_path / "train/good/000.png").write_bytes(b"")
    (tmp_path / "train/good/001.png").write_text("text")
    facts = check_dataset(tmp_path)
    assert facts.train_good == 28
    assert [entry.name for entry in facts.broken] == ["train/good/000.png", "train/good/001.png"]
    assert codes(facts.notices) == ["broken_images"]
    assert facts.problems == []


def test_says_what_makes_training_impossible(tmp_path):
    assert codes(check_dataset(tmp_path).problems) == ["empty"]
    (tmp_path / "good").mkdir()
    (tmp_path / "good" / "0.png").write_bytes(b"")
    assert codes(check_dataset(tmp_path).problems) == ["all_broken"]
    (tmp_path / "dent").mkdir()
    Image.new("L", (8, 8)).save(tmp_path / "dent" / "0.png")
    assert codes(check_dataset(tmp_path).problems) == ["no_good"]


def test_a_data_set_that_is_only_tested_with_is_one(tmp_path):
    data = write_mvtec(tmp_path, train=0, good=3, defective=2)
    (data / "train" / "good").mkdir(parents=True, exist_ok=True)
    facts = check_dataset(data)
    assert (facts.problems, facts.train_good, facts.test_good, facts.test_defective) == ([], 0, 3, 2)
    assert "only_tested_with" in codes(facts.notices) and codes(facts.unfit["detect"]) == ["good_only_tested"]
    assert "--with-training-data" in facts.unfit["detect"][0].hint


def test_says_what_cannot_be_measured(tmp_path):
    goods_only = check_dataset(write_mvtec(tmp_path / "a", train=10, good=0, defective=0))
    assert codes(goods_only.notices) == ["few_images", "no_defects", "no_test_good"]
    no_masks = check_dataset(write_mvtec(tmp_path / "b", train=30, masks=False))
    assert codes(no_masks.notices) == ["no_masks"]


@pytest.mark.parametrize("test_good", [0, 1])
@pytest.mark.parametrize("good", [1, 2, 3, 4, 5])
def test_what_passes_the_check_is_trained_and_what_does_not_is_refused(tmp_path, good, test_good):
    facts = check_dataset(write_mvtec(tmp_path, train=good, good=test_good, defective=1))
    passes = {
        "memory": facts.problems == [],
        "gradient": facts.problems == [] and "memory_models_only" not in codes(facts.notices),
    }
    for family, validation_share in (("memory", 0.0), ("gradient", 0.1)):
        try:
            split_items(open_dataset(tmp_path).items, calibration_share=0.2, validation_share=validation_share, seed=0)
        except ValueError:
            assert not passes[family]
        else:
            assert passes[family]


def test_says_how_many_good_pictures_it_takes(tmp_path):
    facts = check_dataset(write_mvtec(tmp_path, train=3, good=0, defective=1))
    assert codes(facts.notices)[1] == "memory_models_only"
    assert facts.notices[1].values == {"good": 3, "needed": 4}
    (tmp_path / "train/good/000.png").unlink()
    assert "3 are needed" in check_dataset(tmp_path).problems[0].message


def test_a_broken_mask_keeps_its_picture(tmp_path):
    write_mvtec(tmp_path, train=30)
    (tmp_path / "ground_truth/patch/000_mask.png").write_bytes(b"")
    facts = check_dataset(tmp_path)
    assert facts.test_defective == 4
    assert "mask is ignored" in facts.broken[0].reason


def test_the_fingerprint_changes_with_a_pixel_and_with_nothing_else(tmp_path):
    write_mvtec(tmp_path)
    before = check_dataset(tmp_path).fingerprint
    assert read_for_training(tmp_path) == before
    path = tmp_path / "train/good/003.png"
    pixels = np.array(Image.open(path))
    pixels[0, 0, 0] ^= 1
    Image.fromarray(pixels).save(path)
    assert read_for_training(tmp_path) == check_dataset(tmp_path).fingerprint != before


def test_odd_files_are_passed_over_and_the_rest_is_checked(tmp_path):
    good = tmp_path / "good"
    good.mkdir()
    for number in range(4):
        Image.new("RGB", (32, 32), (number, 90, 90)).save(good / f"{number}.png")
    os.mkfifo(good / "pipe.png")
    (good / "loop.png").symlink_to(good / "loop.png")
    Image.new("RGB", (32, 32)).save(tmp_path / "plain.png")
    os.rename(tmp_path / "plain.png", os.fsencode(good) + b"/\xff\xfe.png")
    facts = check_dataset(tmp_path)
    json.dumps(facts.told(), ensure_ascii=False).encode()
    assert facts.train_good == 5


def test_pictures_in_no_folder_are_taken_as_good_and_it_says_so(tmp_path):
    (tmp_path / "scratch").mkdir()
    for number in range(4):
        Image.new("RGB", (32, 32), (number, 90, 90)).save(tmp_path / "scratch" / f"{number}.png")
    facts = check_dataset(tmp_path)
    assert [notice.code for notice in facts.notices if notice.code == "assumed_good"] == ["assumed_good"]


def test_says_that_a_camera_of_twelve_bits_leaves_its_pictures_dark(tmp_path):
    (tmp_path / "good").mkdir()
    for number in range(30):
        Image.fromarray(np.full((32, 32), 4000 + number, dtype=np.uint16)).save(tmp_path / "good" / f"{number}.png")
    notices = {notice.code: notice.values for notice in check_dataset(tmp_path).notices}
    assert notices["dim_16_bit"] == {"highest": 4029}
    Image.fromarray(np.full((32, 32), 60_000, dtype=np.uint16)).save(tmp_path / "good" / "0.png")
    assert "dim_16_bit" not in codes(check_dataset(tmp_path).notices)


def test_says_which_licence_the_pictures_have_and_that_it_binds_the_model(tmp_path):
    write_mvtec(tmp_path, train=30)
    (tmp_path / "murascope.json").write_text(json.dumps({"licence": "CC BY-NC-SA 4.0"}))
    facts = check_dataset(tmp_path)
    assert facts.licence == "CC BY-NC-SA 4.0"
    assert codes(facts.notices) == ["licence_non_commercial"]
    (tmp_path / "murascope.json").write_text(json.dumps({"licence": "CC BY 4.0"}))
    assert codes(check_dataset(tmp_path).notices) == []


def test_says_which_groups_are_learnt_from_and_tested_with_at_once(tmp_path):
    write_mvtec(tmp_path, train=30)
    rows = "train,good,000.png,P1\ntrain,good,001.png,P2\ntest,good,000.png,P1\ntest,good,001.png,P3\n"
    (tmp_path / "split.csv").write_text("split,class,file,panel\n" + rows)
    facts = check_dataset(tmp_path)
    assert facts.groups == 3
    assert [notice.values for notice in facts.notices] == [{"count": 1, "names": "P1"}]


def test_the_fingerprint_changes_when_pictures_are_grouped(tmp_path):
    before = read_for_training(write_mvtec(tmp_path))
    (tmp_path / "split.csv").write_text("name,panel\ntrain/good/000.png,P1\n")
    assert read_for_training(tmp_path) != before


def test_a_mask_that_several_types_claim_is_used_for_none_and_named(tmp_path):
    for name in ("scratch/0", "scratch/1", "stain/0", "masks/0", "masks/1"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("L", (32, 32), 90).save(tmp_path / f"{name}.png")
    assert {item.name for item in open_dataset(tmp_path).items if item.mask} == {"scratch/1.png"}
    notices = {notice.code: notice.values for notice in check_dataset(tmp_path).notices}
    assert notices["disputed_masks"] == {"count": 1, "names": "masks/0.png"}


def test_folders_inside_good_are_named(tmp_path):
    write_mvtec(tmp_path, train=30)
    (tmp_path / "train/good/cracked/deep").mkdir(parents=True)
    (tmp_path / "train/good/000.png").rename(tmp_path / "train/good/cracked/deep/0.png")
    facts = check_dataset(tmp_path)
    assert facts.train_good == 30
    assert [notice.values for notice in facts.notices] == [{"count": 1, "names": "train/good/cracked"}]


def test_a_file_about_the_data_set_that_is_nested_without_end_is_no_json(tmp_path):
    write_mvtec(tmp_path, train=30)
    (tmp_path / "murascope.json").write_text("[" * 100_000)
    assert check_dataset(tmp_path).title is None


def test_a_mask_that_marks_nothing_is_no_truth(tmp_path):
    write_mvtec(tmp_path, train=30, defective=3)
    Image.new("L", (64, 64)).save(tmp_path / "ground_truth/patch/001_mask.png")
    facts = check_dataset(tmp_path)
    notices = {notice.code: notice.values for notice in facts.notices}
    assert notices == {"empty_masks": {"count": 1, "names": "patch"}, "some_masks": {"masks": 2, "defective": 3}}


def test_names_that_differ_in_bytes_that_are_no_text_are_two_pictures(tmp_path):
    (tmp_path / "good").mkdir()
    for number, name in enumerate((b"\xff", b"\xfe", "양품".encode())):
        folder = os.fsencode(tmp_path) + b"/dent\xfd"
        os.makedirs(folder, exist_ok=True)
        Image.new("RGB", (32, 32), (number, 90, 90)).save(tmp_path / "good" / "plain.png")
        os.rename(tmp_path / "good" / "plain.png", folder + b"/" + name + b".png")
    facts = check_dataset(tmp_path)
    json.dumps(facts.told(), ensure_ascii=False).encode()
    assert [image.name for image in facts.images] == ["dent%FD/%FE.png", "dent%FD/%FF.png", "dent%FD/양품.png"]
    assert facts.defect_types == {"dent%FD": 3}


def write_split(folder, **parts):
    """Pictures that differ, of so many of each class in each part: train={"a": 3}."""
    for number, (part, name, count) in enumerate((p, n, c) for p, of in parts.items() for n, c in of.items()):
        (folder / part / name).mkdir(parents=True)
        for index in range(count):
            Image.new("RGB", (64, 64), (number * 9, index * 9, 60)).save(folder / part / name / f"{index}.png")
    return folder


def test_a_split_of_classes_is_told_and_shown_where_the_pictures_are_listed(tmp_path):
    write_split(tmp_path, train={"dent": 4, "stain": 4}, test={"dent": 1, "stain": 2})
    facts = check_dataset(tmp_path)
    (told,) = [notice for notice in facts.notices if notice.code == "given_split"]
    assert told.values == {"train": 8, "validation": 0, "test": 3}
    assert {(each.split, each.defect_type) for each in facts.images} == {
        (part, name) for part in ("train", "test") for name in ("dent", "stain")
    }
    assert (facts.unfit["classify"], codes(facts.unfit["detect"])) == ([], ["no_good"])


def test_a_split_of_good_pictures_alone_is_none_of_classes(tmp_path):
    facts = check_dataset(write_mvtec(tmp_path, train=30, good=3, defective=4))
    assert "given_split" not in codes(facts.notices)


def test_a_picture_of_a_class_that_is_learnt_from_and_tested_with_is_noticed(tmp_path):
    write_split(tmp_path, train={"dent": 4, "stain": 4}, test={"dent": 1, "stain": 2})
    (tmp_path / "test/dent/0.png").write_bytes((tmp_path / "train/dent/1.png").read_bytes())
    (told,) = [notice for notice in check_dataset(tmp_path).notices if notice.code == "twins_across_splits"]
    assert told.values["names"] == "test/dent/0.png"


def test_a_class_alone_is_named_with_its_number_and_what_to_do(tmp_path):
    write_split(tmp_path, **{"all": {"dent": 4, "stain": 2}})
    (problem,) = check_dataset(tmp_path).unfit["classify"]
    assert (problem.code, problem.values["names"]) == ("one_class", "dent (4), stain (2)")
    assert "folder of its own" in problem.hint


def test_pictures_of_no_class_are_said_to_have_none(tmp_path):
    (tmp_path / "test").mkdir()
    Image.new("RGB", (64, 64)).save(tmp_path / "test" / "0.png")
    assert codes(check_dataset(tmp_path).unfit["classify"]) == ["no_class"]
