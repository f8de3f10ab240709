"""What a run on another machine reports, and what it is given: by the routes, on a home of its own. Nothing computes here."""

import asyncio
import base64
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jwt
import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from assistant.machine.own_secret import SECRET_FILE
from assistant.runs.run_tokens import RunTokens
from assistant.settings import Settings
from assistant.workspace import Workspace
from engine.contract.events import Epoch, Event, Failed, Finished, Started, as_line, read_events
from engine.contract.folder import RunFolder
from engine.contract.jobs import make_job
from web.app import MAX_BODY_BYTES, create_app

RUN = "r1"
AT = f"/api/reports/{RUN}/1"


class Elsewhere:
    """The other end, which shows the token of an attempt."""

    def __init__(self, client: TestClient, settings: Settings, run: str = RUN, attempt: int = 1):
        self._client, self.folder = client, settings.runs_folder / run
        self.at = f"/api/reports/{run}/{attempt}"
        self.shown = {"authorization": f"Bearer {RunTokens(settings).make(run, attempt)}"}

    def get(self, what: str) -> Response:
        return self._client.get(f"{self.at}/{what}", headers=self.shown)

    def send(self, lines: bytes) -> Response:
        return self._client.post(f"{self.at}/events", content=lines, headers=self.shown)

    def beat(self, **told: Any) -> Response:
        return self._client.post(f"{self.at}/heartbeat", json={"node": "far-away", **told}, headers=self.shown)

    def put(self, name: str, content: bytes, sha256: str | None = None) -> Response:
        headers = {**self.shown, "x-sha256": sha256 or sha256_of(content)}
        return self._client.put(f"{self.at}/files/{name}", content=content, headers=headers)

    def done(self, files: dict[str, str], last_word: Event | None, **told: Any) -> Response:
        word = None if last_word is None else as_line(last_word).decode().rstrip("\n")
        told |= {"files": files, "last_word": word}
        return self._client.post(f"{self.at}/done", json=told, headers=self.shown)


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def story(last: int, *, first: int = 1) -> bytes:
    """The lines of a log that has told so many epochs."""
    events: list[Event] = [Started(seq=1, time=1.0, elapsed_s=1.0, model="autoencoder", dataset="panels")]
    events += [
        Epoch(seq=each, time=1.0, elapsed_s=1.0, epoch=each - 1, epochs=90, loss=1, lr=1, best=True)
        for each in range(2, last + 1)
    ]
    return b"".join(as_line(event) for event in events[first - 1 :])


def finished(seq: int) -> Finished:
    return Finished(seq=seq, time=2.0, elapsed_s=2.0, metrics={"image_auroc": 1.0}, seconds={"total": 2.0})


@pytest.fixture
def client(settings: Settings, data: Path) -> Iterator[TestClient]:
    """A server whose supervisor does not work, with one run that computes elsewhere."""
    asyncio.run(_claim(settings, data))
    app = create_app(settings.model_copy(update={"slots": 1}))
    with TestClient(app, base_url="http://localhost") as client:
        yield client


async def _claim(settings: Settings, data: Path) -> None:
    async with Workspace.open(settings) as workspace:
        for _ in range(2):
            await workspace.runs.add(make_job("detect", "panels", "autoencoder"), data_path=str(data))
        await workspace.runs.claim_one(RUN)


@pytest.fixture(autouse=True)
def nobody_looks_after_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(self: object) -> None:
        return

    monkeypatch.setattr("assistant.runs.supervisor.Supervisor._look", nothing)


@pytest.fixture
def elsewhere(client: TestClient, settings: Settings) -> Elsewhere:
    return Elsewhere(client, settings)


def code_of(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def seqs(folder: Path) -> Sequence[int]:
    return [event.seq for event in read_events(folder)]


def test_events_are_added_once_whatever_comes_twice_and_a_gap_is_told(elsewhere: Elsewhere) -> None:
    assert elsewhere.send(story(3)).json() == {"seq": 3}
    assert elsewhere.send(story(3)).json() == {"seq": 3}
    assert elsewhere.send(story(5, first=2)).json() == {"seq": 5}
    gap = elsewhere.send(story(9, first=7))
    assert code_of(gap) == (409, "gap")
    assert gap.json()["values"]["expected"] == 6
    assert RunFolder(elsewhere.folder).events.read_bytes() == story(5)


def test_what_a_server_lost_or_wrote_in_part_is_taken_again(elsewhere: Elsewhere) -> None:
    elsewhere.send(story(5))
    RunFolder(elsewhere.folder).events.write_bytes(story(3) + b'{"type":"epo')
    assert elsewhere.send(story(7, first=6)).json()["values"]["expected"] == 4
    assert elsewhere.send(story(7)).json() == {"seq": 7}
    assert RunFolder(elsewhere.folder).events.read_bytes() == story(7)


def test_another_story_under_the_same_numbers_is_refused(elsewhere: Elsewhere) -> None:
    elsewhere.send(story(3))
    other = as_line(Epoch(seq=3, epoch=2, epochs=90, loss=2, lr=1, best=True))
    assert code_of(elsewhere.send(other)) == (409, "another_story")
    assert seqs(elsewhere.folder) == [1, 2, 3]


@pytest.mark.parametrize(
    "lines",
    [
        b"",
        b"\n",
        b"no json\n",
        story(1)[:-1],
        story(1).replace(b'"panels"', b'"pandas"'),
        b'{"type":"started","seq":1,"model":"m","dataset":"d"}\n',
        story(1) + story(3, first=3),
        as_line(Failed(seq=1, code="error", reason="no", hint="no")),
    ],
)
def test_what_is_no_whole_lines_of_a_log_is_refused(elsewhere: Elsewhere, lines: bytes) -> None:
    assert code_of(elsewhere.send(lines)) == (422, "no_events")
    assert seqs(elsewhere.folder) == []


def test_a_huge_body_is_refused_before_it_is_read(elsewhere: Elsewhere, client: TestClient) -> None:
    huge = {"content-length": str(1 << 40)}
    assert client.post(f"{AT}/events", content=b"", headers=elsewhere.shown | huge).status_code == 413
    assert (
        client.post(f"{AT}/heartbeat", content=b"x" * (MAX_BODY_BYTES + 1), headers=elsewhere.shown).status_code == 413
    )


def test_only_the_token_of_this_attempt_is_let_in(client: TestClient, settings: Settings, elsewhere: Elsewhere) -> None:
    secret = (settings.home / SECRET_FILE).read_text("ascii")
    claims = {"run": RUN, "attempt": 1, "aud": "murascope-reports", "exp": 9e9}
    forged = [
        jwt.encode(claims | {"exp": 1.0}, secret),
        jwt.encode(claims, "another secret of this length, 32"),
        jwt.encode(claims | {"aud": "mcp"}, secret),
        jwt.encode({"run": RUN, "attempt": 1, "aud": "murascope-reports"}, secret),
        jwt.encode(claims, None, algorithm="none"),
        "",
    ]
    for token in forged:
        answer = client.get(f"{AT}/order", headers={"authorization": f"Bearer {token}"})
        assert code_of(answer) == (401, "no_token")
    assert code_of(client.get(f"{AT}/order")) == (401, "no_token")
    assert code_of(client.get("/api/reports/r2/1/order", headers=elsewhere.shown)) == (403, "other_run")
    assert code_of(client.get(f"/api/reports/{RUN}/2/order", headers=elsewhere.shown)) == (403, "other_run")
    assert (settings.home / SECRET_FILE).stat().st_mode & 0o777 == 0o600


def test_an_attempt_whose_place_another_took_is_refused_everything(client: TestClient, settings: Settings) -> None:
    old = Elsewhere(client, settings, attempt=9)
    refused = [old.get("order"), old.send(story(1)), old.beat(), old.put("model/model.json", b"{}"), old.get("data")]
    refused += [old.get("files"), old.get("files/spec.json"), old.done({}, finished(1))]
    assert [code_of(answer) for answer in refused] == [(409, "stale")] * len(refused)


@pytest.mark.parametrize(
    "name",
    ["spec.json", "events.jsonl", "process.lock", "model", "model/../spec.json", "model/%2e%2e/spec.json", "model//a",
     "/etc/passwd", "%2Fetc/passwd", "model/a.part", "model/a%5Cb", "model/a%00", "attempts/1.json", "../r2/model/a"],
)  # fmt: skip
def test_a_file_of_a_name_that_no_run_leaves_is_refused(elsewhere: Elsewhere, name: str) -> None:
    assert elsewhere.put(name, b"x").status_code in (404, 405, 422)
    assert sorted(path.name for path in elsewhere.folder.iterdir()) == ["spec.json"]


def test_a_file_with_other_contents_than_it_says_is_refused(elsewhere: Elsewhere) -> None:
    assert code_of(elsewhere.put("model/model.json", b"{}", sha256_of(b"[]"))) == (422, "other_contents")
    assert not any(path.is_file() for path in RunFolder(elsewhere.folder).attempts.rglob("*"))


def test_files_become_the_runs_only_together_and_before_its_last_word(elsewhere: Elsewhere) -> None:
    elsewhere.send(story(2))
    elsewhere.put("model/model.json", b"{}")
    elsewhere.put("evaluation/of-an-earlier-try.json", b"{}")
    files = {name: sha256_of(b"{}") for name in ("model/model.json", "evaluation/metrics.json")}
    missing = elsewhere.done(files, finished(3))
    assert code_of(missing) == (409, "files_missing")
    assert missing.json()["values"]["missing"] == ["evaluation/metrics.json"]
    assert not RunFolder(elsewhere.folder).model.card.exists()
    assert seqs(elsewhere.folder) == [1, 2]
    elsewhere.put("evaluation/metrics.json", b"{}")
    assert elsewhere.done(files, finished(3)).status_code == 200
    assert elsewhere.done(files, finished(3)).status_code == 200
    kept = sorted(str(path.relative_to(elsewhere.folder)) for path in elsewhere.folder.rglob("*") if path.is_file())
    assert kept == ["evaluation/metrics.json", "events.jsonl", "model/model.json", "spec.json"]
    assert seqs(elsewhere.folder) == [1, 2, 3]
    assert code_of(elsewhere.send(story(4, first=4))) == (409, "ended")


def test_the_last_word_waits_for_all_events_before_it(elsewhere: Elsewhere) -> None:
    elsewhere.send(story(2))
    assert code_of(elsewhere.done({}, finished(4))) == (409, "gap")
    assert seqs(elsewhere.folder) == [1, 2]


def test_an_attempt_without_a_last_word_leaves_its_checkpoint_alone(elsewhere: Elsewhere) -> None:
    elsewhere.put("checkpoints/last.safetensors", b"so far")
    elsewhere.put("model/model.json", b"{}")
    assert elsewhere.done({"model/model.json": sha256_of(b"{}")}, None, exit_code=-9).status_code == 200
    assert RunFolder(elsewhere.folder).checkpoint.read_bytes() == b"so far"
    assert [
        path.name for path in elsewhere.folder.rglob("*") if path.is_file() and path.parent != elsewhere.folder
    ] == ["last.safetensors"]


def test_what_the_process_prints_is_added_where_it_goes_on(elsewhere: Elsewhere) -> None:
    def printed(text: bytes) -> str:
        return base64.b64encode(text).decode()

    assert elsewhere.beat(log_at=0, printed=printed(b"one\n")).json() == {"stop": False, "log_at": 4, "token": None}
    assert elsewhere.beat(log_at=0, printed=printed(b"one\n")).json()["log_at"] == 4
    assert elsewhere.beat(log_at=9, printed=printed(b"lost\n")).json()["log_at"] == 4
    assert elsewhere.beat(log_at=4, printed=printed(b"two \xff")).json()["log_at"] == 9
    assert RunFolder(elsewhere.folder).log.read_bytes() == b"one\ntwo \xff"


def test_a_stop_is_told_with_the_next_sign_of_life(elsewhere: Elsewhere, client: TestClient) -> None:
    client.post(f"/api/runs/{RUN}/stop")
    assert elsewhere.beat().json()["stop"] is True


def test_a_token_of_which_half_is_over_is_followed_by_a_new_one(elsewhere: Elsewhere, settings: Settings) -> None:
    elsewhere.shown = {"authorization": f"Bearer {RunTokens(settings).make(RUN, 1, holds_s=60)}"}
    new = elsewhere.beat().json()["token"]
    assert RunTokens(settings).read(new).until > RunTokens(settings).read(elsewhere.shown["authorization"][7:]).until


def test_a_run_is_given_its_own_files_and_its_data_set_by_contents(elsewhere: Elsewhere, data: Path) -> None:
    assert elsewhere.get("files").json() == ["spec.json"]
    assert elsewhere.get("files/spec.json").content == RunFolder(elsewhere.folder).spec.read_bytes()
    told = elsewhere.get("data").json()
    assert told["folder"] == "panels"
    assert {each["name"] for each in told["files"]} == {
        path.relative_to(data).as_posix() for path in data.rglob("*") if path.is_file()
    }
    for each in told["files"]:
        content = elsewhere.get(f"data/{each['sha256']}").content
        assert (content, len(content)) == ((data / each["name"]).read_bytes(), each["bytes"])


def test_a_file_of_the_data_set_that_changed_is_not_sent_for_what_it_was(elsewhere: Elsewhere, data: Path) -> None:
    path = data / "train/good/1.png"
    before = sha256_of(path.read_bytes())
    elsewhere.get("data")
    path.write_bytes(b"another")
    told = {each["name"]: each["sha256"] for each in elsewhere.get("data").json()["files"]}
    assert told["train/good/1.png"] == sha256_of(b"another") != before
    path.write_bytes(b"a third")
    assert code_of(elsewhere.get(f"data/{sha256_of(b'another')}")) == (404, "data_changed")


@pytest.mark.parametrize(
    "what",
    [
        "files/../r2/spec.json",
        "files/%2e%2e/r2/spec.json",
        "needs/r2/files",
        "needs/r2/files/spec.json",
        f"data/{'0' * 64}",
    ],
)
def test_nothing_else_is_given(elsewhere: Elsewhere, what: str) -> None:
    answer = elsewhere.get(what)
    assert answer.status_code in (403, 404)
    assert b"autoencoder" not in answer.content
