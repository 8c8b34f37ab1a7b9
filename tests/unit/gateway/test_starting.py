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
