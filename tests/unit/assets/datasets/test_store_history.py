"""Any history of commits, compactions and erasures, against a model that is a list of dictionaries."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from towpath.assets.datasets import Dataset, ParquetDatasetStore, Schema
from towpath.assets.datasets.changes import overlaying, piling
from towpath.core.refs import Ref
from towpath.ledger import open_ledger
from towpath.storage.blobs import open_blobs
from towpath.storage.database import open_database
from towpath.storage.keys import FileKeyring

PEOPLE = ["ann", "bob", "cyd", None]


class Visit(Schema):
    visit_id: str
    person: str | None
    size: int


visits = Dataset("visits", schema=Visit, key="visit_id", subject="person", buckets=2)
ids = st.integers(0, 12).map("v{:02}".format)
rows_of_visits = st.tuples(st.sampled_from(PEOPLE), st.integers(0, 3))
batches = st.dictionaries(ids, rows_of_visits, max_size=8)


def frame(batch: dict[str, tuple[str | None, int]]) -> pl.DataFrame:
    data = [(visit, *rest) for visit, rest in sorted(batch.items())]
    return pl.DataFrame(data, schema=Visit.polars_schema(), orient="row")


class History(RuleBasedStateMachine):
    """Versions as dictionaries of visit to person and size.

    Layers merge after three, and hardly ever become base, so that a short history has many.
    """

    @initialize()
    def open(self) -> None:
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(piling, "RUNS_MOST", 3)
        self.patch.setattr(overlaying, "OVERLAY_SHARE_MOST", 2)
        self.folder = tempfile.TemporaryDirectory()
        home = Path(self.folder.name)
        self.database = open_database(f"sqlite:///{home}/towpath.db")
        self.database.migrate()
        self.blobs = open_blobs(f"file://{home}/blobs")
        keyring = FileKeyring(home / "keys")
        ledger = open_ledger(self.database, keyring)
        self.store = ParquetDatasetStore(ledger, self.blobs, keyring)
        self.model: list[dict[str, tuple[str | None, int]]] = []
        self.gone: set[str] = set()

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.database.close()
            self.folder.cleanup()
            self.patch.undo()

    @rule(batch=batches)
    def append(self, batch: dict[str, tuple[str | None, int]]) -> None:
        # A stored key keeps its row: appends may repeat rows, but not change them.
        batch = {visit: self.latest.get(visit, row) for visit, row in batch.items()}
        self.store.commit(visits, frame(batch), project="p")
        self.add(self.latest | batch, batch)

    @rule(batch=batches)
    def merge(self, batch: dict[str, tuple[str | None, int]]) -> None:
        before = self.latest
        version = self.store.commit(visits, frame(batch), project="p", mode="merge")
        if self.add(before | batch, batch):
            changed = [
                visit for visit in batch if visit in before and before[visit] != batch[visit]
            ]
            if len(self.model) > 1:
                assert version.body["replaced_rows"] == len(changed)
            assert version.body["added_rows"] == len(batch.keys() - before.keys())

    @rule(keys=st.sets(ids, max_size=6))
    def delete(self, keys: set[str]) -> None:
        if not self.model:
            return
        named = pl.DataFrame({"visit_id": sorted(keys)}, schema={"visit_id": pl.String})
        before = self.latest
        version = self.store.commit(visits, named, project="p", mode="delete")
        if self.add({visit: row for visit, row in before.items() if visit not in keys}, {}):
            assert version.body["deleted_rows"] == len(before.keys() & keys)

    @rule(batch=batches)
    def overwrite(self, batch: dict[str, tuple[str | None, int]]) -> None:
        self.store.commit(visits, frame(batch), project="p", mode="overwrite")
        self.add(batch, batch)

    @rule()
    def compact(self) -> None:
        if not self.model:
            return
        before = len(self.store.versions("visits"))
        version = self.store.compact("visits")
        if len(self.store.versions("visits")) > before:
            self.model.append(dict(self.latest))
        assert all(file.layer == 0 for file in self.store.files(version.ref))
        assert len(self.store.files(version.ref)) <= 3, "a bucket each, and one for nobody"
        assert self.store.compact("visits") == version, "nothing is left to gain"

    @rule(person=st.sampled_from(PEOPLE[:3]))
    def erase(self, person: str) -> None:
        held = [number for number, version in enumerate(self.model, 1) if _has(version, person)]
        found = {ref.version for ref in self.store.holds("visits", person)}
        assert found >= set(held), "versions may hold superseded rows of theirs besides"
        erased = self.store.erase(person, "visits")
        assert {version.ref.version for version in erased.versions} >= found
        self.gone.add(person)
        self.model = [
            {visit: row for visit, row in version.items() if row[0] != person}
            for version in self.model
        ]

    @property
    def latest(self) -> dict[str, tuple[str | None, int]]:
        return self.model[-1] if self.model else {}

    def add(
        self,
        version: dict[str, tuple[str | None, int]],
        batch: dict[str, tuple[str | None, int]],
    ) -> bool:
        """Note a version; False where it is the one that is there."""
        self.gone -= {person for person, _ in batch.values()}
        if self.model and self.model[-1] == version:
            return False
        self.model.append(version)
        return True

    @invariant()
    def every_version_reads_as_it_should(self) -> None:
        if not hasattr(self, "store"):
            return
        used: set[str] = set()
        versions = self.store.versions("visits")
        assert len(versions) == len(self.model)
        for number, expected in enumerate(self.model, 1):
            ref = Ref("dataset", "visits", number)
            assert self.store.scan(ref).collect().sort("visit_id").equals(frame(expected))
            body = versions[number - 1].body
            assert body["rows"] == len(expected)
            self.profile_is_exact(ref, frame(expected))
            used |= {body["manifest"], body["profile"], *(f.digest for f in self.store.files(ref))}
        assert set(self.blobs.walk()) == used

    def profile_is_exact(self, ref: Ref, expected: pl.DataFrame) -> None:
        """However rows came and went, the counts are those of the rows."""
        profile = self.store.profile(ref)
        anew = profile.recount(expected)
        assert profile.rows == expected.height
        for kept, counted in zip(profile.columns, anew.columns, strict=True):
            assert kept.counts.tolist() == counted.counts.tolist()
            assert kept.nulls == counted.nulls
            assert kept.mean == pytest.approx(counted.mean, nan_ok=True)
            assert kept.spread == pytest.approx(counted.spread, abs=1e-9)

    @invariant()
    def nobody_who_was_erased_is_in_any_file(self) -> None:
        for digest in self.blobs.walk() if getattr(self, "gone", None) else ():
            data = self.blobs.get(digest)
            if data[:4] == b"PAR1":
                assert not self.gone.intersection(pl.read_parquet(io.BytesIO(data))["person"])


def _has(version: dict[str, tuple[str | None, int]], person: str) -> bool:
    return any(who == person for who, _ in version.values())


TestHistory = History.TestCase
TestHistory.settings = settings(
    max_examples=20,
    stateful_step_count=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
