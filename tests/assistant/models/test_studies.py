"""Studies on record: what is kept of each, what is refused before or while a model judges, and what the command writes."""

import asyncio
import json
import re
from pathlib import Path

import pytest
from sqlalchemy import func, select
from typer.testing import CliRunner

from assistant.cli import app
from assistant.models.serving.folder_job import NoPictures
from assistant.models.studies import StudyUnderWay, UnknownStudy, told_of
from assistant.models.study import StudyRefused
from assistant.settings import Settings
from assistant.store.tables import PredictionRow, RunRow
from assistant.workspace import Workspace
from tests.served_models import finished, put_programs_in_place_of_models

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def programs_for_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """What they judge they call by the name of their run: defective, for whoever knows good alone."""
    put_programs_in_place_of_models(monkeypatch)


def parts(folder: Path, *names: str) -> Path:
    for name in names:
        (path := folder / name).parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return folder


async def test_a_study_is_kept_with_all_that_it_rests_on_and_found_after_a_restart(
    settings: Settings, tmp_path: Path
) -> None:
    folder = parts(tmp_path / "parts", "good/A/1.png", "good/A/2.png", "defective/B/1.png", "NG/C/1.png")
    (folder / "NG" / "C" / "2.png").write_bytes(b"half of one")
    async with Workspace.open(settings) as workspace:
        run = (await finished(workspace)).id
        made = await workspace.studies.make(run, folder, who="Mina")
    async with Workspace.open(settings) as workspace:
        (row,) = await workspace.studies.of(run)
        told = told_of(await workspace.studies.get(run, row.id))
    assert told == json.loads(json.dumps(told_of(made)))
    assert (told["who"], told["run"], told["reference"], told["threshold_version"]) == ("Mina", run, run, 1)
    assert told["folder"] == str(folder) and len(told["data"]) == 64
    assert told["study"]["measures"]["false_alarm_rate"]["count"] == 2  # it calls everything defective
    assert told["study"]["measures"]["miss_rate"]["value"] == 0
    assert told["parts"][0] == {"part": "NG/C", "reference": "defective", "good": 0, "defective": 1}
    assert told["left_out"] == [{"name": "NG/C/2.png", "why": "damaged"}]


async def test_the_fingerprint_is_that_of_the_pictures(workspace: Workspace, tmp_path: Path) -> None:
    run, folder = (await finished(workspace)).id, parts(tmp_path / "parts", "good/A/1.png", "good/A/2.png")
    prints = [(await workspace.studies.make(run, folder, who="Mina")).data for _ in range(2)]
    (folder / "good" / "A" / "2.png").write_bytes(b"another one")
    prints.append((await workspace.studies.make(run, folder, who="Mina")).data)
    assert prints[0] == prints[1] != prints[2]


async def test_a_folder_that_names_no_parts_is_refused_before_anything_is_judged(
    workspace: Workspace, tmp_path: Path
) -> None:
    run = (await finished(workspace)).id
    with pytest.raises(StudyRefused, match="good/PART"):
        await workspace.studies.make(run, parts(tmp_path / "flat", "good/A/1.png", "good/2.png"), who="Mina")
    with pytest.raises(NoPictures):
        await workspace.studies.make(run, parts(tmp_path / "none", "good/A/1.txt"), who="Mina")
    async with workspace.database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(PredictionRow)) == 0
    assert await workspace.studies.of(run) == []


async def test_a_study_whose_threshold_moves_meanwhile_is_not_kept(workspace: Workspace, tmp_path: Path) -> None:
    run = (await finished(workspace)).id
    folder = parts(tmp_path / "parts", *(f"good/A/slow{number:02}.png" for number in range(32)))
    moved = asyncio.Event()
    making = asyncio.create_task(workspace.studies.make(run, folder, who="Mina", progress=lambda done, of: moved.set()))
    await moved.wait()
    async with workspace.database.session() as session:
        row = await session.get_one(RunRow, run)
        row.threshold = {"version": 2, "told": {"image": 0.1, "pixel": 0.1}}
    with pytest.raises(StudyRefused, match="another threshold"):
        await making
    assert await workspace.studies.of(run) == []


async def test_one_study_of_a_model_is_made_at_a_time_and_one_that_fails_says_why(
    workspace: Workspace, tmp_path: Path
) -> None:
    run, folder = (await finished(workspace)).id, parts(tmp_path / "parts", "good/A/slow.png")
    await workspace.studies.begin(run, folder=str(folder), dataset=None, who="Mina")
    with pytest.raises(StudyUnderWay):
        await workspace.studies.begin(run, folder=str(folder), dataset=None, who="Jun")
    while await workspace.studies.under_way(run) is not None:
        await asyncio.sleep(0.02)
    assert [row.who for row in await workspace.studies.of(run)] == ["Mina"]
    await workspace.studies.begin(run, folder=str(tmp_path / "nowhere"), dataset=None, who="Mina")
    while (now := await workspace.studies.under_way(run)) is not None and now.refused is None:
        await asyncio.sleep(0.02)
    assert now is not None and now.told()["refused"]["code"] == "no_folder"


async def test_the_study_of_another_model_is_none_of_this_one(workspace: Workspace, tmp_path: Path) -> None:
    run, other = (await finished(workspace)).id, (await finished(workspace)).id
    made = await workspace.studies.make(run, parts(tmp_path / "parts", "good/A/1.png"), who="Mina")
    with pytest.raises(UnknownStudy):
        await workspace.studies.get(other, made.id)


def test_a_table_of_verdicts_gets_a_report_of_its_own_in_the_language_asked_for(tmp_path: Path) -> None:
    table = tmp_path / "verdicts.csv"
    table.write_text("part,reference,verdict\n<b>P1</b>,OK,NG\nP2,NG,NG\nP2,NG,OK\n", encoding="utf-8")
    again, report = tmp_path / "again.csv", tmp_path / "report.html"
    asked = ["study", "--table", str(table), "--report", str(report), "--csv", str(again), "--language", "ko"]
    told = CliRunner().invoke(app, asked)
    assert told.exit_code == 0, told.output
    assert "미검률\t50 %\t2 중 1" in told.output
    html = report.read_text("utf-8")
    assert "반복성 평가" in html and "부품 2개는 적습니다" in html and "&lt;b&gt;P1" in html
    assert not re.search(r"<script|https?://|src=\"[^d]", html)
    repeated = CliRunner().invoke(app, ["study", "--table", str(again), "--json"])
    first = CliRunner().invoke(app, ["study", "--table", str(table), "--json"])
    assert repeated.stdout == first.stdout
    assert CliRunner().invoke(app, asked).exit_code == 2  # it writes over nothing
