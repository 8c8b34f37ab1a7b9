"""What `Load` promises, on every backend: pieces that are kept, and a version that appears whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import polars as pl
import pytest

from towpath.assets.datasets import Dataset, Personal, Range, Schema
from towpath.core.errors import Conflict, NotFound, SchemaViolation
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from collections.abc import Callable

START = datetime(2013, 1, 1, tzinfo=UTC)
RIDES = Ref("dataset", "rides")


class Ride(Schema):
    ride_id: str
    began: datetime
    rider: str | None
    phone: Annotated[str | None, Personal()]
    miles: Annotated[float, Range(0, None)]


rides = Dataset("rides", schema=Ride, key="ride_id", time="began", subject="rider", buckets=4)


def rows(first: int, count: int, *, miles: float | None = None) -> pl.DataFrame:
    numbers = range(first, first + count)
    return pl.DataFrame(
        {
            "ride_id": [f"r{n:05}" for n in numbers],
            "began": [START + timedelta(hours=n) for n in numbers],
            "rider": [None if n % 10 == 9 else f"rider-{n % 7}" for n in numbers],
            "phone": [f"555-{n}" for n in numbers],
            "miles": [float(n) if miles is None else miles for n in numbers],
        },
        schema=Ride.polars_schema(),
    )


@pytest.fixture
def load(home) -> Callable[..., Any]:
    def begin(name: str = "first", **options: Any) -> Any:
        return home.store.load(rides, project="p", name=name, **options)

    return begin


def content(home: Any, ref: Ref = RIDES) -> pl.DataFrame:
    return home.store.scan(ref).collect().sort("ride_id")


def blobs(home: Any) -> set[str]:
    return set(home.blobs.walk())


def rows_of(home: Any) -> list[str]:
    with home.ledger.read() as tx:
        return [
            row.name
            for kind in ("dataset_load", "dataset_deletion")
            for row in tx.intents.list(kind)
        ]


def test_pieces_appear_together(home, load):
    with load() as one:
        one.write(rows(0, 60))
        one.write(rows(60, 40))
        with pytest.raises(NotFound):
            home.store.scan(RIDES)
        version = one.commit()
    assert version.ref == RIDES.at(1)
    assert version.body["rows"] == version.body["added_rows"] == 100
    assert content(home).equals(rows(0, 100))
    assert rows_of(home) == []


def test_a_load_gives_what_a_commit_would(home, load):
    given = rows(0, 500)
    with load() as one:
        for begin in range(0, 500, 90):
            one.write(given[begin : begin + 90])
        loaded = one.commit()
    twin = Dataset("twin", schema=Ride, key="ride_id", time="began", subject="rider", buckets=4)
    committed = home.store.commit(twin, given, project="p")
    counted, expected = home.store.profile(loaded.ref), home.store.profile(committed.ref)
    assert counted.rows == expected.rows
    assert counted.chosen_from == expected.chosen_from
    for mine, theirs in zip(counted.columns, expected.columns, strict=True):
        assert (mine.counts == theirs.counts).all()
        assert mine.nulls == theirs.nulls
    same = ("columns", "key", "time", "subject", "buckets", "added_rows", "mode")
    assert {name: loaded.body[name] for name in same} == {
        name: committed.body[name] for name in same
    }


def test_a_load_is_carried_on_where_its_source_last_could(home, load):
    with load() as one:
        assert one.position is None
        one.write(rows(0, 10), position={"at": 10})
        one.write(rows(10, 10), position={"at": 20})
        one.write(rows(20, 10))
        assert one.rows == 30
    with load() as again:
        assert again.position == {"at": 20}
        assert again.rows == 20, "what came behind the position comes again"
        again.write(rows(20, 5))
        again.commit()
    assert content(home).equals(rows(0, 25))
    assert blobs(home) == used(home)


def used(home: Any) -> set[str]:
    found: set[str] = set()
    for version in home.store.versions("rides"):
        found |= {version.body["manifest"], version.body["profile"]}
        found |= {file.digest for file in home.store.files(version.ref)}
    return found


def test_a_load_that_has_no_position_begins_anew(home, load):
    with load() as one:
        one.write(rows(0, 10))
    with load() as again:
        assert again.position is None
        assert again.rows == 0
        again.discard()
    assert blobs(home) == set()


def test_a_row_that_comes_twice_counts_once(home, load):
    with load() as one:
        one.write(rows(0, 30))
        one.write(rows(20, 30))
        version = one.commit()
    assert content(home).equals(rows(0, 50))
    assert (version.body["added_rows"], version.body["skipped_rows"]) == (50, 10)
    assert blobs(home) == used(home)


def test_a_key_that_comes_with_other_values_is_refused_by_name(home, load):
    with load() as one:
        one.write(rows(0, 30))
        one.write(pl.concat([rows(7, 1, miles=999.0), rows(30, 5)]))
        with pytest.raises(SchemaViolation, match=r"repeats a key .* in 1 of 36 rows") as caught:
            one.commit()
        assert "'r00007'" in str(caught.value)
        assert one.rows == 36, "the load stays open"
        one.discard()
    assert home.store.versions("rides") == []
    assert blobs(home) == set()


def test_rows_that_are_there_already_are_skipped(home, load):
    home.store.commit(rides, rows(0, 40), project="p")
    with load() as one:
        one.write(rows(50, 10))
        one.write(rows(30, 20))
        version = one.commit()
    assert version.ref == RIDES.at(2)
    assert content(home).equals(rows(0, 60))
    assert (version.body["added_rows"], version.body["skipped_rows"]) == (20, 10)


def test_a_stored_key_with_other_values_is_refused(home, load):
    home.store.commit(rides, rows(0, 40), project="p")
    with load() as one:
        one.write(rows(39, 2, miles=1.5))
        with pytest.raises(SchemaViolation, match="repeats a key"):
            one.commit()
    assert content(home).equals(rows(0, 40))


def test_what_changes_nothing_makes_no_version(home, load):
    first = home.store.commit(rides, rows(0, 40), project="p")
    told = []
    for mode in ("append", "overwrite", "merge"):
        with load(mode=mode) as one:
            one.write(rows(20, 20))
            one.write(rows(0, 20))
            version = one.commit(also=lambda _tx, version: told.append(version.ref))
        assert version.ref == first.ref
    assert told == [first.ref] * 3, "what goes with a commit is done all the same"
    assert blobs(home) == used(home)
    assert rows_of(home) == []


def test_overwriting_replaces_everything(home, load):
    home.store.commit(rides, rows(0, 40), project="p")
    with load(mode="overwrite") as one:
        one.write(rows(30, 20, miles=2.0))
        one.write(rows(50, 5))
        version = one.commit()
    assert content(home).equals(pl.concat([rows(30, 20, miles=2.0), rows(50, 5)]))
    assert version.body["deleted_rows"] == 40
    assert content(home, RIDES.at(1)).equals(rows(0, 40))


def test_the_later_piece_wins_in_a_merge(home, load):
    with load(mode="merge") as one:
        one.write(rows(0, 30))
        one.write(rows(10, 10, miles=5.0))
        one.write(rows(15, 1, miles=6.0))
        one.commit()
    expected = pl.concat(
        [
            rows(0, 10),
            rows(10, 5, miles=5.0),
            rows(15, 1, miles=6.0),
            rows(16, 4, miles=5.0),
            rows(20, 10),
        ]
    )
    assert content(home).equals(expected)


def test_merging_replaces_stored_rows_and_adds_the_others(home, load):
    home.store.commit(rides, rows(0, 40), project="p")
    with load(mode="merge") as one:
        one.write(pl.concat([rows(5, 5, miles=1.0), rows(40, 5)]))
        one.write(pl.concat([rows(7, 1, miles=2.0), rows(45, 5)]))
        version = one.commit()
    expected = pl.concat(
        [
            rows(0, 5),
            rows(5, 2, miles=1.0),
            rows(7, 1, miles=2.0),
            rows(8, 2, miles=1.0),
            rows(10, 40),
        ]
    )
    assert content(home).equals(expected)
    assert content(home, RIDES.at(1)).equals(rows(0, 40))
    assert version.body["rows"] == 50
    assert home.store.profile(version.ref).rows == 50
    assert blobs(home) == used(home)


def test_a_deleted_key_can_be_loaded_again(home, load):
    home.store.commit(rides, rows(0, 40), project="p")
    home.store.commit(rides, rows(3, 2).select("ride_id"), project="p", mode="delete")
    with load() as one:
        one.write(rows(0, 3))
        one.write(rows(3, 1, miles=8.0))
        one.commit()
    expected = pl.concat([rows(0, 3), rows(3, 1, miles=8.0), rows(5, 35)])
    assert content(home).equals(expected)


def test_bad_rows_are_refused_and_the_pieces_before_stay(home, load):
    with load() as one:
        one.write(rows(0, 10), position={"at": 10})
        with pytest.raises(SchemaViolation, match="'miles'"):
            one.write(rows(10, 5, miles=-1.0), position={"at": 15})
        assert one.rows == 10
        assert one.position == {"at": 10}
        one.commit()
    assert content(home).equals(rows(0, 10))


def test_an_empty_piece_only_moves_the_position(home, load):
    with load() as one:
        one.write(rows(0, 10), position={"at": 10})
        one.write(rows(0, 0), position={"at": 20})
    with load() as again:
        assert (again.position, again.rows) == ({"at": 20}, 10)
        again.discard()


def test_whoever_opens_a_load_last_has_it(home, load):
    one = load()
    one.write(rows(0, 10), position={"at": 10})
    other = load()
    with pytest.raises(Conflict, match="taken over"):
        one.write(rows(10, 10), position={"at": 20})
    with pytest.raises(Conflict, match="taken over"):
        one.commit()
    one.discard()  # does no harm
    other.write(rows(10, 5), position={"at": 15})
    other.commit()
    assert content(home).equals(rows(0, 15))
    assert blobs(home) == used(home)


def test_loads_of_different_names_do_not_meet(home, load):
    one, other = load("one"), load("other")
    one.write(rows(0, 10))
    other.write(rows(5, 15))
    assert one.commit().ref == RIDES.at(1)
    assert other.commit().ref == RIDES.at(2)
    assert content(home).equals(rows(0, 20))
    assert blobs(home) == used(home)


def test_a_load_begun_otherwise_is_begun_anew(home, load):
    with load() as one:
        one.write(rows(0, 10), position={"at": 10})
    with load(mode="merge") as other:
        assert (other.position, other.rows) == (None, 0)
        other.discard()
    assert blobs(home) == set()


def test_what_was_expected_is_checked_when_it_is_committed(home, load):
    one = load(expected=0)
    one.write(rows(0, 10))
    home.store.commit(rides, rows(20, 5), project="p")
    with pytest.raises(Conflict, match="version 1 of data set 'rides' is the latest, not 0"):
        one.commit()
    again = load(expected=1)
    again.discard()
    assert content(home).equals(rows(20, 5))


def test_commits_may_come_in_between(home, load):
    one = load()
    one.write(rows(0, 10))
    home.store.commit(rides, rows(20, 5), project="p")
    assert one.commit().ref == RIDES.at(2)
    assert content(home).equals(pl.concat([rows(0, 10), rows(20, 5)]))


def test_what_goes_with_the_version_is_in_its_transaction(home, load):
    def fail(tx: Any, version: Any) -> None:
        tx.events.append("ingest.noted", str(version.ref))
        raise Conflict("not now")

    one = load()
    one.write(rows(0, 10))
    with pytest.raises(Conflict, match="not now"):
        one.commit(also=fail)
    assert home.store.versions("rides") == []
    with home.ledger.read() as tx:
        assert tx.events.read(types=["ingest.noted"]) == []
    assert one.commit().ref == RIDES.at(1)


def test_withdrawn_subjects_are_not_loaded(home, load):
    home.suppress("rider-3")
    with load() as one:
        one.write(rows(0, 70))
        version = one.commit()
    assert "rider-3" not in content(home)["rider"].to_list()
    assert version.body["suppressed_rows"] == 9


def test_who_withdraws_during_a_load_does_not_appear(home, load):
    one = load()
    one.write(rows(0, 70), position={"at": 70})
    home.suppress("rider-3")
    one.write(rows(70, 10), position={"at": 80})
    version = one.commit()
    assert "rider-3" not in content(home)["rider"].to_list()
    assert content(home).height + version.body["suppressed_rows"] == 80
    assert blobs(home) == used(home), "the pieces that held them are deleted"


def test_an_erasure_deletes_the_pieces_of_open_loads(home, load):
    home.store.commit(rides, rows(0, 10), project="p")
    one = load()
    one.write(rows(10, 60), position={"at": 70})
    assert blobs(home) > used(home)
    home.suppress("rider-3")
    home.store.erase("rider-3", "rides")
    assert blobs(home) == used(home), "nobody asked whether the pieces held the subject"
    with pytest.raises(Conflict, match="an erasure overtook this load"):
        one.write(rows(70, 10), position={"at": 80})
    again = load()
    assert (again.position, again.rows) == (None, 0)
    again.write(rows(10, 60))
    again.commit()
    assert "rider-3" not in content(home)["rider"].to_list()
    assert blobs(home) == used(home)


def test_an_erasure_overtakes_a_commit(home, load):
    home.store.commit(rides, rows(0, 10), project="p")
    one = load()
    one.write(rows(10, 60))
    home.suppress("rider-3")
    home.store.erase("rider-3", "rides")
    with pytest.raises(Conflict, match="an erasure overtook this load"):
        one.commit()
    assert blobs(home) == used(home)
    assert rows_of(home) == []


def test_new_columns_may_be_loaded(home, load):
    home.store.commit(rides, rows(0, 10), project="p")

    class Longer(Ride):
        note: str | None

    longer = Dataset(
        "rides", schema=Longer, key="ride_id", time="began", subject="rider", buckets=4
    )
    more = rows(5, 10).with_columns(pl.lit("n").alias("note"))
    with home.store.load(longer, project="p", name="longer") as one:
        one.write(more)
        version = one.commit()
    assert (version.body["added_rows"], version.body["skipped_rows"]) == (5, 5)
    assert content(home)["note"].to_list() == [None] * 10 + ["n"] * 5
