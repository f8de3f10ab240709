"""Settings with their values: "epochs 50", "50 epochs", "에폭을 50으로", "图像大小改成512", "cosine schedule", "layers 2 and 3".

Names and numbers stand in turn in a text, and each number belongs to the name before it or after it. Which one is settled for the
whole text at once: the assignment with the strongest links wins ("batch 16 epochs 50" against "16 batch 50 epochs").
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Le, MultipleOf

from assistant.kinds import DEFAULT_KIND, kind_of
from assistant.offline.numbers import Number
from assistant.offline.phrases import ALL_MARKS, Found, Vocabulary, vocabulary
from engine.contract.jobs import KINDS
from prompts.languages import Language

# Units that may stand beside a name; a number with a unit and no name sets the unit's own setting.
UNITS_OF = {"image_size": "pixels", "blur_sigma": "pixels", "patch_size": "pixels", "time_limit_min": "minutes hours"}
UNITS_OF |= {"batch_size": "images", "epochs": "ordinal", "seed": "ordinal"}

# What is wished for without a setting's name: by which factor a setting changes, the first one that still can.
WISHES = {
    "memory": {"batch_size": 0.5, "image_size": 0.5},
    "speed": {"epochs": 0.5, "image_size": 0.5},
    "finer": {"image_size": 2.0},
    "coarser": {"image_size": 0.5},
}
REACH = 24  # characters between a factor and its setting
SETTING_OF = {"pixels": "image_size", "minutes": "time_limit_min", "hours": "time_limit_min", "ordinal": "epochs"}


@dataclass(frozen=True)
class Setting:
    """text[start:end] sets `name` to `value`. `named` if its name or its value is said beside it; `weak` if only the unit of a bare number
    says which setting is meant."""

    start: int
    end: int
    name: str
    value: Any
    weak: bool = False
    named: bool = False


@dataclass(frozen=True)
class Field:
    """What a setting takes: a kind, its choices if it has some, its bounds, and what it is where nobody says it."""

    kind: Literal["integer", "number", "choice", "boolean", "integers", "texts", "text"]
    choices: tuple[str, ...] = ()
    maximum: float | None = None
    minimum: float | None = None
    step: int | None = None
    default: Any = None

    def or_else(self, other: "Field | None") -> "Field":
        """This one, with the choices of the other: two models may give the same setting different ones."""
        more = tuple(choice for choice in other.choices if choice not in self.choices) if other else ()
        return replace(self, choices=self.choices + more)


@lru_cache
def fields() -> dict[str, Field]:
    """Every setting of the jobs and of their models."""
    found: dict[str, Field] = {}
    parts = [
        part
        for job in KINDS.values()
        for part in (*(each.model_fields for each in job.models().values()), job.settings())
    ]
    for name, info in (item for part in parts for item in part.items() if item[0] != "name"):
        bounds = {type(rule): rule for rule in info.metadata}
        field = _field(info.annotation, _bound(bounds.get(Le), "le"))
        least, step = _bound(bounds.get(Ge), "ge"), bounds.get(MultipleOf)
        field = replace(field, minimum=least, step=int(step.multiple_of) if step else None, default=info.default)
        found[name] = field.or_else(found.get(name))
    return found


def _bound(rule: Any, name: str) -> float | None:
    return float(getattr(rule, name)) if rule is not None else None


def _field(annotation: Any, maximum: float | None) -> Field:
    options = [option for option in get_args(annotation) if option is not type(None)]
    if get_origin(annotation) is Literal and isinstance(get_args(annotation)[0], str):
        return Field("choice", choices=get_args(annotation))
    if get_origin(annotation) is Literal:
        return Field("integer", (), float(max(get_args(annotation))))
    if get_origin(annotation) is list:
        element = get_args(annotation)[0]
        return Field("integers" if int in (element, *get_args(element)) else "texts")
    kinds: dict[Any, Field] = {
        bool: Field("boolean"),
        int: Field("integer", (), maximum),
        float: Field("number", (), maximum),
    }
    plain = options[0] if options and annotation not in kinds else annotation
    return kinds.get(plain, Field("text"))


def find_settings(
    text: str, *, numbers: list[Number], names: list[Found], language: Language, now: Mapping[str, Any] | None = None
) -> list[Setting]:
    """All settings given in masked lower-case text, in its order. `now`: what those settings are that are said to change by a factor."""
    words = vocabulary(language)
    phrases = words.setting_values.find(text)
    names = [name for name in names if not _overlaps(name, [each for each in phrases if each.value == "other"])]
    plain = [number for number in numbers if not number.unit]
    names = [name for name in names if not _overlaps(name, plain)]  # the k of 1k
    found = _layers(text, names=names, words=words)
    found += [setting for name in names if (setting := _in_text(text, name, words=words))]
    found += [Setting(each.start, each.end, *_choice(each.value)) for each in phrases if each.value != "other"]
    # of counts before names take them: in "漏检一个顶误报五十个" the fifty is no rate of false alarms
    told = [each for each in _told(text, numbers=numbers, words=words) if not _is_share(each.name)]
    found = _without_overlaps([*found, *told])
    free = [name for name in names if fields()[name.value].kind in ("integer", "number") and not _overlaps(name, found)]
    times = [number for number in numbers if _times(text, number, words=words)]
    own = [number for number in numbers if number not in times and not _overlaps(number, found)]
    items: list[Found | Number] = [*free, *own]
    items.sort(key=lambda item: item.start)
    found += _assign(text, items, words=words)
    told += _told(text, numbers=[number for number in numbers if not _overlaps(number, found)], words=words)
    found += [each for each in told if all(each.name != other.name for other in found)]
    found += [] if told else _changed(text, numbers=numbers, names=names, found=found, words=words, now=now or {})
    found += _bare_augmentation(names, found)
    return sorted(found, key=lambda setting: setting.start)


def _told(text: str, *, numbers: list[Number], words: Vocabulary) -> list[Setting]:
    """Settings said in the words of the trade: "one missed defect costs as much as 50 good parts", "keep only 1 % of the patches"."""
    found: list[Setting] = []
    for name, classes in words.told if numbers else ():
        said = [match for each in classes if (match := each.search(text))]
        named = name.removeprefix("1-")
        fitting = [number for number in numbers if _can_be(number, named)]
        if fitting and len(said) == len(classes) and all(each.name != named for each in found):
            number = min(fitting, key=lambda number: min(_apart(number, each) for each in said))
            value = typed(number, named)
            value = round(1 - value, 12) if name != named else value
            found.append(Setting(number.start, number.end, named, value))
    return _without_overlaps(found)


def _can_be(number: Number, name: str) -> bool:
    """Whether a number without the setting's name beside it can be its value: a share, or a count."""
    if _is_share(name):
        return number.unit == "percent" or number.value < 1
    return number.unit in ("", "images") and number.value != 1  # "one missed defect"


def _is_share(name: str) -> bool:
    maximum = fields()[name].maximum
    return maximum is not None and maximum <= 1


def _apart(number: Number, match: re.Match[str]) -> int:
    """How many characters stand between the two."""
    return max(match.start() - number.end, number.start - match.end(), 0)


def _changed(
    text: str,
    *,
    numbers: list[Number],
    names: list[Found],
    found: list[Setting],
    words: Vocabulary,
    now: Mapping[str, Any],
) -> list[Setting]:
    """Settings that shall be a multiple of what they are: "half the image size", 에폭 두 배."""
    factors = [(each, float(each.value)) for each in words.factors.find(text)]
    for number in numbers:
        times = _times(text, number, words=words)
        if times and number.value > 0 and not _overlaps(number, found):
            less = next((each for each, by in factors if by < 1 and 0 <= each.start - times.end <= 1), None)
            factors.append((replace(less or times, start=number.start), 1 / number.value if less else number.value))
            factors = [each for each in factors if each[0] is not less]
    changed: list[Setting] = []
    images = words.cues.find(text) if factors else []
    images = [cue for cue in images if "images" in (cue.value, *cue.also)]  # "more images" is no size
    free = [
        name
        for name in names
        if fields()[name.value].kind in ("integer", "number")
        and not _overlaps(name, found)
        and all((name.start, name.end) != (cue.start, cue.end) for cue in images)
    ]
    for factor, by in factors:
        near = [(_gap(text, factor, name), name) for name in free if all(each.name != name.value for each in found)]
        distance, name = min(near, key=lambda each: each[0], default=(REACH, None))
        if name is not None and distance < REACH and (value := times_now(name.value, by, now)) is not None:
            start, end = min(factor.start, name.start), max(factor.end, name.end)
            changed.append(Setting(start, end, name.value, value))
    changed = _without_overlaps(changed)
    return changed


@lru_cache
def _models() -> Mapping[str, Any]:
    return {name: model for job in KINDS.values() for name, model in job.models().items()}


def _times(text: str, number: Number, *, words: Vocabulary) -> Found | None:
    """The word that makes a factor of a number: 3 times, 3배, 3倍."""
    return words.fold.match(text, len(text) - len(text[number.end :].lstrip()))


def _gap(text: str, one: Found, other: Found) -> int:
    """How many characters stand between two; too many where a clause ends."""
    between = text[min(one.end, other.end) : max(one.start, other.start)]
    return REACH if re.search(r"[,.;!?\n。、]", between) else len(between)


def times_now(name: str, by: float, now: Mapping[str, Any]) -> int | float | None:
    """What a setting becomes that shall be `by` times what it is, in its own steps and bounds; None where that is what it is."""
    field, model = fields()[name], _models().get(now.get("model") or kind_of(DEFAULT_KIND).default_model)
    of_models = any(name in each.model_fields for each in _models().values())
    if of_models and (model is None or name not in model.model_fields):
        return None  # a setting of other models
    default = model.model_fields[name].default if of_models and model else field.default
    was = next(
        (each for each in (now.get(name), getattr(model, f"default_{name}", None), default) if each is not None), None
    )
    if isinstance(was, bool) or not isinstance(was, int | float):
        return None
    value = was * by
    if field.kind == "integer":
        step = field.step or 1
        value = max(round(value / step), 1) * step
    value = min(max(value, field.minimum or 0), field.maximum or value)
    return None if value == was else (int(value) if field.kind == "integer" else round(value, 12))


def negated(setting: Setting) -> Setting | None:
    """What is meant where this setting is not wanted: the other of two choices, else none of it; None where that cannot be told."""
    field = fields()[setting.name]
    others = [choice for choice in field.choices if choice not in ("auto", setting.value)]
    if field.kind == "choice" and (len(others) == 1 or ("none" in others and setting.weak)):
        return replace(setting, value="none" if len(others) > 1 else others[0], weak=False)
    if field.kind == "boolean":
        return replace(setting, value=not setting.value)
    return None


def without(name: Found) -> Setting | None:
    """ "no blur", "without early stopping": a setting whose name alone is negated, where it can be none."""
    field = fields()[name.value]
    nothing: dict[str, Any] = {"integer": 0, "number": 0.0} if field.minimum == 0 else {}
    nothing |= {"choice": "none"} if "none" in field.choices else {"boolean": False}
    value = nothing.get(field.kind)
    return None if value is None else Setting(name.start, name.end, name.value, value)


def corrected(setting: Setting, number: Number) -> Setting | None:
    """The setting with this number instead of its own, if it can be."""
    field = fields()[setting.name]
    if field.kind not in ("integer", "number") or not _fits(number, setting.name):
        return None
    value = typed(number, setting.name)
    return (
        replace(setting, end=number.end, value=value, weak=False, named=True) if can_be(setting.name, value) else None
    )


def can_be(name: str, value: float) -> bool:
    """Whether a setting can have this value, by its bounds and steps."""
    field = fields()[name]
    is_within = (field.minimum or 0) <= value <= (value if field.maximum is None else field.maximum)
    return is_within and (field.kind != "integer" or value % (field.step or 1) == 0)


def _bare_augmentation(names: list[Found], found: list[Setting]) -> list[Setting]:
    """ "with augmentation" and no word on how much of it: the light one. Weak, for only beside a training it is a wish."""
    if any(each.name == "augmentation" for each in found):
        return []
    free = [name for name in names if name.value == "augmentation" and not _overlaps(name, found)]
    return [Setting(name.start, name.end, "augmentation", "light", weak=True) for name in free[:1]]


def _layers(text: str, *, names: list[Found], words: Vocabulary) -> list[Setting]:
    """layers 2 and 3, layer2+layer3, layers 1-3, 2,3 레이어, 第2层和第3层."""
    found = []
    for name in names:
        if name.value != "layers":
            continue
        joint = r"\s*(?:,|&|\+|/|and|와|과|랑|하고|和|、|跟|\s|번)\s*(?:layers?|레이어|第|层)?\s*"
        pattern = rf"(?:\s|=|:|\[|\(|를|을|은|는|만|to|改成|改为|设为|用|为|第|only|use)*(\d(?:(?:{joint})\d|\s?[-~]\s?\d|\s?to\s?\d){{0,4}})\]?"
        after = re.compile(pattern + r"(?!\d|\.\d)").match(text, name.end)
        before = re.search(
            rf"(?<![\d.])(\d(?:(?:{joint}|层\s*{joint})\d){{1,4}})\s?(?:번|번째)?\s?$",
            text[max(0, name.start - 30) : name.start],
        )
        if after:
            listed, end = _listed(after[1]), after.end()
            following = words.setting_names.match(text, end + 1) if end + 1 < len(text) and text[end] == " " else None
            has_a_value = following and re.match(r"\s*[=:]", text[following.end :])
            if (
                following and following.value != "layers" and len(listed) > 1 and not has_a_value
            ):  # "layers 2 and 3, 5 neighbours"
                listed, end = listed[:-1], text.rindex(after[1][-1], 0, end)
            found.append(Setting(name.start, end, "layers", listed))
        elif before:
            start = max(0, name.start - 30) + before.start()
            found.append(Setting(start, name.end, "layers", _listed(before[1])))
    return _without_overlaps([each for each in found if each.value])


def _listed(text: str) -> list[int]:
    """From "2 and 3" to [2, 3], from "1-3" to [1, 2, 3]."""
    digits = [int(digit) for digit in re.findall(r"\d", text)]
    if len(digits) == 2 and digits[0] < digits[1] and re.fullmatch(r"\d\s?(?:[-~]|to)\s?\d", text):
        return list(range(digits[0], digits[1] + 1))
    return digits


def _in_text(text: str, name: Found, *, words: Vocabulary) -> Setting | None:
    """A setting whose value is a word: "schedule cosine", "conv3x3_only true", "backbone convnext_tiny"."""
    field = fields()[name.value]
    gap = words.connectors.match(text, name.end)
    start = gap.end() if gap else name.end
    if field.kind == "choice":
        match = re.compile("|".join(field.choices) + r"(?![a-z])").match(text, start)
        return Setting(name.start, match.end(), name.value, match[0]) if match else None
    if field.kind == "boolean":
        match = re.compile("(true|on|yes)|(false|off|no)(?![a-z])").match(text, start)
        return Setting(name.start, match.end(), name.value, bool(match[1])) if match else None
    if field.kind == "text":
        match = re.compile(r"[a-z][a-z0-9.]*(?:_[a-z0-9.]+)+|[a-z]{2,}\d[a-z0-9]*").match(text, start)
        return Setting(name.start, match.end(), name.value, match[0]) if match else None
    return None


def _choice(value: str) -> tuple[str, Any]:
    name, _, choice = value.partition("=")
    return name, {"true": True, "false": False}.get(choice, choice)


def _assign(text: str, items: list[Found | Number], *, words: Vocabulary) -> list[Setting]:
    """The strongest pairing of neighbouring names and numbers, by dynamic programming over the items."""
    best: list[tuple[int, list[Setting]]] = [(0, [])]
    for i, item in enumerate(items):
        choices = [best[i]]
        alone = _by_unit(item) if isinstance(item, Number) else None
        if alone:
            choices.append((best[i][0] + 1, [*best[i][1], alone]))
        if i:
            strength, setting = _pair(text, items[i - 1], item, words=words)
            if setting:
                choices.append((best[i - 1][0] + strength, [*best[i - 1][1], setting]))
        best.append(max(choices, key=lambda choice: choice[0]))
    return best[-1][1]


def _pair(text: str, first: Found | Number, second: Found | Number, *, words: Vocabulary) -> tuple[int, Setting | None]:
    """How strongly two neighbours belong together, and the setting they make."""
    gap = text[first.end : second.start]
    if isinstance(first, Found) and isinstance(second, Number):
        name, number, strength = first, second, 0
        if words.connectors.fullmatch(gap):
            strength = 5 if gap.strip() else 4
        elif (
            len(gap) <= 24
            and (not second.in_words or len(text[second.start : second.end]) > 1)
            and not re.search(rf"[,.;!?\n。、{ALL_MARKS}]", gap)
        ):
            strength = 2
    elif isinstance(first, Number) and isinstance(second, Found):
        name, number = second, first
        strength = 4 if words.counters.fullmatch(gap) and not _is_count_of(number, name.value) else 0
    else:
        return 0, None
    if not strength or not _fits(number, name.value):
        return 0, None
    return strength, Setting(first.start, second.end, name.value, typed(number, name.value), named=strength >= 4)


def _by_unit(number: Number) -> Setting | None:
    name = SETTING_OF.get(number.unit)
    if name is None or (number.unit == "ordinal" and number.value <= 1):  # "train it once more"
        return None
    return Setting(number.start, number.end, name, typed(number, name), weak=number.unit != "pixels")


def _fits(number: Number, name: str) -> bool:
    if name == "image_size" and number.value < 32:
        return False
    if number.unit == "":
        return True
    if number.unit == "percent":
        return fields()[name].kind == "number" and name not in UNITS_OF
    # in Korean and Chinese the word that counts images counts all that models have some of, too: 이웃 5개
    counts = fields()[name].kind == "integer" and any(name in model.model_fields for model in _models().values())
    return number.unit in [*UNITS_OF.get(name, "").split(), *(["images"] if counts else [])]


def _is_count_of(number: Number, name: str) -> bool:
    """Whether images are counted: "10 false alarms", whereas "5 % false alarms" is a share."""
    field = fields()[name]
    return field.maximum is not None and field.maximum <= 1 < number.value and number.unit != "percent"


def typed(number: Number, name: str) -> int | float:
    """The value in the setting's own type and unit. A share above its bound was meant in percent: overkill 5 is 0.05."""
    field, value = fields()[name], number.value
    if number.unit == "hours":
        value *= 60
    if field.kind == "integer":
        return int(value) if value == int(value) else value
    if (
        number.unit != "percent"
        and field.maximum is not None
        and field.maximum <= 1 <= value <= 100
        and value > field.maximum
    ):
        value /= 100
    return round(float(value), 12)


def _without_overlaps(settings: list[Setting]) -> list[Setting]:
    kept: list[Setting] = []
    for setting in settings:
        if not _overlaps(setting, kept):
            kept.append(setting)
    return kept


def _overlaps(item: Found | Number | Setting, others: Sequence[Found | Number | Setting]) -> bool:
    return any(item.start < other.end and other.start < item.end for other in others)
