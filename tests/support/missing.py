"""What a test needs and this machine hasn't: a visible skip on a laptop, a failure in CI."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def missing(why: str) -> NoReturn:
    """Skip, or fail in CI, because something that the test needs isn't there or can't be started."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(why)
