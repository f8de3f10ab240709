"""OpenVINO's IR: for Intel's processors and graphics. An .xml with the operations and a .bin with the weights beside it."""

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from engine.contract.results.exported import InFile, Precision
from engine.exporting.formats.onnx_file import translated
from engine.exporting.pictures import Pictures
from engine.failures import SettingError
from engine.tasks.exportable import Pixels, Said

PRECISIONS: Sequence[Precision] = ("fp32", "fp16")
NEEDS: dict[Precision, Sequence[str]] = dict.fromkeys(PRECISIONS, ("openvino", "onnx", "onnxscript"))
KEY = "murascope"


def write(
    program: torch.export.ExportedProgram,
    file: Path,
    *,
    about: InFile,
    precision: Precision,
    pictures: Pictures,
) -> None:
    """Raises SettingError: the model has an operation that OpenVINO lacks."""
    import openvino
    from openvino.frontend import OpConversionFailure

    through = file.with_suffix(".onnx")  # of torch's own graphs OpenVINO reads fewer operations
    translated(program, about).save(through, external_data=False)
    try:
        model = openvino.convert_model(through)
    except (RuntimeError, OpConversionFailure) as error:
        raise SettingError(f"this model cannot be written for OpenVINO: {' '.join(str(error).split())}") from error
    finally:
        through.unlink()
    model.set_rt_info(about.model_dump_json(exclude_none=True), KEY)
    openvino.save_model(model, file, compress_to_fp16=precision == "fp16")


def open(file: Path) -> Callable[[Pixels], Said]:
    import openvino

    compiled = openvino.Core().compile_model(file, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    names = [output.get_any_name() for output in compiled.outputs]
    return lambda pixels: dict(zip(names, compiled(pixels).to_tuple(), strict=True))


def runtime() -> str:
    import openvino

    return f"openvino {openvino.__version__.split('-')[0]}"
