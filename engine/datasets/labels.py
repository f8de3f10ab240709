"""Files of labels: text that names pictures, in whatever format. None of them is read, so it must be said that they are there."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from engine.datasets.masks import plain_stem
from engine.datasets.tables import HEAD, written_text_of

MOST_BYTES = 16 << 20  # of one file are searched
FEWEST_STEMS = 3  # names without endings that a list of labels has at least; half of the pictures' too
ABOUT = re.compile(r"(read.?me|licen[cs]e|copying|change.?log|notice)\b", re.IGNORECASE)  # they may name a picture
ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")  # letters as JSON may write them
BETWEEN_WORDS = re.compile(r"[\s\"'<>,;:=|()\[\]{}\\/]+")
BETWEEN_FIELDS = re.compile(r"[\n\r\t\"'<>,;|\\/]+")  # names may hold blanks


def label_files(files: Iterable[Path], pictures: Sequence[Path]) -> dict[Path, set[Path]]:
    """Which of the files are about pictures, and about which: named like one, or naming some."""
    by_name: dict[str, set[Path]] = {}
    by_stem: dict[str, set[Path]] = {}
    for picture in pictures:
        by_name.setdefault(_plain(picture.name), set()).add(picture)
        by_stem.setdefault(plain_stem(picture), set()).add(picture)
    found = {}
    for file in files:
        if file.name.startswith(".") or ABOUT.match(file.name) or written_text_of(file, most=HEAD) is None:
            continue
        about = by_stem.get(plain_stem(file), set()) | by_name.get(_plain(file.stem), set())
        about = {picture for picture in about if picture.parent == file.parent} or about
        if about := about or _named_in(file, by_name, by_stem):
            found[file] = about
    return found


def _named_in(file: Path, by_name: dict[str, set[Path]], by_stem: dict[str, set[Path]]) -> set[Path]:
    """The pictures that a text names: one with its ending is enough, without endings it takes many."""
    text = written_text_of(file, most=MOST_BYTES) or ""
    text = _plain(ESCAPED.sub(lambda match: chr(int(match[1], 16)), text))
    words = set(BETWEEN_WORDS.split(text)) | {field.strip() for field in BETWEEN_FIELDS.split(text)}
    if named := words & by_name.keys():
        return set().union(*(by_name[name] for name in named))
    stems = words & by_stem.keys()
    if len(stems) < max(FEWEST_STEMS, len(by_stem) / 2):
        return set()
    return set().union(*(by_stem[stem] for stem in stems))


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
