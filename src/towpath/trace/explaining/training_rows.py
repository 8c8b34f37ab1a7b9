"""The rows that a model learnt from, as its data-set version has them today.

Rows are read from the data-set version, at its present revision, so nobody is shown who was erased since. Of
these, those count that the training step was really given: its input table, where it is still kept, says
which (a split and a window leave rows out). A model whose inputs are not all in one data set, because they
are joined or computed, is shown the step's table itself; an erasure takes that away before it is certified,
and while one is under way the table is not opened.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import polars as pl

from towpath.assets.models import Execution
from towpath.build.pipelines.reading.artifacts import find_artifact
from towpath.build.pipelines.reading.previewing import personal_columns
from towpath.core.digests import digest_bytes
from towpath.core.errors import NotFound
from towpath.core.refs import Ref
from towpath.trace.erasure.state import FINISHED, KIND

if TYPE_CHECKING:
    from collections.abc import Sequence

    from towpath.assets.datasets.contract import DatasetStore
    from towpath.assets.models import Package
    from towpath.ledger.contract import Ledger, Transaction
    from towpath.ledger.records import Version
    from towpath.storage.blobs.contract import BlobStore

_TABLE = "table/"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRows:
    """Rows with the model's columns, and where they come from.

    Attributes:
        rows: The model's inputs, its outcome where known, and what says whose the rows are.
        source: The data-set version, or `artifact:DIGEST`.
        key: Columns that name a row; none for a step's table.
        subject: The column that says whom a row is about, with what such subjects are called, and whether
            it holds hashes already.
        hidden: Inputs that are declared personal, or look it.
        note: What to know about the rows, in a sentence.
    """

    rows: pl.DataFrame
    source: str
    revision: int | None
    key: tuple[str, ...] = ()
    subject: tuple[str, str, bool] | None = None
    hidden: frozenset[str] = frozenset()
    note: str = ""


class TrainingRowReader:
    """Finds and reads them. Thread-safe."""

    def __init__(self, ledger: Ledger, blobs: BlobStore, datasets: DatasetStore) -> None:
        self._ledger = ledger
        self._blobs = blobs
        self._datasets = datasets

    def read(self, model: Version, package: Package) -> TrainingRows | str:
        """Return the rows that a model learnt from, or in a sentence why there are none to show."""
        wanted = package.inputs.names
        with self._ledger.read() as tx:
            hidden = frozenset(personal_columns(tx)) & frozenset(wanted)
            sources = [tx.versions.find(Ref.parse(text)) for text in model.body["datasets"]]
            whole = [one for one in sources if one is not None and _has(one, wanted)]
            tables = _tables_given(tx, package, model)
            waiting = _erasing(tx)
        learnt = None if waiting else self._table(tables, wanted)
        if whole:
            return self._of_version(whole[0], package, learnt, hidden)
        if waiting:
            return "an erasure is under way, and tables of steps are not opened meanwhile"
        if learnt is None:
            return (
                "no one data set has all of the model's inputs, and the table that its training step "
                "was given is not kept any more"
            )
        digest, rows = learnt
        return TrainingRows(
            rows=rows,
            source=f"artifact:{digest}",
            revision=None,
            hidden=hidden,
            note="Rows as the training step was given them; they don't say whose they are.",
        )

    def _of_version(
        self,
        version: Version,
        package: Package,
        learnt: tuple[str, pl.DataFrame] | None,
        hidden: frozenset[str],
    ) -> TrainingRows:
        body = version.body
        names: list[str] = [one["name"] for one in body["columns"]]
        subject: str | None = body.get("subject")
        key: tuple[str, ...] = tuple(body["key"])
        wanted = package.inputs.names
        more = [package.outcome] if package.outcome in names else []
        whose = [subject] if subject else []
        columns: list[str] = list(dict.fromkeys([*wanted, *more, *key, *whose]))
        rows = self._datasets.scan(version.ref, columns=columns).collect()
        note = "All rows of the version: which of them the model learnt from is not kept any more."
        if learnt is not None:
            given = learnt[1].select(wanted).cast({name: rows.schema[name] for name in wanted})
            rows = rows.join(given.unique(), on=wanted, how="semi", nulls_equal=True)
            note = ""
        return TrainingRows(
            rows=rows,
            source=str(version.ref),
            revision=version.revision,
            key=key,
            subject=(subject, body["subject_field"], bool(body.get("subject_hashed")))
            if subject
            else None,
            hidden=hidden,
            note=note,
        )

    def _table(self, digests: Sequence[str], wanted: list[str]) -> tuple[str, pl.DataFrame] | None:
        """Read the largest kept table that has the model's inputs: the smaller ones are to check by."""
        found: list[tuple[str, pl.DataFrame]] = []
        for digest in digests:
            try:
                if not find_artifact(self._ledger, digest).codec.startswith(_TABLE):
                    continue
                with self._blobs.open_local(digest) as path:
                    names = pl.read_parquet_schema(path)
                    if set(wanted) <= set(names):
                        found.append((digest, pl.read_parquet(path)))
            except NotFound:
                continue
        return max(found, key=lambda one: one[1].height) if found else None


def describe_inputs(tx: Transaction, model: Version) -> dict[str, str]:
    """Return what a model's data sets say of their columns, by name; the first that says anything."""
    found: dict[str, str] = {}
    for text in model.body.get("datasets", ()):
        version = tx.versions.find(Ref.parse(text))
        for column in () if version is None else version.body.get("columns", ()):
            if column.get("description"):
                found.setdefault(column["name"], column["description"])
    return found


def _has(version: Version, wanted: Sequence[str]) -> bool:
    columns: list[Any] = version.body.get("columns", [])
    return version.state == "ready" and set(wanted) <= {one["name"] for one in columns}


def _tables_given(tx: Transaction, package: Package, model: Version) -> list[str]:
    """Return digests of what the step was given that made the model's package, or the form before it."""
    digests = {model.body["package"], _native_digest(package)}
    found: list[str] = []
    for digest in sorted(digests):
        made = tx.graph.trace(Ref("artifact", digest), depth=2).edges
        steps = {
            edge.parent for edge in made if (edge.child.name, edge.relation) == (digest, "made")
        }
        given = (edge.parent for edge in made if edge.child in steps)
        found += [one.name for one in given if one.kind == "artifact"]
    return list(dict.fromkeys(found))


def _native_digest(package: Package) -> str:
    """Return the digest of a package as its step made it, before it was compiled."""
    compiled = package.execution.file
    files = {name: digest for name, digest in package.files.items() if name != compiled}
    return digest_bytes(replace(package, files=files, execution=Execution()).encode())


def _erasing(tx: Transaction) -> bool:
    return any(one.phase not in FINISHED for one in tx.intents.list(KIND, limit=None))
