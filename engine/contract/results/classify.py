"""What a classification leaves behind: figures, the classes and how they are confused, a row for each test image, the card."""

from collections import Counter
from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field, FiniteFloat

from engine.contract.results import Interval, Metrics, Results, Row, Written
from engine.contract.results.card import ModelCard


class OfClass(Written):
    """The test images of one class. A figure that cannot be measured is null, with the reason."""

    count: int = Field(description="of its images")
    found: int = Field(description="of them that were called so")
    called: int = Field(description="images that were called so, of whatever class")
    recall: FiniteFloat | None = None
    precision: FiniteFloat | None = None
    f1: FiniteFloat | None = None
    recall_interval: Interval | None = None
    f1_interval: Interval | None = None
    reason: str | None = None


class Learnt(Written):
    """Which state of a fine-tuning was kept: that with the least loss on the pictures held back for validation."""

    epoch: int = Field(description="after which it stands; 0: as it was before the first, the head fitted alone")
    epochs: int = Field(description="that were run")
    val_loss: FiniteFloat = Field(description="of the state that was kept")
    val_loss_before: FiniteFloat = Field(description="before the first epoch")
    best_val_loss: FiniteFloat | None = Field(description="the least after any epoch; null where none was run")
    head_fitted: bool = Field(description="whether the head was fitted alone before the first epoch")


class ClassifyMetrics(Metrics):
    """metrics.json of a classification. `confusion[i][j]` are the images of class i that were called class j."""

    classes: list[str]
    confusion: list[list[int]]
    per_class: dict[str, OfClass]
    left_out: dict[str, int] = Field(
        default={}, description="classes with too few pictures, or groups of them, to take part"
    )
    temperature: FiniteFloat = Field(description="that the logits are divided by")
    learning: Learnt | None = Field(default=None, description="which state was kept; null in older evaluations")
    seen_cells: tuple[int, int] | None = Field(
        default=None, description="rows and columns of the feature map that overlays are drawn from"
    )


class ClassRow(Row):
    """A test image: its class, what it was called, and how sure the model was of that."""

    label: str = Field(alias="class")
    predicted: str
    probability: FiniteFloat
    correct: bool


class ClassifyResults(Results[ClassifyMetrics, ClassRow]):
    """What a classification measured. Overlays are Grad-CAM of the predicted class, each on its own scale."""

    pictures: ClassVar[tuple[str, ...]] = ("inputs", "overlays")

    def counted(self) -> Iterator[tuple[str, int, int]]:
        """All images, and those of each class by the class that they were called."""
        yield "test images", sum(map(sum, self.metrics.confusion)), len(self.rows)
        called = Counter((row.label, row.predicted) for row in self.rows)
        for label, row in zip(self.metrics.classes, self.metrics.confusion, strict=True):
            for predicted, count in zip(self.metrics.classes, row, strict=True):
                yield f"images of {label!r} called {predicted!r}", count, called[label, predicted]


class ClassifyCard(ModelCard):
    """The card of a classifier: the classes in the order of its outputs, and the temperature of their probabilities."""

    classes: list[str]
    temperature: FiniteFloat
