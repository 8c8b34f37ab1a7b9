"""Rows as values: whatever goes in comes out, alone or among many, and stamps order by time."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from towpath.assets.datasets import Dataset
from towpath.assets.datasets.schema import POLARS_TYPES, Column, ColumnType
from towpath.assets.features import FeatureView
from towpath.assets.features.online import OnlineTable
from towpath.assets.features.online.declared import schema_with
from towpath.assets.features.online.rows import NO_TAG, RowCodec
from towpath.storage.online import STAMP_BYTES

MOMENTS = st.datetimes(
    datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC), allow_imaginary=False
)
VALUES: dict[ColumnType, st.SearchStrategy[Any]] = {
    "string": st.text(max_size=20),
    "binary": st.binary(max_size=20),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "float64": st.floats(allow_nan=False),
    "bool": st.booleans(),
    "timestamp": MOMENTS,
    "date": st.dates(date(1900, 1, 1), date(2200, 1, 1)),
}
KINDS = st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=20)


def codec(kinds: list[ColumnType], *, subject: bool, created: bool) -> RowCodec:
    columns = [
        Column(name="who", type="string"),
        Column(name="at", type="timestamp"),
        Column(name="made", type="timestamp", nullable=True),
        *(Column(name=f"f{at}", type=kind, nullable=True) for at, kind in enumerate(kinds)),
    ]
    source = Dataset(
        "source",
        schema=schema_with(columns),
        key=("who", "at"),
        subject="who" if subject else None,
    )
    view = FeatureView(
        "view",
        source=source,
        entity="who",
        time="at",
        created="made" if created else None,
        features=[f"f{at}" for at in range(len(kinds))],
    )
    return RowCodec(OnlineTable.of(view, project="test"))


def frame(kinds: list[ColumnType], rows: list[tuple[Any, ...]]) -> pl.DataFrame:
    names = ["at", "made", *(f"f{at}" for at in range(len(kinds)))]
    types = ["timestamp", "timestamp", *kinds]
    columns = [list(values) for values in zip(*rows, strict=True)] or [[] for _ in names]
    return pl.DataFrame(
        [
            pl.Series(name, values, dtype=POLARS_TYPES[kind])
            for name, kind, values in zip(names, types, columns, strict=True)
        ]
    )


@given(KINDS, st.booleans(), st.booleans(), st.data())
def test_what_is_packed_comes_out(
    kinds: list[ColumnType], subject: bool, created: bool, data: st.DataObject
):
    row = st.tuples(MOMENTS, MOMENTS | st.none(), *(VALUES[kind] | st.none() for kind in kinds))
    rows = data.draw(st.lists(row, max_size=6))
    packer = codec(kinds, subject=subject, created=created)
    tags = [bytes([at]) * 16 for at in range(len(rows))]
    values = packer.pack(frame(kinds, rows), tags)
    assert [list(packer.unpack(value)[1]) for value in values] == [list(row[2:]) for row in rows]
    assert [packer.tag(value) for value in values] == (tags if subject else [NO_TAG] * len(rows))
    gaps: list[bytes | None] = [one for value in values for one in (value, None)]
    wanted = list(range(len(kinds)))[::-2]
    times, columns = packer.unpack_all(gaps, wanted)
    assert times[::2] == [packer.unpack(value)[0] for value in values]
    for place, column in zip(wanted, columns, strict=True):
        assert column[::2] == [row[2 + place] for row in rows]
        assert column[1::2] == [None] * len(rows)


@given(st.lists(st.tuples(MOMENTS, MOMENTS | st.none()), min_size=2, max_size=8))
def test_stamps_order_by_time_and_then_by_when_it_was_known(stamps: list[tuple[Any, Any]]):
    packer = codec(["int64"], subject=False, created=True)
    values = packer.pack(frame(["int64"], [(*one, 1) for one in stamps]))
    never = datetime(1, 1, 1, tzinfo=UTC)
    wanted = sorted(range(len(stamps)), key=lambda at: (stamps[at][0], stamps[at][1] or never))
    found = sorted(range(len(stamps)), key=lambda at: values[at][:STAMP_BYTES])
    assert [stamps[at] for at in found] == [stamps[at] for at in wanted]
    assert [packer.created_us(value) is None for value in values] == [
        made is None for _, made in stamps
    ]


def test_rows_of_fixed_width_have_one_width():
    packer = codec(["int64", "float64", "bool", "date", "timestamp"], subject=False, created=False)
    moment = datetime(2013, 1, 1, tzinfo=UTC)
    rows = [(moment, None, 1, 2.0, True, date(2013, 1, 1), moment), (moment, *[None] * 6)]
    kinds: list[ColumnType] = ["int64", "float64", "bool", "date", "timestamp"]
    assert {len(value) for value in packer.pack(frame(kinds, rows))} == {16 + 1 + 8 + 8 + 1 + 4 + 8}
