"""A table for rules to be judged in."""

from __future__ import annotations

import pytest
from rule_surroundings import Table


@pytest.fixture
def around() -> Table:
    return Table()
