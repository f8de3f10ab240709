"""ONNX: for ONNX Runtime, TensorRT and most others. One file with the weights inside, any number of pictures at a time."""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from engine.contract.results.exported import InFile, Precision
from engine.exporting.pictures import Pictures
from engine.failures import SettingError
from engine.tasks.exportable import Pixels, Said

PRECISIONS: Sequence[Precision] = ("fp32",)
NEEDS: dict[Precision, Sequence[str]] = {"fp32": ("onnx", "onnxscript", "onnxruntime")}
OPSET = 20
MOST_BYTES = 2**31 - 2**20  # of one file: protobuf's limit
KEY = "murascope"


def write(
    program: torch.export.ExportedProgram,
    file: Path,
    *,
    about: InFile,
    precision: Precision,
    pictures: Pictures,
) -> None:
    """Raises SettingError: the model is larger than one file may be, or has an operation that ONNX lacks."""
    size = sum(tensor.nbytes for tensor in (*program.state_dict.values(), *program.constants.values()))
    if size > MOST_BYTES:
        raise SettingError(
            f"the model holds {size / 2**30:.1f} GiB, and one ONNX file 2 GiB at most; take the format pt2 or openvino, or "
            "train with a smaller memory"
        )
    translated(program, about).save(file, external_data=False)


def translated(program: torch.export.ExportedProgram, about: InFile) -> torch.onnx.ONNXProgram:
    """The graph in ONNX's operations, with names and facts."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of torch about itself
            onnx = torch.onnx.export(
                program,
                input_names=["image"],
                output_names=list(about.outputs),
                opset_version=OPSET,
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    except torch.onnx.errors.OnnxExporterError as error:
        raise SettingError(f"this model cannot be written as ONNX: {str(error).splitlines()[0]}") from error
    assert onnx is not None
    for value in (*onnx.model.graph.inputs, *onnx.model.graph.outputs):
        assert value.shape is not None
        value.shape[0] = "batch"
    for node in onnx.model.graph.all_nodes():
        node.metadata_props.clear()  # where in our code it comes from: nobody's business, and a third of a small file
    onnx.model.metadata_props[KEY] = about.model_dump_json(exclude_none=True)
    return onnx


def open(file: Path) -> Callable[[Pixels], Said]:
    import onnxruntime

    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_outputs()]
    return lambda pixels: dict(zip(names, session.run(names, {"image": pixels}), strict=True))


def runtime() -> str:
    import onnxruntime

    return f"onnxruntime {onnxruntime.__version__}"
