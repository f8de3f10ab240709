"""What an exported model is, and how near it comes to the engine: the file's own facts, and what was measured before it was kept."""

from typing import Any, Literal

from pydantic import Field, FiniteFloat

from engine.contract.results import Interval, Written

Format = Literal["onnx", "openvino", "pt2"]
Precision = Literal["fp32", "fp16", "int8"]
FORMATS: tuple[Format, ...] = ("onnx", "openvino", "pt2")
PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16", "int8")
SUFFIXES: dict[Format, str] = {"onnx": ".onnx", "openvino": ".xml", "pt2": ".pt2"}


class InFile(Written):
    """What stands in the file itself, under the name `murascope`, as JSON."""

    run: str
    kind: str
    model: str
    format: Format
    precision: Precision
    image_size: int = Field(description="pixels of each side of the pictures that it takes")
    input: str = Field(description="type and shape of its input")
    outputs: dict[str, str] = Field(description="shape and meaning of each output, by name")
    threshold: FiniteFloat | None = Field(default=None, description="a score above it is a defect; null without one")
    pixel_threshold: FiniteFloat | None = None
    threshold_version: int | None = None
    classes: list[str] = Field(description="names of the verdicts, by their number")
    data: dict[str, Any] = Field(description="name, fingerprint and licence of what it learnt from")
    weights: dict[str, Any] = Field(description="backbone, source, tag and licence of the weights that it began with")
    synthetic: bool = False
    murascope: str = Field(description="version that wrote it")
    created: float = Field(description="seconds since 1970")


class Difference(Written):
    """The largest one between the file and the engine, over all pictures; `allowed` is what rounding may make of it."""

    largest: FiniteFloat
    allowed: FiniteFloat
    range: Interval = Field(description="lowest and highest value that the engine gave")


class Parity(Written):
    """The file, run by its own runtime, against the engine on the same pictures."""

    images: int
    source: str = Field(description="whose pictures they are: data, folder or evaluation")
    differences: dict[str, Difference] = Field(description="by output")
    changed: list[str] = Field(description="pictures on which the verdict is another one")
    nearest: FiniteFloat = Field(
        description="of all pictures, how near one comes to another verdict, as the engine tells it"
    )
    pixels_changed: FiniteFloat | None = Field(
        default=None, description="share of the pixels whose mask is another one"
    )
    runtime: str = Field(description="name and version of what ran the file")
    ms_per_image: FiniteFloat = Field(description="of the file, median over the batches")
    engine_ms_per_image: FiniteFloat

    @property
    def holds(self) -> bool:
        return not self.changed and all(each.largest <= each.allowed for each in self.differences.values())


class Exported(Written):
    """A model that was exported: `files` are what was written, the model first, relative to its folder."""

    folder: str
    files: list[str]
    bytes: int
    about: InFile
    parity: Parity
