from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from towpath.assets.code import CodeStore

if TYPE_CHECKING:
    from pathlib import Path

    from towpath.ledger import Ledger
    from towpath.storage.blobs import BlobStore


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small project with what people have lying around in one."""
    root = tmp_path / "project"
    for path, text in {
        "flights.py": "project = None\n",
        "helpers/__init__.py": "",
        "helpers/clean.py": "def clean(x):\n    return x\n",
        "towpath.toml": 'project = "flights:project"\n',
        "queries/rows.sql": "select 1\n",
        "notes.txt": "not code",
        ".env": "SECRET=1",
        ".venv/lib/thing.py": "x = 1",
        "helpers/__pycache__/clean.cpython-311.pyc": "bytes",
        "build/lib/flights.py": "old",
        "ignored/experiment.py": "x = 1",
        ".gitignore": "ignored/\n",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
    return root


@pytest.fixture
def store(sqlite_ledger: Ledger, disk_blobs: BlobStore, tmp_path: Path) -> CodeStore:
    return CodeStore(sqlite_ledger, disk_blobs, tmp_path / "code")
