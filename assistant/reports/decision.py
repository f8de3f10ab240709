"""The report of one decision: what a model said of a picture, by what it was judged, and what that rests on. To be audited later.

All of it comes from the prediction's own record and from the run, which do not change: a report that is made again says the same. Who reviewed
the decision stands empty until somebody has.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from assistant.kinds.summary import title_of
from assistant.models.serving.predictions import told_of
from assistant.reports import environment
from assistant.runs.queue import Queue
from assistant.runs.results import told_by_file
from assistant.store.tables import FeedbackRow, PredictionRow, RunRow
from assistant.tools.wording import wording
from engine.contract.folder import RunFolder
from engine.contract.results.card import ModelCard
from prompts.figures import percent
from prompts.languages import LANGUAGES, Language
from prompts.reasons import reason_in

MOST_NEAREST = 6  # good patches that are told


async def decision_of(runs: Queue, row: PredictionRow, *, said: FeedbackRow | None = None) -> dict[str, Any]:
    """The report as JSON, with its sentences in every language.

    Args:
        said: what a person said last of what the picture is.

    Raises:
        UnknownRun, DeletedRun: the run is gone.
    """
    run = await runs.get(row.run)
    versions = {each.version: each.setting for each in await runs.thresholds(run.id)}
    card = await asyncio.to_thread(_card, run, runs.folder_of(run)) if runs.place.has(run) else None
    setting = versions.get(row.threshold_version or 0)
    told = told_of(row, drawn=())
    nearest = _nearest(told)
    facts = {
        "id": row.id,
        "image": {"name": row.name, "sha256": row.image_sha256, "width": told.get("width"), "height": told.get("height")},
        "decision": {
            name: told.get(name)
            for name in ("verdict", "is_anomalous", "score", "p_value", "confidence", "no_confidence", "uncertainty", "probabilities")
        },
        "model": {
            "name": row.model, "version": row.version, "run": row.run, "title": title_of(run),
            "trained": None if card is None else card.created, "weights": None if card is None else card.weights.facts(),
        },
        "threshold": {
            "version": row.threshold_version, "value": row.threshold, "pixel": row.pixel_threshold,
            "set_by": setting["who"] if setting else None, "when": setting["when"] if setting else None, "why": setting["why"] if setting else None,
        },
        "data": {"name": run.dataset, "fingerprint": row.data, "licence": None if card is None else card.data.licence},
        "regions": told.get("regions") or [],
        "types": told.get("types"),
        "factors": _factors(told, nearest),
        "nearest": nearest,
        "asked": {"by": row.who, "when": row.created_at.isoformat()},
        "reviewer": None if said is None else said.who,
        "review": None if said is None else _review(said, image_size=int(run.spec["image_size"])),
    }  # fmt: skip
    return {**facts, "said": {language: sentences(facts, language) for language in LANGUAGES}}


def decision_page(facts: Mapping[str, Any], language: Language, *, pictures: Mapping[str, str]) -> str:
    """The report as one HTML file. `pictures` are data: URIs: of the heatmap and the picture, and of good pictures by their names."""
    page = environment(language).get_template("decision.html.j2")
    return page.render(**facts, sentences=facts["said"][language], pictures=pictures, made=datetime.now(UTC))


def sentences(facts: Mapping[str, Any], language: Language) -> list[str]:
    """What was decided and why, in plain language, from the facts alone."""
    t, said, threshold = wording(language), facts["decision"], facts["threshold"]
    model = facts["model"]
    name = model["run"] if model["name"] is None else f"{model['name']}@{model['version']}"
    known: dict[str, Any] = {"name": facts["image"]["name"], "model": name}
    lines = []
    if threshold["value"] is None:
        lines.append(t("decision.class", verdict=said["verdict"], sure=percent(said["confidence"]), **known))
    else:
        known |= {
            "score": f"{said['score']:.5g}",
            "threshold": f"{threshold['value']:.5g}",
            "version": threshold["version"],
        }
        lines.append(t("decision.flagged" if said["is_anomalous"] else "decision.passed", **known))
        if said["p_value"] is not None:
            lines.append(t("decision.p_value", share=percent(said["p_value"])))
        if said["confidence"] is not None:
            lines.append(t("decision.sure", share=percent(said["confidence"])))
        elif said["no_confidence"]:
            lines.append(t("decision.no_sure", why=reason_in(language, said["no_confidence"])))
    if regions := facts["regions"]:
        x, y = (round(each) for each in regions[0]["centre"])
        lines.append(t("decision.regions", count=len(regions), x=x, y=y, share=percent(regions[0]["area_share"])))
        lines += _of_types(regions[0].get("likely"), facts["types"], language)
    if facts["nearest"]:
        near = facts["nearest"][0]
        lines.append(t("decision.nearest", name=near["name"], distance=f"{near['distance']:.4g}"))
    if (review := facts["review"]) is None:
        lines.append(t("decision.unreviewed"))
    else:
        lines.append(t("decision.reviewed", by=f"{facts['reviewer']} ({t('label.' + review['verdict'])})"))
        if (marked := review["region"]) is not None and review["verdict"] == "defective":
            box = zip(("x", "y", "width", "height"), (f"{each:.5g}" for each in marked), strict=True)
            lines.append(t("decision.marked", **dict(box)))
    return lines


def _review(said: FeedbackRow, *, image_size: int) -> dict[str, Any]:
    """What a person said; `region` is x, y, width, height in pixels of the model's picture, which has `image_size` a side."""
    return {
        "verdict": said.verdict, "note": said.note, "when": said.created_at.isoformat(),
        "region": said.region, "image_size": image_size,
    }  # fmt: skip


def _of_types(likely: Mapping[str, Any] | None, types: Mapping[str, Any] | None, language: Language) -> list[str]:
    """The likely defect type of the strongest region and what that rests on, or why none is named; nothing of a prediction before there were any."""
    t = wording(language)
    if types is None:
        return []
    if likely is None:
        why = types.get("reason")
        return [t("likely.none", why=reason_in(language, why))] if why else []
    if likely["defect_type"] is None:
        said = t("likely.none", why=reason_in(language, likely["reason"]))
    else:
        nearest = [each for each in likely["nearest"] if each["defect_type"] == likely["defect_type"]]
        names = ", ".join(each["name"] for each in nearest)
        votes = {"votes": likely["votes"], "of": len(likely["nearest"]), "names": names}
        said = t("likely.named", type=likely["defect_type"], **votes)
    counts = {name: types[name] for name in ("regions", "right", "named", "commonest")}
    low, high = (percent(each) for each in types["interval"])
    return [said, t("likely.rests", **counts, low=low, high=high, share=percent(types["commonest_share"]))]


def _factors(told: Mapping[str, Any], nearest: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The figures that the decision rests on; those that there are none of are left out."""
    regions = told.get("regions") or []
    found = {
        "above_threshold": None if told.get("threshold") is None else told["score"] - told["threshold"],
        "p_value": told.get("p_value"),
        "regions": len(regions) if told.get("threshold") is not None else None,
        "area_share": sum(each["area_share"] for each in regions) if regions else None,
        "highest": (told.get("highest") or {}).get("score"),
        "nearest_distance": nearest[0]["distance"] if nearest else None,
    }
    return [{"name": name, "value": value} for name, value in found.items() if value is not None]


def _nearest(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The good patches most like the strongest region, else like the highest place; where they were found, for whoever shows them."""
    regions = told.get("regions") or []
    place: int | Literal["highest"] = 0 if regions else "highest"
    at = regions[0] if regions else told.get("highest") or {}
    patches = (at.get("nearest") or [])[:MOST_NEAREST]
    return [
        {**each, "picture": f"/predictions/{told['id']}/normals/{place}/{rank}"} for rank, each in enumerate(patches)
    ]


def _card(run: RunRow, folder: Path) -> ModelCard:
    with told_by_file(run, folder):
        return RunFolder(folder).model.read_card(ModelCard)
