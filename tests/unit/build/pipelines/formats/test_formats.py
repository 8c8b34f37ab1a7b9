from __future__ import annotations

import typing
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pytest

from towpath.assets.models import Model
from towpath.build.pipelines.formats import (
    element,
    format_of,
    load_artifact,
    missing_among,
    missing_blobs,
    outputs_of,
    save_value,
    spell,
    takes,
)
from towpath.core.errors import CorruptBlob, IntegrityError, InvalidProject, UsageError

if TYPE_CHECKING:
    from towpath.storage.blobs import BlobStore

FRAME = pl.DataFrame(
    {
        "n": [3, 1, None],
        "x": [0.5, float("nan"), None],
        "s": ["b", None, "a"],
        "t": [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3)],
        "c": pl.Series(["u", "v", "u"], dtype=pl.Categorical),
        "l": [[1, 2], [], None],
    }
)


@dataclass
class Report:
    name: str
    scores: dict[str, float]


def round_trip(value: Any, kind: Any, blobs: BlobStore, want: Any = None) -> Any:
    return load_artifact(save_value(value, kind, blobs), blobs, want)


@pytest.mark.parametrize(
    "kept", [FRAME, FRAME.lazy(), FRAME.to_arrow()], ids=["df", "lazy", "arrow"]
)
@pytest.mark.parametrize("want", [None, pl.DataFrame, pl.LazyFrame, pa.Table])
def test_a_table_comes_back_in_the_form_that_is_asked_for(
    kept: Any, want: Any, disk_blobs: BlobStore
) -> None:
    back = round_trip(kept, type(kept), disk_blobs, want)

    assert isinstance(back, want or pl.DataFrame)
    whole = back.collect() if isinstance(back, pl.LazyFrame) else pl.DataFrame(back)
    assert whole.equals(FRAME) or whole.cast({"c": pl.String}).equals(FRAME.cast({"c": pl.String}))


def test_a_lazy_table_reads_its_file_when_it_is_collected(disk_blobs: BlobStore) -> None:
    artifact = save_value(FRAME, pl.DataFrame, disk_blobs)

    with ExitStack() as stack:
        lazy = load_artifact(artifact, disk_blobs, pl.LazyFrame, stack=stack)
        assert lazy.select("n").collect().equals(FRAME.select("n"))


def test_an_artefact_says_how_large_it_is(disk_blobs: BlobStore) -> None:
    artifact = save_value(FRAME, pl.DataFrame, disk_blobs)

    assert artifact.rows == 3
    assert artifact.size_bytes == disk_blobs.size_bytes(artifact.digest)
    assert (artifact.codec, artifact.type) == ("table/1", "polars.DataFrame")
    assert str(artifact.ref) == f"artifact:{artifact.digest}"
    assert artifact.is_table


@pytest.mark.parametrize("value", [FRAME, np.arange(6.0).reshape(2, 3), {"b": 1, "a": [2.5]}])
def test_equal_values_have_equal_bytes(value: Any, disk_blobs: BlobStore) -> None:
    digests = {save_value(value, type(value), disk_blobs).digest for _ in range(3)}

    assert len(digests) == 1


@pytest.mark.parametrize(
    "value",
    [3, 0.1, float("inf"), "text", True, None, [1, "a"], (1, 2), {"a": {"b": [1.5]}}, {1, 2}],
)
def test_plain_values_come_back(value: Any, disk_blobs: BlobStore) -> None:
    back = round_trip(value, type(value), disk_blobs)

    assert back == value
    assert type(back) is type(value)


def test_arrays_bytes_and_records_come_back(disk_blobs: BlobStore) -> None:
    array = np.array([[1, 2], [3, 4]], dtype=np.int16)[:, ::-1]
    report = Report("late", {"auc": 0.7})

    back = round_trip(array, npt.NDArray[np.int16], disk_blobs)
    assert back.dtype == np.int16
    assert back.tolist() == array.tolist()
    assert round_trip(b"\0raw", bytes, disk_blobs) == b"\0raw"
    assert round_trip(report, Report, disk_blobs, Report) == report


def test_a_model_comes_back_and_needs_all_of_its_files(disk_blobs: BlobStore) -> None:
    from sklearn.linear_model import LinearRegression

    frame = pl.DataFrame({"x": [1.0, 2.0, 3.0]})
    model = Model.fit(LinearRegression(), frame, pl.Series("y", [2.0, 4.0, 6.0]))
    artifact = save_value(model, Model, disk_blobs)

    back = load_artifact(artifact, disk_blobs)
    assert back.estimator.predict([[4.0]])[0] == pytest.approx(8.0)
    assert missing_blobs(artifact, disk_blobs) == []

    from towpath.assets.models import load_package

    weights = next(iter(load_package(artifact.digest, disk_blobs).files.values()))
    disk_blobs.delete(weights)
    assert missing_blobs(artifact, disk_blobs) == [weights]
    whole = save_value(1, int, disk_blobs)
    groups = {"plain": [whole], "model": [artifact], "both": [whole, artifact]}
    assert missing_among(groups, disk_blobs) == {"model", "both"}
    disk_blobs.delete(artifact.digest)
    assert missing_blobs(artifact, disk_blobs) == [artifact.digest]
    assert missing_among(groups, disk_blobs) == {"model", "both"}


@pytest.mark.parametrize(
    ("value", "kind", "words"),
    [
        ({"a": 1}, pl.DataFrame, "returned a dict where polars.DataFrame is declared"),
        ([1], npt.NDArray[np.float64], "returned a list"),
        (np.array([object()]), np.ndarray, "ndarray of object"),
        ("text", bytes, "returned a str where bytes is declared"),
        (FRAME, Model, "returned a DataFrame where Model is declared"),
    ],
)
def test_what_is_not_what_was_declared_is_refused(
    value: Any, kind: Any, words: str, disk_blobs: BlobStore
) -> None:
    with pytest.raises(UsageError, match=words):
        save_value(value, kind, disk_blobs)


def test_nothing_is_ever_pickled(disk_blobs: BlobStore) -> None:
    with pytest.raises(InvalidProject, match="its result is a function"):
        save_value(round_trip, object, disk_blobs)


def test_changed_bytes_are_refused(disk_blobs: BlobStore) -> None:
    artifact = save_value(FRAME, pl.DataFrame, disk_blobs)
    with disk_blobs.open_local(artifact.digest) as path:
        path.chmod(0o600)
        path.write_bytes(b"PAR1 not what it was")

    with pytest.raises(CorruptBlob, match=artifact.digest):
        load_artifact(artifact, disk_blobs)


def test_a_format_of_the_future_is_refused(disk_blobs: BlobStore) -> None:
    from dataclasses import replace

    artifact = replace(save_value(1, int, disk_blobs), codec="json/99")

    with pytest.raises(IntegrityError, match="json/99"):
        load_artifact(artifact, disk_blobs)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (pl.DataFrame, "table"),
        (pl.LazyFrame | None, "table"),
        (Annotated[pa.Table, "doc"], "table"),
        (npt.NDArray[np.float64], "array"),
        (np.ndarray, "array"),
        (bytes, "bytes"),
        (Model, "model"),
        (dict[str, float], "json"),
        (int, "json"),
    ],
)
def test_annotations_choose_the_format(kind: Any, name: str) -> None:
    assert format_of(kind).name == name


def test_annotations_are_taken_apart() -> None:
    assert outputs_of(tuple[pl.DataFrame, int]) == (pl.DataFrame, int)
    assert outputs_of(tuple[int, ...]) is None
    assert outputs_of(pl.DataFrame) is None
    assert element(list[pl.DataFrame]) is pl.DataFrame
    assert element(typing.Sequence[pl.DataFrame]) is pl.DataFrame
    assert takes(list[pl.DataFrame], "table")
    assert takes(None, "table")
    assert takes(pl.LazyFrame, "table")
    assert not takes(Model, "table")
    assert not takes(pl.DataFrame, "json")
    assert spell(pl.DataFrame) == "polars.DataFrame"
    assert spell(int) == "int"
