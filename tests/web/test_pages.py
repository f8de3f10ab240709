"""Every page, on the real workspace."""

import re
import subprocess
import sys

import pytest
from starlette.testclient import TestClient

from assistant.settings import Settings
from engine.contract.models import MODELS
from tests.serving import PROJECT
from tests.web.conftest import SECRET
from web.app import create_app

PAGES = ["/", "/runs", "/compare", "/data", "/models"]


@pytest.mark.parametrize("language", ["en", "ko", "zh"])
@pytest.mark.parametrize("path", PAGES)
def test_every_page_opens_in_every_language(client: TestClient, path: str, language: str) -> None:
    page = client.get(path, params={"lang": language})
    assert page.status_code == 200
    assert f'<html lang="{language}"' in page.text


@pytest.mark.parametrize("path", ["/nowhere", "/compare/r1,r2", "/runs/r 1", f"/c/{'x' * 99}"])
def test_an_address_that_leads_nowhere_says_so_in_the_readers_language(client: TestClient, path: str) -> None:
    page = client.get(path, params={"lang": "ko"}, headers={"accept": "text/html"})
    assert page.status_code == 404
    assert "찾을 수 없습니다" in page.text and "String should" not in page.text and "Not Found" not in page.text


def test_no_template_styles_an_element_itself() -> None:
    """The security policy would block it, in silence."""
    templates = [path for folder in ("templates", "kinds") for path in (PROJECT / "web" / folder).rglob("*.html")]
    assert [path.name for path in templates if " style=" in path.read_text()] == []


def test_pages_hold_no_inline_script_and_no_inline_style(finished_run: str, client: TestClient) -> None:
    for path in [*PAGES, f"/runs/{finished_run}", f"/runs/{finished_run}/view"]:
        page = client.get(path).text
        scripts = re.findall(r"<script(?![^>]*\bsrc=)([^>]*)>", page)
        assert all('type="application/json"' in each for each in scripts), path
        assert not re.search(r"<[^>]+\s(style|on\w+)=", page), path


def test_pages_name_no_other_host_but_the_papers(client: TestClient) -> None:
    for path in PAGES:
        page = client.get(path).text
        assert not re.search(r"""(?:src|action)=["']https?://""", page)
        assert all("arxiv.org" in link for link in re.findall(r"""href=["'](https?://[^"']+)""", page))


def test_the_front_door_opens_a_browsers_own_empty_conversation_again_and_nobody_elses(client: TestClient) -> None:
    first = client.get("/").url
    assert client.get("/").url == first
    client.cookies.clear()  # another browser
    assert client.get("/").url != first


def test_levels_of_a_model_on_a_transformer_are_shown_as_its_blocks(client: TestClient) -> None:
    page = client.get("/models").text
    for name in ("subspace", "dino_bank", "dinomaly"):
        card = page.split(f"<code>{name}</code>")[1].split("</article>")[0].split("</details>")[0]
        assert ", ".join(map(str, MODELS[name].default_layers())) in card


def test_the_catalogue_shows_every_model_and_its_paper(client: TestClient) -> None:
    page = client.get("/models").text
    for model in MODELS.values():
        assert model.title in page
        assert model.paper.rsplit(", ", 1)[1] in page


def test_the_catalogue_says_which_weights_are_here_and_how_to_bring_the_others(
    settings: Settings, client: TestClient
) -> None:
    settings.weights_folder.mkdir(parents=True)
    (settings.weights_folder / "mobilenetv2_100.ra_in1k.safetensors").write_bytes(b"0" * 14_000_000)
    page = client.get("/models").text.split('id="weights"')[1].split("</section>")[0]
    here, missing = page.split("<details")
    assert "mobilenetv2_100.ra_in1k.safetensors" in here
    assert "14.0 MB" in here
    assert "PatchCore" in here  # whose own is not here
    assert str(settings.weights_folder) in missing
    assert "wide_resnet50_2.tv_in1k.safetensors" in missing
    assert (
        "curl -L -o wide_resnet50_2.tv_in1k.safetensors https://huggingface.co/timm/wide_resnet50_2.tv_in1k/" in missing
    )


def test_names_are_data_and_are_escaped(finished_run: str, client: TestClient) -> None:
    for path in ("/runs", f"/runs/{finished_run}"):
        page = client.get(path).text
        assert SECRET not in page
        assert "&lt;script&gt;alert" in page


def test_the_language_is_remembered_and_the_browsers_wish_is_heard(client: TestClient) -> None:
    assert '<html lang="ko"' in client.get("/runs", headers={"accept-language": "fr,ko-KR;q=0.8"}).text
    client.get("/runs", params={"lang": "zh"})
    assert '<html lang="zh"' in client.get("/runs").text


def test_an_unknown_address_gets_a_page_or_json_as_asked(client: TestClient) -> None:
    page = client.get("/c/none", headers={"accept": "text/html"})
    assert (page.status_code, "There is nothing here" in page.text) == (404, True)
    answer = client.get("/api/runs/r99")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert "r99" in answer.json()["message"]


def test_a_mistake_of_our_own_is_not_called_a_missing_page(finished_run: str, settings: Settings) -> None:
    app = create_app(settings)

    @app.get("/mistake")
    def mistake() -> None:
        raise KeyError(finished_run)

    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        assert client.get("/mistake").status_code == 500


@pytest.mark.parametrize("path", ["/c/..%2f..", "/runs/a%20b", "/api/runs/r1;x"])
def test_ids_of_another_shape_are_not_looked_up(client: TestClient, path: str) -> None:
    assert client.get(path).status_code in (404, 422)


def test_conversations_are_made_renamed_and_deleted(client: TestClient) -> None:
    conversation = client.post("/api/conversations").json()["id"]
    assert client.patch(f"/api/conversations/{conversation}", json={"title": "Line 3 <b>"}).status_code == 200
    assert "Line 3 &lt;b&gt;" in client.get(f"/c/{conversation}").text
    assert client.delete(f"/api/conversations/{conversation}").status_code == 204
    assert client.get(f"/c/{conversation}").status_code == 404


def test_the_server_never_loads_torch() -> None:
    code = "import sys, web.app; sys.exit(any(name in sys.modules for name in ('torch', 'timm', 'torchvision')))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
