"""Blobs on disk survive crashes, notice damage and never half-write."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from towpath.core.digests import digest_bytes
from towpath.core.errors import CorruptBlob, InfrastructureError, InvalidSetting, StorageFull
from towpath.storage.blobs import DiskBlobStore, open_blobs

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


@pytest.fixture
def store(root: Path) -> DiskBlobStore:
    return DiskBlobStore(root)


def path_of(root: Path, digest: str) -> Path:
    return root / "sha256" / digest[:2] / digest


def overwrite(path: Path, data: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(data)


def test_a_blob_is_a_read_only_file_named_by_its_digest(store: DiskBlobStore, root: Path) -> None:
    digest = store.put(b"x")
    path = path_of(root, digest)
    assert path.read_bytes() == b"x"
    assert path.stat().st_mode & 0o777 == 0o444
    assert list((root / "unfinished").iterdir()) == []
    with store.open_local(digest) as local:
        assert local == path


def test_damage_is_named_by_every_reader(store: DiskBlobStore, root: Path) -> None:
    digest = store.put(b"good bytes")
    with store.open_local(digest):
        pass
    overwrite(path_of(root, digest), b"evil bytes")
    with pytest.raises(CorruptBlob, match=digest):
        store.get(digest)
    with pytest.raises(CorruptBlob, match=digest), store.open_local(digest):
        pass


def test_putting_the_bytes_again_heals_a_torn_blob(store: DiskBlobStore, root: Path) -> None:
    digest = store.put(b"good bytes")
    overwrite(path_of(root, digest), b"good")
    assert store.put(b"good bytes") == digest
    assert store.get(digest) == b"good bytes"


def test_reading_twice_hashes_once(store: DiskBlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = store.put(b"x")
    with store.open_local(digest):
        pass
    monkeypatch.setattr("towpath.storage.blobs.disk.digest_file", lambda _: pytest.fail("hashed"))
    with store.open_local(digest):
        pass


@pytest.mark.parametrize(
    ("number", "error"),
    [(errno.ENOSPC, StorageFull), (errno.EDQUOT, StorageFull), (errno.EIO, InfrastructureError)],
)
def test_a_failing_disk_leaves_nothing(
    store: DiskBlobStore,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    error: type[Exception],
) -> None:
    def fail(fd: int, data: memoryview) -> int:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch, pytest.raises(error, match=str(root)):
        patch.setattr(os, "write", fail)
        store.put(b"x" * 100)
    assert list(store.walk()) == []
    assert list((root / "unfinished").iterdir()) == []
    assert store.get(store.put(b"x" * 100)) == b"x" * 100


def test_a_file_that_can_not_grow_leaves_nothing(root: Path) -> None:
    """A real limit of the operating system, in a process of its own."""
    DiskBlobStore(root)
    program = (
        "import pathlib, sys; from towpath.storage.blobs import DiskBlobStore as Store\n"
        "try: Store(pathlib.Path(sys.argv[1])).put(bytes(1 << 20))\n"
        "except Exception as error: print(type(error).__name__)"
    )

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    done = subprocess.run(
        [sys.executable, "-B", "-c", program, str(root)],
        preexec_fn=limit,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "InfrastructureError"
    assert list(DiskBlobStore(root).walk()) == []


def test_killed_in_the_middle_of_a_write_leaves_no_blob_and_no_bytes(root: Path) -> None:
    program = (
        "import os, pathlib, signal, sys; from towpath.storage.blobs import DiskBlobStore as Store\n"
        "os.link = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "store = Store(pathlib.Path(sys.argv[1])); store.put(b'personal data')"
    )
    done = subprocess.run([sys.executable, "-c", program, str(root)], check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = (root / "unfinished").iterdir()
    assert left.read_bytes() == b"personal data"
    assert list(DiskBlobStore(root).walk()) == []
    assert list((root / "unfinished").iterdir()) == []


def test_opening_leaves_the_work_of_the_living_alone(store: DiskBlobStore, root: Path) -> None:
    with store._temporary() as (_, path):
        DiskBlobStore(root)
        assert path.exists()
    assert not path.exists()


def test_deleting_gives_the_space_back_to_new_readers(store: DiskBlobStore, root: Path) -> None:
    digest = store.put(b"x")
    with store.open_local(digest) as path, path.open("rb") as reader:
        store.delete(digest)
        assert reader.read() == b"x"  # whoever has it open keeps it, nobody else gets it
    assert not path_of(root, digest).exists()


def test_strangers_in_the_folder_are_not_blobs(store: DiskBlobStore, root: Path) -> None:
    digest = store.put(b"x")
    (path_of(root, digest).parent / "README").write_text("hello")
    assert list(store.walk()) == [digest]


def test_a_folder_that_can_not_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InfrastructureError, match="file"):
        DiskBlobStore(tmp_path / "file" / "blobs")


def test_a_url_opens_a_folder_with_odd_letters(tmp_path: Path) -> None:
    store = open_blobs((tmp_path / "my blobs é").as_uri())
    store.put(b"x")
    assert path_of(tmp_path / "my blobs é", digest_bytes(b"x")).exists()


@pytest.mark.parametrize(
    "url", ["", "blobs", "file:relative", "ftp://x/y", "file://host/x", "s3:///x"]
)
def test_a_url_of_no_store_is_refused(url: str) -> None:
    with pytest.raises(InvalidSetting, match="blob store"):
        open_blobs(url)
