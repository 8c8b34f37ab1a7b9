"""A disk that is full is named as such, nothing is half-written, and with space all goes on."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

INFRASTRUCTURE = 5
DISK_MIB = 24
SAMPLE = Path("data/measurements.csv")
KIB = 1 << 10
MANY_ROWS = 20_000  # some 2 MiB as Parquet, since random numbers don't compress


class Disk:
    """A small disk of this test's own, which can be filled and relieved."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fill(self, *, but_bytes: int) -> None:
        """Leave so many bytes free."""
        filler = self.path / "filler"
        with filler.open("wb", buffering=0) as file:
            try:
                while file.write(bytes(64 * KIB)):
                    pass
            except OSError:
                file.truncate(max(0, file.tell() - but_bytes))

    def relieve(self) -> None:
        (self.path / "filler").unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    path = tmp_path / "disk"
    path.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m", "small", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"only root may have a small disk: {mounted.stderr.strip()}")
    yield Disk(path)
    subprocess.run(["umount", "--lazy", str(path)], check=True)


@pytest.fixture
def project(disk: Disk, run: Any) -> Path:
    """A new project on that disk, with a first version of its data."""
    assert run("init", "tumours", cwd=disk.path).returncode == 0
    folder = disk.path / "tumours"
    done = run("dataset", "add", "measurements", folder / SAMPLE, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def more_rows(folder: Path) -> Path:
    sample = pl.read_csv(folder / SAMPLE).head(1)
    numbers = np.random.default_rng(7)
    means = [name for name in sample.columns if name.startswith("mean_")]
    taken = pl.col("taken").str.to_datetime(time_unit="us", time_zone="UTC")
    rows = sample.select(pl.all().repeat_by(MANY_ROWS).explode()).with_columns(
        taken,
        pl.Series("sample", [f"more-{n}" for n in range(MANY_ROWS)]),
        *(pl.Series(name, numbers.uniform(1, 2, MANY_ROWS)) for name in means),
    )
    file = folder.parent.parent / "more.parquet"
    rows.write_parquet(file)
    return file


def stored(folder: Path) -> set[Path]:
    """Return every file in the blob store, unfinished ones included."""
    return {path for path in (folder / ".towpath" / "blobs").rglob("*") if path.is_file()}


def test_a_commit_on_a_full_disk_says_so_and_leaves_nothing(disk: Disk, project: Path, run: Any):
    rows, before = more_rows(project), stored(project)
    for left_kib in (0, 256, 2048):
        disk.fill(but_bytes=left_kib * KIB)
        refused = run("dataset", "add", "measurements", rows, cwd=project)
        said_so(refused)
        assert not [path for path in stored(project) if path.parent.name == "unfinished"]
        disk.relieve()

    versions = run("dataset", "versions", "measurements", "--json", cwd=project)
    assert versions.stdout.count('"ref"') == 1
    done = run("dataset", "add", "measurements", rows, "--json", cwd=project)
    assert done.returncode == 0, done.stderr
    read = project / "all.parquet"
    assert run("dataset", "show", "measurements@2", "--to", read, cwd=project).returncode == 0
    assert pl.read_parquet(read)["sample"].n_unique() > MANY_ROWS
    assert before < stored(project)


def test_a_run_on_a_full_disk_says_so_and_is_continued_with_space(
    disk: Disk, project: Path, run: Any
):
    for left_kib in (0, 192, 448):
        disk.fill(but_bytes=left_kib * KIB)
        said_so(run("run", "train", cwd=project))
        disk.relieve()

    done = run("run", "train", "--json", cwd=project)
    assert done.returncode == 0, done.stdout + done.stderr
    models = run("model", "list", "--json", cwd=project)
    assert models.stdout.count('"approved"') == 1
    checked = run("model", "verify", "tumour", cwd=project)
    assert checked.returncode == 0, checked.stderr


def said_so(refused: subprocess.CompletedProcess[str]) -> None:
    assert refused.returncode == INFRASTRUCTURE, refused.stdout + refused.stderr
    assert "storage-full" in refused.stderr
    assert "Traceback" not in refused.stderr
