"""Commits or scans a table with Delta Lake and prints what it cost; runs outside our environment."""

from __future__ import annotations

import json
import resource
import shutil
import sys
import time
from pathlib import Path

import polars as pl
from deltalake import DeltaTable, write_deltalake


def main() -> None:
    source, table, verb, buckets = sys.argv[1:]
    if verb == "commit":
        shutil.rmtree(table, ignore_errors=True)
        rows = pl.read_parquet(source)
        began = _now()
        keyed = rows.with_columns(
            (pl.col("tailnum").hash() % int(buckets)).cast(pl.Int32).alias("b")
        )
        write_deltalake(table, keyed.to_arrow(), partition_by=["b"])
    else:
        began = _now()
        files = DeltaTable(table).file_uris()
        pl.scan_parquet([Path(file) for file in files], hive_partitioning=True).collect()
    wall, cpu = (after - before for before, after in zip(began, _now(), strict=True))
    print(json.dumps({"wall_s": wall, "cpu_s": cpu}))


def _now() -> tuple[float, float]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return time.perf_counter(), used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
