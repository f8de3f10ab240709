"""Plans: completed from the data and the machine, checked in words, described for the form."""

import socket
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.frames import Notice
from assistant.kinds import Advice
from assistant.plans.form import describe
from assistant.plans.plan import make_plan
from assistant.settings import Settings
from engine.contract.jobs import Problem, SpecError, flat_settings, make_job
from engine.contract.jobs.detect import DetectJob
from engine.contract.models import MODELS
from tests.data_facts import facts as data_facts

FACTS = data_facts()


NO_MASKS = {"code": "no_masks", "message": "no masks", "values": {}}


def codes(
    settings: Settings, facts: dict[str, Any] | None = None, model: str = "patchcore", **chosen: Any
) -> list[str]:
    return [notice.code for notice in make_plan(settings, data_facts(**(facts or {})), model, chosen, []).notices]


def with_weights(settings: Settings, *names: str) -> Settings:
    settings.weights_folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (settings.weights_folder / f"{name}.safetensors").touch()
    return settings


def settings_at(folder: Path, hub: Any = "off") -> Settings:
    return Settings(home=folder / "home", weights=folder / "weights", hub=hub)


def needed(model: str) -> dict[str, Any]:
    """What this model cannot be planned without."""
    return {"members": ["r1", "r2"]} if model == "ensemble" else {}


@pytest.mark.parametrize("model", MODELS)
def test_a_spec_is_the_same_after_flattening(model: str) -> None:
    spec = make_job("detect", "oled", model, {"seed": 3, **needed(model)})
    assert make_job("detect", "oled", model, flat_settings(spec)) == spec
    assert DetectJob.model_validate_json(spec.model_dump_json()) == spec


def test_all_problems_are_told_at_once_in_words() -> None:
    with pytest.raises(SpecError) as error:
        make_job("detect", "oled", "patchcore", {"image_size": 100, "coreset_ratio": 7, "coreset": 1})
    assert [problem.field for problem in error.value.problems] == ["coreset", "coreset_ratio", "image_size"]
    assert "did you mean 'coreset_ratio'?" in str(error.value)
    assert "image_size is 100: input should be a multiple of 32" in str(error.value)


def test_an_unknown_model_is_answered_with_the_nearest() -> None:
    with pytest.raises(SpecError, match=r"unknown model 'patchcor', did you mean 'patchcore'\? \(have: patchcore"):
        make_job("detect", "oled", "patchcor")


@pytest.mark.parametrize(
    ("model", "settings"), [("patchcore", {"epochs": 5}), ("autoencoder", {"backbone": "resnet18"})]
)
def test_settings_that_a_model_does_not_have_are_refused_in_words(model: str, settings: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match=r"leave (epochs|backbone) out"):
        make_job("detect", "oled", model, settings)


@given(
    st.dictionaries(
        st.sampled_from(["image_size", "epochs", "backbone", "seed", "x"]),
        st.one_of(st.integers(), st.text(), st.none()),
    )
)
def test_any_settings_give_a_spec_or_a_spec_error(settings: dict[str, Any]) -> None:
    try:
        made = make_job("detect", "oled", "padim", settings)
    except SpecError:
        return
    assert made.model.name == "padim"


def test_the_paper_s_backbone_is_taken_when_its_weights_are_at_hand(tmp_path: Path) -> None:
    settings = with_weights(settings_at(tmp_path), "mobilenetv2_100", "wide_resnet50_2.tv_in1k")
    assert make_plan(settings, FACTS, "patchcore", {}, []).spec.backbone == "wide_resnet50_2"


def test_another_backbone_takes_its_place_and_the_plan_says_so(tmp_path: Path) -> None:
    settings = with_weights(settings_at(tmp_path), "mobilenetv2_100")
    assert make_plan(settings, FACTS, "patchcore", {}, []).spec.backbone == "mobilenetv2_100"
    assert codes(settings) == ["backbone_substituted"]


def test_an_adapted_backbone_is_no_substitute(tmp_path: Path) -> None:
    settings = with_weights(settings_at(tmp_path), "mobilenetv2_100")
    why = Notice(code="backbone_run", message="as in run r3", values={"run": "r3"})
    given = {"backbone": Advice("mobilenetv2_100", why)}
    plan = make_plan(settings, FACTS, "patchcore", {"backbone_run": "r3"}, [], given=given)
    assert [notice.code for notice in plan.notices] == []
    assert plan.because["backbone"].message == "as in run r3"


def test_a_backbone_named_with_its_tag_finds_its_file(tmp_path: Path) -> None:
    settings = with_weights(settings_at(tmp_path), "resnet18.tv_in1k")
    assert make_plan(settings, FACTS, "stfpm", {"backbone": "resnet18.tv_in1k", "weights": "pretrained"}, [])


def test_missing_weights_are_said_first(tmp_path: Path) -> None:
    assert codes(settings_at(tmp_path))[0] == "weights_missing"
    assert codes(settings_at(tmp_path), weights="random")[0] == "weights_random"


def test_weights_come_from_the_hub_only_where_it_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_at(tmp_path, hub="on")
    with socket.create_server(("127.0.0.1", 0)) as hub:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{hub.getsockname()[1]}")
        assert codes(settings)[0] == "weights_from_hub"
        assert codes(settings, backbone="resnet34")[0] == "weights_from_hub"
    with socket.create_server(("127.0.0.1", 0)) as gone:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{gone.getsockname()[1]}")
    assert codes(settings)[0] == "weights_missing"


def refused(settings: Settings, **chosen: Any) -> Problem:
    with pytest.raises(SpecError) as error:
        make_plan(settings, FACTS, "patchcore", chosen, [])
    (problem,) = error.value.problems
    return problem


def test_a_named_backbone_whose_weights_are_nowhere_is_refused_with_what_is_here(tmp_path: Path) -> None:
    settings = with_weights(settings_at(tmp_path), "mobilenetv2_100")
    problem = refused(settings, backbone="resnet34")
    assert (problem.field, problem.kind) == ("backbone", "backbone_without_weights")
    assert "hub is switched off" in problem.message
    assert "copy resnet34.safetensors into" in problem.message
    assert problem.values["installed"] == "mobilenetv2_100"


@pytest.mark.parametrize("weights", ["auto", "random"])
def test_random_weights_are_had_by_asking_for_them_and_are_said_first(tmp_path: Path, weights: str) -> None:
    assert codes(settings_at(tmp_path), backbone="resnet34", weights=weights)[0] in (
        "weights_missing",
        "weights_random",
    )


def test_a_backbone_that_nobody_knows_is_refused_with_the_nearest_names_and_what_is_here(tmp_path: Path) -> None:
    problem = refused(with_weights(settings_at(tmp_path), "mobilenetv2_100"), backbone="resnet81")
    assert problem.kind == "unknown_backbone"
    assert "resnet18" in problem.values["nearest"]
    assert problem.values["installed"] == "mobilenetv2_100"


def test_the_form_offers_the_backbones_whose_weights_are_here_and_that_the_model_can_take(tmp_path: Path) -> None:
    settings = with_weights(settings_at(tmp_path), "mobilenetv2_100", "vit_tiny_patch16_224", "efficientvit_m0")
    for model, offered in (("padim", ["mobilenetv2_100", "vit_tiny_patch16_224"]), ("autoencoder", [])):
        plan = make_plan(settings, FACTS, model, {}, [])
        form = {each.name: each for each in describe(plan.spec, backbones=plan.backbones)}
        assert plan.backbones == offered
        assert "backbone" not in form or form["backbone"].offered == offered


def test_pretrained_weights_that_are_nowhere_are_refused_with_the_way_to_bring_them(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"copy resnet18.safetensors into .*weights"):
        make_plan(settings_at(tmp_path), FACTS, "stfpm", {"weights": "pretrained"}, [])


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"broken": [{"name": "a.png", "reason": "empty"}]}, "broken_images"),
        ({"test_defective": 0}, "no_defects"),
        ({"masks": 0, "notices": [NO_MASKS]}, "no_masks"),
        ({"train_good": 60}, "few_good"),
        ({"train_good": 30}, "leave_one_out"),
        ({"synthetic": True}, "synthetic"),
    ],
)
def test_the_plan_says_what_the_data_cannot_give(tmp_path: Path, facts: dict[str, Any], code: str) -> None:
    settings = with_weights(settings_at(tmp_path), "wide_resnet50_2")
    assert codes(settings) == []
    assert codes(settings, facts) == [code]


def test_the_plan_repeats_what_the_check_noticed_and_says_of_no_masks_only_what_is_true(tmp_path: Path) -> None:
    settings = with_weights(settings_at(tmp_path), "wide_resnet50_2")
    noticed = [
        {"code": code, "message": code, "values": {}} for code in ("unpaired_masks", "twins_across_splits", "a_new_one")
    ]
    assert codes(settings, {"masks": 0, "notices": noticed}) == ["twins_across_splits", "a_new_one"]


def test_a_plan_counts_the_good_images_that_are_held_out_for_testing(tmp_path: Path) -> None:
    settings = with_weights(settings_at(tmp_path), "wide_resnet50_2")
    assert codes(settings, {"train_good": 45, "test_good": 0}) == ["leave_one_out"]
    assert codes(settings, {"train_good": 45}) == ["few_good"]


def test_leaving_one_out_is_not_promised_more_of_than_it_can_keep(tmp_path: Path) -> None:
    settings = with_weights(settings_at(tmp_path), "wide_resnet50_2")
    notices = make_plan(settings, data_facts(train_good=9), "patchcore", {}, []).notices
    assert [notice.code for notice in notices] == ["few_good", "leave_one_out"]
    assert {notice.values["promised"] for notice in notices} == {20.0}  # 2 / 10


@pytest.mark.parametrize("model", MODELS)
def test_every_setting_is_described_for_the_form(model: str) -> None:
    described = describe(make_job("detect", "oled", model, needed(model)))
    assert all(setting.description for setting in described)
    assert all(setting.choices for setting in described if setting.type == "choice")
    assert described[0].main
    assert {"image_size", "overkill_rate"} <= {setting.name for setting in described}


def test_a_model_that_needs_more_good_images_is_refused_before_it_is_planned(tmp_path: Path) -> None:
    notice = {
        "code": "memory_models_only",
        "message": "3 good pictures are too few",
        "values": {"good": 3, "needed": 4},
    }
    facts = data_facts(train_good=3, notices=[notice])
    assert make_plan(settings_at(tmp_path), facts, "patchcore", {}, [])
    with pytest.raises(SpecError, match="3 good pictures are too few"):
        make_plan(settings_at(tmp_path), facts, "autoencoder", {}, [])


def test_what_was_chosen_goes_before_what_suits_the_data(tmp_path: Path) -> None:
    few = data_facts(train_good=30)
    plan = make_plan(settings_at(tmp_path), few, "patchcore", {"coreset_ratio": 0.03, "augmentation": "strong"}, [])
    assert (plan.spec.model.coreset_ratio, plan.spec.augmentation) == (0.03, "strong")  # type: ignore[attr-defined]
    assert plan.because.keys() == {"backbone"}  # for its weights are not at hand


def test_an_empty_value_is_no_choice(tmp_path: Path) -> None:
    plan = make_plan(settings_at(tmp_path), FACTS, "patchcore", {"backbone": ""}, [])
    assert flat_settings(plan.spec)["backbone"] == "resnet18"
