"""Measurement of light: brightness, contrast and sharpness of the pictures of a data set, by class. Nothing is learnt."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from assistant.frames import Estimate, Figure, HeatmapImage, HeatmapsItem, Notice
from assistant.kinds import Advice, Kind
from assistant.kinds.names_of_types import type_like
from assistant.kinds.nothing_built_on import build_on, dataset_of, without_effect
from assistant.kinds.notices import on_data, on_synthetic, on_time
from assistant.runs.results import load
from assistant.settings import Settings
from assistant.store.tables import RunRow
from engine.contract.data import DataFacts
from engine.contract.jobs.photometry import PhotometryJob
from engine.contract.results.photometry import PhotometryResults, PhotometryRow

START_SECONDS, PICTURE_SECONDS = 5.0, 0.02  # import torch; decode, measure and write one picture


class Photometry:
    name = "photometry"
    default_model = PhotometryJob.first_choice()
    main_settings = ("image_size", "clipped_at", "seed")
    wishes: Mapping[str, Any] = {}
    dataset_of = staticmethod(dataset_of)
    build_on = staticmethod(build_on)
    without_effect = staticmethod(without_effect)
    counted = ()
    told_to_scripts = ("counts", "per_class", "synthetic")
    pictures = PhotometryResults.pictures
    galleries: Mapping[str, str] = {"dark": "the darkest images first", "all": "every image, the darkest first"}

    def model_of(self, asked: Mapping[str, Any]) -> str | None:
        return None

    def advise(
        self, settings: Settings, *, facts: DataFacts, model: str, chosen: Mapping[str, Any]
    ) -> dict[str, Advice]:
        return {}

    def recommended(self, models: Iterable[str]) -> dict[str, Any]:
        return {
            "few_images": {"fewer_good_images_than": 0, "models": []},
            "real_time": {"models": []},
            "no_weights": {"models": []},
            "otherwise": {"models": [*models]},
        }

    def best_for(self, *, good: int, weights_at_hand: bool) -> list[str]:
        return []

    def refuse(self, settings: Settings, job: PhotometryJob, facts: DataFacts) -> None:
        """Any picture can be measured."""

    def notices(
        self, settings: Settings, job: PhotometryJob, *, chosen: Mapping[str, Any], facts: DataFacts, estimate: Estimate
    ) -> list[Notice]:
        return [*on_data(facts), *on_synthetic(facts), *on_time(estimate)]

    def work(self, job: PhotometryJob, facts: DataFacts) -> float:
        return START_SECONDS + PICTURE_SECONDS * _images(facts)

    def in_short(self, job: PhotometryJob, facts: DataFacts) -> str:
        return f"{job.title} on {job.dataset}: {_images(facts)} images; {job.image_size} px"

    def figures(self, job: PhotometryJob, facts: DataFacts) -> list[Figure]:
        return [Figure(name="measured_images", count=_images(facts))]

    def facts(self, row: RunRow, folder: Path) -> dict[str, Any]:
        metrics = load(row, folder, PhotometryResults).metrics
        told = metrics.facts()
        return {
            "synthetic": metrics.synthetic,
            "counts": metrics.counts,
            "metrics": metrics.metrics,
            "reasons": metrics.reasons,
            "per_class": told["per_class"],
        }

    def results(self, row: RunRow, folder: Path) -> dict[str, Any]:
        results = load(row, folder, PhotometryResults)
        return {
            "metrics": results.metrics.facts(),
            "images": [_image(each).model_dump(mode="json") for each in results.rows],
        }

    def gallery(
        self, row: RunRow, folder: Path, *, which: str | None = None, defect_type: str | None = None, count: int
    ) -> HeatmapsItem:
        which = which or next(iter(self.galleries))
        if which not in self.galleries:
            raise LookupError(f"no images of the sort {which!r} (have: {', '.join(self.galleries)})")
        results = load(row, folder, PhotometryResults)
        meant = type_like([*results.metrics.per_class], defect_type) if defect_type is not None else None
        rows = sorted((each for each in results.rows if meant in (None, each.label)), key=lambda each: each.brightness)
        images = [_image(each) for each in rows[:count]]
        return HeatmapsItem(
            task="photometry", run=row.id, which=which, defect_type=meant, total=len(rows), images=images
        )


def _images(facts: DataFacts) -> int:
    return facts.train_good + facts.test_good + facts.test_defective + facts.test_unknown


def _image(row: PhotometryRow) -> HeatmapImage:
    return HeatmapImage(
        index=row.index,
        name=row.name,
        label=row.label,
        defect_type=row.label or None,
        score=row.brightness,
        verdict="",
        outcome="measured",
        has_truth=False,
    )


KIND: Kind[PhotometryJob] = Photometry()
