"""What stands in a text, by rules, in English, Korean and Chinese: names of data, models and runs, settings with their values, numbers.

The text is brought to one spelling; then names, ids and settings with their values are recognised and masked one after the other, so
that nothing is read twice; last the phrases of phrases/*.toml in the rest. What the text asks for is not decided here (learned.py).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from assistant.offline.language import lower, normalise
from assistant.offline.names import find_datasets, slip_of
from assistant.offline.numbers import Number, find_numbers
from assistant.offline.phrases import ALL_MARKS, MARKS, Found, Rejected, Vocabulary, vocabulary
from assistant.offline.reading import Reading
from assistant.offline.settings import Setting, corrected, fields, find_settings, negated, without
from assistant.offline.spelling import correct
from assistant.offline.unregistered import unknown_model, unregistered
from engine.contract.joining import adapting_models
from prompts.languages import Language

RUN_ID = re.compile(r"(?<![a-z0-9_])r\s?-?(\d{1,9})(?![a-z0-9_])")
OF_A_RUN = ("backbone_run", "learns_on")  # settings whose value is a run
PATH = re.compile(  # from the root of a disk, with a folder in it; Chinese needs no space before
    r"(?:(?<![^\s\"'“‘(（:：])(?:~/|/(?=[^\s/]+/)|[a-z]:[\\/])|(?<=[\u4e00-\u9fff])/(?=[a-z0-9_.-]+/))[^\s\"'`,;?!，。？！]+"
)
AFTER_PATH = re.compile(r"(?<=[a-z0-9_])(?=[가-힣\u4e00-\u9fff])|[.:)]+$")  # /data/new를, /data/new里的
PROPOSAL_ID = re.compile(r"(?<![a-z0-9_])p-?(\d{1,9})(?![a-z0-9_])")

REACH = 40  # characters after a correction in which the new value stands
LATEST = "latest"  # in place of a run's id, as assistant/kinds/detect/earlier_runs.py understands it


def recognise(
    text: str,
    *,
    datasets: list[str],
    language: Language,
    plan: Mapping[str, Any] | None = None,
    changed: Sequence[str] = (),
) -> Reading:
    """All values in a text, each thing looked for in what the things before have left. Where a word has two meanings, the one in
    `language` holds. `plan`: model and settings of the open plan, that "half the image size" is a half of. `changed`: the settings
    that were chosen last, which a bare "no wait, 256" is about."""
    words = vocabulary(language)
    original = normalise(text)
    original = correct(original, words=words, keep=frozenset(re.findall("[a-z]+", " ".join(datasets).lower())))
    typed = lower(original)
    text = typed.translate(words.traditional)
    paths = [_path(match) for match in PATH.finditer(typed)]
    known = paths + find_datasets(_mask(typed, paths, "dataset"), datasets=datasets, words=words)
    known = [each if each.value in datasets else replace(each, value=original[each.start : each.end]) for each in known]
    text = _mask(text, known, "dataset")
    models = words.models.find(text)
    text = _mask(text, models, "model")
    runs = [Found(match.start(), match.end(), f"r{int(match[1])}") for match in RUN_ID.finditer(text)]
    runs += _numbered_runs(text, words=words)
    text = _mask(text, runs, "run")
    proposals = [Found(match.start(), match.end(), f"p{match[1]}") for match in PROPOSAL_ID.finditer(text)]
    text = _mask(text, proposals, "proposal")
    only_names = text
    tasks = words.tasks.find(text)
    text = _mask(text, tasks, "task")
    if not models:
        models = _models_of_kinds(text, words=words)
        text = _mask(text, models, "model")
    named = [Setting(found.start, found.end, "backbone", found.value) for found in words.backbones.find(text)]
    text = _mask(text, named, "setting")
    names = words.setting_names.find(text)
    corrections = [Found(match.start(), match.end(), "") for match in words.corrections.finditer(text)]
    numbers = find_numbers(text, language=language, names=[*names, *corrections])
    with_numbers = _mask(text, [number for number in numbers if not number.in_words], "number")
    defects = words.defects.find(text)
    numbers = [number for number in numbers if not (number.in_words and _overlaps(number, defects))]  # 오일 is no 51
    with_numbers = _mask(_mask(with_numbers, defects, "defect"), words.setting_values.find(text), "setting")
    counted = numbers
    only_names = _mask(_mask(_mask(only_names, models, "model"), named, "setting"), counted, "number")
    replaced = words.replaced.find(with_numbers)
    numbers = [number for number in numbers if not _within(number, spans(replaced))]
    now = {**(plan or {}), **({"model": models[0].value} if models else {})}
    settings = named + find_settings(text, numbers=numbers, names=names, language=language, now=now)
    for setting in OF_A_RUN:
        settings, models, runs = _with_run_of(setting, settings, models=models, runs=runs)
    bare = [name for name in names if not _overlaps(name, settings)]
    rejected = words.replaced.find(_mask(_mask(with_numbers, bare, "setting"), settings, "setting"))
    settings = _with_opposites(settings, names=bare, rejected=rejected)
    settings = _with_corrections(settings, numbers=numbers, text=with_numbers, words=words, changed=changed)
    text = _mask(text, settings, "setting")
    reading = Reading(
        original=original,
        language=language,
        text=text,
        words=only_names,
        datasets=known,
        models=models,
        tasks=tasks,
        settings=settings,
        names=names,
        counted=counted,
        numbers=[number for number in numbers if text[number.start] not in ALL_MARKS],
        runs=runs,
        proposals=proposals,
        families=words.families.find(text),
        defects=defects,
        states=[],
        terms=words.terms.find(typed),
        deeds=words.deeds.find(typed),
        plan=now,
    )
    reading = _with_words(reading, datasets=datasets, words=words)
    wanted = replace(reading.without(spans([*replaced, *rejected])), settings=reading.settings)
    return _without_taken_back(wanted, words=words)


def _models_of_kinds(text: str, *, words: Vocabulary) -> list[Found]:
    """Models by names that are also those of backbones ("mobilenet"), where no backbone is spoken of."""
    if any(name.value == "backbone" for name in words.setting_names.find(text)):
        return []
    backbones = words.backbones.find(text)
    found = [model for table in words.models_of.values() for model in table.find(text)]
    return [model for model in found if not _is_longer_name(backbones, model)]


def _with_words(reading: Reading, *, datasets: list[str], words: Vocabulary) -> Reading:
    """The reading with the words that are known in its rest, and with the names that nobody knows."""
    found = words.cues.find(reading.text)
    states = [replace(cue, value=cue.value.removeprefix("state=")) for cue in found if cue.value.startswith("state=")]
    understood = [*found, *reading.defects, *reading.families]
    reading = replace(reading, states=states)
    reading = _with_unknown_model(reading, cues=understood, words=words)
    return _with_unregistered(reading, cues=understood, datasets=datasets, words=words)


def _with_opposites(settings: list[Setting], *, names: list[Found], rejected: list[Rejected]) -> list[Setting]:
    """Settings that are not wanted say that something else is: "don't use the gpu" the cpu, "no augmentation" none of it."""
    kept = [setting for setting in settings if not _within(setting, spans(rejected))]
    said = {setting.name for setting in kept}
    for each in rejected:
        denied = [negated(setting) for setting in settings if each.start <= setting.start < each.end]
        denied += [without(name) for name in names if each.start <= name.start < each.end]
        meant = [setting for setting in denied if setting and setting.name not in said]
        kept += [replace(setting, start=each.first, end=each.last, named=True) for setting in meant[:1]]
    return sorted(kept, key=lambda setting: setting.start)


def _with_corrections(
    settings: list[Setting], *, numbers: list[Number], text: str, words: Vocabulary, changed: Sequence[str]
) -> list[Setting]:
    """ "batch 16. hmm no, eight": a number of its own after a correction is the value of the setting before, or of one that was chosen
    last."""
    for correction in words.corrections.finditer(text):
        before = [setting for setting in settings if setting.end <= correction.start()][-1:]
        taken = spans(settings)
        after = [each for each in numbers if each.start >= correction.end() and not _within(each, taken)]
        if not after or after[0].start - correction.end() > REACH:
            continue
        about = before or [Setting(*correction.span(), name, None) for name in changed]
        new = next((each for setting in about if (each := corrected(setting, after[0]))), None)
        if new:
            settings = [*(each for each in settings if each not in before), new]
    return settings


def _without_taken_back(reading: Reading, *, words: Vocabulary) -> Reading:
    """ "bottle - sorry, the phone screens": of two values of one kind with a correction between them the later one is meant. The
    correction is overwritten with the mark of its kind, so that what is asked for is told apart without it."""
    kinds: dict[str, list[Sequence[Found | Setting]]] = {"dataset": [reading.datasets], "model": [reading.models]}
    kinds |= {"task": [reading.tasks], "run": [reading.runs]}
    names = dict.fromkeys(setting.name for setting in reading.settings)
    kinds["setting"] = [[each for each in reading.settings if each.name == name] for name in names]
    text, taken = reading.text, []
    for kind, one, other in (
        (kind, *pair) for kind, lists in kinds.items() for found in lists for pair in pairwise(_in_order(found))
    ):
        correction = words.corrections.search(text, one.end, other.start)
        if correction:
            taken.append((one.start, one.end))
            between = text[one.end : correction.end()]
            kept = "".join(letter if letter in ALL_MARKS else MARKS[kind] for letter in between)
            text = text[: one.end] + kept + text[correction.end() :]
    return replace(reading.without(taken), text=text)


def _in_order(found: Sequence[Found | Setting]) -> list[Found | Setting]:
    return sorted(found, key=lambda each: each.start)


def spans(found: Iterable[Found | Setting | Number | Rejected]) -> list[tuple[int, int]]:
    return [(each.start, each.end) for each in found]


def _with_run_of(
    setting: str, settings: list[Setting], *, models: list[Found], runs: list[Found]
) -> tuple[list[Setting], list[Found], list[Found]]:
    """ "with the backbone of r7", "of the last CutPaste run": the run, or the model, belongs to the setting and names nothing else."""
    asked = next((each for each in settings if each.name == setting), None)
    if asked is None:
        return settings, models, runs
    settings = [each for each in settings if each.name != setting]
    named = [run for run in runs if asked.start <= run.start < asked.end]
    others = [model for model in models if asked.start <= model.start < asked.end]
    if named:
        found = replace(asked, value=named[0].value)
    elif asked.value == LATEST and all(model.value in adapting_models() for model in others):
        found = asked
    else:  # the backbone that PatchCore shall have, not one that it adapted
        return settings, models, runs
    models = [model for model in models if model not in others]
    return [*settings, found], models, [run for run in runs if run not in named]


def _with_unknown_model(reading: Reading, *, cues: list[Found], words: Vocabulary) -> Reading:
    """Where a data set is named but no model: the word that stands where a model's name would, so that it can be refused."""
    if reading.models or reading.tasks or not reading.datasets or reading.families:
        return reading
    named = unknown_model(reading.original, reading.text, cues=cues, words=words)
    return reading if named is None else replace(reading, models=[named])


def _with_unregistered(reading: Reading, *, cues: list[Found], datasets: list[str], words: Vocabulary) -> Reading:
    """If no registered data set is named: the word that stands where its name would."""
    named = None if reading.datasets else unregistered(reading.original, reading.text, cues=cues, words=words)
    if named is None:
        return reading
    registered = slip_of(named.value, datasets=datasets)
    found = Found(named.start, named.end, registered or named.value)
    return replace(reading, datasets=[found])


def _mask(text: str, spans: Iterable[Found | Setting | Number], kind: str) -> str:
    masked = list(text)
    for span in spans:
        masked[span.start : span.end] = MARKS[kind] * (span.end - span.start)
    return "".join(masked)


def _is_longer_name(backbones: list[Found], model: Found) -> bool:
    """Whether the model's name is but a part of a network's, as in resnet18."""
    return any(each.start <= model.start and each.end > model.end for each in backbones)


def _within(item: Found | Setting | Number, spans: list[tuple[int, int]]) -> bool:
    return any(start <= item.start < end for start, end in spans)


def _overlaps(item: Number | Found, others: Sequence[Found | Setting]) -> bool:
    return any(item.start < other.end and other.start < item.end for other in others)


def _path(match: re.Match[str]) -> Found:
    path = AFTER_PATH.split(match[0])[0]
    return Found(match.start(), match.start() + len(path), path)


def _numbered_runs(text: str, *, words: Vocabulary) -> list[Found]:
    """Numbers that are plainly a run's ("run 12", "12번 런", "#12"), not the first of "run 12 epochs"."""
    found = []
    for match in words.run_numbers.finditer(text):
        after = len(text) - len(text[match.end() :].lstrip())
        name = words.setting_names.match(text, after)
        counts = name and name.value != "image_size" and fields()[name.value].kind != "number"
        if not counts and not words.units.match(text, after):
            group = next(number for number, digits in enumerate(match.groups(), 1) if digits)
            found.append(Found(match.start(), match.end(group), f"r{int(match[group])}"))
    return found
