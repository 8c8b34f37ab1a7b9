"""Deletes people from every version of a Delta table: restore, delete, vacuum. Prints what that cost.

The versions are written as Delta writes them: what a version adds is appended, what it changes merged.
"""

import json
import resource
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import DeltaTable, write_deltalake


def main(source: Path, folder: Path, subjects: list[str]) -> None:
    before = None
    for path in sorted(source.iterdir()):
        table = pq.read_table(path)
        _commit(folder, table, before)
        before = table
    newest = DeltaTable(folder).version()
    listed = ", ".join(f"'{one}'" for one in subjects)
    began, cpu = time.perf_counter(), _cpu_s()
    for version in range(newest + 1):
        delta = DeltaTable(folder)
        delta.restore(version)
        delta.delete(f"meter IN ({listed})")
    DeltaTable(folder).vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    cost = {"wall_s": time.perf_counter() - began, "cpu_s": _cpu_s() - cpu}
    cost["stored_bytes"] = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    print(json.dumps(cost))


def _commit(folder: Path, table: pa.Table, before: pa.Table | None) -> None:
    if before is None:
        write_deltalake(folder, table)
        return
    known = before["reading_id"]
    added = table.filter(pc.invert(pc.is_in(table["reading_id"], known.combine_chunks())))
    if added.num_rows:
        write_deltalake(folder, added, mode="append")
        return
    old = before.sort_by("reading_id")["x0"].combine_chunks()
    new = table.sort_by("reading_id")
    changed = new.filter(pc.not_equal(new["x0"].combine_chunks(), old))
    merge = DeltaTable(folder).merge(
        changed, "t.reading_id = s.reading_id", source_alias="s", target_alias="t"
    )
    merge.when_matched_update_all().execute()


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3].split(","))
