"""What is said of a data set, of a plan, of a run under way and of a list of runs: each figure a fact, in three languages the same."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.data.left_out import GRAVEST_FIRST
from assistant.kinds.claims import Claim
from assistant.plans.plan import make_plan
from assistant.settings import Settings
from assistant.store.tables import RunRow
from assistant.telling import composed, outlined, sentences_of, told
from assistant.telling.data import OUTLINE, claims_of_dataset
from assistant.telling.plans import claims_of_plan
from assistant.telling.progress import OUTLINE as OF_PROGRESS
from assistant.telling.progress import claims_of_list, claims_of_progress
from prompts.durations import duration
from prompts.languages import Language
from tests.assistant.telling.test_sentences import NUMBER, figures_of, numbers_in
from tests.data_facts import facts
from tests.told_runs import names

LANGUAGES: tuple[Language, ...] = get_args(Language)
IN_WORDS = (".took", ".left", ".estimate")  # a time has its words in each language
OF_THE_PAGE = (".notice.", ".setting.", ".broken_as", ".stage", ".left_out.")  # other texts stand in them


def held_to_facts(claims: Sequence[Claim]) -> None:
    spoken = {language: sentences_of(claims, language) for language in LANGUAGES}
    for language, sentences in spoken.items():
        for sentence in sentences:
            if not any(part in sentence.id for part in OF_THE_PAGE):
                facts_of = " ".join(figures_of(dict(sentence.values), language))
                assert set(numbers_in(sentence, language)) <= set(NUMBER.findall(facts_of)), sentence
    for each in zip(*spoken.values(), strict=True):
        if not each[0].id.endswith(IN_WORDS) and not any(part in each[0].id for part in OF_THE_PAGE):
            said = [set(numbers_in(one, language)) for one, language in zip(each, LANGUAGES, strict=True)]
            assert said[0] == said[1] == said[2], each


@settings(deadline=None, max_examples=40)
@given(
    counts=st.tuples(*[st.integers(0, 3000)] * 4),
    types=st.dictionaries(names, st.integers(1, 900), max_size=4),
    files=st.lists(st.tuples(st.sampled_from([*GRAVEST_FIRST, "new_reason"]), st.integers(1, 99)), max_size=3),
    broken=st.integers(0, 2),
    synthetic=st.booleans(),
)
def test_each_figure_of_a_data_set_is_a_fact(counts: Any, types: Any, files: Any, broken: int, synthetic: bool) -> None:
    found = facts(
        train_good=counts[0], test_good=counts[1], test_defective=counts[2], masks=counts[3], defect_types=types, synthetic=synthetic,
        left_out=[{"where": "f", "ending": ".gif", "reason": reason, "count": many} for reason, many in files],
        broken=[{"name": "a.png", "reason": "empty file"}] * broken,
    )  # fmt: skip
    claims = claims_of_dataset(found)
    held_to_facts(claims)
    assert len({claim.id for claim in claims}) == len(claims)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "**oled** has 200 good images to learn from. To test with it has 20 good and 40 defective images."),
        ("ko", "**oled**: 학습용 양품이 200장 있습니다. 시험용으로 양품 20장과 불량 40장이 있습니다."),
        ("zh", "**oled** 有用于学习的良品 200 张。用于测试的良品 20 张、缺陷 40 张。"),
    ],
)
def test_a_data_set_is_told_by_its_counts_and_types(language: Language, said: str) -> None:
    sentences = sentences_of(claims_of_dataset(facts()), language)
    text = composed(told(sentences, outlined(sentences, OUTLINE)), language)
    assert text.startswith(said)
    assert "- *line*" in text and "- *stain*" in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_not_used_is_told_with_its_reason(language: Language) -> None:
    found = facts(
        left_out=[
            {"where": "test", "ending": ".gif", "reason": each, "count": 3} for each in (*GRAVEST_FIRST, "new_reason")
        ]
    )
    told_of = {each.id: each.text for each in sentences_of(claims_of_dataset(found), language)}
    assert all(
        "3" in told_of[f"oled.left_out.{each}"] and ".gif" in told_of[f"oled.left_out.{each}"] for each in GRAVEST_FIRST
    )
    assert "new_reason" in told_of["oled.left_out.new_reason"]


def run(state: Any = "running", **fields: Any) -> RunRow:
    return RunRow(id="r3", number=3, kind="detect", subject="patchcore", dataset="oled", state=state, spec={}, **fields)


@settings(deadline=None, max_examples=30)
@given(
    epoch=st.one_of(st.none(), st.integers(1, 50)),
    progress=st.one_of(st.none(), st.tuples(st.integers(0, 40), st.integers(40, 9000)).map(list)),
    left=st.one_of(st.none(), st.floats(0, 90_000)),
    waits=st.lists(st.sampled_from(["r1", "r2"]), unique=True),
)
def test_each_figure_of_a_run_under_way_is_a_fact(epoch: Any, progress: Any, left: Any, waits: list[str]) -> None:
    reported = {
        "stage": "training",
        "epoch": epoch,
        "epochs": 50,
        "progress": progress,
        "seconds_left": left,
        "waits_for": waits,
    }
    held_to_facts(claims_of_progress(run(), reported))


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "en",
            "**r3** (PatchCore on oled) is running. Stage: Collect. Epoch 3 of 10 is done. About 40 s left in this step.",
        ),
        ("ko", "**r3**(oled 데이터의 PatchCore): 학습 중입니다."),
        ("zh", "**r3**（oled 上的 PatchCore）：正在训练。"),
    ],
)
def test_a_run_under_way_is_told_by_its_stage_and_the_rest(language: Language, said: str) -> None:
    reported = {"stage": "collecting", "epoch": 3, "epochs": 10, "seconds_left": 40.0}
    sentences = sentences_of(claims_of_progress(run(), reported), language)
    assert composed(told(sentences, outlined(sentences, OF_PROGRESS)), language).startswith(said)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("state", "reported", "said"),
    [
        ("failed", {}, ["killed", "again"]),
        ("queued", {"waits_for": ["r1", "r2"]}, ["r1", "r2"]),
        ("running", {"host": "line-2"}, ["line-2"]),
        ("stopped", {"log_damaged": "line 3"}, ["line 3"]),
        (
            "running",
            {"warnings": [{"code": "weights_random", "message": "m", "values": {"backbone": "resnet18"}}]},
            ["resnet18"],
        ),
    ],
)
def test_a_run_that_is_not_at_work_says_why(language: Language, state: Any, reported: Any, said: list[str]) -> None:
    sentences = sentences_of(claims_of_progress(run(state, reason="killed", hint="again"), reported), language)
    text = composed(told(sentences, outlined(sentences, OF_PROGRESS)), language)
    assert all(each in text for each in said)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", ["running", "succeeded"])
def test_the_gpu_on_which_a_run_computes_is_named(language: Language, state: Any) -> None:
    def where(device: str | None) -> str:
        attempts = [{"number": 1, "outcome": None, "reason": None}]
        reported = {"standing": {"attempts": attempts, "node": "line-2", "device": device}}
        claims = claims_of_progress(run(state), reported)
        held_to_facts(claims)
        (text,) = (each.text for each in sentences_of(claims, language) if each.id == "r3.where")
        assert "line-2" in text
        return text

    assert "GPU 1" in where("1") and "GPU-8932f937" in where("GPU-8932f937")
    assert where("cpu") == where(None) and "GPU" not in where("cpu")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_list_of_runs_tells_each_by_its_headline_figure(language: Language) -> None:
    rows = [run("succeeded", metrics={"image_auroc": 0.98765}), run("failed", reason="killed"), run("queued")]
    first, second, third = (each.text for each in sentences_of(claims_of_list(rows), language))
    assert "0.988" in first and "killed" in second and "r3" in third
    held_to_facts([*claims_of_list(rows)])


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_plan_tells_its_settings_why_and_how_long(language: Language, tmp_path: Path) -> None:
    here = Settings(home=tmp_path, weights=tmp_path / "weights", hub="off")
    plan = make_plan(here, facts(train_good=35), "patchcore", {"seed": 7}, [])
    claims = claims_of_plan("p4", plan)
    told_of = {each.id: each.text for each in sentences_of(claims, language)}
    assert (
        "35" in told_of["p4.setting.coreset_ratio"] and "0.2" in told_of["p4.setting.coreset_ratio"]
    )  # with its reason
    assert "7" in told_of["p4.setting.seed"] and duration(plan.estimate.seconds, language) in told_of["p4.estimate"]
    assert any(id.startswith("p4.notice.") for id in told_of)
    held_to_facts(claims)


def test_what_is_left_of_a_step_follows_from_what_is_done() -> None:
    (text,) = (
        each.text
        for each in sentences_of(claims_of_progress(run(), {"stage": "fitting", "progress": [30, 100]}), "en")
        if each.id == "r3.done"
    )
    assert text == "r3: 30 of 100 are done in this step, 70 are left."
