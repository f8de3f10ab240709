"""A run under way, and how runs stand in a list, in sentences."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from assistant.kinds import kind_of
from assistant.kinds.claims import About, Claim, Outline
from assistant.kinds.summary import headline_of, title_of
from assistant.runs.devices import name_of_gpu
from assistant.store.tables import RunRow
from prompts.figures import Figure, count

OUTLINE: Outline = (
    ("state", "where", "stage", "epoch", "done", "left", "position", "paused", "again_in", "waits_for"),
    ("tried.*",),
    ("reason",),
    ("warned.*",),
    ("elsewhere", "log_damaged"),
)


def claims_of_progress(row: RunRow, facts: Mapping[str, Any]) -> list[Claim]:
    """Of a run's state, and how far it is: `facts` as run_status gives them."""
    about = About(row.id)
    return [
        about.claim("state", "run_state", model=title_of(row), data=row.dataset, state=row.state),
        *(_on_stage(about, facts) if row.state == "running" else ()),
        *_on_what_else(about, row, facts),
    ]


def claims_of_list(rows: Sequence[RunRow]) -> Iterator[Claim]:
    """One for each run: what it is, how it stands, and the figure that tells it in one."""
    for row in rows:
        about, named = About(row.id), {"model": title_of(row), "data": row.dataset, "state": row.state}
        headline = headline_of(row)
        if headline is not None:
            metric, value = headline
            figure = Figure(value, kind_of(row.kind).rounding_of(metric))
            yield about.claim("listed.run", "listed_with_figure", metric=metric, value=figure, **named)
        elif row.state == "failed" and row.reason:
            yield about.claim("listed.run", "listed_with_reason", reason=row.reason, **named)
        else:
            yield about.claim("listed.run", "listed", **named)


def _on_stage(about: About, facts: Mapping[str, Any]) -> Iterator[Claim]:
    if facts.get("stage") is not None:
        yield about.claim("stage", "run_stage", stage=facts["stage"])
    if facts.get("epoch") is not None:
        yield about.claim("epoch", "run_epoch", epoch=count(facts["epoch"]), epochs=count(facts["epochs"]))
    elif facts.get("progress"):
        done, total = facts["progress"]
        yield about.claim("done", "run_done", done=count(done), total=count(total), rest=count(total - done))
    if facts.get("seconds_left") is not None:
        yield about.claim("left", "run_left", left=Figure(facts["seconds_left"], "seconds"))


def _on_what_else(about: About, row: RunRow, facts: Mapping[str, Any]) -> Iterator[Claim]:
    if facts.get("waits_for"):
        yield about.claim(
            "waits_for", "waits_for", runs=list(facts["waits_for"]), number=count(len(facts["waits_for"]))
        )
    yield from _on_standing(about, row, facts.get("standing") or {})
    if row.state == "failed":
        yield about.claim("reason", "run_failed", reason=row.reason or "?", hint=row.hint or "?")
    warnings = [each for each in facts.get("warnings", ()) if not each["code"].startswith("retried_")]  # of attempts
    for number, each in enumerate(warnings, 1):
        yield about.claim(f"warned.{number}", "notice", code=each["code"], message=each["message"], told=each["values"])
    if "host" in facts:
        yield about.claim("elsewhere", "run_elsewhere", host=facts["host"] or "?")
    if "log_damaged" in facts:
        yield about.claim("log_damaged", "log_damaged", damage=facts["log_damaged"])


def _on_standing(about: About, row: RunRow, standing: Mapping[str, Any]) -> Iterator[Claim]:
    """Where it computes, what was tried of it, and what it waits for (assistant/runs/standing.py)."""
    attempts = standing.get("attempts") or []
    if attempts:
        node, number, gpu = standing.get("node"), count(len(attempts)), name_of_gpu(standing.get("device"))
        what = "run_computes" if row.state == "running" else "run_computed"
        if standing.get("why") == "place":
            yield about.claim("where", "run_waits_for_place", attempt=number)
        elif node:
            yield about.claim("where", what, node=node, gpu=gpu, attempt=number)
        else:
            yield about.claim("where", f"{what}_unknown", attempt=number)
    if standing.get("position") is not None:
        at, waiting = count(standing["position"]), count(standing["waiting"])
        yield about.claim("position", "run_position", at=at, waiting=waiting)
    if standing.get("why") == "paused":
        yield about.claim("paused", "queue_paused")
    if standing.get("wait_s"):
        yield about.claim("again_in", "run_again_in", wait=Figure(standing["wait_s"], "seconds"))
    for each in attempts:
        if each["outcome"] not in (None, "done"):
            yield about.claim(
                f"tried.{each['number']}",
                "run_tried",
                attempt=count(each["number"]),
                outcome=each["outcome"],
                told=each["reason"],
            )
