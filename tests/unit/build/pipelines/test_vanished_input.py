"""An erasure may take a step's input away under a run: that is worth another try, not a failure."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import msgspec
import pytest

from towpath.build.pipelines.contract import Artifact
from towpath.build.pipelines.formats import save_value
from towpath.build.pipelines.working.worker import execute
from towpath.core.errors import Unavailable
from towpath.storage.blobs import BlobStore


def order(tmp_path: Path, rows: Artifact) -> dict[str, object]:
    project = tmp_path / "project"
    project.mkdir()
    (project / "toy.py").write_text(
        dedent(
            """
            import towpath as tp

            @tp.step
            def double(rows: int) -> int:
                return 2 * rows
            """
        )
    )
    return {
        "step": "toy:double",
        "source": str(project),
        "inputs": {"rows": msgspec.to_builtins(rows)},
        "constants": {},
        "seed": None,
        "key": "0" * 64,
        "run": "a-run",
        "blobs": f"file://{tmp_path}/blobs",
        "cache_dir": None,
    }


def test_an_input_that_is_there_is_read(tmp_path: Path, disk_blobs: BlobStore):
    rows = save_value(21, int, disk_blobs)
    (made,) = execute(order(tmp_path, rows), lambda _: None)["artifacts"]
    assert disk_blobs.get(made["digest"]) == b"42"


def test_an_input_that_has_gone_is_worth_another_try(tmp_path: Path, disk_blobs: BlobStore):
    rows = save_value(21, int, disk_blobs)
    disk_blobs.delete(rows.digest)
    with pytest.raises(Unavailable, match="input 'rows' was removed") as caught:
        execute(order(tmp_path, rows), lambda _: None)
    assert caught.value.exit_code == 5
