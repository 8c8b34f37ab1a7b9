"""The reference says what the program does now."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]


def load_script() -> Any:
    spec = importlib.util.spec_from_file_location(
        "write_reference", ROOT / "scripts" / "write_reference.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["cli.md", "settings.md", "http.md"])
def test_the_pages_are_what_the_program_says(name: str):
    pages = {path.name: text for path, text in load_script().pages().items()}
    written = (ROOT / "docs" / "reference" / name).read_text()
    assert written == pages[name], "run scripts/write_reference.py"
