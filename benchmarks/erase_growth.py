"""What an erasure costs as versions come: 5, 20 and 80 of them, that share their files.

The table is the one of `erase`. What must be done is to rewrite the files that hold the person, each
once, and to verify; what each further version adds is a manifest, a profile and a revision.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from benchmarks.erase import Table, folder
from benchmarks.harness import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

SIZES = {"5-versions": 5, "20-versions": 20, "80-versions": 80}
ROWS = 300_000
ROUNDS = 3


def run(sizes: Sequence[str] = tuple(SIZES)) -> Result:
    """Grow a table to each number of versions, and erase one person after another."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    ours: dict[str, dict[str, Any]] = {}
    limit: dict[str, Any] = {}
    for size in sizes:
        with folder() as place:
            table = Table(place / "home", ROWS)
            table.grow(SIZES[size])
            limit[size] = table.bare(table.pick(1, turn=ROUNDS + 9))
            costs = [table.erase(table.pick(1, turn=turn)) for turn in range(ROUNDS)]
            table.close()
        ours[size] = sorted(costs, key=lambda cost: cost["cpu_s"])[ROUNDS // 2]
    first, last = sizes[0], sizes[-1]
    cost = {size: ours[size]["cpu_s"] for size in sizes}
    return Result(
        name="erase-growth",
        sizes=list(sizes),
        ours=ours,
        peers={},
        limit=limit,
        ratios={
            f"versions-over-cost/{last}": SIZES[last] / SIZES[first] / (cost[last] / cost[first]),
            f"limit/{last}-files": limit[last]["cpu_s"] / cost[last],
        },
        growth={
            "cpu_s": cost,
            "cpu_s_per_stored_mb": {
                size: cost[size] / ours[size]["stored_bytes"] * 1e6 for size in sizes
            },
        },
        notes=[
            "300,000 rows, then 1% a version, appended or changed: more versions also hold more data",
            "versions-over-cost: how many times more versions, over how many times the CPU",
            "`limit` is rewriting the distinct files that hold the person, with nothing else done",
        ],
    )
