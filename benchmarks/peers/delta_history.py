"""Delta Lake's side of `dataset-history`: many small appends, then what people ask of versions."""

from __future__ import annotations

import json
import statistics
import sys
import time

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

PATH, VERSIONS, ROWS, ROUNDS = sys.argv[1], *(int(word) for word in sys.argv[2:])


def batch(number: int) -> pa.Table:
    """Return one small batch of rows."""
    numbers = range(number * ROWS, (number + 1) * ROWS)
    return pa.table({"n": list(numbers), "x": [float(n) for n in numbers]})


def median_s(work) -> float:
    """Return the median time of a few rounds."""
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def main() -> None:
    """Make the history, and time the questions."""
    began = time.perf_counter()
    for number in range(VERSIONS):
        write_deltalake(PATH, batch(number), mode="append")
    grow_s = time.perf_counter() - began
    fresh = iter(range(VERSIONS, VERSIONS + ROUNDS))
    middle = VERSIONS // 2
    print(
        json.dumps(
            {
                "list-all": median_s(lambda: DeltaTable(PATH).history()),
                "list-20": median_s(lambda: DeltaTable(PATH).history(20)),
                "find-latest": median_s(lambda: DeltaTable(PATH).version()),
                "open-middle": median_s(
                    lambda: DeltaTable(PATH, version=middle).to_pyarrow_dataset().head(1)
                ),
                "commit": median_s(
                    lambda: write_deltalake(PATH, batch(next(fresh)), mode="append")
                ),
                "grow": grow_s,
            }
        )
    )


main()
