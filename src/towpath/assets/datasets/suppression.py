"""Who has withdrawn: their rows are not taken in, from the moment they say so.

The list only grows, and everything that comes in is asked against it. So it is never read whole: where it
stands is one number, and of a batch only its own subjects are looked up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from towpath.assets.datasets.declaration import Dataset
    from towpath.ledger.contract import Ledger, Transaction
    from towpath.storage.keys import Keyring

Among: TypeAlias = "Callable[[Collection[str]], set[str]]"
"""Returns those of some keyed hashes that are on the list: `tx.withdrawals.among`, or `asking`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """How far the ledger's list of withdrawn subjects had grown: the newest one's position on it."""

    generation: int

    @classmethod
    def read(cls, tx: Transaction) -> Suppression:
        """Return how far the list has grown, as the transaction sees it."""
        return cls(generation=tx.withdrawals.position())

    def filter(
        self, dataset: Dataset, rows: pl.DataFrame, keyring: Keyring, *, among: Among
    ) -> pl.DataFrame:
        """Return the rows whose subject has not withdrawn. Costs their subjects, not the list.

        Whoever withdrew after this generation may be left out as well.
        """
        if not self.generation or dataset.subject is None or dataset.subject_field is None:
            return rows
        field = dataset.subject_field
        present = rows.get_column(dataset.subject).drop_nulls().unique().to_list()
        if dataset.subject_hashed:
            hashed = {one: one for one in present}
        else:
            hashed = {keyring.subject_hash(field, one): one for one in present}
        gone = [hashed[one] for one in among(hashed)]
        if not gone:
            return rows
        return rows.filter(~pl.col(dataset.subject).is_in(gone).fill_null(value=False))


def asking(ledger: Ledger) -> Among:
    """Return a look-up in a snapshot of its own, for whoever has no transaction open."""

    def among(subjects: Collection[str]) -> set[str]:
        with ledger.read() as tx:
            return tx.withdrawals.among(subjects)

    return among
