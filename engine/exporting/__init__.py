"""A trained model as one file for another runtime, which is kept only if that runtime then judges as the engine does.

`export_run` tells the story; `formats/` holds a file per format, found by its name; `parity.py` compares.
"""

import json
import shutil
import time
import warnings
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import torch

from engine.contract.folder import RunFolder
from engine.contract.jobs import KINDS
from engine.contract.results.detect import JudgedBy
from engine.contract.results.exported import SUFFIXES, Exported, Format, InFile, Precision
from engine.exporting.formats import Writer, refuse_missing
from engine.exporting.parity import compare, refuse_other_verdicts
from engine.exporting.pictures import pictures_of
from engine.exporting.script import script_for
from engine.failures import SettingError
from engine.tasks import kind_of
from engine.tasks.exportable import Exportable

Stage = Literal["loading", "engine", "translating", "comparing"]
MOST = 64  # pictures that are compared, where no number is asked for


def export_run(
    folder: RunFolder,
    *,
    format: Format,
    output: Path,
    data: Path | None = None,
    own: bool = True,
    most: int = MOST,
    precision: Precision = "fp32",
    judged_by: JudgedBy | None = None,
    weights_folder: Path | None = None,
    hub: bool = True,
    progress: Callable[[Stage], None] = lambda stage: None,
) -> Exported:
    """Write the model of a finished run to `output`, for the runtime of a format, with the thresholds in force inside.

    Args:
        data: folder whose pictures are compared; None takes the copies in the run's evaluation.
        own: that is the run's own data set, of which the test images are taken; else all that it tests with.
        most: pictures at most, those nearest to another verdict first.
        judged_by: the thresholds in force; None are those of the training.

    Raises:
        SettingError: the model, the format or the precision is not to be had here, or the file judges otherwise: it is not kept.
        DataError: no picture can be read.
    """
    writer = _writer(format, precision, output)
    progress("loading")
    found = exportable_of(folder, judged_by=judged_by, weights_folder=weights_folder, hub=hub)
    pictures = pictures_of(folder, found, data=data, own=own, most=most)
    progress("engine")
    found.network.white = pictures.white
    said = pictures.by_batch(found.says)
    progress("translating")
    found.prepare()
    about = _about(folder, found, format, precision)
    with TemporaryDirectory(dir=output.parent, prefix=f".{output.name}.") as aside:
        file = Path(aside) / output.name
        program = _program(found, example=pictures.some(2))
        writer.write(program, file, about=about, precision=precision, pictures=pictures)
        progress("comparing")
        parity = compare(found, said, pictures, writer.open(file), runtime=writer.runtime(), precision=precision)
        refuse_other_verdicts(parity, format=format, precision=precision)
        files = sorted(Path(aside).iterdir(), key=lambda path: path != file)
        size = sum(path.stat().st_size for path in files)
        told = Exported(
            folder=str(output.parent), files=[path.name for path in files], bytes=size, about=about, parity=parity
        )
        beside = {
            f"{output.name}.json": json.dumps(
                {name: fact for name, fact in told.facts().items() if name != "folder"},
                ensure_ascii=False,
                indent=1,
                allow_nan=False,
            )
        }
        if format == "onnx":
            beside[f"{output.stem}_run.py"] = script_for(output.name, about)
        for name, text in beside.items():
            (Path(aside) / name).write_text(text + "\n", encoding="utf-8")
        for path in Path(aside).iterdir():
            shutil.move(path, output.parent / path.name)
    return told.model_copy(update={"files": [*told.files, *beside]})


def _writer(format: Format, precision: Precision, output: Path) -> Writer:
    """Everything that can be refused before anything is loaded."""
    if output.suffix != SUFFIXES[format]:
        raise SettingError(f"the file {output.name} is to be {format}: let its name end in {SUFFIXES[format]}")
    if not output.parent.is_dir():
        raise SettingError(f"there is no folder {output.parent} to write {output.name} into")
    if output.exists():
        raise SettingError(f"{output} is there already; name another file, or take that one away")
    writer: Writer = import_module(f"engine.exporting.formats.{format}_file")
    if precision not in writer.PRECISIONS:
        raise SettingError(f"{format} is written as {' or '.join(writer.PRECISIONS)} here, not as {precision}")
    refuse_missing(writer.NEEDS[precision], format=format)
    return writer


def exportable_of(folder: RunFolder, *, judged_by: JudgedBy | None, **where: Any) -> Exportable:
    """What the kind of a finished run makes of it.

    Raises:
        SettingError: there is no model that can be used here.
    """
    kind = kind_of(folder)
    if not folder.model.card.is_file():
        raise SettingError(f"there is no model in {folder.model.path}: name the folder of a run that has finished")
    if KINDS[kind].has_threshold:
        where["judged_by"] = judged_by
    found: Exportable = import_module(f"engine.tasks.{kind}.exportable").exportable(folder, **where)
    return found


def _about(folder: RunFolder, found: Exportable, format: Format, precision: Precision) -> InFile:
    job, size = folder.read_job(), found.image_size
    depth = "uint8" if found.network.white == 255 else "uint16"
    return InFile(
        run=folder.id,
        kind=job.kind,
        model=job.subject,
        format=format,
        precision=precision,
        image_size=size,
        input=f"{depth} (batch, {size}, {size}, 3): RGB pixels, resized bilinearly",
        outputs=found.outputs,
        murascope=version("murascope"),
        created=time.time(),
        **found.facts,
    )


def _program(found: Exportable, *, example: torch.Tensor) -> torch.export.ExportedProgram:
    """The network as a graph of operations, for any number of pictures.

    Raises:
        SettingError: a step of the model cannot be told apart from its pictures.
    """
    found.network.requires_grad_(False)
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of torch about itself
            return torch.export.export(
                found.network, (example,), dynamic_shapes=({0: torch.export.Dim("batch", min=1)},)
            )
    except (RuntimeError, torch._dynamo.exc.TorchDynamoException) as error:  # what torch.export raises
        raise SettingError(f"this model cannot be exported: {str(error).splitlines()[0]}") from error
