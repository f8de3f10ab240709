"""What one inspected image was taken for, and how its class fares."""

from pathlib import Path

from assistant.kinds.claims import About, Claim, Outline
from assistant.kinds.classify.claims import claims_of
from assistant.kinds.summary import title_of
from assistant.runs.results import load
from assistant.store.tables import RunRow
from engine.contract.results.classify import ClassifyResults
from prompts.figures import share

IMAGE: Outline = (("image_*_verdict",), ("found.*", "taken.*"))


def claims_of_image(row: RunRow, folder: Path, index: int) -> list[Claim]:
    """Of the inspected image with this index, and of its class.

    Raises:
        NoResults: the run has not ended well, or its evaluation cannot be read.
        LookupError: there is no such image.
    """
    results = load(row, folder, ClassifyResults)
    image = next((each for each in results.rows if each.index == index), None)
    if image is None:
        raise LookupError(f"run {row.id} inspected no image with the index {index}")
    about = About(row.id, "classify")
    told = {"image": image.name, "called": image.predicted, "sure": share(image.probability), "label": image.label}
    what = "image_right" if image.correct else "image_wrong"
    every = claims_of(row.id, results.metrics, confidence=None, model=title_of(row), data=row.dataset, seconds=None)
    of_class = [
        each for each in every if each.what == "classify.found_of_class" and each.values["label"] == image.label
    ]
    return [about.claim(f"image_{image.index}_verdict", what, **told), *of_class]
