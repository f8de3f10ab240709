"""What is meant without its name, read off a text in three languages."""

import pytest

from assistant.offline.references import find_reference, followed, once_more, referred, says_again
from assistant.state import Question, Reference, Request, State, after_result
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


def test_of_a_list_of_data_sets_the_second_is_no_run() -> None:
    state = after_result(State(), "list_datasets", {}, {"datasets": [{"dataset": "oled"}, {"dataset": "tiles"}]})
    found = find_reference("tell me about the second one", "en")
    assert found is not None
    assert referred(Request("summarize_results"), found, state) == Request("inspect_dataset", {"dataset": "tiles"})
