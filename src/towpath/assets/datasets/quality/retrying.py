"""Lets rows out of quarantine that today's rules no longer set aside."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from towpath.assets.datasets.committing import Request
from towpath.assets.datasets.declaration import QUARANTINE_ID
from towpath.assets.datasets.quality.marks import marks_of_commit
from towpath.assets.datasets.quality.quarantine import quarantine_of
from towpath.assets.datasets.quality.reports import CHECKS
from towpath.assets.datasets.quality.together import commit_together
from towpath.assets.datasets.scanning import scan_manifest
from towpath.core.errors import NotFound

if TYPE_CHECKING:
    import polars as pl

    from towpath.assets.datasets.committing import Staged
    from towpath.assets.datasets.declaration import Dataset
    from towpath.assets.datasets.quality.together import Parts
    from towpath.assets.datasets.quality.verdict import Quality
    from towpath.ledger.records import Json, Version


@dataclass(slots=True, kw_only=True)
class Retry:
    """Judges the rows of a quarantine anew: those that pass are appended, and leave it, in one step.

    Attributes:
        parts: Ledger, blobs and keyring.
        dataset: The data set that the rows were meant for, as it is declared today.
        project: Its project.
        quality: Judges.
        made_by: Id of the run that does it.
        added: How many rows the last attempt let out.
        kept: How many it did not.
    """

    parts: Parts
    dataset: Dataset
    project: str
    quality: Quality
    made_by: str | None = None
    added: int = field(default=0, init=False)
    kept: int = field(default=0, init=False)

    def attempt(self) -> Version | None:
        """Try once; None if somebody else changed in between what this builds on.

        Raises:
            NotFound: The data set has no quarantine.
            SchemaViolation: A rule refuses the rows that would leave, or their keys are taken.
        """
        quarantined = self._rows()
        columns = [column.name for column in self.dataset.columns]
        rows = quarantined.select(columns)
        verdict = self.quality.judge(self.dataset, self.dataset.name, rows, mode="append")
        free = quarantined.join(
            verdict.rows, on=columns, how="semi", nulls_equal=True, maintain_order="left"
        )
        self.added, self.kept = free.height, quarantined.height - free.height
        if free.is_empty() and verdict.before is not None:
            return verdict.before
        marks = marks_of_commit(self.dataset, verdict.rows)

        def notes(_: Staged | None, before: Version | None) -> Json:
            return {CHECKS: verdict.report.to_json(), **marks(before)}

        return commit_together(
            self.parts,
            self._request(self.dataset, verdict.rows),
            other=self._request(quarantine_of(self.dataset), free.select(QUARANTINE_ID)),
            judged=verdict.before,
            notes=notes,
        )

    def _rows(self) -> pl.DataFrame:
        name = quarantine_of(self.dataset).name
        with self.parts[0].read() as tx:
            version = tx.versions.latest("dataset", name)
        if version is None:
            raise NotFound(
                f"data set {self.dataset.name!r} has nothing in quarantine",
                remedy="Rows get there when they break a rule with policy='quarantine'.",
            )
        return scan_manifest(self.parts[1], version.body["manifest"]).collect()

    def _request(self, dataset: Dataset, rows: pl.DataFrame) -> Request:
        return Request(
            dataset=dataset,
            rows=rows,
            project=self.project,
            mode="append" if dataset is self.dataset else "delete",
            expected=None,
            made_by=self.made_by,
        )
