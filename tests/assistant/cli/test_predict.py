"""`murascope predict`, over a program in the place of the model."""

import asyncio
import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from assistant.cli import app
from assistant.cli.predict import COLUMNS
from assistant.settings import Settings
from assistant.workspace import Workspace
from tests.served_models import finished, put_programs_in_place_of_models


@pytest.fixture
def folder(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With two pictures and a broken one; r1 of the home has ended well."""
    put_programs_in_place_of_models(monkeypatch)
    monkeypatch.setenv("MURASCOPE_HOME", str(settings.home))

    async def prepare() -> None:
        async with Workspace.open(settings) as workspace:
            await finished(workspace)

    asyncio.run(prepare())
    for name, content in (("a.png", b"whole"), ("b.png", b"half"), ("within/c.png", b"whole too")):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(content)
    return tmp_path / "in"


def test_a_folder_becomes_a_table_that_later_ones_are_added_to(folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "verdicts.csv"
    told = CliRunner().invoke(app, ["predict", "r1", str(folder), "--csv", str(table)])
    assert told.exit_code == 0, told.output
    assert "not judged: b.png: damaged" in told.stderr
    assert "2 r1, 1 not judged (r1)" in told.stderr
    CliRunner().invoke(app, ["predict", "r1", str(folder / "a.png"), "--csv", str(table)])
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(COLUMNS)
    assert [(row["name"], row["verdict"], row["problem"]) for row in rows] == [
        ("a.png", "r1", ""),
        ("b.png", "", "damaged"),
        ("within/c.png", "r1", ""),
        ("a.png", "r1", ""),
    ]


def test_many_pictures_that_cannot_be_judged_are_told_as_a_count_with_a_few_names(folder: Path, tmp_path: Path) -> None:
    for number in range(40):
        (folder / f"broken{number:02}.png").write_bytes(b"half")
    table = tmp_path / "verdicts.csv"
    told = CliRunner().invoke(app, ["predict", "r1", str(folder), "--csv", str(table)])
    said = [line for line in told.stderr.splitlines() if line.startswith("not judged")]
    assert said == ["not judged: 41 pictures: damaged (b.png, broken00.png, broken01.png and 38 more)"]
    assert table.read_text(encoding="utf-8").count("damaged") == 41
    as_json = json.loads(CliRunner().invoke(app, ["predict", "r1", str(folder), "--json"]).stdout)
    assert as_json["not_judged"] == [
        {"reason": "damaged", "count": 41, "names": ["b.png", "broken00.png", "broken01.png"]}
    ]
    assert len(as_json["pictures"]) == 43


def test_where_nothing_could_be_judged_it_ends_with_1(folder: Path) -> None:
    told = CliRunner().invoke(app, ["predict", "r1", str(folder / "b.png")])
    assert (told.exit_code, "1 not judged (r1)" in told.stderr) == (1, True)


def test_a_table_of_other_columns_is_left_alone_and_nothing_judged(folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "other.csv"
    table.write_text("day,count\n", encoding="utf-8")
    told = CliRunner().invoke(app, ["predict", "r1", str(folder), "--csv", str(table)])
    assert told.exit_code == 2
    assert table.read_text(encoding="utf-8") == "day,count\n"


def test_as_json_it_is_one_object_with_what_was_said_of_each(folder: Path) -> None:
    told = json.loads(CliRunner().invoke(app, ["predict", "r1", str(folder), "--json"]).stdout)
    assert told["counts"] == {"r1": 2, "not judged": 1}
    assert [each["name"] for each in told["pictures"]] == ["a.png", "b.png", "within/c.png"]
