"""Score maps on disk, colours that mean the same in every image."""

import numpy as np
import pytest
from PIL import Image

from engine.evaluation.heatmaps import map_scale, overlay, save_map
from engine.png import save_mask
from tests.engine.samples import read_map

GREY = np.full((40, 40, 3), 128, dtype=np.uint8)


def test_a_map_comes_back_from_disk_within_half_a_step(tmp_path):
    scores = np.random.default_rng(0).normal(5, 3, (30, 50))
    scale = map_scale([scores.min()], [scores.max()])
    save_map(tmp_path / "0000.png", scores, scale=scale)
    with Image.open(tmp_path / "0000.png") as image:
        assert (image.mode, image.size) == ("I;16", (50, 30))
    back = read_map(tmp_path / "0000.png", scale=scale)
    assert np.abs(back - scores).max() <= (scale[1] - scale[0]) / 131070 * 1.001
    assert [path.name for path in tmp_path.iterdir()] == ["0000.png"]


def test_a_run_of_equal_scores_still_has_a_scale(tmp_path):
    assert map_scale([2.0, 2.0], [2.0, 2.0]) == (2.0, 3.0)


def test_colour_depends_on_score_and_threshold_alone():
    """The same score has the same colour beside a much higher one: no scaling to an image's own range."""
    quiet, loud = np.full((40, 40), 1.0), np.full((40, 40), 1.0)
    loud[30:, 30:] = 50.0
    first, second = (overlay(GREY, scores, threshold=2.0, lowest=0.0) for scores in (quiet, loud))
    assert (first[:20, :20] == second[:20, :20]).all()


def test_hot_is_red_cold_is_blue_and_the_lowest_shows_the_image():
    scores = np.zeros((40, 40))
    scores[10:20, 10:20], scores[25:35, 25:35] = 4.0, 1.2
    picture = overlay(GREY, scores, threshold=2.0, lowest=0.0).astype(int)
    assert (picture[0, 0] == 128).all()
    red, _, blue = picture[15, 15]
    assert red > blue + 60
    red, _, blue = picture[30, 30]
    assert blue > red


def test_a_contour_surrounds_what_lies_above_the_threshold():
    scores = np.zeros((40, 40))
    scores[10:20, 10:20] = 3.0
    picture = overlay(GREY, scores, threshold=2.0, lowest=0.0)
    white = (picture == 255).all(axis=-1)
    assert white.sum() == 36  # the rim of 10 x 10
    assert white[10, 10:20].all()
    assert not white[11:19, 11:19].any()


def test_a_threshold_at_the_lowest_score_is_drawn_without_a_warning():
    picture = overlay(GREY, np.zeros((40, 40)), threshold=0.0, lowest=0.0)
    assert picture.shape == GREY.shape


def test_masks_are_black_and_white(tmp_path):
    save_mask(tmp_path / "mask.png", np.eye(8))
    with Image.open(tmp_path / "mask.png") as image:
        assert image.mode == "L"
        assert (np.asarray(image) == np.eye(8) * 255).all()


@pytest.mark.parametrize("score", [-5.0, 0.0, 1e9])
def test_scores_outside_the_scale_are_clipped_when_stored(tmp_path, score):
    save_map(tmp_path / "map.png", np.full((4, 4), score), scale=(0.0, 1.0))
    assert read_map(tmp_path / "map.png", scale=(0.0, 1.0)).max() == (1.0 if score > 1 else 0.0)
