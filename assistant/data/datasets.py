"""The registered data sets: add by path or by archive, list, look inside, remove."""

import asyncio
import difflib
import hashlib
import logging
import os
import shutil
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import delete, or_, select, update
from sqlalchemy.exc import IntegrityError

from assistant.data.archives import BadArchive, NoRoom, unpack_elsewhere
from assistant.data.facts import NamedFacts
from assistant.data.names import looks_like_path, plain_name
from assistant.data.uploads import Upload, abandoned, under_way
from assistant.machine.engine_process import EngineError, ask_engine
from assistant.refused import Refused
from assistant.settings import Settings
from assistant.store.database import Database
from assistant.store.tables import ACTIVE, DatasetRow, GroupRow, ProposalRow, RunRow
from engine.contract.data import DataFacts, DataProblem, Picture
from engine.contract.picture_files import picture_inside

logger = logging.getLogger(__name__)

Origin = Literal["demo", "registered", "uploaded"]

GIVE_A_FOLDER = "give the folder that holds the images (see the layouts in the help text)"


class DatasetError(Refused):
    """A data set cannot be used as asked."""

    def __init__(self, code: str, message: str, hint: str, **values: Any):
        super().__init__(code, message, hint, **values)
        self.status = {"unknown_dataset": 404, "name_taken": 409, "in_use": 409, "no_room": 507}.get(code, 422)


class UnfitData(DatasetError):
    """The engine's check found what forbids a training. Its codes are the engine's own words, so they are told apart from ours."""

    def __init__(self, problems: Sequence[DataProblem]):
        self.problems = [each.told() | {"code": f"data_{each.code}"} for each in problems]
        message, hint = (
            "; ".join(dict.fromkeys(getattr(each, part) for each in problems)) for part in ("message", "hint")
        )
        super().__init__(self.problems[0]["code"], message, hint, problems=self.problems)


class Datasets:
    """The data sets of one workspace."""

    def __init__(self, settings: Settings, database: Database):
        self._settings, self._database = settings, database

    async def list(self) -> Sequence[DatasetRow]:
        async with self._database.reading() as session:
            return (await session.scalars(select(DatasetRow).order_by(DatasetRow.name))).all()

    async def names(self) -> Sequence[str]:
        async with self._database.reading() as session:
            return (await session.scalars(select(DatasetRow.name).order_by(DatasetRow.name))).all()

    async def get(self, name: str) -> DatasetRow:
        """The data set of that name, whatever its case.

        Raises:
            DatasetError: unknown name; the message offers the nearest ones.
        """
        rows = await self.list()
        for row in rows:
            if row.name == name:
                return row
        for row in rows:
            if row.name.casefold() == name.casefold():
                return row
        have = [row.name for row in rows]
        near = difflib.get_close_matches(name.casefold(), [each.casefold() for each in have], n=1)
        meant = next((f", did you mean {each!r}?" for each in have if near and each.casefold() == near[0]), "")
        known = ", ".join(have) or "none yet"
        raise DatasetError(
            "unknown_dataset",
            f"unknown data set {name!r}{meant} (have: {known})",
            "register it with 'murascope data add NAME PATH' or on the Data page",
            name=name,
            known=have,
        )

    async def facts(self, name: str) -> NamedFacts:
        """What inspect_dataset and a plan tell about a data set; checked again when its files changed since."""
        row = await self.get(name)
        if not await asyncio.to_thread(Path(row.path).is_dir):
            raise DatasetError(
                "dataset_gone",
                f"the folder of data set {row.name!r} is gone: {row.path}",
                "put it back, or remove the data set and add it again",
                path=row.path,
            )
        stamp = await asyncio.to_thread(folder_stamp, Path(row.path))
        if row.stamp != stamp:
            facts = await self.check(Path(row.path))
            async with self._database.session() as session:
                row = await session.merge(row)
                _note(row, facts, stamp)
        return NamedFacts.of(row.facts, dataset=row.name, origin=row.origin)

    async def facts_of(self, data: str) -> NamedFacts:
        """The facts of a registered data set, or of a folder that is used as it is.

        Raises:
            DatasetError: there is neither, or nothing in it can be trained on.
        """
        known = {name.casefold() for name in await self.names()}
        if looks_like_path(data) or (data.casefold() not in known and await asyncio.to_thread(Path(data).is_dir)):
            path = await asyncio.to_thread(existing_folder, Path(data))
            return NamedFacts.of(await self.check(path), dataset=path.name)
        return await self.facts(data)

    async def images(self, name: str) -> Sequence[Picture]:
        """Every readable image."""
        row = await self.get(name)
        async with self._database.reading() as session:
            listing: Sequence[Picture] = (
                await session.execute(select(DatasetRow.images).where(DatasetRow.name == row.name))
            ).scalar_one()
        return listing

    async def check(self, path: Path) -> DataFacts:
        """Let the engine read every image under `path`.

        Raises:
            DatasetError: no such folder, nothing to train on, or the check itself broke down.
        """
        facts = await self.look_into(path)
        if facts.problems:
            raise UnfitData(facts.problems)
        return facts

    async def look_into(self, path: Path) -> DataFacts:
        """What the engine makes of a folder, whether it can be trained on or not.

        Raises:
            DatasetError: no such folder, or the check itself broke down.
        """
        path = await asyncio.to_thread(existing_folder, path)
        try:
            told = await ask_engine(self._settings, "check", str(path), timeout_s=3600)
        except EngineError as error:
            raise DatasetError(
                "check_failed",
                str(error),
                "look at the images of that folder; one of them may be damaged in an unusual way",
            ) from error
        return DataFacts.model_validate(told)

    async def add(self, name: str, path: Path, *, origin: Origin = "registered") -> DatasetRow:
        """Check the folder and remember it under `name`; its files stay where they are.

        Raises:
            DatasetError: bad or taken name, or anything that `check` finds.
        """
        name = await self.free_name(name)
        path = await asyncio.to_thread(existing_folder, path)
        row = DatasetRow(name=name, path=str(path), origin=origin)
        stamp = await asyncio.to_thread(
            folder_stamp, path
        )  # before the check: what changes meanwhile is seen next time
        _note(row, await self.check(path), stamp)
        try:
            async with self._database.session() as session:
                session.add(row)
        except IntegrityError:  # taken while the images were read
            raise _taken(name) from None
        return row

    async def add_archive(self, name: str, archive: Path, upload: Upload) -> DatasetRow:
        """Unpack a zip into the folder of the upload under way and register what it holds. On any failure nothing of it stays.

        Raises:
            DatasetError: bad or taken name, refused archive, or nothing to train on inside.
        """
        name = await self.free_name(name)
        try:
            await unpack_elsewhere(self._settings, archive, upload.folder)
            return await self.add(name, upload.folder, origin="uploaded")
        except BaseException as error:
            await asyncio.to_thread(shutil.rmtree, upload.folder, ignore_errors=True)
            if isinstance(error, NoRoom):
                raise no_room(str(error)) from error
            if isinstance(error, BadArchive):
                raise DatasetError("bad_archive", str(error), "then upload it again") from error
            raise

    async def clear_up(self) -> None:
        """Remove what uploads left behind whose process was killed."""
        async with abandoned(self._settings) as uploads:
            kept = {Path(row.path).name for row in await self.list()}
            for upload in uploads:
                if upload.folder.name not in kept:
                    await asyncio.to_thread(shutil.rmtree, upload.folder, ignore_errors=True)
                logger.info("removed what an upload that was cut off had left: %s", upload.lock.stem)

    async def rename(self, name: str, new: str) -> tuple[DatasetRow, Sequence[ProposalRow]]:
        """Call a data set otherwise. Its runs and groups are filed under the new name, and plans and trials that have no run yet follow;
        what was approved and run before keeps in its spec the name that was read then. Gives the data set, and the open plans.

        Raises:
            DatasetError: unknown, or a bad or taken name.
        """
        row = await self.get(name)
        new = valid_name(new)
        if new.casefold() != row.name.casefold():
            new = await self.free_name(new)
        try:
            async with self._database.session() as session:
                await session.execute(update(DatasetRow).where(DatasetRow.name == row.name).values(name=new))
                await session.execute(update(RunRow).where(RunRow.dataset == row.name).values(dataset=new))
                names_it = or_(ProposalRow.dataset == row.name, ProposalRow.group.is_not(None))
                every = (await session.scalars(select(ProposalRow).where(names_it))).all()
                plans = [
                    plan
                    for plan in every
                    if plan.dataset == row.name or plan.group != renamed_in(plan.group, row.name, new)
                ]
                for plan in plans:
                    plan.dataset = new if plan.dataset == row.name else plan.dataset
                    plan.group = renamed_in(plan.group, row.name, new)
                    if plan.run is None:
                        plan.spec = renamed_in(plan.spec, row.name, new)
                for group in await session.scalars(select(GroupRow)):
                    group.dataset = new if group.dataset == row.name else group.dataset
                    group.plan = renamed_in(group.plan, row.name, new)
                for run in await session.scalars(
                    select(RunRow).where(RunRow.dataset == new, RunRow.group.is_not(None))
                ):
                    run.trial = renamed_in(run.trial, row.name, new)
        except IntegrityError:  # taken meanwhile
            raise _taken(new) from None
        return await self.get(new), [plan for plan in plans if plan.state == "open"]

    async def remove(self, name: str) -> None:
        """Forget a data set. Files that were uploaded go with it; a registered folder is left alone; runs keep their results.

        Raises:
            DatasetError: unknown, or uploaded and still needed by a run.
        """
        row = await self.get(name)
        is_ours = row.origin == "uploaded" and Path(row.path).parent == self._settings.datasets_folder.absolute()
        async with under_way(self._settings, Path(row.path).name) if is_ours else nullcontext():
            async with self._database.session() as session:
                needs = select(RunRow.id).where(RunRow.state.in_(ACTIVE), RunRow.dataset == row.name)
                if (run := await session.scalar(needs)) is not None and row.origin == "uploaded":
                    raise DatasetError(
                        "in_use",
                        f"run {run} is using the data set {row.name!r}",
                        "stop the run first, or wait for its end",
                    )
                await session.execute(delete(DatasetRow).where(DatasetRow.name == row.name))
            if is_ours:
                await asyncio.to_thread(shutil.rmtree, row.path, ignore_errors=True)

    async def image_path(self, name: str, relative: str) -> Path:
        """The file of one image of a data set.

        Raises:
            DatasetError: unknown data set.
            LookupError: no such image, or a path that leaves the data set's folder.
        """
        folder = Path((await self.get(name)).facts.path)
        path = await asyncio.to_thread(picture_inside, folder, relative)
        if path is None:
            raise LookupError(f"no image {relative!r} in data set {name!r}")
        return path

    async def free_name(self, name: str) -> str:
        """The name as it is stored.

        Raises:
            DatasetError: it cannot be a name, or there is a data set of that name.
        """
        name = valid_name(name)
        if name.casefold() in {each.casefold() for each in await self.names()}:
            raise _taken(name)
        return name


def renamed_in(told: Any, name: str, new: str) -> Any:
    """Anything that is stored as JSON, with a data set called otherwise wherever it is named as one."""
    match told:
        case {"name": "datasets", "value": list() as values}:
            return {**told, "value": [new if each == name else each for each in values]}
        case dict():
            return {
                key: new if key == "dataset" and each == name else renamed_in(each, name, new)
                for key, each in told.items()
            }
        case list():
            return [renamed_in(each, name, new) for each in told]
        case _:
            return told


def _taken(name: str) -> DatasetError:
    return DatasetError(
        "name_taken",
        f"there is a data set called {name!r} already",
        "choose another name, or remove the old one first",
    )


def no_room(message: str) -> DatasetError:
    return DatasetError("no_room", message, "make room on the disk of the home folder, then try again")


def existing_folder(path: Path) -> Path:
    """The whole path of a folder that somebody gave.

    Raises:
        DatasetError: there is none, or this cannot be a path.
    """
    try:
        whole = path.expanduser().absolute()
        str(whole).encode()  # it is to be stored and shown
        kind = None if whole.is_dir() else "is a file, not a folder" if whole.exists() else "does not exist"
    except (ValueError, RuntimeError, OSError) as error:  # half a character; ~nosuchuser; too long, or forbidden
        why = error.strerror if isinstance(error, OSError) else error
        message = f"{str(path)[:200]!r} cannot be looked at ({why})"
        raise DatasetError("no_folder", message, GIVE_A_FOLDER) from None
    if kind is not None:
        raise DatasetError("no_folder", f"{whole} {kind}", GIVE_A_FOLDER)
    return whole


def valid_name(name: str) -> str:
    """The name as it is stored: NFC, trimmed.

    Raises:
        DatasetError: empty, longer than 80 characters, with characters other than letters, digits, space, - _ . ( ), or one that a run
            or a group of runs has: whoever says it means that one.
    """
    plain = plain_name(name)
    if plain is None:
        raise DatasetError(
            "bad_name",
            f"{name.strip()[:80]!r} cannot be a data set's name",
            "use 1 to 80 letters, digits, spaces or - _ . ( ), beginning with a letter or digit; r7 and g7 are runs and groups",
        )
    return plain


def folder_stamp(folder: Path) -> str:
    """A hash over path, size and times of every file: differs when one came, went, moved or changed, be it a picture or what labels it.

    The time of the last change tells even of files that were exchanged for others of the same size and date.
    """
    stamp = hashlib.sha256()
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(parent, name)
            status = path.lstat()
            stamp.update(
                f"{path.relative_to(folder)}\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ctime_ns}\n".encode(
                    errors="surrogateescape"
                )
            )
    return stamp.hexdigest()


def _note(row: DatasetRow, facts: DataFacts, stamp: str) -> None:
    assert facts.layout is not None, "a folder that cannot be read is refused"
    row.images, row.facts = facts.images, facts.without_images()
    row.layout, row.stamp = facts.layout, stamp
