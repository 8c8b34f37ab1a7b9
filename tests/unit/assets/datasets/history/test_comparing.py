"""Rows are compared by key whatever the layout: against dictionaries, over random histories."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from towpath.assets.datasets import Dataset, ParquetDatasetStore, Schema
from towpath.assets.datasets.history import CHANGE, LedgerDatasetHistory, aligning
from towpath.core.refs import Ref
from towpath.ledger import open_ledger
from towpath.storage.blobs import open_blobs
from towpath.storage.database import open_database

if TYPE_CHECKING:
    from pathlib import Path

    from towpath.storage.keys import FileKeyring


class Ride(Schema):
    ride_id: int
    leg: str
    rider: str | None
    miles: float | None


Key = tuple[int, str]
Rows = dict[Key, tuple[str | None, float | None]]

keys = st.tuples(st.integers(0, 12), st.sampled_from("ab"))
values = st.tuples(
    st.sampled_from([None, "ann", "bob", "cid", "dan"]),
    st.sampled_from([None, 0.0, 1.5]),
)
changes = st.tuples(
    st.sampled_from(["merge", "delete", "overwrite", "compact"]),
    st.dictionaries(keys, values, max_size=10),
)


def frame(rows: Rows) -> pl.DataFrame:
    return pl.DataFrame(
        [(*key, *value) for key, value in rows.items()], schema=Ride.polars_schema(), orient="row"
    )


@pytest.mark.parametrize("rows_most", [2_000_000, 3], ids=["whole buckets", "cut buckets"])
@given(history=st.lists(changes, min_size=1, max_size=4))
@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_a_diff_is_that_of_two_dictionaries(
    tmp_path_factory: pytest.TempPathFactory,
    migrated_file: Path,
    keyring: FileKeyring,
    rows_most: int,
    history: list[tuple[str, Rows]],
):
    home = tmp_path_factory.mktemp("home")
    (home / "towpath.db").write_bytes(migrated_file.read_bytes())
    database = open_database(f"sqlite:///{home}/towpath.db")
    ledger, blobs = open_ledger(database, keyring), open_blobs(f"file://{home}/blobs")
    store, versions = (
        ParquetDatasetStore(ledger, blobs, keyring),
        LedgerDatasetHistory(ledger, blobs),
    )
    rides = Dataset("rides", schema=Ride, key=["ride_id", "leg"], subject="rider", buckets=3)
    model: Rows = {(n, "a"): ("ann", float(n)) for n in range(8)}
    states = {store.commit(rides, frame(model), project="p").ref: model}
    for mode, rows in history:
        if mode == "compact":
            ref = store.compact("rides").ref
        else:
            ref = store.commit(rides, frame(rows), project="p", mode=mode).ref  # type: ignore[arg-type]
            model = {
                "merge": {**model, **rows},
                "delete": {key: value for key, value in model.items() if key not in rows},
                "overwrite": rows,
            }[mode]
        states[ref] = model
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(aligning, "_ROWS_MOST", rows_most)
        for before in (min(states), sorted(states)[-2:][0]):
            check(versions, before, states[before], max(states), states[max(states)])
    database.close()


def check(versions: LedgerDatasetHistory, before: Ref, old: Rows, after: Ref, new: Rows) -> None:
    """Compare one pair, by counts and by rows."""
    found = versions.diff(before, after, shifts=False).rows
    assert found is not None
    added, removed = new.keys() - old.keys(), old.keys() - new.keys()
    changed = {key for key in new.keys() & old.keys() if new[key] != old[key]}
    assert (found.added, found.removed, found.changed, found.unchanged) == (
        *(len(added), len(removed), len(changed)),
        len(new) - len(added) - len(changed),
    )
    by_column = [sum(old[key][place] != new[key][place] for key in changed) for place in (0, 1)]
    assert [found.columns.get(name, 0) for name in ("rider", "miles")] == by_column
    told = {kind: set[tuple[Key, object]]() for kind in ("added", "removed", "before", "after")}
    for part in versions.changes(before, after):
        for row in part.iter_rows(named=True):
            key = (row["ride_id"], row["leg"])
            told[row[CHANGE]].add((key, (row["rider"], row["miles"])))
    assert told == {
        "added": {(key, new[key]) for key in added},
        "removed": {(key, old[key]) for key in removed},
        "before": {(key, old[key]) for key in changed},
        "after": {(key, new[key]) for key in changed},
    }
