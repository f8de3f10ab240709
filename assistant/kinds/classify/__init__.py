"""Classification: tells kinds of pictures apart, such as the defect types of a data set; learns from pictures of each."""

from collections.abc import Mapping
from typing import Any

from assistant.kinds import Kind
from assistant.kinds.claims import Outline
from assistant.kinds.classify.advice import backbone_for, best_for, complete, model_of, recommended
from assistant.kinds.classify.candidates import candidates, on_a_cut
from assistant.kinds.classify.claims import OUTLINES, rounding_of
from assistant.kinds.classify.comparing import COMPARED
from assistant.kinds.classify.gallery import GALLERIES, gallery
from assistant.kinds.classify.judging import tested
from assistant.kinds.classify.notices import notices_of, refuse_what_cannot_run
from assistant.kinds.classify.one_image import IMAGE, claims_of_image
from assistant.kinds.classify.report import report_of
from assistant.kinds.classify.telling import (
    TOLD_TO_SCRIPTS,
    beside_runs,
    claims_of_run,
    facts_of,
    figures_of,
    in_short,
    portions,
    results_of,
)
from assistant.kinds.classify.work import count_work
from assistant.kinds.nothing_built_on import build_on, dataset_of, like_of, without_effect
from engine.contract.jobs.classify import ClassifyJob
from engine.contract.results.classify import ClassifyResults


class Classify:
    name = "classify"
    default_model = ClassifyJob.first_choice()
    main_settings = (
        "backbone", "include_good", "image_size", "epochs", "batch_size", "augmentation", "learning_rate", "seed",
    )  # fmt: skip
    wishes: Mapping[str, Any] = {}
    like_of = staticmethod(like_of)
    model_of = staticmethod(model_of)
    dataset_of = staticmethod(dataset_of)
    build_on = staticmethod(build_on)
    advise = staticmethod(complete)
    backbone_for = staticmethod(backbone_for)
    candidates = staticmethod(candidates)
    on_a_cut = staticmethod(on_a_cut)
    recommended = staticmethod(recommended)
    best_for = staticmethod(best_for)
    refuse = staticmethod(refuse_what_cannot_run)
    notices = staticmethod(notices_of)
    without_effect = staticmethod(without_effect)
    work = staticmethod(count_work)
    in_short = staticmethod(in_short)
    figures = staticmethod(figures_of)
    portions = staticmethod(portions)

    counted = ()
    listed: Mapping[str, str] = {"worst": "macro_f1"}
    told_to_scripts = TOLD_TO_SCRIPTS
    facts = staticmethod(facts_of)
    claims = staticmethod(claims_of_run)
    outlines: Mapping[str, Outline] = {**OUTLINES, "compared": COMPARED, "image": IMAGE}
    claims_of_image = staticmethod(claims_of_image)
    beside = staticmethod(beside_runs)
    tested = staticmethod(tested)
    rounding_of = staticmethod(rounding_of)
    results = staticmethod(results_of)
    report = staticmethod(report_of)
    pictures = ClassifyResults.pictures
    galleries = GALLERIES
    gallery = staticmethod(gallery)


KIND: Kind[ClassifyJob] = Classify()
