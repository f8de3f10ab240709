import os
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from engine.contract import pictures
from engine.contract.pictures import BrokenPicture, marked_pixels, open_picture, preview, read_header, read_picture
from engine.datasets import Item
from engine.datasets.fingerprints import contents_of

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


def test_whole_numbers_of_32_bits_that_are_those_of_8_bits_are_read_as_such(tmp_path):
    shades = np.arange(64 * 64).reshape(64, 64) % 256
    Image.fromarray(shades.astype(np.int32)).save(tmp_path / "small.tif")
    Image.fromarray((shades * 256).astype(np.int32)).save(tmp_path / "large.tif")
    small, large = (read_picture(tmp_path / f"{name}.tif", size=64).pixels for name in ("small", "large"))
    assert (small.dtype, large.dtype) == (np.uint8, np.uint16)
    assert (small[..., 0] == shades).all()
    assert (large[..., 0] == shades * 256).all()


def test_floating_point_numbers_from_zero_to_one_keep_their_shades(tmp_path):
    shades = np.linspace(0, 1, 64 * 64, dtype=np.float32).reshape(64, 64)
    for name, top in (("ones", 1), ("dim", 0.25), ("bytes", 255)):
        Image.fromarray(shades * np.float32(top)).save(tmp_path / f"{name}.tif")
    ones, dim, plain = (read_picture(tmp_path / f"{name}.tif", size=64).pixels for name in ("ones", "dim", "bytes"))
    assert (ones[..., 0] == np.rint(shades * 65535)).all()
    assert (dim[..., 0] == np.rint(shades / 4 * 65535)).all()
    assert (plain[..., 0] == np.rint(shades * 255)).all()


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.array([[0, 65_536]], dtype=np.int32), "whole numbers from 0 to 65536; save it with 16 bits"),
        (np.array([[-1, 7]], dtype=np.int32), "whole numbers from -1 to 7"),
        (np.array([[0, 400]], dtype=np.float32), "floating-point numbers from 0 to 400; save it as 0 to 1"),
        (np.array([[-0.5, 1]], dtype=np.float32), "floating-point numbers from -0.5 to 1"),
        (np.array([[np.nan, 1]], dtype=np.float32), "floating-point numbers from nan to nan"),
    ],
)
def test_numbers_that_would_be_cut_off_are_refused_with_their_range(tmp_path, values, reason):
    Image.fromarray(values).save(tmp_path / "a.tif")
    with pytest.raises(BrokenPicture, match=reason):
        read_picture(tmp_path / "a.tif", size=32)


def test_a_mask_may_hold_any_numbers(tmp_path):
    Image.new("L", (2, 1)).save(tmp_path / "a.png")
    Image.fromarray(np.array([[0, 70_000]], dtype=np.int32)).save(tmp_path / "m.tif")
    assert read_picture(tmp_path / "a.png", size=2, mask=tmp_path / "m.tif").mask.tolist() == [[0, 1], [0, 1]]


DEEP = np.random.default_rng(0).integers(0, 65536, (32, 32, 3)).astype(np.uint16)


def png_of(pixels: np.ndarray) -> bytes:
    """A PNG of 16-bit colour, which Pillow cannot write; its rows are stored as differences to the left."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = pixels.astype(">u2").view(np.uint8).reshape(len(pixels), -1)
    rows[:, 6:] -= rows[:, :-6].copy()
    header = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 16, 2, 0, 0, 0)
    content = zlib.compress(b"".join(b"\1" + row.tobytes() for row in rows))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", content) + chunk(b"IEND", b"")


def tiff_of(pixels: np.ndarray, *, order: str, deflated: bool = False) -> bytes:
    """A TIFF of 16-bit colour, with bytes in either order."""
    content = pixels.astype(f"{order}u2").tobytes()
    content = zlib.compress(content) if deflated else content
    height, width = pixels.shape[:2]
    after = 8 + 2 + 12 * 9 + 4  # header, directory
    tags = [
        (256, width),
        (257, height),
        (258, after),
        (259, 8 if deflated else 1),
        (262, 2),
        (273, after + 6),
        (277, 3),
        (278, height),
    ]
    entries = [(tag, 4, 3 if tag == 258 else 1, value) for tag, value in [*tags, (279, len(content))]]
    entries[2] = (258, 3, 3, after)
    packed = b"".join(struct.pack(f"{order}HHII", *entry) for entry in entries)
    start = struct.pack(f"{order}2sHIH", b"II" if order == "<" else b"MM", 42, 8, len(entries))
    return start + packed + struct.pack(f"{order}I3H", 0, 16, 16, 16) + content


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", ["png", "tiff", "deflated tiff"])
def test_sixteen_bit_colour_keeps_every_step(tmp_path, kind, order):
    content = png_of(DEEP) if kind == "png" else tiff_of(DEEP, order=order, deflated=kind != "tiff")
    (tmp_path / "a.png").write_bytes(content)
    pixels = read_picture(tmp_path / "a.png", size=32).pixels
    assert pixels.dtype == np.uint16
    assert (pixels == DEEP).all()


def test_sixteen_bit_colour_is_resized(tmp_path):
    deep = np.zeros((20, 20, 3), dtype=np.uint16)
    deep[:, 10:] = (1000, 30_000, 65_535)
    (tmp_path / "a.png").write_bytes(png_of(deep))
    pixels = read_picture(tmp_path / "a.png", size=40).pixels
    assert (pixels[:, -10:] == (1000, 30_000, 65_535)).all()
    assert (pixels[:, :10] == 0).all()


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


def test_refusing_what_is_too_large_prints_nothing_beside_the_reason(tmp_path):
    Image.new("1", (20_000, 10_500)).save(tmp_path / "a.png")
    code = (
        "import sys\nfrom pathlib import Path\nfrom engine.contract.pictures import BrokenPicture, open_picture\n"
        "try:\n    open_picture(Path(sys.argv[1]))\nexcept BrokenPicture as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "a.png"], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("larger than 200 megapixels\n", "")


def test_a_mask_is_what_is_not_zero_and_keeps_hard_edges(tmp_path):
    mask = np.zeros((30, 40), dtype=np.uint8)
    mask[10:20, 10:30] = 1
    Image.fromarray(mask).save(tmp_path / "m.png")
    Image.fromarray(GREY).save(tmp_path / "a.png")
    found = read_picture(tmp_path / "a.png", size=60, mask=tmp_path / "m.png").mask
    assert set(np.unique(found)) == {0, 1}
    assert found.sum() == 20 * 30


@pytest.mark.parametrize("size", [32, 50, 256])
def test_one_marked_pixel_stays_marked_where_it_is(tmp_path, size):
    Image.new("L", (301, 200)).save(tmp_path / "a.png")
    for row, column in ((0, 0), (57, 133), (199, 300)):
        mask = np.zeros((200, 301), dtype=np.uint8)
        mask[row, column] = 255
        Image.fromarray(mask).save(tmp_path / "m.png")
        found = np.argwhere(read_picture(tmp_path / "a.png", size=size, mask=tmp_path / "m.png").mask)
        assert [int((row + 0.5) * size / 200), int((column + 0.5) * size / 301)] in found.tolist()
        assert len(found) <= -(-size // 200) * -(-size // 301)


def see_through(colours, *, alpha) -> np.ndarray:
    return np.dstack([np.asarray(colours, dtype=np.uint8), np.asarray(alpha, dtype=np.uint8)])


@pytest.mark.parametrize("size", [32, 20])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_lies_hidden_below_transparent_pixels_shows_at_no_size(tmp_path, mode, size):
    alpha = np.zeros((32, 32))
    alpha[:, 16:] = 255
    for name, hidden in (("black", 0), ("bright", 230)):
        grey = np.where(alpha > 0, 90, hidden)
        image = Image.fromarray(see_through(np.dstack([grey] * 3), alpha=alpha))
        image.convert(mode).save(tmp_path / f"{name}.png")
    black, bright = (read_picture(tmp_path / f"{name}.png", size=size).pixels for name in ("black", "bright"))
    assert (black == bright).all()
    assert black[:, : size // 2 - 2].max() == 0
    assert np.abs(black[:, size // 2 + 2 :].astype(int) - 90).max() <= 2


def test_a_colour_that_a_png_declares_transparent_is_black_at_every_size(tmp_path):
    Image.new("RGB", (32, 32), (200, 10, 10)).save(tmp_path / "a.png", transparency=(200, 10, 10))
    assert (
        read_picture(tmp_path / "a.png", size=32).pixels.max()
        == read_picture(tmp_path / "a.png", size=20).pixels.max()
        == 0
    )


@pytest.mark.parametrize("colour", [(1, 0, 0), (0, 0, 1), (255, 0, 204)])
def test_a_mask_may_be_drawn_in_any_colour(tmp_path, colour):
    drawn = np.zeros((8, 8, 3), dtype=np.uint8)
    drawn[2:4, 2:4] = colour
    Image.fromarray(drawn).save(tmp_path / "m.png")
    assert marked_pixels(tmp_path / "m.png").sum() == 4


@pytest.mark.parametrize("colour", [0, 255])
def test_a_mask_may_be_drawn_on_a_transparent_ground(tmp_path, colour):
    alpha = np.zeros((8, 8))
    alpha[2:4, 2:4] = 255
    Image.fromarray(see_through(np.full((8, 8, 3), colour), alpha=alpha)).save(tmp_path / "m.png")
    assert marked_pixels(tmp_path / "m.png").sum() == 4


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_a_mask_of_the_stored_pixels_is_turned_with_its_photograph(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    marks = np.zeros((30, 40), dtype=np.uint8)
    marks[3:9, 25:38] = 255
    Image.fromarray(marks).save(tmp_path / "a.jpg", exif=exif, quality=100)
    Image.fromarray(marks).save(tmp_path / "m.png")
    picture = read_picture(tmp_path / "a.jpg", size=32, mask=tmp_path / "m.png")
    shown = picture.pixels[..., 0] > 127
    assert (shown & (picture.mask > 0)).sum() / (shown | (picture.mask > 0)).sum() > 0.75


def test_a_mask_of_the_upright_picture_stays_as_it_is(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("L", (40, 30)).save(tmp_path / "a.jpg", exif=exif)
    marks = np.zeros((40, 30), dtype=np.uint8)
    marks[:5] = 255
    Image.fromarray(marks).save(tmp_path / "m.png")
    assert read_picture(tmp_path / "a.jpg", size=40, mask=tmp_path / "m.png").mask[:5].all()


def test_what_is_no_plain_file_is_refused_unopened(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    for read in (open_picture, marked_pixels):
        with pytest.raises(BrokenPicture, match="no plain file"):
            read(tmp_path / "a.png")
    assert read_header(tmp_path / "a.png").pages == 1


RAMP = np.add.outer(np.arange(96), np.arange(96)).astype(np.float32) / 190  # 0 to 1, brighter to the right and below


def colours(ramp):
    return np.stack([ramp, ramp[::-1], ramp / 2], axis=-1)


def half_seen(image):
    image.putalpha(Image.fromarray(128 + (RAMP.T[::-1] * 127).astype(np.uint8)))
    return image


def turned(path, image):
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(path, exif=exif)


EIGHT = Image.fromarray((colours(RAMP) * 255).astype(np.uint8))
KINDS = {
    "grey.png": EIGHT.convert("L").save,
    "colour.png": EIGHT.save,
    "colour.jpg": EIGHT.save,
    "colour.bmp": EIGHT.save,
    "colour.webp": lambda path: EIGHT.save(path, lossless=True),
    "turned.jpg": lambda path: turned(path, EIGHT),
    "print.jpg": EIGHT.convert("CMYK").save,
    "print.tif": EIGHT.convert("CMYK").save,
    "palette.png": EIGHT.quantize(200).save,
    "two.png": EIGHT.convert("1").save,
    "alpha.png": lambda path: half_seen(EIGHT.copy()).save(path),
    "grey_alpha.png": lambda path: half_seen(EIGHT.convert("L")).save(path),
    "palette_alpha.png": lambda path: half_seen(EIGHT.copy()).quantize(200).save(path),
    "deep.png": Image.fromarray((RAMP * 65535).astype(np.uint16)).save,
    "deep_and_dark.png": Image.fromarray((RAMP * 900).astype(np.uint16)).save,
    "deep_and_black.tif": Image.fromarray((RAMP * 90).astype(np.uint16)).save,
    "whole_numbers.tif": Image.fromarray((RAMP * 40_000).astype(np.int32)).save,
    "ones.tif": Image.fromarray(RAMP).save,
    "dim_ones.tif": Image.fromarray(RAMP / 8).save,
    "bytes.tif": Image.fromarray(RAMP * 255).save,
    "deep_colour.png": lambda path: path.write_bytes(png_of((colours(RAMP) * 65535).astype(np.uint16))),
    "deep_colour.tif": lambda path: path.write_bytes(tiff_of((colours(RAMP) * 30_000).astype(np.uint16), order=">")),
}


@pytest.mark.parametrize(("strip_pixels", "alike"), [(2**22, 1.0), (700, 0.7)])  # edges of strips differ a little
@pytest.mark.parametrize("name", KINDS)
def test_a_person_is_shown_what_the_model_sees(tmp_path, monkeypatch, name, strip_pixels, alike):
    monkeypatch.setattr(pictures, "STRIP_PIXELS", strip_pixels)
    KINDS[name](tmp_path / name)
    model = read_picture(tmp_path / name, size=48).pixels
    model = model * (255 / np.iinfo(model.dtype).max)
    shown = preview(tmp_path / name, longest=48)
    assert shown.dtype == np.uint8
    off = np.abs(shown - model)
    assert (off < 4).mean() >= alike
    assert off.mean() < (4 if name == "two.png" else 1.2)  # dithered


def test_a_preview_keeps_the_proportions_and_is_never_larger_than_the_picture(tmp_path):
    Image.new("RGB", (600, 20), "teal").save(tmp_path / "a.png")
    assert preview(tmp_path / "a.png", longest=160).shape == (5, 160, 3)
    assert preview(tmp_path / "a.png", longest=1024).shape == (20, 600, 3)


@pytest.mark.parametrize("other", ["EPS", "GIF", "PPM", "TGA", "PCX", "ICO", "SGI", "DDS"])
def test_only_the_formats_of_the_list_are_opened(tmp_path, other):
    EIGHT.save(tmp_path / "a.png", other)
    with pytest.raises(BrokenPicture, match="not a picture in a known format"):
        open_picture(tmp_path / "a.png")


def test_a_file_larger_than_any_picture_is_broken_without_being_read(tmp_path):
    path = tmp_path / "sparse.png"
    with path.open("wb") as file:
        file.truncate(3 << 30)  # takes no room, but would fill the memory
    with pytest.raises(BrokenPicture, match="larger than 2 GiB"):
        open_picture(path)
    content, mask = contents_of(Item(path=path, name="sparse.png", split="train", label="good"))
    assert isinstance(content, OSError)
    assert mask is None
