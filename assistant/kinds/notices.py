"""What a person should know before saying yes, whatever kind of run it is: of weights, of the data, of the time it takes."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from assistant.frames import Estimate, Notice
from assistant.kinds.weights import local_backbones, where_are_weights
from assistant.settings import Settings
from engine.contract.data import DataFacts
from engine.contract.jobs import Problem, SpecError

SAID_OTHERWISE = {  # notices of the check that a plan does not repeat: its kind words them, or the files stand below its figures
    "broken_images", "few_images", "memory_models_only", "no_defects", "no_masks", "no_test_good", "some_masks", "mixed_shapes",
    "unread_folders", "unread_endings", "unpaired_masks", "links_left_out", "side_channels", "more_pages",
}  # fmt: skip
LONG_RUN_SECONDS = 3600
NOTHING_INSTALLED = "–"  # where names would stand


def note(code: str, message: str, **values: Any) -> Notice:
    return Notice(code=code, message=message, values=values)


def warn(code: str, message: str, **values: Any) -> Notice:
    """One that is grave."""
    return Notice(code=code, message=message, values=values, grave=True)


def on_weights(settings: Settings, *, backbone: str | None, weights: str) -> list[Notice]:
    """Where the backbone's weights come from, unless they are at hand."""
    if backbone is None:
        return []
    folder = str(settings.weights_folder)
    if weights == "random":
        message = f"Random weights, as asked: {backbone} finds far less than with pre-trained ones."
        return [warn("weights_random", message, backbone=backbone)]
    match where_are_weights(settings, backbone):
        case "none":
            message = (
                f"The pre-trained weights of {backbone} are not on this machine: the run would use random weights and find far less. "
                f"Copy {backbone}.safetensors into {folder} to change that."
            )
            return [warn("weights_missing", message, backbone=backbone, folder=folder)]
        case "hub":
            message = (
                f"The pre-trained weights of {backbone} are not on this machine: they will be fetched from the Hugging Face hub. Without a "
                f"network the run uses random weights and finds far less; then copy {backbone}.safetensors into {folder}."
            )
            return [warn("weights_from_hub", message, backbone=backbone, folder=folder)]
    return []


def on_data(facts: DataFacts, *, of_no_account: Collection[str] = ()) -> list[Notice]:
    """What the check of the data set noticed, without what matters not to this kind of run."""
    broken, notices = len(facts.broken), []
    if broken:
        message = f"{broken} image{'s' * (broken != 1)} cannot be read and will be left out."
        notices.append(warn("broken_images", message, count=broken))
    for each in facts.notices:
        if each.code not in SAID_OTHERWISE and each.code not in of_no_account:
            notices.append((warn if each.is_grave else note)(each.code, each.message, **each.values))
    return notices


def on_synthetic(facts: DataFacts) -> list[Notice]:
    if not facts.synthetic:
        return []
    message = "The images are computer-made: results show how the tool works, not how it does on real panels."
    return [note("synthetic", message)]


def on_substitute(
    settings: Settings, *, backbone: str | None, usual: str | None, chosen: Mapping[str, Any]
) -> list[Notice]:
    """The backbone is not the usual one, though nobody asked for it: the usual one's weights are not at hand."""
    if backbone is None or backbone == usual or "backbone" in chosen:
        return []
    if where_are_weights(settings, backbone) not in ("local", "cache"):
        return []
    message = f"The paper uses {usual}, whose weights are not at hand; {backbone} takes its place."
    return [note("backbone_substituted", message, paper=usual, backbone=backbone)]


def on_time(estimate: Estimate) -> list[Notice]:
    if estimate.seconds <= LONG_RUN_SECONDS:
        return []
    message = "This will take long on this machine; fewer epochs, smaller images or a lighter backbone shorten it."
    return [note("long_run", message)]


def refuse_missing_weights(
    settings: Settings, *, backbone: str | None, weights: str, chosen: Mapping[str, Any], adapted: bool = False
) -> None:
    """Raises SpecError where pre-trained weights are demanded and not there, or a backbone was named whose weights are nowhere.

    A network that somebody names is wanted for what it has learnt; random weights must be asked for beside it. `adapted`: its weights
    come from a finished run.
    """
    if backbone is None or adapted or weights == "random" or where_are_weights(settings, backbone) != "none":
        return
    folder, installed = str(settings.weights_folder), ", ".join(local_backbones(settings)) or NOTHING_INSTALLED
    values = {"backbone": backbone, "folder": folder, "installed": installed}
    if weights == "pretrained":
        message = (
            f"weights is 'pretrained', but the weights of {backbone} are not on this machine: copy {backbone}.safetensors "
            f"into {folder}, or set weights to 'auto' to train on random ones"
        )
        raise SpecError([Problem("weights", message, "no_weights", values)])
    if chosen.get("backbone") and not chosen.get("weights"):
        hub = "is switched off" if settings.hub == "off" else "cannot be reached"
        message = (
            f"the pre-trained weights of {backbone} are nowhere: not in {folder}, and the hub {hub} (weights are here of: {installed}); "
            f"copy {backbone}.safetensors into {folder}, take a backbone that is here, or set weights to 'random' to train without"
        )
        raise SpecError([Problem("backbone", message, "backbone_without_weights", values)])


def with_what_is_here(settings: Settings, error: SpecError) -> SpecError:
    """The same problems; an unknown backbone is told with the nearest names and with those whose weights are here."""
    installed = ", ".join(local_backbones(settings)) or NOTHING_INSTALLED
    return SpecError([_told_what_is_here(each, installed) for each in error.problems])


def _told_what_is_here(problem: Problem, installed: str) -> Problem:
    if problem.kind != "unknown_backbone":
        return problem
    values = {"installed": installed, "nearest": ", ".join(problem.values["near"]) or NOTHING_INSTALLED}
    message = f"{problem.message} (weights are here of: {installed})"
    return replace(problem, message=message, values={**problem.values, **values})
