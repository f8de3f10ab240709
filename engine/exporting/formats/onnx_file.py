"""ONNX: for ONNX Runtime, TensorRT and most others. One file with the weights inside, any number of pictures at a time."""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from engine.contract.results.exported import InFile, Precision
from engine.exporting.pictures import Pictures
from engine.failures import SettingError
from engine.tasks.exportable import Pixels, Said

PRECISIONS: Sequence[Precision] = ("fp32", "fp16", "int8")
PACKAGES = ("onnx", "onnxscript", "onnxruntime")
NEEDS: dict[Precision, Sequence[str]] = dict.fromkeys(PRECISIONS, PACKAGES)
IN_FULL = ("Greater",)  # verdicts: a threshold keeps all its digits
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
    try:
        if precision == "fp16":
            _halve(file)
        elif precision == "int8":
            _quantise(file, pictures)
    except (RuntimeError, ValueError, TypeError, KeyError, AttributeError, NotImplementedError) as error:
        raise SettingError(f"this model cannot be written as {precision}: {' '.join(str(error).split())}") from error


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


def _halve(file: Path) -> None:
    """Weights and sums in half precision; pixels go in and results come out as ever."""
    import onnx
    from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16

    blocked = [*DEFAULT_OP_BLOCK_LIST, *IN_FULL]
    onnx.save(convert_float_to_float16(onnx.load(file), keep_io_types=True, op_block_list=blocked), file)


def _quantise(file: Path, pictures: Pictures) -> None:
    """Convolutions and products in eight bits, their ranges by what every second of the pictures gives."""
    import logging

    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Shown(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.left = list(pictures.pixels[::2])  # the others are new to it when they are compared

        def get_next(self) -> dict[str, Pixels] | None:
            return {"image": self.left.pop()[None]} if self.left else None

    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # it advises to prepare the graph first
    try:
        quantize_static(
            file,
            file,
            Shown(),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "MatMul", "Gemm"],
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
    finally:
        root.setLevel(level)


def open(file: Path) -> Callable[[Pixels], Said]:
    import onnxruntime

    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    names = [each.name for each in session.get_outputs()]
    return lambda pixels: dict(zip(names, session.run(names, {"image": pixels}), strict=True))


def runtime() -> str:
    import onnxruntime

    return f"onnxruntime {onnxruntime.__version__}"
