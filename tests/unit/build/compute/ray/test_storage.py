"""Checkpoints lie beside the blobs, by name, and go when nobody needs them any more."""

from __future__ import annotations

import pytest

from towpath.build.compute.ray import training_storage
from towpath.core.errors import InvalidSetting
from towpath.storage.blobs import open_blobs


@pytest.fixture(params=["disk", pytest.param("s3", marks=pytest.mark.s3)])
def blobs_url(request: pytest.FixtureRequest) -> str:
    if request.param == "s3":
        return request.getfixturevalue("s3_url")
    return (request.getfixturevalue("tmp_path") / "with space").as_uri()


def keep(blobs_url: str, name: str) -> None:
    storage = training_storage(blobs_url)
    folder = f"{storage.path}/{name}/checkpoint_1"
    storage.filesystem.create_dir(folder, recursive=True)
    with storage.filesystem.open_output_stream(f"{folder}/model") as file:
        file.write(b"trees")


def test_nothing_is_kept_and_nothing_made_before_a_training(blobs_url: str) -> None:
    storage = training_storage(blobs_url)

    assert storage.kept() == []
    storage.discard("never")
    storage.purge()
    assert storage.kept() == []


def test_a_training_that_is_over_takes_only_its_own_along(blobs_url: str) -> None:
    keep(blobs_url, "one")
    keep(blobs_url, "two")

    training_storage(blobs_url).discard("one")

    assert training_storage(blobs_url).kept() == ["two"]


def test_a_purge_takes_all_of_them_and_no_blob(blobs_url: str) -> None:
    blobs = open_blobs(blobs_url)
    digest = blobs.put(b"a blob")
    keep(blobs_url, "one")
    keep(blobs_url, "two")

    training_storage(blobs_url).purge()

    assert training_storage(blobs_url).kept() == []
    assert list(blobs.walk()) == [digest]
    assert blobs.get(digest) == b"a blob"


def test_another_kind_of_store_is_refused() -> None:
    with pytest.raises(InvalidSetting, match="can't hold checkpoints"):
        training_storage("ftp://somewhere")
