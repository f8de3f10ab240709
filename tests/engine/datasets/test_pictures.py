import numpy as np
import pytest
from PIL import Image

from engine.datasets import pictures
from engine.datasets.pictures import BrokenPicture, open_picture, read_picture

GREY = np.tile(np.linspace(0, 255, 40).astype(np.uint8), (30, 1))  # 30 high, 40 wide, brighter to the right


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.bmp", "a.tif", "a.webp"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_reads_every_format(tmp_path, name, mode):
    Image.fromarray(GREY).convert(mode).save(tmp_path / name)
    pixels = read_picture(tmp_path / name, size=64).pixels
    assert pixels.shape == (64, 64, 3)
    assert pixels.dtype == np.uint8
    assert pixels[:, :8].mean() < 30
    assert pixels[:, -8:].mean() > 225


@pytest.mark.parametrize("mode", ["RGBA", "P", "1", "LA"])
def test_reads_every_mode_of_png(tmp_path, mode):
    Image.fromarray(GREY).convert("L" if mode == "LA" else "RGB").convert(mode).save(tmp_path / "a.png")
    pixels = read_picture(tmp_path / "a.png", size=64).pixels
    assert pixels[:, :8].mean() < 60
    assert pixels[:, -8:].mean() > 195


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_sixteen_bit_grey_keeps_every_step(tmp_path, name):
    steps = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64) + 30_000
    Image.fromarray(steps).save(tmp_path / name)
    pixels = read_picture(tmp_path / name, size=64).pixels
    assert pixels.dtype == np.uint16
    assert (pixels == steps[..., None]).all()


def test_sixteen_bit_grey_is_scaled_by_one_fixed_factor(tmp_path):
    for name, value in (("bright", 40_000), ("dark", 90)):
        Image.fromarray(np.full((8, 8), value, dtype=np.uint16)).save(tmp_path / f"{name}.png")
        assert np.unique(read_picture(tmp_path / f"{name}.png", size=64).pixels) == [value]


@pytest.mark.parametrize("name", ["a.jpg", "a.tif"])
def test_reads_the_colours_of_print(tmp_path, name):
    Image.new("RGB", (8, 8), (200, 40, 90)).convert("CMYK").save(tmp_path / name)
    pixels = read_picture(tmp_path / name, size=32).pixels
    assert np.abs(pixels.reshape(-1, 3).mean(axis=0) - (200, 40, 90)).max() < 12


def test_turns_a_photograph_upright(tmp_path):
    image = Image.fromarray(GREY)
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera lay on its side: turn by 90 degrees clockwise
    image.save(tmp_path / "a.jpg", exif=exif)
    assert open_picture(tmp_path / "a.jpg").size == (30, 40)
    pixels = read_picture(tmp_path / "a.jpg", size=64).pixels
    assert pixels[-8:].mean() > 225  # what was right is now below


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "empty"), (b"this is no picture", "not a picture"), (b"\x89PNG\r\n\x1a\n0000", "not a picture|damaged")],
)
def test_says_why_a_file_is_no_picture(tmp_path, content, reason):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(BrokenPicture, match=reason):
        open_picture(tmp_path / "a.png")


def test_a_truncated_file_is_broken(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:5000])
    with pytest.raises(BrokenPicture, match="damaged"):
        open_picture(tmp_path / "a.png")


def test_refuses_what_would_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "MAX_PIXELS", 1000)
    Image.fromarray(GREY).save(tmp_path / "a.png")
    with pytest.raises(BrokenPicture, match="megapixels"):
        open_picture(tmp_path / "a.png")


def test_a_mask_is_what_is_not_zero_and_keeps_hard_edges(tmp_path):
    mask = np.zeros((30, 40), dtype=np.uint8)
    mask[10:20, 10:30] = 1
    Image.fromarray(mask).save(tmp_path / "m.png")
    Image.fromarray(GREY).save(tmp_path / "a.png")
    found = read_picture(tmp_path / "a.png", size=60, mask=tmp_path / "m.png").mask
    assert set(np.unique(found)) == {0, 1}
    assert found.sum() == 20 * 30
