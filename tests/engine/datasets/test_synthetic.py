"""The demo data set: readable as any other, repeatable, and true about where its defects are."""

import copy
import json

import numpy as np
import pytest
from PIL import Image

from engine.datasets.factory import open_dataset
from engine.datasets.synthetic import write_demo
from engine.datasets.synthetic.defects import DEFECTS
from engine.datasets.synthetic.panel import SIZE, good_panel, make_camera, photograph


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    return write_demo(tmp_path_factory.mktemp("data") / "oled")


def test_it_opens_as_any_other_data_set_and_says_that_it_is_synthetic(demo):
    dataset = open_dataset(demo)
    assert (dataset.layout, dataset.title, dataset.synthetic) == ("mvtec", "Demo: synthetic OLED panels", True)
    good = [item for item in dataset.items if item.label == "good"]
    defective = [item for item in dataset.items if item.label == "defective"]
    assert [sum(item.split == split for item in good) for split in ("train", "test")] == [60, 20]
    assert {kind: sum(item.defect_type == kind for item in defective) for kind in DEFECTS} == dict.fromkeys(DEFECTS, 8)
    assert all(item.mask is not None for item in defective)


def test_it_is_small_and_every_mask_marks_something(demo):
    assert sum(path.stat().st_size for path in demo.rglob("*.png")) < 6e6
    for path in demo.glob("ground_truth/*/*.png"):
        with Image.open(path) as mask:
            assert mask.size == (SIZE, SIZE)
            assert 0 < (np.asarray(mask) == 255).mean() < 0.25


def test_writing_it_again_changes_nothing(demo):
    before = {path: path.stat().st_mtime_ns for path in demo.rglob("*")}
    assert write_demo(demo) == demo
    assert {path: path.stat().st_mtime_ns for path in demo.rglob("*")} == before
    assert not demo.with_name("oled.part").exists()


def test_a_folder_with_something_else_is_left_alone(demo, tmp_path):
    with pytest.raises(FileExistsError, match="does not hold the demo of seed 1"):
        write_demo(demo, seed=1)
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="name another folder"):
        write_demo(tmp_path)
    assert json.loads((demo / "murascope.json").read_text())["seed"] == 0


@pytest.mark.parametrize("kind", DEFECTS)
def test_a_defect_changes_the_picture_where_its_mask_says(kind):
    """The same panel, mounted and lit the same way, with and without the defect."""
    camera = make_camera(np.random.default_rng(0))
    for seed in range(4):
        clean = good_panel(np.random.default_rng(seed))
        broken = copy.deepcopy(clean)
        DEFECTS[kind](broken, np.random.default_rng(seed))
        before, after = (photograph(panel, camera, np.random.default_rng(seed)) for panel in (clean, broken))
        changed = np.abs(after.image.astype(float) - before.image)
        assert not before.truth.any()
        assert changed[after.truth].mean() > 4 * changed[~after.truth].mean()


def test_a_seed_repeats_its_picture_and_another_does_not():
    camera = make_camera(np.random.default_rng(0))

    def shoot(seed):
        generator = np.random.default_rng(seed)
        return photograph(good_panel(generator), camera, generator).image

    assert (shoot(1) == shoot(1)).all()
    assert (shoot(1) != shoot(2)).mean() > 0.5
