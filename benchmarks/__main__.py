"""`python -m benchmarks` lists the benchmarks; `python -m benchmarks NAME [--json]` runs one."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.harness import Result

BENCHMARKS = {
    "commit": "data-set commit and scan beside bare Parquet and Delta Lake",
    "dataset-version": "changes, reads and growth of a table's versions beside DVC and bare Parquet",
    "dataset-history": "ten thousand versions: list, find, open, commit, beside Delta Lake",
    "pit-join": "point-in-time join beside Feast's DuckDB store and a bare searchsorted",
    "fileset-version": "adding a folder again with 1% of its files changed, beside DVC and git-lfs",
    "materialize": "a view into the online store, files and Redis, beside Feast",
    "online-features": "features by entity, in process and over HTTP, beside Feast",
    "ingest-memory": "ingest of more rows than memory holds, beside bare PyArrow rewriting them",
    "search-overhead": "a trial of a search, beside Optuna's SQLite workers and Ray Tune",
    "admission": "permits out of budgets beside bare transactions, by length of the line and workers",
    "step-overhead": "a trivial step isolated, inline and cached, beside Dagster, Prefect, ZenML, Metaflow",
    "graph-size": "planning and bookkeeping of 100, 1,000 and 10,000 steps",
    "serving": "rows through the gateway over HTTP, beside a bare protocol and eight model servers",
    "release-switch": "changing a release under load, by services and gateways, beside a bare restart",
    "drift": "distances of 30 columns from counts, beside Evidently, NannyML and Alibi Detect",
    "rollout-errors": "how often rollouts are wrong, beside a peeked z-test, thresholds and an mSPRT",
    "decision-log": "appending, compacting and reading decisions, beside the disk, SQLite and JSON lines",
    "drift-alarms": "false alarms on days that wobble, and days until a drift is found, beside naive rules",
    "erase": "one person and a hundred out of twenty versions, beside PyArrow by hand and Delta Lake",
    "erase-growth": "one person out of 5, 20 and 80 versions that share their files",
    "unlearning": "forgetting one person by shards and by exact sums, beside training on everything",
    "withdrawal-flood": "100, 1,000 and 10,000 withdrawals at once, beside each by itself",
    "trace": "trace and impact in graphs of up to a million edges, beside the bare recursive query",
    "explain": "an explained decision, part by part, by the size of what the model learnt from",
    "loop": "seconds and CPU of each stage of the demo",
}


def main() -> int:
    """Run what the command line asks for; 2 for a name that is no benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", nargs="?", help="which benchmark; none lists them")
    parser.add_argument(
        "--peers", action="store_true", help="the peers of `serving` alone, briefly"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args()
    if asked.name is None:
        for name, about in BENCHMARKS.items():
            print(f"{name:16} {about}")
        return 0
    if asked.name not in BENCHMARKS:
        print(f"no benchmark {asked.name!r}; known: {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    module = importlib.import_module(f"benchmarks.{asked.name.replace('-', '_')}")
    if asked.peers and not hasattr(module, "run_peers"):
        print(f"{asked.name} has no shorter run beside its peers", file=sys.stderr)
        return 2
    result: Result = module.run_peers() if asked.peers else module.run()
    print(result.to_json() if asked.json else readable(result))
    return 0


def readable(result: Result) -> str:
    """Lay the result out for a person: ratios first."""
    lines = [f"{result.name}: {', '.join(result.sizes)}", "", "ratios (above 1: we are ahead)"]
    lines += [f"  {key:48} {value:8.2f}" for key, value in sorted(result.ratios.items())]
    for title in ("ours", "peers", "limit", "growth"):
        figures = getattr(result, title)
        if figures:
            lines += ["", title, json.dumps(figures, indent=2, default=str)]
    return "\n".join([*lines, *(f"note: {note}" for note in result.notes)])


if __name__ == "__main__":
    sys.exit(main())
