"""Who has withdrawn: their rows are not taken in, from the moment they say so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from towpath.assets.datasets.declaration import Dataset
    from towpath.ledger.contract import Transaction
    from towpath.storage.keys import Keyring


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """The withdrawn subjects, as keyed hashes, and the newest one's position on the ledger's list."""

    generation: int
    hashes: frozenset[str]

    @classmethod
    def read(cls, tx: Transaction) -> Suppression:
        """Return the list as the transaction sees it."""
        return cls(generation=tx.withdrawals.position(), hashes=tx.withdrawals.subjects())

    def filter(self, dataset: Dataset, rows: pl.DataFrame, keyring: Keyring) -> pl.DataFrame:
        """Return the rows whose subject has not withdrawn."""
        if not self.hashes or dataset.subject is None or dataset.subject_field is None:
            return rows
        field = dataset.subject_field
        present = rows.get_column(dataset.subject).drop_nulls().unique().to_list()
        if dataset.subject_hashed:
            gone = [one for one in present if one in self.hashes]
        else:
            gone = [one for one in present if keyring.subject_hash(field, one) in self.hashes]
        if not gone:
            return rows
        return rows.filter(~pl.col(dataset.subject).is_in(gone).fill_null(value=False))
