"""A home with feature views for the benchmarks of serving, the same rows for Feast, and a Redis."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from towpath.assets.datasets import Dataset, ParquetDatasetStore, Schema
from towpath.assets.features import FeatureService, FeatureView, LayoutFeatureStore
from towpath.assets.features.online import OnlineFeatureStore
from towpath.core.clock import SystemClock
from towpath.ledger import open_ledger
from towpath.storage.blobs import open_blobs
from towpath.storage.database import open_database
from towpath.storage.keys import FileKeyring
from towpath.storage.online import open_online

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

TTL = timedelta(days=3650)
PROJECT = "bench"
FEAST = ["feast[redis]==0.67.*"]


@dataclass(frozen=True, slots=True)
class Views:
    """Feature views by name, each with the names of its float features."""

    features: Mapping[str, Sequence[str]]

    def view(self, name: str) -> FeatureView:
        """Return one of them, on a data set of its own."""
        columns: dict[str, Any] = {"driver": int, "event_timestamp": datetime, "created": datetime}
        columns |= dict.fromkeys(self.features[name], float)
        return FeatureView(
            name,
            source=Dataset(
                f"{name}-data",
                schema=type(name.capitalize(), (Schema,), {"__annotations__": columns}),
                key=("driver", "event_timestamp"),
                time="event_timestamp",
            ),
            entity="driver",
            time="event_timestamp",
            created="created",
            ttl=TTL,
            features=self.features[name],
        )

    @property
    def service(self) -> FeatureService:
        """Return all of them as one service."""
        return FeatureService("drivers", views=[self.view(name) for name in self.features])

    def generate(self, folder: Path, entities: int) -> None:
        """Write a Parquet file per view: the newest observation of each entity, in no order."""
        rng = np.random.default_rng(7)
        now = int(datetime.now(UTC).timestamp())
        for name, features in self.features.items():
            ages_s = rng.integers(3_600, 30 * 86_400, entities)
            times = pl.Series((now - ages_s) * 1_000_000).cast(pl.Datetime("us", "UTC"))
            rows = pl.DataFrame(
                {
                    "driver": rng.permutation(entities),
                    "event_timestamp": times,
                    "created": times,
                    **{one: rng.normal(size=entities).round(6) for one in features},
                }
            )
            rows.write_parquet(folder / f"{name}.parquet")
        told = {"views": self.features, "ttl_s": TTL.total_seconds()}
        (folder / "views.json").write_text(json.dumps(told))


class FeatureHome:
    """A home in a folder, with the rows of the views in it."""

    def __init__(self, folder: Path, views: Views, online_url: str) -> None:
        self.views = views
        self.online_url = online_url
        self.home = folder / "home"
        self.home.mkdir(exist_ok=True)
        self.database = open_database(f"sqlite:///{self.home}/towpath.db")
        self.database.migrate()
        self.keyring = FileKeyring(self.home / "keys")
        self.ledger = open_ledger(self.database, self.keyring)
        self.blobs = open_blobs(f"file://{self.home}/blobs")
        self.offline = LayoutFeatureStore(self.ledger, self.blobs)

    @cached_property
    def online(self) -> OnlineFeatureStore:
        """The online features, by the namespace that the home's own gateway looks in."""
        namespace = f"towpath.{self.keyring.key_id}"
        return OnlineFeatureStore(
            self.ledger,
            self.offline,
            open_online(self.online_url, namespace=namespace),
            self.keyring,
            SystemClock(),
            withdrawn=frozenset,
        )

    def commit(self, folder: Path, *, keep: float = 1.0) -> None:
        """Commit the rows of every view, or a share of them."""
        datasets = ParquetDatasetStore(self.ledger, self.blobs, self.keyring)
        for name in self.views.features:
            rows = pl.read_parquet(folder / f"{name}.parquet")
            part = rows.head(round(rows.height * keep))
            datasets.commit(self.views.view(name).source, part, project=PROJECT)

    def close(self) -> None:
        """Give everything back."""
        if "online" in self.__dict__:
            self.online.close()
        self.database.close()


@contextmanager
def opened(folder: Path, views: Views, online_url: str) -> Iterator[FeatureHome]:
    """Open a home for the duration of a block."""
    with closing(FeatureHome(folder, views, online_url)) as home:
        yield home


@contextmanager
def redis_server() -> Iterator[str | None]:
    """Start a Redis that keeps nothing on disk; None where it is not installed."""
    program = shutil.which("redis-server")
    if program is None:
        yield None
        return
    port = free_port()
    options = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with subprocess.Popen(
        [program, "--port", str(port), *options], stdout=subprocess.DEVNULL
    ) as process:
        try:
            await_port(port)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            process.kill()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def await_port(port: int, *, within_s: float = 120.0) -> None:
    """Wait until somebody listens on a port."""
    deadline = time.monotonic() + within_s
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


@contextmanager
def scratch(name: str) -> Iterator[Path]:
    """Give a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix=f"towpath-{name}-") as folder:
        yield Path(folder)
