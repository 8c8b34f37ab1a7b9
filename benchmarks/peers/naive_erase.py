"""Rewrites each version's own file with PyArrow, and reads it again. Prints what that cost."""

import json
import resource
import shutil
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq


def main(source: Path, folder: Path, subjects: list[str]) -> None:
    shutil.copytree(source, folder)
    files = sorted(folder.iterdir())
    theirs = pa.array(subjects, pa.large_string())
    began, cpu = time.perf_counter(), _cpu_s()
    for path in files:
        table = pq.read_table(path)
        left = table.filter(pc.invert(pc.is_in(table["meter"].cast(pa.large_string()), theirs)))
        part = path.with_suffix(".part")
        pq.write_table(left, part, compression="zstd", compression_level=3)
        part.replace(path)
    for path in files:
        meters = pq.read_table(path, columns=["meter"])["meter"].cast(pa.large_string())
        if pc.any(pc.is_in(meters, theirs)).as_py():
            raise SystemExit("still there")
    cost = {"wall_s": time.perf_counter() - began, "cpu_s": _cpu_s() - cpu}
    cost["stored_bytes"] = sum(path.stat().st_size for path in files)
    print(json.dumps(cost))


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3].split(","))
