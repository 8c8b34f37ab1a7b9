"""The web UI in a real browser, over a home that has lived through the loop."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Page, expect
from seeded_home import SeededHome, seed_home
from served import served

from towpath.server import Access

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.browser

PAGES = {
    "/": "Overview",
    "/projects": "Projects",
    "/projects/flights": "flights",
    "/datasets": "Data sets",
    "/datasets/flights": "flights",
    "/datasets/flights/3": "flights@3",
    "/features": "Features",
    "/labels": "Labels",
    "/runs": "Runs",
    "/models": "Models",
    "/models/late": "late",
    "/models/late/3": "late@3",
    "/releases": "Releases and traffic",
    "/rollouts": "Rollouts",
    "/rollouts/delay-board.4": "delay-board.4",
    "/monitors": "Monitors",
    "/monitors/delay-board.drift": "delay-board.drift",
    "/alerts/alert-4": "Drift in temp and wind_speed",
    "/webhooks": "Webhooks",
    "/incidents": "Incidents",
    "/incidents/delay-board.1": "An aeroplane in clear weather was called late",
    "/lineage": "Lineage",
    "/erasures": "Erasures",
    "/erasures/0199a5c2d3e47f60a1b2c3d4e5f60718": "Erasure of one tailnum",
    "/log": "Log",
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeededHome]:
    seeded = seed_home(tmp_path_factory.mktemp("home"), days=20, per_day=6)
    yield seeded
    seeded.close()


def test_every_page_shows_what_it_is_without_a_complaint(page: Page):
    for path, title in PAGES.items():
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_have_text(title)
        expect(page.locator("[aria-busy=true]")).to_have_count(0)


def test_no_page_is_wider_than_a_telephone(page: Page):
    page.set_viewport_size({"width": 380, "height": 800})
    for path in PAGES:
        page.goto(path)
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme)
            expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", scheme)
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= 380, f"{path} is {width} pixels wide, {scheme}"


def test_the_loop_shows_where_everything_stands(page: Page):
    page.goto("/")
    loop = page.get_by_label("The loop")
    expect(loop.get_by_text("8 versions")).to_be_visible()
    expect(loop.get_by_text("late@4 at 50%")).to_be_visible()
    loop.get_by_role("link", name="Gate").click()
    expect(page).to_have_url(re.compile("/models$"))


def test_a_refused_model_shows_the_bound_that_stopped_it(page: Page):
    page.goto("/models/late/3")
    expect(page.get_by_role("img", name=re.compile("wanted at least 0.68"))).to_be_visible()
    expect(page.get_by_text("fail", exact=True).first).to_be_visible()


def test_news_arrive_without_reloading(page: Page, home: SeededHome):
    page.goto("/")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    with home.ledger.write(actor="test") as tx:
        tx.versions.declare("dataset", "airports", project="flights")
        tx.versions.commit("dataset", "airports", digest="a" * 64, body={"rows": 3})
    expect(page.get_by_text("airports@1").first).to_be_visible(timeout=20_000)


def test_a_decision_is_found_by_its_id_and_leads_back_to_its_rows(page: Page, home: SeededHome):
    page.goto("/")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    page.keyboard.press("Control+k")
    page.get_by_label("Find").fill(home.decision_ids[3])
    page.get_by_text("trace it back").click()
    expect(page.get_by_role("link", name="late@1").first).to_be_visible()
    expect(page.get_by_role("link", name="flights@1").first).to_be_visible()
    page.get_by_role("link", name="weather@1").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("weather@1")


def test_the_graph_is_walked_by_clicking(page: Page):
    page.goto("/lineage?ref=model:late@2")
    page.locator(".react-flow__node", has_text="weather@2").click()
    expect(page).to_have_url(re.compile("weather(@|%40)2"))
    expect(page.locator(".react-flow__node", has_text="late@2")).to_be_visible()


def test_the_graph_is_walked_with_the_keyboard_and_shown_as_a_tree(page: Page):
    page.goto("/lineage?ref=model:late@2")
    page.locator(".react-flow__node", has_text="weather@2").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("weather(@|%40)2"))
    page.get_by_label("How far").select_option("1")
    expect(page.locator(".react-flow__node", has_text="late@2")).to_have_count(0)
    page.get_by_text("Tree", exact=True).click()
    page.get_by_text("Reaches", exact=True).click()
    page.get_by_label("How far").select_option("")
    expect(page.get_by_text("In all:")).to_be_visible()
    expect(page.get_by_role("link", name="late@2").first).to_be_visible()


def test_the_scheme_is_kept(page: Page):
    page.goto("/")
    page.get_by_role("button", name="Use the dark scheme").click()
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", "dark")


def test_a_server_with_a_token_asks_for_it(browser: Browser, home: SeededHome):
    with served(home.services, Access(token="open sesame")) as url:
        page = browser.new_page(base_url=url)
        page.goto("/models/late")
        page.get_by_label("Token").fill("wrong")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_text("not this server's token")).to_be_visible()
        page.get_by_label("Token").fill("open sesame")
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("late")
        page.close()


def test_what_does_not_exist_says_so(browser: Browser, url: str):
    page = browser.new_page(base_url=url)
    page.goto("/models/nobody")
    expect(page.get_by_text("There is no model 'nobody'")).to_be_visible()
    expect(page.get_by_text("Known: late.")).to_be_visible()
    page.goto("/no/such/page")
    expect(page.get_by_text("There is no such page")).to_be_visible()
    page.close()
