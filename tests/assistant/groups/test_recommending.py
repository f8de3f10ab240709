"""A recommendation by trial: what is tried within the minutes, and which run it comes to."""

from dataclasses import dataclass
from typing import Any

import pytest

from assistant.data.facts import NamedFacts
from assistant.groups.recommending import GOALS, Goal, recommendation, recommended
from assistant.groups.told import Figures, GroupTold, TrialTold, VerdictTold
from assistant.plans.trials import plan_group
from assistant.telling import sentences_of
from assistant.telling.groups import claims_of_group
from assistant.workspace import Workspace
from engine.contract.models import MODELS
from prompts.languages import LANGUAGES, Language
from tests.data_facts import facts as data_facts


@dataclass(frozen=True)
class Tried:
    run: str
    mean: float | None
    worst: float | None
    ms_per_image: float | None
    model_mb: float | None


pytestmark = pytest.mark.anyio

TRIALS = [Tried("r1", 0.99, 0.95, 80, 9.0), Tried("r2", 0.98, 0.93, 20, 30.0), Tried("r3", 0.9, 0.5, 5, 1.0)]


@pytest.mark.parametrize(("goal", "run"), [("accuracy", "r1"), ("few_shot", "r1"), ("speed", "r2"), ("memory", "r1")])
def test_what_suits_the_goal_is_among_those_that_are_nearly_as_good(goal: str, run: str) -> None:
    assert recommended(goal, "r1", TRIALS) == run


def test_without_a_measured_speed_the_best_is_recommended() -> None:
    assert recommended("speed", "r1", [Tried("r1", 0.9, 0.9, None, None), Tried("r2", 0.9, 0.9, 1, 1)]) == "r1"


async def made(
    workspace: Workspace, goal: Goal = "accuracy", minutes: float = 5.0, **counts: int
) -> tuple[Any, NamedFacts]:
    workspace.settings.weights_folder.mkdir(parents=True, exist_ok=True)
    (workspace.settings.weights_folder / "mobilenetv2_100.safetensors").touch()
    data = data_facts(**counts)
    return await recommendation(
        workspace.settings, workspace.runs, data, kind="detect", goal=goal, minutes=minutes
    ), data


@pytest.mark.parametrize("goal", GOALS)
async def test_its_plan_is_one_of_several_models_with_what_they_share(workspace: Workspace, goal: Goal) -> None:
    (group, model, shared), data = await made(workspace, goal, train_good=300, test_defective=0)
    planned = await plan_group(
        workspace.settings,
        workspace.datasets,
        workspace.runs,
        group,
        dataset=data.dataset,
        model=model,
        chosen=shared,
        facts=data,
    )
    assert planned.approved is not None
    jobs = [trial.job for trial in planned.approved.trials]
    assert len({job["model"]["name"] for job in jobs}) > 2
    assert {job["test_defects"] for job in jobs} == {"synthetic"}
    assert len({job["most_good"] for job in jobs}) == 1
    assert planned.estimate.seconds <= 300


async def test_more_minutes_let_more_good_images_be_learnt_from(workspace: Workspace) -> None:
    cuts = []
    for minutes in (1.0, 60.0):
        (_, _, shared), _ = await made(workspace, minutes=minutes, train_good=1000)
        cuts.append(shared.get("most_good", 1000))
    assert cuts[0] < cuts[1]


async def test_a_model_whose_weights_are_nowhere_is_left_out_and_that_is_said(workspace: Workspace) -> None:
    group, model, shared = await recommendation(
        workspace.settings, workspace.runs, data_facts(train_good=300), kind="detect", goal="accuracy", minutes=60
    )
    data = data_facts(train_good=300)
    planned = await plan_group(
        workspace.settings,
        workspace.datasets,
        workspace.runs,
        group,
        dataset=data.dataset,
        model=model,
        chosen=shared,
        facts=data,
    )
    assert planned.approved is not None
    assert not any(MODELS[trial.job["model"]["name"]].needs_weights for trial in planned.approved.trials)
    assert {each.left_out.code for each in planned.trials if each.left_out} == {"weights_missing"}


def told(goal: str, *, made_up: bool) -> GroupTold:
    figures = Figures(
        worst=0.9, worst_of="synthetic_spot", mean=0.97, missed=(4, 64), overkill=(1, 20), made_up=made_up
    )
    base = {"state": "succeeded", "dataset": "oled", "seconds": 9.0, "figures": figures}
    trials = [
        TrialTold(
            number=1,
            run="r1",
            model="padim",
            model_title="PaDiM",
            differs={"model": "padim", "image_size": 128},
            ms_per_image=20,
            model_mb=3,
            **base,
        ),
        TrialTold(
            number=2,
            run="r2",
            model="patchcore",
            model_title="PatchCore",
            differs={"model": "patchcore"},
            ms_per_image=80,
            model_mb=9,
            **base,
        ),
    ]
    verdict = VerdictTold(
        dataset="oled",
        by=("worst_type_auroc", "image_auroc"),
        best="r2",
        figures=figures,
        held_back=(32, 10),
        by_all="r2",
        chosen_among=2,
        runner_up="r1",
        fastest="r1",
        recommended="r1" if goal == "speed" else "r2",
    )
    return GroupTold(
        group="g1",
        sort="recommend",
        state="finished",
        stopping=False,
        conversation=None,
        datasets=["oled"],
        model="padim",
        model_title="PaDiM",
        varied=["model", "image_size"],
        search={},
        budget_s=300,
        spent_s=18,
        total=2,
        done=2,
        trials=trials,
        verdicts=[verdict],
        told={"goal": goal, "most_good": 60, "good": 300},
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_its_end_says_what_it_was_judged_on_and_how_to_train_the_recommended_one_whole(language: Language) -> None:
    said = {each.id: each.text for each in sentences_of(claims_of_group(told("speed", made_up=True)), language)}
    text = " ".join(said.values())
    assert any("made_up" in each for each in said)
    assert "60" in text and "300" in text
    (whole,) = [each for name, each in said.items() if "whole" in name]
    assert "PaDiM" in whole and "oled" in whole and "128" in whole and whole.count("*") == 2
    assert any("goal" in each for each in said)


def test_real_defects_are_not_said_to_be_made_up() -> None:
    ids = [each.id for each in claims_of_group(told("accuracy", made_up=False))]
    assert not any("made_up" in each or "goal" in each for each in ids)
