"""A version as a Ray data set: tasks that read parts of it side by side, each verified where it is read."""

# pyright: reportUnknownParameterType=false
# (pyarrow has no types)

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from towpath.assets.datasets.reading.extras import require
from towpath.assets.datasets.reading.frames import arrow_schema, record_batches
from towpath.assets.datasets.scanning import files_in, load_manifest, scan_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    import ray.data

    from towpath.assets.datasets.manifest import DataFile, Manifest
    from towpath.storage.blobs import BlobStore

_TASKS_MOST = 200
_IN_MEMORY = 3  # our files, decompressed, take about three times their size


def ray_dataset(
    blobs: BlobStore,
    manifest: Manifest,
    *,
    columns: list[str],
    since: datetime | None,
    until: datetime | None,
    options: Mapping[str, object],
) -> ray.data.Dataset:
    """Return the rows as a Ray data set; see `Snapshot.ray`."""
    data: Any = require("ray.data", extra="ray")
    files = files_in(manifest, since, until)

    def reader(part: Sequence[DataFile]) -> Callable[[], Iterator[pa.Table]]:
        def read() -> Iterator[pa.Table]:
            rows = scan_files(blobs, manifest, part, columns=columns, since=since, until=until)
            for batch in record_batches(rows):
                yield pa.Table.from_batches([batch])

        return read

    schema = arrow_schema(scan_files(blobs, manifest, [], columns=columns))

    class VersionSource(data.Datasource):
        """Reads one version of a data set."""

        def get_name(self) -> str:
            """Name it in Ray's plans."""
            return f"Towpath({manifest.dataset})"

        def estimate_inmemory_data_size(self) -> int:
            """Return a guess, which decides how many tasks there are."""
            return _IN_MEMORY * sum(file.size_bytes for file in files)

        def get_read_tasks(self, parallelism: int, *_: object, **__: object) -> list[Any]:
            """Return one task per part."""
            return [
                data.ReadTask(reader(part), _described(part), schema=schema)
                for part in _parts(files, min(max(parallelism, 1), _TASKS_MOST))
            ]

    return data.read_datasource(VersionSource(), **options)


def dataset_on_ray(
    blobs: BlobStore,
    digest: str,
    *,
    since: datetime | None,
    until: datetime | None,
    options: Mapping[str, object],
) -> ray.data.Dataset:
    """Return a window of the version whose manifest has this digest, for steps, which know no ledger."""
    manifest = load_manifest(blobs, digest)
    columns = [column.name for column in manifest.columns]
    return ray_dataset(blobs, manifest, columns=columns, since=since, until=until, options=options)


def _parts(files: Sequence[DataFile], parts_most: int) -> list[list[DataFile]]:
    """Spread files over tasks by their rows.

    The files of a bucket with superseded rows stay together, since the same overlays are read for all
    of them.
    """
    units: list[list[DataFile]] = []
    for _, group in groupby(files, key=lambda file: file.bucket):
        bucket = list(group)
        together = any(file.superseded for file in bucket)
        units.extend([bucket] if together else [[file] for file in bucket])
    parts: list[list[DataFile]] = [[] for _ in range(min(parts_most, len(units)))]
    loads = [0] * len(parts)
    for unit in sorted(units, key=_rows, reverse=True):
        lightest = loads.index(min(loads))
        parts[lightest].extend(unit)
        loads[lightest] += _rows(unit)
    return parts


def _rows(files: Sequence[DataFile]) -> int:
    return sum(file.live for file in files)


def _described(part: Sequence[DataFile]) -> Any:
    block: Any = require("ray.data.block", extra="ray")
    size_bytes = _IN_MEMORY * sum(file.size_bytes for file in part)
    return block.BlockMetadata(num_rows=None, size_bytes=size_bytes, exec_stats=None)
