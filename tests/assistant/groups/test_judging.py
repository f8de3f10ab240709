"""The best of several runs is chosen by one half of the test images, and told by the other."""

from collections.abc import Collection
from functools import partial

from assistant.groups.judging import FEWEST_IN_A_HALF, Contender, halves_of, verdict
from assistant.kinds import judging
from assistant.kinds.detect.judging import _judged, _type
from assistant.kinds.judging import Judgement
from engine.contract.results.detect import ScoreRow
from tests.stored_runs import inspected

ENOUGH = 2 * FEWEST_IN_A_HALF


def of_rows(rows: list[ScoreRow]) -> judging.Tested:
    return judging.Tested({row.name: _type(row) for row in rows}, frozenset({"good"}), partial(_judged, rows))


def contender(
    run: str, right: Collection[str] = (), *, defects: int = ENOUGH, goods: int = ENOUGH, seconds: float = 1.0
) -> Contender:
    """A run that tells the images of these names apart, and no others."""
    rows = [inspected(place, f"good/{place:03}.png", 0.2) for place in range(goods)]
    names = [f"spot/{place:03}.png" for place in range(defects)]
    rows += [
        inspected(goods + place, name, 0.9 if name in right else 0.1, defect_type="spot")
        for place, name in enumerate(names)
    ]
    return Contender(run, of_rows(rows), seconds)


def halves() -> tuple[frozenset[str], frozenset[str]]:
    return halves_of(contender("r0").tested.stratum)


def test_what_is_told_of_the_best_is_measured_on_images_that_did_not_choose_it() -> None:
    chooses, tells = halves()
    lucky, steady = contender("r1", chooses), contender("r2", [*list(chooses)[:8], *tells])
    said = verdict([lucky, steady])
    assert said is not None
    assert said.judged is not None
    assert (said.best, said.judged.mean, said.by_all) == ("r1", 0.0, "r2")
    assert said.held_back == (FEWEST_IN_A_HALF, FEWEST_IN_A_HALF)


def test_with_few_defects_no_half_is_held_back_and_that_is_said() -> None:
    said = verdict([contender("r1", defects=ENOUGH - 2), contender("r2", {"spot/000.png"}, defects=ENOUGH - 2)])
    assert said is not None
    assert (said.best, said.held_back) == ("r2", None)


def test_without_defects_none_is_called_best() -> None:
    said = verdict([contender("r1", defects=0, seconds=9.0), contender("r2", defects=0, seconds=2.0)])
    assert said is not None
    assert (said.best, said.judged, said.fastest) == (None, None, "r2")


def test_the_halves_share_each_type_evenly() -> None:
    types = {f"{of}{place}": of for of, many in (("good", 7), ("spot", 5), ("line", 4)) for place in range(many)}
    first, second = halves_of(types)
    for of in ("good", "spot", "line"):
        split = [sum(types[name] == of for name in half) for half in (first, second)]
        assert abs(split[0] - split[1]) <= 1
    assert first | second == types.keys()
    assert not first & second


def test_the_worst_type_goes_before_the_mean() -> None:
    steady = Judgement(("worst_type_auroc", "image_auroc"), worst=0.8, worst_of="a", mean=0.82)
    uneven = Judgement(("worst_type_auroc", "image_auroc"), worst=0.5, worst_of="a", mean=0.95)
    assert steady.rank > uneven.rank


def test_the_worst_type_is_told_with_its_name() -> None:
    rows = [inspected(0, "g/0", 0.2), inspected(1, "g/1", 0.4)]
    rows += [inspected(2 + n, f"a/{n}", 0.9, defect_type="scratch") for n in range(3)]
    rows += [inspected(5 + n, f"b/{n}", 0.3, defect_type="mura") for n in range(3)]
    judged = _judged(rows, None)
    assert (judged.worst, judged.worst_of, judged.mean) == (0.5, "mura", 0.75)
    assert (judged.missed, judged.overkill) == ((3, 6), (0, 2))
