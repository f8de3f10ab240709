"""What cannot be done is told in the reader's language, with what to do."""

from pathlib import Path

from playwright.sync_api import Page, expect


def test_a_folder_that_cannot_be_trained_on_is_refused_in_korean_alone(server: str, page: Page, tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.png").write_text("no picture")
    page.goto(f"{server}/data?lang=ko")
    page.locator("#by-path [name=path]").fill(str(tmp_path))
    page.locator("#by-path [name=name]").fill("panels")
    page.locator("#by-path button").click()
    said = page.locator("#by-path .refused")
    expect(said).to_contain_text("이미지 3장을 하나도 읽을 수 없습니다", timeout=60_000)
    expect(said).to_contain_text("PNG로 저장하세요")
    expect(said).not_to_contain_text("picture")
