"""What a training of a classifier is completed with, what is told of it before the yes, and what cannot be trained."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from assistant.data.datasets import UnfitData
from assistant.data.facts import NamedFacts
from assistant.kinds import kind_of
from assistant.plans.plan import Plan, make_plan
from assistant.settings import Settings
from engine.contract.jobs import SpecError
from engine.datasets.check import check_dataset
from engine.datasets.factory import open_dataset
from engine.tasks.classify.sharing import share_out
from tests.data_facts import facts
from tests.engine.tasks.classify.pictures import items


def planned(
    folder: Path, *, model: str = "mobilenet", types: dict[str, int] | None = None, chosen: Any = None, **more: Any
) -> Plan:
    counts = {"crack": 60, "stain": 80} if types is None else types
    known = facts(dataset="tile", defect_types=counts, test_defective=sum(counts.values()), **more)
    settings = Settings(home=folder, weights=folder / "weights", hub="off")
    return make_plan(settings, known, model, chosen or {}, [], kind="classify")


def codes(plan: Plan) -> list[str]:
    return [notice.code for notice in plan.notices]


def weights(folder: Path, *names: str) -> None:
    (folder / "weights").mkdir()
    for name in names:
        (folder / "weights" / f"{name}.safetensors").touch()


def test_the_familys_usual_network_is_taken_else_one_of_the_family_whose_weights_are_at_hand(tmp_path: Path) -> None:
    weights(tmp_path, "resnet50", "mobilenetv2_100")
    assert planned(tmp_path).spec.backbone == "mobilenetv2_100"
    assert planned(tmp_path, model="resnet").spec.backbone == "resnet50"
    assert planned(tmp_path, model="vit").spec.backbone == "vit_small_patch16_224"


def test_good_images_become_a_class_where_one_defect_type_is_alone(tmp_path: Path) -> None:
    alone = planned(tmp_path, types={"crack": 60})
    assert alone.spec.include_good and alone.because["include_good"].code == "one_defect_type"
    assert not planned(tmp_path).spec.include_good


def test_a_small_class_is_worth_strong_augmentation(tmp_path: Path) -> None:
    small = planned(tmp_path, types={"crack": 30, "stain": 80})
    assert (small.spec.augmentation, small.because["augmentation"].values) == ("strong", {"count": 30})
    assert planned(tmp_path).spec.augmentation == "light"
    assert (
        planned(tmp_path, types={"crack": 30, "stain": 80}, chosen={"augmentation": "none"}).spec.augmentation == "none"
    )


def test_few_uneven_and_left_out_classes_are_told_before_the_yes(tmp_path: Path) -> None:
    weights(tmp_path, "mobilenetv2_100")
    plan = planned(tmp_path, types={"crack": 12, "stain": 80, "dent": 2}, groups=5)
    assert codes(plan) == ["classes_left_out", "few_of_class", "uneven_classes", "good_not_used"]
    assert plan.notices[0].values["names"] == "dent"
    assert plan.notices[2].values == {"most": "stain", "least": "crack", "many": 80, "few": 12}


def test_it_is_told_when_nothing_says_which_images_belong_together(tmp_path: Path) -> None:
    assert "no_groups" in codes(planned(tmp_path))
    assert "no_groups" not in codes(planned(tmp_path, groups=7))


def test_what_flatters_a_result_is_grave(tmp_path: Path) -> None:
    weights(tmp_path, "mobilenetv2_100")
    plan = planned(tmp_path, types={"crack": 12, "stain": 80, "dent": 2})
    assert [each.code for each in plan.notices if each.grave] == ["classes_left_out", "few_of_class", "no_groups"]


def test_two_classes_are_needed(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"there are: crack \(60\), stain \(2\); set include_good") as refused:
        planned(tmp_path, types={"crack": 60, "stain": 2}, train_good=0, test_good=0)
    assert refused.value.problems[0].kind == "one_class"


def test_who_takes_good_images_as_a_class_already_is_not_told_to(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"crack \(60\), good \(2\); add images of another class") as refused:
        planned(tmp_path, types={"crack": 60}, train_good=2, test_good=0, chosen={"include_good": True})
    assert refused.value.problems[0].kind == "one_class_with_good"


def test_data_that_one_kind_cannot_use_is_refused_to_that_kind_alone(tmp_path: Path) -> None:
    unfit = {"detect": [{"code": "no_good", "message": "m", "hint": "h", "values": {}}], "classify": []}
    assert planned(tmp_path, unfit=unfit).spec.kind == "classify"
    known = facts(dataset="tile", unfit=unfit)
    with pytest.raises(UnfitData) as refused:
        make_plan(Settings(home=tmp_path, hub="off"), known, "patchcore", {}, [], kind="detect")
    assert refused.value.code == "data_no_good"


def test_a_named_network_means_its_family(tmp_path: Path) -> None:
    assert kind_of("classify").model_of({"backbone": "tf_efficientnet_lite0"}) == "efficientnet"
    assert kind_of("classify").model_of({"epochs": 3}) is None


def test_a_lighter_network_is_estimated_to_take_less(tmp_path: Path) -> None:
    names = ("efficientnet_b0", "efficientnet_b3", "efficientnet_b7")
    plans = [planned(tmp_path, model="efficientnet", chosen={"backbone": name, "weights": "random"}) for name in names]
    seconds = [plan.estimate.seconds for plan in plans]
    assert seconds == sorted(set(seconds))


def test_a_class_of_few_panels_is_refused_or_left_out_before_the_yes_however_many_images_it_has(tmp_path: Path) -> None:
    sizes = {name: {"pictures": 12, "groups": 6} for name in ("crack", "dent")}
    few = {"stain": {"pictures": 12, "groups": 2}}
    plan = planned(tmp_path, types=dict.fromkeys(sizes | few, 12), classes=sizes | few, groups=14)
    (left_out,) = [notice for notice in plan.notices if notice.code == "classes_left_out"]
    assert left_out.values["names"] == "stain"
    with pytest.raises(SpecError, match=r"there are: crack \(12\), stain \(12\)"):
        planned(tmp_path, types={"crack": 12, "stain": 12}, classes={"crack": sizes["crack"], **few}, groups=8)


def test_the_card_counts_the_classes_that_are_learnt(tmp_path: Path) -> None:
    plan = planned(tmp_path, types={"crack": 12, "stain": 12, "dent": 2})
    figures = {figure.name: figure.count for figure in kind_of("classify").figures(plan.spec, plan.facts)}
    assert figures == {"classes": 2, "class_images": 24, "smallest_class": 12}


def test_what_is_planned_of_a_folder_is_what_the_run_learns(tmp_path: Path) -> None:
    """Twelve images of two panels are no class, untyped defects are none the less one."""
    for name, groups in (("crack", 6), ("stain", 2), ("dent", 4)):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(12):
            Image.new("RGB", (64, 64), (number * 9, len(name) * 20, 60)).save(
                tmp_path / "data" / name / f"{name}-panel{number % groups}_{number}.png"
            )
    (tmp_path / "data" / "murascope.json").write_text(
        json.dumps({"group_pattern": r"^.*/(\w+-panel\d+)_"}), encoding="utf-8"
    )
    known = NamedFacts.of(check_dataset(tmp_path / "data"), dataset="tile")
    plan = make_plan(Settings(home=tmp_path, hub="off"), known, "mobilenet", {}, [], kind="classify")
    shared = share_out(
        open_dataset(tmp_path / "data").items,
        include_good=plan.spec.include_good,
        validation_share=0.2,
        test_share=0.2,
        seed=0,
    )
    figures = {figure.name: figure.count for figure in kind_of("classify").figures(plan.spec, plan.facts)}
    assert (shared.classes, figures["classes"], figures["class_images"]) == (["crack", "dent"], 2, 24)
    assert all(
        each.about and sum(each.counts.values()) == 12 for each in kind_of("classify").portions(plan.spec, plan.facts)
    )


def test_a_class_that_a_given_split_tests_alone_is_told_before_the_yes(tmp_path: Path) -> None:
    parts = {"crack": (6, 2), "dent": (6, 2), "burr": (0, 4)}
    sizes = {
        name: {"pictures": train + test, "groups": train + test, "parts": {"train": train, "test": test}}
        for name, (train, test) in parts.items()
    }
    plan = planned(tmp_path, types={"crack": 8, "dent": 8, "burr": 4}, classes=sizes)
    (told,) = [notice for notice in plan.notices if notice.code == "classes_not_in_train"]
    assert told.values == {"count": 1, "names": "burr", "needed": 2}


def test_good_images_that_are_not_used_are_told_before_the_yes(tmp_path: Path) -> None:
    told = {notice.code: notice.values for notice in planned(tmp_path, train_good=200, test_good=20).notices}
    assert told["good_not_used"] == {"count": 220}
    assert "good_not_used" not in codes(planned(tmp_path, chosen={"include_good": True}))
    assert "good_not_used" not in codes(planned(tmp_path, train_good=0, test_good=0))


@pytest.mark.parametrize("shares", [(0.2, 0.2), (0.05, 0.5), (0.33, 0.1)])
def test_a_plan_names_each_class_and_what_its_images_will_be_for(tmp_path: Path, shares: tuple[float, float]) -> None:
    types = {"crack": 60, "stain": 83, "dent": 3, "burr": 7}
    chosen = {"validation_share": shares[0], "test_share": shares[1]}
    plan = planned(tmp_path, types=types, chosen=chosen)
    told = {each.name: each.counts for each in kind_of("classify").portions(plan.spec, plan.facts)}
    run = share_out(items(types), include_good=False, validation_share=shares[0], test_share=shares[1], seed=3)
    parts = {"fit": run.fit, "validation": run.validation, "test": run.test}
    counted = {name: dict(zip(run.classes, run.counts(part), strict=True)) for name, part in parts.items()}
    assert told == {name: {part: counted[part][name] for part in parts} for name in sorted(types)}
