"""When a person withdraws, the bytes of their files go, and nobody else's."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from towpath.assets.datasets.history import LedgerDatasetHistory, Retention
from towpath.assets.filesets import FileDeletionReconciler, FileSet, announcing, records
from towpath.assets.filesets.records import ADD, DELETION, retire
from towpath.core.digests import digest_bytes
from towpath.core.errors import Conflict
from towpath.ledger.controllers import ControllerLoop

if TYPE_CHECKING:
    from collections.abc import Callable

FILES = {
    "p1/front.png": b"one",
    "p1/side.png": b"shared",
    "p2/front.png": b"two",
    "p2/side.png": b"shared",
    "readme.txt": b"nobody's",
}


def withdraw(home: Any, patient: str) -> int:
    """Suppress, redact, purge; return how many blobs went."""
    generation = home.suppress(patient)
    home.datasets.erase(patient, "scans")
    return home.store.purge(generation).blobs


def test_a_withdrawn_subjects_bytes_are_in_no_version_and_no_blob(home: Any) -> None:
    home.write(FILES)
    home.add()
    home.write({"p1/front.png": b"one, again", "p1/new.png": b"one, later"})
    home.add()
    assert withdraw(home, "p1") == 3
    others = {path: data for path, data in FILES.items() if not path.startswith("p1/")}
    assert home.held(version=1) == home.held(version=2) == others
    assert set(home.area.walk()) == {digest_bytes(data) for data in others.values()}


def test_their_files_are_not_taken_in_again(home: Any) -> None:
    home.write(FILES)
    home.suppress("p1")
    added = home.add()
    assert added.suppressed == 2
    assert digest_bytes(b"one") not in set(home.area.walk())
    assert {path.partition("/")[0] for path in home.held()} == {"p2", "readme.txt"}


def test_stat_caches_forget_what_was_erased(embedded: Any) -> None:
    embedded.write(FILES)
    embedded.settle()
    embedded.add()
    held = b"".join(path.read_bytes() for path in embedded.caches.iterdir())
    assert bytes.fromhex(digest_bytes(b"one")) in held
    assert b"p1" not in held, "paths are keyed hashes"
    withdraw(embedded, "p1")
    held = b"".join(path.read_bytes() for path in embedded.caches.iterdir())
    assert bytes.fromhex(digest_bytes(b"one")) not in held
    assert bytes.fromhex(digest_bytes(b"two")) in held


def test_bytes_go_with_the_last_version_that_names_them(embedded: Any) -> None:
    embedded.write(FILES)
    embedded.add()
    embedded.write({"p2/front.png": b"two, again"})
    embedded.add()
    assert embedded.store.collect(dry_run=True).blobs == 0
    history = LedgerDatasetHistory(embedded.ledger, embedded.blobs)
    collection = history.collect("scans", Retention(keep_last=1), now=embedded.wall.now())
    assert len(collection.collected) == 1
    gone = embedded.store.collect(dry_run=True)
    assert (gone.blobs, gone.size_bytes) == (1, 3)
    assert embedded.store.collect() == gone
    assert embedded.store.collect().blobs == 0
    assert set(embedded.area.walk()) == {
        digest_bytes(data) for data in (FILES | {"p2/front.png": b"two, again"}).values()
    }
    assert embedded.held()["p2/front.png"] == b"two, again"


def test_bytes_that_another_file_set_names_stay(embedded: Any) -> None:
    embedded.write(FILES)
    embedded.add()
    embedded.add(embedded.plain)
    assert withdraw(embedded, "p1") == 0, "the other set says nothing of subjects"
    assert embedded.held(embedded.plain) == FILES


class Gate:
    """Holds an add where it is about to store bytes."""

    def __init__(self, home: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.open = threading.Event(), threading.Event()
        store = type(home.area)
        put = store.put_files

        def held_up(area: Any, paths: Any, *, announce: Callable[..., None]) -> list[str]:
            self.reached.set()
            assert self.open.wait(30)
            return put(area, paths, announce=announce)

        monkeypatch.setattr(store, "put_files", held_up)


def in_thread(work: Callable[[], object]) -> tuple[threading.Thread, list[Any]]:
    """Run something beside the test; what it returned, or raised, is in the list afterwards."""
    came: list[Any] = []

    def run() -> None:
        try:
            came.append(work())
        except Exception as error:
            came.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, came


def test_an_add_that_was_under_way_leaves_the_subject_out(
    embedded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded.write(FILES)
    gate = Gate(embedded, monkeypatch)
    thread, came = in_thread(embedded.add)
    assert gate.reached.wait(30)
    withdraw(embedded, "p1")
    gate.open.set()
    thread.join()
    assert came[0].suppressed == 2
    assert "p1/front.png" not in embedded.held()
    assert digest_bytes(b"one") not in set(embedded.area.walk())
    assert set(embedded.area.walk()) == embedded.used()


@pytest.mark.parametrize("digests_per_row", [1, 4096])
def test_a_purge_waits_for_adds_that_hold_the_subjects_bytes(
    embedded: Any, monkeypatch: pytest.MonkeyPatch, digests_per_row: int
) -> None:
    """An add between storing bytes and its commit obeys by its heartbeat; only then do they go."""
    monkeypatch.setattr(announcing, "_HEARTBEAT_S", 0.01)
    monkeypatch.setattr(announcing, "DIGESTS_PER_ROW", digests_per_row)
    embedded.write(FILES)
    stored, go_on = threading.Event(), threading.Event()
    commit = type(embedded.datasets).commit

    def held_up(*given: Any, **options: Any) -> Any:
        stored.set()
        assert go_on.wait(30)
        return commit(*given, **options)

    monkeypatch.setattr(type(embedded.datasets), "commit", held_up)
    thread, came = in_thread(embedded.add)
    assert stored.wait(30)
    assert digest_bytes(b"one") in set(embedded.area.walk())
    generation = embedded.suppress("p1")
    gone = embedded.store.purge(generation)
    assert gone.blobs == 1, "what others need of the add stays"
    assert digest_bytes(b"one") not in set(embedded.area.walk())
    go_on.set()
    thread.join()
    assert not isinstance(came[0], Exception)
    assert embedded.held() == {
        path: data for path, data in FILES.items() if not path.startswith("p1/")
    }


def test_a_collection_leaves_what_a_living_add_relies_on(
    embedded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded.write(FILES)
    commit = type(embedded.datasets).commit

    def collect_first(*given: Any, **options: Any) -> Any:
        assert embedded.store.collect().blobs == 0
        return commit(*given, **options)

    monkeypatch.setattr(type(embedded.datasets), "commit", collect_first)
    embedded.add()
    assert embedded.held() == FILES


def test_an_add_that_was_taken_for_dead_starts_over(
    embedded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded.write(FILES)
    commit, times = type(embedded.datasets).commit, []

    def fall_asleep(*given: Any, **options: Any) -> Any:
        times.append(1)
        if len(times) == 1:
            embedded.pass_time()
            assert embedded.store.collect().blobs == 4, "nobody living needs them"
        return commit(*given, **options)

    monkeypatch.setattr(type(embedded.datasets), "commit", fall_asleep)
    embedded.add()
    assert len(times) == 2
    assert embedded.held() == FILES


def test_an_add_waits_for_bytes_that_are_being_deleted(embedded: Any) -> None:
    embedded.write({"p1/front.png": b"one"})
    digest = embedded.area.put(b"one")
    with embedded.ledger.write() as tx:
        retire(tx, [digest])
    thread, came = in_thread(embedded.add)
    deadline = time.monotonic() + 30
    while not came and time.monotonic() < deadline and embedded.area.exists(digest):
        # Whoever deletes comes only now: an add that did not wait would be done with it by then.
        ControllerLoop(
            embedded.ledger,
            [FileDeletionReconciler(embedded.ledger, embedded.area)],
            owner="worker",
        ).step()
    thread.join()
    assert came[0].added == 1
    assert embedded.held() == {"p1/front.png": b"one"}
    with embedded.ledger.read() as tx:
        assert tx.intents.list(DELETION) == tx.intents.list(ADD) == []


def test_a_purge_does_not_wait_for_ever(embedded: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "_WAIT_S", 0.05)
    spec = {"fileset": "scans", "suppression": 0}
    status = {"at": embedded.wall.now().isoformat()}
    with embedded.ledger.write() as tx:
        tx.intents.put(ADD, "stuck", project="p", spec=spec, status=status, due=False)
    with pytest.raises(Conflict, match="not obeyed"):
        embedded.store.purge(1)
    embedded.pass_time()
    assert embedded.store.purge(1).blobs == 0


def test_labels_of_a_withdrawn_subject_go_with_their_rows(embedded: Any) -> None:
    by_table = FileSet("scans", attributes=embedded.scans.attributes, subject="patient", buckets=2)
    embedded.write({"a.png": b"one", "b.png": b"two"})
    who = pl.DataFrame({"path": ["a.png", "b.png"], "patient": ["p1", "p2"], "label": ["x", "y"]})
    embedded.store.add(by_table, embedded.folder, project="p", attributes=who)
    withdraw(embedded, "p1")
    rows = embedded.store.files(by_table.ref).collect()
    assert rows.select("path", "label").rows() == [("b.png", "y")]
    # The folder still has their file, and nothing but the erased row said whose it was.
    added = embedded.store.add(by_table, embedded.folder, project="p", attributes=who)
    assert added.suppressed == 1
    assert embedded.held(by_table) == {"b.png": b"two"}


def test_bytes_that_a_part_of_the_set_still_names_stay(embedded: Any) -> None:
    """A split is a data set of its own: its rows keep the bytes, though no add ever made them."""
    embedded.write(FILES)
    embedded.add()
    part = replace(embedded.scans.dataset, name="scans.train")
    rows = embedded.store.files(embedded.scans.ref).filter(pl.col("patient") == "p2").collect()
    embedded.datasets.commit(part, rows, project="p")
    for path in embedded.folder.rglob("*.png"):
        path.unlink()
    embedded.add(prune=True)
    LedgerDatasetHistory(embedded.ledger, embedded.blobs).collect(
        "scans", Retention(keep_last=1), now=embedded.wall.now()
    )
    assert embedded.store.collect().blobs == 1, "only p1's own file is nobody's now"
    files = dict(embedded.store.read(part.ref).select("path", "bytes").collect().iter_rows())
    assert files == {"p2/front.png": b"two", "p2/side.png": b"shared"}
    withdraw(embedded, "p2")
    embedded.datasets.erase("p2", "scans.train")
    embedded.store.purge(1)
    assert set(embedded.area.walk()) == {digest_bytes(b"nobody's")}
