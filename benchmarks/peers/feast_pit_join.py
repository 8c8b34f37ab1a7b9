"""Joins entity rows with three feature views in Feast's DuckDB offline store; runs outside our environment.

Prints the cost of each round, of the join alone: registering the views is not counted.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, RepoConfig, ValueType
from feast.types import Float64


def main() -> None:
    folder, rounds = Path(sys.argv[1]), int(sys.argv[2])
    told = json.loads((folder / "views.json").read_text())
    with tempfile.TemporaryDirectory() as repo:
        store = FeatureStore(
            config=RepoConfig(
                project="bench",
                provider="local",
                registry=f"{repo}/registry.db",
                offline_store={"type": "duckdb"},
                online_store={"type": "sqlite", "path": f"{repo}/online.db"},
                entity_key_serialization_version=3,
            )
        )
        store.apply(declared(folder, told))
        rows = pd.read_parquet(folder / "rows.parquet")
        features = [f"{view}:{name}" for view, names in told["views"].items() for name in names]
        costs: list[dict[str, float]] = []
        for _ in range(rounds):
            began = now()
            found = store.get_historical_features(entity_df=rows, features=features).to_arrow()
            costs.append(dict(zip(("wall_s", "cpu_s"), map(minus, now(), began), strict=True)))
        pq.write_table(found, folder / "feast.parquet")
    status = Path("/proc/self/status").read_text()
    peak_gb = int(status.partition("VmHWM:")[2].split()[0]) / (1 << 20)
    print(json.dumps({"rounds": costs, "peak_gb": peak_gb}))


def declared(folder: Path, told: dict[str, Any]) -> list[Any]:
    driver = Entity(name="driver", join_keys=["driver"], value_type=ValueType.INT64)
    views = [
        FeatureView(
            name=name,
            entities=[driver],
            ttl=timedelta(seconds=told["ttl_s"]),
            schema=[Field(name=feature, dtype=Float64) for feature in features],
            source=FileSource(
                path=str(folder / f"{name}.parquet"),
                timestamp_field="event_timestamp",
                created_timestamp_column="created",
            ),
        )
        for name, features in told["views"].items()
    ]
    return [driver, *views]


def now() -> tuple[float, float]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return time.perf_counter(), used.ru_utime + used.ru_stime


def minus(after: float, before: float) -> float:
    return after - before


if __name__ == "__main__":
    main()
