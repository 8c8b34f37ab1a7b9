"""Any order of adds, prunes, labels, erasures and collections keeps what a dictionary would."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from towpath.assets.datasets import ParquetDatasetStore, Schema
from towpath.assets.filesets import AREA, BlobFileSetStore, FileSet
from towpath.core.digests import digest_bytes
from towpath.core.errors import NotFound
from towpath.ledger import open_ledger
from towpath.storage.blobs import open_blobs
from towpath.storage.database import open_database
from towpath.storage.keys import FileKeyring

PATIENTS = ("p1", "p2", "p3")
PATHS = st.sampled_from([f"{patient}/{view}.png" for patient in PATIENTS for view in "ab"])
CONTENTS = st.sampled_from([b"", b"one", b"two", b"a longer one"])
LABELS = st.sampled_from([None, "cat", "dog"])
State = dict[str, tuple[bytes, str | None]]


class Scan(Schema):
    patient: str
    label: str | None


scans = FileSet("scans", attributes=Scan, pattern="{patient}/*.png", subject="patient", buckets=2)


class FileSetMachine(RuleBasedStateMachine):
    """The folder, the versions so far, and who has withdrawn, as plain dictionaries."""

    migrated: Path

    @initialize()
    def begin(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="towpath-machine-"))
        shutil.copy(self.migrated, self.home / "towpath.db")
        self.folder = self.home / "raw"
        self.folder.mkdir()
        self.database = open_database(f"sqlite:///{self.home}/towpath.db")
        keyring = FileKeyring(self.home / "keys")
        self.ledger = open_ledger(self.database, keyring)
        blobs = open_blobs(f"file://{self.home}/blobs")
        self.keyring, self.area = keyring, blobs.area(AREA)
        self.datasets = ParquetDatasetStore(self.ledger, blobs, keyring)
        self.store = BlobFileSetStore(
            self.ledger, blobs, keyring, self.datasets, self.home / "stat"
        )
        self.files: dict[str, bytes] = {}
        self.versions: list[State] = []
        self.withdrawn: set[str] = set()

    def teardown(self) -> None:
        if hasattr(self, "database"):
            self.database.close()
            shutil.rmtree(self.home)

    @rule(path=PATHS, data=CONTENTS)
    def write(self, path: str, data: bytes) -> None:
        (self.folder / path).parent.mkdir(exist_ok=True)
        (self.folder / path).write_bytes(data)
        self.files[path] = data

    @precondition(lambda self: self.files)
    @rule(choice=st.randoms(use_true_random=False))
    def unlink(self, choice: Any) -> None:
        path = choice.choice(sorted(self.files))
        (self.folder / path).unlink()
        del self.files[path]

    @rule(prune=st.booleans(), labels=st.dictionaries(PATHS, LABELS, max_size=2))
    def add(self, prune: bool, labels: dict[str, str | None]) -> None:
        table = pl.DataFrame(
            {"path": list(labels), "label": list(labels.values())},
            schema={"path": pl.String, "label": pl.String},
        )
        try:
            added = self.store.add(
                scans,
                self.folder,
                project="p",
                prune=prune,
                attributes=table if labels else None,
            )
        except NotFound:
            assert not self.files
            return
        before = self.versions[-1] if self.versions else {}
        welcome = {
            path: data for path, data in self.files.items() if path[:2] not in self.withdrawn
        }
        after = {} if prune else dict(before)
        for path, data in welcome.items():
            known = before[path][1] if path in before else None
            after[path] = (data, labels.get(path, known) if path in labels else known)
        self.commit(after, added.version.ref.version)

    @precondition(lambda self: self.versions)
    @rule(labels=st.dictionaries(PATHS, LABELS, min_size=1, max_size=3))
    def annotate(self, labels: dict[str, str | None]) -> None:
        table = pl.DataFrame(
            {"path": list(labels), "label": list(labels.values())},
            schema={"path": pl.String, "label": pl.String},
        )
        noted = self.store.annotate(scans, table, project="p")
        before = self.versions[-1]
        after = {path: (data, labels.get(path, label)) for path, (data, label) in before.items()}
        self.commit(after, noted.version.ref.version)

    @precondition(lambda self: self.versions)
    @rule(patient=st.sampled_from(PATIENTS))
    def erase(self, patient: str) -> None:
        self.withdrawn.add(patient)
        with self.ledger.write() as tx:
            position = tx.withdrawals.add(self.keyring.subject_hash("patient", patient))
        self.datasets.erase(patient, "scans")
        self.store.purge(position)
        self.versions = [
            {path: one for path, one in version.items() if path[:2] != patient}
            for version in self.versions
        ]
        named = {digest_bytes(data) for one in self.versions for data, _ in one.values()}
        assert set(self.area.walk()) == named

    @rule()
    def collect(self) -> None:
        before = set(self.area.walk())
        gone = self.store.collect()
        assert gone.blobs == len(before) - len(set(self.area.walk()))

    @precondition(lambda self: self.versions)
    @rule(number=st.integers(0, 20))
    def check_out(self, number: int) -> None:
        version = number % len(self.versions)
        out = self.home / "out"
        self.store.checkout(scans.ref.at(version + 1), out, prune=True, force=True)
        there = {
            str(path.relative_to(out)): path.read_bytes()
            for path in out.rglob("*")
            if path.is_file()
        }
        assert there == {path: data for path, (data, _) in self.versions[version].items()}

    @invariant()
    def every_version_is_what_it_was(self) -> None:
        for number, state in enumerate(getattr(self, "versions", ()), 1):
            rows = self.store.read(scans.ref.at(number)).select("path", "bytes", "label").collect()
            assert {path: (data, label) for path, data, label in rows.iter_rows()} == state

    def commit(self, after: State, number: int) -> None:
        if not self.versions or after != self.versions[-1]:
            self.versions.append(after)
        assert number == len(self.versions)


def test_any_history_of_a_file_set(migrated_file: Path) -> None:
    class Machine(FileSetMachine):
        migrated = migrated_file

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=15,
            stateful_step_count=15,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
