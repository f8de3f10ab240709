"""Words what is so: a template for each sort of sentence, in `telling/<language>.toml`, those of one kind of run in `telling/<kind>/`.

A template is Jinja over the values of one claim. No template holds a figure: each stands in the values, rounded by prompts/figures.py, so
that a sentence says no number that is not a fact, and the three languages say the same ones. What a template may call:

    {{ value }}                     a figure as it is rounded, a name as it stands (prompts/as_they_stand.py)
    {{ value | one("was", "were") }}  the first where the figure is one
    {{ value | within }}            an interval in brackets; nothing where there is none
    {{ text | josa("이/가") }}       the text with the particle that its end asks for
    {{ names | listed }}            names with commas between
    {{ phrase(name) }}              another wording of the same file that needs no value
    {{ metric_name(name) }}, setting_name(name), choice_name(name, value), stage_name(name), text(key, ...), notice(code, ...), because(code, ...)  words of the page
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined, Template, meta

from prompts.as_they_stand import as_it_stands
from prompts.figures import Figure, Within
from prompts.languages import Language
from prompts.page_texts import filled, flat, page_texts
from prompts.reasons import reason_in

FOLDER = Path(__file__).resolve().parent / "telling"
COMMA = {"en": ", ", "ko": ", ", "zh": "、"}
BETWEEN = {"en": " ", "ko": " ", "zh": ""}  # two sentences
STOP = {"en": ".", "ko": ".", "zh": "。"}
COLON = {"en": ": ", "ko": ": ", "zh": "："}


@dataclass(frozen=True)
class Wording:
    """The template of one sort of sentence. `names` are the values that it looks at."""

    template: Template
    names: frozenset[str]

    def __call__(self, values: Mapping[str, Any]) -> str:
        """The sentence. Raises jinja2.UndefinedError where a value is missing."""
        return " ".join(self.template.render(**as_it_stands(dict(values))).split())


def wording_of(what: str, language: Language) -> Wording:
    """The wording of a sort of sentence; one of a kind of run that has none of its own is worded as for all kinds."""
    known = wordings(language)
    return known[what if what in known else what.rpartition(".")[2]]


@cache
def wordings(language: Language) -> Mapping[str, Wording]:
    """Every sort of sentence by its name, those of a kind of run as `<kind>.<name>`."""
    found: dict[str, Wording] = {}
    for prefix, path in _files(language):
        environment = _environment(language, prefix)
        for name, text in flat(tomllib.loads(path.read_text(encoding="utf-8"))).items():
            assert isinstance(text, str) and f"{prefix}{name}" not in found
            names = meta.find_undeclared_variables(environment.parse(text)) - environment.globals.keys()
            found[f"{prefix}{name}"] = Wording(environment.from_string(text), frozenset(names))
    return found


def _files(language: Language) -> Iterator[tuple[str, Path]]:
    yield "", FOLDER / f"{language}.toml"
    for path in sorted(FOLDER.glob(f"*/{language}.toml")):
        yield f"{path.parent.name}.", path


def _environment(language: Language, prefix: str) -> Environment:
    texts = page_texts(language)

    def text(key: str, otherwise: str = "", **values: Any) -> str:
        return filled(texts[key], values) if key in texts else otherwise

    def plain(value: Any) -> Any:
        return value.said(language) if isinstance(value, Figure) else value

    def interval(value: Within | None) -> str:
        if value is None:
            return ""
        fragment = wordings(language)["interval"].template
        return fragment.render(low=value.low, high=value.high, level=value.level)

    def listed(values: list[Any]) -> str:
        return COMMA[language].join(str(plain(each)) for each in values)

    environment = Environment(undefined=StrictUndefined, finalize=plain)
    environment.filters |= {"one": _one, "within": interval, "josa": with_particle, "listed": listed, "said": plain}
    environment.filters |= {"begins": lambda text: text[:1].upper() + text[1:]}  # a sentence
    environment.globals |= {
        "text": text,
        "phrase": lambda name: wordings(language)[f"{prefix}{name}"]({}),
        "metric_name": lambda name: text(f"metric.{name}", name.replace("_", " ")),
        "setting_name": lambda name: text(f"setting.{name}", name.replace("_", " ")),
        "choice_name": lambda name, value: text(f"choice.{name}.{value}", str(plain(value))),
        "notice": lambda code, message, told: text(f"notice.{code}", message, **told),
        "because": lambda code, message, told: text(f"because.{code}", message, **told),
        "reason_in_words": lambda reason: reason_in(language, reason),
        "sentence": lambda said: said if said[-1:] in ".!?。！？" else said + STOP[language],
        "stage_name": lambda name: text(f"stage.{name}", name),
    }
    return environment


def _one(figure: Figure, singular: str, plural: str) -> str:
    return singular if round(figure.value) == 1 else plural


def with_particle(text: Any, pair: str) -> str:
    """The text with that of the two Korean particles which its last sound asks for, such as 이/가; both where nobody can tell."""
    word, (closed, open_) = str(text), pair.split("/")
    last = next((each for each in reversed(word) if each.isalnum()), "")
    if "가" <= last <= "힣":
        final = (ord(last) - ord("가")) % 28
    elif last in DIGIT_ENDS:
        final = DIGIT_ENDS[last]
    else:
        return f"{word}(으)로" if closed == "으로" else f"{word}{closed}({open_})"
    takes_open = final == 0 or (closed == "으로" and final == RIEUL)
    return word + (open_ if takes_open else closed)


RIEUL = 8  # ㄹ among the finals of a syllable: 일로, not 일으로
DIGIT_ENDS = {"0": 21, "1": RIEUL, "2": 0, "3": 16, "4": 0, "5": 0, "6": 1, "7": RIEUL, "8": RIEUL, "9": 0}
