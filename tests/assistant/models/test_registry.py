"""Models, versions and their parts, in SQLite and in PostgreSQL: whatever is done in whatever order, one version at most has each part."""

import asyncio
import itertools
from dataclasses import asdict

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import update

from assistant.machine.masking import Mask
from assistant.models.aliases import Aliases, NoSuchChange
from assistant.models.facts import VersionFacts
from assistant.models.gate import Gate
from assistant.models.registry import ModelRefused, Registry, UnknownModel
from assistant.refused import Refused
from assistant.runs.deleting import RunKept, delete
from assistant.runs.files import open_files
from assistant.runs.place import place_of
from assistant.runs.queue import Queue
from assistant.settings import Settings
from assistant.store.database import Database
from assistant.store.tables import ModelActRow, RunRow
from engine.contract.jobs import make_job

pytestmark = pytest.mark.anyio
WHO = "mina, page"
ACTS = st.one_of(
    st.tuples(st.just("register"), st.integers(0, 2)),
    st.tuples(st.just("promote"), st.none() | st.integers(1, 6)),
    st.tuples(st.just("roll_back"), st.none()),
    st.tuples(st.just("delete"), st.integers(1, 6)),
)
names = (f"panels {number}" for number in itertools.count())


@pytest.fixture
def queue(settings: Settings, database: Database) -> Queue:
    return Queue(settings, database, Mask([]), place_of(settings.home), open_files(settings))


@pytest.fixture
def registry(settings: Settings, database: Database) -> Registry:
    return Registry(settings, database)


async def finished(queue: Queue, model: str = "patchcore") -> RunRow:
    row = await queue.add(make_job("detect", "oled", model, {}), data_path="/data")
    await queue.claim_one(row.id)
    ended = await queue.end(row.id, "succeeded", metrics={"image_auroc": 0.9})
    assert ended is not None
    return ended


async def registered(registry: Registry, queue: Queue, versions: int, name: str = "panels") -> list[RunRow]:
    rows = [await finished(queue) for _ in range(versions)]
    for row in rows:
        await registry.register(name, row, facts=VersionFacts(metrics=row.metrics or {}), who=WHO)
    return rows


async def promote(registry: Registry, version: int | None, name: str = "panels") -> Aliases:
    model = await registry.get(name)
    chosen = model.aliases.to_promote(version)
    return (await registry.promote(name, chosen, seen=model.row.revision, who=WHO, told={})).aliases


@examples(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=st.lists(ACTS, max_size=14))
@example(acts=[("register", 0), ("promote", None), ("register", 1), ("promote", 2), ("roll_back", None), ("delete", 2)])
async def test_whatever_is_done_the_parts_are_those_of_a_plain_model_of_them(
    registry: Registry, queue: Queue, acts: list[tuple[str, int | None]]
) -> None:
    name, runs = next(names), [await finished(queue) for _ in range(3)]
    parts: dict[str, int | None] = {"candidate": None, "champion": None, "rollback": None}
    alive: dict[int, str] = {}  # runs by version
    latest = 0
    for act, which in acts:
        try:
            if act == "register":
                assert which is not None
                await registry.register(name, runs[which], facts=VersionFacts(), who=WHO)
            elif act == "promote":
                await promote(registry, which, name)
            elif act == "roll_back":
                await registry.roll_back(name, who=WHO)
            else:
                assert which is not None
                await registry.delete(name, which, who=WHO)
            done = True
        except Refused:
            done = False
        if act == "register":
            assert done and which is not None
            if runs[which].id not in alive.values():
                latest += 1
                alive[latest] = runs[which].id
                parts["candidate"] = latest
        elif act == "promote":
            version = parts["candidate"] if which is None else which
            assert done == (version in alive and version != parts["champion"])
            if done:
                back = parts["rollback"] if parts["champion"] is None else parts["champion"]
                parts["candidate"] = None if parts["candidate"] == version else parts["candidate"]
                parts["champion"], parts["rollback"] = version, None if back == version else back
        elif act == "roll_back":
            assert done == (parts["rollback"] is not None)
            if done:
                parts["champion"], parts["rollback"] = parts["rollback"], None
        else:
            assert done == (which in alive and which != parts["champion"])
            if done:
                assert which is not None
                del alive[which]
                parts = {part: None if version == which else version for part, version in parts.items()}
    if latest:
        model = await registry.get(name)
        assert asdict(model.aliases) == parts
        assert {each.row.version: each.row.run for each in model.versions} == alive
        assert (await registry.history(name))[1] is None


async def test_of_many_who_promote_at_once_one_wins_and_one_champion_is_left(registry: Registry, queue: Queue) -> None:
    await registered(registry, queue, 5)
    seen = (await registry.get("panels")).row.revision
    acts = [registry.promote("panels", version, seen=seen, who=WHO, told={}) for version in range(1, 6)]
    done = await asyncio.gather(*acts, return_exceptions=True)
    assert [isinstance(each, ModelRefused) and each.code for each in done].count("stale_model") == 4
    model = await registry.get("panels")
    assert [each.alias for each in model.versions].count("champion") == 1
    assert [act.act for act in (await registry.history("panels"))[0]].count("promoted") == 1


async def test_many_who_register_at_once_get_numbers_of_their_own(registry: Registry, queue: Queue) -> None:
    rows = [await finished(queue) for _ in range(6)]
    made = await asyncio.gather(*(registry.register("panels", row, facts=VersionFacts(), who=WHO) for row in rows))
    assert sorted(each.row.version for each in made) == [1, 2, 3, 4, 5, 6]


async def test_a_run_at_one_threshold_is_one_version_and_at_another_one_is_the_next(
    registry: Registry, queue: Queue
) -> None:
    row = (await registered(registry, queue, 1))[0]
    assert (await registry.register("panels", row, facts=VersionFacts(), who=WHO)).row.version == 1
    moved = RunRow(**{**{each.key: getattr(row, each.key) for each in RunRow.__mapper__.column_attrs}})
    moved.threshold = {"version": 2, "told": {"image": 0.7, "pixel": 0.7}}
    again = await registry.register("panels", moved, facts=VersionFacts(), who=WHO)
    assert (again.row.version, again.row.threshold_version) == (2, 2)


async def test_a_history_that_somebody_changed_is_told_with_the_first_act_that_is_not_what_was_signed(
    registry: Registry, queue: Queue, database: Database
) -> None:
    await registered(registry, queue, 2)
    await promote(registry, 2)
    assert (await registry.history("panels"))[1] is None
    async with database.session() as session:
        await session.execute(update(ModelActRow).where(ModelActRow.number == 2).values(who="somebody else"))
    assert (await registry.history("panels"))[1] == 2


@pytest.mark.parametrize("number", [2, 3])
async def test_an_act_that_was_taken_out_of_the_history_is_missed(
    registry: Registry, queue: Queue, database: Database, number: int
) -> None:
    await registered(registry, queue, 3)
    async with database.session() as session:
        await session.delete(await session.get(ModelActRow, ("panels", number)))
    assert (await registry.history("panels"))[1] == number


async def test_a_reference_names_a_part_or_a_number_and_a_name_alone_its_champion(
    registry: Registry, queue: Queue
) -> None:
    await registered(registry, queue, 3)
    await promote(registry, 1)
    await promote(registry, 2)
    found = {
        each: (await registry.find(each)).row.version
        for each in ("panels", "PANELS@Champion", "panels@rollback", "panels@3")
    }
    assert list(found.values()) == [2, 2, 1, 3]
    for wrong, said in (
        ("panles", "did you mean 'panels'"),
        ("panels@9", "have: 3, 2, 1"),
        ("panels@best", "candidate"),
    ):
        with pytest.raises(UnknownModel, match=said):
            await registry.find(wrong)


@pytest.mark.parametrize("name", ["", "r12", "g3", "a/b", "a:b", "a@b", "a\nb", "\u202e", "x" * 81])
async def test_what_cannot_be_told_apart_or_means_something_else_is_no_name(
    registry: Registry, queue: Queue, name: str
) -> None:
    with pytest.raises(ModelRefused, match="cannot be a model's name"):
        await registry.register(name, await finished(queue), facts=VersionFacts(), who=WHO)


async def test_a_run_that_is_registered_is_not_deleted(registry: Registry, queue: Queue) -> None:
    row = (await registered(registry, queue, 1))[0]
    with pytest.raises(RunKept, match="panels@1"):
        await delete(queue, row)
    await registry.delete("panels", 1, who=WHO)
    assert (await delete(queue, await queue.get(row.id))).deleted_at is not None


async def test_a_gate_is_kept_with_who_set_it(registry: Registry, queue: Queue) -> None:
    await registered(registry, queue, 1)
    gate = Gate(max_escape=0.02, max_overkill=0.01)
    assert (await registry.set_gate("panels", gate, who=WHO, why="customer spec 7")).gate == gate
    last = (await registry.history("panels"))[0][-1]
    assert (last.act, last.who, last.why) == ("gate", WHO, "customer spec 7")


def test_what_is_no_change_is_refused_by_name() -> None:
    for change, code in (
        (lambda: Aliases().to_promote(None), "no_candidate"),
        (lambda: Aliases(champion=3).promoted(3), "is_champion"),
        (lambda: Aliases(champion=3).rolled_back(), "no_rollback"),
        (lambda: Aliases(champion=3).deleted(3), "at_work"),
    ):
        with pytest.raises(NoSuchChange) as refused:
            change()
        assert refused.value.code == code
