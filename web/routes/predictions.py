"""Models at work: pictures in, what a model says of each out; what was said before, and its pictures."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi import Path as InPath
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from assistant.models.serving.incoming import Incoming
from assistant.models.serving.pool import Picture
from assistant.models.serving.predictions import Wanted, nearest_of, told_of
from assistant.refused import Refused
from assistant.reports.decision import decision_of, decision_page
from assistant.runs.learnt_pictures import picture_learnt_from
from assistant.workspace import Workspace
from engine.contract.serving import PICTURES
from web.guard import REPORT_HEADERS
from web.ids import Id
from web.kept import kept
from web.pictures import NoPicture, PictureRefused
from web.routes.workspace import Drawn, Opened, Shown

router = APIRouter()
Reference = Annotated[str, InPath(min_length=1, max_length=200)]
MOST_PICTURES = 64  # of one request
MOST_BYTES = 256 << 20  # of one picture
MOST_REQUEST_BYTES = 1 << 30
SMALL = 320  # longer side in pixels of a good picture in a report
NORMAL_SIZE = 1024  # longer side in pixels of a picture that a patch is cut from
RAW = ("image/", "application/octet-stream")
MANY = "multipart/form-data"
Who = Annotated[str, Query(max_length=80)]


class CannotTake(Refused):
    """The request holds no pictures that can be taken, and why."""

    def __init__(self, status: int, code: str, message: str, hint: str = "", **values: Any):
        super().__init__(code, message, hint, **values)
        self.status = status


@router.post("/api/models/{reference}/predict", max_body_size=MOST_REQUEST_BYTES)
async def predict(
    request: Request,
    reference: Reference,
    workspace: Opened,
    name: Annotated[str, Query(max_length=400)] = "",
    who: Who = "api",
    heatmap: bool = True,
    raw_map: bool = False,
    nearest: bool = True,
) -> dict[str, Any]:
    """Judge a picture, the raw body, or several, files of a form. `nearest` looks for the good patches most like each region.

    One that cannot be read is told by its name, and the others are judged; where it is the only one, the answer is 422. 429: too many
    wait; `retry-after` tells when another try may help.
    """
    model = await workspace.predictions.resolve(reference)  # before anything is read
    which = ("heatmap.jpg", "picture.jpg", *(("map.png",) if raw_map else ()))
    async with _taken(request, workspace, name) as taken:
        pictures = [
            Picture(each.name, each.content, each.path, passes=True, which=which, nearest=nearest) for each in taken
        ]
        told = await workspace.predictions.predict(model, pictures, who=who, draw=heatmap)
    first = told.pictures[0]
    if len(told.pictures) == 1 and "broken" in first:
        raise CannotTake(
            422, "picture_unreadable", f"the picture cannot be read: {first['broken']}", why=first["broken"]
        )
    if all("failed" in each for each in told.pictures):
        raise CannotTake(
            503,
            "not_served",
            f"{told.model['label']} could not judge the picture: {first['failed']}",
            "try again in a moment",
            why=first["failed"],
        )
    return {"model": told.model, "pictures": told.pictures}


@dataclass(frozen=True)
class Looked:
    """Which predictions are looked for, in an address."""

    run: Annotated[str | None, Query(max_length=64)] = None
    model: Annotated[str | None, Query(max_length=200)] = None
    verdict: Annotated[str | None, Query(max_length=200)] = None
    image: Annotated[str | None, Query(max_length=64)] = None


@router.get("/api/predictions")
async def list_predictions(
    response: Response,
    workspace: Opened,
    looked: Annotated[Looked, Depends()],
    first: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
    most: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[dict[str, Any]]:
    """The newest first; how many there are stands in the header `x-total-count`."""
    wanted = Wanted(looked.run, looked.model, looked.verdict, looked.image)
    rows, count = await workspace.predictions.find(wanted, first=first, most=most)
    response.headers["x-total-count"] = str(count)
    return [told_of(row, drawn=await workspace.predictions.kept_of(row)) for row in rows]


@router.get("/api/predictions/{prediction}")
async def describe_prediction(prediction: Id, workspace: Opened) -> dict[str, Any]:
    row = await workspace.predictions.get(prediction)
    return told_of(row, drawn=await workspace.predictions.kept_of(row))


@router.get("/api/predictions/{prediction}/report")
async def decision(prediction: Id, workspace: Opened) -> dict[str, Any]:
    """What was decided of the picture, by what, and what that rests on; said in words too."""
    row = await workspace.predictions.get(prediction)
    return await decision_of(workspace.runs, row, said=await workspace.models.said_of(row.id))


class Said(BaseModel):
    """What a person says that a picture is."""

    model_config = ConfigDict(extra="forbid")

    verdict: Literal["good", "defective"]
    who: str = Field(default="", max_length=80)
    note: str = Field(default="", max_length=500)
    region: tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat] | None = Field(
        default=None, description="x, y, width, height in pixels of the model's picture, which has `image_size` a side"
    )


@router.post("/api/predictions/{prediction}/feedback", status_code=201)
async def say(prediction: Id, said: Said, workspace: Opened) -> dict[str, Any]:
    """OK or NG, by a person. The picture is kept for good: `picture` says so, or that it is gone, was changed, or has no room. Nothing else
    changes; what all said of a model's pictures stands under `/api/models/NAME/feedback`."""
    given = await workspace.models.feedback(
        prediction, said.verdict, who=said.who.strip() or "page", note=said.note, region=said.region
    )
    return given.told()


@router.get("/api/models/{reference}/feedback")
async def describe_feedback(reference: Reference, workspace: Opened) -> dict[str, Any]:
    """What people said of the pictures that a model judged, and which thresholds agree with it at what cost."""
    return (await workspace.models.reviewed(reference)).told()


class NewDataset(BaseModel):
    """A data set to be made of the pictures of which people said what they are."""

    model_config = ConfigDict(extra="forbid")

    dataset: str = Field(max_length=200)
    with_training_data: bool = Field(default=False, description="with what the model was trained and tested on")


@router.post("/api/models/{reference}/feedback/dataset", status_code=201)
async def make_dataset(reference: Reference, new: NewDataset, workspace: Opened) -> dict[str, Any]:
    """A data set like any other. It is checked first, which reads all its images."""
    made = await workspace.models.make_dataset(reference, new.dataset, with_training_data=new.with_training_data)
    return made.told()


@router.get("/predictions/{prediction}/report.html")
async def decision_report(
    request: Request, prediction: Id, workspace: Opened, renderer: Drawn, pictures: Shown
) -> Response:
    """The same as one file to keep or print, in the language of the page."""
    row = await workspace.predictions.get(prediction)
    facts = await decision_of(workspace.runs, row, said=await workspace.models.said_of(row.id))
    run = await workspace.runs.get(row.run)
    shown = {}
    for what in ("heatmap.jpg", "picture.jpg"):
        path = workspace.predictions.kept.path(row.id, what)
        if await asyncio.to_thread(path.is_file):
            shown[what.partition(".")[0]] = await asyncio.to_thread(_as_uri, path)
    for near in facts["nearest"]:
        if (source := await picture_learnt_from(workspace.runs, run, near["name"])) is not None:
            with suppress(PictureRefused, NoPicture):
                shown[near["name"]] = await asyncio.to_thread(_as_uri, await pictures.get(source, SMALL))
    html = decision_page(facts, renderer.language(request), pictures=shown)
    return HTMLResponse(html, headers=REPORT_HEADERS)


def _as_uri(path: Path) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(path.read_bytes()).decode()}"


@router.get("/predictions/{prediction}/{what}")
async def picture_of_prediction(request: Request, prediction: Id, what: str, workspace: Opened) -> Response:
    """Its heatmap, the picture below it, or its raw map, while they are kept."""
    path = workspace.predictions.kept.path(prediction, what)
    if what not in PICTURES or not await asyncio.to_thread(path.is_file):
        raise HTTPException(404, f"prediction {prediction} has no {what} any more")
    return await asyncio.to_thread(kept, request, path)


@router.get("/predictions/{prediction}/normals/{place}/{rank}")
async def normal_of_prediction(
    request: Request,
    prediction: Id,
    place: Annotated[Literal["highest"] | Annotated[int, Field(ge=0, le=99)], InPath()],
    rank: Annotated[int, InPath(ge=0, le=99)],
    workspace: Opened,
    pictures: Shown,
) -> Response:
    """The picture learnt from whose good patch is most like a region, or like the highest place, made small. Only what the prediction itself names
    is shown."""
    row = await workspace.predictions.get(prediction)
    run = await workspace.runs.get(row.run)
    named = nearest_of(row, place)
    path = None
    if rank < len(named):
        path = await picture_learnt_from(workspace.runs, run, named[rank]["name"])
    if path is None:
        raise HTTPException(404, f"prediction {prediction} names no such good picture, or it is gone")
    return await asyncio.to_thread(kept, request, await pictures.get(path, NORMAL_SIZE))


@asynccontextmanager
async def _taken(request: Request, workspace: Workspace, name: str) -> AsyncIterator[list[Incoming]]:
    """The pictures of a request; those that are large lie in files, which are gone afterwards.

    Raises:
        CannotTake: none, too many, too large ones, or something else than pictures.
    """
    sort = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    taken: list[Incoming] = []
    try:
        if sort == MANY:
            try:
                form = await request.form(max_files=MOST_PICTURES, max_fields=8)
            except HTTPException as error:  # as Starlette tells of a form that it cannot take
                if "many files" in error.detail:
                    raise CannotTake(
                        413,
                        "too_many_pictures",
                        f"more than {MOST_PICTURES} pictures at once",
                        "send them in several requests",
                        most=MOST_PICTURES,
                    ) from None
                raise CannotTake(422, "bad_form", error.detail) from None
            files = [each for _, each in form.multi_items() if isinstance(each, UploadFile)]
            for file in files:
                taken.append(await _from(_read(file), workspace, file.filename or "?"))
            await form.close()
        elif sort.startswith(RAW):
            taken.append(await _from(request.stream(), workspace, name or "?"))
        else:
            raise CannotTake(
                415,
                "not_pictures",
                f"the body is {sort or 'of no type'}, and no picture",
                "send a picture as image/png, image/jpeg or application/octet-stream, or several as multipart/form-data",
                type=sort or "?",
            )
        if not taken:
            raise CannotTake(422, "no_pictures", "the request holds no picture", "send at least one")
        yield taken
    finally:
        for each in taken:
            await each.forget()


async def _read(file: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await file.read(1 << 20):
        yield chunk


async def _from(chunks: AsyncIterator[bytes], workspace: Workspace, name: str) -> Incoming:
    incoming = Incoming(workspace.settings, name)
    try:
        async for chunk in chunks:
            await incoming.add(chunk)
            if incoming.size > MOST_BYTES:
                raise CannotTake(
                    413,
                    "picture_too_large",
                    f"{name!r} has more than {MOST_BYTES >> 20} MiB",
                    "judge it where it lies: murascope predict",
                    name=name,
                    most=MOST_BYTES >> 20,
                )
        await incoming.whole()
    except BaseException:
        await incoming.forget()
        raise
    return incoming
