"""Versions of views: what they are made of, when they are fresh, and how an erasure takes them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import polars as pl
import pytest

from towpath.assets.features import (
    DELETION,
    FeatureService,
    LayoutDeletionReconciler,
    LayoutFeatureStore,
    building,
    laying_out,
)
from towpath.assets.features.laying_out import LayingOut
from towpath.assets.features.layout import Layout, partition_of
from towpath.core.errors import Conflict, NotFound
from towpath.core.refs import Ref


def layout(home: Any, view: Any) -> Layout:
    found = home.features.pin(view, source=view.source.ref)
    assert found is not None
    return found.layout


def test_a_version_says_what_it_is_and_what_it_was_made_of(home: Any) -> None:
    source = home.dataset()
    view = home.view(source, ttl="2h", owner="timing@example.org", tags={"team": "timing"})
    home.commit(
        source, home.readings((1, "ann", 0, None), (2, "ann", 1, None), (3, "bob", 1, None))
    )

    version = home.features.build(view, project="races")

    body = version.body
    assert (body["rows"], body["entities"]) == (3, 2)
    assert (body["source"], body["source_revision"]) == (str(source.ref.at(1)), 1)
    assert body["declared"]["owner"] == "timing@example.org"
    assert body["declared"]["ttl_s"] == timedelta(hours=2).total_seconds()
    assert [one["type"] for one in body["declared"]["features"]] == ["float64", "string"]
    with home.ledger.read() as tx:
        parents = {str(edge.parent) for edge in tx.graph.trace(version.ref).edges}
        [asset] = [one for one in tx.versions.assets("features") if one.name == view.name]
    assert str(source.ref.at(1)) in parents
    assert asset.tags == {"team": "timing", "owner": "timing@example.org"}
    assert home.features.versions(view.name) == [version]
    assert home.features.find(view) == version


def test_what_is_fresh_is_not_built_again(home: Any) -> None:
    source = home.dataset()
    view = home.view(source)
    home.commit(source, home.readings((1, "ann", 0, None)))
    first = home.features.build(view, project="races")
    files = home.layout_files()

    assert home.features.build(view, project="races") == first
    assert home.layout_files() == files


def test_a_layout_grows_with_its_source_by_what_is_new(home: Any) -> None:
    source = home.dataset()
    view = home.view(source)
    rows = home.readings(*((n, f"rider {n % 50}", n // 50, None) for n in range(70_000)))
    home.commit(source, rows)
    home.features.build(view, project="races")
    before = layout(home, view)
    home.commit(source, home.readings((70_000, "new", 0, None), (70_001, "rider 1", 1401, None)))

    version = home.features.build(view, project="races")

    after = layout(home, view)
    assert after.segments[0] == before.segments[0]
    assert [one.rows for one in after.segments] == [70_000, 2]
    assert (version.body["rows"], version.body["entities"]) == (70_002, 51)
    assert after.changed_since(before.manifest) == [after.segments[1]]


def test_small_segments_are_merged_as_they_come(home: Any) -> None:
    source = home.dataset()
    view = home.view(source, created="noted")
    for number in range(5):
        home.commit(source, home.readings((number, "ann", number, None)))
        home.features.build(view, project="races")

    assert [one.rows for one in layout(home, view).segments] == [5]
    assert layout(home, view).extended == 4


@pytest.mark.parametrize("mode", ["overwrite", "merge", "delete"])
def test_a_source_that_lost_or_changed_rows_is_laid_out_anew(home: Any, mode: str) -> None:
    source = home.dataset()
    view = home.view(source)
    home.commit(source, home.readings((1, "ann", 0, None), (2, "bob", 0, None)))
    home.features.build(view, project="races")
    changed = home.readings((1, "ann", 0, None)).with_columns(pulse=pl.lit(9.0))
    home.commit(source, changed, mode)

    home.features.build(view, project="races")

    assert layout(home, view).extended == 0
    expected = {"overwrite": [9.0, None], "merge": [9.0, 2.0], "delete": [None, 2.0]}
    joined = home.features.join(home.askers(("ann", 1), ("bob", 1)), view, time="when")
    assert joined["pulse"].to_list() == expected[mode]


def test_another_declaration_is_another_version_of_the_same_layout(home: Any) -> None:
    source = home.dataset()
    view = home.view(source)
    home.commit(source, home.readings((1, "ann", 0, None)))
    first = home.features.build(view, project="races")
    files = home.layout_files()

    second = home.features.build(replace(view, ttl="1h", owner="ann"), project="races")

    assert (first.ref.version, second.ref.version) == (1, 2)
    assert home.layout_files() == files
    third = home.features.build(replace(view, features=("place",)), project="races")
    assert third.ref.version == 3
    assert home.layout_files().keys() > files.keys()


def test_only_the_newest_layouts_are_kept(home: Any) -> None:
    source = home.dataset()
    view = home.view(source)
    for number in range(6):
        home.commit(source, home.readings((number, "ann", number, None)), "overwrite")
        home.features.build(view, project="races")

    kept = [
        version.ref.version
        for version in home.features.versions(view.name)
        if home.features.find(view, source=Ref.parse(version.body["source"])) is not None
    ]
    assert kept == [4, 5, 6]
    assert len(home.layout_files()) == 6


def test_a_source_without_rows_answers_nothing(home: Any) -> None:
    source = home.dataset()
    view = home.view(source, created="noted")
    home.commit(source, home.readings())

    home.features.build(view, project="races")

    assert home.features.join(home.askers(("ann", 1)), view, time="when")["pulse"].to_list() == [
        None
    ]
    assert list(home.features.newest(view, at=datetime(2026, 1, 1, tzinfo=UTC)).batches) == []


def test_what_does_not_exist_is_named(home: Any) -> None:
    source = home.dataset()
    view = home.view(source)
    with pytest.raises(NotFound, match=source.name):
        home.features.build(view, project="races")
    with pytest.raises(NotFound, match="feature view"):
        home.features.versions(view.name)
    home.commit(source, home.readings((1, "ann", 0, None)))
    with pytest.raises(NotFound, match="has no layout"):
        home.features.newest(view, at=datetime(2026, 1, 1, tzinfo=UTC))
    home.features.build(view, project="races")
    with pytest.raises(Conflict, match="races"):
        home.features.build(replace(view, ttl="1h"), project="others")


def test_a_service_is_a_version_that_includes_its_views(home: Any) -> None:
    source = home.dataset()
    view = home.view(source)
    service = FeatureService(f"of-{source.name}", views=[view], owner="ann")
    with home.ledger.write() as tx:
        first = home.features.register(tx, service, project="races")
        again = home.features.register(tx, service, project="races")
        changed = replace(service, views=[view.lookup("pulse")])
        second = home.features.register(tx, changed, project="races")

    assert again == first
    assert second.ref == first.ref.at(2)
    assert [one["name"] for one in second.body["features"]] == ["pulse"]
    with home.ledger.read() as tx:
        assert {edge.parent for edge in tx.graph.trace(first.ref).edges} == {view.ref}


def erase(home: Any, source: Any, rider: str) -> list[Ref]:
    with home.ledger.write() as tx:
        tx.withdrawals.add(home.keyring.subject_hash("rider", rider))
    return [one.ref for one in home.datasets.erase(rider, source.name).versions]


def test_an_erasure_takes_every_layout_that_held_the_person(home: Any) -> None:
    source = home.dataset()
    view = home.view(source)
    home.commit(source, home.readings((1, "ann", 0, None), (2, "bob", 0, None)))
    built = home.features.build(view, project="races")
    home.commit(source, home.readings((3, "ann", 1, None)))
    home.features.build(view, project="races")
    assert any(b"ann" in data for data in home.layout_files().values())
    rows = home.askers(("ann", 2), ("bob", 2))

    erased = erase(home, source, "ann")
    # Before the purge too: a layout of rows that are gone is never read.
    assert home.features.join(rows, view, time="when")["pulse"].to_list() == [None, 2.0]
    purged = home.features.purge(erased)

    assert [one.version for one in purged.versions] == [1, 2]
    assert purged.bytes_deleted > 0
    assert home.layout_files() == {}
    assert home.features.find(view) is None
    assert home.features.purge(erased).versions == ()
    rebuilt = home.features.build(view, project="races", source=source.ref.at(1))
    assert (rebuilt.ref, rebuilt.revision) == (built.ref, 2)
    assert rebuilt.digest != built.digest
    home.features.build(view, project="races")
    assert not any(b"ann" in data for data in home.layout_files().values())
    assert home.features.join(rows, view, time="when")["pulse"].to_list() == [None, 2.0]


def test_a_purge_leaves_layouts_of_others_alone(home: Any) -> None:
    mine, other = home.dataset(), home.dataset()
    views = [home.view(one) for one in (mine, other)]
    for source, view in zip((mine, other), views, strict=True):
        home.commit(source, home.readings((1, "ann", 0, None)))
        home.features.build(view, project="races")

    home.features.purge(erase(home, mine, "ann"))

    assert home.features.find(views[0]) is None
    assert home.features.find(views[1]) is not None


def test_a_worker_finishes_the_deletions_of_a_killed_process(home: Any) -> None:
    source = home.dataset()
    view = home.view(source)
    home.commit(source, home.readings((1, "ann", 0, None)))
    home.features.build(view, project="races")
    doomed = sorted(home.layout_files())
    with home.ledger.write() as tx:
        tx.intents.put(DELETION, f"{view.name}/x", project="races", spec={"blobs": doomed})
        held = tx.intents.claim([DELETION], owner="worker", lease_s=5)

    LayoutDeletionReconciler(home.ledger, home.blobs).reconcile(held)

    assert home.layout_files() == {}
    with home.ledger.read() as tx:
        assert tx.intents.list(DELETION) == []


class Interrupted:
    """A blob store that lets something happen just after the first file is stored."""

    def __init__(self, blobs: Any, meanwhile: Any) -> None:
        self._blobs, self._meanwhile = blobs, meanwhile

    def __getattr__(self, name: str) -> Any:
        return getattr(self._blobs, name)

    def area(self, name: str) -> Interrupted:
        return Interrupted(self._blobs.area(name), self._meanwhile)

    def put(self, data: bytes) -> str:
        digest = self._blobs.put(data)
        if self._meanwhile:
            self._meanwhile.pop()()
        return digest


def test_an_erasure_that_overtakes_a_build_makes_it_start_over(home: Any) -> None:
    source = home.dataset()
    view = home.view(source)
    home.commit(source, home.readings((1, "ann", 0, None), (2, "bob", 0, None)))

    def overtake() -> None:
        home.features.purge(erase(home, source, "ann"))

    slow = LayoutFeatureStore(home.ledger, Interrupted(home.blobs, [overtake]))

    version = slow.build(view, project="races")

    assert (version.body["rows"], version.body["source_revision"]) == (1, 2)
    assert not any(b"ann" in data for data in home.layout_files().values())
    assert home.layout_files().keys() == layout(home, view).blobs


def test_two_builds_at_once_make_one_version(home: Any) -> None:
    source = home.dataset()
    view = home.view(source)
    home.commit(source, home.readings((1, "ann", 0, None)))
    other: list[Any] = []

    def overtake() -> None:
        other.append(home.features.build(view, project="races"))

    slow = LayoutFeatureStore(home.ledger, Interrupted(home.blobs, [overtake]))

    assert slow.build(view, project="races") == other[0]
    assert home.layout_files().keys() == layout(home, view).blobs


def test_a_collected_source_takes_its_layout_with_it(home: Any) -> None:
    source = home.dataset()
    view = home.view(source)
    for number in range(5):
        home.commit(source, home.readings((number, "ann", number, None)), "overwrite")
        home.features.build(view, project="races")
    states = [version.state for version in home.features.versions(view.name)]
    assert states == ["collected", "collected", "ready", "ready", "ready"]
    with home.ledger.write() as tx:
        tx.versions.set_state(source.ref.at(5), "collected", reason="nothing uses it")

    rows = home.askers(("ann", 9))
    with pytest.raises(NotFound, match="was collected"):
        home.features.join(rows, view, time="when")
    with pytest.raises(NotFound, match="was collected"):
        home.features.build(view, project="races")
    assert home.features.find(view) is None
    assert [one.version for one in home.features.purge([source.ref.at(4)]).versions] == [5]

    again = home.features.build(view, project="races", source=source.ref.at(1))
    assert (again.ref.version, again.revision, again.state) == (1, 1, "ready")


def test_an_extension_that_came_to_nothing_leaves_no_file(
    home: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "LayingOut", partial(LayingOut, rows_per_partition=16))
    monkeypatch.setattr(laying_out, "_SMALL_ROWS", 1)
    source = home.dataset()
    view = home.view(source)
    home.commit(source, home.readings(*((n, f"rider {n}", 0, None) for n in range(60))))
    home.features.build(view, project="races")
    assert layout(home, view).partitions == 4
    names = [f"rider {n}" for n in range(60)]
    partitions = partition_of(pl.DataFrame({"rider": names}), 4).tolist()
    tied = names[partitions.index(3)]  # found last, when the other partitions are written
    gained = [names[partitions.index(partition)] for partition in range(3)]
    rows = [(100 + n, name, 1, None) for n, name in enumerate(gained)]
    home.commit(source, home.readings(*rows, (200, tied, 0, None)))

    home.features.build(view, project="races")

    assert layout(home, view).extended == 0
    first = home.features.pin(view, source=source.ref.at(1)).layout
    assert home.layout_files().keys() == layout(home, view).blobs | first.blobs
    joined = home.features.join(home.askers((tied, 0), (gained[0], 1)), view, time="when")
    assert joined["pulse"].to_list() == [200.0, 100.0]
