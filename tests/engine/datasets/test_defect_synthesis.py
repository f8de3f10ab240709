"""Made-up defects for training: where the mask says, visible, of bounded size, the same for the same generator."""

import copy
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from engine.datasets.synthetic.blending import LEAST_AREA, MOST_AREA, Synthesis, defect_mask
from engine.datasets.synthetic.perlin import perlin_noise
from engine.datasets.synthetic.textures import PATTERNS, TextureFolder, drawn_texture
from tests.engine.samples import plate


def picture(number: int = 1) -> np.ndarray:
    return plate(number, size=96)[0].astype(np.float32) / 255


@given(st.integers(8, 70), st.integers(8, 70), st.integers(1, 6), st.integers(1, 6), st.integers(0, 99))
def test_noise_equals_perlins_sum_over_the_corners_of_a_cell(height, width, rows, columns, seed):
    noise = perlin_noise(height, width, cells=(rows, columns), generator=np.random.default_rng(seed))
    angles = np.random.default_rng(seed).uniform(0, 2 * np.pi, (rows + 1, columns + 1))
    y, x = height // 2, width // 3
    v, u = (y + 0.5) * rows / height, (x + 0.5) * columns / width
    total = 0.0
    for row in (int(v), int(v) + 1):
        for column in (int(u), int(u) + 1):
            if row > rows or column > columns:
                continue
            dy, dx = v - row, u - column
            weight = np.prod([1 - (6 * d**5 - 15 * d**4 + 10 * d**3) for d in (abs(dy), abs(dx))])
            total += weight * (np.sin(angles[row, column]) * dy + np.cos(angles[row, column]) * dx)
    assert noise[y, x] == pytest.approx(total * np.sqrt(2), abs=1e-4)
    assert np.abs(noise).max() <= 1.0001


def test_masks_are_of_many_shapes_and_their_area_stays_within_the_limits():
    areas = [defect_mask(96, 128, np.random.default_rng(seed)).mean() for seed in range(200)]
    assert LEAST_AREA <= min(areas) < 0.02
    assert 0.2 < max(areas) <= MOST_AREA


@pytest.mark.parametrize("size", [8, 33, 64])
def test_masks_keep_to_the_limits_in_tiny_pictures_too(size):
    areas = [defect_mask(size, size, np.random.default_rng(seed)).mean() for seed in range(50)]
    assert min(areas) >= LEAST_AREA
    assert max(areas) <= MOST_AREA


@pytest.mark.parametrize("textures", ["drawn", "folder"])
def test_the_twin_differs_where_the_mask_says_and_nowhere_else(tmp_path, textures):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)).save(tmp_path / "a.png")
    make = Synthesis(str(tmp_path) if textures == "folder" else None)
    for seed in range(40):
        twin, mask = make(picture(), np.random.default_rng(seed))
        changed = np.abs(twin - picture()).mean(axis=2)
        assert twin.dtype == mask.dtype == np.float32
        assert 0 <= twin.min() <= twin.max() <= 1
        assert (changed[mask == 0] == 0).all()
        assert changed[mask == 1].mean() >= 0.03


def test_a_flat_picture_gets_visible_defects_too():
    make = Synthesis()
    for level in (0.0, 0.5, 1.0):
        flat = np.full((64, 64, 3), level, dtype=np.float32)
        twin, mask = make(flat, np.random.default_rng(5))
        assert np.abs(twin - flat)[mask == 1].mean() >= 0.03


def test_the_share_decides_how_many_pictures_get_a_defect():
    make = Synthesis(share=0.3)
    masks = [make(picture(), np.random.default_rng(seed))[1] for seed in range(300)]
    assert 60 < sum(mask.any() for mask in masks) < 120
    with pytest.raises(ValueError, match=r"share is 1\.5"):
        Synthesis(share=1.5)


def test_grey_pictures_get_grey_defects():
    twin, mask = Synthesis()(picture(), np.random.default_rng(1))
    assert mask.any()
    assert (twin[..., 0] == twin[..., 2]).all()


def test_threads_make_what_one_thread_makes(tmp_path):
    for name in "abcd":
        Image.fromarray(plate(ord(name))[0]).save(tmp_path / f"{name}.png")
    make = Synthesis(str(tmp_path))
    alone = [make(picture(i), np.random.default_rng(i))[0] for i in range(24)]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda i: make(picture(i), np.random.default_rng(i))[0], range(24)))
    assert all((one == other).all() for one, other in zip(alone, together, strict=True))


@pytest.mark.parametrize("kind", PATTERNS)
def test_every_pattern_stays_in_range_and_is_no_plain_colour(kind):
    pattern = PATTERNS[kind](48, 80, np.random.default_rng(2))
    assert pattern.shape[:2] == (48, 80)
    assert 0 <= pattern.min() < pattern.max() <= 1


def test_drawn_textures_are_pictures():
    for seed in range(20):
        texture = drawn_texture(40, 50, np.random.default_rng(seed))
        assert (texture.shape, texture.dtype) == ((40, 50, 3), np.float32)


def test_a_texture_folder_that_cannot_be_used_is_said(tmp_path):
    with pytest.raises(ValueError, match="is no folder; leave it out"):
        Synthesis(str(tmp_path / "gone"))
    with pytest.raises(ValueError, match="holds no pictures"):
        Synthesis(str(tmp_path))


def test_a_copy_draws_from_the_same_textures(tmp_path):
    Image.fromarray(plate(1)[0]).save(tmp_path / "a.png")
    make = Synthesis(str(tmp_path))
    twins = [each(picture(), np.random.default_rng(2))[0] for each in (make, copy.deepcopy(make))]
    assert (twins[0] == twins[1]).all()


def test_broken_textures_are_passed_over(tmp_path):
    (tmp_path / "a.png").write_bytes(b"broken")
    Image.new("RGB", (8, 8), (255, 0, 0)).save(tmp_path / "b.png")
    textures = TextureFolder(tmp_path)
    for seed in range(5):
        assert (textures(20, 30, np.random.default_rng(seed)) == (1, 0, 0)).all()
