"""Small files about a data set, read with a limit. What is no plain file, such as a pipe, is never opened: it might not end."""

import codecs
import csv
import io
import json
import re
from pathlib import Path

MOST_OF_A_TABLE = 64 << 20  # bytes; 100,000 rows take about 10 MB
MOST_OF_JSON = 1 << 20
HEAD = 4096  # bytes that tell whether a file is text
NO_TEXT = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")
LATIN = re.compile(rb"[\t\n\r -~]")
ENCODINGS = ("utf-8-sig", "cp949", "gb18030")


def text_of(path: Path, *, most: int) -> str | None:
    """The first bytes of a plain file as text; None where there is none or it cannot be read."""
    content = _first_bytes(path, most)
    return None if content is None else content.decode("utf-8-sig", "replace")


def written_text_of(path: Path, *, most: int) -> str | None:
    """The first bytes of a file that somebody may have written; None where they are no text in any of our languages."""
    content = _first_bytes(path, most)
    if not content or NO_TEXT.search(content[:HEAD]):
        return None
    for encoding in ENCODINGS:
        try:
            return codecs.getincrementaldecoder(encoding)().decode(content)  # which may be cut off in a letter
        except UnicodeDecodeError:
            if len(LATIN.findall(content[:HEAD])) < len(content[:HEAD]) / 3:
                return None  # a third of what is written in older encodings is digits and signs; of pixels less is
    return None


def _first_bytes(path: Path, most: int) -> bytes | None:
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            return file.read(most)
    except OSError:
        return None


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a table in CSV, by column in lower case; none where there is no such file or it is no table."""
    text = text_of(path, most=MOST_OF_A_TABLE)
    try:
        rows = csv.DictReader(io.StringIO(text or "", newline=""), restkey="", restval="")
        return [{k.strip().lower(): v.strip() for k, v in row.items() if k} for row in rows]
    except csv.Error:
        return []


def json_of(path: Path) -> dict[str, object]:
    """The object that a file holds in JSON; {} where there is no such file or it holds no object."""
    try:
        found = json.loads(text_of(path, most=MOST_OF_JSON) or "{}")
    except (ValueError, RecursionError):  # the last for brackets in brackets in brackets
        return {}
    return found if isinstance(found, dict) else {}
