"""What holds for every kind of run, whichever there are: it plans, it can be edited, and it has words for what it measured."""

from pathlib import Path
from typing import Any, get_args

import pytest

from assistant import kinds
from assistant.kinds import DEFAULT_KIND, kind_names, kind_of, kind_of_model
from assistant.plans.form import describe
from assistant.plans.plan import make_plan
from assistant.settings import Settings
from engine.contract.jobs import KINDS, flat_settings, setting_names
from prompts.languages import Language
from prompts.page_texts import page_texts
from prompts.rendering import PROMPTS
from tests.data_facts import facts

LANGUAGES: tuple[Language, ...] = get_args(Language)
FACTS = facts(dataset="tile", test_defective=80, defect_types={"crack": 40, "stain": 40}, masks=0)


def planned(kind: str, folder: Path, **chosen: Any) -> Any:
    settings = Settings(home=folder, weights=folder / "weights", hub="off")
    return make_plan(settings, FACTS, kind_of(kind).default_model, chosen, [], kind=kind)


def test_every_kind_of_job_is_known_to_the_assistant_and_the_usual_one_comes_first() -> None:
    folders = {path.parent.name for path in Path(kinds.__file__).parent.glob("*/__init__.py")}
    assert set(kind_names()) == set(KINDS) == folders
    assert kind_names()[0] == DEFAULT_KIND
    assert [kind_of(name).name for name in kind_names()] == kind_names()


def test_an_unknown_kind_is_answered_with_those_there_are() -> None:
    with pytest.raises(LookupError, match=r"unknown task 'sorting' \(have: detect"):
        kind_of("sorting")


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_tells_the_kind_that_trains_it(kind: str) -> None:
    assert {kind_of_model(model) for model in KINDS[kind].models()} == {kind}


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_wish_there_is_a_plan_of_that_kind(kind: str, tmp_path: Path) -> None:
    plan = planned(kind, tmp_path)
    assert (plan.spec.kind, plan.spec.dataset, plan.chosen) == (kind, "tile", {})
    assert plan.estimate.seconds > 0
    assert plan.spec.dataset in kind_of(kind).in_short(plan.spec, FACTS)


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_chosen_stays_and_everything_else_is_described(kind: str, tmp_path: Path) -> None:
    plan = planned(kind, tmp_path, seed=7)
    shown = {setting.name: setting for setting in describe(plan.spec, plan.because)}
    assert (shown["seed"].value, shown["seed"].default) == (7, 0)
    assert shown.keys() == set(setting_names(kind, plan.spec.subject)) - kind_of(kind).without_effect(plan.spec)
    assert {name: setting.value for name, setting in shown.items()} == {
        name: value for name, value in flat_settings(plan.spec).items() if name in shown
    }


@pytest.mark.parametrize("kind", KINDS)
def test_its_main_settings_stand_on_the_card_in_their_order(kind: str, tmp_path: Path) -> None:
    main = [setting.name for setting in describe(planned(kind, tmp_path).spec) if setting.main]
    assert main
    assert main == [name for name in kind_of(kind).main_settings if name in main]


@pytest.mark.parametrize("kind", [kind for kind, job in KINDS.items() if "weights" in job.settings()])
def test_weights_that_are_demanded_and_missing_are_refused_and_missing_ones_told(kind: str, tmp_path: Path) -> None:
    codes = [notice.code for notice in planned(kind, tmp_path).notices]
    assert codes[0] == "weights_missing"
    with pytest.raises(ValueError, match="weights is 'pretrained'"):
        planned(kind, tmp_path, weights="pretrained")


@pytest.mark.parametrize("kind", KINDS)
def test_more_pictures_are_more_work(kind: str, tmp_path: Path) -> None:
    job = planned(kind, tmp_path).spec
    more = {name: 4 * count for name, count in FACTS.defect_types.items()}
    larger = FACTS.model_copy(update={"train_good": 800, "test_defective": 320, "defect_types": more})
    assert kind_of(kind).work(job, larger) > kind_of(kind).work(job, FACTS)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_result_has_its_words_in_every_language(kind: str, language: Language) -> None:
    assert (PROMPTS / "telling" / kind / f"{language}.toml").is_file()
    assert kind_of(kind).outlines["summary"]
    assert f"metric.{KINDS[kind].headline}" in page_texts(language)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_gallery_is_told_of_in_every_language(kind: str, language: Language) -> None:
    wanted = {f"told.{what}.{kind}.{name}" for what in ("gallery", "no_gallery") for name in kind_of(kind).galleries}
    assert wanted <= page_texts(language).keys()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_its_models_are_recommended_and_each_family_has_a_name(kind: str, language: Language) -> None:
    models: dict[str, Any] = {**KINDS[kind].models()}
    assert kind_of(kind).recommended([*models])["otherwise"]["models"] == [kind_of(kind).default_model]
    assert {f"family.{params.family}" for params in models.values()} <= page_texts(language).keys()


@pytest.mark.parametrize("kind", KINDS)
def test_there_are_images_to_look_at(kind: str) -> None:
    assert kind_of(kind).galleries
    assert kind_of(kind).pictures
