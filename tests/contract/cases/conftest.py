"""A lender whose model refused somebody wrongly, over each database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from bank import Bank
from lender import loans

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import polars as pl

    from towpath.core.refs import Ref


@pytest.fixture
def rows() -> pl.DataFrame:
    return loans()


@pytest.fixture
def bank(ledger: Any, disk_blobs: Any, keyring: Any, tmp_path: Path) -> Iterator[Bank]:
    bank = Bank(ledger=ledger, blobs=disk_blobs, keyring=keyring, folder=tmp_path)
    yield bank
    bank.writer.close()


@pytest.fixture
def models(bank: Bank, rows: pl.DataFrame) -> tuple[Ref, Ref]:
    """Return a model that learnt the truth, and one that learnt its opposite."""
    bank.add_loans(rows)
    turned = rows.with_columns(granted=1 - rows["granted"])
    return bank.train(rows), bank.train(turned)
