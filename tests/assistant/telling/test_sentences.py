"""Sentences are made of facts and of nothing else: each figure is a value under its rounding, the same in three languages."""

import re
import tomllib
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import UndefinedError

from assistant.kinds.claims import Claim, plain_names
from assistant.telling import Sentence, composed, outlined, sentences_of, told
from engine.contract.results.detect import PromiseCheck
from prompts.figures import Figure, Within
from prompts.languages import Language
from prompts.page_texts import flat, page_texts
from prompts.sentences import FOLDER, with_particle, wording_of, wordings
from tests import told_runs

LANGUAGES: tuple[Language, ...] = get_args(Language)
NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?(?:e-?\d+)?")
HOLES = re.compile(r"\{\{.*?\}\}|\{%.*?%\}")
RUNS = st.one_of(told_runs.detections(), told_runs.classifications())


def figures_of(value: Any, language: Language) -> list[str]:
    """The texts that the figures among the values become, those of an interval too."""
    match value:
        case Figure():
            return [value.said(language)]
        case Within():
            return [each.said(language) for each in (value.low, value.high, value.level)]
        case dict():
            return [text for each in value.values() for text in figures_of(each, language)]
        case list() | tuple():
            return [text for each in value for text in figures_of(each, language)]
        case _:
            return []


def names_of(values: Any, language: Language) -> list[str]:
    """Names among the values, as they stand and as the page calls them."""
    match values:
        case str():
            shown = page_texts(language).get(f"metric.{values}")
            return [values, *([shown, shown[:1].upper() + shown[1:]] if isinstance(shown, str) else [])]
        case dict():
            return [text for each in values.values() for text in names_of(each, language)]
        case list() | tuple():
            return [text for each in values for text in names_of(each, language)]
        case _:
            return []


def numbers_in(sentence: Sentence, language: Language) -> list[str]:
    """The numbers that it says, without those of names."""
    text = sentence.text
    for name in sorted(names_of(dict(sentence.values), language), key=len, reverse=True):
        text = text.replace(name, " ")
    return NUMBER.findall(text)


@pytest.mark.parametrize("language", LANGUAGES)
@settings(deadline=None, max_examples=60)
@given(run=RUNS)
def test_each_figure_of_a_sentence_is_a_fact_as_it_is_rounded(language: Language, run: Any) -> None:
    for sentence in sentences_of(told_runs.claims(run), language):
        facts = " ".join(figures_of(dict(sentence.values), language))
        assert set(numbers_in(sentence, language)) <= set(NUMBER.findall(facts)), sentence


@settings(deadline=None, max_examples=60)
@given(run=RUNS)
def test_three_languages_say_the_same_figures_under_the_same_ids(run: Any) -> None:
    claims = told_runs.claims(run)
    english, *others = (sentences_of(claims, language) for language in LANGUAGES)
    for language, sentences in zip(LANGUAGES[1:], others, strict=True):
        assert [each.id for each in sentences] == [each.id for each in english]
        for ours, theirs in zip(english, sentences, strict=True):
            if ours.id.endswith(".took"):
                continue
            said, also = numbers_in(ours, "en"), numbers_in(theirs, language)
            assert set(said) == set(also), (ours.text, theirs.text)


@settings(deadline=None, max_examples=60)
@given(run=RUNS)
def test_ids_are_plain_no_two_alike_and_begin_with_what_they_are_about(run: Any) -> None:
    ids = [claim.id for claim in told_runs.claims(run)]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"r7\.[\w.]+", id) for id in ids)


def test_two_names_that_are_alike_have_two_ids() -> None:
    assert plain_names(["spot mura", "Spot-mura", "scratch"]) == {
        "spot mura": "spot_mura",
        "Spot-mura": "spot_mura_2",
        "scratch": "scratch",
    }


@settings(deadline=None, max_examples=40)
@given(run=RUNS)
def test_a_sentence_says_which_run_it_is_about(run: Any) -> None:
    for language in LANGUAGES:
        assert all("r7" in sentence.text for sentence in sentences_of(told_runs.claims(run), language))


@pytest.mark.parametrize("language", LANGUAGES)
def test_there_is_no_sentence_without_its_facts(language: Language) -> None:
    for claim in [*told_runs.claims(told_runs.detection()), *told_runs.claims(told_runs.classification())]:
        for name in wording_of(claim.what, language).names:
            rest = {key: value for key, value in claim.values.items() if key != name}
            with pytest.raises(UndefinedError):
                sentences_of([Claim(claim.id, claim.what, rest)], language)


@settings(deadline=None, max_examples=20)
@given(RUNS)
def test_a_sentence_that_begins_with_the_name_of_a_figure_begins_with_a_capital_letter(run: Any) -> None:
    names = [text for key, text in page_texts("en").items() if key.startswith("metric.") and isinstance(text, str)]
    said = [each.text for each in sentences_of(told_runs.claims(run), "en")]
    assert [text for text in said if text.startswith(tuple(names)) and text[:1].islower()] == []


def test_no_wording_holds_a_figure_of_its_own() -> None:
    of_results = [
        path for path in FOLDER.rglob("*.toml") if path.parent.name != "terms"
    ]  # what a word means is no result
    for path in of_results:
        for text in flat(tomllib.loads(path.read_text("utf-8"))).values():
            assert re.findall(r"\d", HOLES.sub(" ", str(text))) == [], text


def test_each_sort_of_sentence_is_worded_in_three_languages_over_the_same_values() -> None:
    english, korean, chinese = (wordings(language) for language in LANGUAGES)
    assert english.keys() == korean.keys() == chinese.keys()
    assert [what for what in english if not english[what].names == korean[what].names == chinese[what].names] == []


@pytest.mark.parametrize("language", LANGUAGES)
@settings(deadline=None, max_examples=40)
@given(run=RUNS)
def test_an_answer_is_made_of_sentences_alone(language: Language, run: Any) -> None:
    sentences = sentences_of(told_runs.claims(run), language)
    everything = told(sentences, outlined(sentences, (("*",),)))
    for sentence in sentences:
        rest = re.sub(r"^r7(: |：)", "", sentence.text)
        assert rest in composed(everything, language)


@pytest.mark.parametrize(
    ("word", "pair", "said"),
    [
        ("r3", "이/가", "r3이"), ("r2", "이/가", "r2가"), ("0.981", "으로/로", "0.981로"), ("0.986", "으로/로", "0.986으로"),
        ("*불량*", "을/를", "*불량*을"), ("얼룩", "은/는", "얼룩은"), ("스크래치", "으로/로", "스크래치로"), ("line", "은/는", "line은(는)"),
        ("line", "으로/로", "line(으)로"),
    ],
)  # fmt: skip
def test_a_korean_particle_follows_the_last_sound(word: str, pair: str, said: str) -> None:
    assert with_particle(word, pair) == said


@pytest.mark.parametrize(
    ("figure", "said"),
    [
        (Figure(0.91875, "score"), "0.919"), (Figure(0.0000421, "score"), "4.21e-05"), (Figure(0.35, "share"), "35 %"), (Figure(0.9996, "share"), "99.96 %"),
        (Figure(1 / 13, "promise"), "7.69 %"), (Figure(1234, "count"), "1,234"), (Figure(-0.02, "change"), "-0.020"), (Figure(0.02, "points"), "+2 points"),
        (Figure(0.00001, "chance"), "< 0.001"), (Figure(0.0312, "chance"), "0.031"), (Figure(2.349, "times"), "2.3"), (Figure(1e-05, "plain"), "1e-05"),
    ],
)  # fmt: skip
def test_a_figure_is_rounded_as_its_kind_deserves(figure: Figure, said: str) -> None:
    assert figure.said() == said


@pytest.mark.parametrize(("overkill", "what"), [(0.05, "promise_kept"), (0.2, "promise_exceeded_by_chance")])
def test_overkill_above_the_promise_is_never_called_a_kept_promise(overkill: float, what: str) -> None:
    check = PromiseCheck(held=True, overkill=overkill, promised=0.0769)
    claims = told_runs.claims(told_runs.detection(promise_check=check))
    assert [each.what.rpartition(".")[2] for each in claims if each.id == "r7.promise_kept"] == [what]
