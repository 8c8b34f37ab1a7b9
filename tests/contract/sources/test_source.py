"""What `Source` promises, for every kind of it."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from towpath.assets.sources import Fitting, Reading, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from towpath.assets.sources import Batch


class Reader:
    """Reads a place as an ingest would."""

    def __init__(self, place: Any, columns: Sequence[Any]) -> None:
        names = {}
        if getattr(place.source, "records", "") == "data.orders":
            names = {column.name: f"order.{column.name}" for column in columns}
        self.fitting = Fitting(columns=tuple(columns), names=names)
        self.place = place

    def batches(self, after: Any = None) -> list[Batch]:
        reading = Reading(
            columns=self.fitting.asked(),
            after=after,
            folder=self.place.folder,
            environ=self.place.environ,
            batch_rows=30,
        )
        return list(self.place.source.read(reading))

    def fitted(self, batches: Sequence[Batch]) -> pl.DataFrame:
        parts = [self.fitting.fit(batch) for batch in batches if batch.rows.height]
        empty = pl.DataFrame(
            schema={column.name: column.polars_type for column in self.fitting.columns}
        )
        return pl.concat([empty, *parts]).sort("id")

    def rows(self, after: Any = None) -> pl.DataFrame:
        return self.fitted(self.batches(after))


@pytest.fixture
def reader(place: Any, order_columns: Sequence[Any]) -> Reader:
    return Reader(place, order_columns)


def test_everything_comes_in_the_declared_types(
    reader: Reader, make_orders: Callable[[int, int], pl.DataFrame]
):
    assert reader.rows().equals(make_orders(0, 120))


def test_a_declaration_is_plain_and_tells_no_secret(place: Any):
    assert isinstance(place.source, Source)
    assert place.source.kind.islower()
    told = json.dumps(place.source.describe())
    for secret in place.environ.values():
        assert len(secret) < 5 or secret not in told
    assert str(place.folder) not in told or place.source.kind == "iceberg"


def test_a_position_is_plain_json_without_secrets(reader: Reader):
    for batch in reader.batches():
        if batch.position is not None:
            text = json.dumps(batch.position)
            assert json.loads(text) == batch.position
            assert not any(len(one) > 4 and one in text for one in reader.place.environ.values())


def test_reading_can_be_carried_on_at_every_position(
    reader: Reader, make_orders: Callable[[int, int], pl.DataFrame], monkeypatch: Any
):
    monkeypatch.setattr("towpath.assets.sources.seen._ROWS_BETWEEN_POSITIONS", 1)
    reader.place.add(make_orders(120, 60))
    batches = reader.batches()
    for place, batch in enumerate(batches):
        if batch.position is None:
            continue
        before = reader.fitted(batches[: place + 1])
        after = reader.rows(json.loads(json.dumps(batch.position)))
        both = pl.concat([before, after]).unique().sort("id")
        if place < len(batches) - 1 or reader.place.source.incremental:
            assert both.equals(make_orders(0, 180)), f"cut off after batch {place}"


def test_positions_come_on_the_way(reader: Reader, monkeypatch: Any):
    monkeypatch.setattr("towpath.assets.sources.seen._ROWS_BETWEEN_POSITIONS", 1)
    inner = [batch.position is not None for batch in reader.batches()[:-1]]
    if reader.place.source.kind in ("iceberg", "delta", "webtable"):
        return  # one file, or one page, is their unit
    assert any(inner)


def test_what_was_added_since_comes_next(
    reader: Reader, make_orders: Callable[[int, int], pl.DataFrame]
):
    if not reader.place.source.incremental:
        assert reader.batches()[-1].position is None
        return
    reached = reader.batches()[-1].position
    reader.place.add(make_orders(120, 25))
    news = reader.rows(reached)
    assert set(range(120, 145)) <= set(news["id"].to_list())
    assert news.height <= 26, "at most the row that the cursor stands on comes again"
    assert news.equals(make_orders(145 - news.height, news.height))


def test_without_news_the_position_is_carried_on(reader: Reader):
    if not reader.place.source.incremental:
        return
    reached = reader.batches()[-1].position
    again = reader.batches(reached)
    assert sum(batch.rows.height for batch in again) <= 1
    if again:
        assert again[-1].position == reached


def test_progress_only_grows(reader: Reader):
    shares = [batch.done for batch in reader.batches() if batch.done is not None]
    assert shares == sorted(shares)
    assert all(0.0 <= share <= 1.0 for share in shares)


def test_leaving_early_leaves_nothing_behind(place: Any, order_columns: Any, monkeypatch: Any):
    folder = place.folder / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    columns = Reader(place, order_columns).fitting.asked()
    reading = Reading(columns=columns, folder=place.folder, environ=place.environ, batch_rows=10)
    batches = iter(place.source.read(reading))
    next(batches)
    batches.close()
    assert list(Path(folder).iterdir()) == []


def test_equal_declarations_are_equal(place: Any):
    import copy

    assert copy.copy(place.source) == place.source
