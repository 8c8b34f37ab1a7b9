"""Any history of commits and erasures, against a model that is a list of dictionaries."""

from __future__ import annotations

import tempfile
from pathlib import Path

import polars as pl
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from towpath.assets.datasets import Dataset, ParquetDatasetStore, Schema
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
batches = st.dictionaries(
    st.integers(0, 30).map("v{:02}".format), st.sampled_from(PEOPLE), max_size=12
)


def frame(batch: dict[str, str | None]) -> pl.DataFrame:
    data = [(visit, person, len(visit)) for visit, person in sorted(batch.items())]
    return pl.DataFrame(data, schema=Visit.polars_schema(), orient="row")


class History(RuleBasedStateMachine):
    """Versions as dictionaries of visit to person."""

    @initialize()
    def open(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        home = Path(self.folder.name)
        self.database = open_database(f"sqlite:///{home}/towpath.db")
        self.database.migrate()
        self.blobs = open_blobs(f"file://{home}/blobs")
        keyring = FileKeyring(home / "keys")
        ledger = open_ledger(self.database, keyring)
        self.store = ParquetDatasetStore(ledger, self.blobs, keyring)
        self.model: list[dict[str, str | None]] = []

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            self.database.close()
            self.folder.cleanup()

    @rule(batch=batches)
    def append(self, batch: dict[str, str | None]) -> None:
        latest = self.model[-1] if self.model else {}
        # A stored key keeps its person: appends may repeat rows, but not change them.
        batch = {visit: latest.get(visit, person) for visit, person in batch.items()}
        self.store.commit(visits, frame(batch), project="p")
        self.add(latest | batch)

    @rule(batch=batches)
    def overwrite(self, batch: dict[str, str | None]) -> None:
        self.store.commit(visits, frame(batch), project="p", mode="overwrite")
        self.add(batch)

    def add(self, version: dict[str, str | None]) -> None:
        if not self.model or self.model[-1] != version:
            self.model.append(version)

    @rule(person=st.sampled_from(PEOPLE[:3]))
    def erase(self, person: str) -> None:
        held = [n for n, version in enumerate(self.model, 1) if person in version.values()]
        assert [ref.version for ref in self.store.holds("visits", person)] == held
        self.store.erase(person, "visits")
        self.model = [
            {visit: who for visit, who in version.items() if who != person}
            for version in self.model
        ]

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
            profile = self.store.profile(ref)
            assert profile.rows == len(expected)
            body = versions[number - 1].body
            used |= {body["manifest"], body["profile"], *(f.digest for f in self.store.files(ref))}
        assert set(self.blobs.walk()) == used


TestHistory = History.TestCase
TestHistory.settings = settings(
    max_examples=12,
    stateful_step_count=8,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
