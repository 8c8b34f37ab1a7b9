"""Takes observations in as they happen, before they are in the source."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from towpath.assets.datasets import Dataset
from towpath.assets.datasets.validation import broken_schema, shaped
from towpath.assets.features.online.contract import Pushed
from towpath.assets.features.online.declared import schema_with
from towpath.assets.features.online.keys import KeyEncoder
from towpath.assets.features.online.rows import NO_TAG, RowCodec
from towpath.assets.features.online.table import OnlineTable, decode_table
from towpath.core.clock import to_micros
from towpath.core.errors import Conflict, NotFound, SchemaViolation

if TYPE_CHECKING:
    from datetime import datetime

    import polars as pl

    from towpath.assets.features.declaration import FeatureView
    from towpath.ledger.contract import Ledger
    from towpath.storage.keys import Keyring
    from towpath.storage.online import OnlineStore

_ATTEMPTS = 8
_AHEAD_US = 60_000_000
_log = structlog.get_logger(__name__)


class Push:
    """One batch of observations on its way into the online rows of a view.

    Who has withdrawn is read after the generation, and the generation must still be in force when the
    rows go in. An erasure puts a new one in force, so no row of a subject slips in behind it.
    """

    def __init__(
        self,
        ledger: Ledger,
        store: OnlineStore,
        keyring: Keyring,
        view: FeatureView,
        *,
        project: str,
        now: datetime,
    ) -> None:
        self._ledger = ledger
        self._store = store
        self._keyring = keyring
        self._view = view
        self._now_us = to_micros(now)
        self._table = OnlineTable.of(view, project=project)
        self._keys = KeyEncoder(self._table.entity)
        self._codec = RowCodec(self._table)

    def run(self, rows: pl.DataFrame) -> Pushed:
        """Check the rows and put those in that may be served."""
        frame = self._conform(rows)
        keys = self._keys.encode_frame(frame)
        subjects = self._subjects(frame)
        tags = [NO_TAG if one is None else bytes.fromhex(one) for one in subjects]
        values = self._codec.pack(frame, tags)
        for _ in range(_ATTEMPTS):
            generation = self._generation()
            with self._ledger.read() as tx:
                withdrawn = tx.withdrawals.among({one for one in subjects if one is not None})
            allowed = [
                (key, value)
                for key, value, subject in zip(keys, values, subjects, strict=True)
                if key is not None and subject not in withdrawn
            ]
            try:
                taken = self._store.put(self._table.view, allowed, generation=generation)
            except Conflict:
                continue
            return Pushed(
                taken=taken, late=len(allowed) - taken, withdrawn=frame.height - len(allowed)
            )
        raise Conflict(
            f"the online rows of {self._table.view!r} were replaced {_ATTEMPTS} times meanwhile",
            remedy="Push again.",
            view=self._table.view,
        )

    def _generation(self) -> str:
        """Return the generation to put into; a view that was never materialised gets an empty one."""
        head = self._store.head(self._table.view)
        if head is None:
            with self._store.begin(self._table.view) as draft:
                head = draft.publish(self._table.encode())
            _log.info("features.opened", view=self._table.view)
        if not decode_table(head.body).means_the_same(self._table):
            raise Conflict(
                f"the online rows of {self._table.view!r} are of an earlier declaration of the view",
                remedy="Materialise it first: towpath feature materialize.",
                view=self._table.view,
            )
        return head.generation

    def _conform(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the columns that are needed, in their types; in the source they'd be judged alike."""
        source, view = self._view.source, self._view
        names = {*view.columns, *([source.subject] if source.subject else [])}
        sure = {*view.entity_columns, view.time}
        columns = [
            replace(one, nullable=one.nullable and one.name not in sure)
            for one in source.columns
            if one.name in names
        ]
        for one in columns:
            if one.name not in rows.columns:
                missing = NotFound.named("column", one.name, rows.columns)
                raise SchemaViolation(
                    f"rows pushed to {view.name!r} have no column {one.name!r}",
                    remedy=missing.remedy,
                )
        part = Dataset(source.name, schema=schema_with(columns), key=view.entity_columns)
        frame = shaped(part, rows.select(one.name for one in columns))
        for broken in broken_schema(part, frame):
            raise SchemaViolation(
                f"column {broken.columns[0]!r} pushed to {view.name!r} {broken.words} in "
                f"{broken.rows.sum()} of {frame.height} rows, first in row "
                f"{broken.rows.arg_true()[0]}",
                remedy="Nothing was taken in. Mend the rows and push again.",
            )
        self._refuse_future(frame)
        return frame

    def _refuse_future(self, frame: pl.DataFrame) -> None:
        """Refuse rows from the future: until then they would hide what is known now."""
        ahead = frame.get_column(self._view.time).dt.timestamp("us") > self._now_us + _AHEAD_US
        if ahead.any():
            raise SchemaViolation(
                f"column {self._view.time!r} pushed to {self._view.name!r} lies in the future in "
                f"{ahead.sum()} of {frame.height} rows, first in row {ahead.arg_true()[0]}",
                remedy="Nothing was taken in. Push observations once they are true.",
            )

    def _subjects(self, frame: pl.DataFrame) -> list[str | None]:
        """Return the keyed hash of each row's subject; None where it has none."""
        source = self._view.source
        if source.subject is None or source.subject_field is None:
            return [None] * frame.height
        field, hashes = source.subject_field, dict[str, str]()
        for value in frame.get_column(source.subject).drop_nulls().unique().to_list():
            hashes[value] = (
                value if source.subject_hashed else self._keyring.subject_hash(field, value)
            )
        return [hashes.get(value) for value in frame.get_column(source.subject).to_list()]
