"""Anomaly detection: learns from good images alone, finds defects by a threshold."""

from collections.abc import Mapping

from assistant.kinds import Kind
from assistant.kinds.claims import Outline
from assistant.kinds.detect.advice import backbone_for, best_for, complete, recommended
from assistant.kinds.detect.candidates import candidates, on_a_cut
from assistant.kinds.detect.claims import OUTLINES, rounding_of
from assistant.kinds.detect.comparing import COMPARED
from assistant.kinds.detect.earlier_runs import WISHES, build_on, dataset_of, like_of, model_of
from assistant.kinds.detect.gallery import GALLERIES, gallery
from assistant.kinds.detect.judging import tested
from assistant.kinds.detect.notices import notices_of, refuse_what_cannot_run, without_effect
from assistant.kinds.detect.one_image import IMAGE, claims_of_image
from assistant.kinds.detect.report import report_of
from assistant.kinds.detect.telling import (
    TOLD_TO_SCRIPTS,
    beside_runs,
    claims_of_run,
    facts_of,
    figures_of,
    in_short,
    portions_of,
    results_of,
)
from assistant.kinds.detect.work import count_work
from engine.contract.jobs.detect import DetectJob
from engine.contract.results.detect import DetectResults


class Detect:
    name = "detect"
    default_model = DetectJob.first_choice()
    main_settings = (
        "image_size", "members", "backbone", "epochs", "batch_size", "coreset_ratio", "learning_rate", "augmentation", "overkill_rate",
        "seed",
    )  # fmt: skip
    wishes = WISHES
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
    portions = staticmethod(portions_of)

    counted = ("missed", "false_alarms")
    listed: Mapping[str, str] = {"worst": "worst_type_auroc", "missed": "missed", "overkill": "overkill"}
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
    pictures = DetectResults.pictures
    galleries = GALLERIES
    gallery = staticmethod(gallery)


KIND: Kind[DetectJob] = Detect()
