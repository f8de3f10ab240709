"""The texts of the page: those of a model or a kind of run stand in a place of their own, and no text stands twice."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from engine.contract.jobs import KINDS
from prompts import model_words
from prompts import page_texts as texts
from prompts.languages import Language
from prompts.page_texts import page_texts


@pytest.fixture
def prompts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder of prompts, with the texts of a kind of run that is called new."""
    for folder in ("locales", "kinds/new", "models"):
        (tmp_path / folder).mkdir(parents=True)
    for language in get_args(Language):
        (tmp_path / "locales" / f"{language}.json").write_text(json.dumps({"stage.loading": "Load"}))
        (tmp_path / "kinds" / "new" / f"{language}.json").write_text(json.dumps({"stage.sorting": f"Sort {language}"}))
    monkeypatch.setattr(texts, "PROMPTS", tmp_path)
    monkeypatch.setattr(texts, "LOCALES", tmp_path / "locales")
    monkeypatch.setattr(model_words, "FOLDER", tmp_path / "models")
    forget()
    yield tmp_path
    forget()


def forget() -> None:
    page_texts.cache_clear()
    model_words.model_words.cache_clear()


def test_a_kind_of_run_brings_its_own_texts(prompts: Path) -> None:
    assert page_texts("ko") == {"stage.loading": "Load", "stage.sorting": "Sort ko"}


def test_a_model_brings_its_own_texts_and_says_what_a_shared_setting_means_to_it(prompts: Path) -> None:
    (prompts / "models" / "thing.toml").write_text('[ko]\nsummary = "S"\nsetting.size = "N"\nhelp.size = "H"\n')
    own = {"model.thing.summary": "S", "setting.size": "N", "help.thing.size": "H"}
    assert own.items() <= page_texts("ko").items()
    assert "setting.size" not in page_texts("en")


def test_a_text_that_stands_twice_is_an_error(prompts: Path) -> None:
    (prompts / "kinds" / "new" / "zh.json").write_text(json.dumps({"stage.loading": "Laden"}))
    with pytest.raises(AssertionError, match=r"stage\.loading"):
        page_texts("zh")


def test_korean_and_chinese_explain_the_same() -> None:
    explained = [{key for key in page_texts(each) if key.startswith(("help.", "model."))} for each in ("ko", "zh")]
    assert explained[0] == explained[1]


def test_the_words_of_a_model_belong_to_a_model_that_there_is() -> None:
    models = {model for kind in KINDS.values() for model in kind.models()}
    assert {path.stem for path in texts.PROMPTS.glob("models/*.toml")} <= models
