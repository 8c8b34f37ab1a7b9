"""A step that is spread over machines: it gets a cluster, and its trainings outlive their nodes."""

from __future__ import annotations

import importlib
import os
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from towpath.build.compute.ray.cluster import RayOptions, open_cluster, rejoin_cluster
from towpath.build.compute.ray.node import share_of
from towpath.build.compute.ray.storage import training_storage
from towpath.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    import ray.train


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a step stands while it is executed.

    Attributes:
        blobs_url: The run's blob store.
        key: The step's cache key, the same for each attempt.
        source: First folder that the project's modules are imported from.
    """

    blobs_url: str
    key: str
    source: Path


_here: ContextVar[Standing | None] = ContextVar("towpath_standing", default=None)


@contextmanager
def standing(where: Standing) -> Generator[None]:
    """Let `cluster` inside the block know where it is."""
    token = _here.set(where)
    try:
        yield
    finally:
        _here.reset(token)


@dataclass(slots=True, kw_only=True)
class Cluster:
    """A step's share of a Ray cluster. This process is connected: all of Ray's interface is open to it.

    Attributes:
        address: `host:port` of the head.
        cpus: Cores that the step declared, for all its workers together.
        gpus: Accelerators, likewise.
    """

    address: str
    cpus: float
    gpus: float
    _where: Standing
    _trainings: list[str] = field(default_factory=list[str])

    def scaling(
        self, *, workers: int, reading: float = 1, **options: Any
    ) -> ray.train.ScalingConfig:
        """Return a scaling for Ray Train that shares what the step declared between workers.

        Args:
            workers: How many processes.
            reading: Cores left for tasks that read the data. Without any, a training that reads while
                it learns waits for ever.
            options: What else `ray.train.ScalingConfig` takes.

        Raises:
            UsageError: The step declared too little for that.
        """
        share = (self.cpus - reading) / workers
        if share <= 0:
            raise UsageError(
                f"{self.cpus:g} cpus are too few for {workers} workers and {reading:g} to read",
                remedy="Declare more cpus for the step, or read before and leave none for it.",
            )
        each = {"CPU": share} | ({"GPU": self.gpus / workers} if self.gpus else {})
        train: Any = importlib.import_module("ray.train")
        return train.ScalingConfig(
            num_workers=workers,
            use_gpu=bool(self.gpus),
            **{"resources_per_worker": each, **options},
        )

    def running(self, *, name: str = "training", failures: int = 3, **options: Any) -> Any:
        """Return a `ray.train.RunConfig` whose checkpoints outlive workers, nodes and this process.

        When a worker or its node dies, the training goes on from its last checkpoint, on what is left.
        When the step itself dies and is tried again, its next attempt does the same. Checkpoints go
        when the step has its result.

        Args:
            name: Tells several trainings of one step apart.
            failures: How many times workers may be lost.
            options: What else `ray.train.RunConfig` takes.
        """
        train: Any = importlib.import_module("ray.train")
        storage = training_storage(self._where.blobs_url)
        folder = f"{self._where.key}-{name}"
        self._trainings.append(folder)
        return train.RunConfig(
            name=folder,
            storage_path=storage.path,
            storage_filesystem=storage.filesystem,
            **{"failure_config": train.FailureConfig(max_failures=failures), **options},
        )

    def discard(self) -> None:
        """Remove the checkpoints of all trainings of the step."""
        storage = training_storage(self._where.blobs_url)
        for one in self._trainings:
            storage.discard(one)


@contextmanager
def cluster() -> Generator[Cluster]:
    """Give a step a cluster for the time of the block: `with tp.cluster() as cluster: …`.

    With `compute = "ray"` it is the one that the step runs on, joined in a second or two. Elsewhere one
    of this machine is started, as large as the step's cpus, and ends with the block: 8 to 25 s.

    Declare the step with `spread=True` and with the cores of all workers together, for that is what
    counts as used. When the step is killed, the cluster ends whatever it had started.

    Raises:
        UsageError: It is called outside of a run, or Ray is not installed.
    """
    where = _here.get()
    if where is None:
        raise UsageError(
            "there is no cluster here",
            remedy="Call tp.cluster() inside a step, while a pipeline runs.",
        )
    cpus, gpus, address = share_of(os.environ)
    joined = (
        open_cluster(RayOptions(cpus=int(cpus), source=where.source))
        if address is None
        else rejoin_cluster(address, where.source)
    )
    with joined:
        data: Any = importlib.import_module("ray.data")
        data.DataContext.get_current().enable_progress_bars = False
        mine = Cluster(address=joined.address, cpus=cpus, gpus=gpus, _where=where)
        yield mine
    mine.discard()
