"""Who may talk to the server, and what a page may load."""

import pytest
from starlette.testclient import TestClient

from assistant.settings import Settings
from web.app import create_app
from web.guard import is_known_host


@pytest.mark.parametrize("host", ["localhost", "localhost:8765", "127.0.0.1:1", "[::1]:8765"])
def test_this_machine_is_known(host: str) -> None:
    assert is_known_host(host, listening_on="127.0.0.1")


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "192.168.1.7", "", "127.0.0.1.evil.example:8765"]
)
def test_other_names_are_not(host: str) -> None:
    assert not is_known_host(host, listening_on="127.0.0.1")


def test_listening_on_all_addresses_welcomes_addresses_but_no_names() -> None:
    assert is_known_host("192.168.1.7:8765", listening_on="0.0.0.0")
    assert not is_known_host("evil.example", listening_on="0.0.0.0")


def test_names_that_the_installation_gives_it_are_known(settings: Settings) -> None:
    named = settings.model_copy(update={"hosts": "murascope.example, web"})
    with TestClient(create_app(named), base_url="http://web:8765") as client:
        assert client.get("/health").status_code == 200
        assert client.get("/health", headers={"host": "Murascope.Example"}).status_code == 200
        assert client.get("/health", headers={"host": "evil.example"}).status_code == 403
        assert client.post("/mcp", headers={"host": "web"}).status_code == 404


def test_dns_rebinding_is_refused(client: TestClient) -> None:
    assert client.get("/health", headers={"host": "evil.example"}).status_code == 403


@pytest.mark.parametrize(
    "headers", [{"origin": "http://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}]
)
def test_another_page_can_change_nothing(client: TestClient, headers: dict[str, str]) -> None:
    assert client.post("/api/conversations", headers=headers).status_code == 403
    assert client.post("/api/conversations", headers={"origin": "http://localhost"}).status_code == 201


@pytest.mark.parametrize("host", ["[::1", "[", "]:80", "[v1.x]", "[::1]evil", ""])
def test_a_malformed_host_is_refused(client: TestClient, host: str) -> None:
    answer = client.get("/health", headers={"host": host})
    assert (answer.status_code, answer.json()["code"]) == (400, "refused")


def test_a_malformed_origin_is_refused(client: TestClient) -> None:
    assert client.post("/api/conversations", headers={"origin": "http://[::1"}).status_code == 403


def test_every_answer_carries_the_guarding_headers(client: TestClient) -> None:
    for path in ("/", "/static/logo.svg", "/nothing", "/health"):
        headers = client.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'self'")
        assert "unsafe" not in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
