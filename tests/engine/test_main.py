import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.__main__ import main
from engine.contract.checksums import write_checksums
from engine.contract.folder import RunFolder
from engine.contract.jobs import KINDS
from engine.contract.models import MODELS
from tests.engine.processes import start_engine, train
from tests.engine.samples import tiny_spec, write_mvtec, write_run
from tests.engine.tasks.detect.test_run import rows_of


def test_the_catalog_lists_every_model_with_its_settings(capsys):
    assert main(["catalog"]) == 0
    cards = {card["name"]: card for card in json.loads(capsys.readouterr().out)}
    assert [(card["task"], name) for name, card in cards.items()] == [
        (kind, name) for kind, job in KINDS.items() for name in job.models()
    ]
    assert cards["patchcore"]["fields"]["coreset_ratio"]["description"]
    assert cards["patchcore"]["defaults"]["coreset_ratio"] == MODELS["patchcore"]().coreset_ratio
    assert cards["stfpm"]["family"] == "gradient"
    assert cards["mobilenet"]["defaults"]["backbone"] == "mobilenetv2_100"


def test_check_gives_facts_as_json(tmp_path, capsys):
    write_mvtec(tmp_path, train=5)
    (tmp_path / "train/good/000.png").write_bytes(b"")
    assert main(["check", str(tmp_path)]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["train_good"], facts["broken"]) == (
        4,
        [{"name": "train/good/000.png", "reason": "the file is empty"}],
    )


@pytest.mark.parametrize("exists", [True, False])
def test_check_says_with_its_exit_code_that_nothing_can_be_trained(tmp_path, capsys, exists):
    folder = tmp_path if exists else tmp_path / "gone"
    assert main(["check", str(folder)]) == 1
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert problem["hint"]


def test_demo_writes_a_data_set_that_can_be_trained_on(tmp_path, capsys):
    assert main(["demo", str(tmp_path / "oled")]) == 0
    assert main(["check", str(tmp_path / "oled")]) == 0
    facts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert facts["synthetic"] is True
    assert facts["masks"] == facts["test_defective"] > 0


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_mvtec(tmp_path_factory.mktemp("data"), train=12, good=3, defective=3)


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory) -> Path:
    run = write_run(tmp_path_factory.mktemp("runs") / "one", tiny_spec("patchcore", coreset_ratio=0.1))
    assert train(run, data)[0] == 0
    return run


def try_out(run: Path, data: Path, output: Path, *more: str) -> "subprocess.CompletedProcess[str]":
    return start_engine("test", str(run), "--data", str(data), "--output", str(output), *more).complete()


def test_a_finished_model_tells_of_the_same_pictures_what_its_run_told(finished, data, tmp_path):
    done = try_out(finished, data, tmp_path / "out")
    assert (done.returncode, done.stderr) == (0, "")
    summary, rows = json.loads(done.stdout), rows_of(finished)
    assert summary["images"] == len(rows) == 6
    assert summary["anomalous"] == sum(row.is_anomalous for row in rows)
    for index, row in enumerate(rows):
        said = json.loads((tmp_path / "out" / f"{index:04d}.json").read_text())
        assert said["image"]["name"] == row.name
        assert said["image"]["score"] == pytest.approx(row.score, rel=1e-4)
        assert said["image"]["p_value"] == pytest.approx(row.p_value)
    assert said["regions"][0]["nearest"][0]["name"].startswith("train/good/")
    with (
        Image.open(tmp_path / "out" / "0005_heatmap.png") as heatmap,
        Image.open(tmp_path / "out/0005_mask.png") as mask,
    ):
        assert heatmap.size == (64, 64)
        assert np.array(mask).any()


def test_other_pictures_are_judged_by_the_threshold_in_force_and_tell_which_it_was(finished, data, tmp_path):
    folder, highest = data / "test" / "patch", max(row.score for row in rows_of(finished))
    force = (f"--threshold={2 * highest}", f"--pixel-threshold={2 * highest}", "--threshold-version=4")
    summary = json.loads(try_out(finished, folder, tmp_path / "out", *force).stdout)
    assert (summary["anomalous"], summary["threshold"], summary["threshold_version"]) == (0, 2 * highest, 4)
    said = json.loads((tmp_path / "out" / "0000.json").read_text())
    assert (said["image"]["is_anomalous"], said["image"]["threshold_version"], said["regions"]) == (False, 4, [])
    half = try_out(finished, folder, tmp_path / "half", force[0])
    assert half.returncode == 1 and "together" in half.stderr


def test_a_folder_of_pictures_is_scored_whole_but_for_the_broken_ones(finished, data, tmp_path):
    folder = shutil.copytree(data / "test" / "patch", tmp_path / "line")
    (folder / "torn.png").write_bytes(b"no picture")
    done = try_out(finished, folder, tmp_path / "out")
    summary = json.loads(done.stdout)
    assert (summary["images"], list(summary["broken"])) == (3, ["torn.png"])
    assert len(list((tmp_path / "out").glob("*_map.png"))) == 3


def test_a_folder_of_good_and_bad_is_scored_whole(finished, data, tmp_path):
    folder = tmp_path / "line"
    shutil.copytree(data / "test" / "good", folder / "good")
    shutil.copytree(data / "test" / "patch", folder / "day1")
    shutil.copy(data / "test/good/000.png", folder / "loose.png")
    (folder / "more.gif").write_bytes(b"GIF89a")
    summary = json.loads(try_out(finished, folder, tmp_path / "out").stdout)
    assert summary["images"] == 3 + 3 + 1
    assert summary["left_out"] == [{"where": ".", "ending": ".gif", "reason": "ending", "count": 1}]


def test_what_a_data_set_with_a_test_of_its_own_learns_from_is_left_out_and_told(finished, data, tmp_path):
    summary = json.loads(try_out(finished, data, tmp_path / "out").stdout)
    learnt = [entry for entry in summary["left_out"] if entry["reason"] == "learnt_from"]
    assert learnt == [
        {
            "where": "train/good",
            "ending": ".png",
            "reason": "learnt_from",
            "count": len(list((data / "train/good").iterdir())),
        }
    ]


def test_what_cannot_be_tested_is_refused_in_words(finished, data, tmp_path):
    (tmp_path / "empty").mkdir()
    for run, folder, output, said in (
        (tmp_path / "gone", data, tmp_path / "out", "name the folder of a run that has finished"),
        (finished, tmp_path / "empty", tmp_path / "out", "holds no pictures"),
        (finished, tmp_path / "nowhere", tmp_path / "out", "there is no data set folder"),
        (finished, data, data, "not an empty folder; name a new one"),
    ):
        done = try_out(run, folder, output)
        assert (done.returncode, done.stdout) == (1, "")
        assert said in done.stderr
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_model_is_not_tried_on_other_weights_than_its_own(finished, data, tmp_path):
    other = shutil.copytree(finished, tmp_path / "run")
    path = RunFolder(other).model.card
    path.write_text(json.dumps(json.loads(path.read_text()) | {"backbone_fingerprint": "0"}))
    write_checksums(path.parent)
    done = try_out(other, data, tmp_path / "out")
    assert done.returncode == 1
    assert "trained on other weights of mobilenetv2_100" in done.stderr
