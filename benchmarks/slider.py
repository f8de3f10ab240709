"""Whether the page of a run follows its threshold at 60 frames a second: `python benchmarks/slider.py [--images 10000]`.

A run of so many inspected images is made up, its page opened in Chromium, and the slider moved once a frame over its whole range and
back. Printed is how long the frames took, what the page's main thread computed in each, which a busy machine does not blur, and how
long setting a threshold takes until the page tells of it. Chromium draws without a graphics card here: on a desk it is faster.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from anywhere, installed or not

from playwright.sync_api import CDPSession, Page, sync_playwright

from tests.run_to_look_at import Inspected, a_run_to_look_at
from tests.serving import environment_of, serving

MEANS = {"scratch": 7.0, "dark_dot": 6.0, "line": 5.0, "stain": 4.5, "spot_mura": 2.4}  # scores of each defect type
FRAMES = 300
MOVE = """async (frames) => {
    const slider = document.querySelector("[data-part=threshold]");
    const [low, high] = [Number(slider.min), Number(slider.max)];
    const took = [];
    const frame = () => new Promise(requestAnimationFrame);
    let before = await frame();
    for (let i = 0; i < frames; i++) {
        slider.value = low + (high - low) * (0.5 - 0.5 * Math.cos((2 * Math.PI * i) / frames));
        slider.dispatchEvent(new Event("input"));
        const now = await frame();
        took.push(now - before);
        before = now;
    }
    return took;
}"""
WORK = ("TaskDuration", "ScriptDuration", "LayoutDuration", "RecalcStyleDuration")  # of the page's main thread


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=10_000)
    count = parser.parse_args().images
    chance = random.Random(0)
    images = [Inspected(max(0.0, chance.gauss(2, 0.6))) for _ in range(count // 2)]
    images += [
        Inspected(min(11.9, max(0.0, chance.gauss(mean, 1))), kind)
        for kind, mean in MEANS.items()
        for _ in range(count // 10)
    ]
    held_out = [max(0.0, chance.gauss(2, 0.6)) for _ in range(400)]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        run = a_run_to_look_at(home, images, held_out)
        with serving(environment_of(home)) as address, sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
            )
            measure(browser.new_page(viewport={"width": 1280, "height": 720}), f"{address}/runs/{run}?lang=en", count)
            browser.close()


def measure(page: Page, address: str, count: int) -> None:
    page.set_default_timeout(120_000)
    page.goto(address)
    page.locator("x-heat").first.wait_for(state="attached")
    inside = page.context.new_cdp_session(page)
    inside.send("Performance.enable", {"timeDomain": "threadTicks"})  # what it computes, however busy the machine is
    for place in ("histogram", "thumbs"):
        page.locator(f"[data-part={place}]").scroll_into_view_if_needed()
        page.wait_for_timeout(2000)
        before = counters(inside)
        took = page.evaluate(MOVE, FRAMES)
        work = {name: 1000 * (value - before[name]) / FRAMES for name, value in counters(inside).items()}
        tell(f"{count:,} images, {place} in view, from frame to frame", took)
        print("  computing in a frame: " + ", ".join(f"{name} {value:.2f} ms" for name, value in work.items()))
    page.locator("[data-preset=f1]").click()
    began = time.perf_counter()
    page.locator("[data-part=use]").click()
    page.locator("[data-part=undo]:visible").wait_for()
    print(f"setting another one, until the page tells of it: {1000 * (time.perf_counter() - began):.0f} ms")
    print(f"load of the machine: {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")


def counters(inside: CDPSession) -> dict[str, float]:
    told = {each["name"]: each["value"] for each in inside.send("Performance.getMetrics")["metrics"]}
    return {name: told[name] for name in WORK}


def tell(name: str, times: list[float]) -> None:
    ordered = sorted(times)
    at = {share: ordered[min(len(ordered) - 1, int(share * len(ordered)))] for share in (0.5, 0.95, 0.99)}
    late = sum(each > 1000 / 60 * 1.5 for each in times)
    print(
        f"{name}: median {at[0.5]:.1f} ms, 95 % {at[0.95]:.1f}, 99 % {at[0.99]:.1f}, longest {ordered[-1]:.1f}; {late} of {len(times)} late"
    )


if __name__ == "__main__":
    main()
