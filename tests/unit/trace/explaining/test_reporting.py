"""An access report shows what an erasure would take, and leaves no trace of whom it is about."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from towpath.core.errors import NotFound
from towpath.trace.erasure import copies
from towpath.trace.erasure.contract import HeldCopy
from towpath.trace.erasure.copies import FoundCopy
from towpath.trace.explaining import LedgerSubjectReports, render_page

if TYPE_CHECKING:
    from pathlib import Path

WHO = "P0003"


class Drawer:
    """A kind of copy that holds a note about everybody."""

    kind = "drawer"

    def held(self, about: Any) -> list[HeldCopy]:
        return [HeldCopy(kind=self.kind, name="top", count=1)]

    def find(self, about: Any) -> list[FoundCopy]:
        return [FoundCopy(name="top", count=1, rows=({"note": f"<b>{about.value}</b>"},))]

    def erase(self, about: Any) -> None:
        raise AssertionError("a report erases nothing")

    def beyond(self, about: Any) -> list[str]:
        return ["the key of the drawer"]


@pytest.fixture
def report(lender: Any, rows: pl.DataFrame, booster: Any) -> Any:
    first = lender.add_loans(rows)
    changed = rows.filter(pl.col("applicant") == WHO).with_columns(amount=pl.lit(77_000.0))
    lender.merge_loans(changed)
    lender.serve(keep_for="90d")
    model = lender.register(booster, rows)
    with lender.ledger.write() as tx:
        run = tx.runs.start(kind="pipeline", name="train", project="lending")
        tx.graph.link(run.ref, "used", first)
        tx.graph.link(model, "made", run.ref)
    lender.decide(model, rows[2:5])

    def ask(value: str = WHO, field: str = "applicant") -> Any:
        reports = LedgerSubjectReports(
            lender.ledger,
            lender.blobs,
            lender.keyring,
            lender.datasets,
            lender.decisions,
            copies=lambda: (copies.WindowCounts(lender.blobs), Drawer()),
        )
        return reports.report(field, value, actor="ada")

    return ask


def test_rows_of_all_versions_decisions_models_and_copies_are_shown(
    report: Any, lender: Any, rows: pl.DataFrame
) -> None:
    found = report()
    by_kind = {(one.kind, one.name): one for one in found.holdings}
    data = by_kind["dataset", "loans"]
    assert data.versions == {"dataset:loans@1": 1, "dataset:loans@2": 1}
    amounts = {row["amount"] for row in data.values}
    assert amounts == {77_000.0, rows.filter(pl.col("applicant") == WHO)["amount"].item()}
    assert {row["applicant"] for row in data.values} == {WHO}
    (decision,) = by_kind["decisions", "lending"].values
    assert decision["input.income"] == rows["income"][3]
    assert decision["subject"] == lender.keyring.subject_hash("applicant", WHO)
    assert by_kind["decisions", "lending"].kept_for == "90d"
    assert by_kind["decisions", "lending"].purpose == "decides on mortgages"
    assert by_kind["drawer", "top"].rows == 1
    assert [one["ref"] for one in found.models] == ["model:loan@1"]
    assert "the key of the drawer" in found.beyond
    assert not found.withdrawn


def test_the_log_knows_who_asked_and_nobody_is_named_in_it(
    report: Any, lender: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    found = report()
    with lender.ledger.read() as tx:
        (event,) = tx.events.read(types=["subject.reported"])
        every = tx.events.read(limit=None)
    assert (event.actor, event.subject) == ("ada", f"subject:{found.subject}")
    assert not [one for one in every if WHO in repr(one)]
    assert WHO not in capsys.readouterr().out
    assert WHO not in repr(found)


def test_the_page_escapes_what_it_shows_and_asks_nobody_for_anything(report: Any) -> None:
    page = render_page(report())
    assert f"&lt;b&gt;{WHO}&lt;/b&gt;" in page
    assert "<b>" not in page
    for word in ("<script", "http://", "https://", "src="):
        assert word not in page
    assert "<dd>77000.0</dd>" in page  # columns stand one below the other
    assert " UTC</dd>" in page
    assert "model:loan@1" in page


def test_a_withdrawal_is_told(report: Any, lender: Any) -> None:
    lender.withdraw(lender.keyring.subject_hash("applicant", WHO))
    assert report().withdrawn
    assert "withdrawal is recorded" in render_page(report())


def test_nobody_is_somebody_of_whom_nothing_is_held(report: Any) -> None:
    found = report("P9999")
    assert [one.kind for one in found.holdings] == ["drawer"]
    assert found.models == ()
    with pytest.raises(NotFound):
        report(field="shoe_size")


def test_json_holds_all_of_it(report: Any) -> None:
    told = json.loads(json.dumps(asdict(report()), default=str))
    assert told["value"] == WHO
    assert len(told["holdings"]) >= 3


def test_every_kind_that_a_home_erases_shows_what_it_plans_to_erase(tmp_path: Path) -> None:
    """What an erasure knows to erase the report knows to show, for every copy that a home wires up."""
    from towpath.app.home import open_home
    from towpath.app.place import resolve_place

    (tmp_path / "project").mkdir()
    place = resolve_place(tmp_path / "project", flags={"home": str(tmp_path / "home")}, environ={})
    with open_home(place) as home:
        kinds = home.copies()
        assert len({one.kind for one in kinds}) == len(kinds) >= 11
        about = copies.About(field="f", subjects=("s",), values=("v",), datasets=())
        for kind in kinds:
            held = {one.name for one in kind.held(about)}
            assert held <= {one.name for one in kind.find(about)}
