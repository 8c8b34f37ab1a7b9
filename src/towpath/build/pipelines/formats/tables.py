"""Tables: Parquet in blobs, and windows of data sets read in place."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from towpath.assets.datasets.scanning import scan_manifest
from towpath.assets.filesets import AREA, Files
from towpath.build.pipelines.contract import Artifact
from towpath.build.pipelines.formats.kinds import bare, spell
from towpath.build.pipelines.formats.shards import SelectionShards, Shards, TableShards
from towpath.core.clock import parse_time
from towpath.core.errors import UsageError

if TYPE_CHECKING:
    from contextlib import ExitStack

    from towpath.assets.datasets import Pin
    from towpath.storage.blobs import BlobStore

_KINDS = (pl.DataFrame, pl.LazyFrame, pa.Table)
_COMPRESSION_LEVEL = 3


class Tables:
    """`pl.DataFrame`, `pl.LazyFrame` and `pa.Table`, as Parquet with zstd. Row order is kept."""

    name = "table"
    version = 1

    def takes(self, kind: Any) -> bool:
        """Tell whether it is one of the three classes, or `Shards` of such a table."""
        return bare(kind) in (*_KINDS, Shards)

    def save(self, value: Any, kind: Any, blobs: BlobStore) -> Artifact:
        """Write a table to a temporary file, lazily if it is lazy, and store that."""
        with tempfile.TemporaryDirectory(prefix="towpath-") as folder:
            path = Path(folder) / "table.parquet"
            _write(value, kind, path)
            return Artifact(
                digest=blobs.put_file(path),
                type=spell(kind),
                codec=f"{self.name}/{self.version}",
                size_bytes=path.stat().st_size,
                rows=pq.read_metadata(path).num_rows,
            )

    def load(self, artifact: Artifact, kind: Any, blobs: BlobStore, stack: ExitStack) -> Any:
        """Read a table; a lazy one reads its file when it is collected."""
        path = stack.enter_context(blobs.open_local(artifact.digest))
        want = bare(kind)
        if want is Shards:
            return TableShards(blobs, artifact.digest, pl.scan_parquet(path))
        if want is pa.Table:
            return pq.read_table(path)
        return pl.scan_parquet(path) if want is pl.LazyFrame else pl.read_parquet(path)

    def blobs_of(self, artifact: Artifact, blobs: BlobStore) -> list[str]:
        """Return the one blob."""
        del blobs
        return [artifact.digest]


class Selections:
    """Windows of data-set versions. They are only read: the bytes belong to the data set."""

    name = "selection"
    version = 1

    def takes(self, kind: Any) -> bool:
        """Return False: no step returns one."""
        del kind
        return False

    def save(self, value: Any, kind: Any, blobs: BlobStore) -> Artifact:
        """Refuse."""
        del value, kind, blobs
        raise UsageError("a selection of a data set is pinned, not saved")

    def load(self, artifact: Artifact, kind: Any, blobs: BlobStore, stack: ExitStack) -> Any:
        """Scan the window."""
        del stack
        manifest: str = artifact.meta["manifest"]
        since, until = (
            None if at is None else parse_time(at)
            for at in (artifact.meta["since"], artifact.meta["until"])
        )
        part = artifact.meta.get("part")
        lazy = scan_manifest(
            blobs, manifest, since=since, until=until, part=None if part is None else tuple(part)
        )
        want = bare(kind)
        if want is Shards:
            if part is not None:
                raise UsageError(
                    "a shard of a data set's subjects is read in one process",
                    remedy="Take it as a data frame: rows: pl.LazyFrame.",
                )
            return SelectionShards(blobs, manifest, lazy, since=since, until=until)
        if want is Files:
            return Files(lazy, blobs.area(AREA))
        if want is pl.LazyFrame:
            return lazy
        frame = lazy.collect()
        return frame.to_arrow() if want is pa.Table else frame

    def blobs_of(self, artifact: Artifact, blobs: BlobStore) -> list[str]:
        """Return nothing: the data set owns its files."""
        del artifact, blobs
        return []


def selection_artifact(pin: Pin) -> Artifact:
    """Return the artefact that stands for a pinned window."""
    return Artifact(
        digest=pin.digest,
        type="polars.LazyFrame",
        codec="selection/1",
        size_bytes=0,
        meta={
            "ref": str(pin.ref),
            "revision": pin.revision,
            "manifest": pin.manifest,
            "since": None if pin.since is None else pin.since.isoformat(),
            "until": None if pin.until is None else pin.until.isoformat(),
            **({} if pin.part is None else {"part": list(pin.part)}),
        },
    )


def _write(value: Any, kind: Any, path: Path) -> None:
    match value:
        case pl.DataFrame():
            value.write_parquet(path, compression="zstd", compression_level=_COMPRESSION_LEVEL)
        case pl.LazyFrame():
            value.sink_parquet(path, compression="zstd", compression_level=_COMPRESSION_LEVEL)
        case pa.Table():
            pq.write_table(value, path, compression="zstd", compression_level=_COMPRESSION_LEVEL)
        case _:
            raise UsageError(
                f"it returned a {type(value).__name__} where {spell(kind)} is declared",
                remedy="Return what the annotation says.",
            )
