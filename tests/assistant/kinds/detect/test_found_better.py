"""What to do next is said by the evidence of other finished runs on the same images, and of nothing that was not run."""

from typing import Any, get_args

import pytest

from assistant.kinds.claims import About
from assistant.kinds.detect.advice import next_steps
from assistant.kinds.detect.found_better import Finished, found_better
from assistant.store.tables import RunRow
from assistant.telling import offers_of, sentences_of
from engine.contract.jobs import make_job
from engine.contract.results.detect import OfType
from prompts.languages import Language
from tests.told_runs import detection, inspected

LANGUAGES: tuple[Language, ...] = get_args(Language)


def finished(
    number: int, missed: dict[str, tuple[int, int]], *, alarms: int = 1, model: str = "patchcore", **settings: Any
) -> Finished:
    """A run that missed so many of each type."""
    job = make_job("detect", "oled", model, settings)
    row = RunRow(
        id=f"r{number}",
        number=number,
        kind="detect",
        dataset="oled",
        subject=model,
        spec=job.model_dump(),
        state="succeeded",
    )
    return Finished(row, inspected(missed, good=20, alarms=alarms))


RUN = finished(7, {"mura": (8, 8), "dust": (4, 32)}, image_size=256)
BETTER = finished(4, {"mura": (1, 8), "dust": (3, 32)}, image_size=128)


def said(*others: Finished, language: Language = "en") -> tuple[str, list[Any]]:
    """What is said next, and what its buttons do."""
    sentences = sentences_of(found_better(About("r7", "detect"), RUN, others), language)
    offers = offers_of(sentences, [[each.id for each in sentences]])
    return " ".join(each.text for each in sentences), [(each.request.tool, each.request.arguments) for each in offers]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_run_that_found_the_worst_type_better_is_named_with_its_settings_and_what_it_missed(
    language: Language,
) -> None:
    text, offers = said(BETTER, language=language)
    assert all(each in text for each in ("*mura*", "**r4**", "128", "0.016"))
    assert offers == [
        ("compare_runs", {"runs": ["r7", "r4"]}),
        ("propose_training", {"like": "r7", "image_size": 128}),
    ]


def test_another_model_that_found_it_better_is_to_be_looked_at() -> None:
    _, offers = said(finished(5, {"mura": (0, 8), "dust": (3, 32)}, model="padim"))
    assert offers[1] == ("summarize_results", {"run": "r5"})


def test_of_several_the_one_that_misses_least_of_the_worst_type_is_named() -> None:
    text, _ = said(BETTER, finished(5, {"mura": (0, 8), "dust": (4, 32)}, model="padim"))
    assert "**r5**" in text and "**r4**" not in text


@pytest.mark.parametrize(
    "other",
    [
        finished(3, {"mura": (5, 8), "dust": (3, 32)}),  # chance would do that too
        finished(3, {"mura": (1, 8), "dust": (30, 32)}),  # it misses more in all
        finished(3, {"mura": (0, 8), "dust": (3, 31)}),  # other images
        finished(3, {"mura": (8, 8), "dust": (0, 32)}),  # the worst type is missed as much
    ],
)
def test_a_run_that_is_no_evidence_is_not_named(other: Finished) -> None:
    assert said(other) == ("", [])


def test_without_such_a_run_a_trial_is_offered_and_nothing_is_claimed_of_it() -> None:
    types = {"mura": OfType(count=8, found=0, missed=8, image_auroc=0.6)}
    metrics = detection({"mura": (8, 8)}, per_defect_type=types, per_size={})
    steps = next_steps(About("r7", "detect"), metrics, make_job("detect", "oled", "patchcore", {}), evidence=[])
    assert steps[0].id == "r7.next" and len(steps) > 1
    (offer,) = steps[0].offers
    assert (offer.tool, offer.arguments) == (
        "sweep",
        {"dataset": "oled", "model": "patchcore", "setting": "image_size", "values": [128, 192, 256]},
    )


def test_evidence_goes_before_what_is_only_likely() -> None:
    evidence = list(found_better(About("r7", "detect"), RUN, [BETTER]))
    job = make_job("detect", "oled", "patchcore", {})
    steps = next_steps(About("r7", "detect"), RUN.results.metrics, job, evidence=evidence)
    assert steps[0].what == "detect.next_other_run" and steps[0].id == "r7.next"
