"""Whom an erasure is about, wherever they were named; and what its certificate says it can't reach."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from towpath.assets.datasets import Dataset, Schema
from towpath.core.errors import NotFound
from towpath.core.refs import Ref
from towpath.trace.erasure.beyond import out_of_reach
from towpath.trace.erasure.contract import HeldCopy, Residue, ScanReport
from towpath.trace.erasure.copies import About
from towpath.trace.erasure.phases.orphans import sweep_orphans
from towpath.trace.erasure.state import CondemnedModel, RedactedDataset, RedactedVersion, State
from towpath.trace.erasure.subjects import datasets_about, require_known

if TYPE_CHECKING:
    from collections.abc import Sequence

SUBJECT = "N14228"


class Visit(Schema):
    visit: str
    who: str | None


class Sums(Schema):
    day: str
    visits: int


visits = Dataset("visits", schema=Visit, key="visit", subject="who", subject_field="person")
sums = Dataset("sums", schema=Sums, key="day")
ROWS = pl.DataFrame({"visit": ["v1", "v2"], "who": ["p1", None]})
ABOUT = About(field="person", subjects=("h",), values=("p1",), datasets=("visits",))
REPORT = ScanReport(places=1, size_bytes=1, formats={"parquet": 1}, residue=())


def about(home: Any) -> list[str]:
    with home.ledger.read() as tx:
        return datasets_about(tx, "person")


def test_a_data_set_counts_once_with_all_its_lines(bare_home: Any) -> None:
    from towpath.assets.datasets.history import LedgerDatasetHistory

    bare_home.datasets.commit(visits, ROWS, project="p")
    LedgerDatasetHistory(bare_home.ledger, bare_home.blobs).branch(visits.ref, "try")
    assert about(bare_home) == ["visits"]


def test_an_older_declaration_counts(bare_home: Any) -> None:
    bare_home.datasets.commit(visits, ROWS, project="p")
    nobody = replace(visits, subject=None, subject_field=None)
    bare_home.datasets.commit(nobody, ROWS.head(1), project="p", mode="overwrite")
    assert about(bare_home) == ["visits"]
    with bare_home.ledger.read() as tx:
        require_known(tx, "person")
        with pytest.raises(NotFound, match=r"'persons'.*Did you mean 'person'"):
            require_known(tx, "persons")


def test_a_load_without_a_version_counts(bare_home: Any) -> None:
    load = bare_home.datasets.load(visits, project="p", name="first")
    load.write(ROWS)
    assert about(bare_home) == ["visits"]
    load.discard()
    assert about(bare_home) == []


def state_of(ref: Ref) -> State:
    version = RedactedVersion(ref=str(ref), revision=2, before="a", after="b", rows_removed=1)
    data = RedactedDataset(
        name=ref.name, versions=(version,), rows_removed=1, files_rewritten=1, bytes_deleted=1
    )
    return State(datasets=(data,))


def test_what_was_derived_without_a_subject_is_named(bare_home: Any) -> None:
    source = bare_home.datasets.commit(visits, ROWS, project="p")
    with bare_home.ledger.write() as tx:
        run = tx.runs.start(kind="step", name="sum", project="p")
        tx.graph.link(run.ref, "used", source.ref)
    rows = pl.DataFrame({"day": ["d"], "visits": [2]})
    bare_home.datasets.commit(sums, rows, project="p", made_by=run.id)
    about_too = replace(visits, name="visits.train")
    bare_home.datasets.commit(about_too, ROWS, project="p", made_by=run.id)
    told = out_of_reach(
        bare_home.parts,
        replace(ABOUT, datasets=("visits", "visits.train")),
        state_of(source.ref),
        REPORT,
    )
    (derived,) = [one for one in told if "made from redacted ones" in one]
    assert "sums" in derived
    assert "train" not in derived


def test_models_that_serve_elsewhere_are_named(bare_home: Any) -> None:
    with bare_home.ledger.write() as tx:
        tx.events.append("model.exported", "model:late@1", service="board")
    models = {f"model:late@{number}": CondemnedModel(package="0" * 64) for number in (1, 2)}
    told = out_of_reach(bare_home.parts, ABOUT, State(models=models), REPORT)
    (elsewhere,) = [one for one in told if "exported to serve elsewhere" in one]
    assert "model:late@1" in elsewhere
    assert "model:late@2" not in elsewhere


@dataclass
class Foreign:
    """A kind of copies that keeps some elsewhere."""

    kind: str = "foreign"
    personal: bool = False
    erased: list[str] = field(default_factory=list)

    def held(self, about: About) -> Sequence[HeldCopy]:
        return [HeldCopy(kind=self.kind, name=name, count=2) for name in about.datasets]

    def erase(self, about: About) -> None:
        self.erased.append(about.subject)

    def beyond(self, about: About) -> Sequence[str]:
        return [f"what the moon keeps of {about.datasets[0]}"]


def test_everybody_who_keeps_copies_is_heard(bare_home: Any) -> None:
    parts = replace(bare_home.parts, copies=[Foreign()], beyond=["the far side"])
    told = out_of_reach(parts, ABOUT, State(), replace(REPORT, formats={"raw": 3, "text": 1}))
    assert "what the moon keeps of visits" in told
    assert "the far side" in told
    assert any(one.startswith("what 3 files of no known format") for one in told)
    assert not any("no known format" in one for one in out_of_reach(parts, ABOUT, State(), REPORT))
    assert any("backups" in one for one in told)


def test_the_copies_that_there_were_are_in_totals_and_certificate(home: Any) -> None:
    copies = Foreign()
    home.parts = replace(home.parts, copies=[copies])
    done = home.work(home.erasures.submit("tailnum", SUBJECT))
    assert done.phase == "certified"
    assert done.totals["foreign"] == 2
    subject = home.keyring.subject_hash("tailnum", SUBJECT)
    assert copies.erased == [subject]
    certificate = home.erasures.certificate(done.id)
    assert b'{"count":2,"kind":"foreign","name":"flights","size_bytes":0}' in certificate
    assert b"what the moon keeps of flights" in certificate


def test_orphans_of_an_area_are_its_owners_business(bare_home: Any) -> None:
    mine = bare_home.blobs.put(b"p1")
    theirs = bare_home.blobs.area("files").put(b"p1")
    residue = [
        Residue(place=f"blobs/sha256/{mine[:2]}/{mine}", where="text", count=1),
        Residue(place=f"blobs/files/sha256/{theirs[:2]}/{theirs}", where="text", count=1),
    ]
    assert mine == theirs
    assert sweep_orphans(bare_home.parts, residue[1:]) == 0
    assert bare_home.blobs.exists(mine)
    assert sweep_orphans(bare_home.parts, residue) == 1
    assert not bare_home.blobs.exists(mine)
    assert bare_home.blobs.area("files").exists(theirs)


def test_pieces_of_an_open_load_are_no_orphans(bare_home: Any) -> None:
    bare_home.datasets.load(visits, project="p", name="first").write(ROWS)
    held = set(bare_home.blobs.walk())
    residue = [Residue(place=f"blob:{one}", where="parquet", count=1) for one in held]
    assert sweep_orphans(bare_home.parts, residue) == 0
    assert set(bare_home.blobs.walk()) == held
