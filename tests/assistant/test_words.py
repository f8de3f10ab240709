"""What is said without an LLM: every occasion in every language, with every number a fact, and no line left empty."""

import ast
import json
from pathlib import Path
from typing import Any, get_args

import pytest

import assistant
from assistant import tools
from assistant.kinds.detect.advice import recommended
from assistant.offline.talk import talk_names
from assistant.offline.words import built_in_words
from engine import contract
from engine.contract.folder import RunFolder
from engine.contract.jobs import every_model
from engine.contract.models import MODELS
from prompts.languages import Language
from prompts.page_texts import page_texts
from tests.codes import calls_of, codes_of, problem_kinds
from tests.figures_told import figures_without_fact

LANGUAGES = get_args(Language)
# What our wordings say whatever the facts: 1 is a perfect AUROC, 0.5 is guessing; an ensemble has two to four members.
CONSTANTS = (1.0, 0.5, 2.0, 4.0)

RUN = {"run": "r7", "state": "running", "dataset": "oled", "model": "patchcore", "reason": None, "hint": None}
MODEL_FACTS = [
    {
        "model": name,
        "title": each.title,
        "family": each.family,
        "summary": each.summary,
        "needs_gpu_for_full_training": True,
    }
    for name, each in MODELS.items()
]
FITTING = [
    None,
    {"dataset": "oled", "good": 60, "weights_at_hand": True, "models": ["patchcore"]},
    {"dataset": "oled", "good": 6, "weights_at_hand": False, "models": ["draem", "autoencoder"]},
    {
        "dataset": None,
        "good": 30,
        "weights_at_hand": True,
        "models": ["padim", "subspace"],
        "weights_missing": ["resnet18"],
    },
    {"dataset": None, "good": 1, "weights_at_hand": False, "models": ["draem"], "weights_missing": []},
]
BECAUSE = [
    {"setting": "coreset_ratio", "value": 0.2, "code": "good_images", "message": "m", "values": {"count": 35}},
    {"setting": "image_size", "value": 256, "code": "members", "message": "m", "values": {"runs": "r1, r2"}},
]
PLAN = {"model_title": "PatchCore", "dataset": "oled", "seconds": 30}
QUESTION = {"call": "c", "action": "stop_run", "values": {"run": "r9"}}
TERMS = ("auroc", "recall_at_overkill", "oracle", "p_value", "aupr", "aupro", "threshold", "leave_one_out", "overkill", "escape", "heatmap", "coreset", "backbone", "augmentation", "ensemble", "epoch")  # fmt: skip
DEEDS = ("export", "report", "delete", "predict", "deploy", "threshold", "rename", "install", "notify", "schedule", "label", "edit_images", "order", "reboot")  # fmt: skip
OCCASIONS: list[tuple[str, dict[str, Any]]] = [
    *((say, {"plan": PLAN}) for say in ("reopened", "tell_plan", "keep_plan", "ask_again")),
    *(("ask_which", {"plan": PLAN, "question": question}) for question in (None, QUESTION)),
    *(("keep_question", {"question": QUESTION, "runs": runs}) for runs in (["r9"], ["r9", "r8"])),
    ("no_answer", {}),
    ("call_failed", {}),
    *((intent, {"datasets": names, "plan": plan}) for intent in talk_names() for names in ([], ["oled"]) for plan in (None, PLAN)),
    *(("explain_term", {"term": term, "datasets": [], "plan": None}) for term in (*TERMS, "padim", "batch_size")),
    *(("cannot", {"deed": deed, "datasets": [], "plan": None}) for deed in DEEDS),
    ("which_intent", {"choices": ["stop r3", "how far is r3?"], "named": ""}),
    ("which_dataset", {"choices": ["oled", "tile"], "named": "olde"}),
    ("unused", {"unused": ["r3"]}),
    ("declined", {}),
    ("withheld", {}),
    *(("list_models", {"models": MODEL_FACTS, "recommended": recommended(), "for_dataset": fitting}) for fitting in FITTING),
    ("list_models", {"models": MODEL_FACTS[-2:], "recommended": recommended(["cflow", "ensemble"]), "for_dataset": None}),
    *(("run_ended", {**RUN, "state": state, "reason": "killed", "hint": "again", "rest": rest}) for state in ("stopped", "failed") for rest in (None, {"after_epoch": None, "epochs": 1}, {"after_epoch": 5, "epochs": 12})),
    ("run_ended", {**RUN, "state": "succeeded", "rest": None}),
]  # fmt: skip
RAW = "what happened"  # said to an LLM and to logs, in English
PROBLEM = {
    "message": RAW,
    "name": "seed",
    "host": "line-3",
    "value": "7",
    "limit": 3,
    "known": ["a"],
    "backbone": "resnet18",
    "folder": "/w",
    "dataset": "oled",
    "wanted": "tile",
    "run": "r3",
    "first": "r1",
    "second": "r2",
    "setting": "seed",
    "model": "padim",
    "near": [],
    "nearest": "resnet34",
    "installed": "mobilenetv2_100",
    "share": 0.3,
    "needed": 2,
    "names": "crack (60)",
}
OF_ANY_SETTING = {
    "too_large",
    "too_small",
    "multiple_of",
    "choice",
    "number",
    "unknown_model",
    "unknown_setting",
    "other",
}
PROBLEM_KINDS = (
    OF_ANY_SETTING | {"elsewhere"} | problem_kinds(*(Path(*part.__path__) for part in (contract, assistant)))
)
REFUSALS: list[tuple[str, dict[str, Any]]] = [
    ("unknown_dataset", {"name": "x", "known": []}),
    ("no_runs", {}),
    ("which_run", {"known": [{"run": "r9", "model": "padim", "dataset": "oled", "state": "queued"}]}),
    ("unknown_run", {"run": "r9"}),
    ("elsewhere", {"run": "r9", "host": "line-3", "state": "running"}),
    *(("no_results", {"run": "r9", "state": state, "reason": "why", "hint": "what", "file": str(RunFolder(Path()).evaluation.scores)}) for state in ("queued", "running", "failed", "stopped", "succeeded")),
    ("dataset_gone", {"path": "/data/oled"}),
    *(("settings", {"problems": [{"kind": kind, **PROBLEM}]}) for kind in sorted(PROBLEM_KINDS)),
    ("anything_else", {}),
]  # fmt: skip
QUOTING = ("anything_else", "other")  # what nobody has worded is told as it stands


def said_of(say: str, language: Language, facts: dict[str, Any]) -> str:
    """The words of an occasion, or those of a tool about its result."""
    if say in tools.tool_names():
        return built_in_words("result", language, facts, tool=say)
    return built_in_words(say, language, facts)


def says_something(text: str) -> bool:
    return len(text) > 3 and "None" not in text and "\n\n\n\n" not in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("say", "facts"), OCCASIONS)
def test_every_occasion_has_words(language: Language, say: str, facts: dict[str, Any]) -> None:
    text = said_of(say, language, facts)
    assert says_something(text)
    assert figures_without_fact(text, facts, also=CONSTANTS) == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("code", "values"), REFUSALS)
def test_every_refusal_has_words(language: Language, code: str, values: dict[str, Any]) -> None:
    said = built_in_words("refused", language, {"code": code, "message": RAW, **values})
    assert says_something(said)
    kind = values["problems"][0]["kind"] if code == "settings" else code
    assert (RAW in said) == (kind in QUOTING) or language == "en"


ASSISTANT = Path(assistant.__file__).parent
ENGINE = ASSISTANT.parent / "engine"
TOLD = [json.loads(path.read_text("utf-8")) for path in tools.FOLDER.glob("*/told.json")]
OWN = {refusal["code"] for told in TOLD for refusal in told.get("refused", [])}  # a tool has words of its own for them
REFUSED = {
    name: codes_of(name, ASSISTANT) for name in ("DatasetError", "NotContinued", "FrameRefused", "refuse", "ask")
}
PROBLEMS = {
    f"data_{node.args[0].value}": {keyword.arg: "7" for keyword in node.keywords}
    for name in ("problem", "UnreadableDataset")
    for node in calls_of(name, ENGINE / "datasets")
    if isinstance(node.args[0], ast.Constant)
}


def test_the_codes_are_found_in_the_code() -> None:
    assert {"data_empty", "data_all_broken", "data_missing", "data_group_pattern_slow"} < PROBLEMS.keys()
    assert all({"bad_archive", "data_unknown", "too_long", "stale", "which_run"} & codes for codes in REFUSED.values())


@pytest.mark.parametrize("language", ["ko", "zh"])
@pytest.mark.parametrize("code", sorted(set().union(*REFUSED.values()) - OWN - {code for code, _ in REFUSALS}))
def test_no_code_reaches_people_in_the_words_for_logs(language: Language, code: str) -> None:
    said = built_in_words("refused", language, {"code": code, "message": RAW})
    assert says_something(said)
    assert RAW not in said


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", sorted(PROBLEMS))
def test_every_problem_of_the_check_is_worded_with_what_to_do(language: Language, code: str) -> None:
    problem = {"code": code, "message": RAW, "hint": RAW, "values": PROBLEMS[code]}
    said = built_in_words("refused", language, {"code": code, "message": RAW, "problems": [problem, problem]})
    assert RAW not in said
    assert said.count(str(page_texts(language)[f"error.{code}.hint"]).rstrip(".。")) == 2
    assert says_something(said)


def test_no_code_of_a_data_set_means_something_else_to_a_message() -> None:
    codes = REFUSED["DatasetError"] | PROBLEMS.keys()
    assert [code for code in codes if f"refused.{code}" in page_texts("en")] == []


@pytest.mark.parametrize("language", ["ko", "zh"])
@pytest.mark.parametrize("code", ["data_changed", "internal"])
def test_what_two_kinds_of_texts_have_words_for_is_said_once(language: Language, code: str) -> None:
    said = built_in_words("refused", language, {"code": code, "message": RAW})
    assert said.strip() == page_texts(language)[f"refused.{code}"]


@pytest.mark.parametrize("kind", sorted(PROBLEM_KINDS - {"other"}))
def test_the_page_has_words_for_every_problem_of_a_plan(kind: str) -> None:
    assert f"problem.{kind}" in page_texts("en")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("code", "values"), REFUSALS)
def test_no_refusal_names_a_tool_to_people(language: Language, code: str, values: dict[str, Any]) -> None:
    said = built_in_words("refused", language, {"code": code, "message": RAW, **values})
    assert not any(name in said for name in tools.tool_names())


@pytest.mark.parametrize("language", LANGUAGES)
def test_settings_are_called_what_the_cards_call_them(language: Language) -> None:
    facts = {"changed": {"coreset_ratio": 0.1, "augmentation": "light"}, "because": BECAUSE}
    said = {"en": "light", "ko": "코어셋 비율 0.1, 데이터 증강 약하게", "zh": "核心集比例 0.1"}[language]
    text = said_of("propose_training", language, facts)
    assert said in text
    assert "coreset_ratio" not in text


@pytest.mark.parametrize(("language", "unit"), [("en", "40 s"), ("ko", "40초"), ("zh", "40 秒")])
def test_how_long_a_plan_takes_is_told_in_the_language(language: Language, unit: str) -> None:
    plan = {"model_title": "PaDiM", "dataset": "oled", "seconds": 40}
    assert unit in built_in_words("duration", language, {"plan": plan, "datasets": []})


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("model", every_model())
def test_every_model_is_explained(language: Language, model: str) -> None:
    plain = built_in_words("explain_term", language, {"term": "no such thing", "datasets": []})
    assert built_in_words("explain_term", language, {"term": model, "datasets": []}) != plain
