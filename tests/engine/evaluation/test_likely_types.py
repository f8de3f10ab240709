"""The rule that names the likely type of a region: what it rests on, and when it must say nothing."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.contract.results.detect import ScoreRow
from engine.evaluation.likely_types import NO_BETTER, TOO_FEW, UNCLEAR, UNLIKE, known_types, named_by_others

AT = {"scratch": (1.0, 0.0, 0.0), "dent": (0.0, 1.0, 0.0), "stain": (0.0, 0.0, 1.0)}


def rows(types: Sequence[str], groups: Sequence[str | None] | None = None) -> list[ScoreRow]:
    told = groups or [None] * len(types)
    return [
        ScoreRow(
            index=i, name=f"test/{each}/{i:03}.png", label="defective", defect_type=each, score=1.0, is_anomalous=True,
            has_truth=True, group=group,
        )
        for i, (each, group) in enumerate(zip(types, told, strict=True))
    ]  # fmt: skip


def near(types: Sequence[str], *, spread: float = 0.05, seed: int = 0) -> NDArray[np.float32]:
    """Features (N, 3) around the place of each type."""
    noise = np.random.default_rng(seed).normal(0, spread, (len(types), 3))
    return (np.array([AT[each] for each in types]) + noise).astype(np.float32)


TYPES = ["scratch"] * 8 + ["dent"] * 8


def test_a_region_is_of_the_type_of_those_most_like_it_and_they_are_named() -> None:
    known = known_types(near(TYPES), rows(TYPES))
    told = known.told
    assert (told.reason, told.regions, told.named, told.right, told.leaves_out) == (None, 16, 16, 16, "image")
    assert told.interval == pytest.approx((0.794, 1.0), abs=1e-3) and told.commonest_share == 0.5
    said = known.likely(np.array([0.0, 1.02, 0.0], dtype=np.float32))
    assert (said.defect_type, said.votes, said.reason) == ("dent", 3, None)
    assert all(each.name.startswith("test/dent/") for each in said.nearest)
    assert [each.distance for each in said.nearest] == sorted(each.distance for each in said.nearest)


def test_what_lies_farther_away_than_any_known_region_is_like_none() -> None:
    known = known_types(near(TYPES), rows(TYPES))
    said = known.likely(np.array([0.0, 0.0, 1.0], dtype=np.float32))
    assert (said.defect_type, said.reason, len(said.nearest)) == (None, UNLIKE, 3)


def test_a_vote_without_a_majority_names_none() -> None:
    types = [*TYPES, *["stain"] * 8]
    features = near(types, spread=0.3)
    known = known_types(features, rows(types))
    between = np.array([features[types.index(each)] for each in AT]).mean(axis=0)
    answers = [
        known.likely((between + step).astype(np.float32)) for step in np.random.default_rng(1).normal(0, 0.2, (200, 3))
    ]
    unclear = [each for each in answers if each.reason == UNCLEAR]
    assert unclear and all(
        each.defect_type is None and len({n.defect_type for n in each.nearest}) == 3 for each in unclear
    )


@pytest.mark.parametrize("types", [["scratch"] * 20, ["scratch"] * 20 + ["dent"] * 4, ["dent"]])
def test_too_few_regions_of_too_few_types_name_none(types: list[str]) -> None:
    assert known_types(near(types), rows(types)).told.reason == TOO_FEW


def test_a_rule_that_is_right_no_more_often_than_the_commonest_type_is_not_followed() -> None:
    types = ["scratch"] * 12 + ["dent"] * 12
    alike = np.random.default_rng(1).normal(0, 1, (24, 3)).astype(np.float32)  # tells nothing of the type
    told = known_types(alike, rows(types)).told
    assert told.reason == NO_BETTER and told.interval is not None and told.commonest_share is not None
    assert told.interval[0] <= told.commonest_share


def test_regions_of_one_part_do_not_name_each_other() -> None:
    """Three pictures of each part are alike, and its type says nothing of other parts: by image the rule looks perfect."""
    parts = np.random.default_rng(3).normal(0, 1, (12, 3))
    features = (np.repeat(parts, 3, axis=0) + np.random.default_rng(4).normal(0, 1e-3, (36, 3))).astype(np.float32)
    types = [("scratch", "dent")[part % 2] for part in range(12) for _ in range(3)]
    groups = [f"part {part}" for part in range(12) for _ in range(3)]
    alone, together = known_types(features, rows(types)).told, known_types(features, rows(types, groups)).told
    assert alone.right == 36 and alone.reason is None
    assert together.reason == NO_BETTER and together.leaves_out == "group"
    assert all(said is not None for said in named_by_others(features, rows(types)))
