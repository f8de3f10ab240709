"""Following a log that is longer than what is read at once."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant.runs import follow as following
from assistant.runs.follow import MOST_EVENTS, follow
from engine.contract.events import Batches, DamagedLog, Epoch, Event, Finished, Stage, Started, System, as_line
from engine.contract.folder import RunFolder

pytestmark = pytest.mark.anyio
EPOCHS, BETWEEN = 40, 300


def reported() -> Iterator[Event]:
    yield Started(model="autoencoder", dataset="panels")
    yield Stage(name="training", stages=["training"])
    for epoch in range(1, EPOCHS + 1):
        for done in range(1, BETWEEN + 1):
            yield Batches(what="training", done=done, total=BETWEEN, epoch=epoch)
            if done % 10 == 0:
                yield System(cpu_percent=100, memory_mb=epoch + done / BETWEEN)
        yield Epoch(epoch=epoch, epochs=EPOCHS, loss=1 / epoch, lr=0.1, best=True)
    yield Finished(metrics={"image_auroc": 0.9}, seconds={"total": 1.0})


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("long")
    with RunFolder(folder).events.open("wb") as log:
        for seq, event in enumerate(reported(), 1):
            event.seq, event.elapsed_s = seq, seq / 100
            log.write(as_line(event))
    return folder


async def ended() -> bool:
    return True


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in (("BLOCK", 64 << 10), ("LIVE", 8 << 10), ("POINTS", 200)):
        monkeypatch.setattr(following, name, size)


async def told(run: Path, after: int = 0, *, thinned: bool = False) -> list[Event]:
    return [event async for event in follow(run, after, has_ended=ended, thinned=thinned)]


async def test_a_long_log_is_told_whole_so_many_events_at_a_time(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read, most = following._next, 0

    def noted(*arguments: object) -> object:
        nonlocal most
        found = read(*arguments)  # type: ignore[arg-type]
        most = max(most, len(found.events))
        return found

    monkeypatch.setattr(following, "_next", noted)
    assert [event.seq for event in await told(run)] == list(range(1, len(list(reported())) + 1))
    assert most == MOST_EVENTS


async def test_of_a_thinned_log_only_points_of_curves_are_left_out_and_never_the_newest(
    run: Path, small_blocks: None
) -> None:
    whole, some = await told(run), await told(run, thinned=True)
    assert len(some) < len(whole) / 3
    kept = {event.seq: event for event in some}
    assert list(kept) == sorted(kept)
    for before, event in itertools.pairwise(whole):
        if event.type not in following.CURVES:
            assert kept[event.seq] == event
            assert before.seq in kept  # what stands before it: how far an epoch had come
    last = [next(e for e in reversed(of) if isinstance(e, System)) for of in (whole, some)]
    assert last[0] == last[1]


async def test_a_thinned_log_goes_on_after_what_a_page_knows(run: Path, small_blocks: None) -> None:
    after = 7000
    some = await told(run, after, thinned=True)
    assert some[0].seq > after
    epochs = [event.epoch for event in await told(run) if isinstance(event, Epoch) and event.seq > after]
    assert [event.epoch for event in some if isinstance(event, Epoch)] == epochs


async def test_a_line_that_is_gone_is_noticed_in_a_thinned_log_too(
    run: Path, tmp_path: Path, small_blocks: None
) -> None:
    lines = RunFolder(run).events.read_bytes().splitlines(keepends=True)
    del lines[5000]
    RunFolder(tmp_path).events.write_bytes(b"".join(lines))
    with pytest.raises(DamagedLog, match="holds event"):
        await told(tmp_path, thinned=True)
