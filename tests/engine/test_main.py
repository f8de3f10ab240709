import json

import pytest

from engine.__main__ import main
from engine.params import MODELS
from tests.engine.samples import write_mvtec


def test_the_catalog_lists_every_model_with_its_settings(capsys):
    assert main(["catalog"]) == 0
    cards = {card["name"]: card for card in json.loads(capsys.readouterr().out)}
    assert list(cards) == list(MODELS)
    assert cards["patchcore"]["fields"]["coreset_ratio"]["description"]
    assert cards["patchcore"]["defaults"]["coreset_ratio"] == MODELS["patchcore"]().coreset_ratio
    assert cards["stfpm"]["family"] == "gradient"


def test_check_gives_facts_as_json_and_for_the_eye(tmp_path, capsys):
    write_mvtec(tmp_path, train=5)
    (tmp_path / "train/good/000.png").write_bytes(b"")
    assert main(["check", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["train_good"] == 4
    assert main(["check", str(tmp_path)]) == 0
    assert "broken  train/good/000.png: the file is empty" in capsys.readouterr().out


@pytest.mark.parametrize("exists", [True, False])
def test_check_says_with_its_exit_code_that_nothing_can_be_trained(tmp_path, capsys, exists):
    folder = tmp_path if exists else tmp_path / "gone"
    assert main(["check", str(folder), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["problems"]


def test_demo_writes_a_data_set_that_can_be_trained_on(tmp_path, capsys):
    assert main(["demo", str(tmp_path / "oled")]) == 0
    assert main(["check", str(tmp_path / "oled"), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert facts["synthetic"] is True
    assert facts["masks"] == facts["test_defective"] > 0
