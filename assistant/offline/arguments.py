"""What a sentence says of what a tool takes.

Names are read as they were recognised (recognise.py); which choice is made, and which argument a number is of, is learned from the
examples (learned.py). A setting that stands beside its name is read by rules (settings.py), and what was learned adds what is said in
other words. An argument that nothing reads is an error, never left out in silence.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from assistant.offline.features import features
from assistant.offline.learned import Learned
from assistant.offline.numbers import Number
from assistant.offline.phrases import Found
from assistant.offline.reading import Reading
from assistant.offline.references import find_reference
from assistant.offline.settings import SETTING_OF, UNITS_OF, WISHES, Setting, can_be, fields, times_now, typed
from assistant.offline.talk import talk_names, talk_reads
from assistant.offline.values import (
    ENSEMBLE,
    IMAGE,
    LAYERS,
    OFF,
    POSITION,
    QUOTED,
    QUOTES,
    RUN,
    SETTING,
    VALUES,
    WISH,
    choices_of,
    layers_in,
    nothing_of,
    numbers_of,
    types_of,
    value_of,
)
from assistant.tools import planner, schema_of, traits

FEWEST, MOST = 2, 4  # members
TIME = UNITS_OF["time_limit_min"]
LIKELY = -0.2  # a score from which a choice is made
GUESSED = -0.2  # and from which a number is taken for an argument, if it can be its value
SURE = 0.5  # from which what was learned outweighs a rule


@dataclass(frozen=True)
class Said:
    """A request as it is read: what was recognised in it, which argument each number gives, and the choices it makes."""

    reading: Reading
    numbers: Sequence[tuple[Number, str, float]]
    choices: Mapping[str, tuple[str, float]]

    def numbers_of(self, argument: str) -> list[Number]:
        return [number for number, name, score in self.numbers if name == argument and score > GUESSED]

    def choice(self, argument: str, *, is_needed: bool = False) -> Any:
        value, score = self.choices.get(argument, ("", -1.0))
        if not value or (score < LIKELY and not is_needed):
            return None
        return {"true": True, "false": False}.get(value, value)

    def runs(self) -> list[str]:
        """Runs by their ids and by numbers alone ("how did eleven do"), in the order in which they are said."""
        found = [(each.start, each.end, each.value) for each in self.reading.runs]
        found += [(number.start, number.end, f"r{number.value:.0f}") for number in self.numbers_of(RUN)]
        for number, argument, _ in self.numbers:
            is_next = any(self.reading.is_joined(end, number.start) for _, end, _ in found)
            if argument in ("", "last_runs") and not number.unit and is_next:  # "runs 33 and 35"
                found.append((number.start, number.end, f"r{number.value:.0f}"))
        return list(dict.fromkeys(run for *_, run in sorted(found)))


NAMED: Mapping[str, Callable[[Said], Any]] = {
    "dataset": lambda said: first(said.reading.datasets),
    "registered": lambda said: first(
        said.reading.datasets
    ),  # models are called as the data they are of, or are known beside them
    "model": lambda said: first(said.reading.models),
    "run": lambda said: next(iter(said.runs()), None),
    "runs": lambda said: said.runs() or None,
    "proposal": lambda said: first(said.reading.proposals),
    "datasets": lambda said: _all(said.reading.datasets),
    "models": lambda said: _all(said.reading.models),
    SETTING: lambda said: _varied(said),
    VALUES: lambda said: _values(said),
    IMAGE: lambda said: _picture(said),
    POSITION: lambda said: _position(said),
    "defect_type": lambda said: first(said.reading.defects),
    "term": lambda said: first(said.reading.terms) or first(said.reading.models),
}
QUOTATION = re.compile(r"[\"“「『«]([^\"”」』»]+)[\"”」』»]|(?<!\w)['‘]([^'’]+)['’](?!\w)")
PICTURE = re.compile(r"[^\s\"'“”‘’「」]+\.(?:png|jpe?g|bmp|tiff?|webp)(?![a-z0-9])", re.IGNORECASE)
FOLDER = re.compile(
    r"(?<![A-Za-z0-9_./~-])(?:~/|/|[A-Za-z]:[\\/])[^\s\"'`,;?!，。？！]+"
)  # a path from the root of a disk
PARTICLE = re.compile(r"(?<=[A-Za-z0-9_])(?=[가-힣\u4e00-\u9fff])")  # /data/new를, /data/new里的
GROUP = re.compile(r"(?<![\w-])g[1-9]\d{0,8}(?![a-z0-9_-])", re.IGNORECASE)
LISTED = re.compile(r"\s*(?:,|、|;|\band\b|&|和|랑|하고|이랑|및)\s*")
NAMED_CHOICES = {"state": "states", "family": "families"}  # what names one of the choices, in a reading


def arguments_said(intent: str, reading: Reading, learned: Learned) -> dict[str, Any]:
    """The arguments that a reading gives to this tool, or to this talk intent."""
    numbers = [(number, *learned.argument_of(number, reading, intent=intent)) for number in reading.counted]
    said = Said(reading, numbers, learned.choices_made(intent, features(reading)))
    if intent in talk_names():
        return given(
            **{
                name: NAMED[name](said) if name in NAMED else said.choice(name, is_needed=True)
                for name in talk_reads(intent)
            }
        )
    if traits(intent).plans:
        return _plan(said)
    made = given(**{name: reader(said) for name, reader in readers(intent).items()})
    if "dataset" in made:  # one name is not both
        made.pop("registered", None)
    if traits(intent).groups and "run" not in made and (group := GROUP.search(reading.original)) is not None:
        made["run"] = group[0].lower()
    nothing = said.choice(OFF)
    return made if nothing is None or nothing in made else made | {nothing: nothing_of(nothing, intent)}


@cache
def readers(tool: str) -> dict[str, Callable[[Said], Any]]:
    """What reads each argument of a tool.

    Raises:
        LookupError: nothing reads one of them.
    """
    return {name: _reader(tool, name, schema) for name, schema in schema_of(tool).items()}


def _reader(tool: str, argument: str, schema: Mapping[str, Any]) -> Callable[[Said], Any]:
    if argument in NAMED:
        return NAMED[argument]
    if argument in QUOTES:
        return lambda said: _quoted(said, argument)
    if argument in choices_of(tool):
        is_needed = "anyOf" not in schema
        return lambda said: (
            said.choice(argument, is_needed=is_needed)
            or first(getattr(said.reading, NAMED_CHOICES.get(argument, ""), []))
        )
    if argument in numbers_of(tool):
        read = float if "number" in types_of(schema) else _count
        return lambda said: next(
            (each for number in said.numbers_of(argument) if (each := read(value_of(number, argument))) is not None),
            None,
        )
    raise LookupError(
        f"nothing reads {argument!r} of {tool}: it is no choice, no number, and none of {', '.join(NAMED)}"
    )


def _plan(said: Said) -> dict[str, Any]:
    """What is to be trained, and with which settings."""
    reading, settings = said.reading, _settings(said)
    model = first(reading.models)
    joins = said.choices.get("model", ("", -1.0))[1] > (LIKELY if len(said.runs()) > 1 else 0)
    if any(each.value == ENSEMBLE for each in reading.models) or (model is None and joins):
        return _ensemble(said, settings)
    return given(task=said.choice("task"), dataset=first(reading.datasets), model=model, **settings)


def _settings(said: Said) -> dict[str, Any]:
    """Those that stand beside their names, then what the numbers and the words between say."""
    ruled = list(said.reading.settings)
    told: dict[str, tuple[Any, float]] = {}
    for number, argument, score in said.numbers:
        beside = next((each for each in ruled if each.start < number.end and number.start < each.end), None)
        if beside is not None and beside.name != argument:
            is_by_name = beside.named and beside.name not in UNITS_OF
            if is_by_name or beside.name == LAYERS or (beside.named and score < (0 if argument else SURE)):
                continue
            ruled.remove(beside)
        before = told.get(argument)
        if argument == LAYERS:
            told[LAYERS] = sorted({*(before[0] if before else []), *layers_in(number)}), score
        elif argument in fields() and (before is None or score > min(0, before[1])):  # the later of two, if it is plain
            value = typed(number, argument)
            if score > (GUESSED if can_be(argument, value) else SURE):
                told[argument] = value, score
    ruled += [Setting(0, 0, name, value) for name, (value, _) in told.items()]
    settings = {each.name: each.value for each in ruled}
    certain = {each.name for each in ruled if each.named}
    for name, (_, score) in said.choices.items():
        if name in fields() and name not in certain and score > (SURE if name in settings else LIKELY):
            settings[name] = said.choice(name)
    nothing = said.choice(OFF)
    if nothing is not None and nothing not in settings:
        settings[nothing] = nothing_of(nothing, planner())
    return settings | _wished(said, settings)


def _varied(said: Said) -> str | None:
    """The setting that a search is over: the one that is named, else the one that the words mean. A time alone is how long it may take."""
    told = [each.name for each in said.reading.settings if each.named or UNITS_OF.get(each.name) != TIME]
    beside = [each.value for each in said.reading.names] + told
    return beside[0] if beside else said.choice(SETTING)


def _values(said: Said) -> list[Any] | None:
    """Those that a search is to try, in the order in which they are said."""
    setting = _varied(said)
    if setting is None or setting not in fields():
        return None
    stated = [each.value for each in said.reading.settings if each.name == setting and isinstance(each.value, str)]
    units = UNITS_OF.get(setting, "").split()
    told = [each for each in said.numbers_of(VALUES) if each.unit in units or each.unit not in SETTING_OF]
    numbers = [value_of(number, setting) for number in told]
    values = stated if fields()[setting].kind in ("text", "choice") else numbers
    return list(dict.fromkeys(values)) or None


def _picture(said: Said) -> str | None:
    """The name of its file, or its number."""
    if match := PICTURE.search(said.reading.original):
        return match[0]
    return next((f"{number.value:g}" for number in said.numbers_of(IMAGE)), None)


def _position(said: Said) -> int | None:
    """A number, or a word: the second."""
    counted = next((each for number in said.numbers_of(POSITION) if (each := _count(number.value)) is not None), None)
    found = find_reference(said.reading.text, said.reading.language) if counted is None else None
    return found.reference.number if found and found.reference.how == "nth" and found.reference.number > 0 else counted


def _quoted(said: Said, argument: str) -> Any:
    """The words in quotation marks, where they are this argument's."""
    texts = [(match[1] or match[2]).strip() for match in QUOTATION.finditer(said.reading.original)]
    meant = said.choice(QUOTED, is_needed=True)
    if not texts or meant != argument:
        return None
    return [each for text in texts for each in LISTED.split(text) if each] if argument == "tags" else texts[0]


def _wished(said: Said, settings: Mapping[str, Any]) -> dict[str, Any]:
    """ "use less memory", "faster": the first setting that does it and still can."""
    wish = said.choice(WISH)
    if wish is None or settings:
        return {}
    values = ((name, times_now(name, by, said.reading.plan)) for name, by in WISHES[wish].items())
    return next(({name: value} for name, value in values if value is not None), {})


def _ensemble(said: Said, settings: dict[str, Any]) -> dict[str, Any]:
    """Finished runs put together: those that are named, or the latest ones, as many as are asked for."""
    members = said.runs()
    counts = [int(number.value) for number in said.numbers_of("last_runs") if FEWEST <= number.value <= MOST]
    return given(
        dataset=first(said.reading.datasets),
        model=ENSEMBLE,
        members=members or None,
        last_runs=counts[0] if counts and not members else None,
        **settings,
    )


def _count(value: float) -> int | None:
    return int(value) if value == int(value) and value >= 1 else None


def given(**arguments: Any) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if value is not None}


def _all(found: list[Found]) -> list[str] | None:
    return list(dict.fromkeys(each.value for each in found)) or None


def first(found: list[Found]) -> str | None:
    return found[0].value if found else None
