"""What `FileSetStore.add` promises, on every backend."""

from __future__ import annotations

import os
from typing import Any

import polars as pl
import pytest

from towpath.core.errors import Conflict, NotFound, SchemaViolation, UsageError

TWO = {"p1/front.png": b"one", "p2/front.png": b"two"}


def test_a_folder_becomes_a_version_and_comes_back(home: Any) -> None:
    home.write(TWO | {"p2/deep/side.png": b"three", "notes.txt": b""})
    added = home.add()
    assert (added.added, added.changed, added.removed, added.unchanged) == (4, 0, 0, 0)
    assert added.version.ref == home.scans.ref.at(1)
    assert home.held() == TWO | {"p2/deep/side.png": b"three", "notes.txt": b""}
    rows = home.store.files(home.scans.ref).sort("path").collect()
    assert rows["media_type"].to_list() == ["text/plain", *["image/png"] * 3]
    assert rows["size_bytes"].to_list() == [0, 3, 5, 3]
    assert rows["patient"].to_list() == [None, "p1", None, "p2"]
    assert rows["view"].to_list() == [None, "front", None, "front"]


def test_adding_again_makes_no_version_and_reads_nothing(home: Any) -> None:
    home.write(TWO)
    home.settle()
    home.add()
    again = home.add()
    assert again.version.ref.version == 1
    assert (again.added, again.changed, again.unchanged, again.read) == (0, 0, 2, 0)
    assert home.add(recheck=True).read == 2


def test_only_what_changed_is_read_and_stored(home: Any) -> None:
    home.write(TWO)
    home.settle()
    home.add()
    home.write({"p1/front.png": b"ONE", "p3/front.png": b"new"})
    added = home.add()
    assert (added.added, added.changed, added.unchanged, added.read) == (1, 1, 1, 2)
    assert home.held() == {"p1/front.png": b"ONE", "p2/front.png": b"two", "p3/front.png": b"new"}
    assert home.held(version=1) == TWO
    assert set(home.area.walk()) == home.used()


def test_a_touched_file_is_read_and_not_stored_again(embedded: Any) -> None:
    embedded.write(TWO)
    embedded.settle()
    embedded.add()
    os.utime(embedded.folder / "p1/front.png")
    embedded.settle()
    added = embedded.add()
    assert (added.version.ref.version, added.read, added.unchanged) == (1, 1, 2)
    assert embedded.add().read == 0


def test_the_same_bytes_are_stored_once(embedded: Any) -> None:
    embedded.write({f"p{number}/front.png": b"blank" for number in range(5)})
    embedded.add()
    embedded.add(embedded.plain)
    assert len(list(embedded.area.walk())) == 1
    assert len(embedded.held()) == len(embedded.held(embedded.plain)) == 5


@pytest.mark.parametrize("also_new", [False, True])
def test_pruning_removes_what_is_gone(home: Any, also_new: bool) -> None:
    home.write(TWO)
    home.add()
    (home.folder / "p1/front.png").unlink()
    if also_new:
        home.write({"p3/front.png": b"three"})
    assert home.add().removed == 0
    assert "p1/front.png" in home.held()
    added = home.add(prune=True)
    assert added.removed == 1
    assert home.held() == {
        "p2/front.png": b"two",
        **({"p3/front.png": b"three"} if also_new else {}),
    }
    assert home.held(version=1) == TWO


def test_a_glob_or_a_file_adds_a_part_and_cannot_prune(embedded: Any) -> None:
    embedded.write(TWO | {"p1/notes.txt": b"x"})
    glob = f"{embedded.folder}/**/*.png"
    assert embedded.store.add(embedded.scans, glob, project="p").added == 2
    assert embedded.held() == TWO
    assert (
        embedded.store.add(embedded.plain, embedded.folder / "p1/front.png", project="p").added == 1
    )
    assert embedded.held(embedded.plain) == {"front.png": b"one"}
    with pytest.raises(UsageError, match="whole folder"):
        embedded.store.add(embedded.scans, glob, project="p", prune=True)


def test_attributes_come_from_path_then_table_then_before(home: Any) -> None:
    home.write(TWO)
    table = pl.DataFrame({"path": ["p1/front.png", "gone.png"], "label": ["cat", "dog"]})
    added = home.add(attributes=table)
    assert added.unmatched == 1
    home.write({"p1/front.png": b"other bytes"})
    home.add()
    labels = dict(home.store.files(home.scans.ref).select("path", "label").collect().iter_rows())
    assert labels == {"p1/front.png": "cat", "p2/front.png": None}
    home.add(attributes=table.with_columns(label=pl.lit(None, pl.String)))
    assert home.store.files(home.scans.ref).collect()["label"].null_count() == 2
    wrong = pl.DataFrame({"path": ["p1/front.png"], "patient": ["somebody else"]})
    home.add(attributes=wrong)
    assert set(home.store.files(home.scans.ref).collect()["patient"]) == {"p1", "p2"}


def test_annotating_changes_attributes_and_no_bytes(embedded: Any) -> None:
    embedded.write(TWO)
    embedded.add()
    table = pl.DataFrame({"path": ["p2/front.png", "nowhere"], "label": ["dog", "cat"]})
    noted = embedded.store.annotate(embedded.scans, table, project="p")
    assert (noted.changed, noted.unchanged, noted.unmatched) == (1, 1, 1)
    assert noted.version.ref.version == 2
    assert embedded.store.annotate(embedded.scans, table, project="p").version.ref.version == 2
    assert embedded.held() == TWO
    with pytest.raises(NotFound, match="plain"):
        embedded.store.annotate(embedded.plain, table.select("path"), project="p")


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"label": ["x"]}, "no column 'path'"),
        ({"path": ["a", "a"], "label": ["x", "y"]}, "repeats a key"),
        ({"path": ["a"], "lable": ["x"]}, "lable"),
        ({"path": ["a"], "label": [7]}, "label"),
    ],
)
def test_attributes_that_do_not_fit_are_refused_before_anything_is_stored(
    embedded: Any, table: dict[str, list[object]], says: str
) -> None:
    embedded.write(TWO)
    with pytest.raises(SchemaViolation, match=says):
        embedded.add(attributes=pl.DataFrame(table))
    assert list(embedded.area.walk()) == []
    assert embedded.datasets.versions("scans") == []


def test_another_version_than_expected_is_a_conflict(home: Any) -> None:
    home.write(TWO)
    with pytest.raises(Conflict, match="is the latest, not 3"):
        home.add(expected=3)
    home.add(expected=0)
    home.write({"p3/front.png": b"x"})
    with pytest.raises(Conflict):
        home.add(expected=0)
    assert home.add(expected=1).version.ref.version == 2
    assert set(home.area.walk()) == home.used()


def test_a_failed_add_takes_its_bytes_back(home: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    home.write(TWO)
    store = home.store
    monkeypatch.setattr(
        type(home.datasets), "commit", lambda *_, **__: (_ for _ in ()).throw(Conflict("no"))
    )
    with pytest.raises(Conflict, match="no"):
        store.add(home.scans, home.folder, project="p")
    assert list(home.area.walk()) == []
    with home.ledger.read() as tx:
        assert tx.intents.list("file_add") == []


def test_no_subject_is_in_the_ledger(embedded: Any) -> None:
    embedded.write({"somebody-0007/front.png": b"one"})
    embedded.add()
    with embedded.ledger.read() as tx:
        events = repr(tx.events.read(limit=10_000))
        rows = repr(tx.intents.list(limit=10_000)) + repr(tx.versions.list(limit=1000))
    assert "somebody" not in events + rows


def test_branches_are_lines_of_their_own(home: Any) -> None:
    from towpath.assets.datasets.history import LedgerDatasetHistory

    home.write(TWO)
    home.add()
    history = LedgerDatasetHistory(home.ledger, home.blobs)
    history.branch(home.scans.ref.at(1), "try")
    home.write({"p3/front.png": b"three"})
    added = home.add(branch="try")
    assert str(added.version.ref) == "dataset:scans~try@2"
    assert home.held() == TWO
    assert len(home.store.files(added.version.ref).collect()) == 3
    assert home.store.collect().blobs == 0
