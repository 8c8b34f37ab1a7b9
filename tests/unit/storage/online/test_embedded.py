"""The files of an embedded online store: what is in them, and what is not any more."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

import pytest

from towpath.core.errors import InfrastructureError, IntegrityError, NotFound, UsageError
from towpath.storage.online import open_online
from towpath.storage.online.embedded import LmdbOnlineStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STAMP = struct.pack(">QQ", 5, 0)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "online"


@pytest.fixture
def store(root: Path) -> Iterator[LmdbOnlineStore]:
    store = LmdbOnlineStore(root)
    yield store
    store.close()


def publish(store: LmdbOnlineStore, *keys: str, value: str = "") -> None:
    with store.begin("weather") as draft:
        draft.write([(key.encode(), STAMP + value.encode()) for key in keys])
        draft.publish(b"")


def everything(root: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file())


def files(root: Path) -> list[str]:
    return sorted(path.suffix for path in (root / "weather").iterdir())


def test_nothing_of_an_earlier_generation_stays_in_any_file(store: LmdbOnlineStore, root: Path):
    people = [f"person-{number:04}" for number in range(500)]
    publish(store, *people, value="SECRET-DRAFTED")
    store.put("weather", [(b"person-put", STAMP + b"SECRET-PUT")])
    head = store.head("weather")
    assert head is not None
    rows = [(b"person-0007", STAMP + b"SECRET-UPDATED")]
    store.update("weather", rows, generation=head.generation)
    assert b"SECRET-DRAFTED" in everything(root)
    with store.begin("weather") as draft:
        draft.write([(b"somebody-else", STAMP + b"fine")])
        draft.publish(b"", keep=lambda key, _value: not key.startswith(b"person"))
    left = everything(root)
    assert b"somebody-else" in left
    assert b"person" not in left
    assert b"SECRET" not in left


def test_one_file_is_kept_per_table(store: LmdbOnlineStore, root: Path):
    for turn in range(5):
        publish(store, "a", value=str(turn))
    assert files(root) == [".lmdb", ".lmdb-lock"]
    store.drop("weather")
    assert [path.name for path in root.iterdir() if path.is_dir()] == []


def test_a_reader_in_mid_look_up_keeps_its_generation(store: LmdbOnlineStore, root: Path):
    publish(store, "a", value="old")
    store.put("weather", [(b"b", STAMP + b"old"), (b"c", STAMP + b"old")])
    reading = store.carried("weather")
    assert next(reading) == (b"b", STAMP + b"old")
    publish(store, "a", value="new")
    publish(store, "a", value="newer")
    assert next(reading) == (b"c", STAMP + b"old")
    assert list(reading) == []
    assert store.read([("weather", [b"a"])])[0].values == [STAMP + b"newer"]
    assert files(root) == [".lmdb", ".lmdb-lock"]


def test_what_a_killed_process_left_is_deleted_on_opening(store: LmdbOnlineStore, root: Path):
    publish(store, "a")
    store.close()
    (root / "weather" / "00000000000000000000000000000000.lmdb").write_bytes(b"left")
    (root / "weather" / "00000000000000000000000000000000.lmdb-lock").write_bytes(b"left")
    (root / "forgotten").mkdir()
    (root / "forgotten" / "11111111111111111111111111111111.lmdb").write_bytes(b"left")
    again = LmdbOnlineStore(root)
    assert b"left" not in everything(root)
    assert again.tables() == ["weather"]
    assert again.read([("weather", [b"a"])])[0].values == [STAMP]
    again.close()


def test_opening_does_not_delete_a_draft_that_is_being_written(store: LmdbOnlineStore, root: Path):
    publish(store, "a", value="old")
    draft = store.begin("weather")
    draft.write([(b"a", STAMP + b"new")])
    LmdbOnlineStore(root).close()
    draft.publish(b"")
    assert store.read([("weather", [b"a"])])[0].values == [STAMP + b"new"]


def test_a_store_opened_twice_may_be_closed_once(store: LmdbOnlineStore, root: Path):
    publish(store, "a", value="x")
    other = LmdbOnlineStore(root)
    assert other.read([("weather", [b"a"])])[0].values == [STAMP + b"x"]
    other.close()
    other.close()
    assert store.read([("weather", [b"a"])])[0].values == [STAMP + b"x"]
    assert store.put("weather", [(b"b", STAMP)]) == 1


def test_a_forked_process_is_refused_and_does_no_harm(store: LmdbOnlineStore):
    publish(store, "a", value="x")
    reading = store.carried("weather")
    assert list(reading) == []
    child = os.fork()
    if child == 0:
        try:
            store.read([("weather", [b"a"])])
        except UsageError:
            store.close()
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    assert store.read([("weather", [b"a"])])[0].values == [STAMP + b"x"]
    assert store.put("weather", [(b"b", STAMP)]) == 1


def test_a_closed_store_is_refused(store: LmdbOnlineStore):
    store.close()
    with pytest.raises(UsageError, match="closed"):
        store.tables()


def test_files_that_somebody_deleted_are_missed_by_name(store: LmdbOnlineStore, root: Path):
    publish(store, "a")
    for path in (root / "weather").iterdir():
        path.unlink()
    with pytest.raises(NotFound, match="weather"):
        store.read([("weather", [b"a"])])
    publish(store, "a", value="again")
    assert store.read([("weather", [b"a"])])[0].values == [STAMP + b"again"]


def test_damaged_files_are_named(store: LmdbOnlineStore, root: Path):
    publish(store, "a")
    (path,) = (root / "weather").glob("*.lmdb")
    path.write_bytes(b"no such thing" * 1000)
    with pytest.raises(IntegrityError):
        store.read([("weather", [b"a"])])


def test_a_folder_that_cannot_be_is_an_error_of_ours(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InfrastructureError):
        open_online(f"lmdb://{tmp_path}/file/online")


def test_files_are_their_owners_alone(store: LmdbOnlineStore, root: Path):
    publish(store, "a")
    store.read([("weather", [b"a"])])
    assert [oct(path.stat().st_mode & 0o077) for path in root.rglob("*")].count("0o0") == len(
        list(root.rglob("*"))
    )
