"""What `DatasetStore` promises about merging, deleting and compacting, on every backend."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from towpath.assets.datasets import Dataset, ParquetDatasetStore, Schema
from towpath.core.errors import Conflict, NotFound, SchemaViolation, Unavailable
from towpath.core.refs import Ref

START = datetime(2013, 1, 1, tzinfo=UTC)
LATEST = Ref("dataset", "rides")


class Ride(Schema):
    ride_id: str
    began: datetime
    rider: str | None
    miles: float | None


rides = Dataset("rides", schema=Ride, key="ride_id", time="began", subject="rider", buckets=4)


def rows(
    first: int, count: int, *, riders: int = 7, miles: float = 0.0, later: int = 0
) -> pl.DataFrame:
    numbers = range(first, first + count)
    return pl.DataFrame(
        {
            "ride_id": [f"r{n:05}" for n in numbers],
            "began": [START + timedelta(hours=n + later) for n in numbers],
            "rider": [None if n % 10 == 9 else f"rider-{n % riders}" for n in numbers],
            "miles": [miles + n for n in numbers],
        },
        schema=Ride.polars_schema(),
    )


def merge(home, frame: pl.DataFrame, **options):
    return home.store.commit(rides, frame, project="p", mode="merge", **options)


def delete(home, *ids: int):
    keys = pl.DataFrame({"ride_id": [f"r{n:05}" for n in ids]})
    return home.store.commit(rides, keys, project="p", mode="delete")


def content(home, ref: Ref = LATEST) -> pl.DataFrame:
    return home.store.scan(ref).collect().sort("ride_id")


def used_blobs(home) -> set[str]:
    used: set[str] = set()
    for version in home.store.versions("rides"):
        used |= {version.body["manifest"], version.body["profile"]}
        used |= {file.digest for file in home.store.files(version.ref)}
    return used


def test_merging_adds_replaces_and_skips(home):
    home.store.commit(rides, rows(0, 100), project="p")
    given = pl.concat([rows(90, 5), rows(95, 5, miles=0.5), rows(100, 3)])
    version = merge(home, given)
    counts = {name: version.body[f"{name}_rows"] for name in ("added", "replaced", "skipped")}
    assert counts == {"added": 3, "replaced": 5, "skipped": 5}
    assert version.body["rows"] == 103
    expected = pl.concat([rows(0, 95), rows(95, 5, miles=0.5), rows(100, 3)])
    assert content(home).equals(expected)
    assert content(home, LATEST.at(1)).equals(rows(0, 100)), "the version before stays as it was"


def test_merging_what_is_there_makes_no_version(home):
    home.store.commit(rides, rows(0, 20), project="p")
    assert merge(home, rows(5, 10).reverse()).ref.version == 1
    first = merge(home, rows(5, 10, miles=0.5))
    assert merge(home, rows(5, 10, miles=0.5)).ref == first.ref, "nor over an overlay"


def test_merging_into_nothing_is_a_first_version(home):
    assert merge(home, rows(0, 5)).body["added_rows"] == 5
    assert content(home).equals(rows(0, 5))


def test_a_change_to_or_from_a_missing_value_counts(home):
    home.store.commit(rides, rows(0, 3), project="p")
    nothing = rows(1, 1).with_columns(miles=pl.lit(None, pl.Float64))
    assert merge(home, nothing).body["replaced_rows"] == 1
    assert merge(home, nothing).ref.version == 2
    assert merge(home, rows(1, 1)).body["replaced_rows"] == 1
    assert content(home).equals(rows(0, 3))


def test_deleting_needs_keys_and_nothing_else(home):
    home.store.commit(rides, rows(0, 20), project="p")
    version = delete(home, 3, 4, 99)
    assert (version.body["deleted_rows"], version.body["skipped_rows"]) == (2, 1)
    assert content(home).equals(pl.concat([rows(0, 3), rows(5, 15)]))
    assert content(home, LATEST.at(1)).height == 20
    assert delete(home, 3, 4, 99).ref == version.ref, "they are gone already"
    whole = home.store.commit(rides, rows(5, 2), project="p", mode="delete")
    assert whole.body["deleted_rows"] == 2, "whole rows name their keys as well"


def test_deleting_every_row_leaves_an_empty_version_without_files(home):
    home.store.commit(rides, rows(0, 20), project="p")
    version = delete(home, *range(20))
    assert (version.body["rows"], version.body["files"]) == (0, 0)
    assert content(home).equals(rows(0, 0))
    assert set(home.blobs.walk()) == used_blobs(home)


def test_keys_that_do_not_fit_are_refused(home):
    with pytest.raises(NotFound, match="no version to delete rows from"):
        delete(home, 1)
    home.store.commit(rides, rows(0, 5), project="p")
    for frame, says in (
        (pl.DataFrame({"rider": ["rider-1"]}), "lack column 'ride_id'"),
        (pl.DataFrame({"ride_id": ["r00001"], "ridr": ["x"]}), "has no column 'ridr'"),
        (pl.DataFrame({"ride_id": [1]}), "holds Int64"),
    ):
        with pytest.raises(SchemaViolation, match=says):
            home.store.commit(rides, frame, project="p", mode="delete")
    assert len(home.store.versions("rides")) == 1


def test_what_was_deleted_can_come_back(home):
    home.store.commit(rides, rows(0, 40), project="p")
    delete(home, 1, 2, 3)
    home.store.commit(rides, rows(2, 1, miles=0.5), project="p")
    merge(home, rows(3, 1, miles=0.25))
    expected = pl.concat([rows(0, 1), rows(2, 1, miles=0.5), rows(3, 1, miles=0.25), rows(4, 36)])
    assert content(home).equals(expected)


def test_a_row_that_changes_hands_moves_to_the_other_subject(home):
    """Its bucket changes with its rider, and each erasure takes what was theirs, and no more."""
    home.store.commit(rides, rows(0, 60), project="p")
    merge(home, rows(10, 20, riders=5))
    merge(home, rows(20, 20, riders=3))
    expected = pl.concat(
        [rows(0, 10), rows(10, 10, riders=5), rows(20, 20, riders=3), rows(40, 20)]
    )
    assert content(home).equals(expected)
    for rider in ("rider-1", "rider-4", "rider-2"):
        expected = expected.filter(pl.col("rider").ne_missing(rider))
        before = [version.body["rows"] for version in home.store.versions("rides")]
        erased = home.store.erase(rider, "rides")
        assert content(home).equals(expected), "nobody's older row comes back"
        assert home.store.holds("rides", rider) == []
        left = [version.body["rows"] for version in home.store.versions("rides")]
        assert [one.rows_removed for one in erased.versions] == list(np.subtract(before, left))


def test_an_erasure_takes_rows_that_newer_ones_had_replaced(home):
    home.store.commit(rides, rows(0, 40), project="p")
    merge(home, rows(0, 40).with_columns(rider=pl.lit("rider-9")).head(5))
    delete(home, *range(5, 40))
    theirs = [ref.version for ref in home.store.holds("rides", "rider-2")]
    assert 1 in theirs
    home.store.erase("rider-2", "rides")
    assert content(home)["rider"].to_list() == ["rider-9"] * 5
    for digest in home.blobs.walk():
        assert b"rider-2" not in home.blobs.get(digest)
    assert set(home.blobs.walk()) == used_blobs(home)


@pytest.mark.parametrize("later", [-1000, 1000])
def test_a_window_does_not_show_what_has_moved_out_of_it(home, later: int):
    """The newer row lies outside the window, and still takes the place of the older one inside."""
    home.store.commit(rides, rows(0, 48), project="p")
    before = home.store.pin(rides.between(START, START + timedelta(hours=24)), at=START)
    merge(home, rows(12, 3, later=later))
    since, until = START, START + timedelta(hours=24)
    window = home.store.scan(LATEST, columns=["ride_id"], since=since, until=until).collect()
    expected = [f"r{n:05}" for n in range(24) if n not in (12, 13, 14)]
    assert sorted(window["ride_id"]) == expected
    moved = home.store.scan(LATEST, since=since + timedelta(hours=later), until=until)
    assert moved.filter(pl.col("ride_id") == "r00013").collect().height == (later < 0)
    after = home.store.pin(rides.between(since, until), at=START)
    assert after.digest != before.digest, "it selects other rows"


def test_filters_and_slices_see_live_rows_only(home):
    home.store.commit(rides, rows(0, 50), project="p")
    merge(home, rows(0, 25, miles=1000.0))
    frame = home.store.scan(LATEST)
    assert frame.filter(pl.col("miles") < 1000).collect().height == 25
    assert frame.select(pl.len()).collect().item() == 50
    assert frame.head(30).collect().height == 30
    for engine in ("in-memory", "streaming"):
        heavy = frame.group_by("rider").agg(pl.col("miles").sum()).collect(engine=engine)
        expected = pl.concat([rows(0, 25, miles=1000.0), rows(25, 25)])
        assert heavy["miles"].sum() == expected["miles"].sum()


def test_a_change_stores_what_it_changes(home):
    """One row in a hundred costs about a hundredth of the bytes, not all of them again."""
    numbers = np.random.default_rng(1).normal(size=40_000)
    base = rows(0, 40_000).with_columns(miles=pl.Series(numbers))
    home.store.commit(rides, base, project="p")
    stored = {file.digest for file in home.store.files(LATEST)}
    merge(home, base.gather_every(100).with_columns(miles=pl.col("miles") + 1))
    files = {file.digest for file in home.store.files(LATEST)}
    assert stored < files, "the base is shared"
    held, new = (sum(map(home.blobs.size_bytes, some)) for some in (stored, files - stored))
    assert new < held / 25, "and what is new is a hundredth, and four footers"


def test_layers_do_not_pile_up_for_ever(home):
    plain = Dataset("plain", schema=Ride, key="ride_id", time="began")
    home.store.commit(plain, rows(0, 400), project="p")
    for turn in range(30):
        changed = rows(turn * 5, 4, miles=turn)
        home.store.commit(plain, changed, project="p", mode="merge")
        files = home.store.files(Ref("dataset", "plain"))
        assert len({file.layer for file in files}) <= 16
    latest = home.store.scan(Ref("dataset", "plain")).collect().sort("ride_id")
    expected = dict(rows(0, 400).select("ride_id", "miles").iter_rows())
    for turn in range(30):
        expected |= dict(rows(turn * 5, 4, miles=turn).select("ride_id", "miles").iter_rows())
    assert dict(latest.select("ride_id", "miles").iter_rows()) == expected


def test_compacting_changes_nothing_but_the_files(home):
    for first in range(0, 100, 25):
        home.store.commit(rides, rows(first, 25), project="p")
    merge(home, rows(40, 30, riders=5, miles=0.5))
    delete(home, 1, 2, 41)
    before, expected = home.store.versions("rides")[-1], content(home)
    version = home.store.compact("rides")
    assert version.ref.version == before.ref.version + 1
    assert content(home).equals(expected)
    assert (version.body["mode"], version.body["rows"]) == ("compact", expected.height)
    assert version.body["profile"] == before.body["profile"]
    files = home.store.files(LATEST)
    assert {(file.layer, file.role, file.superseded) for file in files} == {(0, "rows", 0)}
    assert len(files) == len({file.bucket for file in files})
    assert home.store.compact("rides") == version, "nothing is left to gain"
    assert content(home, before.ref).equals(expected)
    home.store.erase("rider-4", "rides")
    assert set(home.blobs.walk()) == used_blobs(home)


def test_compacting_what_is_not_there_says_so(home):
    with pytest.raises(NotFound):
        home.store.compact("rides")
    home.store.commit(rides, rows(0, 5), project="p")
    with pytest.raises(NotFound, match="what-if"):
        home.store.compact("rides", branch="what-if")


def test_of_two_writers_one_wins_and_the_other_is_told_and_can_rebase(home):
    home.store.commit(rides, rows(0, 30), project="p")

    def write(writer: int) -> int | None:
        try:
            merge(home, rows(writer * 5, 10, miles=writer + 1.0), expected=1)
        except Conflict:
            return writer
        return None

    with ThreadPoolExecutor(2) as pool:
        told = [writer for writer in pool.map(write, (0, 1)) if writer is not None]
    assert len(told) == 1
    assert len(home.store.versions("rides")) == 2
    merge(home, rows(told[0] * 5, 10, miles=told[0] + 1.0), expected=2)
    winner = 1 - told[0]
    first, last = (rows(one * 5, 10, miles=one + 1.0) for one in (winner, told[0]))
    expected = {row[0]: row for frame in (rows(0, 30), first, last) for row in frame.iter_rows()}
    assert {row[0]: row for row in content(home).iter_rows()} == expected


def test_writers_that_say_nothing_of_versions_lose_nothing(home):
    home.store.commit(rides, rows(0, 40), project="p")

    def write(writer: int) -> None:
        merge(home, rows(writer * 10, 10, miles=writer + 0.5))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    expected = pl.concat(rows(writer * 10, 10, miles=writer + 0.5) for writer in range(4))
    assert content(home).equals(expected)
    assert set(home.blobs.walk()) == used_blobs(home)


def test_what_goes_with_a_commit_happens_with_it_or_not_at_all(home):
    def keep(tx, version) -> None:
        spec = {"version": str(version.ref)}
        tx.intents.put("cursor", "rides", project="p", spec=spec, due=False)

    def fail(tx, version) -> None:
        keep(tx, version)
        raise Unavailable("the other side is away")

    def kept() -> str | None:
        with home.ledger.read() as tx:
            row = tx.intents.find("cursor", "rides")
            return None if row is None else row.spec["version"]

    with pytest.raises(Unavailable):
        merge(home, rows(0, 5), also=fail)
    assert kept() is None
    assert home.store.versions("rides") == []
    assert list(home.blobs.walk()) == []
    merge(home, rows(0, 5), also=keep)
    assert kept() == "dataset:rides@1"
    with home.ledger.write() as tx:
        tx.intents.delete("cursor", "rides")
    merge(home, rows(0, 5), also=keep)
    assert kept() == "dataset:rides@1", "also when nothing changed"


@pytest.mark.parametrize("action", ["merge", "compact"])
def test_whatever_fails_while_writing_nothing_is_left(home, action: str):
    """Fails at each blob and each transaction in turn, until one attempt meets no failure."""
    home.store.commit(rides, rows(0, 40), project="p")
    merge(home, rows(5, 5, miles=0.5))
    before, expected = set(home.blobs.walk()), content(home)
    for moment in range(1, 100):
        flaky = Flaky(home, moment)
        store = ParquetDatasetStore(flaky, flaky.blobs, home.keyring)
        try:
            if action == "merge":
                store.commit(rides, rows(3, 50, riders=5), project="p", mode="merge")
            else:
                store.compact("rides")
        except Unavailable:
            assert content(home).equals(expected)
            assert set(home.blobs.walk()) == before
            with home.ledger.read() as tx:
                assert tx.intents.list("dataset_commit") == []
        else:
            break
    assert moment > 8
    assert len(home.store.versions("rides")) == 3
    assert set(home.blobs.walk()) == used_blobs(home)


class Flaky:
    """A ledger, and blobs, that are away for a moment: the n-th time that something is written."""

    def __init__(self, home, moment: int) -> None:
        self._home = home
        self._left = moment
        self.blobs = FlakyBlobs(self)

    def __getattr__(self, name: str):
        return getattr(self._home.ledger, name)

    @contextmanager
    def write(self):
        self.burn()
        with self._home.ledger.write() as tx:
            yield tx
            self.burn()

    def burn(self) -> None:
        self._left -= 1
        if self._left == 0:
            raise Unavailable("away for a moment")


class FlakyBlobs:
    def __init__(self, flaky: Flaky) -> None:
        self._flaky = flaky

    def __getattr__(self, name: str):
        return getattr(self._flaky._home.blobs, name)

    def put(self, data):
        self._flaky.burn()
        return self._flaky._home.blobs.put(data)


class Photo(Schema):
    photo_id: str
    person: str | None
    image: bytes | None


photos = Dataset("photos", schema=Photo, key="photo_id", subject="person", buckets=2)


def test_columns_may_hold_bytes(home):
    """Whatever the bytes are: they are kept, compared, replaced and erased, and never profiled."""
    first = pl.DataFrame(
        {
            "photo_id": ["a", "b", "c"],
            "person": ["ann", "bob", None],
            "image": [b"\x00\xff\xfe", b"", None],
        },
        schema=Photo.polars_schema(),
    )
    store = home.store
    version = store.commit(photos, first, project="p")
    assert store.scan(version.ref).collect().sort("photo_id").equals(first)
    assert store.commit(photos, first, project="p", mode="merge").ref == version.ref
    other = first.with_columns(image=pl.Series([b"\x00\xff\xfe", b"\x80", b"new"]))
    changed = store.commit(photos, other, project="p", mode="merge")
    assert changed.body["replaced_rows"] == 2
    assert store.scan(changed.ref).collect().sort("photo_id").equals(other)
    profile = store.profile(changed.ref).column("image")
    assert (profile.kind, profile.nulls, profile.distinct) == ("hidden", 0, None)
    assert store.profile(version.ref).column("image").nulls == 1
    store.erase("bob", "photos")
    left = store.scan(changed.ref).collect().sort("photo_id")
    assert left.equals(other.filter(pl.col("person").ne_missing("bob")))
