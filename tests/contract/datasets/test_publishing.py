"""What `Publisher` promises, checked with the engines that read Iceberg."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import parse_qsl, urlsplit

import duckdb
import polars as pl
import pyiceberg.catalog
import pytest
from missing import missing
from pyiceberg.catalog import load_catalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.schema import Schema as IcebergSchema
from pyiceberg.types import LongType, NestedField
from pyiceberg.utils.config import Config

from towpath.assets.datasets import Dataset, Personal, Schema
from towpath.assets.datasets.history import LedgerDatasetHistory, Retention
from towpath.assets.datasets.publishing import IcebergPublisher, PublicationReconciler
from towpath.core.errors import Conflict, InvalidName, NotFound, Unavailable, UsageError
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from pyiceberg.table import Table

    from towpath.ledger.records import Version

START = datetime(2026, 1, 1, tzinfo=UTC)
LATER = datetime(2100, 1, 1, tzinfo=UTC)
TRUNK = Ref("dataset", "trips")
EXTENSIONS = ["duckdb==1.5.5", "duckdb-extension-iceberg==1.5.5", "duckdb-extension-avro==1.5.5"]

# What does not depend on where things are kept is tried on embedded parts alone.
embedded = pytest.mark.parametrize("home", ["embedded"], indirect=True)


class Trip(Schema):
    trip_id: int
    began: datetime
    rider: str | None
    phone: Annotated[str | None, Personal()]
    miles: float


class Toll(Trip):
    toll: float | None


class Named(Schema):
    trip_id: int
    began: datetime
    rider: str | None
    phone: Annotated[str | None, Personal()]
    miles: str


trips = Dataset("trips", schema=Trip, key="trip_id", time="began", subject="rider", buckets=4)
tolls = Dataset("trips", schema=Toll, key="trip_id", time="began", subject="rider", buckets=4)


def rows(first: int, count: int, *, miles: float = 0.0) -> pl.DataFrame:
    numbers = range(first, first + count)
    return pl.DataFrame(
        {
            "trip_id": list(numbers),
            "began": [START + timedelta(hours=n) for n in numbers],
            "rider": [None if n % 10 == 9 else f"rider-{n % 7}" for n in numbers],
            "phone": [f"555-{n:04}" for n in numbers],
            "miles": [n + miles for n in numbers],
        },
        schema=Trip.polars_schema(),
    )


class Place:
    """A catalog, its publisher, and a reader that knows nothing of us."""

    def __init__(self, publisher: IcebergPublisher, catalog: str, **own: str) -> None:
        self.publisher = publisher
        self.catalog = catalog
        self._own = own

    def publish(self, **options: Any) -> Any:
        return self.publisher.publish("trips", catalog=self.catalog, **options)

    def table(self, name: str = "p.trips") -> Table:
        """Load the table as anybody would."""
        catalog = load_catalog(self.catalog, **self._own)
        try:
            return catalog.load_table(name)
        finally:
            catalog.close()

    def read(self, ref: str = "main", **scan: Any) -> pl.DataFrame:
        """Return the rows at a tag or branch."""
        table = self.table()
        number = table.metadata.refs[ref].snapshot_id
        found = pl.from_arrow(table.scan(snapshot_id=number, **scan).to_arrow())
        assert isinstance(found, pl.DataFrame)
        return found.sort("trip_id")


@pytest.fixture
def place(
    home, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Place:
    """Return the home's own catalog on disk, or one in PostgreSQL with its metadata in the bucket."""
    publisher = IcebergPublisher(home.ledger, home.blobs, tmp_path / "iceberg")
    if request.node.callspec.params["home"] == "embedded":
        own = {"type": "sql", "uri": f"sqlite:///{tmp_path}/iceberg/catalog.db"}
        return Place(publisher, "towpath", **own)
    bucket = urlsplit(request.getfixturevalue("s3_url"))
    s3 = dict(parse_qsl(bucket.query))
    settings = {
        "URI": request.getfixturevalue("empty_pg_url").replace(
            "postgresql:", "postgresql+psycopg:"
        ),
        "WAREHOUSE": f"s3://{bucket.netloc}/warehouse",
        "S3__ENDPOINT": s3["endpoint"],
        "S3__REGION": s3["region"],
        "S3__ACCESS_KEY_ID": s3["access_key_id"],
        "S3__SECRET_ACCESS_KEY": s3["secret_access_key"],
    }
    for name, value in settings.items():
        monkeypatch.setenv(f"PYICEBERG_CATALOG__SHARED__{name}", value)
    monkeypatch.setattr(pyiceberg.catalog, "_ENV_CONFIG", Config())  # it is read on import
    return Place(publisher, "shared")


@pytest.fixture
def two(home) -> list[Version]:
    """Commit 100 rows, and 10 more."""
    return [
        home.store.commit(trips, rows(0, 100), project="p"),
        home.store.commit(trips, rows(100, 10), project="p"),
    ]


def metadata_text(place: Place) -> str:
    """Return all of a table's metadata as text, Avro's compression undone by its own reader."""
    table = place.table()
    texts = [table.metadata.model_dump_json()]
    for snapshot in table.snapshots():
        for manifest in snapshot.manifests(table.io):
            texts.append(repr(manifest))
            texts += [repr(entry) for entry in manifest.fetch_manifest_entry(table.io)]
    return "\n".join(texts)


def test_every_version_is_a_tagged_snapshot_read_in_place(home, place: Place, two: list[Version]):
    stored = set(home.blobs.walk())
    published = place.publish()
    assert set(home.blobs.walk()) == stored, "no row is copied"
    assert set(published.snapshots) == {one.ref for one in two}
    assert place.read("v1").equals(rows(0, 100))
    assert place.read("v2").equals(rows(0, 110))
    assert place.read("main").equals(rows(0, 110))
    table = place.table()
    assert {snapshot.parent_snapshot_id for snapshot in table.snapshots()} == {None}
    moments = {snapshot.timestamp_ms for snapshot in table.snapshots()}
    assert moments == {int(one.created_at.timestamp() * 1000) for one in two}


def test_readers_are_led_to_few_files(place: Place, two: list[Version]):
    place.publish()
    everything = len(list(place.table().scan().plan_files()))
    one_rider = place.table().scan(row_filter="rider = 'rider-1'")
    assert len(list(one_rider.plan_files())) < everything
    found = place.read(row_filter="rider = 'rider-1'")
    assert found.equals(rows(0, 110).filter(pl.col("rider") == "rider-1"))
    late = place.read(row_filter=f"began >= '{(START + timedelta(hours=105)).isoformat()}'")
    assert late.equals(rows(105, 5))


@embedded
def test_metadata_holds_no_value_of_a_personal_column(place: Place, two: list[Version]):
    place.publish()
    text = metadata_text(place)
    assert "rider-" not in text
    assert "555-" not in text


def test_publishing_again_adds_what_is_new_and_nothing_else(home, place: Place, two: list[Version]):
    first = place.publish()
    assert place.publish() == first, "not even the metadata has another name"
    home.store.commit(trips, rows(110, 10), project="p")
    second = place.publish()
    assert first.snapshots.items() < second.snapshots.items()
    assert place.read("main").equals(rows(0, 120))
    assert place.read("v1").equals(rows(0, 100))


@embedded
def test_only_the_last_versions_are_published_and_the_tagged(
    home, place: Place, two: list[Version]
):
    history = LedgerDatasetHistory(home.ledger, home.blobs)
    home.store.commit(trips, rows(110, 10), project="p")
    history.tag(TRUNK.at(1), "golden")
    branch = history.branch(TRUNK, "what-if")
    published = place.publish(last=1)
    assert set(published.snapshots) == {TRUNK.at(1), TRUNK.at(3), branch.ref}
    assert set(published.refs) == {"main", "v1", "v3", "golden", "what-if"}
    assert place.read("golden").equals(rows(0, 100))
    history.untag("trips", "golden")
    history.drop("trips", "what-if")
    assert set(place.publish(last=1).refs) == {"main", "v3"}
    assert set(place.table().metadata.refs) == {"main", "v3"}


def test_an_erasure_leaves_nothing_of_the_subject_or_of_what_was_replaced(
    home, place: Place, two: list[Version]
):
    before = place.publish()
    home.suppress("rider-1")
    home.store.erase("rider-1", "trips")
    (after,) = place.publisher.refresh("trips")
    assert not set(before.snapshots.values()) & set(after.snapshots.values())
    left = rows(0, 110).filter(pl.col("rider").ne_missing("rider-1"))
    assert place.read("main").equals(left)
    assert place.read("v1").equals(left.head(place.read("v1").height))
    table = place.table()
    entries = [
        entry
        for snapshot in table.snapshots()
        for manifest in snapshot.manifests(table.io)
        for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=False)
    ]
    assert {entry.status.name for entry in entries} == {"ADDED"}, "no entry tells of a deleted file"
    held = {home.blobs.location(digest) for digest in home.blobs.walk()}
    assert {entry.data_file.file_path for entry in entries} <= held
    if place.catalog == "towpath":
        files = {
            path for path in Path(urlsplit(table.location()).path).rglob("*") if path.is_file()
        }
        named = {Path(urlsplit(after.metadata).path)}
        for snapshot in table.snapshots():
            named.add(Path(urlsplit(snapshot.manifest_list).path))
            paths = (manifest.manifest_path for manifest in snapshot.manifests(table.io))
            named |= {Path(urlsplit(path).path) for path in paths}
        assert files == named, "what the commit replaced is gone"


def test_a_publication_holds_on_to_its_versions_until_it_lets_go(
    home, place: Place, two: list[Version]
):
    history = LedgerDatasetHistory(home.ledger, home.blobs)
    place.publish()
    kept = history.collect("trips", Retention(), now=LATER)
    assert kept.collected == ()
    assert "publication" in kept.kept[0].why
    place.publish(last=1)
    assert history.collect("trips", Retention(), now=LATER).collected == (TRUNK.at(1),)
    assert place.read("main").equals(rows(0, 110))


def test_columns_may_come_and_older_versions_still_read(home, place: Place, two: list[Version]):
    place.publish()
    more = rows(110, 5).with_columns(toll=pl.lit(1.5))
    home.store.commit(tolls, more, project="p")
    place.publish()
    assert place.read("v2").equals(rows(0, 110))
    main = place.read("main")
    assert main.equals(pl.concat([rows(0, 110), more], how="diagonal"))


@embedded
def test_a_version_whose_columns_have_other_types_is_left_out(
    home, place: Place, two: list[Version]
):
    place.publish()
    renamed = Dataset("trips", schema=Named, key="trip_id", time="began", buckets=1)
    texts = rows(0, 5).with_columns(pl.col("miles").cast(pl.String))
    home.store.commit(renamed, texts, project="p", mode="overwrite")
    published = place.publish()
    assert set(published.snapshots) == {TRUNK.at(3)}
    assert published.skipped[TRUNK.at(1)] == "its column 'miles' is float64, and string elsewhere"
    assert place.read("main").equals(texts)


@embedded
def test_a_version_with_overlays_is_refused_until_it_is_compacted(
    home, place: Place, two: list[Version]
):
    layered = home.store.commit(trips, rows(0, 3, miles=0.5), project="p", mode="merge")
    with pytest.raises(UsageError, match="towpath dataset compact trips"):
        place.publish()
    home.store.compact("trips")
    published = place.publish()
    assert set(published.skipped) == {layered.ref}
    assert place.read("main").equals(pl.concat([rows(0, 3, miles=0.5), rows(3, 107)]))


@embedded
def test_a_refresh_leaves_main_at_the_newest_version_that_can_be_read(
    home, place: Place, two: list[Version]
):
    place.publish()
    home.store.commit(trips, rows(0, 3, miles=0.5), project="p", mode="merge")
    (published,) = place.publisher.refresh("trips")
    assert published.refs["main"] == published.snapshots[TRUNK.at(2)]
    assert place.read("main").equals(rows(0, 110))


@embedded
def test_an_empty_version_is_an_empty_table(home, place: Place, two: list[Version]):
    home.store.commit(trips, rows(0, 0), project="p", mode="overwrite")
    place.publish()
    assert place.read("main").height == 0


def test_somebody_elses_table_is_left_alone(home, place: Place, two: list[Version]):
    place.publish(table="mine.trips")
    catalog = load_catalog(place.catalog, **place._own)
    catalog.create_namespace("theirs")
    location = f"{place.table('mine.trips').location()}-theirs"
    theirs = IcebergSchema(NestedField(1, "n", LongType(), required=True))
    catalog.create_table("theirs.trips", theirs, location=location)
    catalog.close()
    with pytest.raises(Conflict, match=r"theirs\.trips is there and is not one of Towpath's"):
        place.publish(table="theirs.trips")
    assert [one.table for one in place.publisher.publications("trips")] == ["mine.trips"]


def test_withdrawing_leaves_the_files_and_nothing_else(home, place: Place, two: list[Version]):
    published = place.publish()
    stored = set(home.blobs.walk())
    place.publisher.withdraw("trips", catalog=place.catalog)
    with pytest.raises(NoSuchTableError):
        place.table()
    assert set(home.blobs.walk()) == stored
    assert place.publisher.publications() == []
    if place.catalog == "towpath":
        assert not Path(urlsplit(published.metadata).path).exists()
    with pytest.raises(NotFound, match="publication"):
        place.publisher.withdraw("trips", catalog=place.catalog)


@embedded
def test_a_worker_keeps_the_table_in_step(home, place: Place, two: list[Version]):
    place.publish()
    home.store.commit(trips, rows(110, 10), project="p")
    reconciler = PublicationReconciler(home.ledger, place.publisher)
    for _ in range(2):  # what it publishes makes the row due once more
        with home.ledger.write() as tx:
            held = tx.intents.claim(reconciler.kinds, owner="w", lease_s=60)
        reconciler.reconcile(held)
    with home.ledger.read() as tx:
        assert not tx.intents.is_due(reconciler.kinds)
    assert place.read("main").equals(rows(0, 120))


@embedded
@pytest.mark.parametrize("table", ["trips", "p.", ".t", "p.a b", "p.t;drop"])
def test_a_table_is_named_by_namespace_and_name(place: Place, two: list[Version], table: str):
    with pytest.raises(InvalidName, match=r"namespace\.name"):
        place.publish(table=table)


@embedded
def test_a_catalog_nobody_described_is_not_there(place: Place, two: list[Version]):
    with pytest.raises(NotFound, match="PYICEBERG_CATALOG__NOWHERE__URI"):
        place.publisher.publish("trips", catalog="nowhere")


@embedded
def test_a_catalog_that_does_not_answer_is_worth_a_retry(
    place: Place, two: list[Version], tmp_path: Path
):
    place.publish()
    (tmp_path / "iceberg" / "catalog.db").write_bytes(b"this is no database")
    with pytest.raises(Unavailable, match="'towpath' does not answer"):
        place.publish()


@embedded
def test_without_pyiceberg_the_extra_is_named(
    place: Place, two: list[Version], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "pyiceberg", None)
    with pytest.raises(UsageError, match=r"pip install 'towpath\[iceberg\]'"):
        place.publish()


def test_duckdb_queries_what_pyiceberg_plans(place: Place, two: list[Version]):
    place.publish()
    with duckdb.connect() as connection:
        place.table().scan().to_duckdb("trips", connection=connection)
        found = connection.sql("SELECT count(*), sum(miles) FROM trips").fetchall()
    assert found == [(110, float(sum(range(110))))]


@embedded
def test_duckdbs_own_reader_of_iceberg_reads_it_in_place(place: Place, two: list[Version]):
    """In an environment of its own: the extension is made for another DuckDB than ours."""
    published = place.publish()
    first = published.snapshots[TRUNK.at(1)]
    script = """
import json, sys, duckdb, duckdb_extension_avro, duckdb_extension_iceberg, pathlib
metadata, first = sys.argv[1:]
connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
for module in (duckdb_extension_avro, duckdb_extension_iceberg):
    (file,) = pathlib.Path(module.__file__).parent.rglob("*.duckdb_extension")
    connection.execute(f"LOAD '{file}'")
ask = lambda query: connection.execute(query).fetchall()
print(json.dumps([
    ask(f"SELECT count(*), sum(miles) FROM iceberg_scan('{metadata}')"),
    ask(f"SELECT count(*) FROM iceberg_scan('{metadata}', snapshot_from_id => {first})"),
    ask(f"SELECT sum(trip_id) FROM iceberg_scan('{metadata}') WHERE rider = 'rider-1'"),
]))
"""
    command = ["uv", "run", "--isolated", "--no-project", "--quiet", "--python", sys.executable]
    for package in EXTENSIONS:
        command += ["--with", package]
    metadata = published.metadata.removeprefix("file://")
    environ = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    try:
        done = subprocess.run(
            [*command, "python", "-c", script, metadata, str(first)],
            capture_output=True,
            text=True,
            check=True,
            env=environ,
            timeout=240,
        )
    except (OSError, subprocess.SubprocessError) as error:
        missing(f"DuckDB's extension for Iceberg can't be installed: {error}")
    ones = rows(0, 110).filter(pl.col("rider") == "rider-1")["trip_id"].sum()
    assert json.loads(done.stdout.splitlines()[-1]) == [
        [[110, float(sum(range(110)))]],
        [[100]],
        [[ones]],
    ]


@embedded
# Ray's own code warns of its own settings.
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_ray_reads_it_in_place(place: Place, two: list[Version], ray_cluster: Any):
    published = place.publish()
    dataset = ray_cluster.data.read_iceberg(
        table_identifier="p.trips",
        catalog_kwargs={"name": "towpath", **place._own},
        snapshot_id=published.snapshots[TRUNK.at(1)],
    )
    batches = dataset.iter_batches(batch_format="pyarrow")
    found = pl.concat(pl.DataFrame(pl.from_arrow(one)) for one in batches)
    assert found.sort("trip_id").equals(rows(0, 100))
