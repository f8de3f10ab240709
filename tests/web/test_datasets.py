"""Data sets: registering, uploading, looking at pictures."""

import io
import os
import re
import zipfile
from pathlib import Path
from urllib.parse import unquote

import pytest
from PIL import Image
from starlette.testclient import TestClient

from assistant.settings import Settings
from tests.engine.tasks.classify.pictures import write_classes


def pack(folder: Path) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in sorted(folder.rglob("*.png")):
            archive.write(path, path.relative_to(folder.parent))
    return buffer.getvalue()


def test_a_registered_folder_is_shown_with_its_broken_file(client: TestClient, data: Path) -> None:
    added = client.post("/api/datasets", json={"name": "라인 3", "path": str(data)})
    assert (added.status_code, added.json()["facts"]["train_good"]) == (201, 3)
    assert "broken.png" in client.get("/data").text
    page = client.get("/data/라인 3", params={"group": "test/scratch"}).text
    assert page.count('<figure class="picture"') == 1
    assert "data-mask=" in page
    assert 'data-say="Train PatchCore on 라인 3"' in client.get("/").text


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "Train a MobileNet classifier on "), ("ko", "MobileNet 분류기"), ("zh", "MobileNet分类器")],
)
def test_data_are_offered_the_kind_of_run_that_they_suit(
    client: TestClient, data: Path, tmp_path: Path, language: str, words: str
) -> None:
    write_classes(tmp_path / "marks", {"bar": "bar", "edge": "edge"}, count=4)
    client.post("/api/datasets", json={"name": "marks", "path": str(tmp_path / "marks")})
    client.post("/api/datasets", json={"name": "panels", "path": str(data)})
    for path in ("/data/marks", "/data", "/"):
        asked = [
            unquote(each)
            for each in re.findall(r'(?:\?say|data-say)="?=?([^"]+)"', client.get(path, params={"lang": language}).text)
        ]
        (of_marks,) = [each for each in asked if "marks" in each and words in each]
        assert not any("MobileNet" in each for each in asked if each != of_marks)


def test_what_is_not_used_is_shown_with_the_reason(client: TestClient, data: Path) -> None:
    (data / "test/scratch/7.gif").write_bytes(b"GIF89a")
    (data / "ground_truth/scratch/77_mask.png").write_bytes((data / "test/good/4.png").read_bytes())
    client.post("/api/datasets", json={"name": "panels", "path": str(data)})
    for page in (client.get("/data").text, client.get("/data/panels").text):
        assert "2 files are not used" in page
        assert 'data-reason="ending"' in page
        assert 'data-reason="unpaired_mask"' in page
        assert ".gif" in page


def test_a_picture_is_made_small_and_nothing_outside_is_served(client: TestClient, data: Path) -> None:
    client.post("/api/datasets", json={"name": "panels", "path": str(data)})
    picture = client.get("/data/panels/image", params={"relative": "test/scratch/5.png", "size": 160})
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/jpeg")
    for relative in ("../secret.png", "/etc/passwd", "train/good", "none.png"):
        assert client.get("/data/panels/image", params={"relative": relative}).status_code == 404
    assert client.get("/data/panels/image", params={"relative": "a\0.png"}).status_code == 422
    assert client.get("/data/panels/image", params={"relative": "train/good/broken.png"}).status_code == 415
    assert client.get("/data/panels/image", params={"relative": "test/good/4.png", "size": 9999}).status_code == 422


def test_a_picture_whose_name_is_no_utf8_is_served(client: TestClient, data: Path) -> None:
    name = os.fsencode(data / "train/good") + "/불량1.png".encode("cp949")
    Image.new("RGB", (8, 8), (90, 90, 90)).save(os.fsdecode(name), "PNG")
    client.post("/api/datasets", json={"name": "panels", "path": str(data)})
    shown = re.search(r'relative=(train[^"&]*%25[^"&]*\.png)', client.get("/data/panels").text)
    assert shown is not None
    assert client.get(f"/data/panels/image?relative={shown[1]}").status_code == 200


def test_a_picture_outside_the_data_set_is_not_served(client: TestClient, data: Path) -> None:
    client.post("/api/datasets", json={"name": "panels", "path": str(data)})
    secret = data.parent / "secret.png"
    Image.new("RGB", (8, 8)).save(secret)
    Image.new("RGB", (8, 8)).save(data.parent / "panels_2.png")  # its path begins like the data set's
    (data / "test/good/link.png").symlink_to(secret)
    (data / "linked").symlink_to(data.parent)
    for relative in (
        "../secret.png",
        str(secret),
        "test/../../secret.png",
        "../panels_2.png",
        "test/good/link.png",
        "linked/secret.png",
    ):
        assert client.get("/data/panels/image", params={"relative": relative}).status_code == 404, relative


def test_a_picture_that_changed_is_fetched_again(client: TestClient, data: Path) -> None:
    client.post("/api/datasets", json={"name": "panels", "path": str(data)})
    asked = {"relative": "test/scratch/5.png"}
    before = client.get("/data/panels/image", params=asked)
    known = {"if-none-match": f"W/{before.headers['etag']}"}
    assert client.get("/data/panels/image", params=asked, headers=known).status_code == 304
    Image.new("RGB", (50, 50), "red").save(data / "test/scratch/5.png")
    after = client.get("/data/panels/image", params=asked, headers=known)
    assert (after.status_code, after.content != before.content) == (200, True)


def test_an_uploaded_archive_becomes_a_data_set(client: TestClient, data: Path, settings: Settings) -> None:
    answer = client.put("/api/datasets/panels/archive", content=pack(data))
    assert (answer.status_code, answer.json()["origin"]) == (201, "uploaded")
    assert list((settings.home / "uploads").iterdir()) == []
    assert client.delete("/api/datasets/panels").status_code == 204
    assert client.get("/data/panels").status_code == 404


@pytest.mark.parametrize(
    ("name", "content", "code"), [("x", b"no zip at all", "bad_archive"), ("%21", b"", "bad_name")]
)
def test_a_refused_upload_leaves_nothing(
    client: TestClient, settings: Settings, name: str, content: bytes, code: str
) -> None:
    answer = client.put(f"/api/datasets/{name}/archive", content=content)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert answer.json()["hint"]
    assert not [path for path in settings.home.rglob("*.part")]


def test_pictures_that_are_all_broken_are_told_with_what_helps_them(client: TestClient, data: Path) -> None:
    for path in data.rglob("*.png"):
        path.write_text("not an image")
    answer = client.post("/api/datasets", json={"name": "panels", "path": str(data)})
    assert (answer.status_code, answer.json()["code"]) == (422, "data_all_broken")
    assert "save them as PNG" in answer.json()["hint"]
    assert "layout" not in answer.json()["hint"]


def test_every_problem_of_a_folder_is_told_with_its_own_hint(client: TestClient, data: Path) -> None:
    (data / "test/scratch").rename(data / "test/lot")
    (data / "test/good").rename(data / "test/lot/good")
    (data / "train").rename(data.parent / "train")
    answer = client.post("/api/datasets", json={"name": "panels", "path": str(data)})
    problems = answer.json()["values"]["problems"]
    assert [each["code"] for each in problems] == ["data_good_among_defects", "data_no_good"]
    assert len({each["hint"] for each in problems}) == 2


def test_a_missing_folder_is_refused_with_what_to_do(client: TestClient) -> None:
    answer = client.post("/api/datasets", json={"name": "x", "path": "/no/such/folder"})
    assert (answer.status_code, answer.json()["code"]) == (422, "no_folder")


def test_a_large_body_is_refused_everywhere_else(client: TestClient) -> None:
    assert client.post("/api/datasets", json={"name": "x", "path": "y" * (2 << 20)}).status_code == 413


def test_a_data_set_can_be_called_otherwise(client: TestClient, data: Path) -> None:
    client.post("/api/datasets", json={"name": "phone_scren", "path": str(data)})
    renamed = client.patch("/api/datasets/phone_scren", json={"name": "phone_screen"})
    assert (renamed.status_code, renamed.json()["name"]) == (200, "phone_screen")
    assert client.get("/data/phone_scren").status_code == 404
    assert client.get("/data/phone_screen").status_code == 200
    for name, status, code in (("two\nlines", 422, "bad_name"), ("phone_\u200bscreen", 422, "bad_name")):
        refused = client.patch("/api/datasets/phone_screen", json={"name": name})
        assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert 'data-action="rename-dataset"' in client.get("/data").text


def test_a_title_is_one_line_that_can_be_seen(client: TestClient) -> None:
    conversation = client.post("/api/conversations").json()["id"]
    for title, status in (("Line 3 👩\u200d🔧", 200), ("two\nlines", 422), ("\u202eenil", 422), (" ", 422)):
        assert client.patch(f"/api/conversations/{conversation}", json={"title": title}).status_code == status, title
    half = client.patch(
        f"/api/conversations/{conversation}",
        content=b'{"title": "\\ud800"}',
        headers={"content-type": "application/json"},
    )
    assert half.status_code == 422
