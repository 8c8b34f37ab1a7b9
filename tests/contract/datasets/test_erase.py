"""What `DatasetStore.erase` promises, on every backend: no version holds the subject, nor any blob."""

from __future__ import annotations

import io
import weakref
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl
import pytest

from towpath.assets.datasets import Dataset, DeletionReconciler, Schema, scanning
from towpath.assets.datasets.erasures import redaction
from towpath.assets.datasets.history import LedgerDatasetHistory
from towpath.core.errors import Conflict, NotFound, Unavailable
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from collections.abc import Iterator

START = datetime(2013, 1, 1, tzinfo=UTC)


class Ride(Schema):
    ride_id: str
    began: datetime
    rider: str | None
    miles: float


rides = Dataset("rides", schema=Ride, key="ride_id", time="began", subject="rider", buckets=4)


def rows(first: int, count: int) -> pl.DataFrame:
    numbers = range(first, first + count)
    return pl.DataFrame(
        {
            "ride_id": [f"r{n:05}" for n in numbers],
            "began": [START + timedelta(hours=n) for n in numbers],
            "rider": [None if n % 10 == 9 else f"rider-{n % 7}" for n in numbers],
            "miles": [float(n) for n in numbers],
        },
        schema=Ride.polars_schema(),
    )


def without(frame: pl.DataFrame, rider: str) -> pl.DataFrame:
    return frame.filter(pl.col("rider").ne_missing(rider))


def subjects_on_disk(home) -> set[str | None]:
    """Decode every blob with Polars alone and return the riders found."""
    found: set[str | None] = set()
    for digest in home.blobs.walk():
        data = home.blobs.get(digest)
        if data[:4] == b"PAR1":
            found.update(pl.read_parquet(io.BytesIO(data))["rider"].to_list())
    return found


def used_blobs(home) -> Iterator[str]:
    for version in home.store.versions("rides"):
        yield version.body["manifest"]
        yield version.body["profile"]
        yield from (file.digest for file in home.store.files(version.ref))


@pytest.fixture
def history(home):
    """Versions made by appends and an overwrite: 50, 60, 62 and 40 rows."""
    home.store.commit(rides, rows(0, 50), project="p")
    home.store.commit(rides, rows(50, 10), project="p")
    home.store.commit(rides, rows(60, 2), project="p")
    home.store.commit(rides, rows(20, 40), project="p", mode="overwrite")
    return [rows(0, 50), rows(0, 60), rows(0, 62), rows(20, 40)]


def test_every_version_loses_the_subject_and_nothing_else(home, history):
    erased = home.store.erase("rider-3", "rides")
    for number, before in enumerate(history, start=1):
        after = home.store.scan(Ref("dataset", "rides", number)).collect().sort("ride_id")
        assert after.equals(without(before, "rider-3"))
    assert [version.ref.version for version in erased.versions] == [1, 2, 3, 4]
    assert [version.rows_removed for version in erased.versions] == [
        before.filter(rider="rider-3").height for before in history
    ]
    assert erased.rows_removed == rows(0, 62).filter(rider="rider-3").height
    assert erased.bytes_deleted > 0
    assert home.store.holds("rides", "rider-3") == []


def test_no_byte_of_the_subject_is_left(home, history):
    assert "rider-3" in subjects_on_disk(home)
    home.store.erase("rider-3", "rides")
    assert "rider-3" not in subjects_on_disk(home)
    assert set(home.blobs.walk()) == set(used_blobs(home)), (
        "no version is short of a blob or keeps one"
    )


def test_revisions_keep_number_and_both_digests(home, history):
    before = home.store.versions("rides")
    erased = home.store.erase("rider-3", "rides")
    for old, new, report in zip(before, home.store.versions("rides"), erased.versions, strict=True):
        assert (new.ref, new.revision) == (old.ref, 2)
        assert (report.before, report.after) == (old.digest, new.digest)
        assert new.body["rows"] == old.body["rows"] - report.rows_removed
        with home.ledger.read() as tx:
            assert [one.digest for one in tx.versions.revisions(new.ref)] == [
                old.digest,
                new.digest,
            ]


def test_profiles_are_those_of_the_rows_that_are_left(home, history):
    home.store.erase("rider-3", "rides")
    for number, before in enumerate(history, start=1):
        left = without(before, "rider-3")
        miles = home.store.profile(Ref("dataset", "rides", number)).column("miles")
        assert miles.count == left.height
        assert miles.mean == pytest.approx(left["miles"].mean())
        assert miles.sd == pytest.approx(left["miles"].std())


@pytest.fixture
def layered(home):
    """Versions that lie over one another: rows replaced, deleted, brought back, a file hidden whole."""

    def merge(first: int, count: int, miles: float) -> None:
        changed = rows(first, count).with_columns(miles=pl.lit(miles))
        home.store.commit(rides, changed, project="p", mode="merge")

    home.store.commit(rides, rows(0, 400), project="p")
    merge(30, 40, miles=900.0)
    home.store.commit(rides, rows(50, 30).select("ride_id"), project="p", mode="delete")
    home.store.commit(rides, rows(400, 20), project="p")
    merge(40, 20, miles=-1.0)
    merge(400, 20, miles=901.0)
    return [version.ref for version in home.store.versions("rides")]


def test_profiles_of_layers_are_those_of_the_rows_that_are_left(home, layered):
    before = [home.store.profile(ref) for ref in layered]
    assert {profile.chosen_from for profile in before} == {400}, "they share their bins"
    home.store.erase("rider-3", "rides")
    for ref, stored in zip(layered, before, strict=True):
        left = home.store.scan(ref).collect()
        assert not left.filter(rider="rider-3").height
        profile = home.store.profile(ref)
        assert profile.chosen_from == without(rows(0, 400), "rider-3").height
        assert (profile.rows, profile.removed) == (left.height, stored.removed)
        for column, counted in zip(profile.columns, profile.recount(left).columns, strict=True):
            assert column.counts.tolist() == counted.counts.tolist()
            assert (column.nulls, column.beyond) == (counted.nulls, counted.beyond)
            assert column.mean == pytest.approx(counted.mean, nan_ok=True)
            assert column.sd == pytest.approx(counted.sd, nan_ok=True)


def test_bins_are_chosen_anew_as_soon_as_without_an_erasure(home):
    """What has gone from a table wears its bins out, also where an erasure has counted it anew."""
    spared = replace(rides, name="spared")
    stranger = rows(0, 101).with_columns(
        rider=pl.when(ride_id="r00100").then(pl.lit("stranger")).otherwise("rider")
    )
    chosen: dict[str, list[bool]] = {}
    for dataset in (rides, spared):
        home.store.commit(dataset, stranger, project="p")
        sizes: list[int] = []
        for turn in range(9):
            if turn == 4 and dataset is rides:
                home.store.erase("stranger", "rides")
            gone = rows(10 * turn, 10).select("ride_id")
            version = home.store.commit(dataset, gone, project="p", mode="delete")
            sizes.append(home.store.profile(version.ref).chosen_from)
        chosen[dataset.name] = [size < 100 for size in sizes]
    assert chosen["spared"].index(True) == 5, "after more than half of them, not at once"
    assert chosen["rides"] == chosen["spared"]


def test_erasing_again_returns_what_was_done(home, history):
    first = home.store.erase("rider-3", "rides")
    assert home.store.erase("rider-3", "rides") == first
    assert {version.revision for version in home.store.versions("rides")} == {2}


def test_a_second_subject_makes_a_third_revision(home, history):
    home.store.erase("rider-3", "rides")
    home.store.erase("rider-5", "rides")
    assert {version.revision for version in home.store.versions("rides")} == {3}
    assert not {"rider-3", "rider-5"} & subjects_on_disk(home)


def test_a_stranger_changes_nothing(home, history):
    before = set(home.blobs.walk())
    erased = home.store.erase("nobody", "rides")
    assert (erased.versions, erased.rows_removed) == ((), 0)
    assert set(home.blobs.walk()) == before


def test_holds_names_the_versions_and_changes_nothing(home):
    home.store.commit(rides, rows(0, 3), project="p")
    home.store.commit(rides, rows(3, 1), project="p")
    assert home.store.holds("rides", "rider-3") == [Ref("dataset", "rides", 2)]
    assert home.store.holds("rides", "rider-0") == [Ref("dataset", "rides", n) for n in (1, 2)]
    assert home.store.holds("unheard-of", "rider-0") == []


def test_a_version_of_nobody_else_becomes_empty(home):
    home.store.commit(rides, rows(3, 1), project="p")
    home.store.erase("rider-3", "rides")
    assert home.store.scan(Ref("dataset", "rides", 1)).collect().is_empty()
    assert home.store.profile(Ref("dataset", "rides", 1)).rows == 0


def test_rows_can_be_appended_after_an_erasure(home, history):
    home.suppress("rider-3")
    home.store.erase("rider-3", "rides")
    version = home.store.commit(rides, rows(60, 20), project="p")
    left = without(pl.concat([rows(20, 40), rows(60, 20)]), "rider-3")
    assert home.store.scan(version.ref).collect().sort("ride_id").equals(left)


@pytest.mark.parametrize("branch", [None, "what-if"])
@pytest.mark.parametrize("mode", ["append", "merge", "overwrite"])
def test_a_commit_that_an_erasure_overtakes_starts_over_without_the_subject(
    home, monkeypatch, mode, branch
):
    """The withdrawal comes after the commit wrote its files and before it is recorded."""
    home.store.commit(rides, rows(0, 20), project="p")
    if branch is not None:
        LedgerDatasetHistory(home.ledger, home.blobs).branch(Ref("dataset", "rides", 1), branch)
    put, overtaken = type(home.blobs).put, []

    def put_then_withdraw(blobs, data):
        digest = put(blobs, data)
        if not overtaken:
            overtaken.append(True)
            home.suppress("rider-3")
            home.store.erase("rider-3", "rides")
        return digest

    monkeypatch.setattr(type(home.blobs), "put", put_then_withdraw)
    version = home.store.commit(rides, rows(20, 20), project="p", mode=mode, branch=branch)
    left = without(
        rows(20 if mode == "overwrite" else 0, 20 if mode == "overwrite" else 40), "rider-3"
    )
    assert home.store.scan(version.ref).collect().sort("ride_id").equals(left)
    assert "rider-3" not in subjects_on_disk(home)
    assert overtaken


def test_what_versions_lose_is_not_kept_for_all_of_them_together(home, history):
    for first in (100, 150):
        home.store.commit(rides, rows(first, 50), project="p")
    leaving = redaction.Redaction(home.blobs, {f"rider-{n}" for n in range(7)})
    versions = home.store.versions("rides")
    leaving.read(versions)
    lost = []
    for version in versions:
        gone = leaving.apply(scanning.load_manifest(home.blobs, version.body["manifest"])).gone
        assert not gone.is_empty()
        lost.append(weakref.ref(gone))
        del gone
    assert sum(one() is not None for one in lost) <= 1


def test_an_erasure_that_another_one_overtakes_misses_no_file(home, monkeypatch):
    """The other one replaces a file that it is about to read: what it meant to read beside counts as unread."""
    together = replace(rides, buckets=1)
    home.store.commit(together, rows(0, 20), project="p")
    late = rows(20, 40).filter(pl.col("rider") == "rider-3")
    home.store.commit(together, late, project="p")
    opened, overtaken = redaction.open_files, []

    def erase_another_first(*args):
        if not overtaken:
            overtaken.append(True)
            home.store.erase("rider-5", "rides")
        return opened(*args)

    monkeypatch.setattr(redaction, "open_files", erase_another_first)
    home.store.erase("rider-3", "rides")
    assert overtaken
    assert not {"rider-3", "rider-5"} & subjects_on_disk(home)


@pytest.mark.parametrize("number", [1, 4])
def test_a_scan_that_was_planned_before_an_erasure_reads_what_is_left(home, history, number):
    planned = home.store.scan(Ref("dataset", "rides", number), columns=["ride_id", "rider"])
    some = planned.filter(pl.col("ride_id") < "r00030").select("rider")
    home.store.erase("rider-3", "rides")
    home.store.erase("rider-5", "rides")  # twice: what was planned second is gone as well
    left = without(without(history[number - 1], "rider-3"), "rider-5").select("ride_id", "rider")
    assert planned.collect().sort("ride_id").equals(left)
    early = left.filter(pl.col("ride_id") < "r00030")["rider"]
    assert some.collect()["rider"].sort().equals(early.sort())


def test_a_scan_planned_before_everybody_was_erased_reads_nothing(home):
    home.store.commit(rides, rows(3, 1), project="p")
    planned = home.store.scan(Ref("dataset", "rides", 1))
    home.store.erase("rider-3", "rides")
    assert planned.collect().equals(rows(3, 0))


def test_a_reader_in_the_middle_of_it_is_told_to_read_again(home, history, monkeypatch):
    """What it was handed already is of the revision before: the two are never mixed."""
    planned = home.store.scan(Ref("dataset", "rides", 1))
    opened = scanning.scan_live

    def erase_after_the_first(blobs, manifest, files, held):
        frames = opened(blobs, manifest, files[:1], held)
        yield from frames
        home.store.erase("rider-3", "rides")
        yield from opened(blobs, manifest, files[1:], held)

    monkeypatch.setattr(scanning, "scan_live", erase_after_the_first)
    with pytest.raises(Unavailable, match="replaced by an erasure while they were read"):
        planned.collect()
    monkeypatch.undo()
    assert planned.collect().sort("ride_id").equals(without(history[0], "rider-3"))


def test_bytes_that_nobody_erased_and_are_gone_are_told(home, history):
    planned = home.store.scan(Ref("dataset", "rides", 1))
    for file in home.store.files(Ref("dataset", "rides", 1)):
        home.blobs.delete(file.digest)
    with pytest.raises(NotFound, match="there is no blob"):
        planned.collect()


def test_what_a_killed_erasure_left_is_deleted_by_a_worker(home, history):
    """Deletion is listed in the transaction that lets go of the files; any worker may finish it."""
    orphan = home.blobs.put(b"bytes that nothing refers to")
    with home.ledger.write() as tx:
        spec = {"dataset": "rides", "blobs": [orphan]}
        tx.intents.put("dataset_deletion", "rides", project="p", spec=spec)
    reconciler = DeletionReconciler(home.ledger, home.blobs)
    with home.ledger.write() as tx:
        held = tx.intents.claim(reconciler.kinds, owner="worker", lease_s=30)
    reconciler.reconcile(held)
    assert not home.blobs.exists(orphan)
    with home.ledger.read() as tx:
        assert tx.intents.find("dataset_deletion", "rides") is None


def going(home) -> list[str]:
    """List the files of rows that no version has for deletion, as a killed process leaves them."""
    with home.store.load(rides, project="p", name="draft") as load:
        load.write(rows(0, 20))
        with home.ledger.read() as tx:
            files = [one["digest"] for one in tx.intents.list("dataset_load")[0].status["files"]]
        load.discard()
    with home.ledger.write() as tx:
        spec = {"dataset": "rides", "blobs": files}
        tx.intents.put("dataset_deletion", "rides", project="p", spec=spec)
    return files


def test_a_commit_waits_for_bytes_that_are_being_deleted(home, monkeypatch):
    monkeypatch.setattr("towpath.assets.datasets.staging._WAIT_S", 0.05)
    going(home)
    with home.ledger.write() as tx:
        tx.intents.claim(("dataset_deletion",), owner="another", lease_s=600)
    home.store.commit(rides, rows(50, 3), project="p")
    with pytest.raises(Conflict, match="did not end in time"):
        home.store.commit(rides, rows(0, 20), project="p", mode="overwrite")


def test_a_commit_ends_the_deletion_that_a_killed_process_left(home):
    files = going(home)
    again = home.store.commit(rides, rows(0, 20), project="p")
    assert {file.digest for file in home.store.files(again.ref)} == set(files)
    assert home.store.scan(again.ref).collect().height == 20
    with home.ledger.read() as tx:
        assert tx.intents.find("dataset_deletion", "rides") is None


def test_a_data_set_without_subjects_has_nothing_to_erase(home):
    plain = Dataset("plain", schema=Ride, key="ride_id")
    home.store.commit(plain, rows(0, 20), project="p")
    assert home.store.erase("rider-3", "plain").versions == ()
    assert home.store.erase("rider-3", "unheard-of").versions == ()


def test_a_load_that_has_no_version_yet_is_stopped(home):
    load = home.store.load(rides, project="p", name="first")
    load.write(rows(0, 20))
    assert "rider-3" in subjects_on_disk(home)
    home.suppress("rider-3")
    home.store.erase("rider-3", "rides")
    assert "rider-3" not in subjects_on_disk(home)
    with pytest.raises(Conflict):
        load.commit()
    again = home.store.load(rides, project="p", name="first")
    again.write(rows(0, 20))
    again.commit()
    left = home.store.scan(rides.ref).collect()
    assert left.sort("ride_id").equals(without(rows(0, 20), "rider-3"))


def test_what_was_about_somebody_before_it_was_declared_otherwise_goes(home):
    home.store.commit(rides, rows(0, 20), project="p")
    nobody = replace(rides, subject=None, subject_field=None)
    home.store.commit(nobody, rows(20, 5), project="p", mode="overwrite")
    home.suppress("rider-3")
    erased = home.store.erase("rider-3", "rides")
    assert [version.ref.version for version in erased.versions] == [1]
    assert home.store.erase("rider-3", "rides") == erased
    assert home.store.scan(rides.ref.at(1)).filter(rider="rider-3").collect().is_empty()
