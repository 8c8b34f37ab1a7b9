"""Judges the pieces of a load by the data set's rules, and keeps what they set aside in a load beside it.

What the judge has seen is kept with the pieces, so that a load which is killed goes on judging where it
was. Rows set aside are a load of the quarantine under the same name, which is committed just before:
a kill between the two leaves rows in quarantine that are set aside again, as the same rows, when the
load is carried on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import polars as pl

from towpath.assets.checks import refusal
from towpath.assets.datasets.parquet import read_files
from towpath.assets.datasets.quality.marks import marks_of_commit
from towpath.assets.datasets.quality.quarantine import quarantine_of, quarantine_rows
from towpath.assets.datasets.quality.reports import CHECKS
from towpath.assets.datasets.quality.verdict import finished
from towpath.assets.datasets.scanning import scan_files, scan_manifest
from towpath.core.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from towpath.assets.datasets.contract import Load
    from towpath.assets.datasets.declaration import Dataset
    from towpath.assets.datasets.manifest import DataFile, Manifest
    from towpath.assets.datasets.quality.beside import Beside
    from towpath.assets.datasets.quality.together import Parts
    from towpath.assets.datasets.quality.verdict import Quality
    from towpath.ledger.records import Json, Version

_LOOKED_AT_FILES = 4
_LOOKED_AT_ROWS = 5_000


class JudgedLoad:
    """The quality side of one load.

    Args:
        parts: Ledger, blobs and keyring.
        dataset: What is loaded.
        line: The line of versions that it is loaded to.
        replaces: Whether the load takes the place of what is there.
        quality: Judges.
        open_aside: Opens the load of the quarantine, given its declaration.
    """

    def __init__(
        self,
        parts: Parts,
        dataset: Dataset,
        *,
        line: str,
        replaces: bool,
        quality: Quality,
        open_aside: Callable[[Dataset], Load],
    ) -> None:
        self._ledger, self._blobs, _ = parts
        self._dataset = dataset
        self._line = line
        self._replaces = replaces
        self._quality = quality
        self._open_aside = open_aside
        self._aside: Load | None = None

    @property
    def is_needed(self) -> bool:
        """Whether the data set declares rules."""
        return bool(self._dataset.rules)

    def judge(
        self,
        rows: pl.DataFrame,
        *,
        position: Json | None,
        layout: Manifest,
        files: Sequence[DataFile],
        seen: dict[str, Any] | None,
    ) -> tuple[pl.DataFrame, dict[str, Any] | None]:
        """Return a piece's rows that stay, and what has been seen with them.

        Args:
            rows: The piece.
            position: Where the source stands after it.
            layout: The manifest that the pieces are written under.
            files: Those of the pieces before.
            seen: What was seen in them; None for the first piece.

        Raises:
            SchemaViolation: A rule refuses the piece for certain, whatever comes after it.
        """
        if not self.is_needed:
            return rows, None
        around = self._around(layout, files)
        judge = self._quality.judge_by(self._dataset, around, seen=seen)
        judged = judge.judge(rows)
        report = judge.report(final=False)
        if report.refused:
            raise refusal(self._dataset.name, report)
        if self._sets_aside:
            aside = self._opened(fresh=seen is None)
            aside.write(quarantine_rows(self._dataset, judged.aside), position=position)
        return judged.kept, judge.seen

    def finish(
        self, seen: dict[str, Any] | None, files: Sequence[DataFile], layout: Manifest
    ) -> Callable[[Version | None], Json]:
        """Judge the load as a whole, commit its quarantine, and return what its version's body says.

        Raises:
            SchemaViolation: A rule refuses the load; it stays open.
        """
        marks = marks_of_commit(self._dataset, self._sample(files, layout))
        if not self.is_needed:
            return marks
        around = self._around(layout, ())
        judge = self._quality.judge_by(self._dataset, around, seen=seen)
        report = finished(judge, around)
        if report.refused:
            raise refusal(self._dataset.name, report)
        if report.quarantined:
            version = self._opened(fresh=False).commit()
            report = msgspec.structs.replace(report, quarantine=str(version.ref))
        return lambda before: {CHECKS: report.to_json(), **marks(before)}

    def discard(self) -> None:
        """Delete what was set aside and is not committed yet."""
        if self._sets_aside:
            self._opened(fresh=False).discard()
            self._aside = None

    @property
    def _sets_aside(self) -> bool:
        return any(rule.policy == "quarantine" for rule in self._dataset.rules)

    def _opened(self, *, fresh: bool) -> Load:
        if self._aside is None or fresh:
            aside = self._open_aside(quarantine_of(self._dataset))
            if fresh and (aside.rows or aside.position is not None):
                # Of a load by this name that was begun otherwise, or from the start again.
                aside.discard()
                aside = self._open_aside(quarantine_of(self._dataset))
            self._aside = aside
        return self._aside

    def _around(self, layout: Manifest, files: Sequence[DataFile]) -> Beside:
        there: list[pl.LazyFrame] = []
        if not self._replaces:
            with self._ledger.read() as tx:
                latest = tx.versions.latest("dataset", self._line)
            if latest is not None:
                there.append(scan_manifest(self._blobs, latest.body["manifest"]))
        if files:
            there.append(scan_files(self._blobs, layout.with_files(list(files)), list(files)))
        return self._quality.beside(self._dataset, there)

    def _sample(self, files: Sequence[DataFile], layout: Manifest) -> pl.DataFrame:
        """Return some rows from the beginning of a few files, to look for personal columns in."""
        chosen = files[:: max(1, len(files) // _LOOKED_AT_FILES)][:_LOOKED_AT_FILES]
        empty = read_files(self._blobs, layout, [])
        try:
            parts = [
                scan_files(self._blobs, layout, [file]).head(_LOOKED_AT_ROWS).collect()
                for file in chosen
            ]
        except NotFound:
            # An erasure overtakes the load; the commit finds out by itself.
            return empty
        return pl.concat([empty, *parts])
