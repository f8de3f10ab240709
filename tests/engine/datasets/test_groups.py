import json

import pytest

from engine.datasets import groups as groups_module
from engine.datasets.factory import open_dataset
from tests.engine.datasets.test_layouts import put


def groups(root):
    return {item.name: item.group for item in open_dataset(root).items}


def test_reads_groups_from_the_split_table_by_folders_and_file(tmp_path):
    put(tmp_path, "train/good/0.png", "train/good/1.png", "test/good/0.png")
    (tmp_path / "split.csv").write_text("split,class,file,Panel\ntrain,good,0.png,P1\ntest,good,0.png,P2\n")
    assert groups(tmp_path) == {"train/good/0.png": "P1", "train/good/1.png": None, "test/good/0.png": "P2"}


@pytest.mark.parametrize("table", ["name,lot\ngood/a.png,L7\n", "file,sequence\na.png,L7\n"])
def test_reads_groups_by_whole_name_or_by_file_name(tmp_path, table):
    put(tmp_path, "good/a.png", "good/b.png")
    (tmp_path / "split.csv").write_text(table)
    assert groups(tmp_path) == {"good/a.png": "L7", "good/b.png": None}


def test_a_table_without_such_a_column_groups_nothing(tmp_path):
    put(tmp_path, "good/a.png")
    (tmp_path / "split.csv").write_text("split,class,file,source\ntrain,good,a.png,x\n")
    assert groups(tmp_path) == {"good/a.png": None}


def test_finds_groups_in_the_names_by_the_data_sets_own_pattern(tmp_path):
    put(tmp_path, "good/panel07_white.png", "good/panel07_red.png", "good/other.png")
    (tmp_path / "murascope.json").write_text(json.dumps({"group_pattern": r"panel(\d+)_"}))
    assert list(groups(tmp_path).values()) == [None, "07", "07"]


@pytest.mark.parametrize(("pattern", "reason"), [("panel(", "no regular expression"), (r"(a)(b)", "has 2 groups")])
def test_a_pattern_that_cannot_be_followed_is_said(tmp_path, pattern, reason):
    put(tmp_path, "good/a.png")
    (tmp_path / "murascope.json").write_text(json.dumps({"group_pattern": pattern}))
    with pytest.raises(LookupError, match=reason):
        open_dataset(tmp_path)


@pytest.mark.parametrize("pattern", [r"(a|a)+$", r"((?:a|aa)+)$", r"(?:a{1,999}){1,999}(b)"])
def test_a_pattern_that_would_take_for_ever_is_given_up_and_said(tmp_path, monkeypatch, pattern):
    monkeypatch.setattr(groups_module, "PATIENCE_S", 0.2)
    put(tmp_path, f"good/{'a' * 60}!.png")
    (tmp_path / "murascope.json").write_text(json.dumps({"group_pattern": pattern}))
    with pytest.raises(LookupError, match="still busy with the name 'good/aaa"):
        open_dataset(tmp_path)


def test_a_pattern_that_is_too_long_is_refused(tmp_path):
    put(tmp_path, "good/a.png")
    (tmp_path / "murascope.json").write_text(json.dumps({"group_pattern": "(a)" * 100}))
    with pytest.raises(LookupError, match="has 300 characters; at most 200"):
        open_dataset(tmp_path)


def test_a_pattern_reads_letters_of_every_language(tmp_path):
    put(tmp_path, "good/패널7_a.png")
    (tmp_path / "murascope.json").write_text(json.dumps({"group_pattern": r"(\w+\d)_"}))
    assert groups(tmp_path) == {"good/패널7_a.png": "패널7"}
