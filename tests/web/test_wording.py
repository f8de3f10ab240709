"""The three locales say the same things, and every text that is used exists."""

import re
from pathlib import Path

import pytest

import web
from assistant.plans.form import describe
from assistant.tools.wording import wording
from engine.contract.jobs import KINDS, SpecError, make_job, setting_names
from prompts.languages import LANGUAGES, Language
from prompts.page_texts import PLACEHOLDER

WEB = Path(web.__file__).parent
MODELS = [(kind, model) for kind, job in KINDS.items() for model in job.models()]
TEXTS = {language: wording(language).texts for language in LANGUAGES}
IN_THE_CODE = ("help", "model")  # what the code says in English: descriptions of settings, summaries of models
SOURCES = [
    *(path for part in ("templates", "kinds") for path in WEB.glob(f"{part}/**/*.html")),
    *(path for part in ("reports", "kinds") for path in (WEB.parent / "assistant" / part).glob("**/*.html.j2")),
    *WEB.glob("static/js/**/*.js"),
    *WEB.glob("*.py"),
    WEB.parent / "assistant" / "tools" / "wording.py",
    WEB.parent / "assistant" / "telling" / "cells.py",
    WEB.parent / "assistant" / "reports" / "decision.py",
    WEB.parent / "assistant" / "reports" / "study.py",
    WEB.parent / "assistant" / "cli" / "study.py",
]


def placeholders(text: str | list[str]) -> set[str]:
    return set(PLACEHOLDER.findall("".join(text)))


@pytest.mark.parametrize("language", ["ko", "zh"])
def test_keys_and_placeholders_are_those_of_english(language: Language) -> None:
    in_the_code = tuple(f"{kind}." for kind in IN_THE_CODE)
    assert {key for key in TEXTS[language] if not key.startswith(in_the_code)} == TEXTS["en"].keys()
    differing = [key for key, text in TEXTS["en"].items() if placeholders(text) != placeholders(TEXTS[language][key])]
    assert differing == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_every_text_that_is_used_exists(path: Path) -> None:
    source = path.read_text("utf-8")
    whole = re.findall(r"""\b(?:t|words)\(\s*(["'])([a-z0-9_.]+)\1\s*[,)]""", source)
    assert [key for _, key in whole if key not in TEXTS["en"]] == []
    begun = re.findall(r"""\b(?:t|words)\(\s*(["'])([a-z0-9_.]+\.)\1 ~|\bt\(`([a-z0-9_.]+\.)\$\{""", source)
    for _, jinja, script in begun:
        assert any(key.startswith(jinja or script) for key in TEXTS["en"]), jinja or script


def test_every_setting_and_model_is_worded() -> None:
    for kind, model in MODELS:
        for name in setting_names(kind, model):
            assert f"setting.{name}" in TEXTS["en"], name
            assert all(wording(language).setting_help(name, "", model) for language in ("ko", "zh")), name
        assert all(wording(language).model_summary(model, "") for language in ("ko", "zh"))


def test_every_error_says_what_to_do() -> None:
    """In the reader's language: where there is no text, the hint is shown as it was made, in English."""
    of_the_page = {"error.page", "error.home", "error.details", "error.again"}
    errors = {key for key in TEXTS["en"] if key.startswith("error.") and not key.endswith(".hint")} - of_the_page
    assert [key for key in errors if f"{key}.hint" not in TEXTS["en"]] == []
    assert [key for key in errors if placeholders(TEXTS["en"][f"{key}.hint"])] == []


def test_every_choice_of_a_setting_is_worded() -> None:
    for kind, model in MODELS:
        spec = make_job(kind, "oled", model, {"members": ["r1", "r2"]} if model == "ensemble" else {})
        for setting in describe(spec):
            missing = [each for each in setting.choices or [] if f"choice.{setting.name}.{each}" not in TEXTS["en"]]
            assert missing == [], setting.name


def test_a_setting_that_means_something_else_to_a_model_has_help_of_its_own() -> None:
    korean = wording("ko")
    assert korean.setting_help("ssim_weight", "", "draem") != korean.setting_help("ssim_weight", "", "autoencoder")
    assert korean.setting_help("seed", "", "draem") == korean.setting_help("seed", "")


def test_no_text_is_left_over() -> None:
    sources = "\n".join(path.read_text("utf-8") for path in [*SOURCES, *WEB.glob("routes/*.py")])
    begun = {f"{kind}." for kind in re.findall(r"""\bcoded\(\s*["']([\w.]+)["']""", sources)}
    begun |= set(re.findall(r"""\bt\(\s*["']([a-z0-9_.]+\.)["'] ~""", sources))
    begun |= set(re.findall(r"""`([a-z0-9_.]+\.)\$\{""", sources))
    begun |= set(re.findall(r"""\bf["']([a-z0-9_]+\.[a-z0-9_.]*\.)\{""", sources))
    begun |= {"told.", "reason."}  # what the chat alone says, and what is found by its English (prompts/reasons.py)
    named = set(re.findall(r"""["']([a-z0-9_.]+)["']""", sources))
    assert [key for key in TEXTS["en"] if key not in named and not key.startswith(tuple(begun))] == []


@pytest.mark.parametrize(
    ("model", "settings"),
    [
        ("patchcor", {}),
        ("patchcore", {"lr": 0.1}),
        ("patchcore", {"image_size": 4096}),
        ("patchcore", {"image_size": 16}),
        ("patchcore", {"image_size": 100}),
        ("patchcore", {"weights": "some"}),
        ("patchcore", {"num_neighbours": "many"}),
    ],
)
def test_what_is_wrong_with_a_setting_is_said_in_the_readers_language(model: str, settings: dict[str, object]) -> None:
    with pytest.raises(SpecError) as refused:
        make_job("detect", "oled", model, settings)
    (problem,) = refused.value.problems
    said = {wording(each).coded("problem", problem.kind, problem.values, "no wording") for each in LANGUAGES}
    assert len(said) == 3
    assert "no wording" not in said


def test_values_are_put_in_as_they_are() -> None:
    t = wording("en")
    assert t("nav.delete", title="{run} {0}") == "Delete “{run} {0}”"
    assert t("data.broken", count=1) == "1 file cannot be read"
    assert t("data.broken", count=1200) == "1,200 files cannot be read"


def test_an_unknown_code_or_a_missing_value_falls_back_to_the_message() -> None:
    t = wording("zh")
    assert t.coded("notice", "unheard_of", {}, "the message") == "the message"
    assert t.coded("notice", "few_good", {"needed": 3}, "the message") == "the message"
    assert t.coded("notice", "broken_images", {"count": 2}, "the message") == "2 张图像无法读取，将被跳过。"


@pytest.mark.parametrize("language", ["ko", "zh"])
def test_yes_and_no_are_said_in_the_readers_language(language: Language) -> None:
    words = wording(language)
    assert {words.choice("include_good", said) for said in ("true", "false")}.isdisjoint({"true", "false"})
    assert words.choice("augmentation", "none") != words.choice("include_good", "false")
    assert words.choice("backbone", "resnet18") == "resnet18"


@pytest.mark.parametrize("language", ["en", "ko", "zh"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_of_run_has_a_name_and_a_sentence_that_starts_it(kind: str, language: Language) -> None:
    words = wording(language)
    assert words.choice("kind", kind) != kind
    assert "tile" in words(f"starter.on_data.{kind}", model="ResNet", dataset="tile")
