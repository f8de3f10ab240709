"""Tool: why one inspected image was missed, flagged or passed."""

import asyncio
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any, Literal

from pydantic_ai import RunContext

from assistant.frames import HeatmapImage, HeatmapsItem
from assistant.kinds import kind_of
from assistant.runs.results import NoResults
from assistant.state import State
from assistant.store.tables import SUCCEEDED
from assistant.telling import outlined, sentences_of, told
from assistant.tools import Traits
from assistant.tools.desk import Desk

MANY = 10**6  # all inspected images

TRAITS = Traits(rather=SUCCEEDED)

Which = Literal["missed", "false_alarm", "nearest"]


async def explain_image(
    ctx: RunContext[Desk],
    run: str | None = None,
    image: str | int | None = None,
    which: Which | None = None,
    position: int | None = None,
) -> dict[str, Any]:
    """Say why one inspected image was missed, flagged or passed: its score against the threshold, where its map is highest, which good
    patches are like that place and from which good image, and what telling it right would cost. Opens the image with its heatmap.

    Args:
        run: id of the run, such as r12; left out: the finished one this conversation spoke of last.
        image: name of the image, or its number; left out: of those shown last, else of the most telling ones.
        which: missed: a defect that was passed as good; false_alarm: a good image called defective; nearest: nearest to the threshold.
        position: which of these, from 1; -1 is the last.
    """
    desk = ctx.deps
    row = await desk.run(run, rather=SUCCEEDED)
    kind, folder = kind_of(row.kind), desk.folder(row)
    state = await desk.memory.state()
    try:
        gallery = await asyncio.to_thread(kind.gallery, row, folder, count=MANY)
        chosen = _chosen(
            gallery.images, state, threshold=gallery.threshold, image=image, which=which, position=position
        )
        if chosen is None:
            asked = image if image is not None else which
            raise desk.refuse(
                "no_such_image", f"run {row.id} inspected no such image: {asked}", run=row.id, asked=asked
            )
        claims = await asyncio.to_thread(kind.claims_of_image, row, folder, chosen.index)
    except NoResults as error:
        raise desk.refuse("no_results", str(error), **error.values) from None
    sentences = sentences_of(claims, desk.language)
    alike = sum(each.outcome == chosen.outcome for each in gallery.images)
    item = HeatmapsItem(
        task=kind.name,
        run=row.id,
        which=list(kind.galleries)[-1],
        threshold=gallery.threshold,
        total=alike,
        images=[chosen],
    )
    await desk.show(f"heatmaps-{ctx.tool_call_id}", item)
    return {
        "run": row.id,
        "image": chosen.name,
        "shown": [{"name": chosen.name, "score": chosen.score, "outcome": chosen.outcome}],
        **told(sentences, outlined(sentences, kind.outlines["image"])),
    }


def _chosen(
    images: Sequence[HeatmapImage],
    state: State,
    *,
    threshold: float | None,
    image: str | int | None,
    which: Which | None,
    position: int | None,
) -> HeatmapImage | None:
    """The image that is meant: the one named; else of those shown last that fit, else of all that fit, the one at this position."""
    if image is not None:
        return _named(images, str(image))
    by_name = {each.name: each for each in images}
    listed = state.listed.ids if state.listed is not None and state.listed.sort == "image" else []
    shown = [by_name[name] for name in listed if name in by_name]
    fitting = _fitting(shown, which, threshold) or _fitting(images, which, threshold)
    at = (position or 1) - 1 if (position or 1) > 0 else len(fitting) + (position or 1)
    return fitting[at] if 0 <= at < len(fitting) else None


def _fitting(images: Sequence[HeatmapImage], which: Which | None, threshold: float | None) -> list[HeatmapImage]:
    if which == "nearest":
        return sorted(images, key=lambda each: abs(each.score - (threshold or 0.0)))
    return [each for each in images if which is None or each.outcome == which]


def _named(images: Sequence[HeatmapImage], asked: str) -> HeatmapImage | None:
    """By its path, its number among the inspected ones, or the end of its path where that is one's alone, with or without its ending."""
    exact = [each for each in images if asked == each.name or asked == str(each.index)]
    if exact:
        return exact[0]
    plain = asked.casefold()
    ends = [
        each
        for each in images
        if each.name.casefold().endswith(f"/{plain}") or PurePosixPath(each.name).stem.casefold() == plain
    ]
    return ends[0] if len(ends) == 1 else None
