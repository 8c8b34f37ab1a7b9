"""Rows are cut by event time and subject, as finely as they are many."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from towpath.operate.decisions import partitions
from towpath.operate.decisions.partitions import cut, may_hold, time_part

START = datetime(2013, 3, 1, tzinfo=UTC)


def rows(count: int, *, days: float, subjects: int = 50) -> pl.DataFrame:
    span = timedelta(days=days)
    return pl.DataFrame(
        {
            "decision_id": [f"0192-{n:08x}" for n in range(count)],
            "at": [START + span * n / count for n in range(count)],
            "subject": [f"{(n % subjects) * 1237:04x}{'0' * 28}" for n in range(count)],
        },
        schema_overrides={"at": pl.Datetime("us", "UTC")},
    )


@pytest.fixture(autouse=True)
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "ROWS_PER_FILE", 100)


@pytest.mark.parametrize(
    ("count", "days", "grain"),
    [(50, 1 / 48, "hour"), (50, 20, "month"), (600, 4, "day"), (10, 1, "month")],
)
def test_grain_follows_density(count: int, days: float, grain: str) -> None:
    files = list(cut("decisions/board", rows(count, days=days)))
    assert {file.segment.partition.partition("=")[0] for file in files} == {grain}
    assert sum(file.segment.rows for file in files) == count


def test_full_partitions_are_split_by_subject_and_tell_who_is_not_in_them() -> None:
    frame = rows(800, days=0.02)
    files = list(cut("decisions/board", frame))
    assert max(file.segment.rows for file in files) < 800
    for file in files:
        inside = set(pl.read_parquet(io.BytesIO(file.data))["subject"])
        for subject in frame["subject"].unique():
            if subject in inside:
                assert may_hold(file.segment.partition, subject)
    first = frame["subject"][0]
    assert sum(may_hold(file.segment.partition, first) for file in files) < len(files)


def test_segment_tells_the_bounds_of_its_rows() -> None:
    frame = rows(30, days=2).sample(fraction=1, shuffle=True, seed=1)
    (file,) = cut("decisions/board", frame)
    segment = file.segment
    assert (segment.first_id, segment.last_id) == ("0192-00000000", "0192-0000001d")
    assert (segment.since, segment.until) == (frame["at"].min(), frame["at"].max())
    assert segment.stream == "decisions/board"
    assert segment.size_bytes == len(file.data)
    assert pl.read_parquet(io.BytesIO(file.data))["decision_id"].is_sorted()


def test_labels_go_to_their_own_stream_by_when_they_were_known() -> None:
    labels = rows(20, days=1).select(
        "decision_id", pl.lit(1.0).alias("label"), pl.col("at").alias("label_at")
    )
    (file,) = cut("labels", labels.with_columns(label_recorded=pl.col("label_at")))
    assert file.segment.stream == "labels"
    assert time_part(file.segment.partition) == "month=2013-03"


def test_rows_without_a_subject_are_spread_and_kept() -> None:
    frame = rows(800, days=0.02).with_columns(subject=pl.lit(None, dtype=pl.String))
    files = list(cut("decisions/board", frame))
    assert sum(file.segment.rows for file in files) == 800
    assert len(files) > 1
