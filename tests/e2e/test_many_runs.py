"""The list of runs where there are more than it shows at a time: found, sorted and counted over all of them."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import Page, expect

from assistant.kinds.finding import PAGE
from assistant.settings import Settings
from benchmarks.many_runs import fill
from tests.serving import environment_of, serving

COUNT = 3 * PAGE - 10


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("many")
    with ThreadPoolExecutor(1) as beside:  # Playwright has a loop of its own in this one
        beside.submit(asyncio.run, fill(Settings(home=home, hub="off"), COUNT)).result()
    with serving(environment_of(home)) as address:
        yield address


def test_more_rows_come_as_the_end_is_seen_and_a_search_looks_through_all_runs(page: Page, many: str) -> None:
    page.goto(f"{many}/runs?lang=en")
    rows, told = page.locator("tbody tr"), page.locator("#runs-count")
    expect(told).to_have_text(f"{COUNT} runs")
    expect(rows).to_have_count(PAGE)
    rows.last.scroll_into_view_if_needed()
    expect(rows).to_have_count(2 * PAGE)
    rows.last.scroll_into_view_if_needed()
    expect(rows).to_have_count(COUNT)
    assert len(set(page.eval_on_selector_all("tbody tr", "rows => rows.map((row) => row.dataset.run)"))) == COUNT

    page.get_by_role("searchbox").fill("r1")  # r1 itself stood on no page but the last
    page.locator("[data-sort-by=run]").click()
    expect(rows.first).to_have_attribute("data-run", "r1")
    expect(told).to_contain_text(f"of {COUNT} runs")
    page.reload()
    expect(rows.first).to_have_attribute("data-run", "r1")
    page.get_by_role("searchbox").fill("no such run")
    expect(page.locator("#none-fits")).to_be_visible()
