"""Two to six runs beside each other: better only where it is more than chance, and what cannot be compared is said with the reason."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from assistant.kinds.pairs import Pair, auroc_difference
from assistant.runs.place import RunElsewhere
from assistant.store.tables import RunRow
from assistant.telling import Sentence, composed, told
from assistant.telling.comparisons import compared, verdict_sentences
from assistant.telling.side_by_side import side_by_side
from engine.contract.folder import RunFolder
from engine.contract.jobs import make_job
from prompts.languages import Language
from tests.assistant.telling.test_sentences import NUMBER, figures_of, numbers_in
from tests.told_runs import classified, inspected

LANGUAGES: tuple[Language, ...] = get_args(Language)
STARTED = datetime(2026, 1, 1, tzinfo=UTC)


def run(
    home: Path, number: int, results: Any, *, dataset: str = "oled", state: Any = "succeeded", **settings: Any
) -> tuple[RunRow, Path]:
    """A finished run that left these results."""
    kind, model = ("detect", "patchcore") if hasattr(results.metrics, "threshold") else ("classify", "resnet")
    folder = home / f"r{number}"
    evaluation = RunFolder(folder).evaluation
    evaluation.path.mkdir(parents=True)
    evaluation.write(results)
    evaluation.seal()
    row = RunRow(
        id=f"r{number}", number=number, kind=kind, subject=model, dataset=dataset, state=state, worked_s=10.0 * number,
        spec=make_job(kind, dataset, model, settings).model_dump(mode="json"), metrics=results.metrics.metrics,
        started_at=STARTED, finished_at=STARTED + timedelta(seconds=9), fingerprint="f",
    )  # fmt: skip
    return row, folder


def apart(runs: Sequence[tuple[RunRow, Path]]) -> tuple[list[RunRow], Callable[[RunRow], Path]]:
    """The runs, and where the folder of each is; those of r9 lie in another home."""
    at = {row.id: folder for row, folder in runs}

    def folder_of(row: RunRow) -> Path:
        if row.id == "r9":
            raise RunElsewhere(row)
        return at[row.id]

    return [row for row, _ in runs], folder_of


def texts(runs: Sequence[tuple[RunRow, Path]], language: Language = "en") -> dict[str, str]:
    return {each.id: each.text for each in compared(*apart(runs), language)[0]}


FEW, MANY = (
    inspected({"line": (1, 20)}, good=20, alarms=0),
    inspected({"line": (15, 20)}, good=20, alarms=12, better=-3.0),
)


def test_a_run_is_better_where_the_difference_is_more_than_chance(tmp_path: Path) -> None:
    said = texts([run(tmp_path, 3, FEW), run(tmp_path, 5, MANY)])
    assert said["r3-r5.better"].startswith("By image AUROC **r3** is better")
    assert said["r3-r5.missed"] == (
        "Missed, of 20 defective test images: **r3** 1, **r5** 15. 0 only **r3** missed, 14 only **r5** (p < 0.001, less than 0.05): "
        "at its threshold **r3** finds more."
    )
    assert said["r3-r5.missed.line"] == "*line* missed: **r3** 1 of 20, **r5** 15 of 20."


def test_it_cannot_be_told_which_is_better_where_the_difference_can_be_chance(tmp_path: Path) -> None:
    other = inspected({"line": (3, 20)}, good=20, alarms=1)
    said = texts([run(tmp_path, 3, FEW), run(tmp_path, 5, other)])
    assert "r3-r5.better" not in said and "cannot be told which is better" in said["r3-r5.unclear"]
    assert (
        "0 only **r3** missed, 2 only **r5** (p 0.5, not less than 0.05): that can be chance." in said["r3-r5.missed"]
    )


def test_images_in_another_order_are_the_same_images(tmp_path: Path) -> None:
    turned = FEW.model_copy(update={"rows": FEW.rows[::-1]})
    said = texts([run(tmp_path, 3, FEW), run(tmp_path, 5, turned)])
    assert "0 only the first, 0 only the second" in said["r3-r5.missed"]


def test_where_no_test_can_tell_it_is_said_that_none_can(tmp_path: Path) -> None:
    """Both tell good from defective wholly, one the wrong way round: the images tell nothing of a spread."""
    wrong = inspected({"line": (8, 8)}, good=6, alarms=3, better=-3.0)
    found = side_by_side(
        *apart([run(tmp_path, 3, inspected({"line": (1, 8)}, good=6, alarms=0)), run(tmp_path, 5, wrong)])
    )
    assert found.beside is not None
    (said,) = verdict_sentences(found.beside, "en")
    assert said.text.startswith("Which is better cannot be told by image AUROC")


@pytest.mark.parametrize(
    ("language", "told"), [("en", "r3, r5 have the same"), ("ko", "r3, r5 모두"), ("zh", "r3、r5 相同")]
)
def test_of_two_with_the_same_figure_none_is_said_to_lead(tmp_path: Path, language: Language, told: str) -> None:
    found = side_by_side(*apart([run(tmp_path, 3, FEW), run(tmp_path, 5, FEW)]))
    assert found.beside is not None
    (said,) = verdict_sentences(found.beside, language)
    assert told in said.text.replace("*", "")


def test_settings_that_differ_and_the_time_it_took_are_told(tmp_path: Path) -> None:
    said = texts([run(tmp_path, 3, FEW, image_size=128), run(tmp_path, 5, MANY)])
    assert said["r3-r5.setting.image_size"] == "Image size (px): **r3** 128, **r5** 256."
    assert said["r3-r5.took"] == "**r3** took 30 s, **r5** 50 s: **r5** 1.7 times as long as **r3**."


def test_runs_that_were_tested_with_other_images_are_compared_by_counts_and_intervals_alone(tmp_path: Path) -> None:
    said = texts([run(tmp_path, 3, FEW), run(tmp_path, 5, inspected({"line": (4, 9)}, good=8, alarms=1))])
    assert "not tested with the same images" in said["r3-r5.other_images"]
    assert said["r3-r5.missed"] == "Missed: **r3** 1 of 20 defective test images, **r5** 4 of 9."
    assert "intervals overlap" in said["r3-r5.unclear"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_runs_on_other_data_or_of_another_kind_are_not_compared_and_the_reason_is_said(
    tmp_path: Path, language: Language
) -> None:
    said = texts(
        [run(tmp_path, 3, FEW), run(tmp_path, 5, MANY, dataset="tile"), run(tmp_path, 6, classified([0] * 8))], language
    )
    assert {"r3-r5-r6.other_data", "r3-r5-r6.other_kinds"} <= said.keys()
    assert not any(id.startswith("r3-r5.") for id in said)
    assert "tile" in said["r3-r5-r6.other_data"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_runs_without_results_are_left_out_with_what_became_of_them_and_the_others_compared(
    tmp_path: Path, language: Language
) -> None:
    """The first is damaged, and on other data: it does not say what the others are compared with."""
    runs = [run(tmp_path, 1, FEW, dataset="tile"), run(tmp_path, 2, FEW), run(tmp_path, 3, MANY), run(tmp_path, 9, FEW)]
    runs += [run(tmp_path, 4, FEW, state="failed"), run(tmp_path, 5, FEW, state="stopped")]
    scores = RunFolder(runs[0][1]).evaluation.scores
    scores.write_bytes(b"".join(scores.read_bytes().splitlines(keepends=True)[:9]))
    RunFolder(runs[0][1]).evaluation.checksums.unlink()
    found = side_by_side(*apart(runs))
    assert [(each.run, each.why) for each in found.left_out] == [
        ("r1", "damaged"), ("r9", "elsewhere"), ("r4", "failed"), ("r5", "stopped")
    ]  # fmt: skip
    assert [each.run for each in found.runs] == ["r2", "r3"] and found.verdict is not None
    said = texts(runs, language)
    why = {each.run: said[f"{each.run}.no_results"] for each in found.left_out}
    assert scores.name in why["r1"] and len(set(why.values())) == 4
    assert any(id.startswith("r2-r3.") for id in said)


def test_a_run_without_results_is_told_as_such(tmp_path: Path) -> None:
    said = texts([run(tmp_path, 3, FEW), run(tmp_path, 5, MANY, state="failed")])
    assert said["r5.no_results"] == "**r5** is left out: it failed, so nothing was measured."


def test_of_more_than_two_the_best_is_compared_with_each_other(tmp_path: Path) -> None:
    runs = [run(tmp_path, number, results) for number, results in ((3, MANY), (5, FEW), (8, MANY))]
    for (row, _), auroc in zip(runs, (0.7, 0.9, 0.8), strict=True):
        row.metrics = {"image_auroc": auroc}
    said = texts(runs)
    assert "**r5** 0.900, **r8** 0.800, **r3** 0.700" in next(text for id, text in said.items() if ".ranked" in id)
    assert {id.split(".")[0] for id in said} == {"r3-r5-r8", "r3-r5", "r5-r8"}


def test_the_pairs_are_those_of_the_run_that_the_verdict_names(tmp_path: Path) -> None:
    """Figures noted with the runs may be older than their results: the pairs follow the verdict, not them."""
    runs = [run(tmp_path, number, results) for number, results in ((3, MANY), (5, FEW), (8, MANY))]
    for (row, _), auroc in zip(runs, (0.99, 0.9, 0.8), strict=True):
        row.metrics = {"image_auroc": auroc}
    beside = side_by_side(*apart(runs)).beside
    assert beside is not None and "**r5**" in verdict_sentences(beside, "en")[0].text
    assert {id.split(".")[0] for id in texts(runs)} == {"r3-r5-r8", "r3-r5", "r5-r8"}


def test_classifiers_are_compared_by_what_each_classed_right(tmp_path: Path) -> None:
    said = texts([run(tmp_path, 3, classified([0, 0, 0, 0, 1, 1, 1, 1])), run(tmp_path, 5, classified([0] * 8))])
    assert said["r3-r5.unclear"] == (
        "Classed right, of 8 test images: **r3** 8, **r5** 4. 4 only by **r3**, 0 only by **r5** (p 0.12, not less than 0.05): that can be chance."
    )
    assert said["r3-r5.found.stain"] == "*stain* found: **r3** 4 of 4, **r5** 0 of 4."


verdicts = st.builds(
    inspected,
    st.dictionaries(st.sampled_from(["line", "dust"]), st.tuples(st.integers(0, 4), st.integers(4, 8)), min_size=1),
    good=st.integers(3, 8),
    alarms=st.integers(0, 3),
    better=st.floats(-3, 2),
)
called = st.lists(st.integers(0, 1), min_size=8, max_size=8).map(classified)


@settings(deadline=None, max_examples=30)
@given(results=st.one_of(st.tuples(verdicts, verdicts), st.tuples(called, called)))
def test_each_figure_of_a_comparison_is_a_fact_and_three_languages_say_the_same(
    tmp_path_factory: pytest.TempPathFactory, results: tuple[Any, Any]
) -> None:
    home = tmp_path_factory.mktemp("runs")
    runs = [run(home, number, each) for number, each in zip((3, 5), results, strict=True)]
    spoken = [compared(*apart(runs), language) for language in LANGUAGES]
    for language, (sentences, answer) in zip(LANGUAGES, spoken, strict=True):
        assert composed(told(sentences, answer), language)
        for sentence in sentences:
            facts = " ".join(figures_of(dict(sentence.values), language))
            assert set(numbers_in(sentence, language)) <= set(NUMBER.findall(facts)), sentence

    def said(sentence: Sentence, language: Language) -> set[str]:
        return set() if sentence.id.endswith(".took") else set(numbers_in(sentence, language))

    for others in zip(*(sentences for sentences, _ in spoken), strict=True):
        assert len({frozenset(said(each, language)) for each, language in zip(others, LANGUAGES, strict=True)}) == 1, (
            others
        )


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.booleans()), min_size=6, max_size=40))
def test_the_difference_of_two_aurocs_is_that_of_the_aurocs(images: list[tuple[float, float, bool]]) -> None:
    first, second, defective = zip(*images, strict=True)
    if not 2 <= sum(defective) <= len(images) - 2:
        return
    found = auroc_difference(first, second, defective)
    difference = roc_auc_score(defective, first) - roc_auc_score(defective, second)
    if found is None:  # every image tells the same difference
        assert difference != 0
        assert all(np.ptp(each) < 1e-9 for each in differences_by_image(first, second, np.array(defective)))
    else:
        assert found.value == pytest.approx(difference, abs=1e-9)


def differences_by_image(first: Sequence[float], second: Sequence[float], ill: np.ndarray) -> list[np.ndarray]:
    """How far each defective and each good image is better told apart by the first, over all pairs."""
    won = [np.sign(np.subtract.outer(np.array(run)[ill], np.array(run)[~ill])) / 2 for run in (first, second)]
    return [(won[0] - won[1]).mean(axis=axis) for axis in (1, 0)]


@pytest.mark.parametrize(
    ("first", "second", "chance"), [(0, 5, 0.0625), (1, 7, 0.0703125), (3, 3, 1.0), (0, 0, 1.0), (2, 10, 0.03857421875)]
)
def test_the_chance_of_a_split_is_that_of_a_fair_coin(first: int, second: int, chance: float) -> None:
    assert Pair(first, second).chance == pytest.approx(chance)
