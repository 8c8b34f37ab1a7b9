"""Every blob store keeps bytes as the contract says."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow.fs import S3FileSystem

from towpath.core.digests import digest_bytes
from towpath.core.errors import InvalidName, NotFound

if TYPE_CHECKING:
    from towpath.storage.blobs import BlobStore

NOWHERE = "0" * 64


def test_what_was_put_is_got_by_its_sha_256(blobs: BlobStore) -> None:
    digest = blobs.put(b"towpath")
    assert digest == digest_bytes(b"towpath")
    assert blobs.get(digest) == b"towpath"
    assert blobs.size_bytes(digest) == 7
    assert blobs.exists(digest)


@given(data=st.binary(max_size=200))
@settings(
    max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_any_bytes_come_back(blobs: BlobStore, data: bytes) -> None:
    assert blobs.get(blobs.put(data)) == data
    assert blobs.put(memoryview(data)) == digest_bytes(data)


def test_putting_again_changes_nothing(blobs: BlobStore) -> None:
    assert blobs.put(b"twice") == blobs.put(b"twice")
    assert list(blobs.walk()) == [digest_bytes(b"twice")]


@pytest.mark.parametrize("size_bytes", [0, 1, (1 << 20) + 1, 20 << 20])
def test_a_file_is_stored_and_stays(blobs: BlobStore, tmp_path: Path, size_bytes: int) -> None:
    source = tmp_path / "source"
    source.write_bytes(bytes(range(256)) * (size_bytes // 256) + b"x" * (size_bytes % 256))
    digest = blobs.put_file(source)
    assert source.exists()
    assert blobs.put_file(source) == digest == digest_bytes(source.read_bytes())
    with blobs.open_local(digest) as path:
        assert path.read_bytes() == source.read_bytes()


def test_a_local_path_stays_good_for_the_whole_block(blobs: BlobStore) -> None:
    digest = blobs.put(b"local")
    for _ in range(2):
        with blobs.open_local(digest) as path:
            assert path.read_bytes() == b"local"


def test_a_location_leads_other_programs_to_the_bytes(
    blobs: BlobStore, request: pytest.FixtureRequest
) -> None:
    digest = blobs.put(b"read in place")
    url = urlsplit(blobs.location(digest))
    if url.scheme == "file":
        assert Path(url.path).read_bytes() == b"read in place"
    else:
        server = request.getfixturevalue("s3_server")
        bucket = S3FileSystem(
            endpoint_override=server, access_key="test", secret_key="test", region="us-east-1"
        )
        with bucket.open_input_file(f"{url.netloc}{url.path}") as file:
            assert (url.scheme, file.read()) == ("s3", b"read in place")


def test_what_is_absent_is_said_to_be(blobs: BlobStore) -> None:
    assert not blobs.exists(NOWHERE)
    assert not blobs.delete(NOWHERE)
    for ask in (blobs.get, blobs.size_bytes, lambda d: blobs.open_local(d).__enter__()):
        with pytest.raises(NotFound, match=NOWHERE):
            ask(NOWHERE)


def test_many_are_asked_for_at_once(blobs: BlobStore) -> None:
    there = [blobs.put(bytes([number])) for number in range(20)]
    blobs.delete(there[7])
    assert blobs.missing([*there, NOWHERE, NOWHERE]) == {there[7], NOWHERE}
    assert blobs.missing([there[7]]) == {there[7]}
    assert blobs.missing(there[:7]) == blobs.missing([]) == set()


def test_deleting_removes_every_way_to_the_bytes(blobs: BlobStore) -> None:
    digest, other = blobs.put(b"gone"), blobs.put(b"kept")
    with blobs.open_local(digest):
        pass
    assert blobs.delete(digest)
    assert not blobs.delete(digest)
    assert not blobs.exists(digest)
    assert list(blobs.walk()) == [other]
    with pytest.raises(NotFound), blobs.open_local(digest):
        pass
    assert blobs.put(b"gone") == digest
    assert blobs.get(digest) == b"gone"


def test_walking_sees_everything_once(blobs: BlobStore) -> None:
    digests = {blobs.put(str(number).encode()) for number in range(50)}
    walked = list(blobs.walk())
    assert set(walked) == digests
    assert len(walked) == 50


@pytest.mark.parametrize("name", ["", "x", "../../etc/passwd", "A" * 64, "0" * 63, f"{NOWHERE}\n"])
def test_what_is_no_digest_never_becomes_a_path(blobs: BlobStore, name: str) -> None:
    for ask in (blobs.get, blobs.exists, blobs.size_bytes, blobs.delete):
        with pytest.raises(InvalidName):
            ask(name)
    with pytest.raises(InvalidName), blobs.open_local(name):
        pass


def test_many_writers_of_the_same_bytes_agree(blobs: BlobStore) -> None:
    data = [str(number).encode() * 5000 for number in range(5)]
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.extend(blobs.put(each) for each in data))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(found) == set(blobs.walk()) == {digest_bytes(each) for each in data}
    assert len(found) == 30
    assert [blobs.get(digest_bytes(each)) for each in data] == data


def test_many_files_are_stored_at_once_and_announced_first(
    blobs: BlobStore, tmp_path: Path
) -> None:
    sources = [tmp_path / f"{number}.bin" for number in range(5)]
    for number, source in enumerate(sources):
        source.write_bytes(b"same" if number < 2 else bytes([number]) * (number * 1000))
    told: list[str] = []

    def announce(digests: list[str]) -> None:
        told.extend(digests)
        assert not any(blobs.exists(digest) for digest in digests), "found before it was told"

    digests = blobs.put_files(sources, announce=announce)
    assert digests == told == [digest_bytes(source.read_bytes()) for source in sources]
    assert [blobs.get(digest) for digest in digests] == [one.read_bytes() for one in sources]
    assert sorted(blobs.walk()) == sorted(set(digests))
    assert blobs.put_files([], announce=lambda _: None) == []


def test_an_announcement_that_fails_leaves_nothing(blobs: BlobStore, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"unheard of")

    def refuse(_: object) -> None:
        raise NotFound("no")

    with pytest.raises(NotFound):
        blobs.put_files([source], announce=refuse)
    assert list(blobs.walk()) == []


def test_areas_know_nothing_of_each_other(blobs: BlobStore) -> None:
    area = blobs.area("files")
    digest = blobs.put(b"both")
    assert not area.exists(digest)
    assert area.put(b"both") == digest
    assert blobs.delete(digest)
    assert area.get(digest) == b"both"
    assert list(blobs.walk()) == []
    assert list(blobs.area("files").walk()) == [digest]
    with pytest.raises(InvalidName):
        blobs.area("../files")
