"""Fills and reads Feast's online stores; runs outside our environment.

    feast_online.py fill  FOLDER STORE          materialise the views; prints seconds and memory
    feast_online.py read  FOLDER STORE N ROUNDS look N entities up; prints seconds of each round
    feast_online.py serve FOLDER STORE PORT     run Feast's feature server until killed

STORE is `sqlite`, or a Redis as `HOST:PORT`.
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from feast import (
    Entity,
    FeatureService,
    FeatureStore,
    FeatureView,
    Field,
    FileSource,
    RepoConfig,
    ValueType,
)
from feast.types import Float64


def main() -> None:
    verb, folder, where, *more = sys.argv[1:]
    root = Path(folder)
    told = json.loads((root / "views.json").read_text())
    repo = root / f"feast-{where.partition(':')[0]}"
    if verb == "fill":
        print(json.dumps(fill(root, repo, told, where)))
    elif verb == "read":
        print(json.dumps(read(repo, told, where, *map(int, more))))
    else:
        serve(repo, where, int(more[0]))


def config(repo: Path, where: str) -> dict[str, Any]:
    online: dict[str, Any] = {"type": "sqlite", "path": f"{repo}/online.db"}
    if where != "sqlite":
        online = {"type": "redis", "connection_string": where}
    return {
        "project": "bench",
        "provider": "local",
        "registry": f"{repo}/registry.db",
        "online_store": online,
        "entity_key_serialization_version": 3,
    }


def fill(root: Path, repo: Path, told: dict[str, Any], where: str) -> dict[str, float]:
    repo.mkdir(exist_ok=True)
    store = FeatureStore(config=RepoConfig(**config(repo, where)))
    driver = Entity(name="driver", join_keys=["driver"], value_type=ValueType.INT64)
    views = [
        FeatureView(
            name=name,
            entities=[driver],
            ttl=timedelta(seconds=told["ttl_s"]),
            schema=[Field(name=feature, dtype=Float64) for feature in features],
            source=FileSource(
                path=str(root / f"{name}.parquet"),
                timestamp_field="event_timestamp",
                created_timestamp_column="created",
            ),
        )
        for name, features in told["views"].items()
    ]
    store.apply([driver, *views, FeatureService(name="drivers", features=views)])
    until = datetime.now(UTC)
    cpu, wall = time.process_time(), time.perf_counter()
    store.materialize(start_date=until - timedelta(days=60), end_date=until)
    status = Path("/proc/self/status").read_text()
    return {
        "wall_s": time.perf_counter() - wall,
        "cpu_s": time.process_time() - cpu,
        "peak_gb": int(status.partition("VmHWM:")[2].split()[0]) / (1 << 20),
    }


def read(repo: Path, told: dict[str, Any], where: str, count: int, rounds: int) -> list[float]:
    store = FeatureStore(config=RepoConfig(**config(repo, where)))
    features = [f"{view}:{name}" for view, names in told["views"].items() for name in names]
    dice, seconds = random.Random(7), []
    entities = int(os.environ["ENTITIES"])
    for turn in range(rounds + 5):
        rows = [{"driver": dice.randrange(entities)} for _ in range(count)]
        began = time.perf_counter()
        found = store.get_online_features(features=features, entity_rows=rows).to_dict()
        if turn >= 5:
            seconds.append(time.perf_counter() - began)
        assert None not in found[features[0].partition(":")[2]]
    return seconds


def serve(repo: Path, where: str, port: int) -> None:
    import yaml

    (repo / "feature_store.yaml").write_text(yaml.safe_dump(config(repo, where)))
    feast = Path(sys.executable).with_name("feast")
    os.execv(feast, [str(feast), "-c", str(repo), "serve", "--port", str(port), "--no-access-log"])


if __name__ == "__main__":
    main()
