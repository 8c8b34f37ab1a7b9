"""What `DatasetHistory` promises about names, branches, differences and collections."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl
import pytest

from towpath.assets.datasets import Dataset, Schema, scan_manifest
from towpath.assets.datasets.history import CHANGE, LedgerDatasetHistory, Retention
from towpath.core.errors import Conflict, InvalidName, NotFound, UsageError
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from towpath.ledger.records import Version

LATER = datetime(2100, 1, 1, tzinfo=UTC)
TRUNK = Ref("dataset", "rides")

# What does not depend on where things are kept is tried on embedded parts alone.
embedded = pytest.mark.parametrize("home", ["embedded"], indirect=True)


class Ride(Schema):
    ride_id: str
    rider: str | None
    miles: float


class Tipped(Schema):
    ride_id: str
    rider: str | None
    miles: float
    tip: float | None


rides = Dataset("rides", schema=Ride, key="ride_id", subject="rider", buckets=4)
tipped = Dataset("rides", schema=Tipped, key="ride_id", subject="rider", buckets=4)


@pytest.fixture
def history(home) -> LedgerDatasetHistory:
    return LedgerDatasetHistory(home.ledger, home.blobs)


def rows(first: int, count: int, *, miles: float = 0.0) -> pl.DataFrame:
    numbers = range(first, first + count)
    return pl.DataFrame(
        {
            "ride_id": [f"r{n:05}" for n in numbers],
            "rider": [None if n % 10 == 9 else f"rider-{n % 7}" for n in numbers],
            "miles": [n + miles for n in numbers],
        },
        schema=Ride.polars_schema(),
    )


def grow(home, *, by: int = 10, times: int = 1, branch: str | None = None) -> Version:
    """Append `by` new rows a few times."""
    for _ in range(times):
        line = rides.ref.on(branch)
        with home.ledger.read() as tx:
            found = tx.versions.latest("dataset", line.name)
        first = 0 if found is None else found.body["rows"]
        version = home.store.commit(rides, rows(first, by), project="p", branch=branch)
    return version


def content(home, ref: Ref) -> pl.DataFrame:
    return home.store.scan(ref).collect().sort("ride_id")


def needed(home) -> set[str]:
    """Return the blobs that the readable versions need, by reading their manifests."""
    blobs: set[str] = set()
    with home.ledger.read() as tx:
        versions = [v for a in tx.versions.assets("dataset") for v in tx.versions.list(*ids(a))]
    for version in versions:
        if version.state == "ready":
            blobs |= {version.body["manifest"], version.body["profile"]}
            blobs |= {file.digest for file in home.store.files(version.ref)}
    return blobs


def ids(asset) -> tuple[str, str]:
    return asset.kind, asset.name


# -- naming ---------------------------------------------------------------------------------------


def test_a_text_names_a_version_by_number_tag_or_time(home, history):
    one, two = grow(home), grow(home)
    history.tag(one.ref, "golden")
    assert history.find("rides").ref == two.ref
    assert history.find("dataset:rides@1").ref == one.ref
    assert history.find("rides@golden").ref == one.ref
    assert history.find(f"rides@{one.created_at.isoformat()}").ref == one.ref
    assert history.find("rides@2099-01-01").ref == two.ref
    assert history.as_of("rides", two.created_at).ref == two.ref


@embedded
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rids", "Did you mean 'rides'"),
        ("rides@3", "It has versions 1"),
        ("rides@goldn", "Did you mean 'golden'"),
        ("rides~what@1", "no data set 'rides~what'"),
        ("rides~what", "no branch of data set 'rides' called 'what'"),
        ("rides@1999-01-01", "had no version at 1999"),
    ],
)
def test_what_a_text_does_not_name_is_said_with_what_is_there(home, history, text, words):
    history.tag(grow(home).ref, "golden")
    with pytest.raises(NotFound, match=words):
        history.find(text)


def test_a_tag_moves_and_goes(home, history):
    one, two = grow(home), grow(home)
    assert history.tag(one.ref, "golden").aliases == ("golden",)
    history.tag(two.ref, "golden")
    assert history.tags("rides") == {"golden": 2}
    history.untag("rides", "golden")
    assert history.tags("rides") == {}
    with pytest.raises(NotFound, match="golden"):
        history.untag("rides", "golden")


@embedded
@pytest.mark.parametrize("tag", ["7", "2026-03-01", "20260301", "a b", "~x"])
def test_a_tag_can_not_hide_a_number_or_a_time(home, history, tag):
    with pytest.raises(InvalidName):
        history.tag(grow(home).ref, tag)


# -- branches -------------------------------------------------------------------------------------


def test_a_branch_has_the_rows_it_began_with_and_shares_their_bytes(home, history):
    one = grow(home)
    before = set(home.blobs.walk())
    first = history.branch(one.ref, "what-if")
    assert first.ref == Ref("dataset", "rides~what-if", 1)
    assert set(home.blobs.walk()) == before
    assert content(home, first.ref).equals(content(home, one.ref))


def test_a_branch_goes_its_own_way(home, history):
    grow(home)
    history.branch(TRUNK, "what-if")
    ahead = grow(home, branch="what-if")
    assert ahead.ref == Ref("dataset", "rides~what-if", 2)
    assert content(home, ahead.ref).height == 20
    assert content(home, TRUNK).height == 10
    (branch,) = history.branches("rides")
    assert (branch.name, branch.base, branch.head, branch.behind) == (
        "what-if",
        TRUNK.at(1),
        ahead.ref,
        0,
    )


def test_a_branch_is_adopted_when_the_trunk_stood_still(home, history):
    grow(home)
    history.branch(TRUNK, "what-if")
    ahead = grow(home, branch="what-if")
    adopted = history.adopt("rides", "what-if", expected=2)
    assert adopted.ref == TRUNK.at(2)
    assert content(home, adopted.ref).equals(content(home, ahead.ref))
    assert history.adopt("rides", "what-if").ref == adopted.ref, "there is nothing new to adopt"
    # The branch carries on from there.
    grow(home, branch="what-if")
    assert history.adopt("rides", "what-if").ref == TRUNK.at(3)


@embedded
def test_a_branch_is_not_adopted_over_somebody_elses_work(home, history):
    grow(home)
    history.branch(TRUNK, "what-if")
    grow(home, branch="what-if")
    with pytest.raises(Conflict, match="rides~what-if@2, not version 1"):
        history.adopt("rides", "what-if", expected=1)
    grow(home)
    assert history.branches("rides")[0].behind == 1
    with pytest.raises(Conflict, match="has moved on to version 2"):
        history.adopt("rides", "what-if")
    assert home.store.versions("rides")[-1].ref == TRUNK.at(2)


def test_a_dropped_branch_takes_no_commits_and_its_name_may_be_used_again(home, history):
    grow(home)
    history.branch(TRUNK, "what-if")
    history.drop("rides", "what-if")
    assert history.branches("rides") == []
    with pytest.raises(NotFound, match="no branch"):
        grow(home, branch="what-if")
    with pytest.raises(NotFound, match="no branch"):
        history.drop("rides", "what-if")
    assert history.branch(TRUNK, "what-if").ref == Ref("dataset", "rides~what-if", 2)


@embedded
def test_branches_begin_on_the_trunk_under_a_name_that_is_free(home, history):
    grow(home)
    first = history.branch(TRUNK, "what-if")
    with pytest.raises(Conflict, match="already"):
        history.branch(TRUNK, "what-if")
    with pytest.raises(InvalidName, match="begin on the trunk"):
        history.branch(first.ref, "further")
    with pytest.raises(InvalidName):
        history.branch(TRUNK, "What If")


@embedded
def test_committing_to_a_branch_that_is_not_there_is_refused(home):
    grow(home)
    with pytest.raises(NotFound, match="Make it"):
        grow(home, branch="what-if")


def test_a_pipeline_may_select_from_a_branch(home, history):
    grow(home)
    history.branch(TRUNK, "what-if")
    grow(home, branch="what-if")
    pin = home.store.pin(rides.on("what-if"), at=LATER)
    assert pin.ref == Ref("dataset", "rides~what-if", 2)
    assert scan_manifest(home.blobs, pin.manifest).collect().height == 20
    assert home.store.pin(rides.on("what-if").at(1), at=LATER).ref.version == 1
    assert home.store.pin(rides.all(), at=LATER).ref == TRUNK.at(1)
    history.drop("rides", "what-if")
    with pytest.raises(NotFound, match="no branch"):
        home.store.pin(rides.on("what-if"), at=LATER)
    assert home.store.pin(rides.on("what-if"), at=LATER, version=2).ref == pin.ref, "as it was"


def test_a_load_may_go_to_a_branch(home, history):
    grow(home)
    history.branch(TRUNK, "what-if")
    with home.store.load(rides, project="p", name="more", branch="what-if") as load:
        load.write(rows(10, 5))
        load.write(rows(15, 5))
    assert load.commit().ref == Ref("dataset", "rides~what-if", 2)
    assert content(home, TRUNK).height == 10
    with home.store.load(rides, project="p", name="more", branch="what-if") as load:
        load.write(rows(20, 5))
    history.drop("rides", "what-if")
    with pytest.raises(NotFound, match="no branch"):
        load.commit()


def test_an_erasure_reaches_every_line(home, history):
    grow(home)
    history.branch(TRUNK, "what-if")
    grow(home, branch="what-if")
    history.branch(TRUNK, "dropped")
    history.drop("rides", "dropped")
    held = {str(ref) for ref in home.store.holds("rides", "rider-1")}
    assert held == {
        *("dataset:rides@1", "dataset:rides~what-if@1", "dataset:rides~what-if@2"),
        "dataset:rides~dropped@1",
    }
    home.suppress("rider-1")
    erased = home.store.erase("rider-1", "rides")
    assert {str(version.ref) for version in erased.versions} == held
    assert home.store.holds("rides", "rider-1") == []
    assert set(home.blobs.walk()) == needed(home)
    for ref in (TRUNK, Ref("dataset", "rides~what-if")):
        assert "rider-1" not in content(home, ref)["rider"].to_list()


@embedded
def test_an_erasure_asked_of_a_branch_is_one_of_the_data_set(home, history):
    grow(home)
    history.branch(TRUNK, "what-if")
    home.suppress("rider-1")
    assert home.store.erase("rider-1", "rides~what-if").name == "rides"
    assert home.store.holds("rides", "rider-1") == []


# -- restoring ------------------------------------------------------------------------------------


def test_restoring_makes_old_content_the_newest(home, history):
    one, _ = grow(home), grow(home)
    restored = history.restore(one.ref, expected=2)
    assert restored.ref == TRUNK.at(3)
    assert content(home, TRUNK).equals(content(home, one.ref))
    assert history.restore(one.ref).ref == restored.ref, "it is the newest already"
    with pytest.raises(Conflict, match="not 2"):
        history.restore(TRUNK.at(2), expected=2)


@embedded
def test_restoring_does_not_bring_back_who_was_erased(home, history):
    one, _ = grow(home), grow(home)
    home.suppress("rider-1")
    home.store.erase("rider-1", "rides")
    history.restore(one.ref)
    assert "rider-1" not in content(home, TRUNK)["rider"].to_list()


@embedded
def test_the_graph_leads_through_what_was_carried(home, history):
    one = grow(home)
    branch = history.branch(one.ref, "what-if")
    with home.ledger.read() as tx:
        lineage = tx.graph.trace(branch.ref)
        (run,) = [tx.runs.get(ref.name) for ref in lineage.nodes if ref.kind == "run"]
    assert one.ref in lineage.nodes
    assert (run.kind, run.status) == ("branch", "finished")


# -- comparing ------------------------------------------------------------------------------------


@embedded
def test_a_diff_counts_rows_by_key(home, history):
    one = home.store.commit(rides, rows(0, 100), project="p")
    changed = rows(10, 90).with_columns(
        miles=pl.when(pl.col("ride_id") < "r00030").then(-1.0).otherwise(pl.col("miles"))
    )
    two = home.store.commit(
        rides, pl.concat([changed, rows(100, 5)]), project="p", mode="overwrite"
    )
    found = history.diff(one.ref, two.ref)
    assert found.rows is not None
    assert (found.rows.added, found.rows.removed, found.rows.changed, found.rows.unchanged) == (
        *(5, 10, 20),
        70,
    )
    assert found.rows.columns == {"miles": 20}
    assert (found.schema, found.is_empty) == ((), False)


def test_a_diff_of_an_append_reads_only_what_was_added(home, history):
    one = home.store.commit(rides, rows(0, 2000), project="p")
    two = home.store.commit(rides, rows(2000, 3), project="p")
    found = history.diff(one.ref, two.ref).rows
    assert found is not None
    assert (found.added, found.removed, found.changed, found.unchanged) == (3, 0, 0, 2000)
    assert found.files_shared >= 4
    shared = {f.digest for f in home.store.files(one.ref)} & {
        f.digest for f in home.store.files(two.ref)
    }
    for digest in shared:
        home.blobs.delete(digest)
    again = history.diff(one.ref, two.ref, shifts=False).rows
    assert again == found, "what both share need not even be there"


@embedded
def test_a_row_that_changes_its_subject_has_changed(home, history):
    one = home.store.commit(rides, rows(0, 50), project="p")
    moved = rows(0, 50).with_columns(
        rider=pl.when(pl.col("ride_id") == "r00003").then(pl.lit("somebody")).otherwise("rider")
    )
    two = home.store.commit(rides, moved, project="p", mode="overwrite")
    found = history.diff(one.ref, two.ref).rows
    assert found is not None
    assert (found.added, found.removed, found.changed) == (0, 0, 1)
    assert found.columns == {"rider": 1}
    changes = pl.concat(history.changes(one.ref, two.ref))
    assert sorted(changes.select(CHANGE, "rider").rows()) == [
        ("after", "somebody"),
        ("before", "rider-3"),
    ]


@embedded
def test_a_diff_between_lines_and_between_equal_versions(home, history):
    one = grow(home)
    branch = history.branch(one.ref, "what-if")
    assert history.diff(one.ref, branch.ref).is_empty
    ahead = grow(home, branch="what-if")
    back = history.diff(ahead.ref, one.ref).rows
    assert back is not None
    assert (back.added, back.removed) == (0, 10)


@embedded
def test_columns_that_come_are_told_and_their_values_count_as_changes(home, history):
    one = home.store.commit(rides, rows(0, 10), project="p")
    tips = rows(0, 10).with_columns(tip=pl.when(pl.col("miles") < 3).then(1.0))
    two = home.store.commit(tipped, tips, project="p", mode="overwrite")
    found = history.diff(one.ref, two.ref)
    (column,) = found.schema
    assert (column.name, column.before, column.after) == ("tip", None, "float64 | None")
    assert found.rows is not None
    assert (found.rows.changed, found.rows.columns) == (3, {"tip": 3})
    gone = history.diff(two.ref, one.ref)
    assert [(c.name, c.before, c.after) for c in gone.schema] == [("tip", "float64 | None", None)]
    assert gone.rows is not None
    assert gone.rows.changed == 3


@embedded
def test_versions_that_are_keyed_otherwise_differ_in_columns_only(home, history):
    one = home.store.commit(rides, rows(0, 10), project="p")
    rekeyed = Dataset("rides", schema=Ride, key=["ride_id", "miles"], subject="rider", buckets=4)
    two = home.store.commit(rekeyed, rows(0, 10), project="p", mode="overwrite")
    assert history.diff(one.ref, two.ref).rows is None
    with pytest.raises(UsageError, match="keyed otherwise"):
        list(history.changes(one.ref, two.ref))


@embedded
def test_what_moved_furthest_comes_first(home, history):
    one = home.store.commit(rides, rows(0, 500), project="p")
    far = rows(0, 500).with_columns(pl.col("miles") + 5000)
    two = home.store.commit(rides, far, project="p", mode="overwrite")
    shifts = history.diff(one.ref, two.ref, rows=False).shifts
    assert shifts[0].column == "miles"
    assert shifts[0].ks == pytest.approx(1.0, abs=0.01)
    assert history.diff(one.ref, two.ref, rows=False, shifts=False).shifts == ()


@embedded
def test_distributions_are_compared_in_the_earlier_versions_bins(home, history):
    """A table that has doubled has bins of its own; only a recount can tell that nothing moved."""
    one = home.store.commit(rides, rows(0, 400), project="p")
    twice = pl.concat([rows(0, 400), rows(400, 400).with_columns(pl.col("miles") - 400)])
    two = home.store.commit(rides, twice, project="p")
    miles = {shift.column: shift for shift in history.diff(one.ref, two.ref).shifts}["miles"]
    assert miles.ks == pytest.approx(0.0, abs=1e-9)


@embedded
def test_versions_of_different_data_sets_are_not_compared(home, history):
    grow(home)
    with pytest.raises(UsageError, match="different data sets"):
        history.diff(TRUNK, Ref("dataset", "weather"))


@embedded
def test_the_rows_that_differ_add_up_to_the_later_version(home, history):
    one = home.store.commit(rides, rows(0, 60), project="p")
    mixed = pl.concat([rows(20, 30, miles=0.5), rows(50, 40)])
    two = home.store.commit(rides, mixed, project="p", mode="overwrite")
    changes = pl.concat(history.changes(one.ref, two.ref))
    gone = changes.filter(pl.col(CHANGE).is_in(["removed", "before"]))
    come = changes.filter(pl.col(CHANGE).is_in(["added", "after"])).drop(CHANGE)
    rebuilt = pl.concat([content(home, one.ref).join(gone, on="ride_id", how="anti"), come])
    assert rebuilt.sort("ride_id").equals(content(home, two.ref))


# -- collecting -----------------------------------------------------------------------------------


def collect(history, *, keep_last: int = 1, dry_run: bool = False):
    return history.collect("rides", Retention(keep_last=keep_last), now=LATER, dry_run=dry_run)


def refs(versions) -> list[str]:
    return [str(ref).removeprefix("dataset:") for ref in versions]


def test_old_versions_go_with_the_bytes_that_only_they_needed(home, history):
    grow(home, times=5)
    planned = collect(history, keep_last=2, dry_run=True)
    assert refs(planned.collected) == ["rides@1", "rides@2", "rides@3"]
    before = set(home.blobs.walk())
    done = collect(history, keep_last=2)
    assert (done.collected, done.blobs, done.size_bytes) == (
        planned.collected,
        planned.blobs,
        planned.size_bytes,
    )
    after = set(home.blobs.walk())
    assert after == needed(home)
    assert len(before - after) == done.blobs > 0
    assert content(home, TRUNK).height == 50
    with pytest.raises(NotFound, match="was collected"):
        home.store.scan(TRUNK.at(1))
    assert [version.state for version in home.store.versions("rides")] == [
        *["collected"] * 3,
        *["ready"] * 2,
    ]
    assert collect(history, keep_last=2).collected == (), "a second time there is nothing to do"


def test_a_dry_run_changes_nothing(home, history):
    grow(home, times=3)
    before = set(home.blobs.walk())
    assert collect(history, dry_run=True).collected
    assert set(home.blobs.walk()) == before
    assert {version.state for version in home.store.versions("rides")} == {"ready"}


@embedded
def test_young_versions_stay(home, history):
    versions = [grow(home) for _ in range(3)]
    retention = Retention(keep_last=1, older_than=timedelta(hours=1))
    replaced = versions[1].created_at
    soon = history.collect("rides", retention, now=replaced + timedelta(minutes=59))
    assert soon.collected == ()
    later = history.collect("rides", retention, now=replaced + timedelta(hours=1))
    assert refs(later.collected) == ["rides@1"], "age counts from when it was replaced"


def test_what_is_tagged_or_a_branch_stands_on_stays(home, history):
    grow(home, times=4)
    history.tag(TRUNK.at(1), "golden")
    history.branch(TRUNK.at(2), "what-if")
    done = collect(history)
    assert refs(done.collected) == ["rides@3"]
    assert {str(kept.ref): kept.why for kept in done.kept} == {
        "dataset:rides@1": "tagged golden",
        "dataset:rides@2": "the base of branch what-if",
    }
    history.untag("rides", "golden")
    history.drop("rides", "what-if")
    assert refs(collect(history).collected) == ["rides@1", "rides@2", "rides~what-if@1"]
    assert set(home.blobs.walk()) == needed(home)


def run(home, *, used: Ref, status: str | None = "finished", kind: str = "pipeline") -> str:
    with home.ledger.write() as tx:
        made = tx.runs.start(kind=kind, name="train", project="p")
        tx.graph.link(made.ref, "used", used)
        if status is not None:
            tx.runs.finish(made.id, status)
    return made.id


def model(home, *, made_by: str, state: str) -> None:
    with home.ledger.write() as tx:
        tx.versions.declare("model", "late", project="p")
        tx.versions.commit("model", "late", digest="0" * 64, body={}, state=state, made_by=made_by)


@embedded
@pytest.mark.parametrize(
    ("state", "stays"),
    [("approved", True), ("retired", True), ("rejected", False), ("deleted", False)],
)
def test_what_a_living_model_learnt_from_stays(home, history, state, stays):
    grow(home, times=2)
    step = run(home, used=TRUNK.at(1))
    with home.ledger.write() as tx:
        artifact = Ref("artifact", "f" * 64)
        tx.graph.link(artifact, "made", Ref("run", step))
        fit = tx.runs.start(kind="step", name="fit", project="p")
        tx.graph.link(fit.ref, "used", artifact)
        tx.runs.finish(fit.id, "finished")
    model(home, made_by=fit.id, state=state)
    done = collect(history)
    assert refs(done.collected) == ([] if stays else ["rides@1"])
    assert [kept.why for kept in done.kept] == (["model:late@1 was made from it"] if stays else [])


@embedded
@pytest.mark.parametrize(
    ("status", "stays"), [(None, True), ("finished", False), ("killed", False)]
)
def test_what_an_open_run_reads_stays(home, history, status, stays):
    grow(home, times=2)
    run(home, used=TRUNK.at(1), status=status)
    assert bool(collect(history).kept) is stays


@embedded
def test_a_model_that_was_only_weighed_against_protects_nothing(home, history):
    grow(home, times=2)
    first = run(home, used=TRUNK.at(1))
    model(home, made_by=first, state="deleted")
    second = run(home, used=Ref("model", "late", 1))
    model(home, made_by=second, state="approved")
    assert refs(collect(history).collected) == ["rides@1"]


@embedded
@pytest.mark.parametrize(
    ("row", "stays"),
    [
        ({"spec": {"pins": {"rides": 1}}}, True),
        ({"spec": {"source": "dataset:rides@1"}}, True),
        ({"spec": {}, "status": {"seen": ["dataset:rides@1"]}}, True),
        ({"spec": {"source": "dataset:rides@11"}}, False),
        ({"spec": {"pins": {"rides": 1}}, "phase": "done"}, False),
        ({"spec": {"source": "dataset:rides@1"}, "due": False}, False),
    ],
)
def test_what_unfinished_work_names_stays(home, history, row, stays):
    grow(home, times=2)
    with home.ledger.write() as tx:
        tx.intents.put("pipeline_run", "x", project="p", **row)
    assert bool(collect(history).kept) is stays


@embedded
def test_a_version_restored_from_an_old_one_has_its_content_on_its_own_account(home, history):
    grow(home, times=2)
    history.restore(TRUNK.at(1))
    assert refs(collect(history).collected) == ["rides@1", "rides@2"]
    assert content(home, TRUNK).height == 10
    assert set(home.blobs.walk()) == needed(home)


def test_a_commit_under_way_keeps_the_bytes_it_announced(home, history):
    """A writer that is about to commit what an old version holds finds it there when it does."""
    one, _ = grow(home), grow(home)
    old = {file.digest for file in home.store.files(one.ref)}
    with home.ledger.write() as tx:
        spec = {"dataset": "rides", "blobs": sorted(old), "fenced": False}
        tx.intents.put("dataset_commit", "under-way", project="p", spec=spec, due=False)
    now = datetime.now(UTC)
    history.collect("rides", Retention(), now=now)
    assert old <= set(home.blobs.walk())
    history.collect("rides", Retention(), now=now + timedelta(days=2))
    assert set(home.blobs.walk()) == needed(home), "two days later its process is dead"


@embedded
def test_nothing_at_all_may_not_be_kept(home, history):
    grow(home)
    with pytest.raises(UsageError, match="at least 1"):
        collect(history, keep_last=0)
    with pytest.raises(NotFound, match="no data set 'trains'"):
        history.collect("trains", Retention(), now=LATER)


@embedded
def test_an_erasure_after_a_collection_finds_nothing_missing(home, history):
    grow(home, times=3)
    collect(history)
    home.suppress("rider-1")
    erased = home.store.erase("rider-1", "rides")
    assert [str(version.ref) for version in erased.versions] == ["dataset:rides@3"]
    assert set(home.blobs.walk()) == needed(home)
