"""The training rows that a model holds nearest to a recorded one."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from towpath.trace.explaining.contract import Nearest, NearRow
from towpath.trace.explaining.nearness import SharedLeaves, StandardisedDistance

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy as np
    import numpy.typing as npt

    from towpath.assets.models import Package
    from towpath.assets.models.explaining import TreeStructure
    from towpath.ledger.contract import Ledger
    from towpath.storage.keys import Keyring
    from towpath.trace.explaining.training_rows import TrainingRows

_ASKED_AT_ONCE: Final = 64


def find_nearest(
    columns: Mapping[str, list[Any]],
    rows: TrainingRows,
    package: Package,
    structure: TreeStructure | None,
    *,
    near: int,
    keys: bool,
    ledger: Ledger,
    keyring: Keyring,
) -> Nearest:
    """Return the nearest rows; those of subjects who withdrew are passed over, redacted or not yet.

    Args:
        columns: The recorded row, as a request of one row would bring it.
        rows: What the model learnt from.
        package: The model.
        structure: Its trees; None compares by distance.
        near: How many.
        keys: Whether to say which rows they are, and, by hash, whose.
        ledger: Holds the suppression list.
        keyring: Makes the hashes.
    """
    measure = (
        StandardisedDistance(package) if structure is None else SharedLeaves(package, structure)
    )
    schema = {name: rows.rows.schema[name] for name in columns}
    mine = pl.DataFrame(dict(columns), schema=schema, strict=False)
    nearness = measure.to(mine, rows.rows)
    found: list[NearRow] = []
    order = measure.best_first(nearness)
    for at, row, whose in islice(_allowed(order, rows, ledger, keyring), near):
        shown = {name: row[name] for name in package.inputs.names if name not in rows.hidden}
        found.append(
            NearRow(
                nearness=float(nearness[at]),
                values=shown,
                outcome=row.get(package.outcome),
                key={name: _plain(row[name], name, rows) for name in rows.key} if keys else None,
                subject=whose if keys else None,
            )
        )
    return Nearest(
        by=measure.by,
        source=rows.source,
        revision=rows.revision,
        rows_read=rows.rows.height,
        rows=tuple(found),
        missing="" if found else "there is no row left that may be shown",
        note=rows.note,
    )


def _allowed(
    order: npt.NDArray[np.int64], rows: TrainingRows, ledger: Ledger, keyring: Keyring
) -> Iterator[tuple[int, Mapping[str, Any], str | None]]:
    """Yield rows in order with whose they are, less those of people who have withdrawn.

    The list of withdrawals is asked about some at a time: it may be longer than the table.
    """
    for start in range(0, len(order), _ASKED_AT_ONCE):
        some = order[start : start + _ASKED_AT_ONCE].tolist()
        read = [
            (at, row := rows.rows.row(at, named=True), _hashed(row, rows, keyring)) for at in some
        ]
        with ledger.read() as tx:
            withdrawn = tx.withdrawals.among([whose for _, _, whose in read if whose is not None])
        yield from (one for one in read if one[2] not in withdrawn)


def _hashed(row: Mapping[str, Any], rows: TrainingRows, keyring: Keyring) -> str | None:
    if rows.subject is None or row[rows.subject[0]] is None:
        return None
    column, field, is_hash = rows.subject
    return row[column] if is_hash else keyring.subject_hash(field, row[column])


def _plain(value: Any, name: str, rows: TrainingRows) -> Any:
    """Return a part of a key; a subject's name stays hidden, its hash is beside it."""
    if rows.subject is not None and name == rows.subject[0]:
        return "…"
    return value
