"""From a sentence in English, Korean or Chinese to the tool call it asks for, by rules: no network, no key, no learned model.

One pipeline: bring the text to one spelling; recognise names, ids and settings with their values and mask them, so that nothing is read
twice; find the phrases of phrases/*.toml in the rest; drop what is said not to be done; decide the tool (intents.py); build its
arguments from what was said (arguments.py), and from nothing else. What the built-in assistant answers is not decided here.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from assistant.offline.arguments import arguments_said, first, galleries, given
from assistant.offline.intents import decide
from assistant.offline.language import detect_language, lower, normalise
from assistant.offline.names import find_datasets, nearest
from assistant.offline.numbers import Number, find_numbers
from assistant.offline.phrases import MARKS, Found, Vocabulary, vocabulary
from assistant.offline.reading import Reading
from assistant.offline.settings import Setting, fields, find_settings
from assistant.offline.spelling import correct
from assistant.offline.unregistered import unknown_model, unregistered
from assistant.tools import traits
from engine.contract.joining import adapting_models, joining_model
from prompts.languages import Language

SENTENCE_END = re.compile(r"[!?;\n。]+|\.(?!\d)")
RUN_ID = re.compile(r"(?<![a-z0-9_])r\s?-?(\d{1,9})(?![a-z0-9_])")
PATH = re.compile(r"(?<!\S)(?:~|\.{1,2}|[A-Za-z]:)?[/\\]\S+")
PROPOSAL_ID = re.compile(r"(?<![a-z0-9_])p-?(\d{1,9})(?![a-z0-9_])")

LATEST = "latest"  # in place of a run's id, as assistant/kinds/detect/earlier_runs.py understands it
ENSEMBLE = joining_model()
FEWEST, MOST = 2, 4  # members
COUNTED = {"two": 2, "three": 3, "four": 4}  # by a word that is one with what it counts, such as 두 학습


@dataclass(frozen=True)
class Call:
    """A tool and the arguments that were given for it. `left_out`: models that were named, too, where a tool takes one."""

    tool: str
    arguments: dict[str, Any] = field(default_factory=dict)
    left_out: tuple[str, ...] = field(default=(), compare=False)


def understand(text: str, *, datasets: list[str], language: Language | None = None) -> Call | None:
    """The tool call that a text asks for, or None if it asks for none.

    Args:
        datasets: names of the registered data sets.
        language: where a word has two meanings, the one in this language holds; by default the language of the text.
    """
    original = normalise(text)
    words = vocabulary(language or detect_language(text))
    reading = _read(original, datasets=datasets, language=language or detect_language(text), words=words)
    reading = reading.without(_forbidden(reading, words=words))
    for part in [*_sentences(reading), reading]:
        tool = decide(_facts(part))
        if tool:
            arguments = _plan(reading) if traits(tool).plans else arguments_said(tool, reading)
            return Call(tool, arguments, _left_out(tool, arguments, reading))
    return None


def named_dataset(text: str, *, datasets: list[str], language: Language | None = None) -> str | None:
    """The registered data set that a text names, whatever it asks for."""
    words = vocabulary(language or detect_language(text))
    return first(find_datasets(lower(normalise(text)), datasets=datasets, words=words))


def _read(original: str, *, datasets: list[str], language: Language, words: Vocabulary) -> Reading:
    """Recognise everything, each thing in what the things before have left."""
    original = correct(original, words=words, keep=frozenset(re.findall("[a-z]+", " ".join(datasets).lower())))
    typed = lower(original)
    text = typed.translate(words.traditional)
    known = find_datasets(typed, datasets=datasets, words=words) or find_datasets(text, datasets=datasets, words=words)
    text = _mask(text, known, "dataset")
    models = words.models.find(text)
    text = _mask(text, models, "model")
    runs = _ids(RUN_ID, text, prefix="r") + _numbered_runs(text, words=words)
    text = _mask(text, runs, "run")
    proposals = _ids(PROPOSAL_ID, text, prefix="p")
    text = _mask(text, proposals, "proposal")
    tasks = words.tasks.find(text)
    text = _mask(text, tasks, "task")
    backbones = words.backbones.find(text)
    for kind in dict.fromkeys(task.value for task in tasks):
        own = [model for model in words.models_of[kind].find(text) if not _is_longer_name(backbones, model)]
        models, text = [*models, *own], _mask(text, own, "model")
    backbones = words.backbones.find(text)
    named = [Setting(found.start, found.end, "backbone", found.value) for found in backbones]
    text = _mask(text, named, "setting")
    names = words.setting_names.find(text)
    numbers = find_numbers(text, language=language, names=names)
    with_numbers = _mask(text, [number for number in numbers if not number.in_words], "number")
    defects = words.defects.find(text)
    numbers = [number for number in numbers if not (number.in_words and _overlaps(number, defects))]  # 오일 is no 51
    with_numbers = _mask(_mask(with_numbers, defects, "defect"), words.setting_values.find(text), "setting")
    replaced = [match.span(match.lastindex or 0) for match in words.replaced.finditer(with_numbers)]
    numbers = [number for number in numbers if not _within(number, replaced)]
    settings = named + find_settings(text, numbers=numbers, names=names, language=language)
    settings, models, runs = _with_backbone_run(settings, models=models, runs=runs)
    text = _mask(text, settings, "setting")
    reading = Reading(
        original=original,
        text=text,
        datasets=known,
        models=models,
        tasks=tasks,
        settings=settings,
        numbers=[number for number in numbers if text[number.start] not in MARKS.values()],
        runs=runs,
        proposals=proposals,
        families=words.families.find(text),
        defects=defects,
        states=[],
        cues=[],
    )
    found = words.cues.find(text)
    states = [replace(cue, value=cue.value.removeprefix("state=")) for cue in found if cue.value.startswith("state=")]
    reading = replace(reading, states=states, cues=[cue for cue in found if not cue.value.startswith("state=")])
    reading = _with_unknown_model(reading, cues=[*found, *defects], words=words)
    return _with_unregistered(reading, cues=[*found, *defects], datasets=datasets, words=words).without(replaced)


def _with_backbone_run(
    settings: list[Setting], *, models: list[Found], runs: list[Found]
) -> tuple[list[Setting], list[Found], list[Found]]:
    """ "with the backbone of r7", "of the last CutPaste run": the run, or the model, belongs to the setting and names nothing else."""
    asked = next((each for each in settings if each.name == "backbone_run"), None)
    if asked is None:
        return settings, models, runs
    settings = [each for each in settings if each.name != "backbone_run"]
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
    if named is None:
        return reading
    kept = [cue for cue in reading.cues if not named.start <= cue.start < named.end]
    return replace(reading, models=[named], cues=kept)


def _with_unregistered(reading: Reading, *, cues: list[Found], datasets: list[str], words: Vocabulary) -> Reading:
    """If no registered data set is named: the word that stands where its name would."""
    named = None if reading.datasets else unregistered(reading.original, reading.text, cues=cues, words=words)
    if named is None:
        return reading
    registered = nearest(named.value, datasets=datasets, words=words)
    found = Found(named.start, named.end, registered or named.value)
    kept = [cue for cue in reading.cues if not named.start <= cue.start < named.end]
    return replace(reading, datasets=[found], cues=kept)


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


def _overlaps(item: Number, others: list[Found]) -> bool:
    return any(item.start < other.end and other.start < item.end for other in others)


def _ids(pattern: re.Pattern[str], text: str, *, prefix: str) -> list[Found]:
    return [Found(match.start(), match.end(), f"{prefix}{int(match[1])}") for match in pattern.finditer(text)]


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


def _forbidden(reading: Reading, *, words: Vocabulary) -> list[tuple[int, int]]:
    """The clauses that say what is not to be done ("don't start yet", "시작하지 마", "先别开始")."""
    edges = [0, *(match.end() for match in words.clauses.finditer(reading.text)), len(reading.text)]
    edges = sorted({*edges, *(match.end() for match in SENTENCE_END.finditer(reading.text))})
    forbids = [cue.start for cue in reading.cues if "forbid" in (cue.value, *cue.also)]
    return [(start, end) for start, end in pairwise(edges) if any(start <= at < end for at in forbids)]


def _sentences(reading: Reading) -> list[Reading]:
    edges = [0, *(match.end() for match in SENTENCE_END.finditer(reading.text)), len(reading.text)]
    return [reading.between(start, end) for start, end in pairwise(edges) if end > start]


def _facts(reading: Reading) -> frozenset[str]:
    """What the rules look at: the cues, and which kinds of names there are."""
    facts = reading.said
    numbers_count = not facts.isdisjoint({"train", "training", "change", "limit"})
    shown = facts.intersection(galleries()[:-1])
    present = {
        "@dataset": reading.datasets,
        "@model": [*reading.models, *reading.tasks],
        "@task": reading.tasks,
        "@setting": [setting for setting in reading.settings if numbers_count or not setting.weak],
        "@run": reading.runs,
        "@proposal": reading.proposals,
        "@family": reading.families,
        "@defect": reading.defects,
        "@state": reading.states,
        "@gallery": shown,
        "@count": [number for number in reading.numbers if number.unit == "images" or not number.in_words],
        "@question": "?" in reading.text,
        "@path": PATH.search(reading.original),
        "@ensemble": [model for model in reading.models if model.value == ENSEMBLE],
        "@only_how": [] if facts - {"ignore", "how", "on"} or _unread(reading) > 1 else [reading],
        "@only_which": [] if facts - {*galleries(), "ignore", "images", "polite"} or _unread(reading) > 1 else [*shown],
        "@only": [] if facts - {"ignore", "on", "dataset", "model", "polite"} else [reading],
    }
    return facts | {kind for kind, there in present.items() if there}


def _unread(reading: Reading) -> int:
    """How many Hangul or Han letters belong to nothing that was recognised."""
    letters = {at for at, letter in enumerate(reading.text, reading.start) if letter.isalnum() and not letter.isascii()}
    return len(letters.difference(*(range(cue.start, cue.end) for cue in reading.cues)))


def _plan(reading: Reading) -> dict[str, Any]:
    """What is to be trained, and with which settings."""
    model = first(reading.models)
    if any(each.value == ENSEMBLE for each in reading.models) or ("combine" in reading.said and model is None):
        return _ensemble(reading)
    settings = {setting.name: setting.value for setting in reading.settings}
    return given(task=first(reading.tasks), dataset=first(reading.datasets), model=model, **settings)


def _left_out(tool: str, arguments: dict[str, Any], reading: Reading) -> tuple[str, ...]:
    """The models beside the one that is planned, in the order they were named."""
    if not traits(tool).plans or arguments.get("model") in (None, ENSEMBLE):
        return ()
    return tuple(dict.fromkeys(each.value for each in reading.models if each.value != arguments["model"]))


def _ensemble(reading: Reading) -> dict[str, Any]:
    """Finished runs put together: those that are named, or the latest ones, as many as are asked for."""
    weak = [setting for setting in reading.settings if setting.weak and setting.name == "epochs"]
    named = [(run.start, run.value) for run in reading.runs]
    named += [(each.start, f"r{each.value}") for each in weak if _is_ordinal(reading, each)]
    members = [run for _, run in sorted(named)]
    plain = [int(number.value) for number in reading.numbers if number.value.is_integer() and number.value >= 1]
    if len(members) == 1:  # "runs 3 and 5"
        members += [f"r{number}" for number in plain]
    plain += [COUNTED[cue] for cue in COUNTED if any(cue in (each.value, *each.also) for each in reading.cues)]
    counts = [number for number in [*plain, *(each.value for each in weak)] if FEWEST <= number <= MOST]
    settings = {setting.name: setting.value for setting in reading.settings if not setting.weak}
    return given(
        dataset=first(reading.datasets),
        model=ENSEMBLE,
        members=list(dict.fromkeys(members)) or None,
        last_runs=counts[0] if counts and not members else None,
        **settings,
    )


def _is_ordinal(reading: Reading, setting: Setting) -> bool:
    """第3次 and 3번, not 两次 or 두 번."""
    written = reading.original[setting.start : setting.end]
    before = reading.original[: setting.start].rstrip()
    return before.endswith("第") or written.startswith("第") or bool(re.match(r"\d+\s?번", written))
