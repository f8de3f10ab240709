"""What a person should know of a training of a classifier before saying yes, and what cannot run."""

from collections.abc import Mapping
from typing import Any

from assistant.frames import Estimate, Notice
from assistant.kinds.notices import note, on_data, on_synthetic, on_time, on_weights, refuse_missing_weights, warn
from assistant.settings import Settings
from engine.contract.classes import LEAST_GROUPS, classes_of
from engine.contract.data import DataFacts
from engine.contract.jobs import Problem, SpecError
from engine.contract.jobs.classify import ClassifyJob

FEW = 20  # pictures of a class: of these about 12 are learnt from and 4 tested with
UNEVEN = 5  # times as many pictures in the largest class as in the smallest
NAMED = 20

# notices of the check that matter to those who measure or learn good pictures alone
OF_NO_ACCOUNT = {"mask_nearly_full", "perhaps_good", "learnt_from_test"}


def notices_of(
    settings: Settings, job: ClassifyJob, *, chosen: Mapping[str, Any], facts: DataFacts, estimate: Estimate
) -> list[Notice]:
    """What a person should know before saying yes, the gravest first."""
    return [
        *on_weights(settings, backbone=job.backbone, weights=job.weights),
        *on_data(facts, of_no_account=OF_NO_ACCOUNT),
        *_on_classes(job, facts),
        *_on_groups(facts),
        *_on_good(job, facts),
        *on_synthetic(facts),
        *on_time(estimate),
    ]


def refuse_what_cannot_run(
    settings: Settings, job: ClassifyJob, facts: DataFacts, *, chosen: Mapping[str, Any]
) -> None:
    classes = classes_of(facts, include_good=job.include_good)
    if not classes.are_enough:
        names, add = classes.listed or "none", "add images of another class"
        message = f"two classes of {LEAST_GROUPS} images or more, or groups of them, are needed to tell apart, but there are: {names}"
        values = {"names": names, "needed": LEAST_GROUPS}
        if job.include_good:
            raise SpecError([Problem("include_good", f"{message}; {add}", "one_class_with_good", values)])
        raise SpecError(
            [Problem("include_good", f"{message}; set include_good to true, or {add}", "one_class", values)]
        )
    refuse_missing_weights(settings, backbone=job.backbone, weights=job.weights, chosen=chosen)


def _on_classes(job: ClassifyJob, facts: DataFacts) -> list[Notice]:
    classes = classes_of(facts, include_good=job.include_good)
    large = classes.pictures
    notices = []
    if left := [*classes.left_out]:
        names = ", ".join(left[:NAMED])
        where, needed = (" in train" if classes.given else ""), classes.needed
        message = (
            f"{len(left)} classes have fewer than {needed} images, or groups of them{where}, and are left out: {names}"
        )
        code = "classes_not_in_train" if classes.given else "classes_left_out"
        notices.append(warn(code, message, count=len(left), names=names, needed=needed))
    if few := [name for name, count in large.items() if count < FEW]:
        names = ", ".join(f"{name} ({large[name]})" for name in few[:NAMED])
        message = f"{len(few)} classes have fewer than {FEW} images: what is measured of them is rough. {names}"
        notices.append(warn("few_of_class", message, count=len(few), names=names, needed=FEW))
    least, most = min(large, key=large.__getitem__), max(large, key=large.__getitem__)
    if large[most] >= UNEVEN * large[least]:
        message = (
            f"{most} has {large[most]} images, {least} has {large[least]}: rare classes are learnt with more weight."
        )
        values = {"most": most, "least": least, "many": large[most], "few": large[least]}
        notices.append(note("uneven_classes", message, **values))
    return notices


def _on_groups(facts: DataFacts) -> list[Notice]:
    if facts.groups:
        return []
    message = (
        "The data set does not say which images are of one panel or lot. Several images of one thing are then learnt from and "
        "tested with, and the result flatters; a group_pattern in murascope.json, or a column panel in split.csv, tells."
    )
    return [warn("no_groups", message)]


def _on_good(job: ClassifyJob, facts: DataFacts) -> list[Notice]:
    count = facts.train_good + facts.test_good
    if job.include_good or count == 0:
        return []
    message = f"{count} good images are not used: a classifier learns the defect types; with include_good it tells them apart too."
    return [note("good_not_used", message, count=count)]
