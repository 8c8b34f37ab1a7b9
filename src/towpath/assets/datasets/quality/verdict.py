"""Judges the rows of a commit, or of a version, by everything that their data set declares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import polars as pl

from towpath.assets.checks import CheckReport, Judge, Naming, keys_shown, refusal
from towpath.assets.checks.rules import Declared
from towpath.assets.datasets.quality.beside import Beside, with_columns
from towpath.assets.datasets.scanning import scan_manifest
from towpath.assets.datasets.suppression import Suppression, asking

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from towpath.assets.checks import Judged, Rule
    from towpath.assets.datasets.contract import Mode
    from towpath.assets.datasets.declaration import Dataset
    from towpath.core.clock import Clock
    from towpath.ledger.contract import Ledger
    from towpath.ledger.records import Version
    from towpath.storage.blobs import BlobStore
    from towpath.storage.keys import Keyring

_ROW = "__row"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of judging a commit's rows.

    Attributes:
        rows: The rows given but for those set aside; withdrawn subjects' are still among them.
        aside: The rows set aside, with `quarantine_reason`; none of withdrawn subjects.
        report: How they did.
        before: The latest version when they were judged; None for the first.
    """

    rows: pl.DataFrame
    aside: pl.DataFrame
    report: CheckReport
    before: Version | None


class Quality:
    """Judges rows by their data set's rules. Thread-safe."""

    def __init__(self, ledger: Ledger, blobs: BlobStore, keyring: Keyring, clock: Clock) -> None:
        self._ledger = ledger
        self._blobs = blobs
        self._keyring = keyring
        self._clock = clock

    def judge(self, dataset: Dataset, line: str, rows: pl.DataFrame, *, mode: Mode) -> Verdict:
        """Judge a commit's rows, beside the latest version of a line.

        Raises:
            SchemaViolation: A rule refuses them. Names the rule, how many rows, and the first of them
                by number and key.
            UsageError: A rule can't judge them.
        """
        with self._ledger.read() as tx:
            before = tx.versions.latest("dataset", line)
            suppression = Suppression.read(tx)
        around = self.beside(dataset, [] if mode == "overwrite" else self._rows_of(before))
        judge = self.judge_by(dataset, around)
        # Of who has withdrawn nothing is kept, not even that a row of theirs broke a rule.
        numbered = suppression.filter(
            dataset, rows.with_row_index(_ROW), self._keyring, among=asking(self._ledger)
        )
        numbers = numbered[_ROW].cast(pl.Int64)
        judged = judge.judge(numbered.drop(_ROW), numbers=numbers)
        report = finished(judge, around)
        if report.refused:
            raise refusal(dataset.name, report)
        return Verdict(
            rows=_without(rows, numbers, judged), aside=judged.aside, report=report, before=before
        )

    def check(
        self, dataset: Dataset, pieces: Iterable[pl.DataFrame], *, beside: Version | None
    ) -> CheckReport:
        """Judge rows without keeping any, whatever comes of it.

        Args:
            dataset: The declaration.
            pieces: The rows, in pieces that fit into memory; columns that were not declared yet when
                they were stored are missing values.
            beside: The version that they would be added to, or are.
        """
        around = self.beside(dataset, self._rows_of(beside))
        judge = self.judge_by(dataset, around, sample_aside=True)
        for rows in pieces:
            judge.judge(with_columns(rows.lazy(), around.columns).collect())
        return finished(judge, around)

    def judge_by(
        self,
        dataset: Dataset,
        around: Beside,
        *,
        sample_aside: bool = False,
        seen: Mapping[str, Any] | None = None,
    ) -> Judge:
        """Return a judge of rows of a data set."""
        personal = {column.name for column in dataset.columns if column.personal}
        naming = Naming(
            key=keys_shown(dataset.key_columns, personal),
            subject=dataset.subject,
            hashed=lambda value: self._hashed(dataset, value),
        )
        return Judge(rules_of(dataset), around, naming=naming, sample_aside=sample_aside, seen=seen)

    def beside(self, dataset: Dataset, there: list[pl.LazyFrame]) -> Beside:
        """Return what rules may read beside rows of a data set, now."""
        return Beside(
            dataset=dataset,
            ledger=self._ledger,
            blobs=self._blobs,
            at=self._clock.now(),
            there=there,
        )

    def _rows_of(self, version: Version | None) -> list[pl.LazyFrame]:
        return [] if version is None else [scan_manifest(self._blobs, version.body["manifest"])]

    def _hashed(self, dataset: Dataset, value: str) -> str:
        if dataset.subject_hashed:
            return value
        return self._keyring.subject_hash(dataset.subject_field or "", value)


def rules_of(dataset: Dataset) -> tuple[Rule, ...]:
    """Return a data set's rules, what the schema says first if it is not among them."""
    if any(isinstance(rule, Declared) for rule in dataset.rules):
        return tuple(dataset.rules)
    return (Declared(), *dataset.rules)


def finished(judge: Judge, around: Beside) -> CheckReport:
    """Return the report on all rows, and what they were looked up in."""
    return msgspec.structs.replace(
        judge.report(), against=tuple(sorted(map(str, around.against.values())))
    )


def _without(rows: pl.DataFrame, numbers: pl.Series, judged: Judged) -> pl.DataFrame:
    if judged.places.is_empty():
        return rows
    gone = numbers.gather(judged.places)
    return rows.filter(~pl.int_range(rows.height, eager=True).is_in(gone.implode()))
