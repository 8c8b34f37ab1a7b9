"""What `DatasetStore.erase_all` promises: several people in one pass, and history as if without them."""

from __future__ import annotations

import io
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import polars as pl
import pyarrow.parquet as pq
import pytest

from towpath.assets.checks import rules
from towpath.assets.datasets import Dataset, Schema

START = datetime(2013, 1, 1, tzinfo=UTC)
RIDERS = [f"rider-{number}" for number in range(12)]


class Ride(Schema):
    ride_id: str
    began: datetime
    rider: str
    miles: float


rides = Dataset("rides", schema=Ride, key="ride_id", time="began", subject="rider", buckets=4)
spared = replace(rides, name="spared")


def rider_of(number: int) -> str:
    return RIDERS[number * 7 % len(RIDERS)]


def rows(numbers: list[int], miles: float) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "ride_id": [f"r{n:05}" for n in numbers],
            "began": [START + timedelta(hours=n) for n in numbers],
            "rider": [rider_of(n) for n in numbers],
            "miles": [miles + n for n in numbers],
        },
        schema=Ride.polars_schema(),
    )


def subjects_on_disk(home) -> set[str]:
    found: set[str] = set()
    for digest in home.blobs.walk():
        data = home.blobs.get(digest)
        if data[:4] == b"PAR1":
            found.update(pl.read_parquet(io.BytesIO(data))["rider"].to_list())
    return found


def changes(seed: int) -> list[tuple[str, list[int], float]]:
    """Draw a history: appends, corrections, deletions and whole new contents."""
    draw, known, made = random.Random(seed), list(range(60)), 60
    history = [("append", list(known), 0.0)]
    for turn in range(draw.randint(4, 9)):
        mode = draw.choice(["append", "merge", "merge", "delete", "overwrite"])
        if mode == "append":
            numbers = list(range(made, made + draw.randint(1, 20)))
            made += len(numbers)
            known += numbers
        else:
            numbers = sorted(draw.sample(known, draw.randint(1, max(1, len(known) // 3))))
        if mode == "overwrite":
            known = list(numbers)
        if mode == "delete" and len(known) > len(numbers):
            known = [one for one in known if one not in numbers]
        elif mode == "delete":
            continue
        history.append((mode, numbers, 1_000.0 * (turn + 1)))
    return history


def commit(home, dataset, mode, frame) -> None:
    given = frame.select("ride_id") if mode == "delete" else frame
    home.store.commit(dataset, given, project="p", mode=mode)


@pytest.mark.parametrize("seed", range(5))
def test_every_version_is_what_it_would_be_had_they_never_been_there(home, seed):
    history, draw = changes(seed), random.Random(seed + 1_000)
    gone = sorted(draw.sample(RIDERS, draw.randint(1, 5)))
    for mode, numbers, miles in history:
        frame = rows(numbers, miles)
        commit(home, rides, mode, frame)
        # The other table never hears of them; a change that was theirs alone leaves it as it is.
        commit(home, spared, mode, frame.filter(~pl.col("rider").is_in(gone)))
    before = [version.ref for version in home.store.versions("rides")]
    shown = [home.store.scan(ref).collect().sort("ride_id") for ref in before]
    done = home.store.erase_all(gone, "rides")
    assert [version.ref for version in home.store.versions("rides")] == before
    for ref, old in zip(before, shown, strict=True):
        after = home.store.scan(ref).collect().sort("ride_id")
        assert after.equals(old.filter(~pl.col("rider").is_in(gone)))
        profile = home.store.profile(ref)
        assert profile.rows == after.height
        for column, told in zip(profile.columns, profile.recount(after).columns, strict=True):
            assert column.counts.tolist() == told.counts.tolist()
    latest = home.store.scan(before[-1]).collect().sort("ride_id")
    never = home.store.scan(home.store.versions("spared")[-1].ref).collect().sort("ride_id")
    assert latest.equals(never)
    assert {version.ref for version in done.versions} <= set(before)
    assert subjects_on_disk(home).isdisjoint(gone)
    assert home.store.erase_all(gone, "rides") == done


def test_many_make_one_revision_and_read_each_file_once(home):
    home.store.commit(rides, rows(list(range(100)), 0.0), project="p")
    home.store.commit(rides, rows(list(range(100, 140)), 0.0), project="p")
    done = home.store.erase_all(RIDERS[:6], "rides")
    assert {version.revision for version in home.store.versions("rides")} == {2}
    assert done.rows_removed == sum(rider_of(n) in RIDERS[:6] for n in range(140))


def test_one_of_them_alone_has_a_record_of_its_own(home):
    home.store.commit(rides, rows(list(range(100)), 0.0), project="p")
    both = home.store.erase_all(RIDERS[:2], "rides")
    assert both.rows_removed > 0
    assert home.store.erase(RIDERS[0], "rides").rows_removed == 0
    assert home.store.erase_all(RIDERS[:2][::-1], "rides") == both


def test_where_little_goes_profiles_forget_it_without_counting_anew(home, monkeypatch):
    """A large table loses two of three hundred people: only files of their buckets are read."""
    crowd = [f"rider-{number:03}" for number in range(300)]

    def some(numbers: range, miles: float) -> pl.DataFrame:
        return rows(list(numbers), miles).with_columns(
            rider=pl.Series([crowd[n * 7 % len(crowd)] for n in numbers])
        )

    home.store.commit(rides, some(range(6_000), 0.0), project="p")
    home.store.commit(rides, some(range(900, 1_900), 0.5), project="p", mode="merge")
    home.store.commit(rides, some(range(6_000, 6_100), 0.0), project="p")
    home.store.commit(
        rides, some(range(1_000, 1_050), 0.0).select("ride_id"), project="p", mode="delete"
    )
    refs = [version.ref for version in home.store.versions("rides")]
    chosen = [home.store.profile(ref).chosen_from for ref in refs]
    read: list[object] = []
    monkeypatch.setattr(
        "towpath.assets.datasets.erasures.recounting.Recounting.profile",
        lambda *given: read.append(given),
    )
    gone = [crowd[17], crowd[230]]
    home.store.erase_all(gone, "rides")
    assert read == [], "nothing but what lay beside them"
    for ref, before in zip(refs, chosen, strict=True):
        left = home.store.scan(ref).collect()
        assert not left["rider"].is_in(gone).any()
        profile = home.store.profile(ref)
        assert (profile.rows, profile.chosen_from) == (left.height, before)
        for column, told in zip(profile.columns, profile.recount(left).columns, strict=True):
            assert column.counts.tolist() == told.counts.tolist()
            assert column.mean == pytest.approx(told.mean, nan_ok=True)


def test_somebody_extreme_leaves_no_bound_behind(home):
    """Who rode farthest, first and last of all: no footer, manifest, profile or report says so."""
    watched = replace(rides, rules=[rules.Statistic("miles", of="max", at_most=1e6, policy="warn")])
    crowd = rows(list(range(2_000)), 0.0).with_columns(
        rider=pl.Series([f"rider-{n % 180:03}" for n in range(2_000)])
    )
    farthest = 98_765_432.125
    extreme = pl.DataFrame(
        {
            "ride_id": ["x1", "x2"],
            "began": [datetime(1999, 12, 31, tzinfo=UTC), datetime(2044, 4, 4, tzinfo=UTC)],
            "rider": ["the-one"] * 2,
            "miles": [farthest, -farthest],
        },
        schema=Ride.polars_schema(),
    )
    first = home.store.commit(watched, pl.concat([crowd, extreme]), project="p").ref
    assert "98765432" in str(home.store.versions("rides")[0].body["checks"])
    home.store.erase_all(["the-one"], "rides")
    (version,) = home.store.versions("rides")
    assert "9876" not in str(version.body).replace(",", "")
    assert "9.87" not in str(version.body["checks"])
    years = {START.year}
    for file in home.store.files(first):
        for micros in (file.time_min, file.time_max):
            years.add(datetime.fromtimestamp(micros / 1e6, UTC).year)
    assert years == {2013}
    for digest in home.blobs.walk():
        data = home.blobs.get(digest)
        if data[:4] == b"PAR1":
            footer = pq.ParquetFile(io.BytesIO(data)).metadata
            for place in range(footer.num_columns):
                bounds = footer.row_group(0).column(place).statistics
                if bounds is not None and bounds.has_min_max and bounds.max is not None:
                    assert str(farthest) not in (str(bounds.min), str(bounds.max))
        else:
            assert b"98765432" not in data
            assert b"987654" not in data.replace(b".", b"")
    miles = home.store.profile(first).column("miles")
    assert (abs(miles.edges) < 1e6).all()
    assert abs(miles.mean) < 1e6
