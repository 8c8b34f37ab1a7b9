"""A lender whose decisions people look into."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from bank import Bank
from lender import loans

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import polars as pl


@pytest.fixture
def rows() -> pl.DataFrame:
    return loans()


@pytest.fixture
def bank(sqlite_ledger: Any, disk_blobs: Any, keyring: Any, tmp_path: Path) -> Iterator[Bank]:
    bank = Bank(ledger=sqlite_ledger, blobs=disk_blobs, keyring=keyring, folder=tmp_path)
    yield bank
    bank.writer.close()
