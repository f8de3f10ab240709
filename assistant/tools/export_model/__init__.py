"""Tool: write the model of a finished training as a file for other runtimes."""

import asyncio
from pathlib import Path
from typing import Any, Literal

from pydantic_ai import ApprovalRequired, RunContext

from assistant.models.evidence import at_version
from assistant.models.exporting import NotExported, export
from assistant.models.registry import UnknownModel
from assistant.runs.results import NoResults
from assistant.store.tables import SUCCEEDED, RunRow
from assistant.tools import Traits
from assistant.tools.desk import Desk
from assistant.tools.registered import model_meant
from engine.contract.results.exported import FORMATS, SUFFIXES, Exported

TRAITS = Traits(asks_on="card", rather=SUCCEEDED)
FOLDER = "exports"  # of the home


async def export_model(
    ctx: RunContext[Desk],
    run: str | None = None,
    registered: str | None = None,
    format: Literal["onnx", "openvino", "pt2"] | None = None,
) -> dict[str, Any]:
    """Export the model of a finished training to a file that runs without Murascope: ONNX, OpenVINO or pt2 (torch.export), with its
    threshold inside. The file is compared with the model on real images and kept only where no verdict changes. The user is asked first.

    Args:
        run: id of the run, such as r12; left out: the one this conversation spoke of last.
        registered: name of a registered model, whose champion is meant then.
        format: of the file.
    """
    desk = ctx.deps
    row = await _meant(desk, run, registered)
    folder = desk.folder(row)  # or it is refused
    if format is None:
        raise desk.ask("which_format", "which format: ONNX, OpenVINO or pt2?", missing="format", among=FORMATS)
    target = desk.settings.home / FOLDER / f"{row.id}{SUFFIXES[format]}"
    if not ctx.tool_call_approved:
        raise ApprovalRequired(metadata={"run": row.id, "format": format, "file": str(target)})
    earlier = await asyncio.to_thread(_put_aside, target)
    try:
        told = Exported.model_validate(await export(desk.settings, desk.runs, row, format=format, output=target))
    except NoResults as error:
        raise desk.refuse("no_results", str(error), **error.values) from None
    except NotExported as error:
        raise desk.refuse("not_exported", str(error), run=row.id, format=format, why=error.message) from None
    finally:
        await asyncio.to_thread(_put_back, earlier, target)
    return {
        "run": folder.name,
        "format": format,
        "file": str(target),
        "megabytes": round(told.bytes / 1e6, 1),
        "images": told.parity.images,
        "largest": float(f"{told.parity.differences['score'].largest:.2g}")
        if "score" in told.parity.differences
        else None,
    }


def _put_aside(target: Path) -> Path:
    """Where an earlier export of the same name waits until there is a new one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    earlier = target.with_name(f"{target.name}.earlier")
    if target.is_file():
        target.replace(earlier)
    return earlier


def _put_back(earlier: Path, target: Path) -> None:
    """The earlier export, where no new one was kept."""
    if target.is_file():
        earlier.unlink(missing_ok=True)
    elif earlier.is_file():
        earlier.replace(target)


async def _meant(desk: Desk, run: str | None, registered: str | None) -> RunRow:
    """The run at the threshold that is in force, or of a registered model at that of its version."""
    if run is not None or registered is None:
        return await desk.run(run, rather=SUCCEEDED)
    model = await model_meant(desk, registered)
    try:
        version = (await desk.models.registry.find(model.row.name)).row
    except UnknownModel as error:
        raise desk.refuse("unknown_model", str(error), name=registered, known=model.row.name) from None
    return at_version(await desk.run(version.run), version)
