"""What `DatasetStore` promises about commits and reads, on every backend."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import polars as pl
import pyarrow.parquet as pq
import pytest
from statements import statements

from towpath.assets.datasets import Dataset, Personal, Range, Schema
from towpath.core.errors import (
    Conflict,
    InvalidName,
    NotFound,
    SchemaViolation,
    StorageFull,
    UsageError,
)
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from towpath.assets.datasets import ParquetDatasetStore

START = datetime(2013, 1, 1, tzinfo=UTC)


class Ride(Schema):
    ride_id: str
    began: datetime
    rider: str | None
    phone: Annotated[str | None, Personal()]
    miles: Annotated[float, Range(0, None)]


rides = Dataset("rides", schema=Ride, key="ride_id", time="began", subject="rider", buckets=4)


def rows(first: int, count: int) -> pl.DataFrame:
    numbers = range(first, first + count)
    return pl.DataFrame(
        {
            "ride_id": [f"r{n:05}" for n in numbers],
            "began": [START + timedelta(hours=n) for n in numbers],
            "rider": [None if n % 10 == 9 else f"rider-{n % 7}" for n in numbers],
            "phone": [f"555-{n}" for n in numbers],
            "miles": [float(n) for n in numbers],
        },
        schema=Ride.polars_schema(),
    )


def content(store: ParquetDatasetStore, ref: Ref) -> pl.DataFrame:
    return store.scan(ref).collect().sort("ride_id")


def test_what_is_committed_reads_back(home):
    version = home.store.commit(rides, rows(0, 100), project="p")
    assert version.ref == Ref("dataset", "rides", 1)
    assert content(home.store, version.ref).equals(rows(0, 100))
    assert version.body["rows"] == version.body["added_rows"] == 100


def test_versions_keep_their_rows_and_share_files(home):
    home.store.commit(rides, rows(0, 100), project="p")
    home.store.commit(rides, rows(100, 3), project="p")
    assert content(home.store, Ref("dataset", "rides", 1)).equals(rows(0, 100))
    assert content(home.store, Ref("dataset", "rides")).equals(rows(0, 103))
    one, two = ({f.digest for f in home.store.files(Ref("dataset", "rides", n))} for n in (1, 2))
    assert one & two, "an append shares the files it does not touch"
    assert [version.ref.version for version in home.store.versions("rides")] == [1, 2]


def test_a_batch_sent_again_changes_nothing(home):
    home.store.commit(rides, rows(0, 10), project="p")
    again = home.store.commit(rides, rows(0, 10).reverse(), project="p")
    assert again.ref.version == 1
    overlapping = home.store.commit(rides, rows(5, 10), project="p")
    assert (overlapping.body["added_rows"], overlapping.body["skipped_rows"]) == (5, 5)
    assert content(home.store, overlapping.ref).equals(rows(0, 15))


def test_overwriting_with_the_same_rows_makes_no_version_however_they_are_stored(home):
    for first in (0, 4, 7):
        home.store.commit(rides, rows(first, 10), project="p")
    latest = home.store.versions("rides")[-1]
    assert home.store.commit(rides, rows(0, 17), project="p", mode="overwrite").ref == latest.ref


def test_overwriting_replaces(home):
    home.store.commit(rides, rows(0, 10), project="p")
    version = home.store.commit(rides, rows(50, 5), project="p", mode="overwrite")
    assert content(home.store, version.ref).equals(rows(50, 5))


def test_a_stored_key_with_other_values_is_refused(home):
    home.store.commit(rides, rows(0, 10), project="p")
    changed = rows(8, 4).with_columns(miles=pl.lit(1.5))
    with pytest.raises(SchemaViolation, match=r"repeats the key of a stored row.*in 2 of 4 rows"):
        home.store.commit(rides, changed, project="p")
    assert len(home.store.versions("rides")) == 1


def test_rows_that_do_not_fit_store_nothing(home):
    with pytest.raises(SchemaViolation, match="'miles' of data set 'rides' is not at least 0"):
        home.store.commit(rides, rows(0, 5).with_columns(miles=pl.lit(-1.0)), project="p")
    assert home.store.versions("rides") == []
    assert list(home.blobs.walk()) == []


def test_no_rows_are_a_version_too(home):
    version = home.store.commit(rides, rows(0, 0), project="p")
    assert (version.body["rows"], version.body["files"]) == (0, 0)
    assert content(home.store, version.ref).equals(rows(0, 0))


def test_compare_and_swap(home):
    home.store.commit(rides, rows(0, 5), project="p", expected=0)
    with pytest.raises(Conflict, match="version 1 of data set 'rides' is the latest, not 0"):
        home.store.commit(rides, rows(5, 5), project="p", expected=0)


def test_a_name_belongs_to_one_project(home):
    home.store.commit(rides, rows(0, 5), project="p")
    with pytest.raises(Conflict):
        home.store.commit(rides, rows(5, 5), project="q")
    assert len(set(home.blobs.walk())) == len(used_blobs(home)), "the refused files are gone"


def test_writers_at_the_same_time_lose_nothing(home):
    def commit(writer: int) -> None:
        home.store.commit(rides, rows(writer * 10, 10), project="p")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(commit, range(4)))
    assert content(home.store, Ref("dataset", "rides")).equals(rows(0, 40))
    assert [version.body["rows"] for version in home.store.versions("rides")] == [10, 20, 30, 40]
    assert set(home.blobs.walk()) == used_blobs(home), "what lost a race is gone"
    with home.ledger.read() as tx:
        assert tx.intents.list("dataset_commit") == []


def test_windows_read_their_rows(home):
    version = home.store.commit(rides, rows(0, 100), project="p")
    since, until = START + timedelta(hours=10), START + timedelta(hours=20)
    window = home.store.scan(version.ref, columns=["ride_id"], since=since, until=until)
    assert sorted(window.collect()["ride_id"]) == rows(10, 10)["ride_id"].to_list()
    picked = home.store.scan(version.ref).filter(pl.col("miles") == 98).select("rider")
    assert picked.collect()["rider"].to_list() == ["rider-0"]
    assert home.store.scan(version.ref).head(3).collect().height == 3


def test_a_column_or_version_that_does_not_exist_is_named(home):
    version = home.store.commit(rides, rows(0, 5), project="p")
    with pytest.raises(NotFound, match=r"'mile'.*Did you mean 'miles'"):
        home.store.scan(version.ref, columns=["mile"])
    with pytest.raises(NotFound):
        home.store.scan(version.ref.at(9))
    with pytest.raises(InvalidName):
        home.store.scan(Ref("model", "rides", 1))


def test_a_window_needs_a_time_column(home):
    timeless = Dataset("timeless", schema=Ride, key="ride_id")
    version = home.store.commit(timeless, rows(0, 5), project="p")
    with pytest.raises(UsageError, match="no time column"):
        home.store.scan(version.ref, since=START)


def test_a_pin_reads_the_same_rows_for_ever(home):
    home.store.commit(rides, rows(0, 48), project="p")
    at = START + timedelta(hours=36)
    pin = home.store.pin(rides.last("1d"), at=at)
    assert (pin.since, pin.until) == (START + timedelta(hours=12), at)
    home.store.commit(rides, rows(48, 100), project="p")
    assert home.store.pin(rides.last("1d").at(1), at=at) == pin
    assert home.store.pin(rides.last("1d"), at=at, version=1) == pin
    assert home.store.pin(rides.last("1d"), at=at).ref.version == 2


def test_many_small_appends_leave_few_files(home):
    plain = Dataset("plain", schema=Ride, key="ride_id", time="began")
    for batch in range(16):
        version = home.store.commit(plain, rows(batch * 3, 3), project="p")
    assert version.body["files"] == 1
    assert content(home.store, version.ref).equals(rows(0, 48))


def test_a_profile_is_that_of_the_rows_however_they_came(home):
    home.store.commit(rides, rows(0, 60), project="p")
    appended = home.store.commit(rides, rows(60, 10), project="p")
    profile = home.store.profile(appended.ref)
    assert profile.rows == 70
    miles = profile.column("miles")
    assert miles.counts.sum() == 70
    assert miles.mean == pytest.approx(34.5)
    assert profile.column("rider").kind == profile.column("phone").kind == "hidden"
    assert profile.column("rider").distinct == 7


def test_a_new_column_that_may_be_missing_can_be_appended(home):
    home.store.commit(rides, rows(0, 10), project="p")

    class LongerRide(Ride):
        stops: int | None

    longer = Dataset(
        "rides", schema=LongerRide, key="ride_id", time="began", subject="rider", buckets=4
    )
    more = rows(10, 5).with_columns(stops=pl.lit(3, pl.Int64))
    version = home.store.commit(longer, more, project="p")
    assert content(home.store, version.ref)["stops"].to_list() == [None] * 10 + [3] * 5
    assert home.store.profile(version.ref).column("stops").nulls == 10


def test_another_layout_needs_an_overwrite(home):
    home.store.commit(rides, rows(0, 10), project="p")
    other = Dataset("rides", schema=Ride, key="ride_id", time="began", subject="rider", buckets=8)
    with pytest.raises(SchemaViolation, match="'buckets' has changed"):
        home.store.commit(other, rows(10, 5), project="p")
    version = home.store.commit(other, rows(0, 15), project="p", mode="overwrite")
    assert version.body["buckets"] == 8


def test_no_personal_value_stands_outside_the_rows(home):
    home.store.commit(rides, rows(0, 40), project="p")
    for file in home.store.files(Ref("dataset", "rides")):
        with home.blobs.open_local(file.digest) as path:
            metadata = pq.read_metadata(path)
        group = metadata.row_group(0)
        stats = {group.column(n).path_in_schema: group.column(n).statistics for n in range(5)}
        assert stats["rider"] is None
        assert stats["phone"] is None
        assert stats["miles"].has_min_max
    body = home.store.versions("rides")[0].body
    for digest in (body["manifest"], body["profile"]):
        assert b"555-" not in home.blobs.get(digest)
        assert b"rider-" not in home.blobs.get(digest)


def test_withdrawn_subjects_are_left_out_and_counted(home):
    home.suppress("rider-3")
    version = home.store.commit(rides, rows(0, 40), project="p")
    assert version.body["suppressed_rows"] == rows(0, 40).filter(rider="rider-3").height
    assert content(home.store, version.ref).equals(
        rows(0, 40).filter(pl.col("rider").ne_missing("rider-3"))
    )


def test_a_commit_asks_for_its_own_subjects_however_many_have_withdrawn(home):
    asked: list[list[tuple[str, int]]] = []
    for batch, others in enumerate([range(20), range(20, 2000)]):
        with home.ledger.write() as tx:
            for one in others:
                tx.withdrawals.add(f"{one:064x}")
        home.suppress(f"rider-{batch}")
        with statements() as seen:
            version = home.store.commit(rides, rows(100 * batch, 40), project="p")
        assert version.body["suppressed_rows"] > 0
        asked.append([one for one in seen if "FROM withdrawals" in one[0]])
    few, many = asked
    assert few == many
    subjects = rows(0, 40)["rider"].drop_nulls().n_unique()
    for sql, values in many:
        assert "max(withdrawals.position)" in sql or 0 < values <= subjects, sql


def test_a_disk_that_fills_up_leaves_nothing_half_written(home, monkeypatch):
    home.store.commit(rides, rows(0, 20), project="p")
    before, put, room = set(home.blobs.walk()), type(home.blobs).put, iter(range(3))

    def put_until_full(blobs, data):
        if next(room, None) is None:
            raise StorageFull("no space left")
        return put(blobs, data)

    monkeypatch.setattr(type(home.blobs), "put", put_until_full)
    with pytest.raises(StorageFull):
        home.store.commit(rides, rows(20, 20), project="p")
    assert set(home.blobs.walk()) == before
    assert [version.ref.version for version in home.store.versions("rides")] == [1]
    with home.ledger.read() as tx:
        assert tx.intents.list("dataset_commit") == []
        assert tx.intents.find("dataset_deletion", "rides") is None


def used_blobs(home) -> set[str]:
    used: set[str] = set()
    for version in home.store.versions("rides"):
        used |= {version.body["manifest"], version.body["profile"]}
        used |= {file.digest for file in home.store.files(version.ref)}
    return used
