"""One contestant of `ingest-memory`, alone in a process: prints seconds and its peak of memory."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path


def ours(folder: Path) -> None:
    """Run a declared ingest into a fresh home."""
    import structlog

    from benchmarks.ingest_memory import READINGS
    from towpath.assets.datasets import ParquetDatasetStore
    from towpath.assets.sources import Files
    from towpath.build.ingestion import Ingest, IngestRunner
    from towpath.core.clock import SystemClock
    from towpath.ledger import open_ledger
    from towpath.storage.blobs import open_blobs
    from towpath.storage.database import open_database
    from towpath.storage.keys import FileKeyring

    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    home = folder / "home"
    home.mkdir()
    database = open_database(f"sqlite:///{home}/towpath.db")
    database.migrate()
    keyring = FileKeyring(home / "keys")
    ledger = open_ledger(database, keyring)
    store = ParquetDatasetStore(ledger, open_blobs(f"file://{home}/blobs"), keyring)
    runner = IngestRunner(ledger, store, SystemClock(), folder=folder)
    result = runner.run(Ingest(READINGS, Files("in/*.parquet")), project="bench")
    assert result.version is not None
    assert result.version.body["rows"] == result.rows
    database.close()


def bare(folder: Path) -> None:
    """Stream the files into one, and sync it."""
    import pyarrow.parquet as pq

    target = folder / "bare.parquet"
    writer = None
    for path in sorted((folder / "in").iterdir()):
        for batch in pq.ParquetFile(path).iter_batches(131_072):
            if writer is None:
                writer = pq.ParquetWriter(
                    target, batch.schema, compression="zstd", compression_level=3
                )
            writer.write_batch(batch, row_group_size=131_072)
    assert writer is not None
    writer.close()
    with target.open("rb") as file:
        os.fsync(file.fileno())


def main() -> None:
    contestant = {"ours": ours, "bare": bare}[sys.argv[1]]
    began, cpu = time.perf_counter(), time.process_time()
    contestant(Path(sys.argv[2]))
    wall_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"wall_s": wall_s, "cpu_s": cpu_s, "peak_bytes": peak_bytes}))


main()
