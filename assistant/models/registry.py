"""Models by their names, their versions, and which of these has which part: the one place where that changes.

What is decided of a model stands here, in one row that is changed under a lock: two who promote at once leave one champion, and each act is
written beside it, signed (history.py). MLflow is told of it afterwards (tracking/) and is asked for nothing: a model is promoted, rolled back
and served while MLflow is away.
"""

import asyncio
import difflib
import shlex
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from assistant.data.names import plain_name
from assistant.machine.own_secret import own_secret
from assistant.models.aliases import ALIASES, Alias, Aliases
from assistant.models.facts import VersionFacts
from assistant.models.gate import Gate
from assistant.models.history import Act, first_false, signed
from assistant.refused import Refused
from assistant.runs.labels import labels
from assistant.runs.queue import version_in_force
from assistant.settings import Settings
from assistant.store.database import Database
from assistant.store.tables import ModelActRow, ModelRow, RunRow, VersionRow, now

NOTHING_REGISTERED = "register a finished run first: murascope register RUN --name NAME"


class UnknownModel(Refused, LookupError):
    """There is no such model, or no such version of it."""

    status = 404


class ModelRefused(Refused):
    """A model is not named or registered so. `code` is bad_model_name, other_kind or stale_model."""

    status = 409


@dataclass(frozen=True)
class Version:
    """A version of a model with the part that it has."""

    row: VersionRow
    alias: Alias | None

    @property
    def facts(self) -> VersionFacts:
        return VersionFacts.model_validate(self.row.facts)

    @property
    def reference(self) -> str:
        return f"{self.row.model}@{self.row.version}"


@dataclass(frozen=True)
class Model:
    """A model with its versions, the newest first; those that were deleted are not among them."""

    row: ModelRow
    versions: Sequence[Version]

    @property
    def aliases(self) -> Aliases:
        return aliases_of(self.row)

    @property
    def gate(self) -> Gate | None:
        return None if self.row.gate is None else Gate.model_validate(self.row.gate)

    def version(self, number: int) -> Version:
        """
        Raises:
            UnknownModel: there is no such version, or it was deleted.
        """
        found = next((each for each in self.versions if each.row.version == number), None)
        if found is None:
            have = ", ".join(str(each.row.version) for each in self.versions) or "none"
            hint = "name one of these" if self.versions else NOTHING_REGISTERED
            raise _unknown(f"{self.row.name} has no version {number} (have: {have})", hint, self.row.name)
        return found

    def with_alias(self, alias: Alias) -> Version | None:
        return next((each for each in self.versions if each.alias == alias), None)


class Registry:
    """The models of one database."""

    def __init__(self, settings: Settings, database: Database):
        self._settings, self._database = settings, database
        self.changed = asyncio.Event()  # set with each change, for whoever tells of it

    async def list(self) -> Sequence[Model]:
        """Every model, by name."""
        async with self._database.reading() as session:
            rows = (await session.scalars(select(ModelRow).where(ModelRow.deleted_at.is_(None)))).all()
            found = [await _with_versions(session, row) for row in rows]
        return sorted(found, key=lambda model: model.row.name.casefold())

    async def get(self, name: str) -> Model:
        """The model of that name, however it is spelt in capitals.

        Raises:
            UnknownModel: there is none; the message tells which there are.
        """
        async with self._database.reading() as session:
            return await _with_versions(session, await _find(session, name))

    async def find(self, reference: str) -> Version:
        """What NAME@champion, NAME@candidate, NAME@rollback or NAME@3 means; a name alone is its champion, else its newest version.

        Raises:
            UnknownModel: there is no such model or version.
        """
        name, at, which = reference.rpartition("@") if "@" in reference else (reference, "", "")
        model = await self.get(name)
        if at and which.isdecimal():
            return model.version(int(which))
        if not at:
            found = model.with_alias("champion") or next(iter(model.versions), None)
        elif which.lower() in ALIASES:
            found = next((each for each in model.versions if each.alias == which.lower()), None)
        else:
            hint = f"say {', '.join(ALIASES)}, or the number of a version"
            raise _unknown(f"{which!r} is no part of {model.row.name}", hint, model.row.name)
        if found is None:
            raise _unknown(f"{model.row.name} has no {which or 'version'}", _instead(model, which), model.row.name)
        return found

    async def history(self, name: str) -> tuple[Sequence[ModelActRow], int | None]:
        """What was done with a model, the oldest first, and the number of the first act that is not what was signed."""
        async with self._database.reading() as session:
            row = await _find(session, name)
            acts = (
                await session.scalars(
                    select(ModelActRow).where(ModelActRow.model == row.name).order_by(ModelActRow.number)
                )
            ).all()
        false = first_false(await asyncio.to_thread(own_secret, self._settings), acts)
        missing = (
            len(acts) + 1 if len(acts) < row.revision else None
        )  # each change is an act: the last ones were taken out
        return acts, false or missing

    async def register(
        self,
        name: str,
        run: RunRow,
        *,
        facts: VersionFacts,
        who: str,
        why: str = "",
        note: str = "",
        tags: Sequence[str] = (),
    ) -> Version:
        """Make a new version of a run at its threshold in force, the candidate from now on. The model is made where there is none of this
        name; a run that is registered at this threshold already is told, and no version is made.

        Raises:
            ModelRefused: the name cannot be one, or the model's versions are of another kind of run.
            BadLabel: note or tags are too long, or too many.
        """
        clean, written = valid_name(name), labels(note=note, tags=tags)
        await self._begin(clean, run.kind)
        async with self._changing(clean) as (session, row):
            if row.kind != run.kind:
                message = (
                    f"the versions of {row.name} come from runs of kind {row.kind!r}, and {run.id} is {run.kind!r}"
                )
                raise ModelRefused("other_kind", message, "register it under another name", model=row.name)
            threshold = version_in_force(run)
            for known in (await _with_versions(session, row)).versions:
                if (known.row.run, known.row.threshold_version) == (run.id, threshold):
                    return known
            row.latest += 1
            version = VersionRow(
                model=row.name,
                version=row.latest,
                run=run.id,
                threshold_version=threshold,
                threshold=run.threshold,
                facts=facts.model_dump(mode="json"),
                who=who,
                **written,
            )
            session.add(version)
            self._become(row, aliases_of(row).registered(row.latest))
            told = {"run": run.id, "threshold_version": threshold}
            await self._write(session, row, "registered", version.version, who=who, why=why, told=told)
        return Version(version, "candidate")

    async def promote(
        self, name: str, version: int, *, seen: int, who: str, why: str = "", told: Mapping[str, Any]
    ) -> Model:
        """Make a version the champion. Whether it may be is judged before (promoting.py), on the model as it was at the revision `seen`.

        Raises:
            UnknownModel, NoSuchChange: there is no such version, or it is the champion.
            ModelRefused: `stale_model`: the model was changed since.
        """
        async with self._changing(name, seen=seen) as (session, row):
            model = await _with_versions(session, row)
            model.version(version)
            before = model.aliases
            self._become(row, before.promoted(version))
            told = {**told, "before": asdict(before)}
            await self._write(session, row, "promoted", version, who=who, why=why, told=told)
        return await self.get(name)

    async def roll_back(self, name: str, *, who: str, why: str = "", seen: int | None = None) -> Model:
        """The champion before this one is at work again.

        Raises:
            UnknownModel, NoSuchChange: there is none.
            ModelRefused: `stale_model`: the model was changed since the revision `seen`.
        """
        async with self._changing(name, seen=seen) as (session, row):
            before = aliases_of(row)
            self._become(row, before.rolled_back())
            await self._write(
                session, row, "rolled_back", row.champion, who=who, why=why, told={"before": asdict(before)}
            )
        return await self.get(name)

    async def delete(self, name: str, version: int, *, who: str, why: str = "") -> Model:
        """Take a version away; its run stays, and its number is given to no other.

        Raises:
            UnknownModel, NoSuchChange: there is none, or it is the champion.
        """
        async with self._changing(name) as (session, row):
            found = (await _with_versions(session, row)).version(version)
            before = aliases_of(row)
            self._become(row, before.deleted(version))
            (await session.merge(found.row)).deleted_at = now()
            await self._write(
                session,
                row,
                "deleted",
                version,
                who=who,
                why=why,
                told={"before": asdict(before), "run": found.row.run},
            )
        return await self.get(name)

    async def set_gate(self, name: str, gate: Gate | None, *, who: str, why: str = "") -> Model:
        """What a version must keep to be promoted, from now on; None: nothing.

        Raises:
            UnknownModel: there is no such model.
        """
        async with self._changing(name) as (session, row):
            before = row.gate
            row.gate = None if gate is None else gate.model_dump(mode="json")
            await self._write(session, row, "gate", None, who=who, why=why, told={"gate": row.gate, "before": before})
        return await self.get(name)

    async def refuse(self, name: str, version: int, *, who: str, told: Mapping[str, Any]) -> None:
        """Write down that a version was not promoted, and on what grounds."""
        async with self._changing(name) as (session, row):
            await self._write(session, row, "refused", version, who=who, why="", told=dict(told))

    async def _begin(self, name: str, kind: str) -> None:
        """Make the model where there is none."""
        try:
            async with self._database.session() as session:
                same = func.lower(ModelRow.name) == name.lower()
                if await session.scalar(select(ModelRow.name).where(same)) is None:
                    session.add(ModelRow(name=name, kind=kind))
        except IntegrityError:  # somebody else did at the same moment
            pass

    @asynccontextmanager
    async def _changing(self, name: str, *, seen: int | None = None) -> AsyncIterator[tuple[AsyncSession, ModelRow]]:
        """The model's row, which nobody else changes meanwhile."""
        async with self._database.session() as session:
            row = await _find(session, name, to_change=True)
            if seen is not None and row.revision != seen:
                message = f"{row.name} was changed meanwhile"
                raise ModelRefused("stale_model", message, "look at it again, then decide", model=row.name)
            yield session, row
        self.changed.set()

    def _become(self, row: ModelRow, aliases: Aliases) -> None:
        row.candidate, row.champion, row.rollback = aliases.candidate, aliases.champion, aliases.rollback

    async def _write(
        self,
        session: AsyncSession,
        row: ModelRow,
        act: Act,
        version: int | None,
        *,
        who: str,
        why: str,
        told: dict[str, Any],
    ) -> None:
        row.revision += 1
        last = select(ModelActRow).where(ModelActRow.model == row.name).order_by(ModelActRow.number.desc()).limit(1)
        secret = await asyncio.to_thread(own_secret, self._settings)
        session.add(
            signed(
                secret,
                row.name,
                act,
                after=await session.scalar(last),
                version=version,
                who=who,
                why=why,
                told=told,
                when=now(),
            )
        )


def aliases_of(row: ModelRow) -> Aliases:
    return Aliases(row.candidate, row.champion, row.rollback)


async def _find(session: AsyncSession, name: str, *, to_change: bool = False) -> ModelRow:
    query = select(ModelRow).where(ModelRow.deleted_at.is_(None))
    same = query.where(func.lower(ModelRow.name) == name.strip().lower())
    row = await session.scalar(same.with_for_update() if to_change else same)
    if row is None:
        have = [each.name for each in (await session.scalars(query)).all()]
        raise _not_among(name, have)
    return row


async def _with_versions(session: AsyncSession, row: ModelRow) -> Model:
    query = select(VersionRow).where(VersionRow.model == row.name, VersionRow.deleted_at.is_(None))
    versions = (await session.scalars(query.order_by(VersionRow.version.desc()))).all()
    aliases = aliases_of(row)
    return Model(row, [Version(each, aliases.of(each.version)) for each in versions])


def _not_among(name: str, have: list[str]) -> UnknownModel:
    near = difflib.get_close_matches(name, have, n=1)
    meant = f", did you mean {near[0]!r}?" if near else ""
    told = ", ".join(sorted(have)[:10]) or "none"
    hint = "name one of these (murascope models lists all)" if have else NOTHING_REGISTERED
    return _unknown(f"unknown model {name[:80]!r}{meant} (have: {told})", hint, name)


def _instead(model: Model, which: str) -> str:
    """What to do about a part that no version has, or a model without versions."""
    name = shlex.quote(model.row.name)
    if not model.versions:
        return NOTHING_REGISTERED
    if which.lower() == "champion":
        return f"promote one (murascope promote {name}), or name a version: {model.versions[0].reference}"
    return f"name a version, such as {model.versions[0].reference} (murascope models {name} lists all)"


def _unknown(message: str, hint: str, name: str) -> UnknownModel:
    return UnknownModel("unknown_model", message, hint, model=name[:80])


def valid_name(name: str) -> str:
    """The name as it is stored.

    Raises:
        ModelRefused: it cannot be a model's name.
    """
    plain = plain_name(name)
    if plain is None:
        hint = "use 1 to 80 letters, digits, spaces or - _ . ( ), beginning with a letter or digit; r7 and g7 are runs and groups"
        raise ModelRefused("bad_model_name", f"{name.strip()[:80]!r} cannot be a model's name", hint)
    return plain
