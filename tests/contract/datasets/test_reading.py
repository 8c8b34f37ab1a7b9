"""Every reader sees a version's live rows, from a disk and from a bucket."""

from __future__ import annotations

import builtins
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import polars as pl
import polars.testing
import pyarrow as pa
import pytest

from towpath.assets.datasets import Dataset, Schema
from towpath.core.errors import NotFound, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from towpath.assets.datasets.reading import Snapshot
    from towpath.ledger.records import Version

START = datetime(2026, 1, 1, tzinfo=UTC)

# What does not depend on where things are kept is tried on embedded parts alone.
embedded = pytest.mark.parametrize("home", ["embedded"], indirect=True)


class Trip(Schema):
    trip_id: int
    began: datetime
    rider: str | None
    miles: float | None
    stops: int | None
    paid: bool | None


class Toll(Trip):
    toll: float | None


trips = Dataset("trips", schema=Trip, key="trip_id", time="began", subject="rider", buckets=4)
tolls = Dataset("trips", schema=Toll, key="trip_id", time="began", subject="rider", buckets=4)


def rows(first: int, count: int, *, miles: float = 0.0) -> pl.DataFrame:
    numbers = range(first, first + count)
    return pl.DataFrame(
        {
            "trip_id": list(numbers),
            "began": [START + timedelta(hours=n) for n in numbers],
            "rider": [None if n % 10 == 9 else f"rider-{n % 7}" for n in numbers],
            "miles": [None if n % 11 == 0 else n + miles for n in numbers],
            "stops": [None if n % 5 == 0 else 2**60 + n for n in numbers],
            "paid": [None if n % 3 == 0 else n % 2 == 0 for n in numbers],
        },
        schema=Trip.polars_schema(),
    )


@pytest.fixture(params=["as they lie", "with overlays"])
def version(home, request: pytest.FixtureRequest) -> Version:
    """Return a version of 300 rows, of which the second form has overlays for 40."""
    if request.param == "as they lie":
        return home.store.commit(trips, rows(0, 300), project="p")
    old = pl.concat([rows(0, 20, miles=0.5), rows(20, 290)])
    home.store.commit(trips, old, project="p")
    home.store.commit(trips, rows(0, 20), project="p", mode="merge")
    return home.store.commit(trips, rows(300, 10), project="p", mode="delete")


def by_polars(snapshot: Snapshot) -> pl.DataFrame:
    return snapshot.polars().collect()


def by_arrow(snapshot: Snapshot) -> pl.DataFrame:
    return pl.DataFrame(pl.from_arrow(snapshot.arrow().read_all()))


def by_pandas(snapshot: Snapshot) -> pl.DataFrame:
    return pl.from_pandas(snapshot.pandas())


def by_duckdb(snapshot: Snapshot) -> pl.DataFrame:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        return snapshot.duckdb(connection).pl()


def by_stream(snapshot: Snapshot) -> pl.DataFrame:
    return pl.DataFrame(snapshot)


readers = pytest.mark.parametrize("read", [by_polars, by_arrow, by_pandas, by_duckdb, by_stream])


def same(found: pl.DataFrame, wanted: pl.DataFrame) -> None:
    """Rows in any order, values exact, times in microseconds."""
    found = found.with_columns(pl.col(pl.Datetime).dt.cast_time_unit("us"))
    polars.testing.assert_frame_equal(found.sort("trip_id"), wanted.sort("trip_id"))


@readers
def test_every_reader_sees_the_same_rows(home, version: Version, read: Callable[..., Any]):
    with home.store.open(version.ref) as snapshot:
        same(read(snapshot), rows(0, 300))
        same(read(snapshot), rows(0, 300))


@readers
def test_a_window_of_some_columns(home, version: Version, read: Callable[..., Any]):
    window = {"since": START + timedelta(hours=10), "until": START + timedelta(hours=30)}
    with home.store.open(version.ref, columns=["miles", "trip_id"], **window) as snapshot:
        same(read(snapshot), rows(10, 20).select("miles", "trip_id"))


@embedded
@readers
def test_a_window_without_rows(home, version: Version, read: Callable[..., Any]):
    with home.store.open(version.ref, since=START + timedelta(days=99)) as snapshot:
        found = read(snapshot)
        assert (found.columns, found.height) == (list(Trip.polars_schema()), 0)


@embedded
@readers
def test_files_that_are_older_than_a_column(home, read: Callable[..., Any]):
    home.store.commit(trips, rows(0, 200), project="p")
    more = rows(200, 3).with_columns(toll=pl.lit(1.5))
    version = home.store.commit(tolls, more, project="p")
    with home.store.open(version.ref) as snapshot:
        found = read(snapshot)
    same(found, pl.concat([rows(0, 200), more], how="diagonal"))


@embedded
def test_an_open_snapshot_stays_what_it_was(home, version: Version):
    with home.store.open(version.ref) as snapshot:
        home.store.commit(trips, rows(900, 10), project="p")
        same(by_polars(snapshot), rows(0, 300))


@readers
def test_a_snapshot_that_was_erased_from_is_read_as_it_is_now(
    home, version: Version, read: Callable[..., Any]
):
    with home.store.open(version.ref) as snapshot:
        home.suppress("rider-1")
        home.store.erase("rider-1", "trips")
        found = read(snapshot)
        assert snapshot.version.revision == 2
    same(found, rows(0, 300).filter(pl.col("rider").ne_missing("rider-1")))


def test_a_stream_comes_in_batches_of_the_declared_types(home, version: Version):
    reader = home.store.open(version.ref).arrow()
    assert isinstance(reader, pa.RecordBatchReader)
    assert reader.schema.field("began").type == pa.timestamp("us", tz="UTC")
    assert sum(batch.num_rows for batch in reader) == 300


@embedded
def test_pandas_loses_no_digit_where_values_are_missing(home, version: Version):
    frame = home.store.open(version.ref).pandas().set_index("trip_id")
    assert frame["stops"].dtype == pd.Int64Dtype()
    assert frame["stops"].loc[1] == 2**60 + 1
    assert frame["paid"].dtype == pd.BooleanDtype()
    assert str(frame["began"].dt.tz) == "UTC"


def test_duckdb_queries_a_version_by_any_of_its_names(home, version: Version):
    rides = home.store.open(version.ref)
    with duckdb.connect() as connection:
        relation = rides.duckdb(connection)
        assert relation.aggregate("count(*)").fetchall() == [(300,)]
        query = "SELECT count(*) FROM relation WHERE miles > 150"
        far = rows(0, 300).filter(pl.col("miles") > 150).height
        assert connection.sql(query).fetchall() == [(far,)]
        assert connection.sql("SELECT max(trip_id) FROM rides").fetchall() == [(299,)]
    rides.close()


@embedded
def test_duckdb_reads_no_more_of_an_overlaid_version_than_the_query_needs(
    home, monkeypatch: pytest.MonkeyPatch
):
    home.store.commit(trips, rows(0, 100), project="p")
    version = home.store.commit(trips, rows(0, 5, miles=1), project="p", mode="merge")
    plans: list[str] = []
    collect = pl.LazyFrame.collect_batches

    def watched(frame: pl.LazyFrame, *args: Any, **options: Any) -> Any:
        plans.append(frame.explain())
        return collect(frame, *args, **options)

    monkeypatch.setattr(pl.LazyFrame, "collect_batches", watched)
    with duckdb.connect() as connection:
        relation = home.store.open(version.ref).duckdb(connection)
        found = relation.filter("trip_id > 97").aggregate("sum(trip_id)").fetchall()
        assert found == [(98 + 99,)]
    assert plans
    for plan in plans:
        scans = plan.count("Parquet SCAN")
        assert plan.count("PROJECT 1/6 COLUMNS") == plan.count("SELECTION") == scans


@embedded
def test_a_column_that_is_not_there_is_told_at_once(home, version: Version):
    with pytest.raises(NotFound, match="Did you mean 'miles'"):
        home.store.open(version.ref, columns=["mile"])


@embedded
def test_a_window_needs_a_time(home):
    timeless = Dataset("untimed", schema=Trip, key="trip_id")
    version = home.store.commit(timeless, rows(0, 3), project="p")
    snapshot = home.store.open(version.ref, since=START)
    for read in (by_polars, by_arrow, by_pandas, by_duckdb):
        with pytest.raises(UsageError, match="no time column"):
            read(snapshot)


@embedded
@pytest.mark.parametrize(("reader", "extra"), [("pandas", "pandas"), ("duckdb", "duckdb")])
def test_a_reader_that_is_not_installed_names_its_extra(
    home, version: Version, monkeypatch: pytest.MonkeyPatch, reader: str, extra: str
):
    real = builtins.__import__

    def without(name: str, *args: Any, **options: Any) -> Any:
        if name.partition(".")[0] == reader:
            raise ModuleNotFoundError(name)
        return real(name, *args, **options)

    monkeypatch.setitem(__import__("sys").modules, reader, None)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError, match=rf"pip install 'towpath\[{extra}\]'"):
        getattr(home.store.open(version.ref), reader)()


# Ray's own code warns of its own settings.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize("version", ["with overlays"], indirect=True)
def test_ray_reads_buckets_side_by_side(home, version: Version, ray_cluster: Any):
    del ray_cluster
    window = {"since": START + timedelta(hours=10), "until": START + timedelta(hours=290)}
    dataset = home.store.open(version.ref, **window).ray()
    assert dataset.schema().names == list(Trip.polars_schema())
    batches = dataset.iter_batches(batch_format="pyarrow")
    same(pl.concat(pl.DataFrame(pl.from_arrow(one)) for one in batches), rows(10, 280))
