"""A look into artefacts: bounded, and without what names people."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from towpath.assets.models import Model
from towpath.build.pipelines.formats import save_value
from towpath.build.pipelines.reading.artifacts import find_artifact
from towpath.build.pipelines.reading.previewing import (
    ROWS_SHOWN,
    Preview,
    personal_columns,
    preview,
)
from towpath.core.errors import NotFound

if TYPE_CHECKING:
    from towpath.storage.blobs import BlobStore

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def look(value: Any, blobs: BlobStore, kind: Any = None, *personal: str) -> Preview:
    artifact = save_value(value, kind or type(value), blobs)
    return preview(artifact, blobs, personal=personal)


def test_a_table_shows_its_first_rows_and_figures_of_its_columns(disk_blobs: BlobStore) -> None:
    rows = pl.DataFrame({"x": [1.0, None, 3.0] * 100, "kind": ["a", "b", "a"] * 100})
    shown = look(rows, disk_blobs)
    assert (shown.kind, shown.rows, shown.profiled, len(shown.head)) == ("table", 300, 300, 20)
    assert shown.head[1] == {"x": None, "kind": "b"}
    x, kind = shown.columns
    assert (x.nulls, x.mean, x.low, x.high) == (100, 2.0, 1.0, 3.0)
    assert (kind.distinct, kind.low) == (2, None)
    assert shown.cut
    assert len(look(rows.head(3), disk_blobs).head) == 3
    assert not look(rows.head(3), disk_blobs).cut


def test_personal_columns_show_no_value_declared_or_not(disk_blobs: BlobStore) -> None:
    people = [f"person{n}@example.org" for n in range(50)]
    rows = pl.DataFrame({"who": range(50), "contact": people, "x": range(50)})
    shown = look(rows, disk_blobs, None, "who")
    assert {one.name: one.hidden for one in shown.columns} == {
        "who": "declared",
        "contact": "e-mail address",
        "x": None,
    }
    assert "example.org" not in repr(shown)
    assert set(shown.head[0]) == {"x"}
    hidden = shown.columns[0]
    assert (hidden.low, hidden.high, hidden.mean, hidden.distinct) == (None, None, None, None)


def test_every_size_is_bounded(disk_blobs: BlobStore) -> None:
    wide = pl.DataFrame({f"c{n}": ["x" * 10_000] for n in range(300)})
    shown = look(wide, disk_blobs)
    assert (len(shown.columns), shown.cut) == (200, True)
    assert max(len(cell) for cell in shown.head[0].values()) <= 201
    assert len(look({"long": "ä" * 3_000_000}, disk_blobs).text) <= 16 * 1024
    assert len(look(b"x" * 3_000_000, disk_blobs).text) <= 16 * 1024
    assert len(look(np.zeros((1000, 1000)), disk_blobs, np.ndarray).facts["first"]) == 100
    assert len(look(pl.DataFrame({"x": range(100_000)}), disk_blobs).head) == ROWS_SHOWN


def test_values_are_laid_out_and_bytes_told_apart(disk_blobs: BlobStore) -> None:
    assert look({"a": [1, 2]}, disk_blobs).text == '{\n  "a": [\n    1,\n    2\n  ]\n}'
    picture = look(PIXEL, disk_blobs)
    assert (picture.kind, picture.media, picture.image) == ("image", "image/png", PIXEL)
    assert look("<svg onload=…>".encode(), disk_blobs).kind == "bytes"
    assert look("grüß dich".encode(), disk_blobs).text == "grüß dich"
    assert look(b"\x00\x01\xff", disk_blobs).text == "00 01 ff"
    array = look(np.arange(6).reshape(2, 3), disk_blobs, np.ndarray)
    assert array.facts == {"shape": [2, 3], "dtype": "int64", "first": [0, 1, 2, 3, 4, 5]}


def test_a_model_says_what_it_takes_and_gives(disk_blobs: BlobStore) -> None:
    from sklearn.linear_model import LogisticRegression

    rows = pl.DataFrame({"x": [0.0, 1.0] * 20, "y": [0, 1] * 20})
    model = Model.fit(LogisticRegression(), rows.select("x"), rows["y"], output="late")
    shown = look(model, disk_blobs, Model)
    assert shown.kind == "model"
    assert shown.facts["inputs"] == {"x": "FP64"}
    assert (shown.facts["flavour"], shown.facts["output"]) == ("sklearn", "late")


def test_results_are_found_by_run_and_step_and_by_digest(workshop: Any) -> None:
    result = workshop.run()
    made = find_artifact(workshop.ledger, f"{result.run_id}.prepare")
    assert find_artifact(workshop.ledger, f"{result.run_id[:-4]}.prepare.0") == made
    assert find_artifact(workshop.ledger, made.digest) == made
    with workshop.ledger.read() as tx:
        personal = personal_columns(tx)
    assert personal == {"who"}
    shown = preview(made, workshop.blobs, personal=personal)
    assert [one.name for one in shown.columns if one.hidden] == ["who"]
    assert set(shown.head[0]) == {"trip", "at", "x", "scaled"}


@pytest.mark.parametrize(
    "text", ["{run}.prepar", "{run}.prepare.1", "{run}", "f" * 64, "zz.prepare"]
)
def test_what_is_not_there_is_named(workshop: Any, text: str) -> None:
    result = workshop.run()
    with pytest.raises(NotFound) as caught:
        find_artifact(workshop.ledger, text.format(run=result.run_id))
    assert caught.value.remedy
