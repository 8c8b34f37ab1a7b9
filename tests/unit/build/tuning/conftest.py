"""A theatre to play searches in, and the step that they try."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from search_theatre import Theatre, fit

if TYPE_CHECKING:
    from towpath.build.pipelines.authoring.steps import Step
    from towpath.ledger import Ledger
    from towpath.storage.blobs import BlobStore


@pytest.fixture
def theatre(sqlite_ledger: Ledger, disk_blobs: BlobStore) -> Theatre:
    return Theatre(sqlite_ledger, disk_blobs)


@pytest.fixture
def step() -> Step[float]:
    return fit
