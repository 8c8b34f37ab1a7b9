"""The two faces of the client are one source."""

from __future__ import annotations

import importlib.util
import inspect
from pathlib import Path
from typing import Any

from towpath.client import AsyncClient, Client

ROOT = Path(__file__).resolve().parents[3]


def load_script() -> Any:
    spec = importlib.util.spec_from_file_location(
        "write_client", ROOT / "scripts" / "write_client.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_synchronous_client_is_written_from_the_asynchronous_one() -> None:
    script = load_script()
    assert script.WRITTEN.read_text() == script.written(), "run scripts/write_client.py"


def test_both_take_the_same_and_only_one_is_awaited() -> None:
    methods = {name for name in vars(Client) if not name.startswith("_")} - {"close"}
    assert methods == {name for name in vars(AsyncClient) if not name.startswith("_")} - {"aclose"}
    for name in methods:
        one, other = getattr(Client, name), getattr(AsyncClient, name)
        assert inspect.signature(one) == inspect.signature(other)
        assert (inspect.iscoroutinefunction(one), inspect.iscoroutinefunction(other)) == (
            False,
            True,
        )
