"""A lender's home to ask about; see `lender` among the supports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import lightgbm
import pytest
from lender import Lender, loans

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import polars as pl


@pytest.fixture
def lender(sqlite_ledger: Any, disk_blobs: Any, keyring: Any, tmp_path: Path) -> Iterator[Lender]:
    home = Lender(ledger=sqlite_ledger, blobs=disk_blobs, keyring=keyring, folder=tmp_path)
    yield home
    home.writer.close()


@pytest.fixture
def rows() -> pl.DataFrame:
    return loans()


@pytest.fixture
def booster() -> Any:
    return lightgbm.LGBMClassifier(n_estimators=20, num_leaves=7, verbose=-1, n_jobs=1)
