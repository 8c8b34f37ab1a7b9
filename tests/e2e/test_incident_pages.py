"""Incidents in a real browser: from a decision's page to a case that holds a release back."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from bank import ENV, Bank
from lender import loans
from playwright.sync_api import Browser, Page, expect

from towpath.ledger import open_ledger
from towpath.server import Services
from towpath.storage.blobs import open_blobs
from towpath.storage.database import open_database
from towpath.storage.keys import FileKeyring
from towpath.trace.lineage import LedgerTracer

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.browser


class NoErasures:
    """Of the pages that are opened here, none shows an erasure."""

    def list(self, limit: int) -> list[Any]:
        del limit
        return []


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A lender whose model refuses those whom it should not, as labels say."""
    folder = tmp_path_factory.mktemp("home")
    database = open_database(f"sqlite:///{folder}/towpath.db")
    database.migrate()
    keyring = FileKeyring(folder / "keys")
    ledger = open_ledger(database, keyring)
    blobs = open_blobs(f"file://{folder}/blobs")
    bank = Bank(ledger=ledger, blobs=blobs, keyring=keyring, folder=folder)
    rows = loans(200)
    turned = rows.with_columns(granted=1 - rows["granted"])  # a batch that came in upside down
    bank.add_loans(turned)
    bank.put(bank.train(rows))
    model = bank.train(turned)
    bank.put(model)
    made = bank.decide(model, rows)
    for decision, granted in zip(made, rows["granted"], strict=True):
        bank.label(decision, float(granted))
    found = [one for one in map(bank.decisions.find, made) if one is not None]
    wrong = next(
        one.decision_id
        for one, granted in zip(found, rows["granted"], strict=True)
        if granted and one.outputs["granted"] < 0.5
    )
    services = Services(
        ledger=ledger,
        blobs=blobs,
        keyring=keyring,
        clock=bank.clock,
        environment=ENV,
        tracer=LedgerTracer(ledger, bank.decisions),
        erasures=NoErasures(),  # type: ignore[arg-type]
        replayer=bank.replayer,
        explainer=bank.explainer,
        incidents=bank.incidents,
        cases=bank.cases,
    )
    forgotten = bank.train(rows[:150])
    (old,) = bank.decide(forgotten, rows[:1])
    with ledger.write() as tx:
        tx.versions.set_state(forgotten, "deleted", reason="erasure")
    yield SimpleNamespace(services=services, wrong=wrong, old=old)
    bank.writer.close()
    ledger.close()
    database.close()


def test_a_wrong_answer_is_looked_into_kept_and_waived(page: Page, home: Any) -> None:
    page.goto(f"/decisions/{home.wrong}")
    page.get_by_role("button", name="Open incident").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("What went wrong").fill("a good applicant was refused")
    dialog.get_by_label("Your handle").fill("ann")
    dialog.get_by_role("button", name="Open", exact=True).click()
    expect(page).to_have_url(re.compile("/incidents/lending.1$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("A good applicant was refused")
    expect(page.get_by_text("Nobody has looked yet")).to_be_visible()
    expect(page.get_by_role("button", name="Start a retraining")).to_be_disabled()

    page.get_by_role("button", name="Look for causes").click()
    expect(page.get_by_text("A suspect is a lead, not a proof")).to_be_visible(timeout=60_000)
    expect(page.get_by_role("heading", name="Training rows", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name="Training rows near to the first")).to_be_visible()

    page.get_by_label("What the answer must be").fill(">= 0.5")
    page.get_by_role("button", name="Keep as a case").click()
    standing = page.get_by_role("row", name="loan@2")
    expect(standing.get_by_text("fail", exact=True)).to_be_visible()
    expect(page.get_by_role("row", name="loan@1").get_by_text("not asked yet")).to_be_visible()
    expect(page.get_by_role("button", name="Start a retraining")).to_be_enabled()

    page.get_by_text("Let a version through all the same").click()
    page.get_by_label("Why", exact=True).fill("until the fix is in")
    page.get_by_role("button", name="Sign the waiver").click()
    expect(standing.get_by_text("fail, waived")).to_be_visible()
    expect(page.get_by_text("in force", exact=True)).to_be_visible()

    page.goto("/incidents")
    expect(page.get_by_role("row", name="A good applicant was refused")).to_be_visible()
    expect(page.get_by_role("row", name="lending.1.1").get_by_text("loan@2").first).to_be_visible()
    page.get_by_text("A good applicant was refused").click()
    page.get_by_label("Why it is over").fill("they were asked again")
    page.get_by_role("button", name="Close the incident").click()
    expect(page.get_by_text("closed", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Look again")).to_have_count(0)


def test_a_decision_of_a_model_that_is_gone_shows_what_is_recorded(
    browser: Browser, url: str, home: Any
) -> None:
    page = browser.new_page(base_url=url)  # it can't be explained, and the console says so
    page.goto(f"/decisions/{home.old}")
    expect(page.get_by_role("heading", name="What is recorded")).to_be_visible()
    expect(page.get_by_text("lending", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="loan@3")).to_be_visible()
    page.close()


def test_what_can_not_be_kept_says_why(browser: Browser, url: str, home: Any) -> None:
    opened = home.services.incidents.open(decisions=[home.wrong], actor="ann")
    page = browser.new_page(base_url=url)
    page.goto(f"/incidents/{opened.id}")
    page.get_by_label("Your handle").first.fill("ann")
    page.get_by_label("What the answer must be").fill("rain >= 1")
    page.get_by_label("Your handle").last.fill("ann")
    page.get_by_role("button", name="Keep as a case").click()
    expect(page.get_by_text("the model answers")).to_be_visible()
    page.close()
