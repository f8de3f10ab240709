"""What is meant without its name, read off a text in three languages."""

import pytest

from assistant.offline.phrases import MARKS
from assistant.offline.references import (
    find_reference,
    followed,
    is_bare,
    likened,
    once_more,
    referred,
    said_as_reasons,
    says_again,
    says_same,
)
from assistant.state import PlanVersion, Question, Reference, Request, State, after_result, with_plan
from prompts.languages import Language

LISTED = after_result(State(), "list_runs", {}, {"runs": [{"run": "r7"}, {"run": "r5"}, {"run": "r2"}]})
TOLD = after_result(LISTED, "summarize_results", {"run": "r7"}, {"run": "r7"})


@pytest.mark.parametrize(
    ("text", "language", "how", "number", "is_all"),
    [
        ("and the second?", "en", "nth", 2, True),
        ("how did the first one do", "en", "nth", 1, False),
        ("what about the other one?", "en", "other", 1, True),
        ("compare the last two", "en", "last", 2, False),
        ("any that went well on the same data?", "en", "last", 1, False),
        ("같은 데이터로 잘 된 건 없어?", "ko", "last", 1, False),
        ("同一批数据还有别的训练吗", "zh", "last", 1, False),
        ("두 번째 거는?", "ko", "nth", 2, True),
        ("첫번째 결과 보여줘", "ko", "nth", 1, False),
        ("다른 거는 어때?", "ko", "other", 1, True),
        ("최근 두 개 비교해줘", "ko", "last", 2, False),
        ("第二个呢？", "zh", "nth", 2, True),
        ("看看第一个的结果", "zh", "nth", 1, False),
        ("另一个怎么样？", "zh", "other", 1, True),
        ("比较最近两个", "zh", "last", 2, False),
    ],
)
def test_a_reference_is_found_in_every_language(
    text: str, language: Language, how: str, number: int, is_all: bool
) -> None:
    found = find_reference(text, language)
    assert found is not None
    assert (found.reference, found.is_all) == (Reference.model_validate({"how": how, "number": number}), is_all)


@pytest.mark.parametrize(
    "text", ["give me a second", "it takes 30 seconds", "show the last run", "第3次训练", "3번 학습"]
)
def test_what_only_looks_like_one_is_none(text: str) -> None:
    assert find_reference(text, "en") is None


def test_and_the_second_asks_the_same_of_the_second() -> None:
    found = find_reference("and the second?", "en")
    assert followed(found, {}, TOLD) == Request("summarize_results", {"run": "r5"})


def test_after_a_list_the_second_is_told_of() -> None:
    assert followed(find_reference("the second one", "en"), {}, LISTED) == Request("run_status", {"run": "r5"})


def test_a_name_alone_asks_the_same_of_what_it_names() -> None:
    assert followed(None, {"run": "r2"}, TOLD) == Request("summarize_results", {"run": "r2"})
    assert followed(None, {"run": "r2"}, State()) is None


def test_a_request_takes_what_is_meant() -> None:
    found = find_reference("how did the last one do", "en")
    assert found is not None
    assert referred(Request("summarize_results"), found, LISTED) == Request("summarize_results", {"run": "r2"})
    named = Request("summarize_results", {"run": "r1"})
    assert referred(named, found, LISTED) == named


def test_what_cannot_be_told_is_asked_about_with_choices() -> None:
    found = find_reference("stop the fifth", "en")
    assert found is not None
    asked = referred(Request("stop_run"), found, LISTED)
    assert isinstance(asked, Question)
    assert [each.says for each in asked.choices] == ["r7", "r5", "r2"]
    assert asked.choices[0].request == Request("stop_run", {"run": "r7"})


@pytest.mark.parametrize("text", ["once more", "again", "한 번 더", "다시", "再来一次"])
def test_again_is_what_was_done_last(text: str) -> None:
    assert says_again(text)
    assert once_more(TOLD) == Request("summarize_results", {"run": "r7"})
    assert not says_again(f"train it {text}")


def test_what_waited_for_a_yes_is_not_done_again() -> None:
    assert once_more(after_result(State(), "stop_run", {"run": "r1"}, {"run": "r1"})) is None


@pytest.mark.parametrize("tool", ["sweep", "train_many", "recommend_model", "edit_run", "restore_run"])
def test_what_was_planned_or_written_is_not_done_again(tool: str) -> None:
    assert once_more(after_result(State(), tool, {}, {})) is None


def test_of_a_list_of_data_sets_the_second_is_no_run() -> None:
    state = after_result(State(), "list_datasets", {}, {"datasets": [{"dataset": "oled"}, {"dataset": "tiles"}]})
    found = find_reference("tell me about the second one", "en")
    assert found is not None
    assert referred(Request("summarize_results"), found, state) == Request("inspect_dataset", {"dataset": "tiles"})


RUN, DATA = MARKS["run"] * 2, MARKS["dataset"] * 4
PLANNED = with_plan(State(), PlanVersion(proposal="p1", kind="detect", dataset="oled", model="padim"))


@pytest.mark.parametrize(
    "text", ["the same for r1", "and do that for line 5 as well", "타일도 똑같이 해줘", "四号线照做", "磁瓦也一样"]
)
def test_the_same_is_said_in_every_language(text: str) -> None:
    assert says_same(text)
    assert not says_same("train it on the tiles")


@pytest.mark.parametrize(
    "text",
    [
        f"same as {RUN}",
        f"train it like {RUN}",
        f"{RUN}처럼 학습해줘",
        f"{RUN}와 같은 설정으로",
        f"照{RUN}的设置来",
        f"和{RUN}一样",
    ],
)
def test_a_run_whose_settings_are_meant_is_told_from_one_that_is_asked_about(text: str) -> None:
    at = likened(text)
    assert at is not None
    assert text[at[0] : at[0] + len(RUN)] == RUN
    assert likened(f"i like {RUN}") is None
    assert likened(f"比较r2和{RUN}的结果") is None


def test_the_same_for_another_run_is_what_was_done_last_and_after_a_plan_one_like_it() -> None:
    assert followed(None, {"run": "r2"}, TOLD, same=True) == Request("summarize_results", {"run": "r2"})
    assert followed(None, {"run": "r2"}, PLANNED, same=True) == Request("propose_training", {"like": "r2"})
    assert followed(None, {"dataset": "tiles"}, PLANNED, same=True) == Request("propose_training", {"dataset": "tiles"})
    assert followed(None, {"dataset": "tiles"}, PLANNED) is None


def test_again_is_for_a_run_that_did_not_get_to_its_end_that_run() -> None:
    failed = after_result(State(), "run_status", {"run": "r4"}, {"run": "r4", "state": "failed"})
    assert once_more(failed) == Request("continue_run", {"run": "r4"})


def test_of_models_that_were_advised_the_first_is_the_one_that_was_named_first() -> None:
    advice = {"models": [{"model": "padim"}, {"model": "draem"}], "advised": ["draem"]}
    found = find_reference("take the first one", "en")
    assert found is not None
    state = after_result(State(), "list_models", {}, advice)
    assert referred(Request("propose_training"), found, state) == Request("propose_training", {"model": "draem"})


def test_nothing_but_a_name_is_said_where_only_words_about_it_stand_beside() -> None:
    assert is_bare(f"and the same for {RUN}?", "en")
    assert is_bare(f"with {DATA} then", "en", choosing=True)
    assert not is_bare(f"delete {DATA}", "en", choosing=True)


@pytest.mark.parametrize("text", ["stop it because the line waits", "라인이 기다리니까 멈춰", "因为产线在等,停下"])
def test_why_something_is_asked_for_is_told_from_what_is_asked_for(text: str) -> None:
    ((start, end),) = said_as_reasons(text)
    assert 0 < end - start < len(text)


def test_other_models_are_not_the_other_one() -> None:
    assert find_reference("which other models are there", "en") is None


def test_the_same_data_are_those_spoken_of_last() -> None:
    of_tiles = after_result(State(), "inspect_dataset", {"dataset": "tiles"}, {"dataset": "tiles"})
    same = find_reference("any that went well on the same data?", "en")
    assert same is not None
    assert referred(Request("list_runs", {"state": "succeeded"}), same, of_tiles) == Request(
        "list_runs", {"state": "succeeded", "dataset": "tiles"}
    )
