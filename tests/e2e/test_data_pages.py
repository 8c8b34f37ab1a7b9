"""Data sets, their differences, and features, in a real browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect
from seeded_data import seed_data
from seeded_home import SeededHome, seed_home

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.browser

PAGES = {
    "/datasets/bookings": "bookings",
    "/datasets/bookings/2": "bookings@2",
    "/datasets/bookings~cheaper": "bookings~cheaper",
    "/datasets/airport-observations": "airport-observations",
    "/datasets/bookings/diff?before=bookings@1&after=bookings@4": "What changed",
    "/features": "Features",
    "/features/airport_weather": "airport_weather",
    "/features/passenger_habits": "passenger_habits",
    "/features/services/fare_features": "fare_features",
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeededHome]:
    folder = tmp_path_factory.mktemp("home")
    seeded = seed_home(folder, days=6, per_day=4)
    seed_data(seeded, folder)
    yield seeded
    seeded.close()


def test_every_page_shows_what_it_is_and_fits_a_telephone(page: Page) -> None:
    for path, title in PAGES.items():
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_have_text(title)
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
    page.set_viewport_size({"width": 380, "height": 800})
    for path in PAGES:
        page.goto(path)
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 380, f"{path} is {width} pixels wide"


def test_what_rules_found_is_shown_with_the_keys_of_rows(page: Page) -> None:
    page.goto("/datasets/bookings/2")
    expect(page.get_by_text("fare is between 0 and 6,000")).to_be_visible()
    expect(page.get_by_text("b002400").first).to_be_visible()
    page.get_by_role("link", name="bookings.quarantine@1").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("bookings.quarantine@1")


def test_a_column_that_looks_personal_is_marked_and_shows_no_value(page: Page) -> None:
    page.goto("/datasets/bookings")
    expect(page.get_by_text("looks like: e-mail address")).to_be_visible()
    expect(page.get_by_text("tp.Personal()")).to_be_visible()
    assert "@example.org" not in page.content()


def test_versions_are_compared_from_where_they_are_listed(page: Page) -> None:
    page.goto("/datasets/bookings")
    page.get_by_role("row", name=re.compile("bookings@3")).get_by_text("what changed").click()
    expect(page.get_by_text("Rows changed")).to_be_visible()
    expect(page.get_by_text("120", exact=True).first).to_be_visible()
    page.get_by_label("After").select_option("bookings@4")
    expect(page).to_have_url(re.compile("after=bookings%404"))
    expect(page.get_by_text("−35")).to_be_visible()
    page.get_by_label("After").select_option("bookings~cheaper@2")
    expect(page.get_by_text("No column has moved.")).to_have_count(0)
    expect(page.get_by_text("300", exact=True).first).to_be_visible()


def test_features_are_found_by_any_word_said_of_them(page: Page) -> None:
    page.goto("/features")
    views = page.get_by_role("row", name=re.compile("airport_weather|passenger_habits"))
    find = page.get_by_label("Find features")
    find.fill("gold WEATHER@example")
    expect(page.get_by_text("passenger_habits").and_(page.locator("b"))).to_have_count(0)
    expect(page.get_by_text("airport_weather").and_(page.locator("b"))).to_be_visible()
    find.fill("nobody's")
    expect(page.get_by_text("Nothing goes by that word")).to_be_visible()
    find.fill("")
    expect(views.first).to_be_visible()
    page.get_by_text("airport_weather").and_(page.locator("b")).click()
    expect(page.get_by_text("miles an hour")).to_be_visible()
    page.get_by_role("link", name="fare_features").click()
    expect(page.get_by_text("last_bags")).to_be_visible()
