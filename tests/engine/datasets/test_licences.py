import json

import pytest

from engine.contract.licences import is_non_commercial
from engine.datasets.factory import open_dataset
from engine.datasets.licences import MVTEC_DEFECTS
from tests.engine.datasets.test_layouts import BTAD, VISA, put


def mvtec(category: str, *, but: str = "") -> list[str]:
    kinds = [kind for kind in MVTEC_DEFECTS[category].split() if kind != but]
    return [f"{category}/train/good/0.png", *(f"{category}/test/{kind}/0.png" for kind in kinds)]


def licence(root):
    return open_dataset(root).licence


def test_what_the_data_set_says_of_itself_comes_first(tmp_path):
    put(tmp_path, "good/0.png")
    (tmp_path / "LICENSE.txt").write_text("CC BY-NC-SA 4.0")
    (tmp_path / "murascope.json").write_text(json.dumps({"licence": "Apache-2.0"}))
    assert licence(tmp_path) == "Apache-2.0"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the Creative Commons\nAttribution-NonCommercial-ShareAlike 4.0 International", "CC BY-NC-SA 4.0"),
        ("Attribution 4.0 International\n====", "CC BY 4.0"),
        ("under cc-by-nc-sa-4.0", "CC BY-NC-SA 4.0"),
        ("CC BY 4.0", "CC BY 4.0"),
        ("All rights reserved, contact us", None),
    ],
)
def test_reads_a_creative_commons_licence_from_a_licence_file(tmp_path, text, expected):
    put(tmp_path, "good/0.png")
    (tmp_path / "license.txt").write_text(text)
    assert licence(tmp_path) == expected


def test_a_licence_file_beside_the_folder_that_an_archive_adds_counts(tmp_path):
    put(tmp_path, "wrapped/good/0.png")
    (tmp_path / "LICENCE").write_text("Creative Commons Attribution-ShareAlike 4.0 International")
    assert licence(tmp_path) == "CC BY-SA 4.0"


def test_known_data_sets_are_told_by_their_layout(tmp_path):
    put(tmp_path / "m", *mvtec("bottle"), *mvtec("cable"))
    put(tmp_path / "v", *(f"{thing}/{name}" for thing in ("candle", "pcb1") for name in VISA))
    put(tmp_path / "b", *(f"{category}/{name}" for category in ("01", "02", "03") for name in BTAD))
    assert licence(tmp_path / "m") == licence(tmp_path / "m" / "cable") == "CC BY-NC-SA 4.0"
    assert licence(tmp_path / "v") == licence(tmp_path / "v" / "pcb1") == "CC BY 4.0"
    assert licence(tmp_path / "b") == "CC BY-NC-SA 4.0"


def test_what_only_looks_like_a_known_data_set_has_no_licence(tmp_path):
    put(tmp_path / "m", *mvtec("bottle", but="contamination"), *mvtec("cable"))
    put(tmp_path / "b", *(f"{category}/{name}" for category in ("01", "02") for name in BTAD))
    put(tmp_path / "v", *(f"my_panels/{name}" for name in VISA))
    for name in ("m", "m/bottle", "b", "b/01", "v", "v/my_panels"):
        assert licence(tmp_path / name) is None, name


def test_knows_which_licences_forbid_commercial_use():
    assert is_non_commercial("CC BY-NC-SA 4.0")
    assert is_non_commercial("research only, non-commercial")
    assert not is_non_commercial("CC BY 4.0")
    assert not is_non_commercial("Ancient NCSA licence")
