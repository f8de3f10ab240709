"""The repeatability study: figures against an example that was computed by hand, limits, and tables that cannot be used."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assistant.cli import app
from assistant.models.study import StudyRefused, Trial, read_table, study


def trials(part: str, reference: str, *verdicts: str) -> list[Trial]:
    return [Trial(part, reference, verdict) for verdict in verdicts]  # type: ignore[arg-type]


G, B = "good", "defective"
BY_HAND = [
    *trials("P1", G, G, G, G),
    *trials("P2", G, G, B, G),  # one false alarm
    *trials("P3", B, B, B, B),
    *trials("P4", B, B, G, B),  # one miss
    *trials("P5", B, G, G, G),  # never found
]


def test_the_figures_are_those_computed_by_hand() -> None:
    """15 images: 6 of good parts, 9 of defective ones. Called good and good: 5; false alarms: 1; missed: 4; found: 5.
    Right: 10 of 15. By chance (6*9 + 9*6) / 225 = 0.48, so kappa = (2/3 - 0.48) / 0.52."""
    found = study(BY_HAND)
    value = {name: each.value for name, each in found.measures.items()}
    assert value["effectiveness"] == pytest.approx(10 / 15)
    assert value["miss_rate"] == pytest.approx(4 / 9)
    assert value["false_alarm_rate"] == pytest.approx(1 / 6)
    assert value["kappa"] == pytest.approx((10 / 15 - 0.48) / 0.52)
    assert value["repeatability"] == pytest.approx(3 / 5)
    assert value["against_reference"] == pytest.approx(2 / 5)
    assert (found.unsteady, found.wrong) == (["P2", "P4"], ["P5"])
    assert found.measures["against_reference"].interval == pytest.approx(
        (0.0527, 0.8534), abs=1e-4
    )  # Clopper and Pearson
    assert found.judged == "unacceptable"


@pytest.mark.parametrize(
    ("alarms", "judged"),
    [(0, "acceptable"), (5, "acceptable"), (6, "marginal"), (10, "marginal"), (11, "unacceptable")],
)
def test_a_false_alarm_rate_is_held_to_its_limits(alarms: int, judged: str) -> None:
    good = [Trial(f"G{number}", G, B if number < alarms else G) for number in range(100)]
    found = study([*good, *trials("D", B, B, B, B)])
    assert found.measures["false_alarm_rate"].judged == judged


def test_an_interval_draws_parts_since_images_of_one_part_are_alike() -> None:
    few_parts = study([each for part in range(4) for each in trials(f"P{part}", B, *[B if part else G] * 25)])
    many_parts = study([each for part in range(100) for each in trials(f"P{part}", B, G if part < 25 else B)])
    widths = []
    for found in (few_parts, many_parts):
        measure = found.measures["miss_rate"]
        assert measure.value == 0.25 and measure.interval is not None
        widths.append(measure.interval[1] - measure.interval[0])
    assert widths[0] > 3 * widths[1]


def test_no_error_in_few_parts_shows_little() -> None:
    found = study([*trials("P1", G, G, G), *trials("P2", B, B, B)])
    measure = found.measures["miss_rate"]
    assert measure.value == 0 and measure.interval is not None
    assert measure.interval[1] > 0.9  # of one defective part
    assert any("few parts: 2" in note for note in found.notes)


def test_what_cannot_be_measured_is_none_with_the_reason() -> None:
    found = study(trials("P1", G, G, G, G))
    assert found.measures["miss_rate"].value is None and found.measures["kappa"].value is None
    assert any("misses cannot be measured" in note for note in found.notes)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("part,verdict\nP1,OK\n", "no column reference"),
        ("", "it has: none"),
        ("part,reference,verdict\nP1,OK,maybe\n", "line 2: 'maybe' means neither"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_in_words(text: str, said: str) -> None:
    with pytest.raises(StudyRefused, match=said):
        read_table(text)


def test_a_part_with_two_references_is_refused() -> None:
    with pytest.raises(StudyRefused, match="'P1' is good in some"):
        study([Trial("P1", G, G), Trial("P1", B, B)])


def test_a_table_of_any_inspection_is_studied_from_the_command_line(tmp_path: Path) -> None:
    table = tmp_path / "verdicts.csv"
    lines = [
        f"{each.part},{'OK' if each.reference == G else 'NG'},{'양품' if each.verdict == G else '불량'}"
        for each in BY_HAND
    ]
    table.write_text("\n".join(["part,reference,verdict", *lines]), encoding="utf-8-sig")
    told = CliRunner().invoke(app, ["study", "--table", str(table), "--json"])
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["measures"]["effectiveness"]["count"] == 10
    shown = CliRunner().invoke(app, ["study", "--table", str(table)])
    assert "miss rate\t44.4 %\t4 of 9" in shown.output and "unacceptable" in shown.output
