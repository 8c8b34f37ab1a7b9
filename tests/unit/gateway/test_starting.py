"""A gateway of models alone loads nothing that it has no use for."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
import towpath.cli.gateways
import towpath.app.computing, towpath.app.telemetry, towpath.gateway
heavy = {"alembic", "grpc", "lightgbm", "onnx", "pandas", "polars", "pyarrow", "sklearn", "towpath.build"}
heavy |= {"sqlalchemy.dialects.postgresql", "towpath.operate.releases.store"}
print(sorted(heavy & set(sys.modules)))
"""


def test_the_gateway_s_parts_are_imported_without_what_only_others_need() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True
    )
    assert ended.stdout.strip() == "[]"


def test_what_is_imported_when_it_is_asked_for_is_there_and_nothing_else() -> None:
    import pytest

    from towpath.assets import models
    from towpath.operate import decisions, releases

    for package in (decisions, models, releases):
        for name in package.__all__:
            assert getattr(package, name) is not None
        with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
            package.nothing  # noqa: B018 - it raises
