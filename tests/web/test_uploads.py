"""An upload that is refused is refused in words, also while the browser is still sending. On a real server, over a real connection."""

import http.client
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.serving import environment_of, serving

MIB = 1 << 20
SMALL_DISK = ("bash", "-c", 'ulimit -f 20480; exec "$@"', "small-disk")  # no file may have more than 20 MiB


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[str]:
    with serving(environment_of(home), under=SMALL_DISK) as address:
        yield address


def put(server: str, name: str, *, mib: int, announced: int | None = None) -> tuple[int, dict[str, Any]]:
    """Send that much before listening, as a browser does; in chunks of unknown number where no length is announced."""
    connection = http.client.HTTPConnection(urlsplit(server).netloc, timeout=120)
    connection.putrequest("PUT", f"/api/datasets/{name}/archive")
    if announced is None:
        connection.putheader("Transfer-Encoding", "chunked")
    else:
        connection.putheader("Content-Length", str(announced))
    connection.endheaders()
    for _ in range(mib):
        connection.send(b"100000\r\n" + bytes(MIB) + b"\r\n" if announced is None else bytes(MIB))
    if announced is None:
        connection.send(b"0\r\n\r\n")
    answer = connection.getresponse()
    said = json.loads(answer.read())
    connection.close()
    return answer.status, said


def soon(happens: Callable[[], bool]) -> None:
    """Waits until it happens, and fails when it does not for a minute."""
    given_up = time.monotonic() + 60
    while not happens():
        assert time.monotonic() < given_up
        time.sleep(0.01)


@pytest.mark.parametrize("announced", [None, 64 * MIB])
def test_a_full_disk_is_told_in_words(server: str, home: Path, announced: int | None) -> None:
    status, said = put(server, "panels", mib=64, announced=announced)
    assert (status, said["code"]) == (507, "no_room")
    assert "full" in said["message"] and said["hint"]
    assert list((home / "uploads").iterdir()) == []


def test_a_name_that_cannot_be_is_told_in_words_however_large_the_upload(server: str) -> None:
    status, said = put(server, "%21", mib=64, announced=64 * MIB)
    assert (status, said["code"]) == (422, "bad_name")


def test_an_upload_that_breaks_off_leaves_nothing(server: str, home: Path) -> None:
    connection = http.client.HTTPConnection(urlsplit(server).netloc, timeout=120)
    connection.putrequest("PUT", "/api/datasets/panels/archive")
    connection.putheader("Content-Length", str(64 * MIB))
    connection.endheaders()
    connection.send(bytes(MIB))
    soon(lambda: any((home / "uploads").glob("*.part")))
    connection.close()
    soon(lambda: not any((home / "uploads").iterdir()))
    assert put(server, "%21", mib=0, announced=0)[0] == 422
