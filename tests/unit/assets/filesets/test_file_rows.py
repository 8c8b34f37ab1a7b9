"""What is known of a file comes from its path, a table, and the version before."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from towpath.assets.datasets import Schema
from towpath.assets.filesets import FileSet
from towpath.assets.filesets.changes import diff_rows
from towpath.assets.filesets.media import media_type
from towpath.assets.filesets.rows import check_attributes, describe
from towpath.core.errors import SchemaViolation


class Clip(Schema):
    day: date | None
    take: int | None
    label: str | None
    score: float | None


clips = FileSet("clips", attributes=Clip, pattern="{day}/{take}.wav")
NOTHING = clips.dataset.schema.polars_schema().to_frame()


def test_parts_of_a_path_get_their_types() -> None:
    rows = describe(clips, ["2026-01-02/7.wav", "readme"], given=None, before=NOTHING)
    assert rows.rows() == [
        ("2026-01-02/7.wav", date(2026, 1, 2), 7, None, None),
        ("readme", None, None, None, None),
    ]


@pytest.mark.parametrize(
    ("path", "part"), [("yesterday/7.wav", "day"), ("2026-01-02/a.wav", "take")]
)
def test_a_part_of_another_type_is_refused_without_saying_which(path: str, part: str) -> None:
    with pytest.raises(SchemaViolation, match=f"the part '{part}' is not a") as refused:
        describe(clips, [path], given=None, before=NOTHING)
    assert path not in str(refused.value)


def test_a_table_counts_where_it_speaks() -> None:
    before = pl.DataFrame(
        {"path": ["a", "b"], "label": ["old", "old"], "score": [1.0, 2.0]},
    )
    given = check_attributes(clips, pl.DataFrame({"path": ["a"], "label": [None]}))
    rows = describe(clips, ["a", "b", "c"], given=given, before=before)
    assert rows.select("path", "label", "score").rows() == [
        ("a", None, 1.0),
        ("b", "old", 2.0),
        ("c", None, None),
    ]


def test_whole_numbers_widen_and_nothing_else_does() -> None:
    table = pl.DataFrame({"path": ["a"], "score": [1]})
    assert check_attributes(clips, table)["score"].to_list() == [1.0]
    with pytest.raises(SchemaViolation):
        check_attributes(clips, pl.DataFrame({"path": ["a"], "score": ["1"]}))


def rows(files: dict[str, str], label: str = "") -> pl.DataFrame:
    return pl.DataFrame(
        {
            "path": list(files),
            "digest": list(files.values()),
            "size_bytes": [len(one) for one in files.values()],
            "media_type": ["text/plain"] * len(files),
            "label": [label] * len(files),
        },
        schema_overrides={"path": pl.String, "digest": pl.String, "size_bytes": pl.Int64},
    )


def test_every_kind_of_difference_is_told() -> None:
    before = rows({"same": "s", "other": "o", "gone": "g", "from": "m"})
    after = rows({"same": "s", "other": "OO", "new": "n", "to": "m"})
    found = diff_rows(before, after)
    told = [
        (one.kind, one.path, one.size_bytes_before, one.size_bytes_after) for one in found.changes
    ]
    assert told == [
        ("removed", "gone", 1, None),
        ("added", "new", None, 1),
        ("changed", "other", 1, 2),
        ("moved", "to", 1, 1),
    ]
    assert found.changes[-1].before_path == "from"
    assert found.unchanged == 1


def test_bytes_that_lie_in_several_places_did_not_move() -> None:
    found = diff_rows(rows({"a": "m", "b": "m"}), rows({"c": "m"}))
    assert [one.kind for one in found.changes] == ["removed", "removed", "added"]


def test_other_attributes_of_the_same_bytes() -> None:
    found = diff_rows(rows({"a": "x"}, "old"), rows({"a": "x"}, "new"))
    assert [(one.kind, one.path) for one in found.changes] == [("described", "a")]


def test_two_sets_with_other_attributes_can_be_compared() -> None:
    found = diff_rows(rows({"a": "x"}).drop("label"), rows({"a": "x"}, "new"))
    assert [one.kind for one in found.changes] == ["described"]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("a/B.PNG", "image/png"),
        ("x.tar.gz", "application/gzip"),
        ("weights.safetensors", "application/x-safetensors"),
        ("table.parquet", "application/vnd.apache.parquet"),
        ("clip.flac", "audio/flac"),
        ("README", "application/octet-stream"),
        ("odd.nobody-knows", "application/octet-stream"),
    ],
)
def test_media_types_follow_the_name(path: str, kind: str) -> None:
    assert media_type(path) == kind
