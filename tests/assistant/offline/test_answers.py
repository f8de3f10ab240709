"""What a bare word says: only a plain yes is one, whatever it stands beside, in three languages."""

import itertools

import pytest

from assistant.offline.answers import answer, is_question

YES = ["yes", "ok", "sure", "right", "네", "응", "그래", "好", "可以", "行"]
GO = [
    "go ahead",
    "sounds good",
    "great",
    "no problem",
    "let's go",
    "진행해",
    "시작해",
    "좋아요",
    "开始吧",
    "没问题",
    "继续吧",
]
NO = ["no", "cancel", "아니요", "취소", "하지 마", "不", "取消", "算了"]
WAIT = ["wait", "hold on", "not yet", "don't start yet", "잠깐만", "나중에", "아직", "等等", "先别", "晚点"]


@pytest.mark.parametrize(("words", "said"), [(YES, "yes"), (GO, "go"), (NO, "no"), (WAIT, "wait")])
@pytest.mark.parametrize("dress", ["{}", "  {} ", "{}!", "{}.", "{}。", "{} ~", "{}!!"])
def test_a_plain_word_is_what_it_says_however_it_is_dressed(words: list[str], said: str, dress: str) -> None:
    assert {word: answer(dress.format(word)) for word in words} == dict.fromkeys(words, said)


@pytest.mark.parametrize("end", ["...", "..", "…", "……", "。。。", " ...", "...!", ". . ."])
@pytest.mark.parametrize("word", [*YES, *GO, "嗯", "음 네", "approve"])
def test_a_yes_that_trails_off_is_none(word: str, end: str) -> None:
    assert answer(f"{word}{end}") == "unclear"


@pytest.mark.parametrize("mark", ["?", " ?", "？", "??", "?!", "!?", "...?", "⁇", "⁈", "❓", "❔", "‽", "¿"])
@pytest.mark.parametrize("word", [*YES, *GO, *NO, *WAIT])
def test_a_question_mark_of_any_shape_makes_it_a_question(word: str, mark: str) -> None:
    assert answer(f"{word}{mark}") == "question"


@pytest.mark.parametrize(
    "text",
    [
        "is it ok", "is this right", "ok, is that correct", "is that fine then", "so is it good", "can i start", "may i go ahead", "shall i proceed", "should i start it now",
        "可以吗", "好吗", "行吗", "开始吗", "行不行", "好不好", "可不可以", "可以不可以", "是不是", "要不要", "对不对", "对吧", "是吧", "可以么", "行不", "好不", "可以不", "开始不",
    ],
)  # fmt: skip
def test_words_that_ask_need_no_mark(text: str) -> None:
    assert answer(text) in ("question", None)


@pytest.mark.parametrize(
    "text",
    ["this is fine", "that is right", "it is ok", "好吧", "行吧", "开始吧", "不行不行", "괜찮아 진행해", "그렇게 하자"],
)
def test_a_statement_is_no_question(text: str) -> None:
    assert not is_question(text)
    assert answer(text) != "question"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("아니 괜찮아 진행해", "go"),  # no problem, go ahead
        ("아니, 진행해", "go"),
        ("没关系，开始吧", "go"),
        ("no worries, go ahead", "go"),
        ("아니야 문제없어 시작해줘", "go"),
        ("no, go ahead", "go"),
        ("no problem, go ahead", "go"),
        ("wait, ok, start it", "go"),
        ("不，开始吧", "go"),
        ("no no, start the training", "approve"),
        ("ok, wait", "wait"),
        ("yes... no", "no"),
        ("네 아니 잠깐만", "wait"),
        ("好的，等等", "wait"),
        ("yes, don't start yet", "wait"),
        ("no, wait", "wait"),
    ],
)
def test_of_several_words_the_last_one_counts(text: str, said: str) -> None:
    assert answer(text) == said


@pytest.mark.parametrize(
    "text",
    ["don't go", "do not begin", "don't, start", "no go", "no-go", "not yet start", "no yes", "不开始", "别启动", "不要执行", "先别继续", "取消，开始", "cancel, go ahead", "maybe yes",
        "ok 👎", "yes ❌", "go 🛑", "start 🚫", "yes 🙅", "yeah right", "好了好了", "行了", "对了", "开始了", "괜찮아요", "글쎄 네"],
)  # fmt: skip
def test_a_command_that_a_no_may_turn_round_is_never_a_yes(text: str) -> None:
    assert answer(text) not in ("yes", "go", "approve")


@pytest.mark.parametrize("text", ["취소하지 마", "취소 안 해", "不取消", "不用取消", "不拒绝", "不是不行", "don't cancel", "do not reject", "시작됐어", "yes/no", "예 아니오", "y/n"])  # fmt: skip
def test_a_no_that_is_negated_or_offered_beside_a_yes_declines_nothing(text: str) -> None:
    assert answer(text) not in ("no", "yes", "go", "approve")


@pytest.mark.parametrize(
    "text", ["no no", "no, don't", "아니 하지 마", "不，不要", "不不不", "아니 됐어", "算了，不用了"]
)
def test_a_no_said_twice_is_one(text: str) -> None:
    assert answer(text) == "no"


@pytest.mark.parametrize(("first", "last"), list(itertools.product([*NO, *WAIT], [*YES, "great", "没问题"])))
def test_a_yes_right_after_a_no_is_asked_about(first: str, last: str) -> None:
    assert answer(f"{first} {last}") == "unclear"


@pytest.mark.parametrize("text", ["approve", "start the training", "승인", "학습 시작해", "批准", "开始训练"])
def test_what_only_a_plan_can_be_told_is_told_apart(text: str) -> None:
    assert answer(text) == "approve"


@pytest.mark.parametrize(
    "text",
    ["", " ", "?", "please", "👍", "the", "yes, but with 50 epochs", "네, 에폭은 50으로", "好的,改成50轮", "what happens when I approve?", "can I start it later?", "승인하면 어떻게 돼?", "批准后会怎样？", "stop", "멈춰", "停", "y" * 61, "why not"],
)  # fmt: skip
def test_anything_else_is_no_bare_word(text: str) -> None:
    assert answer(text) is None
