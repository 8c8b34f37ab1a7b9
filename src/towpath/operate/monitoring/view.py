"""What a watcher may look at while it judges one window."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from towpath.assets.models.reference import PREDICTION
from towpath.core.errors import IntegrityError
from towpath.operate.decisions.contract import INPUT, OUTPUT
from towpath.operate.monitoring.counts import count_rows

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from towpath.assets.models.reference import Reference
    from towpath.ledger.records import Version
    from towpath.operate.decisions.contract import DecisionLog
    from towpath.operate.decisions.records import FilewiseDecisions
    from towpath.operate.monitoring.counted import CountedFiles
    from towpath.operate.monitoring.counts import WindowCounts
    from towpath.operate.monitoring.findings import Window

WEIGHT: Final = "weight"
"""The column that says how many decisions a row of the log stands for."""

_KEPT: Final = "kept"  # probability with which a row was kept; absent where every row was


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowView:
    """One window of one monitor: its span, its model, and the log's rows in it.

    Rows are read from the log when asked for, and not kept.

    Attributes:
        window: The span of event time.
        service: Whose decisions.
        environment: Where.
        champion: The model version that serves now. Only its own decisions count, because what they
            are compared with is its own.
        known_reference: Its reference, or None where its training left none.
        subject_field: The input that names people, if one does; its values belong into no finding.
        counted: What sealed files of the window were counted already, as blobs by the files' digests,
            and the store that holds them; None: nothing is kept.
    """

    window: Window
    service: str
    environment: str
    champion: Version
    decisions: DecisionLog
    known_reference: Reference | None = None
    subject_field: str | None = None
    counted: CountedFiles | None = None

    @property
    def reference(self) -> Reference:
        """What the champion was trained and tested on.

        Raises:
            IntegrityError: It has none; a watcher that goes on without one reads `known_reference`.
        """
        if self.known_reference is None:
            raise IntegrityError(f"{self.champion.ref} has no reference")
        return self.known_reference

    @property
    def output(self) -> str:
        """Name of the champion's first output: what `prediction` means in a reference."""
        return self.champion.body["signature"]["outputs"][0]["name"]

    def input_column(self, name: str) -> str:
        """Return the log's column of a model input."""
        return INPUT + name

    @property
    def output_column(self) -> str:
        """The log's column of the champion's first output."""
        return OUTPUT + self.output

    def rows(
        self, columns: Sequence[str], *, status: str | None = "ok", every_model: bool = False
    ) -> pl.DataFrame:
        """Return the window's decisions: the `columns` asked for and, last, `weight`.

        Columns as `DecisionLog` names them; those that no row has are null.

        Args:
            columns: Which; asking for fewer reads less.
            status: `ok`, `error`, or None for both.
            every_model: Whether decisions of challengers and earlier champions count as well.
        """
        scan = self.decisions.scan(
            self.service,
            since=self.window.since,
            until=self.window.until,
            columns=list(dict.fromkeys([*columns, "model", "status", _KEPT])),
        )
        return self._picked(scan, columns, status=status, every_model=every_model)

    def labelled(
        self, columns: Sequence[str], *, matured_by: datetime, status: str | None = "ok"
    ) -> pl.DataFrame:
        """Return those of the champion's decisions whose label was known by `matured_by`.

        The `columns` asked for, then `label` (Float64), `label_at` (event time) and `weight`.
        """
        scan = self.decisions.scan_labelled(
            self.service,
            since=self.window.since,
            until=self.window.until,
            matured_by=matured_by,
            columns=list(dict.fromkeys([*columns, "model", "status", _KEPT])),
        )
        return self._picked(scan, [*columns, "label", "label_at"], status=status, every_model=False)

    def counts(self) -> WindowCounts:
        """Return how the window's inputs and answers are spread over the reference's bins.

        Files that were counted when they were sealed are not read again.

        Raises:
            IntegrityError: There is no reference.
        """
        known = {} if self.counted is None else self.counted.read()
        found = self._filewise(known)
        parts = [known[digest] for digest in found.known]
        parts += [self._count(rows) for rows in (*found.read.values(), found.unsealed)]
        whole = parts[0]
        for part in parts[1:]:
            whole = whole.merge(part)
        return whole

    def count_sealed(self) -> Mapping[str, str]:
        """Count the window's files that were sealed since the last time; return what is counted now.

        Files that are gone (compacted into others, or rewritten by an erasure) are forgotten.
        """
        if self.counted is None:
            return {}
        found = self._filewise(self.counted.blob_of)
        fresh = {digest: self._count(rows) for digest, rows in found.read.items()}
        return self.counted.keep(found.known, fresh)

    def _filewise(self, known: Collection[str]) -> FilewiseDecisions:
        return self.decisions.filewise(
            self.service,
            since=self.window.since,
            until=self.window.until,
            columns=[*self._columns().values(), "model", "status", _KEPT],
            known=known,
        )

    def _count(self, rows: pl.DataFrame) -> WindowCounts:
        names = self._columns()
        mine = self._picked(rows.lazy(), list(names.values()), status="ok", every_model=False)
        renamed = mine.select(pl.col(column).alias(name) for name, column in names.items())
        return count_rows(self.reference, renamed, mine.get_column(WEIGHT), names=list(names))

    def _columns(self) -> dict[str, str]:
        return {one.name: self._column_of(one.name) for one in self.reference.columns}

    def _column_of(self, name: str) -> str:
        return self.output_column if name == PREDICTION else self.input_column(name)

    def _picked(
        self,
        scan: pl.LazyFrame,
        columns: Sequence[str],
        *,
        status: str | None,
        every_model: bool,
    ) -> pl.DataFrame:
        if not every_model:
            scan = scan.filter(pl.col("model") == str(self.champion.ref))
        if status is not None:
            scan = scan.filter(pl.col("status") == status)
        kept = pl.col(_KEPT).cast(pl.Float64).fill_null(1.0)
        names = dict.fromkeys(columns)
        return scan.select(*names, (1.0 / kept).alias(WEIGHT)).collect()
