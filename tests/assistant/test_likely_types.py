"""How the likely type of a region is told in a decision report: with its evidence and how far that can be trusted, in three languages."""

import pytest

from assistant.reports.decision import decision_page, sentences
from engine.contract.serving import TypesKnown
from prompts.languages import LANGUAGES, Language

TYPES = TypesKnown(regions=95, named=90, right=81, interval=(0.82, 0.95), commonest="stain", commonest_share=0.36)
NEAREST = [
    {"name": f"test/{kind}/{number}.png", "defect_type": kind, "distance": 0.5 + number}
    for number, kind in enumerate(("oil", "oil", "scratch"))
]
NAMED = {"defect_type": "oil", "votes": 2, "nearest": NEAREST}
UNCLEAR = {"defect_type": None, "reason": "the regions most like it are of different types", "nearest": NEAREST}


def facts(likely: object, types: TypesKnown | None) -> dict[str, object]:
    region = {"box": [1, 2, 3, 4], "centre": [2, 3], "area_share": 0.01, "peak": 2.0, "mean": 1.5, "likely": likely}
    return {
        "id": "p1", "image": {"name": "a.png", "sha256": "0" * 64, "width": 8, "height": 8},
        "decision": {"verdict": "defective", "is_anomalous": True, "score": 2.0, "p_value": None, "confidence": None, "no_confidence": None,
                     "probabilities": {}},
        "model": {"name": None, "version": None, "run": "r1", "title": "PatchCore"},
        "threshold": {"version": 1, "value": 1.0, "set_by": None},
        "data": {"name": "panels", "fingerprint": "f", "licence": None},
        "regions": [region], "types": None if types is None else types.facts(), "factors": [], "nearest": [],
        "asked": {"by": "Mina", "when": "2026-11-28T00:00:00"}, "reviewer": None, "review": None,
    }  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_likely_type_is_told_with_the_test_images_that_say_so_and_how_often_that_was_right(
    language: Language,
) -> None:
    told = facts(NAMED, TYPES)
    said = " ".join(sentences(told, language))
    assert "oil" in said and "test/oil/0.png, test/oil/1.png" in said and "test/scratch" not in said
    for figure in ("95", "81", "90", "82 %", "36 %", "stain"):
        assert figure in said
    page = decision_page({**told, "said": {language: sentences(told, language)}}, language, pictures={})
    assert '<td dir="auto">oil</td>' in page


def test_where_no_type_is_named_the_reason_is_told() -> None:
    assert any("유형이 서로 다릅니다" in line for line in sentences(facts(UNCLEAR, TYPES), "ko"))
    none = TypesKnown(reason="fewer than two defect types have five regions among the test images")
    assert any("두 가지가 안 됩니다" in line for line in sentences(facts(None, none), "ko"))
    assert not any("유형" in line for line in sentences(facts(None, None), "ko"))  # of before there were any
