"""Labelling in a real browser, as people do it: with one hand on the keys."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Page, expect
from seeded_home import SeededHome, seed_home
from seeded_labels import QUEUE, seed_labels

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.browser

DESK = f"/labels/{QUEUE}"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SeededHome]:
    """A home with a queue; each test sits down as somebody else."""
    folder = tmp_path_factory.mktemp("home")
    seeded = seed_home(folder, days=12, per_day=16)
    seed_labels(seeded, folder, days=5)
    yield seeded
    seeded.close()


def sit_down(page: Page, name: str) -> None:
    page.goto(DESK)
    page.get_by_label("Your handle").fill(name)
    page.get_by_role("button", name="Begin").click()
    expect(page.get_by_role("group", name="Labels")).to_be_visible()


def shown(page: Page) -> str:
    """The decision that is on the bench."""
    code = page.locator("main section").first.get_by_title(re.compile("^[0-9a-f-]{36}$"))
    return code.get_attribute("title") or ""


def press(page: Page, *keys: str) -> None:
    """Press keys, each once the bench is ready for it."""
    for key in keys:
        expect(page.locator("[data-busy]")).to_have_count(0)
        page.keyboard.press(key)


def said(home: SeededHome, *types: str) -> list[tuple[str, str]]:
    with home.ledger.read() as tx:
        return [(event.actor, event.subject) for event in tx.events.read(types=types)]


def test_decisions_are_judged_with_one_key_each(page: Page, home: SeededHome) -> None:
    sit_down(page, "dee")
    first = shown(page)
    press(page, "2")
    words = page.get_by_role("list").filter(has_text="late")
    expect(words.last).to_be_visible()
    expect(page.get_by_title(first)).to_have_count(1)  # now among what was just said
    assert ("dee", f"decision:{first}") in said(home, "label.judged")


def test_a_word_is_taken_back_and_said_again(page: Page, home: SeededHome) -> None:
    sit_down(page, "eli")
    first = shown(page)
    press(page, "1")
    expect(page.get_by_text("Just said")).to_be_visible()
    press(page, "u")
    expect(page.get_by_text("said before")).to_be_visible()
    assert shown(page) == first
    press(page, "j", "j", "k", "Enter")
    expect(page.get_by_text("Just said")).to_be_visible()
    subject = f"decision:{first}"
    mine = [one for one in said(home, "label.judged", "label.undone") if one == ("eli", subject)]
    assert len(mine) == 3
    with home.ledger.read() as tx:
        task = tx.intents.get("label_task", f"{QUEUE}.{first}")
    assert task.status["answers"]["eli"]["label"] == "on time"


def test_keys_rest_while_somebody_types_or_reads_the_list_of_keys(
    page: Page, home: SeededHome
) -> None:
    sit_down(page, "fay")
    first = shown(page)
    page.keyboard.press("c")
    page.keyboard.type("2 late trains, so I guess")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("undo the last answer")
    page.keyboard.press("1")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert said(home, "label.judged")[-1][0] != "fay"
    press(page, "s")
    expect(page.get_by_text("skipped", exact=True)).to_be_visible()
    press(page, "u")
    expect(page.get_by_label("Comment")).to_have_value("2 late trains, so I guess")
    assert shown(page) == first


def test_two_people_are_not_shown_the_same_place(
    browser: Browser, page: Page, home: SeededHome, url: str
) -> None:
    sit_down(page, "gus")
    context = browser.new_context(base_url=url)
    other = context.new_page()
    sit_down(other, "hal")
    third = context.new_page()
    third.goto(DESK)
    expect(third.get_by_text("you are hal")).to_be_visible()
    assert shown(third) == shown(other)  # one person, one item, however many windows
    context.close()
    with home.ledger.read() as tx:
        for task in tx.intents.list("label_task", phases=["open"]):
            votes = [one for one in task.status.get("answers", {}).values() if one["label"]]
            assert len(votes) + len(task.status.get("leases", {})) <= 2


def test_a_dispute_is_decided_over_what_everybody_said(page: Page, home: SeededHome) -> None:
    sit_down(page, "judge")
    page.get_by_text(re.compile(r"Disputes \d")).click()
    expect(page.get_by_text("the model said")).to_be_visible()
    disputes = page.get_by_role("heading", name=re.compile("disputes?$"))
    before = int(disputes.inner_text().split()[0])
    expect(page.locator("main").get_by_text("ann", exact=True)).to_be_visible()
    page.keyboard.press("2")
    if before > 1:
        expect(disputes).to_have_text(re.compile(f"^{before - 1} "))
    else:
        expect(page.get_by_text("Nobody differs")).to_be_visible()
    assert said(home, "label.settled")[-1][0] == "judge"


def test_agreement_shows_its_interval_and_who_differs(page: Page) -> None:
    page.goto(f"{DESK}?view=agreement")
    expect(page.get_by_role("img", name=re.compile("alpha .* between"))).to_be_visible()
    expect(page.get_by_role("cell", name="ann and bob")).to_be_visible()
    expect(page.get_by_role("columnheader", name="cancelled")).to_be_visible()


def test_another_site_can_not_speak_in_somebody_s_name(
    browser: Browser, page: Page, home: SeededHome
) -> None:
    """A page elsewhere, open in the same browser, posts to the server with fetch and with a form."""
    sit_down(page, "ivy")
    decision = shown(page)
    url = page.url.split("/labels")[0].replace("127.0.0.1", "localhost")  # same server, other site
    target = page.url.split("/labels")[0] + f"/api/v1/labelling/{QUEUE}/items/{decision}/judgement"
    stranger = browser.new_page()
    stranger.goto(f"{url}/api/v1/health/live")
    outcome = stranger.evaluate(
        """async (target) => {
            const body = JSON.stringify({label: "late"});
            const tries = [
                {method: "POST", mode: "no-cors", body},
                {method: "POST", body, headers: {"towpath-actor": "ivy"}},
            ];
            return Promise.all(tries.map((one) =>
                fetch(target, one).then((answer) => answer.type + answer.status, () => "refused")));
        }""",
        target,
    )
    assert outcome == ["refused", "refused"]
    with stranger.expect_navigation():
        stranger.evaluate(
            """(target) => {
                const form = document.createElement("form");
                form.method = "post"; form.action = target; form.enctype = "text/plain";
                document.documentElement.append(form); form.submit();
            }""",
            target,
        )
    expect(stranger.locator("body")).to_contain_text("another site")
    stranger.close()
    assert ("ivy", f"decision:{decision}") not in said(home, "label.judged")


def test_the_desk_fits_a_telephone(page: Page) -> None:
    sit_down(page, "jon")
    page.set_viewport_size({"width": 380, "height": 800})
    for view in ("judge", "disputes", "agreement"):
        page.goto(f"{DESK}?view={view}")
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme)
            expect(page.locator("html")).to_have_attribute("data-mantine-color-scheme", scheme)
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= 380, f"{view} is {width} pixels wide, {scheme}"
