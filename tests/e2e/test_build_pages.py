"""Runs, searches, schedules and spend, in a real browser: what is drawn, and what moves by itself."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect
from seeded_home import SeededHome, seed_home
from seeded_runs import BACKFILL, seed_runs
from seeded_searches import seed_searches
from seeded_spend import seed_spend

from towpath.ledger.logs import LogPart

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.browser

SOON_MS = 20_000


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeededHome]:
    seeded = seed_home(tmp_path_factory.mktemp("home"), days=6, per_day=4)
    seeded.runs.append(seed_runs(seeded))
    seeded.searches += seed_searches(seeded)
    seed_spend(seeded)
    yield seeded
    seeded.close()


@pytest.fixture
def half_way(home: SeededHome) -> str:
    """Id of the run that has begun and is not over."""
    return home.runs[-1]


def step_of(home: SeededHome, run: str, name: str) -> str:
    with home.ledger.read() as tx:
        return next(one.id for one in tx.runs.list(parent=run) if one.name == name)


def test_every_page_shows_what_it_is_and_fits_a_telephone(
    page: Page, home: SeededHome, half_way: str
) -> None:
    paths = {
        f"/runs/{half_way}": "train",
        f"/runs/{step_of(home, half_way, 'join')}": "join",
        "/searches": "Searches",
        f"/searches/{home.searches[0]}": "search-fit",
        f"/searches/{home.searches[1]}": "search-fit",
        "/schedules": "Schedules",
        f"/backfills/{BACKFILL}": BACKFILL,
        "/spend": "Spend",
        "/webhooks": "Webhooks",
        "/models/late-nights/1": "late-nights@1",
    }
    for path, title in paths.items():
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_have_text(title)
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
    page.set_viewport_size({"width": 380, "height": 800})
    for path in paths:
        page.goto(path)
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 380, f"{path} is {width} pixels wide"


def test_a_graph_shows_what_is_to_come_and_moves_with_the_run(
    page: Page, home: SeededHome, half_way: str
) -> None:
    page.goto(f"/runs/{half_way}")
    graph = page.locator(".react-flow")
    expect(graph.get_by_text("still to come")).to_be_visible(timeout=SOON_MS)
    expect(graph.get_by_text("26 of 28 calls")).to_be_visible()
    with home.ledger.write() as tx:
        blend = tx.runs.start(kind="step", name="blend", project="flights", parent=half_way)
        tx.runs.finish(blend.id, "failed", error="step 'blend' failed: ZeroDivisionError")
    expect(graph.get_by_text("still to come")).to_have_count(0, timeout=SOON_MS)
    expect(graph.get_by_text(re.compile("^failed"))).to_be_visible()
    graph.get_by_text("blend").click()
    expect(page).to_have_url(re.compile(blend.id))
    expect(page.get_by_text("ZeroDivisionError")).to_be_visible()


def test_what_a_step_prints_arrives_by_itself_and_stays_text(
    page: Page, home: SeededHome, half_way: str
) -> None:
    step = step_of(home, half_way, "describe")
    page.goto(f"/runs/{step}")
    log = page.get_by_role("log")
    expect(log).to_contain_text("99% airport 1 of 3")
    with home.ledger.write() as tx:
        kept = tx.logs.read(step)
        assert kept is not None
        said = b"<img src=x onerror=alert(1)> and \xc3\xa9\n"
        tx.logs.append({step: LogPart(begins=kept.ends, data=said)})
    expect(log).to_contain_text("<img src=x onerror=alert(1)> and é", timeout=SOON_MS)


def test_an_artefact_shows_rows_and_hides_what_names_people(
    page: Page, home: SeededHome, half_way: str
) -> None:
    page.goto(f"/runs/{step_of(home, half_way, 'join')}")
    expect(page.get_by_text("20 rows of 400")).to_be_visible()
    expect(page.get_by_text(re.compile("contact: "))).to_be_visible()
    assert "@example.org" not in page.content()


def test_an_axis_that_is_marked_singles_trials_out(page: Page, home: SeededHome) -> None:
    page.goto(f"/searches/{home.searches[0]}")
    drawing = page.get_by_label("Parameters and objectives of every trial")
    drawing.scroll_into_view_if_needed()
    expect(drawing.locator("[data-out]")).to_have_count(0)
    grip = drawing.locator("rect").last.bounding_box()
    assert grip is not None
    page.mouse.move(grip["x"] + grip["width"] / 2, grip["y"] + 2)
    page.mouse.down()
    page.mouse.move(grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 6, steps=4)
    page.mouse.up()
    expect(drawing.locator("[data-out]")).not_to_have_count(0)
    page.get_by_text("Show all again").click()
    expect(drawing.locator("[data-out]")).to_have_count(0)


def test_a_search_that_goes_on_tells_new_trials_by_itself(page: Page, home: SeededHome) -> None:
    page.goto(f"/searches/{home.searches[1]}")
    expect(page.get_by_text("Pareto front").first).to_be_visible()
    running = page.get_by_role("cell", name="running")
    expect(page.get_by_text("Show all 36")).to_be_visible()
    page.get_by_text("Show all 36").click()
    expect(running).to_have_count(4)
    with home.ledger.write() as tx:
        search = tx.runs.get(home.searches[1])
        trials = tx.runs.list(parent=search.parent, kind="step", status="running")
        tx.runs.finish(trials[0].id, "failed", error="step 'fit' failed: MemoryError")
    expect(running).to_have_count(3, timeout=SOON_MS)


def test_what_waits_says_for_what(page: Page, home: SeededHome) -> None:
    with home.ledger.write() as tx:
        until = datetime.now(UTC) + timedelta(minutes=5)
        tx.line.put([replace(one, seen_until=until) for one in tx.line.waiting_for(["seed"])])
    page.goto("/spend")
    expect(page.get_by_text(re.compile("may have 6 cpus at once")).first).to_be_visible()
    page.get_by_text("Erasure", exact=True).click()
    expect(page.get_by_role("link", name=re.compile("0199a5c2d3e4"))).to_be_visible()


def test_a_backfill_s_squares_lead_to_its_runs(page: Page, home: SeededHome) -> None:
    page.goto("/schedules")
    page.get_by_role("row", name=re.compile(f"^{BACKFILL}")).click()
    expect(page).to_have_url(re.compile(f"/backfills/{BACKFILL}$"))
    expect(page.get_by_text("no rows in the window").first).to_be_visible()
    page.get_by_role("link", name=re.compile("1 Mar 2013: done")).click()
    expect(page).to_have_url(re.compile("/runs/"))


def test_a_webhook_that_fails_says_why_and_one_that_works_what_it_sent(page: Page) -> None:
    page.goto("/webhooks")
    expect(page.get_by_text("chat.example.org answered 503")).to_be_visible()
    expect(page.get_by_text("Next try")).to_be_visible()
    expect(page.get_by_text("422, refused")).to_be_visible()
    page.get_by_role("row", name=re.compile("run finished")).first.get_by_role("link").click()
    expect(page).to_have_url(re.compile("/runs/"))


def test_a_step_that_made_room_lists_its_attempts(
    page: Page, home: SeededHome, half_way: str
) -> None:
    page.goto(f"/runs/{step_of(home, half_way, 'describe')}")
    expect(page.get_by_text("goes on from what was saved: 41.3 kB")).to_be_visible()
    page.get_by_role("row", name=re.compile("preempted")).click()
    expect(page.get_by_text("preempted").first).to_be_visible()
    expect(page).not_to_have_url(re.compile(step_of(home, half_way, "describe")))


def test_the_menu_can_be_skipped_by_keyboard(page: Page) -> None:
    page.goto("/runs")
    expect(page.get_by_role("heading", level=1)).to_have_text("Runs")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip the menu")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
