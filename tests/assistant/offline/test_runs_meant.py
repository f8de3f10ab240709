"""Which run is meant by what it was trained with and on."""

from assistant.offline.runs_meant import KnownRun, under_way, with_run_meant
from assistant.state import Question, Request


def known(
    run: str, *, dataset: str = "oled", model: str = "padim", state: str = "succeeded", spoken: bool = False
) -> KnownRun:
    return KnownRun(run, dataset, model, state, spoken)


def asked_of(tool: str, **of: str) -> Request:
    return Request(tool, of=of)


def test_the_run_on_the_data_that_are_named_is_meant_and_not_the_one_spoken_of_last() -> None:
    runs = [known("r5", dataset="tiles", spoken=True), known("r2", spoken=True)]
    meant = with_run_meant(asked_of("summarize_results", dataset="oled"), runs)
    assert meant == Request("summarize_results", {"run": "r2"})


def test_of_two_that_fit_the_one_that_is_under_way_is_stopped() -> None:
    runs = [known("r5", spoken=True), known("r2", state="running", spoken=True)]
    assert with_run_meant(asked_of("stop_run", dataset="oled"), runs) == Request("stop_run", {"run": "r2"})


def test_of_several_that_nobody_spoke_of_it_is_asked_which() -> None:
    runs = [known("r1", spoken=True, dataset="tiles"), known("r7"), known("r3")]
    asks = with_run_meant(asked_of("summarize_results", dataset="oled"), runs)
    assert isinstance(asks, Question)
    assert [each.says for each in asks.choices] == ["r7", "r3"]
    assert asks.choices[1].request == Request("summarize_results", {"run": "r3"})


def test_where_none_fits_no_other_takes_its_place() -> None:
    asks = with_run_meant(asked_of("stop_run", dataset="tiles"), [known("r5", state="running", spoken=True)])
    assert isinstance(asks, Question)
    assert (asks.code, asks.named) == ("no_run_of", "tiles")


def test_a_run_of_another_conversation_is_not_under_way_here() -> None:
    assert under_way([known("r9", state="running")]) is None
    assert under_way([known("r9", state="running", spoken=True)]) is not None
