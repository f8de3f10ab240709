"""Small pictures of any image format."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from web.pictures import shrink


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1", "I;16"])
def test_every_mode_becomes_a_small_jpeg_that_is_made_once(tmp_path: Path, mode: str) -> None:
    source = tmp_path / "a.png"
    ramp = np.linspace(0, 65535, 600 * 20).reshape(20, 600).astype(np.uint16)
    (Image.fromarray(ramp) if mode == "I;16" else Image.fromarray((ramp >> 8).astype(np.uint8)).convert(mode)).save(
        source
    )
    small = shrink(source, 160, tmp_path / "cache")
    with Image.open(small) as opened:
        assert (opened.size[0], opened.mode) == (160, "RGB")
    made = small.stat().st_mtime_ns
    assert shrink(source, 160, tmp_path / "cache").stat().st_mtime_ns == made


def test_sixteen_bits_keep_their_greys(tmp_path: Path) -> None:
    source = tmp_path / "deep.png"
    Image.fromarray(np.array([[0, 32768, 65535]] * 3, dtype=np.uint16)).save(source)
    with Image.open(shrink(source, 160, tmp_path / "cache")) as opened:
        levels = np.asarray(opened.convert("L"))[1]
    assert levels[0] < 20
    assert 90 < levels[1] < 165
    assert levels[2] > 235


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(OSError, match="cannot identify"):
        shrink(tmp_path / "text.png", 160, tmp_path / "cache")
