"""Small files about a data set, read with a limit. What is no plain file, such as a pipe, is never opened: it might not end."""

import csv
import io
import json
from pathlib import Path

MOST_OF_A_TABLE = 64 << 20  # bytes; 100,000 rows take about 10 MB
MOST_OF_JSON = 1 << 20


def text_of(path: Path, *, most: int) -> str | None:
    """The first bytes of a plain file as text; None where there is none or it cannot be read."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            return file.read(most).decode("utf-8-sig", "replace")
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
