"""What was spent on what, what it will come to, who is told when, and what storage costs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256

import polars as pl
import pytest

from towpath.assets.datasets import Dataset, ParquetDatasetStore, Schema
from towpath.assets.datasets.history import LedgerDatasetHistory, Retention
from towpath.assets.filesets import BlobFileSetStore, FileSet
from towpath.build.capacity import (
    ORGANISATION,
    Budget,
    Queue,
    RunOrder,
    budget_specs,
    compare_budgets,
    declare_budgets,
    declare_missing,
    priority_of,
    project_path,
    set_budget,
)
from towpath.build.capacity.forecasting import ForecastCall, forecast
from towpath.build.capacity.holdings import Holdings
from towpath.build.capacity.money import storage_cost
from towpath.build.capacity.pricing import change_prices, current_prices
from towpath.build.capacity.reading import alerts, budget_views, line_view, spend
from towpath.build.capacity.storing import KIND, StorageMeter
from towpath.build.compute import Resources
from towpath.core.errors import Conflict, UsageError
from towpath.core.ids import new_id
from towpath.ledger.controllers import ControllerLoop
from towpath.ledger.records import EndedRun, NewRun

SECOND = 1_000_000


@pytest.fixture
def burn(office, request_for, take, over):
    """Return what runs one attempt for so many seconds."""

    def do(name: str, seconds: float, **changes: object) -> None:
        permits = office.runner()
        permits.settle(take(permits, request_for(name, **changes)), over(seconds))

    return do


def read(office, what, *args, **options):
    with office.ledger.read() as tx:
        return what(tx, *args, **options)


def times(office) -> dict[str, datetime]:
    return {"now": office.clock.now(), "wall": office.wall.now()}


def test_spend_is_told_apart(office, burn):
    office.declare("flights", Budget(), [Queue("nightly", pipelines=["train"])])
    office.declare("loans", Budget())
    burn("a", 2, step="fit")
    burn("b", 1, step="prepare", cause="erasure:e1")
    burn("c", 4, project="loans", cause="schedule:nightly")

    def by(what: str, **options: object) -> list[tuple[str, int]]:
        lines = read(office, spend, what, **options)
        return [("/".join(one.key), one.micros // SECOND) for one in lines]

    assert by("project") == [("loans", 4), ("flights", 3)]
    assert by("queue") == [("loans/–", 4), ("flights/nightly", 3)]
    assert by("step", project="flights") == [("flights/fit", 2), ("flights/prepare", 1)]
    assert by("run") == [("run-c", 4), ("run-a", 2), ("run-b", 1)]
    assert by("cause") == [("schedule:nightly", 4), ("manual", 2), ("erasure:e1", 1)]
    assert by("erasure") == [("e1", 1)]
    assert by("day") == [("2026-03-10", 7)]
    assert by("project", since=datetime(2026, 3, 11, tzinfo=UTC)) == []
    with pytest.raises(UsageError, match="not told apart by 'colour'"):
        by("colour")


def test_a_model_version_costs_what_its_run_executed(office, burn):
    office.declare("flights", Budget())
    burn("a", 3)
    with office.ledger.write() as tx:
        tx.versions.declare("model", "late", project="flights")
        tx.runs.start(run_id="run-a", kind="pipeline", name="train", project="flights")
        tx.versions.commit("model", "late", digest="0" * 64, body={}, made_by="run-a")
    lines = read(office, spend, "model")
    assert [(one.key, one.micros) for one in lines] == [(("model:late@1",), 3 * SECOND)]


def test_a_soft_limit_is_told_once_for_each_crossing(office, burn):
    office.declare("flights", Budget(usd_per_month=100, warn=[0.25, 0.5]))
    burn("a", 10)
    burn("b", 10)
    assert read(office, alerts) == []
    burn("c", 10)
    burn("d", 10)
    (first,) = read(office, alerts)
    assert (first.budget, first.share) == (project_path("flights"), 0.25)
    assert first.summary == (
        "project 'flights' has spent 30.00 USD of 100.00 USD this month: past 25% of it"
    )
    burn("e", 10)
    assert [one.share for one in read(office, alerts)] == [0.5, 0.25]
    office.clock.advance_to(datetime(2026, 4, 2, tzinfo=UTC))
    for name in "fgh":
        burn(name, 10)
    assert [one.share for one in read(office, alerts)] == [0.25, 0.5, 0.25]


def test_a_raised_cap_makes_a_crossing_possible_again(office, burn):
    office.declare("flights", Budget(usd_per_month=20, warn=[0.5]))
    burn("a", 10)
    office.declare("flights", Budget(usd_per_month=200, warn=[0.5]))
    burn("b", 10)
    office.declare("flights", Budget(usd_per_month=40, warn=[0.5]))
    burn("c", 10)
    assert [one.share for one in read(office, alerts)] == [0.5, 0.5]


def test_budgets_and_the_line_as_people_see_them(office, burn, request_for, take):
    office.declare("flights", Budget(usd_per_month=100, steps=1), [Queue("nightly", priority=2)])
    burn("a", 6)
    permits = office.runner()
    take(permits, request_for("b"))
    permits.ask([request_for("c", queue="nightly")])
    project, queue = read(office, budget_views, **times(office))
    assert (project.project, project.queue) == ("flights", "")
    assert (queue.queue, queue.priority, queue.cap_micros) == ("nightly", 2, None)
    assert (project.spent_micros, project.reserved_micros) == (6 * SECOND, 10 * SECOND)
    # Nine and a half of March's 31 days are over.
    assert project.forecast_micros == round(6 * SECOND * 31 / 9.5)
    running, waiting = read(office, line_view, **times(office))
    assert (running.state, running.run, running.worst_micros) == ("running", "run-b", 10 * SECOND)
    assert (waiting.state, waiting.run, waiting.priority) == ("waiting", "run-c", 2)
    assert waiting.blocker.startswith("project 'flights' may have 1 step at once")


def test_a_forecast_counts_the_worst_and_what_is_likely(office, burn):
    office.declare("flights", Budget(usd_per_month=500))
    for name, seconds in (("a", 2), ("b", 4), ("c", 9)):
        burn(name, seconds, step="trial")
    limits = {"timeout_s": 10.0, "grace_s": 0.0}
    calls = [
        ForecastCall(step="trial", resources=Resources(**limits), calls=40, attempts=2),
        ForecastCall(step="never", resources=Resources(cpus=2, **limits)),
    ]
    found = read(office, forecast, calls, project="flights", pipeline="train", **times(office))
    assert [line.worst_micros // SECOND for line in found.lines] == [800, 20]
    assert (found.worst_micros // SECOND, found.likely_micros // SECOND) == (820, 160)
    assert found.unknown == ("never",)
    (left,) = found.budgets
    assert (left.left_micros, left.fits) == (485 * SECOND, False)
    assert found.refusals == ()
    huge = ForecastCall(step="huge", resources=Resources(cpus=100, **limits))
    found = read(office, forecast, [huge], project="flights", pipeline="t", **times(office))
    assert "step 'huge' can cost 1,000.00 USD" in found.refusals[0]


def test_a_forecast_learns_from_runs_outside_of_any_budget(office):
    runs = [NewRun(id=new_id(), kind="step", name="fit", project="flights") for _ in range(3)]
    hit = NewRun(id=new_id(), kind="step", name="fit", project="flights", tags={"executed_by": "r"})
    with office.ledger.write() as tx:
        tx.runs.start_all([*runs, hit])
        tx.runs.finish_all([EndedRun(id=hit.id, status="finished")])
    for run in runs:
        office.pass_time(7)
        with office.ledger.write() as tx:
            tx.runs.finish_all([EndedRun(id=run.id, status="finished")])
    call = ForecastCall(step="fit", resources=Resources(timeout_s=60.0, grace_s=0.0))
    found = read(office, forecast, [call], project="flights", pipeline="train", **times(office))
    assert found.lines[0].likely_s == 14.0
    assert found.unknown == ()


def test_the_account_takes_an_entry_of_a_kind_once(office, burn):
    burn("a", 2)
    with office.ledger.read() as tx:
        known = tx.account.entries(kind="settle")[0]
        before = tx.account.totals(("project",))
    again = {name: getattr(known, name) for name in type(known).__dataclass_fields__}
    again |= {"budgets": (project_path("flights"),)}
    fresh = again | {"permit": "another/one/1"}
    with (
        pytest.raises(Conflict, match="already"),
        office.ledger.write() as tx,
    ):
        tx.account.append([type(known)(**fresh), type(known)(**again)])
    with office.ledger.read() as tx:
        assert tx.account.totals(("project",)) == before
        assert tx.account.entries(permit="another/one/1") == []
        assert tx.account.reserved([known.permit, "another/one/1"]) == {known.permit}


class Trip(Schema):
    trip: str
    note: str


TRIPS = Dataset("trips", schema=Trip, key="trip")


def notes(first: int, last: int) -> pl.DataFrame:
    """Rows that hardly pack, so that a version of them has some size."""
    names = [f"trip-{number}" for number in range(first, last)]
    return pl.DataFrame(
        {"trip": names, "note": [sha256(one.encode()).hexdigest() for one in names]}
    )


def test_what_is_kept_is_every_stored_byte_once(office, disk_blobs, keyring):
    store = ParquetDatasetStore(office.ledger, disk_blobs, keyring)
    holdings = Holdings(office.ledger, disk_blobs)

    def kept() -> dict[str, int]:
        return {one.dataset: one.size_bytes for one in holdings.read()}

    def stored() -> int:
        return sum(disk_blobs.size_bytes(digest) for digest in disk_blobs.walk())

    assert kept() == {}
    for first in range(0, 400, 100):
        store.commit(TRIPS, notes(first, first + 100), project="flights")
        assert kept() == {"trips": stored()}
    history = LedgerDatasetHistory(office.ledger, disk_blobs)
    history.branch(store.versions("trips")[-1].ref, "what-if")
    store.commit(TRIPS, notes(400, 500), project="flights", branch="what-if")
    assert kept() == {"trips": stored()}
    (holding,) = holdings.read()
    newest = store.versions("trips")[-1]
    assert holding.size_bytes > newest.body["bytes"]

    store.commit(TRIPS, notes(0, 50), project="flights", mode="overwrite")
    history.drop("trips", "what-if")
    history.collect("trips", Retention(keep_last=1), now=datetime.now(UTC))
    assert kept() == {"trips": stored()}


def test_files_that_two_file_sets_share_are_kept_once(office, disk_blobs, keyring, tmp_path):
    datasets = ParquetDatasetStore(office.ledger, disk_blobs, keyring)
    store = BlobFileSetStore(office.ledger, disk_blobs, keyring, datasets, tmp_path / "stat")
    folder = tmp_path / "scans"
    folder.mkdir()
    holdings = Holdings(office.ledger, disk_blobs)

    def files(name: str) -> int:
        """Return what a file set keeps besides its rows."""
        (size,) = (one.size_bytes for one in holdings.read() if one.dataset == name)
        versions = datasets.versions(name)
        rows = {
            file.digest: file.size_bytes for one in versions for file in datasets.files(one.ref)
        }
        parts = {one.body[part] for one in versions for part in ("manifest", "profile")}
        return size - sum(rows.values()) - sum(disk_blobs.size_bytes(digest) for digest in parts)

    (folder / "a").write_bytes(b"a" * 1000)
    store.add(FileSet("first"), folder, project="flights")
    (folder / "b").write_bytes(b"b" * 500)
    store.add(FileSet("first"), folder, project="flights")
    assert files("first") == 1500
    (folder / "c").write_bytes(b"c" * 10)
    store.add(FileSet("second"), folder, project="loans")
    assert (files("first"), files("second")) == (1500, 10)


def test_storage_is_charged_once_a_day_by_data_set_and_may_exceed_a_cap(
    office, disk_blobs, keyring
):
    store = ParquetDatasetStore(office.ledger, disk_blobs, keyring)
    store.commit(TRIPS, notes(0, 100), project="flights")
    store.commit(TRIPS, notes(100, 200), project="flights")
    store.commit(Dataset("others", schema=Trip, key="trip"), notes(0, 100), project="nobody")
    (size,) = (
        one.size_bytes
        for one in Holdings(office.ledger, disk_blobs).read()
        if one.dataset == "trips"
    )
    rate = 30 * SECOND * (1 << 20)  # a KiB costs one a day
    a_day = storage_cost(size, 86_400, {"storage": rate})
    with office.ledger.write() as tx:
        change_prices(tx, {"storage": rate})
    office.declare("flights", Budget(usd_per_month=5))
    meter = StorageMeter(office.ledger, disk_blobs, office.clock)
    with office.ledger.write() as tx:
        meter.declare(tx)
    loop = ControllerLoop(office.ledger, [meter], owner="w")
    assert loop.step()
    assert office.spent("flights") == 0
    office.clock.advance(timedelta(days=2))
    for _ in range(2):
        office.wall.advance(timedelta(hours=1))
        assert loop.step()
    assert office.spent("flights") == 2 * a_day
    assert [one.share for one in read(office, alerts)] == [1.0]
    assert [(line.key, line.micros) for line in read(office, spend, by="cause")] == [
        (("storage:trips",), 2 * a_day)
    ]
    with office.ledger.write() as tx:  # a worker that died before it noted how far it was
        held = tx.intents.get(KIND, "all")
        tx.intents.report(KIND, "all", status={"until": "2026-03-11T00:00:00+00:00"})
    assert held.phase == "new"
    office.wall.advance(timedelta(hours=1))
    assert loop.step()
    assert office.spent("flights") == 2 * a_day


def test_declared_budgets_are_put_in_force_changed_and_lifted(office):
    specs = budget_specs("flights", Budget(usd_per_month=5), [Queue("q", priority=7)])
    with office.ledger.write() as tx:
        assert [one.action for one in declare_budgets(tx, "flights", specs)] == ["create"] * 2
        assert compare_budgets(tx, "flights", specs) == []
        fewer = budget_specs("flights", Budget(usd_per_month=9), [])
        changes = compare_budgets(tx, "flights", fewer)
        assert [(one.action, one.fields) for one in changes] == [
            ("change", ("cap_micros",)),
            ("remove", ()),
        ]
        assert declare_missing(tx, "flights", fewer) == []  # who runs does not raise the cap
        assert compare_budgets(tx, "flights", specs) == []
        with pytest.raises(Conflict, match="declares its budget in its code"):
            set_budget(tx, "flights", Budget())
        assert set_budget(tx, "loans", Budget(usd_per_day=1))
        assert not set_budget(tx, "loans", Budget(usd_per_day=1))
        assert compare_budgets(tx, "loans", {}) == []
        assert set_budget(tx, ORGANISATION, Budget(usd_per_day=1))


def test_a_higher_cap_wakes_the_runs_that_wait_for_money(office):
    with office.ledger.write() as tx:
        tx.intents.put("pipeline_run", "r", project="flights", spec={}, phase="waiting", due=False)
        set_budget(tx, ORGANISATION, Budget(usd_per_day=1))
        assert tx.intents.is_due(["pipeline_run"])


def test_workers_take_the_run_whose_turn_it_is(office, burn):
    office.declare("flights", Budget(), [Queue("urgent", pipelines=["hotfix"], priority=5)])
    office.declare("loans", Budget())
    burn("a", 10)
    taken: list[str] = []

    class Taking:
        kinds = ("pipeline_run",)

        def reconcile(self, held):
            taken.append(held.name)
            with office.ledger.write() as tx:
                tx.intents.advance(held, phase="done")

    with office.ledger.write() as tx:
        assert (priority_of(tx, "flights", "hotfix"), priority_of(tx, "flights", "train")) == (5, 0)
        for name, project, priority in (
            ("flights-1", "flights", 0),
            ("loans-1", "loans", 0),
            ("flights-urgent", "flights", 5),
            ("loans-2", "loans", 0),
        ):
            tx.intents.put("pipeline_run", name, project=project, spec={}, priority=priority)
    loop = ControllerLoop(office.ledger, [Taking()], owner="w", order=RunOrder(office.clock))
    while loop.step():
        office.pass_time(1)
    assert taken == ["flights-urgent", "loans-1", "loans-2", "flights-1"]


def test_a_price_list_is_followed_by_the_next_and_never_changed(office):
    with office.ledger.write() as tx:
        first = current_prices(tx)
        second = change_prices(tx, {"gpu:A100": 7})
        assert second.version == first.version + 1
        assert change_prices(tx, {"gpu:A100": 7}).version == second.version
        assert dict(tx.account.prices(first.version).rates) == dict(first.rates)
        for name in ("cpus", "gpu:", "cpu:fast", "disk"):
            with pytest.raises(UsageError, match="has no price"):
                change_prices(tx, {name: 1})
