"""Bytes that were forged never reach a library's reader: some of those end the process on them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from towpath.assets.models import Model, load_model, load_package, load_predictor, save_model
from towpath.build.pipelines.formats import load_artifact
from towpath.build.pipelines.formats.models import model_artifact
from towpath.core.errors import CorruptBlob

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

    from towpath.storage.blobs import BlobStore


def as_a_step(digest: str, blobs: BlobStore) -> Any:
    with ExitStack() as stack:
        return load_artifact(model_artifact(digest, blobs), blobs, Model, stack=stack)


def path_of(folder: Path, digest: str) -> Path:
    (path,) = [one for one in folder.glob("blobs/**/*") if one.name == digest]
    path.chmod(0o600)
    return path


@pytest.fixture
def package(table: pl.DataFrame, disk_blobs: BlobStore) -> str:
    catboost = pytest.importorskip("catboost")
    features = table.select("hour", "seats")
    estimator = catboost.CatBoostRegressor(iterations=3, verbose=False, allow_writing_files=False)
    return save_model(Model.fit(estimator, features, table["delay"]), disk_blobs)


@pytest.fixture
def reached(package: str, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What CatBoost's reader was given since the package was made."""
    import catboost

    given: list[bytes] = []
    monkeypatch.setattr(catboost.CatBoost, "load_model", lambda *_, blob: given.append(blob))
    return given


READERS = pytest.mark.parametrize("read", [load_predictor, load_model, as_a_step])
Read = Callable[[str, "BlobStore"], Any]


@READERS
def test_a_forged_file_is_refused_before_the_reader_sees_it(
    package: str, disk_blobs: BlobStore, tmp_path: Path, reached: list[bytes], read: Read
) -> None:
    (digest,) = load_package(package, disk_blobs).files.values()
    path = path_of(tmp_path, digest)
    whole = path.read_bytes()
    for forged in (b"CBM1" + whole[4:][::-1], whole[:-1]):
        path.write_bytes(forged)
        with pytest.raises(CorruptBlob, match=digest[:8]):
            read(package, disk_blobs)
    assert reached == []


@READERS
def test_a_package_that_was_made_to_list_forged_files_is_refused(
    package: str, disk_blobs: BlobStore, tmp_path: Path, reached: list[bytes], read: Read
) -> None:
    (digest,) = load_package(package, disk_blobs).files.values()
    path = path_of(tmp_path, package)
    forged = disk_blobs.put(b"CBM1 and what ends a process")
    path.write_bytes(path.read_bytes().replace(digest.encode(), forged.encode()))
    with pytest.raises(CorruptBlob, match=package[:8]):
        read(package, disk_blobs)
    assert reached == []


def test_what_is_as_it_was_stored_is_read(
    package: str, disk_blobs: BlobStore, table: pl.DataFrame
) -> None:
    assert load_predictor(package, disk_blobs).score(table).shape == (table.height,)
