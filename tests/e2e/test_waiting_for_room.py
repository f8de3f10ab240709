"""A training that was approved while the disk is full says on its card that it waits for room, and begins by itself."""

import subprocess
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect

from tests.serving import PROJECT, environment_of, serving
from tests.small_disk import small_disk

PATIENCE_MS = 60_000


def test_the_card_of_a_run_says_that_it_waits_for_room_until_there_is(page: Page, tmp_path: Path) -> None:
    for kind, count in (("train/good", 12), ("test/good", 3), ("test/spot", 3)):
        (tmp_path / "panels" / kind).mkdir(parents=True)
        for number in range(count):
            Image.effect_noise((64, 64), 20 + number).save(tmp_path / "panels" / kind / f"{number}.png")
    environment = environment_of(tmp_path / "home")
    with small_disk(tmp_path / "home") as disk:
        command = [
            sys.executable,
            "-c",
            "from assistant.cli import main; main()",
            "data",
            "add",
            "panels",
            str(tmp_path / "panels"),
        ]
        subprocess.run(command, env=environment, cwd=PROJECT, check=True)
        with serving(environment) as server:
            page.goto(f"{server}/?lang=en")
            expect(page.locator("#connection")).to_have_attribute("data-state", "open", timeout=PATIENCE_MS)
            disk.fill(leave=6 << 20)
            page.locator("#say").fill("train PatchCore on panels with image size 64")
            page.locator("#say").press("Enter")
            page.locator("[data-kind=proposal] [data-action=approve]").click(timeout=PATIENCE_MS)
            line = page.locator("[data-kind=run] [data-part=line]")
            expect(line).to_contain_text("There is not enough room on the disk", timeout=PATIENCE_MS)
            disk.empty()
            expect(page.locator("[data-kind=run] [data-part=state]")).to_have_text("finished", timeout=2 * PATIENCE_MS)
