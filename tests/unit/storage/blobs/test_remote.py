"""Blobs in a bucket: damage, caches and servers that are away."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import obstore
import pytest
from obstore.store import S3Store

from towpath.core.errors import Conflict, CorruptBlob, InvalidSetting, NotFound, Unavailable
from towpath.storage.blobs import open_blobs

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.s3


def bucket_of(s3_url: str) -> S3Store:
    """Return the bucket itself, to do to its objects what the store never would."""
    parts = urlsplit(s3_url)
    config = dict(parse_qsl(parts.query))
    return S3Store(parts.netloc, config=config, client_options={"allow_http": True})


def key_of(digest: str) -> str:
    return f"some/prefix/sha256/{digest[:2]}/{digest}"


def test_damage_in_the_bucket_is_named(s3_url: str) -> None:
    store = open_blobs(s3_url)
    digest = store.put(b"good bytes")
    obstore.put(bucket_of(s3_url), key_of(digest), b"evil bytes")
    with pytest.raises(CorruptBlob, match=digest):
        store.get(digest)
    with pytest.raises(CorruptBlob, match=digest), store.open_local(digest):
        pass


def test_damage_in_the_cache_is_mended_from_the_bucket(s3_url: str, tmp_path: Path) -> None:
    store = open_blobs(s3_url, cache_dir=tmp_path)
    digest = store.put(b"good bytes")
    with store.open_local(digest) as path:
        path.chmod(0o600)
        path.write_bytes(b"evil bytes")
    with open_blobs(s3_url, cache_dir=tmp_path).open_local(digest) as path:
        assert path.read_bytes() == b"good bytes"


def test_a_download_is_used_again_and_dropped_with_its_blob(s3_url: str, tmp_path: Path) -> None:
    store = open_blobs(s3_url, cache_dir=tmp_path)
    digest = store.put(b"x")
    with store.open_local(digest):
        pass
    obstore.delete(bucket_of(s3_url), key_of(digest))
    with store.open_local(digest) as path:
        assert path.read_bytes() == b"x"
    assert not store.delete(digest)
    assert not path.exists()
    with pytest.raises(NotFound), store.open_local(digest):
        pass


def test_a_private_cache_ends_with_its_store(s3_url: str) -> None:
    store = open_blobs(s3_url)
    with store.open_local(store.put(b"x")) as path:
        assert path.stat().st_mode & 0o777 == 0o400
    del store
    assert not path.exists()


def test_a_bucket_that_does_not_answer_is_unavailable(s3_url: str) -> None:
    away = open_blobs(s3_url.replace(urlsplit(s3_url).netloc, "no-such-bucket"))
    with pytest.raises(Unavailable, match="no-such-bucket"):
        away.put(b"x")


@pytest.mark.parametrize("query", ["region=x&colour=red", "endpoint"])
def test_a_wrong_setting_is_refused(query: str) -> None:
    with pytest.raises(InvalidSetting):
        open_blobs(f"s3://bucket/prefix?{query}")


@pytest.mark.parametrize("size_bytes", [10, 17 << 20])
def test_a_file_that_changes_before_it_is_sent_is_not_stored_under_a_wrong_name(
    s3_url: str, tmp_path: Path, size_bytes: int
) -> None:
    store, source = open_blobs(s3_url, cache_dir=tmp_path / "cache"), tmp_path / "source"
    source.write_bytes(b"a" * size_bytes)

    def change(_: object) -> None:
        source.write_bytes(b"b" * size_bytes)

    if size_bytes > 16 << 20:  # sent in parts, straight from the file: let it change under way
        send = store._holds
        store._holds = lambda *given: (send(*given), change(None))[0]
        with pytest.raises(Conflict):
            store.put_files([source], announce=lambda _: None)
    else:
        with pytest.raises(Conflict):
            store.put_files([source], announce=change)
    assert list(store.walk()) == []
