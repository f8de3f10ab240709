"""Data sets made of reviewed pictures: each once, by the last word, registered like any other; alone, or with what the model has learnt from."""

import hashlib
import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from uuid import uuid4

import pytest
from PIL import Image

from assistant import runner
from assistant.data.datasets import DatasetError
from assistant.data.laid_out import mask_of
from assistant.models.feedback import Verdict
from assistant.models.feedback_data import NoDataset
from assistant.models.serving.kept_pictures import JUDGED
from assistant.store.tables import PredictionRow, RunRow
from assistant.workspace import Workspace
from engine.contract.data import Picture
from engine.contract.folder import RunFolder
from engine.contract.jobs import make_job
from engine.contract.results.detect import DetectResults
from tests import stored_runs
from tests.tiny_panels import tiny_panels

pytestmark = pytest.mark.anyio


@cache
def photograph(number: int, *, kind: str = "PNG") -> bytes:
    """Of noise, another one for each number."""
    file = io.BytesIO()
    Image.effect_noise((40, 30), 60 + number).convert("RGB").save(file, kind)
    return file.getvalue()


async def trained(workspace: Workspace, data: Path) -> RunRow:
    """A finished run on the pictures of the folder, at 64 pixels."""
    facts = (await workspace.datasets.add("panels", data)).facts
    job = make_job("detect", "panels", "patchcore", {"image_size": 64})
    row = await workspace.runs.add(job, data_path=str(data), fingerprint=facts.fingerprint)
    folder = workspace.runs.folder(row.id)
    stored_runs.write_evaluation(folder)
    stored_runs.write_model(folder, stored_runs.card(job))
    await workspace.runs.claim_one(row.id)
    await workspace.runs.end(row.id, "succeeded", metrics={})
    return await workspace.runs.get(row.id)


async def reviewed(
    workspace: Workspace, content: bytes, *said: Verdict, run: str = "r1", region: Sequence[float] | None = None
) -> str:
    """A picture that the run's model judged and people called so; its SHA-256."""
    prediction, sha256 = uuid4().hex, hashlib.sha256(content).hexdigest()
    row = PredictionRow(id=prediction, run=run, name="a.png", image_sha256=sha256, verdict="good", score=0.3)
    row.threshold, row.found, row.who, row.home = 0.5, {}, "line 3", workspace.runs.place.home
    async with workspace.database.session() as session:
        session.add(row)
    kept = workspace.predictions.kept.path(prediction, JUDGED)
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_bytes(content)
    for verdict in said:
        await workspace.models.feedback(prediction, verdict, who="Mina", region=region)
    return sha256


def inside(pictures: Sequence[Picture]) -> dict[str, str | None]:
    return {each.name: each.mask for each in pictures}


async def test_reviewed_pictures_become_a_data_set_to_test_with(workspace: Workspace, tmp_path: Path) -> None:
    await trained(workspace, tiny_panels(tmp_path))
    good = await reviewed(workspace, photograph(1), "defective", "good")
    await reviewed(workspace, photograph(1), "good")  # judged again
    marked = await reviewed(workspace, photograph(2, kind="JPEG"), "defective", region=[32, 16, 16, 16])
    unmarked = await reviewed(workspace, photograph(3), "defective", region=[70, 70, 5, 5])
    lost = await reviewed(workspace, photograph(4), "good")
    (workspace.settings.home / "feedback" / lost[:2] / lost).unlink()
    made = await workspace.models.make_dataset("r1", "line 3")
    assert (made.good, made.defective, made.with_region, made.gone, made.learn) == (1, 2, 1, 1, None)
    assert (made.train_good, made.test_good, made.test_defective) == (0, 1, 2)
    assert inside(await workspace.datasets.images("line 3")) == {
        f"test/good/{good[:16]}.png": None,
        f"test/defective/{marked[:16]}.jpg": f"ground_truth/defective/{marked[:16]}_mask.png",
        f"test/defective/{unmarked[:16]}.png": None,
    }
    facts = await workspace.datasets.facts("line 3")
    assert "only_tested_with" in [notice.code for notice in facts.notices]
    assert (
        facts.unfit["detect"][0].code == "good_only_tested"
    )  # nobody learns from what is to tell whether he has learnt
    again = await workspace.models.make_dataset("r1", "line 3 again")
    assert again.fingerprint == made.fingerprint
    with pytest.raises(DatasetError, match="there is a data set called 'line 3' already"):
        await workspace.models.make_dataset("r1", "line 3")


async def test_pictures_that_any_version_of_a_model_judged_are_in_its_data_set(
    workspace: Workspace, tmp_path: Path
) -> None:
    first = await trained(workspace, tiny_panels(tmp_path))
    job = make_job("detect", "panels", "padim", {"image_size": 64})
    second = await workspace.runs.add(job, data_path=first.data_path)
    stored_runs.write_evaluation(workspace.runs.folder(second.id))
    stored_runs.write_model(workspace.runs.folder(second.id), stored_runs.card(job))
    await workspace.runs.claim_one(second.id)
    await workspace.runs.end(second.id, "succeeded", metrics={})
    for run in (first, second):
        await workspace.models.register("line", run.id, who="Mina")
        await reviewed(workspace, photograph(int(run.id[1:])), "good", run=run.id)
    await reviewed(workspace, photograph(1), "defective", run=second.id)  # the other version's picture, said anew
    found = await workspace.models.reviewed("line@2")
    assert (found.good, found.defective, found.pictures, found.kept) == (1, 1, 2, 2)
    made = await workspace.models.make_dataset("line", "of the line")
    assert (made.good, made.defective) == (1, 1)
    assert (await workspace.models.reviewed(second.id)).pictures == 2
    assert (await workspace.models.reviewed(first.id)).pictures == 1


async def test_reviewed_pictures_are_joined_to_what_the_model_has_learnt_from(
    workspace: Workspace, tmp_path: Path
) -> None:
    data = tiny_panels(tmp_path)
    (data / "murascope.json").write_text('{"licence": "CC BY-NC-SA 4.0", "group_pattern": "^train/good/(00)"}')
    Image.effect_noise((64, 64), 99).convert("RGB").save(data / "test" / "good" / "other.png")
    (data / "test" / "spot" / "unmarked.png").write_bytes(photograph(3))
    await trained(workspace, data)
    await reviewed(workspace, photograph(3), "defective", region=[0, 0, 8, 8])
    good = await reviewed(workspace, photograph(1), "good")
    bad = await reviewed(workspace, photograph(2), "defective", region=[0, 0, 8, 8])
    await reviewed(workspace, (data / "test/spot/001.png").read_bytes(), "defective")  # as the data set has it
    other = await reviewed(workspace, (data / "test/good/other.png").read_bytes(), "defective")  # it has it as good
    made = await workspace.models.make_dataset("r1", "more", with_training_data=True)
    assert (made.good, made.defective, made.with_region, made.joined, made.changed) == (1, 4, 2, "panels", False)
    assert (made.train_good, made.test_good, made.test_defective) == (13, 4, 7)
    command = "murascope train --model supersimplenet --data more --set labelled_share=0.5"
    assert made.learn == {"model": "supersimplenet", "share": 0.5, "command": command}
    images = {each.name: each for each in await workspace.datasets.images("more")}
    assert {f"train/good/{good[:16]}.png", f"test/defective/{other[:16]}.png"} <= images.keys()
    assert "test/good/other.png" not in images
    assert images["test/spot/001.png"].mask == "ground_truth/spot/001_mask.png"
    assert images[f"test/defective/{bad[:16]}.png"].mask == f"ground_truth/defective/{bad[:16]}_mask.png"
    assert images["test/spot/unmarked.png"].mask == "ground_truth/spot/unmarked_mask.png"  # as a person drew it
    assert (images["train/good/000.png"].group, images["test/spot/001.png"].group) == ("00", None)
    assert (await workspace.datasets.facts("more")).licence == "CC BY-NC-SA 4.0"
    await workspace.datasets.remove("more")
    assert (data / "train" / "good" / "000.png").is_file()  # what was joined stays where it is
    (data / "train" / "good" / "011.png").unlink()
    assert (await workspace.models.make_dataset("r1", "fewer", with_training_data=True)).changed


async def test_a_model_learns_from_the_defects_that_people_showed(workspace: Workspace, tmp_path: Path) -> None:
    await trained(workspace, tiny_panels(tmp_path))
    for number in range(4):
        await reviewed(workspace, photograph(number), "defective", region=[0, 0, 8, 8])
    made = await workspace.models.make_dataset("r1", "more", with_training_data=True)
    assert made.learn is not None
    tiny = {"image_size": 64, "epochs": 1, "backbone": "resnet18", "weights": "random", "device": "cpu", "upscale": 1}
    chosen = tiny | {"labelled_share": made.learn["share"]}
    told = await runner.run_async("more", model=made.learn["model"], settings=workspace.settings, **chosen)
    assert told["status"] == "succeeded", told["reason"]
    counts = RunFolder(workspace.runs.folder(told["run_id"])).evaluation.read(DetectResults).metrics.counts
    assert (counts["labelled"], counts["test_defective"]) == (4, 4)  # half of the spots, and half of what was reviewed


async def test_where_too_little_was_said_no_data_set_is_made(workspace: Workspace, tmp_path: Path) -> None:
    await trained(workspace, tiny_panels(tmp_path))
    with pytest.raises(NoDataset) as refused:
        await workspace.models.make_dataset("r1", "line")
    assert refused.value.code == "no_reviewed_pictures"
    await reviewed(workspace, photograph(1), "defective")
    with pytest.raises(NoDataset) as refused:
        await workspace.models.make_dataset("r1", "line")
    assert refused.value.code == "no_good_reviewed"
    assert list(await workspace.datasets.names()) == ["panels"]
    assert not any(workspace.settings.datasets_folder.glob("*"))


def test_a_region_is_drawn_with_all_pixels_that_it_touches_and_cut_off_at_the_border() -> None:
    drawn = mask_of([5.5, -3, 2, 5], 8)
    assert drawn is not None
    image = Image.open(io.BytesIO(drawn))
    marked = {(x, y) for x in range(8) for y in range(8) if image.getpixel((x, y)) == 255}
    assert (image.size, image.mode) == ((8, 8), "L")
    assert marked == {(x, y) for x in (5, 6, 7) for y in (0, 1)}
    assert mask_of([8, 0, 4, 4], 8) is None and mask_of([2, 2, 0, 3], 8) is None
