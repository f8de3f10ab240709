"""The command line as a user runs it: real processes, real trainings on a tiny data set."""

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import update

from assistant.settings import Settings
from assistant.store.tables import RunRow
from assistant.workspace import Workspace
from engine.contract.folder import RunFolder
from engine.contract.jobs import make_job
from tests.forks import Loaded
from tests.serving import PROJECT, environment_of
from tests.small_disk import small_disk
from tests.trainers import trainer_of

QUICK = [
    "--set", "image_size=64", "--set", "backbone=resnet18", "--set", "weights=random", "--set", "threshold_policy=split_conformal",
]  # fmt: skip

ENDLESS = ["--model", "autoencoder", "--set", "image_size=64", "--set", "epochs=5000", "--set", "patience=0"]


MURASCOPE = "from assistant.cli import main; main()"
LOADED = Loaded("assistant.cli.training", "assistant.workspace", "assistant.telling.runs", "uvicorn")


class Murascope:
    """Runs `murascope` with a home folder of its own."""

    def __init__(self, home: Path):
        self.environment = environment_of(home) | {"PYTHONPATH": str(PROJECT), "OMP_NUM_THREADS": "1"}

    def __call__(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return LOADED.start("-c", MURASCOPE, *arguments, environment=self.environment).complete()

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """In a process that loads all that it needs, and that can be listened to."""
        return subprocess.Popen(
            [sys.executable, "-c", MURASCOPE, *arguments],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def kill(run: RunFolder) -> None:
    """The training process gets no last word."""
    os.kill(trainer_of(run.path), signal.SIGKILL)


@pytest.fixture
def murascope(tmp_path: Path) -> Murascope:
    return Murascope(tmp_path / "home")


def outcome(process: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    """What --json printed: one object on one line, and nothing else."""
    assert len(process.stdout.splitlines()) == 1, process.stdout + process.stderr
    read: dict[str, Any] = json.loads(process.stdout)
    return read


def test_a_folder_is_trained_on_without_a_server(murascope: Murascope, panels: Path) -> None:
    said = outcome(murascope("train", "--data", str(panels), "--model", "patchcore", *QUICK, "--yes", "--json"))
    assert (said["run"], said["status"]) == ("r1", "succeeded")
    assert said["metrics"]["image_auroc"] == 1.0
    assert {"image_aupr", "pixel_auroc", "pixel_aupr"} <= set(said["metrics"])
    assert said["seconds"]["total"] >= said["seconds"]["collecting"] > 0
    summary = murascope("runs", "show", "r1", "--language", "ko")
    assert "임계값" in summary.stdout


def test_a_registered_data_set_is_trained_on_by_name_and_listed(murascope: Murascope, panels: Path) -> None:
    assert "12 good images" in murascope("data", "add", "Line 3", str(panels)).stdout
    said = outcome(
        murascope("train", "--data", "line 3", "--model", "padim", *QUICK, "--set", "num_features=8", "--yes", "--json")
    )
    assert said["status"] == "succeeded"
    assert json.loads(murascope("runs", "list", "--json").stdout)[0]["dataset"] == "Line 3"
    assert murascope("data", "remove", "Line 3").returncode == 0
    assert json.loads(murascope("data", "list", "--json").stdout) == []
    assert panels.is_dir()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--model", "patchcor"], "did you mean 'patchcore'"),
        (["--set", "image_size=100"], "multiple of 32"),
        (["--set", "coreset=1"], "did you mean 'coreset_ratio'"),
        (["--set", "image_size"], "--set takes NAME=VALUE"),
        (["--set", "weights=pretrained", "--set", "backbone=resnet18"], "copy resnet18.safetensors into"),
    ],
)
def test_what_is_wrong_is_said_before_anything_starts(
    murascope: Murascope, panels: Path, arguments: list[str], words: str
) -> None:
    process = murascope("train", "--data", str(panels), *arguments, "--yes", "--json")
    assert process.returncode == 2
    assert words in outcome(process)["problems"][0]
    assert json.loads(murascope("runs", "list", "--json").stdout) == []


@pytest.mark.parametrize(
    ("data", "words"), [("nowhere", "unknown data set 'nowhere'"), ("./nowhere", "does not exist")]
)
def test_data_that_is_not_there_is_said(murascope: Murascope, data: str, words: str) -> None:
    assert words in murascope("train", "--data", data, "--yes").stderr


def test_an_empty_folder_and_a_taken_name_are_refused(murascope: Murascope, panels: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "holds no pictures" in murascope("data", "add", "x", str(tmp_path / "empty")).stderr
    murascope("data", "add", "oled", str(panels))
    assert "already" in murascope("data", "add", "OLED", str(panels)).stderr
    assert "cannot be a data set's name" in murascope("data", "add", "../x", str(panels)).stderr


def test_goods_alone_train_and_what_cannot_be_measured_is_null(murascope: Murascope, tmp_path: Path) -> None:
    for number in range(12):
        (tmp_path / "goods").mkdir(exist_ok=True)
        Image.new("RGB", (64, 64), (90 + number, 90, 90)).save(tmp_path / "goods" / f"{number}.png")
    (tmp_path / "goods" / "broken.png").write_bytes(b"no image")
    said = outcome(murascope("train", "--data", str(tmp_path / "goods"), *QUICK, "--yes", "--json"))
    assert said["status"] == "succeeded"
    assert said["metrics"]["image_auroc"] is None
    assert said["metrics"]["overkill"] is not None


def test_ctrl_c_stops_the_run_cleanly(murascope: Murascope, panels: Path) -> None:
    process = murascope.start("train", "--data", str(panels), *ENDLESS, "--yes", "--json")
    assert process.stderr is not None
    for line in process.stderr:
        if "epoch" in line:
            process.send_signal(signal.SIGINT)
            break
    out, _ = process.communicate(timeout=60)
    assert json.loads(out)["status"] == "stopped"
    assert process.returncode == 3


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads the environment of a process from /proc")
def test_a_training_works_without_the_secrets_of_the_server(murascope: Murascope, panels: Path, tmp_path: Path) -> None:
    for name in ("ANTHROPIC_AUTH_TOKEN", "openai_api_key", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "FOO_SECRET"):
        murascope.environment[name] = "hunter2"
    process = murascope.start("train", "--data", str(panels), *ENDLESS, "--yes", "--json")
    assert process.stderr is not None
    seen = ""
    for line in process.stderr:
        if "epoch" in line:
            trainer = trainer_of(tmp_path / "home" / "runs" / "r1")
            seen = Path(f"/proc/{trainer}/environ").read_text()
            process.send_signal(signal.SIGINT)
            break
    process.communicate(timeout=60)
    assert "MURASCOPE_WEIGHTS" in seen
    assert "hunter2" not in seen


def test_a_killed_engine_is_a_failure_with_its_reason(murascope: Murascope, panels: Path, tmp_path: Path) -> None:
    murascope.environment["MURASCOPE_RETRIES"] = "0"
    process = murascope.start("train", "--data", str(panels), *ENDLESS, "--yes", "--json")
    run = RunFolder(tmp_path / "home" / "runs" / "r1")
    while not (run.events.exists() and run.events.read_text().count("\n") >= 3):
        time.sleep(0.1)
    kill(run)
    out, _ = process.communicate(timeout=60)
    said = json.loads(out)
    assert said["status"] == "failed"
    assert "SIGKILL" in said["reason"]
    assert process.returncode == 1


def test_a_folder_is_looked_into_without_registering_it(murascope: Murascope, panels: Path) -> None:
    (panels / "test/spot/9.heic").write_bytes(b"\0\1")
    facts = outcome(murascope("data", "check", str(panels), "--json"))
    assert (facts["layout"], facts["train_good"], facts["masks"], facts["problems"]) == ("mvtec", 12, 4, [])
    assert facts["left_out"] == [{"where": "test/spot", "ending": ".heic", "reason": "ending", "count": 1}]
    assert "images" not in facts
    assert json.loads(murascope("data", "list", "--json").stdout) == []
    told = murascope("data", "check", str(panels / "test"))
    assert told.returncode == 0
    assert "not used: 1 of a kind that is not read (.heic): in spot" in told.stdout


def test_a_folder_that_cannot_be_trained_on_says_why_with_all_its_figures(murascope: Murascope, panels: Path) -> None:
    process = murascope("data", "check", str(panels / "test/spot"), "--json")
    assert process.returncode == 0
    (panels / "test/spot").rename(panels / "NG")
    process = murascope("data", "check", str(panels / "none"), "--json")
    assert [each["code"] for each in json.loads(process.stdout)["problems"]] == ["no_folder"]
    process = murascope("data", "check", str(panels / "NG"), "--json")
    facts = outcome(process)
    assert (process.returncode, facts["test_defective"]) == (2, 4)
    assert [problem["code"] for problem in facts["problems"]] == ["no_good"]
    told = murascope("data", "check", str(panels / "NG")).stdout
    assert "cannot be trained on: there are no good pictures to learn from; put them into good/ or train/good/" in told


def test_utterances_are_understood_line_by_line(murascope: Murascope, tmp_path: Path) -> None:
    asked = [
        {"id": 1, "language": "en", "text": "train PatchCore on the OLED data"},
        {"id": 2, "language": "ko", "text": "OLED 데이터로 패치코어 학습해줘"},
        {"id": 3, "language": "zh", "text": "用 OLED 数据训练 PatchCore"},
        {"id": 4, "language": "en", "text": "the weather is nice"},
    ]
    (tmp_path / "u.jsonl").write_text(
        "\n".join(json.dumps(each, ensure_ascii=False) for each in asked), encoding="utf-8"
    )
    process = murascope("understand", "--file", str(tmp_path / "u.jsonl"), "--datasets", "oled,phone_screen")
    said = [json.loads(line) for line in process.stdout.splitlines()]
    plan = {"tool": "propose_training", "arguments": {"dataset": "oled", "model": "patchcore"}}
    assert [(each["id"], each["calls"]) for each in said] == [(1, [plan]), (2, [plan]), (3, [plan]), (4, [])]
    assert (said[3]["intent"], said[3]["asks"]) == ("off_topic", None)


def test_a_line_that_is_no_utterance_is_named(murascope: Murascope, tmp_path: Path) -> None:
    (tmp_path / "u.jsonl").write_text('{"id": 1, "text": "hi"}\nnot json\n')
    process = murascope("understand", "--file", str(tmp_path / "u.jsonl"), "--datasets", "oled")
    assert process.returncode == 2
    assert "line 2" in process.stderr


def test_a_setting_out_of_range_is_named(murascope: Murascope) -> None:
    murascope.environment["MURASCOPE_PORT"] = "99999"
    assert "MURASCOPE_PORT is '99999'" in murascope("data", "list").stderr


def test_the_doctor_says_what_there_is(murascope: Murascope) -> None:
    said = murascope("doctor").stdout
    assert "patchcore" in said
    assert "nothing leaves this machine" in said


def test_a_home_that_cannot_be_used_is_told_in_words(murascope: Murascope, tmp_path: Path) -> None:
    with small_disk(tmp_path / "home") as disk:
        murascope("data", "list")
        disk.fill()
        assert "No space left" in murascope("data", "list").stderr
        disk.empty()
        disk.be_read_only()
        for command in (("data", "list"), ("serve", "--port", "0"), ("train", "--data", str(tmp_path), "--yes")):
            said = murascope(*command)
            assert said.returncode == 2
            assert "Read-only file system" in said.stderr
            assert "MURASCOPE_HOME" in said.stderr
            assert "Traceback" not in said.stderr


def test_the_list_of_runs_tells_kind_and_machine_of_each(murascope: Murascope, tmp_path: Path) -> None:
    async def fill() -> str:
        async with Workspace.open(Settings(home=tmp_path / "home")) as workspace:
            await workspace.runs.add(make_job("detect", "oled", "padim"), data_path=str(tmp_path))
            there = await workspace.runs.add(make_job("classify", "tile", "resnet"), data_path=str(tmp_path))
            async with workspace.database.session() as session:
                await session.execute(update(RunRow).where(RunRow.id == there.id).values(home="other", host="line-3"))
            return workspace.runs.place.host

    host = asyncio.run(fill())
    told = [line.split("\t") for line in murascope("runs", "list").stdout.splitlines()]
    assert told == [
        ["r2", "queued", "classify", "resnet on tile", "in another home, on line-3"],
        ["r1", "queued", "detect", "padim on oled"],
    ]
    listed = json.loads(murascope("runs", "list", "--json").stdout)
    assert [(each["task"], each["host"]) for each in listed] == [("classify", "line-3"), ("detect", host)]


def test_the_queue_is_listed_paused_resumed_and_a_run_put_first(murascope: Murascope, tmp_path: Path) -> None:
    async def fill() -> None:
        async with Workspace.open(Settings(home=tmp_path / "home")) as workspace:
            for model in ("padim", "patchcore", "dino_bank"):
                await workspace.runs.add(make_job("detect", "oled", model), data_path=str(tmp_path))
            await workspace.runs.claim_one("r1")

    asyncio.run(fill())
    paused = murascope("queue", "pause")
    assert "nothing new starts; murascope queue resume" in paused.stderr
    assert [line.split("\t") for line in paused.stdout.splitlines()] == [
        ["r1", "running", "detect", "padim on oled"],
        ["r2", "waiting 1", "detect", "patchcore on oled"],
        ["r3", "waiting 2", "detect", "dino_bank on oled"],
    ]
    first = outcome(murascope("queue", "first", "3", "--json"))
    assert [(each["run"], each["position"]) for each in first["waiting"]] == [("r3", 1), ("r2", 2)]
    assert first["paused_since"] is not None
    assert outcome(murascope("queue", "resume", "--json"))["paused_since"] is None
    assert outcome(murascope("queue", "--json"))["waiting"] == first["waiting"]
    refused = murascope("queue", "first", "r1")
    assert (refused.returncode, refused.stderr) == (2, "run r1 does not wait any more\n")


def test_an_empty_queue_says_so_beside_its_output(murascope: Murascope) -> None:
    said = murascope("queue")
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "nothing runs and nothing waits\n")


def test_a_home_without_runs_says_so_beside_its_output(murascope: Murascope) -> None:
    said = murascope("runs", "list")
    assert (said.returncode, said.stdout, "no runs yet" in said.stderr) == (0, "", True)


def test_a_damaged_database_is_told_in_words(murascope: Murascope, tmp_path: Path) -> None:
    file = tmp_path / "home" / "murascope.db"
    murascope("data", "list")
    whole = file.read_bytes()
    for damaged in (b"\xa5" * 50_000, whole[:9000], whole[:4096] + b"\xa5" * (len(whole) - 4096)):
        file.write_bytes(damaged)
        for command in (("data", "list"), ("serve", "--port", "0")):
            said = murascope(*command)
            assert said.returncode == 2
            assert f"the database file {file} is damaged" in said.stderr
            assert "Traceback" not in said.stderr


def test_a_home_of_nobody_is_told_in_words(murascope: Murascope) -> None:
    murascope.environment["MURASCOPE_HOME"] = "~nosuchuser/murascope"
    said = murascope("data", "list")
    assert (said.returncode, "there is no such user" in said.stderr) == (2, True)


def test_a_killed_training_names_the_command_that_takes_it_up_and_finishes_it(
    murascope: Murascope, panels: Path, tmp_path: Path
) -> None:
    murascope.environment["MURASCOPE_RETRIES"] = "0"
    asked = ["--model", "autoencoder", "--set", "image_size=64", "--set", "epochs=30", "--set", "patience=0"]
    process = murascope.start("train", "--data", str(panels), *asked, "--yes")
    run = RunFolder(tmp_path / "home" / "runs" / "r1")
    while not run.checkpoint.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    kill(run)
    said = process.communicate(timeout=60)[1]
    assert "murascope runs continue r1" in said
    assert re.search(r"after epoch \d+ of 30", said)
    added = panels / "train" / "good" / "added.png"
    shutil.copyfile(panels / "train" / "good" / "000.png", added)
    refused = murascope("runs", "continue", "r1", "--json")
    assert (refused.returncode, "are not those" in outcome(refused)["problems"][0]) == (2, True)
    added.unlink()
    again = murascope("runs", "continue", "r1", "--json")
    assert (outcome(again)["run"], outcome(again)["status"]) == ("r2", "succeeded")
    assert "r2 takes the place of r1" in again.stderr
    assert murascope("runs", "continue", "r1").stderr.strip().endswith("look at its results, or train anew")


def test_the_demo_says_what_it_made_and_what_to_do_next_and_is_made_once(murascope: Murascope) -> None:
    made = murascope("demo").stdout
    assert re.search(r"oled: \d+ good images to learn from", made)
    assert "train PatchCore on oled" in made and "murascope train --data oled" in made
    assert "made before" in murascope("demo").stdout
    murascope("data", "remove", "oled")
    assert "not registered any more" in murascope("demo").stdout
