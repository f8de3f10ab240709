"""How many requests that the understanding has not been written for are understood: `python benchmarks/understanding.py`.

    python benchmarks/understanding.py                   # the table: right, asked back, nothing, wrong by set and language
    python benchmarks/understanding.py one --wrong       # with every line of set one that is not right
    python benchmarks/understanding.py --file MORE.jsonl # a further set

Asks `murascope understand --file`. A line says what is right (tests/assistant/offline/blind/*.jsonl):

    calls       the calls in order, each a tool with its arguments; "free": further arguments are right too, and at least one is needed
    or          other lists of calls that are as right
    intent      what is said needs no tool (`calls` is empty); or_intents: as right
    asks, near  the only right reaction is a question back, which offers `near` (a name, or several)

Right is all of it: every tool, every argument, none too many. Numbers may differ by 1e-9; the order counts among calls, not among runs.
"asked back" is a question where an answer was possible, "nothing" neither call nor question nor intent.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SETS = ROOT / "tests" / "assistant" / "offline" / "blind"
MURASCOPE = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from assistant.cli import main; main()"
VERDICTS = ("right", "asked back", "nothing", "wrong")
IN_ANY_ORDER = ("runs", "members")
SINCE = (
    "set_threshold",
    "edit_run",
    "delete_run",
    "restore_run",
    "make_report",
)  # could not be done when the sets were written

Line = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", help="names of sets; default: all")
    parser.add_argument("--file", type=Path, action="append", default=[], help="a further set, of the same format")
    parser.add_argument(
        "--wrong", action="store_true", help="print each line that is not right, and what was understood"
    )
    asked = parser.parse_args()
    names = asked.sets or ([] if asked.file else ["one", "two", "three", "four", "five"])
    print(
        f"{'set':<12}{'language':<10}{'lines':>6}"
        + "".join(f"{verdict:>12}" for verdict in VERDICTS)
        + f"{'right %':>9}"
    )
    missed: list[tuple[str, Line, Line]] = []
    for file in [*(SETS / f"{name}.jsonl" for name in names), *asked.file]:
        lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
        answers = understood(lines)
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for line in lines:
            said = verdict_on(line, answers[line["id"]])
            counts[line["language"]][said] += 1
            if said != "right":
                missed.append((said, line, answers[line["id"]]))
        for language, count in [*counts.items(), ("all", sum(counts.values(), Counter()))]:
            total = count.total()
            cells = "".join(f"{count[verdict]:>12}" for verdict in VERDICTS)
            print(f"{file.stem:<12}{language:<10}{total:>6}{cells}{100 * count['right'] / total:>9.1f}")
    if asked.wrong:
        for said, line, answer in missed:
            expected = {key: line[key] for key in ("calls", "or", "intent", "asks", "near") if line.get(key)}
            print(f"\n{line['id']}  {said}: {line['text']}\n  expected {_json(expected)}\n  got      {_json(answer)}")


def understood(lines: list[Line]) -> dict[str, Line]:
    """What the command answers, by the line's id; it is asked once for each list of registered names."""
    by_names: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        by_names[",".join(line["datasets"])].append(line)
    answers: dict[str, Line] = {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "asked.jsonl")
        for names, asked in by_names.items():
            told = [_json({key: line[key] for key in ("id", "language", "text")}) for line in asked]
            file.write_text("\n".join(told), encoding="utf-8")
            command = [sys.executable, "-c", MURASCOPE, "understand", "--file", str(file), "--datasets", names]
            out = subprocess.run(command, capture_output=True, encoding="utf-8", check=True).stdout
            answers |= {answer["id"]: answer for answer in _objects(out)}
    return answers


def verdict_on(line: Line, answer: Line) -> str:
    """One of VERDICTS. Of an answer: the calls in `calls`, or the only one in `tool`; what needs no tool in `intent`; the question in `asks`."""
    told = answer.get("calls", [answer])
    calls = [call for call in told if call.get("tool")]
    intents = [each["intent"] for each in [answer, *told] if each.get("intent") and not each.get("tool")]
    if answer.get("asks"):
        near = line.get("near", [])
        offered = _json(answer["asks"])
        return "right" if line.get("asks") and all(name in offered for name in _listed(near)) else "asked back"
    if not calls:
        wanted = [line["intent"], *line.get("or_intents", [])] if "intent" in line else line.get("or_intents", [])
        if not intents:
            return "nothing"
        return "right" if set(intents) & set(wanted) else "wrong"
    if line.get("intent") == "cannot" and len(calls) == 1 and calls[0]["tool"] in SINCE:
        return "right"
    if line.get("asks"):
        return "wrong"
    readings = [*([line["calls"]] if line["calls"] else []), *line.get("or", [])]
    return "right" if any(_same_calls(calls, reading) for reading in readings) else "wrong"


def _same_calls(calls: list[Line], expected: list[Line]) -> bool:
    return len(calls) == len(expected) and all(map(_same_call, calls, expected))


def _same_call(call: Line, expected: Line) -> bool:
    got, wanted = call.get("arguments", {}), expected["arguments"]
    if call["tool"] != expected["tool"]:
        return False
    further = got.keys() - wanted.keys()
    if expected.get("free"):
        return bool(further) and all(key in got and _same(key, got[key], wanted[key]) for key in wanted)
    return got.keys() == wanted.keys() and all(_same(key, got[key], wanted[key]) for key in wanted)


def _same(key: str, got: Any, wanted: Any) -> bool:
    if key in IN_ANY_ORDER and isinstance(got, list):
        return sorted(map(str, got)) == sorted(map(str, wanted))
    numbers = (int, float)
    if isinstance(got, numbers) and isinstance(wanted, numbers) and not isinstance(got, bool):
        return math.isclose(got, wanted, rel_tol=0, abs_tol=1e-9)
    return bool(got == wanted)


def _listed(near: str | list[str]) -> list[str]:
    return [near] if isinstance(near, str) else near


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _objects(text: str) -> list[Line]:
    """The JSON objects that stand one after the other, whether on one line each or over several."""
    decoder, found, at = json.JSONDecoder(), [], 0
    while (at := len(text) - len(text[at:].lstrip())) < len(text):
        value, at = decoder.raw_decode(text, at)
        found.append(value)
    return found


if __name__ == "__main__":
    main()
