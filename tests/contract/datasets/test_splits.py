"""Parts of a version, committed as versions of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest
from judged_rides import rides, rows

from towpath.assets.datasets.splits import Split, commit_split
from towpath.core.errors import NotFound, UsageError
from towpath.core.refs import Ref

if TYPE_CHECKING:
    from conftest import Home

BY_RIDER = Split(by="group", columns=("rider",), shares=(0.6, 0.4))


def commit(home: Home, split: Split = BY_RIDER, names: tuple[str, ...] = ("train", "test")):
    return commit_split(home.ledger, home.store, rides(), split, names=names, project="p")


def frame(home: Home, name: str) -> pl.DataFrame:
    return home.store.scan(Ref("dataset", name)).collect()


def test_parts_are_versions_that_a_run_made_of_the_version(home: Home):
    home.store.commit(rides(), rows(0, 40), project="p")
    train, test = commit(home)
    assert [str(one.ref) for one in (train, test)] == [
        "dataset:rides.train@1",
        "dataset:rides.test@1",
    ]
    learned, judged = frame(home, "rides.train"), frame(home, "rides.test")
    assert not set(learned["rider"]) & set(judged["rider"])
    assert sorted([*learned["ride_id"], *judged["ride_id"]]) == rows(0, 40)["ride_id"].to_list()
    with home.ledger.read() as tx:
        run = tx.runs.get(train.made_by)
        before = {str(node) for node in tx.graph.trace(train.ref).nodes}
    assert (run.kind, run.status, run.params["by"]) == ("split", "finished", "group")
    assert "dataset:rides@1" in before


def test_equal_parts_make_no_new_versions_and_still_belong_to_the_run(home: Home):
    home.store.commit(rides(), rows(0, 40), project="p")
    first = commit(home)
    again = commit(home)
    assert [one.ref for one in again] == [one.ref for one in first]
    home.store.commit(rides(), rows(40, 20), project="p")
    grown = commit(home)
    assert [one.ref.version for one in grown] == [2, 2]
    assert set(frame(home, "rides.train")["rider"]).isdisjoint(frame(home, "rides.test")["rider"])


def test_an_erasure_reaches_the_parts(home: Home):
    home.store.commit(rides(), rows(0, 40), project="p")
    parts = commit(home)
    holding = [one.ref.name for one in parts if home.store.holds(one.ref.name, "rider-2")]
    assert len(holding) == 1
    assert home.store.erase("rider-2", holding[0]).rows_removed == 8


def test_a_split_that_fails_leaves_nothing_but_its_run(home: Home):
    home.store.commit(rides(), rows(0, 40, rider="only"), project="p")
    before = set(home.blobs.walk())
    with pytest.raises(UsageError, match=r"the part 'rides\.test' would have no rows"):
        commit(home)
    assert set(home.blobs.walk()) == before
    with home.ledger.read() as tx:
        (run,) = tx.runs.list(kind="split")
    assert run.status == "failed"
    with pytest.raises(UsageError, match="2 parts need as many different names"):
        commit(home, names=("train", "train"))
    with pytest.raises(NotFound):
        commit_split(
            home.ledger,
            home.store,
            rides(),
            BY_RIDER,
            names=("a", "b"),
            project="p",
            ref=Ref("dataset", "rides", 9),
        )
