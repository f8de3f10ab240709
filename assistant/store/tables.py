"""The tables. Large things (images, event logs, models) are files; the database holds what is searched and what must not be lost."""

from datetime import UTC, datetime
from typing import Any, Generic, Literal, TypeVar, get_args

from pydantic import TypeAdapter
from sqlalchemy import JSON, CheckConstraint, DateTime, ForeignKey, Index, MetaData, Text, UniqueConstraint
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from assistant.state import State
from engine.contract.data import DataFacts, Picture

ContentT = TypeVar("ContentT")

RunState = Literal["queued", "running", "succeeded", "failed", "stopped"]
RUN_STATES: tuple[RunState, ...] = get_args(RunState)
SUCCEEDED: tuple[RunState, ...] = ("succeeded",)
WAITING: tuple[RunState, ...] = ("queued",)
ACTIVE: tuple[RunState, ...] = ("queued", "running")
AttemptState = Literal["submitting", "submitted", "begun", "ended"]
Outcome = Literal["done", "stopped", "killed", "lost", "silent", "limit", "exited", "never_began"]
ATTEMPT_STATES: tuple[AttemptState, ...] = get_args(AttemptState)
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
TRIED_AGAIN: tuple[Outcome, ...] = ("killed", "lost", "silent")  # another try may go better; each counts
ENDED = tuple(state for state in RUN_STATES if state not in ACTIVE)  # terminal: never left


class UtcDateTime(TypeDecorator[datetime]):
    """A point in time, always UTC and aware; SQLite forgets the zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


class AsJson(TypeDecorator[ContentT], Generic[ContentT]):
    """Something typed that is stored as JSON, with what was set and nothing else; of an older version it may lack what has a default."""

    impl = JSON
    cache_ok = True

    def __init__(self, kind: type[ContentT]):
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: ContentT | None, dialect: Dialect) -> Any:
        return TypeAdapter(self.kind).dump_python(value, mode="json", exclude_unset=True)  # type: ignore[arg-type]

    def process_result_value(self, value: Any, dialect: Dialect) -> ContentT:
        return TypeAdapter(self.kind).validate_python(value)


def now() -> datetime:
    return datetime.now(UTC)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {dict[str, Any]: JSON, list[str]: JSON, datetime: UtcDateTime, str: Text}  # noqa: RUF012


class DatasetRow(Base):
    """A registered data set; `facts` is what the engine's check found, without the pictures: these stand in `images`."""

    __tablename__ = "datasets"
    name: Mapped[str] = mapped_column(primary_key=True)
    path: Mapped[str]
    layout: Mapped[str]
    origin: Mapped[str]  # demo, registered, uploaded
    facts: Mapped[DataFacts] = mapped_column(AsJson(DataFacts))
    images: Mapped[list[Picture]] = mapped_column(AsJson(list[Picture]), deferred=True)
    stamp: Mapped[str]  # of the files when they were checked
    created_at: Mapped[datetime] = mapped_column(default=now)


class ConversationRow(Base):
    """A conversation: `history` is the agent's own record, `state` what it remembers, `revision` counts the changes of its items,
    `answered_by` is the mark of the process that makes an answer (assistant/chat/answering.py)."""

    __tablename__ = "conversations"
    id: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(default="")
    language: Mapped[str]
    revision: Mapped[int] = mapped_column(default=0)
    history: Mapped[str | None]
    state: Mapped[State] = mapped_column(AsJson(State), default=State)
    answered_by: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now)


class ItemRow(Base):
    """One item of a conversation (assistant/frames.py); `position` is its place, `revision` its last change."""

    __tablename__ = "items"
    conversation: Mapped[str] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]
    revision: Mapped[int]
    body: Mapped[dict[str, Any]]


class ProposalRow(Base):
    """A training plan under discussion. `revision` grows with each edit; only an open one can be edited or approved."""

    __tablename__ = "proposals"
    __table_args__ = (CheckConstraint("state in ('open','approved','declined','superseded')", name="state"),)
    id: Mapped[str] = mapped_column(primary_key=True)
    conversation: Mapped[str | None] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), index=True)
    revision: Mapped[int] = mapped_column(default=1)
    state: Mapped[str] = mapped_column(default="open")
    kind: Mapped[str]  # of its job (engine/contract/jobs)
    dataset: Mapped[str]
    subject: Mapped[str]  # what it is about: the model's name
    chosen: Mapped[dict[str, Any]]  # the settings that somebody asked for; the others are defaults
    spec: Mapped[dict[str, Any]]
    fingerprint: Mapped[str | None]  # of the data that the card tells of
    group: Mapped[
        dict[str, Any] | None
    ]  # what is tried, where the plan is one of several runs (assistant/plans/group.py)
    run: Mapped[str | None]  # the run that it was approved as, or the group of runs
    created_at: Mapped[datetime] = mapped_column(default=now)


class GroupRow(Base):
    """Runs that one plan and one yes started, one after the other; what has become of it is read from its runs.

    `plan` is what was approved (assistant/plans/group.py). Only the server of its home goes on with it.
    """

    __tablename__ = "groups"
    __table_args__ = (
        CheckConstraint("ended in ('finished','stopped')", name="ended"),
        UniqueConstraint("idempotency_key"),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(unique=True)
    sort: Mapped[str]  # many, sweep, recommend
    home: Mapped[str]
    conversation: Mapped[str | None] = mapped_column(ForeignKey("conversations.id", ondelete="SET NULL"), index=True)
    idempotency_key: Mapped[str | None]
    dataset: Mapped[str]  # of its first run, as the model
    subject: Mapped[str]
    plan: Mapped[dict[str, Any]]
    budget_s: Mapped[float | None]  # that its runs may work, all together
    stop_requested: Mapped[bool] = mapped_column(default=False)
    ended: Mapped[str | None]  # how; none: it goes on
    created_at: Mapped[datetime] = mapped_column(default=now)
    finished_at: Mapped[datetime | None]


class RunRow(Base):
    """A run. The state moves queued -> running -> succeeded | failed | stopped and never leaves a terminal state.

    Its folder lies in one home, and only that home's servers start, watch and end it (assistant/runs/place.py): of these the one that holds
    its lease (assistant/runs/leases.py).
    """

    __tablename__ = "runs"
    __table_args__ = (
        CheckConstraint(f"state in {RUN_STATES}", name="state"),
        UniqueConstraint("idempotency_key"),
        Index("ix_runs_state", "state", "created_at"),
        Index(
            "ix_runs_listed", "deleted_at", "number"
        ),  # the list of runs, and what it can be narrowed to (assistant/kinds/finding.py)
        Index("ix_runs_found", "deleted_at", "state", "dataset", "kind", "subject"),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(unique=True)
    kind: Mapped[str]  # of its job (engine/contract/jobs)
    executor: Mapped[str]  # where it computes (assistant/runs/executors)
    home: Mapped[str | None]  # the id of the home that holds its folder; null: of an older version, and nobody knows
    host: Mapped[str | None]  # that home's machine, by its name, for people
    state: Mapped[str] = mapped_column(default="queued")
    conversation: Mapped[str | None] = mapped_column(ForeignKey("conversations.id", ondelete="SET NULL"), index=True)
    idempotency_key: Mapped[str | None]
    dataset: Mapped[str]
    data_path: Mapped[str]
    subject: Mapped[str]  # what it is about: the model's name
    spec: Mapped[dict[str, Any]]
    fingerprint: Mapped[str | None]  # of the data that was approved; the engine refuses any other
    register_as: Mapped[str | None]  # the model that it becomes a version of when it has succeeded; null since it is
    register_by: Mapped[str | None]  # who said so
    continues: Mapped[str | None]  # the run whose place this one takes, from its checkpoint where there was one
    group: Mapped[str | None] = mapped_column(index=True)  # the group of runs that it belongs to
    trial: Mapped[dict[str, Any] | None]  # which of its group it is, in what it differs, and why it was cut short
    estimate_s: Mapped[float | None]
    worked_s: Mapped[float | None]  # as the engine measured it; known when the run has ended
    attempts: Mapped[int] = mapped_column(default=0)  # that were made; the number of the latest
    priority: Mapped[int] = mapped_column(default=0)  # of those that wait the highest goes first
    not_before: Mapped[datetime | None]  # it waits so long until it is tried again, by the database's clock
    held_by: Mapped[str | None]  # the mark of the process that works on it, while it runs
    held_until: Mapped[datetime | None]  # by the database's clock; then another one may take its place
    stop_requested: Mapped[bool] = mapped_column(default=False)
    metrics: Mapped[dict[str, Any] | None]  # at the threshold in force
    threshold: Mapped[dict[str, Any] | None]  # in force, a ThresholdSet; null: the promised one, version 1
    reason: Mapped[str | None]
    hint: Mapped[str | None]
    name: Mapped[str] = mapped_column(
        default=""
    )  # what people call it; nothing is found by it alone (assistant/runs/labels.py)
    note: Mapped[str] = mapped_column(default="")
    tags: Mapped[list[str]] = mapped_column(default=list)
    deleted_at: Mapped[datetime | None]  # it is in no list since, and can be restored (assistant/runs/deleting.py)
    files_removed_at: Mapped[datetime | None]  # nothing brings it back since
    kept: Mapped[
        str | None
    ]  # the key of its files in the object store, once they are there (assistant/runs/artifacts.py)
    created_at: Mapped[datetime] = mapped_column(default=now)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class QueueRow(Base):
    """The queue of one home."""

    __tablename__ = "queues"
    home: Mapped[str] = mapped_column(primary_key=True)
    paused_at: Mapped[datetime | None]  # nothing of it starts since


class AttemptRow(Base):
    """One submission of a run to an executor, which knows it by `<run>-a<number>`.

    state: submitting (nobody knows whether the executor has it) -> submitted -> begun (it has shown a sign of life) -> ended. Only the latest
    attempt of a run is one that counts.
    """

    __tablename__ = "attempts"
    __table_args__ = (
        CheckConstraint(f"state in {ATTEMPT_STATES}", name="state"),
        CheckConstraint(f"outcome in {OUTCOMES}", name="outcome"),
    )
    run: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    executor: Mapped[str]
    state: Mapped[str] = mapped_column(default="submitting")
    node: Mapped[str | None]  # where it computes, for people
    device: Mapped[str | None]  # of its executor's, whose place it takes (assistant/runs/devices.py)
    machine: Mapped[str | None]  # whose device that is (assistant/runs/place.py)
    submitted_at: Mapped[datetime] = mapped_column(default=now)
    began_at: Mapped[datetime | None]
    heard_at: Mapped[datetime | None]  # its last sign of life, where it reports over HTTP
    given_up_at: Mapped[datetime | None]  # it was to be ended then, as `outcome` says, and nobody has seen it end yet
    ended_at: Mapped[datetime | None]
    outcome: Mapped[Outcome | None] = mapped_column(Text)
    exit_code: Mapped[int | None]
    reason: Mapped[str | None]  # in words, for people


class ThresholdRow(Base):
    """A threshold that somebody set for a finished run; `setting` is a ThresholdSet (assistant/runs/thresholds.py).

    Version 1 is the promised one of the training and has no row. The versions of a run have no gaps, so of two that are set at once one
    finds its number taken.
    """

    __tablename__ = "thresholds"
    run: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    value: Mapped[float]
    pixel: Mapped[float]
    setting: Mapped[dict[str, Any]]
    conversation: Mapped[str | None] = mapped_column(ForeignKey("conversations.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(default=now)


class ModelRow(Base):
    """A model that is known by its name: which of its versions has which part, and what a version must keep to be promoted.

    `revision` counts all changes of the model and its versions; who changes it names the one that he has seen (assistant/models/registry.py).
    `tracked` is the revision that MLflow was told of, at the address `tracked_at` (assistant/models/tracking).
    """

    __tablename__ = "models"
    name: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]  # of the runs that its versions are of
    note: Mapped[str] = mapped_column(default="")
    candidate: Mapped[int | None]
    champion: Mapped[int | None]
    rollback: Mapped[int | None]
    latest: Mapped[int] = mapped_column(default=0)  # the number of its newest version; never given twice
    gate: Mapped[dict[str, Any] | None]  # assistant/models/gate.py
    revision: Mapped[int] = mapped_column(default=0)
    tracked: Mapped[int] = mapped_column(default=-1)
    tracked_at: Mapped[str | None]
    deleted_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)


class VersionRow(Base):
    """A version of a model: a finished run's model at one of the run's thresholds. What was registered does not change."""

    __tablename__ = "model_versions"
    model: Mapped[str] = mapped_column(ForeignKey("models.name", ondelete="CASCADE"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    run: Mapped[str] = mapped_column(ForeignKey("runs.id"), index=True)
    threshold_version: Mapped[int]  # of the run's; 1 where its kind has none
    threshold: Mapped[dict[str, Any] | None]  # a ThresholdSet; null: the promised one, or none
    facts: Mapped[dict[str, Any]]  # figures and lineage as they were registered (assistant/models/evidence.py)
    who: Mapped[str]
    note: Mapped[str] = mapped_column(default="")
    tags: Mapped[list[str]] = mapped_column(default=list)
    deleted_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now)


class ModelActRow(Base):
    """What was done with a model, in order and without gaps; each is signed over the one before it (assistant/models/history.py)."""

    __tablename__ = "model_acts"
    model: Mapped[str] = mapped_column(ForeignKey("models.name", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    act: Mapped[str]  # registered, promoted, rolled_back, deleted, gate, refused
    version: Mapped[int | None]
    who: Mapped[str]
    why: Mapped[str]
    told: Mapped[dict[str, Any]]  # what it rests on: the assessment, what it changed
    signature: Mapped[str]
    created_at: Mapped[datetime]


class TrackedRow(Base):
    """How far a run was told to MLflow at one address; `is_done` until something of it changes again."""

    __tablename__ = "tracked_runs"
    run: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    at: Mapped[str] = mapped_column(primary_key=True)  # the address, without a password
    tracked_as: Mapped[str]  # the id of the run there
    events: Mapped[int] = mapped_column(default=0)  # `seq` of the last one that was told
    is_done: Mapped[bool] = mapped_column(default=False)


class PredictionRow(Base):
    """What a model said of one picture: never changed, for feedback, audits and drift read it.

    `run` is whose model it was, `model` and `version` the registry's names where it was asked by those; `threshold` the one that judged, as
    `threshold_version` of the run's. `found` holds all else that was said (engine/contract/serving.py), and `data` the fingerprint of what
    the model learnt from.
    """

    __tablename__ = "predictions"
    __table_args__ = (
        Index("ix_predictions_of_run", "run", "created_at"),
        Index("ix_predictions_of_model", "model", "created_at"),
        Index("ix_predictions_of_image", "image_sha256"),
        Index("ix_predictions_created", "created_at"),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    run: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    model: Mapped[str | None]
    version: Mapped[int | None]
    threshold_version: Mapped[int | None]
    threshold: Mapped[float | None]
    pixel_threshold: Mapped[float | None]
    name: Mapped[str]  # of the picture, as whoever asked called it
    image_sha256: Mapped[str]
    verdict: Mapped[str]  # good or defective, or the class
    score: Mapped[float | None]
    p_value: Mapped[float | None]
    confidence: Mapped[float | None]
    found: Mapped[dict[str, Any]]
    data: Mapped[str | None]
    who: Mapped[str]
    home: Mapped[str]  # whose folder keeps its pictures (assistant/models/serving/kept_pictures.py)
    created_at: Mapped[datetime] = mapped_column(default=now)


class FeedbackRow(Base):
    """What a person says that a picture is, which a model has judged; the latest of a prediction counts, and none is changed."""

    __tablename__ = "feedback"
    prediction: Mapped[str] = mapped_column(ForeignKey("predictions.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    verdict: Mapped[str]  # good or defective
    region: Mapped[list[float] | None] = mapped_column(
        JSON
    )  # x, y, width, height of where it is, in pixels of the model's picture
    note: Mapped[str] = mapped_column(default="")
    who: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)


class StudyRow(Base):
    """A repeatability study of a served model (assistant/models/studies.py): never changed.

    `reference` names the version or the run that was studied, `threshold` judged it, as `threshold_version` of the run's. `data` is a digest of
    the judged pictures and their names, `told` what came out, `parts` how often each was called what, `left_out` what could not be judged.
    """

    __tablename__ = "studies"
    __table_args__ = (Index("ix_studies_of_model", "model"), Index("ix_studies_of_run", "run"))
    id: Mapped[str] = mapped_column(primary_key=True)
    reference: Mapped[str]
    model: Mapped[str | None]
    version: Mapped[int | None]
    run: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    threshold_version: Mapped[int | None]
    threshold: Mapped[float | None]
    folder: Mapped[str]
    data: Mapped[str]
    told: Mapped[dict[str, Any]]
    parts: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    left_out: Mapped[list[dict[str, str]]] = mapped_column(JSON)
    who: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=now)
