"""A subject leaves the online rows: what was materialised, what was pushed, and every byte of both."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
import redis

from towpath.assets.features.online.materializing import Materialization
from towpath.assets.features.online.pushing import Push
from towpath.core.errors import Conflict, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from towpath.storage.online import Row


def everything(desk: Any, online_url: str, tmp_path: Path) -> bytes:
    """Return every byte that the store holds."""
    if online_url.startswith("lmdb"):
        files = sorted((tmp_path / "online").rglob("*"))
        return b"".join(path.read_bytes() for path in files if path.is_file())
    with redis.Redis.from_url(online_url) as client:
        hashes = [key for key in sorted(client.keys()) if client.type(key) == b"hash"]
        found = [pair for key in hashes for row in client.hgetall(key).items() for pair in row]
        return b"".join([*found, *client.keys()])


@pytest.fixture
def filled(desk: Any) -> Any:
    """Two views, materialised and pushed to, with rows of the aeroplane SECRET in both."""
    desk.commit(
        ("N1", 540, 1.0, None, "EWR-SFO"),
        ("SECRET", 541, 77.25, None, "EWR-SFO"),
        ("SECRET", 541, 77.25, None, "JFK-LAX"),
        ("N2", 500, 2.0, None, "JFK-LAX"),
    )
    for view in (desk.view, desk.routes):
        desk.materialize(view)
        desk.push(
            ("SECRET", 590, 99.25, None, "LGA-ORD"), ("N3", 590, 3.0, None, "LGA-MIA"), view=view
        )
    return desk


def test_an_erasure_leaves_no_byte(filled: Any, online_url: str, tmp_path: Path):
    assert b"SECRET" in everything(filled, online_url, tmp_path)
    assert filled.heats("EWR-SFO", "LGA-ORD", view=filled.routes) == [77.25, 99.25]
    filled.withdraw("SECRET")
    filled.redact("SECRET")
    assert sorted(filled.features.erase("tailnum")) == ["planes", "routes"]
    assert b"SECRET" not in everything(filled, online_url, tmp_path)
    routes = ["EWR-SFO", "JFK-LAX", "LGA-ORD", "LGA-MIA"]
    assert filled.heats(*routes, view=filled.routes) == [1.0, 2.0, None, 3.0]
    assert filled.heats("N1", "N2", "N3") == [1.0, 2.0, 3.0]
    assert sorted(filled.features.erase("tailnum")) == ["planes", "routes"]
    assert filled.heats("N1", "N2", "N3") == [1.0, 2.0, 3.0]


def test_an_erasure_of_other_subjects_leaves_tables_alone(filled: Any):
    before = filled.store.head("planes")
    assert filled.features.erase("passport") == []
    assert filled.store.head("planes") == before


def test_pushed_rows_of_a_view_without_source_are_cleansed(desk: Any):
    desk.push(("SECRET", 590, 1.0), ("N1", 590, 2.0))
    desk.withdraw("SECRET")
    assert desk.features.erase("tailnum") == ["planes"]
    assert desk.heats("N1") == [2.0]
    assert desk.store.count("planes") == 1


def test_a_table_whose_source_is_gone_is_dropped(filled: Any, monkeypatch: pytest.MonkeyPatch):
    def gone(*_args: object, **_more: object) -> None:
        raise NotFound("the source is gone")

    monkeypatch.setattr(filled.offline, "build", gone)
    filled.withdraw("SECRET")
    assert sorted(filled.features.erase("tailnum")) == ["planes", "routes"]
    assert filled.store.tables() == []


def test_a_table_that_cannot_be_read_is_dropped(filled: Any):
    with filled.store.begin("planes") as draft:
        draft.publish(b"nobody knows")
    assert "planes" in filled.features.erase("tailnum")
    assert filled.store.tables() == ["routes"]


def test_a_materialisation_that_an_erasure_overtook_brings_nothing_back(
    filled: Any, online_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """It has read the rows, and goes on only when the erasure is through."""
    read, erased = threading.Event(), threading.Event()
    packed = Materialization._packed

    def slowly(self: Any, batches: Any) -> Iterator[list[Row]]:
        rows = list(packed(self, batches))
        if threading.current_thread().name == "slow":
            read.set()
            assert erased.wait(30)
        yield from rows

    monkeypatch.setattr(Materialization, "_packed", slowly)
    outcome: list[BaseException] = []

    def materialise() -> None:
        try:
            filled.materialize(whole=True)
        except Conflict as error:
            outcome.append(error)

    slow = threading.Thread(target=materialise, name="slow")
    slow.start()
    assert read.wait(30)
    filled.withdraw("SECRET")
    filled.redact("SECRET")
    filled.features.erase("tailnum")
    erased.set()
    slow.join()
    assert len(outcome) == 1
    assert b"SECRET" not in everything(filled, online_url, tmp_path)


def test_a_push_that_an_erasure_overtook_brings_nothing_back(
    filled: Any, online_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """It has read who withdrew before the subject did, and puts its rows in after the erasure."""
    put = filled.store.put

    def late(*args: Any, **more: Any) -> int:
        monkeypatch.setattr(filled.store, "put", put)
        filled.withdraw("SECRET")
        filled.redact("SECRET")
        filled.features.erase("tailnum")
        return put(*args, **more)

    monkeypatch.setattr(filled.store, "put", late)
    push = Push(
        filled.ledger,
        filled.store,
        filled.keyring,
        filled.view,
        project="test",
        now=filled.clock.now(),
    )
    pushed = push.run(filled.rows(("SECRET", 599, 1.0), ("N1", 599, 5.0)))
    assert (pushed.taken, pushed.withdrawn) == (1, 1)
    assert filled.heats("N1") == [5.0]
    assert b"SECRET" not in everything(filled, online_url, tmp_path)
