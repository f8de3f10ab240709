"""What a check finds in a data set, typed: how many pictures of what, what is broken or left out, and what is worth knowing.

The engine makes these facts (engine/datasets/check.py), the assistant plans by them and stores them beside the data set's name. What
an older version stored may lack what has a default here; what a newer one added is kept as it stands. Loads no torch.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

GRAVE = {  # codes of notices: the result may be worthless, or say more than it can
    "assumed_good", "closed_folders", "depth_differs", "group_leak", "labels_beside_pictures", "learnt_from_test", "licence_non_commercial",
    "mask_nearly_full", "named_alike", "perhaps_good", "twins_across_labels", "twins_across_splits",
}  # fmt: skip
Part = Literal["train", "validation", "test"]  # of a data set that splits its classes itself


class _Told(BaseModel):
    """Facts that travel and are stored as JSON."""

    model_config = ConfigDict(extra="allow", frozen=True)

    def told(self) -> dict[str, Any]:
        """As JSON types, with what was set and nothing else."""
        return self.model_dump(mode="json", exclude_unset=True)


class BrokenFile(_Told):
    """A picture that cannot be read, or whose mask is ignored, and why."""

    name: str
    reason: str


class LeftOut(_Told):
    """How many files of one ending in one folder are not used, for one reason (engine/datasets/left_out.py)."""

    where: str
    ending: str
    reason: str
    count: int


class DataNotice(_Told):
    """Something worth knowing; the page words it by `code` and `values`, `message` is the English wording."""

    code: str
    message: str
    values: dict[str, Any] = {}

    @property
    def is_grave(self) -> bool:
        """Whether nobody should say yes to a run without having read it."""
        return self.code in GRAVE


class DataProblem(_Told):
    """Something that forbids a run, worded like a notice, and in `hint` what to do about it."""

    code: str
    message: str
    hint: str
    values: dict[str, Any] = {}


class Picture(_Told):
    """A picture that can be read, as the data set's page lists it; paths are relative to the data set's folder."""

    name: str
    split: str = Field(description="where the data set itself puts it, else what is made of it")
    label: str
    defect_type: str | None
    mask: str | None
    group: str | None = Field(default=None, description="the panel, lot or sequence that it is of, where that is told")


class ClassSize(_Told):
    """How many pictures a class has, and of how many groups: panels, lots or sequences, or each picture by itself."""

    pictures: int
    groups: int
    parts: dict[Part, int] = Field(default={}, description="groups by the part that the data set itself puts them in")


class DataFacts(_Told):
    """The facts of a folder. `problems` forbid any run, `unfit` says for which kinds of run it will not do, and why."""

    layout: str | None = Field(description="null where the folder cannot be read at all")
    path: str
    train_good: int
    test_good: int
    test_defective: int
    test_unknown: int = 0
    defect_types: dict[str, int] = Field(default={}, description="defective pictures by type")
    classes: dict[str, ClassSize] | None = Field(
        default=None, description="good pictures, defects by type, and those without one; null where nobody counted"
    )
    masks: int = 0
    broken: list[BrokenFile] = []
    left_out: list[LeftOut] = []
    files: dict[str, int] = Field(default={}, description="files by what they are used for")
    sizes: list[tuple[int, int, int]] = Field(default=[], description="width, height, pictures; the most frequent")
    modes: dict[str, int] = Field(default={}, description="pictures by their kind of pixels")
    fingerprint: str | None = Field(default=None, description="of all pictures, masks and labels")
    synthetic: bool = Field(default=False, description="made, not photographed")
    title: str | None = None
    licence: str | None = None
    groups: int | None = Field(default=None, description="panels, lots or sequences that pictures belong to")
    images: list[Picture] = Field(default=[], description="stored apart from the other facts: there may be very many")
    unfit: dict[str, list[DataProblem]] = Field(
        default={}, description="by kind of run; an empty list where it will do"
    )
    problems: list[DataProblem] = []
    notices: list[DataNotice] = []

    def without_images(self) -> "DataFacts":
        return DataFacts.model_validate({name: value for name, value in self.told().items() if name != "images"})
