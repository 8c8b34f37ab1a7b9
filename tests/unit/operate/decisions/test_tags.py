"""A subject's rows are found by a tag beside it, and by nothing less than the whole hash."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from towpath.operate.decisions.partitions import encode
from towpath.operate.decisions.tags import TAG, rows_about

if TYPE_CHECKING:
    from pathlib import Path

START = datetime(2013, 3, 1, tzinfo=UTC)
MINE = "0123abcd" + "0" * 24
ALIKE = "0123abcd" + "1" * 24  # has the same tag
OTHER = "f" * 32
COUNT = 50_000  # several row groups
WHOSE = [MINE, ALIKE, OTHER, None]


def rows(count: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "decision_id": [f"0192-{n:08x}" for n in range(count)],
            "at": [START + timedelta(seconds=n) for n in range(count)],
            "subject": [WHOSE[n % len(WHOSE)] for n in range(count)],
            "input.load": [float(n) for n in range(count)],
        },
        schema_overrides={"at": pl.Datetime("us", "UTC")},
    )


@pytest.fixture(params=["tagged", "from before tags"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    data = encode("decisions/board", "month=2013-03", rows(COUNT)).data
    path = tmp_path / "file"
    path.write_bytes(data)
    if request.param != "tagged":
        pl.read_parquet(io.BytesIO(data)).drop(TAG).write_parquet(path)
    return path


@pytest.mark.parametrize("subject", [MINE, ALIKE, OTHER, "a" * 32])
def test_exactly_a_subjects_rows_are_found(file: Path, subject: str) -> None:
    wanted = rows(COUNT).filter(pl.col("subject") == subject)
    found = rows_about(file, [subject])
    some = rows_about(file, [subject], ("input.load", "input.unknown"))
    if wanted.is_empty():
        assert found is some is None
    else:
        assert_frame_equal(found, wanted)
        assert_frame_equal(some, wanted.select("subject", "input.load"))


def test_the_rows_of_several_subjects_are_found_at_once(file: Path) -> None:
    theirs = [OTHER, MINE, "a" * 32]
    wanted = rows(COUNT).filter(pl.col("subject").is_in(theirs))
    assert_frame_equal(rows_about(file, theirs), wanted)
    assert rows_about(file, ["a" * 32, "b" * 32]) is None


def test_what_is_about_nobody_has_no_tag() -> None:
    found = pl.read_parquet(io.BytesIO(encode("decisions/board", "month=2013-03", rows(8)).data))
    assert found[TAG].is_null().to_list() == [False, False, False, True] * 2
    labels = rows(8).select("decision_id", label_at="at")
    assert TAG not in pl.read_parquet(io.BytesIO(encode("labels", "month=2013-03", labels).data))
