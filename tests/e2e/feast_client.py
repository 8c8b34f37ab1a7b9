"""An unmodified Feast client that reads from a gateway; runs in an environment of its own.

    python feast_client.py GATEWAY-URL

Prints what it read as one line of JSON.
"""

from __future__ import annotations

import json
import sys
import tempfile
from datetime import timedelta

import pandas as pd
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
from feast.infra.online_stores.remote import RemoteOnlineStore
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.types import Float64, Int64, String, UnixTimestamp


def main(url: str) -> None:
    with tempfile.TemporaryDirectory() as repo:
        store = FeatureStore(
            config=RepoConfig(
                project="board",
                provider="local",
                registry=f"{repo}/registry.db",
                online_store={"type": "remote", "path": url},
                entity_key_serialization_version=3,
            )
        )
        entity = Entity(name="origin", join_keys=["origin"], value_type=ValueType.STRING)
        weather = FeatureView(
            name="weather",
            entities=[entity],
            ttl=timedelta(hours=2),
            schema=[
                Field(name="origin", dtype=String),
                Field(name="wind", dtype=Float64),
                Field(name="gust", dtype=Int64),
                Field(name="sky", dtype=String),
                Field(name="since", dtype=UnixTimestamp),
            ],
            source=FileSource(path=f"{repo}/never-read.parquet", timestamp_field="observed"),
        )
        service = FeatureService(name="outlook", features=[weather[["wind", "sky"]]])
        pd.DataFrame(
            {
                "origin": ["x"],
                "observed": [pd.Timestamp.now(tz="UTC")],
                "wind": [1.0],
                "gust": [1],
                "sky": ["x"],
                "since": [pd.Timestamp.now(tz="UTC")],
            }
        ).to_parquet(f"{repo}/never-read.parquet")
        store.apply([entity, weather, service])
        rows = [{"origin": "EWR"}, {"origin": "JFK"}, {"origin": "LGA"}]
        read = {
            "features": ask(store, ["weather:wind", "weather:gust", "weather:since"], rows),
            "service": ask(store, store.get_feature_service("outlook"), rows),
            "full": ask(store, ["weather:wind"], rows[:1], full_feature_names=True),
        }
        read["protocol"] = read_by_key(store, weather, ["EWR", "JFK"])
        late = pd.Timestamp.now(tz="UTC").floor("s")
        pushed = {
            "origin": ["LGA"],
            "observed": [late],
            "wind": [7.5],
            "gust": [8],
            "sky": ["blue"],
            "since": [late],
        }
        store.write_to_online_store("weather", df=pd.DataFrame(pushed))
        read["pushed"] = ask(store, ["weather:wind", "weather:sky"], rows[2:])
        print(json.dumps(read, default=str))


def read_by_key(store: FeatureStore, view: FeatureView, keys: list[str]) -> list[object]:
    """Read as clients up to Feast 0.5x do, through the online store's own interface."""
    wanted = [
        EntityKey(join_keys=["origin"], entity_values=[Value(string_val=key)]) for key in keys
    ]
    found = RemoteOnlineStore().online_read(store.config, view, wanted, ["wind", "sky"])
    return [
        {name: getattr(value, value.WhichOneof("val") or "", None) for name, value in row.items()}
        for _, row in found
    ]


def ask(store: FeatureStore, features: object, rows: list[dict[str, str]], **more: bool) -> object:
    return store.get_online_features(features=features, entity_rows=rows, **more).to_dict()


if __name__ == "__main__":
    main(sys.argv[1])
