"""Pictures of which somebody said what they are: kept once, as they were judged, within a limit; where that cannot be it is told."""

import hashlib
from pathlib import Path

import pytest

from assistant.models.reviewed_pictures import ReviewedPictures
from assistant.models.serving.kept_pictures import JUDGED, KeptPictures
from assistant.models.serving.pool import Picture
from assistant.settings import Settings

pytestmark = pytest.mark.anyio
CONTENT = b"a picture"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


@pytest.mark.parametrize("how", ["in memory", "in a file that passes", "in a folder of the user's"])
async def test_a_judged_picture_is_there_when_somebody_says_what_it_is(settings: Settings, how: str) -> None:
    kept, file = KeptPictures(settings), settings.home / "incoming"
    file.parent.mkdir()
    file.write_bytes(CONTENT)
    passes = how == "in a file that passes"
    picture = Picture("a", CONTENT) if how == "in memory" else Picture("a", path=file, passes=passes)
    await kept.keep({"0123456789": picture})
    if passes:
        file.unlink()
    source = kept.path("0123456789", JUDGED)
    assert source.is_symlink() == (how == "in a folder of the user's")  # which takes no room
    reviewed = ReviewedPictures(settings)
    assert reviewed.keep(SHA256, source) == "kept"
    source.unlink()
    assert reviewed.keep(SHA256, source) == "kept"  # as it is there already
    assert reviewed.path(SHA256).read_bytes() == CONTENT
    assert len([path for path in reviewed.path(SHA256).parent.iterdir()]) == 1


async def test_a_picture_that_is_gone_or_another_one_by_now_is_told(settings: Settings, tmp_path: Path) -> None:
    reviewed, file = ReviewedPictures(settings), tmp_path / "a.png"
    assert reviewed.keep(SHA256, file) == "gone"
    file.write_bytes(b"another picture")
    assert reviewed.keep(SHA256, file) == "changed"
    assert not reviewed.path(SHA256).exists() and list(reviewed.path(SHA256).parent.iterdir()) == []


async def test_no_more_pictures_are_kept_for_good_than_may_be(tmp_path: Path) -> None:
    reviewed = ReviewedPictures(Settings(home=tmp_path, feedback_gb=len(CONTENT) * 1.5 / 2**30))
    for content, expected in ((CONTENT, "kept"), (b"one more", "full"), (CONTENT, "kept")):
        (tmp_path / "a.png").write_bytes(content)
        assert reviewed.keep(hashlib.sha256(content).hexdigest(), tmp_path / "a.png") == expected
