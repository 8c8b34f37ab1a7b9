"""Whatever is loaded, in whatever pieces and over whatever is there: it is what a dictionary would hold."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from towpath.assets.datasets import Dataset, ParquetDatasetStore, Schema
from towpath.core.errors import SchemaViolation
from towpath.core.refs import Ref
from towpath.ledger import open_ledger
from towpath.storage.blobs import open_blobs
from towpath.storage.database import open_database
from towpath.storage.keys import FileKeyring

if TYPE_CHECKING:
    from collections.abc import Iterator


class Thing(Schema):
    key: int
    owner: str | None
    value: int | None


things = Dataset("things", schema=Thing, key="key", subject="owner", buckets=2)

KEYS = st.integers(0, 30)
ROW = st.tuples(KEYS, st.sampled_from(["ann", "bob", None]), st.sampled_from([1, 2, None]))
PIECE = st.lists(ROW, max_size=12, unique_by=lambda row: row[0])
LOAD = st.tuples(
    st.sampled_from(["append", "merge", "overwrite"]), st.lists(PIECE, min_size=1, max_size=4)
)
COMMIT = st.tuples(st.just("commit"), st.sampled_from(["merge", "delete"]), PIECE)


def frame(rows: list[tuple[Any, ...]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=Thing.polars_schema(), orient="row")


@pytest.fixture
def home(tmp_path: Path, migrated_file: Path) -> Iterator[Any]:
    def fresh() -> ParquetDatasetStore:
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        database = open_database(f"sqlite:///{shutil.copy(migrated_file, folder / 'towpath.db')}")
        opened.append(database)
        keyring = FileKeyring(tmp_path / "keys")
        return ParquetDatasetStore(
            open_ledger(database, keyring), open_blobs(f"file://{folder}/blobs"), keyring
        )

    opened: list[Any] = []
    yield fresh
    for database in opened:
        database.close()


class Model:
    """What there should be, by key."""

    def __init__(self) -> None:
        self.rows: dict[int, tuple[Any, ...]] = {}

    def load(self, mode: str, pieces: list[list[tuple[Any, ...]]]) -> bool:
        """Take a load over; False if it must be refused."""
        after = {} if mode == "overwrite" else dict(self.rows)
        for row in (row for piece in pieces for row in piece):
            if mode != "merge" and after.get(row[0], row) != row:
                return False
            after[row[0]] = row
        self.rows = after
        return True

    def commit(self, mode: str, rows: list[tuple[Any, ...]]) -> None:
        for row in rows:
            if mode == "merge":
                self.rows[row[0]] = row
            else:
                self.rows.pop(row[0], None)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(st.one_of(LOAD, LOAD, COMMIT), min_size=1, max_size=4))
def test_loads_hold_what_a_dictionary_would(home: Any, steps: list[Any]):
    store, model = home(), Model()
    for step in steps:
        if step[0] == "commit":
            _, mode, rows = step
            if not store.versions("things"):
                continue
            given_rows = frame(rows) if mode == "merge" else frame(rows).select("key")
            store.commit(things, given_rows, project="p", mode=mode)
            model.commit(mode, rows)
        else:
            take(store, model, *step)
        compare(store, model)


def take(
    store: ParquetDatasetStore, model: Model, mode: Any, pieces: list[list[tuple[Any, ...]]]
) -> None:
    for place, piece in enumerate(pieces):
        # Each piece by a writer of its own, as if the one before had died.
        with store.load(things, project="p", name="one", mode=mode) as load:
            load.write(frame(piece), position={"place": place})
    load = store.load(things, project="p", name="one", mode=mode)
    if model.load(mode, pieces):
        load.commit()
        return
    with pytest.raises(SchemaViolation):
        load.commit()
    load.discard()


def compare(store: ParquetDatasetStore, model: Model) -> None:
    if not store.versions("things"):
        assert model.rows == {}
        return
    ref = Ref("dataset", "things")
    stored = store.scan(ref).collect()
    assert dict(enumerate(stored.sort("key").rows())) == dict(
        enumerate(model.rows[key] for key in sorted(model.rows))
    )
    profile = store.profile(ref)
    assert profile.rows == len(model.rows)
    assert profile.column("value").nulls == sum(row[2] is None for row in model.rows.values())
